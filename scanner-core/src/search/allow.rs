//! What is no leak: conditions on a match's text, settled when it is found, and on its place, settled later.

use super::pattern::Pattern;
use crate::rule::own::Allow;
use crate::rule::written::When;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

/// Bytes on either side of a match that count as its line.
const MAX_LINE: usize = 64 << 10;

/// An `[[allow]]` entry, compiled.
#[derive(Debug)]
pub struct Allowance {
    reason: Arc<str>,
    when: When,
    rules: Vec<String>,
    commits: BTreeSet<String>,
    paths: Option<Pattern>,
    values: Option<Pattern>,
    matches: Option<Pattern>,
    lines: Option<Pattern>,
    stopwords: Vec<String>,
}

/// Why an occurrence is no leak.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Allowed {
    /// The entry's reason.
    pub reason: Arc<str>,
    /// Whether the commit decided: then later versions of the same file are covered, too.
    pub by_commit: bool,
}

impl Allowance {
    /// Compiles an entry.
    pub fn new(allow: &Allow) -> Result<Allowance, String> {
        let compile = |patterns: &[String]| {
            Pattern::any(patterns).map_err(|error| format!("[[allow]] \"{}\": {error}", allow.reason))
        };
        Ok(Allowance {
            reason: allow.reason.as_str().into(),
            when: allow.when,
            rules: allow.rules.clone(),
            commits: allow.commits.iter().cloned().collect(),
            paths: compile(&allow.paths)?,
            values: compile(&allow.values)?,
            matches: compile(&allow.matches)?,
            lines: compile(&allow.lines)?,
            stopwords: allow.stopwords.clone(),
        })
    }

    /// Whether it is for this rule.
    pub fn is_for(&self, id: &str) -> bool {
        let covers = |rule: &String| match rule.strip_suffix('*') {
            Some(start) => id.starts_with(start),
            None => id == rule,
        };
        self.rules.is_empty() || self.rules.iter().any(covers)
    }

    /// What the text alone says of a match: `None` that it is not allowed, `true` that it is, `false` that its place
    /// decides.
    pub fn in_text(&self, bytes: &[u8], secret: &Range<usize>, whole: &Range<usize>) -> Option<bool> {
        let says = |pattern: &Option<Pattern>, text: &dyn Fn() -> Range<usize>| {
            pattern.as_ref().map(|pattern| bytes.get(text()).is_some_and(|text| pattern.is_match(text)))
        };
        let stopword = (!self.stopwords.is_empty()).then(|| {
            let value = String::from_utf8_lossy(bytes.get(secret.clone()).unwrap_or_default()).to_lowercase();
            self.stopwords.iter().any(|word| value.contains(word))
        });
        let answers = [
            says(&self.values, &|| secret.clone()),
            says(&self.matches, &|| whole.clone()),
            says(&self.lines, &|| lines(bytes, whole)),
            stopword,
        ];
        let mut given = answers.iter().flatten().copied();
        let asks_place = self.paths.is_some() || !self.commits.is_empty();
        match self.when {
            When::All if given.any(|holds| !holds) => None,
            When::All => Some(!asks_place),
            When::Any if given.any(|holds| holds) => Some(true),
            When::Any if asks_place => Some(false),
            // Nothing but the rules it is for.
            When::Any => answers.iter().all(Option::is_none).then_some(true),
        }
    }

    /// What its place says of a match whose text `holds`, or does not decide.
    pub fn at(&self, holds: bool, path: Option<&str>, commit: Option<&str>) -> Option<Allowed> {
        let allowed = |by_commit| Some(Allowed { reason: self.reason.clone(), by_commit });
        if holds {
            return allowed(false);
        }
        let path = self.paths.as_ref().map(|paths| path.is_some_and(|path| paths.is_match(path.as_bytes())));
        let commit = (!self.commits.is_empty()).then(|| commit.is_some_and(|commit| self.commits.contains(commit)));
        match (self.when, path, commit) {
            (When::Any, Some(true), _) => allowed(false),
            (When::Any, _, Some(true)) => allowed(true),
            (When::Any, ..) | (When::All, Some(false), _) | (When::All, _, Some(false)) => None,
            (When::All, _, commit) => allowed(commit.is_some()),
        }
    }
}

/// The lines a match is on, whole.
fn lines(bytes: &[u8], whole: &Range<usize>) -> Range<usize> {
    let (start, end) = (whole.start.min(bytes.len()), whole.end.min(bytes.len()));
    let low = start.saturating_sub(MAX_LINE);
    let high = bytes.len().min(end + MAX_LINE);
    let first = memchr::memrchr(b'\n', &bytes[low..start]).map_or(low, |newline| low + newline + 1);
    let last = memchr::memchr(b'\n', &bytes[end..high]).map_or(high, |newline| end + newline);
    first..last
}
