//! An image as one file, or as a directory.
//!
//! The archive is a tar archive that is two things at once: an OCI image layout (OCI image specification 1.1, "OCI
//! Image Layout"), and what `docker load` has read since before there was one. Its members, in this order:
//!
//! ```text
//! oci-layout               {"imageLayoutVersion":"1.0.0"}
//! index.json               an index whose descriptors point at the image
//! manifest.json            [{"Config":P,"RepoTags":[R,…],"Layers":[P,…]}] with P = "blobs/sha256/…"
//! blobs/                   directory
//! blobs/sha256/            directory
//! blobs/sha256/<hex>       each blob once, in the order: index, then for each image manifest, config, layers
//! ```
//!
//! Headers are those of this crate's `ustar` module (files `0644`, directories `0755`, owner `0:0`, the time of every
//! file in an image), contents are padded to 512 bytes, and 1,024 NULs end the archive. The JSON documents are in the
//! form that the `descriptor` module lays down.
//!
//! `index.json` has one descriptor for each name of the image, or one without annotations if it has no name. The
//! annotation `org.opencontainers.image.ref.name` is the tag, by which OCI tools find an image in a layout, and
//! `io.containerd.image.name` the whole name, which containerd, Docker and Podman give to it. With one image the
//! descriptor is its manifest's, with its platform; with several it is the [`Index`]'s.
//!
//! `manifest.json` is Docker's. It knows no platforms, so it names the first image only. `RepoTags` are the familiar
//! names. Layers are compressed there too, which Docker has read since version 1.10.
//!
//! The directory has the same files except for `manifest.json`.
//!
//! Format break: a change here changes every archive, though not the digest of an image.
use std::collections::{BTreeMap, BTreeSet};

use invar_tree::Digest;
use serde::Serialize;

use crate::descriptor::{Descriptor, json};
use crate::image::Image;
use crate::index::{INDEX_MEDIA_TYPE, Index, index_json, manifest_descriptor};
use crate::platform::Platform;
use crate::reference::Reference;
use crate::segment::END_OF_ARCHIVE;
use crate::ustar::{Member, padding};

/// What an archive should hold.
#[derive(Debug, Clone)]
pub struct ArchiveRequest {
    /// The image for each platform; [`Platform`] as [`ImageConfig::platform`](crate::ImageConfig::platform) gives it.
    /// Their order is that of the index, and the first is the one that Docker's older loaders see.
    pub images: Vec<(Platform, Image)>,
    /// The names that all of them go by; there may be none.
    pub names: Vec<Reference>,
    /// The annotations of the [`Index`]; without effect for a single image, which has none.
    pub index_annotations: BTreeMap<String, String>,
}

/// A piece of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArchivePart {
    /// These bytes.
    Bytes(Vec<u8>),
    /// The bytes of a layer, which the caller has.
    Blob {
        /// Their digest.
        digest: Digest,
        /// Their number.
        size: u64,
    },
}

impl ArchivePart {
    /// The number of bytes.
    pub fn size(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Blob { size, .. } => *size,
        }
    }
}

/// The archive of `request`, from its first byte to its last: no two pieces of bytes follow each other. See the
/// module's documentation for the bytes.
pub fn archive_parts(request: &ArchiveRequest) -> Vec<ArchivePart> {
    let mut archive = Archive { parts: Vec::new(), bytes: Vec::new() };
    archive.file("oci-layout", ArchivePart::Bytes(LAYOUT.to_vec()));
    archive.file("index.json", ArchivePart::Bytes(layout_index(request)));
    archive.file("manifest.json", ArchivePart::Bytes(docker_manifest(request)));
    archive.bytes.extend(Member::directory("blobs/").header());
    archive.bytes.extend(Member::directory(BLOBS).header());
    for (digest, part) in blobs(request) {
        archive.file(&blob_path(&digest), part);
    }
    archive.bytes.extend(END_OF_ARCHIVE);
    archive.end_bytes();
    archive.parts
}

/// The files of an OCI image layout, as paths below its directory and their contents; the directories that they need
/// are `blobs` and `blobs/sha256`. `index.json` comes last, so that a layout whose writing was cut short is not taken
/// for a whole one.
pub fn layout_files(request: &ArchiveRequest) -> Vec<(String, ArchivePart)> {
    let mut files = vec![("oci-layout".to_owned(), ArchivePart::Bytes(LAYOUT.to_vec()))];
    files.extend(blobs(request).into_iter().map(|(digest, part)| (blob_path(&digest), part)));
    files.push(("index.json".to_owned(), ArchivePart::Bytes(layout_index(request))));
    files
}

/// The number of bytes of all `parts` together.
pub fn total_size(parts: &[ArchivePart]) -> u64 {
    parts.iter().map(ArchivePart::size).sum()
}

const LAYOUT: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;
const BLOBS: &str = "blobs/sha256/";

fn blob_path(digest: &Digest) -> String {
    format!("{BLOBS}{}", digest.hex())
}

/// An archive in the making.
struct Archive {
    parts: Vec<ArchivePart>,
    /// What goes before the next blob.
    bytes: Vec<u8>,
}

impl Archive {
    fn file(&mut self, path: &str, content: ArchivePart) {
        let size = content.size();
        self.bytes.extend(Member::file(path, size).header());
        match content {
            ArchivePart::Bytes(content) => self.bytes.extend(content),
            blob @ ArchivePart::Blob { .. } => {
                self.end_bytes();
                self.parts.push(blob);
            }
        }
        self.bytes.resize(self.bytes.len() + padding(size), 0);
    }

    fn end_bytes(&mut self) {
        if !self.bytes.is_empty() {
            self.parts.push(ArchivePart::Bytes(std::mem::take(&mut self.bytes)));
        }
    }
}

/// The index of several images; a single one goes without.
fn index(request: &ArchiveRequest) -> Option<Index> {
    let images: Vec<(Platform, &Image)> =
        request.images.iter().map(|(platform, image)| (platform.clone(), image)).collect();
    (images.len() > 1).then(|| Index::new(&images, &request.index_annotations))
}

/// Each blob once.
fn blobs(request: &ArchiveRequest) -> Vec<(Digest, ArchivePart)> {
    let mut blobs = Vec::new();
    if let Some(index) = index(request) {
        blobs.push((index.digest, ArchivePart::Bytes(index.bytes)));
    }
    for (_, image) in &request.images {
        blobs.push((image.manifest_digest, ArchivePart::Bytes(image.manifest.clone())));
        blobs.push((image.config_digest, ArchivePart::Bytes(image.config.clone())));
        for layer in &image.layers {
            blobs.push((layer.digest, ArchivePart::Blob { digest: layer.digest, size: layer.size }));
        }
    }
    let mut seen = BTreeSet::new();
    blobs.retain(|(digest, _)| seen.insert(*digest));
    blobs
}

/// The layout's `index.json`.
fn layout_index(request: &ArchiveRequest) -> Vec<u8> {
    let index = index(request);
    let descriptor = |annotations| {
        let descriptor = match (&index, request.images.first()) {
            (Some(index), _) => Descriptor::new(INDEX_MEDIA_TYPE, index.digest, index.bytes.len() as u64),
            (None, Some((platform, image))) => manifest_descriptor(platform, image),
            (None, None) => return None,
        };
        Some(Descriptor { annotations, ..descriptor })
    };
    let named = request.names.iter().map(|name| {
        BTreeMap::from([
            ("io.containerd.image.name", name.to_string()),
            ("org.opencontainers.image.ref.name", name.tag().to_owned()),
        ])
    });
    let unnamed = request.names.is_empty().then(BTreeMap::new);
    index_json(named.chain(unnamed).filter_map(descriptor).collect(), &BTreeMap::new())
}

/// Docker's `manifest.json`.
fn docker_manifest(request: &ArchiveRequest) -> Vec<u8> {
    let first = request.images.first().map(|(_, image)| DockerJson {
        config: blob_path(&image.config_digest),
        repo_tags: request.names.iter().map(Reference::familiar).collect(),
        layers: image.layers.iter().map(|layer| blob_path(&layer.digest)).collect(),
    });
    json(&Vec::from_iter(first))
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DockerJson {
    config: String,
    repo_tags: Vec<String>,
    layers: Vec<String>,
}
