//! Which values are asked about together, and what several answers come to.

use super::values::kind;
use crate::finding::{Doubt, PartSet, PartSets, Validity};
use std::collections::{BTreeMap, BTreeSet};

/// The sets to ask with, each holding what is `needed`, and whether there may be more. `None` stands for a rule that is not
/// asked by an exchange: it takes the sets as they were seen.
pub fn to_ask(seen: &PartSets, needed: Option<&BTreeSet<String>>) -> (Vec<PartSet>, bool) {
    let Some(needed) = needed else {
        let sets = if seen.is_empty() { vec![PartSet::new()] } else { seen.sets().to_vec() };
        return (sets, seen.is_cut);
    };
    let mut whole: Vec<PartSet> = Vec::new();
    let mut values: BTreeMap<&str, PartSet> = BTreeMap::new();
    for set in seen.sets() {
        let is_wanted = |(rule, _): &&(String, crate::secret::Secret)| needed.contains(kind(rule));
        for (rule, value) in set.iter().filter(is_wanted) {
            let known = values.entry(kind(rule)).or_default();
            if !known.iter().any(|(_, other)| other == value) {
                known.push((rule.clone(), value.clone()));
            }
        }
        let wanted: PartSet = set.iter().filter(is_wanted).cloned().collect();
        let kinds: BTreeSet<&str> = wanted.iter().map(|(rule, _)| kind(rule)).collect();
        if kinds.len() == needed.len() && !whole.contains(&wanted) {
            whole.push(wanted);
        }
    }
    // Values that never stood together may belong together, where nothing else does.
    if whole.is_empty() {
        let lists: Option<Vec<&PartSet>> = needed.iter().map(|name| values.get(name.as_str())).collect();
        return lists.map_or((vec![PartSet::new()], false), |lists| product(&lists, seen.is_cut));
    }
    (whole, seen.is_cut)
}

fn product(lists: &[&PartSet], is_cut: bool) -> (Vec<PartSet>, bool) {
    let mut sets = vec![PartSet::new()];
    let mut is_cut = is_cut;
    for list in lists {
        let more = sets
            .iter()
            .flat_map(|set| list.iter().map(|part| set.iter().cloned().chain([part.clone()]).collect::<PartSet>()));
        sets = more.collect();
        is_cut |= sets.len() > PartSets::MOST;
        sets.truncate(PartSets::MOST);
    }
    (sets, is_cut)
}

/// What several answers about one secret come to: active anywhere is active, inactive needs every one of them.
pub fn together(answers: Vec<Validity>, is_cut: bool) -> Validity {
    let mut doubts = Vec::new();
    for answer in answers {
        match answer {
            active @ Validity::Active { .. } => return active,
            Validity::Inactive => {}
            other => doubts.push(other),
        }
    }
    match doubts.into_iter().next() {
        Some(doubt) => doubt,
        None if is_cut => Validity::unknown(Doubt::Incomplete, "it belongs with more values than are tried"),
        None => Validity::Inactive,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn seen(sets: &[&[(&str, &str)]]) -> PartSets {
        let mut seen = PartSets::new();
        for set in sets {
            seen.add(set.iter().map(|(rule, value)| ((*rule).to_owned(), Secret::new(value.as_bytes()))).collect());
        }
        seen
    }

    fn asked(seen: &PartSets, needed: &[&str]) -> Vec<String> {
        let needed: BTreeSet<String> = needed.iter().map(|name| (*name).to_owned()).collect();
        let text = |set: &PartSet| {
            let values = set.iter().map(|(_, value)| String::from_utf8_lossy(value.expose()).into_owned());
            values.collect::<Vec<_>>().join("+")
        };
        to_ask(seen, Some(&needed)).0.iter().map(text).collect()
    }

    #[test]
    fn what_stood_together_is_asked_together_and_strangers_only_where_nothing_did() {
        let both = seen(&[&[("a.id", "1"), ("a.host", "x")], &[("a.id", "2"), ("a.host", "y")], &[("a.id", "3")]]);
        assert_eq!(asked(&both, &["host", "id"]), ["1+x", "2+y"]);
        assert_eq!(asked(&both, &["id"]), ["1", "2", "3"]);
        assert_eq!(asked(&both, &[]), [""]);
        let apart = seen(&[&[("a.id", "1")], &[("a.id", "2")], &[("a.host", "x")]]);
        assert_eq!(asked(&apart, &["host", "id"]), ["x+1", "x+2"]);
        assert_eq!(asked(&seen(&[]), &["id"]), [""]);
        let many: Vec<[(&str, &str); 1]> =
            ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"].map(|id| [("a.id", id)]).into();
        let many = seen(&many.iter().map(|set| &set[..]).collect::<Vec<_>>());
        assert!(many.is_cut && asked(&many, &["id"]).len() == PartSets::MOST);
    }

    #[test]
    fn a_secret_is_dead_only_when_all_refuse_it() {
        let unknown = || Validity::unknown(Doubt::Timeout, "late");
        let active = || Validity::Active { identity: Vec::new(), scopes: None };
        let table = [
            (vec![Validity::Inactive, active()], false, "active"),
            (vec![unknown(), active()], false, "active"),
            (vec![Validity::Inactive, unknown()], false, "unknown"),
            (vec![Validity::Inactive, Validity::Inactive], false, "inactive"),
            (vec![Validity::Inactive], true, "unknown"),
        ];
        for (answers, is_cut, expected) in table {
            assert_eq!(together(answers, is_cut).as_str(), expected);
        }
    }
}
