//! A blob is bytes to scan plus where they came from; an origin has one way to be printed.

use std::fmt;
use std::sync::Arc;

/// What the path of a bucket's object begins with.
pub const BUCKET: &str = "s3://";

/// Git's name of an object: its SHA-1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId(pub [u8; 20]);

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Who introduced a blob and when: the author of a commit or the tagger of a tag.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Introduction {
    /// The commit (or annotated tag) that introduced the bytes.
    pub commit: ObjectId,
    /// The author as git prints it: `Name <email>`.
    pub author: Arc<str>,
    /// Author time: seconds since 1970-01-01 UTC.
    pub time: i64,
}

/// What becomes of a file of an image in the layers above its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fate {
    /// It is there in the image.
    #[default]
    Kept,
    /// Another file stands in its place; its own layer still holds it.
    Overwritten,
    /// It is gone from the image; its own layer still holds it.
    Deleted,
}

impl Fate {
    /// The word a report uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Fate::Kept => "kept",
            Fate::Overwritten => "overwritten",
            Fate::Deleted => "deleted",
        }
    }
}

/// What of a pipeline's run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RunPart {
    /// What it printed.
    Log,
    /// What it left behind, by its name.
    Artifact(Arc<str>),
}

/// Where bytes came from. `Display` is the one way it is printed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Origin {
    /// A file on disk; the path is relative to the target, with `/`.
    File { path: String },
    /// A file in git's index.
    Staged { path: String },
    /// A blob of a repository's history, attributed after the scan.
    GitBlob {
        /// The blob.
        id: ObjectId,
        /// A path it had, relative to the repository's root; `None` when no reachable tree holds it.
        path: Option<String>,
        /// The first commit that introduced it at this path; `None` when unreachable.
        introduced: Option<Introduction>,
    },
    /// The message (and headers) of a commit or an annotated tag.
    GitMessage {
        /// `commit` or `tag`.
        kind: &'static str,
        /// The commit or tag itself, its author and time.
        introduced: Introduction,
    },
    /// A file in a layer of a container image.
    Layer {
        /// The image, as reports name it.
        image: Arc<str>,
        /// The layer.
        digest: Arc<str>,
        /// The step of the build that made the layer, its secrets masked.
        step: Option<Arc<str>>,
        /// The whole path, `image!sha256:0123456789ab!etc/app.env`.
        path: String,
        /// What the layers above do to it.
        fate: Fate,
    },
    /// An entry of an image's configuration: environment, command, labels, history.
    ImageConfig {
        /// The image, as reports name it.
        image: Arc<str>,
        /// The configuration, or the manifest whose notes hold it.
        digest: Arc<str>,
        /// The whole path, `image!sha256:0123456789ab!config.Env`; an entry is a line.
        path: String,
    },
    /// An object of a bucket.
    Object {
        /// The bucket.
        bucket: Arc<str>,
        /// Its version, when versions were asked for.
        version: Option<Arc<str>>,
        /// The whole path, `s3://bucket/key`.
        path: String,
    },
    /// A log or an artifact of a pipeline's run, fetched from its forge.
    Run {
        /// The run or the job, as reports name it: `github.com/owner/repository/actions/runs/7`.
        run: Arc<str>,
        /// What of it.
        part: RunPart,
        /// The job, where the forge tells it.
        job: Option<Arc<str>>,
        /// The whole path, `run/logs`, `run/artifacts/name`.
        path: String,
    },
    /// What somebody wrote at a forge: an issue, a request to merge, a comment.
    Text {
        /// Who wrote it; empty where nobody is told.
        author: Arc<str>,
        /// The address of the page that shows it.
        path: String,
    },
    /// Standard input.
    Stdin,
    /// A member of an archive, at any depth.
    Entry {
        /// Where the outermost archive came from.
        container: Box<Origin>,
        /// The whole path, `outer.zip!inner/file`; nested ones have several `!`.
        path: String,
    },
}

impl Origin {
    /// The member `inside` the archive that came from `container`; an archive without a path is `-` or its blob's id.
    pub fn entry(container: Origin, inside: &str) -> Origin {
        let path = match (container.path(), &container) {
            (Some(outer), _) => format!("{outer}!{inside}"),
            (None, Origin::GitBlob { id, .. }) => format!("{id}!{inside}"),
            (None, _) => format!("-!{inside}"),
        };
        Origin::Entry { container: Box::new(container), path }
    }

    /// The object `key` of a bucket.
    pub fn object(bucket: &str, key: &str, version: Option<&str>) -> Origin {
        let path = format!("{BUCKET}{bucket}/{key}");
        Origin::Object { bucket: bucket.into(), version: version.map(Arc::from), path }
    }

    /// What holds the bytes: the outermost archive of a member, the origin itself of anything else.
    pub fn outermost(&self) -> &Origin {
        match self {
            Origin::Entry { container, .. } => container.outermost(),
            origin => origin,
        }
    }

    /// The path a report shows; `None` for standard input, messages and unreachable blobs.
    pub fn path(&self) -> Option<&str> {
        match self {
            Origin::File { path } | Origin::Staged { path } | Origin::Entry { path, .. } => Some(path),
            Origin::Layer { path, .. }
            | Origin::ImageConfig { path, .. }
            | Origin::Object { path, .. }
            | Origin::Run { path, .. }
            | Origin::Text { path, .. } => Some(path),
            Origin::GitBlob { path, .. } => path.as_deref(),
            Origin::GitMessage { .. } | Origin::Stdin => None,
        }
    }

    /// The path without the image and the layer, the bucket or the run, that it is in: what says something about the file itself.
    pub fn inner_path(&self) -> Option<&str> {
        let path = self.path()?;
        match self.outermost() {
            Origin::Layer { image, digest, .. } | Origin::ImageConfig { image, digest, .. } => {
                path.get(image.len() + short(digest).len() + 2..)
            }
            Origin::Object { bucket, .. } => path.get(BUCKET.len() + bucket.len() + 1..),
            Origin::Run { run, .. } => path.get(run.len() + 1..),
            // An address says nothing about what is written there.
            Origin::Text { .. } => None,
            _ => Some(path),
        }
    }

    /// What the bytes are in, from the outside in: an image, its layer, a file, members of archives. Empty for what has
    /// no path and is no archive.
    pub fn chain(&self) -> Vec<&str> {
        match self {
            Origin::Layer { image, digest, .. } | Origin::ImageConfig { image, digest, .. } => {
                let inner = self.inner_path().unwrap_or_default();
                vec![image, short(digest), inner]
            }
            Origin::Entry { container, path } => {
                let mut chain = container.chain();
                let outer = container.path().map(str::len).or_else(|| path.find('!')).unwrap_or(0);
                if chain.is_empty() {
                    chain.extend(path.get(..outer));
                }
                chain.extend(path.get(outer + 1..).into_iter().flat_map(|inside| inside.split('!')));
                chain
            }
            origin => origin.path().into_iter().collect(),
        }
    }

    /// The same origin seen from `folder` (with `/`, empty for the root): `None` for what does not lie inside it, and for
    /// messages and unreachable blobs, which lie in no folder.
    pub fn below(mut self, folder: &str) -> Option<Origin> {
        if folder.is_empty() {
            return Some(self);
        }
        let path = match &mut self {
            Origin::File { path } | Origin::Staged { path } => path,
            Origin::GitBlob { path, .. } => path.as_mut()?,
            Origin::Entry { container, path } => {
                let outer = container.path()?.len();
                let container = std::mem::replace(container.as_mut(), Origin::Stdin).below(folder)?;
                let inside = path.get(outer + 1..).unwrap_or_default();
                return Some(Origin::entry(container, inside));
            }
            Origin::GitMessage { .. }
            | Origin::Layer { .. }
            | Origin::ImageConfig { .. }
            | Origin::Object { .. }
            | Origin::Run { .. }
            | Origin::Text { .. }
            | Origin::Stdin => return None,
        };
        let inner = path.strip_prefix(folder)?.strip_prefix('/')?.to_owned();
        *path = inner;
        Some(self)
    }

    /// The commit, author and time, where the origin has them.
    pub fn introduction(&self) -> Option<&Introduction> {
        match self {
            Origin::GitBlob { introduced, .. } => introduced.as_ref(),
            Origin::GitMessage { introduced, .. } => Some(introduced),
            Origin::Entry { container, .. } => container.introduction(),
            _ => None,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::File { path } => write!(f, "file {path}"),
            Origin::Staged { path } => write!(f, "staged {path}"),
            Origin::GitBlob { path: Some(path), introduced: Some(introduced), .. } => {
                write!(f, "commit {} {path}", introduced.commit)
            }
            Origin::GitBlob { id, .. } => write!(f, "unreachable blob {id}"),
            Origin::GitMessage { kind, introduced } => {
                write!(f, "{kind} message {}", introduced.commit)
            }
            Origin::Layer { image, digest, fate, .. } => {
                let inner = self.inner_path().unwrap_or_default();
                match fate {
                    Fate::Kept => write!(f, "image {image} layer {digest} {inner}"),
                    fate => write!(f, "image {image} layer {digest} {} {inner}", fate.as_str()),
                }
            }
            Origin::ImageConfig { image, digest, .. } => {
                write!(f, "image {image} configuration {digest} {}", self.inner_path().unwrap_or_default())
            }
            Origin::Object { path, version: None, .. } => write!(f, "object {path}"),
            Origin::Object { path, version: Some(version), .. } => write!(f, "version {version} of object {path}"),
            Origin::Run { run, part, job, .. } => {
                write!(f, "run {run}")?;
                job.iter().try_for_each(|job| write!(f, " › job {job}"))?;
                match part {
                    RunPart::Log => f.write_str(" › log"),
                    RunPart::Artifact(name) => write!(f, " › artifact {name}"),
                }
            }
            Origin::Text { author, path } if author.is_empty() => write!(f, "text {path}"),
            Origin::Text { author, path } => write!(f, "text {path} by {author}"),
            Origin::Stdin => f.write_str("standard input"),
            Origin::Entry { container, path } if matches!(container.outermost(), Origin::Run { .. }) => {
                let inside = path.get(container.path().map_or(0, str::len) + 1..).unwrap_or_default();
                write!(f, "{container}")?;
                inside.split('!').try_for_each(|part| write!(f, " › {part}"))
            }
            Origin::Entry { container, path } => match (container.path(), container.as_ref()) {
                (Some(outer), _) => write!(f, "{container}{}", path.get(outer.len()..).unwrap_or_default()),
                (None, _) => write!(f, "{container} {path}"),
            },
        }
    }
}

/// A digest as paths show it: its algorithm and twelve digits.
pub fn short(digest: &str) -> &str {
    let end = digest.find(':').map_or(12, |colon| colon + 13);
    digest.get(..end).unwrap_or(digest)
}

/// Bytes to scan and where they came from.
#[derive(Debug)]
pub struct Blob<'a> {
    /// The content; borrowed from a map or a buffer of the source.
    pub bytes: &'a [u8],
    /// Where it came from.
    pub origin: Origin,
}
