//! A repository of git: list its references, fetch what is new, scan what nobody of its family has scanned.

use super::{Trouble, Work};
use crate::blob::ObjectId;
use crate::detect::Engine;
use crate::scan::{Fresh, Request, Scanned, Standing};
use crate::source::git::repository::Repository;
use crate::source::git::selection::Push;
use crate::sweep::cache;
use crate::sweep::git::{self, GitTrouble, Refs};
use crate::sweep::glance;
use crate::sweep::owners::{FILES, Owners};
use crate::sweep::packs::Difference;
use crate::sweep::store::{Anew, Clean, Known, Left, Outcome, Stand, Status, Step, short_id};
use crate::sweep::watch::Event;
use crate::time;
use std::collections::HashSet;
use std::path::Path;

/// Paths of one repository whose last author is looked up; of others it is who brought the secret.
const AUTHORS: usize = 50;

/// Sweeps one.
pub fn run(work: &Work<'_>, known: &Known) -> Result<Outcome, Trouble> {
    let repo = &work.job.repo;
    let opened = glance::local(repo).as_deref().map(open).transpose()?;
    let refs = match &opened {
        Some(repository) => glance::refs_of(repository),
        None => listed(work)?,
    };
    if work.scanner.is_unchanged(known, &refs.digest) {
        return Ok(Outcome::Unchanged);
    }
    let _turn = work.scales.turn(work.stop).ok_or(Trouble::Stopped)?;
    match opened {
        Some(repository) => weighed(work, &repository, known, refs),
        None => {
            // What failed before may be the copy.
            let is_new = known.failures > 0;
            let copy = work.cache.fetch(&work.job.key, &repo.address, &refs, work.git, is_new)?;
            weighed(work, &open(&copy.path)?, known, refs)
        }
    }
}

fn listed(work: &Work<'_>) -> Result<Refs, Trouble> {
    let repo = &work.job.repo;
    work.git.list(&repo.address).map_err(|trouble| match trouble {
        GitTrouble::Said(said) if repo.kind.may_be_absent() && git::is_missing(&said) => Trouble::Absent,
        other => other.into(),
    })
}

fn weighed(work: &Work<'_>, repository: &Repository, known: &Known, refs: Refs) -> Result<Outcome, Trouble> {
    let size = cache::size(repository.common_dir());
    let _weight = work.scales.put(size, work.stop).ok_or(Trouble::Stopped)?;
    Scan { work, repository, known }.scan(refs)
}

/// One repository, opened.
struct Scan<'a> {
    work: &'a Work<'a>,
    repository: &'a Repository,
    known: &'a Known,
}

impl Scan<'_> {
    fn scan(&self, refs: Refs) -> Result<Outcome, Trouble> {
        let request = self.work.scanner.request();
        let push = self.push(&refs);
        let mut left = self.left(&refs, push.is_none());
        if push.as_ref().is_none_or(|push| !push.wanted.is_empty()) && !refs.tips.is_empty() {
            let (fresh, is_whole) = open_fresh(&request, &self.work.scanner.engine, self.repository, push.as_ref())?;
            (left.anew, left.whole) = anew(is_whole);
            self.parts(&request, fresh, &mut left)?;
        }
        self.work.finish(&request, left)?;
        self.stand(&request)?;
        Ok(Outcome::Scanned)
    }

    /// What came since the last scan; none when everything is to be looked at.
    fn push(&self, refs: &Refs) -> Option<Push> {
        let known = self.known;
        // What was damaged may be whole by now: all of it is looked at.
        let same = known.refs.is_some()
            && known.status == Status::Scanned
            && self.work.scanner.is_by_these(known.settings.as_deref());
        let is_new = |tip: &&ObjectId| known.tips.binary_search(tip).is_err();
        same.then(|| Push { wanted: refs.tips.iter().filter(is_new).copied().collect(), known: known.tips.clone() })
    }

    fn left(&self, refs: &Refs, is_whole: bool) -> Left {
        let (anew, whole) = anew(is_whole);
        Left {
            tips: refs.tips.clone(),
            head: self.repository.head().map(|head| head.to_string()),
            anew,
            whole,
            ..self.work.left(&refs.digest)
        }
    }

    /// Scans what nobody of the family has scanned, in parts; after each part nothing of it is done again.
    fn parts(&self, request: &Request, mut fresh: Fresh<'_>, left: &mut Left) -> Result<(), Trouble> {
        let work = self.work;
        let families = families(work, &fresh);
        let rules = work.scanner.pack.digest.clone();
        let clean = work.store.clean(&families, &rules)?;
        left.shared += fresh.retain(|id| !clean.contains(id));
        drop(clean);
        left.warnings.extend(fresh.warnings());
        if let Some(old) = self.known.rules.as_deref().filter(|old| **old != *rules) {
            self.by_new_rules(&mut fresh, &families, old, left)?;
        }
        for part in fresh.parts(work.scanner.part) {
            work.go_on()?;
            let before = request.progress.figures();
            let mut scanned = fresh.scan(&part);
            work.count(before, &request.progress);
            work.keep(&mut scanned.outcome.findings, Some((&families[0], &clean_of(&scanned.clean))), left)?;
            left.warnings.extend(scanned.outcome.summary.warnings);
        }
        Ok(())
    }

    /// Takes out what held nothing by the old rules, and holds nothing that only the new ones see.
    fn by_new_rules(
        &self,
        fresh: &mut Fresh<'_>,
        families: &[String],
        old: &str,
        left: &mut Left,
    ) -> Result<(), Trouble> {
        let work = self.work;
        let Some(pack) = work.store.pack(old)? else { return Ok(()) };
        let clean = work.store.clean(families, old)?;
        let still = match pack.difference(&work.scanner.rules) {
            Difference::Everything(reason) => {
                work.watcher.event(&Event::Everything { repository: &work.job.key, reason: &reason });
                return Ok(());
            }
            Difference::Nothing => clean,
            Difference::Only(rules) => {
                let mut hits = HashSet::new();
                let request = (work.scanner.request)(rules.clone());
                let engine = Engine::new(rules);
                let mut probe = Fresh::open(&request, &engine, self.repository, None)?;
                probe.retain(|id| clean.contains(id) && fresh.wants(id));
                for part in probe.parts(work.scanner.part) {
                    work.go_on()?;
                    let before = request.progress.figures();
                    let Scanned { hits: some, clean: read, .. } = probe.scan(&part);
                    work.count(before, &request.progress);
                    let read: HashSet<ObjectId> = read.into_iter().collect();
                    hits.extend(some.iter().map(short_id));
                    // What could not be read whole is left to the full scan, which tells of it.
                    let unread = part.iter().map(|object| probe.id(object)).filter(|id| !read.contains(id));
                    hits.extend(unread.map(|id| short_id(&id)));
                }
                clean.filtered(|id| !hits.contains(id))
            }
        };
        left.shared += fresh.retain(|id| !still.contains(id));
        let step = Step { clean: Some((&families[0], &work.scanner.pack.digest, &still)), ..Step::default() };
        work.store.write(&work.job.key, &step, time::now())?;
        Ok(())
    }

    /// Looks where findings stand today, and who owns the files.
    fn stand(&self, request: &Request) -> Result<(), Trouble> {
        let (work, repository) = (self.work, self.repository);
        let paths = work.store.paths(&work.job.key)?;
        if paths.is_empty() {
            return Ok(());
        }
        let standing = Standing::new(request, &work.scanner.engine, repository);
        let owners = FILES.iter().find_map(|file| standing.read(file));
        let owners = owners.map(|text| Owners::parse(&String::from_utf8_lossy(&text))).unwrap_or_default();
        let mut stands = Vec::new();
        let mut asked = 0;
        for (path, findings) in paths {
            work.go_on()?;
            let file = path.split('!').next().unwrap_or(&path).to_owned();
            let here = standing.findings(&file);
            let author =
                (here.is_some() && asked < AUTHORS).then(|| work.git.last_author(repository.common_dir(), &file));
            asked += usize::from(author.is_some());
            let here: HashSet<String> = here.iter().flatten().map(|finding| work.store.key().tag(finding)).collect();
            for finding in findings {
                let in_head = here.contains(&finding);
                let (owners, last_author) = (owners.of(&file).to_vec(), author.clone().flatten());
                stands.push(Stand { finding, path: path.clone(), in_head, owners, last_author });
            }
        }
        Ok(work.store.stand((&work.job.key, &work.job.run), &stands, time::now())?)
    }
}

/// What is told anew, and when a scan of everything begins.
fn anew(is_whole: bool) -> (Anew, Option<i64>) {
    if is_whole { (Anew::Everything, Some(time::now())) } else { (Anew::Nothing, None) }
}

fn open(path: &Path) -> Result<Repository, Trouble> {
    let missing = || Trouble::Other(format!("{} is no git repository", path.display()));
    Repository::open(path)?.ok_or_else(missing)
}

/// What is new, or everything where a reference names what is no commit.
fn open_fresh<'a>(
    request: &'a Request,
    engine: &'a Engine,
    repository: &Repository,
    push: Option<&Push>,
) -> Result<(Fresh<'a>, bool), Trouble> {
    if let Some(push) = push
        && let Ok(fresh) = Fresh::open(request, engine, repository, Some(push))
    {
        return Ok((fresh, false));
    }
    Ok((Fresh::open(request, engine, repository, None)?, true))
}

/// What it shares objects with: everything that began with the same commits.
fn families(work: &Work<'_>, fresh: &Fresh<'_>) -> Vec<String> {
    const MOST: usize = 20;
    let families: Vec<String> =
        fresh.roots().iter().take(MOST).map(|root| work.scanner.family(&root.to_string())).collect();
    if families.is_empty() { vec![work.scanner.family(&work.job.key)] } else { families }
}

fn clean_of(ids: &[ObjectId]) -> Clean {
    Clean::of([ids.iter().flat_map(short_id).collect()])
}
