//! What people wrote: issues, requests to merge, and the comments on them, as texts.
//!
//! Each list is read from the time on that it was read to before, in the order of changes: who writes meanwhile moves nothing
//! out of sight, and an interruption costs a page.
//! <https://docs.github.com/en/rest/issues>, <https://docs.gitlab.com/api/issues/>, <https://docs.gitlab.com/api/notes/>

use super::{Access, Repo, TargetError};
use crate::forge::{Client, Fetched, Forge, ForgeError, Marks};
use crate::time::rfc3339;
use crate::warning::Warning;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, HashSet};
use std::ops::ControlFlow;

/// Seconds that are read twice: a server may show a change a moment after its time.
const OVERLAP: i64 = 120;
/// Pages of one list.
const MAX_PAGES: usize = 100_000;

/// Something that was written, as it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// Where it is read: the forge's page.
    pub address: String,
    /// Its place below the repository: `issues/7`, `issues/7/notes/12`.
    pub path: String,
    /// Who wrote it.
    pub author: String,
    /// When it was changed last: seconds since 1970.
    pub updated: Option<i64>,
    /// The title and the text.
    pub text: String,
}

/// How far the lists of a repository were read. Opaque: kept as JSON, passed back as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reached(BTreeMap<String, Mark>);

/// How far one list was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Mark {
    /// Everything up to then.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<i64>,
    /// The same when it was last read to its end, comments included.
    #[serde(skip_serializing_if = "Option::is_none")]
    whole: Option<i64>,
    /// What changed in the moments before, and when: it is no news when it is sent again.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    last: BTreeMap<String, i64>,
    /// What the answer to the next question was marked with.
    #[serde(skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    modified: Option<String>,
}

/// What a reading gave beside the texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// What could not be read.
    pub warnings: Vec<Warning>,
    /// Texts that were not as they were.
    pub news: u64,
}

/// How a list is ordered, by which it is decided where to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    /// What changed last comes last: each question begins at the time where the page before ended.
    Rising,
    /// What changed last comes first, and there is no time to begin from.
    Falling,
    /// Another one, which changes do not touch.
    Other,
}

/// A list of texts.
struct List {
    /// The part of the path that names one: `issues`, `issues/comments`.
    part: &'static str,
    /// Below the API's base.
    path: String,
    query: &'static str,
    /// The parameter of a time to begin from; empty for none.
    after: &'static str,
    order: Order,
}

impl List {
    fn query(&self, since: Option<i64>) -> String {
        match since.filter(|_| !self.after.is_empty()) {
            Some(since) => format!("{}&{}={}", self.query, self.after, rfc3339(since)),
            None => self.query.to_owned(),
        }
    }
}

/// Takes texts, and how far it is once they are written down; breaks to be stopped.
pub type Take<'a> = dyn FnMut(Vec<Text>, &Reached) -> ControlFlow<()> + 'a;

/// Whether a forge is asked for what people wrote there.
pub fn are_read(forge: Forge) -> bool {
    matches!(forge, Forge::Github | Forge::Gitlab | Forge::Gitea)
}

impl Access<'_> {
    /// Hands over what was written at a repository (one of kind `Issues`) since it was read so far. A list that has not
    /// changed costs one request.
    pub fn texts(&self, repo: &Repo, reached: &mut Reached, take: &mut Take<'_>) -> Result<Read, TargetError> {
        let unknown = || ForgeError::Target("its forge is not known: issues are read at GitHub, GitLab and Gitea");
        let client = self.client_of(repo)?.ok_or_else(unknown)?;
        let name = name(&repo.address).ok_or_else(unknown)?;
        let lists = lists(client.server().forge(), name).ok_or_else(unknown)?;
        let mut reader = Reader { client: &client, name, reached, take, read: Read::default() };
        for list in lists {
            let read = match reader.read(&list) {
                // Where issues are switched off, requests to merge have a list of their own.
                Err(ForgeError::Gone { .. }) if list.part == "issues" && client.server().forge() == Forge::Github => {
                    reader.read(&pulls(name))
                }
                read => read,
            };
            match read {
                Ok(ControlFlow::Continue(())) => {}
                Ok(ControlFlow::Break(())) => break,
                Err(error) => {
                    let warning = error.warning(&format!("{} ({})", repo.key, list.part));
                    reader.read.warnings.push(warning);
                }
            }
        }
        Ok(reader.read)
    }
}

/// `owner/name` of an address of issues.
fn name(address: &str) -> Option<&str> {
    let (_, rest) = address.split_once("://")?;
    let (_, path) = rest.split_once('/')?;
    path.strip_suffix("/issues")
}

fn lists(forge: Forge, name: &str) -> Option<Vec<List>> {
    let project = format!("/projects/{}", name.replace('/', "%2F"));
    let of = |base: &str, part, query, after, order| List { part, path: format!("{base}/{part}"), query, after, order };
    let repository = format!("/repos/{name}");
    Some(match forge {
        Forge::Github => {
            let (all, rising) =
                ("state=all&per_page=100&sort=updated&direction=asc", "per_page=100&sort=updated&direction=asc");
            vec![
                of(&repository, "issues", all, "since", Order::Rising),
                of(&repository, "issues/comments", rising, "since", Order::Rising),
                of(&repository, "pulls/comments", rising, "since", Order::Rising),
            ]
        }
        Forge::Gitea => vec![
            of(&repository, "issues", "state=all&limit=50", "since", Order::Other),
            of(&repository, "issues/comments", "limit=50", "since", Order::Other),
        ],
        Forge::Gitlab => {
            let query = "per_page=100&scope=all&order_by=updated_at&sort=asc";
            vec![
                of(&project, "issues", query, "updated_after", Order::Rising),
                of(&project, "merge_requests", query, "updated_after", Order::Rising),
            ]
        }
        Forge::Bitbucket | Forge::Azure => return None,
    })
}

fn pulls(name: &str) -> List {
    let query = "state=all&per_page=100&sort=updated&direction=desc";
    List { part: "pulls", path: format!("/repos/{name}/pulls"), query, after: "", order: Order::Falling }
}

/// Reads what was written at one repository.
struct Reader<'a, 't> {
    client: &'a Client<'t>,
    /// `owner/name`.
    name: &'a str,
    reached: &'a mut Reached,
    take: &'a mut dyn FnMut(Vec<Text>, &Reached) -> ControlFlow<()>,
    read: Read,
}

/// One list while it is read.
struct Reading {
    /// As it was when it was begun.
    old: Mark,
    /// As it is once what was handed over is written down.
    mark: Mark,
    /// Comments could not be read of something that changed then: the next time begins there.
    held: Option<i64>,
    /// It begins there.
    since: Option<i64>,
    seen: HashSet<(String, Option<i64>)>,
}

impl Reader<'_, '_> {
    fn read(&mut self, list: &List) -> Result<ControlFlow<()>, ForgeError> {
        let old = self.reached.0.get(list.part).cloned().unwrap_or_default();
        let since = old.since.map(|since| since - OVERLAP);
        let mut reading = Reading { mark: old.clone(), old, held: None, since, seen: HashSet::new() };
        let mut query = list.query(since);
        let (mut asked, first) = (HashSet::new(), query.clone());
        let mut marks = Marks { etag: reading.old.etag.clone(), modified: reading.old.modified.clone() };
        let answer = loop {
            let what = format!("the {} of {}", list.part, self.name);
            let fetched = self.client.fetch(&format!("{}?{query}", list.path), &std::mem::take(&mut marks), &what)?;
            let Some(page) = fetched.json::<Vec<Value>>(&what)? else { return Ok(ControlFlow::Continue(())) };
            let before = reading.mark.since;
            if self.page(list, &page, &mut reading).is_break() {
                return Ok(ControlFlow::Break(()));
            }
            asked.insert(query.clone());
            let is_behind = |page: &[Value]| {
                let last = page.last().and_then(|last| text(list.part, last).updated);
                last.zip(since).is_some_and(|(last, since)| last < since)
            };
            let next = fetched.next_query(&query).filter(|_| list.order != Order::Falling || !is_behind(&page));
            let Some(next) = next else { break fetched };
            // A moment that fills a whole page is read page by page.
            query = match list.order == Order::Rising && reading.mark.since > before {
                // Whether what changed at the time itself is sent, not every server tells.
                true => list.query(reading.mark.since.map(|since| since - 1)),
                false => next,
            };
            if asked.contains(&query) || asked.len() > MAX_PAGES {
                let reason = "its pages go in circles".to_owned();
                return Err(ForgeError::Unreadable { what, reason });
            }
        };
        self.end(list, reading, &answer, asked.len() == 1 && first == query);
        Ok((self.take)(Vec::new(), self.reached))
    }

    /// Hands over what is on a page, with its comments where they come one by one.
    fn page(&mut self, list: &List, page: &[Value], reading: &mut Reading) -> ControlFlow<()> {
        let mut texts = Vec::new();
        for written in page {
            let text = text(list.part, written);
            let is_old = list.order == Order::Falling && text.updated < reading.since;
            if is_old || !reading.seen.insert((text.path.clone(), text.updated)) {
                continue;
            }
            let updated = text.updated;
            let is_known = updated.is_some() && reading.old.last.get(&text.path).copied() == updated;
            self.read.news += u64::from(!is_known);
            if let Some(updated) = updated {
                reading.mark.since = reading.mark.since.max(Some(updated));
                reading.mark.last.insert(text.path.clone(), updated);
            }
            let has_notes = written["user_notes_count"].as_u64().is_none_or(|count| count > 0);
            let of_notes = (text.path.clone(), text.address.clone());
            texts.push(text);
            if self.client.server().forge() == Forge::Gitlab && has_notes {
                let place = format!("{}/notes", of_notes.0);
                match self.notes(&place, &of_notes.1, reading.old.whole) {
                    Ok(notes) => texts.extend(notes),
                    Err(error) => {
                        self.read.warnings.push(error.warning(&format!("{}/{place}", self.name)));
                        let first = updated.or(reading.old.since).unwrap_or(0);
                        reading.held = Some(reading.held.map_or(first, |held| held.min(first)));
                    }
                }
            }
        }
        // Only what is read in the order of changes has been read up to a time before its end.
        if list.order == Order::Rising && reading.held.is_none() {
            self.reached.0.insert(list.part.to_owned(), Mark { etag: None, modified: None, ..reading.pruned() });
        }
        (self.take)(texts, self.reached)
    }

    fn end(&mut self, list: &List, reading: Reading, answer: &Fetched, is_one_page: bool) {
        let mut mark = reading.pruned();
        let Marks { etag, modified } = answer.marks();
        // The marks are for the same question alone: for one that begins at the same time.
        let is_same = is_one_page && (mark.since == reading.old.since || list.after.is_empty());
        (mark.etag, mark.modified) = if is_same && reading.held.is_none() { (etag, modified) } else { (None, None) };
        match reading.held {
            None => mark.whole = mark.since,
            Some(held) => {
                mark.since = Some(held).min(mark.since);
                mark.last.retain(|_, updated| *updated < held);
            }
        }
        self.reached.0.insert(list.part.to_owned(), mark);
    }

    /// GitLab gives comments thread by thread, without a time to begin from.
    fn notes(&self, place: &str, address: &str, since: Option<i64>) -> Result<Vec<Text>, ForgeError> {
        let is_new = |text: &Text| {
            let either = since.zip(text.updated);
            either.is_none_or(|(since, updated)| updated >= since - OVERLAP)
        };
        let path = format!("/projects/{}/{place}?per_page=100", self.name.replace('/', "%2F"));
        let mut notes = Vec::new();
        self.client.pages(&path, place, &mut |page: Vec<Value>| {
            notes.extend(page.iter().map(|note| text(place, note)).filter(is_new));
            ControlFlow::Continue(())
        })?;
        for note in notes.iter_mut().filter(|note| note.address.is_empty() && !address.is_empty()) {
            let number = note.path.rsplit('/').next().unwrap_or_default();
            note.address = format!("{address}#note_{number}");
        }
        Ok(notes)
    }
}

impl Reading {
    /// The mark, without what is too old to be sent again.
    fn pruned(&self) -> Mark {
        let mut mark = self.mark.clone();
        let oldest = mark.since.unwrap_or(i64::MIN).saturating_sub(OVERLAP);
        mark.last.retain(|_, updated| *updated >= oldest);
        mark
    }
}

/// Forges agree on most names, and differ on some.
fn text(part: &str, written: &Value) -> Text {
    let of = |names: &[&str]| {
        let found = names.iter().find_map(|name| written.pointer(name).and_then(Value::as_str));
        found.unwrap_or_default().to_owned()
    };
    let number = ["/number", "/iid", "/id"].iter().find_map(|name| written.pointer(name).and_then(Value::as_u64));
    let (title, body) = (of(&["/title"]), of(&["/body", "/description"]));
    Text {
        address: of(&["/html_url", "/web_url"]),
        path: format!("{part}/{}", number.unwrap_or_default()),
        author: of(&["/user/login", "/author/username"]),
        updated: super::field::time(&of(&["/updated_at"])),
        text: if title.is_empty() { body } else { format!("{title}\n\n{body}") },
    }
}
