//! Values that anyone may know, from the rule pack's `allowlist.toml`: samples of documentation, emulators' keys.

use crate::rule::known::KnownValues;
use crate::secret::hex;
use std::collections::HashMap;
use std::sync::LazyLock;

/// Made by `build.rs` from `rules/allowlist.toml`.
static EMBEDDED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/known.pack"));

struct Labels {
    digests: HashMap<String, String>,
    values: HashMap<String, String>,
}

static LABELS: LazyLock<Labels> = LazyLock::new(|| {
    let file: KnownValues =
        postcard::from_bytes(EMBEDDED).expect("the pack was written by this version's build script");
    let mut labels = Labels { digests: HashMap::new(), values: HashMap::new() };
    for known in file.known {
        labels.digests.extend(known.digests.into_iter().map(|digest| (digest, known.label.clone())));
        labels.values.extend(known.values.into_iter().map(|value| (value, known.label.clone())));
    }
    labels
});

/// What a public value is, in a few words; `None` for a value that is not known to be public.
pub fn label(value: &[u8]) -> Option<&'static str> {
    let plain = std::str::from_utf8(value).ok().and_then(|value| LABELS.values.get(value));
    let mut digest = [0u8; 16];
    blake3::Hasher::new().update(value).finalize_xof().fill(&mut digest);
    plain.or_else(|| LABELS.digests.get(&hex(&digest))).map(String::as_str)
}
