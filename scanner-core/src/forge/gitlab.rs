//! GitLab CI: <https://docs.gitlab.com/api/jobs/>, <https://docs.gitlab.com/api/pipelines/>,
//! <https://docs.gitlab.com/api/job_artifacts/>.

use super::client::Client;
use super::error::ForgeError;
use super::item::{Chosen, Item, Listing, Recent, name};
use super::place::{Place, What};
use crate::time::{now, rfc3339};
use crate::warning::Warning;
use serde::Deserialize;
use std::collections::HashSet;
use std::ops::ControlFlow;

#[derive(Deserialize)]
struct Pipeline {
    id: u64,
}

#[derive(Deserialize)]
struct Job {
    id: u64,
    #[serde(default)]
    name: String,
    #[serde(default)]
    status: String,
    started_at: Option<String>,
    erased_at: Option<String>,
    artifacts_expire_at: Option<String>,
    artifacts_file: Option<File>,
    #[serde(default)]
    artifacts: Vec<Report>,
}

#[derive(Deserialize)]
struct File {
    filename: Option<String>,
}

#[derive(Deserialize)]
struct Report {
    #[serde(default)]
    file_type: String,
}

#[derive(Deserialize)]
struct Bridge {
    downstream_pipeline: Option<Downstream>,
}

#[derive(Deserialize)]
struct Downstream {
    id: u64,
    project_id: Option<u64>,
}

#[derive(Deserialize)]
struct Project {
    id: u64,
}

/// Everything that a place holds.
pub fn list(client: &Client<'_>, place: &Place, recent: &Recent) -> Result<Listing, ForgeError> {
    let base = format!("/projects/{}", place.project.replace('/', "%2F"));
    let shown = format!("{}/{}", client.shown(), place.project);
    let mut project = Found { client, base, shown, id: None, seen: HashSet::new(), listing: Listing::default() };
    match place.what {
        What::Job(id) => {
            let job: Job = client.json(&format!("{}/jobs/{id}", project.base), &format!("job {id}"))?;
            project.job(&job);
        }
        What::Pipeline(id) => {
            let pipeline: Pipeline =
                client.json(&format!("{}/pipelines/{id}", project.base), &format!("pipeline {id}"))?;
            project.pipelines(vec![pipeline.id]);
        }
        What::Recent => project.recent(recent)?,
        What::Run { .. } | What::Artifact(_) => return Err(ForgeError::Target("GitLab has pipelines and jobs")),
    }
    Ok(project.listing)
}

struct Found<'c, 't> {
    client: &'c Client<'t>,
    /// `/projects/group%2Fproject`.
    base: String,
    /// `gitlab.com/group/project`.
    shown: String,
    /// Its number, asked for when a pipeline starts another one.
    id: Option<u64>,
    /// Pipelines that were listed.
    seen: HashSet<u64>,
    listing: Listing,
}

impl Found<'_, '_> {
    fn recent(&mut self, recent: &Recent) -> Result<(), ForgeError> {
        let since = rfc3339(recent.since.ok_or(ForgeError::NoDate)?);
        let status = match recent.chosen {
            Chosen::Failed => "&status=failed",
            Chosen::All => "",
        };
        let mut found = Vec::new();
        // A list without a source leaves children out, and one of them may have failed alone.
        for source in ["", "&source=parent_pipeline"] {
            let query = format!("per_page=100&order_by=id&sort=desc&updated_after={since}{status}{source}");
            let address = format!("{}/pipelines?{query}", self.base);
            self.client.pages(&address, "the list of pipelines", &mut |page: Vec<Pipeline>| {
                found.extend(page.iter().map(|pipeline| pipeline.id));
                ControlFlow::Continue(())
            })?;
        }
        self.pipelines(found);
        Ok(())
    }

    /// Lists pipelines, and those that they start.
    fn pipelines(&mut self, mut open: Vec<u64>) {
        open.reverse();
        while let Some(id) = open.pop() {
            if !self.seen.insert(id) {
                continue;
            }
            let shown = format!("{}/pipelines/{id}", self.shown);
            let address = format!("{}/pipelines/{id}/jobs?per_page=100&include_retried=true", self.base);
            let mut jobs = Vec::new();
            let outcome = self.client.pages(&address, "the jobs of a pipeline", &mut |page: Vec<Job>| {
                jobs.extend(page);
                ControlFlow::Continue(())
            });
            self.listing.excuse(&shown, outcome);
            jobs.iter().for_each(|job| self.job(job));
            let outcome = self.children(id, &mut open);
            self.listing.excuse(&format!("{shown}/bridges"), outcome);
        }
    }

    fn children(&mut self, pipeline: u64, open: &mut Vec<u64>) -> Result<(), ForgeError> {
        let address = format!("{}/pipelines/{pipeline}/bridges?per_page=100", self.base);
        let mut started = Vec::new();
        self.client.pages(&address, "what a pipeline starts", &mut |page: Vec<Bridge>| {
            started.extend(page.into_iter().filter_map(|bridge| bridge.downstream_pipeline));
            ControlFlow::Continue(())
        })?;
        for Downstream { id, project_id } in started {
            if project_id.is_none() || project_id == Some(self.id()?) {
                open.push(id);
            } else {
                let message = format!("it starts pipeline {id} of another project, which was not asked for");
                let object = format!("{}/pipelines/{pipeline}", self.shown);
                self.listing.warnings.push(Warning::note("forge-downstream", object, message));
            }
        }
        Ok(())
    }

    fn id(&mut self) -> Result<u64, ForgeError> {
        if let Some(id) = self.id {
            return Ok(id);
        }
        let project: Project = self.client.json(&self.base, "the project")?;
        self.id = Some(project.id);
        Ok(project.id)
    }

    fn job(&mut self, job: &Job) {
        let shown = format!("{}/jobs/{}", self.shown, job.id);
        if job.erased_at.is_some() {
            self.listing.gone(shown, "the job was erased", job.erased_at.as_deref());
            return;
        }
        let base = format!("{}/jobs/{}", self.base, job.id);
        if job.started_at.is_some() {
            if matches!(job.status.as_str(), "running" | "canceling") {
                let message =
                    format!("job {} is still running: its log was scanned as far as it goes", name(&job.name));
                self.listing.warnings.push(Warning::note("forge-unfinished", &shown, message));
            }
            self.listing.items.push(Item::log(&shown, "trace", Some(&job.name), format!("{base}/trace")));
        }
        match (&job.artifacts_file, &job.artifacts_expire_at) {
            (Some(file), _) => {
                let artifact = Some(name(file.filename.as_deref().unwrap_or("artifacts.zip")));
                let (address, part) = (format!("{base}/artifacts"), "artifacts".to_owned());
                let job = Some(name(&job.name));
                self.listing.items.push(Item { run: shown.clone(), part, artifact, job, address });
            }
            (None, Some(time)) if is_past(time) => {
                self.listing.gone(format!("{shown}/artifacts"), "the artifacts expired", Some(time));
            }
            _ => {}
        }
        self.reports(&shown, job);
    }

    /// Reports are no part of the archive, and the API does not hand them out.
    fn reports(&mut self, shown: &str, job: &Job) {
        let kinds = job.artifacts.iter().map(|report| report.file_type.as_str());
        let mut kinds: Vec<&str> =
            kinds.filter(|kind| !matches!(*kind, "archive" | "metadata" | "trace" | "")).collect();
        kinds.sort_unstable();
        kinds.dedup();
        if !kinds.is_empty() {
            let message = format!("reports are not scanned: {}", name(&kinds.join(", ")));
            self.listing.warnings.push(Warning::note("forge-reports", format!("{shown}/artifacts"), message));
        }
    }
}

/// Whether a time in UTC, as the API writes it, is behind us. Times written so compare as text.
fn is_past(time: &str) -> bool {
    let now = rfc3339(now());
    time.get(..19).zip(now.get(..19)).is_some_and(|(time, now)| time < now)
}
