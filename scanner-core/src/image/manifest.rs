//! Manifests and indexes, docker's and OCI's: <https://github.com/opencontainers/image-spec>.

use super::digest::Digest;
use super::error::ImageError;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// What a registry is asked for.
pub const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json";

/// The annotation that names an image in a layout.
pub const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// The same, with its whole name.
pub const IMAGE_NAME: &str = "io.containerd.image.name";
const REFERENCE_TYPE: &str = "vnd.docker.reference.type";
const REFERENCE_DIGEST: &str = "vnd.docker.reference.digest";

/// Layers of one image beyond which it is none.
const MAX_LAYERS: usize = 10_000;

/// A blob: its name, size and kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// Its name.
    pub digest: Digest,
    /// Its bytes, where that is known.
    pub size: Option<u64>,
    /// What it claims to be; its content decides.
    pub media_type: String,
    /// What it is for, where an index says so.
    pub platform: Option<Platform>,
    /// Notes on it.
    pub annotations: BTreeMap<String, String>,
    /// Whether it may be kept elsewhere than with the image: layers of Windows.
    pub is_foreign: bool,
    /// Whether its name is that of what comes out when it is unpacked, as tarballs of docker name layers.
    pub is_content: bool,
}

/// An operating system and an architecture: `linux/arm64`, `linux/arm/v7`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Platform {
    /// As Go names it.
    pub os: String,
    /// As Go names it.
    pub architecture: String,
    /// As in `v7`; none means any.
    #[serde(default)]
    pub variant: Option<String>,
}

impl Platform {
    /// Whether it is the one asked for.
    pub fn is(&self, asked: &Platform) -> bool {
        self.os == asked.os
            && self.architecture == asked.architecture
            && (asked.variant.is_none() || asked.variant == self.variant)
    }
}

impl FromStr for Platform {
    type Err = String;

    fn from_str(text: &str) -> Result<Platform, String> {
        let mut parts = text.split('/').map(str::to_owned);
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(os), Some(architecture), variant, None) if !os.is_empty() && !architecture.is_empty() => {
                Ok(Platform { os, architecture, variant })
            }
            _ => Err(format!("`{text}` is no platform: write linux/amd64 or linux/arm/v7")),
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        self.variant.as_ref().map_or(Ok(()), |variant| write!(f, "/{variant}"))
    }
}

/// What stands behind a name.
#[derive(Clone, Debug)]
pub enum Manifest {
    /// One image.
    Image {
        /// Its configuration.
        config: Descriptor,
        /// Its layers, the lowest first.
        layers: Vec<Descriptor>,
        /// Notes on it.
        annotations: BTreeMap<String, String>,
    },
    /// Several images, one a platform mostly.
    Index {
        /// Their manifests, or further indexes.
        manifests: Vec<Descriptor>,
        /// Notes on it.
        annotations: BTreeMap<String, String>,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    schema_version: Option<u32>,
    config: Option<WrittenDescriptor>,
    layers: Option<Vec<WrittenDescriptor>>,
    manifests: Option<Vec<WrittenDescriptor>>,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenDescriptor {
    digest: String,
    size: Option<u64>,
    #[serde(default)]
    media_type: String,
    /// Other software writes partial ones.
    platform: Option<serde_json::Value>,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
    #[serde(default)]
    urls: Option<Vec<String>>,
}

impl Manifest {
    /// Reads a manifest or an index; `what` is for messages.
    pub fn parse(bytes: &[u8], what: &str) -> Result<Manifest, ImageError> {
        let written: Written = serde_json::from_slice(bytes).map_err(|error| ImageError::damaged(what, error))?;
        let annotations = written.annotations.unwrap_or_default();
        let all = |list: Vec<WrittenDescriptor>| {
            let few = list.len() <= MAX_LAYERS;
            let list = few.then_some(list).ok_or_else(|| ImageError::damaged(what, "it lists too many parts"))?;
            list.into_iter().map(|written| descriptor(written, what)).collect::<Result<Vec<_>, _>>()
        };
        match (written.config, written.layers, written.manifests) {
            (_, _, Some(manifests)) => Ok(Manifest::Index { manifests: all(manifests)?, annotations }),
            (Some(config), layers, None) => {
                let layers = all(layers.unwrap_or_default())?;
                Ok(Manifest::Image { config: descriptor(config, what)?, layers, annotations })
            }
            _ if written.schema_version == Some(1) => {
                Err(ImageError::Unsupported(format!("{what} is of schema 1, which is not read: push the image anew")))
            }
            _ => Err(ImageError::damaged(what, "it is neither a manifest nor an index")),
        }
    }
}

fn descriptor(written: WrittenDescriptor, what: &str) -> Result<Descriptor, ImageError> {
    let digest = Digest::parse(&written.digest);
    let digest = digest.ok_or_else(|| ImageError::damaged(what, "it names a part by no digest"))?;
    Ok(Descriptor {
        digest,
        size: written.size,
        is_foreign: written.urls.is_some_and(|urls| !urls.is_empty()),
        media_type: written.media_type,
        platform: written.platform.and_then(|platform| serde_json::from_value(platform).ok()),
        annotations: written.annotations.unwrap_or_default(),
        is_content: false,
    })
}

impl Descriptor {
    /// A blob of which no more than this is known.
    pub fn new(digest: Digest, size: Option<u64>) -> Descriptor {
        let (media_type, annotations) = (String::new(), BTreeMap::new());
        Descriptor { digest, size, media_type, platform: None, annotations, is_foreign: false, is_content: false }
    }

    /// The image that this one only describes: build tools add attestations.
    pub fn attested(&self) -> Option<&str> {
        self.annotations.get(REFERENCE_TYPE).filter(|kind| kind.as_str() == "attestation-manifest")?;
        Some(self.annotations.get(REFERENCE_DIGEST).map_or("", String::as_str))
    }
}
