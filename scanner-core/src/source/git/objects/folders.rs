//! Object folders: the repository's own and those it borrows from, and the packs and loose objects in them.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::{ObjectId, Warning};

use super::bytes::Bytes;
use super::error::ObjectsError;
use super::index::Index;
use super::midx;

/// One object folder.
pub struct Folder {
    pub path: PathBuf,
    /// Listed in some folder's `info/alternates`.
    pub borrowed: bool,
}

/// A pack and the list of its objects.
pub struct Source {
    pub name: String,
    pub pack: Bytes,
    pub index: Index,
    pub borrowed: bool,
}

/// The own folders, then every folder borrowed from, each once.
pub fn find(own: &Path, extra: &[PathBuf], warnings: &mut Vec<Warning>) -> Result<Vec<Folder>, ObjectsError> {
    fs::read_dir(own).map_err(|source| ObjectsError::Folder { path: own.to_owned(), source })?;
    let mut seen = HashSet::new();
    let mut folders = Vec::new();
    for path in std::iter::once(own).chain(extra.iter().map(PathBuf::as_path)) {
        add(path.to_owned(), false, &mut seen, &mut folders, warnings);
    }
    let mut next = 0;
    while let Some(folder) = folders.get(next) {
        for path in alternates(&folder.path, warnings) {
            add(path, true, &mut seen, &mut folders, warnings);
        }
        next += 1;
    }
    Ok(folders)
}

fn add(
    path: PathBuf,
    borrowed: bool,
    seen: &mut HashSet<PathBuf>,
    folders: &mut Vec<Folder>,
    warnings: &mut Vec<Warning>,
) {
    match path.canonicalize() {
        Ok(real) if real.is_dir() => {
            if seen.insert(real) {
                folders.push(Folder { path, borrowed });
            }
        }
        _ => warnings.push(Warning::unscanned(
            "missing-object-folder",
            path.display().to_string(),
            "the object folder does not exist or cannot be entered",
        )),
    }
}

/// The folders that `info/alternates` lists.
fn alternates(folder: &Path, warnings: &mut Vec<Warning>) -> Vec<PathBuf> {
    let path = folder.join("info/alternates");
    match fs::read(&path) {
        Ok(text) => {
            let lines = text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty() && line[0] != b'#');
            lines.map(|line| folder.join(path_of(&unquote(line)))).collect()
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        Err(error) => {
            warnings.push(unreadable(&path, &error));
            Vec::new()
        }
    }
}

#[cfg(unix)]
fn path_of(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
}

#[cfg(not(unix))]
fn path_of(bytes: &[u8]) -> PathBuf {
    PathBuf::from(String::from_utf8_lossy(bytes).into_owned())
}

/// A path that git wrote in double quotes, C style, as it is meant.
fn unquote(line: &[u8]) -> Vec<u8> {
    let Some(inner) = line.strip_prefix(b"\"").and_then(|line| line.strip_suffix(b"\"")) else {
        return line.to_owned();
    };
    let mut path = Vec::with_capacity(inner.len());
    let mut at = 0;
    while let Some(&byte) = inner.get(at) {
        at += 1;
        if byte != b'\\' {
            path.push(byte);
            continue;
        }
        let octal = inner.get(at..at + 3).and_then(|digits| std::str::from_utf8(digits).ok());
        if let Some(byte) = octal.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            path.push(byte);
            at += 3;
        } else if let Some(&escaped) = inner.get(at) {
            path.push(match escaped {
                b'n' => b'\n',
                b't' => b'\t',
                b'r' => b'\r',
                other => other,
            });
            at += 1;
        }
    }
    path
}

fn unreadable(path: &Path, error: &std::io::Error) -> Warning {
    Warning::unscanned("unreadable-file", path.display().to_string(), format!("cannot read: {error}"))
}

/// The sorted file names of a folder; none when it does not exist.
fn names(path: &Path, warnings: &mut Vec<Warning>) -> Vec<String> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            warnings.push(unreadable(path, &error));
            return Vec::new();
        }
    };
    let mut names = Vec::new();
    for entry in entries {
        match entry {
            Ok(entry) => match entry.file_name().into_string() {
                Ok(name) => names.push(name),
                Err(name) if name.to_string_lossy().ends_with(".pack") => {
                    let message = "the pack is not scanned: its file name is no text".to_owned();
                    warnings.push(broken(&path.join(name), message));
                }
                Err(_) => {}
            },
            Err(error) => warnings.push(unreadable(path, &error)),
        }
    }
    names.sort_unstable();
    names
}

/// The packs of a folder that can be opened.
pub fn packs(folder: &Folder, warnings: &mut Vec<Warning>) -> Vec<Source> {
    let path = folder.path.join("pack");
    let names = names(&path, warnings);
    let stems = |ending: &str| -> HashSet<&str> { names.iter().filter_map(|name| name.strip_suffix(ending)).collect() };
    let (packs, indices) = (stems(".pack"), stems(".idx"));
    let mut lists = None;
    let mut sources = Vec::new();
    for stem in names.iter().filter_map(|name| name.strip_suffix(".pack")) {
        let own = path.join(format!("{stem}.idx"));
        let index = if indices.contains(stem) {
            Bytes::map(&own).map_err(|error| unreadable(&own, &error)).and_then(|bytes| {
                Index::parse(bytes).map_err(|why| broken(&own, format!("the pack is not scanned: {why}")))
            })
        } else {
            let lists = lists.get_or_insert_with(|| multi_pack_index(&path));
            lists.remove(stem).ok_or_else(|| broken(&own, "the pack is not scanned: it has no index".into()))
        };
        let file = path.join(format!("{stem}.pack"));
        let source = index.and_then(|index| open(&file, index, folder.borrowed, warnings));
        source.map_or_else(|warning| warnings.push(warning), |source| sources.push(source));
    }
    let mut orphans: Vec<_> = indices.difference(&packs).collect();
    orphans.sort_unstable();
    warnings.extend(orphans.iter().map(|stem| {
        let file = path.join(format!("{stem}.pack"));
        Warning::unscanned("missing-pack", file.display().to_string(), "there is an index for it, but no such pack")
    }));
    sources
}

fn multi_pack_index(path: &Path) -> HashMap<String, Index> {
    let bytes = Bytes::map(&path.join("multi-pack-index"));
    bytes.ok().and_then(|bytes| midx::parse(&bytes)).unwrap_or_default()
}

fn broken(path: &Path, message: String) -> Warning {
    Warning::unscanned("corrupt-pack", path.display().to_string(), message)
}

fn open(path: &Path, index: Index, borrowed: bool, warnings: &mut Vec<Warning>) -> Result<Source, Warning> {
    let pack = Bytes::map(path).map_err(|error| unreadable(path, &error))?;
    check(&pack, &index, path, warnings)?;
    Ok(Source { name: path.display().to_string(), pack, index, borrowed })
}

/// Refuses what is no pack; what is damaged is announced and read as far as it goes.
pub fn check(pack: &[u8], index: &Index, path: &Path, warnings: &mut Vec<Warning>) -> Result<(), Warning> {
    let version = super::index::number(pack, 4);
    if !pack.starts_with(b"PACK") || !matches!(version, Some(2 | 3)) || pack.len() < 32 {
        return Err(broken(path, "the pack is not scanned: it does not start as a pack does".into()));
    }
    if matches!(index, Index::Listed(_)) {
        return Ok(());
    }
    let damages = [
        (
            super::index::number(pack, 8) != Some(index.len() as u32),
            "pack and index count different numbers of objects",
        ),
        (
            index.pack_checksum() != Some(&pack[pack.len() - 20..]),
            "the pack does not end as its index says: it is cut short or damaged",
        ),
        (!index.has_sound_fan_out(), "the first table of its index is damaged"),
    ];
    let found = damages.into_iter().filter(|(is_damaged, _)| *is_damaged);
    warnings.extend(found.map(|(_, message)| broken(path, message.into())));
    Ok(())
}

/// The ids of a folder's loose objects, sorted.
pub fn loose(folder: &Folder, warnings: &mut Vec<Warning>) -> Vec<ObjectId> {
    let mut ids = Vec::new();
    for first in names(&folder.path, warnings).iter().filter(|name| name.len() == 2) {
        let Some(first_byte) = hex(first) else { continue };
        for rest in names(&folder.path.join(first), warnings) {
            let mut id = [first_byte; 20];
            let digits = (0..19).map(|i| rest.get(2 * i..2 * i + 2).and_then(hex));
            if rest.len() == 38 && digits.enumerate().all(|(i, byte)| byte.map(|byte| id[i + 1] = byte).is_some()) {
                ids.push(ObjectId(id));
            }
        }
    }
    ids.sort_unstable();
    ids
}

fn hex(digits: &str) -> Option<u8> {
    let lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    digits.bytes().all(lower).then(|| u8::from_str_radix(digits, 16).ok())?
}
