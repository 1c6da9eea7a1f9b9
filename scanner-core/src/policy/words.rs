//! The words of a policy as people write them: one or a list of each, checked where they stand, so that an error points at
//! the word.

use super::{Environment, Subject};
use crate::finding::Verdict;
use crate::rule::Severity;
use crate::suppress::allowlist;
use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

/// From here on an answer that nobody could get is taken for yes.
const PRESUMED_FROM: f32 = 0.9;

/// Something that is written as one word.
pub struct Word<T>(pub T);

impl<'de, T: FromStr<Err = String>> Deserialize<'de> for Word<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map(Word).map_err(D::Error::custom)
    }
}

/// One word or a list of them; empty when it is left out.
pub struct Words<T>(pub Vec<T>);

impl<T> Default for Words<T> {
    fn default() -> Words<T> {
        Words(Vec::new())
    }
}

impl<'de, T: FromStr<Err = String>> Deserialize<'de> for Words<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMany<T>(PhantomData<T>);
        impl<'de, T: FromStr<Err = String>> Visitor<'de> for OneOrMany<T> {
            type Value = Words<T>;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a text or a list of texts")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Words<T>, E> {
                text.parse().map(|word| Words(vec![word])).map_err(E::custom)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Words<T>, A::Error> {
                let mut words = Vec::new();
                while let Some(Word(word)) = list.next_element()? {
                    words.push(word);
                }
                match words.is_empty() {
                    true => Err(A::Error::custom("an empty list matches nothing: leave it out, or name something")),
                    false => Ok(Words(words)),
                }
            }
        }
        deserializer.deserialize_any(OneOrMany(PhantomData))
    }
}

fn one_of<T: Copy>(text: &str, what: &str, all: &[(&str, T)]) -> Result<T, String> {
    let found = all.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
    found.ok_or_else(|| {
        let words: Vec<&str> = all.iter().map(|(word, _)| *word).collect();
        format!("`{text}` is no {what}: write {}", words.join(", "))
    })
}

impl FromStr for Verdict {
    type Err = String;

    fn from_str(text: &str) -> Result<Verdict, String> {
        one_of(text, "verdict", &[("block", Verdict::Block), ("warn", Verdict::Warn), ("allow", Verdict::Allow)])
    }
}

impl FromStr for Environment {
    type Err = String;

    fn from_str(text: &str) -> Result<Environment, String> {
        one_of(text, "environment", &Environment::ALL.map(|environment| (environment.as_str(), environment)))
    }
}

/// A severity by its word.
pub struct Least(pub Severity);

impl FromStr for Least {
    type Err = String;

    fn from_str(text: &str) -> Result<Least, String> {
        let all = [Severity::Low, Severity::Medium, Severity::High, Severity::Critical];
        one_of(text, "severity", &all.map(|severity| (severity.as_str(), severity))).map(Least)
    }
}

/// A word on validity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValidityWord {
    Active,
    Inactive,
    Unknown,
    Unchecked,
    /// Active, or nobody could tell and we are sure that it is a secret.
    PresumedActive,
}

impl FromStr for ValidityWord {
    type Err = String;

    fn from_str(text: &str) -> Result<ValidityWord, String> {
        use ValidityWord::*;
        let all = [
            ("active", Active),
            ("inactive", Inactive),
            ("unknown", Unknown),
            ("unchecked", Unchecked),
            ("presumed-active", PresumedActive),
        ];
        one_of(text, "validity", &all)
    }
}

/// Words on validity, one of which must hold.
#[derive(Clone, Debug)]
pub struct Validities(pub Vec<ValidityWord>);

impl Validities {
    /// Whether one of them holds.
    pub fn holds(&self, subject: &Subject) -> bool {
        let is = |word: &ValidityWord| match word {
            ValidityWord::Active => subject.validity == "active",
            ValidityWord::Inactive => subject.validity == "inactive",
            ValidityWord::Unknown => subject.validity == "unknown",
            ValidityWord::Unchecked => subject.validity == "unchecked",
            ValidityWord::PresumedActive => {
                let is_open = matches!(subject.validity, "unknown" | "unchecked");
                subject.validity == "active" || (is_open && subject.confidence.0 >= PRESUMED_FROM)
            }
        };
        self.0.iter().any(is)
    }
}

/// A glob of ids.
pub struct IdGlob(pub globset::GlobMatcher);

impl FromStr for IdGlob {
    type Err = String;

    fn from_str(text: &str) -> Result<IdGlob, String> {
        allowlist::glob("rule", text).map(|glob| IdGlob(glob.compile_matcher())).map_err(|error| error.to_string())
    }
}

/// A path as `.gitignore` would name it.
pub struct PathGlob(pub globset::GlobSet);

impl FromStr for PathGlob {
    type Err = String;

    fn from_str(text: &str) -> Result<PathGlob, String> {
        if text.trim().is_empty() {
            return Err("a path that names nothing".to_owned());
        }
        allowlist::path_globs(text).map(PathGlob).map_err(|error| error.to_string())
    }
}

/// A time span: `90 days`, `2 weeks`, `1 year`.
pub struct Age {
    pub seconds: i64,
}

impl FromStr for Age {
    type Err = String;

    fn from_str(text: &str) -> Result<Age, String> {
        let unreadable = || format!("`{text}` is no time span: write 36 hours, 90 days, 2 weeks or 1 year");
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let number: i64 = text[..digits].parse().map_err(|_| unreadable())?;
        let unit = match text[digits..].trim() {
            "h" | "hour" | "hours" => 3_600,
            "d" | "day" | "days" => 86_400,
            "w" | "week" | "weeks" => 7 * 86_400,
            "y" | "year" | "years" => 365 * 86_400,
            _ => return Err(unreadable()),
        };
        number.checked_mul(unit).map(|seconds| Age { seconds }).ok_or_else(unreadable)
    }
}
