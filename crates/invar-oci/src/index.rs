//! An index: one name for the images of several platforms.
//!
//! ```text
//! {"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[D,…],"annotations":{…}}
//! ```
//!
//! A JSON document in the form that this crate's `descriptor` module lays down (OCI image specification 1.1, "Image
//! Index"). Each descriptor is a manifest's and has the platform, and they are in the order given; `annotations` is
//! absent when empty.
//!
//! Format break: a change here changes the digest of every image for several platforms.
use std::collections::BTreeMap;

use invar_tree::Digest;
use serde::Serialize;

use crate::descriptor::{Descriptor, PlatformJson, json};
use crate::image::{Image, MANIFEST_MEDIA_TYPE};
use crate::platform::Platform;

/// The media type of an index.
pub const INDEX_MEDIA_TYPE: &str = "application/vnd.oci.image.index.v1+json";

/// An index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// The JSON document.
    pub bytes: Vec<u8>,
    /// Its digest: that of the image for all its platforms.
    pub digest: Digest,
}

impl Index {
    /// The index of `images`, in this order. See the module's documentation for the bytes.
    pub fn new(images: &[(Platform, &Image)], annotations: &BTreeMap<String, String>) -> Self {
        let manifests = images.iter().map(|(platform, image)| manifest_descriptor(platform, image)).collect();
        let bytes = index_json(manifests, annotations);
        let digest = Digest::of(&bytes);
        Self { bytes, digest }
    }
}

/// The descriptor of an image's manifest, with its platform.
pub(crate) fn manifest_descriptor<'a>(platform: &'a Platform, image: &Image) -> Descriptor<'a> {
    Descriptor {
        platform: Some(PlatformJson::new(platform)),
        ..Descriptor::new(MANIFEST_MEDIA_TYPE, image.manifest_digest, image.manifest.len() as u64)
    }
}

/// The bytes of an index.
pub(crate) fn index_json(manifests: Vec<Descriptor<'_>>, annotations: &BTreeMap<String, String>) -> Vec<u8> {
    json(&IndexJson { schema_version: 2, media_type: INDEX_MEDIA_TYPE, manifests, annotations })
}

#[derive(Serialize)]
struct IndexJson<'a> {
    #[serde(rename = "schemaVersion")]
    schema_version: u32,
    #[serde(rename = "mediaType")]
    media_type: &'static str,
    manifests: Vec<Descriptor<'a>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: &'a BTreeMap<String, String>,
}
