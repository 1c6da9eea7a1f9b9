//! The GitHub Action: its entrypoint on a runner of our own, its downloads, and the shape of `action.yml`.

use super::{Ran, binary, run, with_leaks};
use crate::events;
use crate::server::{Reply, Server};

use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

fn action() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../github-action")
}

/// Runs the entrypoint in a workspace.
fn enter(workspace: &Path, variables: &[(&str, &str)]) -> Ran {
    let mut command = Command::new("bash");
    command.arg(action().join("entrypoint.sh"));
    let workspace_variable = [("GITHUB_WORKSPACE", workspace.to_str().unwrap()), ("GITHUB_ACTIONS", "true")];
    run(command, workspace, &[&workspace_variable[..], variables].concat())
}

#[test]
fn the_entrypoint_scans_a_pull_request_and_hands_on_every_output() {
    let repo = with_leaks();
    let clone = repo.clone_with("clone", &["--depth=1"]);
    let home = tempfile::tempdir().unwrap();
    let event = home.path().join("event.json");
    let payload = events::pull_request("opened", &repo.id("main"), &repo.id("feature"));
    std::fs::write(&event, payload.to_string()).unwrap();
    let binary = binary();
    let ran = enter(
        clone.path().parent().unwrap(),
        &[
            ("STOPLEAK_BINARY", binary.to_str().unwrap()),
            ("STOPLEAK_PATH", "clone"),
            ("GITHUB_EVENT_NAME", "pull_request"),
            ("GITHUB_EVENT_PATH", event.to_str().unwrap()),
        ],
    );
    assert_eq!(ran.code, 1, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.starts_with("::add-mask::"));
    let outputs = ["findings", "active", "failing", "unscanned", "sarif"].map(|name| ran.output(name));
    assert_eq!(outputs, ["1", "0", "1", "0", "clone/stopleak.sarif"]);
    assert!(clone.at("stopleak.sarif").exists());
}

/// A program that says how it was called, in place of the real one.
const FAKE: &str = "#!/bin/sh\nfor argument; do echo \"<$argument>\"; done\n";

/// A release of the fake for this machine, and how its archive is called.
struct Release {
    server: Server,
    sum: String,
}

fn release(change: impl Fn(&str, Vec<u8>) -> Reply + Send + Sync + 'static) -> Release {
    let folder = TempDir::new().unwrap();
    let name = "stopleak-9.8.7-x86_64-unknown-linux-musl";
    let inside = folder.path().join(name);
    std::fs::create_dir(&inside).unwrap();
    std::fs::write(inside.join("stopleak"), FAKE).unwrap();
    let archive = folder.path().join("archive.tar.gz");
    let packed = Command::new("tar").arg("-czf").arg(&archive).arg("-C").arg(folder.path()).arg(name).status();
    assert!(packed.unwrap().success());
    let output = Command::new("sha256sum").arg(&archive).output().unwrap();
    let sum = String::from_utf8(output.stdout).unwrap().split(' ').next().unwrap().to_owned();
    let bytes = std::fs::read(&archive).unwrap();
    let sums = format!("{}  other.tar.gz\n{sum}  {name}.tar.gz\n", "0".repeat(64)).into_bytes();
    let server = Server::start(move |asked| match asked.path.strip_prefix("/releases/v9.8.7/") {
        Some("SHA256SUMS") => change("sums", sums.clone()),
        Some(file) if file == format!("{name}.tar.gz") => change("archive", bytes.clone()),
        _ => Reply::new(404, "nothing here"),
    });
    Release { server, sum }
}

fn download(release: &Release, more: &[(&str, &str)]) -> Ran {
    let workspace = tempfile::tempdir().unwrap();
    let releases = format!("http://{}/releases", release.server.host);
    let variables = [
        ("STOPLEAK_RELEASES", releases.as_str()),
        ("STOPLEAK_VERSION", "9.8.7"),
        ("RUNNER_OS", "Linux"),
        ("RUNNER_ARCH", "X64"),
    ];
    enter(workspace.path(), &[&variables[..], more].concat())
}

#[test]
fn a_release_is_downloaded_checked_and_run() {
    let release = release(|_, bytes| Reply::new(200, bytes));
    let ran = download(&release, &[]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(ran.stdout, "<ci>\n<github>\n<--fail-on=policy>\n<--format=sarif=stopleak.sarif>\n");
    assert_eq!(ran.output("sarif"), "./stopleak.sarif");
    assert_eq!(download(&release, &[("STOPLEAK_SHA256", release.sum.as_str())]).code, 0);
}

#[test]
fn what_is_not_what_the_checksums_say_is_never_run() {
    let good = release(|_, bytes| Reply::new(200, bytes));
    let tampered = release(|what, mut bytes| {
        if what == "archive" {
            bytes.push(0);
        }
        Reply::new(200, bytes)
    });
    let unnamed = release(|what, bytes| Reply::new(200, if what == "sums" { b"x y\n".to_vec() } else { bytes }));
    let no_sums = release(|what, bytes| Reply::new(if what == "sums" { 404 } else { 200 }, bytes));
    let pinned = "1".repeat(64);
    type Case<'a> = (&'a Release, &'a [(&'a str, &'a str)], &'a str);
    let table: [Case; 6] = [
        (&tampered, &[], "is not what the release says"),
        (&unnamed, &[], "checksums do not name"),
        (&no_sums, &[], "cannot download"),
        (&good, &[("STOPLEAK_SHA256", pinned.as_str())], "is not what the input sha256 says"),
        (&good, &[("STOPLEAK_VERSION", "9.8.6")], "cannot download"),
        (&good, &[("RUNNER_ARCH", "RISCV64")], "there is no release for RISCV64"),
    ];
    for (release, more, expected) in table {
        let ran = download(release, more);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{expected}: {}", ran.stderr);
        assert!(ran.stderr.contains(expected), "{expected}: {}", ran.stderr);
    }
}

#[test]
fn inputs_are_values_whatever_they_hold() {
    let release = release(|_, bytes| Reply::new(200, bytes));
    let ran = download(
        &release,
        &[
            ("STOPLEAK_FAIL_ON", "$(touch pwned); `touch pwned`"),
            ("STOPLEAK_FOLDERS", "app\r\n\n--whole-history\nwith space"),
            ("STOPLEAK_RULES", "a.toml"),
            ("STOPLEAK_CONFIG", "c.toml"),
            ("STOPLEAK_BASELINE", "b.json"),
            ("STOPLEAK_VERIFY", "true"),
            ("STOPLEAK_WHOLE_HISTORY", "true"),
            ("STOPLEAK_ALLOW_PARTIAL", "true"),
        ],
    );
    let expected = "<ci>\n<github>\n<--fail-on=$(touch pwned); `touch pwned`>\n<--format=sarif=stopleak.sarif>\n<--path=app>\n\
         <--path=--whole-history>\n<--path=with space>\n<--rules=a.toml>\n<--config=c.toml>\n<--baseline=b.json>\n\
         <--verify>\n<--whole-history>\n<--allow-partial>\n";
    assert_eq!(ran.stdout, expected, "{}", ran.stderr);
    let table: [(&str, &str, &str); 8] = [
        ("STOPLEAK_VERIFY", "1", "verify is neither true nor false"),
        ("STOPLEAK_WHOLE_HISTORY", "yes", "whole-history is neither true nor false"),
        ("STOPLEAK_BUILD_FROM_SOURCE", "1", "build-from-source is neither true nor false"),
        ("STOPLEAK_VERSION", "../../x", "version is no version"),
        ("STOPLEAK_SHA256", "abc", "sha256 is not 64"),
        ("STOPLEAK_SARIF", "a\nfindings=0", "sarif is more than one line"),
        ("STOPLEAK_PATH", "nowhere", "there is no folder nowhere"),
        ("STOPLEAK_BINARY", "nowhere", "there is no binary nowhere"),
    ];
    for (name, value, expected) in table {
        let ran = download(&release, &[(name, value)]);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{name}: {}", ran.stderr);
        assert!(ran.stderr.contains(expected), "{name}: {}", ran.stderr);
        assert_eq!(ran.output("findings"), "absent");
    }
}

#[test]
fn action_yml_hands_every_input_on_as_a_variable_and_every_output_out() {
    let text = std::fs::read_to_string(action().join("action.yml")).unwrap();
    let script =
        ["entrypoint.sh", "install.sh"].map(|name| std::fs::read_to_string(action().join(name)).unwrap()).concat();
    let section = |from: &str, to: &str| text.split_once(from).unwrap().1.split_once(to).unwrap().0.to_owned();
    let names = |section: &str| -> Vec<String> {
        let own = section.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
        own.map(|line| line.trim().trim_end_matches(':').to_owned()).collect()
    };
    let inputs = names(&section("\ninputs:\n", "\noutputs:\n"));
    assert!(inputs.len() > 10, "{inputs:?}");
    for input in &inputs {
        let variable = format!("STOPLEAK_{}", input.to_uppercase().replace('-', "_"));
        assert!(text.contains(&format!("        {variable}: ${{{{ inputs.{input} }}}}\n")), "{input} is not handed on");
        assert!(script.contains(&format!("${{{variable}:")), "{variable} is not read");
    }
    for output in names(&section("\noutputs:\n", "\nruns:\n")) {
        assert!(text.contains(&format!("value: ${{{{ steps.scan.outputs.{output} }}}}")), "{output}");
    }
    assert!(text.contains("\nruns:\n  using: composite\n") && !text.contains("docker"));
    let run: Vec<&str> = text.lines().filter(|line| line.trim_start().starts_with("run:")).collect();
    assert!(run.iter().all(|line| !line.contains("${{")), "an input in a script is an injection: {run:?}");
    assert!(!text.contains("secrets.") && !text.contains("github.token"), "it needs no secret");
}

#[test]
fn the_documented_inputs_and_outputs_are_those_of_the_action() {
    let text = std::fs::read_to_string(action().join("action.yml")).unwrap();
    let readme = std::fs::read_to_string(action().join("README.md")).unwrap();
    let named = text.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   ") && line.ends_with(':'));
    for name in
        named.map(|line| line.trim().trim_end_matches(':')).filter(|name| !["steps", "icon", "color"].contains(name))
    {
        assert!(readme.contains(&format!("`{name}`")), "{name} is not in the README");
    }
}

#[test]
fn a_missing_checkout_is_said() {
    let workspace = tempfile::tempdir().unwrap();
    let binary = binary();
    let event = workspace.path().join("event.json");
    std::fs::write(&event, events::schedule().to_string()).unwrap();
    let ran = enter(
        workspace.path(),
        &[
            ("STOPLEAK_BINARY", binary.to_str().unwrap()),
            ("GITHUB_EVENT_NAME", "schedule"),
            ("GITHUB_EVENT_PATH", event.to_str().unwrap()),
        ],
    );
    assert_eq!(ran.code, 2);
    assert!(
        ran.stderr.contains("there is no git repository here") && ran.stderr.contains("actions/checkout"),
        "{}",
        ran.stderr
    );
}

#[test]
fn the_action_s_version_is_the_one_it_downloads() {
    // `install.sh` reads it from the workspace's Cargo.toml, which comes with the action.
    let text = std::fs::read_to_string(action().join("../Cargo.toml")).unwrap();
    let version = text.lines().find_map(|line| line.strip_prefix("version = \"")?.strip_suffix('"'));
    assert_eq!(version, Some(env!("CARGO_PKG_VERSION")));
}
