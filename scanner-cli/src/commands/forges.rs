//! Where forges are and who we are there: addresses from `stopleak.toml` and the environment, tokens from the
//! environment alone.

use crate::args::{ForgeArgs, RunsArg};
use crate::failure::{OrFail, Result};
use crate::settings::ForgeAddresses;
use std::sync::Arc;
use std::time::Duration;
use stopleak_core::forge::{Chosen, Forge, Server, Token};
use stopleak_core::http::Transport;
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
    };
    let found = names.iter().find_map(|name| Some((*name, variable(name)?)));
    let server = found.map(|(name, value)| {
        let address = if value.contains("://") { value } else { format!("https://{value}") };
        Server::at(forge, &address).or_fail(|| format!("cannot use {name}"))
    });
    server.transpose()
}

fn token(forge: Forge, server: &Server) -> Result<Option<Token>> {
    let bearer = |name: &str| variable(name).map(|value| Token::Bearer(Secret::new(value.as_bytes())));
    if forge == Forge::Github {
        return Ok(bearer("GH_TOKEN").or_else(|| bearer("GITHUB_TOKEN")));
    }
    if let Some(token) = bearer("GITLAB_TOKEN") {
        return Ok(Some(token));
    }
    // A job's token is for the server that runs the job.
    let (Some(address), Some(token)) = (variable("CI_API_V4_URL"), variable("CI_JOB_TOKEN")) else { return Ok(None) };
    let home = Server::at(forge, &address).or_fail(|| "cannot use CI_API_V4_URL".to_owned())?;
    Ok(home.has_same_base(server).then(|| Token::Job(Secret::new(token.as_bytes()))))
}

/// A variable that is set to something; what is no text is nothing that could be sent.
fn variable(name: &str) -> Option<String> {
    let value = std::env::var(name).ok()?.trim().to_owned();
    (!value.is_empty()).then_some(value)
}
