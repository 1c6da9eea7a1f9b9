//! Whole scans of files and histories: processor time, wall time, megabytes a second, what was found.
//!
//! `cargo bench -p stopleak-core --bench scan -- PATH…`: a repository is scanned with its whole history, then its files
//! alone; `STOPLEAK_BENCH_THREADS=1,2` are the thread counts compared. `STOPLEAK_BENCH_VAULT=0,1000` scans each with the index
//! of a vault of so many values, too.

#[path = "support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use stopleak_core::rule::example::{Random, expand};
use stopleak_core::scan::{History, Request, Target, scan};
use stopleak_core::vaulted::{self, About, Key, Known, Place};
use stopleak_core::{RuleSet, Secret};
use support::{measure, rate};

fn main() {
    let paths: Vec<PathBuf> = std::env::args_os().skip(1).filter(|a| a != "--bench").map(PathBuf::from).collect();
    if paths.is_empty() {
        return println!("scan: give paths of repositories, folders or files");
    }
    let threads = std::env::var("STOPLEAK_BENCH_THREADS").unwrap_or_else(|_| "1,2".into());
    let vaults = std::env::var("STOPLEAK_BENCH_VAULT").unwrap_or_else(|_| "0".into());
    let vaults = vaults.split(',').filter_map(|n| n.trim().parse().ok());
    let rules: Vec<(usize, Arc<RuleSet>)> = vaults.map(|values| (values, rules(values))).collect();
    println!("| target | what | threads | vault | CPU s | wall s | MB | MB/s of wall | blobs | findings | unscanned |");
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    for path in &paths {
        let has_history = path.join(".git").exists() || path.join("objects").exists();
        for history in [History::Everything, History::None] {
            if history == History::Everything && !has_history {
                continue;
            }
            for threads in threads.split(',').filter_map(|n| n.trim().parse().ok()) {
                rules.iter().for_each(|(values, rules)| row(path, history.clone(), threads, *values, rules));
            }
        }
    }
}

/// The embedded rules with the index of a vault of `count` values: half tokens, half passwords.
fn rules(count: usize) -> Arc<RuleSet> {
    let key = Key::of(&[1; 32]).expect("a key has 32 bytes");
    let mut random = Random::new(7);
    let known = |number: usize| {
        let template =
            ["acme_<base62:36>", "<base62:8>", "<base62:12>-<lower:4>", "postgres://app:<base62:20>@db.internal/app"];
        let value = expand(template[number % template.len()], random.draw()).expect("templates are right");
        let (vault, entry, field, version) = ("bench".into(), format!("app/{number}"), "password".into(), "1".into());
        let place = Place { vault, entry, field, version, current: true };
        Known { value: Secret::new(value.as_bytes()), is_word: false, place }
    };
    let values: Vec<Known> = (0..count).map(known).collect();
    let index = vaulted::write(&key, [0; 16], values, About::default());
    let values = vaulted::read(&index, &key).expect("it was just written");
    if count == 0 { RuleSet::embedded() } else { RuleSet::embedded().with_vaulted(Arc::new(values)) }
}

fn row(path: &Path, history: History, threads: usize, values: usize, rules: &Arc<RuleSet>) {
    let what = if history == History::None { "files" } else { "history and files" };
    let request =
        Request { history, threads, rules: rules.clone(), ..Request::new(vec![Target::Path(path.to_path_buf())]) };
    let (outcome, cpu, wall) = measure(|| scan(&request));
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    match outcome {
        Ok(outcome) => {
            let summary = &outcome.summary;
            let unscanned = summary.warnings.iter().filter(|warning| warning.unscanned).count();
            println!(
                "| {name} | {what} | {threads} | {values} | {cpu:.2} | {wall:.2} | {:.1} | {:.0} | {} | {} | {unscanned} |",
                summary.bytes as f64 / 1e6,
                rate(summary.bytes as usize, wall),
                summary.blobs,
                summary.findings,
            );
        }
        Err(error) => println!("| {name} | {what} | {threads} | {values} | {error} |"),
    }
}
