//! What another scanner was told to ignore: a `.gitleaksignore`, or a report of gitleaks used as a baseline, and
//! which of our findings stand there.

use super::blobs::hex_id;
use super::{Blobs, slice};
use crate::failure::{Failure, OrFail, Result};
use serde::Deserialize;
use std::fmt;
use std::ops::RangeInclusive;
use std::path::Path;
use stopleak_core::import::counterparts;
use stopleak_core::scan::Target;
use stopleak_core::{Finding, ObjectId, Occurrence, Origin, Position};

/// One place that was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The line of the list, or the number of the finding in the report.
    number: usize,
    commit: Option<ObjectId>,
    path: String,
    rule: String,
    lines: RangeInclusive<u32>,
    /// The value, when the report was not redacted.
    secret: Option<String>,
}

/// What a list of places led to.
pub struct Found<'a> {
    pub findings: Vec<&'a Finding>,
    /// Entries at whose place nothing was found, in words.
    pub unmatched: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Reported {
    #[serde(rename = "RuleID")]
    rule_id: String,
    file: String,
    #[serde(default)]
    commit: String,
    start_line: u32,
    end_line: Option<u32>,
    #[serde(default)]
    secret: String,
}

/// Reads a list; what it is, its content decides. Paths become relative to the only target, as ours are.
pub fn read(file: &Path, targets: &[Target]) -> Result<Vec<Entry>> {
    let text = std::fs::read_to_string(file).or_fail(|| format!("cannot read {}", file.display()))?;
    let entries = match text.trim_start_matches('\u{feff}').trim_start() {
        json if json.starts_with(['[', '{']) => report(json, file),
        _ => ignore_list(&text, file),
    }?;
    let root = match targets {
        [Target::Path(root)] => root.canonicalize().ok(),
        _ => None,
    };
    let entries: Vec<Entry> = entries.into_iter().map(|entry| entry.relative(root.as_deref())).collect();
    match entries.is_empty() {
        true => Err(Failure::new(format!("{} names no finding", file.display()))
            .hint("give a .gitleaksignore, or a report made with `gitleaks --report-format json`")),
        false => Ok(entries),
    }
}

fn report(text: &str, file: &Path) -> Result<Vec<Entry>> {
    let reported: Vec<Reported> = serde_json::from_str(text).map_err(|error| {
        Failure::new(format!("{} is no JSON report of gitleaks: {error}", file.display()))
            .hint("a report is a list of objects with RuleID, File and StartLine")
    })?;
    let entry = |(index, one): (usize, Reported)| {
        let secret = Some(one.secret).filter(|secret| !secret.is_empty() && !is_redacted(secret));
        let end = one.end_line.unwrap_or(one.start_line).max(one.start_line);
        Entry {
            number: index + 1,
            commit: hex_id(one.commit.as_bytes()),
            path: one.file.replace('\\', "/"),
            rule: one.rule_id,
            lines: one.start_line..=end,
            secret,
        }
    };
    Ok(reported.into_iter().enumerate().map(entry).collect())
}

/// `--redact` writes `REDACTED`, `--redact=20` leaves a part and `...`.
fn is_redacted(secret: &str) -> bool {
    secret == "REDACTED" || secret.ends_with("...")
}

fn ignore_list(text: &str, file: &Path) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let entry = ignored(line, index + 1).ok_or_else(|| {
            Failure::new(format!("{}:{}: `{line}` names no place", file.display(), index + 1))
                .hint("a line is COMMIT:FILE:RULE:LINE or FILE:RULE:LINE")
        });
        entries.push(entry?);
    }
    Ok(entries)
}

/// `commit:file:rule:line` or `file:rule:line`; only the file may hold a colon.
fn ignored(line: &str, number: usize) -> Option<Entry> {
    let (rest, at) = line.rsplit_once(':')?;
    let (rest, rule) = rest.rsplit_once(':')?;
    let at: u32 = at.trim().parse().ok()?;
    let commit = rest.split_once(':').and_then(|(commit, path)| Some((hex_id(commit.as_bytes())?, path)));
    let (commit, path) = commit.map_or((None, rest), |(commit, path)| (Some(commit), path));
    let path = path.replace('\\', "/");
    let is_place = !path.is_empty() && !rule.is_empty();
    is_place.then(|| Entry { number, commit, path, rule: rule.to_owned(), lines: at..=at, secret: None })
}

impl Entry {
    /// A report of a folder names files as the folder was named: `./a`, `/project/a`.
    fn relative(mut self, root: Option<&Path>) -> Entry {
        let inside = root.and_then(|root| Path::new(&self.path).strip_prefix(root).ok()?.to_str());
        let path = inside.unwrap_or(&self.path);
        self.path = path.strip_prefix("./").unwrap_or(path).to_owned();
        self
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "entry {}: nothing is found at ", self.number)?;
        if let Some(commit) = &self.commit {
            write!(f, "{commit} ")?;
        }
        write!(f, "{}:{} ({})", self.path, self.lines.start(), self.rule)
    }
}

/// The findings that stand at accepted places, and the places where nothing stands.
pub fn find<'a>(entries: &[Entry], findings: &'a [Finding], blobs: &mut Blobs) -> Found<'a> {
    let mut found = Found { findings: Vec::new(), unmatched: Vec::new() };
    for entry in entries {
        let here = at(entry, findings, blobs);
        if here.is_empty() {
            found.unmatched.push(entry.to_string());
        }
        found.findings.extend(here);
    }
    found
}

/// What stands at one place; of several, those that its rule means, where that is known.
fn at<'a>(entry: &Entry, findings: &'a [Finding], blobs: &mut Blobs) -> Vec<&'a Finding> {
    let secrets = findings.iter().filter(|finding| !finding.is_practice());
    let same_path: Vec<&Finding> =
        secrets.filter(|finding| finding.occurrences.iter().any(|p| is_at(p, entry))).collect();
    let text = entry.commit.as_ref().and_then(|commit| blobs.file(commit, &entry.path));
    let text = text.as_deref().and_then(|text| lines(text, &entry.lines));
    let mut here = same_path.clone();
    here.retain(|finding| match (&entry.secret, text) {
        (Some(secret), _) => is_same(finding.secret.expose(), secret.as_bytes()),
        (None, Some(text)) if contains(text, finding.secret.expose()) => true,
        _ => finding.occurrences.iter().any(|place| stands(place, entry)),
    });
    if here.len() > 1 {
        let meant: Vec<&Finding> =
            here.iter().copied().filter(|finding| means(&entry.rule, &finding.rule.id)).collect();
        return if meant.is_empty() { here } else { meant };
    }
    here
}

fn is_at(place: &Occurrence, entry: &Entry) -> bool {
    place.origin.path().is_some_and(|path| path == entry.path)
}

/// Whether a place is the one named, in the commit named where there is one.
fn stands(place: &Occurrence, entry: &Entry) -> bool {
    let Position { line, end_line, .. } = place.position;
    let on_lines = line <= *entry.lines.end() && end_line >= *entry.lines.start();
    let in_commit = entry.commit.is_none_or(|commit| match place.origin.outermost() {
        Origin::GitBlob { introduced: Some(introduced), .. } => introduced.commit == commit,
        _ => false,
    });
    is_at(place, entry) && on_lines && in_commit
}

/// One scanner may see a little more around a value than another.
fn is_same(ours: &[u8], theirs: &[u8]) -> bool {
    contains(ours, theirs) || contains(theirs, ours)
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    !part.is_empty() && text.windows(part.len()).any(|window| window == part)
}

fn means(theirs: &str, ours: &str) -> bool {
    let known = counterparts::of(theirs).unwrap_or_default();
    known.iter().any(|id| id.strip_suffix('*').map_or(*id == ours, |start| ours.starts_with(start)))
}

fn lines<'a>(text: &'a [u8], lines: &RangeInclusive<u32>) -> Option<&'a [u8]> {
    let last = text.split(|byte| *byte == b'\n').nth((*lines.end() as usize).checked_sub(1)?)?;
    let end_column = last.iter().filter(|byte| **byte & 0xc0 != 0x80).count() as u32 + 1;
    slice(text, Position { line: *lines.start(), column: 1, end_line: *lines.end(), end_column })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_an_ignore_list_is_read_from_its_end() {
        let id = "0123456789abcdef0123456789abcdef01234567";
        let of = |line: &str| ignored(line, 1).map(|e| (e.commit.is_some(), e.path, e.rule, *e.lines.start()));
        let expected = |commit, path: &str| Some((commit, path.to_owned(), "jwt".to_owned(), 7));
        assert_eq!(of(&format!("{id}:src/a.rs:jwt:7")), expected(true, "src/a.rs"));
        assert_eq!(of("src\\a.rs:jwt:7"), expected(false, "src/a.rs"));
        assert_eq!(of("C:/x/a.rs:jwt:7"), expected(false, "C:/x/a.rs"));
        assert_eq!([of("jwt:7"), of("a.rs:jwt:x"), of("a.rs"), of(":jwt:7")], [None, None, None, None]);
    }

    #[test]
    fn the_lines_of_a_place_are_cut_out_whole() {
        let text = "one\ntwö\nthree".as_bytes();
        assert_eq!(lines(text, &(2..=2)), Some("twö".as_bytes()));
        assert_eq!(lines(text, &(2..=3)), Some("twö\nthree".as_bytes()));
        assert_eq!(lines(text, &(4..=4)), None);
    }
}
