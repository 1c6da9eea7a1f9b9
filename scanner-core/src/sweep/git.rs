//! The `git` command, for what goes over the network: listing references and fetching what is new.
//!
//! Logins reach it through its environment and a helper that prints them: no file, no argument, no address holds one.

use crate::blob::ObjectId;
use crate::source::git::repository::parse_id;
use crate::sweep::targets::{Credential, equip};
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Settings that no repository shall choose: no hook, no housekeeping, no other transport.
const SETTINGS: [&str; 8] = [
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "protocol.version=2",
    "fetch.unpackLimit=1",
    "http.lowSpeedLimit=1000",
    "http.lowSpeedTime=60",
];

/// Who git is to be for an address, from the vault or the environment; asked before each use.
pub type Logins = Arc<dyn Fn(&str) -> Result<Option<Credential>, String> + Send + Sync>;

/// What git could not do.
#[derive(Debug, thiserror::Error)]
pub enum GitTrouble {
    /// It cannot be started.
    #[error("git cannot be started: {0}")]
    Start(std::io::Error),
    /// It failed.
    #[error("{0}")]
    Said(String),
    /// It was stopped.
    #[error("it was stopped")]
    Stopped,
    /// It took too long.
    #[error("git took longer than {} s", .0.as_secs())]
    Late(Duration),
}

/// The references of a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refs {
    /// A hash of all of them.
    pub digest: String,
    /// What they point to, sorted.
    pub tips: Vec<ObjectId>,
    /// The branch that `HEAD` names.
    pub head: Option<String>,
}

impl Refs {
    /// Of names and what they point to.
    pub fn of(mut lines: Vec<(String, ObjectId)>, head: Option<String>) -> Refs {
        lines.sort();
        let mut hasher = blake3::Hasher::new();
        for (name, id) in &lines {
            hasher.update(name.as_bytes()).update(b"\n").update(&id.0);
        }
        hasher.update(head.as_deref().unwrap_or_default().as_bytes());
        let mut tips: Vec<ObjectId> = lines.into_iter().map(|(_, id)| id).collect();
        tips.sort();
        tips.dedup();
        Refs { digest: hasher.finalize().to_hex()[..32].to_owned(), tips, head }
    }
}

/// Runs git.
pub struct Git {
    logins: Logins,
    /// Ends what runs.
    stop: Arc<AtomicBool>,
    /// How long one call may take.
    limit: Duration,
    listings: AtomicU64,
    fetches: AtomicU64,
}

impl Git {
    /// With these logins, until `stop` is set.
    pub fn new(logins: Logins, stop: Arc<AtomicBool>, limit: Duration) -> Git {
        Git { logins, stop, limit, listings: AtomicU64::new(0), fetches: AtomicU64::new(0) }
    }

    /// How many listings and fetches there were.
    pub fn calls(&self) -> (u64, u64) {
        (self.listings.load(Ordering::Relaxed), self.fetches.load(Ordering::Relaxed))
    }

    /// Lists the references of a remote repository.
    pub fn list(&self, address: &str) -> Result<Refs, GitTrouble> {
        self.listings.fetch_add(1, Ordering::Relaxed);
        let mut command = self.command(address)?;
        command.args(["ls-remote", "--quiet", "--symref", "--"]).arg(address);
        let text = self.run(command)?;
        let (mut lines, mut head) = (Vec::new(), None);
        for line in String::from_utf8_lossy(&text).lines() {
            let Some((what, name)) = line.split_once('\t') else { continue };
            match what.strip_prefix("ref: ") {
                Some(branch) if name == "HEAD" => head = Some(branch.to_owned()),
                Some(_) => {}
                // What a tag points to comes with the tag.
                None if name.ends_with("^{}") => {}
                None => lines.extend(parse_id(what.as_bytes()).map(|id| (name.to_owned(), id))),
            }
        }
        Ok(Refs::of(lines, head))
    }

    /// Fetches every reference into a bare repository; what is there is told to the server and not sent again.
    pub fn fetch(&self, address: &str, into: &Path) -> Result<(), GitTrouble> {
        self.fetches.fetch_add(1, Ordering::Relaxed);
        let mut command = self.command(address)?;
        command.arg("--git-dir").arg(into);
        command.args([
            "fetch",
            "--quiet",
            "--prune",
            "--force",
            "--no-tags",
            "--no-write-fetch-head",
            "--no-auto-maintenance",
        ]);
        command.arg("--").arg(address).arg("+refs/*:refs/*");
        self.run(command).map(|_| ())
    }

    /// Makes one pack of many.
    pub fn repack(&self, folder: &Path) -> Result<(), GitTrouble> {
        let mut command = self.command("")?;
        command.arg("--git-dir").arg(folder).args(["repack", "-a", "-d", "-q"]);
        self.run(command).map(|_| ())
    }

    /// Who changed a file last, in the commit that `HEAD` names.
    pub fn last_author(&self, folder: &Path, path: &str) -> Option<String> {
        let mut command = self.command("").ok()?;
        command.arg("-c").arg("log.showSignature=false").arg("--git-dir").arg(folder);
        command
            .args(["--literal-pathspecs", "log", "-1", "--no-show-signature", "--format=%an <%ae>", "HEAD", "--"])
            .arg(path);
        let said = self.run(command).ok()?;
        let author = String::from_utf8_lossy(&said).trim().to_owned();
        (!author.is_empty()).then_some(author)
    }

    fn command(&self, address: &str) -> Result<Command, GitTrouble> {
        let mut command = Command::new("git");
        for name in
            ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR", "GIT_NAMESPACE"]
        {
            command.env_remove(name);
        }
        SETTINGS.iter().for_each(|setting| _ = command.arg("-c").arg(setting));
        command.env("GIT_TERMINAL_PROMPT", "0").env("GIT_ALLOW_PROTOCOL", "https:http:ssh:git:file").env("LC_ALL", "C");
        if std::env::var_os("GIT_SSH_COMMAND").is_none() {
            command.env("GIT_SSH_COMMAND", "ssh -oBatchMode=yes -oConnectTimeout=20");
        }
        let login = if address.is_empty() { None } else { (self.logins)(address).map_err(GitTrouble::Said)? };
        equip(&mut command, login.as_ref());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Ok(command)
    }

    fn run(&self, mut command: Command) -> Result<Vec<u8>, GitTrouble> {
        // Git's own children talk to the network: they end with it.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn().map_err(GitTrouble::Start)?;
        let (out, err) = (child.stdout.take(), child.stderr.take());
        std::thread::scope(|scope| {
            let out = scope.spawn(move || read(out, u64::MAX));
            let err = scope.spawn(move || read(err, 1 << 16));
            let ended = self.wait(&mut child);
            if ended.is_err() {
                end(&mut child);
            }
            let (out, err) = (out.join().unwrap_or_default(), err.join().unwrap_or_default());
            match ended? {
                status if status.success() => Ok(out),
                _ => Err(GitTrouble::Said(last_words(&String::from_utf8_lossy(&err)))),
            }
        })
    }

    fn wait(&self, child: &mut Child) -> Result<ExitStatus, GitTrouble> {
        let (started, mut pause) = (Instant::now(), Duration::from_millis(1));
        loop {
            if let Some(status) = child.try_wait().map_err(GitTrouble::Start)? {
                return Ok(status);
            }
            if self.stop.load(Ordering::Relaxed) {
                return Err(GitTrouble::Stopped);
            }
            if started.elapsed() > self.limit {
                return Err(GitTrouble::Late(self.limit));
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(50));
        }
    }
}

/// Ends git and what it has started.
fn end(child: &mut Child) {
    #[cfg(unix)]
    if let Some(group) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ = child.kill();
    let _ = child.wait();
}

/// All that comes; beyond `most` it is read and dropped.
fn read(from: Option<impl Read>, most: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(mut from) = from {
        let _ = (&mut from).take(most).read_to_end(&mut bytes);
        let _ = std::io::copy(&mut from, &mut std::io::sink());
    }
    bytes
}

/// What git said, on one line, without what an address may carry.
fn last_words(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("warning:"));
    let said: Vec<String> = lines.take(3).map(without_user).collect();
    if said.is_empty() { "git gave no reason".to_owned() } else { said.join("; ") }
}

fn without_user(line: &str) -> String {
    let mut words = line.split(' ').map(|word| match (word.find("://"), word.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => format!("{}{}", &word[..scheme + 3], &word[at + 1..]),
        _ => word.to_owned(),
    });
    let first = words.next().unwrap_or_default();
    words.fold(first, |line, word| format!("{line} {word}"))
}

/// Whether git's words mean that there is nothing behind the address.
pub fn is_missing(said: &str) -> bool {
    let said = said.to_ascii_lowercase();
    ["not found", "does not exist", "does not appear to be a git repository"].iter().any(|words| said.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_git_says_loses_users_and_passwords() {
        let address = format!("https://{}@host.example/a", "user:word");
        let with = format!("fatal: unable to access '{address}': no");
        assert!(!last_words(&with).contains("word"), "{}", last_words(&with));
        assert_eq!(last_words("warning: x\n"), "git gave no reason");
    }

    #[test]
    fn references_are_the_same_in_any_order() {
        let (a, b) = (("refs/heads/a".to_owned(), ObjectId([1; 20])), ("refs/heads/b".to_owned(), ObjectId([2; 20])));
        let one = Refs::of(vec![a.clone(), b.clone()], None);
        assert_eq!(one, Refs::of(vec![b, a.clone()], None));
        assert_ne!(one.digest, Refs::of(vec![a], None).digest);
    }
}
