//! Where forges are and who we are there: addresses from `stopleak.toml` and the environment, tokens from the
//! environment, or as a sweep was given them.

use crate::args::{ForgeArgs, RunsArg};
use crate::failure::{Failure, OrFail, Result};
use crate::settings::ForgeAddresses;
use std::sync::Arc;
use std::time::Duration;
use stopleak_core::forge::{App, Chosen, Forge, Server, Token};
use stopleak_core::http::{Transport, is_loopback};
use stopleak_core::scan::{Forges, Target};
use stopleak_core::{Secret, Warning};

/// Works out how forges are asked; nothing is looked up when no target is on one.
pub fn plan(
    args: &ForgeArgs,
    targets: &[Target],
    transport: Option<Arc<dyn Transport + Send>>,
    addresses: &ForgeAddresses,
    notes: &mut Vec<Warning>,
) -> Result<Forges> {
    let mut forges = Forges { transport, ..Forges::default() };
    forges.waits.max = args.max_wait.map_or(forges.waits.max, Duration::from_secs);
    forges.chosen = match args.runs {
        Some(RunsArg::All) => Chosen::All,
        _ => Chosen::Failed,
    };
    let is_needed = |forge: Forge| {
        let prefix = format!("{}://", forge.as_str());
        targets.iter().any(|target| matches!(target, Target::Run(name) if name.starts_with(&prefix)))
    };
    if is_needed(Forge::Github) {
        let written = addresses.github.as_deref();
        forges.github = server(Forge::Github, written, addresses.are_named, notes)?;
    }
    if is_needed(Forge::Gitlab) {
        let written = addresses.gitlab.as_deref();
        forges.gitlab = server(Forge::Gitlab, written, addresses.are_named, notes)?;
    }
    Ok(forges)
}

/// A forge as the environment has it, with its token unless one is given; none of Gitea without an address. `gitea` is the
/// host that the token is for when the environment does not say.
pub fn of_environment(forge: Forge, gitea: Option<&str>, given: Option<Token>) -> Result<Option<Server>> {
    let named = match (environment(forge)?, forge, gitea) {
        (Some(server), ..) => Some(server),
        (None, Forge::Gitea, host) => host.map(|host| at_host(forge, host, "gitea://")).transpose()?,
        (None, ..) => Some(Server::public(forge)),
    };
    let Some(mut server) = named else { return Ok(None) };
    server.token = match given {
        Some(given) => Some(given),
        None => token(forge, &server)?,
    };
    Ok(Some(server))
}

/// A host without a scheme is spoken to with TLS, but on loopback.
fn at_host(forge: Forge, host: &str, named_by: &str) -> Result<Server> {
    let scheme = if is_loopback(host) { "http" } else { "https" };
    let address = if host.contains("://") { host.to_owned() } else { format!("{scheme}://{host}") };
    Server::at(forge, &address).or_fail(|| format!("cannot use {named_by}"))
}

/// A token goes to the forge that everybody knows, or to one that the user named: in the environment, or in settings
/// given with `--config`. Settings that were only found, in a repository of somebody else's perhaps, get none.
fn server(forge: Forge, written: Option<&str>, is_named: bool, notes: &mut Vec<Warning>) -> Result<Server> {
    let of_environment = environment(forge)?;
    let chosen = match written {
        Some(address) => Some(Server::at(forge, address).or_fail(|| format!("cannot use [forge.{}]", forge.as_str()))?),
        None => of_environment.clone(),
    };
    let mut server = chosen.unwrap_or_else(|| Server::public(forge));
    let mut known = vec![Server::public(forge)];
    known.extend(of_environment);
    let is_known = written.is_none() || is_named || known.iter().any(|known| known.has_same_base(&server));
    match token(forge, &server)? {
        Some(token) if is_known => server.token = Some(token),
        Some(_) => {
            let confirm = if forge == Forge::Github { "GITHUB_API_URL" } else { "GITLAB_HOST" };
            let message = format!(
                "no token is sent there, since only a stopleak.toml that was found says so: name it with --config, or set \
                 {confirm}"
            );
            notes.push(Warning::note("forge-token", server.host(), message));
        }
        None => {}
    }
    Ok(server)
}

/// The forge that the environment names.
fn environment(forge: Forge) -> Result<Option<Server>> {
    let names: &[&str] = match forge {
        Forge::Github => &["GITHUB_API_URL"],
        Forge::Gitlab => &["GITLAB_HOST", "CI_API_V4_URL"],
        Forge::Gitea => &["GITEA_HOST"],
        Forge::Bitbucket => &["BITBUCKET_API_URL"],
        Forge::Azure => &["AZURE_DEVOPS_URL"],
    };
    let found = names.iter().find_map(|name| Some((*name, variable(name)?)));
    found.map(|(name, value)| at_host(forge, &value, name)).transpose()
}

fn token(forge: Forge, server: &Server) -> Result<Option<Token>> {
    let bearer = |name: &str| variable(name).map(|value| Token::Bearer(Secret::new(value.as_bytes())));
    let basic = |user: Option<String>, name: &str| {
        let (user, password) = (user?, Secret::new(variable(name)?.as_bytes()));
        Some(Token::Basic { user, password })
    };
    match forge {
        Forge::Github => return Ok(app()?.or_else(|| bearer("GH_TOKEN")).or_else(|| bearer("GITHUB_TOKEN"))),
        Forge::Gitea => return Ok(bearer("GITEA_TOKEN").or_else(|| bearer("FORGEJO_TOKEN"))),
        Forge::Bitbucket => {
            let of_user = || basic(variable("BITBUCKET_EMAIL"), "BITBUCKET_API_TOKEN");
            return Ok(bearer("BITBUCKET_TOKEN").or_else(of_user));
        }
        Forge::Azure => {
            let personal = || basic(Some(String::new()), "AZURE_DEVOPS_TOKEN");
            let of_tools = || basic(Some(String::new()), "AZURE_DEVOPS_EXT_PAT");
            return Ok(personal().or_else(of_tools).or_else(|| bearer("SYSTEM_ACCESSTOKEN")));
        }
        Forge::Gitlab => {}
    }
    if let Some(token) = bearer("GITLAB_TOKEN") {
        return Ok(Some(token));
    }
    // A job's token is for the server that runs the job.
    let (Some(address), Some(token)) = (variable("CI_API_V4_URL"), variable("CI_JOB_TOKEN")) else { return Ok(None) };
    let home = Server::at(forge, &address).or_fail(|| "cannot use CI_API_V4_URL".to_owned())?;
    Ok(home.has_same_base(server).then(|| Token::Job(Secret::new(token.as_bytes()))))
}

/// Who we are as an application: its number or client id, and its key, in a file or in the variable itself.
fn app() -> Result<Option<Token>> {
    let Some(id) = variable("GITHUB_APP_ID") else { return Ok(None) };
    let key = match (variable("GITHUB_APP_PRIVATE_KEY"), variable("GITHUB_APP_PRIVATE_KEY_FILE")) {
        (Some(key), _) => key.into_bytes(),
        (None, Some(file)) => {
            std::fs::read(&file).or_fail(|| format!("cannot read the key of the GitHub app, {file}"))?
        }
        (None, None) => {
            let hint = "GITHUB_APP_PRIVATE_KEY holds it, or GITHUB_APP_PRIVATE_KEY_FILE names its file";
            return Err(Failure::new("GITHUB_APP_ID is set, and there is no key").hint(hint));
        }
    };
    let installation = variable("GITHUB_APP_INSTALLATION_ID")
        .map(|text| text.parse().map_err(|_| Failure::new("GITHUB_APP_INSTALLATION_ID is no number")));
    let app = App::new(&id, &key, installation.transpose()?);
    Ok(Some(Token::App(app.map_err(|error| Failure::new(error.to_string()))?)))
}

/// A variable that is set to something; what is no text is nothing that could be sent.
fn variable(name: &str) -> Option<String> {
    let value = std::env::var(name).ok()?.trim().to_owned();
    (!value.is_empty()).then_some(value)
}
