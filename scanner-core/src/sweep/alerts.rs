//! Tells receivers what a sweep has to tell: each alert once, whoever of many workers tells it; what a receiver could not be
//! told stays in its outbox.

use super::store::{About, Pending, Store, StoreError};
use crate::http::Transport;
use crate::notify::{Channel, Courier, Event, Kind, Patience, Receiver, Trace};
use crate::report::Verification;
use crate::rule::Severity;
use serde_json::Value as Data;
use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use std::time::Duration;

/// Alerts of one run and kind that a receiver is told one by one, unless the settings say otherwise.
pub const ONE_BY_ONE: u64 = 20;
/// A receiver is one process's for so many seconds after each message.
const HELD: i64 = 120;
/// What is held back is told after an hour, even if its run is not over.
const LONGEST: i64 = 3_600;
/// A receiver that could not be told is left alone for so many seconds.
const AGAIN: i64 = 30;
/// Places a message lists.
const PLACES: i64 = 10;
/// Alerts that a log or a collector takes at once.
const BATCH: usize = 500;
/// A message is tried twice, then it waits for the next round.
const PATIENCE: Patience =
    Patience { tries: 2, wait: Duration::from_secs(1), most: Duration::from_secs(5), failures: 1 };

/// Brings alerts from the store to receivers.
pub struct Teller {
    /// Who is told.
    pub receivers: Vec<Receiver>,
    /// The way to them.
    pub transport: Box<dyn Transport + Send + Sync>,
    /// Names this process among all that tell.
    pub holder: String,
    /// Alerts of one run and kind that are told one by one; the rest is told as one.
    pub one_by_one: u64,
    /// Who acts.
    pub actor: String,
    /// When each receiver that could not be told may be tried again.
    pub resting: Mutex<HashMap<String, i64>>,
}

/// What a round left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// Alerts that were told.
    pub told: u64,
    /// Who could not be told, and why; no secret in it.
    pub problems: Vec<String>,
    /// Alerts that are due and were not told: a receiver is down, rests, or is another's at the moment.
    pub left: u64,
}

impl Teller {
    /// Makes the receivers known to the store: alerts are kept for them from now on.
    pub fn register(&self, store: &Store, now: i64) -> Result<(), StoreError> {
        let names: Vec<String> = self.receivers.iter().map(|receiver| receiver.name.clone()).collect();
        store.receivers(&names, now)
    }

    /// Tells everybody what is due. `is_last` tries those again that could not be told a moment ago.
    pub fn round(&self, store: &Store, is_last: bool, now: &dyn Fn() -> i64) -> Result<Round, StoreError> {
        let untold = store.untold()?;
        let mut round = Round::default();
        for receiver in self.receivers.iter().filter(|receiver| untold.contains_key(&receiver.name)) {
            let mut resting = self.resting.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let rests = !is_last && resting.get(&receiver.name).is_some_and(|until| *until > now());
            if rests || !store.hold_receiver(&receiver.name, &self.holder, now(), now() + HELD)? {
                round.left += self.due(store, receiver, now())?.iter().map(Message::len).sum::<u64>();
                continue;
            }
            let told = self.tell(store, receiver, now, &mut round);
            store.free_receiver(&receiver.name, &self.holder)?;
            match told? {
                Ok(()) => _ = resting.remove(&receiver.name),
                Err(problem) => {
                    resting.insert(receiver.name.clone(), now() + AGAIN);
                    round.problems.push(problem);
                    round.left += self.due(store, receiver, now())?.iter().map(Message::len).sum::<u64>();
                }
            }
        }
        Ok(round)
    }

    /// Tells one receiver, message by message; the first that does not arrive ends it.
    fn tell(
        &self,
        store: &Store,
        receiver: &Receiver,
        now: &dyn Fn() -> i64,
        round: &mut Round,
    ) -> Result<Result<(), String>, StoreError> {
        let sleep = |wait| std::thread::sleep(wait);
        let courier = Courier::new(&*self.transport, PATIENCE, &sleep, now);
        for message in self.due(store, receiver, now())? {
            if !store.hold_receiver(&receiver.name, &self.holder, now(), now() + HELD)? {
                return Ok(Ok(()));
            }
            let ids: Vec<&str> = message.alerts.iter().map(|alert| alert.id.as_str()).collect();
            let events = self.events(store, &message)?;
            if let Err(error) = courier.deliver(receiver, &events, &mut |_| ()) {
                return Ok(Err(error.to_string()));
            }
            let counts = message.alerts.first().filter(|_| message.form == Form::OneByOne);
            store.told(&receiver.name, &ids, counts.map(|alert| (alert.run.as_str(), alert.kind)))?;
            round.told += if message.form == Form::Nothing { 0 } else { ids.len() as u64 };
        }
        Ok(Ok(()))
    }

    /// What a receiver is to be told now, as messages.
    fn due(&self, store: &Store, receiver: &Receiver, now: i64) -> Result<Vec<Message>, StoreError> {
        let (pending, sent) = (store.pending(&receiver.name, now)?, store.sent(&receiver.name)?);
        Ok(messages(pending, sent, receiver, self.one_by_one, now))
    }

    fn events(&self, store: &Store, message: &Message) -> Result<Vec<Event>, StoreError> {
        if message.form == Form::Nothing {
            return Ok(Vec::new());
        }
        if message.form == Form::Together {
            return Ok(vec![self.traced(together(&message.alerts), &message.alerts[0])]);
        }
        let mut events = Vec::new();
        for alert in &message.alerts {
            let about = if alert.rule.is_some() { store.about(&alert.subject, PLACES)? } else { None };
            events.push(self.traced(about.map_or_else(|| plain(alert), |about| of_finding(alert, &about)), alert));
        }
        Ok(events)
    }

    fn traced(&self, event: Event, alert: &Pending) -> Event {
        let outcome = event.validity.split(' ').next().unwrap_or_default().to_owned();
        let trace = Trace { run: alert.run.clone(), actor: self.actor.clone(), subject: String::new(), outcome };
        event.traced(trace)
    }
}

/// How alerts are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// One message each.
    OneByOne,
    /// All in one request, each by itself.
    Batch,
    /// All as one.
    Together,
    /// The receiver does not want them, or they are settled.
    Nothing,
}

/// What is told at once.
#[derive(Debug)]
struct Message {
    form: Form,
    alerts: Vec<Pending>,
}

impl Message {
    fn len(&self) -> u64 {
        if self.form == Form::Nothing { 0 } else { self.alerts.len() as u64 }
    }
}

/// Sorts alerts into messages. Beyond a number of one run and kind they wait for the end of the run, or an hour, and are told as
/// one; a log and a collector take each, many in one request.
fn messages(
    pending: Vec<Pending>,
    mut sent: HashMap<(String, String), u64>,
    receiver: &Receiver,
    most: u64,
    now: i64,
) -> Vec<Message> {
    let takes_all = matches!(receiver.channel, Channel::Otlp { .. } | Channel::Log { .. });
    let (mut nothing, mut all, mut single) = (Vec::new(), Vec::new(), Vec::new());
    let mut held: BTreeMap<(String, Kind), Vec<Pending>> = BTreeMap::new();
    for alert in pending {
        let number = sent.entry((alert.run.clone(), alert.kind.as_str().to_owned())).or_default();
        if !wants(receiver, &alert) || is_settled(&alert) {
            nothing.push(alert);
        } else if takes_all {
            all.push(alert);
        } else if *number < most {
            *number += 1;
            single.push(alert);
        } else {
            held.entry((alert.run.clone(), alert.kind)).or_default().push(alert);
        }
    }
    let one = |alert| Message { form: Form::OneByOne, alerts: vec![alert] };
    let mut messages: Vec<Message> = single.into_iter().map(one).collect();
    let mut rest = all.into_iter().peekable();
    while rest.peek().is_some() {
        messages.push(Message { form: Form::Batch, alerts: rest.by_ref().take(BATCH).collect() });
    }
    let is_due = |alerts: &Vec<Pending>| alerts[0].is_over || now - alerts[0].made >= LONGEST;
    messages.extend(held.into_values().filter(is_due).map(|alerts| Message { form: Form::Together, alerts }));
    if !nothing.is_empty() {
        messages.push(Message { form: Form::Nothing, alerts: nothing });
    }
    messages
}

fn wants(receiver: &Receiver, alert: &Pending) -> bool {
    receiver.events.contains(&alert.kind) && severity(alert) >= receiver.severity
}

/// Whether somebody dealt with it before it could be told.
fn is_settled(alert: &Pending) -> bool {
    let asks_for_action = matches!(alert.kind, Kind::NewFinding | Kind::NewlyActive | Kind::Overdue);
    asks_for_action && alert.state.as_deref().is_some_and(|state| state != "open")
}

/// What is no finding is a sweep that failed.
fn severity(alert: &Pending) -> Severity {
    let all = [Severity::Low, Severity::Medium, Severity::High, Severity::Critical];
    let named = |word: &String| all.into_iter().find(|severity| severity.as_str() == word);
    alert.severity.as_ref().and_then(named).unwrap_or(Severity::High)
}

fn hash(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex()[..32].to_owned()
}

fn bare(alert: &Pending) -> Event {
    let text = |text: &str| text.to_owned();
    Event {
        kind: alert.kind,
        time: alert.made,
        fingerprint: format!("sweep-{}", hash(&alert.subject)),
        occasion: alert.occasion.clone(),
        rule: text("stopleak.sweep"),
        name: alert.subject.clone(),
        provider: text("stopleak"),
        severity: severity(alert),
        redacted: text("…"),
        validity: text("unchecked"),
        places: Vec::new(),
        links: Vec::new(),
        note: alert.detail.clone(),
        trace: Trace::default(),
    }
}

/// About a run or a repository.
fn plain(alert: &Pending) -> Event {
    Event { places: vec![alert.subject.clone()], ..bare(alert) }
}

/// About a finding, as far as the store knows it: the value it does not.
fn of_finding(alert: &Pending, told: &About) -> Event {
    let (record, about) = (json(&told.record), json(&told.about));
    let text = |data: &Data, name: &str| data[name].as_str().unwrap_or_default().to_owned();
    let links = about["references"].as_array().into_iter().flatten().filter_map(Data::as_str).take(3);
    let place = |(repository, place): &(String, String)| {
        let place = json(place);
        let name = place["path"].as_str().or(place["origin"].as_str()).unwrap_or_default();
        format!("{repository}/{name}:{}", place["line"])
    };
    let (word, rest) = &told.validity;
    let rest: Verification = serde_json::from_str(rest).unwrap_or_default();
    Event {
        fingerprint: told.fingerprint.clone(),
        rule: text(&record, "rule"),
        name: text(&about, "name"),
        provider: text(&about, "provider_name"),
        redacted: text(&record, "secret"),
        validity: if rest.is_empty() { word.clone() } else { format!("{word} ({})", rest.words()) },
        places: told.places.iter().map(place).collect(),
        links: links.map(str::to_owned).collect(),
        ..bare(alert)
    }
}

fn json(text: &str) -> Data {
    serde_json::from_str(text).unwrap_or_default()
}

/// Many as one: how many, how bad, and of which rules most.
fn together(alerts: &[Pending]) -> Event {
    const MOST: usize = 10;
    let mut by_severity: BTreeMap<Severity, u64> = BTreeMap::new();
    let mut by_rule: BTreeMap<&str, u64> = BTreeMap::new();
    for alert in alerts {
        *by_severity.entry(severity(alert)).or_default() += 1;
        *by_rule.entry(alert.rule.as_deref().unwrap_or(&alert.subject)).or_default() += 1;
    }
    let severities: Vec<String> =
        by_severity.iter().rev().map(|(severity, count)| format!("{count} {}", severity.as_str())).collect();
    let mut rules: Vec<(&str, u64)> = by_rule.into_iter().collect();
    rules.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let others = rules.len().saturating_sub(MOST);
    let mut places: Vec<String> = rules.iter().take(MOST).map(|(rule, count)| format!("{count} of {rule}")).collect();
    places.extend((others > 0).then(|| format!("and {others} others")));
    let ids: Vec<&str> = alerts.iter().map(|alert| alert.id.as_str()).collect();
    let first = &alerts[0];
    let note = format!(
        "{} more of run {} are told as one: {}; `stopleak sweep status --findings` lists them",
        alerts.len(),
        first.run,
        severities.join(", ")
    );
    let worst = by_severity.keys().next_back().copied().unwrap_or(Severity::High);
    let name = format!("{} more", alerts.len());
    let fingerprint = format!("sweep-{}", hash(&ids.join(" ")));
    Event { name, fingerprint, occasion: String::new(), severity: worst, places, note, ..bare(first) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn alerts(count: usize, is_over: bool) -> Vec<Pending> {
        let alert = |number: usize| Pending {
            id: format!("a{number}"),
            kind: Kind::NewFinding,
            subject: format!("f{number}"),
            occasion: String::new(),
            run: "run".into(),
            made: 1_000,
            detail: String::new(),
            rule: Some("acme.key".into()),
            severity: Some(if number == 3 { "critical" } else { "low" }.into()),
            state: Some("open".into()),
            is_over,
        };
        (0..count).map(alert).collect()
    }

    fn receiver(severity: Severity, log: bool) -> Receiver {
        let channel = match log {
            true => Channel::Log { path: "x".into() },
            false => Channel::Slack { url: Secret::new(b"http://127.0.0.1:1") },
        };
        Receiver { name: "ops".into(), channel, events: Kind::ALL.to_vec(), severity }
    }

    fn forms(messages: &[Message]) -> Vec<(Form, usize)> {
        messages.iter().map(|message| (message.form, message.alerts.len())).collect()
    }

    #[test]
    fn thousands_are_a_few_messages_and_one_for_the_rest() {
        let ops = receiver(Severity::Low, false);
        let told = |count, over, sent, now| {
            let sent = HashMap::from([(("run".to_owned(), "new-finding".to_owned()), sent)]);
            forms(&messages(alerts(count, over), sent, &ops, 2, now))
        };
        assert_eq!(told(10_000, true, 0, 1_001), [(Form::OneByOne, 1), (Form::OneByOne, 1), (Form::Together, 9_998)]);
        assert_eq!(told(10_000, false, 2, 1_001), [], "the run goes on");
        assert_eq!(told(5, false, 2, 5_000), [(Form::Together, 5)], "nobody waits for longer than an hour");
        let siem = receiver(Severity::Low, true);
        let all = forms(&messages(alerts(1_200, false), HashMap::new(), &siem, 2, 1_001));
        assert_eq!(all, [(Form::Batch, 500), (Form::Batch, 500), (Form::Batch, 200)]);
    }

    #[test]
    fn what_nobody_wants_or_is_settled_is_not_told() {
        let mut some = alerts(5, true);
        some[3].state = Some("false-positive".into());
        let pager = receiver(Severity::Critical, false);
        assert_eq!(forms(&messages(some, HashMap::new(), &pager, 9, 1_001)), [(Form::Nothing, 5)]);
        assert_eq!(
            forms(&messages(alerts(5, true), HashMap::new(), &pager, 9, 1_001)),
            [(Form::OneByOne, 1), (Form::Nothing, 4)]
        );
    }

    #[test]
    fn one_for_many_tells_how_many_and_how_bad() {
        let event = together(&alerts(7, true));
        assert_eq!((event.severity, event.name.as_str()), (Severity::Critical, "7 more"));
        assert!(event.note.contains("1 critical, 6 low") && event.places == ["7 of acme.key"], "{event:?}");
    }
}
