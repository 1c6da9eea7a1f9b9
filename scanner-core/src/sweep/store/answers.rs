//! What providers said: asked once a run about each finding, whoever found it, and what that changes.

use super::alerts::{self, AlertKind};
use super::triage::STATE_NOW;
use super::{Result, Session, Store};
use crate::finding::{Doubt, Validity};
use crate::report::Verification;
use crate::sweep::store::values;

/// What the provider said of a finding, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// In full.
    pub validity: Validity,
    /// Seconds since 1970.
    pub asked: i64,
}

impl Answer {
    /// The answer; none where nobody asked.
    pub fn of(validity: &Validity, asked: i64) -> Option<Answer> {
        (*validity != Validity::Unchecked).then(|| Answer { validity: validity.clone(), asked })
    }

    /// From what stands in the store.
    fn stored(word: &str, verification: &str, asked: i64) -> Answer {
        let told: Verification = serde_json::from_str(verification).unwrap_or_default();
        let validity = match word {
            "active" => Validity::Active { identity: told.identity.into_iter().collect(), scopes: told.scopes },
            "inactive" => Validity::Inactive,
            _ => {
                let doubt = told.doubt.as_deref().and_then(Doubt::named).unwrap_or(Doubt::Strange);
                Validity::unknown(doubt, told.reason.unwrap_or_default())
            }
        };
        Answer { validity, asked }
    }

    fn verification(&self) -> String {
        serde_json::to_string(&Verification::new(&self.validity)).unwrap_or_default()
    }

    /// Why nobody can tell.
    pub fn doubt(&self) -> Option<Doubt> {
        match &self.validity {
            Validity::Unknown { doubt, .. } => Some(*doubt),
            _ => None,
        }
    }

    /// Whether a question went out: what could not be asked here may be asked about where more stands beside it.
    pub fn is_asked(&self) -> bool {
        self.doubt().is_none_or(|doubt| doubt.is_trouble() || doubt == Doubt::Gullible)
    }
}

/// Who asks about a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// We do.
    Ours,
    /// It was asked about in this run.
    Answered(Answer),
    /// Another does, now.
    Others,
}

/// A value under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The value with what it was seen with.
    pub bytes: Vec<u8>,
    /// Tells keys apart.
    pub by: String,
    /// Sets of values it was seen with: more replace fewer.
    pub sets: i64,
}

/// A finding whose value is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its id.
    pub id: String,
    /// The rule.
    pub rule: String,
    /// The value.
    pub sealed: Sealed,
}

impl Store {
    /// Asks for the right to ask about these findings in a run, until `until` or as long as the same job does it.
    pub fn claim(&self, (run, job): (&str, &str), ids: &[String], now: i64, until: i64) -> Result<Vec<Claim>> {
        let take = "INSERT INTO asks (run, finding, job, until) VALUES ($1, $2, $3, $4) ON CONFLICT (run, finding) DO UPDATE \
                    SET job = excluded.job, until = excluded.until WHERE asks.validity IS NULL \
                    AND (asks.job = excluded.job OR asks.until <= $5) RETURNING finding";
        let known = "SELECT validity, verification, asked FROM asks WHERE run = $1 AND finding = $2";
        self.with(|session| {
            let mut claims = Vec::new();
            for id in ids {
                if !session.run(take, &values![run, id, job, until, now])?.is_empty() {
                    claims.push(Claim::Ours);
                    continue;
                }
                let rows = session.run(known, &values![run, id])?;
                let answer =
                    rows.first().and_then(|row| Some(Answer::stored(&row.maybe_text(0)?, &row.text(1), row.int(2))));
                claims.push(answer.map_or(Claim::Others, Claim::Answered));
            }
            Ok(claims)
        })
    }

    /// Keeps what was said for whoever finds the same in this run; what could not be asked is free again.
    pub fn answered(&self, run: &str, answers: &[(String, Option<Answer>)]) -> Result<()> {
        let keep = "UPDATE asks SET validity = $1, verification = $2, asked = $3 WHERE run = $4 AND finding = $5";
        let free = "DELETE FROM asks WHERE run = $1 AND finding = $2 AND validity IS NULL";
        self.with(|session| {
            for (id, answer) in answers {
                match answer.as_ref().filter(|answer| answer.is_asked()) {
                    Some(answer) => {
                        let (word, told) = (answer.validity.as_str(), answer.verification());
                        session.run(keep, &values![word, told, answer.asked, run, id])?;
                    }
                    None => _ = session.run(free, &values![run, id])?,
                }
            }
            Ok(())
        })
    }

    /// Open findings whose values are kept, and those that are said to be ended and were not seen dead; by id, after `after`.
    pub fn kept(&self, after: &str, most: i64, now: i64) -> Result<Vec<Kept>> {
        let sql = format!(
            "SELECT id, rule, sealed, sealed_by, sealed_sets FROM findings WHERE ({STATE_NOW} = 'open' OR \
             (state IN ('revoked', 'rotated') AND alive = 1)) AND sealed IS NOT NULL AND id > $2 ORDER BY id LIMIT $3"
        );
        let rows = self.with(|session| session.run(&sql, &values![now, after, most]))?;
        let kept = |row: &super::Row| Kept {
            id: row.text(0),
            rule: row.text(1),
            sealed: Sealed { bytes: row.bytes(2).to_vec(), by: row.text(3), sets: row.int(4) },
        };
        Ok(rows.iter().map(kept).collect())
    }

    /// Writes down what providers said of findings that are stored.
    pub fn apply(&self, run: &str, answers: &[(String, Answer)], now: i64) -> Result<()> {
        self.with(|session| answers.iter().try_for_each(|(id, answer)| apply(session, id, answer, run, now)))
    }
}

/// Writes down what a provider said. What people said of the finding stays; what became of the secret is an alert.
///
/// Nobody's doubt takes away what the provider said for sure: that stands, with its day, and beside it that the last
/// question got no answer.
pub(super) fn apply(session: &mut dyn Session, id: &str, answer: &Answer, run: &str, now: i64) -> Result<()> {
    let sql = format!("SELECT validity, doubt, alive, died, {STATE_NOW}, changed FROM findings WHERE id = $2");
    let rows = session.run(&sql, &values![now, id])?;
    let Some(row) = rows.first() else { return Ok(()) };
    let (alive, died, state) = (row.maybe_int(2), row.maybe_int(3), row.text(4));
    let (alive, died) = match (&answer.validity, answer.doubt()) {
        (Validity::Active { .. }, _) => {
            let news = match state.as_str() {
                "open" if alive != Some(1) => Some((AlertKind::NewlyActive, answer.asked)),
                "revoked" | "rotated" => {
                    Some((AlertKind::StillLive, row.int(5))).filter(|(_, said)| *said < answer.asked)
                }
                _ => None,
            };
            if let Some((kind, occasion)) = news {
                alerts::raise(session, (kind, id, &occasion.to_string()), run, "", now)?;
                // Who hears that it works need not hear that it is there.
                alerts::forgo(session, (AlertKind::NewFinding, id, ""), run, now)?;
            }
            (Some(1_i64), None::<i64>)
        }
        (Validity::Inactive, _) => (Some(0), died.or((alive == Some(1)).then_some(answer.asked))),
        (_, Some(Doubt::Gullible)) => (None, None),
        (_, Some(doubt)) => {
            let was = Doubt::named(&row.text(1));
            let is_weaker = !doubt.is_trouble() && was.is_some_and(Doubt::is_trouble);
            if alive.is_some() || is_weaker {
                let unanswered = "UPDATE findings SET unanswered = $1 WHERE id = $2";
                let note = doubt.is_trouble().then_some(doubt.as_str());
                return match note {
                    Some(note) => session.run(unanswered, &values![note, id]).map(|_| ()),
                    None => Ok(()),
                };
            }
            (None, None)
        }
        _ => return Ok(()),
    };
    let update = "UPDATE findings SET validity = $1, doubt = $2, verification = $3, asked = $4, unanswered = NULL, \
                  alive = $5, died = $6 WHERE id = $7";
    let doubt = answer.doubt().map(Doubt::as_str);
    let values = values![answer.validity.as_str(), doubt, answer.verification(), answer.asked, alive, died, id];
    session.run(update, &values).map(|_| ())
}

/// Keeps a value under its key: in place of one of another key, or one that was seen with less.
pub(super) fn keep(session: &mut dyn Session, id: &str, sealed: &Sealed) -> Result<()> {
    let sql = "UPDATE findings SET sealed = $1, sealed_by = $2, sealed_sets = $3 WHERE id = $4 AND (sealed IS NULL \
               OR sealed_by <> $2 OR sealed_sets < $3)";
    session.run(sql, &values![sealed.bytes.clone(), &sealed.by, sealed.sets, id]).map(|_| ())
}
