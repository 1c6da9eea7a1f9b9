//! Putting it right: what is written for rewriting a history really cleans it, and templates hold no value.

use crate::made::{random, token};
use crate::support::Repo;
use crate::{Project, run_in};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// `git filter-repo`: the one on the PATH, or the one that `.ci/run` installs.
fn filter_repo() -> Option<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/bin/git-filter-repo");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|folder| folder.join("git-filter-repo"));
    let found = on_path.chain([own]).find(|file| file.is_file());
    if found.is_none() {
        eprintln!("SKIPPED: git-filter-repo is not installed, rewriting a history is not tested");
    }
    found
}

/// A PEM block that is no key of anyone.
fn key() -> String {
    let lines: Vec<String> = (0..12).map(|seed| random(64, 70 + seed)).collect();
    ["-----BEGIN RSA", " PRIVATE KEY-----\n", &lines.join("\n"), "\n-----END RSA", " PRIVATE KEY-----\n"].concat()
}

/// Values that are hard to replace, in files that are gone from disk, and in a message.
fn leaking() -> Repo {
    let mut repo = Repo::new();
    let password = format!("x==>{}", random(14, 5));
    repo.commit("plain.env", format!("K={}\n", token(1)))
        .commit("key.pem", key())
        .commit("windows.pem", key().replace('\n', "\r\n"))
        .commit("arrow.py", format!("db_password = \"{password}\"\nother_password = \"{}.*$[a]\"\n", random(14, 6)))
        .commit("short.env", format!("DB_PASSWORD={}\nNAME=q7\n", ["q7#Z", "t2!x"].concat()))
        .commit("url.env", format!("DATABASE_URL=postgres://app:{}@db.internal:5432/app\n", random(9, 8)))
        .commit("code.b64", base64(&format!("HF_TOKEN={}\n", token(2))));
    for name in ["plain.env", "key.pem", "windows.pem", "arrow.py", "short.env", "url.env", "code.b64"] {
        repo.remove(name);
    }
    repo.commit_all(&format!("remove what {} opened", token(3)));
    repo
}

/// Base64 as programs print it.
fn base64(text: &str) -> String {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let bits = chunk.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        (0..4).for_each(|at| match at <= chunk.len() {
            true => out.push(char::from(alphabet[(bits >> (18 - 6 * at) & 63) as usize])),
            false => out.push('='),
        });
    }
    out + "\n"
}

#[test]
fn a_history_is_clean_after_git_filter_repo_ran_with_the_file() {
    let Some(tool) = filter_repo() else { return };
    let repo = leaking();
    let folder = repo.path().parent().unwrap();
    let before = run_in(repo.path(), "scan --format jsonl", b"");
    assert!(before.lines("finding").len() >= 8, "{}", before.stdout);
    let run = run_in(repo.path(), "scan --write-replacements ../replacements.txt", b"");
    assert_eq!(run.code, 1, "{}", run.stderr);
    for said in ["caution:", "Revoke or rotate every secret first", "--replace-message", "git push --force", "forks"] {
        assert!(run.stderr.contains(said), "{said}: {}", run.stderr);
    }
    assert!(!run.stderr.contains("not replaced"), "{}", run.stderr);
    let clone = repo.clone_with("cleaned.git", &["--mirror"]);
    let expressions = folder.join("replacements.txt");
    let output = Command::new(tool)
        .args(["--sensitive-data-removal", "--replace-text"])
        .arg(&expressions)
        .arg("--replace-message")
        .arg(&expressions)
        .current_dir(clone.path())
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let after = run_in(clone.path(), "scan --format jsonl .", b"");
    let expressions = fs::read_to_string(&expressions).unwrap();
    assert_eq!(after.code, 0, "{}\n{}\n{expressions}", after.stdout, after.stderr);
    // A word that only begins like a short value stays.
    assert_eq!(clone.git(["log", "--all", "--oneline", "-SNAME=q7", "--format=%s"]).lines().count(), 2);
}

#[test]
#[cfg(unix)]
fn the_file_of_replacements_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let repo = leaking();
    run_in(repo.path(), "scan --write-replacements .git/replacements.txt", b"");
    let file = repo.at(".git/replacements.txt");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(fs::read_to_string(file).unwrap().contains(&format!("literal:{}\n", token(1))));
}

#[test]
fn replacements_are_refused_where_they_would_leak_or_make_no_sense() {
    let repo = leaking();
    let table = [
        ("scan --write-replacements r.txt", "inside the git work tree"),
        ("scan --write-replacements none/r.txt", "cannot write none/r.txt"),
        ("scan --write-replacements .git/config", "exists"),
        ("scan --write-replacements ../r.txt . .", "one git repository"),
        ("scan --write-replacements ../r.txt -", "one git repository"),
    ];
    for (args, expected) in table {
        let run = run_in(repo.path(), args, b"");
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{args}");
        assert!(run.stderr.contains(expected), "{args}: {}", run.stderr);
    }
    assert!(!repo.at("r.txt").exists());
    let mut clean = Repo::new();
    clean.commit("a.txt", "nothing\n").write("new.env", format!("K={}\n", token(1)));
    let run = run_in(clean.path(), "scan --write-replacements ../r.txt", b"");
    assert!(run.stderr.contains("No secret that counts stands in the history"), "{}", run.stderr);
    assert!(!clean.at("../r.txt").exists());
}

#[test]
fn places_without_text_to_replace_are_named_with_their_blobs() {
    let mut repo = Repo::new();
    let packed = crate::archives::zip_stored(&[("inner.env", format!("K={}\n", token(1)).as_bytes())]);
    let wide: Vec<u8> = format!("K={}\n", token(2)).encode_utf16().flat_map(u16::to_le_bytes).collect();
    repo.commit("a.zip", packed).commit("wide.txt", [&b"\xff\xfe"[..], &wide].concat());
    let run = run_in(repo.path(), "scan --write-replacements ../r.txt", b"");
    assert_eq!(run.code, 1);
    for said in [
        "it is inside an archive",
        "the file is binary",
        "2 places not replaced",
        "--strip-blobs-with-ids",
        &repo.blob("HEAD", "a.zip"),
        &repo.blob("HEAD", "wide.txt"),
    ] {
        assert!(run.stderr.contains(said), "{said}: {}", run.stderr);
    }
    assert!(!repo.at("../r.txt").exists());
}

#[test]
fn a_template_keeps_names_and_comments_and_no_secret() {
    let text = format!(
        "# settings\nPORT=8080\nHF={}  # from the console\n# OLD={}\nexport SESSION_KEY=short\nCERT=\"{}\"\n",
        token(1),
        token(2),
        key()
    );
    let project = Project::new().file("app/.env", text).file("b.env", format!("K={}\n", token(3)));
    let project = project.file("b.env.template", "mine\n").file("sample.txt", format!("K={}\n", token(4)));
    let run = project.run("scan --write-env-templates");
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("app/.env.template written"), "{}", run.stderr);
    assert!(run.stderr.contains("b.env.template: exists"), "{}", run.stderr);
    let expected = "# settings\nPORT=8080\nHF= # from the console\n# OLD=\nexport SESSION_KEY=\nCERT=\n";
    assert_eq!(project.read("app/.env.template"), expected);
    assert_eq!(project.read("b.env.template"), "mine\n");
    assert!(!project.path().join("sample.txt.template").exists());
    let alone = project.run("scan app/.env --write-env-templates");
    assert!(alone.stderr.contains(".env.template: exists"), "{}", alone.stderr);
}
