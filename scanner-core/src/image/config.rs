//! An image's configuration as texts to scan: what people wrote in it, without JSON's escapes in between.

use super::digest::Digest;
use super::error::ImageError;
use super::manifest::Platform;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Objects inside objects that are followed.
const MAX_DEPTH: u32 = 32;

/// One part of a configuration: an entry a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// `config.Env`, `history`; empty for what stands at the top.
    pub path: String,
    /// `KEY=value`, one entry a line.
    pub text: String,
}

/// The instruction that made a layer, in one line: `COPY . /app`.
pub type Step = Arc<str>;

/// The sections of a configuration, in its order. Hashes of layers are left out.
pub fn sections(bytes: &[u8]) -> Result<Vec<Section>, ImageError> {
    let value: Value =
        serde_json::from_slice(bytes).map_err(|error| ImageError::damaged("its configuration", error))?;
    let mut sections = Vec::new();
    collect("", &value, 0, &mut sections);
    Ok(sections)
}

/// Notes on an image as a section.
pub fn notes(annotations: &BTreeMap<String, String>) -> Option<Section> {
    let text: String = annotations.iter().map(|(key, value)| format!("{key}={value}\n")).collect();
    (!text.is_empty()).then(|| Section { path: "annotations".into(), text })
}

fn collect(path: &str, value: &Value, depth: u32, sections: &mut Vec<Section>) {
    let at = sections.len();
    let mut text = String::new();
    let inner = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match value {
        _ if depth > MAX_DEPTH => text = value.to_string(),
        Value::Object(entries) => {
            for (key, value) in entries {
                match value {
                    Value::Null | Value::Bool(_) => {}
                    Value::String(value) => text.push_str(&format!("{key}={value}\n")),
                    Value::Number(number) => text.push_str(&format!("{key}={number}\n")),
                    _ if path.is_empty() && key == "rootfs" => {}
                    _ => collect(&inner(key), value, depth + 1, sections),
                }
            }
        }
        Value::Array(items) if is_command(path) => {
            let words: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
            text = words.join(" ");
        }
        Value::Array(items) => {
            for (number, item) in items.iter().enumerate() {
                match item {
                    Value::String(item) => text.push_str(item),
                    Value::Object(entry) if path == "history" => text.push_str(&history(entry)),
                    Value::Object(_) | Value::Array(_) => {
                        collect(&inner(&number.to_string()), item, depth + 1, sections);
                        continue;
                    }
                    other => text.push_str(&other.to_string()),
                }
                text.push('\n');
            }
        }
        other => text = other.to_string(),
    }
    if !text.trim().is_empty() {
        sections.insert(at, Section { path: path.to_owned(), text });
    }
}

/// Arguments of one command: an option and its value belong together.
fn is_command(path: &str) -> bool {
    matches!(path.rsplit('.').next(), Some("Cmd" | "Entrypoint" | "Shell" | "Test"))
}

/// One step in one line: what it did, who did it, what was said about it.
fn history(entry: &serde_json::Map<String, Value>) -> String {
    let words = ["created_by", "comment", "author"].map(|key| entry.get(key).and_then(Value::as_str));
    let words: Vec<&str> = words.into_iter().flatten().filter(|text| !text.is_empty()).collect();
    words.join(" # ")
}

#[derive(Deserialize)]
struct Written {
    #[serde(default)]
    rootfs: Option<Rootfs>,
    #[serde(default)]
    history: Option<Vec<Entry>>,
}

#[derive(Deserialize)]
struct Rootfs {
    #[serde(default)]
    diff_ids: Vec<String>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    created_by: Option<String>,
    #[serde(default)]
    empty_layer: bool,
}

/// What made each layer, the lowest first; none where the configuration does not say.
pub fn steps(bytes: &[u8]) -> Vec<Option<String>> {
    let Ok(Written { history: Some(history), .. }) = serde_json::from_slice(bytes) else { return Vec::new() };
    let made = history.into_iter().filter(|entry| !entry.empty_layer);
    made.map(|entry| entry.created_by.map(|text| plain(&text)).filter(|text| !text.is_empty())).collect()
}

/// A step as it stood in the Dockerfile, as far as that can be told.
fn plain(created_by: &str) -> String {
    let text = created_by.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = text.strip_prefix("/bin/sh -c #(nop) ").map(str::to_owned).unwrap_or(text);
    match text.strip_prefix("/bin/sh -c ") {
        Some(command) => format!("RUN {command}"),
        None => text,
    }
}

/// The names of the layers' contents.
pub fn diff_ids(bytes: &[u8], what: &str) -> Result<Vec<Digest>, ImageError> {
    let written: Written = serde_json::from_slice(bytes).map_err(|error| ImageError::damaged(what, error))?;
    let ids = written.rootfs.map(|rootfs| rootfs.diff_ids).unwrap_or_default();
    let ids =
        ids.iter().map(|id| Digest::parse(id).ok_or_else(|| ImageError::damaged(what, "a layer's name is no digest")));
    ids.collect()
}

/// What it runs on.
pub fn platform(bytes: &[u8]) -> Option<Platform> {
    serde_json::from_slice(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = r#"{"architecture":"amd64","os":"linux","config":{"Env":["A=1","B=x \"y\""],
        "Cmd":["sh","-c","run --token abc"],"Labels":{"k":"v"},"Healthcheck":{"Test":["CMD","x"]}},
        "rootfs":{"type":"layers","diff_ids":["sha256:00"]},
        "history":[{"created_by":"/bin/sh -c #(nop) ADD file:1 in / "},{"created_by":"ENV A=1","empty_layer":true},
        {"created_by":"|1 TOKEN=abc /bin/sh -c make","comment":"by hand"}]}"#;

    #[test]
    fn every_text_of_a_configuration_is_in_a_section() {
        let sections = sections(CONFIG.as_bytes()).unwrap();
        let found: Vec<(&str, &str)> = sections.iter().map(|s| (s.path.as_str(), s.text.as_str())).collect();
        assert_eq!(
            found,
            [
                ("", "architecture=amd64\nos=linux\n"),
                ("config.Cmd", "sh -c run --token abc"),
                ("config.Env", "A=1\nB=x \"y\"\n"),
                ("config.Healthcheck.Test", "CMD x"),
                ("config.Labels", "k=v\n"),
                ("history", "/bin/sh -c #(nop) ADD file:1 in / \nENV A=1\n|1 TOKEN=abc /bin/sh -c make # by hand\n"),
            ]
        );
    }

    #[test]
    fn a_layer_knows_its_step() {
        let steps = steps(CONFIG.as_bytes());
        assert_eq!(steps, [Some("ADD file:1 in /".into()), Some("|1 TOKEN=abc /bin/sh -c make".into())]);
        assert_eq!(plain("/bin/sh -c apk add curl"), "RUN apk add curl");
        assert_eq!(platform(CONFIG.as_bytes()).unwrap().to_string(), "linux/amd64");
    }
}
