//! What all hooks share: settings, the verdict over an outcome, and the way past it in an emergency.

use super::environment;
use super::report::{self, Kind};
use crate::args::{GuardArgs, PracticesArg, Selection};
use crate::commands::record::Recorder;
use crate::commands::request::{self, Plan};
use crate::exit;
use crate::failure::{Failure, Result};
use crate::settings::AuditSettings;
use crate::terminal::message;
use serde_json::json;
use stopleak_core::audit::Act;
use stopleak_core::report::compare;
use stopleak_core::scan::{Change, Outcome, Request, scan_change};
use stopleak_core::source::git::repository::Repository;
use stopleak_core::{Finding, Policy, Secret, Warning};

/// A hook at work.
pub struct Guard {
    pub kind: Kind,
    pub policy: Policy,
    pub record: Recorder,
    /// The reason for a bypass, as it was given.
    pub bypass: Option<String>,
    pub allow_partial: bool,
    /// Whether risky practice is not even shown.
    pub hides_practices: bool,
    /// What is pushed: `refs/heads/main`.
    pub references: Vec<String>,
}

/// The request that a hook's options and the project's settings make, whether risky practice is hidden, and where the
/// record is.
pub fn plan(args: &GuardArgs) -> Result<(Request, bool, AuditSettings)> {
    let selection = Selection {
        rules: args.rules.clone(),
        config: args.config.clone(),
        gate: args.gate,
        threads: args.threads,
        quiet: true,
        ..Selection::default()
    };
    let Plan { mut request, baseline, practices, audit, .. } = request::plan(&selection)?;
    let baseline = args.baseline.as_ref().or(baseline.as_ref());
    request.suppressions.baseline = baseline.map(|file| request::read_baseline(file)).transpose()?;
    // A change shows little of the project: what it does not match is not stale.
    request.suppressions.complete = false;
    Ok((request, practices == PracticesArg::Hide, audit))
}

/// Scans a change in the repository that the hook runs for, and decides.
pub fn check(kind: Kind, args: &GuardArgs, change: impl FnOnce(&Repository) -> Result<Change>) -> Result<u8> {
    let (request, hides_practices, audit) = plan(args)?;
    let repository = environment::repository()?;
    let guard = Guard { hides_practices, ..Guard::new(kind, args, &request.policy, &audit, &repository) };
    let change = change(&repository)?;
    let outcome = scan_change(&request, &repository, &change).map_err(|error| request::failed(&error));
    guard.decide(outcome)
}

impl Guard {
    /// A guard for the repository.
    pub fn new(kind: Kind, args: &GuardArgs, policy: &Policy, audit: &AuditSettings, repository: &Repository) -> Guard {
        let bypass = match kind {
            Kind::PreReceive => environment::pushed_bypass(),
            _ => environment::bypass(),
        };
        Guard {
            kind,
            policy: policy.clone(),
            record: Recorder::of(repository, audit),
            bypass,
            allow_partial: args.allow_partial,
            hides_practices: false,
            references: Vec::new(),
        }
    }

    /// The exit code for an outcome, after everything was said.
    pub fn decide(&self, outcome: Result<Outcome>) -> Result<u8> {
        let Outcome { mut findings, summary } = match outcome {
            Ok(outcome) => outcome,
            Err(failure) if self.bypass.is_some() => {
                let details = json!({ "error": failure.to_string() });
                let Some(code) = self.pass(details, &[]) else { return Err(failure) };
                message::error(&failure);
                return Ok(code);
            }
            Err(failure) => return Err(failure),
        };
        findings.retain(|finding| !(self.hides_practices && finding.is_practice()));
        findings.sort_unstable_by(compare);
        let blocking: Vec<&Finding> = findings.iter().filter(|finding| finding.is_blocking()).collect();
        let warnings: Vec<&Finding> = findings.iter().filter(|finding| finding.is_warning()).collect();
        let unscanned: Vec<&Warning> = summary.warnings.iter().filter(|warning| warning.unscanned).collect();
        let is_partial = !unscanned.is_empty() && !self.allow_partial;
        message::warnings(&summary.warnings, true);
        report::findings(self.kind, &blocking, &warnings)?;
        if blocking.is_empty() && !is_partial {
            return Ok(exit::CLEAN);
        }
        report::known(summary.known);
        let details = json!({
            "findings": blocking.iter().map(|finding| report::record(finding)).collect::<Vec<_>>(),
            "unscanned": unscanned.iter().map(|warning| warning.to_string()).collect::<Vec<_>>(),
        });
        if self.bypass.is_some()
            && let Some(code) = self.pass(details, &blocking)
        {
            return Ok(code);
        }
        report::ways_out(self.kind, &self.policy.bypass, blocking.is_empty());
        Ok(if blocking.is_empty() { exit::FAILED } else { exit::LEAKS })
    }

    /// Lets the change pass if the bypass holds and can be recorded.
    pub fn pass(&self, details: serde_json::Value, blocking: &[&Finding]) -> Option<u8> {
        let text = self.bypass.as_deref().unwrap_or_default();
        let granted = match self.policy.bypass.grant(text, request::now()) {
            Ok(granted) => granted,
            Err(error) => {
                message::error(&Failure::new(format!("the bypass is refused: {error}")));
                return None;
            }
        };
        let reason = report::without_secrets(&granted.reason, blocking);
        let mut entry = json!({ "hook": self.kind.as_str(), "reason": reason, "until": granted.until });
        if !self.references.is_empty() {
            entry["references"] = json!(self.references);
        }
        if let (Some(entry), serde_json::Value::Object(details)) = (entry.as_object_mut(), details) {
            entry.extend(details);
        }
        self.record("bypass", entry, blocking).then(|| {
            message::line(&format!(
                "stopleak: passed, because: {reason} (recorded in {})",
                self.record.log.path().display()
            ));
            exit::CLEAN
        })
    }

    /// Writes an entry; what cannot be recorded is not let pass.
    pub fn record(&self, action: &str, details: serde_json::Value, passed: &[&Finding]) -> bool {
        let act = Act::new(action).outcome("passed").details(details);
        let secrets: Vec<&Secret> =
            passed.iter().filter(|finding| !finding.is_practice()).map(|finding| &finding.secret).collect();
        match self.record.append(act, &secrets) {
            Ok(()) => true,
            Err(failure) => {
                let step = failure.next_step().unwrap_or_default().to_owned();
                message::error(&Failure::new(format!("nothing passes unrecorded: {failure}")).hint(step));
                false
            }
        }
    }
}
