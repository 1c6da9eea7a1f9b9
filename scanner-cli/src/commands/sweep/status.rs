//! `sweep status`: how far, what not and why, and what was found.

use super::store;
use crate::args::{StatusFormat, SweepStatusArgs};
use crate::commands::request;
use crate::exit;
use crate::failure::{OrFail, Result};
use crate::output;
use crate::terminal::{clean, message, words};
use std::collections::BTreeMap;
use stopleak_core::sweep::Store;
use stopleak_core::sweep::store::{Overview, Unscanned};

/// Unscanned places listed at the end of a run; `status` lists all.
const FEW: usize = 20;

/// Prints the state of things.
pub fn run(args: &SweepStatusArgs) -> Result<u8> {
    let store = store::open_existing(&args.at)?;
    let overview = store.overview(request::now()).map_err(store::failed)?;
    let (findings, repositories) = lists(&store, args)?;
    let text = match args.format {
        StatusFormat::Json => json(&overview, &findings, &repositories)?,
        StatusFormat::Text => text(&overview, &findings, &repositories, usize::MAX),
    };
    output::print(&text)?;
    Ok(code(&overview, args.allow_partial))
}

/// What a run ends with.
pub fn summarise(store: &Store, allow_partial: bool) -> Result<u8> {
    let overview = store.overview(request::now()).map_err(store::failed)?;
    output::print(&text(&overview, &None, &None, FEW))?;
    if overview.findings.get("open").is_some_and(|open| *open > 0) {
        message::hint("`stopleak report --from STORE` writes the findings in every format");
    }
    Ok(code(&overview, allow_partial))
}

type Findings = Option<Vec<stopleak_core::sweep::store::Finding>>;
type Repositories = Option<Vec<stopleak_core::sweep::store::Repository>>;

fn lists(store: &Store, args: &SweepStatusArgs) -> Result<(Findings, Repositories)> {
    let findings = args.findings.then(|| store.findings(request::now())).transpose().map_err(store::failed)?;
    let repositories = args.repositories.then(|| store.repositories()).transpose().map_err(store::failed)?;
    Ok((findings, repositories))
}

fn code(overview: &Overview, allow_partial: bool) -> u8 {
    let is_partial = !overview.unscanned.is_empty() || !overview.unlisted.is_empty();
    match overview.findings.get("open").copied().unwrap_or(0) {
        0 if is_partial && !allow_partial => exit::FAILED,
        0 => exit::CLEAN,
        _ => exit::LEAKS,
    }
}

fn json(overview: &Overview, findings: &Findings, repositories: &Repositories) -> Result<String> {
    let mut all = serde_json::to_value(overview).or_fail(|| "cannot write the status".to_owned())?;
    if let Some(findings) = findings {
        all["list"] = serde_json::json!(findings);
    }
    if let Some(repositories) = repositories {
        all["repository_list"] = serde_json::json!(repositories);
    }
    serde_json::to_string_pretty(&all).map(|text| text + "\n").or_fail(|| "cannot write the status".to_owned())
}

fn text(overview: &Overview, findings: &Findings, repositories: &Repositories, most: usize) -> String {
    let mut lines = Vec::new();
    lines.push(format!("repositories  {}", counts(&overview.repositories)));
    let jobs = overview.jobs;
    if jobs.waiting + jobs.leased > 0 {
        let done = jobs.done + jobs.dead;
        lines.push(format!("under way     {} waiting, {} being scanned, {done} done", jobs.waiting, jobs.leased));
    }
    lines.push(format!("findings      {}", counts(&overview.findings)));
    if !overview.open.is_empty() {
        lines.push(format!("open          {}", counts(&overview.open)));
    }
    for (reason, count) in &overview.stale {
        lines.push(format!("stale         {count}: {reason}"));
    }
    if overview.validity.keys().any(|word| word != "unchecked") {
        lines.push(format!("validity      {}", counts(&overview.validity)));
    }
    for (receiver, alerts) in &overview.untold {
        lines.push(clean(&format!("not told      {receiver} of {}", words::counted(*alerts, "alert"))));
    }
    for alert in &overview.alerts {
        let what = match alert.code {
            "returned" => "was ended and came back",
            "still-live" => "is said to be ended and works",
            "overdue" => "is open for longer than it may be",
            _ => "is open again: its acknowledgement ran out",
        };
        lines.push(format!("alert         {} ({}) {what}, {}", alert.finding, alert.rule, alert.since));
    }
    unscanned(&overview.unlisted, "not listed", most, &mut lines);
    unscanned(&overview.unscanned, "not scanned", most, &mut lines);
    for one in findings.iter().flatten() {
        let where_ = format!("{}, {}", repositories_of(one.repositories), words::counted(one.places, "place"));
        let head = match (one.in_head, one.in_history) {
            (0, 0) => "",
            (0, _) => ", in history only",
            _ => ", in HEAD",
        };
        let (asked, stale) = (asked(one), one.stale.map(|reason| format!(", {reason}")).unwrap_or_default());
        let what = format!("{}  {:14} {:8} {}", one.id, one.state, one.severity, one.rule);
        lines.push(format!("{what}  {where_}{head}{asked}{stale}"));
    }
    for one in repositories.iter().flatten() {
        let blobs = words::counted(one.blobs, "blob");
        lines.push(format!("{:10} {}  {blobs}, {}", one.status, clean(&one.key), words::bytes(one.bytes)));
    }
    lines.push(String::new());
    lines.join("\n")
}

/// What the provider said of a finding, and when; nothing where nobody asked.
fn asked(one: &stopleak_core::sweep::store::Finding) -> String {
    let Some(asked) = &one.asked else { return String::new() };
    let told = if one.verification.is_empty() { String::new() } else { format!(" ({})", one.verification.words()) };
    let since = one.unanswered.as_ref().map(|doubt| format!(", no answer since: {doubt}")).unwrap_or_default();
    clean(&format!("; {}{told}, asked {asked}{since}", one.validity))
}

fn unscanned(list: &[Unscanned], what: &str, most: usize, lines: &mut Vec<String>) {
    for one in list.iter().take(most) {
        let object = if one.object.is_empty() { String::new() } else { format!(" {}", one.object) };
        lines.push(clean(&format!("{what:13} {}{object}: {}", one.name, one.reason)));
    }
    if list.len() > most {
        lines.push(format!("{what:13} and {} more: `stopleak sweep status` lists them", list.len() - most));
    }
}

fn repositories_of(number: u64) -> String {
    if number == 1 { "1 repository".to_owned() } else { format!("{} repositories", words::count(number)) }
}

fn counts(counts: &BTreeMap<String, u64>) -> String {
    let all: u64 = counts.values().sum();
    let parts: Vec<String> =
        counts.iter().filter(|(_, count)| **count > 0).map(|(name, count)| format!("{count} {name}")).collect();
    if parts.is_empty() { all.to_string() } else { format!("{all}: {}", parts.join(", ")) }
}
