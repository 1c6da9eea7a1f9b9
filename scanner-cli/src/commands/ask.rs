//! Asking providers about what a scan found: from words and settings to a verifier, and from its answers to what counts.

use super::record::state_folder;
use super::request;
use crate::args::AskArgs;
use crate::failure::{Failure, OrFail, Result};
use crate::network;
use crate::settings::VerifySettings;
use crate::terminal::{message, words};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use stopleak_core::http::{self, Tls};
use stopleak_core::policy::{Subject, Validities, ValidityWord};
use stopleak_core::scan::{Outcome, Request};
use stopleak_core::verify::typed::jwt::Issuer;
use stopleak_core::verify::typed::ssh::Server;
use stopleak_core::verify::typed::{Place, Setup};
use stopleak_core::verify::{Cache, Counts, Gate, Settings, Timeouts, Verifier, check_findings};
use stopleak_core::{Doubt, Finding, Policy, RuleSet, Warning};

/// Answers are good for an hour, unless the settings say otherwise.
const USUAL_LIFETIME: u32 = 3_600;

/// What is asked, and who judges the answers.
pub struct Asking {
    pub verifier: Verifier,
    /// Whether answers of earlier runs are left aside.
    again: bool,
}

/// Works out how providers are asked; nothing is sent. `rules` are distrusted when they `are_found`.
pub fn plan(
    args: &AskArgs,
    is_offline: bool,
    settings: &VerifySettings,
    (rules, are_found): (Arc<RuleSet>, bool),
    notes: &mut Vec<Warning>,
) -> Result<Asking> {
    if is_offline {
        return Err(Failure::new("providers cannot be asked: --offline forbids the network")
            .hint("leave out --offline; `stopleak verify --dry-run` shows what would be sent"));
    }
    let (mut allowed, ca, lifetime) = allowed(args, settings, (&rules, are_found), notes)?;
    let Timeouts { connect, read } = allowed.timeouts;
    let extra_ca = network::authority(ca.as_deref())?;
    allowed.setup = setup(settings, &allowed, extra_ca.as_deref())?;
    let http = network::client_of(http::Settings { extra_ca, connect_timeout: connect, read_timeout: read })?;
    let disk = if args.no_verify_cache || lifetime == 0 { None } else { cache(lifetime, notes) };
    let verifier = Verifier::new(rules, Gate::new(Arc::new(http), allowed), disk);
    Ok(Asking { verifier, again: args.no_verify_cache })
}

/// What the user allows, in words and in settings that were named, with the authority to trust and how long answers are good.
/// Settings that were only found, in a repository of somebody else's perhaps, have no say in where secrets are sent.
fn allowed(
    args: &AskArgs,
    settings: &VerifySettings,
    (rules, are_found): (&RuleSet, bool),
    notes: &mut Vec<Warning>,
) -> Result<(Settings, Option<PathBuf>, u32)> {
    let mut allowed = Settings::default();
    let (mut ca, mut lifetime) = (None, USUAL_LIFETIME);
    let written = &settings.written;
    if settings.are_named {
        for (provider, addresses) in &written.endpoints {
            for address in addresses {
                add(&mut allowed, rules, provider, address).or_fail(|| "cannot use [verify.endpoints]".to_owned())?;
            }
        }
        allowed.hosts.clone_from(&written.hosts);
        allowed.scanned_hosts = written.scanned_hosts;
        let seconds = std::time::Duration::from_secs;
        allowed.max_requests = written.max_requests.unwrap_or(allowed.max_requests);
        allowed.max_time = written.max_seconds.map_or(allowed.max_time, seconds);
        allowed.max_wait = written.max_wait_seconds.map_or(allowed.max_wait, seconds);
        allowed.pace = written.requests_per_second.unwrap_or(allowed.pace);
        lifetime = written.cache_seconds.unwrap_or(lifetime);
        ca.clone_from(&written.ca);
    } else if *written != Default::default() {
        let message = "not used: settings that were only found have no say in where secrets are sent; name the file with \
                       --config";
        notes.push(Warning::note("verify-settings", "[verify]", message));
    }
    if are_found {
        allowed.distrusted = rules.own().map(str::to_owned).collect::<BTreeSet<String>>();
    }
    for endpoint in &args.endpoint {
        let (provider, address) = endpoint.split_once('=').ok_or_else(|| {
            Failure::new(format!("`--endpoint {endpoint}` names no address"))
                .hint("write it as in --endpoint gitlab=https://gitlab.corp")
        })?;
        add(&mut allowed, rules, provider, address).or_fail(|| format!("cannot use --endpoint {provider}"))?;
    }
    allowed.hosts.extend(args.verify_host.iter().cloned());
    allowed.scanned_hosts |= args.scanned_hosts;
    Ok((allowed, args.verify_ca.clone().or(ca), lifetime))
}

/// What questions that are no HTTP need to know; of settings that were only found nothing.
fn setup(settings: &VerifySettings, allowed: &Settings, extra_ca: Option<&[u8]>) -> Result<Setup> {
    let first = |provider: &str| allowed.endpoints.get(provider).and_then(|own| own.first().cloned());
    let mut setup = Setup { sts: first("aws"), google: first("gcp"), ..Setup::default() };
    if extra_ca.is_some() {
        setup.tls = Some(Tls::new(extra_ca).or_fail(|| "cannot trust the certificate authority".to_owned())?);
    }
    if !settings.are_named {
        return Ok(setup);
    }
    for (name, file) in &settings.written.issuers {
        let keys = std::fs::read_to_string(file).or_fail(|| format!("cannot read {}", file.display()))?;
        let issuer = Issuer::from_jwks(name, &keys);
        setup.issuers.push(issuer.or_fail(|| format!("cannot use {}", file.display()))?);
    }
    for (server, known_by) in &settings.written.ssh {
        let unfit = || Failure::new(format!("`{server}` under [verify] ssh is no server: write git@host:22"));
        let (user, place) = server.split_once('@').ok_or_else(unfit)?;
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().map_err(|_| unfit())?),
            None => (place, 22),
        };
        let place = Place { host: host.to_owned(), port, from_scan: false };
        let (user, known_by) = (user.to_owned(), known_by.clone());
        setup.ssh.push(Server { place, user, known_by, greets: false });
    }
    Ok(setup)
}

/// An endpoint of a provider that no rule has would never be asked.
fn add(allowed: &mut Settings, rules: &RuleSet, provider: &str, address: &str) -> std::result::Result<(), String> {
    if !rules.rules().iter().any(|rule| rule.provider.id == provider) {
        return Err(format!("no rule is of the provider `{provider}`"));
    }
    allowed.add_endpoint(provider, address)
}

/// Where answers are kept: beside the user's other state. Without a place they are not.
fn cache(lifetime: u32, notes: &mut Vec<Warning>) -> Option<Cache> {
    let opened = state_folder().map_err(|failure| failure.to_string()).and_then(|folder| {
        Cache::open(&folder, i64::from(lifetime), request::now())
            .map_err(|error| format!("{}: {error}", folder.display()))
    });
    opened
        .inspect_err(|problem| {
            notes.push(Warning::note("verify-cache", "verify", format!("answers are not kept: {problem}")))
        })
        .ok()
}

/// What is wanted of asking.
#[derive(Clone, Copy, Default)]
pub struct Wish {
    /// Suppressed findings and those below the gate are asked about, too.
    pub all: bool,
    /// Nothing is told on the way.
    pub quiet: bool,
    /// Whether the result means nothing without answers.
    pub needs_answers: bool,
}

impl Asking {
    /// The same, but what was answered before is asked again.
    pub fn anew(self) -> Asking {
        Asking { again: true, ..self }
    }

    /// Takes the policy out of the request: it judges what is known by then, and must not leave places out before.
    pub fn defer(request: &mut Request) -> Policy {
        let gate = request.policy.gate;
        std::mem::replace(&mut request.policy, Policy::from(gate))
    }

    /// Asks about what may count (or about `all`), then lets the policy judge.
    pub fn carry_out(&self, outcome: &mut Outcome, policy: &Policy, wish: Wish) {
        let Wish { all, quiet, needs_answers } = wish;
        let wanted = |finding: &Finding| {
            !finding.is_practice() && (all || (finding.suppression.is_none() && policy.may_count(finding)))
        };
        let counts = self.ask(&mut outcome.findings, &wanted, quiet);
        policy.apply(&mut outcome.findings);
        outcome.summary.warnings.extend(self.warnings(&counts, needs_answers));
    }

    /// Asks about the findings that are wanted.
    pub fn ask(&self, findings: &mut [Finding], wanted: &dyn Fn(&Finding) -> bool, quiet: bool) -> Counts {
        let count = findings.iter().filter(|finding| wanted(finding)).count() as u64;
        if !quiet && count > 0 {
            message::line(&format!("asking about {}", words::counted(count, "finding")));
        }
        check_findings(&self.verifier, findings, wanted, self.again, &|| ())
    }

    /// What the user must know of questions without an answer, and of the answers that were not kept. Where the result
    /// `needs_answers`, one that is missing leaves it open.
    pub fn warnings(&self, counts: &Counts, needs_answers: bool) -> Vec<Warning> {
        let mut warnings = unanswered(counts, needs_answers);
        if let Err(error) = self.verifier.save() {
            warnings.push(Warning::note("verify-cache", "verify", format!("answers are not kept: {error}")));
        }
        warnings
    }
}

/// What the user must know of questions without an answer.
pub fn unanswered(counts: &Counts, needs_answers: bool) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let trouble = counts.unknown.iter().filter(|(doubt, _)| doubt.is_trouble() && **doubt != Doubt::Budget);
    let trouble: Vec<String> = trouble.map(|(doubt, count)| format!("{count} {}", doubt.as_str())).collect();
    if !trouble.is_empty() {
        let count = words::counted(counts.unanswered(), "question");
        let message = format!("{count} to providers got no answer: {}", trouble.join(", "));
        let make = if needs_answers { Warning::unscanned } else { Warning::note };
        warnings.push(make("verify-unanswered", "verify", message));
    }
    if let Some(count) = counts.unknown.get(&Doubt::Budget) {
        let count = words::counted(*count, "finding");
        let message = format!(
            "the budget was spent before {count} could be asked about: raise [verify] max-requests or max-seconds"
        );
        warnings.push(Warning::unscanned("limit-verify", "verify", message));
    }
    warnings
}

/// Leaves out what is not of these kinds, and says how much. What nobody could answer may be of any kind: leaving it out is
/// no clean result.
pub fn only<T>(
    items: &mut Vec<T>,
    wanted: &[ValidityWord],
    subject: impl for<'a> Fn(&'a T) -> Option<Subject<'a>>,
    doubt: impl Fn(&T) -> Option<Doubt>,
) -> Vec<Warning> {
    if wanted.is_empty() {
        return Vec::new();
    }
    let validities = Validities(wanted.to_vec());
    let (before, mut troubled) = (items.len(), 0);
    items.retain(|item| {
        let Some(subject) = subject(item) else { return true };
        let holds = validities.holds(&subject);
        troubled += u64::from(!holds && doubt(item).is_some_and(Doubt::is_trouble));
        holds
    });
    let mut warnings = Vec::new();
    if before > items.len() {
        let message = format!("{} left out", words::counted((before - items.len()) as u64, "finding"));
        warnings.push(Warning::note("verify-left-out", "--only", message));
    }
    if troubled > 0 {
        let message = format!("{} left out whose providers gave no answer", words::counted(troubled, "finding"));
        warnings.push(Warning::unscanned("verify-unanswered", "--only", message));
    }
    warnings
}

/// The doubt of a finding that nobody can tell about.
pub fn doubt(finding: &Finding) -> Option<Doubt> {
    match &finding.validity {
        stopleak_core::Validity::Unknown { doubt, .. } => Some(*doubt),
        _ => None,
    }
}
