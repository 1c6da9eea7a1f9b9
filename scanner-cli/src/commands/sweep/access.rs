//! How targets are reached: servers and tokens from the environment, filters from the command line.

use super::credentials::Credentials;
use crate::args::{ServerArgs, TargetArgs};
use crate::commands::{forges, request};
use crate::failure::{Failure, OrFail, Result};
use crate::network;
use crate::terminal::{message, words};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use stopleak_core::forge::{Forge, Server, Waits};
use stopleak_core::http::Transport;
use stopleak_core::image;
use stopleak_core::sweep::run::Listed;
use stopleak_core::sweep::targets::{Access, Filter, Names, Settings, Target, TargetError, Wants, parse};
use stopleak_core::sweep::{Logins, Meter};
use stopleak_core::time::parse_rfc3339;

/// The targets that are named, and the files of them.
pub fn targets(args: &TargetArgs) -> Result<Vec<Target>> {
    let named = args.targets.iter().map(|text| parse(text).map_err(|error| failed(text, &error)));
    named.chain(args.file.iter().map(|file| Ok(Target::Path(file.clone())))).collect()
}

/// The same with what lists each.
pub fn listed<'a>(access: &'a Access<'static>, targets: &[Target]) -> Result<Vec<Listed<'a>>> {
    let listed = |target: &Target| {
        let name = target.to_string();
        let lister = access.lister(target).map_err(|error| failed(&name, &error))?;
        Ok(Listed { name, lister })
    };
    targets.iter().map(listed).collect()
}

/// Who git is to be, asked anew for each use.
pub fn logins(access: &Arc<Access<'static>>) -> Logins {
    let access = Arc::clone(access);
    Arc::new(move |address| access.credentials_for(address).map_err(|error| error.to_string()))
}

/// What is wanted beside repositories.
pub fn wants(args: &TargetArgs) -> Wants {
    Wants { wikis: args.wikis, gists: args.gists, issues: args.issues }
}

/// The way to targets, for as long as the program runs; nobody waits for a limit once `stop` is set, and `meter` counts how
/// long is waited.
pub fn access(
    args: &ServerArgs,
    wants: Wants,
    targets: &[Target],
    credentials: &Credentials,
    stop: Option<&Arc<AtomicBool>>,
    meter: &Arc<Meter>,
) -> Result<Access<'static>> {
    let transport = if args.offline { None } else { Some(transport(args)?) };
    let waits = Waits::default();
    let max = args.max_wait.map_or(waits.max, Duration::from_secs);
    let meter = Arc::clone(meter);
    let settings = Settings {
        servers: servers(targets, credentials)?,
        logins: image::Credentials { file: request::docker_config(), given: credentials.registries.clone() },
        waits: Waits { max, ..waits },
        max_calls: args.max_calls,
        wants,
        stop: stop.map(Arc::clone),
        announce: Some(Arc::new(move |host, wait| {
            Meter::add(&meter.waited, u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
            message::note(host, &format!("its limit is reached: waiting for {}", words::duration(wait)));
        })),
    };
    Ok(Access::new(transport, settings))
}

/// What is left out.
pub fn filter(args: &TargetArgs) -> Result<Filter> {
    let names = |globs: &[String], flag| Names::parse(globs).or_fail(|| format!("cannot use {flag}"));
    let since = args.pushed_since.as_ref().map(|date| {
        let bad = || Failure::new(format!("`{date}` is no date")).hint("write it as in 2026-01-31");
        parse_rfc3339(&format!("{date}T00:00:00Z")).or_else(|| parse_rfc3339(date)).ok_or_else(bad)
    });
    Ok(Filter {
        include: names(&args.include, "--include")?,
        exclude: names(&args.exclude, "--exclude")?,
        topics: args.topic.clone(),
        no_archived: args.no_archived,
        no_forks: args.no_forks,
        min_size: args.min_size,
        max_size: args.max_size,
        pushed_since: since.transpose()?,
    })
}

/// What a target's trouble is called, with the next step.
pub fn failed(target: &str, error: &TargetError) -> Failure {
    let failure = Failure::new(format!("cannot list {target}: {error}"));
    match error.hint() {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// It is used until the program ends: nothing is gained by giving it back.
fn transport(args: &ServerArgs) -> Result<&'static dyn Transport> {
    Ok(Box::leak(Box::new(network::client(args.registry_ca.as_deref())?)))
}

/// Every forge as the settings and the environment have it; a file may name targets on any of them. The one Gitea that is named by the
/// targets is the one that the token is for, when the environment names none.
fn servers(targets: &[Target], credentials: &Credentials) -> Result<Vec<Server>> {
    let mut hosts: Vec<&String> = targets
        .iter()
        .filter_map(|target| match target {
            Target::Gitea { host, .. } => Some(host),
            _ => None,
        })
        .collect();
    hosts.dedup();
    let gitea = if let [host] = hosts.as_slice() { Some(host.as_str()) } else { None };
    let all = [Forge::Github, Forge::Gitlab, Forge::Gitea, Forge::Bitbucket, Forge::Azure];
    let known = all.into_iter().map(|forge| {
        let given = credentials.tokens.iter().find(|(of, _)| *of == forge).map(|(_, token)| token.clone());
        forges::of_environment(forge, gitea, given)
    });
    known.filter_map(Result::transpose).collect()
}
