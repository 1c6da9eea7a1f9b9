//! `stopleak vault`: the keyed index of what vaults hold, and the list of what has drifted.

use super::{request, respond};
use crate::args::{StatusFormat, VaultCommand, VaultOn, VaultVerb};
use crate::exit;
use crate::failure::{Failure, OrFail, Result};
use crate::output;
use crate::settings;
use crate::terminal::message;
use crate::vaults::{self, Opened, key_place};
use std::io::{Read, Write};
use std::path::Path;
use stopleak_core::Secret;
use stopleak_core::report::{self, Secrets};
use stopleak_core::scan::Target;
use stopleak_core::vault::index::{self, Gathered, Source};
use stopleak_core::vault::status::{self, Drift, Found, Wanted};
use stopleak_core::vault::{Fields, VaultError};
use stopleak_core::vaulted::Place;
use zeroize::Zeroizing;

/// Does what the verb says.
pub fn run(command: VaultCommand) -> Result<u8> {
    match command.verb {
        VaultVerb::Readers(args) => respond::readers(*args),
        VaultVerb::Index { on, output, vault_key } => write_index(&on, output.as_deref(), vault_key.as_deref()),
        VaultVerb::Put { on, entry, field } => put(&on, &entry, &field),
        VaultVerb::Status { on, findings, rotate_days, keep_days, format } => {
            let found = findings.as_deref().map(read_findings).transpose()?;
            let wanted = Wanted { rotate_days, keep_days };
            show_status(&on, &found.unwrap_or_default(), wanted, format)
        }
    }
}

fn open(on: &VaultOn) -> Result<Vec<Opened>> {
    let settings = settings::load(on.config.as_deref(), &[Target::Stdin], &request::today())?;
    settings.vaults.open(&on.vault)
}

fn gather(opened: &[Opened]) -> Result<Gathered> {
    // The key is a value like any other, and the one that must be in no index.
    let key_entry = key_place(opened)?.1.to_owned();
    let sources: Vec<Source<'_>> = opened.iter().map(Opened::source).collect();
    index::gather(&sources, Some(&key_entry), &|_| ()).or_fail(|| "cannot list the vault's entries".to_owned())
}

fn write_index(on: &VaultOn, output: Option<&Path>, key: Option<&Path>) -> Result<u8> {
    let opened = open(on)?;
    let written = index_text(&opened, key, on.quiet);
    let names: Vec<String> = opened.iter().map(|vault| vault.vault().name()).collect();
    opened.into_iter().for_each(Opened::close);
    let (gathered, text) = written?;
    match output {
        Some(file) => std::fs::write(file, &text).or_fail(|| format!("cannot write {}", file.display()))?,
        None => std::io::stdout().write_all(text.as_bytes()).or_fail(|| "cannot write the index".to_owned())?,
    }
    if !on.quiet {
        let (entries, versions, values) = (gathered.entries.len(), gathered.versions, gathered.items.len());
        let skipped: u64 = gathered.skipped.values().sum();
        message::line(&format!(
            "{}: {entries} entries, {versions} versions, {values} places of values",
            names.join(", ")
        ));
        if skipped > 0 {
            let reasons: Vec<String> =
                gathered.skipped.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
            message::line(&format!("left out, since they would be found everywhere: {}", reasons.join(", ")));
        }
    }
    Ok(code(&gathered, on, exit::CLEAN))
}

fn index_text(opened: &[Opened], key: Option<&Path>, is_quiet: bool) -> Result<(Gathered, String)> {
    let key = match key {
        Some(file) => vaults::read_key_file(file)?,
        None => {
            let (holder, entry) = key_place(opened)?;
            let ensured = index::ensure_key(holder.vault(), entry);
            let (key, is_new) = ensured.or_fail(|| format!("cannot get the index's key from {}", holder.name))?;
            if is_new && !is_quiet {
                message::line(&format!("{}: a new key was made at {entry}", holder.name));
            }
            key
        }
    };
    let gathered = gather(opened)?;
    let vaults = opened.iter().map(|vault| format!("{}: {}", vault.name, vault.vault().name())).collect();
    let text = index::write(&gathered, &key, vaults, request::now()).or_fail(|| "cannot make the index".to_owned())?;
    Ok((gathered, text))
}

/// Writes one field, if nobody else writes meanwhile.
fn put(on: &VaultOn, entry: &str, field: &str) -> Result<u8> {
    let opened = open(on)?;
    let [vault] = opened.as_slice() else {
        return Err(Failure::new("there are several vaults: name one with --vault"));
    };
    let mut value = Zeroizing::new(Vec::new());
    std::io::stdin().lock().read_to_end(&mut value).or_fail(|| "cannot read the value".to_owned())?;
    let value = value.strip_suffix(b"\n").unwrap_or(&value);
    if value.is_empty() {
        return Err(Failure::new("there is no value on standard input"));
    }
    let version = write_field(vault, entry, field, Secret::new(value));
    let version = version.or_fail(|| format!("cannot write {entry}"))?;
    if !on.quiet {
        message::line(&format!("{}: {entry} has version {version} now", vault.name));
    }
    opened.into_iter().for_each(Opened::close);
    Ok(exit::CLEAN)
}

fn write_field(vault: &Opened, entry: &str, field: &str, value: Secret) -> std::result::Result<String, VaultError> {
    let (mut fields, expected) = match vault.vault().read(entry, None) {
        Ok(known) => (known.fields, Some(known.version)),
        // What was deleted keeps its number.
        Err(VaultError::Absent(_)) => (Fields::new(), current(vault, entry)?),
        Err(error) => return Err(error),
    };
    fields.insert(field.to_owned(), value);
    vault.vault().write_if_version(entry, &fields, expected.as_deref())
}

fn current(vault: &Opened, entry: &str) -> std::result::Result<Option<String>, VaultError> {
    match vault.vault().versions(entry) {
        Ok(versions) => Ok(versions.into_iter().find(|version| version.is_current).map(|version| version.id)),
        Err(VaultError::Absent(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What could not be read makes a clean result a failure.
fn code(gathered: &Gathered, on: &VaultOn, otherwise: u8) -> u8 {
    for (object, reason) in &gathered.unread {
        message::caution(&format!("{object} was not read: {reason}"));
    }
    if !gathered.unread.is_empty() && !on.allow_partial && otherwise == exit::CLEAN { exit::FAILED } else { otherwise }
}

fn show_status(on: &VaultOn, found: &[Found], wanted: Wanted, format: StatusFormat) -> Result<u8> {
    let opened = open(on)?;
    let least = |of: fn(&Opened) -> Option<u32>| opened.iter().filter_map(of).min();
    let wanted = Wanted {
        rotate_days: wanted.rotate_days.or_else(|| least(|vault| vault.rotate_days)),
        keep_days: wanted.keep_days.or_else(|| least(|vault| vault.keep_days)),
    };
    let gathered = gather(&opened);
    opened.into_iter().for_each(Opened::close);
    let gathered = gathered?;
    let drift = status::drift(&gathered, found, wanted, request::now());
    let text = match format {
        StatusFormat::Json => {
            serde_json::to_string_pretty(&drift).or_fail(|| "cannot write the list".to_owned())? + "\n"
        }
        StatusFormat::Text => text(&drift, &gathered, wanted),
    };
    output::print(&text)?;
    Ok(code(&gathered, on, if drift.is_empty() { exit::CLEAN } else { exit::LEAKS }))
}

/// Secrets of a saved report.
fn read_findings(file: &Path) -> Result<Vec<Found>> {
    let text = std::fs::read_to_string(file).or_fail(|| format!("cannot read {}", file.display()))?;
    let saved = report::read(&text, Secrets::Redacted).or_fail(|| format!("cannot use {}", file.display()))?;
    let records = saved.records.into_iter().filter(|record| !record.rule.is_practice && record.suppression.is_none());
    let found: Vec<Found> = records
        .map(|record| Found {
            at: record.places.first().map(report::Place::name).unwrap_or_default(),
            fingerprint: record.fingerprint,
            rule: record.rule.id.clone(),
            validity: record.validity,
            vaulted: record.vault,
        })
        .collect();
    if !found.is_empty() && found.iter().all(|found| found.vaulted.is_empty() && found.validity == "unchecked") {
        message::note(
            &file.display().to_string(),
            "of no secret it says whether it is alive or stands in the vault: was it saved by `scan --vault-index`?",
        );
    }
    Ok(found)
}

fn text(drift: &Drift, gathered: &Gathered, wanted: Wanted) -> String {
    let mut out = String::new();
    let mut part = |title: String, lines: Vec<String>| {
        if !lines.is_empty() {
            out.push_str(&format!("{title}\n"));
            lines.iter().for_each(|line| out.push_str(&format!("  {}\n", crate::terminal::clean(line))));
        }
    };
    let entries =
        |places: &[Place]| places.iter().map(|p| format!("{}: {} ({})", p.vault, p.entry, p.field)).collect::<Vec<_>>();
    let leaked = drift.leaked.iter().map(|leaked| {
        let age = if leaked.is_current { "in use" } else { "old" };
        let first = leaked.places.first().map(Place::words).unwrap_or_default();
        format!("{age}: {first}, seen at {}", leaked.at)
    });
    part(format!("leaked ({})", drift.leaked.len()), leaked.collect());
    let unvaulted = drift.unvaulted.iter().map(|one| format!("{} at {} ({})", one.rule, one.at, one.fingerprint));
    part(format!("alive and in no vault ({})", drift.unvaulted.len()), unvaulted.collect());
    let duplicates = drift.duplicates.iter().map(|one| {
        let across = if one.environments.is_empty() {
            String::new()
        } else {
            format!(" across {}", one.environments.join(" and "))
        };
        format!("one value{across}: {}", entries(&one.places).join(", "))
    });
    part(format!("the same value in several entries ({})", drift.duplicates.len()), duplicates.collect());
    let overdue = drift.overdue.iter().map(|one| format!("{}: {}, {} days old", one.vault, one.entry, one.days));
    part(
        format!("not rotated for more than {} days ({})", wanted.rotate_days.unwrap_or(0), drift.overdue.len()),
        overdue.collect(),
    );
    let stale =
        drift.stale.iter().map(|one| format!("{}: {}, versions {}", one.vault, one.entry, one.versions.join(", ")));
    part(format!("old versions that can still be read ({})", drift.stale.len()), stale.collect());
    if drift.ageless > 0 {
        out.push_str(&format!("of {} entries the vault does not tell how old they are\n", drift.ageless));
    }
    if drift.is_empty() {
        out.push_str(&format!("nothing has drifted in {} entries\n", gathered.entries.len()));
    }
    out
}
