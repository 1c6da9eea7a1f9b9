//! What is to be scanned of all images, each blob once, and where a finding in it belongs.

use super::super::Gate;
use super::super::mask::Mask;
use super::{Source, is_encrypted};
use crate::blob::{Fate, Origin, short};
use crate::detect::Engine;
use crate::image::{Changes, Descriptor, Digest, Image, Section, Step, Store, blob, notes, sections, steps};
use crate::warning::Warning;
use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};

/// Longer steps are cut: a report shows where a layer comes from, not the whole Dockerfile.
const MAX_STEP: usize = 160;

/// A place with findings.
pub enum Spot {
    /// A file of a layer.
    File { layer: usize, path: String },
    /// A section of a configuration.
    Section { config: usize, section: usize },
    /// An entry of a tarball that belongs to no image.
    Rest { target: String, name: String },
}

/// A layer, and who has it.
pub struct Layer {
    pub source: usize,
    pub what: Descriptor,
    pub changes: OnceLock<Changes>,
    /// Images, and which of their layers it is.
    users: Vec<(usize, usize)>,
}

/// A configuration, or the notes on an image, and who has it.
pub struct Config {
    pub sections: Vec<Section>,
    digest: Arc<str>,
    names: Vec<Arc<str>>,
}

/// One image.
struct Known<'p> {
    image: &'p Image,
    steps: Vec<Option<Step>>,
    layers: Vec<usize>,
}

/// All that is to be scanned.
pub struct Plan<'p> {
    pub sources: &'p [Source<'p>],
    pub layers: Vec<Layer>,
    pub configs: Vec<Config>,
    /// Set from outside: what is being read ends.
    pub stop: Option<&'p AtomicBool>,
    images: Vec<Known<'p>>,
    config_digests: Vec<Digest>,
}

impl<'p> Plan<'p> {
    /// Reads the configurations and lists the layers.
    pub fn new(engine: &Engine, sources: &'p [Source<'p>], warnings: &mut Vec<Warning>) -> Plan<'p> {
        let mut plan = Plan {
            sources,
            layers: Vec::new(),
            configs: Vec::new(),
            stop: None,
            images: Vec::new(),
            config_digests: Vec::new(),
        };
        let (mut layers, mut configs) = (HashMap::new(), HashMap::new());
        for (source, one) in sources.iter().enumerate() {
            for image in &one.images {
                let bytes = read_config(one.store.store(), image, warnings);
                plan.add_config(&mut configs, image, &image.config.digest, || sections_of(&bytes));
                plan.add_config(&mut configs, image, &image.digest, || notes(&image.annotations).into_iter().collect());
                let steps = steps(&bytes).into_iter().map(|step| step.map(|step| masked(engine, &step))).collect();
                plan.add_layers(&mut layers, source, image, steps, warnings);
            }
        }
        plan
    }

    fn add_config(
        &mut self,
        known: &mut HashMap<Digest, usize>,
        image: &Image,
        digest: &Digest,
        sections: impl FnOnce() -> Vec<Section>,
    ) {
        let index = *known.entry(digest.clone()).or_insert_with(|| {
            self.configs.push(Config { sections: sections(), digest: digest.shared(), names: Vec::new() });
            self.config_digests.push(digest.clone());
            self.configs.len() - 1
        });
        let names = &mut self.configs[index].names;
        if !names.contains(&image.name) {
            names.push(image.name.clone());
        }
    }

    fn add_layers(
        &mut self,
        known: &mut HashMap<Digest, usize>,
        source: usize,
        image: &'p Image,
        steps: Vec<Option<Step>>,
        warnings: &mut Vec<Warning>,
    ) {
        let index = self.images.len();
        let mut layers = Vec::new();
        for (position, what) in image.layers.iter().enumerate() {
            if is_encrypted(what) {
                let object = format!("{}!{}", image.name, what.digest.short());
                warnings.push(Warning::unscanned("image-encrypted", object, "the layer is encrypted"));
            }
            let layer = *known.entry(what.digest.clone()).or_insert_with(|| {
                let (what, changes) = (what.clone(), OnceLock::new());
                self.layers.push(Layer { source, what, changes, users: Vec::new() });
                self.layers.len() - 1
            });
            // The empty layer may stand in an image more than once; one place is enough.
            if !layers.contains(&layer) {
                self.layers[layer].users.push((index, position));
            }
            layers.push(layer);
        }
        self.images.push(Known { image, steps, layers });
    }

    /// Blobs that belong to an image.
    pub fn used(&self) -> impl Iterator<Item = &Digest> {
        let layers = self.layers.iter().map(|layer| &layer.what.digest);
        layers.chain(&self.config_digests)
    }

    /// The layers that stand above one, in any image.
    pub fn above(&self, layer: usize) -> BTreeSet<usize> {
        let users = &self.layers[layer].users;
        users.iter().flat_map(|(image, position)| self.images[*image].layers[position + 1..].iter().copied()).collect()
    }

    /// All layers, those first that fewer stand above.
    pub fn downwards(&self) -> Vec<usize> {
        let depth = |layer: &usize| {
            let users = self.layers[*layer].users.iter();
            users.map(|(image, position)| self.images[*image].layers.len() - position).max().unwrap_or(0)
        };
        let mut layers: Vec<usize> = (0..self.layers.len()).collect();
        layers.sort_by_key(depth);
        layers
    }

    /// How messages name a layer.
    pub fn layer_name(&self, layer: usize) -> String {
        let Layer { what, users, .. } = &self.layers[layer];
        let image = users.first().map_or("", |(image, _)| &*self.images[*image].image.name);
        format!("{image}!{}", what.digest.short())
    }

    /// How messages name a spot.
    pub fn name(&self, spot: &Spot) -> String {
        match spot {
            Spot::File { layer, path } => format!("{}!{path}", self.layer_name(*layer)),
            _ => self.origins(spot).first().and_then(Origin::path).unwrap_or_default().to_owned(),
        }
    }

    /// Every image that a spot is in.
    pub fn origins(&self, spot: &Spot) -> Vec<Origin> {
        match spot {
            Spot::File { layer, path } => self.files(*layer, path),
            Spot::Section { config, section } => self.sections(*config, *section),
            Spot::Rest { target, name } => vec![Origin::entry(Origin::File { path: target.clone() }, name)],
        }
    }

    fn files(&self, layer: usize, path: &str) -> Vec<Origin> {
        let Layer { what, users, .. } = &self.layers[layer];
        let origin = |(image, position): &(usize, usize)| {
            let known = &self.images[*image];
            let above = known.layers[position + 1..].iter().filter_map(|above| self.layers[*above].changes.get());
            let fate = above.map(|changes| changes.fate(path)).find(|fate| *fate != Fate::Kept).unwrap_or_default();
            let name = known.image.name.clone();
            let path = format!("{name}!{}!{path}", what.digest.short());
            let step = known.steps.get(*position).cloned().flatten();
            Origin::Layer { image: name, digest: what.digest.shared(), step, path, fate }
        };
        users.iter().map(origin).collect()
    }

    fn sections(&self, config: usize, section: usize) -> Vec<Origin> {
        let Config { sections, digest, names } = &self.configs[config];
        let inside = match sections[section].path.as_str() {
            "" => "config",
            path => path,
        };
        let origin = |image: &Arc<str>| {
            let path = format!("{image}!{}!{inside}", short(digest));
            Origin::ImageConfig { image: image.clone(), digest: digest.clone(), path }
        };
        names.iter().map(origin).collect()
    }
}

fn read_config(store: &dyn Store, image: &Image, warnings: &mut Vec<Warning>) -> Vec<u8> {
    blob(store, &image.config).unwrap_or_else(|error| {
        let object = format!("{}!{}", image.name, image.config.digest.short());
        warnings.push(Warning::unscanned("image-config", object, error.to_string()));
        Vec::new()
    })
}

/// A configuration that is no JSON is a text like any other.
fn sections_of(bytes: &[u8]) -> Vec<Section> {
    let whole = |_| vec![Section { path: String::new(), text: String::from_utf8_lossy(bytes).into_owned() }];
    sections(bytes).unwrap_or_else(whole)
}

/// A step with its secrets masked, cut to a length that a report can show.
fn masked(engine: &Engine, step: &str) -> Step {
    let mut mask = Mask::new(engine, Gate { confidence: 0.0, ..Gate::default() });
    let mut out = Vec::new();
    mask.write(step.as_bytes(), &mut out);
    mask.finish(&mut out);
    let text = String::from_utf8_lossy(&out);
    match text.char_indices().nth(MAX_STEP) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text.into(),
    }
}
