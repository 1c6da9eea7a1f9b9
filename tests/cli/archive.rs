//! Archives as a user meets them: on disk, in history, staged, from standard input; paths, limits and exit codes.

use crate::archives::{gzip_stored, tar, tar_header, zip_stored};
use crate::made::token;
use crate::support::Repo;
use crate::{Project, Run, run_in};

fn leak(seed: u64) -> Vec<u8> {
    format!("# settings\nHF_TOKEN={}\n", token(seed)).into_bytes()
}

fn nested(seed: u64) -> Vec<u8> {
    gzip_stored(&tar(&[("etc/b.zip", &zip_stored(&[("c/app.env", &leak(seed))]))]))
}

fn places(run: &Run) -> Vec<String> {
    run.lines("finding")
        .iter()
        .map(|line| format!("{}:{}", line["path"].as_str().unwrap_or("-"), line["line"]))
        .collect()
}

#[test]
fn the_members_of_an_archive_on_disk_are_scanned() {
    let project = Project::new().file("lib/a.tar.gz", nested(1)).file("plain.txt", "nothing\n");
    let run = project.run("scan --format jsonl");
    assert_eq!((run.code, places(&run)), (1, vec!["lib/a.tar.gz!etc/b.zip!c/app.env:2".into()]), "{}", run.stderr);
    assert_eq!(run.lines("finding")[0]["origin"], "file lib/a.tar.gz!etc/b.zip!c/app.env");
    let sarif = project.run("scan --format sarif");
    assert!(sarif.stdout.contains("lib/a.tar.gz!etc/b.zip!c/app.env"), "{}", sarif.stdout);
    let text = project.run("scan");
    assert!(text.stdout.contains("lib/a.tar.gz › etc/b.zip › c/app.env:2:10"), "{}", text.stdout);
}

#[test]
fn standard_input_may_be_an_archive() {
    let run = Project::new().run_with("scan --format jsonl -", &nested(2));
    assert_eq!((run.code, places(&run)), (1, vec!["-!etc/b.zip!c/app.env:2".into()]), "{}", run.stderr);
    assert_eq!(run.lines("finding")[0]["origin"], "standard input -!etc/b.zip!c/app.env");
}

#[test]
fn an_archive_in_history_is_attributed_to_its_commit() {
    let mut repo = Repo::new();
    let first = [tar(&[("a/x", &leak(3))]), vec![0; 40_000]].concat();
    let second = [tar(&[("a/x", &leak(3)), ("b", b"more")]), vec![0; 40_000]].concat();
    repo.write("sub/data.tar", &first).commit_all("first");
    repo.write("sub/data.tar", &second).commit_all("second");
    repo.remove("sub/data.tar").write("readme", "x").commit_all("third");
    repo.git(["repack", "-q", "-adf"]);
    let run = run_in(repo.path(), "scan --format jsonl", b"");
    assert_eq!((run.code, places(&run)), (1, vec!["sub/data.tar!a/x:2".into()]), "{}", run.stderr);
    let finding = &run.lines("finding")[0];
    assert_eq!(finding["commit"], repo.id("HEAD~2"));
    assert_eq!(finding["author"], crate::support::repo::AUTHOR);
    let below = run_in(&repo.at("sub"), "scan --format jsonl", b"");
    assert!(below.code == 2 || places(&below) == ["data.tar!a/x:2"], "{}{}", below.stdout, below.stderr);
}

#[test]
fn a_staged_archive_is_scanned() {
    let mut repo = Repo::new();
    repo.commit("a", "x").write("a.zip", zip_stored(&[("app.env", &leak(4))])).stage();
    let run = run_in(repo.path(), "scan --staged --format jsonl", b"");
    assert_eq!((run.code, places(&run)), (1, vec!["a.zip!app.env:2".into()]), "{}", run.stderr);
    assert_eq!(run.lines("finding")[0]["origin"], "staged a.zip!app.env");
}

#[test]
fn an_allowlist_sees_the_path_inside() {
    let allow = "[[allow]]\nreason = 'a sample'\npath = '**/c/*.env'\n";
    let project = Project::new().file("a.tar.gz", nested(5)).file("stopleak.toml", allow);
    let run = project.run("scan");
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
}

#[test]
fn a_limit_that_is_hit_is_told_and_fails_a_clean_scan() {
    let project = Project::new().file("a.tar.gz", nested(6));
    let table = [
        ("--max-archive-depth 1", "nested deeper than 1"),
        ("--max-archive-depth 0", "nested deeper than 0"),
        ("--max-archive-size 1K", "more than 1024 bytes came out"),
        ("--max-archive-entries 1", "more than 1 members"),
        ("--max-archive-time 0", "longer than 0 s"),
    ];
    for (option, message) in table {
        let run = project.run(&format!("scan {option}"));
        assert_eq!(run.code, 2, "{option}: {}", run.stdout);
        assert!(run.stderr.contains("not scanned: ") && run.stderr.contains(message), "{option}: {}", run.stderr);
        assert_eq!(project.run(&format!("scan --allow-partial {option}")).code, 0, "{option}");
    }
    assert_eq!(project.run("scan --max-archive-depth 2").code, 1);
    let run = project.run("scan --max-archive-size 1X");
    assert!(run.code == 2 && run.stderr.contains("is no size"), "{}", run.stderr);
}

#[test]
fn a_damaged_archive_is_told() {
    let mut lying = tar_header("a", b'0', 5_000).to_vec();
    lying.extend(leak(7));
    let run = Project::new().file("a.tar", &lying).run("scan --format jsonl");
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("not scanned: a.tar: it is cut short"), "{}", run.stderr);
    let clean = Project::new().file("a.tar", tar_header("a", b'0', 5_000)).run("scan");
    assert_eq!(clean.code, 2, "{}", clean.stderr);
}

#[test]
fn archives_can_be_left_as_they_are() {
    let project = Project::new().file("a.tar.gz", nested(8)).file("b.tar", tar(&[("x", &leak(9))]));
    let run = project.run("scan --no-archives --format jsonl");
    // Nothing is compressed here, so that the bytes themselves show both.
    let mut places = places(&run);
    places.sort();
    assert!(places.iter().all(|place| !place.contains('!')) && places.len() == 2, "{places:?}");
}
