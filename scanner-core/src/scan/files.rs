//! Scans files on disk and standard input.

use super::text::TextScanner;
use super::{Part, Request};
use crate::blob::Origin;
use crate::detect::Engine;
use crate::source::files;
use crate::warning::Warning;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Longest text scanned as one piece: positions are 32 bits wide.
const MAX_TEXT: usize = u32::MAX as usize - 65_536;

/// Scans a file, or every file below a folder.
pub fn scan_files(request: &Request, engine: &Engine, root: &Path) -> Part {
    request.progress.enter("listing files");
    let (paths, warnings) = files::list(root, request.no_ignore, request.threads);
    request.progress.enter("scanning files");
    let next = AtomicUsize::new(0);
    let mut part = Part { warnings, ..Part::default() };
    let scanners = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..request.threads.clamp(1, paths.len().max(1)))
            .map(|_| scope.spawn(|| scan_share(request, engine, root, &paths, &next)))
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
        match files::open(path) {
            Ok(content) if content.bytes().len() > MAX_TEXT => {
                let message = format!("larger than {MAX_TEXT} bytes: not scanned");
                scanner.warnings.push(Warning::unscanned("limit-file-size", name(), message));
            }
            Ok(content) => {
                scanner.scan(content.bytes(), index as u32, &name);
                request.progress.add(1, content.bytes().len() as u64);
            }
            Err(error) => {
                scanner.warnings.push(Warning::unscanned("unreadable-file", name(), format!("cannot read: {error}")));
            }
        }
    }
}

/// Scans standard input to its end.
pub fn scan_stdin(request: &Request, engine: &Engine) -> Part {
    request.progress.enter("reading standard input");
    let mut part = Part::default();
    let mut bytes = Vec::new();
    if let Err(error) = std::io::stdin().lock().read_to_end(&mut bytes) {
        part.warnings.push(Warning::unscanned(
            "unreadable-input",
            "standard input",
            format!("cannot read on: {error}"),
        ));
    }
    let mut scanner = TextScanner::new(engine);
    scanner.scan(&bytes, 0, &|| "standard input".to_owned());
    request.progress.add(1, bytes.len() as u64);
    part.findings = scanner.findings;
    part.warnings.append(&mut scanner.warnings);
    part.findings.place(&|_| vec![Origin::Stdin]);
    part
}
