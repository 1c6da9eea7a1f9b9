//! PostgreSQL: <https://www.postgresql.org/docs/current/protocol-flow.html>, error codes in appendix A.

use super::bytes::Fields;
use super::line::Line;
use super::scram::{Hash, Scram};
use super::{Failed, Login, Session, label};
use crate::finding::Doubt;
use crate::secret::hex;
use crate::verify::Refusal;
use md5::{Digest, Md5};

/// Who is in, and what they may.
const QUESTION: &str = "SELECT current_user, current_database(), CASE WHEN rolsuper THEN 'superuser ' ELSE '' END || \
    CASE WHEN rolcreaterole THEN 'createrole ' ELSE '' END || CASE WHEN rolcreatedb THEN 'createdb ' ELSE '' END || \
    CASE WHEN rolreplication THEN 'replication ' ELSE '' END FROM pg_catalog.pg_roles WHERE rolname = current_user";

/// What follows a login that was let in: the connection, the user, whether the server proved itself.
type Then<'t> = dyn FnMut(Line, &str, bool) -> Result<Login, Refusal> + 't;

pub(super) fn talk(session: &Session<'_>, password: &[u8]) -> Result<Login, Refusal> {
    enter(session, password, &mut inside)
}

/// Logs in and carries out statements that say nothing of their rows; the first value that each answers.
pub(crate) fn carry_out(
    target: &super::Target,
    (reach, setup): (&dyn crate::verify::Reach, &super::Setup),
    statements: &[String],
) -> Result<Vec<String>, Failed> {
    let session = Session { target, reach, setup };
    let mut answer = None;
    let login = enter(&session, target.password.expose(), &mut |line, _, _| {
        answer = Some(execute(line, statements));
        Ok(Login::Open)
    });
    match (answer, login) {
        (Some(answer), _) => answer,
        (None, Err(refusal)) => Err(Failed::NotIn(refusal)),
        (None, Ok(_)) => {
            let reason = format!("{} does not let {} in", target.place.host, target.user);
            Err(Failed::NotIn(Refusal::new(Doubt::NotAllowed, reason)))
        }
    }
}

fn execute(mut line: Line, statements: &[String]) -> Result<Vec<String>, Failed> {
    line.want_private().map_err(Failed::NotIn)?;
    let mut answers = Vec::new();
    while message(&mut line).map_err(Failed::NotIn)?.0 != b'Z' {}
    for statement in statements {
        line.say(&framed(b'Q', &[statement.as_bytes(), b"\0"].concat())).map_err(Failed::Lost)?;
        let (mut answer, mut failed) = (String::new(), None);
        loop {
            let (kind, body) = message(&mut line).map_err(Failed::Lost)?;
            match kind {
                b'Z' => break,
                b'E' => failed = Some(code(&body)),
                b'D' => answer = columns(&body).into_iter().next().unwrap_or_default(),
                _ => {}
            }
        }
        match failed {
            Some(code) => return Err(Failed::Refused(code)),
            None => answers.push(answer),
        }
    }
    let _ = line.say(&framed(b'X', b""));
    Ok(answers)
}

fn enter(session: &Session<'_>, password: &[u8], then: &mut Then<'_>) -> Result<Login, Refusal> {
    let mut line = open(session)?;
    let user = &session.target.user;
    let database = if session.target.database.is_empty() { user } else { &session.target.database };
    line.say(&startup(user, database))?;
    let mut scram = Scram::new(Hash::Sha256, "", password);
    let (mut is_asked, mut is_proved) = (false, false);
    loop {
        let (kind, body) = message(&mut line)?;
        let mut fields = Fields(&body);
        match (kind, fields.big(4).filter(|_| kind == b'R')) {
            (b'R', Some(0)) if !is_asked => return Ok(Login::Open),
            (b'R', Some(0)) => return then(line, user, is_proved),
            (b'R', Some(3)) => {
                line.want_private()?;
                line.say(&framed(b'p', &[password, b"\0"].concat()))?;
            }
            (b'R', Some(5)) => {
                // Whoever hears the answer can try passwords at home.
                line.want_private()?;
                let salt = fields.take(4).ok_or_else(|| line.strange("holds no salt"))?;
                line.say(&framed(b'p', hashed(user, password, salt).as_bytes()))?;
            }
            (b'R', Some(10)) if body.windows(14).any(|name| name == b"SCRAM-SHA-256\0") => {
                let first = scram.first();
                let mut answer = b"SCRAM-SHA-256\0".to_vec();
                super::bytes::put_counted(&mut answer, first.as_bytes());
                line.say(&framed(b'p', &answer))?;
            }
            (b'R', Some(11)) => {
                let answer = scram.answer(&String::from_utf8_lossy(fields.0)).map_err(|what| line.strange(what))?;
                line.say(&framed(b'p', answer.as_bytes()))?;
            }
            (b'R', Some(12)) => {
                is_proved = scram.is_proved_by(&String::from_utf8_lossy(fields.0));
                if !is_proved {
                    return Err(line.strange("does not prove that it knows the password"));
                }
            }
            (b'R', _) => return Err(line.strange("asks for a way in that is no password")),
            (b'E', _) => return refusal(&line, &code(&body)),
            (b'N' | b'v', _) => continue,
            _ => return Err(line.strange("is not PostgreSQL's")),
        }
        is_asked = true;
    }
}

/// Asks for TLS first, as clients do.
fn open(session: &Session<'_>) -> Result<Line, Refusal> {
    let mut line = session.open()?;
    if session.target.safety == super::Safety::AtOnce {
        return Ok(line);
    }
    line.say(&[0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f])?;
    match line.hear(1)?[0] {
        b'S' => session.secure(line),
        b'N' => Ok(line),
        _ => Err(line.strange("is not PostgreSQL's")),
    }
}

fn startup(user: &str, database: &str) -> Vec<u8> {
    let fields = format!("user\0{user}\0database\0{database}\0application_name\0stopleak\0\0");
    let len = u32::try_from(fields.len() + 8).unwrap_or(u32::MAX);
    [&len.to_be_bytes()[..], &[0, 3, 0, 0], fields.as_bytes()].concat()
}

fn framed(kind: u8, body: &[u8]) -> Vec<u8> {
    let len = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
    [&[kind][..], &len.to_be_bytes(), body].concat()
}

fn message(line: &mut Line) -> Result<(u8, Vec<u8>), Refusal> {
    let head = line.hear(5)?;
    let mut fields = Fields(&head[1..]);
    let len = fields.big(4).and_then(|len| len.checked_sub(4)).ok_or_else(|| line.strange("is not PostgreSQL's"))?;
    Ok((head[0], line.hear(len)?))
}

/// The five characters of an error's code.
fn code(body: &[u8]) -> String {
    let mut fields = Fields(body);
    while let Some(text) = fields.until_zero() {
        if let Some(code) = text.strip_prefix(b"C") {
            return String::from_utf8_lossy(code).into_owned();
        }
    }
    String::new()
}

/// An error before anybody is let in.
fn refusal(line: &Line, code: &str) -> Result<Login, Refusal> {
    let host = line.host();
    match code {
        "28P01" => Ok(Login::Out { is_private: line.is_private() }),
        // By its list of hosts (pg_hba.conf), whatever the password.
        "28000" => {
            Err(Refusal::new(Doubt::Strange, format!("{host} lets this user in from elsewhere, or not by a password")))
        }
        code if code.starts_with("53") || code.starts_with("57") => {
            Err(Refusal::new(Doubt::Provider, format!("{host} takes no connections now ({code})")))
        }
        _ => Err(line.strange("is an error that says nothing of the password")),
    }
}

/// The password is right. What follows may still be that the role may not log in.
fn inside(mut line: Line, user: &str, proved: bool) -> Result<Login, Refusal> {
    let mut row: Vec<String> = Vec::new();
    // It is let in, whatever comes after.
    while let Ok((kind, body)) = message(&mut line) {
        match kind {
            b'E' if code(&body) == "28000" => return Ok(Login::Out { is_private: line.is_private() }),
            b'E' => break,
            b'Z' if row.is_empty() => {
                row.push(String::new());
                if line.say(&framed(b'Q', &[QUESTION.as_bytes(), b"\0"].concat())).is_err() {
                    break;
                }
            }
            b'D' => row = columns(&body),
            b'Z' => break,
            _ => {}
        }
    }
    let _ = line.say(&framed(b'X', b""));
    let mut identity = vec![label("user", user)];
    let mut scopes = None;
    if let [user, database, rights] = row.as_slice() {
        identity = vec![label("user", user), label("database", database)];
        scopes = Some(rights.trim()).filter(|rights| !rights.is_empty()).map(str::to_owned);
    }
    Ok(Login::In { proved, identity, scopes })
}

fn columns(body: &[u8]) -> Vec<String> {
    let mut fields = Fields(body);
    let count = fields.big(2).unwrap_or(0);
    (0..count).map_while(|_| fields.counted()).map(|value| String::from_utf8_lossy(value).into_owned()).collect()
}

/// `md5`, of the password and the user, then of that and the salt.
fn hashed(user: &str, password: &[u8], salt: &[u8]) -> String {
    let md5 =
        |parts: &[&[u8]]| hex(&parts.iter().fold(Md5::new(), |digest, part| digest.chain_update(part)).finalize());
    format!("md5{}\0", md5(&[md5(&[password, user.as_bytes()]).as_bytes(), salt]))
}
