//! Who jobs are, as the settings say: read from the environment, files and vaults when the command starts, and kept in memory.

use crate::failure::{Failure, OrFail, Result};
use crate::settings::{CredentialsWritten, Held, RegistryWritten, Settings};
use crate::vaults::{Opened, Vaults};
use std::cell::RefCell;
use stopleak_core::Secret;
use stopleak_core::forge::{App, Forge, Token};
use stopleak_core::image::Login;
use stopleak_core::vault::several::split;

/// What the settings say, read.
#[derive(Default)]
pub struct Credentials {
    /// Tokens of forges, which come before those of the environment.
    pub tokens: Vec<(Forge, Token)>,
    /// Logins of registries, which come before docker's.
    pub registries: Vec<(String, Login)>,
    /// The database's address.
    pub store: Option<String>,
    /// What a file of NATS' credentials holds.
    pub nats: Option<String>,
}

/// Reads what the settings name; what is in none is left to the environment.
pub fn read(settings: &Settings, is_offline: bool) -> Result<Credentials> {
    Reader::with(&settings.vaults, is_offline, |reader| credentials(&settings.sweep.credentials, reader))
}

/// Reads one: `of` says what it is for.
pub fn one(settings: &Settings, is_offline: bool, of: &str, held: &Held) -> Result<Secret> {
    Reader::with(&settings.vaults, is_offline, |reader| reader.read(of, held))
}

fn credentials(written: &CredentialsWritten, reader: &Reader<'_>) -> Result<Credentials> {
    let of = |name: &str, held: &Option<Held>| -> Result<Option<Secret>> {
        held.as_ref().map(|held| reader.read(&named(name), held)).transpose()
    };
    let text = |name: &str, held: &Option<Held>| -> Result<Option<String>> {
        let text = of(name, held)?.map(|secret| String::from_utf8(secret.expose().to_vec()));
        text.transpose().or_fail(|| format!("the `{name}` of [sweep.credentials] is no text"))
    };
    let mut tokens = Vec::new();
    let mut add = |forge: Forge, token: Option<Token>| tokens.extend(token.map(|token| (forge, token)));
    let app = written.github_app.as_ref().map(|app| {
        let key = reader.read(&named("github-app"), &app.key)?;
        App::new(&app.id, key.expose(), app.installation).map_err(|error| Failure::new(error.to_string()))
    });
    match app.transpose()? {
        Some(app) => add(Forge::Github, Some(Token::App(app))),
        None => add(Forge::Github, of("github", &written.github)?.map(Token::Bearer)),
    }
    add(Forge::Gitlab, of("gitlab", &written.gitlab)?.map(Token::Bearer));
    add(Forge::Gitea, of("gitea", &written.gitea)?.map(Token::Bearer));
    let bitbucket = of("bitbucket", &written.bitbucket)?.map(|password| match &written.bitbucket_email {
        Some(email) => Token::Basic { user: email.clone(), password },
        None => Token::Bearer(password),
    });
    add(Forge::Bitbucket, bitbucket);
    let azure = of("azure", &written.azure)?.map(|password| Token::Basic { user: String::new(), password });
    add(Forge::Azure, azure);
    let login = |registry: &RegistryWritten| {
        let password = reader.read(&named(&format!("registry {}", registry.host)), &registry.password)?;
        Ok((registry.host.clone(), Login::Password { user: registry.user.clone(), password }))
    };
    Ok(Credentials {
        tokens,
        registries: written.registry.iter().map(login).collect::<Result<_>>()?,
        store: text("store", &written.store)?,
        nats: text("nats", &written.nats)?,
    })
}

fn named(name: &str) -> String {
    format!("`{name}` of [sweep.credentials]")
}

/// Reads credentials; each vault is opened once.
struct Reader<'v> {
    vaults: &'v Vaults,
    opened: RefCell<Vec<Opened>>,
    is_offline: bool,
}

impl<'v> Reader<'v> {
    fn with<T>(vaults: &'v Vaults, is_offline: bool, read: impl FnOnce(&Reader<'v>) -> Result<T>) -> Result<T> {
        let reader = Reader { vaults, opened: RefCell::default(), is_offline };
        let done = read(&reader);
        reader.opened.into_inner().into_iter().for_each(Opened::close);
        done
    }

    fn read(&self, of: &str, held: &Held) -> Result<Secret> {
        held.read(of, &|entry| {
            self.entry(entry).map_err(|failure| Failure::new(format!("cannot read {of}: {failure}")))
        })
    }

    /// A field of an entry: `prod:ci/github#token`.
    fn entry(&self, written: &str) -> Result<Secret> {
        if self.is_offline {
            return Err(Failure::new("it is in a vault, and --offline forbids to ask"));
        }
        let names = self.vaults.names();
        let (vault, entry) = match (split(&names, written), names.as_slice()) {
            (Some(found), _) => found,
            (None, [only]) => (only.as_str(), written),
            (None, []) => return Err(Failure::new("no vault is named: write [[vault]], or set VAULT_ADDR")),
            (None, _) => {
                let all = names.join(", ");
                return Err(Failure::new(format!(
                    "`{written}` names no vault: write NAME:ENTRY#FIELD; there are {all}"
                )));
            }
        };
        let (path, field) = entry.split_once('#').map_or((entry, None), |(path, field)| (path, Some(field)));
        let mut opened = self.opened.borrow_mut();
        if !opened.iter().any(|known| known.name == vault) {
            opened.extend(self.vaults.open(&[vault.to_owned()])?);
        }
        let known = opened.iter().find(|known| known.name == vault);
        let known = known.ok_or_else(|| Failure::new(format!("the vault {vault} is not open")))?;
        let read = known.vault().read(path, None).or_fail(|| format!("the vault {vault}"))?;
        let mut fields = read.fields;
        match (field, fields.len()) {
            (Some(field), _) => {
                fields.remove(field).ok_or_else(|| Failure::new(format!("the entry {path} has no field `{field}`")))
            }
            (None, 1) => fields.pop_first().map(|(_, value)| value).ok_or_else(|| Failure::new("it is empty")),
            (None, count) => Err(Failure::new(format!("the entry {path} has {count} fields: write {written}#FIELD"))),
        }
    }
}
