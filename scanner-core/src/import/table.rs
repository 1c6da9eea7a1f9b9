//! Tables of a foreign configuration: keys in any case, every value with its line, and a note on what nobody asked for.

use super::{Log, Place};
use std::cell::Cell;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Keys of a configuration's top level that our own settings do not have; `rules` is a list there and a table here.
const FOREIGN: [&str; 8] =
    ["extend", "allowlist", "allowlists", "title", "prefilter", "filter", "minversion", "betterleaksminversion"];

/// As `import::is_foreign`.
pub fn is_foreign(text: &str) -> Option<bool> {
    let document = DeTable::parse(text).ok()?;
    let is_foreign = |(key, value): (&Spanned<_>, &Spanned<DeValue>)| {
        let key: &std::borrow::Cow<str> = key.get_ref();
        let key = key.to_lowercase();
        FOREIGN.contains(&key.as_str()) || (key == "rules" && matches!(value.get_ref(), DeValue::Array(_)))
    };
    Some(document.get_ref().iter().any(is_foreign))
}

/// One file's text, to tell lines.
pub struct Source<'t> {
    pub name: &'t str,
    pub text: &'t str,
}

impl Source<'_> {
    fn place(&self, offset: usize) -> Place {
        let line = self.text[..offset.min(self.text.len())].matches('\n').count() + 1;
        Place { file: self.name.to_owned(), line }
    }
}

/// One table being read.
pub struct Table<'s, 't> {
    source: &'s Source<'t>,
    entries: Vec<Entry<'s, 't>>,
    /// Where it begins.
    pub place: Place,
    /// What it is, for messages: "rule `x`", "the file".
    pub what: String,
}

struct Entry<'s, 't> {
    key: String,
    value: &'s Spanned<DeValue<'t>>,
    is_read: Cell<bool>,
}

impl<'s, 't> Table<'s, 't> {
    /// Wraps a table.
    pub fn new(source: &'s Source<'t>, table: &'s DeTable<'t>, offset: usize, what: &str) -> Table<'s, 't> {
        let entry = |(key, value): (&'s Spanned<_>, &'s Spanned<DeValue<'t>>)| {
            let key: &std::borrow::Cow<str> = key.get_ref();
            Entry { key: key.to_string(), value, is_read: Cell::new(false) }
        };
        Table { source, entries: table.iter().map(entry).collect(), place: source.place(offset), what: what.to_owned() }
    }

    fn take(&self, key: &str) -> Option<&'s Spanned<DeValue<'t>>> {
        let entry = self.entries.iter().find(|entry| entry.key.eq_ignore_ascii_case(key))?;
        entry.is_read.set(true);
        Some(entry.value)
    }

    fn wrong<T>(&self, key: &str, wanted: &str, value: &Spanned<DeValue>, log: &mut Log) -> Option<T> {
        let place = self.source.place(value.span().start);
        let found = value.get_ref().type_str();
        log.errors.push(place.error(format!("{}: `{key}` must be {wanted}, not {found}", self.what)));
        None
    }

    /// A text with its place; an empty one is as good as none.
    pub fn text(&self, key: &str, log: &mut Log) -> Option<(String, Place)> {
        let value = self.take(key)?;
        match value.get_ref() {
            DeValue::String(text) if text.is_empty() => None,
            DeValue::String(text) => Some((text.to_string(), self.source.place(value.span().start))),
            _ => self.wrong(key, "a text", value, log),
        }
    }

    /// A list of texts, or one text, with the places of each.
    pub fn texts(&self, key: &str, log: &mut Log) -> Vec<(String, Place)> {
        let Some(value) = self.take(key) else { return Vec::new() };
        let one = |value: &Spanned<DeValue>| match value.get_ref() {
            DeValue::String(text) => Some((text.to_string(), self.source.place(value.span().start))),
            _ => None,
        };
        match value.get_ref() {
            DeValue::Array(values) => {
                let texts: Option<Vec<_>> = values.iter().map(one).collect();
                texts.or_else(|| self.wrong(key, "a list of texts", value, log)).unwrap_or_default()
            }
            _ => one(value)
                .map(|text| vec![text])
                .or_else(|| self.wrong(key, "a list of texts", value, log))
                .unwrap_or_default(),
        }
    }

    /// A number.
    pub fn number(&self, key: &str, log: &mut Log) -> Option<f64> {
        let value = self.take(key)?;
        let number = match value.get_ref() {
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix()).ok().map(|n| n as f64),
            DeValue::Float(number) => number.as_str().replace('_', "").parse().ok(),
            _ => None,
        };
        number.filter(|number: &f64| number.is_finite()).or_else(|| self.wrong(key, "a number", value, log))
    }

    /// A whole number that is not negative.
    pub fn count(&self, key: &str, log: &mut Log) -> Option<u32> {
        let number = self.number(key, log)?;
        if number.fract() != 0.0 || !(0.0..=1e9).contains(&number) {
            let value = self.take(key)?;
            return self.wrong(key, "a whole number, zero or more", value, log);
        }
        Some(number as u32)
    }

    /// Yes or no.
    pub fn flag(&self, key: &str, log: &mut Log) -> Option<bool> {
        let value = self.take(key)?;
        match value.get_ref() {
            DeValue::Boolean(flag) => Some(*flag),
            _ => self.wrong(key, "true or false", value, log),
        }
    }

    /// Tables below a key, one or a list of them.
    pub fn tables(&self, key: &str, what: &str, log: &mut Log) -> Vec<Table<'s, 't>> {
        let Some(value) = self.take(key) else { return Vec::new() };
        let one = |value: &'s Spanned<DeValue<'t>>| match value.get_ref() {
            DeValue::Table(table) => Some(Table::new(self.source, table, value.span().start, what)),
            _ => None,
        };
        let tables: Option<Vec<_>> = match value.get_ref() {
            DeValue::Array(values) => values.iter().map(one).collect(),
            _ => one(value).map(|table| vec![table]),
        };
        tables.or_else(|| self.wrong(key, "a table or a list of tables", value, log)).unwrap_or_default()
    }

    /// Passes over keys that mean nothing to a scan.
    pub fn ignore(&self, keys: &[&str]) {
        keys.iter().for_each(|key| _ = self.take(key));
    }

    /// Notes every key that was not read.
    pub fn note_rest(&self, log: &mut Log) {
        for entry in self.entries.iter().filter(|entry| !entry.is_read.get()) {
            let place = self.source.place(entry.value.span().start);
            log.notes.push(place.note(format!("{}: `{}` is not known and was not carried over", self.what, entry.key)));
        }
    }
}
