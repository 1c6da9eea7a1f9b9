//! MariaDB; its owner logs in by the socket.

use super::{Running, find, free_port, run, start, unprivileged};
use std::fs;
use std::process::Command;
use tempfile::TempDir;

pub struct MariaDb {
    pub running: Running,
}

/// With these settings beside the usual: `["--skip-grant-tables"]`.
pub fn mariadb(settings: &[&str]) -> Option<MariaDb> {
    let server = find("mariadbd", "MySQL")?;
    let install = find("mariadb-install-db", "MySQL")?;
    find("mariadb", "MySQL")?;
    let (home, port) = (TempDir::new().unwrap(), free_port());
    let data = home.path().join("data");
    fs::create_dir(&data).unwrap();
    let mut command = Command::new(install);
    command.arg("--no-defaults").arg(format!("--datadir={}", data.display()));
    command.args(["--auth-root-authentication-method=normal", "--skip-test-db"]);
    unprivileged(&mut command, home.path());
    run(&mut command);
    let mut command = Command::new(server);
    command.arg("--no-defaults").arg(format!("--datadir={}", data.display()));
    command.arg(format!("--socket={}", home.path().join("socket").display()));
    command.args([&format!("--port={port}"), "--bind-address=127.0.0.1", "--skip-name-resolve"]).args(settings);
    unprivileged(&mut command, home.path());
    Some(MariaDb { running: start(command, home, port) })
}

impl MariaDb {
    /// Carries out a command as the owner.
    pub fn sql(&self, sql: &str) {
        let socket = self.running.home.path().join("socket");
        run(Command::new("mariadb").arg("--no-defaults").arg("-S").arg(socket).args(["-u", "root", "-e", sql]));
    }
}
