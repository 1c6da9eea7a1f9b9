//! The store for many machines: PostgreSQL, reached again when it was lost.

use super::value::{Database, Result, Row, Session, StoreError, Value};
use postgres::error::SqlState;
use postgres::types::private::BytesMut;
use postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use postgres::{Client, Config, Statement};
use std::collections::HashMap;
use std::error::Error;
use std::time::Duration;
use tokio_postgres_rustls::MakeRustlsConnect;

/// A database on a server.
pub struct Postgres {
    config: Config,
    tls: MakeRustlsConnect,
    open: Option<Connected>,
}

/// A connection, and what was prepared on it.
struct Connected {
    client: Client,
    statements: HashMap<String, Statement>,
}

impl Postgres {
    /// Reads an address, `postgres://user@host/database?sslmode=require`, which is connected to when it is first used.
    pub fn open(address: &str) -> Result<Postgres> {
        // The address may hold a password: the error tells nothing of it.
        let unreadable = |_| StoreError::Failed("its address cannot be read".to_owned());
        let mut config: Config = address.parse().map_err(unreadable)?;
        config.connect_timeout(Duration::from_secs(10)).keepalives_idle(Duration::from_secs(10));
        config.keepalives_interval(Duration::from_secs(5)).keepalives_retries(3);
        config.tcp_user_timeout(Duration::from_secs(20)).application_name("stopleak");
        let tls = crate::http::tls_config().map_err(|error| StoreError::Failed(error.to_string()))?;
        Ok(Postgres { config, tls: MakeRustlsConnect::new(tls), open: None })
    }

    fn connected(&mut self) -> Result<&mut Connected> {
        if self.open.as_ref().is_some_and(|open| open.client.is_closed()) {
            self.open = None;
        }
        if self.open.is_none() {
            let mut client = self.config.connect(self.tls.clone()).map_err(failed)?;
            // A server that was reached and then falls silent must not hold a worker for ever.
            client.batch_execute("SET statement_timeout = '120s'; SET lock_timeout = '60s'").map_err(failed)?;
            self.open = Some(Connected { client, statements: HashMap::new() });
        }
        self.open.as_mut().ok_or_else(|| StoreError::Lost("there is no connection".to_owned()))
    }
}

impl Database for Postgres {
    fn transaction(&mut self, work: &mut dyn FnMut(&mut dyn Session) -> Result<()>) -> Result<()> {
        let Connected { client, statements } = self.connected()?;
        let transaction = client.transaction().map_err(failed)?;
        let mut open = Open { transaction, statements };
        work(&mut open)?;
        open.transaction.commit().map_err(failed)
    }

    fn patience(&self) -> u64 {
        600_000
    }
}

struct Open<'a> {
    transaction: postgres::Transaction<'a>,
    statements: &'a mut HashMap<String, Statement>,
}

impl Session for Open<'_> {
    fn run(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>> {
        if values.is_empty() && sql.starts_with("CREATE") {
            return self.transaction.batch_execute(sql).map_err(failed).map(|()| Vec::new());
        }
        let statement = match self.statements.get(sql) {
            Some(statement) => statement.clone(),
            None => {
                let statement = self.transaction.prepare(sql).map_err(failed)?;
                self.statements.insert(sql.to_owned(), statement.clone());
                statement
            }
        };
        let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| value as _).collect();
        let rows = self.transaction.query(&statement, &values).map_err(failed)?;
        rows.iter().map(row).collect()
    }

    fn skip_locked(&self) -> &'static str {
        " FOR UPDATE SKIP LOCKED"
    }
}

fn row(row: &postgres::Row) -> Result<Row> {
    let cell = |(index, column): (usize, &postgres::Column)| {
        Ok(match *column.type_() {
            Type::INT8 => row.try_get::<_, Option<i64>>(index).map_err(failed)?.into(),
            Type::BYTEA => row.try_get::<_, Option<Vec<u8>>>(index).map_err(failed)?.into(),
            _ => row.try_get::<_, Option<String>>(index).map_err(failed)?.into(),
        })
    };
    row.columns().iter().enumerate().map(cell).collect::<Result<Vec<Value>>>().map(Row)
}

impl ToSql for Value {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> std::result::Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Value::Null => Ok(IsNull::Yes),
            Value::Int(number) => number.to_sql(kind, out),
            // Text of a repository may hold what PostgreSQL has no place for.
            Value::Text(text) => text.replace('\0', "\u{fffd}").to_sql(kind, out),
            Value::Bytes(bytes) => bytes.to_sql(kind, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

fn failed(error: postgres::Error) -> StoreError {
    let Some(server) = error.as_db_error() else {
        return match error.is_closed() || error.source().is_some() {
            true => StoreError::Lost(words(&error)),
            false => StoreError::Failed(words(&error)),
        };
    };
    let code = server.code();
    let is_busy = [
        &SqlState::T_R_SERIALIZATION_FAILURE,
        &SqlState::T_R_DEADLOCK_DETECTED,
        &SqlState::LOCK_NOT_AVAILABLE,
        // Two that make the same tables at once.
        &SqlState::UNIQUE_VIOLATION,
    ];
    let is_busy = is_busy.contains(&code);
    // 08: connections; 57P: the server is being shut down, crashed or starts; 53: out of connections.
    let is_lost = code.code().starts_with("08") || code.code().starts_with("57P") || code.code().starts_with("53");
    match (is_busy, is_lost) {
        (true, _) => StoreError::Busy(server.message().to_owned()),
        (_, true) => StoreError::Lost(server.message().to_owned()),
        _ => StoreError::Failed(server.message().to_owned()),
    }
}

/// The error with its causes: the first alone says `error communicating with the server`.
fn words(error: &dyn Error) -> String {
    let (mut words, mut cause) = (error.to_string(), error.source());
    while let Some(inner) = cause {
        words = format!("{words}: {inner}");
        cause = inner.source();
    }
    words
}
