//! A SQLite database as text: each table is a member, each value a line `column = "value"`; then what deleted rows left.
//! Every page is looked at once, so that no tree, however knotted, takes longer than its file.

mod free;
mod page;
mod record;
mod rows;

use super::reader::ReadSeek;
use super::trouble::Trouble;
use super::walk::Walk;
use page::Pages;
use record::Value;
use rows::Rows;

/// Names of columns whose values name the value beside them.
const KEYS: [&str; 4] = ["key", "name", "setting", "option_name"];
const VALUES: [&str; 4] = ["value", "val", "content", "option_value"];

/// Hands over every table, and the free space.
pub fn unpack(walk: &mut Walk<'_, '_>, source: &mut dyn ReadSeek) -> Result<(), Trouble> {
    let mut pages = Pages::open(source)?;
    let mut damage = None;
    for table in schema(&mut pages, walk)? {
        let mut rows = Rows::new(&mut pages, walk.budget, &table);
        if table.is_index {
            // Copies of what the tables hold.
            rows.pass();
            continue;
        }
        walk.entry(table.name.as_bytes(), &mut rows)?;
        damage = rows.trouble.take().or(damage);
        let (archives, _reserved) = rows.into_archives();
        for (name, blob) in archives {
            walk.entry(name.as_bytes(), &mut blob.as_slice())?;
        }
    }
    walk.entry(b"(free space)", &mut free::Free::new(&mut pages))?;
    damage.map_or(Ok(()), Err)
}

/// A table or an index.
struct Table {
    name: String,
    root: u32,
    columns: Vec<String>,
    is_index: bool,
}

/// Where the tables are, from the table of tables on the first page.
fn schema(pages: &mut Pages<'_>, walk: &Walk<'_, '_>) -> Result<Vec<Table>, Trouble> {
    let own = Table { name: String::new(), root: 1, columns: Vec::new(), is_index: false };
    let mut tables = vec![Table {
        name: "(schema)".into(),
        root: 1,
        columns: ["type", "table", "table", "page", "sql"].map(str::to_owned).to_vec(),
        is_index: false,
    }];
    let mut rows = Rows::new(pages, walk.budget, &own);
    while let Some(values) = rows.next_row() {
        let [Value::Text(kind), Value::Text(name), _, Value::Number(root), sql, ..] = values.as_slice() else {
            continue;
        };
        let Ok(root) = u32::try_from(*root) else { continue };
        let columns = if let Value::Text(sql) = sql { columns(sql) } else { Vec::new() };
        if root > 1 {
            tables.push(Table { name: name.clone(), root, columns, is_index: kind == "index" });
        }
    }
    pages.forget();
    Ok(tables)
}

/// The names of the columns in `CREATE TABLE t(a TEXT, "b c" INT, PRIMARY KEY(a))`.
fn columns(sql: &str) -> Vec<String> {
    let Some(open) = sql.find('(') else { return Vec::new() };
    let (mut depth, mut start, mut columns) = (0, open + 1, Vec::new());
    for (at, byte) in sql.bytes().enumerate().skip(open) {
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        if depth == 0 || depth == 1 && byte == b',' {
            columns.extend(sql.get(start..at).and_then(column));
            start = at + 1;
        }
        if depth == 0 {
            break;
        }
    }
    columns
}

fn column(definition: &str) -> Option<String> {
    let definition = definition.trim();
    let name = match definition.chars().next()? {
        open @ ('"' | '`' | '[' | '\'') => {
            let close = if open == '[' { ']' } else { open };
            definition[1..].split(close).next()?
        }
        _ => definition.split(|c: char| c.is_whitespace() || c == '(').next()?,
    };
    let is_rule =
        ["PRIMARY", "UNIQUE", "CHECK", "FOREIGN", "CONSTRAINT"].iter().any(|word| name.eq_ignore_ascii_case(word));
    (!is_rule).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::columns;

    #[test]
    fn columns_are_read_from_the_statement() {
        let table = [
            ("CREATE TABLE t(a TEXT, \"b c\" INT, PRIMARY KEY(a, b))", vec!["a", "b c"]),
            (
                "CREATE TABLE t (\n  id INTEGER PRIMARY KEY,\n  [key] DECIMAL(1,2) CHECK (x IN (1,2))\n)",
                vec!["id", "key"],
            ),
            ("CREATE TABLE t", vec![]),
            ("CREATE TABLE t(", vec![]),
        ];
        for (sql, expected) in table {
            assert_eq!(columns(sql), expected, "{sql}");
        }
    }
}
