//! Archives of every format, made by the tools that people use and by hand, with a secret inside.

mod bombs;
mod damage;
pub mod documents;
mod formats;
pub mod made;

use made::Formats;
use std::sync::LazyLock;
use stopleak_core::archive::Limits;
use stopleak_core::detect::Engine;
use stopleak_core::scan::scan_content;
use stopleak_core::{Origin, RuleSet, Warning};

static ENGINE: LazyLock<Engine> = LazyLock::new(|| Engine::new(RuleSet::embedded()));
pub static FORMATS: LazyLock<Formats> = LazyLock::new(Formats::new);

/// What was found: value, path and line.
type Found = (String, String, u32);

fn scan_within(bytes: &[u8], name: &str, limits: &Limits) -> (Vec<Found>, Vec<Warning>) {
    let origin = Origin::File { path: name.to_owned() };
    let (findings, warnings) = scan_content(&ENGINE, bytes, origin, limits);
    let places = findings.iter().flat_map(|finding| {
        let value = String::from_utf8_lossy(finding.secret.expose()).into_owned();
        finding
            .occurrences
            .iter()
            .map(move |place| (value.clone(), place.origin.path().unwrap_or_default().to_owned(), place.position.line))
    });
    let mut places: Vec<Found> = places.collect();
    places.sort();
    (places, warnings)
}

fn scan(bytes: &[u8], name: &str) -> (Vec<Found>, Vec<Warning>) {
    scan_within(bytes, name, &Limits::default())
}

/// The paths where this value was found.
fn paths(found: &[Found], value: &str) -> Vec<String> {
    found.iter().filter(|(secret, ..)| secret == value).map(|(_, path, _)| path.clone()).collect()
}
