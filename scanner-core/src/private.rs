//! Files and folders that their owner alone can look into, and that are on the disk when we say so.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

/// For a file that nobody else can read.
pub fn options() -> OpenOptions {
    #[allow(unused_mut)]
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Makes a folder that nobody else can look into; one that is there stays as it is.
pub fn folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Whether others can read a file, where the system tells.
pub fn is_open_to_others(file: &File) -> io::Result<bool> {
    let permissions = file.metadata()?.permissions();
    #[cfg(unix)]
    let is_open = std::os::unix::fs::PermissionsExt::mode(&permissions) & 0o077 != 0;
    #[cfg(not(unix))]
    let is_open = {
        let _ = permissions;
        false
    };
    Ok(is_open)
}

/// Puts `parts` in place of what is at `path`, by way of a file `beside` it: after a crash the one or the other is there,
/// whole.
pub fn replace(path: &Path, beside: &Path, parts: &[&[u8]]) -> io::Result<()> {
    let write = |mut file: File| {
        parts.iter().try_for_each(|part| file.write_all(part))?;
        file.sync_all()
    };
    let written = options().write(true).create(true).truncate(true).open(beside).and_then(write);
    let moved = written.and_then(|()| std::fs::rename(beside, path));
    if moved.is_err() {
        // What is left of it is of no use.
        let _ = std::fs::remove_file(beside);
    }
    moved.and_then(|()| sync_folder(path.parent().unwrap_or(Path::new(""))))
}

/// Sees the names in a folder onto the disk, where the system has a way.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    match cfg!(unix) {
        true => File::open(folder)?.sync_all(),
        false => Ok(()),
    }
}

/// Waits for a lock of the system, which ends with the process that holds it; `false` when others held it for so long.
pub fn wait(lock: impl Fn() -> Result<(), TryLockError>, patience: Duration) -> io::Result<bool> {
    let (started, mut pause) = (Instant::now(), Duration::from_micros(200));
    loop {
        match lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if started.elapsed() > patience => return Ok(false),
            Err(TryLockError::WouldBlock) => std::thread::sleep(pause),
        }
        pause = (pause * 2).min(Duration::from_millis(5));
    }
}
