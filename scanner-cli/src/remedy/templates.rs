//! `scan --write-env-templates`: a `.env` as it may be committed, with names, comments and harmless values.

use crate::failure::{Failure, OrFail, Result};
use crate::terminal::message;
use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use stopleak_core::detect::Engine;
use stopleak_core::scan::{Request, Target, scan_bytes};
use stopleak_core::{Finding, Origin, Warning};

/// Parts of names whose values are emptied in any case: a template must not hold what no rule knew.
const SECRET_NAMES: [&str; 13] = [
    "SECRET",
    "TOKEN",
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "PWD",
    "PASS",
    "KEY",
    "CREDENTIAL",
    "PRIVATE",
    "AUTH",
    "DSN",
    "SALT",
];

/// Writes a template beside every `.env` file on disk that holds a finding; one that is there is left alone.
pub fn write(findings: &[Finding], request: &Request) -> Result<()> {
    let files = files(findings, &request.targets);
    if files.is_empty() {
        message::line("No .env file on disk holds a finding that counts: no template was written.");
    }
    let engine = Engine::new(request.rules.clone());
    files.iter().try_for_each(|file| write_one(file, &engine))
}

fn write_one(file: &Path, engine: &Engine) -> Result<()> {
    let text = std::fs::read(file).or_fail(|| format!("cannot read {}", file.display()))?;
    let mut target = file.as_os_str().to_owned();
    target.push(".template");
    let target = PathBuf::from(target);
    let template = template(&text, &secret_lines(engine, &text));
    let (left, _) = scan(engine, &template);
    if left.iter().any(|finding| !finding.is_practice() && finding.confidence.0 >= 0.5) {
        return Err(Failure::new(format!(
            "cannot take every secret out of {}: no template was written",
            file.display()
        ))
        .hint("write it by hand, with empty values"));
    }
    let opened = OpenOptions::new().write(true).create_new(true).open(&target);
    match opened {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            message::note(&target.display().to_string(), "exists and was left as it is");
        }
        opened => {
            let written = opened.and_then(|mut out| out.write_all(&template));
            written.or_fail(|| format!("cannot write {}", target.display()))?;
            message::line(&format!(
                "{} written: check it, commit it, and take {} out of git (`git rm --cached`, a line in .gitignore).",
                target.display(),
                file.display()
            ));
        }
    }
    Ok(())
}

/// Files on disk that look like `.env`, by the findings in them.
fn files(findings: &[Finding], targets: &[Target]) -> BTreeSet<PathBuf> {
    let mut files = BTreeSet::new();
    for place in findings.iter().filter(|finding| !finding.is_practice()).flat_map(|finding| &finding.occurrences) {
        let Origin::File { path } = &place.origin else { continue };
        if !is_dotenv(path.rsplit('/').next().unwrap_or(path)) {
            continue;
        }
        let roots = targets.iter().filter_map(|target| match target {
            Target::Path(root) if root.is_dir() => Some(root.join(path)),
            Target::Path(root) if root.ends_with(path) => Some(root.clone()),
            _ => None,
        });
        files.extend(roots.filter(|file| file.is_file()).map(tidy));
    }
    files
}

/// `./a` reads better as `a`.
fn tidy(file: PathBuf) -> PathBuf {
    file.strip_prefix(".").map(Path::to_path_buf).unwrap_or(file)
}

/// `.env`, `.env.local`, `app.env`; templates and samples are meant to be committed.
fn is_dotenv(name: &str) -> bool {
    let is_sample = ["template", "example", "sample", "dist"].iter().any(|end| name.ends_with(&format!(".{end}")));
    !is_sample && (name == ".env" || name.starts_with(".env.") || name.ends_with(".env"))
}

/// The lines that hold a part of anything found, however sure.
fn secret_lines(engine: &Engine, text: &[u8]) -> BTreeSet<usize> {
    let (findings, _) = scan(engine, text);
    let places = findings.iter().filter(|finding| !finding.is_practice()).flat_map(|finding| &finding.occurrences);
    places.flat_map(|place| place.position.line as usize..=place.position.end_line as usize).collect()
}

fn scan(engine: &Engine, text: &[u8]) -> (Vec<Finding>, Vec<Warning>) {
    scan_bytes(engine, text, Origin::File { path: ".env".into() })
}

/// The same file with secret values emptied; `secret` holds the numbers of lines, from 1, on which one stands.
fn template(text: &[u8], secret: &BTreeSet<usize>) -> Vec<u8> {
    let lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < lines.len() {
        let count = statement(&lines[at..]);
        let holds = (at..at + count).any(|line| secret.contains(&(line + 1)));
        let whole = lines[at..at + count].concat();
        match assignment(&whole) {
            Some(name) if holds || sounds_secret(&whole[..name]) || has_login(&whole[name..]) => {
                out.extend(&whole[..name]);
                out.extend(after_value(&whole[name..]));
            }
            None if holds => out.extend(line_end(&whole)),
            _ => out.extend(&whole),
        }
        at += count;
    }
    out
}

/// How many lines belong to the statement that begins here: a quoted value may go on.
fn statement(lines: &[&[u8]]) -> usize {
    let Some(name) = assignment(lines[0]).filter(|_| !lines[0].trim_ascii_start().starts_with(b"#")) else { return 1 };
    let value = lines[0][name..].trim_ascii_start();
    let Some(quote) = value.first().copied().filter(|byte| b"\"'`".contains(byte)) else { return 1 };
    if closing(&value[1..], quote).is_some() {
        return 1;
    }
    let rest = lines[1..].iter().position(|line| closing(line, quote).is_some());
    // A quote that is never closed is a character.
    rest.map_or(1, |more| more + 2)
}

fn closing(text: &[u8], quote: u8) -> Option<usize> {
    let mut is_escaped = false;
    text.iter().position(|byte| {
        let closes = *byte == quote && !is_escaped;
        is_escaped = *byte == b'\\' && !is_escaped && quote != b'\'';
        closes
    })
}

/// Where the value begins: after `NAME=` or `NAME:`, also in a comment.
fn assignment(line: &[u8]) -> Option<usize> {
    let at = line.iter().position(|byte| matches!(byte, b'=' | b':' | b'\n'))?;
    let name = line[..at].trim_ascii();
    let name = name.strip_prefix(b"#").map_or(name, |name| name.trim_ascii());
    let name = name.strip_prefix(b"export ").unwrap_or(name).trim_ascii();
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.-".contains(byte);
    (line[at] != b'\n' && !name.is_empty() && name.iter().all(is_name)).then_some(at + 1)
}

fn sounds_secret(name: &[u8]) -> bool {
    let is_comment = name.trim_ascii_start().starts_with(b"#");
    let name = String::from_utf8_lossy(name).to_ascii_uppercase();
    !is_comment && SECRET_NAMES.iter().any(|part| name.contains(part))
}

/// `scheme://user:password@host`.
fn has_login(value: &[u8]) -> bool {
    let value = String::from_utf8_lossy(value);
    let login = value.split_once("://").and_then(|(_, rest)| rest.split(['/', ' ', '?']).next()?.rsplit_once('@'));
    login.is_some_and(|(user, _)| user.contains(':'))
}

/// What stands behind a value: a comment, the line's end.
fn after_value(value: &[u8]) -> Vec<u8> {
    let start = value.len() - value.trim_ascii_start().len();
    let inner = &value[start..];
    let quoted = inner.first().copied().filter(|byte| b"\"'`".contains(byte));
    let end = quoted.and_then(|quote| Some(start + closing(&inner[1..], quote)? + 2)).unwrap_or(0);
    let rest = &value[end..];
    let comment = (0..rest.len()).find(|at| rest[*at] == b'#' && *at > 0 && rest[at - 1].is_ascii_whitespace());
    match comment {
        // A value that begins the line's rest is over at the blank before `#`.
        Some(at) => [b" ", &rest[at..]].concat(),
        None => line_end(value).to_vec(),
    }
}

fn line_end(line: &[u8]) -> &[u8] {
    match line {
        [.., b'\r', b'\n'] => b"\r\n",
        [.., b'\n'] => b"\n",
        _ => b"",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn templated(text: &str, secret: &[usize]) -> String {
        String::from_utf8(template(text.as_bytes(), &secret.iter().copied().collect())).unwrap()
    }

    #[test]
    fn secret_values_are_emptied_and_the_rest_stays() {
        let text = "# the app\nPORT=8080\n\nexport API_VALUE=x1 # from the console\nMODE: 'fast' # or slow\r\n\
                    CERT=\"a\nb\nc\" # three lines\nNAME=\"two\nlines\"\nDB_PASSWORD='p#1'\n\
                    URL=https://u:p@host/x\nHOME_PAGE=https://host/x\nlast=1";
        let expected = "# the app\nPORT=8080\n\nexport API_VALUE= # from the console\nMODE: 'fast' # or slow\r\n\
                        CERT= # three lines\nNAME=\"two\nlines\"\nDB_PASSWORD=\n\
                        URL=\nHOME_PAGE=https://host/x\nlast=1";
        assert_eq!(templated(text, &[4, 7]), expected);
    }

    #[test]
    fn a_secret_in_a_comment_goes_too() {
        assert_eq!(templated("# OLD=abc\r\n# was abc\n#TOKENS are long\n", &[1, 2]), "# OLD=\r\n\n#TOKENS are long\n");
    }

    #[test]
    fn a_quote_that_is_never_closed_takes_no_lines() {
        assert_eq!(templated("A='x\nB=1\n", &[1]), "A=\nB=1\n");
    }

    #[test]
    fn samples_are_no_env_files() {
        assert_eq!(
            [".env", ".env.local", "app.env", ".env.example", "env", "x.env.template"].map(is_dotenv),
            [true, true, true, false, false, false]
        );
    }
}
