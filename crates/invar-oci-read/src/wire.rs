//! The members of an image's documents that decide where its layers are (OCI image specification 1.1; for
//! `manifest.json`, what `docker save` writes). All others are left to who compares documents.
use serde::Deserialize;

use crate::document::Annotations;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Descriptor {
    pub media_type: Option<String>,
    pub digest: String,
    pub platform: Option<Platform>,
    pub annotations: Option<Annotations>,
    pub artifact_type: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Platform {
    pub architecture: String,
    pub os: String,
    pub variant: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Index {
    pub manifests: Vec<Descriptor>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Manifest {
    pub config: Descriptor,
    pub layers: Vec<Descriptor>,
    pub annotations: Option<Annotations>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DockerImage {
    pub config: String,
    pub repo_tags: Option<Vec<String>>,
    pub layers: Vec<String>,
}

#[derive(Debug, Deserialize, Default)]
#[serde(default)]
pub(crate) struct Config {
    pub architecture: Option<String>,
    pub os: Option<String>,
    pub variant: Option<String>,
    pub rootfs: Rootfs,
    pub history: Option<Vec<History>>,
}

#[derive(Debug, Deserialize, Default)]
#[serde(default)]
pub(crate) struct Rootfs {
    pub diff_ids: Option<Vec<String>>,
}

#[derive(Debug, Deserialize, Default)]
#[serde(default)]
pub(crate) struct History {
    pub created: Option<String>,
    pub created_by: Option<String>,
    pub comment: Option<String>,
    pub empty_layer: bool,
}
