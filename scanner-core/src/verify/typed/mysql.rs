//! MySQL and MariaDB: <https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase.html>,
//! <https://mariadb.com/kb/en/connection/>.

use super::bytes::Fields;
use super::line::Line;
use super::{Login, Safety, Session, label};
use crate::finding::Doubt;
use crate::verify::Refusal;
use ring::digest::{Algorithm, SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use zeroize::Zeroizing;

/// Long passwords, protocol 4.1, transactions, challenges, named ways in; never files of this machine.
const ABILITIES: u32 = 0x1 | 0x200 | 0x2000 | 0x8000 | 0x8_0000 | 0x20_0000;
const TLS: u32 = 0x800;
/// `utf8mb4_general_ci`, known everywhere.
const CHARACTERS: u8 = 45;

/// Whoever has an expired password may still set a new one.
const EXPIRED: &str = "it has expired, and may be used to set a new one";

/// What the server begins with.
struct Greeting {
    abilities: u32,
    challenge: Vec<u8>,
    way: String,
}

pub(super) fn talk(session: &Session<'_>, password: &[u8]) -> Result<Login, Refusal> {
    let mut line = session.open()?;
    let (mut sequence, body) = packet(&mut line)?;
    if body.first() == Some(&0xff) {
        return refusal(&line, &body);
    }
    let greeting = greeting(&body).ok_or_else(|| line.strange("is not MySQL's"))?;
    let mut abilities = ABILITIES;
    let mut is_tls = session.target.safety == Safety::AtOnce;
    if greeting.abilities & TLS != 0 && !is_tls {
        abilities |= TLS;
        line.say(&framed(sequence.wrapping_add(1), &begin(abilities)))?;
        sequence = sequence.wrapping_add(1);
        line = session.secure(line)?;
        is_tls = true;
    }
    // Whoever hears the answer can try passwords at home.
    line.want_private()?;
    let way = if greeting.way == "caching_sha2_password" { greeting.way.as_str() } else { "mysql_native_password" };
    let answer = answer(way, password, &greeting.challenge).unwrap_or_default();
    let mut login = begin(abilities);
    login.extend(session.target.user.as_bytes());
    login.extend([0, u8::try_from(answer.len()).unwrap_or(0)]);
    login.extend(&answer);
    login.extend([way.as_bytes(), b"\0"].concat());
    line.say(&framed(sequence.wrapping_add(1), &login))?;
    finish(line, password, is_tls, &session.target.user)
}

/// Goes on until it is in or out.
fn finish(mut line: Line, password: &[u8], is_tls: bool, user: &str) -> Result<Login, Refusal> {
    // As many turns as the protocol has, and some.
    for _ in 0..6 {
        let (sequence, body) = packet(&mut line)?;
        let reply = match (body.first(), &body[body.len().min(1)..]) {
            (Some(0), _) => return Ok(inside(line, user)),
            (Some(0xff), _) => return refusal(&line, &body),
            // Known here: the server has its own proof.
            (Some(1), [3]) => continue,
            (Some(1), [4]) => clear(&line, password, is_tls)?,
            (Some(0xfe), rest) => {
                let mut fields = Fields(rest);
                let way = fields.until_zero().map(|way| String::from_utf8_lossy(way).into_owned());
                let way = way.ok_or_else(|| line.strange("wants the way of before 4.1"))?;
                let challenge = fields.0.strip_suffix(b"\0").unwrap_or(fields.0);
                match answer(&way, password, challenge) {
                    Some(answer) => Zeroizing::new(answer),
                    None if matches!(&*way, "mysql_clear_password" | "dialog") => clear(&line, password, is_tls)?,
                    None => return Err(line.strange("wants a way in that is not known")),
                }
            }
            _ => return Err(line.strange("is not MySQL's")),
        };
        line.say(&framed(sequence.wrapping_add(1), &reply))?;
    }
    Err(line.strange("never ends"))
}

fn clear(line: &Line, password: &[u8], is_tls: bool) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    match is_tls {
        true => Ok(Zeroizing::new([password, b"\0"].concat())),
        false => {
            let reason = format!("{} wants the password itself and offers no TLS", line.host());
            Err(Refusal::new(Doubt::Tls, reason))
        }
    }
}

fn packet(line: &mut Line) -> Result<(u8, Vec<u8>), Refusal> {
    let head = line.hear(4)?;
    let len = Fields(&head).little(3).unwrap_or(0);
    Ok((head[3], line.hear(len)?))
}

fn framed(sequence: u8, body: &[u8]) -> Zeroizing<Vec<u8>> {
    let len = u32::try_from(body.len()).unwrap_or(u32::MAX).to_le_bytes();
    Zeroizing::new([&len[..3], &[sequence], body].concat())
}

fn greeting(body: &[u8]) -> Option<Greeting> {
    let mut fields = Fields(body);
    if fields.byte()? != 10 {
        return None;
    }
    fields.until_zero()?;
    fields.take(4)?;
    let mut challenge = fields.take(8)?.to_vec();
    fields.take(1)?;
    let low = fields.little(2)?;
    fields.take(3)?;
    let abilities = u32::try_from(low | fields.little(2)? << 16).ok()?;
    let len = usize::from(fields.byte()?);
    fields.take(10)?;
    challenge.extend(fields.take(len.saturating_sub(8).max(13))?);
    challenge.truncate(20);
    let way = fields.until_zero().unwrap_or(fields.0);
    Some(Greeting { abilities, challenge, way: String::from_utf8_lossy(way).into_owned() })
}

fn begin(abilities: u32) -> Vec<u8> {
    let mut body = abilities.to_le_bytes().to_vec();
    body.extend((1u32 << 24).to_le_bytes());
    body.push(CHARACTERS);
    body.extend([0; 23]);
    body
}

/// What shows that the password is known, of a challenge.
fn answer(way: &str, password: &[u8], challenge: &[u8]) -> Option<Vec<u8>> {
    let mixed = |hash: &'static Algorithm, first: fn(&[u8], &[u8]) -> Vec<u8>| {
        let once = digest(hash, password);
        let twice = digest(hash, once.as_ref());
        let salted = digest(hash, &first(challenge, twice.as_ref()));
        once.as_ref().iter().zip(salted.as_ref()).map(|(a, b)| a ^ b).collect()
    };
    match way {
        "mysql_native_password" => {
            Some(mixed(&SHA1_FOR_LEGACY_USE_ONLY, |challenge, twice| [challenge, twice].concat()))
        }
        "caching_sha2_password" => Some(mixed(&SHA256, |challenge, twice| [twice, challenge].concat())),
        _ => None,
    }
}

fn refusal(line: &Line, body: &[u8]) -> Result<Login, Refusal> {
    let host = line.host();
    match Fields(body.get(1..).unwrap_or_default()).little(2) {
        // A wrong password or an unknown user; an account that is locked.
        Some(1045 | 1698 | 3118 | 4151) => Ok(Login::Out { is_private: line.is_private() }),
        Some(1820 | 1862) => Ok(Login::In { proved: false, identity: Vec::new(), scopes: Some(EXPIRED.to_owned()) }),
        Some(1129 | 1130) => Err(Refusal::new(Doubt::Strange, format!("{host} lets nobody in from here"))),
        Some(1040 | 1203 | 1226 | 1053) => {
            Err(Refusal::new(Doubt::Provider, format!("{host} takes no connections now")))
        }
        _ => Err(line.strange("is an error that says nothing of the password")),
    }
}

/// The password is right; who that is, and what they may, where the server tells.
fn inside(mut line: Line, user: &str) -> Login {
    let name = match ask(&mut line, "SELECT CURRENT_USER()") {
        Some(Err(1820)) => {
            let identity = vec![label("user", user)];
            return Login::In { proved: false, identity, scopes: Some(EXPIRED.to_owned()) };
        }
        answer => answer.and_then(|rows| rows.ok()?.pop()),
    };
    // A grant may hold a hash of the password behind `TO`.
    let grants = ask(&mut line, "SHOW GRANTS").and_then(Result::ok).unwrap_or_default();
    let grants: Vec<&str> =
        grants.iter().filter_map(|grant| grant.strip_prefix("GRANT ")?.split(" TO ").next()).collect();
    let scopes = (!grants.is_empty()).then(|| label("", grants.join("; ")).1);
    Login::In { proved: false, identity: vec![label("user", name.as_deref().unwrap_or(user))], scopes }
}

/// The first column of a query's rows, or an error's number.
fn ask(line: &mut Line, query: &str) -> Option<Result<Vec<String>, usize>> {
    line.say(&framed(0, &[b"\x03", query.as_bytes()].concat())).ok()?;
    let (_, head) = packet(line).ok()?;
    if let Some(0xff) = head.first() {
        return Fields(&head[1..]).little(2).map(Err);
    }
    let columns = head.first().filter(|count| (1..=16).contains(*count))?;
    for _ in 0..=*columns {
        packet(line).ok()?;
    }
    let mut rows = Vec::new();
    loop {
        let (_, body) = packet(line).ok()?;
        if body.first().is_none_or(|first| *first == 0xfe || *first == 0xff) || rows.len() > 100 {
            return Some(Ok(rows));
        }
        let mut fields = Fields(&body);
        let len = match fields.byte()? {
            len @ 0..=250 => usize::from(len),
            252 => fields.little(2)?,
            _ => return Some(Ok(rows)),
        };
        rows.push(String::from_utf8_lossy(fields.take(len)?).into_owned());
    }
}
