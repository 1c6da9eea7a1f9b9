//! Scans files on disk and standard input.

use super::text::TextScanner;
use super::{Part, Request, archives, stream};
use crate::archive::Peeked;
use crate::blob::Origin;
use crate::detect::Engine;
use crate::source::files::{self, Content};
use crate::warning::Warning;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Scans a file, or every file below a folder.
pub fn scan_files(request: &Request, engine: &Engine, root: &Path) -> Part {
    scan_files_where(request, engine, root, &|_| true)
}

/// Scans the files below a folder that are wanted.
pub fn scan_files_where(request: &Request, engine: &Engine, root: &Path, is_wanted: &dyn Fn(&Path) -> bool) -> Part {
    request.progress.enter("listing files");
    let (mut paths, warnings) = files::list(root, request.no_ignore, request.threads);
    paths.retain(|path| is_wanted(path));
    let mut part = scan_listed(request, engine, root, &paths);
    part.warnings.extend(warnings);
    part
}

/// Scans these files; their paths are shown relative to `root`.
pub fn scan_listed(request: &Request, engine: &Engine, root: &Path, paths: &[PathBuf]) -> Part {
    request.progress.enter("scanning files");
    let next = AtomicUsize::new(0);
    let mut part = Part::default();
    let scanners = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..request.threads.clamp(1, paths.len().max(1)))
            .map(|_| scope.spawn(|| scan_share(request, engine, root, paths, &next)))
            .collect();
        workers.into_iter().map(|worker| worker.join().expect("a scanner does not panic")).collect::<Vec<_>>()
    });
    for scanner in scanners {
        part.findings.absorb(scanner.findings);
        part.warnings.extend(scanner.warnings);
    }
    part.findings.place(&|place| vec![Origin::File { path: files::shown(root, &paths[place as usize]) }]);
    part
}

fn scan_share<'e>(
    request: &Request,
    engine: &'e Engine,
    root: &Path,
    paths: &[PathBuf],
    next: &AtomicUsize,
) -> TextScanner<'e> {
    let mut scanner = TextScanner::new(engine);
    loop {
        let index = next.fetch_add(1, Ordering::Relaxed);
        let Some(path) = paths.get(index) else { return scanner };
        let name = || files::shown(root, path);
        if let Err(error) = scan_file(request, &mut scanner, path, index as u32, &name) {
            scanner.warnings.push(Warning::unscanned("unreadable-file", name(), format!("cannot read: {error}")));
        }
    }
}

fn scan_file(
    request: &Request,
    scanner: &mut TextScanner,
    path: &Path,
    place: u32,
    name: &dyn Fn() -> String,
) -> std::io::Result<()> {
    let limits = request.archives.as_ref();
    match files::open(path)? {
        Content::Large(mut file) => {
            if archives::scan_file(scanner, &mut file, limits, place, name, &request.progress)? {
                return Ok(());
            }
            stream::scan(scanner, &mut file, stream::BLOCK, place, name, &|bytes| request.progress.add(0, bytes))?;
            request.progress.add(1, 0);
        }
        content => {
            if archives::scan_bytes(scanner, content.bytes(), limits, place, name, &request.progress) {
                return Ok(());
            }
            scanner.scan(content.bytes(), place, name);
            request.progress.add(1, content.bytes().len() as u64);
        }
    }
    Ok(())
}

/// Scans standard input to its end.
pub fn scan_stdin(request: &Request, engine: &Engine) -> Part {
    request.progress.enter("reading standard input");
    let mut part = Part::default();
    let mut scanner = TextScanner::new(engine);
    let name = || "standard input".to_owned();
    let progress = |bytes| request.progress.add(0, bytes);
    let mut input = std::io::stdin().lock();
    let read = Peeked::new(&mut input).and_then(|mut input| {
        let limits = request.archives.as_ref();
        if archives::scan_stream(&mut scanner, &mut input, limits, 0, &name, &request.progress) {
            return Ok(0);
        }
        stream::scan(&mut scanner, &mut input, stream::BLOCK, 0, &name, &progress)
    });
    if let Err(error) = read {
        let message = format!("cannot read on: {error}");
        part.warnings.push(Warning::unscanned("unreadable-input", name(), message));
    }
    request.progress.add(1, 0);
    part.findings = scanner.findings;
    part.warnings.append(&mut scanner.warnings);
    part.findings.place(&|_| vec![Origin::Stdin]);
    part
}
