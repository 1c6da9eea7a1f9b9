//! OpenLDAP's server: `dc=example` with an administrator.

use super::{Running, find, free_port, start};
use std::fs;
use std::process::Command;
use tempfile::TempDir;

/// The administrator's name.
pub const ADMIN: &str = "cn=admin,dc=example";

/// With the administrator's password.
pub fn slapd(password: &str) -> Option<Running> {
    let server = find("slapd", "LDAP")?;
    let (home, port) = (TempDir::new().unwrap(), free_port());
    fs::create_dir(home.path().join("data")).unwrap();
    let config = format!(
        "include /etc/ldap/schema/core.schema\nmodulepath /usr/lib/ldap\nmoduleload back_mdb\n\
         database mdb\nsuffix \"dc=example\"\nrootdn \"{ADMIN}\"\nrootpw {password}\ndirectory {}\n",
        home.path().join("data").display()
    );
    fs::write(home.path().join("slapd.conf"), config).unwrap();
    let mut command = Command::new(server);
    command.args(["-d", "0", "-h", &format!("ldap://127.0.0.1:{port}/"), "-f"]).arg(home.path().join("slapd.conf"));
    Some(start(command, home, port))
}
