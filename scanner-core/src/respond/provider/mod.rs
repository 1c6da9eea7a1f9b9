//! The providers that can be asked to end or replace a credential.

pub mod aws;
pub mod command;
pub mod database;
pub mod exchange;
pub mod keeper;
pub mod lease;
pub mod npm;
pub mod ssh;
pub mod static_role;
pub mod vault_token;
mod wire;

pub use aws::Aws;
pub use database::Database;
pub use exchange::Exchanged;
pub use keeper::Keeper;
pub use lease::Leases;
pub use npm::Npm;
pub use ssh::Ssh;
pub use static_role::StaticRoles;
pub use vault_token::VaultTokens;

use super::outcome::Trouble;
use crate::secret::{Secret, random};
use zeroize::Zeroizing;

/// Letters and digits: a password that stands in an address, a file and a statement as it is.
pub(crate) fn random_word(len: usize) -> Result<Secret, Trouble> {
    const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut word = Zeroizing::new(Vec::with_capacity(len));
    while word.len() < len {
        let mut byte = [0u8];
        random(&mut byte).map_err(|error| Trouble::Refused(error.to_string()))?;
        // 248 is four times 62: all letters are as likely.
        if byte[0] < 248 {
            word.push(LETTERS[usize::from(byte[0]) % LETTERS.len()]);
        }
    }
    Ok(Secret::new(&word))
}
