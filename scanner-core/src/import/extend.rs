//! Reads a configuration and the files it extends: what a rule says itself goes before what it inherits, lists add up.

use super::foreign::{self, Foreign, ForeignRule};
use super::table::{Source, Table};
use super::{Log, Place};
use std::path::{Path, PathBuf};
use toml::de::DeTable;

/// Files below the first one: as many as gitleaks reads.
const DEEPEST: usize = 2;

/// Reads `file` and what it builds on; `None` after an error that leaves nothing to go on with.
pub fn read(file: &Path, log: &mut Log) -> Option<Foreign> {
    let start = Place { file: file.display().to_string(), line: 1 };
    let text = std::fs::read_to_string(file);
    let text = text.map_err(|error| log.errors.push(start.error(format!("cannot read the file: {error}")))).ok()?;
    read_text(file, &text, 0, log)
}

fn read_text(file: &Path, text: &str, depth: usize, log: &mut Log) -> Option<Foreign> {
    let name = file.display().to_string();
    let source = Source { name: &name, text };
    let document = match DeTable::parse(text) {
        Ok(document) => document,
        Err(error) => {
            let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            log.errors.push(Place { file: name, line }.error(error.message()));
            return None;
        }
    };
    let mut foreign = foreign::read(&Table::new(&source, document.get_ref(), 0, "the file"), log);
    name_twins(&foreign, log);
    let Some((path, place)) = foreign.extends.take() else { return Some(foreign) };
    if let Some((true, place)) = &foreign.use_default {
        log.errors.push(place.error("[extend] has a `path` and `useDefault`: keep one of the two"));
        return None;
    }
    if depth == DEEPEST {
        log.notes
            .push(place.note(format!("`{path}` was not read: gitleaks follows {DEEPEST} files, and so does this")));
        return Some(foreign);
    }
    let (base_file, text) = open(file, &path, &place, log)?;
    let base = read_text(&base_file, &text, depth + 1, log)?;
    Some(merge(foreign, base, log))
}

/// The extended file: beside the one that names it, or else where the command runs, as gitleaks reads it.
fn open(file: &Path, path: &str, place: &Place, log: &mut Log) -> Option<(PathBuf, String)> {
    let beside = file.parent().unwrap_or(Path::new("")).join(path);
    let here = PathBuf::from(path);
    let chosen = if beside.is_file() || !here.is_file() { beside } else { here };
    match std::fs::read_to_string(&chosen) {
        Ok(text) => Some((chosen, text)),
        Err(error) => {
            let message = format!("cannot read `{}`, which [extend] names: {error}", chosen.display());
            log.errors.push(place.error(message));
            None
        }
    }
}

fn name_twins(foreign: &Foreign, log: &mut Log) {
    for (index, rule) in foreign.rules.iter().enumerate() {
        if foreign.rules[..index].iter().any(|other| other.id == rule.id && !rule.id.is_empty()) {
            log.errors.push(rule.place.error(format!("rule `{}` stands here twice: give one another `id`", rule.id)));
        }
    }
}

fn merge(mut own: Foreign, base: Foreign, log: &mut Log) -> Foreign {
    let base_file = base.file;
    let mut inherited = Vec::new();
    own.disabled.retain(|(id, place)| {
        let is_there = base.rules.iter().any(|rule| rule.id == *id);
        if is_there {
            log.notes.push(place.note(format!("rule `{id}` of {base_file} is left out, as `disabledRules` asks")));
            inherited.push(id.clone());
        }
        !is_there
    });
    for rule in base.rules.into_iter().filter(|rule| !inherited.contains(&rule.id)) {
        match own.rules.iter_mut().find(|own| own.id == rule.id) {
            Some(own) => inherit(own, rule),
            None => own.rules.push(rule),
        }
    }
    own.allow.extend(base.allow);
    own.disabled.extend(base.disabled);
    own.use_default = own.use_default.filter(|(on, _)| *on).or(base.use_default);
    own.filter = match (own.filter, base.filter) {
        (Some((own, place)), Some((base, _))) => Some((format!("({own}) || ({base})"), place)),
        (own, base) => own.or(base),
    };
    own
}

fn inherit(own: &mut ForeignRule, base: ForeignRule) {
    own.description = own.description.take().or(base.description);
    own.regex = own.regex.take().or(base.regex);
    own.path = own.path.take().or(base.path);
    own.entropy = own.entropy.or(base.entropy);
    own.secret_group = own.secret_group.or(base.secret_group);
    own.skip_report = own.skip_report.or(base.skip_report);
    own.filter = own.filter.take().or(base.filter);
    own.keywords.extend(base.keywords);
    own.allow.extend(base.allow);
    own.required.extend(base.required);
}
