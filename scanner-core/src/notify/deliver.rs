//! Sends notifications: again where that is safe, within bounds, and never fails in silence.

use super::channel::{Channel, Jira, Receiver};
use super::event::Event;
use super::{jira, otlp, pagerduty, slack, webhook};
use crate::http::{Request, Transport, TransportError};
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

/// Why a receiver was not told. No message holds a secret: addresses and bodies stay out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{receiver} was not told of {count} {}: {problem}", if *count == 1 { "event" } else { "events" })]
pub struct NotifyError {
    /// The receiver's name.
    pub receiver: String,
    /// How many events.
    pub count: usize,
    /// Why not.
    pub problem: String,
}

/// How long to try.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// How often a request is sent at most.
    pub tries: u32,
    /// The first wait; each is twice the one before.
    pub wait: Duration,
    /// No wait is longer, even if the receiver asks for more.
    pub most: Duration,
    /// For a run: further events go untold once so many failed for a receiver.
    pub failures: usize,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience { tries: 4, wait: Duration::from_secs(1), most: Duration::from_secs(30), failures: 3 }
    }
}

/// Whether the same request may be sent twice.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Twice {
    /// The receiver takes it once, by its key.
    Safe,
    /// Only if the receiver says that it did not take it.
    Refused,
}

/// Brings events to receivers.
pub struct Courier<'t> {
    transport: &'t dyn Transport,
    patience: Patience,
    sleep: &'t dyn Fn(Duration),
    now: &'t dyn Fn() -> i64,
}

impl<'t> Courier<'t> {
    /// A courier; `sleep` waits, `now` tells seconds since 1970.
    pub fn new(
        transport: &'t dyn Transport,
        patience: Patience,
        sleep: &'t dyn Fn(Duration),
        now: &'t dyn Fn() -> i64,
    ) -> Courier<'t> {
        Courier { transport, patience, sleep, now }
    }

    /// Tells a receiver of the events it wants; `told` hears of each that arrived. What did not is an error.
    pub fn deliver(
        &self,
        receiver: &Receiver,
        events: &[Event],
        told: &mut dyn FnMut(&Event),
    ) -> Result<(), NotifyError> {
        let wanted: Vec<&Event> = events.iter().filter(|event| receiver.wants(event)).collect();
        if wanted.is_empty() {
            return Ok(());
        }
        if let Channel::Otlp { .. } | Channel::Log { .. } = receiver.channel {
            let sent = self.all(&receiver.channel, &wanted);
            return match sent {
                Ok(()) => {
                    wanted.into_iter().for_each(told);
                    Ok(())
                }
                Err(problem) => Err(NotifyError { receiver: receiver.name.clone(), count: wanted.len(), problem }),
            };
        }
        let (mut failures, mut first) = (0, None);
        let mut arrived = 0;
        for event in &wanted {
            if failures >= self.patience.failures {
                break;
            }
            match self.one(&receiver.channel, event) {
                Ok(()) => {
                    arrived += 1;
                    told(event);
                }
                Err(problem) => {
                    failures += 1;
                    first.get_or_insert(problem);
                }
            }
        }
        match first {
            None => Ok(()),
            Some(problem) => {
                Err(NotifyError { receiver: receiver.name.clone(), count: wanted.len() - arrived, problem })
            }
        }
    }

    fn all(&self, channel: &Channel, events: &[&Event]) -> Result<(), String> {
        match channel {
            Channel::Otlp { url, authorization } => {
                let make = || otlp::request(url, authorization.as_ref(), events);
                let (_, answer) = self.send(&make, Twice::Safe)?;
                match otlp::refused(&answer) {
                    0 => Ok(()),
                    count => Err(format!("the collector refused {count} records")),
                }
            }
            Channel::Log { path } => append(path, events),
            _ => Ok(()),
        }
    }

    fn one(&self, channel: &Channel, event: &Event) -> Result<(), String> {
        match channel {
            Channel::Webhook { url, secret } => {
                let make = || webhook::request(url, secret.as_ref(), event, (self.now)());
                self.send(&make, Twice::Safe).map(|_| ())
            }
            Channel::Slack { url } => self.send(&|| slack::request(url, event), Twice::Refused).map(|_| ()),
            Channel::PagerDuty { url, routing_key } => {
                self.send(&|| pagerduty::request(url, routing_key, event), Twice::Safe).map(|_| ())
            }
            Channel::Jira(jira) => self.issue(jira, event),
            Channel::Otlp { .. } | Channel::Log { .. } => self.all(channel, &[event]),
        }
    }

    /// One issue a secret: looked for first, and again when nobody knows whether it was made.
    fn issue(&self, jira: &Jira, event: &Event) -> Result<(), String> {
        let find = || {
            let (_, answer) = self.send(&|| jira::search(jira, event), Twice::Safe)?;
            jira::found(&answer).map_err(|()| "the answer to the search makes no sense".to_owned())
        };
        match find()? {
            Some(key) => self.send(&|| jira::comment(jira, &key, event), Twice::Refused).map(|_| ()),
            None => match self.send(&|| jira::create(jira, event), Twice::Refused) {
                Ok(_) => Ok(()),
                Err(problem) => match find() {
                    Ok(Some(_)) => Ok(()),
                    _ => Err(problem),
                },
            },
        }
    }

    /// Sends what `make` makes, anew each time: a signature holds the time.
    fn send(&self, make: &dyn Fn() -> Request, twice: Twice) -> Result<(u16, Vec<u8>), String> {
        let mut wait = self.patience.wait;
        for left in (0..self.patience.tries.max(1)).rev() {
            let (problem, again, asked) = match self.transport.send(&make()) {
                Ok(answer) if answer.is_success() => {
                    let status = answer.status;
                    // It was taken: a body that breaks off changes nothing.
                    return Ok((status, answer.bytes().unwrap_or_default()));
                }
                Ok(answer) => {
                    let (asked, status) = (answer.retry_after(), answer.status);
                    let again = status == 429 || (status >= 500 && twice == Twice::Safe);
                    (format!("the answer is {status}"), again, asked)
                }
                Err(error) => (error.to_string(), twice == Twice::Safe && is_passing(&error), None),
            };
            if !again || left == 0 {
                return Err(problem);
            }
            (self.sleep)(asked.unwrap_or(wait).min(self.patience.most));
            wait = (wait * 2).min(self.patience.most);
        }
        Err("nothing was sent".to_owned())
    }
}

fn is_passing(error: &TransportError) -> bool {
    error.is_passing() || matches!(error, TransportError::Dns { .. })
}

fn append(path: &Path, events: &[&Event]) -> Result<(), String> {
    let text: String = events.iter().map(|event| event.json().to_string() + "\n").collect();
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o640);
    let file = options.create(true).append(true).open(path);
    let done = file.and_then(|mut file| file.write_all(text.as_bytes()));
    done.map_err(|error| format!("cannot write {}: {error}", path.display()))
}
