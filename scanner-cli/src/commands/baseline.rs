//! `stopleak baseline`: accept what is there today, so that only new findings count.

use super::record::{Deed, Recorder, Told};
use super::request::{self, Plan};
use crate::args::{BaselineArgs, BaselineOn, BaselineVerb};
use crate::exit;
use crate::failure::{Failure, OrFail, Result};
use crate::remedy::{Blobs, accepted};
use crate::terminal::{message, words};
use serde_json::json;
use std::path::{Path, PathBuf};
use stopleak_core::Finding;
use stopleak_core::scan::Outcome;
use stopleak_core::suppress::Baseline;

const DEFAULT: &str = "stopleak-baseline.json";

/// Carries out `baseline create`, `add`, `import` or `prune`.
pub fn run(args: &BaselineArgs) -> Result<u8> {
    match &args.verb {
        BaselineVerb::Create { on, force } => create(on, *force),
        BaselineVerb::Add { on, fingerprint } => add(on, fingerprint),
        BaselineVerb::Import { file, on } => import(file, on),
        BaselineVerb::Prune { on } => prune(on),
    }
}

fn create(on: &BaselineOn, force: bool) -> Result<u8> {
    let (plan, file) = plan(on)?;
    if file.exists() && !force {
        return Err(Failure::new(format!("{} exists", file.display()))
            .hint("`stopleak baseline add` extends it, --force replaces it"));
    }
    let findings = scanned(&plan, on)?;
    let mut baseline = Baseline::new(file.display().to_string());
    baseline.add(blocking(&findings), &plan.today);
    accept(&plan, &file, blocking(&findings).collect(), || write(&baseline, &file))?;
    done(on, &format!("{} accepted in {}", findings_in_words(baseline.len()), file.display()))
}

fn add(on: &BaselineOn, wanted: &[String]) -> Result<u8> {
    let (plan, file) = plan(on)?;
    let mut baseline = request::read_baseline(&file)?;
    let findings = scanned(&plan, on)?;
    let is_wanted =
        |finding: &&Finding| wanted.is_empty() || wanted.iter().any(|id| id == finding.fingerprint.as_str());
    if let Some(id) = wanted.iter().find(|id| findings.iter().all(|finding| finding.fingerprint.as_str() != **id)) {
        return Err(Failure::new(format!("no finding has the fingerprint {id}"))
            .hint("`stopleak scan` prints the fingerprint of every finding"));
    }
    let accepted: Vec<&Finding> = match wanted {
        [] => blocking(&findings).collect(),
        _ => findings.iter().filter(is_wanted).collect(),
    };
    let added = baseline.add(accepted.iter().copied(), &plan.today);
    accept(&plan, &file, accepted, || write(&baseline, &file))?;
    done(on, &format!("{} added to {}, {} accepted in all", findings_in_words(added), file.display(), baseline.len()))
}

/// Accepts what stands where another scanner was told to look away; a baseline that is there is extended.
fn import(list: &Path, on: &BaselineOn) -> Result<u8> {
    let (plan, file) = plan(on)?;
    let accepted = accepted::read(list, &plan.request.targets)?;
    let mut baseline = match file.exists() {
        true => request::read_baseline(&file)?,
        false => Baseline::new(file.display().to_string()),
    };
    let findings = scanned(&plan, on)?;
    let found = accepted::find(&accepted, &findings, &mut Blobs::of(&plan.request.targets));
    let added = baseline.add(found.findings.iter().copied(), &plan.today);
    accept(&plan, &file, found.findings.clone(), || write(&baseline, &file))?;
    if !on.selection.quiet {
        found.unmatched.iter().for_each(|entry| message::note(&list.display().to_string(), entry));
    }
    let matched = accepted.len() - found.unmatched.len();
    let entries = if accepted.len() == 1 { "entry" } else { "entries" };
    done(
        on,
        &format!(
            "{matched} of {} {entries} found again: {} added to {}, {} accepted in all",
            accepted.len(),
            findings_in_words(added),
            file.display(),
            baseline.len()
        ),
    )
}

fn prune(on: &BaselineOn) -> Result<u8> {
    let (plan, file) = plan(on)?;
    if !plan.request.suppressions.complete {
        return Err(Failure::new("a part of a project cannot show that a finding is gone").hint(
            "prune from the root, with the whole history: without --range, --since, --staged and --history none",
        ));
    }
    let mut baseline = request::read_baseline(&file)?;
    let findings = scanned(&plan, on)?;
    let dropped = baseline.prune(&findings);
    write(&baseline, &file)?;
    done(
        on,
        &format!(
            "{} dropped from {}, {} still accepted",
            findings_in_words(dropped),
            file.display(),
            findings_in_words(baseline.len())
        ),
    )
}

/// Accepts findings, on record if the settings ask for that.
fn accept(plan: &Plan, file: &Path, findings: Vec<&Finding>, does: impl FnOnce() -> Result<()>) -> Result<()> {
    let details = json!({ "baseline": file.display().to_string(), "findings": findings.len() });
    let told = |_: &()| Told::about("accepted", json!({}), findings.into_iter());
    Recorder::around(&plan.audit, Deed { action: "allow", details }, does, told)
}

fn plan(on: &BaselineOn) -> Result<(Plan, PathBuf)> {
    let plan = request::plan(&on.selection)?;
    let file = on.baseline.clone().or_else(|| plan.baseline.clone()).unwrap_or_else(|| DEFAULT.into());
    Ok((plan, file))
}

/// Every finding of a scan that missed nothing.
fn scanned(plan: &Plan, on: &BaselineOn) -> Result<Vec<Finding>> {
    let Outcome { findings, summary } = request::carry_out(&plan.request, &on.selection, &plan.notes)?;
    message::warnings(&summary.warnings, on.selection.quiet);
    if summary.is_partial() && !on.selection.allow_partial {
        return Err(Failure::new("not everything was scanned; the baseline is left as it was")
            .hint("--allow-partial goes on all the same"));
    }
    Ok(findings)
}

fn blocking(findings: &[Finding]) -> impl Iterator<Item = &Finding> {
    findings.iter().filter(|finding| finding.is_blocking())
}

/// Written beside the file and moved over it, so that a full disk cannot leave half a baseline.
fn write(baseline: &Baseline, file: &Path) -> Result<()> {
    let mut beside = file.as_os_str().to_owned();
    beside.push(".new");
    std::fs::write(&beside, baseline.to_json())
        .and_then(|()| std::fs::rename(&beside, file))
        .or_fail(|| format!("cannot write {}", file.display()))
}

fn findings_in_words(count: usize) -> String {
    words::counted(count as u64, "finding")
}

fn done(on: &BaselineOn, message: &str) -> Result<u8> {
    if !on.selection.quiet {
        message::line(message);
    }
    Ok(exit::CLEAN)
}
