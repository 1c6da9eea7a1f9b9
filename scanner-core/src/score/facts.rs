//! What a value says about itself, without asking anyone: the account of an AWS key id, who issued a JWT and until when.

use super::base64;
use crate::rule::{Checksum, Rule};

/// A label and what the value says: `("account", "123456789012")`.
pub type Fact = (&'static str, String);

/// AWS accounts that hand out canary tokens: whoever uses such a key tells its owner.
/// <https://github.com/0xCardinal/covert-canary-detection>, <https://onappsec.com/tag/canary-token/>
const CANARY_ACCOUNTS: [u64; 2] = [992382622183, 595918472158];

/// The facts in a value that `rule` found.
pub fn facts(rule: &Rule, value: &[u8]) -> Vec<Fact> {
    if rule.checksum == Some(Checksum::Jwt) {
        return jwt(value);
    }
    let Some(account) = (rule.provider.id == "aws").then(|| aws_account(value)).flatten() else { return Vec::new() };
    let mut facts = vec![("account", format!("{account:012}"))];
    if CANARY_ACCOUNTS.contains(&account) {
        facts.push(("canary", "a canary token: using it alarms whoever planted it".into()));
    }
    facts
}

/// The account in the id of an AWS key: bits 1 to 40 of the base32 after its four letters.
/// <https://trufflesecurity.com/blog/research-uncovers-aws-account-numbers-hidden-in-access-keys>
pub fn aws_account(id: &[u8]) -> Option<u64> {
    // Ids before 2019 hold `I` or `J` here and no account.
    let is_id = id.len() == 20 && (id.starts_with(b"AKIA") || id.starts_with(b"ASIA")) && id[4] > b'J';
    let body = is_id.then(|| &id[4..14])?;
    let digit = |byte: &u8| match byte {
        b'A'..=b'Z' => Some(u64::from(byte - b'A')),
        b'2'..=b'7' => Some(u64::from(byte - b'2') + 26),
        _ => None,
    };
    let bits = body.iter().try_fold(0u64, |bits, byte| Some(bits << 5 | digit(byte)?))?;
    // 50 bits were read; the first 48 count.
    let account = ((bits >> 2) & 0x7fff_ffff_ff80) >> 7;
    (account < 1_000_000_000_000).then_some(account)
}

/// Who issued a JWT, for whom, and until when (seconds since 1970-01-01 UTC), as it says itself.
fn jwt(token: &[u8]) -> Vec<Fact> {
    let payload = token.split(|byte| *byte == b'.').nth(1).unwrap_or_default();
    let mut out = vec![0; payload.len()];
    let len = base64::decode(payload, &mut out).unwrap_or(0);
    let Ok(claims) = serde_json::from_slice::<serde_json::Value>(&out[..len]) else { return Vec::new() };
    let text = |name: &str| match claims.get(name)? {
        serde_json::Value::String(text) => Some(text.chars().filter(|c| !c.is_control()).take(200).collect()),
        serde_json::Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let claims = [("issuer", "iss"), ("audience", "aud"), ("expires", "exp")];
    claims.into_iter().filter_map(|(label, name)| Some((label, text(name)?))).collect()
}
