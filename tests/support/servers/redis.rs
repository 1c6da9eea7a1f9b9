//! Redis; nothing is kept on disk.

use super::{Running, find, free_port, run, start};
use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;

pub struct Redis {
    pub running: Running,
    client: PathBuf,
}

/// With these settings beside the usual: `["--requirepass", "…"]`.
pub fn redis(settings: &[&str]) -> Option<Redis> {
    let server = find("redis-server", "Redis")?;
    let client = find("redis-cli", "Redis")?;
    let (home, port) = (TempDir::new().unwrap(), free_port());
    let mut command = Command::new(server);
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
    command.arg("--dir").arg(home.path()).args(settings);
    Some(Redis { running: start(command, home, port), client })
}

impl Redis {
    /// Carries out a command, with a password where one is needed; what it answers.
    pub fn ask(&self, password: Option<&str>, words: &[&str]) -> String {
        let mut command = Command::new(&self.client);
        command.args(["-h", "127.0.0.1", "-p", &self.running.port.to_string(), "--no-auth-warning"]).args(words);
        if let Some(password) = password {
            command.env("REDISCLI_AUTH", password);
        }
        String::from_utf8(run(&mut command).stdout).unwrap().trim().to_owned()
    }
}
