//! SMTP: <https://datatracker.ietf.org/doc/html/rfc5321>, `AUTH` <https://datatracker.ietf.org/doc/html/rfc4954>.

use super::line::Line;
use super::{Login, Safety, Session, label};
use crate::finding::Doubt;
use crate::verify::Refusal;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use zeroize::Zeroizing;

/// Lines of one answer.
const MAX_LINES: usize = 100;

pub(super) fn talk(session: &Session<'_>, password: &[u8]) -> Result<Login, Refusal> {
    let mut line = session.open()?;
    let greeting = hear(&mut line)?;
    expect(&line, &greeting, 220)?;
    let mut abilities = ask(&mut line, "EHLO stopleak.invalid")?;
    expect(&line, &abilities, 250)?;
    let has = |abilities: &Answer, name: &str| abilities.lines.iter().any(|line| line.eq_ignore_ascii_case(name));
    if session.target.safety == Safety::Offered && has(&abilities, "STARTTLS") {
        let answer = ask(&mut line, "STARTTLS")?;
        expect(&line, &answer, 220)?;
        line = session.secure(line)?;
        abilities = ask(&mut line, "EHLO stopleak.invalid")?;
        expect(&line, &abilities, 250)?;
    }
    line.want_private()?;
    let ways = abilities.lines.iter().find_map(|line| line.strip_prefix("AUTH ").or(line.strip_prefix("AUTH=")));
    let ways: Vec<&str> = ways.unwrap_or_default().split(' ').collect();
    let user = session.target.user.as_bytes();
    let answer = if ways.contains(&"PLAIN") {
        let word = Zeroizing::new([b"\0", user, b"\0", password].concat());
        ask(&mut line, &format!("AUTH PLAIN {}", BASE64.encode(&word)))?
    } else if ways.contains(&"LOGIN") {
        let first = ask(&mut line, "AUTH LOGIN")?;
        expect(&line, &first, 334)?;
        let second = ask(&mut line, &BASE64.encode(user))?;
        expect(&line, &second, 334)?;
        ask(&mut line, &BASE64.encode(password))?
    } else {
        return Err(line.strange("offers no login by a password"));
    };
    let login = judge(&line, &answer, session);
    let _ = line.say(b"QUIT\r\n");
    login
}

/// A code and its lines, without the code.
struct Answer {
    code: u16,
    lines: Vec<String>,
}

fn ask(line: &mut Line, command: &str) -> Result<Answer, Refusal> {
    line.say(&Zeroizing::new(format!("{command}\r\n").into_bytes()))?;
    hear(line)
}

fn hear(line: &mut Line) -> Result<Answer, Refusal> {
    let mut lines = Vec::new();
    loop {
        let text = line.hear_line()?;
        let code = text.get(..3).and_then(|code| code.parse::<u16>().ok());
        let Some(code) = code.filter(|_| lines.len() < MAX_LINES) else {
            return Err(line.strange("is not SMTP's"));
        };
        lines.push(text.get(4..).unwrap_or_default().to_owned());
        if text.as_bytes().get(3) != Some(&b'-') {
            return Ok(Answer { code, lines });
        }
    }
}

fn expect(line: &Line, answer: &Answer, code: u16) -> Result<(), Refusal> {
    match answer.code {
        known if known == code => Ok(()),
        400..=499 => Err(busy(line, answer.code)),
        _ => Err(line.strange("is a refusal before any login")),
    }
}

fn busy(line: &Line, code: u16) -> Refusal {
    Refusal::new(Doubt::Provider, format!("{} takes no logins now ({code})", line.host()))
}

fn judge(line: &Line, answer: &Answer, session: &Session<'_>) -> Result<Login, Refusal> {
    // RFC 3463: `5.7.8` is the password; others (`5.7.139`: logins are switched off) say nothing of it.
    let detail = answer.lines.first().and_then(|text| text.split(' ').next()).unwrap_or_default();
    let is_detail = detail.contains('.') && detail.chars().all(|c| c.is_ascii_digit() || c == '.');
    match answer.code {
        235 => {
            let identity = vec![label("user", &session.target.user)];
            Ok(Login::In { proved: false, identity, scopes: None })
        }
        535 if !is_detail || matches!(detail, "5.7.8" | "5.7.3" | "5.7.0") => {
            Ok(Login::Out { is_private: line.is_private() })
        }
        400..=499 => Err(busy(line, answer.code)),
        _ => Err(line.strange("is an error that says nothing of the password")),
    }
}
