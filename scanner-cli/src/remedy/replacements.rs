//! `scan --write-replacements FILE`: what to replace in the history, and the steps around it.
//!
//! The file holds secrets in clear by its nature: it is made anew, for its owner's eyes only, outside every work tree.

use super::blobs::repository;
use super::expression::{self, Value};
use super::{Blobs, slice};
use crate::args::RemedyArgs;
use crate::failure::{Failure, OrFail, Result};
use crate::terminal::{message, words};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Write;
use std::path::{Path, PathBuf};
use stopleak_core::private;
use stopleak_core::scan::Target;
use stopleak_core::{Finding, ObjectId, Occurrence, Origin};

/// git filter-repo takes a file with a NUL in its first 8,000 bytes or so for binary and leaves it as it is.
const LOOKED_AT: usize = 8192;

/// Blobs are kept in memory up to this much.
const MOST_KEPT: usize = 64 << 20;

/// BFG leaves larger files as they are.
const BFG_LIMIT: usize = 1 << 20;

/// Where the values go, checked before the scan.
pub struct Replacements {
    file: PathBuf,
    target: Target,
}

impl Replacements {
    /// Checks that the file may be written, and that there is one history.
    pub fn plan(args: &RemedyArgs, targets: &[Target]) -> Result<Option<Replacements>> {
        let Some(file) = &args.write_replacements else { return Ok(None) };
        let target = match targets {
            [target @ Target::Path(path)] if repository(path).is_some() => target.clone(),
            _ => {
                return Err(Failure::new("--write-replacements needs one git repository as the target")
                    .hint("scan repositories one by one"));
            }
        };
        if file.symlink_metadata().is_ok() {
            return Err(Failure::new(format!("{} exists", file.display())).hint("remove it, or name another file"));
        }
        refuse_in_work_tree(file)?;
        Ok(Some(Replacements { file: file.clone(), target }))
    }

    /// Writes the file and says what to do with it; without a secret in the history, says that.
    pub fn write(&self, findings: &[Finding]) -> Result<()> {
        let mut found = Found::default();
        let mut blobs = Blobs::of(std::slice::from_ref(&self.target));
        let mut cache = Cache::default();
        for finding in findings.iter().filter(|finding| !finding.is_practice()) {
            finding.occurrences.iter().for_each(|place| found.take(finding, place, &mut blobs, &mut cache));
            found.unlisted += finding.more_occurrences;
        }
        if found.values.is_empty() && found.unreachable.is_empty() {
            message::line("No secret that counts stands in the history: no file of replacements was written.");
            return Ok(());
        }
        if !found.values.is_empty() {
            let values: Vec<Value> = found.values.iter().cloned().collect();
            let made = private::options().write(true).create_new(true).open(&self.file);
            made.and_then(|mut file| file.write_all(&expression::file(&values)))
                .or_fail(|| format!("cannot write {}", self.file.display()))?;
        }
        self.explain(&found);
        Ok(())
    }

    fn explain(&self, found: &Found) {
        let file = self.file.display();
        for (place, why) in found.unreachable.iter().take(20) {
            message::note(place, &format!("not replaced: {why}"));
        }
        if !found.unreachable.is_empty() {
            let (all, ids) = (words::counted(found.unreachable.len() as u64, "place"), ids(&found.unreachable));
            let ids = if ids.is_empty() { String::new() } else { format!(" Their blobs: {}", ids.join(" ")) };
            message::note(
                &format!("{all} not replaced"),
                &format!(
                    "files without text to replace are removed from every commit with `git filter-repo --strip-blobs-with-ids IDS`.{ids}"
                ),
            );
        }
        if found.values.is_empty() {
            return;
        }
        let count = |test: fn(&Value) -> bool| found.values.iter().filter(|value| test(value)).count() as u64;
        message::caution(&format!(
            "{file} holds {} in clear, readable by you alone: keep it out of repositories and backups, delete it when done",
            words::counted(found.values.len() as u64, "value")
        ));
        let notes = [
            (
                count(Value::is_short),
                "short, so replaced as whole words only, wherever they stand: read these lines first",
            ),
            (count(Value::is_multi_line), "over several lines: git filter-repo replaces them, BFG does not"),
            (
                count(|value| std::str::from_utf8(&value.bytes).is_err()),
                "not UTF-8: git filter-repo replaces them, BFG may not",
            ),
            (found.large.len() as u64, "in files over 1 MiB: git filter-repo replaces them, BFG does not"),
            (found.unlisted, "at places beyond the thousand listed of a secret: encoded forms there may remain"),
        ];
        for (number, text) in notes.iter().filter(|(number, _)| *number > 0) {
            message::note(&format!("{number} of them"), text);
        }
        steps(&self.file, found.in_messages).iter().for_each(|line| message::line(line));
    }
}

/// What there is to do, in its order.
fn steps(file: &Path, in_messages: bool) -> Vec<String> {
    let file = file.canonicalize().unwrap_or(file.to_owned()).display().to_string();
    let file = if file.contains([' ', '\'']) { format!("'{}'", file.replace('\'', "'\\''")) } else { file };
    let messages = if in_messages { format!(" --replace-message {file}") } else { String::new() };
    let bfg = if in_messages { " (leaves messages as they are)" } else { "" };
    [
        "",
        "1. Revoke or rotate every secret first. Rewriting takes nothing back from those who have read it.",
        "2. Take it out of today's files and commit, or the next commit brings it back.",
        "3. In a fresh clone (`git clone --mirror URL cleaned.git && cd cleaned.git`), one of",
        "     git filter-repo --sensitive-data-removal --replace-text FILE",
        "     java -jar bfg.jar --no-blob-protection --replace-text FILE . && git reflog expire --expire=now --all && git gc --prune=now",
        "4. Check: `stopleak scan .` in the clone finds nothing.",
        "5. `git push --force --mirror origin`, with branch protection lifted and everyone told: every commit since has a new id, \
         open pull requests and signatures break.",
        "6. The old commits live on in forks, in other people's clones (they clone anew, a merge brings all back), in pull \
         requests' own refs and in the host's caches: ask the host to remove those.",
        "7. Delete FILE.",
    ]
    .map(|line| match line.contains("bfg.jar") {
        true => line.replace("FILE", &file) + bfg,
        false => line.replace("--replace-text FILE", &format!("--replace-text FILE{messages}")).replace("FILE", &file),
    })
    .to_vec()
}

/// What was gathered of the findings.
#[derive(Default)]
struct Found {
    values: BTreeSet<Value>,
    /// Places whose text cannot be replaced, and why.
    unreachable: BTreeMap<String, String>,
    large: BTreeSet<ObjectId>,
    in_messages: bool,
    unlisted: u64,
}

impl Found {
    fn take(&mut self, finding: &Finding, place: &Occurrence, blobs: &mut Blobs, cache: &mut Cache) {
        let plain = Value { bytes: finding.secret.expose().to_vec(), anywhere: false };
        match &place.origin {
            Origin::GitMessage { .. } if place.trail.is_empty() => {
                self.in_messages = true;
                self.values.insert(plain);
            }
            Origin::GitMessage { .. } => self.unreachable(place, "it is encoded in a message"),
            Origin::GitBlob { id, .. } => {
                let blob = cache.blob(id, blobs);
                self.take_blob(finding, place, id, blob, plain);
            }
            Origin::Entry { container, .. } => {
                if let Origin::GitBlob { id, .. } = container.outermost() {
                    self.unreachable(place, &format!("it is inside an archive, blob {id}"));
                }
            }
            // What was never committed has no history.
            _ => {}
        }
    }

    fn take_blob(&mut self, finding: &Finding, place: &Occurrence, id: &ObjectId, blob: Option<&[u8]>, plain: Value) {
        let Some(bytes) = blob else {
            return self.unreachable(place, &format!("blob {id} cannot be read"));
        };
        if bytes[..bytes.len().min(LOOKED_AT)].contains(&0) {
            return self.unreachable(place, &format!("the file is binary, blob {id}"));
        }
        if bytes.len() >= BFG_LIMIT {
            self.large.insert(*id);
        }
        let raw = slice(bytes, place.position);
        match raw {
            _ if raw == Some(finding.secret.expose()) => _ = self.values.insert(plain),
            Some(raw) if !place.trail.is_empty() || raw.len() >= plain.bytes.len() => {
                self.values.insert(Value { bytes: raw.to_vec(), anywhere: true });
                if place.trail.is_empty() {
                    self.values.insert(plain);
                }
            }
            _ => self.unreachable(place, &format!("its text in blob {id} was not found again")),
        }
    }

    fn unreachable(&mut self, place: &Occurrence, why: &str) {
        self.unreachable.insert(format!("{}:{}", place.origin, place.position.line), why.to_owned());
    }
}

/// Blobs read before; several secrets stand in one mostly.
#[derive(Default)]
struct Cache {
    blobs: HashMap<ObjectId, Option<Vec<u8>>>,
    bytes: usize,
}

impl Cache {
    fn blob(&mut self, id: &ObjectId, blobs: &mut Blobs) -> Option<&[u8]> {
        if !self.blobs.contains_key(id) {
            if self.bytes > MOST_KEPT {
                *self = Cache::default();
            }
            let blob = blobs.blob(id);
            self.bytes += blob.as_ref().map_or(0, Vec::len);
            self.blobs.insert(*id, blob);
        }
        self.blobs.get(id)?.as_deref()
    }
}

/// The blobs that reasons name.
fn ids(unreachable: &BTreeMap<String, String>) -> Vec<String> {
    let named = unreachable.values().filter_map(|why| Some(why.split_once("blob ")?.1.get(..40)?.to_owned()));
    let ids: BTreeSet<String> = named.collect();
    ids.into_iter().collect()
}

/// A file with secrets does not belong where the next `git add` takes it.
fn refuse_in_work_tree(file: &Path) -> Result<()> {
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let folder = folder.canonicalize().or_fail(|| format!("cannot write {}", file.display()))?;
    let is_git_dir = folder.components().any(|part| part.as_os_str() == ".git");
    let tree = folder.ancestors().find(|folder| folder.join(".git").exists()).filter(|_| !is_git_dir);
    match tree {
        None => Ok(()),
        Some(tree) => Err(Failure::new(format!(
            "{} would hold secrets in clear inside the git work tree {}",
            file.display(),
            tree.display()
        ))
        .hint("name a file outside it, such as ../replacements.txt, or inside its .git folder")),
    }
}
