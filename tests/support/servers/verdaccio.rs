//! npm's registry as Verdaccio plays it, where it is installed: in the folder that `STOPLEAK_VERDACCIO` names (its
//! `package.json`'s), or in `target/verdaccio`. It takes Node 22: the folder's own, else the one on the PATH.

use super::{Running, free_port, start};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use stopleak_core::http::{Http, Method, Request, Settings, Transport};
use tempfile::TempDir;

const CONFIG: &str = r#"
storage: ./storage
auth: { htpasswd: { file: ./htpasswd } }
security: { api: { jwt: { sign: { expiresIn: 1d } } } }
flags: { token: true, tokens: true }
experiments: { token: true }
packages: { "**": { access: $all, publish: $authenticated } }
"#;

pub struct Verdaccio {
    pub running: Running,
}

/// A registry without uplinks; says so when there is none.
pub fn verdaccio() -> Option<Verdaccio> {
    let named = std::env::var_os("STOPLEAK_VERDACCIO").map(PathBuf::from);
    let usual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/verdaccio");
    let script = |folder: &PathBuf| folder.join("node_modules/verdaccio/bin/verdaccio");
    let Some(folder) = named.into_iter().chain([usual]).find(|folder| script(folder).is_file()) else {
        eprintln!("SKIPPED: verdaccio is not installed, so npm's tokens are not tested against a real server");
        return None;
    };
    let Some(node) = [folder.join("node_modules/node/bin/node"), "node".into()].into_iter().find(is_new) else {
        eprintln!("SKIPPED: verdaccio takes Node 22, so npm's tokens are not tested against a real server");
        return None;
    };
    let (home, port) = (TempDir::new().unwrap(), free_port());
    std::fs::write(home.path().join("config.yaml"), CONFIG).unwrap();
    let mut command = Command::new(node);
    command.arg(script(&folder).canonicalize().unwrap()).args(["--config", "config.yaml", "--listen"]);
    command.arg(format!("127.0.0.1:{port}")).env("HOME", home.path()).current_dir(home.path());
    Some(Verdaccio { running: start(command, home, port) })
}

fn is_new(node: &PathBuf) -> bool {
    let output = Command::new(node).arg("--version").stderr(Stdio::null()).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let major = text.trim_start_matches('v').split('.').next().and_then(|major| major.parse().ok());
    major.is_some_and(|major: u32| major >= 22)
}

impl Verdaccio {
    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.running.host())
    }

    /// Makes a user; the token of their login, with the password behind a space.
    pub fn user(&self, name: &str, password: &str) -> String {
        let body = format!(r#"{{"name":"{name}","password":"{password}"}}"#);
        let token = self.ask(Method::Put, &format!("/-/user/org.couchdb.user:{name}"), "", body);
        format!("{token} {password}")
    }

    /// Makes a token by a login.
    pub fn token(&self, login: &str) -> String {
        let (bearer, password) = login.split_once(' ').unwrap();
        let body = format!(r#"{{"password":"{password}","readonly":false,"cidr_whitelist":[]}}"#);
        self.ask(Method::Post, "/-/npm/v1/tokens", bearer, body)
    }

    fn ask(&self, method: Method, path: &str, bearer: &str, body: String) -> String {
        let mut request =
            Request::new(method, format!("{}{path}", self.url())).header("Content-Type", "application/json");
        if !bearer.is_empty() {
            request = request.header("Authorization", format!("Bearer {bearer}"));
        }
        request.body = body.into_bytes();
        let answer = Http::new(Settings::default()).unwrap().send(&request).unwrap();
        let answer: serde_json::Value = serde_json::from_slice(&answer.bytes().unwrap()).unwrap();
        answer["token"].as_str().unwrap_or_else(|| panic!("{answer} {}", self.running.log())).to_owned()
    }
}
