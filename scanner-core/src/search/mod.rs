//! Rules of one's own, run over whole texts: what they find, and what may be left out of it.
//!
//! A pattern that begins anywhere and ends nowhere in particular cannot wait for a literal: it reads every text that
//! holds one of its rule's keywords from end to end. Nothing here runs in a scan without such rules.

mod allow;
mod near;
mod pattern;

pub use allow::{Allowance, Allowed};
pub use pattern::Pattern;

use crate::rule::Rule;
use crate::rule::own::{Allow, Search};
use aho_corasick::{AhoCorasick, MatchKind};
use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

/// Matches kept of one rule in one text; more are counted.
const MOST: usize = 10_000;

/// All searches of a rule set, and what is allowed, ready to run; shared by all threads.
#[derive(Debug)]
pub struct Searches {
    searches: Vec<Searcher>,
    keywords: Option<AhoCorasick>,
    /// For each keyword the searches that want it.
    wanted_by: Vec<Vec<usize>>,
    allow: Vec<Arc<Allowance>>,
}

#[derive(Debug)]
struct Searcher {
    rule: u16,
    pattern: Option<Pattern>,
    search: Search,
    path: Option<Arc<Pattern>>,
    allow: Vec<Arc<Allowance>>,
    part_only: bool,
    /// Indices of the searches it requires, in the order of `search.required`.
    required: Vec<usize>,
}

/// One match of a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The rule's index in its set.
    pub rule: u16,
    /// The secret.
    pub secret: Range<usize>,
    /// All that matched.
    pub whole: Range<usize>,
    /// The required matches of other rules that stand nearby.
    pub parts: Vec<(u16, Range<usize>)>,
}

/// What searches gave in one text.
#[derive(Debug, Default)]
pub struct Finds {
    /// By rule, then by place.
    pub found: Vec<Found>,
    /// Rules with more matches than are kept, and how many were left out.
    pub cut: Vec<(u16, usize)>,
}

/// What a match still waits for: the place of its text.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    paths: Vec<Arc<Pattern>>,
    allow: Vec<(Arc<Allowance>, bool)>,
    /// Whether a search found it.
    pub is_search: bool,
}

impl Terms {
    /// Whether the rule is for this path.
    pub fn admits(&self, path: Option<&str>) -> bool {
        self.paths.iter().all(|wanted| path.is_some_and(|path| wanted.is_match(path.as_bytes())))
    }

    /// Why a match at this place is no leak.
    pub fn allowed(&self, path: Option<&str>, commit: Option<&str>) -> Option<Allowed> {
        let by = self.allow.iter().filter_map(|(allowance, holds)| allowance.at(*holds, path, commit));
        // What needs no commit serves at other places, too.
        by.min_by_key(|allowed| allowed.by_commit)
    }
}

impl Searches {
    /// Compiles what `rules` search for and what is allowed; `None` when there is nothing of either.
    ///
    /// Errors name the rule whose pattern is too large to run.
    pub fn new(rules: &[Arc<Rule>], allow: &[Allow]) -> Result<Option<Searches>, String> {
        let mut searches = Vec::new();
        for (index, rule) in rules.iter().enumerate() {
            if let Some(search) = rule.form.search() {
                searches.push(searcher(index as u16, rule, search).map_err(|e| format!("rule `{}`: {e}", rule.id))?);
            }
        }
        if searches.is_empty() && allow.is_empty() {
            return Ok(None);
        }
        let by_id: HashMap<&str, usize> =
            searches.iter().enumerate().map(|(i, searcher)| (rules[searcher.rule as usize].id.as_str(), i)).collect();
        let required = |searcher: &Searcher| {
            let ids = searcher.search.required.iter();
            ids.map(|required| by_id.get(required.rule.as_str()).copied()).collect::<Option<Vec<usize>>>()
        };
        let required: Option<Vec<Vec<usize>>> = searches.iter().map(required).collect();
        let required = required.ok_or("a required rule has no `search`")?;
        searches.iter_mut().zip(required).for_each(|(searcher, required)| searcher.required = required);
        let (keywords, wanted_by) = keywords(&searches)?;
        let allow = allow.iter().map(|allow| Allowance::new(allow).map(Arc::new)).collect::<Result<_, _>>()?;
        Ok(Some(Searches { searches, keywords, wanted_by, allow }))
    }

    /// How many rules search.
    pub fn len(&self) -> usize {
        self.searches.len()
    }

    /// Whether no rule searches: there are allowlists alone.
    pub fn is_empty(&self) -> bool {
        self.searches.is_empty()
    }

    /// Rules that report every file at their path.
    pub fn of_files(&self) -> impl Iterator<Item = u16> + '_ {
        self.searches.iter().filter(|searcher| searcher.pattern.is_none() && !searcher.part_only).map(|s| s.rule)
    }

    /// Searches a text.
    pub fn run(&self, bytes: &[u8]) -> Finds {
        self.run_wanted(bytes, self.wanted(bytes))
    }

    /// Searches a part of a stream that has no path: keywords may have passed, so that none is asked for, and rules for
    /// certain paths are left out.
    pub fn run_on_stream(&self, bytes: &[u8]) -> Finds {
        let wanted = |searcher: &Searcher| searcher.pattern.is_some() && searcher.path.is_none();
        self.run_wanted(bytes, self.searches.iter().map(wanted).collect())
    }

    fn run_wanted(&self, bytes: &[u8], wanted: Vec<bool>) -> Finds {
        if !wanted.contains(&true) {
            return Finds::default();
        }
        let text = characters(bytes);
        let mut finds = Finds::default();
        let mut of_search: Vec<Vec<Found>> = Vec::with_capacity(self.searches.len());
        for (searcher, wanted) in self.searches.iter().zip(wanted) {
            let (found, left_out) = if wanted { searcher.run(&text) } else { Default::default() };
            if left_out > 0 {
                finds.cut.push((searcher.rule, left_out));
            }
            of_search.push(found);
        }
        let near = near::Near::new(&text, self.searches.iter().map(|s| !s.required.is_empty()), &of_search);
        for (index, searcher) in self.searches.iter().enumerate().filter(|(_, searcher)| !searcher.part_only) {
            for found in &of_search[index] {
                if let Some(parts) = self.parts(searcher, found, &of_search, &near, bytes) {
                    finds.found.push(Found { parts, ..found.clone() });
                }
            }
        }
        finds
    }

    /// The nearest match of each required rule; `None` when one is missing.
    fn parts(
        &self,
        searcher: &Searcher,
        found: &Found,
        of_search: &[Vec<Found>],
        near: &near::Near,
        bytes: &[u8],
    ) -> Option<Vec<(u16, Range<usize>)>> {
        let pairs = searcher.required.iter().zip(&searcher.search.required);
        pairs
            .map(|(&index, required)| {
                let other = &self.searches[index];
                let stands = |part: &&Found| {
                    near.is_within(found.whole.start, part.whole.start, required)
                        && !other.is_surely_allowed(bytes, part)
                };
                let distance = |part: &&Found| part.whole.start.abs_diff(found.whole.start);
                let part = of_search[index].iter().filter(stands).min_by_key(distance)?;
                Some((part.rule, part.secret.clone()))
            })
            .collect()
    }

    /// Which searches have a keyword in the text, or need none.
    fn wanted(&self, bytes: &[u8]) -> Vec<bool> {
        let mut wanted: Vec<bool> = self
            .searches
            .iter()
            .map(|searcher| searcher.pattern.is_some() && searcher.search.keywords.is_empty())
            .collect();
        let Some(keywords) = &self.keywords else { return wanted };
        let mut missing = self.searches.iter().filter(|searcher| !searcher.search.keywords.is_empty()).count();
        for hit in keywords.find_overlapping_iter(bytes) {
            for &index in &self.wanted_by[hit.pattern().as_usize()] {
                missing -= usize::from(!std::mem::replace(&mut wanted[index], true));
            }
            if missing == 0 {
                break;
            }
        }
        wanted
    }

    /// What a match must still be asked about its place; `None` when nothing.
    pub fn terms(
        &self,
        rule: &Rule,
        index: u16,
        bytes: &[u8],
        secret: &Range<usize>,
        whole: &Range<usize>,
    ) -> Option<Box<Terms>> {
        let searcher = self.searches.iter().find(|searcher| searcher.rule == index);
        let mut terms = Terms { is_search: searcher.is_some(), ..Terms::default() };
        let of_rule = searcher.map_or(&[][..], |searcher| &searcher.allow);
        let of_all = self.allow.iter().filter(|allowance| allowance.is_for(&rule.id));
        for allowance in of_rule.iter().chain(of_all) {
            if let Some(holds) = allowance.in_text(bytes, secret, whole) {
                terms.allow.push((allowance.clone(), holds));
            }
        }
        if let Some(searcher) = searcher {
            let others = searcher.required.iter().map(|&index| &self.searches[index]);
            terms.paths = std::iter::once(searcher).chain(others).filter_map(|one| one.path.clone()).collect();
        }
        (terms.is_search || !terms.allow.is_empty()).then(|| Box::new(terms))
    }
}

impl Searcher {
    /// Matches in order, and how many more there were.
    fn run(&self, text: &[u8]) -> (Vec<Found>, usize) {
        let Some(pattern) = &self.pattern else { return Default::default() };
        let (mut found, mut left_out) = (Vec::new(), 0);
        for groups in pattern.regex.captures_iter(text) {
            let Some(whole) = groups.get_match().map(|whole| trim(text, whole.range())) else { continue };
            let mut spans = (1..groups.group_len()).map(|group| groups.get_group(group).map(|span| span.range()));
            let secret = match self.search.secret_group {
                0 => spans.flatten().find(|span| !span.is_empty()).unwrap_or_else(|| whole.clone()),
                group => spans.nth(group as usize - 1).flatten().unwrap_or(0..0),
            };
            if secret.is_empty() || self.search.entropy.is_some_and(|least| entropy(&text[secret.clone()]) <= least) {
                continue;
            }
            match found.len() < MOST {
                true => found.push(Found { rule: self.rule, secret, whole, parts: Vec::new() }),
                false => left_out += 1,
            }
        }
        (found, left_out)
    }

    fn is_surely_allowed(&self, bytes: &[u8], found: &Found) -> bool {
        self.allow.iter().any(|allowance| allowance.in_text(bytes, &found.secret, &found.whole) == Some(true))
    }
}

fn searcher(index: u16, rule: &Rule, search: &Search) -> Result<Searcher, String> {
    let one = |source: &String| Pattern::new(std::slice::from_ref(source));
    Ok(Searcher {
        rule: index,
        pattern: search.pattern.as_ref().map(one).transpose()?,
        search: search.clone(),
        path: search.path.as_ref().map(one).transpose()?.map(Arc::new),
        allow: search.allow.iter().map(|allow| Allowance::new(allow).map(Arc::new)).collect::<Result<_, _>>()?,
        part_only: rule.part_only,
        required: Vec::new(),
    })
}

type Keywords = (Option<AhoCorasick>, Vec<Vec<usize>>);

fn keywords(searches: &[Searcher]) -> Result<Keywords, String> {
    let mut wanted_by: std::collections::BTreeMap<&str, Vec<usize>> = Default::default();
    for (index, searcher) in searches.iter().enumerate() {
        for keyword in &searcher.search.keywords {
            wanted_by.entry(keyword).or_default().push(index);
        }
    }
    if wanted_by.is_empty() {
        return Ok((None, Vec::new()));
    }
    let mut builder = AhoCorasick::builder();
    let builder = builder.ascii_case_insensitive(true).match_kind(MatchKind::Standard);
    let built = builder.build(wanted_by.keys()).map_err(|error| format!("too many keywords: {error}"))?;
    Ok((Some(built), wanted_by.into_values().collect()))
}

/// The text with every byte that belongs to no character replaced by a control sign: patterns match characters.
fn characters(bytes: &[u8]) -> Cow<'_, [u8]> {
    if std::str::from_utf8(bytes).is_ok() {
        return Cow::Borrowed(bytes);
    }
    let mut text = Vec::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.extend_from_slice(chunk.valid().as_bytes());
        text.resize(text.len() + chunk.invalid().len(), 0x1a);
    }
    Cow::Owned(text)
}

/// A match without the line breaks around it.
fn trim(text: &[u8], mut range: Range<usize>) -> Range<usize> {
    while !range.is_empty() && text[range.start] == b'\n' {
        range.start += 1;
    }
    while !range.is_empty() && text[range.end - 1] == b'\n' {
        range.end -= 1;
    }
    range
}

/// Shannon's entropy in bits a character.
fn entropy(text: &[u8]) -> f32 {
    let text = String::from_utf8_lossy(text);
    let mut counts: HashMap<char, u32> = HashMap::new();
    text.chars().for_each(|sign| *counts.entry(sign).or_default() += 1);
    let total = counts.values().sum::<u32>() as f64;
    // In a fixed order: sums of floats depend on it.
    let mut counts: Vec<u32> = counts.into_values().collect();
    counts.sort_unstable();
    let bits = |count: &u32| {
        let share = f64::from(*count) / total;
        -share * share.log2()
    };
    counts.iter().map(bits).sum::<f64>() as f32
}

#[cfg(test)]
mod tests {
    use super::{characters, entropy};

    #[test]
    fn entropy_is_bits_a_character() {
        assert_eq!(entropy(b"aaaa"), 0.0);
        assert_eq!(entropy(b"abab"), 1.0);
        assert_eq!(entropy(b"0123456789abcdef"), 4.0);
    }

    #[test]
    fn bytes_of_no_character_keep_their_places() {
        assert_eq!(characters(b"a\xffb\xc3").as_ref(), b"a\x1ab\x1a");
        assert_eq!(characters("grün".as_bytes()).as_ref(), "grün".as_bytes());
    }
}
