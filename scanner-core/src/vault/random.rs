//! Random bytes from the system.

use super::VaultError;
use crate::secret::{hex, random};

/// `N` random bytes.
pub fn bytes<const N: usize>() -> Result<[u8; N], VaultError> {
    let mut bytes = [0; N];
    random(&mut bytes).map_err(|error| VaultError::Other(error.to_string()))?;
    Ok(bytes)
}

/// A name that nobody else makes: 32 hex digits.
pub fn name() -> Result<String, VaultError> {
    Ok(hex(&bytes::<16>()?))
}
