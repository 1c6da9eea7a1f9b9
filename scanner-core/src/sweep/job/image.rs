//! A tag of a container image: what it stands for, and the layers of it that nobody has scanned.
//!
//! Layers that held nothing are shared by all images; a layer that held something is scanned in each, so that every place
//! is known. A scan that is interrupted goes on with the layer it was at.

use super::{Trouble, Work};
use crate::blob::ObjectId;
use crate::image::{Digest, ImageError, Manifest, Registry};
use crate::scan::{Layers, Pulled};
use crate::source::git::repository::parse_id;
use crate::sweep::packs::Difference;
use crate::sweep::store::{Anew, Clean, Known, Left, Outcome, short_id};
use crate::sweep::targets::TargetError;
use crate::time;
use crate::warning::Warning;

/// What a layer weighs at most: it is read as a stream, and of it archives are held.
const HEAVIEST: u64 = 512 << 20;
/// After so many failures in a row what cannot be read is written down, and the rest counts as scanned.
const PATIENCE: i64 = 2;
/// What may be different the next time: nobody has read it.
const UNREAD: [&str; 4] = ["image-manifest", "image-config", "image-layer", "image-digest"];

/// Sweeps one.
pub fn run(work: &Work<'_>, known: &Known) -> Result<Outcome, Trouble> {
    let registry = work.access.registry_of(&work.job.repo)?;
    // Only who was there before is asked for the name alone.
    if known.refs.is_some()
        && let Some(digest) = registry.digest().map_err(trouble)?
        && work.scanner.is_unchanged(known, digest.as_str())
    {
        return Ok(Outcome::Unchanged);
    }
    let (digest, manifest) = registry.named().map_err(trouble)?;
    match work.scanner.is_unchanged(known, digest.as_str()) {
        true => Ok(Outcome::Unchanged),
        false => scan(work, known, registry, digest, manifest),
    }
}

/// A tag that is gone since it was listed is no failure.
fn trouble(error: ImageError) -> Trouble {
    match error {
        ImageError::Status { status: 404, .. } => Trouble::Absent,
        other => Trouble::Target(TargetError::Image(other)),
    }
}

fn scan(
    work: &Work<'_>,
    known: &Known,
    registry: Registry<'_>,
    digest: Digest,
    manifest: Manifest,
) -> Result<Outcome, Trouble> {
    let _turn = work.scales.turn(work.stop).ok_or(Trouble::Stopped)?;
    let request = work.scanner.request();
    let resolved = registry.images_of(digest.clone(), manifest, None).map_err(trouble)?;
    let pulled = Pulled::new(registry, resolved);
    let layers = Layers::new(&request, &work.scanner.engine, &pulled, work.stop);
    let _weight = work.scales.put(layers.largest().min(HEAVIEST), work.stop).ok_or(Trouble::Stopped)?;
    let mut left = Left { anew: Anew::Everything, whole: Some(time::now()), ..work.left(digest.as_str()) };
    left.warnings.extend(layers.warnings.iter().cloned());
    let before = request.progress.figures();
    let mut outcome = layers.configurations();
    work.count(before, &request.progress);
    work.keep(&mut outcome.findings, None, &mut left)?;
    left.warnings.extend(outcome.summary.warnings);
    let family = work.scanner.family("layers");
    let known_clean = clean(work, known, &family, &mut left)?;
    for (layer, digest) in layers.downwards() {
        work.go_on()?;
        let id = object_id(&digest);
        if id.is_some_and(|id| known_clean.contains(&id)) {
            left.shared += 1;
            continue;
        }
        let before = request.progress.figures();
        let mut scanned = layers.scan(layer).ok_or(Trouble::Stopped)?;
        work.count(before, &request.progress);
        let held_nothing = id.filter(|_| scanned.is_clean).map(|id| Clean::of([short_id(&id).to_vec()]));
        let clean = held_nothing.as_ref().map(|ids| (family.as_str(), ids));
        work.keep(&mut scanned.outcome.findings, clean, &mut left)?;
        left.warnings.extend(scanned.outcome.summary.warnings);
    }
    judge_unread(known, &mut left)?;
    work.finish(&request, left)?;
    Ok(Outcome::Scanned)
}

/// What nobody could read is tried again: soon, and after that with every sweep, for the digest stays the same.
fn judge_unread(known: &Known, left: &mut Left) -> Result<(), Trouble> {
    let is_unread = |warning: &&Warning| warning.unscanned && UNREAD.contains(&warning.code);
    let Some(first) = left.warnings.iter().find(is_unread) else { return Ok(()) };
    if known.failures < PATIENCE {
        return Err(Trouble::Other(format!("{}: {}", first.object, first.message)));
    }
    left.refs = format!("{} in part", left.refs);
    Ok(())
}

/// The layers that hold nothing by these rules, or by others that see nothing less.
fn clean(work: &Work<'_>, known: &Known, family: &str, left: &mut Left) -> Result<Clean, Trouble> {
    let (families, rules) = ([family.to_owned()], work.scanner.pack.digest.as_str());
    let clean = work.store.clean(&families, rules)?;
    let Some(old) = known.rules.as_deref().filter(|old| *old != rules) else { return Ok(clean) };
    let Some(pack) = work.store.pack(old)? else { return Ok(clean) };
    match pack.difference(&work.scanner.rules) {
        Difference::Nothing => {
            let more = work.store.clean(&families, old)?.filtered(|id| !clean.has(id));
            work.keep(&mut [], Some((family, &more)), left)?;
            Ok(Clean::of([clean.bytes(), more.bytes()]))
        }
        // A layer has to be fetched to be looked through: then all rules look.
        Difference::Only(_) | Difference::Everything(_) => Ok(clean),
    }
}

/// The first bytes of a layer's hash stand for it, as those of an object do.
fn object_id(digest: &Digest) -> Option<ObjectId> {
    let (_, hex) = digest.parts();
    parse_id(hex.as_bytes().get(..40)?)
}
