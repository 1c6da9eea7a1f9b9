//! Measures and trains the score of generic assignments.
//!
//! ```text
//! cargo bench -p stopleak-core --bench score -- measure DIR…   ns per keyword and candidate, false alarms per million lines
//! cargo bench -p stopleak-core --bench score -- alarms DIR…    the same, and every alarm on a line
//! cargo bench -p stopleak-core --bench score -- train DIR…     fits the weights, writes trained.rs and the table in score.md
//! ```

use regex_automata::meta::Regex;
use regex_automata::util::syntax;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
#[path = "score/corpus.rs"]
mod corpus;
#[path = "score/fit.rs"]
mod fit;

use corpus::Dice;
use fit::Sample;
use std::collections::BTreeSet;
use std::fmt::Write;
use stopleak_core::detect::assignment::{Assignment, parse};
use stopleak_core::score::training::{COUNT, NAMES, REASONS, START, vector};
use stopleak_core::score::{Context, Kind, confidence, log_odds, path_evidence};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let folders: Vec<PathBuf> = arguments.iter().skip(1).map(PathBuf::from).collect();
    match arguments.first().map(String::as_str) {
        Some("measure") => measure(&folders, false),
        Some("alarms") => measure(&folders, true),
        Some("train") => train(&folders),
        _ => println!("score: give `measure DIR…`, `alarms DIR…` or `train DIR…`"),
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

/// How often a measured step runs: the fastest of five rounds counts, for the machine may be busy, and a round is long
/// enough for the clock. In the engine, too, the filter has just read the bytes.
const PASSES: u32 = ROUNDS * 8;
const ROUNDS: u32 = 5;

fn fastest(mut step: impl FnMut()) -> Duration {
    let mut run = |_| {
        let start = Instant::now();
        (0..PASSES / ROUNDS).for_each(|_| step());
        start.elapsed() * ROUNDS / PASSES
    };
    (0..ROUNDS).map(&mut run).min().unwrap_or_default()
}

/// A path below the folder that was given, as an engine reports it.
fn inner_path(path: &Path, folders: &[PathBuf]) -> String {
    let inner = folders.iter().find_map(|folder| path.strip_prefix(folder).ok());
    inner.unwrap_or(path).to_string_lossy().into_owned()
}

fn measure(folders: &[PathBuf], list: bool) {
    let (regex, texts) = (keywords(), texts(folders));
    let size: usize = texts.iter().map(|(_, bytes)| bytes.len()).sum();
    let lines: usize = texts.iter().map(|(_, bytes)| bytes.iter().filter(|b| **b == b'\n').count()).sum();
    let (mut count, mut looked) = (0, 0);
    let (mut parsing, mut scoring) = (Duration::ZERO, Duration::ZERO);
    let mut candidates = Vec::new();
    let mut scores = Vec::new();
    for (index, (_, bytes)) in texts.iter().enumerate() {
        let hits: Vec<_> = regex.find_iter(bytes).map(|found| found.range()).collect();
        count += hits.len();
        if hits.is_empty() {
            continue;
        }
        let first = candidates.len();
        parsing += fastest(|| {
            candidates.truncate(first);
            for hit in &hits {
                let parsed = parse(bytes, hit.clone());
                looked += parsed.looked.len();
                candidates.extend(parsed.assignments.iter().map(|found| (index, found.clone())));
            }
        });
        if candidates.len() == first {
            continue;
        }
        scoring += fastest(|| {
            scores.truncate(first);
            scores.extend(candidates[first..].iter().map(|(_, found)| log_odds(&context(bytes, found)).0));
        });
    }
    let mut alarms: Vec<(usize, usize, usize, f32)> = Vec::new();
    for ((index, found), score) in candidates.iter().zip(&scores) {
        let path: f32 =
            path_evidence(&inner_path(&texts[*index].0, folders)).iter().map(|evidence| evidence.weight).sum();
        let score = &(score + path);
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
        looked as f64 / PASSES as f64 / count.max(1) as f64
    );
    println!("log_odds  {:.1} ns a candidate", scoring.as_nanos() as f64 / candidates.len().max(1) as f64);
    let mut distinct: Vec<&[u8]> = alarms.iter().map(|(index, start, end, _)| &texts[*index].1[*start..*end]).collect();
    distinct.sort_unstable();
    distinct.dedup();
    println!("distinct  {} values, {:.1} a million lines", distinct.len(), distinct.len() as f64 * 1e6 / lines as f64);
    println!(
        "alarms    {} at 0.5, {:.1} a million lines",
        alarms.len(),
        alarms.len() as f64 * 1e6 / lines.max(1) as f64
    );
}

/// Fits the weights on generated secrets against the values of the code under `folders`.
fn train(folders: &[PathBuf]) {
    let regex = keywords();
    let mut dice = Dice(20);
    let mut samples = mined(&regex, folders, &mut dice);
    let negatives: f32 = samples.iter().filter(|sample| !sample.real).map(|sample| sample.weight).sum();
    let planted = samples.iter().filter(|sample| sample.real).count();
    let missed = generated(&regex, &mut samples, planted.max(4000), &mut dice);
    let reals = samples.iter().filter(|sample| sample.real).count() as f32;
    // Half as many secrets as other values, however many were generated.
    samples.iter_mut().filter(|sample| sample.real).for_each(|sample| sample.weight = negatives / 2.0 / reals);
    let held_out: Vec<(f32, &Sample)> = (0..5)
        .flat_map(|fold| {
            let weights = fit::fit(samples.iter().filter(|sample| sample.fold % 5 != fold), &START);
            samples.iter().filter(move |s| s.fold % 5 == fold).map(move |s| (fit::predict(s, &weights), s))
        })
        .collect();
    let weights = fit::fit(samples.iter(), &START);
    let base = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    fs::write(format!("{base}/scanner-core/src/score/trained.rs"), table(&weights))
        .expect("the source folder is writable");
    let report = report(&held_out, missed);
    fs::write(format!("{base}/benches/score.md"), &report).expect("the benches folder is writable");
    println!("{report}");
    for (index, name) in NAMES.iter().enumerate() {
        println!("{name:18} {:>7.2} {:>7.2}  {}", START[index], weights[index], REASONS[index]);
    }
}

/// The values of real code, none of them taken for a secret, and generated secrets in the places of some of them.
fn mined(regex: &Regex, folders: &[PathBuf], dice: &mut Dice) -> Vec<Sample> {
    let (mut samples, mut seen) = (Vec::new(), BTreeSet::new());
    for folder in folders {
        for (path, bytes) in texts(std::slice::from_ref(folder)) {
            let group = path.strip_prefix(folder).unwrap_or(&path).components().nth(if folder.ends_with("src") {
                1
            } else {
                0
            });
            let fold = group.map_or(0, |name| {
                name.as_os_str().as_encoded_bytes().iter().fold(7u64, |h, b| h.wrapping_mul(31) + u64::from(*b))
            });
            for hit in regex.find_iter(&bytes).map(|found| found.range()) {
                for found in parse(&bytes, hit).assignments.iter() {
                    if seen.insert((bytes[found.key.clone()].to_vec(), bytes[found.value.clone()].to_vec())) {
                        let features = vector(&context(&bytes, found));
                        let score: f32 = features.iter().zip(&START).map(|(a, b)| a * b).sum();
                        // What looks like a secret in every respect may be one: it counts for little.
                        let weight = if score > 1.5 { 0.2 } else { 1.0 };
                        samples.push(Sample { features, real: false, weight, fold, kind: "mined" });
                        samples.extend(planted(&bytes, found, fold, dice));
                    }
                }
            }
        }
    }
    samples
}

/// A generated secret in the place of a real value whose name is a credential's.
fn planted(bytes: &[u8], found: &Assignment, fold: u64, dice: &mut Dice) -> Option<Sample> {
    let key = String::from_utf8_lossy(&bytes[found.key.clone()]).to_lowercase();
    let ends = [
        "password",
        "passwd",
        "secret",
        "token",
        "api_key",
        "apikey",
        "secret_key",
        "access_key",
        "private_key",
        "salt",
        "auth",
        "_key",
    ];
    let password = key.ends_with("password") || key.ends_with("passwd");
    if !ends.iter().any(|end| key.ends_with(end))
        || key.starts_with("get")
        || key.starts_with("is")
        || dice.below(2) == 0
    {
        return None;
    }
    let (kind, value) = corpus::secret(dice, password);
    let text = [&bytes[..found.value.start], value.as_bytes(), &bytes[found.value.end..]].concat();
    let value = found.value.start..found.value.start + value.len();
    let found = Assignment { key: found.key.clone(), value, syntax: found.syntax };
    (found.key.end <= found.value.start).then(|| Sample {
        features: vector(&context(&text, &found)),
        real: true,
        weight: 1.0,
        fold,
        kind,
    })
}

/// Adds secrets in generated lines; how many of them no assignment was found for.
fn generated(regex: &Regex, samples: &mut Vec<Sample>, count: usize, dice: &mut Dice) -> usize {
    let mut missed = 0;
    for index in 0..count {
        let (kind, text, value) = corpus::line(dice);
        let hits = regex.find_iter(&text).map(|found| found.range());
        let found = hits.flat_map(|hit| parse(&text, hit).assignments.to_vec()).find(|found| found.value == value);
        match found {
            Some(found) => {
                let features = vector(&context(&text, &found));
                samples.push(Sample { features, real: true, weight: 1.0, fold: index as u64, kind });
            }
            None => {
                missed += 1;
                if missed <= 20 {
                    println!("no assignment: {}", String::from_utf8_lossy(&text).replace('\n', "⏎"));
                }
            }
        }
    }
    missed
}

fn table(weights: &[f32; COUNT]) -> String {
    let mut text = String::from(
        "//! Trained weights of generic assignments. Written by `cargo bench -p stopleak-core --bench score -- train …`;\n\
         //! `benches/score.md` says how well they hold.\n\nuse super::features::{COUNT, Feature::*};\nuse super::weights::table;\n\n\
         /// For values on a name that sounds like a credential.\n#[allow(clippy::approx_constant)] // a weight may come near π\npub static GENERIC: [f32; COUNT] = table(&[\n",
    );
    for (name, weight) in NAMES.iter().zip(weights) {
        let _ = writeln!(text, "    ({name}, {weight:.2}),");
    }
    text + "]);\n"
}

/// How often candidates of each confidence are secrets, on folds the weights were not fitted to.
fn report(held_out: &[(f32, &Sample)], missed: usize) -> String {
    let mut text = String::from(
        "# How well the score of generic assignments holds\n\nWritten by `cargo bench -p stopleak-core --bench score -- train DIR…` \
         on folds the weights were not fitted to.\n\n| confidence | candidates | secrets | share |\n|---|---|---|---|\n",
    );
    for step in 0..10 {
        let low = step as f32 / 10.0;
        let inside = held_out.iter().filter(|(p, _)| *p >= low && (*p < low + 0.1 || step == 9));
        let (mut all, mut real) = (0.0, 0.0);
        for (_, sample) in inside {
            all += sample.weight;
            real += if sample.real { sample.weight } else { 0.0 };
        }
        let share = if all > 0.0 { real / all } else { 0.0 };
        let _ = writeln!(text, "| {low:.1}–{:.1} | {all:.0} | {real:.0} | {share:.2} |", low + 0.1);
    }
    let kinds: BTreeSet<&str> = held_out.iter().map(|(_, sample)| sample.kind).collect();
    text += "\n| value | count | at 0.5 or more | at 0.9 or more |\n|---|---|---|---|\n";
    for kind in kinds {
        let of_kind: Vec<f32> = held_out.iter().filter(|(_, s)| s.kind == kind).map(|(p, _)| *p).collect();
        let share = |gate: f32| of_kind.iter().filter(|p| **p >= gate).count() as f32 * 100.0 / of_kind.len() as f32;
        let _ = writeln!(text, "| {kind} | {} | {:.1} % | {:.1} % |", of_kind.len(), share(0.5), share(0.9));
    }
    let _ = writeln!(text, "\n{missed} generated lines gave no assignment.");
    text
}
