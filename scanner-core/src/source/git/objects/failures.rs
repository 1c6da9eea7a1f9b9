//! Objects that were wanted and could not be read: a second try from another copy, then a bounded number of warnings.

use std::collections::BTreeMap;

use crate::Warning;

use super::Objects;
use super::error::ObjectError;
use super::read::Reader;
use super::visit::{Kinds, Visit, Visitor};
use super::walk::Count;

/// More unreadable objects than this are counted, not listed.
const LISTED: usize = 100;

/// An object and why it was not read.
pub type Failure = (u32, ObjectError);

/// Visits the objects that another copy still holds; returns the others.
pub fn retry<V: Visitor>(
    objects: &Objects,
    failures: Vec<Failure>,
    kinds: Kinds,
    visitor: &mut V,
    count: &mut Count,
) -> Vec<Failure> {
    if objects.catalog.duplicates.is_empty() {
        return failures;
    }
    let (mut reader, mut state) = (Reader::new(), V::State::default());
    let mut lost = Vec::new();
    for (object, error) in failures {
        match reader.read(objects, object) {
            Ok((kind, bytes)) if kinds.contains(kind) => {
                count.add(bytes);
                visitor.visit(&Visit { object, kind, bytes, base: None, only_as_base: false }, &mut state);
            }
            Ok(_) => {}
            Err(_) => lost.push((object, error)),
        }
    }
    lost
}

/// One warning per object, in the order of their ids; beyond the first hundred, one per reason.
pub fn warnings(objects: &Objects, mut failures: Vec<Failure>) -> Vec<Warning> {
    failures.sort_by_key(|(object, _)| *object);
    let more = failures.split_off(failures.len().min(LISTED));
    let mut counts = BTreeMap::new();
    for (_, error) in &more {
        *counts.entry(error.code()).or_insert(0u64) += 1;
    }
    let listed = failures.iter().map(|(object, error)| error.warning(objects.id(*object)));
    let counted = counts.into_iter().map(|(code, count)| {
        Warning::unscanned(code, "git objects", format!("{count} more objects not scanned for a reason of this kind"))
    });
    listed.chain(counted).collect()
}
