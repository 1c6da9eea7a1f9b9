//! What is to be downloaded, and what is known not to be there any more.

use super::error::ForgeError;
use crate::archive::clean_name;
use crate::warning::Warning;

/// Longest name of a job or an artifact that is kept.
const LONGEST_NAME: usize = 120;

/// Which runs of a project are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Chosen {
    /// Those that failed.
    #[default]
    Failed,
    /// All of them.
    All,
}

/// How a target that names no run is narrowed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Recent {
    /// Seconds since 1970; runs since then.
    pub since: Option<i64>,
    /// Which of them.
    pub chosen: Chosen,
}

/// A log or an artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The run or job as reports name it: `github.com/owner/repository/actions/runs/7`.
    pub run: String,
    /// What of it: `logs`, `artifacts/name`.
    pub part: String,
    /// The artifact's name; none for a log.
    pub artifact: Option<String>,
    /// The job, where it is one job's.
    pub job: Option<String>,
    /// Where the API has it, below its base.
    pub address: String,
}

impl Item {
    pub(super) fn log(run: &str, part: &str, job: Option<&str>, address: String) -> Item {
        let (run, part, job) = (run.to_owned(), part.to_owned(), job.map(name));
        Item { run, part, artifact: None, job, address }
    }

    /// How messages name it.
    pub fn path(&self) -> String {
        format!("{}/{}", self.run, self.part)
    }
}

/// What a target holds.
#[derive(Debug, Default)]
pub struct Listing {
    /// To be downloaded.
    pub items: Vec<Item>,
    /// What is not there to be downloaded, and why.
    pub warnings: Vec<Warning>,
}

impl Listing {
    /// Notes that something could not be listed, and goes on.
    pub(super) fn excuse(&mut self, object: &str, outcome: Result<(), ForgeError>) {
        if let Err(error) = outcome {
            self.warnings.push(error.warning(object));
        }
    }

    pub(super) fn gone(&mut self, object: String, what: &str, since: Option<&str>) {
        let since = since.map(|since| format!(" on {}", name(since))).unwrap_or_default();
        self.warnings.push(Warning::unscanned("forge-gone", object, format!("{what}{since}: it is gone")));
    }
}

/// A name as it may stand in a path: no control characters, no way out of its place.
pub(super) fn name(text: &str) -> String {
    let cleaned = clean_name(text.as_bytes());
    cleaned.chars().filter(|c| !c.is_control()).take(LONGEST_NAME).collect()
}
