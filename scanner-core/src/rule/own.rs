//! What only rules of one's own may do: search whole texts with a pattern of any length, and carry allowlists.
//!
//! Such a rule reads every text from end to end, so that the embedded pack has none. All patterns here are RE2's.

use super::re2;
use super::written::{AllowWritten, RuleWritten, When};
use serde::{Deserialize, Serialize};

/// A rule that is run over whole texts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Search {
    /// What to look for; without one every file at `path` is a match.
    pub pattern: Option<String>,
    /// One of these must stand somewhere in the text, in any case; none is asked for when empty.
    pub keywords: Vec<String>,
    /// The group that is the secret; 0 stands for the first that took part and is not empty, or the whole match.
    pub secret_group: u16,
    /// Secrets of this entropy (bits a character) or less do not count.
    pub entropy: Option<f32>,
    /// Paths the rule is for.
    pub path: Option<String>,
    /// Other rules' matches that must stand nearby.
    pub required: Vec<Required>,
    /// Matches that are no leaks.
    pub allow: Vec<Allow>,
}

/// A match of another rule that must stand near.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Required {
    /// That rule.
    pub rule: String,
    /// The most lines between the beginnings of the two; `None` for any number.
    pub lines: Option<u32>,
    /// The most columns between the beginnings of the two; `None` for any number.
    pub columns: Option<u32>,
}

/// Which matches are no leaks, checked; empty lists ask for nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Allow {
    /// Why.
    pub reason: String,
    /// Whether every kind of condition must hold, or one.
    pub when: When,
    /// Rules by id, or by the beginning of ids and `*`; every rule when empty.
    pub rules: Vec<String>,
    /// Full ids of commits, lower case.
    pub commits: Vec<String>,
    /// Patterns of paths.
    pub paths: Vec<String>,
    /// Patterns of the secret.
    pub values: Vec<String>,
    /// Patterns of all that the rule matched.
    pub matches: Vec<String>,
    /// Patterns of the lines the match is on.
    pub lines: Vec<String>,
    /// Texts inside the secret, in any case.
    pub stopwords: Vec<String>,
}

impl Allow {
    /// Whether it says what is allowed beside the rules it is for.
    pub fn has_condition(&self) -> bool {
        let Allow { commits, paths, values, matches, lines, stopwords, .. } = self;
        [commits, paths, values, matches, lines, stopwords].iter().any(|list| !list.is_empty())
    }
}

/// A complaint, and where the text stands that it is about.
pub type Complaint = (String, Option<usize>);

/// Checks a rule that searches whole texts.
pub fn check_search(written: &RuleWritten) -> Result<Search, Complaint> {
    let plain = |message: &str| Err((message.to_owned(), None));
    if written.pattern.is_some() || written.shape.is_some() {
        return plain("a rule has a `search` (or a `path` alone), a `pattern` or a `shape`, not several");
    }
    if written.has_bounds() {
        return plain("`connect`, `within`, `left`, `right`, `checksum`, `parts` and `min-…` are for a `pattern`");
    }
    let mut groups = 0;
    if let Some(search) = &written.search {
        let at = Some(search.span().start);
        let hir = parse("search", search.get_ref()).map_err(|message| (message, at))?;
        groups = re2::groups(&hir);
    }
    let secret_group = written.secret_group.unwrap_or(0);
    if secret_group as usize > groups {
        return Err((format!("`secret-group` is {secret_group}, `search` has {groups} groups"), None));
    }
    if written.search.is_none() && (!written.keywords.is_empty() || written.entropy.is_some()) {
        return plain("`keywords` and `entropy` need a `search`");
    }
    if let Some(path) = &written.path {
        parse("path", path.get_ref()).map_err(|message| (message, Some(path.span().start)))?;
    }
    let mut allow = Vec::new();
    for entry in &written.allow {
        let checked = check_allow(entry.get_ref()).map_err(|message| (message, Some(entry.span().start)))?;
        if !checked.rules.is_empty() {
            return Err(("`rules` is for an [[allow]] of the whole file".into(), Some(entry.span().start)));
        }
        allow.push(checked);
    }
    Ok(Search {
        pattern: written.search.as_ref().map(|search| search.get_ref().clone()),
        keywords: written.keywords.iter().map(|keyword| keyword.to_lowercase()).filter(|k| !k.is_empty()).collect(),
        secret_group,
        entropy: written.entropy.filter(|least| *least > 0.0),
        path: written.path.as_ref().map(|path| path.get_ref().clone()),
        required: written.required.clone(),
        allow,
    })
}

/// Checks an `[[allow]]` of a rule or a rule file.
pub fn check_allow(written: &AllowWritten) -> Result<Allow, String> {
    let written = written.clone();
    let lower =
        |list: Vec<String>| list.iter().map(|text| text.to_lowercase()).filter(|text| !text.is_empty()).collect();
    let allow = Allow {
        reason: written.reason,
        when: written.when,
        rules: written.rules,
        commits: lower(written.commits),
        paths: written.paths,
        values: written.values,
        matches: written.matches,
        lines: written.lines,
        stopwords: lower(written.stopwords),
    };
    if allow.reason.trim().is_empty() {
        return Err("an [[allow]] entry needs a `reason` that says why this is no leak".into());
    }
    if !allow.has_condition() && (allow.rules.is_empty() || allow.rules.iter().any(|rule| rule == "*")) {
        return Err(
            "an [[allow]] entry needs `commits`, `paths`, `values`, `matches`, `lines`, `stopwords` or `rules` \
                    that do not cover everything"
                .into(),
        );
    }
    let kinds =
        [("paths", &allow.paths), ("values", &allow.values), ("matches", &allow.matches), ("lines", &allow.lines)];
    for (kind, patterns) in kinds {
        patterns.iter().try_for_each(|pattern| parse(kind, pattern).map(|_| ()))?;
    }
    Ok(allow)
}

fn parse(field: &str, pattern: &str) -> Result<regex_syntax::hir::Hir, String> {
    re2::parse(pattern).map_err(|error| format!("`{field}` does not parse: {error}"))
}
