//! Measures and trains the score of generic assignments.
//!
//! ```text
//! cargo bench -p stopleak-core --bench score -- measure DIR…   ns per keyword and candidate, false alarms per million lines
//! cargo bench -p stopleak-core --bench score -- alarms DIR…    the same, and every alarm on a line
//! ```

use regex_automata::meta::Regex;
use regex_automata::util::syntax;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;
use stopleak_core::detect::assignment::parse;
use stopleak_core::score::{Context, Kind, confidence, log_odds};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let folders: Vec<PathBuf> = arguments.iter().skip(1).map(PathBuf::from).collect();
    match arguments.first().map(String::as_str) {
        Some("measure") => measure(&folders, false),
        Some("alarms") => measure(&folders, true),
        _ => println!("score: give `measure DIR…` or `alarms DIR…`"),
    }
}

/// The keywords of `rules/generic/assignments.toml` as one pattern, longest first.
fn keywords() -> Regex {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../rules/generic/assignments.toml");
    let text = fs::read_to_string(path).expect("the rule file is in the repository");
    let rules: toml::Table = text.parse().expect("the rule file is valid TOML");
    let rules = rules["rule"].as_array().expect("the file has rules");
    let mut words: Vec<String> = Vec::new();
    for rule in rules {
        let keywords = rule["keywords"].as_array().expect("each rule has keywords");
        words.extend(keywords.iter().filter_map(|word| word.as_str()).map(str::to_owned));
    }
    words.sort_by_key(|word| (std::cmp::Reverse(word.len()), word.clone()));
    let pattern = words.join("|").replace('_', "[-_. ]?");
    let config = syntax::Config::new().unicode(false).utf8(false).case_insensitive(true);
    Regex::builder().syntax(config).build(&pattern).expect("keywords make a pattern")
}

/// Every readable text file under the folders, in order.
fn texts(folders: &[PathBuf]) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for folder in folders {
        for entry in
            ignore::WalkBuilder::new(folder).standard_filters(false).sort_by_file_path(Path::cmp).build().flatten()
        {
            let is_file = entry.file_type().is_some_and(|kind| kind.is_file());
            let Some(bytes) = is_file.then(|| fs::read(entry.path()).ok()).flatten() else { continue };
            if bytes.len() < 4 << 20 && !bytes[..bytes.len().min(4096)].contains(&0) {
                found.push((entry.into_path(), bytes));
            }
        }
    }
    found
}

fn context<'a>(bytes: &'a [u8], found: &Assignment) -> Context<'a> {
    let (secret, key, syntax) = (found.value.clone(), Some(found.key.clone()), Some(found.syntax));
    Context { bytes, secret, key, syntax, kind: Kind::Generic }
}

/// How often a measured step runs; the fastest counts, for the machine may be busy. In the engine, too, the filter has just
/// read the bytes.
const PASSES: u32 = 6;

fn fastest(mut step: impl FnMut()) -> Duration {
    let run = |_| {
        let start = Instant::now();
        step();
        start.elapsed()
    };
    (0..PASSES).map(run).min().unwrap_or_default()
}

fn measure(folders: &[PathBuf], list: bool) {
    let (regex, texts) = (keywords(), texts(folders));
    let size: usize = texts.iter().map(|(_, bytes)| bytes.len()).sum();
    let lines: usize = texts.iter().map(|(_, bytes)| bytes.iter().filter(|b| **b == b'\n').count()).sum();
    let hits: Vec<_> =
        texts.iter().map(|(_, bytes)| regex.find_iter(bytes).map(|m| m.range()).collect::<Vec<_>>()).collect();
    let count: usize = hits.iter().map(Vec::len).sum();

    let start = Instant::now();
    let mut candidates = Vec::new();
    let mut scores = Vec::new();
    for (index, (_, bytes)) in texts.iter().enumerate() {
        let hits: Vec<_> = regex.find_iter(bytes).map(|found| found.range()).collect();
        count += hits.len();
        let first = candidates.len();
        parsing += fastest(|| {
            candidates.truncate(first);
            for hit in &hits {
                let parsed = parse(bytes, hit.clone());
                looked += parsed.looked.len();
                candidates.extend(parsed.assignments.iter().map(|found| (index, found.clone())));
            }
        });
        scoring += fastest(|| {
            scores.truncate(first);
            scores.extend(candidates[first..].iter().map(|(_, found)| log_odds(&context(bytes, found)).0));
        });
    }
    let mut alarms: Vec<(usize, usize, usize, f32)> = Vec::new();
    for ((index, found), score) in candidates.iter().zip(&scores) {
        if *score > 0.0 {
            alarms.push((*index, found.value.start, found.value.end, *score));
        }
    }
    alarms.sort_by_key(|alarm| (alarm.0, alarm.1));
    alarms.dedup_by_key(|alarm| (alarm.0, alarm.1));
    if list {
        for (index, start, end, score) in &alarms {
            let (path, bytes) = &texts[*index];
            let from =
                bytes[..*start].iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1).max(start.saturating_sub(60));
            println!(
                "{:.2} {} «{}»  {}",
                confidence(*score).0,
                path.display(),
                String::from_utf8_lossy(&bytes[*start..*end]),
                String::from_utf8_lossy(&bytes[from..(*end + 10).min(bytes.len())]).replace('\n', "⏎")
            );
        }
    }
    println!(
        "{} files, {:.1} MB, {lines} lines, {count} keyword hits, {} candidates",
        texts.len(),
        size as f64 / 1e6,
        candidates.len()
    );
    println!(
        "parse     {:.1} ns a hit, {:.1} bytes looked at",
        parsing.as_nanos() as f64 / count.max(1) as f64,
        looked as f64 / count.max(1) as f64
    );
    println!("log_odds  {:.1} ns a candidate", scoring.as_nanos() as f64 / candidates.len().max(1) as f64);
    println!(
        "alarms    {} at 0.5, {:.1} a million lines",
        alarms.len(),
        alarms.len() as f64 * 1e6 / lines.max(1) as f64
    );
}
