//! Makes rules and allowlists of our own of what a foreign configuration says.

use super::expression::{self, Field, Filter};
use super::foreign::{Foreign, ForeignAllow, ForeignRule, Target};
use super::{Log, Place, counterparts};
use crate::rule::own::{Allow, Required, Search};
use crate::rule::re2;
use crate::rule::written::When;
use crate::search::Pattern;
use std::collections::BTreeMap;

/// Imported rules are this provider's.
pub const PROVIDER: &str = "imported";

/// A rule file to be.
pub struct RuleFile {
    /// The configuration it is made of, by its name.
    pub source: String,
    pub rules: Vec<RuleOfOwn>,
    pub allow: Vec<Allow>,
}

/// A `[[rule]]` to be.
pub struct RuleOfOwn {
    pub id: String,
    pub name: String,
    pub search: Search,
    pub part_only: bool,
}

/// Converts all; what cannot be goes to `log`.
pub fn convert(foreign: Foreign, log: &mut Log) -> RuleFile {
    let uses_default = matches!(foreign.use_default, Some((true, _)));
    let source = foreign.file.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
    let (own, built_in): (Vec<ForeignRule>, Vec<ForeignRule>) =
        foreign.rules.into_iter().partition(|rule| rule.regex.is_some() || rule.path.is_some());
    let mut converter = Converter { ids: ids(&own, log), source, uses_default, log };
    let mut allow: Vec<Allow> = foreign.allow.iter().filter_map(|entry| converter.allow_for_all(entry)).collect();
    for rule in &built_in {
        allow.extend(converter.built_in(rule));
    }
    allow.extend(foreign.disabled.iter().filter_map(|(id, place)| converter.disabled(id, place)));
    allow.extend(foreign.filter.iter().flat_map(|filter| converter.filter_for_all(filter)));
    let rules = own.iter().map(|rule| converter.rule(rule)).collect();
    let start = Place { file: foreign.file, line: 1 };
    match foreign.use_default {
        Some((true, place)) => converter.log.notes.push(
            place.note("`useDefault`: stopleak's own rules stand in place of the built-in ones of gitleaks"),
        ),
        _ => converter.log.notes.push(start.note(
            "without `useDefault` gitleaks runs the rules of this file alone; stopleak's own rules stay on all the same",
        )),
    }
    RuleFile { source: converter.source, rules, allow }
}

struct Converter<'l> {
    /// Ids there and here.
    ids: BTreeMap<String, String>,
    source: String,
    uses_default: bool,
    log: &'l mut Log,
}

/// Our ids: kebab-case, below one provider, each used once.
fn ids(rules: &[ForeignRule], log: &mut Log) -> BTreeMap<String, String> {
    let mut ids: BTreeMap<String, String> = BTreeMap::new();
    for rule in rules {
        let plain = |sign: char| if sign.is_ascii_alphanumeric() { sign.to_ascii_lowercase() } else { '-' };
        let kebab: String = rule.id.chars().map(plain).collect();
        let kebab = kebab.split('-').filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-");
        let kebab = if kebab.is_empty() { "rule".to_owned() } else { kebab };
        let mut id = format!("{PROVIDER}.{kebab}");
        let mut count = 2;
        while ids.values().any(|taken| *taken == id) {
            id = format!("{PROVIDER}.{kebab}-{count}");
            count += 1;
        }
        if id.strip_prefix("imported.") != Some(&rule.id) {
            log.notes.push(rule.place.note(format!("rule `{}` is called `{id}`", rule.id)));
        }
        ids.insert(rule.id.clone(), id);
    }
    ids
}

impl Converter<'_> {
    fn rule(&mut self, rule: &ForeignRule) -> RuleOfOwn {
        let what = format!("rule `{}`", rule.id);
        self.check_pattern(&what, "regex", &rule.regex);
        self.check_pattern(&what, "path", &rule.path);
        self.check_group(rule);
        let is_built_in = counterparts::of(&rule.id).is_some();
        if self.uses_default && is_built_in {
            self.log.notes.push(rule.place.note(format!(
                "{what} changes a built-in rule of gitleaks: only what this file says of it was carried over"
            )));
        }
        let mut search = Search {
            pattern: rule.regex.as_ref().map(|(regex, _)| regex.clone()),
            keywords: rule.keywords.iter().map(|keyword| keyword.to_lowercase()).filter(|k| !k.is_empty()).collect(),
            secret_group: rule.secret_group.and_then(|group| u16::try_from(group).ok()).unwrap_or(0),
            entropy: rule.entropy.map(|least| least as f32),
            path: rule.path.as_ref().map(|(path, _)| path.clone()),
            required: rule.required.iter().filter_map(|required| self.required(rule, required)).collect(),
            allow: rule.allow.iter().filter_map(|entry| self.allow(entry, &what)).collect(),
        };
        search.keywords.sort();
        search.keywords.dedup();
        if search.pattern.is_none() {
            (search.keywords, search.entropy) = (Vec::new(), None);
        }
        if let Some(filter) = &rule.filter {
            self.filter_of_rule(filter, &what, &mut search);
        }
        let name = rule.description.clone().filter(|text| !text.trim().is_empty()).unwrap_or_else(|| rule.id.clone());
        let part_only = rule.skip_report == Some(true);
        RuleOfOwn { id: self.ids[&rule.id].clone(), name, search, part_only }
    }

    fn check_pattern(&mut self, what: &str, field: &str, pattern: &Option<(String, Place)>) {
        let Some((pattern, place)) = pattern else { return };
        if let Err(problem) = Pattern::new(std::slice::from_ref(pattern)) {
            self.log.errors.push(place.error(format!(
                "{what}: `{field}` cannot be used: {problem}; write it in RE2 syntax, as Go reads it, or take it out"
            )));
        }
    }

    fn check_group(&mut self, rule: &ForeignRule) {
        let hir = rule.regex.as_ref().and_then(|(regex, _)| re2::parse(regex).ok());
        let (Some(group), Some(hir)) = (rule.secret_group, hir) else { return };
        let groups = re2::groups(&hir);
        if group as usize > groups {
            self.log.errors.push(rule.place.error(format!(
                "rule `{}`: `secretGroup` is {group}, but its `regex` has {groups} groups: name one of them",
                rule.id
            )));
        }
    }

    fn required(&mut self, rule: &ForeignRule, required: &super::foreign::ForeignRequired) -> Option<Required> {
        let Some(id) = self.ids.get(&required.id) else {
            self.log.errors.push(required.place.error(format!(
                "rule `{}`: it requires `{}`, which is no rule of this file: add that rule, or take the entry out",
                rule.id, required.id
            )));
            return None;
        };
        Some(Required { rule: id.clone(), lines: required.lines, columns: required.columns })
    }

    fn allow(&mut self, entry: &ForeignAllow, what: &str) -> Option<Allow> {
        for (field, patterns) in [("paths", &entry.paths), ("regexes", &entry.regexes)] {
            for pattern in patterns {
                self.check_pattern(&format!("an allowlist of {what}"), field, &Some(pattern.clone()));
            }
        }
        for (commit, place) in &entry.commits {
            if commit.len() != 40 || !commit.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                let message = format!("commit `{commit}` is no full commit id of 40 digits, so that it allows nothing");
                self.log.notes.push(place.note(message));
            }
        }
        let texts =
            |list: &[(String, Place)]| list.iter().map(|(text, _)| text.clone()).filter(|t| !t.is_empty()).collect();
        let regexes = |target| if entry.target == target { texts(&entry.regexes) } else { Vec::new() };
        let lower = |list: Vec<String>| list.into_iter().map(|text| text.to_lowercase()).collect::<Vec<_>>();
        let allow = Allow {
            reason: self.reason(entry),
            when: if entry.all || entry.kinds() < 2 { When::All } else { When::Any },
            rules: Vec::new(),
            commits: lower(texts(&entry.commits)),
            paths: texts(&entry.paths),
            values: regexes(Target::Secret),
            matches: regexes(Target::Match),
            lines: regexes(Target::Line),
            stopwords: lower(entry.stopwords.iter().filter(|word| !word.is_empty()).cloned().collect()),
        };
        allow.has_condition().then_some(allow)
    }

    fn reason(&self, entry: &ForeignAllow) -> String {
        match entry.description.as_deref().map(str::trim) {
            Some(text) if !text.is_empty() => text.to_owned(),
            _ => format!("allowlist in line {} of {}", entry.place.line, self.source),
        }
    }

    fn allow_for_all(&mut self, entry: &ForeignAllow) -> Option<Allow> {
        let mut rules = Vec::new();
        for (id, place) in &entry.rules {
            match (self.ids.get(id), counterparts::of(id)) {
                (Some(own), _) => rules.push(own.clone()),
                (None, Some(ours)) => rules.extend(ours.iter().map(|rule| (*rule).to_owned())),
                (None, None) => {
                    let message = format!(
                        "`targetRules` names `{id}`, for which stopleak knows no rule: it allows nothing there"
                    );
                    self.log.notes.push(place.note(message));
                }
            }
        }
        if rules.is_empty() && !entry.rules.is_empty() {
            return None;
        }
        Some(Allow { rules, ..self.allow(entry, "the file")? })
    }

    /// A rule with neither `regex` nor `path` changes a built-in one.
    fn built_in(&mut self, rule: &ForeignRule) -> Vec<Allow> {
        let id = &rule.id;
        let Some(ours) = counterparts::of(id) else {
            match self.uses_default {
                true => self.log.notes.push(rule.place.note(format!(
                    "rule `{id}` changes a built-in rule of gitleaks for which stopleak knows no rule: it was not carried over"
                ))),
                false if id.is_empty() => {}
                false => self.log.errors.push(rule.place.error(format!(
                    "rule `{id}` has neither `regex` nor `path`: give it one, or take it out"
                ))),
            }
            return Vec::new();
        };
        let names = ours.join(", ");
        let allow: Vec<Allow> = rule
            .allow
            .iter()
            .filter_map(|entry| self.allow(entry, &format!("rule `{id}`")))
            .map(|allow| Allow { rules: ours.iter().map(|rule| (*rule).to_owned()).collect(), ..allow })
            .collect();
        let carried = if allow.is_empty() { "nothing" } else { "its allowlists, and nothing else," };
        self.log.notes.push(rule.place.note(format!(
            "rule `{id}` changes a built-in rule of gitleaks; {names} stands in its place: {carried} was carried over to it"
        )));
        allow
    }

    fn disabled(&mut self, id: &str, place: &Place) -> Option<Allow> {
        let Some(ours) = counterparts::of(id) else {
            let message =
                format!("`disabledRules` names `{id}`, for which stopleak knows no rule: nothing was switched off");
            self.log.notes.push(place.note(message));
            return None;
        };
        let names = ours.join(", ");
        self.log.notes.push(place.note(format!(
            "`disabledRules` names `{id}`: findings of {names}, which stands in its place, are suppressed, not left out"
        )));
        let rules = ours.iter().map(|rule| (*rule).to_owned()).collect();
        Some(Allow { reason: format!("{} disables {id}", self.source), rules, ..Allow::default() })
    }

    fn filters(&mut self, (text, place): &(String, Place), what: &str) -> Vec<Filter> {
        let (filters, rest) = expression::read(text);
        for part in rest {
            let part: String = part.chars().take(80).collect();
            let message =
                format!("{what}: `filter` drops findings by `{part}`, which was not carried over: it may report more");
            self.log.notes.push(place.note(message));
        }
        filters
    }

    fn filter_of_rule(&mut self, filter: &(String, Place), what: &str, search: &mut Search) {
        for one in self.filters(filter, what) {
            match one {
                Filter::Entropy(least) => {
                    let least = least as f32;
                    search.entropy = Some(search.entropy.map_or(least, |other| other.max(least)));
                }
                other => search.allow.extend(self.allow_of_filter(other, &filter.1)),
            }
        }
    }

    fn filter_for_all(&mut self, filter: &(String, Place)) -> Vec<Allow> {
        let filters = self.filters(filter, "the file");
        let mut allow = Vec::new();
        for one in filters {
            match one {
                Filter::Entropy(least) => self.log.notes.push(filter.1.note(format!(
                    "the file: `filter` drops all findings of an entropy up to {least}, which was not carried over"
                ))),
                other => allow.extend(self.allow_of_filter(other, &filter.1)),
            }
        }
        allow
    }

    fn allow_of_filter(&mut self, filter: Filter, place: &Place) -> Option<Allow> {
        let (field, patterns) = match filter {
            Filter::Matches(field, patterns) => (field, patterns),
            // A word as it is written: a pattern that quotes it.
            Filter::Contains(field, words) => (field, words.iter().map(|word| quote(word)).collect()),
            Filter::Entropy(_) => return None,
        };
        for pattern in &patterns {
            self.check_pattern("a filter", "matchesAny", &Some((pattern.clone(), place.clone())));
        }
        let reason = format!("filter in line {} of {}", place.line, self.source);
        let mut allow = Allow { reason, ..Allow::default() };
        match field {
            Field::Secret => allow.values = patterns,
            Field::Match => allow.matches = patterns,
            Field::Line => allow.lines = patterns,
            Field::Path => allow.paths = patterns,
        }
        allow.has_condition().then_some(allow)
    }
}

fn quote(word: &str) -> String {
    let escape = |sign: char| if sign.is_ascii_punctuation() { format!("\\{sign}") } else { sign.to_string() };
    word.chars().map(escape).collect()
}
