//! PostgreSQL with an owner, SCRAM for everybody unless `pg_hba.conf` says otherwise.

use super::{Running, find, free_port, run, start, unprivileged};
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;

/// The user who may do everything, and whose password it has.
pub const OWNER: &str = "owner";

pub struct Postgres {
    pub running: Running,
    pub password: String,
    psql: PathBuf,
}

/// Lines of `pg_hba.conf` that go first, and certificate and key (PEM) when it speaks TLS.
pub fn postgres(first: &str, tls: Option<(&str, &str)>) -> Option<Postgres> {
    // Its programs stand beside each other, not where links to some of them do.
    let initdb = fs::canonicalize(find("initdb", "PostgreSQL")?).unwrap();
    let home = TempDir::new().unwrap();
    let (data, port, password) = (home.path().join("data"), free_port(), super::word());
    let word = home.path().join("word");
    fs::write(&word, &password).unwrap();
    let mut command = Command::new(&initdb);
    command.arg("-D").arg(&data).args(["-A", "scram-sha-256", "-U", OWNER, "-E", "UTF8", "--locale=C", "--no-sync"]);
    command.arg("--pwfile").arg(&word);
    unprivileged(&mut command, home.path());
    run(&mut command);
    fs::remove_file(&word).unwrap();
    let hba = format!("{first}\nhost all all 127.0.0.1/32 scram-sha-256\n");
    fs::write(data.join("pg_hba.conf"), hba).unwrap();
    let mut command = Command::new(initdb.with_file_name("postgres"));
    command.arg("-D").arg(&data).args(["-p", &port.to_string()]);
    for setting in ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "max_connections=20"] {
        command.args(["-c", setting]);
    }
    if let Some((certificate, key)) = tls {
        fs::write(data.join("server.crt"), certificate).unwrap();
        fs::write(data.join("server.key"), key).unwrap();
        let mut mode = fs::metadata(data.join("server.key")).unwrap().permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut mode, 0o600);
        fs::set_permissions(data.join("server.key"), mode).unwrap();
        command.args(["-c", "ssl=on"]);
    }
    unprivileged(&mut command, home.path());
    let postgres = Postgres { running: start(command, home, port), password, psql: initdb.with_file_name("psql") };
    // It listens before it takes logins.
    for _ in 0..100 {
        if postgres.psql("SELECT 1").output().is_ok_and(|output| output.status.success()) {
            return Some(postgres);
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("PostgreSQL takes no logins: {}", postgres.running.log());
}

impl Postgres {
    fn psql(&self, sql: &str) -> Command {
        let mut command = Command::new(&self.psql);
        let port = self.running.port.to_string();
        command.args([
            "-h",
            "127.0.0.1",
            "-p",
            &port,
            "-U",
            OWNER,
            "-d",
            "postgres",
            "-At",
            "-v",
            "ON_ERROR_STOP=1",
            "-c",
            sql,
        ]);
        command.env("PGPASSWORD", &self.password).env("PGSSLMODE", "disable").env("PSQLRC", "/dev/null");
        command
    }

    /// Carries out a command as the owner; what it answers.
    pub fn sql(&self, sql: &str) -> String {
        String::from_utf8(run(&mut self.psql(sql)).stdout).unwrap().trim().to_owned()
    }
}
