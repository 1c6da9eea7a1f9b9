//! Real servers, started by a test on loopback in a folder of its own and ended with it. What is not installed is skipped,
//! loudly: every function that starts one gives none then.
#![allow(dead_code)]

pub mod mariadb;
pub mod moto;
pub mod postgres;
pub mod rabbitmq;
pub mod redis;
pub mod slapd;
pub mod sshd;
pub mod verdaccio;

use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A server that runs until it is dropped.
pub struct Running {
    child: Child,
    /// Its folder.
    pub home: TempDir,
    /// On 127.0.0.1.
    pub port: u16,
}

impl Running {
    /// `127.0.0.1:PORT`.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// What it has printed.
    pub fn log(&self) -> String {
        fs::read_to_string(self.home.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Its children go with it: it leads a group.
        let group = format!("-{}", self.child.id());
        let _ = Command::new("kill").args(["-TERM", "--", &group]).stderr(Stdio::null()).status();
        let deadline = Instant::now() + Duration::from_secs(5);
        while Instant::now() < deadline && self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
        let _ = self.child.wait();
    }
}

/// A port that nobody has.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A password of this run.
pub fn word() -> String {
    format!("Word{}x{}", std::process::id(), free_port())
}

/// Where a program is: on the PATH, or where services are kept; says so when it is not there.
pub fn find(program: &str, what_is_not_tested: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let versions =
        fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path().join("bin"));
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]).chain(versions);
    let found = folders.map(|folder| folder.join(program)).find(|file| file.is_file());
    if found.is_none() {
        eprintln!("SKIPPED: {program} is not installed, so {what_is_not_tested} is not tested against a real server");
    }
    found
}

/// Some servers do not run as root: then they run as nobody.
pub fn unprivileged(command: &mut Command, home: &Path) {
    const NOBODY: u32 = 65_534;
    if fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0) {
        give_away(home, NOBODY);
        command.uid(NOBODY).gid(NOBODY);
    }
    command.current_dir(home);
}

fn give_away(path: &Path, to: u32) {
    chown(path, Some(to), Some(to)).unwrap();
    for entry in fs::read_dir(path).unwrap().flatten() {
        match entry.file_type().unwrap().is_dir() {
            true => give_away(&entry.path(), to),
            false => chown(entry.path(), Some(to), Some(to)).unwrap(),
        }
    }
}

/// Runs a program to its end; fails loudly.
pub fn run(command: &mut Command) -> Output {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = [&output.stdout[..], &output.stderr].concat();
    assert!(output.status.success(), "{:?}: {}", command.get_program(), String::from_utf8_lossy(&said));
    output
}

/// Starts a server and waits until its port is open.
pub fn start(mut command: Command, home: TempDir, port: u16) -> Running {
    let log = File::create(home.path().join("log")).unwrap();
    command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).process_group(0);
    let mut running = Running { child: command.spawn().unwrap(), home, port };
    let deadline = Instant::now() + Duration::from_secs(90);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        let ended = running.child.try_wait().unwrap();
        assert!(ended.is_none() && Instant::now() < deadline, "{:?}: {}", command.get_program(), running.log());
        std::thread::sleep(Duration::from_millis(50));
    }
    running
}
