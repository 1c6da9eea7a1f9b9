//! A configuration as it was written, before anything is made of it.

use super::table::Table;
use super::{Log, Place};

/// A file, or several of which one extends the other.
#[derive(Debug, Default)]
pub struct Foreign {
    pub file: String,
    pub rules: Vec<ForeignRule>,
    pub allow: Vec<ForeignAllow>,
    pub use_default: Option<(bool, Place)>,
    pub disabled: Vec<(String, Place)>,
    pub extends: Option<(String, Place)>,
    pub filter: Option<(String, Place)>,
}

/// One `[[rules]]` entry.
#[derive(Clone, Debug, Default)]
pub struct ForeignRule {
    pub id: String,
    pub place: Place,
    pub description: Option<String>,
    pub regex: Option<(String, Place)>,
    pub path: Option<(String, Place)>,
    pub keywords: Vec<String>,
    pub entropy: Option<f64>,
    pub secret_group: Option<u32>,
    pub skip_report: Option<bool>,
    pub required: Vec<ForeignRequired>,
    pub allow: Vec<ForeignAllow>,
    pub filter: Option<(String, Place)>,
}

/// One `[[rules.required]]` entry.
#[derive(Clone, Debug, Default)]
pub struct ForeignRequired {
    pub id: String,
    pub place: Place,
    pub lines: Option<u32>,
    pub columns: Option<u32>,
}

/// An allowlist of a rule or of all.
#[derive(Clone, Debug, Default)]
pub struct ForeignAllow {
    pub place: Place,
    pub description: Option<String>,
    pub all: bool,
    pub target: Target,
    pub commits: Vec<(String, Place)>,
    pub paths: Vec<(String, Place)>,
    pub regexes: Vec<(String, Place)>,
    pub stopwords: Vec<String>,
    pub rules: Vec<(String, Place)>,
}

impl ForeignAllow {
    /// How many kinds of condition it names.
    pub fn kinds(&self) -> usize {
        let named = [self.commits.len(), self.paths.len(), self.regexes.len(), self.stopwords.len()];
        named.iter().filter(|count| **count > 0).count()
    }
}

/// What an allowlist's `regexes` are held against.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Target {
    #[default]
    Secret,
    Match,
    Line,
}

/// Reads a whole file.
pub fn read(table: &Table, log: &mut Log) -> Foreign {
    table.ignore(&["title", "description", "minVersion", "betterleaksMinVersion"]);
    let mut foreign = Foreign { file: table.place.file.clone(), ..Foreign::default() };
    for extend in table.tables("extend", "[extend]", log) {
        foreign.use_default = extend.flag("useDefault", log).map(|on| (on, extend.place.clone()));
        foreign.extends = extend.text("path", log);
        foreign.disabled = extend.texts("disabledRules", log);
        extend.note_rest(log);
    }
    foreign.rules = table.tables("rules", "[[rules]]", log).into_iter().map(|rule| read_rule(rule, log)).collect();
    foreign.allow = allowlists(table, log);
    if let Some((_, place)) = table.text("prefilter", log) {
        log.notes.push(place.note(
            "`prefilter` is an expression and was not carried over: more is scanned; name paths in an [[allow]] instead",
        ));
    }
    foreign.filter = table.text("filter", log);
    table.note_rest(log);
    foreign
}

fn read_rule(mut table: Table, log: &mut Log) -> ForeignRule {
    let id = table.text("id", log).map(|(id, _)| id).unwrap_or_default();
    if id.is_empty() {
        log.errors.push(table.place.error("a rule has no `id`: give it one that no other rule has"));
    }
    table.what = format!("rule `{id}`");
    let place = table.place.clone();
    if table.flag("tokenEfficiency", log) == Some(true) {
        let message = format!("rule `{id}`: `tokenEfficiency` was not carried over: it may report more");
        log.notes.push(place.note(message));
    }
    for key in ["validate", "analyze", "revoke"] {
        if table.text(key, log).is_some() {
            log.notes.push(place.note(format!("rule `{id}`: `{key}` is an expression and was not carried over")));
        }
    }
    if !table.texts("tags", log).is_empty() {
        log.tagged.push((place.clone(), id.clone()));
    }
    let mut required: Vec<_> = table.tables("required", "[[rules.required]]", log);
    let components = table.tables("components", "`components`", log);
    let is_component = |index| index >= required.len();
    let flags: Vec<bool> = (0..required.len() + components.len()).map(is_component).collect();
    required.extend(components);
    let rule = ForeignRule {
        place,
        description: table.text("description", log).map(|(text, _)| text),
        regex: table.text("regex", log),
        path: table.text("path", log),
        keywords: table.texts("keywords", log).into_iter().map(|(text, _)| text).collect(),
        entropy: table.number("entropy", log).filter(|least| *least != 0.0),
        secret_group: table.count("secretGroup", log).filter(|group| *group > 0),
        skip_report: table.flag("skipReport", log),
        required: required
            .into_iter()
            .zip(flags)
            .map(|(part, is_new)| read_required(&part, is_new, &id, log))
            .collect(),
        allow: allowlists(&table, log),
        filter: table.text("filter", log),
        id,
    };
    table.note_rest(log);
    rule
}

fn read_required(table: &Table, is_component: bool, owner: &str, log: &mut Log) -> ForeignRequired {
    let id = table.text("id", log).map(|(id, _)| id).unwrap_or_default();
    if id.is_empty() {
        log.errors.push(table.place.error(format!("rule `{owner}`: a required rule has no `id`")));
    }
    let (mut lines, mut columns) = (table.count("withinLines", log), table.count("withinColumns", log));
    if let Some((within, place)) = table.text("within", log).filter(|_| is_component) {
        for part in within.split(',').map(str::trim) {
            let number = |unit| part.strip_suffix(unit).and_then(|number: &str| number.trim().parse().ok());
            match (number('L'), number('C')) {
                (Some(most), _) => lines = Some(most),
                (_, Some(most)) => columns = Some(most),
                _ => log
                    .errors
                    .push(place.error(format!("rule `{owner}`: `within` reads \"5L,100C\", not \"{within}\""))),
            }
        }
    }
    table.note_rest(log);
    ForeignRequired { id, place: table.place.clone(), lines, columns }
}

/// `[allowlist]` and `[[allowlists]]` of a rule or of the file.
fn allowlists(table: &Table, log: &mut Log) -> Vec<ForeignAllow> {
    let what = format!("an allowlist of {}", table.what);
    let mut tables = table.tables("allowlist", &what, log);
    tables.extend(table.tables("allowlists", &what, log));
    tables.into_iter().filter_map(|allow| read_allow(&allow, log)).collect()
}

fn read_allow(table: &Table, log: &mut Log) -> Option<ForeignAllow> {
    let allow = ForeignAllow {
        place: table.place.clone(),
        description: table.text("description", log).map(|(text, _)| text),
        all: condition(table, log),
        target: target(table, log),
        commits: table.texts("commits", log),
        paths: table.texts("paths", log),
        regexes: table.texts("regexes", log),
        stopwords: table.texts("stopwords", log).into_iter().map(|(word, _)| word).collect(),
        rules: table.texts("targetRules", log),
    };
    table.note_rest(log);
    if allow.kinds() == 0 {
        log.notes.push(table.place.note(format!(
            "{} names no `commits`, `paths`, `regexes` or `stopwords`: it allows nothing and was not carried over",
            table.what
        )));
        return None;
    }
    Some(allow)
}

fn condition(table: &Table, log: &mut Log) -> bool {
    let Some((text, place)) = table.text("condition", log) else { return false };
    match text.to_uppercase().as_str() {
        "AND" | "&&" => true,
        "OR" | "||" => false,
        _ => {
            log.errors.push(place.error(format!("{}: `condition` is \"AND\" or \"OR\", not \"{text}\"", table.what)));
            false
        }
    }
}

fn target(table: &Table, log: &mut Log) -> Target {
    let Some((text, place)) = table.text("regexTarget", log) else { return Target::Secret };
    match text.to_lowercase().as_str() {
        "secret" => Target::Secret,
        "match" => Target::Match,
        "line" => Target::Line,
        _ => {
            let message = format!("{}: `regexTarget` is \"secret\", \"match\" or \"line\", not \"{text}\"", table.what);
            log.errors.push(place.error(message));
            Target::Secret
        }
    }
}
