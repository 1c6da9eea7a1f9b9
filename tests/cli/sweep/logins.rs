//! Credentials of jobs come from a vault, and stand nowhere.

use super::{Fleet, leak};
use crate::Run;
use crate::made::random;
use crate::server::{Asked, Reply, Server};
use stopleak_core::Secret;
use stopleak_core::image::Digest;
use stopleak_core::vault::file::{LocalFile, Unlock};
use stopleak_core::vault::{Fields, Vault};

const PHRASE: &str = "of the guide";

fn base64(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for three in text.as_bytes().chunks(3) {
        let all = three.iter().chain([&0, &0]).take(3).fold(0_u32, |all, byte| all << 8 | u32::from(*byte));
        let digit = |place: u32| char::from(DIGITS[(all >> place & 63) as usize]);
        let digits = [digit(18), digit(12), digit(6), digit(0)];
        out.extend(digits.iter().take(three.len() + 1));
        out.extend(std::iter::repeat_n('=', 3 - three.len()));
    }
    out
}

fn fill(fleet: &Fleet, entries: &[(&str, &[(&str, &str)])], settings: &str) {
    let unlock = Unlock::Passphrase(Secret::new(PHRASE.as_bytes()), 4);
    let vault = LocalFile::open(&fleet.path().join("vault.age"), &unlock).unwrap();
    for (path, fields) in entries {
        let fields: Fields =
            fields.iter().map(|(name, value)| ((*name).to_owned(), Secret::new(value.as_bytes()))).collect();
        vault.write_if_version(path, &fields, None).unwrap();
    }
    let vault = "[[vault]]\nname = 'team'\nkind = 'file'\npath = 'vault.age'\nwork-factor = 4\n";
    std::fs::write(fleet.path().join("sweep.toml"), format!("{vault}{settings}")).unwrap();
}

fn run(fleet: &Fleet, args: &str, url: &str) -> Run {
    let mut command = crate::command_in(fleet.path(), args);
    for name in ["GH_TOKEN", "GITHUB_TOKEN", "GITHUB_APP_ID", "VAULT_ADDR", "STOPLEAK_STORE"] {
        command.env_remove(name);
    }
    let output = command.env("STOPLEAK_VAULT_PASSPHRASE", PHRASE).env("GITHUB_API_URL", url).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Run { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// No file of the state folder, and nothing that was printed, holds a word.
fn stands_nowhere(fleet: &Fleet, run: &Run, words: &[&str]) {
    let mut files = vec![fleet.path().join("state")];
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(std::fs::read_dir(path).unwrap().flatten().map(|entry| entry.path()));
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        for word in words {
            assert!(!bytes.windows(word.len()).any(|some| some == word.as_bytes()), "{} holds it", path.display());
        }
    }
    assert!(words.iter().all(|word| !run.stdout.contains(word) && !run.stderr.contains(word)));
}

#[test]
fn a_forge_is_asked_with_a_token_of_the_vault() {
    let fleet = Fleet::new();
    let token = random(30, 71);
    let bearer = format!("Bearer {token}");
    let expected = format!("Basic {}", base64(&format!("x-access-token:{token}")));
    let server = Server::start(move |asked: &Asked| match asked.header("authorization") {
        Some(given) if given == bearer => match asked.path.split('?').next().unwrap() {
            "/api/v3/repos/org/app/issues" => Reply::new(
                200,
                serde_json::json!([{ "number": 1, "body": leak(72), "html_url": "https://x.example/1" }]).to_string(),
            ),
            path if path.starts_with("/api/v3/repos/org/app/") => Reply::new(200, "[]"),
            _ => Reply::new(404, "{}"),
        },
        Some(given) if given == expected && asked.path.contains("/info/refs") => {
            Reply::new(200, "001e# service=git-upload-pack\n00000000")
                .header("Content-Type", "application/x-git-upload-pack-advertisement")
        }
        _ => Reply::new(401, "{}").header("WWW-Authenticate", "Basic realm=\"x\""),
    });
    let settings = "[sweep.credentials]\ngithub = { vault = 'team:ci/github#token' }\n";
    fill(&fleet, &[("ci/github", &[("token", &token), ("note", "x")])], settings);
    std::fs::write(fleet.path().join("list"), format!("http://{}/org/app.git\n", server.host)).unwrap();
    let url = format!("http://{}", server.host);
    let args = "sweep run list --issues --state state --no-progress --retry-after 0 --config sweep.toml";
    let done = run(&fleet, args, &url);
    assert_eq!(done.code, 1, "{}{}", done.stdout, done.stderr);
    assert_eq!(fleet.status().0["unscanned"], serde_json::json!([]), "{}", done.stderr);
    stands_nowhere(&fleet, &done, &[&token]);
    // Offline nobody is asked, and what cannot be read is an error without the value.
    let wrong = run(&fleet, &format!("{args} --offline"), &url);
    assert!(wrong.code == 2 && wrong.stderr.contains("--offline forbids"), "{}", wrong.stderr);
    let settings = "[sweep.credentials]\ngithub = { vault = 'ci/github' }\n";
    std::fs::remove_file(fleet.path().join("vault.age")).unwrap();
    fill(&fleet, &[("ci/github", &[("token", &token), ("note", "x")])], settings);
    let wrong = run(&fleet, args, &url);
    assert!(wrong.code == 2 && wrong.stderr.contains("has 2 fields"), "{}", wrong.stderr);
    stands_nowhere(&fleet, &wrong, &[&token]);
}

#[test]
fn a_registry_is_asked_with_a_password_of_the_vault() {
    let fleet = Fleet::new();
    let password = random(24, 73);
    let expected = format!("Basic {}", base64(&format!("ann:{password}")));
    let config = format!(r#"{{"config":{{"Env":["HF_TOKEN={}"]}}}}"#, crate::made::token(74));
    let digest = Digest::of(config.as_bytes()).to_string();
    let manifest =
        format!(r#"{{"schemaVersion":2,"config":{{"digest":"{digest}","size":{}}},"layers":[]}}"#, config.len());
    let server = Server::start(move |asked: &Asked| match asked.path.as_str() {
        _ if asked.header("authorization") != Some(&expected) => {
            Reply::new(401, "").header("WWW-Authenticate", "Basic realm=\"r\"")
        }
        path if path.starts_with("/v2/_catalog") => Reply::new(200, r#"{"repositories":["app"]}"#),
        path if path.contains("/tags/list") => Reply::new(200, r#"{"tags":["v1"]}"#),
        path if path.contains("/manifests/") => Reply::new(200, manifest.clone()),
        path if path.ends_with(&digest) => Reply::new(200, config.clone()),
        _ => Reply::new(404, ""),
    });
    let host = &server.host;
    let settings = format!(
        "[[sweep.credentials.registry]]\nhost = '{host}'\nuser = 'ann'\npassword = {{ vault = 'ci/registry' }}\n"
    );
    fill(&fleet, &[("ci/registry", &[("password", &password)])], &settings);
    let args = format!("sweep run docker://{host}/ --state state --no-progress --retry-after 0");
    let refused = run(&fleet, &args, "http://127.0.0.1:9");
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    let done = run(&fleet, &format!("{args} --config sweep.toml"), "http://127.0.0.1:9");
    assert_eq!(done.code, 1, "{}{}", done.stdout, done.stderr);
    stands_nowhere(&fleet, &done, &[&password]);
    let plan = run(&fleet, &format!("sweep plan docker://{host}/ --config sweep.toml"), "http://127.0.0.1:9");
    assert!(plan.code == 0 && plan.stdout.contains("app:v1"), "{}{}", plan.stdout, plan.stderr);
}
