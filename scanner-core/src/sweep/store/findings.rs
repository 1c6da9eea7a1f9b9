//! Findings as they are stored: one for a secret, whatever the number of its places; written twice they are the same.

use super::alerts::{self, AlertKind};
use super::answers::{self, Answer, Sealed};
use super::clean::{self, Clean};
use super::merge::{self, Old};
use super::repositories::{self, Left, leave};
use super::{Result, Session, Store};
use crate::finding::Finding;
use crate::report::{Json, Record, Report, Secrets};
use crate::summary::Summary;
use crate::sweep::key::StoreKey;
use crate::sweep::store::values;
use crate::warning::Warning;
use serde_json::Value as Data;

/// A finding on its way into the store.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// Its name under the store's key.
    pub id: String,
    /// As reports name it.
    pub fingerprint: String,
    /// The rule.
    pub rule: String,
    /// How bad it is.
    pub severity: String,
    /// Sorts by severity.
    pub rank: i64,
    /// The JSON of a report without places, and without the value.
    pub record: String,
    /// What the report says of the rule.
    pub about: String,
    /// Where it was seen.
    pub places: Vec<SeenAt>,
    /// Whether it counts, and is not only warned of.
    pub is_counted: bool,
    /// What the provider said, where it was asked.
    pub answer: Option<Answer>,
    /// The value under a key, where it is kept.
    pub sealed: Option<Sealed>,
}

/// One place of a finding.
#[derive(Clone, Debug, PartialEq)]
pub struct SeenAt {
    /// Its name within the repository.
    pub place: String,
    /// Its path.
    pub path: Option<String>,
    /// The commit that brought it.
    pub commit: Option<String>,
    /// When that was.
    pub time: Option<i64>,
    /// Whether `HEAD` holds it.
    pub in_head: Option<bool>,
    /// Whether it is a file of the history: of those one version is kept.
    pub is_version: bool,
    /// The JSON of a report.
    pub record: String,
}

/// What is known of a place beside what was seen there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stand {
    /// The finding.
    pub finding: String,
    /// The path.
    pub path: String,
    /// Whether `HEAD` holds the secret there.
    pub in_head: bool,
    /// By CODEOWNERS.
    pub owners: Vec<String>,
    /// Who changed the file last.
    pub last_author: Option<String>,
}

impl Seen {
    /// What is stored of findings: those that count or are warned of, and are no risky practice.
    pub fn of(findings: &[Finding], key: &StoreKey) -> Vec<Seen> {
        let kept = |finding: &&Finding| !finding.is_practice() && (finding.is_blocking() || finding.is_warning());
        let kept: Vec<&Finding> = findings.iter().filter(kept).collect();
        let Some(mut written) = written(&kept) else { return Vec::new() };
        let abouts = written["summary"]["rules"].take();
        let records = written["findings"].as_array_mut().map(std::mem::take).unwrap_or_default();
        let seen = kept.iter().zip(records).map(|(finding, record)| seen(finding, record, &abouts, key));
        let mut seen: Vec<Seen> = seen.collect();
        // In one order everywhere, so that two workers never wait for each other in a circle.
        seen.sort_by(|a, b| a.id.cmp(&b.id));
        seen
    }
}

/// The findings as a report without values writes them.
fn written(findings: &[&Finding]) -> Option<Data> {
    let mut text = Vec::new();
    let mut json = Json::new(&mut text);
    for finding in findings {
        json.record(&Record::new(finding, Secrets::Redacted)).ok()?;
    }
    json.finish(&Summary::default()).ok()?;
    drop(json);
    serde_json::from_slice(&text).ok()
}

fn seen(finding: &Finding, mut record: Data, abouts: &Data, key: &StoreKey) -> Seen {
    without(&mut record, &String::from_utf8_lossy(finding.secret.expose()));
    let places = record.as_object_mut().and_then(|record| record.remove("occurrences"));
    let places = places.as_ref().and_then(Data::as_array).map_or(Vec::new(), |places| places.iter().map(at).collect());
    Seen {
        id: key.tag(finding),
        fingerprint: finding.fingerprint.as_str().to_owned(),
        rule: finding.rule.id.clone(),
        severity: finding.rule.severity.as_str().to_owned(),
        rank: -(finding.rule.severity as i64),
        record: record.to_string(),
        about: abouts[&finding.rule.id].to_string(),
        places,
        is_counted: finding.is_blocking(),
        answer: None,
        sealed: None,
    }
}

/// Takes the value out of every text: a path may be made of it.
fn without(data: &mut Data, value: &str) {
    match data {
        Data::String(text) if !value.is_empty() && text.contains(value) => *text = text.replace(value, "…"),
        Data::Array(list) => list.iter_mut().for_each(|one| without(one, value)),
        Data::Object(fields) => fields.values_mut().for_each(|one| without(one, value)),
        _ => {}
    }
}

fn at(place: &Data) -> SeenAt {
    let text = |name: &str| place[name].as_str().map(str::to_owned);
    let mut hasher = blake3::Hasher::new();
    for name in ["source", "path", "origin", "commit", "line", "column", "end_line", "end_column", "trail"] {
        hasher.update(place[name].to_string().as_bytes()).update(b"\n");
    }
    SeenAt {
        place: hasher.finalize().to_hex()[..32].to_owned(),
        path: text("path"),
        commit: text("commit"),
        time: text("time").and_then(|time| crate::time::parse_rfc3339(&time)),
        in_head: place["in_head"].as_bool(),
        is_version: place["source"] == "history" && place["path"].is_string() && place["commit"].is_string(),
        record: place.to_string(),
    }
}

/// What one step of a scan leaves, written down in one transaction.
#[derive(Clone, Debug, Default)]
pub struct Step<'a> {
    /// What was found.
    pub seen: &'a [Seen],
    /// Objects that hold nothing, with their family and rules.
    pub clean: Option<(&'a str, &'a str, &'a Clean)>,
    /// How far it is, for what is read from a time on.
    pub mark: Option<&'a str>,
    /// What of it was not scanned, where nobody looks at it again when the scan goes on after an interruption.
    pub missed: &'a [Warning],
    /// It begins with nothing: what was missing before is forgotten.
    pub is_first: bool,
    /// What is left when all is done.
    pub left: Option<&'a Left>,
    /// The run it belongs to.
    pub run: &'a str,
}

impl Store {
    /// Writes findings, clean objects and the state of a repository: all of it or nothing. Gives the ids of new findings.
    pub fn write(&self, key: &str, step: &Step<'_>, now: i64) -> Result<Vec<String>> {
        self.with(|session| {
            let mut new = Vec::new();
            for seen in step.seen {
                if write_finding(session, (key, step.run), seen, now)? {
                    new.push(seen.id.clone());
                }
            }
            if let Some((family, rules, ids)) = step.clean {
                clean::add(session, family, rules, ids)?;
            }
            if step.is_first {
                repositories::forget_missed(session, key)?;
            }
            repositories::miss(session, key, step.missed, now)?;
            if let Some(mark) = step.mark {
                repositories::mark(session, key, mark)?;
            }
            if let Some(left) = step.left {
                leave(session, key, left, now)?;
            }
            Ok(new)
        })
    }

    /// The paths of a repository's findings in its history, each with the findings there.
    pub fn paths(&self, key: &str) -> Result<Vec<(String, Vec<String>)>> {
        let sql = "SELECT path, finding FROM places WHERE repository = $1 AND path IS NOT NULL AND commit_id IS NOT NULL \
                   GROUP BY path, finding ORDER BY path, finding";
        let rows = self.with(|session| session.run(sql, &values![key]))?;
        let mut paths: Vec<(String, Vec<String>)> = Vec::new();
        for row in rows {
            match paths.last_mut().filter(|(path, _)| *path == row.text(0)) {
                Some((_, findings)) => findings.push(row.text(1)),
                None => paths.push((row.text(0), vec![row.text(1)])),
            }
        }
        Ok(paths)
    }

    /// Writes where findings stand today. What was ended, had left `HEAD` and is there again came back.
    pub fn stand(&self, (key, run): (&str, &str), stands: &[Stand], now: i64) -> Result<()> {
        let had = "SELECT count(*) FROM places WHERE finding = $1 AND repository = $2 AND path = $3 AND in_head = 0";
        let sql = "UPDATE places SET in_head = $1, owners = $2, last_author = COALESCE($3, last_author) \
                   WHERE finding = $4 AND repository = $5 AND path = $6";
        self.with(|session| {
            for stand in stands {
                let (owners, author) = (stand.owners.join("\n"), stand.last_author.as_deref());
                if stand.in_head {
                    let rows = session.run(had, &values![&stand.finding, key, &stand.path])?;
                    if rows.first().is_some_and(|row| row.int(0) > 0) {
                        returned(session, (key, run), &stand.finding, now)?;
                    }
                }
                session.run(sql, &values![stand.in_head, owners, author, &stand.finding, key, &stand.path])?;
            }
            Ok(())
        })
    }
}

/// Whether it was new.
fn write_finding(session: &mut dyn Session, (key, run): (&str, &str), seen: &Seen, now: i64) -> Result<bool> {
    let known = session.run("SELECT state FROM findings WHERE id = $1", &values![&seen.id])?;
    let insert = "INSERT INTO findings (id, fingerprint, rule, severity, rank, record, about, state, first_seen, last_seen) \
                  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (id) DO UPDATE SET \
                  severity = excluded.severity, rank = excluded.rank, record = excluded.record, about = excluded.about, \
                  last_seen = excluded.last_seen";
    let Seen { id, fingerprint, rule, severity, rank, record, about, places, is_counted, answer, sealed } = seen;
    session.run(insert, &values![id, fingerprint, rule, severity, *rank, record, about, "open", now, now])?;
    if let Some(sealed) = sealed {
        answers::keep(session, id, sealed)?;
    }
    if let Some(answer) = answer {
        answers::apply(session, id, answer, run, now)?;
    }
    let is_open = known.first().is_none_or(|row| row.text(0) == "open");
    if *is_counted && is_open {
        alerts::raise(session, (AlertKind::NewFinding, id, ""), run, "", now)?;
    }
    write_places(session, (key, run), id, places, now)?;
    Ok(known.is_empty())
}

fn write_places(
    session: &mut dyn Session,
    (key, run): (&str, &str),
    id: &str,
    places: &[SeenAt],
    now: i64,
) -> Result<()> {
    let sql = "SELECT place, path, commit_id, time, in_head FROM places WHERE finding = $1 AND repository = $2";
    let old: Vec<Old> = (session.run(sql, &values![id, key])?.iter())
        .map(|row| Old {
            place: row.text(0),
            path: row.maybe_text(1),
            commit: row.maybe_text(2),
            time: row.maybe_int(3),
            is_in_head: row.maybe_int(4) == Some(1),
        })
        .collect();
    let change = merge::merge(&old, places);
    for place in &change.gone {
        let delete = "DELETE FROM places WHERE finding = $1 AND repository = $2 AND place = $3";
        session.run(delete, &values![id, key, place])?;
    }
    let insert = "INSERT INTO places (finding, repository, place, path, commit_id, time, in_head, last_author, record, \
                  first_seen) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
                  ON CONFLICT (finding, repository, place) DO NOTHING";
    for at in &change.new {
        let author = serde_json::from_str::<Data>(&at.record).ok();
        let author = author.as_ref().and_then(|record| record["author"].as_str());
        let SeenAt { place, path, commit, time, in_head, record, .. } = at;
        let (path, commit) = (path.as_deref(), commit.as_deref());
        session.run(insert, &values![id, key, place, path, commit, *time, *in_head, author, record, now])?;
    }
    let is_back = match merge::latest_where_it_had_left(&old, places) {
        Some(time) => is_after(session, key, id, time)?,
        None => false,
    };
    if change.is_elsewhere || is_back {
        returned(session, (key, run), id, now)?;
    }
    Ok(())
}

/// Whether a commit is younger than the last scan of its repository and what was said of the finding: not merely read again.
fn is_after(session: &mut dyn Session, key: &str, id: &str, time: i64) -> Result<bool> {
    let scanned = session.run("SELECT scanned FROM repositories WHERE key = $1", &values![key])?;
    let changed = session.run("SELECT changed FROM findings WHERE id = $1", &values![id])?;
    let known = scanned.first().into_iter().chain(changed.first()).filter_map(|row| row.maybe_int(0)).max();
    Ok(known.is_some_and(|known| time > known))
}

/// What was ended and is brought in again is told of, once until somebody says something of it.
fn returned(session: &mut dyn Session, (key, run): (&str, &str), id: &str, now: i64) -> Result<()> {
    let sql = "UPDATE findings SET returned = $1 WHERE id = $2 AND state IN ('revoked', 'rotated') AND changed <= $1 \
               AND returned IS NULL RETURNING changed";
    let rows = session.run(sql, &values![now, id])?;
    let Some(row) = rows.first() else { return Ok(()) };
    alerts::raise(session, (AlertKind::Returned, id, &row.int(0).to_string()), run, &format!("seen in {key}"), now)
}
