//! Several vaults as one: a path begins with the name of its vault, `prod:app/db`.

use super::{Entry, Fields, Vault, VaultError, Version};
use std::collections::BTreeMap;

/// Vaults by their names.
pub struct Several<'v>(Vec<(String, &'v dyn Vault)>);

/// An entry's path among several vaults.
pub fn path_in(vault: &str, path: &str) -> String {
    format!("{vault}:{path}")
}

/// The vault of a path and its path there: the longest of these names that it begins with.
pub fn split(names: impl IntoIterator<Item = impl AsRef<str>>, path: &str) -> Option<(&str, &str)> {
    let end = |name: &str| path.strip_prefix(name)?.starts_with(':').then_some(name.len());
    let at = names.into_iter().filter_map(|name| end(name.as_ref())).max()?;
    Some((&path[..at], &path[at + 1..]))
}

impl<'v> Several<'v> {
    /// These, each with the name that settings give it.
    pub fn new(vaults: Vec<(String, &'v dyn Vault)>) -> Several<'v> {
        Several(vaults)
    }

    fn find<'p>(&self, path: &'p str) -> Result<(&'v dyn Vault, &'p str), VaultError> {
        let found = split(self.0.iter().map(|(name, _)| name), path)
            .and_then(|(name, rest)| self.0.iter().find(|(known, _)| known == name).map(|(_, vault)| (*vault, rest)));
        found.ok_or_else(|| VaultError::Other(format!("`{}` names no vault that is open", path.escape_debug())))
    }
}

impl Vault for Several<'_> {
    fn name(&self) -> String {
        self.0.iter().map(|(name, vault)| format!("{name}: {}", vault.name())).collect::<Vec<_>>().join(", ")
    }

    fn list(&self) -> Result<Vec<String>, VaultError> {
        let mut all = Vec::new();
        for (name, vault) in &self.0 {
            all.extend(vault.list()?.iter().map(|path| path_in(name, path)));
        }
        all.sort();
        Ok(all)
    }

    fn versions(&self, path: &str) -> Result<Vec<Version>, VaultError> {
        let (vault, path) = self.find(path)?;
        vault.versions(path)
    }

    fn read(&self, path: &str, version: Option<&str>) -> Result<Entry, VaultError> {
        let (vault, path) = self.find(path)?;
        vault.read(path, version)
    }

    fn can_write(&self, path: &str) -> Result<(), VaultError> {
        let (vault, path) = self.find(path)?;
        vault.can_write(path)
    }

    fn write_if_version(&self, path: &str, fields: &Fields, expected: Option<&str>) -> Result<String, VaultError> {
        let (vault, path) = self.find(path)?;
        vault.write_if_version(path, fields, expected)
    }

    fn pushed_out(&self, path: &str) -> Result<Vec<String>, VaultError> {
        let (vault, path) = self.find(path)?;
        vault.pushed_out(path)
    }

    fn retire(&self, path: &str, version: &str) -> Result<(), VaultError> {
        let (vault, path) = self.find(path)?;
        vault.retire(path, version)
    }

    fn annotate(&self, path: &str, notes: &BTreeMap<String, String>) -> Result<(), VaultError> {
        let (vault, path) = self.find(path)?;
        vault.annotate(path, notes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_name_is_the_vaults() {
        let names = ["prod", "prod:eu"];
        assert_eq!(split(names, "prod:app/db"), Some(("prod", "app/db")));
        assert_eq!(split(names, "prod:eu:app/db"), Some(("prod:eu", "app/db")));
        assert_eq!(split(names, "prod:eu/db"), Some(("prod", "eu/db")));
        assert_eq!(split(names, "production:app"), None);
        assert!(matches!(Several::new(Vec::new()).read("a:b", None), Err(VaultError::Other(_))));
    }
}
