//! `stopleak mask`: a filter for logs, and a wrapper that ends as its command ends.

use crate::Project;
use crate::made::token;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

const MASK: &str = "[stopleak:huggingface.user-access-token]";

/// `stopleak mask -- sh -c SCRIPT`.
fn wrapped(project: &Project, script: &str) -> Command {
    let mut command = project.command("mask -- sh -c");
    command.arg(script);
    command
}

#[test]
fn standard_input_comes_out_masked() {
    let text = format!("a\nHF_TOKEN={}\nb", token(1));
    let run = Project::new().run_with("mask", text.as_bytes());
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    assert_eq!(run.stdout, format!("a\nHF_TOKEN={MASK}\nb"));
}

#[test]
fn the_gate_of_the_settings_counts() {
    let project = Project::new().file("stopleak.toml", "[scan]\ngate = 'critical'\n");
    let text = format!("HF_TOKEN={}\n", token(1));
    assert_eq!(project.run_with("mask", text.as_bytes()).stdout, text);
    assert_ne!(project.run_with("mask --gate high", text.as_bytes()).stdout, text);
}

#[test]
fn a_line_is_shown_while_the_input_stays_open_and_a_split_secret_is_whole() {
    let mut child = Project::new().command("mask").spawn().unwrap();
    let (mut input, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let (secret, mut seen) = (token(2), [0; 256]);
    let (head, tail) = secret.split_at(15);
    write!(input, "first line\nkey {head}").unwrap();
    let count = output.read(&mut seen).unwrap();
    let mut shown = seen[..count].to_vec();
    std::thread::sleep(Duration::from_millis(300));
    write!(input, "{tail} end\n").unwrap();
    drop(input);
    output.read_to_end(&mut shown).unwrap();
    assert!(count >= 11, "the first line came while the input was open");
    assert_eq!(String::from_utf8(shown).unwrap(), format!("first line\nkey {MASK} end\n"));
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_command_keeps_its_outputs_its_input_and_its_exit_code() {
    let project = Project::new();
    let script = format!("echo out {0}; echo err {0} >&2; cat; exit 7", token(3));
    let mut child = wrapped(&project, &script).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"from input\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(7));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("out {MASK}\nfrom input\n"));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), format!("err {MASK}\n"));
}

#[cfg(unix)]
#[test]
fn a_command_that_a_signal_ends_is_128_and_the_signal() {
    let output = wrapped(&Project::new(), "kill -9 $$").stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(137));
}

#[cfg(unix)]
#[test]
fn a_signal_to_end_is_handed_on_and_the_last_words_are_shown() {
    let script = "trap 'echo last words; exit 3' TERM; echo ready; while :; do sleep 0.05; done";
    let mut child = wrapped(&Project::new(), script).stdin(Stdio::null()).spawn().unwrap();
    let mut output = child.stdout.take().unwrap();
    let mut ready = [0; 6];
    output.read_exact(&mut ready).unwrap();
    Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    assert_eq!((child.wait().unwrap().code(), rest.as_str()), (Some(3), "last words\n"));
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let mut child = Project::new().command("mask").spawn().unwrap();
    drop(child.stdout.take());
    let _ = child.stdin.take().unwrap().write_all(&b"a line\n".repeat(100_000));
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
}

#[test]
fn what_cannot_be_run_is_2() {
    let run = Project::new().run("mask -- no-such-command-anywhere");
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("cannot run no-such-command-anywhere"), "{}", run.stderr);
}
