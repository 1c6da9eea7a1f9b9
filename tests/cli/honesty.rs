//! Nothing that was asked for goes unscanned in silence, and no corner of a repository is a hole.

use crate::made::{random, token};
use crate::support::Repo;
use crate::{Project, Run, run_in};
use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

fn scan(folder: &Path, args: &str) -> Run {
    run_in(folder, &format!("scan --format jsonl {args}"), b"")
}

fn leak(seed: u64) -> String {
    format!("HF_TOKEN={}\n", token(seed))
}

/// Codes of what was skipped, as the report's last line lists them.
fn skipped(run: &Run) -> Vec<String> {
    let summary = run.lines("summary");
    let skipped = summary.last().expect("a summary comes last")["skipped"].as_array().expect("a list").clone();
    skipped.iter().map(|warning| warning.to_string()).collect()
}

/// A clean scan that left something out: exit code 2, `names` on stderr and in the report; 0 when that is accepted, and 1
/// when there are findings all the same.
fn is_announced(folder: &Path, args: &str, names: &str) {
    let run = scan(folder, args);
    assert_eq!(run.code, 2, "{args}: {}{}", run.stderr, run.stdout);
    assert!(run.stderr.contains("not scanned: ") && run.stderr.contains(names), "{args}: {}", run.stderr);
    assert!(skipped(&run).iter().any(|warning| warning.contains(names)), "{args}: {}", run.stdout);
    assert_eq!(scan(folder, &format!("--allow-partial {args}")).code, 0, "{args}");
}

fn secrets(run: &Run) -> usize {
    let mut prints: Vec<String> = run.lines("finding").iter().map(|line| line["fingerprint"].to_string()).collect();
    prints.sort();
    prints.dedup();
    prints.len()
}

#[test]
fn a_corrupt_loose_object_is_announced() {
    let mut repo = Repo::new();
    repo.commit("a", "1\n").commit("a", "2\n");
    let blob = repo.blob("HEAD~1", "a");
    let file = repo.loose(&blob);
    fs::remove_file(&file).unwrap();
    fs::write(&file, b"\x78\x9c damaged").unwrap();
    is_announced(repo.path(), "", &blob[..8]);
    repo.commit("b", leak(1));
    assert_eq!(scan(repo.path(), "").code, 1, "a finding counts all the same");
}

#[test]
fn a_corrupt_object_in_a_pack_is_announced() {
    let mut repo = Repo::new();
    let text: String = (0..200).map(|line| format!("{line} {}\n", random(20, line))).collect();
    repo.commit("a", text).commit("a", "clean\n").pack();
    let folder = repo.at(".git/objects/pack");
    let mut files = fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
    let pack = files.find(|path| path.extension().is_some_and(|extension| extension == "pack")).unwrap();
    let mut bytes = fs::read(&pack).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 40].fill(0xff);
    fs::remove_file(&pack).unwrap();
    fs::write(&pack, bytes).unwrap();
    let run = scan(repo.path(), "");
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(run.stderr.contains("not scanned: ") && !skipped(&run).is_empty(), "{}", run.stderr);
}

#[test]
fn a_pack_that_is_cut_short_is_announced() {
    let mut repo = Repo::new();
    repo.commit("a", random(5_000, 1)).commit("a", "clean\n").pack();
    for entry in fs::read_dir(repo.at(".git/objects/pack")).unwrap().flatten() {
        if entry.path().extension().is_some_and(|extension| extension == "pack") {
            let bytes = fs::read(entry.path()).unwrap();
            fs::remove_file(entry.path()).unwrap();
            fs::write(entry.path(), &bytes[..bytes.len() / 2]).unwrap();
        }
    }
    let run = scan(repo.path(), "");
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(!run.stderr.is_empty() && !run.stdout.contains("\"skipped\":[]"), "{}{}", run.stderr, run.stdout);
}

#[test]
fn a_shallow_clone_without_the_base_does_not_pass() {
    let mut repo = Repo::new();
    repo.commit("a", "1\n");
    let base = repo.id("HEAD");
    repo.commit("a", "2\n").commit("a", "3\n");
    let shallow = repo.clone_with("shallow", &["--depth", "1"]);
    let run = scan(shallow.path(), &format!("--range {base}..HEAD"));
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(run.stderr.contains(&base[..8]) || run.stderr.contains("shallow"), "{}", run.stderr);
    // The whole of what is there: clean, and cut off.
    is_announced(shallow.path(), "", "shallow");
}

#[test]
fn references_that_lead_nowhere_are_2() {
    let mut repo = Repo::new();
    repo.commit("a", "1\n");
    for range in ["HEAD~9..HEAD", "nowhere..HEAD", "HEAD..nowhere", "0123456789012345678901234567890123456789..HEAD"] {
        let run = scan(repo.path(), &format!("--range {range}"));
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{range}: {}", run.stderr);
        assert!(run.stderr.starts_with("error: "), "{range}: {}", run.stderr);
    }
    fs::write(repo.at(".git/refs/heads/broken"), "0123456789012345678901234567890123456789\n").unwrap();
    is_announced(repo.path(), "", "broken");
}

#[cfg(unix)]
#[test]
fn a_file_that_cannot_be_read_is_announced() {
    use std::os::unix::fs::PermissionsExt;
    let project = Project::new().file("a.txt", "fine\n").file("locked.txt", "1\n");
    let locked = project.path().join("locked.txt");
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read(&locked).is_ok() {
        return eprintln!("SKIPPED: this user (root) reads files of mode 000");
    }
    is_announced(project.path(), "", "locked.txt");
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_whose_content_cannot_be_had_is_2() {
    // Root reads every mode, but no process reads its own memory at address 0.
    let run = Project::new().run("scan /proc/self/mem");
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(run.stderr.contains("mem"), "{}", run.stderr);
}

#[cfg(unix)]
#[test]
fn links_that_lead_in_circles_or_nowhere_are_2_when_asked_for() {
    let project = Project::new().file("a.txt", "fine\n");
    std::os::unix::fs::symlink("loop", project.path().join("loop")).unwrap();
    std::os::unix::fs::symlink("gone", project.path().join("dangling")).unwrap();
    for target in ["loop", "dangling"] {
        let run = project.run(&format!("scan {target}"));
        assert_eq!(run.code, 2, "{target}: {}", run.stderr);
        assert!(run.stderr.contains(target), "{}", run.stderr);
    }
    assert_eq!(project.run("scan .").code, 0, "a link's target is scanned where it stands");
}

/// A file of zeros without disk space, and a secret at its end.
fn huge(path: &Path, len: u64) -> bool {
    let mut file = fs::File::create(path).unwrap();
    let is_made = file.set_len(len).and_then(|()| file.seek(SeekFrom::End(0))).is_ok();
    is_made && file.write_all(format!("\n{}", leak(1)).as_bytes()).is_ok()
}

#[test]
fn a_large_file_is_scanned_to_its_end() {
    let project = Project::new();
    assert!(huge(&project.path().join("large.bin"), 20 << 20));
    let run = scan(project.path(), "");
    assert_eq!((run.code, secrets(&run)), (1, 1), "{}", run.stderr);
    assert_eq!(run.lines("finding")[0]["line"], 2);
}

#[test]
#[ignore = "reads 4 GiB"]
fn a_file_of_more_than_32_bits_is_scanned_to_its_end() {
    let project = Project::new();
    if !huge(&project.path().join("huge.bin"), u64::from(u32::MAX) + 2) {
        return eprintln!("SKIPPED: this file system holds no sparse file of 4 GiB");
    }
    let run = scan(project.path(), "");
    assert_eq!((run.code, secrets(&run)), (1, 1), "{}", run.stderr);
    assert_eq!(run.lines("finding")[0]["line"], 2);
}

#[test]
#[ignore = "git compresses half a gigabyte"]
fn an_object_larger_than_the_limit_is_announced() {
    let mut repo = Repo::new();
    assert!(huge(&repo.at("huge.bin"), 513 << 20));
    repo.commit_all("huge").remove("huge.bin").commit_all("gone");
    let blob = repo.blob("HEAD~1", "huge.bin");
    repo.write("a", "fine\n");
    is_announced(repo.path(), "", &blob[..8]);
}

#[test]
fn matches_over_the_cap_are_counted_and_announced() {
    let lines: String = (0..1_100).map(leak).collect();
    let project = Project::new().file("many.env", lines);
    let run = scan(project.path(), "");
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("many.env") && run.stderr.contains("100 were left out"), "{}", run.stderr);
    assert!(skipped(&run).iter().any(|warning| warning.contains("limit-matches")), "{}", run.stderr);
    // With every finding below the gate it is a clean result, and partial.
    assert_eq!(scan(project.path(), "--gate 1.0").code, 2);
    assert_eq!(scan(project.path(), "--gate 1.0 --allow-partial").code, 0);
}

#[test]
fn a_repository_without_a_commit_or_a_file_is_2() {
    let repo = Repo::new();
    is_announced(repo.path(), "", "no blob");
}

#[test]
fn no_rules_left_is_2() {
    let project = Project::new().file("a.txt", "fine\n").file("rules/empty.toml", "");
    let run = project.run("scan --rules rules");
    assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{}", run.stderr);
    assert!(run.stderr.contains("empty.toml"), "{}", run.stderr);
}

#[test]
fn one_target_that_does_not_exist_among_others_is_2_and_named() {
    let project = Project::new().file("a.txt", "fine\n");
    let run = project.run("scan a.txt nowhere");
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("nowhere"), "{}", run.stderr);
}

#[test]
fn a_sha_256_repository_is_scanned_or_refused_by_name() {
    let mut repo = Repo::with_format("sha256");
    repo.commit("a.env", leak(1));
    let run = scan(repo.path(), "");
    assert!(run.code == 1 || (run.code == 2 && run.stderr.contains("SHA-256")), "{}: {}", run.code, run.stderr);
}

#[test]
fn a_renamed_and_edited_file_is_no_hole_in_the_index_or_in_history() {
    let mut repo = Repo::new();
    let body = "one\ntwo\nthree\nfour\nfive\nsix\n";
    repo.commit("old.txt", body).rename("old.txt", "new.txt").write("new.txt", format!("{body}{}", leak(1))).stage();
    let run = scan(repo.path(), "--staged");
    assert_eq!((run.code, secrets(&run)), (1, 1), "{}", run.stderr);
    repo.commit_all("rename and edit").commit("new.txt", body);
    let run = scan(repo.path(), "");
    assert_eq!((run.code, secrets(&run)), (1, 1), "{}", run.stderr);
    assert_eq!(run.lines("finding")[0]["path"], "new.txt");
}

#[test]
fn a_secret_only_in_the_resolution_of_a_merge_is_found_by_history_and_by_range() {
    let mut repo = Repo::new();
    repo.commit("a", "base\n");
    let base = repo.id("HEAD");
    repo.branch("side").commit("a", "side\n").checkout("main").commit("a", "main\n");
    repo.merge_resolved("side", "a", &leak(1)).commit("a", "clean\n");
    for args in [String::new(), format!("--range {base}..HEAD")] {
        let run = scan(repo.path(), &args);
        assert_eq!((run.code, secrets(&run)), (1, 1), "{args}: {}", run.stderr);
    }
}

#[test]
fn a_side_branch_older_than_the_base_is_in_the_range() {
    let mut repo = Repo::new();
    repo.commit("start", "1\n").branch("side").commit("old.env", leak(1)).checkout("main").commit("m", "2\n");
    let base = repo.id("HEAD");
    repo.branch("pull").commit("new.env", leak(2)).merge("side");
    let run = scan(repo.path(), &format!("--range {base}..HEAD"));
    assert_eq!((run.code, secrets(&run)), (1, 2), "{}", run.stderr);
}

#[test]
fn a_secret_of_many_lines_split_over_hunks_is_found() {
    let mut repo = Repo::new();
    let (begin, end) = (["-----BEGIN", "PRIVATE KEY-----\n"].join(" "), ["-----END", "PRIVATE KEY-----\n"].join(" "));
    let lines: Vec<String> = (0..8).map(|line| format!("{}\n", random(64, line))).collect();
    repo.commit("key.pem", format!("{begin}{}{end}", lines[2..6].concat().replace(&lines[3], "")));
    // The first and the last lines come later, each in a hunk of its own.
    repo.commit("key.pem", format!("{begin}{}{end}", lines.concat())).commit("key.pem", "gone\n").pack();
    let run = scan(repo.path(), "--range HEAD~2..HEAD~1");
    assert_eq!((run.code, secrets(&run)), (1, 1), "{}", run.stderr);
    let found = run.lines("finding");
    let (first, last) = (found[0]["line"].as_u64().unwrap(), found[0]["end_line"].as_u64().unwrap());
    assert!(first <= 2 && last >= 8, "the whole key: {first}..{last}");
}

#[test]
fn what_no_branch_leads_to_is_found() {
    let mut repo = Repo::new();
    repo.commit("a", "1\n").commit("a", leak(1));
    repo.git(["reset", "-q", "--hard", "HEAD~1"]);
    let run = scan(repo.path(), "");
    assert_eq!((run.code, secrets(&run)), (1, 1), "the reflog or the object itself: {}", run.stderr);
    repo.git(["reflog", "expire", "--expire=now", "--all"]);
    let run = scan(repo.path(), "");
    assert_eq!((run.code, secrets(&run)), (1, 1), "an object that nothing names: {}", run.stderr);
}

#[test]
fn stash_notes_tags_and_messages_are_each_found() {
    type Plant = fn(&mut Repo, &str);
    let table: &[(&str, Plant)] = &[
        ("a stash", |repo, text| _ = repo.write("a", text).stash()),
        ("a note", |repo, text| _ = repo.note(text)),
        ("a tag's message", |repo, text| _ = repo.tag("v1", text)),
        ("a commit's message", |repo, text| _ = repo.commit_all(text)),
    ];
    for (name, plant) in table {
        let mut repo = Repo::new();
        repo.commit("a", "1\n");
        plant(&mut repo, &leak(1));
        let run = scan(repo.path(), "");
        assert_eq!((run.code, secrets(&run)), (1, 1), "{name}: {}", run.stderr);
    }
}

#[test]
fn a_blob_seen_many_times_is_scanned_once() {
    let mut repo = Repo::new();
    repo.commit("a.env", leak(1)).commit("copy/b.env", leak(1)).commit("a.env", "clean\n").commit("a.env", leak(1));
    let run = scan(repo.path(), "--history all");
    assert_eq!(secrets(&run), 1);
    let paths: std::collections::BTreeSet<String> =
        run.lines("finding").iter().map(|f| f["path"].to_string()).collect();
    assert_eq!(paths.len(), 2, "{}", run.stdout);
}
