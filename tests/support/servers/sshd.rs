//! OpenSSH's server, for the user who runs the tests.

use super::{Running, find, free_port, run, start};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

pub struct Sshd {
    pub running: Running,
    /// `ssh-ed25519 AAAA…` of the host.
    pub host_key: String,
    /// Who may log in.
    pub user: String,
}

/// Nobody may log in until `authorize` is called; `settings` are further lines of its configuration.
pub fn sshd(settings: &str) -> Option<Sshd> {
    let server = find("sshd", "SSH")?;
    let keygen = find("ssh-keygen", "SSH")?;
    find("ssh", "SSH")?;
    if fs::create_dir_all("/run/sshd").is_err() {
        eprintln!("SKIPPED: sshd needs /run/sshd, so SSH is not tested against a real server");
        return None;
    }
    let (home, port) = (TempDir::new().unwrap(), free_port());
    let host = home.path().join("host");
    run(Command::new(keygen).args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&host));
    let host_key = fs::read_to_string(host.with_extension("pub")).unwrap();
    let host_key = host_key.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
    let path = |name: &str| home.path().join(name).display().to_string();
    fs::write(home.path().join("authorized"), "").unwrap();
    fs::write(home.path().join("revoked"), "").unwrap();
    let config = format!(
        "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nRevokedKeys {}\nPidFile none\n\
         StrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin yes\n{settings}\n",
        path("host"),
        path("authorized"),
        path("revoked"),
    );
    fs::write(home.path().join("config"), config).unwrap();
    let mut command = Command::new(server);
    command.args(["-D", "-e", "-f"]).arg(home.path().join("config"));
    let user = String::from_utf8(run(Command::new("id").arg("-un")).stdout).unwrap().trim().to_owned();
    Some(Sshd { running: start(command, home, port), host_key, user })
}

impl Sshd {
    /// Lets these public keys in, and no others.
    pub fn authorize(&self, keys: &[&str]) {
        fs::write(self.running.home.path().join("authorized"), keys.join("\n") + "\n").unwrap();
    }

    /// Lets these keys in no more.
    pub fn revoke(&self, keys: &[&str]) {
        fs::write(self.running.home.path().join("revoked"), keys.join("\n") + "\n").unwrap();
    }
}

/// A new key pair: the private file's text and the public line. `kind` is as in `-t ed25519` with what follows.
pub fn key_pair(kind: &[&str]) -> (String, String) {
    let home = TempDir::new().unwrap();
    let file: PathBuf = Path::new(home.path()).join("key");
    run(Command::new("ssh-keygen").args(["-q", "-N", "", "-C", "test", "-t"]).args(kind).arg("-f").arg(&file));
    (fs::read_to_string(&file).unwrap(), fs::read_to_string(file.with_extension("pub")).unwrap().trim().to_owned())
}
