//! An agent that holds one key in memory and lends its signature to one client:
//! <https://datatracker.ietf.org/doc/html/draft-ietf-sshm-ssh-agent>. The key is never written anywhere.

use super::super::bytes::{Fields, put_counted, random_text};
use super::key::Key;
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A client has few questions, and none is long.
const MAX_MESSAGE: usize = 256 << 10;
const MAX_QUESTIONS: usize = 32;

/// A folder that nobody else can look into; gone when it is dropped.
pub struct Folder(PathBuf);

impl Folder {
    /// A new one among the temporary files.
    pub fn new() -> io::Result<Folder> {
        let path = std::env::temp_dir().join(format!("stopleak-{}", random_text(16)));
        fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Folder(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Answers at `socket` while `work` runs.
pub fn serve<T>(socket: &Path, key: &Key, work: impl FnOnce() -> T) -> io::Result<T> {
    let listener = UnixListener::bind(socket)?;
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for stream in listener.incoming() {
                if is_over.load(Ordering::SeqCst) {
                    return;
                }
                match stream {
                    Ok(stream) => {
                        scope.spawn(|| talk(stream, key));
                    }
                    // Too many files are open, maybe: not for ever.
                    Err(_) => std::thread::sleep(Duration::from_millis(50)),
                }
            }
        });
        let result = work();
        is_over.store(true, Ordering::SeqCst);
        // Wakes the listener, which then ends.
        let _ = UnixStream::connect(socket);
        Ok(result)
    })
}

fn talk(mut stream: UnixStream, key: &Key) {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(30)));
    for _ in 0..MAX_QUESTIONS {
        let mut head = [0; 4];
        if stream.read_exact(&mut head).is_err() {
            return;
        }
        let len = u32::from_be_bytes(head) as usize;
        if len == 0 || len > MAX_MESSAGE {
            return;
        }
        let mut body = vec![0; len];
        if stream.read_exact(&mut body).is_err() {
            return;
        }
        let mut out = Vec::new();
        put_counted(&mut out, &answer(&body, key).unwrap_or_else(|| vec![5]));
        if stream.write_all(&out).is_err() {
            return;
        }
    }
}

/// None is a refusal.
fn answer(question: &[u8], key: &Key) -> Option<Vec<u8>> {
    let mut fields = Fields(question);
    match fields.byte()? {
        // Which keys there are.
        11 => {
            let mut out = vec![12, 0, 0, 0, 1];
            put_counted(&mut out, &key.public());
            put_counted(&mut out, b"");
            Some(out)
        }
        13 if fields.counted()? == key.public() => {
            let data = fields.counted()?;
            let mut out = vec![14];
            put_counted(&mut out, &key.sign(data, fields.big(4)?)?);
            Some(out)
        }
        _ => None,
    }
}
