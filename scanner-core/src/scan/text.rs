//! From one text's candidates to sightings: settled, placed on lines, checked for marks.

use super::collect::{Findings, Sighting};
use super::judge::{self, Scorer};
use super::live::Shown;
use super::logs::{self, View};
use super::own;
use super::pipelines;
use super::position::{self, Cursor};
use crate::ci::Practices;
use crate::decode::{self, Cut, log::LogPlace};
use crate::detect::{self, Engine, Hidden, MAX_PER_RULE, State, Worker, connection};
use crate::finding::{PartSet, Position};
use crate::rule::Rule;
use crate::secret::Secret;
use crate::source::git::objects::Operation;
use crate::suppress::mark;
use crate::warning::Warning;
use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

/// One thread's scanner of texts.
pub struct TextScanner<'e> {
    pub(super) engine: &'e Engine,
    pub(super) worker: Worker<'e, Scorer>,
    /// Compiled when the first pipeline comes.
    pub(super) practices: Option<Practices>,
    /// The member of an archive that is being scanned.
    pub(super) inside: Option<Arc<str>>,
    /// Who is told of new secrets while the text goes on.
    pub(super) live: Option<&'e Shown<'e>>,
    /// What was found so far.
    pub findings: Findings,
    /// What went wrong so far.
    pub warnings: Vec<Warning>,
}

/// What a text was made of, when that is known.
pub struct Made<'a> {
    /// What is known of the text it was made of.
    pub state: &'a State,
    /// That text's length.
    pub len: usize,
    /// How it was made.
    pub operations: &'a [Operation],
}

impl<'e> TextScanner<'e> {
    /// A scanner for one thread.
    pub fn new(engine: &'e Engine) -> TextScanner<'e> {
        TextScanner {
            engine,
            worker: Worker::new(engine, Scorer),
            inside: None,
            practices: None,
            live: None,
            findings: Findings::default(),
            warnings: Vec::new(),
        }
    }

    /// Tells whoever is to be told of new secrets.
    pub(super) fn tell(&mut self) {
        if let Some(live) = self.live {
            live.tell(&mut self.findings, self.engine);
        }
    }

    /// Scans one text at `place` and keeps what it finds; `name` is for warnings.
    pub fn scan(&mut self, bytes: &[u8], place: u32, name: &dyn Fn() -> String) {
        let mut state = State::default();
        self.examine(bytes, None, &mut state, Some((place, name)));
    }

    /// Brings `state` up to date for a text, made of another one or not; emits findings when it has a `place`.
    pub fn examine(
        &mut self,
        bytes: &[u8],
        made: Option<Made>,
        state: &mut State,
        place: Option<(u32, &dyn Fn() -> String)>,
    ) {
        if let Some(wide) = decode::wide(bytes) {
            let mut inner = State::default();
            self.worker.scan(wide.text.as_bytes(), &mut inner);
            self.emit(wide.text.as_bytes(), &inner, place, &[wide.encoding]);
            state.make_opaque();
            return;
        }
        if let Some((cleaned, map)) = decode::log::clean(bytes) {
            if let Some((place, name)) = place {
                if self.engine.rules().searches().is_some() {
                    own::search(self, bytes, place, name, &[]);
                }
                logs::scan(self, &cleaned, &map, place, name);
            }
            state.make_opaque();
            return;
        }
        match made {
            Some(made) => self.worker.scan_derived(bytes, made.operations, made.state, made.len, state),
            None => self.worker.scan(bytes, state),
        }
        self.emit(bytes, state, place, &[]);
    }

    fn emit(&mut self, bytes: &[u8], state: &State, place: Option<(u32, &dyn Fn() -> String)>, trail: &[&'static str]) {
        let Some((place, name)) = place else { return };
        if self.engine.rules().searches().is_some() {
            own::search(self, bytes, place, name, trail);
        }
        let opened = pipelines::examine(self, bytes, place, trail);
        self.emit_seen(bytes, state, (place, name), trail, &opened, None);
    }

    /// Keeps what stands in one text; `opened` are encoded values that were looked into, `view` the way back to a log.
    pub(super) fn emit_seen(
        &mut self,
        bytes: &[u8],
        state: &State,
        (place, name): (u32, &dyn Fn() -> String),
        trail: &[&'static str],
        opened: &[Range<usize>],
        view: Option<View>,
    ) {
        if state.is_empty() {
            return;
        }
        state.cuts().into_iter().for_each(|cut| self.announce_undecoded(cut, name));
        let rules = self.engine.rules().rules();
        let mut resolved = detect::resolve(state, bytes, rules);
        let is_seen_through = |candidate: &detect::Candidate| {
            let is_joined = view.is_some_and(|view| view.hides(candidate, &rules[candidate.rule as usize]));
            is_joined || pipelines::is_opened(rules, candidate, opened)
        };
        if !opened.is_empty() || view.is_some() {
            resolved.retain(|candidate| !is_seen_through(candidate));
        }
        resolved.cut.iter().for_each(|&(rule, more)| self.announce_cut(rule, more, name));
        let part_positions = positions(bytes, resolved.parts.iter().flatten(), view);
        let mut cursor = Cursor::new();
        for (candidate, parts) in resolved.candidates.iter().zip(&resolved.parts) {
            let part = |part: &detect::Candidate| Part::of(part, bytes, part_positions[&part.start]);
            let parts: Vec<Part> = parts.iter().map(part).collect();
            let seen = match view {
                Some(view) => self.seen_in_log(bytes, candidate.secret(), place, &parts, view),
                None => {
                    let position = cursor.position(bytes, candidate.secret());
                    Seen { place, position, parts: &parts, trail, log: None }
                }
            };
            self.record(bytes, candidate, seen);
        }
        let mut cursor = Cursor::new();
        for hidden in &resolved.hidden {
            let seen = match view {
                Some(view) => self.seen_in_log(bytes, hidden.span(), place, &[], view),
                None => Seen { place, position: cursor.position(bytes, hidden.span()), parts: &[], trail, log: None },
            };
            self.record_hidden(bytes, hidden, seen);
        }
    }

    /// Where a value of a cleaned log stands in the log.
    pub(super) fn seen_in_log<'s>(
        &mut self,
        text: &[u8],
        secret: Range<usize>,
        place: u32,
        parts: &'s [Part<'s>],
        view: View,
    ) -> Seen<'s> {
        let trail: &[&'static str] = if view.map.is_whole(&secret) { &[] } else { &["log"] };
        let log = Some(view.place(self, secret.start));
        Seen { place, position: view.position(text, secret), parts, trail, log }
    }

    /// Keeps one candidate that stands.
    pub(super) fn record(&mut self, bytes: &[u8], candidate: &detect::Candidate, seen: Seen) {
        let secret = candidate.secret();
        let key = candidate.key().unwrap_or_else(|| secret.clone());
        let whole = key.start.min(secret.start)..key.end.max(secret.end);
        self.record_as(bytes, candidate, &bytes[secret], whole, seen);
    }

    /// The same, for a value that is named otherwise than by its bytes, or a match that is more than name and value.
    pub(super) fn record_as(
        &mut self,
        bytes: &[u8],
        candidate: &detect::Candidate,
        value: &[u8],
        whole: Range<usize>,
        seen: Seen,
    ) {
        let rule = &self.engine.rules().rules()[candidate.rule as usize];
        let sighting = self.sighting(bytes, candidate, whole, seen);
        let key = candidate.key().map_or(&[][..], |key| &bytes[key]);
        self.findings.add(candidate.rule, rule, key, value, sighting, || judge::explain(bytes, rule, candidate));
    }

    /// What is known of one place: its mark, and what allowlists of one's own say.
    pub(super) fn sighting(
        &self,
        bytes: &[u8],
        candidate: &detect::Candidate,
        whole: Range<usize>,
        seen: Seen,
    ) -> Sighting {
        let rules = self.engine.rules().rules();
        let rule = &rules[candidate.rule as usize];
        let searches = self.engine.rules().searches();
        Sighting {
            place: seen.place,
            inside: self.inside.clone(),
            position: seen.position,
            log_odds: candidate.log_odds,
            trail: seen.trail.iter().map(|name| Cow::Borrowed(*name)).collect(),
            log: seen.log,
            parts: seen.parts.iter().map(|part| (rules[part.rule as usize].id.clone(), part.position)).collect(),
            values: with_connection(
                values(seen.parts.iter().map(|part| (part.rule, part.value)), rules),
                connection::around(rule, bytes, candidate.secret()),
            ),
            mark: mark_at(bytes, candidate.start as usize),
            terms: searches.and_then(|own| own.terms(rule, candidate.rule, bytes, &candidate.secret(), &whole)),
        }
    }

    /// Keeps one decoded candidate that stands; its parts are placed from where it stands itself.
    pub(super) fn record_hidden(&mut self, bytes: &[u8], hidden: &Hidden, seen: Seen) {
        let rules = self.engine.rules().rules();
        let decoded = &hidden.decoded;
        let place = |(rule, span): (u16, Range<usize>)| {
            let position = position::beside(bytes, hidden.span(), seen.position, span);
            (rules[rule as usize].id.clone(), position)
        };
        let sighting = Sighting {
            place: seen.place,
            inside: self.inside.clone(),
            terms: None,
            position: seen.position,
            log_odds: decoded.log_odds,
            trail: seen.trail.iter().map(|name| Cow::Borrowed(*name)).chain(decoded.trail.iter().cloned()).collect(),
            log: seen.log,
            parts: hidden.parts().map(place).collect(),
            values: with_connection(values(hidden.part_values(), rules), decoded.connection.clone()),
            mark: mark_at(bytes, hidden.start as usize),
        };
        let rule = &rules[decoded.rule as usize];
        let secret = decoded.secret.expose();
        self.findings.add(decoded.rule, rule, &decoded.key, secret, sighting, || decoded.evidence.to_vec());
    }

    /// Announces encoded text that was not decoded.
    pub(super) fn announce_undecoded(&mut self, cut: Cut, name: &dyn Fn() -> String) {
        let message = match cut {
            Cut::Long => {
                format!("encoded text goes on beyond {} MiB: the rest was not decoded", decode::MAX_STRETCH >> 20)
            }
            Cut::Depth => {
                format!("encoded text is nested deeper than {}: what is inside was not decoded", decode::MAX_DEPTH)
            }
            Cut::Archive => {
                "an archive in encoded text was not unpacked to its end: it is encrypted, damaged or too large"
                    .to_owned()
            }
            Cut::Budget => "encoded or compressed text grows too much: the rest was not decoded".to_owned(),
        };
        self.warnings.push(Warning::unscanned("limit-decoding", name(), message));
    }

    /// Announces matches that were left out.
    pub(super) fn announce_cut(&mut self, rule: u16, more: usize, name: &dyn Fn() -> String) {
        let rule = &self.engine.rules().rules()[rule as usize].id;
        let message = format!("more than {MAX_PER_RULE} matches of {rule}: {more} were left out");
        self.warnings.push(Warning::unscanned("limit-matches", name(), message));
    }
}

/// The reason of a mark for the line that `at` is on.
fn mark_at(bytes: &[u8], at: usize) -> Option<String> {
    let (line, line_before) = position::lines_around(bytes, at);
    mark::find(line).or_else(|| mark::find_for_next_line(line_before)).map(str::to_owned)
}

/// Where each candidate begins and ends, by its start: one walk through the text, whatever their order.
fn positions<'c>(
    bytes: &[u8],
    candidates: impl Iterator<Item = &'c detect::Candidate>,
    view: Option<View>,
) -> HashMap<u32, Position> {
    let mut sorted: Vec<&detect::Candidate> = candidates.collect();
    sorted.sort_by_key(|candidate| candidate.start);
    let mut cursor = Cursor::new();
    let mut position = |span: Range<usize>| match view {
        Some(view) => view.position(bytes, span),
        None => cursor.position(bytes, span),
    };
    sorted.iter().map(|candidate| (candidate.start, position(candidate.secret()))).collect()
}

/// A value that belongs with a secret.
pub(super) struct Part<'a> {
    /// Its rule's index.
    pub rule: u16,
    pub position: Position,
    pub value: &'a [u8],
}

impl<'a> Part<'a> {
    /// What a candidate of `bytes` is as a part.
    pub fn of(candidate: &detect::Candidate, bytes: &'a [u8], position: Position) -> Part<'a> {
        // A text that is read in blocks may have let go of it.
        Part { rule: candidate.rule, position, value: bytes.get(candidate.secret()).unwrap_or_default() }
    }
}

/// The values of parts by their rules' ids; none without parts.
fn values<'v>(parts: impl Iterator<Item = (u16, &'v [u8])>, rules: &[Arc<Rule>]) -> Option<Box<PartSet>> {
    let known = parts.filter(|(_, value)| !value.is_empty());
    let values: PartSet = known.map(|(rule, value)| (rules[rule as usize].id.clone(), Secret::new(value))).collect();
    (!values.is_empty()).then(|| Box::new(values))
}

/// Adds the address that a value stands in, where it means nothing without.
fn with_connection(values: Option<Box<PartSet>>, text: Option<Secret>) -> Option<Box<PartSet>> {
    let Some(text) = text else { return values };
    let mut values = values.unwrap_or_default();
    values.push((connection::CONNECTION.to_owned(), text));
    Some(values)
}

/// Where a candidate was seen.
pub(super) struct Seen<'a> {
    pub place: u32,
    pub position: Position,
    /// Other values it belongs with.
    pub parts: &'a [Part<'a>],
    pub trail: &'a [&'static str],
    /// The job and step, when the text is a log.
    pub log: Option<LogPlace>,
}
