//! Runs one pattern at one place: by byte classes where those suffice, else by a lazy DFA stepped by hand,
//! so that the furthest byte it looked at is known.

use crate::rule::Pattern;
use crate::rule::pattern::Segment;
use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::nfa::thompson::{self, WhichCaptures};
use regex_automata::util::captures::Captures;
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input, MatchKind, meta};
use std::ops::Range;
use std::sync::OnceLock;

/// What running a pattern at one place gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ran {
    /// End of the match, when there is one.
    pub end: Option<usize>,
    /// The first byte after all that was looked at; `len + 1` when the end of the text mattered.
    pub looked: usize,
}

/// A pattern ready to run; compiled when it is first needed, shared by all threads.
pub struct Automaton {
    segments: Option<Vec<Segment>>,
    source: String,
    max_len: usize,
    dfa: OnceLock<DFA>,
    groups: OnceLock<meta::Regex>,
}

/// One thread's scratch space for an automaton.
#[derive(Default)]
pub struct Scratch {
    cache: Option<Cache>,
}

impl Automaton {
    /// Wraps a checked pattern; nothing is compiled yet.
    pub fn new(pattern: &Pattern) -> Automaton {
        Automaton {
            segments: pattern.segments.clone(),
            source: pattern.source.clone(),
            max_len: pattern.max_len as usize,
            dfa: OnceLock::new(),
            groups: OnceLock::new(),
        }
    }

    /// Matches at exactly `at`, leftmost-first.
    #[inline]
    pub fn run(&self, bytes: &[u8], at: usize, scratch: &mut Scratch) -> Ran {
        match &self.segments {
            Some(segments) => run_segments(segments, bytes, at),
            None => self.run_dfa(bytes, at, scratch),
        }
    }

    /// The group `secret` of a match known to span `found`.
    pub fn secret(&self, bytes: &[u8], found: Range<usize>) -> Range<usize> {
        let regex = self.groups.get_or_init(|| {
            let config = meta::Config::new().utf8_empty(false).nfa_size_limit(None);
            let builder = meta::Builder::new().syntax(syntax_config()).configure(config).build(&self.source);
            builder.expect("patterns were checked when the rules were loaded")
        });
        let mut captures: Captures = regex.create_captures();
        regex.search_captures(&Input::new(bytes).span(found.clone()).anchored(Anchored::Yes), &mut captures);
        captures.get_group_by_name("secret").map_or(found, |span| span.range())
    }

    fn run_dfa(&self, bytes: &[u8], at: usize, scratch: &mut Scratch) -> Ran {
        let dfa = self.dfa.get_or_init(|| compile(&self.source));
        let cache = scratch.cache.get_or_insert_with(|| dfa.create_cache());
        let limit = bytes.len().min(at + self.max_len + 1);
        let input = Input::new(bytes).span(at..bytes.len()).anchored(Anchored::Yes);
        let Ok(mut state) = dfa.start_state_forward(cache, &input) else { return Ran { end: None, looked: at } };
        let mut end = None;
        // A match shows one byte late: the state after byte `p` tells of a match that ends before it.
        for (p, &byte) in bytes.iter().enumerate().take(limit).skip(at) {
            match dfa.next_state(cache, state, byte) {
                Ok(next) => state = next,
                Err(_) => return Ran { end, looked: p + 1 },
            }
            if state.is_tagged() {
                if state.is_match() {
                    end = Some(p);
                } else if state.is_dead() || state.is_quit() {
                    return Ran { end, looked: p + 1 };
                }
            }
        }
        if limit < bytes.len() {
            return Ran { end, looked: limit };
        }
        if dfa.next_eoi_state(cache, state).is_ok_and(|last| last.is_match()) {
            end = Some(bytes.len());
        }
        Ran { end, looked: bytes.len() + 1 }
    }
}

fn run_segments(segments: &[Segment], bytes: &[u8], at: usize) -> Ran {
    let mut p = at;
    for segment in segments {
        let longest = (p + segment.max as usize).min(bytes.len());
        let start = p;
        while p < longest && segment.class.contains(bytes[p]) {
            p += 1;
        }
        if p - start < segment.min as usize {
            return Ran { end: None, looked: p + 1 };
        }
    }
    // The last segment may have stopped at a byte it looked at.
    Ran { end: Some(p), looked: p + 1 }
}

fn syntax_config() -> syntax::Config {
    syntax::Config::new().utf8(false).unicode(false).nest_limit(64)
}

fn compile(source: &str) -> DFA {
    let nfa = thompson::Config::new().utf8(false).which_captures(WhichCaptures::None);
    let config =
        DFA::config().match_kind(MatchKind::LeftmostFirst).cache_capacity(1 << 20).skip_cache_capacity_check(true);
    let mut builder = DFA::builder();
    let dfa = builder.configure(config).syntax(syntax_config()).thompson(nfa).build(source);
    dfa.expect("patterns were checked when the rules were loaded")
}
