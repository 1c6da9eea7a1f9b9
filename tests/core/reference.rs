//! The engine against each rule's own expression: whatever an ordinary search finds and the boundary rule allows, the
//! filter and the anchored verification must have found, too.

use regex_automata::meta::Regex;
use regex_automata::util::syntax;
use regex_automata::{Input, meta};
use std::ops::Range;
use std::path::{Path, PathBuf};
use stopleak_core::detect::{Candidate, Engine, Judge, State, Worker};
use stopleak_core::rule::check::check_file;
use stopleak_core::rule::example::{Random, expand};
use stopleak_core::rule::{Edge, Form, Pattern, Rule};
use stopleak_core::source::git::objects::{Kinds, Limits, Objects, Visit, Visitor};
use stopleak_core::{RuleSet, rule_set};

/// Keeps every candidate.
struct Everything;

impl Judge for Everything {
    fn judge(&mut self, _: &[u8], _: &Rule, candidate: &Candidate) -> (f32, Range<usize>) {
        (0.0, candidate.secret())
    }
}

/// A rule's expression, searched for as anybody would.
struct Reference {
    rule: u16,
    id: String,
    regex: Regex,
    pattern: Pattern,
    at_least: [u16; 3],
}

fn references(set: &RuleSet) -> Vec<Reference> {
    let compile = |pattern: &Pattern| {
        let config = meta::Config::new().utf8_empty(false).nfa_size_limit(None);
        let syntax = syntax::Config::new().utf8(false).unicode(false).nest_limit(64);
        meta::Builder::new().syntax(syntax).configure(config).build(&pattern.source).expect("patterns are checked")
    };
    let reference = |(rule, known): (usize, &std::sync::Arc<Rule>)| match &known.form {
        Form::Pattern(pattern) => Some(Reference {
            rule: rule as u16,
            id: known.id.clone(),
            regex: compile(pattern),
            pattern: pattern.clone(),
            at_least: known.at_least,
        }),
        _ => None,
    };
    set.rules().iter().enumerate().filter_map(reference).collect()
}

impl Reference {
    /// Every match that stands alone, as the bytes of the secret in it.
    fn matches(&self, text: &[u8]) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        let mut from = 0;
        while let Some(span) = self.regex.search(&Input::new(text).span(from..text.len())) {
            let span = span.range();
            // A match that the boundary forbids may hide another that begins inside it.
            from = span.start + 1;
            if self.stands_alone(text, &span) {
                from = span.end.max(from);
                found.extend(self.secret(text, span));
            }
        }
        found
    }

    /// The boundary rule in its plain half: no letter or digit before, nothing of its own alphabet after.
    fn stands_alone(&self, text: &[u8], span: &Range<usize>) -> bool {
        let before = span.start.checked_sub(1).map(|at| text[at]);
        let joins = before.is_some_and(|byte| byte.is_ascii_alphanumeric()) && text[span.start].is_ascii_alphanumeric();
        let begins = self.pattern.left == Edge::None || !joins;
        begins && !text.get(span.end).is_some_and(|&next| self.pattern.right.contains(next))
    }

    /// The secret of a match, unless it has too few digits or letters of some kind.
    fn secret(&self, text: &[u8], span: Range<usize>) -> Option<Range<usize>> {
        let mut captures = self.regex.create_captures();
        self.regex.search_captures(&Input::new(text).span(span.clone()), &mut captures);
        let secret = captures.get_group_by_name("secret").map_or(span, |group| group.range());
        let count = |is: fn(&u8) -> bool| text[secret.clone()].iter().filter(|byte| is(byte)).count();
        let counts = [count(u8::is_ascii_digit), count(u8::is_ascii_uppercase), count(u8::is_ascii_lowercase)];
        counts.iter().zip(self.at_least).all(|(has, least)| *has >= least.into()).then_some(secret)
    }

    /// Matches that no candidate of the rule overlaps.
    fn missed(&self, text: &[u8], candidates: &[Candidate]) -> Vec<Range<usize>> {
        let overlaps = |found: &Range<usize>| {
            let own = candidates.iter().filter(|candidate| candidate.rule == self.rule);
            own.map(Candidate::secret).any(|secret| secret.start < found.end && found.start < secret.end)
        };
        self.matches(text).into_iter().filter(|found| !overlaps(found)).collect()
    }
}

/// Compares one text; returns how many matches there were, and adds what was missed.
fn compare(
    references: &[Reference],
    worker: &mut Worker<Everything>,
    name: &str,
    text: &[u8],
    missed: &mut Vec<String>,
) -> usize {
    let mut state = State::default();
    worker.scan(text, &mut state);
    for reference in references {
        for range in reference.missed(text, state.candidates()) {
            missed.push(format!("{} at {}..{} of {name}", reference.id, range.start, range.end));
        }
    }
    state.candidates().len()
}

/// Examples of every rule, each between others and in different surroundings.
fn planted() -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../rules");
    let between: &[(&str, &str)] = &[("", "\n"), ("x = \"", "\"\n"), ("<v>", "</v>"), ("\t", " # note\n"), ("(", ")")];
    let mut text = Vec::new();
    let mut random = Random::new(1);
    for folder in ["providers", "generic", "practices"] {
        for (name, file) in rule_set::read(&root.join(folder)).expect("the rules are there") {
            for checked in check_file(&name, &file).expect("the build has linted them") {
                for template in checked.matching.iter().chain(&checked.no_match) {
                    let (before, after) = between[random.below(between.len())];
                    let example = expand(template, random.draw()).expect("templates are checked");
                    [before, &example, after].iter().for_each(|part| text.extend_from_slice(part.as_bytes()));
                }
            }
        }
    }
    text
}

/// This repository's own sources, a sample of them: ordinary text.
fn sources(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the folder is there").flatten() {
        match entry.path() {
            path if path.is_dir() => sources(&path, files),
            path if path.extension().is_some_and(|e| e == "rs" || e == "toml") => files.push(path),
            _ => {}
        }
    }
    files.sort();
}

/// The bytes of random tokens that hold pieces of what rules look for: near misses.
fn near_misses(set: &RuleSet, len: usize) -> Vec<u8> {
    let mut random = Random::new(2);
    let literals = &set.plan().literals;
    let mut text = Vec::with_capacity(len);
    while text.len() < len {
        let literal = &literals[random.below(literals.len())].bytes;
        text.extend(literal.iter().map(|byte| if random.below(8) == 0 { byte.to_ascii_uppercase() } else { *byte }));
        let holes =
            ["<base62:20>", "<hex:32>", "<base64url:43>", "<digit:12>", "<base62:40>", " = \"<base62:32>\"", "\n"];
        for _ in 0..random.below(3) {
            text.extend(expand(holes[random.below(holes.len())], random.draw()).expect("holes are right").bytes());
        }
        text.push(b" \n\"':/=-_."[random.below(10)]);
    }
    text
}

fn assert_none(missed: &[String], found: usize, least: usize) {
    assert!(missed.is_empty(), "{} missed:\n{}", missed.len(), missed[..missed.len().min(40)].join("\n"));
    assert!(found > least, "the texts hold something to find: {found}");
}

#[test]
fn what_a_rules_own_expression_finds_is_a_candidate() {
    let set = RuleSet::embedded();
    let (engine, references) = (Engine::new(set.clone()), references(&set));
    let mut texts = vec![("the planted examples".to_owned(), planted())];
    texts.push(("near misses".to_owned(), near_misses(&set, 100_000)));
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let own: Vec<u8> = files.iter().step_by(4).flat_map(|file| std::fs::read(file).expect("it is there")).collect();
    texts.push(("own sources".to_owned(), own));
    let mut missed = Vec::new();
    let mut found = 0;
    for (name, text) in &texts {
        let mut worker = Worker::new(&engine, Everything);
        found += compare(&references, &mut worker, name, text, &mut missed);
    }
    assert_none(&missed, found, references.len());
}

struct Compared<'a> {
    references: &'a [Reference],
    worker: Worker<'a, Everything>,
    objects: &'a Objects,
    missed: Vec<String>,
    found: usize,
    bytes: usize,
}

impl Visitor for Compared<'_> {
    type State = ();

    fn visit(&mut self, object: &Visit<'_, ()>, (): &mut ()) {
        let name = self.objects.id(object.object).to_string();
        self.bytes += object.bytes.len();
        self.found += compare(self.references, &mut self.worker, &name, object.bytes, &mut self.missed);
    }
}

/// `STOPLEAK_BENCH_REPO=path/to/.git cargo test --release --test core reference -- --ignored --nocapture`;
/// of every `STOPLEAK_BENCH_EVERY`th blob, all when that is not set.
#[test]
#[ignore = "reads a whole history: set STOPLEAK_BENCH_REPO"]
fn what_expressions_find_in_a_history_is_a_candidate() {
    let Some(repository) = std::env::var_os("STOPLEAK_BENCH_REPO") else { return println!("no STOPLEAK_BENCH_REPO") };
    let every = std::env::var("STOPLEAK_BENCH_EVERY").ok().and_then(|every| every.parse().ok()).unwrap_or(1);
    let set = RuleSet::embedded();
    let (engine, references) = (Engine::new(set.clone()), references(&set));
    let folder = PathBuf::from(repository).join("objects");
    let objects = Objects::open(&folder, &[], Limits::default()).expect("a git directory");
    let make = || Compared {
        references: &references,
        worker: Worker::new(&engine, Everything),
        objects: &objects,
        missed: Vec::new(),
        found: 0,
        bytes: 0,
    };
    let walked = objects.walk(Kinds::BLOBS, &|object| object % every == 0, 2, &make);
    let missed: Vec<String> = walked.visitors.iter().flat_map(|visitor| visitor.missed.iter().cloned()).collect();
    let found = walked.visitors.iter().map(|visitor| visitor.found).sum::<usize>();
    let bytes = walked.visitors.iter().map(|visitor| visitor.bytes).sum::<usize>();
    println!("{} blobs, {bytes} bytes, {found} candidates, {} missed", walked.objects, missed.len());
    assert_none(&missed, found, 0);
}
