//! LDAP: <https://datatracker.ietf.org/doc/html/rfc4511>; who one is: <https://datatracker.ietf.org/doc/html/rfc4532>.

use super::bytes::Fields;
use super::line::Line;
use super::{Login, Session, label};
use crate::finding::Doubt;
use crate::verify::Refusal;
use zeroize::Zeroizing;

const START_TLS: &[u8] = b"1.3.6.1.4.1.1466.20037";
const WHO_AM_I: &[u8] = b"1.3.6.1.4.1.4203.1.11.3";

/// The result of an operation.
struct Outcome {
    code: u8,
    /// What the server says beside it.
    message: String,
    /// What follows in an extended answer.
    value: String,
}

pub(super) fn talk(session: &Session<'_>, password: &[u8]) -> Result<Login, Refusal> {
    let user = &session.target.user;
    if user.is_empty() {
        // A bind without a name is anonymous, whatever the password.
        return Err(Refusal::new(Doubt::Incomplete, "the address names nobody to log in as"));
    }
    let mut line = session.open()?;
    if !line.is_private() {
        let answer = ask(&mut line, 1, &node(0x77, &node(0x80, START_TLS)), 0x78)?;
        if answer.code == 0 {
            line = session.secure(line)?;
        }
    }
    line.want_private()?;
    let bind = [node(2, &[3]), node(4, user.as_bytes()), node(0x80, password)].concat();
    let answer = ask(&mut line, 2, &node(0x60, &Zeroizing::new(bind)), 0x61)?;
    let host = line.host().to_owned();
    let strange = |what: &str| Err(Refusal::new(Doubt::Strange, format!("{host} {what}")));
    match (answer.code, windows(&answer.message)) {
        (0, _) => inside(line, user),
        // Locked, expired, not at this hour: the password may be right. Codes are those of Windows.
        (49, Some("530" | "531" | "532" | "773" | "775")) => strange("keeps this user out for other reasons"),
        (49, _) => Ok(Login::Out { is_private: line.is_private() }),
        (51 | 52, _) => Err(Refusal::new(Doubt::Provider, format!("{host} takes no logins now"))),
        _ => strange("answers with an error that says nothing of the password"),
    }
}

/// The number that Active Directory gives its reason by: `…, data 52e, v4563`.
fn windows(message: &str) -> Option<&str> {
    message.split_once(" data ")?.1.split([',', ' ']).next()
}

/// The password is right, unless the server still takes us for nobody.
fn inside(mut line: Line, user: &str) -> Result<Login, Refusal> {
    let mut name = user.to_owned();
    if let Ok(answer) = ask(&mut line, 3, &node(0x77, &node(0x80, WHO_AM_I)), 0x78) {
        if answer.code == 0 && answer.value.is_empty() {
            return Ok(Login::Open);
        }
        if answer.code == 0 {
            name = answer.value;
        }
    }
    // Unbind.
    let _ = line.say(&node(0x30, &[&node(2, &[4])[..], &[0x42, 0]].concat()));
    Ok(Login::In { proved: false, identity: vec![label("user", name)], scopes: None })
}

/// One request and its answer, by its tag.
fn ask(line: &mut Line, id: u8, request: &[u8], wanted: u8) -> Result<Outcome, Refusal> {
    line.say(&Zeroizing::new(node(0x30, &[&node(2, &[id])[..], request].concat())))?;
    let body = hear(line)?;
    outcome(&body, id, wanted).ok_or_else(|| line.strange("is not LDAP's"))
}

fn hear(line: &mut Line) -> Result<Vec<u8>, Refusal> {
    let head = line.hear(2)?;
    let len = match (head[0], head[1]) {
        (0x30, len @ 0..=0x7f) => usize::from(len),
        (0x30, width @ 0x81..=0x84) => {
            let bytes = line.hear(usize::from(width & 0x7f))?;
            Fields(&bytes).big(bytes.len()).unwrap_or(usize::MAX)
        }
        _ => return Err(line.strange("is not LDAP's")),
    };
    line.hear(len)
}

fn outcome(body: &[u8], id: u8, wanted: u8) -> Option<Outcome> {
    let mut fields = Fields(body);
    let (tag, number) = fields.element()?;
    let (kind, body) = fields.element()?;
    if tag != 2 || number != [id] || kind != wanted {
        return None;
    }
    let mut fields = Fields(body);
    let (_, code) = fields.element()?;
    let (_, _) = fields.element()?;
    let (_, message) = fields.element()?;
    let mut value = String::new();
    while let Some((tag, bytes)) = fields.element() {
        if tag == 0x8b {
            value = String::from_utf8_lossy(bytes).into_owned();
        }
    }
    Some(Outcome { code: *code.first()?, message: String::from_utf8_lossy(message).into_owned(), value })
}

/// One element of BER: its tag, its length, its content.
fn node(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match u8::try_from(content.len()) {
        Ok(len @ 0..=0x7f) => out.push(len),
        _ => {
            out.push(0x84);
            out.extend(u32::try_from(content.len()).unwrap_or(u32::MAX).to_be_bytes());
        }
    }
    out.extend(content);
    out
}
