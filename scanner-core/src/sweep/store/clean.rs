//! Objects that were scanned and hold nothing, kept for the forks and mirrors that share them: twelve bytes each.

use super::{Result, Session, Store};
use crate::blob::ObjectId;
use crate::sweep::store::values;
use std::collections::BTreeSet;

/// Parts of one family that are kept apart; more are made one.
const PARTS: usize = 24;

/// The first bytes of an object's id: two objects of one family that share them are not to be expected.
pub fn short_id(id: &ObjectId) -> [u8; 12] {
    let mut short = [0; 12];
    short.copy_from_slice(&id.0[..12]);
    short
}

/// A sorted set of such ids.
#[derive(Clone, Debug, Default)]
pub struct Clean(Vec<[u8; 12]>);

impl Clean {
    /// Of ids that stand one after the other.
    pub fn of(parts: impl IntoIterator<Item = Vec<u8>>) -> Clean {
        let mut ids: Vec<[u8; 12]> = Vec::new();
        for part in parts {
            ids.extend(part.chunks_exact(12).filter_map(|id| <[u8; 12]>::try_from(id).ok()));
        }
        ids.sort_unstable();
        ids.dedup();
        Clean(ids)
    }

    /// Whether an object is in it.
    pub fn contains(&self, id: &ObjectId) -> bool {
        self.has(&short_id(id))
    }

    /// Whether an id is in it.
    pub fn has(&self, id: &[u8; 12]) -> bool {
        self.0.binary_search(id).is_ok()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The ids one after the other.
    pub fn bytes(&self) -> Vec<u8> {
        self.0.concat()
    }

    /// Those that `keep` wants.
    pub fn filtered(&self, keep: impl Fn(&[u8; 12]) -> bool) -> Clean {
        Clean(self.0.iter().filter(|id| keep(id)).copied().collect())
    }
}

impl Store {
    /// The objects that hold nothing by these rules, of every family that is named.
    pub fn clean(&self, families: &[String], rules: &str) -> Result<Clean> {
        let mut parts = Vec::new();
        let sql = "SELECT ids FROM clean WHERE family = $1 AND rules = $2";
        for family in families.iter().collect::<BTreeSet<_>>() {
            let rows = self.with(|session| session.run(sql, &values![family, rules]))?;
            parts.extend(rows.iter().map(|row| row.bytes(0).to_vec()));
        }
        Ok(Clean::of(parts))
    }

    /// Forgets what was clean by rules that no repository is scanned with any more.
    pub fn forget_clean(&self, rules: &str) -> Result<()> {
        let sql = "DELETE FROM clean WHERE rules <> $1 AND rules NOT IN (SELECT rules FROM repositories WHERE rules IS NOT NULL AND status <> 'gone')";
        self.with(|session| session.run(sql, &values![rules])).map(|_| ())
    }
}

/// Adds a part, and makes one of many.
pub fn add(session: &mut dyn Session, family: &str, rules: &str, ids: &Clean) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    insert(session, family, rules, ids)?;
    let sql = "SELECT part, ids FROM clean WHERE family = $1 AND rules = $2";
    let count = session.run("SELECT count(*) FROM clean WHERE family = $1 AND rules = $2", &values![family, rules])?;
    if count.first().is_none_or(|row| row.int(0) <= PARTS as i64) {
        return Ok(());
    }
    let rows = session.run(sql, &values![family, rules])?;
    for row in &rows {
        let delete = "DELETE FROM clean WHERE family = $1 AND rules = $2 AND part = $3";
        session.run(delete, &values![family, rules, row.text(0)])?;
    }
    insert(session, family, rules, &Clean::of(rows.iter().map(|row| row.bytes(1).to_vec())))
}

/// A part is named for what it holds: the same one twice is one.
fn insert(session: &mut dyn Session, family: &str, rules: &str, ids: &Clean) -> Result<()> {
    let bytes = ids.bytes();
    let name = blake3::hash(&bytes).to_hex()[..32].to_owned();
    let sql = "INSERT INTO clean (family, rules, part, ids) VALUES ($1, $2, $3, $4) ON CONFLICT (family, rules, part) DO NOTHING";
    session.run(sql, &values![family, rules, name, bytes]).map(|_| ())
}
