//! How often a forge lets itself be asked, and how long we wait for it.
//!
//! <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api>,
//! <https://docs.gitlab.com/administration/settings/user_and_ip_rate_limits/#response-headers>

use crate::http::Answer;
use crate::time::now;
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// The wait where a limit is told without a time: GitHub's own advice.
const UNTOLD: Duration = Duration::from_secs(60);
/// No wait is shorter: clocks differ.
const LEAST: Duration = Duration::from_secs(1);

/// How long we wait.
#[derive(Clone, Copy, Debug)]
pub struct Waits {
    /// For the limits of one server, in all. Default five minutes.
    pub max: Duration,
    /// After a first failure; longer after each further one. Default 400 ms.
    pub pause: Duration,
}

impl Default for Waits {
    fn default() -> Waits {
        Waits { max: Duration::from_secs(300), pause: Duration::from_millis(400) }
    }
}

impl Waits {
    /// The pause after so many failures, from one.
    pub(super) fn after(&self, failures: u32) -> Duration {
        self.pause.saturating_mul(1 << (2 * failures.saturating_sub(1).min(4)))
    }
}

/// What is left of a server's limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// Requests a window, where that is told.
    pub limit: Option<u64>,
    /// Those that are left of them.
    pub remaining: u64,
    /// Counted anew then: seconds since 1970.
    pub reset: Option<i64>,
}

impl Rate {
    /// What an answer says of it.
    pub fn of(answer: &Answer) -> Option<Rate> {
        let number = |name: &str| answer.header(name)?.trim().parse::<i64>().ok();
        let either =
            |name: &str| number(&format!("x-ratelimit-{name}")).or_else(|| number(&format!("ratelimit-{name}")));
        let whole = |number: i64| u64::try_from(number).unwrap_or(0);
        let (limit, reset) = (either("limit").map(whole), either("reset"));
        either("remaining").map(|remaining| Rate { limit, remaining: whole(remaining), reset })
    }
}

/// Waits for limits, for all threads together, until it has waited as long as it may.
pub struct Patience {
    state: Mutex<State>,
    stop: Option<Arc<AtomicBool>>,
}

struct State {
    /// What may still be waited.
    left: Duration,
    /// Nobody asks before.
    until: Option<Instant>,
    /// It may go on then, and that is too late: seconds since 1970.
    stopped: Option<i64>,
}

impl Patience {
    pub fn new(budget: Duration) -> Patience {
        Patience { state: Mutex::new(State { left: budget, until: None, stopped: None }), stop: None }
    }

    /// Waits no longer once this is set.
    pub fn until(self, stop: Arc<AtomicBool>) -> Patience {
        Patience { stop: Some(stop), ..self }
    }

    /// Sleeps, unless it is stopped.
    fn sleep(&self, wait: Duration) -> bool {
        const SLICE: Duration = Duration::from_millis(200);
        let end = Instant::now().checked_add(wait);
        while let Some(rest) = end.and_then(|end| end.checked_duration_since(Instant::now())) {
            if self.stop.as_ref().is_some_and(|stop| stop.load(Ordering::Relaxed)) {
                return false;
            }
            std::thread::sleep(rest.min(SLICE));
        }
        true
    }

    /// Waits until the next request may be sent; the time of going on when that is too late. A wait is announced.
    pub fn wait(&self, announce: &dyn Fn(Duration)) -> Result<(), i64> {
        loop {
            let rest = {
                let state = self.lock();
                if let Some(stopped) = state.stopped.filter(|stopped| *stopped > now()) {
                    return Err(stopped);
                }
                state.until.and_then(|until| until.checked_duration_since(Instant::now()))
            };
            match rest {
                Some(rest) if !rest.is_zero() => {
                    announce(rest);
                    if !self.sleep(rest) {
                        return Err(now().saturating_add(i64::try_from(rest.as_secs()).unwrap_or(i64::MAX)));
                    }
                }
                _ => return Ok(()),
            }
        }
    }

    /// Nobody is to ask for so long. What several threads wait for together counts once.
    pub fn hold(&self, wait: Duration) {
        let wait = wait.max(LEAST);
        let mut state = self.lock();
        let start = Instant::now();
        let Some(until) = start.checked_add(wait) else {
            state.stopped = Some(i64::MAX);
            return;
        };
        let known = state.until.filter(|known| *known > start).unwrap_or(start);
        let more = until.saturating_duration_since(known);
        if more > state.left {
            let wait = i64::try_from(wait.as_secs()).unwrap_or(i64::MAX);
            state.stopped = Some(now().saturating_add(wait));
            return;
        }
        state.left -= more;
        state.until = Some(until.max(known));
    }

    /// Looks at an answer that was given: the last one before a limit says so.
    pub fn note(&self, answer: &Answer) {
        if let Some(wait) = until_reset(answer) {
            self.hold(wait);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// The wait that a refusal asks for; none when it is no limit. `said` is what the server says about it.
pub fn asked_for(answer: &Answer, said: &str) -> Option<Duration> {
    let told = answer.retry_after().or_else(|| until_reset(answer));
    match answer.status {
        429 => Some(told.unwrap_or(UNTOLD)),
        403 if told.is_some() || said.to_ascii_lowercase().contains("rate limit") => Some(told.unwrap_or(UNTOLD)),
        _ => None,
    }
}

/// How long until requests are counted anew, when none is left.
fn until_reset(answer: &Answer) -> Option<Duration> {
    let rate = Rate::of(answer).filter(|rate| rate.remaining == 0)?;
    Some(Duration::from_secs(u64::try_from(rate.reset?.saturating_sub(now())).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, headers: &[(&str, String)]) -> Answer {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        Answer::new(status, headers, std::io::empty())
    }

    #[test]
    fn a_limit_is_told_from_a_refusal() {
        let (none, soon) = (("x-ratelimit-remaining", "0".to_owned()), ("x-ratelimit-reset", (now() + 30).to_string()));
        let some = ("x-ratelimit-remaining", "7".to_owned());
        let seconds = |answer: &Answer, said| asked_for(answer, said).map(|wait| wait.as_secs());
        assert!(seconds(&answer(403, &[none.clone(), soon.clone()]), "").is_some_and(|wait| (28..=30).contains(&wait)));
        assert_eq!(seconds(&answer(403, &[some.clone(), soon.clone()]), "Forbidden"), None);
        assert_eq!(seconds(&answer(403, &[some, soon]), "You have exceeded a secondary rate limit"), Some(60));
        assert_eq!(seconds(&answer(403, &[("retry-after", "5".into())]), ""), Some(5));
        assert_eq!(seconds(&answer(429, &[("retry-after", "5".into())]), ""), Some(5));
        assert_eq!(seconds(&answer(429, &[]), ""), Some(60));
        assert_eq!(seconds(&answer(404, &[none]), ""), None);
        let gitlab = [("ratelimit-remaining", "0".to_owned()), ("ratelimit-reset", (now() + 9).to_string())];
        assert!(seconds(&answer(429, &gitlab), "").is_some_and(|wait| (7..=9).contains(&wait)));
    }

    #[test]
    fn waiting_for_the_same_limit_counts_once_and_ends_with_the_budget() {
        let patience = Patience::new(Duration::from_secs(15));
        for _ in 0..5 {
            patience.hold(Duration::from_secs(10));
        }
        assert!(patience.lock().stopped.is_none());
        patience.hold(Duration::from_secs(100));
        let until = patience.wait(&|_| ()).unwrap_err();
        assert!((now() + 98..=now() + 100).contains(&until), "{until}");
        assert!(Patience::new(Duration::ZERO).wait(&|_| ()).is_ok());
        // An absurd time does not overflow.
        patience.hold(Duration::MAX);
        assert!(patience.wait(&|_| ()).is_err());
    }
}
