//! Logins as docker stores them: in `config.json`, or with a helper program that it names.
//!
//! <https://docs.docker.com/reference/cli/docker/login/#credential-stores>

use super::error::ImageError;
use super::reference::Reference;
use crate::secret::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use std::collections::HashMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What docker calls its own registry.
const HUB_KEY: &str = "https://index.docker.io/v1/";
/// Helpers say this, and end with 1, of a registry they have nothing for.
const NOT_FOUND: &str = "credentials not found";
/// Bytes of an answer of a helper.
const MAX_OUTPUT: u64 = 1 << 20;

/// Where logins are looked for.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    /// Docker's `config.json`; one that is not there means no logins.
    pub file: Option<PathBuf>,
    /// Logins of registries that come before those of the file, by their host and port.
    pub given: Vec<(String, Login)>,
}

/// How a registry is convinced.
#[derive(Clone, Debug)]
pub enum Login {
    /// A user and a password.
    Password {
        /// The user.
        user: String,
        /// The password.
        password: Secret,
    },
    /// A token that others are made from.
    Identity(Secret),
    /// A token that is used as it is.
    Bearer(Secret),
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    #[serde(default)]
    auths: HashMap<String, Entry>,
    #[serde(default)]
    cred_helpers: HashMap<String, String>,
    #[serde(default)]
    creds_store: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    auth: String,
    username: String,
    password: String,
    identitytoken: String,
    registrytoken: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Helped {
    username: String,
    secret: String,
}

impl Credentials {
    /// The login for an image; none when there is none.
    pub fn login(&self, reference: &Reference) -> Result<Option<Login>, ImageError> {
        if let Some((_, login)) = self.given.iter().find(|(host, _)| host_of(host) == reference.host) {
            return Ok(Some(login.clone()));
        }
        let Some(file) = &self.file else { return Ok(None) };
        let text = match std::fs::read(file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(ImageError::Unreadable { what: file.display().to_string(), error }),
        };
        let written: Written = serde_json::from_slice(&text).map_err(|error| broken(file, &error))?;
        let key = if reference.host == "docker.io" { HUB_KEY } else { &reference.host };
        let helper = written.cred_helpers.iter().find(|(host, _)| host_of(host) == reference.host);
        let helper = helper.map(|(_, helper)| helper).or(written.creds_store.as_ref());
        if let Some(helper) = helper.filter(|helper| !helper.is_empty())
            && let Some(login) = ask(helper, key)?
        {
            return Ok(Some(login));
        }
        let place = format!("{}/{}", reference.host, reference.repository);
        let fits = |key: &str| {
            let key = place_of(key);
            place.strip_prefix(&key).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')).then_some(key.len())
        };
        let entries = written.auths.iter().filter_map(|(key, entry)| Some((fits(key)?, key, entry)));
        let best = entries.max_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(a.1)));
        best.map_or(Ok(None), |(_, _, entry)| stored(entry).map_err(|reason| broken(file, &reason)))
    }
}

fn broken(file: &Path, reason: &dyn std::fmt::Display) -> ImageError {
    ImageError::Credentials(format!("cannot use the logins in {}: {reason}", file.display()))
}

/// A key of `auths` as host and path: keys are written with and without a scheme and a version.
fn place_of(key: &str) -> String {
    let key = key.trim_start_matches("https://").trim_start_matches("http://").trim_end_matches('/');
    let key = key.strip_suffix("/v1").or_else(|| key.strip_suffix("/v2")).unwrap_or(key);
    let (host, path) = key.split_once('/').map_or((key, None), |(host, path)| (host, Some(path)));
    let host = if matches!(host, "index.docker.io" | "registry-1.docker.io") { "docker.io" } else { host };
    path.map_or_else(|| host.to_owned(), |path| format!("{host}/{path}"))
}

fn host_of(key: &str) -> String {
    place_of(key).split('/').next().unwrap_or_default().to_owned()
}

fn stored(entry: &Entry) -> Result<Option<Login>, &'static str> {
    let secret = |text: &str| Secret::new(text.as_bytes());
    if !entry.registrytoken.is_empty() {
        return Ok(Some(Login::Bearer(secret(&entry.registrytoken))));
    }
    if !entry.identitytoken.is_empty() {
        return Ok(Some(Login::Identity(secret(&entry.identitytoken))));
    }
    if !entry.auth.is_empty() {
        let decoded = STANDARD.decode(entry.auth.trim()).map_err(|_| "an `auth` is no base64")?;
        let decoded = zeroize::Zeroizing::new(String::from_utf8(decoded).map_err(|_| "an `auth` is no text")?);
        let (user, password) = decoded.split_once(':').ok_or("an `auth` holds no `user:password`")?;
        let password = secret(password.trim_end_matches('\0'));
        return Ok(Some(Login::Password { user: user.to_owned(), password }));
    }
    let is_set = !entry.username.is_empty() && !entry.password.is_empty();
    Ok(is_set.then(|| Login::Password { user: entry.username.clone(), password: secret(&entry.password) }))
}

/// Runs `docker-credential-HELPER get`.
fn ask(helper: &str, key: &str) -> Result<Option<Login>, ImageError> {
    let program = format!("docker-credential-{helper}");
    let failed =
        |reason: &dyn std::fmt::Display| ImageError::Credentials(format!("cannot ask {program} for a login: {reason}"));
    if !helper.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)) {
        return Err(failed(&"it is no name of a program"));
    }
    let mut command = Command::new(&program);
    command.arg("get").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|error| failed(&error))?;
    if let Some(mut input) = child.stdin.take() {
        // One that does not listen says why on its way out.
        let _ = input.write_all(key.as_bytes());
    }
    let mut output = zeroize::Zeroizing::new(Vec::new());
    if let Some(out) = child.stdout.take() {
        out.take(MAX_OUTPUT).read_to_end(&mut output).map_err(|error| failed(&error))?;
    }
    let status = child.wait().map_err(|error| failed(&error))?;
    if !status.success() {
        let said = String::from_utf8_lossy(&output);
        return match said.contains(NOT_FOUND) {
            true => Ok(None),
            // What it says may hold anything: it is not repeated.
            false => Err(failed(&format!("it ended with {status}"))),
        };
    }
    let helped: Helped = serde_json::from_slice(&output).map_err(|_| failed(&"its answer is not what docker reads"))?;
    let secret = Secret::new(helped.secret.as_bytes());
    Ok(Some(match helped.username.as_str() {
        "<token>" => Login::Identity(secret),
        user => Login::Password { user: user.to_owned(), password: secret },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(config: &str, image: &str) -> Result<Option<Login>, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.json");
        std::fs::write(&file, config).unwrap();
        let reference = Reference::parse(image).unwrap();
        Credentials { file: Some(file), given: Vec::new() }.login(&reference).map_err(|error| error.to_string())
    }

    fn user(config: &str, image: &str) -> Option<String> {
        match login(config, image).unwrap() {
            Some(Login::Password { user, password }) => Some(format!("{user}/{}", password.expose().len())),
            other => other.map(|login| format!("{login:?}").chars().take(6).collect()),
        }
    }

    #[test]
    fn a_login_is_found_by_the_host_and_the_closest_path() {
        let auth = |text: &str| format!("{{\"auth\":\"{}\"}}", STANDARD.encode(text));
        let config = format!(
            "{{\"auths\":{{\"https://index.docker.io/v1/\":{},\"a.example\":{},\"a.example/team\":{},\"b.example:5000\":\
             {{\"identitytoken\":\"x\"}},\"https://c.example/v2/\":{{\"username\":\"c\",\"password\":\"pw\"}}}}}}",
            auth("hub:12"),
            auth("a:1\u{0}"),
            auth("team:123")
        );
        let table = [
            ("alpine", Some("hub/2")),
            ("registry-1.docker.io/x/y", Some("hub/2")),
            ("a.example/x", Some("a/1")),
            ("a.example/team/app", Some("team/3")),
            ("a.example/teams/app", Some("a/1")),
            ("b.example:5000/x", Some("Identi")),
            ("b.example/x", None),
            ("c.example/x", Some("c/2")),
            ("xa.example/x", None),
        ];
        for (image, expected) in table {
            assert_eq!(user(&config, image).as_deref(), expected, "{image}");
        }
    }

    #[test]
    fn what_cannot_be_used_is_an_error_without_the_value() {
        let error = login("{\"auths\":{\"a.example\":{\"auth\":\"hidden-word\"}}}", "a.example/x").unwrap_err();
        assert!(error.contains("no base64") && !error.contains("hidden-word"), "{error}");
        assert!(login("{", "a.example/x").is_err());
        assert!(login("{\"credsStore\":\"../../evil\"}", "a.example/x").unwrap_err().contains("no name of a program"));
        assert!(login("{\"credsStore\":\"not-there-at-all\"}", "a.example/x").unwrap_err().contains("cannot ask"));
    }
}
