//! Images made by hand: layers, configurations, manifests, and the layouts around them.

use crate::archives::{tar, tar_header};
use std::collections::BTreeMap;
use std::path::Path;
use stopleak_core::image::Digest;
use zlib_rs::{Deflate, DeflateFlush};

/// How a layer is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    Plain,
    Gzip,
    Zstd,
}

/// A layer that was made.
#[derive(Clone, Debug)]
pub struct Layer {
    pub digest: String,
    pub diff_id: String,
    pub media_type: String,
    pub size: usize,
    tar: Vec<u8>,
}

/// An image that was made.
#[derive(Clone, Debug)]
pub struct Image {
    pub config: String,
    pub manifest: String,
    pub layers: Vec<Layer>,
    pub architecture: String,
}

/// Blobs, and the images made of them.
#[derive(Clone, Debug, Default)]
pub struct Made {
    pub blobs: BTreeMap<String, Vec<u8>>,
    pub images: Vec<Image>,
    /// One an image; `latest` for what has none.
    pub tags: Vec<String>,
    /// All images behind this one index.
    pub index: Option<String>,
}

/// A tar of files, and of folders, whose names end in a slash.
pub fn layer(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, content) in files {
        match name.ends_with('/') {
            true => out.extend(tar_header(name, b'5', 0)),
            false => {
                let one = tar(&[(name, content)]);
                out.extend_from_slice(&one[..one.len() - 1024]);
            }
        }
    }
    out.resize(out.len() + 1024, 0);
    out
}

impl Made {
    /// Adds a blob; returns its digest.
    pub fn blob(&mut self, bytes: Vec<u8>) -> String {
        let digest = Digest::of(&bytes).to_string();
        self.blobs.insert(digest.clone(), bytes);
        digest
    }

    /// Adds a layer.
    pub fn layer(&mut self, tar: &[u8], packing: Packing) -> Layer {
        let (packed, ending) = match packing {
            Packing::Plain => (tar.to_vec(), ""),
            Packing::Gzip => (gzipped(tar), "+gzip"),
            Packing::Zstd => (zstd_raw(tar), "+zstd"),
        };
        let (size, diff_id) = (packed.len(), Digest::of(tar).to_string());
        let media_type = format!("application/vnd.oci.image.layer.v1.tar{ending}");
        Layer { digest: self.blob(packed), diff_id, media_type, size, tar: tar.to_vec() }
    }

    /// Adds an image of these layers.
    pub fn image(&mut self, config: &str, layers: &[Layer], architecture: &str) {
        let config_digest = self.blob(config.as_bytes().to_vec());
        let list: Vec<String> =
            layers.iter().map(|layer| descriptor(&layer.media_type, &layer.digest, layer.size)).collect();
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{},"layers":[{}]}}"#,
            descriptor("application/vnd.oci.image.config.v1+json", &config_digest, config.len()),
            list.join(",")
        );
        let manifest = self.blob(manifest.into_bytes());
        let (layers, architecture) = (layers.to_vec(), architecture.to_owned());
        self.images.push(Image { config: config_digest, manifest, layers, architecture });
    }

    /// Puts all images behind one index.
    pub fn with_index(&mut self) {
        let list: Vec<String> = self
            .images
            .iter()
            .map(|image| {
                let plain = descriptor(
                    "application/vnd.oci.image.manifest.v1+json",
                    &image.manifest,
                    self.blobs[&image.manifest].len(),
                );
                let platform = format!(r#""platform":{{"os":"linux","architecture":"{}"}}"#, image.architecture);
                format!("{},{platform}}}", plain.trim_end_matches('}'))
            })
            .collect();
        let index = format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, list.join(","));
        self.index = Some(self.blob(index.into_bytes()));
    }

    /// What `index.json` says.
    fn index_json(&self) -> String {
        let entry = |digest: &String, tag: &str| {
            let plain = descriptor("application/vnd.oci.image.manifest.v1+json", digest, self.blobs[digest].len());
            let note = format!(r#""annotations":{{"org.opencontainers.image.ref.name":"{tag}"}}"#);
            format!("{},{note}}}", plain.trim_end_matches('}'))
        };
        let tag = |n: usize| self.tags.get(n).map_or("latest", String::as_str);
        let list: Vec<String> = match &self.index {
            Some(index) => vec![entry(index, "latest")],
            None => self.images.iter().enumerate().map(|(n, image)| entry(&image.manifest, tag(n))).collect(),
        };
        format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, list.join(","))
    }

    fn files(&self) -> Vec<(String, Vec<u8>)> {
        let mut files: Vec<_> = self
            .blobs
            .iter()
            .map(|(digest, bytes)| (format!("blobs/sha256/{}", &digest[7..]), bytes.clone()))
            .collect();
        files.push(("index.json".into(), self.index_json().into_bytes()));
        files.push(("oci-layout".into(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec()));
        files
    }
}

fn descriptor(media_type: &str, digest: &str, size: usize) -> String {
    format!(r#"{{"mediaType":"{media_type}","digest":"{digest}","size":{size}}}"#)
}

/// Writes an OCI layout into a folder.
pub fn folder(made: &Made, path: &Path) {
    for (name, bytes) in made.files() {
        let file = path.join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, bytes).unwrap();
    }
}

/// An OCI layout in a tar.
pub fn tarball(made: &Made) -> Vec<u8> {
    let files = made.files();
    tar(&files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect::<Vec<_>>())
}

/// What `docker save` wrote before it wrote layouts: layers as plain tars, the second of equal ones a link.
pub fn docker_archive(made: &Made, tag: &str) -> Vec<u8> {
    let image = &made.images[0];
    let config = format!("{}.json", &image.config[7..]);
    let mut files: Vec<(String, Vec<u8>)> = vec![(config.clone(), made.blobs[&image.config].clone())];
    let mut names = Vec::new();
    for layer in &image.layers {
        let name = format!("{}/layer.tar", &layer.diff_id[7..]);
        files.push((name.clone(), layer.tar.clone()));
        names.push(format!("\"{name}\""));
    }
    let list = format!(r#"[{{"Config":"{config}","RepoTags":["{tag}"],"Layers":[{}]}}]"#, names.join(","));
    files.push(("manifest.json".into(), list.into_bytes()));
    tar(&files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect::<Vec<_>>())
}

/// Compresses with deflate.
pub fn gzipped(content: &[u8]) -> Vec<u8> {
    let mut deflate = Deflate::new(1, false, 15);
    let mut body = vec![0; content.len() + content.len() / 100 + 1024];
    deflate.compress(content, &mut body, DeflateFlush::Finish).unwrap();
    body.truncate(deflate.total_out() as usize);
    [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3][..], &body, &[0; 4], &(content.len() as u32).to_le_bytes()].concat()
}

/// A zstd frame of stored blocks.
pub fn zstd_raw(content: &[u8]) -> Vec<u8> {
    let mut out = vec![0x28, 0xb5, 0x2f, 0xfd, 0xa0];
    out.extend((content.len() as u32).to_le_bytes());
    let blocks: Vec<&[u8]> = content.chunks(64 << 10).collect();
    for (index, block) in blocks.iter().enumerate() {
        let header = (block.len() as u32) << 3 | u32::from(index + 1 == blocks.len());
        out.extend(&header.to_le_bytes()[..3]);
        out.extend_from_slice(block);
    }
    out
}
