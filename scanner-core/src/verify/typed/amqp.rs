//! AMQP 0-9-1: <https://www.rabbitmq.com/resources/specs/amqp0-9-1.pdf>, <https://www.rabbitmq.com/docs/auth-notification>.

use super::bytes::{Fields, put_counted};
use super::line::Line;
use super::{Login, Session, label};
use crate::finding::Doubt;
use crate::verify::Refusal;
use zeroize::Zeroizing;

pub(super) fn talk(session: &Session<'_>, password: &[u8]) -> Result<Login, Refusal> {
    let mut line = session.open()?;
    line.want_private()?;
    line.say(b"AMQP\0\0\x09\x01")?;
    let start = frame(&mut line)?;
    let ways = ways(&start).ok_or_else(|| line.strange("is not AMQP's"))?;
    if !ways.split(' ').any(|way| way == "PLAIN") {
        return Err(line.strange("asks for a way in that is no password"));
    }
    line.say(&framed(&log_in(&session.target.user, password)))?;
    let answer = frame(&mut line)?;
    let mut fields = Fields(&answer);
    match (fields.big(2), fields.big(2)) {
        // Tune: what is said is taken as it is.
        (Some(10), Some(30)) => {
            let settings = fields.take(8).ok_or_else(|| line.strange("is not AMQP's"))?.to_vec();
            Ok(inside(line, session, &settings))
        }
        (Some(10), Some(50)) => {
            let code = fields.big(2);
            let len = usize::from(fields.byte().unwrap_or(0));
            let text = String::from_utf8_lossy(fields.take(len).unwrap_or_default()).to_lowercase();
            match code {
                Some(403) if text.contains("localhost") || text.contains("loopback") => {
                    Err(Refusal::new(Doubt::Strange, format!("{} lets this user in from itself alone", line.host())))
                }
                Some(403) => Ok(Login::Out { is_private: line.is_private() }),
                _ => Err(line.strange("is an error that says nothing of the password")),
            }
        }
        _ => Err(line.strange("is not AMQP's")),
    }
}

/// One method's frame, without its envelope.
fn frame(line: &mut Line) -> Result<Vec<u8>, Refusal> {
    let head = line.hear(7)?;
    if head[0] != 1 {
        return Err(line.strange("is not AMQP's"));
    }
    let len = Fields(&head[3..]).big(4).unwrap_or(0);
    let mut body = line.hear(len.saturating_add(1))?;
    match body.pop() {
        Some(0xce) => Ok(body),
        _ => Err(line.strange("is not AMQP's")),
    }
}

fn framed(method: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut out = vec![1, 0, 0];
    put_counted(&mut out, method);
    out.push(0xce);
    Zeroizing::new(out)
}

/// The ways in that the server's first method lists.
fn ways(start: &[u8]) -> Option<String> {
    let mut fields = Fields(start);
    if (fields.big(2)?, fields.big(2)?) != (10, 10) {
        return None;
    }
    fields.take(2)?;
    fields.counted()?;
    Some(String::from_utf8_lossy(fields.counted()?).into_owned())
}

fn log_in(user: &str, password: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(vec![0, 10, 0, 11]);
    // Without this ability servers hang up on a wrong password instead of saying so.
    let mut ability = b"\x1cauthentication_failure_closet".to_vec();
    ability.push(1);
    let mut properties = b"\x0ccapabilitiesF".to_vec();
    put_counted(&mut properties, &ability);
    put_counted(&mut out, &properties);
    out.extend(b"\x05PLAIN");
    put_counted(&mut out, &[b"\0", user.as_bytes(), b"\0", password].concat());
    out.extend(b"\x05en_US");
    out
}

/// The password is right; whether it opens the virtual host, too.
fn inside(mut line: Line, session: &Session<'_>, settings: &[u8]) -> Login {
    let target = session.target;
    let host = if target.database.is_empty() { "/" } else { target.database.as_str() };
    let mut identity = vec![label("user", &target.user)];
    let mut open = vec![0, 10, 0, 40, u8::try_from(host.len()).unwrap_or(0)];
    open.extend(&host.as_bytes()[..usize::from(open[4])]);
    open.extend([0, 0]);
    let said = line.say(&framed(&[&[0, 10, 0, 31], settings].concat())).and_then(|()| line.say(&framed(&open)));
    if said.and_then(|()| frame(&mut line)).is_ok_and(|answer| answer.starts_with(&[0, 10, 0, 41])) {
        identity.push(label("virtual host", host));
    }
    // Close: success, no text, no method to blame.
    let _ = line.say(&framed(&[0, 10, 0, 50, 0, 200, 0, 0, 0, 0, 0]));
    Login::In { proved: false, identity, scopes: None }
}
