//! What a thousand workers would each do or ask for is done and counted by one of them, and read by the others.

use super::{Counts, Result, Session, Store};
use crate::sweep::store::values;

/// For how many seconds jobs that were counted are not counted again.
const COUNTED: i64 = 2;

impl Store {
    /// Whether it is one's turn to do what is done once in so many seconds by whoever comes first.
    pub fn turn(&self, name: &str, now: i64, every: i64) -> Result<bool> {
        self.with(|session| take(session, name, now, every))
    }

    /// The jobs of all runs that are not ended, as somebody counted them a moment ago.
    pub fn counted(&self, now: i64) -> Result<Counts> {
        self.with(|session| {
            let rows = session.run("SELECT value, at FROM turns WHERE name = 'counts'", &[])?;
            let known = rows.first().map(|row| (Counts::parse(&row.text(0)), row.int(1)));
            match known {
                Some((known, at)) if at + COUNTED > now => Ok(known),
                known if !take(session, "counts", now, COUNTED)? => Ok(known.unwrap_or_default().0),
                _ => {
                    let counts = super::jobs::count(session, None)?;
                    let sql = "UPDATE turns SET value = $1 WHERE name = 'counts'";
                    session.run(sql, &values![counts.to_string()])?;
                    Ok(counts)
                }
            }
        })
    }
}

fn take(session: &mut dyn Session, name: &str, now: i64, every: i64) -> Result<bool> {
    let sql = "INSERT INTO turns (name, at, value) VALUES ($1, $2, '') ON CONFLICT (name) DO UPDATE SET at = excluded.at \
               WHERE turns.at <= $3 RETURNING name";
    Ok(!session.run(sql, &values![name, now, now - every])?.is_empty())
}
