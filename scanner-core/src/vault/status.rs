//! What of the vault's content has drifted: values that stand twice, that leaked, that are old; secrets that stand in no
//! vault. No value is in the list.

use super::index::{Gathered, Seen};
use crate::vaulted::Place;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};

const DAY: i64 = 86_400;

/// Parts of paths that name an environment, and what they stand for.
const ENVIRONMENTS: [(&str, &str); 14] = [
    ("prod", "production"),
    ("production", "production"),
    ("prd", "production"),
    ("live", "production"),
    ("staging", "staging"),
    ("stage", "staging"),
    ("stg", "staging"),
    ("dev", "development"),
    ("development", "development"),
    ("test", "test"),
    ("testing", "test"),
    ("qa", "test"),
    ("uat", "test"),
    ("sandbox", "sandbox"),
];

/// What is asked of entries.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted {
    /// Days after which a value is to be new.
    pub rotate_days: Option<u32>,
    /// Days that an old version may stay readable after it was replaced.
    pub keep_days: Option<u32>,
}

/// A secret that was found outside.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its fingerprint.
    pub fingerprint: String,
    /// The rule that found it.
    pub rule: String,
    /// What the provider says of it.
    pub validity: String,
    /// Where it was found first.
    pub at: String,
    /// Where in the vault it stands; empty when it stands nowhere.
    pub vaulted: Vec<Place>,
}

/// The drift list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Drift {
    /// One value that is the current one of several entries.
    pub duplicates: Vec<Duplicate>,
    /// Values that were found outside.
    pub leaked: Vec<Leaked>,
    /// Secrets that are alive and stand in no vault.
    pub unvaulted: Vec<Unvaulted>,
    /// Old versions that can still be read.
    pub stale: Vec<Stale>,
    /// Entries whose value is older than it should be.
    pub overdue: Vec<Overdue>,
    /// Entries of which the vault does not tell how old they are.
    pub ageless: u64,
}

/// One value that stands in several entries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Duplicate {
    /// Where.
    pub places: Vec<Place>,
    /// The environments that share it, when it is more than one.
    pub environments: Vec<String>,
}

/// One value that was found outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Leaked {
    /// Its fingerprint in the report.
    pub fingerprint: String,
    /// Where it was found first.
    pub at: String,
    /// Whether one of its places is current: then what leaked is in use.
    pub is_current: bool,
    /// Where in the vault it stands.
    pub places: Vec<Place>,
}

/// One secret that is alive and stands in no vault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unvaulted {
    /// Its fingerprint in the report.
    pub fingerprint: String,
    /// The rule that found it.
    pub rule: String,
    /// Where it was found first.
    pub at: String,
}

/// Old versions of an entry that can still be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stale {
    /// The vault's name.
    pub vault: String,
    /// Its path.
    pub entry: String,
    /// Which versions.
    pub versions: Vec<String>,
}

/// An entry that is older than it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Overdue {
    /// The vault's name.
    pub vault: String,
    /// Its path.
    pub entry: String,
    /// How old its current version is.
    pub days: i64,
}

impl Drift {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.duplicates.is_empty()
            && self.leaked.is_empty()
            && self.unvaulted.is_empty()
            && self.stale.is_empty()
            && self.overdue.is_empty()
    }
}

/// Makes the list from what the vaults hold and what was found outside; `now` counts seconds from 1970.
pub fn drift(gathered: &Gathered, found: &[Found], wanted: Wanted, now: i64) -> Drift {
    let (overdue, ageless) = overdue(&gathered.entries, wanted.rotate_days, now);
    Drift {
        duplicates: duplicates(gathered),
        leaked: leaked(found),
        unvaulted: unvaulted(found),
        stale: stale(&gathered.entries, wanted.keep_days, now),
        overdue,
        ageless,
    }
}

fn duplicates(gathered: &Gathered) -> Vec<Duplicate> {
    let mut by_value: HashMap<blake3::Hash, BTreeSet<&Place>> = HashMap::new();
    for item in gathered.items.iter().filter(|item| item.place.current) {
        by_value.entry(blake3::hash(item.value.expose())).or_default().insert(&item.place);
    }
    let entries =
        |places: &BTreeSet<&Place>| places.iter().map(|p| (&p.vault, &p.entry)).collect::<BTreeSet<_>>().len();
    let shared = by_value.into_values().filter(|places| entries(places) > 1);
    let mut duplicates: Vec<Duplicate> = shared
        .map(|places| {
            let environments: BTreeSet<&str> = places.iter().filter_map(|place| environment(place)).collect();
            let environments = if environments.len() > 1 { environments } else { BTreeSet::new() };
            Duplicate {
                places: places.into_iter().cloned().collect(),
                environments: environments.into_iter().map(str::to_owned).collect(),
            }
        })
        .collect();
    // Those that join environments are the worst.
    duplicates.sort_by(|a, b| b.environments.len().cmp(&a.environments.len()).then_with(|| a.places.cmp(&b.places)));
    duplicates
}

/// What a vault's name or a part of a path says.
fn environment(place: &Place) -> Option<&'static str> {
    let words = [&place.vault, &place.entry].into_iter().flat_map(|text| text.split(['/', '-', '_', '.']));
    let known = |word: &str| ENVIRONMENTS.iter().find(|(name, _)| word.eq_ignore_ascii_case(name)).map(|(_, of)| *of);
    words.filter_map(known).next()
}

fn leaked(found: &[Found]) -> Vec<Leaked> {
    let mut leaked: Vec<Leaked> = (found.iter().filter(|found| !found.vaulted.is_empty()))
        .map(|found| Leaked {
            fingerprint: found.fingerprint.clone(),
            at: found.at.clone(),
            is_current: found.vaulted.iter().any(|place| place.current),
            places: found.vaulted.clone(),
        })
        .collect();
    leaked.sort_by(|a, b| {
        b.is_current.cmp(&a.is_current).then_with(|| a.places.cmp(&b.places)).then_with(|| a.at.cmp(&b.at))
    });
    leaked
}

fn unvaulted(found: &[Found]) -> Vec<Unvaulted> {
    let is_alive = |found: &&Found| found.vaulted.is_empty() && found.validity == "active";
    let mut unvaulted: Vec<Unvaulted> = (found.iter().filter(is_alive))
        .map(|Found { fingerprint, rule, at, .. }| Unvaulted {
            fingerprint: fingerprint.clone(),
            rule: rule.clone(),
            at: at.clone(),
        })
        .collect();
    unvaulted.sort_by(|a, b| (&a.rule, &a.at, &a.fingerprint).cmp(&(&b.rule, &b.at, &b.fingerprint)));
    unvaulted
}

/// Old versions that stay readable longer than they may after the next one was written.
fn stale(entries: &[Seen], keep_days: Option<u32>, now: i64) -> Vec<Stale> {
    let Some(days) = keep_days else { return Vec::new() };
    let of_entry = |seen: &Seen| {
        let pairs = seen.versions.iter().zip(seen.versions.iter().skip(1).map(|next| next.created).chain([None]));
        let is_stale = |replaced: Option<i64>| replaced.is_none_or(|at| now - at >= i64::from(days) * DAY);
        let versions =
            pairs.filter(|(version, replaced)| version.is_readable && !version.is_current && is_stale(*replaced));
        let versions: Vec<String> = versions.map(|(version, _)| version.id.clone()).collect();
        (!versions.is_empty()).then(|| Stale { vault: seen.vault.clone(), entry: seen.entry.clone(), versions })
    };
    let mut stale: Vec<Stale> = entries.iter().filter_map(of_entry).collect();
    stale.sort_by(|a, b| (&a.vault, &a.entry).cmp(&(&b.vault, &b.entry)));
    stale
}

fn overdue(entries: &[Seen], rotate_days: Option<u32>, now: i64) -> (Vec<Overdue>, u64) {
    let Some(most) = rotate_days else { return (Vec::new(), 0) };
    let mut ageless = 0;
    let mut overdue: BTreeMap<(String, String), i64> = BTreeMap::new();
    for seen in entries {
        let current = seen.versions.iter().find(|version| version.is_current);
        match current.and_then(|current| current.created) {
            Some(created) if now - created >= i64::from(most) * DAY => {
                overdue.insert((seen.vault.clone(), seen.entry.clone()), (now - created) / DAY);
            }
            Some(_) => {}
            None => ageless += u64::from(current.is_some()),
        }
    }
    let mut overdue: Vec<Overdue> =
        overdue.into_iter().map(|((vault, entry), days)| Overdue { vault, entry, days }).collect();
    overdue.sort_by_key(|overdue| std::cmp::Reverse(overdue.days));
    (overdue, ageless)
}
