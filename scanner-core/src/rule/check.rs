//! Turns rules as written into rules that can be trusted: every complaint names the file, the line and the rule.

use super::exchange::written::Purpose;
use super::exchange::{self, Exchanges};
use super::factor::{self, Reach};
use super::keyword::Keyword;
use super::own::{self, Allow};
use super::written::{Connect, Edge, Part, Practice, ProviderWritten, RuleFile, RuleWritten, Severity, Shape};
use super::{Form, Pattern, Provider, Rule, pattern};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Longest match a rule may ask for: a private key with room to spare.
pub const MAX_MATCH: usize = 16_640;
/// A pattern's literals may turn up this often in 16 MiB of ordinary text.
const MAX_FREQUENCY: f64 = 6_000.0;
/// The most words that a keyword joins with `_`.
const MAX_WORDS: usize = 6;
/// The same for the keywords of a keyed rule, whose connection is checked in nanoseconds.
const MAX_KEYWORD_FREQUENCY: f64 = 12_000.0;

/// Why a rule cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {message}")]
pub struct RuleError {
    /// The rule file, as it was named.
    pub file: String,
    /// Counts from 1.
    pub line: usize,
    /// What is wrong, with the rule's id.
    pub message: String,
}

/// Every complaint about some rule files; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleErrors(pub Vec<RuleError>);

impl std::error::Error for RuleErrors {}

impl std::fmt::Display for RuleErrors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let lines: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

/// A rule with the templates that test it.
pub struct Checked {
    /// The rule.
    pub rule: Rule,
    /// What it can ask of its provider.
    pub exchanges: Exchanges,
    /// Templates of text it must find.
    pub matching: Vec<String>,
    /// Templates of text it must not find.
    pub no_match: Vec<String>,
}

/// A rule file, checked.
pub struct CheckedFile {
    /// Its rules.
    pub rules: Vec<Checked>,
    /// What it allows, for all rules of a scan.
    pub allow: Vec<Allow>,
}

/// Reads one rule file and checks every rule in it; returns all complaints, not only the first.
pub fn check_file(file: &str, text: &str) -> Result<Vec<Checked>, RuleErrors> {
    check_whole_file(file, text).map(|checked| checked.rules)
}

/// Reads one rule file with its allowlist; returns all complaints, not only the first.
pub fn check_whole_file(file: &str, text: &str) -> Result<CheckedFile, RuleErrors> {
    let line_of = |offset: usize| text[..offset.min(text.len())].matches('\n').count() + 1;
    let written: RuleFile = toml::from_str(text).map_err(|error| {
        let line = error.span().map_or(1, |span| line_of(span.start));
        RuleErrors(vec![RuleError { file: file.into(), line, message: error.message().to_owned() }])
    })?;
    let error = |message: String, line: usize| RuleError { file: file.into(), line, message };
    let (mut rules, mut allow, mut errors) = (Vec::new(), Vec::new(), Vec::new());
    for entry in &written.allow {
        match own::check_allow(entry.get_ref()) {
            Ok(checked) => allow.push(checked),
            Err(message) => errors.push(error(message, line_of(entry.span().start))),
        }
    }
    let Some(provider_written) = &written.provider else {
        let is_allowlist = written.rules.is_empty() && !written.allow.is_empty();
        if !is_allowlist {
            errors.push(error("the file has no [provider]".into(), 1));
        }
        return if errors.is_empty() { Ok(CheckedFile { rules, allow }) } else { Err(RuleErrors(errors)) };
    };
    let provider = Arc::new(Provider { id: provider_written.id.clone(), name: provider_written.name.clone() });
    if let Err(message) = exchange::check::check_hosts(&provider_written.hosts, &provider_written.endpoints) {
        errors.push(error(message, 1));
    }
    for rule in &written.rules {
        match check_rule(rule, &provider, provider_written) {
            Ok(checked) => rules.push(checked),
            Err((message, offset)) => {
                let line = line_of(offset.unwrap_or(rule.id.span().start));
                errors.push(error(format!("rule `{}`: {message}", rule.id.get_ref()), line));
            }
        }
    }
    if written.rules.is_empty() && written.allow.is_empty() {
        errors.push(error("the file has no [[rule]]".into(), 1));
    }
    if errors.is_empty() { Ok(CheckedFile { rules, allow }) } else { Err(RuleErrors(errors)) }
}

/// Checks that a file of the embedded pack asks for nothing that only rules of one's own may do.
pub fn check_embedded(file: &str, checked: &CheckedFile) -> Result<(), RuleErrors> {
    let error = |message: String| RuleErrors(vec![RuleError { file: file.into(), line: 1, message }]);
    let search = checked.rules.iter().find(|checked| checked.rule.form.search().is_some());
    if let Some(checked) = search {
        let id = &checked.rule.id;
        return Err(error(format!(
            "rule `{id}`: `search` and `path` read whole texts; they are for rules of one's own"
        )));
    }
    if checked.allow.is_empty() { Ok(()) } else { Err(error("[[allow]] is for rules of one's own".into())) }
}

/// Checks what only a whole set can show: ids used twice, parts that do not exist.
pub fn check_set(rules: &[Rule]) -> Result<(), String> {
    let mut ids = BTreeSet::new();
    for rule in rules {
        if !ids.insert(rule.id.as_str()) {
            return Err(format!("rule `{}` is defined twice", rule.id));
        }
    }
    for rule in rules {
        let required = rule.form.search().map_or(&[][..], |search| &search.required);
        if let Some(unknown) = required.iter().find(|required| !ids.contains(required.rule.as_str())) {
            return Err(format!("rule `{}`: required `{}` is no rule", rule.id, unknown.rule));
        }
        if let Some(part) = rule.parts.iter().find(|part| !ids.contains(part.rule.as_str())) {
            return Err(format!("rule `{}`: part `{}` is no rule", rule.id, part.rule));
        }
        if let Some(other) = rule.over.iter().find(|other| !ids.contains(other.as_str())) {
            return Err(format!("rule `{}` goes over `{other}`, which is no rule", rule.id));
        }
    }
    Ok(())
}

type Complaint = (String, Option<usize>);

fn check_rule(written: &RuleWritten, provider: &Arc<Provider>, file: &ProviderWritten) -> Result<Checked, Complaint> {
    let id = written.id.get_ref();
    let plain = |message: &str| (message.to_owned(), None);
    let kind = id.strip_prefix(&format!("{}.", provider.id)).unwrap_or_default();
    if kind.is_empty() || !kind.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-')) {
        return Err((format!("the id must be `{}.` and a name in kebab-case", provider.id), None));
    }
    if written.name.trim().is_empty() {
        return Err(plain("the name is empty"));
    }
    // A team's own rule need not be documented, nor may its format be known.
    let is_search = written.is_search();
    if !is_search && (written.examples.matching.len() < 2 || written.examples.no_match.len() < 2) {
        return Err(plain("two examples that match and two that do not are needed"));
    }
    for template in written.examples.matching.iter().chain(&written.examples.no_match) {
        super::example::expand(template, 0).map_err(|error| (format!("example `{template}`: {error}"), None))?;
    }
    let references = if written.references.is_empty() { &file.references } else { &written.references };
    if references.is_empty() && !is_search {
        return Err(plain("no reference: cite the page that documents the format"));
    }
    let (form, factors, keywords) = check_form(written)?;
    let default = match form {
        Form::Pattern(_) => 0.95,
        Form::Search(_) | Form::Practice { .. } => 0.9,
        Form::Keyed { .. } | Form::Assignment | Form::Vaulted => 0.6,
    };
    let confidence = written.confidence.unwrap_or(default);
    if !(0.01..=0.99).contains(&confidence) {
        return Err(plain("confidence must lie between 0.01 and 0.99"));
    }
    let rule = Rule {
        id: id.clone(),
        name: written.name.clone(),
        provider: provider.clone(),
        severity: written.severity,
        help: written.help.clone().unwrap_or_default(),
        references: references.to_vec(),
        confidence,
        random: written.random,
        // The command a practice stands in may hold anything.
        guessable: written.guessable || written.practice.is_some(),
        checksum: written.checksum,
        parts: written.parts.iter().map(Part::clone).collect(),
        over: written.over.clone(),
        part_only: written.part_only,
        at_least: [written.min_digits, written.min_upper, written.min_lower],
        form,
        factors,
        keywords,
    };
    let exchanges = check_exchanges(written, file).map_err(|message| (message, None))?;
    let examples = &written.examples;
    Ok(Checked { rule, exchanges, matching: examples.matching.clone(), no_match: examples.no_match.clone() })
}

fn check_exchanges(written: &RuleWritten, file: &ProviderWritten) -> Result<Exchanges, String> {
    let parts: Vec<&str> = written.parts.iter().filter_map(|part| Some(part.rule.split_once('.')?.1)).collect();
    let around = exchange::check::Surroundings { hosts: &file.hosts, endpoints: &file.endpoints, parts: &parts };
    Ok(Exchanges {
        verify: exchange::check::check(Purpose::Verify, &written.verify, &around)?,
        revoke: exchange::check::check(Purpose::Revoke, &written.revoke, &around)?,
        rotate: exchange::check::check(Purpose::Rotate, &written.rotate, &around)?,
    })
}

/// What the filter looks for, and the keywords that are found by one of their words.
type Keywords = (Vec<(Vec<u8>, Reach)>, Vec<Keyword>);

type FormAndFactors = (Form, Vec<(Vec<u8>, Reach)>, Vec<Keyword>);

fn check_form(written: &RuleWritten) -> Result<FormAndFactors, Complaint> {
    let plain = |message: &str| (message.to_owned(), None);
    if written.is_search() {
        return Ok((Form::Search(Box::new(own::check_search(written)?)), Vec::new(), Vec::new()));
    }
    if written.has_search_fields() {
        return Err(plain("`secret-group`, `entropy`, `required` and `allow` need a `search`"));
    }
    if let Some(place) = written.practice {
        return Ok((check_practice(written, place)?, Vec::new(), Vec::new()));
    }
    match (&written.shape, &written.pattern) {
        (Some(Shape::Assignment), None) => {
            let (factors, keywords) = plan_keywords(written, f64::INFINITY)?;
            Ok((Form::Assignment, factors, keywords))
        }
        (Some(_), Some(_)) => Err(plain("a rule has a shape or a pattern, not both")),
        (None, None) => Err(plain("a rule needs a pattern")),
        (None, Some(source)) => {
            let at = Some(source.span().start);
            let hir =
                pattern::parse(source.get_ref()).map_err(|error| (format!("pattern does not parse: {error}"), at))?;
            let pattern = check_pattern(written, source.get_ref(), &hir).map_err(|message| (message, at))?;
            if written.keywords.is_empty() {
                if written.within.is_some() || written.connect != Connect::Assigned {
                    return Err(plain("`connect` and `within` need `keywords`"));
                }
                let found = factor::choose(&hir).ok_or_else(|| {
                    ("pattern has no literal of four bytes that every match holds; give it keywords".to_owned(), at)
                })?;
                if found.frequency > MAX_FREQUENCY {
                    let shown: Vec<_> = found.literals.iter().take(4).map(|l| String::from_utf8_lossy(l)).collect();
                    return Err((format!("its literals {shown:?} are too common in ordinary text"), at));
                }
                let factors = found.literals.into_iter().map(|literal| (literal, found.reach)).collect();
                return Ok((Form::Pattern(pattern), factors, Vec::new()));
            }
            let within = written.within.unwrap_or(64);
            if within > 512 {
                return Err(plain("`within` is at most 512 bytes"));
            }
            let (factors, keywords) = plan_keywords(written, MAX_KEYWORD_FREQUENCY)?;
            Ok((Form::Keyed { connect: written.connect, within, pattern }, factors, keywords))
        }
    }
}

/// A practice is looked for in pipelines only, and never as severe as a secret that leaked.
fn check_practice(written: &RuleWritten, place: Practice) -> Result<Form, Complaint> {
    let plain = |message: &str| (message.to_owned(), None);
    let Some(source) = &written.pattern else { return Err(plain("a practice needs a pattern")) };
    let at = Some(source.span().start);
    let is_plain = written.shape.is_none() && written.keywords.is_empty() && written.parts.is_empty();
    if !is_plain || written.checksum.is_some() || written.has_bounds() {
        return Err(plain("a practice has a pattern and nothing that belongs to secrets"));
    }
    if written.severity > Severity::Medium {
        return Err(plain("a practice is of low or medium severity"));
    }
    let hir = pattern::parse(source.get_ref()).map_err(|error| (format!("pattern does not parse: {error}"), at))?;
    if hir.properties().maximum_len().is_none_or(|len| len > MAX_MATCH) {
        return Err(("pattern has no maximum length: bound every repetition".into(), at));
    }
    if pattern::secret_part(&hir).is_none() {
        return Err(("pattern needs a group `secret`: the name or reference at risk".into(), at));
    }
    Ok(Form::Practice { place, pattern: source.get_ref().clone() })
}

fn plan_keywords(written: &RuleWritten, budget: f64) -> Result<Keywords, Complaint> {
    if written.keywords.is_empty() {
        return Err(("no keywords".into(), None));
    }
    let (mut factors, mut keywords) = (BTreeSet::new(), Vec::new());
    for keyword in &written.keywords {
        // Each joint may be written in five ways.
        if keyword.matches('_').count() >= MAX_WORDS {
            return Err((format!("keyword `{keyword}` has more than {MAX_WORDS} words"), None));
        }
        let index = u16::try_from(keywords.len()).map_err(|_| ("too many keywords".to_owned(), None))?;
        let (found, literals) = Keyword::plan(keyword, index, written.shape.is_some());
        keywords.extend(found);
        for (mut literal, reach) in literals {
            if literal.len() < factor::MIN_LITERAL {
                return Err((format!("keyword `{keyword}` is shorter than four letters"), None));
            }
            literal.truncate(24);
            factors.insert((literal, reach));
        }
    }
    let literals: BTreeSet<&Vec<u8>> = factors.iter().map(|(literal, _)| literal).collect();
    let frequency: f64 = literals.into_iter().map(|literal| super::grams::rarest(literal).1).sum();
    if frequency > budget {
        return Err((format!("its keywords are too common in ordinary text ({frequency:.0} in 16 MiB)"), None));
    }
    Ok((factors.into_iter().collect(), keywords))
}

fn check_pattern(written: &RuleWritten, source: &str, hir: &regex_syntax::hir::Hir) -> Result<Pattern, String> {
    let properties = hir.properties();
    let Some(max_len) = properties.maximum_len() else {
        return Err("pattern has no maximum length: bound every repetition".into());
    };
    if max_len > MAX_MATCH {
        return Err(format!("pattern matches up to {max_len} bytes, the limit is {MAX_MATCH}"));
    }
    if properties.minimum_len().unwrap_or(0) < 4 {
        return Err("pattern matches fewer than four bytes".into());
    }
    if !properties.look_set().is_empty() {
        return Err("pattern has an anchor or boundary: the engine checks boundaries itself".into());
    }
    let secret = pattern::secret_part(hir);
    let has_group = secret.is_some();
    // With context after the secret, the context is the boundary.
    let right = match written.right {
        Edge::None => pattern::ByteSet::EMPTY,
        Edge::Boundary => pattern::right_alphabet(hir, written.right),
    };
    Ok(Pattern {
        source: source.to_owned(),
        segments: if has_group { None } else { pattern::segments(hir) },
        has_group,
        max_len: u32::try_from(max_len).expect("MAX_MATCH fits"),
        fixed_prefix: u16::try_from(pattern::fixed_prefix(secret.unwrap_or(hir))).unwrap_or(0),
        first: pattern::first_bytes(hir),
        left: written.left,
        right,
    })
}
