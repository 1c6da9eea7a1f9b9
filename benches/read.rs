//! The floor of a history scan: reads every blob of a repository and does nothing with it.
//!
//! `STOPLEAK_BENCH_REPO=path/to/.git STOPLEAK_BENCH_THREADS=2 cargo bench --bench read`

use std::path::PathBuf;
use std::time::Instant;

use stopleak_core::source::git::objects::{Kinds, Limits, Objects, Visit, Visitor};

struct Nothing;

impl Visitor for Nothing {
    type State = ();

    fn visit(&mut self, object: &Visit<'_, ()>, (): &mut ()) {
        std::hint::black_box(object.bytes);
    }
}

fn main() {
    let Some(repository) = std::env::var_os("STOPLEAK_BENCH_REPO") else {
        println!("set STOPLEAK_BENCH_REPO to a git directory");
        return;
    };
    let threads = std::env::var("STOPLEAK_BENCH_THREADS").ok().and_then(|threads| threads.parse().ok()).unwrap_or(1);
    let kinds = if std::env::var_os("STOPLEAK_BENCH_ALL").is_some() { Kinds::ALL } else { Kinds::BLOBS };
    let start = Instant::now();
    let objects =
        Objects::open(&PathBuf::from(repository).join("objects"), &[], Limits::default()).expect("a git directory");
    let opened = start.elapsed();
    let walked = objects.walk(kinds, &|_| true, threads, &|| Nothing);
    let took = (start.elapsed() - opened).as_secs_f64();
    println!(
        "{} objects opened in {:.3} s, {} visited, {:.1} MB in {took:.3} s on {threads} threads: {:.0} MB/s, {} warnings",
        objects.len(),
        opened.as_secs_f64(),
        walked.objects,
        walked.bytes as f64 / 1e6,
        walked.bytes as f64 / 1e6 / took,
        objects.warnings().len() + walked.warnings.len(),
    );
    for warning in objects.warnings().iter().chain(&walked.warnings).take(3) {
        println!("  {warning}");
    }
}
