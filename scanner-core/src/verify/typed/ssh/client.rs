//! The system's `ssh`, held short: no configuration, no other key, no command, no terminal, a time limit.

use super::agent::{Folder, serve};
use super::key::Key;
use super::{Server, Tried};
use crate::finding::Doubt;
use crate::verify::{Reach, Refusal};
use std::fs;
use std::io::Read;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Bytes of what it prints.
const MAX_OUTPUT: usize = 64 << 10;

const OPTIONS: [&str; 24] = [
    "BatchMode=yes",
    "StrictHostKeyChecking=yes",
    "GlobalKnownHostsFile=/dev/null",
    "UpdateHostKeys=no",
    "CheckHostIP=no",
    "VerifyHostKeyDNS=no",
    "IdentityFile=none",
    "IdentitiesOnly=no",
    "PreferredAuthentications=publickey",
    "PubkeyAuthentication=yes",
    "PasswordAuthentication=no",
    "KbdInteractiveAuthentication=no",
    "GSSAPIAuthentication=no",
    "HostbasedAuthentication=no",
    "ForwardAgent=no",
    "ForwardX11=no",
    "ClearAllForwardings=yes",
    "ControlMaster=no",
    "ControlPath=none",
    "ProxyCommand=none",
    "PermitLocalCommand=no",
    "AddKeysToAgent=no",
    "LogLevel=VERBOSE",
    "RequestTTY=no",
];

pub(super) fn attempt(key: &Key, server: &Server, reach: &dyn Reach) -> Result<Tried, Refusal> {
    let place = &server.place;
    let addresses = reach.may_reach(&place.host, place.port, place.from_scan)?;
    let address =
        addresses.first().ok_or_else(|| Refusal::new(Doubt::Dns, format!("{} has no address", place.host)))?;
    let no_way = |error: std::io::Error| Refusal::new(Doubt::NoWay, format!("no key can be tried here: {error}"));
    let folder = Folder::new().map_err(no_way)?;
    let known: String = server.known_by.iter().map(|key| format!("stopleak-server {key}\n")).collect();
    fs::write(folder.path().join("known"), known).map_err(no_way)?;
    let socket = folder.path().join("agent");
    let timeouts = reach.timeouts();
    let mut command = command(server, address, folder.path(), timeouts.connect);
    serve(&socket, key, || run(&mut command, timeouts.connect + timeouts.read))
        .and_then(|said| said)
        .map_err(no_way)
        .and_then(|said| judge(&said, server))
}

fn command(server: &Server, address: &SocketAddr, folder: &Path, timeout: Duration) -> Command {
    let mut command = Command::new("ssh");
    // Its messages are read; what belongs to the user is not its business.
    command.env_clear().env("LC_ALL", "C").env("SSH_AUTH_SOCK", folder.join("agent"));
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command.args(["-F", "none", "-T"]);
    for option in OPTIONS {
        command.args(["-o", option]);
    }
    command.arg("-o").arg(format!("UserKnownHostsFile={}", folder.join("known").display()));
    command.arg("-o").arg(format!("ConnectTimeout={}", timeout.as_secs().max(1)));
    command.args(["-o", "HostKeyAlias=stopleak-server", "-p", &address.port().to_string(), "-l", &server.user]);
    if !server.greets {
        command.arg("-N");
    }
    command.arg("--").arg(address.ip().to_string());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What it printed.
struct Said {
    text: String,
    is_late: bool,
}

/// Runs until it ends, or until it is in and has nothing to wait for.
fn run(command: &mut Command, limit: Duration) -> std::io::Result<Said> {
    let waits_for_greeting = !command.get_args().any(|argument| argument == "-N");
    let mut child = command.spawn()?;
    let printed: Arc<Mutex<Vec<u8>>> = Arc::default();
    let readers = [listen(child.stdout.take(), &printed), listen(child.stderr.take(), &printed)];
    let deadline = Instant::now() + limit;
    let mut is_late = false;
    loop {
        if child.try_wait()?.is_some() {
            break;
        }
        let is_in = !waits_for_greeting && text(&printed).contains(AUTHENTICATED);
        is_late = Instant::now() >= deadline;
        if is_in || is_late {
            end(&mut child);
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    readers.into_iter().for_each(|reader| {
        let _ = reader.join();
    });
    Ok(Said { text: text(&printed), is_late })
}

const AUTHENTICATED: &str = "Authenticated to ";

fn text(printed: &Mutex<Vec<u8>>) -> String {
    String::from_utf8_lossy(&printed.lock().unwrap_or_else(|poisoned| poisoned.into_inner())).into_owned()
}

fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

fn listen(from: Option<impl Read + Send + 'static>, to: &Arc<Mutex<Vec<u8>>>) -> std::thread::JoinHandle<()> {
    let to = Arc::clone(to);
    std::thread::spawn(move || {
        let (Some(mut from), mut room) = (from, [0; 4096]) else { return };
        while let Ok(count @ 1..) = from.read(&mut room) {
            let mut to = to.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            let left = MAX_OUTPUT.saturating_sub(to.len());
            to.extend(&room[..count.min(left)]);
        }
    })
}

/// The words of OpenSSH's client.
fn judge(said: &Said, server: &Server) -> Result<Tried, Refusal> {
    let host = &server.place.host;
    let text = &said.text;
    if let Some(line) = text.lines().find(|line| line.starts_with(AUTHENTICATED)) {
        return match line.contains("using \"publickey\"") {
            true => Ok(Tried::In { greeting: text.clone() }),
            false => Ok(Tried::Open),
        };
    }
    let has = |words: &str| text.contains(words);
    if has("Permission denied (") {
        return Ok(Tried::Out);
    }
    let (doubt, what) = match () {
        () if has("Host key verification failed") || has("No ED25519 host key is known") => {
            (Doubt::Tls, "does not show the host key that it is known by")
        }
        () if said.is_late || has("timed out") => (Doubt::Timeout, "did not answer in time"),
        () if has("Connection refused")
            || has("Connection closed")
            || has("Connection reset")
            || has("unreachable") =>
        {
            (Doubt::Connection, "broke off")
        }
        () => (Doubt::Strange, "is not understood"),
    };
    Err(Refusal::new(doubt, format!("{host} {what}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::typed::ssh::forges;

    #[test]
    fn the_clients_words_are_understood() {
        let judged = |text: &str, is_late: bool| {
            let judged = judge(&Said { text: text.to_owned(), is_late }, &forges()[0]);
            judged.map(|tried| format!("{tried:?}")).unwrap_or_else(|refusal| format!("{:?}", refusal.doubt))
        };
        let authenticated = "Authenticated to 1.2.3.4 ([1.2.3.4]:22) using";
        let table = [
            (format!("{authenticated} \"publickey\"."), "In"),
            (format!("{authenticated} \"none\"."), "Open"),
            ("git@1.2.3.4: Permission denied (publickey).".into(), "Out"),
            ("Host key verification failed.".into(), "Tls"),
            ("ssh: connect to host 1.2.3.4 port 22: Connection timed out".into(), "Timeout"),
            ("kex_exchange_identification: Connection closed by remote host".into(), "Connection"),
            ("something else".into(), "Strange"),
        ];
        for (text, expected) in table {
            assert!(judged(&text, false).starts_with(expected), "{text}: {}", judged(&text, false));
        }
        assert_eq!(judged("", true), "Timeout");
    }
}
