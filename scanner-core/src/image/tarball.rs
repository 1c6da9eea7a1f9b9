//! Images in one file: what `docker save` writes, and OCI layouts in a tar. A plain tar is read from any place; a
//! compressed one is gone through from its beginning, once to learn what is in it and once for its layers.

use super::config;
use super::digest::Digest;
use super::error::ImageError;
use super::manifest::{Descriptor, Platform};
use super::resolve::{self, Image, Resolved};
use super::store::{Each, Store};
use crate::archive::{Budget, Feeding, Kind, Limits, Metered, Peeked, clean_name, compressed, kind, tar};
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Entries of a tarball beyond which it is none.
const MAX_ENTRIES: usize = 100_000;
/// Smaller entries of a compressed tarball are kept while it is gone through the first time.
const MAX_KEPT: u64 = 1 << 20;
/// All of them together.
const MAX_KEPT_ALL: u64 = 64 << 20;

/// How a tarball is arranged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// As `docker save` does: `manifest.json`.
    Docker,
    /// An OCI layout: `oci-layout` and `index.json`.
    Oci,
}

/// A tarball, looked through.
pub struct Tarball {
    path: PathBuf,
    compression: Option<Kind>,
    limits: Limits,
    entries: HashMap<String, Spot>,
    /// Which entry holds a blob, where its name does not say so.
    by_digest: HashMap<Digest, String>,
}

/// An entry.
enum Spot {
    At { offset: u64, size: u64 },
    Kept(Vec<u8>),
    Large,
    Link(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    #[serde(default)]
    layers: Vec<String>,
}

impl Tarball {
    /// Looks through a file; none when it is no tar. A compressed one is looked through only if it `must` be an image or
    /// begins like one: that takes as long as unpacking it.
    pub fn open(path: &Path, limits: &Limits, must: bool) -> Result<Option<Tarball>, ImageError> {
        let unreadable = |error| ImageError::Unreadable { what: path.display().to_string(), error };
        let mut peeked = Peeked::new(File::open(path).map_err(unreadable)?).map_err(unreadable)?;
        let compression = match kind(peeked.head()) {
            Some(Kind::Tar) => None,
            Some(kind) if kind.is_compression() => Some(kind),
            _ => return Ok(None),
        };
        let (entries, by_digest) = (HashMap::new(), HashMap::new());
        let mut tarball = Tarball { path: path.to_owned(), compression, limits: limits.clone(), entries, by_digest };
        let found = match compression {
            None => tarball.list(must).map(|()| true),
            Some(kind) => tarball.list_compressed(kind, &mut peeked, must),
        };
        let is_image = found.map_err(unreadable)? && tarball.dialect().is_some();
        Ok(is_image.then_some(tarball))
    }

    /// How it is arranged; newer versions of docker write both, with more in docker's own.
    pub fn dialect(&self) -> Option<Dialect> {
        match self.entries.contains_key("manifest.json") {
            true => Some(Dialect::Docker),
            false => self.entries.contains_key("index.json").then_some(Dialect::Oci),
        }
    }

    /// Its images, or those with this tag; `shown` names the tarball.
    pub fn images(
        &mut self,
        dialect: Dialect,
        shown: &str,
        tag: Option<&str>,
        platform: Option<&Platform>,
    ) -> Result<Resolved, ImageError> {
        match dialect {
            Dialect::Docker => self.saved(shown, tag, platform),
            Dialect::Oci => {
                let index = self.small("index.json")?;
                resolve::resolve_layout(self, shown, &index, tag, platform)
            }
        }
    }

    fn saved(&mut self, shown: &str, tag: Option<&str>, platform: Option<&Platform>) -> Result<Resolved, ImageError> {
        let list = self.small("manifest.json")?;
        let list: Vec<Saved> =
            serde_json::from_slice(&list).map_err(|error| ImageError::damaged("manifest.json", error))?;
        let (mut resolved, mut others) = (Resolved::default(), Vec::new());
        for saved in list {
            let tags = saved.repo_tags.clone().unwrap_or_default();
            if tag.is_some_and(|tag| !tags.iter().any(|own| own == tag || own.rsplit(':').next() == Some(tag))) {
                others.extend(tags);
                continue;
            }
            let name = tag.filter(|tag| tag.contains(':')).map(str::to_owned).or_else(|| tags.first().cloned());
            let (image, own) = self.saved_image(name.as_deref().unwrap_or(shown), &saved)?;
            match platform.is_none_or(|asked| own.as_ref().is_some_and(|own| own.is(asked))) {
                true => resolved.images.push(image),
                false => others.extend(own.map(|own| own.to_string())),
            }
        }
        if resolved.images.is_empty() {
            let wanted = match (tag, platform) {
                (Some(tag), _) => format!("image tagged {tag}"),
                (None, Some(platform)) => format!("image for {platform}"),
                (None, None) => "image".to_owned(),
            };
            return Err(ImageError::NotFound { wanted, found: others.join(", ") });
        }
        Ok(resolved)
    }

    fn saved_image(&mut self, name: &str, saved: &Saved) -> Result<(Image, Option<Platform>), ImageError> {
        let bytes = self.small(&saved.config)?;
        let digest = named(&saved.config).unwrap_or_else(|| Digest::of(&bytes));
        self.by_digest.insert(digest.clone(), saved.config.clone());
        let diff_ids = config::diff_ids(&bytes, &saved.config)?;
        if diff_ids.len() != saved.layers.len() {
            let reason = format!("it has {} layers and {} names for them", saved.layers.len(), diff_ids.len());
            return Err(ImageError::damaged(&saved.config, reason));
        }
        let mut layers = Vec::new();
        for (digest, entry) in diff_ids.into_iter().zip(&saved.layers) {
            self.by_digest.insert(digest.clone(), entry.clone());
            layers.push(Descriptor { is_content: true, ..Descriptor::new(digest, None) });
        }
        let config = Descriptor::new(digest.clone(), Some(bytes.len() as u64));
        let image = Image { name: name.into(), digest, config, layers, annotations: BTreeMap::new() };
        Ok((image, config::platform(&bytes)))
    }

    /// A small entry by its name, as it is.
    fn small(&self, name: &str) -> Result<Vec<u8>, ImageError> {
        let mut outcome = Err(ImageError::damaged(self.path.display().to_string(), format!("it has no {name}")));
        self.read_entries(&[name], &mut |_, found| {
            outcome = found.and_then(|reader| {
                let mut bytes = Vec::new();
                let read = reader.take(super::store::MAX_SMALL).read_to_end(&mut bytes);
                read.map(|_| bytes).map_err(|error| ImageError::Unreadable { what: name.to_owned(), error })
            });
        });
        outcome
    }

    /// Goes from header to header. What is damaged is no image, unless it must be one.
    fn list(&mut self, must: bool) -> io::Result<()> {
        let mut file = File::open(&self.path)?;
        let len = file.seek(SeekFrom::End(0))?;
        let mut at = 0;
        while at < len {
            file.seek(SeekFrom::Start(at))?;
            let mut counted = Counted { inner: BufReader::with_capacity(2048, &file), count: 0 };
            let entry = match tar::Reader::new(&mut counted).next_entry() {
                Ok(None) => break,
                Ok(Some(entry)) if entry.kind != tar::EntryKind::Lost && self.entries.len() < MAX_ENTRIES => entry,
                _ if must => break,
                _ => return Err(io::ErrorKind::InvalidData.into()),
            };
            let (offset, has_content) = (at + counted.count, entry.kind.has_content());
            let spot = match has_content {
                true => Spot::At { offset, size: entry.size },
                false => Spot::Link(target(&entry)),
            };
            at = match has_content {
                true => offset.saturating_add(entry.size.div_ceil(512).saturating_mul(512)),
                false => offset,
            };
            self.entries.insert(clean_name(&entry.path), spot);
        }
        Ok(())
    }

    fn list_compressed(&mut self, kind: Kind, peeked: &mut Peeked<File>, must: bool) -> io::Result<bool> {
        let budget = Budget::new(&self.limits, 0);
        let mut entries = HashMap::new();
        let (mut is_first, mut kept) = (true, 0);
        let looked = through(kind, peeked, &budget, &mut |entry, content| {
            let name = clean_name(&entry.path);
            if std::mem::take(&mut is_first) && !must && !begins_like_an_image(&name) {
                return Ok(false);
            }
            let spot = match () {
                () if !entry.kind.has_content() => Spot::Link(target(entry)),
                () if entry.size <= MAX_KEPT && kept + entry.size <= MAX_KEPT_ALL => {
                    let mut bytes = Vec::new();
                    content.read_to_end(&mut bytes)?;
                    kept += entry.size;
                    Spot::Kept(bytes)
                }
                () => Spot::Large,
            };
            entries.insert(name, spot);
            Ok(entries.len() < MAX_ENTRIES)
        });
        self.entries = entries;
        match looked {
            Err(_) if !must => Ok(false),
            outcome => outcome.map(|()| true),
        }
    }

    /// The entry that a name leads to, through links.
    fn resolve_links(&self, name: &str) -> String {
        let mut name = clean_name(name.as_bytes());
        for _ in 0..8 {
            let Some(Spot::Link(target)) = self.entries.get(&name) else { break };
            name = target.clone();
        }
        name
    }

    fn read_entries(&self, names: &[&str], each: &mut Each<'_>) {
        let missing =
            |name: &str| Err(ImageError::damaged(self.path.display().to_string(), format!("it has no {name}")));
        let mut waiting: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, name) in names.iter().enumerate() {
            let entry = self.resolve_links(name);
            match self.entries.get(&entry) {
                Some(Spot::At { offset, size }) => match self.stretch(*offset, *size) {
                    Ok(mut reader) => each(index, Ok(&mut reader)),
                    Err(error) => each(index, Err(ImageError::Unreadable { what: entry, error })),
                },
                Some(Spot::Kept(bytes)) => each(index, Ok(&mut bytes.as_slice())),
                Some(Spot::Large) => waiting.entry(entry).or_default().push(index),
                Some(Spot::Link(_)) | None => each(index, missing(name)),
            }
        }
        if waiting.is_empty() {
            return;
        }
        let outcome = self.reread(&mut |name, content| {
            let mut askers = waiting.remove(&name).unwrap_or_default().into_iter();
            if let Some(first) = askers.next() {
                each(first, Ok(content));
            }
            askers.for_each(|index| each(index, Err(ImageError::damaged(&name, "it has two digests"))));
            !waiting.is_empty()
        });
        for (name, indices) in waiting {
            let error = outcome.as_ref().err().map_or("it is not there".to_owned(), ToString::to_string);
            indices.into_iter().for_each(|index| each(index, Err(ImageError::damaged(&name, &error))));
        }
    }

    /// Hands over every entry with content that holds no blob of an image and is no part of the layout.
    pub fn read_rest(&self, is_used: &dyn Fn(&Digest) -> bool, visit: &mut Rest<'_>) {
        let used = self.by_digest.iter().filter(|(digest, _)| is_used(digest));
        let used: HashSet<String> = used.map(|(_, entry)| self.resolve_links(entry)).collect();
        let blob = |name: &str| {
            let (algorithm, hex) = name.strip_prefix("blobs/")?.split_once('/')?;
            Digest::parse(&format!("{algorithm}:{hex}"))
        };
        let is_rest = |name: &&String| !used.contains(*name) && !blob(name).is_some_and(|digest| is_used(&digest));
        let has_content = |spot: &Spot| !matches!(spot, Spot::Link(_));
        let mut names: Vec<&String> =
            self.entries.iter().filter(|(_, spot)| has_content(spot)).map(|(name, _)| name).filter(is_rest).collect();
        names.sort();
        let names: Vec<&str> = names.into_iter().map(String::as_str).collect();
        self.read_entries(&names, &mut |index, found| visit(names[index], found));
    }

    fn stretch(&self, offset: u64, size: u64) -> io::Result<impl Read + use<>> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(offset))?;
        Ok(file.take(size))
    }

    /// Goes through a compressed tarball once more, until `visit` has what it wants.
    fn reread(&self, visit: &mut dyn FnMut(String, &mut dyn Read) -> bool) -> io::Result<()> {
        let mut peeked = Peeked::new(File::open(&self.path)?)?;
        let Some(kind) = self.compression else { return Ok(()) };
        let budget = Budget::new(&self.limits, 0);
        through(kind, &mut peeked, &budget, &mut |entry, content| Ok(visit(clean_name(&entry.path), content)))
    }
}

/// Receives an entry by its name.
pub type Rest<'r> = dyn FnMut(&str, Result<&mut dyn Read, ImageError>) + 'r;

type Look<'l> = dyn FnMut(&tar::Entry, &mut dyn Read) -> io::Result<bool> + 'l;

/// Shows every entry of a compressed tar, until `look` has seen enough.
fn through(kind: Kind, file: &mut Peeked<File>, budget: &Budget, look: &mut Look<'_>) -> io::Result<()> {
    let trouble = |trouble: crate::archive::Trouble| io::Error::other(trouble.describe().1);
    let peeked = Peeked::new(Feeding::new(file, budget))?;
    let decoder = compressed::decoder(kind, peeked, budget).map_err(trouble)?;
    let mut reader = tar::Reader::new(Metered::new(decoder, budget));
    while let Some(entry) = reader.next_entry().map_err(trouble)? {
        budget.enter()?;
        if !look(&entry, &mut *reader.content(&entry))? {
            break;
        }
    }
    Ok(())
}

impl Store for Tarball {
    fn read(&self, wanted: &[&Descriptor], each: &mut Each<'_>) {
        let entry = |what: &&Descriptor| match self.by_digest.get(&what.digest) {
            Some(entry) => entry.clone(),
            None => format!("blobs/{}/{}", what.digest.parts().0, what.digest.parts().1),
        };
        let names: Vec<String> = wanted.iter().map(entry).collect();
        self.read_entries(&names.iter().map(String::as_str).collect::<Vec<_>>(), each);
    }

    fn is_sequential(&self) -> bool {
        self.compression.is_some()
    }
}

/// Counts what is read.
struct Counted<R> {
    inner: R,
    count: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(room)?;
        self.count += count as u64;
        Ok(count)
    }
}

/// Where a link leads, from the root of the tar.
fn target(entry: &tar::Entry) -> String {
    let name = clean_name(&entry.path);
    let link = String::from_utf8_lossy(&entry.link).into_owned();
    match link.strip_prefix("../") {
        // Older versions of docker link a layer to the same layer of another image.
        Some(rest) => {
            let above = name.rsplit_once('/').and_then(|(folder, _)| folder.rsplit_once('/')).map_or("", |(up, _)| up);
            if above.is_empty() { rest.to_owned() } else { format!("{above}/{rest}") }
        }
        None => link,
    }
}

/// A digest that stands in a file's name: `<hex>.json`, `sha256:<hex>`, `blobs/sha256/<hex>`.
fn named(entry: &str) -> Option<Digest> {
    let file = entry.rsplit('/').next()?;
    let hex = file.trim_start_matches("sha256:").trim_end_matches(".json");
    Digest::parse(&format!("sha256:{hex}"))
}

/// Whether the first entry of a tar is what writers of images begin with.
fn begins_like_an_image(name: &str) -> bool {
    let file = name.trim_start_matches("sha256:").split(['/', '.']).next().unwrap_or_default();
    let is_hash = file.len() == 64 && file.bytes().all(|byte| byte.is_ascii_hexdigit());
    let first = name.split('/').next().unwrap_or_default();
    is_hash || matches!(first, "blobs" | "oci-layout" | "index.json" | "manifest.json" | "config.json" | "repositories")
}
