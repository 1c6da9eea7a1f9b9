//! Reads a forge's lists page by page: what has not changed is not sent again, what could not be read is announced.

use super::state::{Entry, Page, State};
use super::{Kind, Listed, Repo, Wants, field, issues};
use crate::forge::{Client, Fetched, ForgeError, Marks};
use crate::warning::Warning;
use std::collections::HashSet;

/// A list that moved while it was read is read again, at most so often.
const MAX_PASSES: u32 = 3;
/// Pages of one list; the largest organisations have some thousands.
const MAX_PAGES: usize = 100_000;

/// One list of an API.
pub struct List<'a> {
    /// Below the API's base.
    pub path: String,
    /// Of its first page; numbered pages end with `page=1`.
    pub query: String,
    /// How messages name it.
    pub what: String,
    /// Reads a page: what is on it, and the next one's query.
    pub read: &'a dyn Fn(&Fetched, &str) -> Result<Content, ForgeError>,
}

/// What is on a page.
pub struct Content {
    /// In the list's order.
    pub entries: Vec<Entry>,
    /// The query of the next page.
    pub next: Option<String>,
    /// The number of the last page, where the page's own text tells it.
    pub last: Option<u64>,
}

impl Content {
    /// A page that says of the others what its headers say.
    pub fn new(entries: Vec<Entry>, fetched: &Fetched, query: &str) -> Content {
        Content { entries, next: fetched.next_query(query), last: fetched.last_page() }
    }
}

/// Finds what a target holds.
pub struct Finder<'a, 't> {
    /// Asks the forge.
    pub client: &'a Client<'t>,
    /// What of it is wanted beside repositories.
    pub wants: Wants,
    /// What is known since an earlier time.
    pub old: Option<&'a State>,
    /// For the next time.
    pub state: State,
    /// What could not be listed.
    pub warnings: Vec<Warning>,
    /// Nothing differs from what was known.
    pub unchanged: bool,
    visit: &'a mut dyn FnMut(Repo),
}

impl<'a, 't> Finder<'a, 't> {
    /// Begins with what is known.
    pub fn new(
        client: &'a Client<'t>,
        wants: Wants,
        old: Option<&'a State>,
        visit: &'a mut dyn FnMut(Repo),
    ) -> Finder<'a, 't> {
        let (state, warnings) = (State::default(), Vec::new());
        Finder { client, wants, old, state, warnings, unchanged: old.is_some(), visit }
    }

    /// What was found, with the calls since a number of them.
    pub fn finish(mut self, calls_before: u64) -> Listed {
        if let Some(old) = self.old {
            self.unchanged &= old.pages.len() == self.state.pages.len();
        }
        let calls = self.client.calls() - calls_before;
        let (unchanged, rate) = (self.unchanged, self.client.rate());
        Listed { state: self.state, warnings: self.warnings, calls, unchanged, rate }
    }

    /// How the forge is named in keys and messages.
    pub fn host(&self) -> String {
        self.client.shown().to_owned()
    }

    /// Notes that something stays unswept.
    pub fn unswept(&mut self, object: impl Into<String>, message: impl Into<String>) {
        self.unchanged = false;
        self.warnings.push(Warning::unscanned("sweep-unlisted", object, message));
    }

    /// Notes that something could not be listed, and goes on.
    pub fn excuse(&mut self, object: &str, error: &ForgeError) {
        self.unchanged = false;
        self.warnings.push(error.warning(object));
    }

    /// Hands over an entry and what belongs to it, as far as it is wanted.
    pub fn emit(&mut self, entry: &Entry) {
        let Entry { repo, wiki, issues, barred, is_off, .. } = entry;
        if let Some(reason) = barred {
            self.warnings.push(Warning::unscanned("sweep-barred", repo.key.as_str(), reason.as_str()));
            return;
        }
        match is_off {
            false => (self.visit)(repo.clone()),
            true => self.warnings.push(Warning::note("sweep-off", repo.key.as_str(), "its repository is switched off")),
        }
        let beside = |kind, key: String, address| Repo {
            key,
            kind,
            address,
            id: None,
            size: None,
            default_branch: None,
            fork_of: None,
            ..repo.clone()
        };
        if self.wants.wikis && *wiki {
            (self.visit)(beside(Kind::Wiki, format!("{}.wiki", repo.key), field::wiki(&repo.address)));
        }
        if self.wants.issues && *issues && issues::are_read(self.client.server().forge()) {
            let address = format!("{}/issues", repo.address.trim_end_matches(".git"));
            (self.visit)(beside(Kind::Issues, format!("{}/issues", repo.key), address));
        }
    }

    /// Hands every entry of a list to `each`, once. The first page's trouble is the list's own; that of a later one is
    /// announced, and what it held the last time is taken in its place.
    pub fn walk(&mut self, list: &List<'_>, each: &mut dyn FnMut(&mut Self, Entry)) -> Result<(), ForgeError> {
        let mut seen = HashSet::new();
        let first = match self.page(list, &list.query) {
            // What was known is better than nothing when the trouble is the moment's.
            Err(error)
                if may_pass(&error) && self.old.is_some_and(|old| old.pages.contains_key(&key(list, &list.query))) =>
            {
                let stale = self.stale(list, &list.query, &error);
                self.rest(list, &stale, &mut seen, each);
                return Ok(());
            }
            first => first?,
        };
        self.hand(&first, &mut seen, each);
        match (&first.next, first.last.filter(|last| *last > 1)) {
            (None, _) => Ok(()),
            (Some(_), Some(last)) if numbered(&list.query, 1).is_some() => {
                self.backwards(list, last, &mut seen, each);
                Ok(())
            }
            (Some(next), _) => self.forwards(list, next, &mut seen, each),
        }
    }

    /// Reads numbered pages from the last one to the first: what is deleted meanwhile moves others to where we go.
    fn backwards(
        &mut self,
        list: &List<'_>,
        mut last: u64,
        seen: &mut HashSet<String>,
        each: &mut dyn FnMut(&mut Self, Entry),
    ) {
        let is_read;
        (last, is_read) = self.end(list, last, seen, each);
        for pass in 0..MAX_PASSES {
            for number in (1..=last - u64::from(is_read && pass == 0)).rev() {
                let query = numbered(&list.query, number).unwrap_or_default();
                let read = self.page(list, &query);
                if let Err(ForgeError::Limited { .. } | ForgeError::Budget { .. }) = read {
                    self.keep_old(list, number, seen, each);
                }
                match read {
                    Ok(page) => self.hand(&page, seen, each),
                    Err(error) => {
                        let stale = self.stale(list, &query, &error);
                        self.hand(&stale, seen, each);
                        if matches!(error, ForgeError::Limited { .. } | ForgeError::Budget { .. }) {
                            return;
                        }
                    }
                }
            }
            // What was added before it moves what is on the last page.
            let query = numbered(&list.query, last).unwrap_or_default();
            let known = self.state.pages.get(&key(list, &query)).map(ids).unwrap_or_default();
            match self.page(list, &query) {
                Ok(page) if ids(&page) == known => return,
                Ok(page) => last = page.last.or(self.first_last(list)).unwrap_or(last).max(1),
                Err(error) => return self.excuse(&list.what, &error),
            }
        }
        self.restless(list);
    }

    /// The number of the last page: where nothing says that others have come to be, they are looked for.
    fn end(
        &mut self,
        list: &List<'_>,
        mut last: u64,
        seen: &mut HashSet<String>,
        each: &mut dyn FnMut(&mut Self, Entry),
    ) -> (u64, bool) {
        let is_open = |page: &Page| page.next.is_some() && !page.entries.is_empty();
        let query = |number| numbered(&list.query, number).unwrap_or_default();
        // The walk asks for it again, and announces its trouble.
        let Ok(mut page) = self.page(list, &query(last)) else { return (last, false) };
        self.hand(&page, seen, each);
        while is_open(&page) && last < MAX_PAGES as u64 {
            page = self.page(list, &query(last + 1)).unwrap_or_default();
            if page.entries.is_empty() {
                break;
            }
            self.hand(&page, seen, each);
            last += 1;
        }
        (last, true)
    }

    /// What the first page says of the number of the last one.
    fn first_last(&self, list: &List<'_>) -> Option<u64> {
        self.state.pages.get(&key(list, &list.query))?.last
    }

    /// What the pages before a number held the last time: no more requests may be sent.
    fn keep_old(
        &mut self,
        list: &List<'_>,
        number: u64,
        seen: &mut HashSet<String>,
        each: &mut dyn FnMut(&mut Self, Entry),
    ) {
        for query in (1..number).filter_map(|number| numbered(&list.query, number)) {
            let key = key(list, &query);
            let known = self.state.pages.get(&key).or_else(|| self.old?.pages.get(&key)).cloned();
            if let Some(page) = known {
                self.hand(&page, seen, each);
                self.state.pages.insert(key, page);
            }
        }
    }

    /// Reads pages of which each names the next, again and again until nothing new is on them.
    fn forwards(
        &mut self,
        list: &List<'_>,
        second: &str,
        seen: &mut HashSet<String>,
        each: &mut dyn FnMut(&mut Self, Entry),
    ) -> Result<(), ForgeError> {
        for _ in 0..MAX_PASSES {
            let before = seen.len();
            let (mut next, mut asked) = (Some(second.to_owned()), HashSet::from([list.query.clone()]));
            while let Some(query) = next.take() {
                if !asked.insert(query.clone()) || asked.len() > MAX_PAGES {
                    let reason = "its pages go in circles".to_owned();
                    return Err(ForgeError::Unreadable { what: list.what.clone(), reason });
                }
                match self.page(list, &query) {
                    Ok(page) => {
                        self.hand(&page, seen, each);
                        next = page.next;
                    }
                    Err(error) => {
                        let stale = self.stale(list, &query, &error);
                        self.rest(list, &stale, seen, each);
                        return Ok(());
                    }
                }
            }
            // Places that are named by what is on them do not move.
            let is_keyed = numbered(second, 1).is_none();
            if is_keyed || seen.len() == before {
                return Ok(());
            }
        }
        self.restless(list);
        Ok(())
    }

    fn restless(&mut self, list: &List<'_>) {
        let message = format!("it changed each of the {MAX_PASSES} times it was read: something may be missing");
        self.unswept(list.what.as_str(), message);
    }

    fn hand(&mut self, page: &Page, seen: &mut HashSet<String>, each: &mut dyn FnMut(&mut Self, Entry)) {
        for entry in &page.entries {
            if seen.insert(entry.repo.key.clone()) {
                each(self, entry.clone());
            }
        }
    }

    /// What a page held the last time, announced as that.
    fn stale(&mut self, list: &List<'_>, query: &str, error: &ForgeError) -> Page {
        let key = key(list, query);
        let known = self.state.pages.get(&key).or_else(|| self.old?.pages.get(&key)).cloned();
        let object = match query.split('&').find_map(|pair| pair.strip_prefix("page=")) {
            Some(number) => format!("{}, page {number}", list.what),
            None => format!("{}, a later page", list.what),
        };
        self.excuse(&object, error);
        if let Some(page) = &known {
            self.state.pages.insert(key, page.clone());
        }
        known.unwrap_or_default()
    }

    /// What the pages after one held the last time: no more requests may be sent.
    fn rest(
        &mut self,
        list: &List<'_>,
        page: &Page,
        seen: &mut HashSet<String>,
        each: &mut dyn FnMut(&mut Self, Entry),
    ) {
        self.hand(page, seen, each);
        let (mut next, mut asked) = (page.next.clone(), HashSet::new());
        while let Some(query) = next.take().filter(|query| asked.insert(query.clone())) {
            let key = key(list, &query);
            let Some(page) = self.old.and_then(|old| old.pages.get(&key)).cloned() else { return };
            self.hand(&page, seen, each);
            next = page.next.clone();
            self.state.pages.insert(key, page);
        }
    }

    /// One page, which is not sent again when it is as it was.
    fn page(&mut self, list: &List<'_>, query: &str) -> Result<Page, ForgeError> {
        let key = key(list, query);
        let known = self.state.pages.get(&key).or_else(|| self.old?.pages.get(&key)).cloned();
        let marks = known
            .as_ref()
            .map_or_else(Marks::default, |page| Marks { etag: page.etag.clone(), modified: page.modified.clone() });
        let path = if query.is_empty() { list.path.clone() } else { format!("{}?{query}", list.path) };
        let fetched = self.client.fetch(&path, &marks, &list.what)?;
        // An answer without a body need not repeat it.
        let is_partial =
            is_partial(&fetched) || fetched.body.is_none() && known.as_ref().is_some_and(|page| page.is_partial);
        if is_partial {
            self.tell_partial(list);
        }
        let page = match (&fetched.body, &known) {
            (None, Some(known)) => Page {
                // Another page may have come to be though this one is as it was.
                next: fetched.next_query(query).or_else(|| known.next.clone()).or_else(|| after_full(known, query)),
                last: fetched.last_page().or(known.last),
                ..known.clone()
            },
            (None, None) => {
                let reason = "it is said to be as it was, and was never sent".to_owned();
                return Err(ForgeError::Unreadable { what: list.what.clone(), reason });
            }
            (Some(_), _) => {
                let Content { entries, next, last } = (list.read)(&fetched, query)?;
                let Marks { etag, modified } = fetched.marks();
                let modified = modified.filter(|_| etag.is_none());
                Page { etag, modified, next, last, is_partial, entries }
            }
        };
        // A page behind the end is nothing that was not known.
        if known.is_some() || !page.entries.is_empty() || query == list.query {
            self.unchanged &= known.is_some_and(|known| known.entries == page.entries);
            self.state.pages.insert(key, page.clone());
        }
        Ok(page)
    }

    fn tell_partial(&mut self, list: &List<'_>) {
        let is_told = self.warnings.iter().any(|warning| warning.code == "sweep-sso" && warning.object == list.what);
        if !is_told {
            let message = "some of it is left out: the token is not authorised for single sign-on there";
            self.warnings.push(Warning::unscanned("sweep-sso", list.what.as_str(), message));
        }
    }
}

/// GitHub leaves out what a token has no single sign-on for, and says so in a header alone.
fn is_partial(fetched: &Fetched) -> bool {
    fetched.answer.header("x-github-sso").is_some_and(|text| text.starts_with("partial-results"))
}

/// Whether the same question may be answered another time.
fn may_pass(error: &ForgeError) -> bool {
    match error {
        ForgeError::Limited { .. } | ForgeError::Budget { .. } | ForgeError::Transport(_) => true,
        ForgeError::Refused { status, .. } => *status >= 500,
        _ => false,
    }
}

fn key(list: &List<'_>, query: &str) -> String {
    format!("{}?{query}", list.path)
}

fn ids(page: &Page) -> Vec<String> {
    page.entries.iter().map(|entry| entry.repo.key.clone()).collect()
}

/// The same query for a page by its number; none when it has no numbers.
fn numbered(query: &str, number: u64) -> Option<String> {
    query.split('&').any(|pair| pair.starts_with("page=")).then(|| {
        let pairs = query.split('&').filter(|pair| !pair.starts_with("page="));
        pairs.chain([format!("page={number}").as_str()]).collect::<Vec<_>>().join("&")
    })
}

/// The page after one that was full and the last one, when nothing says whether it still is.
fn after_full(page: &Page, query: &str) -> Option<String> {
    let of = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.parse::<u64>().ok());
    let most = ["per_page=", "limit=", "pagelen="].into_iter().find_map(of)?;
    let is_full = page.entries.len() as u64 >= most;
    of("page=").filter(|_| is_full).and_then(|number| numbered(query, number + 1))
}
