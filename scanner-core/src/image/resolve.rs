//! From what a name stands for to images: through indexes, for one platform or all.

use super::config;
use super::digest::Digest;
use super::error::ImageError;
use super::manifest::{Descriptor, IMAGE_NAME, Manifest, Platform, REF_NAME};
use super::store::{Store, blob};
use crate::warning::Warning;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Indexes inside indexes.
const MAX_DEPTH: u32 = 4;

/// One image: what is to be scanned of it.
#[derive(Clone, Debug)]
pub struct Image {
    /// As reports name it.
    pub name: Arc<str>,
    /// Its manifest, or what stands for it.
    pub digest: Digest,
    /// Its configuration.
    pub config: Descriptor,
    /// Its layers, the lowest first.
    pub layers: Vec<Descriptor>,
    /// Notes on its manifest and on the indexes above it.
    pub annotations: BTreeMap<String, String>,
}

/// What came of a name.
#[derive(Debug, Default)]
pub struct Resolved {
    /// Its images.
    pub images: Vec<Image>,
    /// Those that cannot be read.
    pub warnings: Vec<Warning>,
}

/// The images behind a manifest or an index that was read.
pub fn resolve(
    store: &dyn Store,
    name: &str,
    digest: Digest,
    manifest: Manifest,
    platform: Option<&Platform>,
) -> Result<Resolved, ImageError> {
    let mut walk = Walk { store, name: name.into(), platform, seen: BTreeSet::new(), resolved: Resolved::default() };
    let mut others = BTreeSet::new();
    walk.manifest(digest, manifest, &Above::default(), &mut others)?;
    match (walk.resolved.images.is_empty() && walk.resolved.warnings.is_empty(), platform) {
        (true, Some(platform)) => {
            let found = others.into_iter().collect::<Vec<_>>().join(", ");
            Err(ImageError::NotFound { wanted: format!("image for {platform}"), found })
        }
        _ => Ok(walk.resolved),
    }
}

/// The images of a layout, by its `index.json`; `shown` names the layout.
pub fn resolve_layout(
    store: &dyn Store,
    shown: &str,
    index: &[u8],
    tag: Option<&str>,
    platform: Option<&Platform>,
) -> Result<Resolved, ImageError> {
    let Manifest::Index { manifests, annotations } = Manifest::parse(index, "index.json")? else {
        return Err(ImageError::damaged("index.json", "it is no index"));
    };
    let mut by_name: BTreeMap<String, Vec<Descriptor>> = BTreeMap::new();
    let mut tags = BTreeSet::new();
    for descriptor in manifests {
        let own = descriptor.annotations.get(REF_NAME);
        tags.extend(own.cloned());
        if tag.is_none() || own.map(String::as_str) == tag {
            by_name.entry(name_of(&descriptor, shown)).or_default().push(descriptor);
        }
    }
    if let (true, Some(tag)) = (by_name.is_empty(), tag) {
        let found = tags.into_iter().collect::<Vec<_>>().join(", ");
        return Err(ImageError::NotFound { wanted: format!("image tagged {tag}"), found });
    }
    let mut all = Resolved::default();
    let mut missing = None;
    for (name, manifests) in by_name {
        let index = Manifest::Index { manifests, annotations: annotations.clone() };
        match resolve(store, &name, Digest::of(b""), index, platform) {
            Ok(resolved) => {
                all.images.extend(resolved.images);
                all.warnings.extend(resolved.warnings);
            }
            Err(error @ ImageError::NotFound { .. }) => missing = Some(error),
            Err(error) => return Err(error),
        }
    }
    match missing {
        Some(error) if all.images.is_empty() && all.warnings.is_empty() => Err(error),
        _ => Ok(all),
    }
}

fn name_of(descriptor: &Descriptor, shown: &str) -> String {
    match (descriptor.annotations.get(IMAGE_NAME), descriptor.annotations.get(REF_NAME)) {
        (Some(name), _) => name.clone(),
        (None, Some(name)) if name.contains(['/', ':']) => name.clone(),
        (None, Some(tag)) => format!("{shown}:{tag}"),
        (None, None) => shown.to_owned(),
    }
}

struct Walk<'a> {
    store: &'a dyn Store,
    name: Arc<str>,
    platform: Option<&'a Platform>,
    seen: BTreeSet<Digest>,
    resolved: Resolved,
}

/// What is known from the indexes above a manifest.
#[derive(Clone, Default)]
struct Above {
    annotations: BTreeMap<String, String>,
    depth: u32,
    /// An index said that it is for the platform asked for.
    is_chosen: bool,
}

impl Walk<'_> {
    fn manifest(
        &mut self,
        digest: Digest,
        manifest: Manifest,
        above: &Above,
        others: &mut BTreeSet<String>,
    ) -> Result<(), ImageError> {
        let mut above = above.clone();
        match manifest {
            Manifest::Image { config, layers, annotations } => {
                above.annotations.extend(annotations);
                let (name, is_chosen) = (self.name.clone(), above.is_chosen);
                let image = Image { name, digest, config, layers, annotations: above.annotations };
                self.take(image, is_chosen, others)
            }
            Manifest::Index { .. } if above.depth >= MAX_DEPTH => {
                Err(ImageError::damaged(digest.short(), "indexes are nested too deep"))
            }
            Manifest::Index { manifests, annotations } => {
                above.annotations.extend(annotations);
                above.depth += 1;
                for (descriptor, is_chosen) in self.chosen(manifests, others) {
                    let mut above = Above { is_chosen, ..above.clone() };
                    above.annotations.extend(descriptor.annotations.clone());
                    self.descriptor(descriptor, &above, others);
                }
                Ok(())
            }
        }
    }

    /// An image that names no platform is asked itself.
    fn take(&mut self, image: Image, is_chosen: bool, others: &mut BTreeSet<String>) -> Result<(), ImageError> {
        if let (Some(platform), false) = (self.platform, is_chosen) {
            let own = config::platform(&blob(self.store, &image.config)?);
            if !own.as_ref().is_some_and(|own| own.is(platform)) {
                others.extend(own.map(|own| own.to_string()));
                return Ok(());
            }
        }
        self.resolved.images.push(image);
        Ok(())
    }

    /// What is looked at of an index, and whether it is known to be for the platform asked for.
    fn chosen(&self, manifests: Vec<Descriptor>, others: &mut BTreeSet<String>) -> Vec<(Descriptor, bool)> {
        let Some(platform) = self.platform else { return manifests.into_iter().map(|one| (one, true)).collect() };
        let is_ours = |one: &Descriptor| one.platform.as_ref().is_some_and(|own| own.is(platform));
        let ours: BTreeSet<String> =
            manifests.iter().filter(|one| is_ours(one)).map(|one| one.digest.to_string()).collect();
        let mut kept = Vec::new();
        for one in manifests {
            match (one.attested(), &one.platform) {
                (Some(attested), _) if ours.contains(attested) => kept.push((one, true)),
                (Some(_), _) => {}
                (None, Some(_)) if is_ours(&one) => kept.push((one, true)),
                (None, Some(other)) => _ = others.insert(other.to_string()),
                (None, None) => kept.push((one, false)),
            }
        }
        kept
    }

    /// One of several: that it cannot be read keeps none of the others from being read.
    fn descriptor(&mut self, descriptor: Descriptor, above: &Above, others: &mut BTreeSet<String>) {
        if !self.seen.insert(descriptor.digest.clone()) {
            return;
        }
        let what = descriptor.digest.short().to_owned();
        let read = self.store.manifest(&descriptor).and_then(|bytes| Manifest::parse(&bytes, &what));
        if let Err(error) = read.and_then(|manifest| self.manifest(descriptor.digest, manifest, above, others)) {
            let object = format!("{}!{what}", self.name);
            self.resolved.warnings.push(Warning::unscanned("image-manifest", object, error.to_string()));
        }
    }
}
