//! GitHub Actions: <https://docs.github.com/en/rest/actions>.

use super::client::Client;
use super::error::ForgeError;
use super::item::{Chosen, Item, Listing, Recent, name};
use super::place::{Place, What};
use crate::time::rfc3339;
use crate::warning::Warning;
use serde::Deserialize;
use std::collections::HashSet;
use std::ops::ControlFlow;

/// A filtered list of runs ends here, however many there are.
const MAX_LISTED: usize = 1_000;

/// How a run ended that did not do what it should.
const FAILED: [&str; 3] = ["failure", "timed_out", "startup_failure"];

#[derive(Deserialize)]
struct Run {
    id: u64,
    #[serde(default = "first")]
    run_attempt: u64,
    #[serde(default)]
    status: String,
    #[serde(default)]
    created_at: String,
}

fn first() -> u64 {
    1
}

#[derive(Deserialize)]
struct Runs {
    workflow_runs: Vec<Run>,
}

#[derive(Deserialize)]
struct Job {
    id: u64,
    #[serde(default)]
    name: String,
    #[serde(default)]
    status: String,
}

#[derive(Deserialize)]
struct Jobs {
    jobs: Vec<Job>,
}

#[derive(Deserialize)]
struct Artifact {
    id: u64,
    #[serde(default)]
    name: String,
    #[serde(default)]
    expired: bool,
    expires_at: Option<String>,
    workflow_run: Option<RunOf>,
}

#[derive(Deserialize)]
struct RunOf {
    id: Option<u64>,
}

#[derive(Deserialize)]
struct Artifacts {
    artifacts: Vec<Artifact>,
}

/// Everything that a place holds.
pub fn list(client: &Client<'_>, place: &Place, recent: &Recent) -> Result<Listing, ForgeError> {
    let mut repository = Repository { client, name: &place.project, listing: Listing::default() };
    match place.what {
        What::Run { id, attempt } => repository.run(id, attempt)?,
        What::Job(id) => repository.job(id)?,
        What::Artifact(id) => repository.artifact(id)?,
        What::Recent => repository.recent(recent)?,
        What::Pipeline(_) => return Err(ForgeError::Target("GitHub has runs, no pipelines")),
    }
    Ok(repository.listing)
}

struct Repository<'c, 't> {
    client: &'c Client<'t>,
    /// `owner/repository`.
    name: &'c str,
    listing: Listing,
}

impl Repository<'_, '_> {
    fn address(&self, path: &str) -> String {
        format!("/repos/{}/actions/{path}", self.name)
    }

    fn shown(&self, path: &str) -> String {
        format!("{}/{}/actions/{path}", self.client.shown(), self.name)
    }

    fn run(&mut self, id: u64, attempt: Option<u64>) -> Result<(), ForgeError> {
        let path = match attempt {
            Some(attempt) => format!("runs/{id}/attempts/{attempt}"),
            None => format!("runs/{id}"),
        };
        let run: Run = self.client.json(&self.address(&path), &format!("run {id}"))?;
        self.logs(&run, attempt);
        self.artifacts(id);
        Ok(())
    }

    /// The logs of one attempt, or of all: what an earlier one printed can still be read.
    fn logs(&mut self, run: &Run, attempt: Option<u64>) {
        let newest = run.run_attempt.max(1);
        let attempts = attempt.map_or(1..=newest, |attempt| attempt..=attempt);
        for attempt in attempts {
            let path = format!("runs/{}/attempts/{attempt}", run.id);
            match run.status == "completed" || attempt < newest {
                true => {
                    let address = self.address(&format!("{path}/logs"));
                    self.listing.items.push(Item::log(&self.shown(&path), "logs", None, address));
                }
                false => self.unfinished(&path),
            }
        }
    }

    /// The logs of the jobs that ended, of an attempt that goes on.
    fn unfinished(&mut self, path: &str) {
        let (shown, address) = (self.shown(path), self.address(&format!("{path}/jobs?per_page=100")));
        let mut jobs = Vec::new();
        let outcome = self.client.pages(&address, "the jobs of a run", &mut |page: Jobs| {
            jobs.extend(page.jobs);
            ControlFlow::Continue(())
        });
        self.listing.excuse(&shown, outcome);
        for job in jobs {
            self.log(&shown, &job);
        }
    }

    fn log(&mut self, run: &str, job: &Job) {
        let part = format!("jobs/{}/log", job.id);
        if job.status != "completed" {
            let message = format!("job {} has not ended: GitHub does not give its log yet", name(&job.name));
            self.listing.warnings.push(Warning::unscanned("forge-unfinished", format!("{run}/{part}"), message));
            return;
        }
        let address = self.address(&format!("jobs/{}/logs", job.id));
        self.listing.items.push(Item::log(run, &part, Some(&job.name), address));
    }

    fn job(&mut self, id: u64) -> Result<(), ForgeError> {
        let job: Job = self.client.json(&self.address(&format!("jobs/{id}")), &format!("job {id}"))?;
        let repository = self.shown("").trim_end_matches('/').to_owned();
        self.log(&repository, &job);
        Ok(())
    }

    fn artifact(&mut self, id: u64) -> Result<(), ForgeError> {
        let artifact: Artifact =
            self.client.json(&self.address(&format!("artifacts/{id}")), &format!("artifact {id}"))?;
        let run = artifact.workflow_run.as_ref().and_then(|run| run.id);
        let run = run
            .map_or_else(|| self.shown("").trim_end_matches('/').to_owned(), |run| self.shown(&format!("runs/{run}")));
        self.add_artifact(&run, &artifact);
        Ok(())
    }

    fn artifacts(&mut self, run: u64) {
        let shown = self.shown(&format!("runs/{run}"));
        let address = self.address(&format!("runs/{run}/artifacts?per_page=100"));
        let mut all = Vec::new();
        let outcome = self.client.pages(&address, "the artifacts of a run", &mut |page: Artifacts| {
            all.extend(page.artifacts);
            ControlFlow::Continue(())
        });
        self.listing.excuse(&format!("{shown}/artifacts"), outcome);
        all.iter().for_each(|artifact| self.add_artifact(&shown, artifact));
    }

    fn add_artifact(&mut self, run: &str, artifact: &Artifact) {
        let part = format!("artifacts/{}", name(&artifact.name));
        if artifact.expired {
            self.listing.gone(format!("{run}/{part}"), "the artifact expired", artifact.expires_at.as_deref());
            return;
        }
        let address = self.address(&format!("artifacts/{}/zip", artifact.id));
        let artifact = Some(name(&artifact.name));
        self.listing.items.push(Item { run: run.to_owned(), part, artifact, job: None, address });
    }

    fn recent(&mut self, recent: &Recent) -> Result<(), ForgeError> {
        let since = rfc3339(recent.since.ok_or(ForgeError::NoDate)?);
        let mut runs = Vec::new();
        let mut seen = HashSet::new();
        let statuses: &[Option<&str>] = match recent.chosen {
            Chosen::Failed => &FAILED.map(Some),
            Chosen::All => &[None],
        };
        for status in statuses {
            self.runs(&since, *status, &mut |run| {
                if seen.insert(run.id) {
                    runs.push(run);
                }
            })?;
        }
        for run in runs {
            self.logs(&run, None);
            self.artifacts(run.id);
        }
        Ok(())
    }

    /// Hands over runs since a time, some twice. A list that ends at its limit goes on from its oldest run.
    fn runs(&self, since: &str, status: Option<&str>, each: &mut dyn FnMut(Run)) -> Result<(), ForgeError> {
        let status = status.map(|status| format!("&status={status}")).unwrap_or_default();
        let mut created = format!("%3E%3D{since}");
        loop {
            let address = self.address(&format!("runs?per_page=100&created={created}{status}"));
            let (mut count, mut oldest) = (0, None::<String>);
            self.client.pages(&address, "the list of runs", &mut |page: Runs| {
                for run in page.workflow_runs {
                    count += 1;
                    let is_older = oldest.as_ref().is_none_or(|oldest| run.created_at < *oldest);
                    if is_older && is_time(&run.created_at) {
                        oldest = Some(run.created_at.clone());
                    }
                    each(run);
                }
                ControlFlow::Continue(())
            })?;
            let next = oldest.map(|oldest| format!("{since}..{oldest}")).filter(|_| count >= MAX_LISTED);
            match next {
                Some(next) if next == created => {
                    return Err(ForgeError::unreadable(
                        "the list of runs",
                        "a thousand of them began in the same second",
                    ));
                }
                Some(next) => created = next,
                None => return Ok(()),
            }
        }
    }
}

/// Whether a text may stand in a query as a time.
fn is_time(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || b"-:TZ.".contains(&byte))
}
