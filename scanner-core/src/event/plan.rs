//! From an event and a clone to the commits to scan: asks for what the clone lacks, step by step, until the answer is exact.

use super::{Base, Commits, Event, EventError, Point, Scope};
use crate::blob::ObjectId;
use crate::source::git::reach::{Reach, is_here, parents, reach};
use crate::source::git::repository::Repository;

/// Commits fetched at once into a shallow clone: most pull requests are shorter.
const DEPTH: u32 = 50;

/// How far a shallow clone is deepened, before all of it is fetched.
const DEEPENINGS: [Deepening; 3] = [Deepening::By(200), Deepening::By(2_000), Deepening::Fully];

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Fetch this, say how it went, and ask again.
    Fetch(Fetch),
    /// Scan this.
    Scan(Plan),
}

/// Something the clone lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fetch {
    /// A commit or tag, by its id or a reference, with some of its history or all of it.
    Commit {
        /// The id or reference.
        name: String,
        /// How many commits, in a shallow clone.
        depth: Option<u32>,
    },
    /// A branch, under its usual name.
    Branch {
        /// Its own name.
        name: String,
        /// How many commits, in a shallow clone.
        depth: Option<u32>,
    },
    /// More of the history of these ids or references.
    Deepen {
        /// Ids or references.
        names: Vec<String>,
        /// How much more.
        by: Deepening,
    },
    /// All branches and tags with their whole history.
    Everything,
}

/// How much more of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deepening {
    /// So many commits.
    By(u32),
    /// All of it.
    Fully,
}

impl Fetch {
    /// What to write behind `git`, to fetch it from `remote`.
    pub fn arguments(&self, remote: &str) -> Vec<String> {
        let (depth, names) = match self {
            Fetch::Commit { name, depth } => (depth.map(|depth| format!("--depth={depth}")), vec![name.clone()]),
            Fetch::Branch { name, depth } => (
                depth.map(|depth| format!("--depth={depth}")),
                vec![format!("+refs/heads/{name}:refs/remotes/{remote}/{name}")],
            ),
            Fetch::Deepen { names, by: Deepening::By(more) } => (Some(format!("--deepen={more}")), names.clone()),
            Fetch::Deepen { names, by: Deepening::Fully } => (Some("--unshallow".to_owned()), names.clone()),
            Fetch::Everything => {
                let branches = format!("+refs/heads/*:refs/remotes/{remote}/*");
                (Some("--unshallow".to_owned()), vec![branches, "+refs/tags/*:refs/tags/*".to_owned()])
            }
        };
        let options = ["fetch", "--quiet", "--no-tags", "--no-recurse-submodules"].map(str::to_owned);
        options.into_iter().chain(depth).chain([remote.to_owned()]).chain(names).collect()
    }
}

/// What to scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// New commits.
    Commits {
        /// What is new: commits, or tags of them, with all that they reach.
        wanted: Vec<ObjectId>,
        /// What is not, with all that it reaches.
        known: Vec<ObjectId>,
        /// How many commits are new.
        commits: usize,
        /// What the user should know about the choice.
        notes: Vec<String>,
    },
    /// The whole history, for this reason.
    Everything(String),
    /// Nothing, for this reason: a clean result.
    Nothing(String),
}

/// Planning, and the fetches that were tried so far.
#[derive(Debug)]
pub struct Planning {
    event: Event,
    remote: String,
    tried: Vec<(Fetch, Option<String>)>,
}

impl Planning {
    /// Begins to plan; `remote` is the name of the forge's repository in the clone, mostly `origin`.
    pub fn new(event: Event, remote: impl Into<String>) -> Planning {
        Planning { event, remote: remote.into(), tried: Vec::new() }
    }

    /// Says how a fetch went: `error` is what git said.
    pub fn fetched(&mut self, fetch: Fetch, error: Option<String>) {
        self.tried.push((fetch, error));
    }

    /// What to do next, with the repository opened anew after each fetch.
    pub fn step(&self, repository: &Repository) -> Result<Step, EventError> {
        match &self.event.scope {
            Scope::Nothing(reason) => Ok(Step::Scan(Plan::Nothing(reason.clone()))),
            Scope::Everything(reason) => self.everything(repository, reason),
            Scope::Commits(commits) => match self.commits(repository, commits) {
                Ok(plan) => Ok(Step::Scan(plan)),
                Err(Stop::Fetch(fetch)) => Ok(Step::Fetch(fetch)),
                Err(Stop::Error(error)) => Err(error),
            },
        }
    }

    fn everything(&self, repository: &Repository, reason: &str) -> Result<Step, EventError> {
        match self.outcome(&Fetch::Everything) {
            _ if repository.shallow_roots().is_empty() => Ok(Step::Scan(Plan::Everything(reason.to_owned()))),
            None => Ok(Step::Fetch(Fetch::Everything)),
            Some(error) => Err(EventError::Shallow { reason: said(error) }),
        }
    }

    fn commits(&self, repository: &Repository, commits: &Commits) -> Result<Plan, Stop> {
        let mut notes = Vec::new();
        self.need(repository, "head", &commits.head)?;
        let known = self.known(repository, commits, &mut notes)?;
        let mut wanted = vec![commits.head.id];
        wanted.extend(tags(repository, &commits.head.references));
        wanted.dedup();
        let reach = reach(repository, &wanted, &known).map_err(EventError::from)?;
        self.whole(&reach, &wanted, &known, commits, &mut notes)?;
        if reach.commits == 0 && reach.tags == 0 {
            return Ok(Plan::Nothing("it brought no commit that is not known already".to_owned()));
        }
        Ok(Plan::Commits { wanted, known, commits: reach.commits, notes })
    }

    fn known(
        &self,
        repository: &Repository,
        commits: &Commits,
        notes: &mut Vec<String>,
    ) -> Result<Vec<ObjectId>, Stop> {
        match &commits.base {
            Base::Commit(base) => {
                let now = commits.merge.and_then(|merge| parents(repository, merge));
                let now = now.filter(|parents| parents.len() == 2 && parents[1] == commits.head.id);
                let id = now.map_or(base.id, |parents| parents[0]);
                self.need(repository, "base", &Point { id, references: base.references.clone() })?;
                let mut known = vec![id];
                known.extend((base.id != id && is_here(repository, base.id)).then_some(base.id));
                Ok(known)
            }
            Base::Before { id, is_forced, branches } => {
                let mut known = Vec::new();
                match self.need(repository, "commit before", &Point { id: *id, references: Vec::new() }) {
                    Ok(()) => known.push(*id),
                    Err(Stop::Error(EventError::Missing { .. })) => {
                        notes.push(format!("the commit before, {id}, is gone from the remote, as after a forced push"));
                    }
                    Err(stop) => return Err(stop),
                }
                if *is_forced || known.is_empty() {
                    known.extend(self.branches(repository, branches, notes)?);
                }
                Ok(known)
            }
            Base::Branches(branches) => self.branches(repository, branches, notes),
        }
    }

    fn branches(
        &self,
        repository: &Repository,
        branches: &[String],
        notes: &mut Vec<String>,
    ) -> Result<Vec<ObjectId>, Stop> {
        let mut known = Vec::new();
        for name in branches {
            let reference = format!("refs/remotes/{}/{name}", self.remote);
            let here = tips(repository, &reference).find(|id| is_here(repository, *id));
            let fetch = Fetch::Branch { name: name.clone(), depth: depth(repository) };
            match (here, self.outcome(&fetch)) {
                (Some(id), _) => {
                    known.push(id);
                    notes.push(format!("what is on {name} already is not new"));
                }
                (None, None) => return Err(Stop::Fetch(fetch)),
                (None, Some(error)) => notes.push(format!("branch {name} cannot be fetched: {}", said(error))),
            }
        }
        if known.is_empty() {
            notes.push("there is nothing to compare with: all that the head reaches is new".to_owned());
        }
        Ok(known)
    }

    /// Goes on when the object is here.
    fn need(&self, repository: &Repository, what: &'static str, point: &Point) -> Result<(), Stop> {
        if is_here(repository, point.id) {
            return Ok(());
        }
        let references = point.references.iter().filter(|name| name.starts_with("refs/")).cloned();
        let mut reason = "the remote does not have it".to_owned();
        for name in [point.id.to_string()].into_iter().chain(references) {
            // The clone may have become shallow since: it is the name that counts.
            let tried =
                self.tried.iter().find(|(fetch, _)| matches!(fetch, Fetch::Commit { name: n, .. } if *n == name));
            match tried {
                None => return Err(Stop::Fetch(Fetch::Commit { name, depth: depth(repository) })),
                Some((_, Some(error))) => reason.clone_from(error),
                Some((_, None)) => {}
            }
        }
        Err(Stop::Error(EventError::Missing { what, id: point.id, reason }))
    }

    /// Goes on when the clone is deep enough to tell which commits are new.
    fn whole(
        &self,
        reach: &Reach,
        wanted: &[ObjectId],
        known: &[ObjectId],
        commits: &Commits,
        notes: &mut Vec<String>,
    ) -> Result<(), Stop> {
        if reach.cut.is_empty() && reach.blurred.is_empty() {
            return Ok(());
        }
        let ids: Vec<String> = wanted.iter().chain(known).map(ToString::to_string).collect();
        let references = references(commits);
        let mut reason = "the remote has no more".to_owned();
        for by in DEEPENINGS {
            if known.is_empty() && by != Deepening::Fully {
                continue;
            }
            for names in [&ids, &references] {
                let fetch = Fetch::Deepen { names: names.clone(), by };
                match self.outcome(&fetch) {
                    None if names.is_empty() => {}
                    None => return Err(Stop::Fetch(fetch)),
                    Some(None) => break,
                    Some(Some(error)) => reason.clone_from(error),
                }
            }
        }
        if reach.cut.is_empty() {
            notes.push("the clone is shallow: commits that are known may count as new".to_owned());
            return Ok(());
        }
        Err(Stop::Error(EventError::Shallow { reason }))
    }

    /// `None` while untried; what git said when it failed.
    fn outcome(&self, fetch: &Fetch) -> Option<&Option<String>> {
        self.tried.iter().find(|(tried, _)| tried == fetch).map(|(_, error)| error)
    }
}

/// Why there is no plan yet.
enum Stop {
    Fetch(Fetch),
    Error(EventError),
}

impl From<EventError> for Stop {
    fn from(error: EventError) -> Stop {
        Stop::Error(error)
    }
}

fn said(error: &Option<String>) -> String {
    error.clone().unwrap_or_else(|| "the remote has no more".to_owned())
}

fn depth(repository: &Repository) -> Option<u32> {
    (!repository.shallow_roots().is_empty()).then_some(DEPTH)
}

fn tips(repository: &Repository, name: &str) -> impl Iterator<Item = ObjectId> {
    let tips = repository.tips().0;
    tips.into_iter().filter(move |tip| tip.name == name).map(|tip| tip.id).collect::<Vec<_>>().into_iter()
}

/// Annotated tags of the head: the message is new, too.
fn tags(repository: &Repository, references: &[String]) -> Vec<ObjectId> {
    let names = references.iter().filter(|name| name.starts_with("refs/tags/"));
    names.flat_map(|name| tips(repository, name)).collect()
}

/// Every reference that leads to the head or the base.
fn references(commits: &Commits) -> Vec<String> {
    let of_base = match &commits.base {
        Base::Commit(base) => base.references.clone(),
        Base::Before { branches, .. } | Base::Branches(branches) => {
            branches.iter().map(|name| format!("refs/heads/{name}")).collect()
        }
    };
    let all = commits.head.references.iter().cloned().chain(of_base);
    all.filter(|name| name.starts_with("refs/")).collect()
}
