//! One place of a finding as every report tells it.

use super::record::{Excuse, excuse};
use crate::blob::{Fate, Origin, RunPart};
use crate::finding::{Finding, Occurrence, Position};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// What kind of place it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// A file on disk.
    Disk,
    /// Git's index.
    Index,
    /// A blob of git's history.
    History,
    /// A commit's or a tag's message.
    Message,
    /// A layer or the configuration of a container image.
    Image,
    /// An object of a bucket.
    Bucket,
    /// A log or an artifact of a pipeline's run.
    Run,
    /// What somebody wrote at a forge: an issue, a comment.
    Text,
    /// Standard input.
    Input,
    /// Anything else, told by `origin`.
    Other,
}

/// One place.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// What kind it is.
    pub source: Source,
    /// The path, relative to the target; `None` for what has none.
    pub path: Option<String>,
    /// Where in it.
    pub position: Position,
    /// Who brought it and when, where that is known.
    pub introduced: Option<Introduced>,
    /// Whether it still stands in `HEAD`; `None` when that is not known.
    pub in_head: Option<bool>,
    /// The place in words.
    pub origin: String,
    /// What the bytes are in, from the outside in: an image, its layer, a file, members of archives.
    pub chain: Vec<String>,
    /// Where in a container image.
    pub image: Option<ImagePlace>,
    /// Where in a bucket.
    pub object: Option<ObjectPlace>,
    /// Where on a forge.
    pub run: Option<RunPlace>,
    /// The job of a log that printed it.
    pub job: Option<String>,
    /// The step of a log that printed it.
    pub step: Option<String>,
    /// Encodings peeled to see it, outermost first.
    pub trail: Vec<Cow<'static, str>>,
    /// Places of values that belong with it, by rule.
    pub parts: Vec<(String, Position)>,
    /// Why this place does not count.
    pub suppression: Option<Excuse>,
    /// The repository, where a report is about many.
    pub repository: Option<String>,
}

/// Where in a container image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImagePlace {
    /// The image, as reports name it.
    pub name: String,
    /// The layer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer: Option<String>,
    /// The configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<String>,
    /// The step of the build that made the layer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// What the layers above do to it: `kept`, `overwritten`, `deleted`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fate: Option<Cow<'static, str>>,
}

impl ImagePlace {
    fn of(origin: &Origin) -> Option<ImagePlace> {
        match origin.outermost() {
            Origin::Layer { image, digest, step, fate, .. } => Some(ImagePlace {
                name: image.to_string(),
                layer: Some(digest.to_string()),
                config: None,
                step: step.as_deref().map(str::to_owned),
                fate: Some(Cow::Borrowed(fate.as_str())),
            }),
            Origin::ImageConfig { image, digest, .. } => {
                Some(ImagePlace { name: image.to_string(), config: Some(digest.to_string()), ..ImagePlace::default() })
            }
            _ => None,
        }
    }

    /// Whether the image itself no longer shows it: only its layer holds it.
    pub fn is_buried(&self) -> bool {
        self.fate.as_deref().is_some_and(|fate| fate != Fate::Kept.as_str())
    }
}

/// Where in a bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectPlace {
    /// The bucket.
    pub bucket: String,
    /// The object's key, and what is inside of it.
    pub key: String,
    /// Its version, when versions were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

impl ObjectPlace {
    fn of(origin: &Origin) -> Option<ObjectPlace> {
        let object @ Origin::Object { bucket, version, .. } = origin.outermost() else { return None };
        let key = object.inner_path()?.to_owned();
        Some(ObjectPlace { bucket: bucket.to_string(), key, version: version.as_deref().map(str::to_owned) })
    }
}

/// Where on a forge.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunPlace {
    /// The run or the job, as reports name it.
    pub name: String,
    /// `log` or `artifact`.
    pub part: Cow<'static, str>,
    /// The job, where the forge tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// The artifact's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact: Option<String>,
}

impl RunPlace {
    fn of(origin: &Origin) -> Option<RunPlace> {
        let Origin::Run { run, part, job, .. } = origin.outermost() else { return None };
        let (part, artifact) = match part {
            RunPart::Log => ("log", None),
            RunPart::Artifact(name) => ("artifact", Some(name.to_string())),
        };
        let job = job.as_deref().map(str::to_owned);
        Some(RunPlace { name: run.to_string(), part: part.into(), job, artifact })
    }
}

/// The commit or tag that brought a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Introduced {
    /// Its id.
    pub commit: String,
    /// Its author as git prints it: `Name <email>`.
    pub author: String,
    /// Its time: seconds since 1970-01-01 UTC.
    pub time: i64,
}

impl Source {
    const NAMES: [(Source, &'static str); 10] = [
        (Source::Disk, "disk"),
        (Source::Index, "index"),
        (Source::History, "history"),
        (Source::Message, "message"),
        (Source::Image, "image"),
        (Source::Bucket, "bucket"),
        (Source::Run, "run"),
        (Source::Text, "text"),
        (Source::Input, "input"),
        (Source::Other, "other"),
    ];

    fn of(origin: &Origin) -> Source {
        match origin.outermost() {
            Origin::File { .. } => Source::Disk,
            Origin::Staged { .. } => Source::Index,
            Origin::GitBlob { .. } => Source::History,
            Origin::GitMessage { .. } => Source::Message,
            Origin::Layer { .. } | Origin::ImageConfig { .. } => Source::Image,
            Origin::Object { .. } => Source::Bucket,
            Origin::Run { .. } => Source::Run,
            Origin::Text { .. } => Source::Text,
            Origin::Stdin => Source::Input,
            // Archives are opened above; what is added to origins later gets its word here.
            Origin::Entry { .. } => Source::Other,
        }
    }

    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        Self::NAMES.iter().find(|(source, _)| *source == self).map_or("other", |(_, name)| name)
    }

    /// The source that this word names; a later version may know more.
    pub(super) fn named(word: &str) -> Source {
        Self::NAMES.iter().find(|(_, name)| *name == word).map_or(Source::Other, |(source, _)| *source)
    }
}

impl Place {
    pub(super) fn new(finding: &Finding, occurrence: &Occurrence) -> Place {
        let Occurrence { origin, position, trail, parts, log, in_head, .. } = occurrence;
        let introduced = origin.introduction().map(|introduced| Introduced {
            commit: introduced.commit.to_string(),
            author: introduced.author.to_string(),
            time: introduced.time,
        });
        let log_name = |name: &Option<_>| name.as_deref().map(str::to_owned);
        Place {
            source: Source::of(origin),
            path: origin.path().map(str::to_owned),
            position: *position,
            introduced,
            in_head: *in_head,
            origin: origin.to_string(),
            chain: chain(origin),
            image: ImagePlace::of(origin),
            object: ObjectPlace::of(origin),
            run: RunPlace::of(origin),
            job: log.as_ref().and_then(|log| log_name(&log.job)),
            step: log.as_ref().and_then(|log| log_name(&log.step)),
            trail: trail.clone(),
            parts: parts.clone(),
            suppression: excuse(finding, occurrence),
            repository: None,
        }
    }

    /// `path:line:column`, or the place in words where there is no path.
    pub fn name(&self) -> String {
        let at = self.position;
        format!("{}:{}:{}", self.path.as_deref().unwrap_or(&self.origin), at.line, at.column)
    }

    /// Whether a pipeline printed it.
    pub fn is_log(&self) -> bool {
        let is_log = |run: &RunPlace| run.part == "log";
        self.job.is_some() || self.step.is_some() || self.run.as_ref().is_some_and(is_log)
    }

    /// The job and step of the log that printed it, in words.
    pub fn printed_by(&self) -> Option<String> {
        match (&self.job, &self.step) {
            (Some(job), Some(step)) => Some(format!("job {job}, step {step}")),
            (Some(job), None) => Some(format!("job {job}")),
            (None, Some(step)) => Some(format!("step {step}")),
            (None, None) => None,
        }
    }

    /// The commit, in history.
    pub fn commit(&self) -> Option<&str> {
        self.introduced.as_ref().map(|introduced| introduced.commit.as_str())
    }
}

impl Introduced {
    /// The author's name without the address.
    pub fn name(&self) -> &str {
        self.author.split(" <").next().unwrap_or_default()
    }

    /// The first ten digits of the commit.
    pub fn short(&self) -> &str {
        self.commit.get(..10).unwrap_or(&self.commit)
    }
}

/// What has no path itself is named by its words, before what is inside.
fn chain(origin: &Origin) -> Vec<String> {
    let mut chain: Vec<String> = origin.chain().into_iter().map(str::to_owned).collect();
    if let (Some(first), None) = (chain.first_mut(), origin.outermost().path()) {
        *first = origin.outermost().to_string();
    }
    chain
}
