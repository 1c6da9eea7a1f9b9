//! Vaults that the settings or the environment name: where they are, who we are there, and the key of their index.

mod written;

pub use written::{Kind, VaultWritten, VaultsWritten};

use crate::args::VaultArgs;
use crate::commands::aws;
use crate::failure::{Failure, OrFail, Result};
use crate::network;
use crate::terminal::message;
use std::path::Path;
use std::sync::Arc;
use stopleak_core::respond::provider::Keeper;
use stopleak_core::vault::hashicorp::{self, Hashicorp, github_token};
use stopleak_core::vault::index::{Filter, KEY_ENTRY, Source, read_key};
use stopleak_core::vault::{Vault, VaultError, Wire, azure, conjur, file, gcp, kubernetes};
use stopleak_core::vaulted::{self, Key, Vaulted};
use stopleak_core::{RuleSet, Secret};
use written::{AuthWritten, Credential, Method};
use zeroize::Zeroizing;

/// Where a cluster puts the token of whoever runs in it.
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// What the settings say of vaults.
#[derive(Debug, Default)]
pub struct Vaults {
    /// In their order.
    pub written: Vec<VaultWritten>,
    /// The user named the settings: they were not just found beside a target.
    pub are_named: bool,
}

/// A vault, logged in.
pub struct Opened {
    /// As the settings name it.
    pub name: String,
    vault: Kept,
    filter: Filter,
    /// The entry that holds the index's key; only one vault has it.
    key_entry: Option<String>,
    pub rotate_days: Option<u32>,
    pub keep_days: Option<u32>,
}

enum Kept {
    Hashicorp(Hashicorp),
    Other(Box<dyn Vault>),
}

impl Opened {
    pub fn vault(&self) -> &dyn Vault {
        match &self.vault {
            Kept::Hashicorp(vault) => vault,
            Kept::Other(vault) => vault.as_ref(),
        }
    }

    /// The vault with all it can do, when it is HashiCorp's or OpenBao.
    pub fn hashicorp(&self) -> Option<&Hashicorp> {
        match &self.vault {
            Kept::Hashicorp(vault) => Some(vault),
            Kept::Other(_) => None,
        }
    }

    pub fn source(&self) -> Source<'_> {
        Source { name: self.name.clone(), vault: self.vault(), filter: self.filter.clone() }
    }

    /// Ends what a login gave.
    pub fn close(self) {
        let Kept::Hashicorp(vault) = self.vault else { return };
        if let Err(error) = vault.log_out() {
            message::caution(&format!("{}: our token lives on until it ends by itself: {error}", self.name));
        }
    }
}

impl Vaults {
    /// What the vaults are called: those of the settings, else the one that `VAULT_ADDR` names.
    pub fn names(&self) -> Vec<String> {
        match self.written.is_empty() {
            true => environment().unwrap_or_default().iter().map(VaultWritten::name).collect(),
            false => self.written.iter().map(VaultWritten::name).collect(),
        }
    }

    /// What kind of vault one is.
    pub fn kind(&self, name: &str) -> Kind {
        self.written.iter().find(|vault| vault.name() == name).map_or(Kind::Vault, |vault| vault.kind)
    }

    /// Those of HashiCorp's kind, as whoever ends what a vault made sees them; none of settings that were only found.
    pub fn keepers(&self) -> Result<Vec<Keeper>> {
        let of_environment;
        let written = match (self.written.is_empty(), self.are_named) {
            (false, true) => &self.written,
            (false, false) => return Ok(Vec::new()),
            (true, _) => {
                of_environment = environment().unwrap_or_default();
                &of_environment
            }
        };
        written.iter().filter(|vault| vault.kind == Kind::Vault).map(keeper).collect()
    }

    /// Opens every vault, or those that are named. Settings that were only found send no credential anywhere: whoever
    /// wrote them may have put them into a repository for that.
    pub fn open(&self, only: &[String]) -> Result<Vec<Opened>> {
        let of_environment;
        let written = match (self.written.is_empty(), self.are_named) {
            (false, true) => &self.written,
            (false, false) => {
                return Err(Failure::new("stopleak.toml was only found, so that its vaults get no credential")
                    .hint("name it: --config stopleak.toml"));
            }
            (true, _) => {
                of_environment = environment()?;
                &of_environment
            }
        };
        if let Some(unknown) = only.iter().find(|name| !written.iter().any(|vault| vault.name() == **name)) {
            return Err(Failure::new(format!("there is no vault called `{unknown}` in the settings")));
        }
        let chosen = written.iter().filter(|vault| only.is_empty() || only.contains(&vault.name()));
        chosen.map(open).collect()
    }
}

/// The vault that holds the index's key, and its entry.
pub fn key_place(opened: &[Opened]) -> Result<(&Opened, &str)> {
    match opened.iter().find_map(|vault| Some((vault, vault.key_entry.as_deref()?))) {
        Some(found) => Ok(found),
        // Unless the settings say, it is the first one's.
        None => opened.first().map(|first| (first, KEY_ENTRY)).ok_or_else(|| Failure::new("no vault is named")),
    }
}

/// The one that `VAULT_ADDR` names.
fn environment() -> Result<Vec<VaultWritten>> {
    let Some(address) = variable("VAULT_ADDR") else {
        return Err(Failure::new("no vault is named")
            .hint("set VAULT_ADDR and VAULT_TOKEN, or write [[vault]] into settings and name them with --config"));
    };
    Ok(vec![VaultWritten::of_environment(address)])
}

/// These rules with the values of an index, when one is named.
pub fn with_index(rules: Arc<RuleSet>, args: &VaultArgs, vaults: &Vaults, is_offline: bool) -> Result<Arc<RuleSet>> {
    match &args.vault_index {
        None => Ok(rules),
        Some(file) => {
            read_index(file, args.vault_key.as_deref(), vaults, is_offline).map(|values| rules.with_vaulted(values))
        }
    }
}

fn read_index(index: &Path, key: Option<&Path>, vaults: &Vaults, is_offline: bool) -> Result<Arc<Vaulted>> {
    let shown = index.display();
    let text = std::fs::read_to_string(index).or_fail(|| format!("cannot read the vault index {shown}"));
    let text = text.map_err(|failure| failure.hint("`stopleak vault index --output FILE` writes one"))?;
    // What is no index needs no key.
    vaulted::about(&text).or_fail(|| format!("cannot use {shown}"))?;
    let key = match key {
        Some(file) => read_key_file(file)?,
        None if is_offline => {
            return Err(Failure::new("the key of the vault index is in the vault, and --offline forbids to ask")
                .hint("name a file that holds it: --vault-key FILE"));
        }
        None => fetch_key(vaults)?,
    };
    vaulted::read(&text, &key).or_fail(|| format!("cannot use {shown}")).map(Arc::new)
}

/// A key in a file, as the vault's field holds it.
pub fn read_key_file(file: &Path) -> Result<Key> {
    let bytes = std::fs::read(file).or_fail(|| format!("cannot read the key {}", file.display()))?;
    let bytes = Zeroizing::new(bytes);
    Key::parse(&bytes).ok_or_else(|| Failure::new(format!("{} is no key: 32 bytes in base64", file.display())))
}

fn fetch_key(vaults: &Vaults) -> Result<Key> {
    let opened = vaults.open(&[])?;
    let (holder, entry) = key_place(&opened)?;
    let key = read_key(holder.vault(), entry)
        .or_fail(|| format!("cannot get the key of the vault index from {}", holder.name));
    opened.into_iter().for_each(Opened::close);
    key
}

fn open(written: &VaultWritten) -> Result<Opened> {
    let name = written.name();
    let vault = connect(written).or_fail(|| format!("cannot use the vault {name}"))?;
    let filter = Filter::new(&written.include, &written.exclude);
    let filter = filter.map_err(|error| Failure::new(format!("[[vault]] {name}: {error}")))?;
    Ok(Opened {
        name,
        vault,
        filter,
        key_entry: written.index_key.clone(),
        rotate_days: written.rotate_days,
        keep_days: written.keep_days,
    })
}

fn connect(written: &VaultWritten) -> Result<Kept> {
    let wire = wire(written)?;
    let auth = &written.auth;
    let other = |vault: Box<dyn Vault>| Ok(Kept::Other(vault));
    let fail = |error: VaultError| Failure::new(error.to_string());
    match written.kind {
        Kind::Vault => {
            let settings = hashicorp_settings(written)?;
            let login = hashicorp_login(&wire, auth)?;
            Hashicorp::open(wire, &settings, &login).map(Kept::Hashicorp).map_err(fail)
        }
        Kind::Aws => {
            let access = aws::access()?;
            let region = written.region.clone().or(access.region);
            let keys =
                access.keys.ok_or_else(|| Failure::new("there are no AWS keys in the environment or a profile"))?;
            let endpoint = written
                .address
                .clone()
                .or_else(|| variable("AWS_ENDPOINT_URL_SECRETS_MANAGER"))
                .or_else(|| variable("AWS_ENDPOINT_URL"));
            let region = needed(&region, "region")?;
            let settings = stopleak_core::vault::aws::Settings { region, endpoint, keys };
            other(Box::new(stopleak_core::vault::aws::SecretsManager::open(wire, settings).map_err(fail)?))
        }
        Kind::Gcp => {
            let project = written.project.clone().or_else(|| variable("GOOGLE_CLOUD_PROJECT"));
            let token = secret(auth, "GOOGLE_OAUTH_ACCESS_TOKEN", None)?;
            let settings =
                gcp::Settings { project: needed(&project, "project")?, address: written.address.clone(), token };
            other(Box::new(gcp::SecretManager::open(wire, &settings).map_err(fail)?))
        }
        Kind::Azure => {
            let address = needed(&written.address, "address")?;
            let login = azure_login(&wire, auth)?;
            let authority = written.authority.clone();
            other(Box::new(azure::KeyVault::open(wire, &azure::Settings { address, login, authority }).map_err(fail)?))
        }
        Kind::Kubernetes => {
            let address = written.address.clone().or_else(in_cluster);
            let token = secret(auth, "KUBERNETES_TOKEN", Some(SERVICE_ACCOUNT))?;
            let (address, namespace) = (needed(&address, "address")?, written.namespace.clone());
            other(Box::new(
                kubernetes::Secrets::open(wire, &kubernetes::Settings { address, namespace, token }).map_err(fail)?,
            ))
        }
        Kind::Conjur => {
            let address = written.address.clone().or_else(|| variable("CONJUR_APPLIANCE_URL"));
            let account = written.account.clone().or_else(|| variable("CONJUR_ACCOUNT"));
            let login = conjur_login(&wire, auth)?;
            let settings = conjur::Settings {
                address: needed(&address, "address")?,
                account: needed(&account, "account")?,
                login,
            };
            other(Box::new(conjur::Conjur::open(wire, &settings).map_err(fail)?))
        }
        Kind::File => {
            let path = written.path.as_ref().ok_or_else(|| missing("path"))?;
            let unlock = match auth.method {
                Some(Method::Identity) => file::Unlock::Identities(secret(auth, "STOPLEAK_VAULT_IDENTITY", None)?),
                _ => file::Unlock::Passphrase(
                    secret(auth, "STOPLEAK_VAULT_PASSPHRASE", None)?,
                    written.work_factor.unwrap_or(file::USUAL_WORK),
                ),
            };
            other(Box::new(file::LocalFile::open(path, &unlock).map_err(fail)?))
        }
    }
}

fn hashicorp_settings(written: &VaultWritten) -> Result<hashicorp::Settings> {
    Ok(hashicorp::Settings {
        address: needed(&written.address, "address")?,
        namespace: written.namespace.clone().or_else(|| variable("VAULT_NAMESPACE")),
        mount: written.mount.clone().unwrap_or_else(|| "secret".into()),
        kv: None,
        allow_no_cas: written.allow_no_cas,
    })
}

/// Without a login a token can still end itself there.
fn keeper(written: &VaultWritten) -> Result<Keeper> {
    let (name, wire) = (written.name(), wire(written)?);
    // Its entries are not asked for, so that it does not matter which kind they are of.
    let settings = hashicorp::Settings { kv: Some(hashicorp::Kv::V2), ..hashicorp_settings(written)? };
    let fail = |error: VaultError| Failure::new(error.to_string());
    let opened = hashicorp_login(&wire, &written.auth)
        .and_then(|login| Hashicorp::open(wire.clone(), &settings, &login).map_err(fail));
    let (vault, has_login) = match opened {
        Ok(vault) => (vault, true),
        Err(failure) => {
            message::caution(&format!("{name}: no login, so that only tokens can end themselves there: {failure}"));
            (Hashicorp::without_login(wire, &settings).or_fail(|| format!("cannot use the vault {name}"))?, false)
        }
    };
    let usual = || vec!["database".to_owned()];
    let databases = if written.databases.is_empty() { usual() } else { written.databases.clone() };
    Ok(Keeper { name, vault, has_login, databases })
}

fn hashicorp_login(wire: &Wire, auth: &AuthWritten) -> Result<hashicorp::Login> {
    let mount = |usual: &str| auth.mount.clone().unwrap_or_else(|| usual.to_owned());
    let role = || needed(&auth.role, "auth.role");
    match auth.method.unwrap_or(Method::Token) {
        Method::Token => secret(auth, "VAULT_TOKEN", home(".vault-token").as_deref()).map(hashicorp::Login::Token),
        Method::Approle => {
            let role_id = auth.id.as_ref().map_or_else(|| read(&Credential::of_env("VAULT_ROLE_ID")), read)?;
            let secret_id = Some(secret(auth, "VAULT_SECRET_ID", None)?);
            Ok(hashicorp::Login::AppRole { mount: mount("approle"), role_id, secret_id })
        }
        Method::Jwt => {
            Ok(hashicorp::Login::Jwt { mount: mount("jwt"), role: role()?, jwt: secret(auth, "VAULT_JWT", None)? })
        }
        Method::GithubActions => {
            let jwt = github(wire, auth.audience.as_deref())?;
            Ok(hashicorp::Login::Jwt { mount: mount("jwt"), role: role()?, jwt })
        }
        Method::Kubernetes => {
            let jwt = secret(auth, "KUBERNETES_TOKEN", Some(SERVICE_ACCOUNT))?;
            Ok(hashicorp::Login::Jwt { mount: mount("kubernetes"), role: role()?, jwt })
        }
        other => Err(wrong(other)),
    }
}

fn azure_login(wire: &Wire, auth: &AuthWritten) -> Result<azure::Login> {
    let tenant = || needed(&auth.tenant.clone().or_else(|| variable("AZURE_TENANT_ID")), "auth.tenant");
    let client = || needed(&auth.client.clone().or_else(|| variable("AZURE_CLIENT_ID")), "auth.client");
    match auth.method.unwrap_or(Method::Client) {
        Method::Token => secret(auth, "AZURE_ACCESS_TOKEN", None).map(azure::Login::Token),
        Method::Client => {
            let secret = secret(auth, "AZURE_CLIENT_SECRET", None)?;
            Ok(azure::Login::Client { tenant: tenant()?, client: client()?, secret })
        }
        Method::GithubActions => {
            let audience = auth.audience.as_deref().unwrap_or("api://AzureADTokenExchange");
            let jwt = github(wire, Some(audience))?;
            Ok(azure::Login::Federated { tenant: tenant()?, client: client()?, jwt })
        }
        Method::Jwt => {
            let file = variable("AZURE_FEDERATED_TOKEN_FILE");
            Ok(azure::Login::Federated {
                tenant: tenant()?,
                client: client()?,
                jwt: secret(auth, "AZURE_JWT", file.as_deref())?,
            })
        }
        other => Err(wrong(other)),
    }
}

fn conjur_login(wire: &Wire, auth: &AuthWritten) -> Result<conjur::Login> {
    match auth.method.unwrap_or(Method::ApiKey) {
        Method::ApiKey => {
            let login = auth.client.clone().or_else(|| variable("CONJUR_AUTHN_LOGIN"));
            Ok(conjur::Login::ApiKey {
                login: needed(&login, "auth.client")?,
                key: secret(auth, "CONJUR_AUTHN_API_KEY", None)?,
            })
        }
        Method::Jwt => {
            Ok(conjur::Login::Jwt { service: needed(&auth.role, "auth.role")?, jwt: secret(auth, "CONJUR_JWT", None)? })
        }
        Method::GithubActions => {
            let jwt = github(wire, auth.audience.as_deref())?;
            Ok(conjur::Login::Jwt { service: needed(&auth.role, "auth.role")?, jwt })
        }
        other => Err(wrong(other)),
    }
}

fn wrong(method: Method) -> Failure {
    Failure::new(format!("auth.method {method:?} is not one of this kind of vault"))
}

/// What a job of GitHub Actions may ask for with `permissions: id-token: write`.
fn github(wire: &Wire, audience: Option<&str>) -> Result<Secret> {
    let asked = variable("ACTIONS_ID_TOKEN_REQUEST_URL").zip(variable("ACTIONS_ID_TOKEN_REQUEST_TOKEN"));
    let (url, bearer) = asked
        .ok_or_else(|| Failure::new("this job may not say who it is").hint("give it `permissions: id-token: write`"))?;
    github_token(wire.clone(), &url, &Secret::new(bearer.as_bytes()), audience)
        .or_fail(|| "cannot get the job's token".to_owned())
}

/// The credential that the settings point to, else one of the environment, else one in a file.
fn secret(auth: &AuthWritten, usual: &str, file: Option<&str>) -> Result<Secret> {
    match (&auth.secret, file) {
        (Some(written), _) => read(written),
        (None, Some(file)) if variable(usual).is_none() => read(&Credential::of_file(file)),
        (None, _) => read(&Credential::of_env(usual)),
    }
}

fn read(credential: &Credential) -> Result<Secret> {
    let text = match credential {
        Credential::Env(name) => variable(name).ok_or_else(|| Failure::new(format!("{name} is not set")))?,
        Credential::File(file) => {
            std::fs::read_to_string(file).or_fail(|| format!("cannot read the credential {}", file.display()))?
        }
    };
    let text = Zeroizing::new(text);
    Ok(Secret::new(text.trim().as_bytes()))
}

fn wire(written: &VaultWritten) -> Result<Wire> {
    let usual = match written.kind {
        Kind::Vault => variable("VAULT_CACERT").map(Into::into),
        Kind::Kubernetes if written.address.is_none() => {
            Some("/var/run/secrets/kubernetes.io/serviceaccount/ca.crt".into())
        }
        _ => None,
    };
    network::client(written.ca.clone().or(usual).as_deref()).map(|http| Arc::new(http) as Wire)
}

fn in_cluster() -> Option<String> {
    let (host, port) = (variable("KUBERNETES_SERVICE_HOST")?, variable("KUBERNETES_SERVICE_PORT")?);
    Some(if host.contains(':') { format!("https://[{host}]:{port}") } else { format!("https://{host}:{port}") })
}

fn needed(value: &Option<String>, name: &str) -> Result<String> {
    value.clone().ok_or_else(|| missing(name))
}

fn missing(name: &str) -> Failure {
    Failure::new(format!("it needs `{name}`"))
}

fn home(name: &str) -> Option<String> {
    std::env::home_dir().map(|home| home.join(name).display().to_string())
}

fn variable(name: &str) -> Option<String> {
    let value = std::env::var(name).ok()?.trim().to_owned();
    (!value.is_empty()).then_some(value)
}
