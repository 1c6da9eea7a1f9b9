//! Patterns in RE2 syntax, ready to run over texts of characters.

use crate::rule::re2;
use regex_automata::meta::{Builder, Config, Regex};

/// Bytes an automaton may take: some hundred times the largest pattern of any sense.
const MAX_SIZE: usize = 32 << 20;

/// One pattern, or several of which one must match.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// What runs.
    pub regex: Regex,
}

impl Pattern {
    /// Compiles patterns.
    pub fn new(sources: &[String]) -> Result<Pattern, String> {
        let parsed = sources.iter().map(|source| re2::parse(source)).collect::<Result<Vec<_>, _>>()?;
        let config = Config::new().utf8_empty(false).nfa_size_limit(Some(MAX_SIZE)).onepass_size_limit(Some(1 << 16));
        let built = Builder::new().configure(config).build_many_from_hir(&parsed);
        built.map(|regex| Pattern { regex }).map_err(|_| "the pattern is too large: lower the numbers in `{…}`".into())
    }

    /// Compiles patterns; `None` when there are none.
    pub fn any(sources: &[String]) -> Result<Option<Pattern>, String> {
        if sources.is_empty() { Ok(None) } else { Pattern::new(sources).map(Some) }
    }

    /// Whether it matches somewhere in `text`.
    pub fn is_match(&self, text: &[u8]) -> bool {
        self.regex.is_match(super::characters(text).as_ref())
    }
}
