//! What a pipeline's run has to scan: every event, on real repositories, in full and shallow clones.

mod github;
mod gitlab;

use crate::support::Repo;
use stopleak_core::event::{Event, EventError, Fetch, Plan, Planning, Step};
use stopleak_core::source::git::repository::Repository;

/// Plans in a clone, fetching what is asked for as the command does; gives what was fetched, too.
fn planned(clone: &Repo, event: Event) -> (Result<Plan, EventError>, Vec<Fetch>) {
    let mut planning = Planning::new(event, "origin");
    let mut fetched = Vec::new();
    loop {
        let repository = Repository::open(clone.path()).unwrap().unwrap();
        match planning.step(&repository) {
            Ok(Step::Scan(plan)) => return (Ok(plan), fetched),
            Err(error) => return (Err(error), fetched),
            Ok(Step::Fetch(fetch)) => {
                assert!(fetched.len() < 20, "planning does not end: {fetched:?}");
                let output = clone.try_git(fetch.arguments("origin"));
                let error = String::from_utf8_lossy(&output.stderr).trim().to_owned();
                planning.fetched(fetch.clone(), (!output.status.success()).then_some(error));
                fetched.push(fetch);
            }
        }
    }
}

/// The new commits' subjects as git lists them for the plan, sorted; or what the plan says instead.
fn subjects(clone: &Repo, plan: &Plan) -> Vec<String> {
    match plan {
        Plan::Commits { wanted, known, commits, .. } => {
            let mut arguments = vec!["log".to_owned(), "--format=%s".to_owned()];
            arguments.extend(wanted.iter().map(ToString::to_string));
            arguments.extend(known.iter().map(|id| format!("^{id}")));
            let listed = clone.git(arguments);
            let mut subjects: Vec<String> = listed.lines().map(str::to_owned).collect();
            assert_eq!(subjects.len(), *commits, "{subjects:?}");
            subjects.sort();
            subjects
        }
        Plan::Everything(reason) => vec![format!("everything: {reason}")],
        Plan::Nothing(reason) => vec![format!("nothing: {reason}")],
    }
}

fn notes(plan: &Plan) -> String {
    match plan {
        Plan::Commits { notes, .. } => notes.join("; "),
        _ => String::new(),
    }
}

/// `main` with `count` commits named `main 1`…, each with a file.
fn main_of(count: usize) -> Repo {
    let mut repo = Repo::new();
    add(&mut repo, "main", 1..=count);
    repo
}

fn add(repo: &mut Repo, name: &str, numbers: impl IntoIterator<Item = usize>) {
    for number in numbers {
        repo.write(&format!("{name}-{number}"), format!("{name} {number}\n")).commit_all(&format!("{name} {number}"));
    }
}
