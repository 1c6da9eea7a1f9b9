//! Places of a finding in one repository, old and new: of the versions of a file the first that held it is kept, so that many
//! small scans leave what one large one would.

use super::findings::SeenAt;
use std::collections::HashMap;

/// A place that is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Old {
    /// Its name.
    pub place: String,
    /// Its path.
    pub path: Option<String>,
    /// The commit that brought it.
    pub commit: Option<String>,
    /// When that was.
    pub time: Option<i64>,
    /// Whether `HEAD` holds it.
    pub is_in_head: bool,
}

/// What is to be done.
#[derive(Debug, Default, PartialEq)]
pub struct Change<'a> {
    /// Places to be written.
    pub new: Vec<&'a SeenAt>,
    /// Places that an earlier version stands for.
    pub gone: Vec<String>,
    /// Whether one is at a path that is not stored yet.
    pub is_elsewhere: bool,
}

type Age<'a> = (Option<i64>, &'a str);

/// Compares what is stored with what was seen.
pub fn merge<'a>(old: &[Old], seen: &'a [SeenAt]) -> Change<'a> {
    let mut first: HashMap<&str, Age<'_>> = HashMap::new();
    let stored = old.iter().filter_map(|old| Some((old.path.as_deref()?, (old.time, old.commit.as_deref()?))));
    let versions = seen.iter().filter(|seen| seen.is_version);
    let versions = versions.filter_map(|seen| Some((seen.path.as_deref()?, (seen.time, seen.commit.as_deref()?))));
    for (path, age) in stored.chain(versions) {
        let known = first.entry(path).or_insert(age);
        *known = age.min(*known);
    }
    let is_first = |path: &str, commit: Option<&str>| first.get(path).is_none_or(|(_, first)| Some(*first) == commit);
    let has = |place: &str| old.iter().any(|old| old.place == place);
    let is_kept = |seen: &&SeenAt| {
        !has(&seen.place)
            && (!seen.is_version || is_first(seen.path.as_deref().unwrap_or_default(), seen.commit.as_deref()))
    };
    let is_late = |old: &&Old| {
        old.commit.is_some() && old.path.as_deref().is_some_and(|path| !is_first(path, old.commit.as_deref()))
    };
    let new: Vec<&SeenAt> = seen.iter().filter(is_kept).collect();
    let is_elsewhere = new.iter().any(|seen| old.iter().all(|old| old.path != seen.path || old.path.is_none()));
    Change { new, gone: old.iter().filter(is_late).map(|old| old.place.clone()).collect(), is_elsewhere }
}

/// When the youngest version was made of a file that held it before and does not in `HEAD`: it may have been brought in again.
pub fn latest_where_it_had_left(old: &[Old], seen: &[SeenAt]) -> Option<i64> {
    let has_left = |path: &str| {
        let mut places = old.iter().filter(|old| old.path.as_deref() == Some(path)).peekable();
        places.peek().is_some() && places.all(|old| !old.is_in_head)
    };
    let versions = seen.iter().filter(|seen| seen.is_version && seen.path.as_deref().is_some_and(has_left));
    versions.filter_map(|seen| seen.time).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(place: &str, path: &str, commit: &str, time: i64) -> SeenAt {
        SeenAt {
            place: place.into(),
            path: Some(path.into()),
            commit: Some(commit.into()),
            time: Some(time),
            in_head: None,
            is_version: true,
            record: String::new(),
        }
    }

    fn old(place: &str, path: &str, commit: &str, time: i64) -> Old {
        Old {
            place: place.into(),
            path: Some(path.into()),
            commit: Some(commit.into()),
            time: Some(time),
            is_in_head: false,
        }
    }

    #[test]
    fn of_the_versions_of_a_file_the_first_is_kept_in_whatever_order_they_come() {
        let (early, late) = (seen("p1", "a.env", "c1", 1), seen("p2", "a.env", "c2", 2));
        let both = [late.clone(), early.clone()];
        assert_eq!(merge(&[], &both).new, [&early]);
        assert_eq!(merge(&[old("p1", "a.env", "c1", 1)], std::slice::from_ref(&late)), Change::default());
        let change = merge(&[old("p2", "a.env", "c2", 2)], std::slice::from_ref(&early));
        assert_eq!((change.new, change.gone), (vec![&early], vec!["p2".to_owned()]));
        assert_eq!(merge(&[old("p1", "a.env", "c1", 1)], std::slice::from_ref(&early)), Change::default());
    }

    #[test]
    fn what_left_the_head_may_come_back_in_a_younger_version() {
        let (gone, here) = (old("p1", "a.env", "c1", 1), old("p1", "a.env", "c1", 1));
        let again = [seen("p2", "a.env", "c2", 9), seen("p3", "b.env", "c3", 12)];
        assert_eq!(latest_where_it_had_left(&[gone], &again), Some(9));
        assert_eq!(latest_where_it_had_left(&[Old { is_in_head: true, ..here }], &again), None);
    }

    #[test]
    fn another_path_is_another_place() {
        let other = seen("p3", "b.env", "c3", 3);
        let change = merge(&[old("p1", "a.env", "c1", 1)], std::slice::from_ref(&other));
        assert_eq!((change.new, change.is_elsewhere), (vec![&other], true));
    }
}
