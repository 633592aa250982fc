//! A descriptor: how one JSON document names another blob (OCI image specification 1.1, "OCI Content Descriptors").
//!
//! ```text
//! {"mediaType":M,"digest":"sha256:H","size":N,"annotations":{…},"platform":{"architecture":A,"os":"linux","variant":V}}
//! ```
//!
//! `annotations` is absent when empty, `platform` where there is none, `variant` likewise.
//!
//! Every JSON document of this crate is compact (no white space), in UTF-8 with only the escapes that JSON demands;
//! objects with known members have them in the order of the specification's own structures, others (annotations,
//! labels) in the byte order of their keys; a member without a value is absent, not `null`.
//!
//! Format break: it is in every manifest and index.
use std::collections::BTreeMap;

use invar_tree::Digest;
use serde::Serialize;

use crate::platform::{OPERATING_SYSTEM, Platform};

#[derive(Serialize)]
pub(crate) struct Descriptor<'a> {
    #[serde(rename = "mediaType")]
    pub(crate) media_type: &'static str,
    pub(crate) digest: Digest,
    pub(crate) size: u64,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) annotations: BTreeMap<&'static str, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) platform: Option<PlatformJson<'a>>,
}

impl Descriptor<'_> {
    pub(crate) fn new(media_type: &'static str, digest: Digest, size: u64) -> Self {
        Self { media_type, digest, size, annotations: BTreeMap::new(), platform: None }
    }
}

#[derive(Serialize)]
pub(crate) struct PlatformJson<'a> {
    architecture: &'a str,
    os: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    variant: Option<&'a str>,
}

impl<'a> PlatformJson<'a> {
    pub(crate) fn new(platform: &'a Platform) -> Self {
        Self {
            architecture: &platform.architecture,
            os: OPERATING_SYSTEM,
            variant: platform.variant.as_deref(),
        }
    }
}

/// The compact JSON form of `value`.
pub(crate) fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("text, numbers, and objects whose keys are text have a JSON form")
}
