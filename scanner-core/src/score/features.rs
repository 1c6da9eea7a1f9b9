//! Turns a candidate into numbers, each with a name that a report can show.

use super::base64;
use super::form::{Form, form};
use super::name::{self, Head, Name};
use super::shape::{Alphabet, Shape, shape};
use super::surroundings::Surroundings;
use super::trigram::{Letters, letters};
use super::words::{self, each_word};
use crate::detect::assignment::{Syntax, is_reference};

macro_rules! features {
    ($($name:ident = $reason:literal,)*) => {
        /// One number about a candidate.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Feature { $($name,)* }

        /// The name of each feature in evidence.
        pub const REASONS: &[&str] = &[$($reason,)*];

        /// The name of each feature in the table of weights.
        pub const NAMES: &[&str] = &[$(stringify!($name),)*];
    };
}

features! {
    Bias = "assigned-to-a-name",
    Random = "random-for-its-alphabet",
    Bits = "length-for-its-alphabet",
    WordBits = "letters-like-words",
    WordExcess = "too-word-like",
    Changes = "class-changes",
    ChangeLack = "too-few-class-changes",
    DistinctLack = "too-few-distinct-characters",
    StepExcess = "sequence",
    Run = "repeated-character",
    Digits = "digits-only",
    Hex = "hex",
    Lower = "lower-case-only",
    Upper = "upper-case-only",
    LowerDigits = "lower-case-and-digits",
    UpperDigits = "upper-case-and-digits",
    Letters = "letters-only",
    Alphanumeric = "letters-and-digits",
    Base64Url = "base64url",
    Base64 = "base64",
    Symbols = "symbols",
    NonAscii = "non-ascii",
    Base64Text = "base64-of-text",
    Under8 = "under-8-characters",
    Under12 = "8-to-11-characters",
    Under16 = "12-to-15-characters",
    Under24 = "16-to-23-characters",
    Under48 = "24-to-47-characters",
    Under129 = "48-to-128-characters",
    Longer = "over-128-characters",
    Placeholder = "placeholder-word",
    Credential = "names-a-credential",
    SameAsName = "repeats-its-name",
    FormUuid = "uuid",
    FormVersion = "version-or-number",
    FormPath = "path",
    FormUrl = "url",
    FormEmail = "email",
    FormDotted = "dotted-name",
    FormJoined = "joined-words",
    FormCamel = "identifier",
    FormSentence = "sentence",
    FormColor = "color",
    FormDigest = "digest",
    FormPublicKey = "public-key",
    FormRegex = "regular-expression",
    FormFormat = "format-string",
    FormMasked = "masked",
    FormMarkup = "markup-or-query",
    FormMime = "mime-type",
    FormResource = "resource-name",
    NameOther = "name-without-credential",
    NameAccess = "name-says-access",
    NameKey = "name-says-key",
    NameToken = "name-says-token",
    NameNamedKey = "name-says-api-key",
    NameSecret = "name-says-secret",
    NamePassword = "name-says-password",
    NameAbout = "name-is-about-a-credential",
    NameTurned = "name-says-otherwise",
    NamePretend = "name-says-test",
    NameDigest = "name-says-digest",
    NamePublic = "name-says-public",
    NameTransient = "name-says-transient",
    Literal = "quoted-literal",
    Bare = "unquoted",
    Argument = "argument",
    Fallback = "fallback",
    Comparison = "comparison",
    Markup = "markup",
    Query = "query",
    Header = "header",
    Flag = "flag",
    Sql = "sql-clause",
    Prose = "prose",
    Block = "block",
    PasswordMixed = "mixed-password",
    PasswordSymbols = "password-with-symbols",
    PasswordWord = "password-is-a-word",
    PasswordLetters = "password-of-random-letters",
    ShortMixed = "short-and-mixed",
    ShortLetters = "short-random-letters",
    Reference = "refers-elsewhere",
    Comment = "comment",
    LineDigest = "line-about-digests",
    LineShowing = "line-shows-an-example",
    LineTesting = "line-tests",
    Dense = "dense-text",
}

/// Places for the features, rounded up to a multiple of eight; the last ones stay 0.
pub const COUNT: usize = REASONS.len().next_multiple_of(8);

/// A candidate as numbers.
#[derive(Clone, Debug)]
pub struct Features(pub [f32; COUNT]);

impl Features {
    /// Forgives what a fixed part inside a known form does to the statistics (`…FFFFNRAL`, `access-production-…`): only
    /// what is far from random, `xxxx…` or `0123…`, speaks against a value whose form is right.
    pub fn soften(&mut self) {
        for feature in [Feature::DistinctLack, Feature::ChangeLack, Feature::StepExcess, Feature::WordExcess] {
            let value = &mut self.0[feature as usize];
            if *value < 4.5 {
                *value = (*value - 2.5).max(0.0);
            }
        }
    }

    fn set(&mut self, feature: Feature, value: f32) {
        self.0[feature as usize] = value;
    }

    fn flag(&mut self, feature: Feature, holds: bool) {
        self.0[feature as usize] = f32::from(u8::from(holds));
    }

    /// The number of one feature.
    pub fn get(&self, feature: Feature) -> f32 {
        self.0[feature as usize]
    }
}

/// The features of a value, its name and how they hang together.
pub fn of_value(value: &[u8], key: Option<&[u8]>, syntax: Option<Syntax>) -> Features {
    let mut features = Features([0.0; COUNT]);
    features.set(Feature::Bias, 1.0);
    if value.is_empty() {
        return features;
    }
    let mut buffer = [0; 192];
    let text = base64::text(value, &mut buffer);
    features.flag(Feature::Base64Text, text.is_some());
    let value = text.unwrap_or(value);
    let random = without_leading_words(value);
    let shape = shape(random);
    let letters = letters(random, shape.alphabet == Alphabet::Hex);
    randomness(&mut features, &shape, &letters);
    alphabet(&mut features, &shape);
    features.set(length(shape.len), 1.0);
    let known = form(random, &shape).or_else(|| {
        // The words before the random part are joined to it by one of these.
        let whole = Shape { seen: shape.seen | 1 << b'-' | 1 << b'_' | 1 << b':' | 1 << b'.', symbols: 1, ..shape };
        (random.len() < value.len()).then(|| form(value, &whole)).flatten()
    });
    // Random letters are no identifier.
    let form = known.filter(|form| *form != Form::Camel || letters.count < 8 || letters.deviation > 1.0);
    if let Some(form) = form {
        features.set(form_feature(form), 1.0);
    }
    let name = key.map(name::read).unwrap_or_default();
    content(&mut features, value, key, &shape);
    if key.is_some() {
        named(&mut features, &name);
        if matches!(form, None | Some(Form::Camel)) {
            password(&mut features, &name, &shape, &letters);
        }
    }
    if let Some(syntax) = syntax {
        features.set(syntax_feature(syntax), 1.0);
    }
    features
}

/// Adds whether a value of a chosen form is a variable's name or a template: an assignment's value never is.
pub fn add_reference(features: &mut Features, value: &[u8]) {
    features.flag(Feature::Reference, is_reference(value));
}

/// Adds what the line says.
pub fn add_surroundings(features: &mut Features, line: &Surroundings) {
    features.flag(Feature::Comment, line.comment);
    features.flag(Feature::LineDigest, line.digest);
    features.flag(Feature::LineShowing, line.showing);
    features.flag(Feature::LineTesting, line.testing);
    features.flag(Feature::Dense, line.dense);
}

fn randomness(features: &mut Features, shape: &Shape, letters: &Letters) {
    let words = letters.deviation;
    let (changes, distinct, steps) = (shape.change_deviation(), shape.distinct_deviation(), shape.step_deviation());
    let looks_random = shape.bits() >= 60.0 && words < 2.5 && changes > -2.5 && distinct > -2.5 && steps < 2.5;
    features.flag(Feature::Random, looks_random && shape.spaces == 0 && shape.longest_run < 5);
    features.set(Feature::Bits, (shape.bits() / 64.0).min(3.0));
    let bits = if shape.alphabet == Alphabet::Hex { 0.0 } else { letters.bits };
    features.set(Feature::WordBits, (bits / 10.0).clamp(-2.0, 4.0));
    features.set(Feature::WordExcess, (words - 2.5).clamp(0.0, 8.0));
    features.set(Feature::Changes, changes.clamp(-4.0, 2.0));
    features.set(Feature::ChangeLack, (-2.5 - changes).clamp(0.0, 6.0));
    features.set(Feature::DistinctLack, (-2.5 - distinct).clamp(0.0, 8.0));
    features.set(Feature::StepExcess, (steps - 2.5).clamp(0.0, 8.0));
    features.set(Feature::Run, (shape.longest_run as f32 - 3.0).clamp(0.0, 6.0));
}

fn alphabet(features: &mut Features, shape: &Shape) {
    let feature = match shape.alphabet {
        Alphabet::Digits => Feature::Digits,
        Alphabet::Hex => Feature::Hex,
        Alphabet::Lower => Feature::Lower,
        Alphabet::Upper => Feature::Upper,
        Alphabet::LowerDigits => Feature::LowerDigits,
        Alphabet::Base32 if shape.lower > 0 => Feature::LowerDigits,
        Alphabet::UpperDigits | Alphabet::Base32 => Feature::UpperDigits,
        Alphabet::Letters => Feature::Letters,
        Alphabet::Alphanumeric => Feature::Alphanumeric,
        Alphabet::Base64Url => Feature::Base64Url,
        Alphabet::Base64 => Feature::Base64,
        Alphabet::Symbols => Feature::Symbols,
    };
    features.set(feature, 1.0);
    features.flag(Feature::NonAscii, shape.other > 0);
}

fn length(len: usize) -> Feature {
    match len {
        0..8 => Feature::Under8,
        8..12 => Feature::Under12,
        12..16 => Feature::Under16,
        16..24 => Feature::Under24,
        24..48 => Feature::Under48,
        48..129 => Feature::Under129,
        _ => Feature::Longer,
    }
}

/// Words inside the value: placeholders, names of credentials, the words of its own name.
fn content(features: &mut Features, value: &[u8], key: Option<&[u8]>, shape: &Shape) {
    let (mut placeholder, mut credential, mut short, mut repeats) = (0.0f32, 0.0f32, 0usize, 0.0f32);
    // Long values of random letters hold many short words by chance.
    each_word(value, |word, meaning| {
        if meaning & words::PLACEHOLDER != 0 {
            match word.len() {
                // One short word stands in many a long random value; two do not.
                4 if value.len() >= 24 => placeholder += 0.5,
                4.. => placeholder += 1.0,
                _ => short += word.len(),
            }
        } else if word.len() >= 4 && meaning & words::CREDENTIAL != 0 {
            credential += 1.0;
        }
        if word.len() >= 4 && key.is_some_and(|key| contains_ignoring_case(key, word)) {
            repeats += 1.0;
        }
    });
    let mut placeholder = placeholder.floor();
    let letters = (shape.lower + shape.upper) as usize;
    if short * 3 > letters && short > 0 || letters >= 7 && contains_ignoring_case(value, b"example") {
        placeholder = placeholder.max(1.0);
    }
    features.set(Feature::Placeholder, placeholder.min(2.0));
    features.set(Feature::Credential, credential.min(2.0));
    features.set(Feature::SameAsName, repeats.min(2.0));
}

fn contains_ignoring_case(text: &[u8], word: &[u8]) -> bool {
    let first = word[0] | 0x20;
    let last = text.len().saturating_sub(word.len() - 1);
    (0..last).any(|at| text[at] | 0x20 == first && text[at..at + word.len()].eq_ignore_ascii_case(word))
}

fn named(features: &mut Features, name: &Name) {
    let head = match name.head {
        Head::Other => Feature::NameOther,
        Head::Access => Feature::NameAccess,
        Head::Key => Feature::NameKey,
        Head::Token => Feature::NameToken,
        Head::NamedKey => Feature::NameNamedKey,
        Head::Secret => Feature::NameSecret,
        Head::Password => Feature::NamePassword,
    };
    features.set(head, 1.0);
    features.flag(Feature::NameAbout, name.about);
    features.flag(Feature::NameTurned, name.turned);
    features.flag(Feature::NamePretend, name.pretend);
    features.flag(Feature::NameDigest, name.digest);
    features.flag(Feature::NamePublic, name.public);
    features.flag(Feature::NameTransient, name.transient);
}

/// What is short and no word: on a password's name it may be chosen by a person, on others it must look random.
fn password(features: &mut Features, name: &Name, shape: &Shape, letters: &Letters) {
    if name.head == Head::Other || name.about || name.turned || shape.spaces > 0 {
        return;
    }
    if name.head != Head::Password {
        let mixed = shape.digits > 0 && shape.lower + shape.upper > 2 && shape.changes > 2;
        let short = shape.len < 16 && letters.deviation <= 1.0;
        features.flag(Feature::ShortMixed, short && mixed);
        features.flag(Feature::ShortLetters, short && shape.digits == 0 && letters.count > 7);
        return;
    }
    // `-` and `_` join words; they make no password.
    let symbols = shape.alphabet == Alphabet::Symbols;
    let cases = shape.lower > 0 && shape.upper > 0;
    features.flag(Feature::PasswordMixed, shape.digits > 0 && (cases || symbols));
    features.flag(Feature::PasswordSymbols, symbols && (shape.lower + shape.upper + shape.digits > 2));
    let only_letters = letters.count as usize == shape.len;
    features.flag(Feature::PasswordWord, only_letters && letters.deviation > 1.0);
    features.flag(Feature::PasswordLetters, only_letters && letters.deviation <= 1.0);
}

/// The value without leading words (`django-insecure-`, `prod_`) when what remains is long enough to be judged alone.
fn without_leading_words(value: &[u8]) -> &[u8] {
    let mut rest = value;
    while let Some(end) = rest.iter().position(|b| !b.is_ascii_alphabetic()) {
        if !(2..=16).contains(&end) || !matches!(rest[end], b'-' | b'_' | b':' | b'.') || rest.len() < end + 17 {
            break;
        }
        rest = &rest[end + 1..];
    }
    if rest.iter().any(u8::is_ascii_digit) { rest } else { value }
}

fn form_feature(form: Form) -> Feature {
    match form {
        Form::Uuid => Feature::FormUuid,
        Form::Version => Feature::FormVersion,
        Form::Path => Feature::FormPath,
        Form::Url => Feature::FormUrl,
        Form::Email => Feature::FormEmail,
        Form::Dotted => Feature::FormDotted,
        Form::Joined => Feature::FormJoined,
        Form::Camel => Feature::FormCamel,
        Form::Sentence => Feature::FormSentence,
        Form::Color => Feature::FormColor,
        Form::Digest => Feature::FormDigest,
        Form::PublicKey => Feature::FormPublicKey,
        Form::Regex => Feature::FormRegex,
        Form::Format => Feature::FormFormat,
        Form::Masked => Feature::FormMasked,
        Form::Markup => Feature::FormMarkup,
        Form::Mime => Feature::FormMime,
        Form::Resource => Feature::FormResource,
    }
}

fn syntax_feature(syntax: Syntax) -> Feature {
    match syntax {
        Syntax::Literal => Feature::Literal,
        Syntax::Bare => Feature::Bare,
        Syntax::Argument => Feature::Argument,
        Syntax::Fallback => Feature::Fallback,
        Syntax::Comparison => Feature::Comparison,
        Syntax::Markup => Feature::Markup,
        Syntax::Query => Feature::Query,
        Syntax::Header => Feature::Header,
        Syntax::Flag => Feature::Flag,
        Syntax::Sql => Feature::Sql,
        Syntax::Prose => Feature::Prose,
        Syntax::Block => Feature::Block,
    }
}
