//! A module uses only the modules above it in lib.rs, and foreign types stay where they belong.

use std::fs;
use std::path::{Path, PathBuf};

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder is there").flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn modules() -> Vec<String> {
    let text = fs::read_to_string(root().join("lib.rs")).expect("lib.rs is there");
    let names = text.lines().filter_map(|line| line.strip_prefix("pub mod ")?.split(';').next());
    names.map(str::to_owned).collect()
}

/// Every `crate::x` of a file, except in its comments.
fn uses(text: &str) -> Vec<String> {
    let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut names = Vec::new();
    for after in code.split("crate::").skip(1) {
        let heads: Vec<&str> = match after.strip_prefix('{') {
            Some(list) => list.split('}').next().unwrap_or_default().split(',').collect(),
            None => vec![after],
        };
        for head in heads {
            let name: String = head.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            names.push(name);
        }
    }
    names
}

#[test]
fn a_module_uses_only_the_modules_above_it() {
    let modules = modules();
    assert!(modules.len() > 10, "{modules:?}");
    let place = |name: &str| modules.iter().position(|module| module == name);
    let mut upward = Vec::new();
    for file in sources(&root()) {
        let relative = file.strip_prefix(root()).expect("below src");
        let first = relative.components().next().expect("a file has a name").as_os_str().to_string_lossy().into_owned();
        let Some(own) = place(first.trim_end_matches(".rs")) else { continue };
        for used in uses(&fs::read_to_string(&file).expect("it can be read")) {
            if place(&used).is_some_and(|used| used > own) {
                upward.push(format!("{} uses crate::{used}", relative.display()));
            }
        }
    }
    assert!(upward.is_empty(), "{}", upward.join("\n"));
}

#[test]
fn foreign_types_stay_behind_their_module() {
    let homes = [
        ("gix::", "source/git"),
        ("serde_sarif", "report/sarif"),
        ("ignore::", "source/files"),
        ("clap", "-"),
        ("reqwest", "http/"),
        ("rustls", "http/"),
    ];
    for file in sources(&root()) {
        let relative = file.strip_prefix(root()).expect("below src").to_string_lossy().into_owned();
        let text = fs::read_to_string(&file).expect("it can be read");
        for (name, home) in homes {
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            let is_used =
                code.clone().any(|line| line.contains(&format!("use {name}")) || line.contains(&format!(" {name}")));
            assert!(!is_used || relative.starts_with(home), "{relative} uses {name}, which belongs in {home}");
        }
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    for file in sources(&root()) {
        let text = fs::read_to_string(&file).expect("it can be read");
        assert!(text.starts_with("//! "), "{} has no header", file.display());
    }
}
