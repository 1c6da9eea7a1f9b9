//! `stopleak sweep plan`: what would be swept.

use super::{access, credentials};
use crate::args::{PlanFormat, SweepPlanArgs};
use crate::exit;
use crate::failure::{OrFail, Result};
use crate::terminal::{clean, message, words};
use serde::Serialize;
use std::collections::HashSet;
use std::io::{self, Write};
use std::sync::Arc;
use stopleak_core::Warning;
use stopleak_core::sweep::targets::{Listing, Rate, Repo, gather};
use stopleak_core::time::rfc3339;

/// What one target holds.
#[derive(Serialize)]
struct OfTarget {
    target: String,
    repositories: usize,
    bytes: u64,
    filtered: u64,
    calls: u64,
    rate: Option<Rate>,
}

/// All of it.
#[derive(Serialize)]
struct Plan<'a> {
    targets: Vec<OfTarget>,
    totals: Totals,
    repositories: &'a [Repo],
    warnings: Vec<Told<'a>>,
}

#[derive(Default, Serialize)]
struct Totals {
    repositories: usize,
    forks: usize,
    archived: usize,
    bytes: u64,
    /// Those whose size is not known.
    unsized_repositories: usize,
    filtered: u64,
    calls: u64,
}

#[derive(Serialize)]
struct Told<'a> {
    code: &'a str,
    object: &'a str,
    message: &'a str,
    unscanned: bool,
}

/// Lists the targets and prints what would be swept.
pub fn run(args: &SweepPlanArgs) -> Result<u8> {
    let (targets, filter) = (access::targets(&args.what)?, access::filter(&args.what)?);
    let credentials = credentials::read(&super::settings_of(args.config.as_deref())?, args.what.servers.offline)?;
    let access =
        access::access(&args.what.servers, access::wants(&args.what), &targets, &credentials, None, &Arc::default())?;
    let (mut repos, mut seen, mut warnings, mut of_targets) = (Vec::new(), HashSet::new(), Vec::new(), Vec::new());
    for target in &targets {
        let listing = access.lister(target).and_then(|lister| gather(&*lister, None, &filter));
        let Listing { repos: found, filtered, warnings: told, calls, rate, .. } =
            listing.map_err(|error| access::failed(&target.to_string(), &error))?;
        let found: Vec<Repo> = found.into_iter().map(Repo::measured).collect();
        let bytes = found.iter().filter_map(|repo| repo.size).sum();
        of_targets.push(OfTarget {
            target: target.to_string(),
            repositories: found.len(),
            bytes,
            filtered,
            calls,
            rate,
        });
        warnings.extend(told);
        // Two targets may hold the same repository: it is swept once.
        repos.extend(found.into_iter().filter(|repo| seen.insert((repo.key.clone(), repo.kind))));
    }
    let totals = totals(&repos, &of_targets);
    print(args.format, &repos, of_targets, totals, &warnings)?;
    message::warnings(&warnings, false);
    let is_partial = warnings.iter().any(|warning| warning.unscanned) && !args.allow_partial;
    Ok(if is_partial { exit::FAILED } else { exit::CLEAN })
}

fn totals(repos: &[Repo], targets: &[OfTarget]) -> Totals {
    let count = |is: &dyn Fn(&Repo) -> bool| repos.iter().filter(|repo| is(repo)).count();
    Totals {
        repositories: repos.len(),
        forks: count(&|repo| repo.is_fork),
        archived: count(&|repo| repo.is_archived),
        bytes: repos.iter().filter_map(|repo| repo.size).sum(),
        unsized_repositories: count(&|repo| repo.size.is_none()),
        filtered: targets.iter().map(|target| target.filtered).sum(),
        calls: targets.iter().map(|target| target.calls).sum(),
    }
}

fn print(
    format: PlanFormat,
    repos: &[Repo],
    targets: Vec<OfTarget>,
    totals: Totals,
    warnings: &[Warning],
) -> Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let written = match format {
        PlanFormat::Json => {
            let plan = Plan { targets, totals, repositories: repos, warnings: warnings.iter().map(told).collect() };
            serde_json::to_writer_pretty(&mut out, &plan).map_err(io::Error::from).and_then(|()| writeln!(out))
        }
        PlanFormat::Text => text(&mut out, repos, &targets, &totals),
    };
    match written.and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.or_fail(|| "cannot write to standard output".to_owned()),
    }
}

fn text(out: &mut impl Write, repos: &[Repo], targets: &[OfTarget], totals: &Totals) -> io::Result<()> {
    for repo in repos {
        let size = repo.size.map_or_else(|| "-".to_owned(), words::bytes);
        let mut marks = vec![repo.kind.as_str().to_owned()];
        marks.extend(repo.is_archived.then(|| "archived".to_owned()));
        match &repo.fork_of {
            Some(parent) => marks.push(format!("fork of {}", clean(parent))),
            None => marks.extend(repo.is_fork.then(|| "fork".to_owned())),
        }
        writeln!(out, "{:>10}  {}  {}", size, clean(&repo.key), marks.join(", "))?;
    }
    for target in targets {
        let left = target.rate.map(|rate| left(&rate)).unwrap_or_default();
        let (count, calls) = (repositories(target.repositories), words::counted(target.calls, "call"));
        writeln!(out, "{}: {count}, {}, {calls}{left}", clean(&target.target), words::bytes(target.bytes))?;
    }
    let Totals { repositories, forks, archived, bytes, unsized_repositories, filtered, calls } = totals;
    let number = |number: usize| words::count(number as u64);
    let unknown = match unsized_repositories {
        0 => String::new(),
        some => format!(" and {} of unknown size", number(*some)),
    };
    writeln!(
        out,
        "To sweep: {}, {}{unknown}; {} forks, {} archived, {} left out; {}",
        self::repositories(*repositories),
        words::bytes(*bytes),
        number(*forks),
        number(*archived),
        words::count(*filtered),
        words::counted(*calls, "call"),
    )
}

fn told(warning: &Warning) -> Told<'_> {
    let Warning { code, object, message, unscanned } = warning;
    Told { code, object, message, unscanned: *unscanned }
}

fn repositories(number: usize) -> String {
    format!("{} {}", words::count(number as u64), if number == 1 { "repository" } else { "repositories" })
}

fn left(rate: &Rate) -> String {
    let of = rate.limit.map(|limit| format!(" of {}", words::count(limit))).unwrap_or_default();
    let until = rate.reset.map(|reset| format!(" until {}", rfc3339(reset))).unwrap_or_default();
    format!(", {}{of} left{until}", words::count(rate.remaining))
}
