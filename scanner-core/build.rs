//! Reads `rules/`, lints every rule and embeds one pack; a bad rule fails the build at its line.

#[allow(dead_code, unused_imports)]
#[path = "src/rule/mod.rs"]
mod rule;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{env, fs, process};

/// Multipliers tried for the filter's hash: more are slower to build and hardly better.
const TRIES: usize = 400;

fn main() {
    // A packaged crate holds them itself: `rules` beside this file is a link.
    let package = PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("set by cargo"));
    let root = ["../rules", "rules"].map(|folder| package.join(folder)).into_iter().find(|folder| folder.is_dir());
    let root = root.unwrap_or_else(|| fail("rules: no such folder"));
    let mut files = Vec::new();
    for folder in ["providers", "generic", "practices"] {
        println!("cargo::rerun-if-changed={}", root.join(folder).display());
        let entries = fs::read_dir(root.join(folder)).unwrap_or_else(|error| fail(&format!("rules/{folder}: {error}")));
        let toml =
            entries.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "toml"));
        let mut sorted: Vec<PathBuf> = toml.collect();
        sorted.sort();
        files.extend(sorted.into_iter().map(|path| (folder, path)));
    }
    println!("cargo::rerun-if-changed=src/rule");
    let (mut rules, mut exchanges, mut complaints) = (Vec::new(), BTreeMap::new(), Vec::new());
    for (folder, path) in &files {
        let name = format!("rules/{folder}/{}", path.file_name().expect("a file has a name").to_string_lossy());
        let text = fs::read_to_string(path).unwrap_or_else(|error| fail(&format!("{name}: {error}")));
        let checked = rule::check::check_whole_file(&name, &text)
            .and_then(|checked| rule::check::check_embedded(&name, &checked).map(|()| checked));
        match checked {
            Ok(checked) => rules.extend(checked.rules.into_iter().map(|checked| {
                if !checked.exchanges.is_empty() {
                    exchanges.insert(checked.rule.id.clone(), checked.exchanges);
                }
                checked.rule
            })),
            Err(errors) => complaints.push(errors.to_string()),
        }
    }
    if let Err(message) = rule::check::check_set(&rules) {
        complaints.push(format!("rules: {message}"));
    }
    if rules.is_empty() && complaints.is_empty() {
        complaints.push("rules: no rule was found".into());
    }
    if !complaints.is_empty() {
        fail(&complaints.join("\n"));
    }
    let plan = rule::plan::make(&rules, TRIES);
    println!("cargo::rerun-if-changed={}", root.join("allowlist.toml").display());
    let text = fs::read_to_string(root.join("allowlist.toml"));
    let text = text.unwrap_or_else(|error| fail(&format!("rules/allowlist.toml: {error}")));
    let known = rule::known::KnownValues::parse(&text);
    let known = known.unwrap_or_else(|error| fail(&format!("rules/allowlist.toml: {error}")));
    write("known.pack", &postcard::to_stdvec(&known).expect("known values are plain data"));
    write("rules.pack", &postcard::to_stdvec(&(rules, plan)).expect("rules are plain data"));
    // Apart: a scan that asks no provider need not read them.
    write("exchanges.pack", &postcard::to_stdvec(&exchanges).expect("exchanges are plain data"));
}

fn write(name: &str, pack: &[u8]) {
    let out = Path::new(&env::var("OUT_DIR").expect("set by cargo")).join(name);
    fs::write(out, pack).unwrap_or_else(|error| fail(&format!("cannot write {name}: {error}")));
}

fn fail(message: &str) -> ! {
    eprintln!("{message}");
    process::exit(1)
}
