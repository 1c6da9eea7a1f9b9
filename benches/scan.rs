//! Whole scans of files and histories: processor time, wall time, megabytes a second, what was found.
//!
//! `cargo bench -p stopleak-core --bench scan -- PATH…`: a repository is scanned with its whole history, then its files
//! alone; `STOPLEAK_BENCH_THREADS=1,2` are the thread counts compared.

#[path = "support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};
use stopleak_core::scan::{History, Request, Target, scan};
use support::{measure, rate};

fn main() {
    let paths: Vec<PathBuf> = std::env::args_os().skip(1).filter(|a| a != "--bench").map(PathBuf::from).collect();
    if paths.is_empty() {
        return println!("scan: give paths of repositories, folders or files");
    }
    let threads = std::env::var("STOPLEAK_BENCH_THREADS").unwrap_or_else(|_| "1,2".into());
    println!("| target | what | threads | CPU s | wall s | MB | MB/s of wall | blobs | findings | unscanned |");
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for path in &paths {
        let has_history = path.join(".git").exists() || path.join("objects").exists();
        for history in [History::Everything, History::None] {
            if history == History::Everything && !has_history {
                continue;
            }
            threads.split(',').filter_map(|n| n.trim().parse().ok()).for_each(|n| row(path, history.clone(), n));
        }
    }
}

fn row(path: &Path, history: History, threads: usize) {
    let what = if history == History::None { "files" } else { "history and files" };
    let request = Request { history, threads, ..Request::new(vec![Target::Path(path.to_path_buf())]) };
    let (outcome, cpu, wall) = measure(|| scan(&request));
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    match outcome {
        Ok(outcome) => {
            let summary = &outcome.summary;
            let unscanned = summary.warnings.iter().filter(|warning| warning.unscanned).count();
            println!(
                "| {name} | {what} | {threads} | {cpu:.2} | {wall:.2} | {:.1} | {:.0} | {} | {} | {unscanned} |",
                summary.bytes as f64 / 1e6,
                rate(summary.bytes as usize, wall),
                summary.blobs,
                summary.findings,
            );
        }
        Err(error) => println!("| {name} | {what} | {threads} | {error} |"),
    }
}
