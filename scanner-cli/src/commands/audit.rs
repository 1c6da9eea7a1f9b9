//! `stopleak audit`: the record of what was done, checked, shown, signed and proved.

use super::record::{Recorder, failed};
use crate::args::{AuditArgs, AuditVerb, FilterArgs};
use crate::exit;
use crate::failure::{Failure, OrFail, Result};
use crate::output;
use crate::settings::AuditSettings;
use crate::terminal::{clean, message};
use std::io::Read;
use std::path::{Path, PathBuf};
use stopleak_core::Secret;
use stopleak_core::audit::{Checkpoint, Entry, Filter, Proof, PublicKey};

/// Carries out one verb.
pub fn run(args: &AuditArgs) -> Result<u8> {
    let record = find(args)?;
    match &args.verb {
        AuditVerb::Verify { checkpoint, proof: None } => verify(&record, args, checkpoint),
        AuditVerb::Verify { checkpoint, proof: Some(proof) } => check(&record, args, proof, checkpoint),
        AuditVerb::Show { filter, json } => show(&record, &words(filter), *json),
        AuditVerb::Checkpoint => checkpoint(&record),
        AuditVerb::Key => print(&format!("{}\n", record.keys()?.public())),
        AuditVerb::Tag => tag(&record),
        AuditVerb::Prove { entry, from, size } => prove(&record, *entry, *from, *size),
    }
}

fn find(args: &AuditArgs) -> Result<Recorder> {
    let key = args.key.as_ref().filter(|key| !key.contains('+')).map(PathBuf::from);
    let record = Recorder::here(args.log.as_deref(), &AuditSettings { key, ..AuditSettings::default() })?;
    if args.log.is_some() && !matches!(args.verb, AuditVerb::Verify { proof: Some(_), .. }) {
        std::fs::metadata(record.log.path()).or_fail(|| format!("cannot read {}", record.log.path().display()))?;
    }
    Ok(record)
}

/// The key that checks signatures: the one named, else the log's own. None when there is none yet.
fn public(record: &Recorder, args: &AuditArgs) -> Result<Option<PublicKey>> {
    let named = match &args.key {
        Some(key) if key.contains('+') => Some(key.clone()),
        Some(file) => std::fs::read_to_string(file).ok().filter(|text| text.contains('+')),
        None => None,
    };
    match named {
        Some(text) if PublicKey::parse(&text).is_ok() => PublicKey::parse(&text).map(Some).map_err(failed),
        Some(_) if args.key.as_ref().is_some_and(|key| key.contains('+')) => {
            Err(Failure::new("--key is neither a public key (name+id+base64) nor a file"))
        }
        _ => Ok(record.existing_keys()?.map(|keys| keys.public().clone())),
    }
}

fn kept(record: &Recorder, args: &AuditArgs, files: &[PathBuf]) -> Result<Vec<Checkpoint>> {
    let Some(key) = public(record, args)? else {
        return match files {
            [] => Ok(Vec::new()),
            _ => {
                Err(Failure::new("there is no key to check the checkpoint with").hint("name the public key with --key"))
            }
        };
    };
    let read = |file: &PathBuf| {
        let text = std::fs::read_to_string(file).or_fail(|| format!("cannot read {}", file.display()))?;
        Checkpoint::open(&text, &key).or_fail(|| format!("cannot use {}", file.display()))
    };
    files.iter().map(read).collect()
}

fn verify(record: &Recorder, args: &AuditArgs, files: &[PathBuf]) -> Result<u8> {
    let mut kept = kept(record, args, files)?;
    let key = public(record, args)?;
    if let Some(key) = &key {
        kept.extend(record.log.newest_checkpoint(key).map_err(|error| {
            Failure::new(format!("the checkpoint {} cannot be used: {error}", record.log.checkpoint_path().display()))
        })?);
    }
    let verified = record.log.verify(&kept).map_err(|error| Failure::new(error.to_string()))?;
    let count = |n: u64, one: &str, many: &str| format!("{n} {}", if n == 1 { one } else { many });
    let mut text = format!(
        "{} in {}, each as it was written",
        count(verified.entries, "entry", "entries"),
        count(verified.files as u64, "file", "files")
    );
    match (verified.signed, files.len() as u64) {
        (None, _) => text += "; none is signed\n",
        (Some(size), 0) => text += &format!("; signed up to entry {size} (by the checkpoint beside the log)\n"),
        (Some(size), kept) => {
            text +=
                &format!("; signed up to entry {size}, {} fit\n", count(kept, "kept checkpoint", "kept checkpoints"));
        }
    }
    if !verified.open.is_empty() {
        let open: Vec<String> = verified.open.iter().map(u64::to_string).collect();
        text += &format!("begun and not ended: {}\n", open.join(", "));
    }
    if verified.torn > 0 {
        message::caution(&format!(
            "after the last entry stand {} bytes of one that a crash cut short; it was never acknowledged",
            verified.torn
        ));
    }
    if files.is_empty() {
        message::hint(
            "whoever can write the log can cut it off or write it anew: that shows only against a checkpoint kept \
             elsewhere (--checkpoint)",
        );
    }
    print(&text)
}

fn check(record: &Recorder, args: &AuditArgs, proof: &Path, files: &[PathBuf]) -> Result<u8> {
    let kept = kept(record, args, files)?;
    let text = std::fs::read_to_string(proof).or_fail(|| format!("cannot read {}", proof.display()))?;
    let parsed: Proof = serde_json::from_str(&text).or_fail(|| format!("{} is no proof", proof.display()))?;
    parsed.check(&kept).map_err(|error| Failure::new(error.to_string()))?;
    print(&match &parsed {
        Proof::Inclusion { number, size, entry, .. } => {
            format!("the proof holds: entry {number} is among the {size} that were signed\n{}\n", clean(entry))
        }
        Proof::Consistency { old, size, .. } => {
            format!("the proof holds: the log of {size} entries goes on from that of {old}\n")
        }
    })
}

fn words(filter: &FilterArgs) -> Filter {
    Filter {
        action: filter.action.clone(),
        actor: filter.actor.clone(),
        since: filter.since.clone(),
        subject: filter.subject.clone(),
        run: filter.run.clone(),
        outcome: filter.outcome.clone(),
    }
}

fn show(record: &Recorder, filter: &Filter, json: bool) -> Result<u8> {
    let mut text = String::new();
    let read = record.log.read(&[], &mut |entry| {
        if filter.holds(entry) {
            text += &match json {
                true => entry.line().map(|line| String::from_utf8_lossy(&line).into_owned() + "\n").unwrap_or_default(),
                false => in_words(entry),
            };
        }
    });
    print(&text)?;
    read.map(|_| exit::CLEAN).map_err(|error| Failure::new(error.to_string()))
}

fn checkpoint(record: &Recorder) -> Result<u8> {
    let signed = record.log.checkpoint(&record.keys()?).map_err(failed)?;
    let (_, note) = signed.ok_or_else(|| Failure::new("the log has no entries: there is nothing to sign"))?;
    print(&note)
}

fn tag(record: &Recorder) -> Result<u8> {
    let mut value = Vec::new();
    std::io::stdin().take(1 << 20).read_to_end(&mut value).or_fail(|| "cannot read standard input".to_owned())?;
    let value = Secret::new(value.strip_suffix(b"\n").unwrap_or(&value));
    print(&format!("{}\n", record.keys()?.tag(&value)))
}

fn prove(record: &Recorder, entry: Option<u64>, from: Option<u64>, size: Option<u64>) -> Result<u8> {
    let proof = match (entry, from) {
        (Some(number), _) => record.log.prove_inclusion(number, size),
        (None, from) => record.log.prove_consistency(from.unwrap_or_default(), size),
    };
    let proof = proof.map_err(|error| Failure::new(error.to_string()))?;
    let text = serde_json::to_string_pretty(&proof).or_fail(|| "cannot write the proof".to_owned())?;
    print(&format!("{text}\n"))
}

fn in_words(entry: &Entry) -> String {
    let text = |name: &str| entry.details.get(name).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
    let list = |name: &str| entry.details.get(name).and_then(|value| value.as_array()).cloned().unwrap_or_default();
    let mut lines = format!(
        "{} {}  {}  {}  {}  {}\n",
        entry.number,
        entry.time,
        entry.action,
        [entry.outcome.clone(), text("hook")].join(" ").trim_end(),
        entry.actor,
        entry.of.map(|begun| format!("ends {begun}")).unwrap_or_default()
    );
    lines = lines.trim_end().to_owned() + "\n";
    for label in ["reason", "until", "error", "target", "provider"] {
        if !text(label).is_empty() {
            lines += &format!("  {label:<8} {}\n", text(label));
        }
    }
    for finding in &list("findings") {
        let word = |name: &str| finding.get(name).and_then(|value| value.as_str()).unwrap_or_default();
        let place = finding.get("places").and_then(|places| places.get(0)).and_then(|place| place.as_str());
        let (severity, place) = (word("severity"), place.unwrap_or("-"));
        lines += &format!("  {severity:<8} {} at {place}  {}\n", word("rule"), word("fingerprint"));
    }
    for object in list("unscanned") {
        lines += &format!("  unscanned {}\n", object.as_str().unwrap_or_default());
    }
    lines.lines().map(|line| clean(line) + "\n").collect()
}

fn print(text: &str) -> Result<u8> {
    output::print(text).map(|()| exit::CLEAN)
}
