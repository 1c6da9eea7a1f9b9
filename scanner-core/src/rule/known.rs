//! Values that are public: samples of documentation, keys of emulators, default passwords (`rules/allowlist.toml`).

use serde::{Deserialize, Serialize};

/// The file as people write it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct KnownValues {
    /// Entries in the order of the file.
    #[serde(default)]
    pub known: Vec<Known>,
}

/// Values of one origin.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Known {
    /// What they are, in a few words.
    pub label: String,
    /// Where they are published.
    pub reference: String,
    /// The first 16 bytes of BLAKE3 of each value, in hex: what looks like a secret is not kept here.
    #[serde(default)]
    pub digests: Vec<String>,
    /// Values that look like no secret.
    #[serde(default)]
    pub values: Vec<String>,
}

impl KnownValues {
    /// Reads and checks the file; errors name the entry.
    pub fn parse(text: &str) -> Result<KnownValues, String> {
        let file: KnownValues = toml::from_str(text).map_err(|error| error.to_string())?;
        for known in &file.known {
            let is_digest =
                |text: &String| text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
            if let Some(wrong) = known.digests.iter().find(|digest| !is_digest(digest)) {
                return Err(format!("`{}`: `{wrong}` is no digest of 32 hex digits", known.label));
            }
            if known.label.trim().is_empty() || !known.reference.starts_with("https://") {
                return Err(format!("`{}`: an entry needs a label and an https reference", known.label));
            }
        }
        Ok(file)
    }
}
