//! Reads all readable versions of all entries, and makes the keyed index of their values.

use super::{Fields, Vault, VaultError, random};
use crate::score;
use crate::secret::Secret;
use crate::time;
use crate::vaulted::{self, About, Key, Known, MAX_LEN, MIN_LEN, Place};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The field that holds the organisation's key.
pub const KEY_FIELD: &str = "key";
/// The entry that holds it, unless the settings say.
pub const KEY_ENTRY: &str = "stopleak/index-key";

/// Values that may be guessed and stand in more entries than these are words that everybody uses.
const MANY: usize = 4;
/// How deep structured values are taken apart.
const MAX_DEPTH: usize = 8;
/// Letters of one case, up to so many, are a word.
const LONG_WORD: usize = 12;

/// Names of fields whose values say where something is or whose it is, unless they look random.
const PLAIN_NAMES: [&str; 30] = [
    "user",
    "username",
    "user_name",
    "host",
    "hostname",
    "port",
    "region",
    "zone",
    "database",
    "db",
    "dbname",
    "schema",
    "url",
    "uri",
    "endpoint",
    "address",
    "email",
    "name",
    "description",
    "environment",
    "env",
    "bucket",
    "account",
    "role",
    "type",
    "scheme",
    "driver",
    "client_email",
    "project_id",
    "owner",
];

/// One vault, and which of its entries are meant.
pub struct Source<'v> {
    /// As the settings name it.
    pub name: String,
    /// The vault.
    pub vault: &'v dyn Vault,
    /// Which entries.
    pub filter: Filter,
}

/// Which entries are meant, by globs of their paths.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    include: Option<GlobSet>,
    exclude: GlobSet,
}

impl Filter {
    /// All entries that one of `include` matches, or all when it is empty, less those that one of `exclude` does.
    pub fn new(include: &[String], exclude: &[String]) -> Result<Filter, String> {
        let set = |globs: &[String]| {
            let mut set = GlobSetBuilder::new();
            for glob in globs {
                let built = GlobBuilder::new(glob).literal_separator(true).build();
                set.add(built.map_err(|error| format!("`{glob}` is no glob: {error}"))?);
            }
            set.build().map_err(|error| error.to_string())
        };
        let include = if include.is_empty() { None } else { Some(set(include)?) };
        Ok(Filter { include, exclude: set(exclude)? })
    }

    fn admits(&self, path: &str) -> bool {
        self.include.as_ref().is_none_or(|include| include.is_match(path)) && !self.exclude.is_match(path)
    }
}

/// One value as it stands in a vault.
pub struct Item {
    /// The value, without white space around it.
    pub value: Secret,
    /// Where it stands.
    pub place: Place,
    /// When its version was written, in seconds since 1970.
    pub created: Option<i64>,
}

/// One entry, without its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The vault's name.
    pub vault: String,
    /// Its path.
    pub entry: String,
    /// Its versions, oldest first.
    pub versions: Vec<super::Version>,
}

/// What vaults hold.
#[derive(Default)]
pub struct Gathered {
    /// The values that can be known again.
    pub items: Vec<Item>,
    /// Every entry that is meant.
    pub entries: Vec<Seen>,
    /// Versions that were read.
    pub versions: u64,
    /// What could not be read, and why.
    pub unread: Vec<(String, String)>,
    /// Values that are left out, by the reason.
    pub skipped: BTreeMap<String, u64>,
}

/// Reads all readable versions of all entries that are meant. `told` hears of each entry.
pub fn gather(sources: &[Source<'_>], key_entry: Option<&str>, told: &dyn Fn(&str)) -> Result<Gathered, VaultError> {
    let mut gathered = Gathered::default();
    for source in sources {
        for path in source.vault.list()? {
            if source.filter.admits(&path) && key_entry != Some(path.as_str()) {
                told(&path);
                read_entry(source, &path, &mut gathered);
            }
        }
    }
    leave_out(&mut gathered);
    Ok(gathered)
}

fn read_entry(source: &Source<'_>, path: &str, gathered: &mut Gathered) {
    let object = format!("{}: {path}", source.name);
    let versions = match source.vault.versions(path) {
        Ok(versions) => versions,
        // It was deleted since it was listed.
        Err(VaultError::Absent(_)) => return,
        Err(error) => return gathered.unread.push((object, error.to_string())),
    };
    for version in versions.iter().filter(|version| version.is_readable) {
        match source.vault.read(path, Some(&version.id)) {
            Ok(entry) => {
                gathered.versions += 1;
                let place = |field: String| Place {
                    vault: source.name.clone(),
                    entry: path.to_owned(),
                    field,
                    version: version.id.clone(),
                    current: version.is_current,
                };
                add(&entry.fields, &place, version.created, &mut gathered.items);
            }
            Err(VaultError::Absent(_)) => {}
            Err(error) => gathered.unread.push((format!("{object}, version {}", version.id), error.to_string())),
        }
    }
    gathered.entries.push(Seen { vault: source.name.clone(), entry: path.to_owned(), versions });
}

fn add(fields: &Fields, place: &dyn Fn(String) -> Place, created: Option<i64>, items: &mut Vec<Item>) {
    for (name, value) in fields {
        pieces(name, value.expose(), 0, &mut |name, value| {
            items.push(Item { value: Secret::new(value), place: place(name.to_owned()), created });
        });
    }
}

/// The parts of a value that may leak alone: of structured values their texts, of an address its password, too.
fn pieces(name: &str, value: &[u8], depth: usize, found: &mut dyn FnMut(&str, &[u8])) {
    let value = value.trim_ascii();
    let is_structured = depth < MAX_DEPTH && matches!(value, [b'{', .., b'}'] | [b'[', .., b']']);
    let structured = if is_structured { serde_json::from_slice::<Value>(value).ok() } else { None };
    if let Some(mut structured) = structured {
        leaves(name, &structured, depth + 1, found);
        return super::talk::wipe(&mut structured);
    }
    found(name, value);
    if let Some(password) = password_of(value) {
        found(&format!("{name}.password"), password);
    }
}

fn leaves(name: &str, value: &Value, depth: usize, found: &mut dyn FnMut(&str, &[u8])) {
    match value {
        Value::String(text) => pieces(name, text.as_bytes(), depth, found),
        Value::Array(items) if depth < MAX_DEPTH => {
            (0..)
                .zip(items)
                .for_each(|(index, item): (usize, _)| leaves(&format!("{name}.{index}"), item, depth + 1, found));
        }
        Value::Object(fields) if depth < MAX_DEPTH => {
            fields.iter().for_each(|(field, item)| leaves(&format!("{name}.{field}"), item, depth + 1, found));
        }
        _ => {}
    }
}

/// Of `postgres://app:…@db/app` what stands between.
fn password_of(value: &[u8]) -> Option<&[u8]> {
    let text = std::str::from_utf8(value).ok()?;
    let (_, rest) = text.split_once("://")?;
    let (login, _) = rest.split('/').next()?.rsplit_once('@')?;
    let (_, password) = login.split_once(':')?;
    (!password.is_empty()).then_some(password.as_bytes())
}

/// Leaves out what would be found everywhere and is no secret.
fn leave_out(gathered: &mut Gathered) {
    let mut entries: HashMap<blake3::Hash, BTreeSet<(String, String)>> = HashMap::new();
    for item in &gathered.items {
        let place = (item.place.vault.clone(), item.place.entry.clone());
        entries.entry(blake3::hash(item.value.expose())).or_default().insert(place);
    }
    let skipped = &mut gathered.skipped;
    gathered.items.retain(|item| {
        let spread = entries.get(&blake3::hash(item.value.expose())).map_or(1, BTreeSet::len);
        let reason = why_not(&item.place.field, item.value.expose(), spread);
        if let Some(reason) = reason {
            *skipped.entry(reason.to_owned()).or_default() += 1;
        }
        reason.is_none()
    });
}

/// Why a value is no secret that could be known again.
fn why_not(field: &str, value: &[u8], spread: usize) -> Option<&'static str> {
    match value.len() {
        len if len < MIN_LEN => return Some("short"),
        len if len > MAX_LEN => return Some("long"),
        _ => {}
    }
    if value.iter().collect::<BTreeSet<_>>().len() < 4 {
        return Some("repeated");
    }
    if !score::is_guessable(value) {
        return None;
    }
    let last = field.rsplit('.').next().unwrap_or(field).to_ascii_lowercase();
    match value {
        value if is_plain(value) || PLAIN_NAMES.contains(&last.as_str()) => Some("plain"),
        value if is_word(value) => Some("word"),
        _ if spread > MANY => Some("common"),
        _ => None,
    }
}

/// Numbers, dates, hosts, addresses without a password, paths.
fn is_plain(value: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(value) else { return false };
    let is_number = text.bytes().all(|b| b.is_ascii_digit() || b"+-.:/, _TZ".contains(&b));
    let is_url = text.contains("://") && !text.contains(['@', '?', ' ']);
    let is_mail = text.split_once('@').is_some_and(|(name, host)| is_host(host) && !name.contains([' ', ':', '/']));
    let is_path = (text.starts_with('/') || text.starts_with("./")) && !text.contains([' ', '+', '=']);
    is_number || is_url || is_mail || is_path || is_host(text)
}

/// `db.internal`, with a port or without.
fn is_host(text: &str) -> bool {
    let (host, port) = text.rsplit_once(':').unwrap_or((text, ""));
    let is_label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
    };
    let top = host.rsplit('.').next().unwrap_or_default();
    host.contains('.')
        && host.split('.').all(is_label)
        && top.bytes().all(|b| b.is_ascii_lowercase())
        && port.bytes().all(|b| b.is_ascii_digit())
}

fn is_word(value: &[u8]) -> bool {
    value.len() < LONG_WORD
        && (value.iter().all(u8::is_ascii_lowercase)
            || value[1..].iter().all(u8::is_ascii_lowercase)
            || value.iter().all(u8::is_ascii_uppercase))
}

/// The index of what was gathered, as a text.
pub fn write(gathered: &Gathered, key: &Key, vaults: Vec<String>, now: i64) -> Result<String, VaultError> {
    let known = |item: &Item| Known {
        value: item.value.clone(),
        is_word: score::is_guessable(item.value.expose()),
        place: item.place.clone(),
    };
    let about = About {
        created: time::rfc3339(now),
        vaults,
        entries: gathered.entries.len() as u64,
        versions: gathered.versions,
        skipped: gathered.skipped.clone(),
        ..About::default()
    };
    Ok(vaulted::write(key, random::bytes()?, gathered.items.iter().map(known).collect(), about))
}

/// The organisation's key, as it stands in the vault.
pub fn read_key(vault: &dyn Vault, entry: &str) -> Result<Key, VaultError> {
    let found = vault.read(entry, None)?;
    let key = found.fields.get(KEY_FIELD).and_then(|value| Key::parse(value.expose()));
    key.ok_or_else(|| VaultError::Other(format!("{entry}: its field `{KEY_FIELD}` is no key of 32 bytes in base64")))
}

/// The same; a key that is not there is made, once: of two who make it at the same time one takes the other's. The second
/// says whether it was made.
pub fn ensure_key(vault: &dyn Vault, entry: &str) -> Result<(Key, bool), VaultError> {
    match read_key(vault, entry) {
        Err(VaultError::Absent(_)) => {}
        known => return known.map(|key| (key, false)),
    }
    let bytes = zeroize::Zeroizing::new(random::bytes::<32>()?);
    let key = Key::of(&bytes[..]).ok_or_else(|| super::talk::strange(entry))?;
    let fields = Fields::from([(KEY_FIELD.to_owned(), key.as_text())]);
    match vault.write_if_version(entry, &fields, None) {
        Ok(_) => Ok((key, true)),
        Err(VaultError::Conflict { .. }) => read_key(vault, entry).map(|key| (key, false)),
        // Whatever came of it, the vault's key is the key.
        Err(VaultError::Unanswered(message)) => match read_key(vault, entry) {
            Ok(known) => Ok((known, true)),
            Err(_) => Err(VaultError::Unanswered(message)),
        },
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_secret_is_left_out_with_its_reason() {
        let random = ["q8Zr", "T2mW", "x5Lb", "N9vK", "c4Hd"].concat();
        let table: [(&str, &str, usize, Option<&str>); 12] = [
            ("flag", "true", 1, Some("short")),
            ("port", "5432", 1, Some("short")),
            ("host", "db.internal:5432", 1, Some("plain")),
            ("url", "https://api.example/v1", 1, Some("plain")),
            ("notify", "ops@corp.example", 1, Some("plain")),
            ("key_file", "/etc/app/key.pem", 1, Some("plain")),
            ("zeros", "00000000000", 1, Some("repeated")),
            ("mode", "production", 1, Some("word")),
            ("username", "service-account-7", 1, Some("plain")),
            ("password", "Summer-2026-x", 1, None),
            ("password", "Summer-2026-x", 5, Some("common")),
            ("username", &random, 9, None),
        ];
        for (field, value, spread, expected) in table {
            assert_eq!(why_not(field, value.as_bytes(), spread), expected, "{field}");
        }
    }

    #[test]
    fn values_are_taken_apart() {
        let mut found = Vec::new();
        let mut keep = |name: &str, value: &[u8]| found.push(format!("{name}={}", String::from_utf8_lossy(value)));
        pieces("a", b" x\n", 0, &mut keep);
        pieces("b", br#"{"k":{"l":"x","n":1},"m":["y"]}"#, 0, &mut keep);
        let url = ["pg://app", ":pw", "@db/x"].concat();
        pieces("c", url.as_bytes(), 0, &mut keep);
        pieces("d", b"{no json}", 0, &mut keep);
        assert_eq!(found, ["a=x", "b.k.l=x", "b.m.0=y", &format!("c={url}"), "c.password=pw", "d={no json}"]);
    }
}
