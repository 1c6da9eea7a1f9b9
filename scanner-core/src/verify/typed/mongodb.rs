//! MongoDB: <https://github.com/mongodb/specifications/blob/master/source/auth/auth.md>,
//! <https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/>.

use super::bytes::Fields;
use super::line::Line;
use super::scram::{Hash, Scram};
use super::{Login, Session, label};
use crate::finding::Doubt;
use crate::secret::hex;
use crate::verify::Refusal;
use md5::{Digest, Md5};

/// Deeper documents are no answers.
const MAX_DEPTH: usize = 8;

/// A value of a document.
#[derive(Debug)]
enum Value {
    Text(String),
    Bytes(Vec<u8>),
    Number(i64),
    List(Vec<(String, Value)>),
    Other,
}

pub(super) fn talk(session: &Session<'_>, password: &[u8]) -> Result<Login, Refusal> {
    let target = session.target;
    let from = target.option("authsource").filter(|from| !from.is_empty());
    let from = from.or(Some(target.database.as_str()).filter(|name| !name.is_empty())).unwrap_or("admin");
    let mut line = session.open()?;
    let hash = hash(&mut line, target.option("authmechanism"), from, &target.user)?;
    let (name, password) = match hash {
        Hash::Sha256 => ("SCRAM-SHA-256", password.to_vec()),
        Hash::Sha1 => ("SCRAM-SHA-1", digested(&target.user, password)),
    };
    let mut scram = Scram::new(hash, &target.user, &zeroize::Zeroizing::new(password));
    let start = Document::new().number("saslStart", 1).text("mechanism", name);
    let start =
        start.bytes("payload", scram.first().as_bytes()).document("options", Document::new().yes("skipEmptyExchange"));
    let mut answer = ask(&mut line, start, from)?;
    let mut is_proved = false;
    for _ in 0..4 {
        if !is_ok(&answer) {
            return refusal(&line, &answer);
        }
        if matches!(get(&answer, "done"), Some(Value::Number(1))) {
            return match is_proved {
                true => Ok(inside(line, from, &target.user)),
                false => Err(line.strange("does not prove that it knows the password")),
            };
        }
        let (Some(Value::Bytes(payload)), Some(Value::Number(id))) =
            (get(&answer, "payload"), get(&answer, "conversationId"))
        else {
            return Err(line.strange("is not MongoDB's"));
        };
        let (payload, id) = (String::from_utf8_lossy(payload).into_owned(), *id);
        let reply = match is_proved {
            true => String::new(),
            false => scram.answer(&payload).map_err(|what| line.strange(what))?,
        };
        let next =
            Document::new().number("saslContinue", 1).number("conversationId", id).bytes("payload", reply.as_bytes());
        answer = ask(&mut line, next, from)?;
        if let Some(Value::Bytes(last)) = get(&answer, "payload") {
            is_proved |= scram.is_proved_by(&String::from_utf8_lossy(last));
        }
    }
    Err(line.strange("never ends"))
}

/// Which SCRAM the user has; unknown users are asked for by the better one.
fn hash(line: &mut Line, wanted: Option<&str>, from: &str, user: &str) -> Result<Hash, Refusal> {
    match wanted {
        Some("SCRAM-SHA-1") => return Ok(Hash::Sha1),
        Some("SCRAM-SHA-256") => return Ok(Hash::Sha256),
        Some(_) => return Err(Refusal::new(Doubt::NoWay, "it opens by a way in that is not verified")),
        None => {}
    }
    let hello = Document::new().number("hello", 1).text("saslSupportedMechs", &format!("{from}.{user}"));
    let answer = ask(line, hello, "admin")?;
    let Some(Value::List(known)) = get(&answer, "saslSupportedMechs") else { return Ok(Hash::Sha256) };
    let has = |name: &str| known.iter().any(|(_, value)| matches!(value, Value::Text(text) if text == name));
    Ok(if has("SCRAM-SHA-1") && !has("SCRAM-SHA-256") { Hash::Sha1 } else { Hash::Sha256 })
}

/// The password as `SCRAM-SHA-1` takes it.
fn digested(user: &str, password: &[u8]) -> Vec<u8> {
    let digest = Md5::new().chain_update(user).chain_update(b":mongo:").chain_update(password).finalize();
    hex(&digest).into_bytes()
}

fn refusal(line: &Line, answer: &[(String, Value)]) -> Result<Login, Refusal> {
    match get(answer, "code") {
        // AuthenticationFailed, UserNotFound.
        Some(Value::Number(18 | 11)) => Ok(Login::Out { is_private: line.is_private() }),
        _ => Err(line.strange("is an error that says nothing of the password")),
    }
}

/// Who is in, and by which roles.
fn inside(mut line: Line, from: &str, user: &str) -> Login {
    let identity = vec![label("user", user), label("database", from)];
    let answer = ask(&mut line, Document::new().number("connectionStatus", 1), "admin").unwrap_or_default();
    let Some(Value::List(info)) = get(&answer, "authInfo") else {
        return Login::In { proved: true, identity, scopes: None };
    };
    let Some(Value::List(roles)) = get(info, "authenticatedUserRoles") else {
        return Login::In { proved: true, identity, scopes: None };
    };
    let role = |(_, role): &(String, Value)| match role {
        Value::List(fields) => match (get(fields, "role"), get(fields, "db")) {
            (Some(Value::Text(role)), Some(Value::Text(database))) => Some(format!("{role}@{database}")),
            _ => None,
        },
        _ => None,
    };
    let roles: Vec<String> = roles.iter().filter_map(role).collect();
    Login::In { proved: true, identity, scopes: Some(label("", roles.join(" ")).1) }
}

fn ask(line: &mut Line, command: Document, database: &str) -> Result<Vec<(String, Value)>, Refusal> {
    let body = command.text("$db", database).finish();
    let len = u32::try_from(16 + 5 + body.len()).unwrap_or(u32::MAX);
    let mut message = len.to_le_bytes().to_vec();
    for number in [1u32, 0, 2013, 0] {
        message.extend(number.to_le_bytes());
    }
    message.push(0);
    message.extend(body);
    line.say(&message)?;
    let head = line.hear(16)?;
    let mut fields = Fields(&head);
    let (len, kind) = (fields.little(4), fields.take(8).and_then(|_| fields.little(4)));
    let strange = || Refusal::new(Doubt::Strange, format!("the answer of {} is not MongoDB's", line.host()));
    let len = len.filter(|_| kind == Some(2013)).and_then(|len| len.checked_sub(16)).ok_or_else(strange)?;
    let body = line.hear(len)?;
    // Flags, then one section that is the document itself.
    match body.get(5..).filter(|_| body[4] == 0).map(|body| document(&mut Fields(body), 0)) {
        Some(Some(document)) => Ok(document),
        _ => Err(line.strange("is not MongoDB's")),
    }
}

fn is_ok(answer: &[(String, Value)]) -> bool {
    matches!(get(answer, "ok"), Some(Value::Number(1)))
}

fn get<'a>(document: &'a [(String, Value)], name: &str) -> Option<&'a Value> {
    document.iter().find(|(known, _)| known == name).map(|(_, value)| value)
}

/// Reads BSON: <https://bsonspec.org/spec.html>.
fn document(fields: &mut Fields<'_>, depth: usize) -> Option<Vec<(String, Value)>> {
    let len = fields.little(4)?.checked_sub(4)?;
    let mut fields = Fields(fields.take(len)?);
    let mut out = Vec::new();
    loop {
        let kind = fields.byte()?;
        if kind == 0 {
            return Some(out);
        }
        let name = String::from_utf8_lossy(fields.until_zero()?).into_owned();
        let value = match kind {
            1 => Value::Number(f64::from_le_bytes(fields.take(8)?.try_into().ok()?) as i64),
            2 => {
                let len = fields.little(4)?;
                Value::Text(String::from_utf8_lossy(fields.take(len)?).trim_end_matches('\0').to_owned())
            }
            3 | 4 if depth < MAX_DEPTH => Value::List(document(&mut fields, depth + 1)?),
            5 => {
                let len = fields.little(4)?;
                fields.byte()?;
                Value::Bytes(fields.take(len)?.to_vec())
            }
            8 => Value::Number(i64::from(fields.byte()?)),
            16 => Value::Number(i64::from(i32::from_le_bytes(fields.take(4)?.try_into().ok()?))),
            18 => Value::Number(i64::from_le_bytes(fields.take(8)?.try_into().ok()?)),
            9 | 17 => fields.take(8).map(|_| Value::Other)?,
            7 => fields.take(12).map(|_| Value::Other)?,
            10 => Value::Other,
            _ => return None,
        };
        out.push((name, value));
    }
}

/// Writes BSON.
struct Document(Vec<u8>);

impl Document {
    fn new() -> Document {
        Document(Vec::new())
    }

    fn field(mut self, kind: u8, name: &str, value: &[u8]) -> Document {
        self.0.push(kind);
        self.0.extend([name.as_bytes(), b"\0", value].concat());
        self
    }

    fn number(self, name: &str, value: i64) -> Document {
        self.field(16, name, &i32::try_from(value).unwrap_or(0).to_le_bytes())
    }

    fn yes(self, name: &str) -> Document {
        self.field(8, name, &[1])
    }

    fn text(self, name: &str, value: &str) -> Document {
        let len = u32::try_from(value.len() + 1).unwrap_or(u32::MAX).to_le_bytes();
        self.field(2, name, &[&len[..], value.as_bytes(), b"\0"].concat())
    }

    fn bytes(self, name: &str, value: &[u8]) -> Document {
        let len = u32::try_from(value.len()).unwrap_or(u32::MAX).to_le_bytes();
        self.field(5, name, &[&len[..], b"\0", value].concat())
    }

    fn document(self, name: &str, value: Document) -> Document {
        self.field(3, name, &value.finish())
    }

    fn finish(self) -> Vec<u8> {
        let len = u32::try_from(self.0.len() + 5).unwrap_or(u32::MAX).to_le_bytes();
        [&len[..], &self.0, b"\0"].concat()
    }
}
