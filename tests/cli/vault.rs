//! `stopleak vault`, and scans that know the vault's values.

use crate::server::{Reply, Server};
use crate::{Project, Run, made::random};
use std::path::Path;
use stopleak_core::Secret;
use stopleak_core::vault::file::{LocalFile, Unlock};
use stopleak_core::vault::{Fields, Vault};

/// What the guide's page works with: a vault in a file, settings that name it, and a script with an old value.
pub fn fill(folder: &Path) {
    let unlock = Unlock::Passphrase(Secret::new(b"of the guide"), 4);
    let vault = LocalFile::open(&folder.join("vault.age"), &unlock).unwrap();
    let fields = |pairs: &[(&str, &str)]| -> Fields {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), Secret::new(value.as_bytes()))).collect()
    };
    vault.write_if_version("app/db", &fields(&[("password", OLD)]), None).unwrap();
    vault
        .write_if_version("app/db", &fields(&[("password", &random(20, 2)), ("host", "db.internal")]), Some("1"))
        .unwrap();
    vault.write_if_version("app/api", &fields(&[("token", &random(24, 3))]), None).unwrap();
    let settings = "[[vault]]\nname = 'team'\nkind = 'file'\npath = 'vault.age'\nwork-factor = 4\nkeep-days = 0\n";
    std::fs::write(folder.join("team.toml"), settings).unwrap();
    std::fs::create_dir(folder.join("deploy")).unwrap();
    std::fs::write(folder.join("deploy/run.sh"), format!("#!/bin/sh\nconnect --to {OLD} --quietly\n")).unwrap();
}

/// A value that no rule knows.
const OLD: &str = "(tea)for<two>/blue;horse";

fn project() -> Project {
    let project = Project::new();
    fill(project.path());
    project
}

fn run(project: &Project, args: &str, input: &[u8]) -> Run {
    let mut command = project.command(args);
    command.env("STOPLEAK_VAULT_PASSPHRASE", "of the guide");
    for name in ["VAULT_ADDR", "VAULT_TOKEN", "VAULT_NAMESPACE"] {
        command.env_remove(name);
    }
    finish(command, input)
}

fn finish(mut command: std::process::Command, input: &[u8]) -> Run {
    use std::io::Write;
    let mut child = command.spawn().unwrap();
    let _ = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Run { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

#[test]
fn a_value_of_no_form_is_found_by_the_index_and_masked() {
    let project = project();
    let written = run(&project, "vault index --config team.toml -o vault.idx", b"");
    assert_eq!(written.code, 0, "{}", written.stderr);
    let plain = run(&project, "scan --history none --format jsonl deploy", b"");
    assert_eq!(plain.lines("finding").len(), 0, "no rule knows it");
    let scan = "scan --history none --config team.toml --vault-index vault.idx --format jsonl deploy";
    let found = run(&project, scan, b"");
    assert_eq!(found.code, 1, "{}", found.stderr);
    let lines = found.lines("finding");
    assert_eq!(lines.len(), 1);
    assert_eq!(
        (&lines[0]["rule"], &lines[0]["severity"], &lines[0]["confidence"]),
        (&"vault.value".into(), &"high".into(), &1.0.into())
    );
    let place = &lines[0]["vault"][0];
    assert_eq!((&place["entry"], &place["version"], &place["current"]), (&"app/db".into(), &"1".into(), &false.into()));
    let mask = run(&project, "mask --config team.toml --vault-index vault.idx", format!("a {OLD} b\n").as_bytes());
    assert_eq!(mask.stdout, "a [stopleak:vault.value] b\n");
}

#[test]
fn the_key_may_come_from_a_file_and_must_be_the_right_one() {
    let project = project();
    let (key, other) = ("AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=", "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=");
    let project = project.file("key", key).file("other", other).file("short", "AQEB");
    assert_eq!(run(&project, "vault index --config team.toml -o vault.idx --vault-key key", b"").code, 0);
    let scan = |more: &str| {
        run(&project, &format!("scan --history none --offline --vault-index vault.idx {more} deploy"), b"")
    };
    assert_eq!(scan("--vault-key key").code, 1);
    for (more, expected) in [
        ("--vault-key other", "made with the key"),
        ("--vault-key short", "is no key"),
        ("", "--vault-key FILE"),
        ("--vault-key none", "cannot read"),
    ] {
        let refused = scan(more);
        assert_eq!(refused.code, 2, "{more}");
        assert!(refused.stderr.contains(expected), "{more}: {}", refused.stderr);
    }
}

#[test]
fn settings_that_were_only_found_send_no_token_anywhere() {
    let server = Server::start(|_| Reply::new(403, "{\"errors\":[\"permission denied\"]}"));
    let settings = format!("[[vault]]\nkind = 'vault'\naddress = 'http://{}'\n", server.host);
    let project = Project::new().file("stopleak.toml", settings);
    let with_token = |args: &str, address: Option<&str>| {
        let mut command = project.command(args);
        command.env("VAULT_TOKEN", "token-of-tests").env_remove("VAULT_ADDR");
        address.map(|address| command.env("VAULT_ADDR", address));
        finish(command, b"")
    };
    for verb in ["vault index", "vault status"] {
        let refused = with_token(verb, None);
        assert_eq!(refused.code, 2);
        assert!(refused.stderr.contains("only found"), "{}", refused.stderr);
        // Not even when the environment names another one.
        assert_eq!(with_token(verb, Some("http://127.0.0.1:9")).code, 2);
    }
    assert!(server.asked().is_empty());
    let named = with_token("vault index --config stopleak.toml", None);
    assert!(named.stderr.contains("permission denied") && !named.stderr.contains("token-of-tests"), "{}", named.stderr);
    assert_eq!(server.asked()[0].header("x-vault-token"), Some("token-of-tests"));
}

#[test]
fn a_credential_in_the_settings_is_an_error() {
    for line in ["token = 'x'", "auth = { secret = 'x' }", "auth = { method = 'magic' }"] {
        let project = Project::new().file("v.toml", format!("[[vault]]\nkind = 'vault'\n{line}\n"));
        let refused = run(&project, "vault index --config v.toml", b"");
        assert_eq!(refused.code, 2, "{line}");
        assert!(refused.stderr.contains("[[vault]]"), "{line}: {}", refused.stderr);
    }
}

#[test]
fn a_value_is_put_beside_the_others_and_never_shown() {
    let project = project();
    let value = random(22, 9);
    let put = run(&project, "vault put app/db password --config team.toml", format!("{value}\n").as_bytes());
    assert_eq!(put.code, 0, "{}", put.stderr);
    assert!(put.stderr.contains("version 3") && !put.stderr.contains(&value), "{}", put.stderr);
    let unlock = Unlock::Passphrase(Secret::new(b"of the guide"), 4);
    let entry = LocalFile::open(&project.path().join("vault.age"), &unlock).unwrap().read("app/db", None).unwrap();
    assert_eq!(entry.fields["password"].expose(), value.as_bytes());
    assert_eq!(entry.fields["host"].expose(), b"db.internal");
    let mut wrong = project.command("vault put app/db password --config team.toml");
    wrong.env("STOPLEAK_VAULT_PASSPHRASE", "of another guide");
    let wrong = finish(wrong, b"x");
    assert!(wrong.code == 2 && wrong.stderr.contains("does not open"), "{}", wrong.stderr);
}

#[test]
fn the_drift_list_tells_what_leaked() {
    let project = project();
    run(&project, "vault index --config team.toml -o vault.idx", b"");
    run(
        &project,
        "scan --history none --config team.toml --vault-index vault.idx --format json=found.json deploy",
        b"",
    );
    let status = run(&project, "vault status --config team.toml --findings found.json --format json", b"");
    assert_eq!(status.code, 1, "{}", status.stderr);
    let list: serde_json::Value = serde_json::from_str(&status.stdout).unwrap();
    assert_eq!(
        (&list["leaked"][0]["places"][0]["entry"], &list["leaked"][0]["is_current"]),
        (&"app/db".into(), &false.into())
    );
    assert!(!status.stdout.contains(OLD));
    // A report that knows nothing of vaults would make the list look better than it is.
    run(&project, "scan --history none --format json=plain.json deploy", b"");
    let plain = project.read("plain.json");
    assert!(plain.contains("\"findings\""));
}
