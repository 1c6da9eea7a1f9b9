//! Who read a leaked value, as the vault's audit log tells: the list to restart.
//!
//! The log names values by a keyed hash (`hmac-sha256:…`), which the vault computes for a value
//! (`sys/audit-hash`): <https://openbao.org/docs/audit/>.

use serde_json::Value;
use std::collections::BTreeMap;
use std::io::BufRead;

/// Lines longer than this are no entries.
const MAX_LINE: usize = 16 << 20;

/// Somebody who got the value from the vault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reader {
    /// As the login is called: `approle`, `token-ci`.
    pub name: String,
    /// The entity behind it, if there is one.
    pub entity: String,
    /// Where from.
    pub address: String,
    /// Which entries.
    pub paths: Vec<String>,
    /// How often.
    pub times: u64,
    /// When first and last, as the log says it.
    pub between: (String, String),
}

/// What an audit log tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Readers {
    /// Who, sorted.
    pub readers: Vec<Reader>,
    /// Lines that are no entries: the list may lack somebody.
    pub unread: u64,
}

/// Reads a log for answers that held one of these hashes.
pub fn readers(log: impl BufRead, hashes: &[String]) -> std::io::Result<Readers> {
    let mut found: BTreeMap<(String, String, String), Reader> = BTreeMap::new();
    let mut unread = 0;
    for line in log.split(b'\n') {
        let line = line?;
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        // A log may have a prefix before its JSON.
        let start = memchr::memchr(b'{', &line).unwrap_or(line.len());
        let entry: Option<Value> =
            (line.len() <= MAX_LINE).then(|| serde_json::from_slice(&line[start..]).ok()).flatten();
        match entry {
            None => unread += 1,
            Some(entry) => note(&entry, hashes, &mut found),
        }
    }
    Ok(Readers { readers: found.into_values().collect(), unread })
}

fn note(entry: &Value, hashes: &[String], found: &mut BTreeMap<(String, String, String), Reader>) {
    let is_answer = entry.get("type").and_then(Value::as_str) == Some("response");
    if !is_answer || !entry.get("response").is_some_and(|response| holds(response, hashes)) {
        return;
    }
    let text = |pointer: &str| entry.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (name, entity, address) =
        (text("/auth/display_name"), text("/auth/entity_id"), text("/request/remote_address"));
    let (time, path) = (text("/time"), text("/request/path"));
    let key = (name.clone(), entity.clone(), address.clone());
    let reader = found.entry(key).or_insert_with(|| Reader {
        name,
        entity,
        address,
        paths: Vec::new(),
        times: 0,
        between: (time.clone(), time.clone()),
    });
    reader.times += 1;
    if !reader.paths.contains(&path) {
        reader.paths.push(path);
        reader.paths.sort();
    }
    if time < reader.between.0 {
        reader.between.0.clone_from(&time);
    }
    if time > reader.between.1 {
        reader.between.1 = time;
    }
}

fn holds(value: &Value, hashes: &[String]) -> bool {
    match value {
        Value::String(text) => hashes.iter().any(|hash| hash == text),
        Value::Array(items) => items.iter().any(|item| holds(item, hashes)),
        Value::Object(items) => items.values().any(|item| holds(item, hashes)),
        _ => false,
    }
}
