//! Carries out an exchange: fills each step, asks the gate, sends, judges. Verifying, revoking and rotating share it.

use super::request::{self, Filled, Shown};
use super::values::Values;
use super::{Reach, Refusal};
use crate::finding::Doubt;
use crate::http::{Method, TransportError};
use crate::rule::Exchange;
use crate::rule::exchange::judge::{Judgement, Response, judge};
use crate::rule::exchange::template::{self, Place};
use crate::time;
use std::io;
use std::time::Duration;

/// How often one question is asked at most.
const MOST_TRIES: u32 = 3;

/// How an exchange is carried out.
pub(crate) struct How<'a> {
    /// The way out.
    pub reach: &'a dyn Reach,
    /// Whether no step changes anything, so that every one may be repeated. Otherwise GET and HEAD may, and nothing else.
    pub reads_only: bool,
    /// Asked before each request that leaves: what it refuses is not sent. For a journal.
    pub before: &'a dyn Fn(&Asked) -> Result<(), Refusal>,
}

/// One request, without any value, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// The step, from 0.
    pub step: usize,
    /// As people may see it.
    pub shown: Shown,
    /// What came of it.
    pub fate: Fate,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It never left.
    NotSent,
    /// It left, or may have, and no answer came: what it did is not known.
    Unanswered,
    /// It was answered with this status.
    Answered(u16),
}

/// What came of an exchange.
#[derive(Clone, Debug)]
pub(crate) struct Carried {
    /// What the last answer means; `Unknown` when something kept it from meaning anything.
    pub judgement: Judgement,
    /// Why it is unknown.
    pub doubt: Option<Doubt>,
    /// What was asked, in order; a repeated question stands there once.
    pub asked: Vec<Asked>,
}

/// Carries out `exchange` with `values`, one step after the other.
pub(crate) fn carry_out(exchange: &Exchange, mut values: Values, how: &How) -> Carried {
    let mut asked = Vec::new();
    for (index, step) in exchange.steps.iter().enumerate() {
        let filled = match request::request(exchange, step, &values) {
            Ok(filled) => filled,
            Err(refusal) => return unknown(refusal, asked),
        };
        asked.push(Asked { step: index, shown: request::shown(step, &values), fate: Fate::NotSent });
        let asking = &mut asked[index];
        let response = match ask(filled, how, asking) {
            Ok(response) => response,
            Err(refusal) => return unknown(refusal, asked),
        };
        let is_last = index + 1 == exchange.steps.len();
        let fill = |template: &str| template::fill(template, Place::Plain, &|name| values.text(name)).ok();
        match judge(step, &response, is_last, &fill) {
            Judgement::Next(kept) => values.keep(kept),
            Judgement::Unknown(reason) => {
                return unknown(Refusal::new(doubt(&response), reason), asked);
            }
            means => return Carried { judgement: means, doubt: None, asked },
        }
    }
    unknown(Refusal::new(Doubt::Strange, "the exchange has no end"), asked)
}

fn unknown(refusal: Refusal, asked: Vec<Asked>) -> Carried {
    Carried { judgement: Judgement::Unknown(refusal.reason), doubt: Some(refusal.doubt), asked }
}

/// Asks until there is an answer worth judging, as often as that is allowed.
fn ask(mut filled: Filled, how: &How, asked: &mut Asked) -> Result<Response, Refusal> {
    let may_repeat = how.reads_only || matches!(filled.request.method, Method::Get | Method::Head);
    (how.before)(asked)?;
    for left in (0..MOST_TRIES).rev() {
        if filled.from_scan {
            filled.request.pinned = how.reach.may_reach(&filled.host, filled.port, true)?;
        } else {
            how.reach.may_ask(&filled.host, filled.port)?;
        }
        let is_passing = match send(&filled, how) {
            Ok(response) => {
                asked.fate = Fate::Answered(response.status);
                let is_limited = doubt(&response) == Doubt::RateLimited;
                if is_limited {
                    how.reach.hold_back(&filled.host, retry_after(&response, time::now()));
                }
                let may_change = is_limited || (500..600).contains(&response.status);
                // The last refusal of a limited host is the gate's: it knows how long it would take.
                if left == 0 || !may_repeat || !may_change {
                    return Ok(response);
                }
                continue;
            }
            Err((error, has_left)) => {
                asked.fate = if has_left { Fate::Unanswered } else { Fate::NotSent };
                (error, has_left)
            }
        };
        let (error, _) = is_passing;
        // Waiting a second time for what was silent once costs more than it tells.
        if left == 0 || !may_repeat || error.doubt != Doubt::Connection {
            return Err(error);
        }
    }
    Err(Refusal::new(Doubt::Provider, "the provider did not answer"))
}

/// Sends once; says of a failure whether the request may have arrived.
fn send(filled: &Filled, how: &How) -> Result<Response, (Refusal, bool)> {
    let answer = how.reach.transport().send(&filled.request).map_err(|error| {
        let has_left = has_left(&error);
        (Refusal::from(error), has_left)
    })?;
    let status = answer.status;
    let mut headers = std::collections::BTreeMap::new();
    for (name, value) in &answer.headers {
        headers.entry(name.to_ascii_lowercase()).or_insert_with(|| value.clone());
    }
    let body = answer.bytes().map_err(|error| (broken(&error), true))?;
    Ok(Response { status, headers, body })
}

fn broken(error: &io::Error) -> Refusal {
    let doubt = match error.kind() {
        io::ErrorKind::TimedOut => Doubt::Timeout,
        _ if error.to_string().contains("longer than") => Doubt::Strange,
        _ => Doubt::Connection,
    };
    Refusal::new(doubt, error.to_string())
}

fn has_left(error: &TransportError) -> bool {
    !matches!(error, TransportError::Dns { .. } | TransportError::Tls { .. } | TransportError::Other(_))
}

/// Why an answer that the rule does not know tells nothing.
fn doubt(response: &Response) -> Doubt {
    let header = |name: &str| response.headers.get(name).map(String::as_str);
    let is_limited = header("x-ratelimit-remaining") == Some("0") || header("retry-after").is_some();
    match response.status {
        429 => Doubt::RateLimited,
        403 if is_limited => Doubt::RateLimited,
        511 => Doubt::Strange,
        500..=599 => Doubt::Provider,
        _ => Doubt::Strange,
    }
}

/// How long the provider asks to wait: seconds, or a date as HTTP writes it.
fn retry_after(response: &Response, now: i64) -> Option<Duration> {
    let text = response.headers.get("retry-after")?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let mut words = text.split_ascii_whitespace().skip(1);
    let (day, month, year, clock) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = months.iter().position(|known| *known == month)? + 1;
    let then = time::parse_rfc3339(&format!("{year}-{month:02}-{day:0>2}T{clock}Z"))?;
    Some(Duration::from_secs(u64::try_from(then.saturating_sub(now)).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_says_how_long_to_wait() {
        let now = time::parse_rfc3339("2026-11-21T10:00:00Z").unwrap();
        let table = [
            ("7", Some(7)),
            ("Sat, 21 Nov 2026 10:01:30 GMT", Some(90)),
            ("Sat, 21 Nov 2026 09:00:00 GMT", Some(0)),
            ("soon", None),
            ("", None),
            ("99999999999999999999", None),
        ];
        for (text, expected) in table {
            let headers = [("retry-after".to_owned(), text.to_owned())].into();
            let response = Response { status: 429, headers, body: Vec::new() };
            assert_eq!(retry_after(&response, now), expected.map(Duration::from_secs), "{text}");
        }
    }
}
