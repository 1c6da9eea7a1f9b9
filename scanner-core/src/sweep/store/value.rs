//! The seam to a database: statements in the SQL that SQLite and PostgreSQL share, values in and rows out.

/// What stands in a cell. Numbers are 64 bits wide, times are seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Nothing.
    Null,
    /// A number, a time, a yes or no.
    Int(i64),
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row(pub Vec<Value>);

impl Row {
    /// A number; 0 where there is none.
    pub fn int(&self, column: usize) -> i64 {
        self.maybe_int(column).unwrap_or(0)
    }

    /// A number, where there is one.
    pub fn maybe_int(&self, column: usize) -> Option<i64> {
        match self.0.get(column) {
            Some(Value::Int(number)) => Some(*number),
            _ => None,
        }
    }

    /// A text; empty where there is none.
    pub fn text(&self, column: usize) -> String {
        self.maybe_text(column).unwrap_or_default()
    }

    /// A text, where there is one.
    pub fn maybe_text(&self, column: usize) -> Option<String> {
        match self.0.get(column) {
            Some(Value::Text(text)) => Some(text.clone()),
            _ => None,
        }
    }

    /// Bytes; none where there are none.
    pub fn bytes(&self, column: usize) -> &[u8] {
        match self.0.get(column) {
            Some(Value::Bytes(bytes)) => bytes,
            _ => &[],
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(text.to_owned())
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Value {
        Value::Text(text.clone())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Value {
        Value::Int(number)
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Value {
        Value::Int(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<bool> for Value {
    fn from(is: bool) -> Value {
        Value::Int(i64::from(is))
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Value {
        Value::Bytes(bytes)
    }
}

impl<T> From<Option<T>> for Value
where
    Value: From<T>,
{
    fn from(value: Option<T>) -> Value {
        value.map_or(Value::Null, Value::from)
    }
}

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be reached or was lost on the way: worth another try.
    #[error("the store cannot be reached: {0}")]
    Lost(String),
    /// Another transaction was in the way: worth another try.
    #[error("the store is busy: {0}")]
    Busy(String),
    /// A statement failed.
    #[error("the store failed: {0}")]
    Failed(String),
    /// It was made with another key.
    #[error("the store was made with another key: its findings would be counted twice")]
    OtherKey,
    /// It was made by a later version.
    #[error("the store has version {0}, this stopleak knows {1}")]
    Newer(i64, i64),
    /// What is named is not there.
    #[error("{0}")]
    Missing(String),
}

impl StoreError {
    /// Whether the same may work in a moment.
    pub fn is_passing(&self) -> bool {
        matches!(self, StoreError::Lost(_) | StoreError::Busy(_))
    }
}

/// The outcome of a statement or several.
pub type Result<T> = std::result::Result<T, StoreError>;

/// What runs statements inside one transaction. Parameters are `$1`, `$2` and so on, first used in that order.
pub trait Session {
    /// Runs one statement and gives its rows.
    fn run(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>>;
    /// What a `SELECT` that picks one row for oneself ends with.
    fn skip_locked(&self) -> &'static str;
}

/// A database: SQLite or PostgreSQL.
pub trait Database: Send {
    /// Runs `work` in one transaction: all of it is kept, or nothing.
    fn transaction(&mut self, work: &mut dyn FnMut(&mut dyn Session) -> Result<()>) -> Result<()>;
    /// How long a lost connection is worth waiting for: milliseconds.
    fn patience(&self) -> u64;
}

/// Makes a list of values of anything that can be one.
macro_rules! values {
    ($($value:expr),* $(,)?) => { [$($crate::sweep::store::Value::from($value)),*] };
}

pub(crate) use values;
