//! Real servers that can be killed and started again with what they had, and a network that can be lost.
#![allow(dead_code)]

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Nobody: PostgreSQL does not run as root.
const NOBODY: u32 = 65_534;

/// A server with a folder of its own.
pub struct Server {
    child: Child,
    make: Box<dyn Fn() -> Command>,
    /// What it says.
    log: PathBuf,
    /// On 127.0.0.1.
    pub port: u16,
}

impl Server {
    fn start(port: u16, log: PathBuf, make: Box<dyn Fn() -> Command>) -> Server {
        let child = spawn(&make, port, &log);
        Server { child, make, log, port }
    }

    /// The process that leads its group.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Kills it with all its children, without a word.
    pub fn kill(&mut self) {
        kill_group(&mut self.child);
    }

    /// Starts it again with what it had.
    pub fn restart(&mut self) {
        self.child = spawn(&self.make, self.port, &self.log);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Kills a process that leads a group, the group, and its children that lead groups of their own, as PostgreSQL's do.
pub fn kill_group(child: &mut Child) {
    let children: Vec<String> = children(child.id()).iter().map(u32::to_string).collect();
    let group = format!("-{}", child.id());
    let _ = Command::new("kill").args(["-KILL", "--", &group]).args(children).stderr(Stdio::null()).status();
    let _ = child.wait();
}

fn children(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let of = |process: fs::DirEntry| {
        let stat = fs::read_to_string(process.path().join("stat")).ok()?;
        let is_child = stat.rsplit(')').next()?.split_whitespace().nth(1)?.parse() == Ok(parent);
        is_child.then(|| process.file_name().to_string_lossy().parse().ok()).flatten()
    };
    processes.filter_map(of).collect()
}

fn spawn(make: &dyn Fn() -> Command, port: u16, log: &Path) -> Child {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let words = fs::OpenOptions::new().create(true).append(true).open(log).unwrap();
        let mut child = make().process_group(0).stderr(words).spawn().unwrap();
        // What was killed may still be letting go of its files: then it is started again.
        if listens(&mut child, port, deadline) {
            return child;
        }
        kill_group(&mut child);
        let said = || fs::read_to_string(log).unwrap_or_default().lines().rev().take(5).collect::<Vec<_>>().join("; ");
        assert!(Instant::now() < deadline, "a server does not start: {}", said());
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn listens(child: &mut Child, port: u16, deadline: Instant) -> bool {
    while Instant::now() < deadline && child.try_wait().unwrap().is_none() {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(30));
    }
    false
}

/// A port that nobody has, below those that the system hands out: nobody is given it while its server is down.
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let first = std::process::id().wrapping_mul(7_919);
    let port = |_| 12_000 + (first.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % 18_000) as u16;
    (0..18_000).map(port).find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap()
}

/// Where a program is; says so when it is not there.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let versions = versions.map(|entry| entry.path().join("bin"));
    let folders = versions.chain(std::env::split_paths(&path)).chain([PathBuf::from("/usr/sbin")]);
    let found = folders.map(|folder| folder.join(program)).find(|file| file.is_file());
    if found.is_none() {
        eprintln!("SKIPPED: {program} is not installed, so sweeps over many machines are not tested");
    }
    found
}

/// PostgreSQL without a password, on loopback alone.
pub fn postgres(home: &Path) -> Option<Server> {
    postgres_with(home, &[])
}

/// The same with settings of its own.
pub fn postgres_with(home: &Path, settings: &[&str]) -> Option<Server> {
    let initdb = fs::canonicalize(find("initdb")?).unwrap();
    let (data, port) = (home.join("postgres"), free_port());
    fs::create_dir(&data).unwrap();
    let is_root = fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    if is_root {
        std::os::unix::fs::chown(&data, Some(NOBODY), Some(NOBODY)).unwrap();
        fs::set_permissions(home, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    let command = move |program: PathBuf| {
        let mut command = Command::new(program);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).current_dir("/");
        if is_root {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    };
    let made = command(initdb.clone())
        .arg("-D")
        .arg(&data)
        .args(["-A", "trust", "-U", "sweep", "-E", "UTF8", "--no-sync"])
        .status();
    assert!(made.unwrap().success());
    let program = initdb.with_file_name("postgres");
    let own: Vec<String> = settings.iter().map(|setting| (*setting).to_owned()).collect();
    let make = move || {
        let mut command = command(program.clone());
        command.arg("-D").arg(&data).args(["-p", &port.to_string()]);
        for setting in ["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=30"] {
            command.args(["-c", setting]);
        }
        own.iter().for_each(|setting| _ = command.args(["-c", setting]));
        command
    };
    Some(Server::start(port, home.join("postgres.log"), Box::new(make)))
}

/// NATS with JetStream.
pub fn nats(home: &Path) -> Option<Server> {
    nats_with(home, &[])
}

/// The same with more words.
pub fn nats_with(home: &Path, words: &[&str]) -> Option<Server> {
    let program = find("nats-server")?;
    let (data, port) = (home.join("nats"), free_port());
    let own: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    let make = move || {
        let mut command = Command::new(&program);
        command.args(["-a", "127.0.0.1", "-p", &port.to_string(), "-js", "-sd"]).arg(&data).args(&own);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    Some(Server::start(port, home.join("nats.log"), Box::new(make)))
}

/// A way to a server that can be cut.
pub struct Network {
    cut: Arc<AtomicBool>,
    /// Where it begins, on 127.0.0.1.
    pub port: u16,
}

impl Network {
    /// To a port of this machine.
    pub fn to(target: u16) -> Network {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (cut, port) = (Arc::new(AtomicBool::new(false)), listener.local_addr().unwrap().port());
        let lost = Arc::clone(&cut);
        std::thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let Ok(far) = TcpStream::connect(("127.0.0.1", target)) else { continue };
                if lost.load(Ordering::Relaxed) {
                    continue;
                }
                let (near_too, far_too) = (near.try_clone().unwrap(), far.try_clone().unwrap());
                let (one, other) = (Arc::clone(&lost), Arc::clone(&lost));
                std::thread::spawn(move || carry(near, far, &one));
                std::thread::spawn(move || carry(far_too, near_too, &other));
            }
        });
        Network { cut, port }
    }

    /// Nothing comes through any more; what was under way is lost.
    pub fn cut(&self) {
        self.cut.store(true, Ordering::Relaxed);
    }

    /// It works again, for those who connect anew.
    pub fn mend(&self) {
        self.cut.store(false, Ordering::Relaxed);
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, cut: &AtomicBool) {
    let _ = from.set_read_timeout(Some(Duration::from_millis(50)));
    let mut buffer = [0; 16_384];
    while !cut.load(Ordering::Relaxed) {
        match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) if cut.load(Ordering::Relaxed) || to.write_all(&buffer[..read]).is_err() => break,
            Ok(_) => {}
            Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {}
            Err(_) => break,
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
