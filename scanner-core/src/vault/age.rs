//! Files sealed in the age format (<https://age-encryption.org/v1>), by the `age` crate: with a passphrase, or for keys.

use age::secrecy::SecretString;
use age::{DecryptError, Decryptor, Encryptor, Identity, Recipient, scrypt, x25519};
use std::io::{Read, Write};
use zeroize::Zeroizing;

/// The dearest passphrase that is tried: a file must not make us work for hours.
const MAX_WORK: u8 = 22;

/// What opens a file.
pub enum Opener {
    /// A passphrase; the second is the work factor of files that are written.
    Passphrase(SecretString, u8),
    /// Keys as `age-keygen` makes them; files are written for all of them.
    Identities(Vec<x25519::Identity>),
}

/// Why a file cannot be opened or written.
#[derive(Debug, PartialEq, Eq)]
pub enum AgeError {
    /// Not in this format, or damaged.
    Damaged(String),
    /// Nothing we have opens it.
    Locked,
}

impl Opener {
    /// Reads a file of identities: lines of `AGE-SECRET-KEY-1…` and comments.
    pub fn identities(text: &str) -> Option<Opener> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let keys: Option<Vec<x25519::Identity>> = lines.map(|line| line.parse().ok()).collect();
        keys.filter(|keys| !keys.is_empty()).map(Opener::Identities)
    }
}

/// Opens a file.
pub fn decrypt(file: &[u8], opener: &Opener) -> Result<Zeroizing<Vec<u8>>, AgeError> {
    let decryptor = Decryptor::new_buffered(file).map_err(failed)?;
    let reader = match opener {
        Opener::Passphrase(passphrase, _) => {
            let mut identity = scrypt::Identity::new(passphrase.clone());
            identity.set_max_work_factor(MAX_WORK);
            decryptor.decrypt(std::iter::once(&identity as &dyn Identity))
        }
        Opener::Identities(keys) => decryptor.decrypt(keys.iter().map(|key| key as &dyn Identity)),
    };
    // As long as the file at most: no copy of the values is left behind by growing.
    let mut plain = Zeroizing::new(Vec::with_capacity(file.len()));
    reader.map_err(failed)?.read_to_end(&mut plain).map_err(|error| AgeError::Damaged(error.to_string()))?;
    Ok(plain)
}

/// Writes a file for everything that `opener` holds.
pub fn encrypt(plain: &[u8], opener: &Opener) -> Result<Vec<u8>, AgeError> {
    let recipients: Vec<Box<dyn Recipient>> = match opener {
        Opener::Passphrase(passphrase, work) => {
            let mut recipient = scrypt::Recipient::new(passphrase.clone());
            recipient.set_work_factor(*work);
            vec![Box::new(recipient)]
        }
        Opener::Identities(keys) => keys.iter().map(|key| Box::new(key.to_public()) as Box<dyn Recipient>).collect(),
    };
    let encryptor = Encryptor::with_recipients(recipients.iter().map(|recipient| &**recipient));
    let mut file = Vec::new();
    let written = encryptor.map_err(|error| std::io::Error::other(error.to_string())).and_then(|encryptor| {
        let mut writer = encryptor.wrap_output(&mut file)?;
        writer.write_all(plain)?;
        writer.finish().map(drop)
    });
    written.map(|()| file).map_err(|error| AgeError::Damaged(error.to_string()))
}

fn failed(error: DecryptError) -> AgeError {
    match error {
        DecryptError::NoMatchingKeys | DecryptError::KeyDecryptionFailed | DecryptError::DecryptionFailed => {
            AgeError::Locked
        }
        other => AgeError::Damaged(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Longer than what is sealed in one piece.
    const CHUNK: usize = 64 << 10;

    fn keys() -> Opener {
        Opener::Identities(vec![x25519::Identity::generate()])
    }

    #[test]
    fn what_is_written_is_read_by_who_may() {
        let passphrase = |word: &str| Opener::Passphrase(SecretString::from(word.to_owned()), 4);
        for len in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK] {
            let plain = vec![7; len];
            for (own, other) in [(keys(), keys()), (passphrase("right"), passphrase("wrong"))] {
                let file = encrypt(&plain, &own).unwrap();
                assert_eq!(decrypt(&file, &own).unwrap().as_slice(), plain);
                assert_eq!(decrypt(&file, &other).unwrap_err(), AgeError::Locked);
                for at in [0, 30, file.len() / 2, file.len() - 1] {
                    let mut damaged = file.clone();
                    damaged[at] ^= 1;
                    assert!(decrypt(&damaged, &own).is_err(), "{len}: byte {at}");
                }
                assert!(decrypt(&file[..file.len() - 1], &own).is_err());
            }
        }
    }

    /// The key of the format's own page.
    #[test]
    fn identities_are_read_as_age_keygen_writes_them() {
        let words = ["AGE-SECRET-KEY-", "1GFPYYSJZGFPYYSJZ", "GFPYYSJZGFPYYSJZ", "GFPYYSJZGFPYYSJZ", "GFPQ4EGAEX"];
        let text = format!("# created by hand\n{}\n", words.concat());
        let Some(Opener::Identities(keys)) = Opener::identities(&text) else { panic!("it is a key") };
        assert!(
            keys[0]
                .to_public()
                .to_string()
                .starts_with("age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj")
        );
        assert!(Opener::identities(&text.replace("Q4E", "Q4F")).is_none());
        assert!(Opener::identities("# nothing\n").is_none());
    }
}
