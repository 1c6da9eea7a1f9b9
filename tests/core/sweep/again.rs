//! What holds nothing new is known without a job, by the same code that a job asks.

use super::key;
use crate::support::Repo;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use stopleak_core::RuleSet;
use stopleak_core::scan::Request;
use stopleak_core::source::git::repository::Repository;
use stopleak_core::sweep::cache::Cache;
use stopleak_core::sweep::glance::{plain_refs, refs_of, unchanged};
use stopleak_core::sweep::queue::Embedded;
use stopleak_core::sweep::run::{Listed, Planned, plan};
use stopleak_core::sweep::scales::Scales;
use stopleak_core::sweep::targets::{Access, Filter, Settings, parse};
use stopleak_core::sweep::{Crew, Git, Meter, Nobody, Options, Scanner, Store};

#[test]
fn references_read_at_a_glance_are_those_of_the_open_repository() {
    let mut repo = Repo::new();
    let root = repo.path().to_owned();
    let same = |what: &str| {
        let open = refs_of(&Repository::open(&root).unwrap().unwrap());
        assert_eq!(plain_refs(&root), Some(open.clone()), "{what}");
        open.digest
    };
    let mut digests = vec![same("unborn")];
    repo.commit("a.txt", "one\n").commit("a.txt", "two\n");
    digests.push(same("loose"));
    repo.git(["tag", "-a", "-m", "first", "v1"]);
    repo.git(["update-ref", "refs/pull/7/head", "HEAD~1"]);
    digests.push(same("tags and others"));
    repo.git(["pack-refs", "--all"]);
    assert_eq!(digests.last(), Some(&same("packed")));
    repo.commit("b.txt", "three\n");
    digests.push(same("loose over packed"));
    std::fs::write(repo.at("a.txt"), "kept for later\n").unwrap();
    repo.git(["stash", "-q"]);
    digests.push(same("a stash"));
    repo.git(["worktree", "add", "-q", "-b", "other", "../linked"]);
    digests.push(same("a linked work tree"));
    repo.git(["checkout", "-q", "--detach", "HEAD~1"]);
    digests.push(same("detached"));
    let all = digests.len();
    digests.sort();
    digests.dedup();
    assert_eq!(digests.len(), all, "each of them is told from the others");
    // Of what is not plain nothing is told: a job looks.
    assert_eq!(plain_refs(&root.with_file_name("linked")), None);
    repo.git(["config", "extensions.worktreeConfig", "true"]);
    assert_eq!(plain_refs(&root), None);
}

/// A crew over a folder, with a store that stays.
struct Sweep {
    crew: Crew,
    target: String,
}

impl Sweep {
    fn of(folder: &Path, state: &Path) -> Sweep {
        let store = Arc::new(Store::in_file(&state.join("sweep.db"), key('a')).unwrap());
        let stop = Arc::new(AtomicBool::new(false));
        let make = |rules| {
            let mut request = Request::new(Vec::new());
            request.rules = rules;
            request
        };
        let crew = Crew {
            queue: Arc::new(Embedded::new(Arc::clone(&store), Duration::from_secs(60))),
            store,
            scanner: Scanner::new(RuleSet::embedded(), "settings", 100, Box::new(make)),
            git: Git::new(Arc::new(|_| Ok(None)), Arc::clone(&stop), Duration::from_secs(60)),
            cache: Cache::open(&state.join("copies"), 1 << 20).unwrap(),
            scales: Scales::new(1 << 30, 2),
            meter: Arc::new(Meter::default()),
            access: Arc::new(Access::new(None, Settings::default())),
            questions: None,
            watcher: Arc::new(Nobody),
            stop,
            options: Options {
                worker: "w".into(),
                threads: 2,
                lease: Duration::from_secs(60),
                retry_after: Duration::ZERO,
                until_empty: true,
            },
        };
        Sweep { crew, target: folder.display().to_string() }
    }

    /// One run; gives what was planned, and how many jobs there were.
    fn run(&self) -> (Planned, u64) {
        let lister = self.crew.access.lister(&parse(&self.target).unwrap()).unwrap();
        let listed = [Listed { name: self.target.clone(), lister }];
        let Crew { store, queue, scanner, .. } = &self.crew;
        let planned = plan(store, queue.as_ref(), &listed, &Filter::default(), scanner).unwrap();
        self.crew.work().unwrap();
        let jobs = store.counts(Some(&planned.run)).unwrap().all();
        store.end_runs(1).unwrap();
        (planned, jobs)
    }
}

#[test]
fn what_holds_nothing_new_is_no_job() {
    let mut repo = Repo::new();
    repo.commit("a.txt", "one\n");
    let root = repo.path().parent().unwrap().to_owned();
    for name in ["b", "c", "d"] {
        repo.clone_with(&format!("more/{name}.git"), &["--bare"]);
    }
    let state = tempfile::TempDir::new().unwrap();
    let sweep = Sweep::of(&root, state.path());
    let planned = |(planned, jobs): (Planned, u64)| (planned.repositories, planned.unchanged, jobs);
    assert_eq!(planned(sweep.run()), (4, 0, 4));
    assert_eq!(planned(sweep.run()), (4, 4, 0));
    repo.commit("a.txt", "two\n");
    assert_eq!(planned(sweep.run()), (4, 3, 1));
    // What is gone and comes back is looked at by a job, and what a job could not do is tried by one again.
    let (there, away) = (root.join("more/b.git"), state.path().join("b.git"));
    std::fs::rename(&there, &away).unwrap();
    assert_eq!(planned(sweep.run()), (3, 3, 0));
    std::fs::rename(&away, &there).unwrap();
    assert_eq!(planned(sweep.run()), (4, 3, 1));
    let key = there.canonicalize().unwrap().display().to_string();
    sweep.crew.store.unscanned((&key, "run"), "it failed", 1).unwrap();
    assert_eq!(planned(sweep.run()), (4, 3, 1));
    assert_eq!(unchanged(&[], &HashMap::new(), &sweep.crew.scanner), Vec::<bool>::new());
}
