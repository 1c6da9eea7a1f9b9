//! Redis and Valkey: <https://redis.io/docs/latest/develop/reference/protocol-spec/>, <https://redis.io/docs/latest/commands/auth/>.

use super::line::Line;
use super::{Failed, Login, Session, label};
use crate::finding::Doubt;
use crate::verify::Refusal;

/// Deeper and longer answers are none of Redis.
const MAX_DEPTH: usize = 4;
const MAX_ITEMS: usize = 1_000;

/// An answer.
enum Reply {
    Text(String),
    Error(String),
    List(Vec<Reply>),
}

pub(super) fn talk(session: &Session<'_>, password: &[u8]) -> Result<Login, Refusal> {
    let mut line = session.open()?;
    line.want_private()?;
    let user = session.target.user.as_bytes();
    let words: &[&[u8]] = if user.is_empty() { &[b"AUTH", password] } else { &[b"AUTH", user, password] };
    match ask(&mut line, words)? {
        Reply::Text(text) if text == "OK" => Ok(inside(line, &session.target.user)),
        Reply::Error(error) => refusal(&line, &error),
        _ => Err(line.strange("is not Redis's")),
    }
}

/// Logs in and carries out commands; what each answers, or the error it ends with.
pub(crate) fn carry_out(
    target: &super::Target,
    (reach, setup): (&dyn crate::verify::Reach, &super::Setup),
    commands: &[Vec<Vec<u8>>],
) -> Result<Vec<Result<String, String>>, Failed> {
    let session = Session { target, reach, setup };
    let mut line = session.open().map_err(Failed::NotIn)?;
    line.want_private().map_err(Failed::NotIn)?;
    let (user, password) = (target.user.as_bytes(), target.password.expose());
    let words: &[&[u8]] = if user.is_empty() { &[b"AUTH", password] } else { &[b"AUTH", user, password] };
    match ask(&mut line, words).map_err(Failed::NotIn)? {
        Reply::Text(text) if text == "OK" => {}
        _ => {
            let reason = format!("{} does not let {} in", target.place.host, target.user);
            return Err(Failed::NotIn(Refusal::new(Doubt::NotAllowed, reason)));
        }
    }
    let mut answers = Vec::new();
    for command in commands {
        let words: Vec<&[u8]> = command.iter().map(Vec::as_slice).collect();
        answers.push(match ask(&mut line, &words).map_err(Failed::Lost)? {
            Reply::Text(text) => Ok(text),
            Reply::List(_) => Ok(String::new()),
            Reply::Error(error) => Err(error),
        });
    }
    Ok(answers)
}

fn refusal(line: &Line, error: &str) -> Result<Login, Refusal> {
    let host = line.host();
    let starts = |known: &str| error.starts_with(known);
    if starts("WRONGPASS") || starts("ERR invalid password") {
        return Ok(Login::Out { is_private: line.is_private() });
    }
    if starts("ERR AUTH <password> called without any password")
        || starts("ERR Client sent AUTH, but no password is set")
    {
        return Ok(Login::Open);
    }
    if starts("LOADING") || starts("BUSY") || starts("MASTERDOWN") || starts("ERR max number of clients") {
        return Err(Refusal::new(Doubt::Provider, format!("{host} takes no commands now")));
    }
    Err(line.strange("is an error that says nothing of the password"))
}

/// The password is right; who that is, and what they may, where the server tells.
fn inside(mut line: Line, user: &str) -> Login {
    let mut name = if user.is_empty() { "default".to_owned() } else { user.to_owned() };
    if let Ok(Reply::Text(who)) = ask(&mut line, &[b"ACL", b"WHOAMI"]) {
        name = who;
    }
    let mut scopes = None;
    if let Ok(Reply::List(fields)) = ask(&mut line, &[b"ACL", b"GETUSER", name.as_bytes()]) {
        let at = fields.iter().position(|field| matches!(field, Reply::Text(text) if text == "commands"));
        if let Some(Reply::Text(commands)) = at.and_then(|at| fields.get(at + 1)) {
            scopes = Some(label("", commands).1);
        }
    }
    Login::In { proved: false, identity: vec![label("user", name)], scopes }
}

fn ask(line: &mut Line, words: &[&[u8]]) -> Result<Reply, Refusal> {
    let mut command = zeroize::Zeroizing::new(format!("*{}\r\n", words.len()).into_bytes());
    for word in words {
        command.extend(format!("${}\r\n", word.len()).as_bytes());
        command.extend(*word);
        command.extend(b"\r\n");
    }
    line.say(&command)?;
    reply(line, 0, &mut 0)
}

fn reply(line: &mut Line, depth: usize, items: &mut usize) -> Result<Reply, Refusal> {
    let text = line.hear_line()?;
    let strange = |line: &Line| line.strange("is not Redis's");
    *items += 1;
    if depth > MAX_DEPTH || *items > MAX_ITEMS || !text.is_ascii() || text.is_empty() {
        return Err(strange(line));
    }
    let (kind, rest) = text.split_at(1);
    match kind {
        "+" | ":" => Ok(Reply::Text(rest.to_owned())),
        "-" => Ok(Reply::Error(rest.to_owned())),
        "$" | "*" if rest == "-1" => Ok(Reply::Text(String::new())),
        "$" => {
            let len: usize = rest.parse().map_err(|_| strange(line))?;
            let bytes = line.hear(len.saturating_add(2))?;
            Ok(Reply::Text(String::from_utf8_lossy(&bytes[..len]).into_owned()))
        }
        "*" => {
            let count: usize = rest.parse().map_err(|_| strange(line))?;
            (0..count).map(|_| reply(line, depth + 1, items)).collect::<Result<_, _>>().map(Reply::List)
        }
        _ => Err(strange(line)),
    }
}
