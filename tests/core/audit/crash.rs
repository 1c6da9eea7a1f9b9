//! Crashes, full disks, many writers: what was acknowledged is there, what was not is taken off and announced.

use super::{act, entries, log_in, log_with};
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use stopleak_core::audit::{Act, Log};

const FOLDER: &str = "STOPLEAK_TEST_AUDIT";

/// Not a test by itself: other tests run it as a process that appends, and says what was acknowledged.
#[test]
fn a_child_appends() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok()).unwrap();
    let log = log_in(Path::new(&folder)).by(format!("child {}", number("STOPLEAK_TEST_CHILD"))).turning_at(20_000);
    for n in 0..number("STOPLEAK_TEST_COUNT") {
        match log.append(act(n), 0) {
            Ok(written) => println!("acknowledged {}", written.entry.number),
            Err(error) => {
                println!("refused {error}");
                return;
            }
        }
    }
}

fn child(mut command: Command, folder: &Path, child: u64, count: u64) -> Child {
    let own = module_path!().split_once("::").unwrap().1;
    command.args(["--exact", "--nocapture", &format!("{own}::a_child_appends")]).env(FOLDER, folder);
    command.env("STOPLEAK_TEST_CHILD", child.to_string()).env("STOPLEAK_TEST_COUNT", count.to_string());
    command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

fn plain() -> Command {
    Command::new(std::env::current_exe().unwrap())
}

fn said(child: Child) -> Vec<String> {
    let output = child.wait_with_output().unwrap();
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

fn tear(log: &Log, text: &str) {
    use std::io::Write;
    fs::OpenOptions::new().append(true).open(log.path()).unwrap().write_all(text.as_bytes()).unwrap();
}

#[test]
fn eight_processes_append_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let children: Vec<Child> = (0..8).map(|n| child(plain(), folder.path(), n, 200)).collect();
    for child in children {
        assert_eq!(said(child).iter().filter(|line| line.contains("acknowledged")).count(), 200);
    }
    let log = log_in(folder.path());
    let verified = log.verify(&[]).unwrap();
    assert!(verified.entries == 1600 && verified.files > 10, "{verified:?}");
    let mut by: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for entry in entries(&log) {
        by.entry(entry.actor).or_default().push(entry.details["reason"].as_str().unwrap().to_owned());
    }
    let expected: Vec<String> = (0..200).map(|n| format!("reason {n}")).collect();
    assert!(by.len() == 8 && by.values().all(|reasons| *reasons == expected), "each one's entries, in its order");
}

#[test]
fn what_was_acknowledged_survives_the_writers_death() {
    let folder = tempfile::tempdir().unwrap();
    let log = log_in(folder.path());
    let mut acknowledged = 0;
    for round in 0..12u64 {
        let mut child = child(plain(), folder.path(), round, 100_000);
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        for line in
            lines.map_while(Result::ok).filter(|line| line.contains("acknowledged")).take(3 + round as usize * 5)
        {
            acknowledged = line.rsplit(' ').next().unwrap().parse().unwrap();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let verified = log.verify(&[]).unwrap();
        assert!(verified.entries >= acknowledged, "{acknowledged} {verified:?}");
    }
    log.append(act(0), 0).unwrap();
    assert_eq!(log.verify(&[]).unwrap().torn, 0);
}

#[test]
fn a_line_cut_short_is_taken_off_and_an_entry_says_so() {
    let (_folder, log) = log_with(3);
    tear(&log, "{\"action\":\"byp");
    assert_eq!(log.verify(&[]).unwrap().torn, 14);
    let written = log.append(act(9), 0).unwrap();
    assert_eq!((written.recovered, written.entry.number), (Some(14), 5));
    let entries = entries(&log);
    assert_eq!((&*entries[3].action, &*entries[3].outcome), ("recovered", "dropped"));
    assert_eq!(entries[3].details["bytes"], 14);
}

#[test]
fn an_entry_without_its_break_is_kept() {
    let (_folder, log) = log_with(3);
    let before = fs::read(log.path().with_file_name("audit.jsonl.tree")).unwrap();
    log.append(act(3), 0).unwrap();
    let text = fs::read_to_string(log.path()).unwrap();
    fs::write(log.path(), text.trim_end()).unwrap();
    // As if the process had died before it wrote the break, and so before it kept the tree.
    fs::write(log.path().with_file_name("audit.jsonl.tree"), before).unwrap();
    let written = log.append(act(4), 0).unwrap();
    assert_eq!((written.recovered, written.entry.number), (None, 5));
    assert_eq!(log.verify(&[]).unwrap().entries, 5);
}

#[test]
fn entries_beyond_what_was_kept_of_the_tree_are_taken_in() {
    let (_folder, log) = log_with(3);
    let tree = log.path().with_file_name("audit.jsonl.tree");
    let before = fs::read(&tree).unwrap();
    (0..3).for_each(|n| _ = log.append(act(n), 0).unwrap());
    for kept in [before, b"{ cut".to_vec(), Vec::new()] {
        fs::write(&tree, kept).unwrap();
        log.append(act(1), 0).unwrap();
        log.verify(&[]).unwrap();
    }
    assert_eq!(log.verify(&[]).unwrap().entries, 9);
}

#[test]
fn a_crash_while_a_file_is_put_aside_loses_nothing() {
    let (_folder, log) = log_with(3);
    fs::rename(log.path(), log.path().with_file_name("audit-000000000001.jsonl")).unwrap();
    assert_eq!(log.verify(&[]).unwrap().entries, 3);
    assert_eq!(log.append(act(3), 0).unwrap().entry.number, 4);
    assert_eq!((log.verify(&[]).unwrap().entries, log.verify(&[]).unwrap().files), (4, 2));
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_refuses_the_entry_and_the_log_stays_whole() {
    let folder = tempfile::tempdir().unwrap();
    let mut limited = Command::new("sh");
    // Blocks of 512 bytes or of 1024, as the shell has it; the signal is ignored, so that the write fails.
    limited.args(["-c", "trap '' XFSZ; ulimit -f 10; exec \"$0\" \"$@\""]).arg(std::env::current_exe().unwrap());
    let said = said(child(limited, folder.path(), 0, 1000));
    let acknowledged = said.iter().filter(|line| line.contains("acknowledged")).count() as u64;
    assert!(said.iter().any(|line| line.contains("refused")) && acknowledged > 3, "{said:?}");
    let log = log_in(folder.path());
    let verified = log.verify(&[]).unwrap();
    assert_eq!((verified.entries, verified.torn), (acknowledged, 0));
    assert_eq!(log.append(Act::new("scan"), 0).unwrap().entry.number, acknowledged + 1);
}
