//! Rules as data: written in TOML, linted and embedded by `build.rs`, checked once when loaded.

pub mod check;
pub mod crc;
pub mod example;
pub mod exchange;
pub mod factor;
pub mod grams;
pub mod keyword;
pub mod known;
pub mod pattern;
pub mod own;
pub mod plan;
pub mod re2;
pub mod sample;
pub mod written;

pub use check::{RuleError, RuleErrors};
pub use exchange::{Exchange, Exchanges};
pub use written::{Checksum, Connect, Edge, Practice, Severity};

use factor::Reach;
use keyword::Keyword;
use own::Search;
use pattern::{ByteSet, Segment};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use written::Part;

/// The service a secret opens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provider {
    /// Kebab-case.
    pub id: String,
    /// As the provider writes it.
    pub name: String,
}

/// One kind of secret, checked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Rule {
    /// `provider.kind-of-secret`.
    pub id: String,
    /// One line for people.
    pub name: String,
    /// Whose secret it is.
    pub provider: Arc<Provider>,
    /// How bad a leak would be.
    pub severity: Severity,
    /// What to do about a leak; one or two sentences, may be empty.
    pub help: String,
    /// Pages that document the format.
    pub references: Vec<String>,
    /// How likely a match is real before anything else is known.
    pub confidence: f32,
    /// Whether the value's variable part is random.
    pub random: bool,
    /// Whether a person may have chosen the value.
    pub guessable: bool,
    /// A check the value carries.
    pub checksum: Option<Checksum>,
    /// Values it belongs with.
    pub parts: Vec<Part>,
    /// Rules that may match the same text and go after this one.
    pub over: Vec<String>,
    /// Never reported alone.
    pub part_only: bool,
    /// Least numbers of digits, upper and lower case letters in the value.
    pub at_least: [u16; 3],
    /// How it is found.
    pub form: Form,
    /// Literals the filter looks for on its behalf, lower case.
    pub factors: Vec<(Vec<u8>, Reach)>,
    /// Keywords that are found by one of their words.
    pub keywords: Vec<Keyword>,
}

impl Rule {
    /// Whether it finds risky practice, not a secret.
    pub fn is_practice(&self) -> bool {
        matches!(self.form, Form::Practice { .. })
    }

    /// A text that the filter finds: one of its literals or keywords.
    pub fn found_by(&self) -> Vec<u8> {
        match &self.factors[0] {
            (_, Reach::Word(index)) => self.keywords[usize::from(*index)].spelling(),
            (literal, _) => literal.clone(),
        }
    }

    /// Of matches in one place, the one of higher precedence stands when both are likely: a provider's own token before a
    /// value known by its name, before a value that a person may have chosen (a password in a URL), before any value.
    pub fn precedence(&self) -> u8 {
        match self.form {
            Form::Pattern(_) if !self.guessable => 3,
            Form::Keyed { .. } => 2,
            Form::Pattern(_) => 1,
            // Searches are apart: none of their matches comes this way.
            Form::Assignment | Form::Search(_) | Form::Practice { .. } | Form::Vaulted => 0,
        }
    }
}

/// How a rule's matches are found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Form {
    /// A pattern that holds its own literals.
    Pattern(Pattern),
    /// A keyword, then a value that the pattern matches.
    Keyed {
        /// How the two hang together.
        connect: Connect,
        /// The window after the keyword, for `Connect::Near`.
        within: u16,
        /// The value.
        pattern: Pattern,
    },
    /// A value assigned to a name that holds a keyword.
    Assignment,
    /// A pattern run over whole texts; never in the embedded pack.
    Search(Box<Search>),
    /// Risky practice: no secret stands there.
    Practice {
        /// Where in a pipeline it counts.
        place: Practice,
        /// What it looks like; the group `secret` is what is at risk.
        pattern: String,
    },
    /// A value that stands in a vault; its rule comes with the index that knows the values.
    Vaulted,
}

impl Form {
    /// The pattern, where there is one.
    pub fn pattern(&self) -> Option<&Pattern> {
        match self {
            Form::Pattern(pattern) | Form::Keyed { pattern, .. } => Some(pattern),
            Form::Assignment | Form::Search(_) | Form::Practice { .. } | Form::Vaulted => None,
        }
    }

    /// The search over whole texts, where it is one.
    pub fn search(&self) -> Option<&Search> {
        match self {
            Form::Search(search) => Some(search),
            _ => None,
        }
    }
}

/// A checked regular expression over bytes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Pattern {
    /// As written.
    pub source: String,
    /// The same as byte classes, when those can run it.
    pub segments: Option<Vec<Segment>>,
    /// Whether a group `secret` says which part of the match is the secret.
    pub has_group: bool,
    /// Longest match in bytes.
    pub max_len: u32,
    /// Bytes of the secret that are the same in all secrets of the kind.
    pub fixed_prefix: u16,
    /// Bytes a match begins with.
    pub first: ByteSet,
    /// Whether the byte before a match must not be a letter or digit.
    pub left: Edge,
    /// Bytes that may not follow a match.
    pub right: ByteSet,
}
