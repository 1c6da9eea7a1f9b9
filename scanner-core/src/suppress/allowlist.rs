//! The project's `[[allow]]` entries: every condition of an entry must hold, and each entry says why and until when.

use crate::blob::Origin;
use crate::finding::{Finding, Occurrence};
use crate::secret::Fingerprint;
use crate::warning::Warning;
use globset::{Glob, GlobBuilder, GlobMatcher, GlobSet, GlobSetBuilder};
use regex_automata::meta::Regex;
use regex_automata::util::syntax;
use serde::Deserialize;

/// An entry as people write it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AllowWritten {
    /// Why this is no leak; required.
    pub reason: String,
    /// A path as `.gitignore` would name it: `tests/`, `*.md`, `docs/**/sample.env`.
    pub path: Option<String>,
    /// A rule's id, or a glob of ids: `aws.*`.
    pub rule: Option<String>,
    /// A regular expression that the whole value must match.
    pub value: Option<String>,
    /// A finding's fingerprint.
    pub fingerprint: Option<String>,
    /// The last day it applies: `2027-01-31`.
    pub expires: Option<toml::value::Datetime>,
}

/// An entry, checked.
#[derive(Clone, Debug)]
pub struct Allow {
    reason: String,
    path: Option<GlobSet>,
    rule: Option<GlobMatcher>,
    value: Option<Regex>,
    fingerprint: Option<Fingerprint>,
    expires: Option<String>,
    expired: bool,
    place: String,
}

/// Why an entry cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AllowlistError {
    /// An entry without a reason.
    #[error("an [[allow]] entry needs a `reason` that says why this is no leak")]
    NoReason,
    /// An entry that would allow everything.
    #[error("an [[allow]] entry needs a `path`, `rule`, `value` or `fingerprint` that does not cover everything")]
    CoversEverything,
    /// A glob that does not parse.
    #[error("`{field} = \"{glob}\"` is no glob: {problem}")]
    Glob { field: &'static str, glob: String, problem: String },
    /// A pattern that does not compile.
    #[error("`value = '{pattern}'` does not compile: {problem}")]
    Value { pattern: String, problem: String },
    /// Text that is no fingerprint.
    #[error("`fingerprint = \"{0}\"` is no fingerprint; a report prints them as `t1:` or `g1:` and hexadecimal digits")]
    Fingerprint(String),
    /// A time without a date.
    #[error("`expires` needs a date such as 2027-01-31")]
    NoDate,
}

impl Allow {
    /// Checks an entry; `place` names it in messages, `today` is a date such as `2026-11-21`.
    pub fn new(written: AllowWritten, place: impl Into<String>, today: &str) -> Result<Allow, AllowlistError> {
        if written.reason.trim().is_empty() {
            return Err(AllowlistError::NoReason);
        }
        let path = written.path.filter(|path| !covers_all(path));
        let rule = written.rule.filter(|rule| !covers_all(rule));
        if path.is_none() && rule.is_none() && written.value.is_none() && written.fingerprint.is_none() {
            return Err(AllowlistError::CoversEverything);
        }
        let expires = written.expires.map(last_day).transpose()?;
        Ok(Allow {
            reason: written.reason,
            path: path.as_deref().map(path_globs).transpose()?,
            rule: rule.as_deref().map(|rule| glob("rule", rule).map(|glob| glob.compile_matcher())).transpose()?,
            value: written.value.as_deref().map(whole_value).transpose()?,
            fingerprint: written.fingerprint.as_deref().map(fingerprint).transpose()?,
            expired: expires.as_deref().is_some_and(|day| day < today),
            expires,
            place: place.into(),
        })
    }

    /// Why this is no leak.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Whether every condition holds for this place of the finding.
    pub fn covers(&self, finding: &Finding, occurrence: &Occurrence) -> bool {
        !self.expired
            && self.rule.as_ref().is_none_or(|rule| rule.is_match(&finding.rule.id))
            && self.fingerprint.as_ref().is_none_or(|fingerprint| *fingerprint == finding.fingerprint)
            && self.path.as_ref().is_none_or(|path| is_at(path, &occurrence.origin))
            && self.value.as_ref().is_none_or(|value| value.is_match(finding.secret.expose()))
    }

    fn stale(&self, used: bool, complete: bool) -> Option<Warning> {
        let message = match &self.expires {
            Some(day) if self.expired => {
                format!("the [[allow]] entry expired on {day} and no longer applies")
            }
            _ if complete && !used => "the [[allow]] entry matches nothing any more".to_owned(),
            _ => return None,
        };
        Some(Warning::note("stale-allow", &self.place, message))
    }
}

/// Whether a glob matches a path; inside an archive it may be written with `/` in place of `!`, inside an image without
/// the image and its layer.
fn is_at(glob: &GlobSet, origin: &Origin) -> bool {
    let is_inside = matches!(origin, Origin::Entry { .. });
    let matches = |path: &str| glob.is_match(path) || is_inside && glob.is_match(path.replace('!', "/"));
    origin.path().is_some_and(matches) || origin.inner_path().is_some_and(matches)
}

/// The same for a path whose origin is not known any more.
pub(crate) fn is_path_at(glob: &GlobSet, path: &str) -> bool {
    glob.is_match(path) || path.contains('!') && glob.is_match(path.replace('!', "/"))
}

/// The entries of a project.
#[derive(Clone, Debug, Default)]
pub struct Allowlist(Vec<Allow>);

impl Allowlist {
    /// A list of checked entries.
    pub fn new(entries: Vec<Allow>) -> Allowlist {
        Allowlist(entries)
    }

    /// The entries, in the order they were written.
    pub fn entries(&self) -> &[Allow] {
        &self.0
    }

    /// Entries that expired, and after a complete scan those that matched nothing.
    pub fn stale(&self, used: &[bool], complete: bool) -> Vec<Warning> {
        self.0.iter().zip(used).filter_map(|(allow, used)| allow.stale(*used, complete)).collect()
    }
}

fn covers_all(glob: &str) -> bool {
    glob.chars().all(|c| matches!(c, '*' | '/' | '.'))
}

/// As in `.gitignore`: without an inner slash a name at any depth, and a folder stands for all that is in it.
pub(crate) fn path_globs(path: &str) -> Result<GlobSet, AllowlistError> {
    let bare = path.trim_end_matches('/');
    let anchored = match bare.strip_prefix('/') {
        Some(rooted) => rooted.to_owned(),
        None if bare.contains('/') => bare.to_owned(),
        None => format!("**/{bare}"),
    };
    let mut set = GlobSetBuilder::new();
    if !path.ends_with('/') {
        set.add(glob("path", &anchored)?);
    }
    set.add(glob("path", &format!("{anchored}/**"))?);
    set.build().map_err(|error| glob_error("path", path, &error))
}

pub(crate) fn glob(field: &'static str, text: &str) -> Result<Glob, AllowlistError> {
    GlobBuilder::new(text).literal_separator(true).build().map_err(|error| glob_error(field, text, &error))
}

fn glob_error(field: &'static str, glob: &str, error: &globset::Error) -> AllowlistError {
    AllowlistError::Glob { field, glob: glob.to_owned(), problem: error.kind().to_string() }
}

fn whole_value(pattern: &str) -> Result<Regex, AllowlistError> {
    Regex::builder()
        .syntax(syntax::Config::new().unicode(false).utf8(false))
        .configure(Regex::config().utf8_empty(false).nfa_size_limit(Some(1 << 20)))
        .build(&format!(r"\A(?:{pattern})\z"))
        .map_err(|error| AllowlistError::Value { pattern: pattern.to_owned(), problem: problem(&error) })
}

/// The parser's own words; the build error above it only says that there was one.
fn problem(error: &regex_automata::meta::BuildError) -> String {
    match error.syntax_error() {
        Some(error) => error.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned(),
        None => error.to_string(),
    }
}

fn fingerprint(text: &str) -> Result<Fingerprint, AllowlistError> {
    Fingerprint::parse(text).ok_or_else(|| AllowlistError::Fingerprint(text.to_owned()))
}

fn last_day(expires: toml::value::Datetime) -> Result<String, AllowlistError> {
    let date = expires.date.ok_or(AllowlistError::NoDate)?;
    Ok(format!("{:04}-{:02}-{:02}", date.year, date.month, date.day))
}
