//! The store on one machine: a file of SQLite that several processes may use at once.

use super::value::{Database, Result, Row, Session, StoreError, Value};
use crate::private;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, ToSql, TransactionBehavior};
use std::path::Path;
use std::time::Duration;

/// How long a statement waits for another process.
const PATIENCE: Duration = Duration::from_secs(60);

/// A file.
pub struct Sqlite(Connection);

impl Sqlite {
    /// Opens a file, or makes it.
    pub fn open(path: &Path) -> Result<Sqlite> {
        keep_private(path)?;
        let opened =
            Connection::open(path).map_err(|error| StoreError::Failed(format!("{}: {error}", path.display())))?;
        opened.busy_timeout(PATIENCE).map_err(failed)?;
        // What was committed survives a process that is killed; a power failure may cost the last jobs, which are redone.
        let settings = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -16384; \
                        PRAGMA journal_size_limit = 33554432;";
        opened.execute_batch(settings).map_err(failed)?;
        opened.set_prepared_statement_cache_capacity(128);
        Ok(Sqlite(opened))
    }
}

/// Names of repositories and paths are nobody else's business: the file is made before SQLite would.
fn keep_private(path: &Path) -> Result<()> {
    let opened = private::options().create(true).append(true).open(path);
    opened.map(|_| ()).map_err(|error| StoreError::Failed(format!("{}: {error}", path.display())))
}

impl Database for Sqlite {
    fn transaction(&mut self, work: &mut dyn FnMut(&mut dyn Session) -> Result<()>) -> Result<()> {
        let transaction = self.0.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        work(&mut Open(&transaction))?;
        transaction.commit().map_err(failed)
    }

    fn patience(&self) -> u64 {
        120_000
    }
}

struct Open<'a>(&'a rusqlite::Transaction<'a>);

impl Session for Open<'_> {
    fn run(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>> {
        let mut statement = self.0.prepare_cached(sql).map_err(failed)?;
        for (index, value) in values.iter().enumerate() {
            statement.raw_bind_parameter(index + 1, value).map_err(failed)?;
        }
        let columns = statement.column_count();
        let (mut found, mut rows) = (Vec::new(), statement.raw_query());
        while let Some(row) = rows.next().map_err(failed)? {
            let cells: std::result::Result<Vec<Value>, rusqlite::Error> =
                (0..columns).map(|column| row.get_ref(column).map(cell)).collect();
            found.push(Row(cells.map_err(failed)?));
        }
        Ok(found)
    }

    fn skip_locked(&self) -> &'static str {
        ""
    }
}

fn cell(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Int(number),
        ValueRef::Real(number) => Value::Int(number as i64),
        ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Null => ValueRef::Null,
            Value::Int(number) => ValueRef::Integer(*number),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

fn failed(error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy(error.to_string()),
        _ => StoreError::Failed(error.to_string()),
    }
}
