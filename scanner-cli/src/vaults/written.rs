//! `[[vault]]` as it is written. A credential never stands in it: only where to find one.

use serde::Deserialize;
use serde::de::{Deserializer, Error};
use std::path::{Path, PathBuf};

/// One `[vault]`, or several `[[vault]]`.
#[derive(Debug, Default)]
pub struct VaultsWritten(pub Vec<VaultWritten>);

impl<'de> Deserialize<'de> for VaultsWritten {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<VaultsWritten, D::Error> {
        let tables = match toml::Value::deserialize(deserializer)? {
            toml::Value::Array(tables) => tables,
            table => vec![table],
        };
        let vaults: Result<Vec<VaultWritten>, _> = tables.into_iter().map(toml::Value::try_into).collect();
        let vaults = vaults.map_err(|error| D::Error::custom(format!("[[vault]]: {error}")))?;
        let mut names: Vec<String> = vaults.iter().map(VaultWritten::name).collect();
        names.sort();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(D::Error::custom(format!("two vaults are called `{}`: give each a `name`", pair[0]))),
            None => Ok(VaultsWritten(vaults)),
        }
    }
}

impl VaultsWritten {
    /// Their paths, relative to the settings' folder no more.
    pub fn below(self, folder: &Path) -> Vec<VaultWritten> {
        let in_folder = |file: &mut PathBuf| *file = folder.join(&*file);
        let mut vaults = self.0;
        for vault in &mut vaults {
            vault.path.iter_mut().chain(&mut vault.ca).for_each(in_folder);
            for credential in [&mut vault.auth.id, &mut vault.auth.secret] {
                if let Some(Credential::File(file)) = credential {
                    in_folder(file);
                }
            }
        }
        vaults
    }
}

/// One vault.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct VaultWritten {
    name: Option<String>,
    pub kind: Kind,
    pub address: Option<String>,
    pub namespace: Option<String>,
    pub mount: Option<String>,
    pub region: Option<String>,
    pub project: Option<String>,
    pub account: Option<String>,
    pub authority: Option<String>,
    pub path: Option<PathBuf>,
    pub work_factor: Option<u8>,
    pub ca: Option<PathBuf>,
    #[serde(default)]
    pub allow_no_cas: bool,
    #[serde(default)]
    pub include: Vec<String>,
    #[serde(default)]
    pub exclude: Vec<String>,
    pub index_key: Option<String>,
    /// Mounts of its database engines.
    #[serde(default)]
    pub databases: Vec<String>,
    pub rotate_days: Option<u32>,
    pub keep_days: Option<u32>,
    #[serde(default)]
    pub auth: AuthWritten,
}

/// What kind of vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    #[serde(alias = "openbao", alias = "hashicorp")]
    Vault,
    Aws,
    Gcp,
    Azure,
    Kubernetes,
    Conjur,
    File,
}

/// Who we are there.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AuthWritten {
    pub method: Option<Method>,
    pub mount: Option<String>,
    pub role: Option<String>,
    pub audience: Option<String>,
    pub tenant: Option<String>,
    pub client: Option<String>,
    pub id: Option<Credential>,
    pub secret: Option<Credential>,
}

/// How one logs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    Token,
    Approle,
    Jwt,
    GithubActions,
    Kubernetes,
    Client,
    ApiKey,
    Passphrase,
    Identity,
}

/// Where a credential is.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Credential {
    Env(String),
    File(PathBuf),
}

impl Credential {
    pub fn of_env(name: &str) -> Credential {
        Credential::Env(name.to_owned())
    }

    pub fn of_file(file: &str) -> Credential {
        Credential::File(file.into())
    }
}

impl VaultWritten {
    /// Its name, or its kind.
    pub fn name(&self) -> String {
        let kind = || format!("{:?}", self.kind).to_ascii_lowercase();
        self.name.clone().unwrap_or_else(kind)
    }

    /// The one that `VAULT_ADDR` names, with a token.
    pub fn of_environment(address: String) -> VaultWritten {
        VaultWritten {
            name: None,
            kind: Kind::Vault,
            address: Some(address),
            namespace: None,
            mount: None,
            region: None,
            project: None,
            account: None,
            authority: None,
            path: None,
            work_factor: None,
            ca: None,
            allow_no_cas: false,
            include: Vec::new(),
            exclude: Vec::new(),
            index_key: None,
            databases: Vec::new(),
            rotate_days: None,
            keep_days: None,
            auth: AuthWritten::default(),
        }
    }
}
