//! `stopleak vault readers`: who read leaked values from the vault, as its audit log tells. The list to restart.

use super::places;
use super::targets;
use crate::args::{ReadersArgs, RespondArgs, StatusFormat};
use crate::commands::request;
use crate::exit;
use crate::failure::{Failure, OrFail, Result};
use crate::output;
use crate::terminal::{clean, message};
use crate::vaults::{Opened, Vaults};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use stopleak_core::Secret;
use stopleak_core::respond::readers::{Reader, Readers, readers};
use stopleak_core::respond::{Target, holds};
use stopleak_core::vault::VaultError;
use stopleak_core::vault::hashicorp::Hashicorp;
use stopleak_core::vault::several::{path_in, split};

/// Carries it out.
pub fn run(args: ReadersArgs) -> Result<u8> {
    let ReadersArgs { saved, selection, rule, fingerprint, audit_log, device, vault, entry, format } = args;
    let (allow_partial, quiet) = (selection.allow_partial, selection.quiet);
    let uses = |file: &&Path| *file == Path::new("-");
    let inputs = audit_log.iter().map(AsRef::as_ref).chain(saved.as_deref()).filter(uses).count();
    if inputs + usize::from(rule.is_some()) > 1 {
        return Err(Failure::new("standard input can be only one of the value, the report and the audit log"));
    }
    let mut args = RespondArgs { saved, selection, rule, fingerprint, ..RespondArgs::default() };
    let mut wiring = request::plan(&args.selection)?;
    let vaults = std::mem::take(&mut wiring.vaults);
    if args.selection.images.offline {
        return Err(Failure::new("--offline forbids to ask the vault under which hashes its log names values"));
    }
    let targets = targets::gather(&mut args, wiring, None)?;
    let opened = open(&vaults, vault)?;
    let found = find(&opened, &vaults, &targets, &entry, &device, &audit_log);
    opened.close();
    let found = found?;
    print(&targets, &found, format)?;
    let unread = found.iter().map(|readers| readers.unread).max().unwrap_or(0);
    if unread > 0 && !quiet {
        message::caution(&format!("{unread} lines of the audit log are no entries: somebody may be missing"));
    }
    Ok(if unread > 0 && !allow_partial { exit::FAILED } else { exit::CLEAN })
}

fn open(vaults: &Vaults, name: Option<String>) -> Result<Opened> {
    let only: Vec<String> = name.into_iter().collect();
    if only.is_empty() && vaults.names().len() > 1 {
        let names = vaults.names().join(", ");
        return Err(Failure::new("there are several vaults: name one with --vault").hint(format!("there are {names}")));
    }
    let mut opened = vaults.open(&only)?;
    match opened.pop() {
        Some(opened) if opened.hashicorp().is_some() => Ok(opened),
        Some(opened) => {
            let message =
                format!("{} is no HashiCorp Vault or OpenBao: no other kind tells the hash of a value", opened.name);
            opened.close();
            Err(Failure::new(message))
        }
        None => Err(Failure::new("no vault is named")),
    }
}

fn find(
    opened: &Opened,
    vaults: &Vaults,
    targets: &[Target],
    entries: &[String],
    devices: &[String],
    logs: &[std::path::PathBuf],
) -> Result<Vec<Readers>> {
    let Some(vault) = opened.hashicorp() else { return Ok(Vec::new()) };
    let entries = places::entries(entries, &vaults.names())?;
    let devices = match devices {
        [] => {
            vault.audit_devices().or_fail(|| "cannot list the vault's audit devices".to_owned()).map_err(|failure| {
                failure.hint("that takes `sudo` on sys/audit; name the device that wrote the log: --device file/")
            })?
        }
        named => named.to_vec(),
    };
    if devices.is_empty() {
        return Err(Failure::new("the vault has no audit device: nobody knows who read what"));
    }
    let mut hashes = Vec::new();
    for target in targets {
        let values = values(opened, target, &entries)?;
        hashes.push(hashes_of(vault, &devices, &values)?);
    }
    let mut all: Vec<Vec<Readers>> = vec![Vec::new(); targets.len()];
    for log in logs {
        // Standard input can be read once.
        let text = (log == Path::new("-")).then(|| std::io::read_to_string(std::io::stdin())).transpose();
        let text = text.or_fail(|| "cannot read standard input".to_owned())?;
        for (hashes, found) in hashes.iter().zip(&mut all) {
            let act = || format!("cannot read the audit log {}", log.display());
            let read = match &text {
                Some(text) => readers(text.as_bytes(), hashes),
                None => readers(BufReader::new(File::open(log).or_fail(act)?), hashes),
            };
            found.push(read.or_fail(act)?);
        }
    }
    Ok(all.into_iter().map(merged).collect())
}

/// The value, and the fields that hold it inside a longer one: the log knows whole fields only.
fn values(opened: &Opened, target: &Target, entries: &[String]) -> Result<Vec<Secret>> {
    let mut values = vec![target.secret.clone()];
    let paths: BTreeSet<&str> =
        target.places.iter().map(|place| place.path.as_str()).chain(entries.iter().map(String::as_str)).collect();
    let here = paths.into_iter().filter_map(|path| split([&opened.name], path));
    for path in here.map(|(_, path)| path.split('#').next().unwrap_or(path)) {
        let act = || format!("cannot read {}", path_in(&opened.name, path));
        let versions = match opened.vault().versions(path) {
            Err(VaultError::Absent(_)) => continue,
            versions => versions.or_fail(act)?,
        };
        for version in versions.iter().filter(|version| version.is_readable) {
            let entry = opened.vault().read(path, Some(&version.id)).or_fail(act)?;
            values.extend(entry.fields.into_values().filter(|value| holds(value, &target.secret)));
        }
    }
    Ok(values)
}

fn hashes_of(vault: &Hashicorp, devices: &[String], values: &[Secret]) -> Result<Vec<String>> {
    let mut hashes = BTreeSet::new();
    for device in devices {
        for value in values {
            let hash = vault.audit_hash(device, value);
            hashes.insert(hash.or_fail(|| format!("cannot get the hash that the audit device {device} writes"))?);
        }
    }
    Ok(hashes.into_iter().collect())
}

/// Several logs as one.
fn merged(logs: Vec<Readers>) -> Readers {
    let mut all = Readers::default();
    for Readers { readers, unread } in logs {
        all.unread += unread;
        for reader in readers {
            let is_same = |known: &&mut Reader| {
                (&known.name, &known.entity, &known.address) == (&reader.name, &reader.entity, &reader.address)
            };
            let Some(known) = all.readers.iter_mut().find(is_same) else {
                all.readers.push(reader);
                continue;
            };
            known.times += reader.times;
            known.paths.extend(reader.paths);
            known.paths.sort();
            known.paths.dedup();
            let (first, last) = reader.between;
            known.between.0 = std::mem::take(&mut known.between.0).min(first);
            known.between.1 = std::mem::take(&mut known.between.1).max(last);
        }
    }
    all.readers.sort_by(|a, b| (&a.name, &a.entity, &a.address).cmp(&(&b.name, &b.entity, &b.address)));
    all
}

fn print(targets: &[Target], found: &[Readers], format: StatusFormat) -> Result<()> {
    let pairs = || targets.iter().zip(found);
    let text = match format {
        StatusFormat::Json => {
            let reader = |reader: &Reader| {
                let Reader { name, entity, address, paths, times, between: (first, last) } = reader;
                json!({ "name": name, "entity": entity, "address": address, "paths": paths, "times": times, "first": first, "last": last })
            };
            let one = |(target, found): (&Target, &Readers)| {
                let readers: Vec<Value> = found.readers.iter().map(reader).collect();
                json!({ "fingerprint": target.fingerprint.as_str(), "rule": target.rule.id, "secret": target.secret.redacted(), "readers": readers, "unread": found.unread })
            };
            let all: Vec<Value> = pairs().map(one).collect();
            serde_json::to_string_pretty(&all).unwrap_or_default() + "\n"
        }
        StatusFormat::Text => pairs().map(|(target, found)| lines(target, found)).collect(),
    };
    output::print(&text)
}

fn lines(target: &Target, found: &Readers) -> String {
    let mut out = format!("{} {} {}\n", target.rule.id, target.secret.redacted(), target.fingerprint);
    if found.readers.is_empty() {
        out.push_str("  nobody read it in this log\n");
    }
    for Reader { name, entity, address, paths, times, between: (first, last) } in &found.readers {
        let who = if name.is_empty() { "somebody without a name" } else { name };
        let entity = if entity.is_empty() { String::new() } else { format!(" (entity {entity})") };
        let times = if *times == 1 { "once".to_owned() } else { format!("{times} times") };
        let line = format!("{who}{entity} from {address}: {times}, {first} to {last}, {}", paths.join(", "));
        out.push_str(&format!("  {}\n", clean(&line)));
    }
    out
}
