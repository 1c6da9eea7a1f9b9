//! SCRAM, the client's side: <https://datatracker.ietf.org/doc/html/rfc5802>, <https://datatracker.ietf.org/doc/html/rfc7677>.
//!
//! The password is never said, and the server proves that it knows what was made of it: one that lets everybody in cannot.

use super::bytes::random_text;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::{digest, hmac, pbkdf2};
use std::num::NonZeroU32;
use zeroize::Zeroizing;

/// Rounds that are enough for a server's secret not to be found by guessing on the way; fewer is a trick.
const MIN_ROUNDS: u32 = 4_096;
/// More would hold up the run.
const MAX_ROUNDS: u32 = 1_000_000;

/// Which hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// SCRAM-SHA-1.
    Sha1,
    /// SCRAM-SHA-256.
    Sha256,
}

/// One conversation.
pub struct Scram {
    hash: Hash,
    password: Zeroizing<Vec<u8>>,
    bare: String,
    nonce: String,
    expected: Option<Vec<u8>>,
}

impl Scram {
    /// Nothing is said yet.
    pub fn new(hash: Hash, user: &str, password: &[u8]) -> Scram {
        Scram::with_nonce(hash, user, password, random_text(24))
    }

    fn with_nonce(hash: Hash, user: &str, password: &[u8], nonce: String) -> Scram {
        let user = user.replace('=', "=3D").replace(',', "=2C");
        let bare = format!("n={user},r={nonce}");
        Scram { hash, password: Zeroizing::new(password.to_vec()), bare, nonce, expected: None }
    }

    /// The first message.
    pub fn first(&self) -> String {
        format!("n,,{}", self.bare)
    }

    /// The answer to the server's first message; an error says what is wrong with that.
    pub fn answer(&mut self, server: &str) -> Result<String, &'static str> {
        let field = |name: &str| server.split(',').find_map(|field| field.strip_prefix(name));
        let nonce = field("r=").filter(|nonce| nonce.starts_with(&self.nonce) && nonce.len() > self.nonce.len());
        let nonce = nonce.ok_or("holds a nonce that is not its own")?;
        let salt = field("s=").and_then(|salt| BASE64.decode(salt).ok()).ok_or("holds no salt")?;
        let rounds = field("i=").and_then(|rounds| rounds.parse::<u32>().ok()).ok_or("holds no count of rounds")?;
        let rounds = NonZeroU32::new(rounds).filter(|rounds| (MIN_ROUNDS..=MAX_ROUNDS).contains(&rounds.get()));
        let rounds = rounds.ok_or("wants too few or too many rounds")?;
        let (key, algorithm, digest) = match self.hash {
            Hash::Sha1 => {
                (pbkdf2::PBKDF2_HMAC_SHA1, hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &digest::SHA1_FOR_LEGACY_USE_ONLY)
            }
            Hash::Sha256 => (pbkdf2::PBKDF2_HMAC_SHA256, hmac::HMAC_SHA256, &digest::SHA256),
        };
        let mut salted = Zeroizing::new(vec![0; digest.output_len()]);
        pbkdf2::derive(key, rounds, &salt, &self.password, &mut salted);
        let mac = |key: &[u8], text: &[u8]| hmac::sign(&hmac::Key::new(algorithm, key), text);
        let client = mac(&salted, b"Client Key");
        let stored = digest::digest(digest, client.as_ref());
        let last = format!("c=biws,r={nonce}");
        let all = format!("{},{server},{last}", self.bare);
        let signature = mac(stored.as_ref(), all.as_bytes());
        let proof: Vec<u8> = client.as_ref().iter().zip(signature.as_ref()).map(|(a, b)| a ^ b).collect();
        self.expected = Some(mac(mac(&salted, b"Server Key").as_ref(), all.as_bytes()).as_ref().to_vec());
        Ok(format!("{last},p={}", BASE64.encode(proof)))
    }

    /// Whether the server's last message proves that it knows the password.
    pub fn is_proved_by(&self, server: &str) -> bool {
        let signature = server.split(',').find_map(|field| field.strip_prefix("v="));
        let signature = signature.and_then(|signature| BASE64.decode(signature).ok());
        self.expected.is_some() && signature == self.expected
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The conversations of RFC 5802 § 5 and RFC 7677 § 3; the password is theirs.
    #[test]
    fn conversations_are_those_of_the_standards() {
        let word = ["pen", "cil"].concat();
        let table = [
            (
                Hash::Sha1,
                "fyko+d2lbbFgONRv9qkxdawL",
                "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
                "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
                "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
            ),
            (
                Hash::Sha256,
                "rOprNGfwEbeRWgbNEkqO",
                "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
                "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
                "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
            ),
        ];
        for (hash, nonce, server, client, last) in table {
            let mut scram = Scram::with_nonce(hash, "user", word.as_bytes(), nonce.into());
            assert_eq!(scram.first(), format!("n,,n=user,r={nonce}"));
            assert_eq!(scram.answer(server).as_deref(), Ok(client));
            assert!(scram.is_proved_by(last) && !scram.is_proved_by("v=AAAA") && !scram.is_proved_by(""));
        }
    }

    #[test]
    fn a_server_that_cheats_gets_no_proof() {
        for server in
            ["r=other,s=QSXCR+Q6sek8bf92,i=4096", "r=abc,s=QQ==,i=4096", "r=abcd,s=QQ==,i=1", "r=abcd,s=*,i=4096", ""]
        {
            let mut scram = Scram::with_nonce(Hash::Sha256, "u", b"p", "abc".into());
            assert!(scram.answer(server).is_err() && !scram.is_proved_by("v="), "{server}");
        }
    }
}
