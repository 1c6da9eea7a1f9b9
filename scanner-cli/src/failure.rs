//! What ends a command: a message that names the act and the object, and the next step where there is one.

use std::fmt;

/// The outcome of a command or one of its steps.
pub type Result<T> = std::result::Result<T, Failure>;

/// Why a command could not be done as asked.
#[derive(Debug)]
pub struct Failure {
    message: String,
    hint: Option<String>,
}

impl Failure {
    /// A failure without advice.
    pub fn new(message: impl Into<String>) -> Failure {
        Failure { message: message.into(), hint: None }
    }

    /// Adds the next step.
    pub fn hint(self, hint: impl Into<String>) -> Failure {
        Failure { hint: Some(hint.into()), ..self }
    }

    /// What the user may do about it.
    pub fn next_step(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Turns a library's error into a failure that says what was being done.
pub trait OrFail<T> {
    /// `act` reads on with the error: `cannot read x: no such file`.
    fn or_fail(self, act: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: fmt::Display> OrFail<T> for std::result::Result<T, E> {
    fn or_fail(self, act: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|error| Failure::new(format!("{}: {error}", act())))
    }
}
