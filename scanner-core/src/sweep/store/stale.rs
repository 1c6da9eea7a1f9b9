//! Findings that no scan would make again today: a fact about them, not a state.

use super::{Result, Store};
use crate::sweep::store::values;
use std::collections::BTreeMap;

/// The rule is not among those of the last run.
const NO_RULE: &str = "its rule is gone";
/// Every repository that held it was scanned as a whole since, and it was not seen: another gate or allowlist leaves it
/// out, or what held it is there no longer.
const NOT_SEEN: &str = "the last scan of everything did not see it";

impl Store {
    /// Findings that are stale, by their ids, each with the reason.
    pub fn stale(&self) -> Result<BTreeMap<String, &'static str>> {
        let last = "SELECT rules FROM runs ORDER BY started DESC, id DESC LIMIT 1";
        let last = self.with(|session| session.run(last, &[]))?;
        let pack = last.first().map(|row| self.pack(&row.text(0))).transpose()?.flatten();
        let unseen = "SELECT id FROM findings WHERE EXISTS (SELECT 1 FROM places WHERE finding = findings.id) AND NOT EXISTS \
                      (SELECT 1 FROM places JOIN repositories ON key = repository WHERE finding = findings.id \
                      AND (whole IS NULL OR whole <= findings.last_seen))";
        let unseen = self.with(|session| session.run(unseen, &[]))?;
        let mut stale: BTreeMap<String, &'static str> = unseen.iter().map(|row| (row.text(0), NOT_SEEN)).collect();
        if let Some(pack) = pack {
            let rules = self.with(|session| session.run("SELECT DISTINCT rule FROM findings", &[]))?;
            for rule in rules.iter().map(|row| row.text(0)).filter(|rule| !pack.rules.contains_key(rule)) {
                let of_rule = "SELECT id FROM findings WHERE rule = $1";
                let rows = self.with(|session| session.run(of_rule, &values![&rule]))?;
                stale.extend(rows.iter().map(|row| (row.text(0), NO_RULE)));
            }
        }
        Ok(stale)
    }
}
