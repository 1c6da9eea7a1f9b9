//! A server that speaks git's smart HTTP on loopback: each request is handed to `git http-backend` as a web server would.
#![allow(dead_code)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

/// Whether a request with these headers is let in.
pub type Guard = dyn Fn(&[(String, String)]) -> bool + Send + Sync;

/// Serves every repository below `root`; ends with the process.
pub struct Server {
    address: String,
    /// The headers of each request, as text.
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Starts to serve; pushes come from the user `pusher`.
    pub fn start(root: &Path) -> Server {
        Server::guarded(root, |_| true)
    }

    /// Starts to serve those who are let in; others are asked for a user and a password.
    pub fn guarded(root: &Path, guard: impl Fn(&[(String, String)]) -> bool + Send + Sync + 'static) -> Server {
        let (guard, asked): (Arc<Guard>, Arc<Mutex<Vec<String>>>) = (Arc::new(guard), Arc::default());
        let seen = Arc::clone(&asked);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it is bound").to_string();
        let root = root.to_path_buf();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (root, guard, seen) = (root.clone(), Arc::clone(&guard), Arc::clone(&seen));
                // A client that goes away ends its own connection alone.
                std::thread::spawn(move || _ = answer(stream, &root, &*guard, &seen));
            }
        });
        Server { address, asked }
    }

    /// The headers of each request so far.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("no thread panicked").clone()
    }

    /// The URL of a repository below the root.
    pub fn url(&self, name: &str) -> String {
        format!("http://{}/{name}", self.address)
    }
}

fn answer(mut stream: TcpStream, root: &PathBuf, guard: &Guard, seen: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut words = first.split_whitespace();
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) => headers.push((name.to_ascii_lowercase(), value.to_owned())),
            None => break,
        }
    }
    let header = |name: &str| headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    if header("expect").is_some() {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    let mut body = Vec::new();
    if header("transfer-encoding") == Some("chunked") {
        read_chunks(&mut reader, &mut body)?;
    } else if let Some(length) = header("content-length").and_then(|length| length.parse().ok()) {
        reader.take(length).read_to_end(&mut body)?;
    }
    seen.lock().expect("no thread panicked").push(format!("{headers:?}"));
    if !guard(&headers) {
        let asking = "WWW-Authenticate: Basic realm=\"git\"\r\nContent-Length: 0";
        return write!(stream, "HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n{asking}\r\n\r\n");
    }
    let mut backend = Command::new("git");
    backend.arg("http-backend").env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    backend.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
    backend.env("GIT_PROJECT_ROOT", root).env("GIT_HTTP_EXPORT_ALL", "1").env("REMOTE_USER", "pusher");
    backend.env("PATH_INFO", path).env("QUERY_STRING", query).env("REQUEST_METHOD", method);
    backend.env("CONTENT_TYPE", header("content-type").unwrap_or_default());
    backend.env("CONTENT_LENGTH", body.len().to_string());
    backend.env("HTTP_CONTENT_ENCODING", header("content-encoding").unwrap_or_default());
    backend.env("GIT_PROTOCOL", header("git-protocol").unwrap_or_default());
    let mut child = backend.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let mut input = child.stdin.take().expect("it is piped");
    let feed = std::thread::spawn(move || _ = input.write_all(&body));
    let output = child.wait_with_output()?;
    let _ = feed.join();
    let end = output.stdout.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(0);
    let head = String::from_utf8_lossy(&output.stdout[..end]).into_owned();
    let status = head.lines().find_map(|line| line.strip_prefix("Status: ")).unwrap_or("200 OK").to_owned();
    let others: String =
        head.lines().filter(|line| !line.starts_with("Status: ")).map(|line| format!("{line}\r\n")).collect();
    write!(stream, "HTTP/1.1 {status}\r\nConnection: close\r\n{others}\r\n")?;
    stream.write_all(output.stdout.get(end + 4..).unwrap_or_default())
}

fn read_chunks(reader: &mut impl BufRead, body: &mut Vec<u8>) -> std::io::Result<()> {
    loop {
        let mut size = String::new();
        reader.read_line(&mut size)?;
        let size = u64::from_str_radix(size.trim(), 16).unwrap_or(0);
        reader.by_ref().take(size).read_to_end(body)?;
        let mut end = String::new();
        reader.read_line(&mut end)?;
        if size == 0 {
            return Ok(());
        }
    }
}
