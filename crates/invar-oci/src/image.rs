//! An image: its configuration and its manifest.
//!
//! Both are JSON documents in the form that this crate's `descriptor` module lays down: compact, members in the order
//! below, absent where there is no value.
//!
//! The configuration (OCI image specification 1.1, "Image Configuration"; `Healthcheck` is Docker's extension):
//!
//! ```text
//! {"created":T,"architecture":A,"os":"linux","variant":V,
//!  "config":{"User":U,"ExposedPorts":{P:{},…},"Env":["K=V",…],"Entrypoint":[…],"Cmd":[…],"Volumes":{P:{},…},
//!            "WorkingDir":W,"Labels":{…},"StopSignal":S,
//!            "Healthcheck":{"Test":[…],"Interval":N,"Timeout":N,"StartPeriod":N,"Retries":N}},
//!  "rootfs":{"type":"layers","diff_ids":[…]},
//!  "history":[{"created":T,"created_by":B,"comment":C,"empty_layer":true},…]}
//! ```
//!
//! `config`, `rootfs` and `history` are always there, and so are `Test` and `created`; `empty_layer` is there only
//! when true. The durations are in nanoseconds.
//!
//! The manifest (OCI image specification 1.1, "Image Manifest"), with descriptors that have no platform:
//!
//! ```text
//! {"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":D,"layers":[D,…],
//!  "annotations":{…}}
//! ```
//!
//! Format break: a change here changes the ID and digest of every image.
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use invar_tree::Digest;
use serde::Serialize;

use crate::descriptor::{Descriptor, json};
use crate::layer::{LAYER_MEDIA_TYPE, Layer};
use crate::platform::{OPERATING_SYSTEM, Platform};

/// The media type of an image's configuration.
pub const CONFIG_MEDIA_TYPE: &str = "application/vnd.oci.image.config.v1+json";

/// The media type of an image's manifest.
pub const MANIFEST_MEDIA_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";

/// What an image is configured to be. There is no default: what is left out would otherwise be the writer's choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageConfig {
    /// The processor, as Go names it: `amd64` or `arm64`.
    pub architecture: String,
    /// The variant of the processor, such as `v8`.
    pub variant: Option<String>,
    /// When the image was created, in the form of RFC 3339, such as `1980-01-02T00:00:00Z`.
    pub created: String,
    /// The program and its first arguments, which a caller's arguments do not replace.
    pub entrypoint: Option<Vec<String>>,
    /// The arguments, or program and arguments, which a caller's arguments replace.
    pub cmd: Option<Vec<String>>,
    /// Environment variables, names and values, kept in this order.
    pub env: Vec<(String, String)>,
    /// `user`, `uid`, `user:group` or `uid:gid`.
    pub user: Option<String>,
    /// The absolute path of the directory in which the program starts.
    pub working_dir: Option<String>,
    /// Ports that the program listens on, such as `8000/tcp`.
    pub exposed_ports: BTreeSet<String>,
    /// Absolute paths of directories that a container should keep outside the image.
    pub volumes: BTreeSet<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// The signal that stops the program, such as `SIGTERM`.
    pub stop_signal: Option<String>,
    /// How Docker finds out whether the program is well.
    pub healthcheck: Option<Healthcheck>,
    /// How the layers came about, one entry for each layer in their order.
    ///
    /// Readers refuse a history that does not fit the layers, so [`Image::new`] makes it fit: an entry too many is
    /// marked as one that made no layer, and a layer too many gets an entry with nothing but the time.
    pub history: Vec<History>,
}

impl ImageConfig {
    /// The platform that the image is for.
    pub fn platform(&self) -> Platform {
        Platform { architecture: self.architecture.clone(), variant: self.variant.clone() }
    }
}

/// How Docker finds out whether a container is well. Zero and absent durations mean Docker's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Healthcheck {
    /// `["NONE"]`, `["CMD", program, arguments…]` or `["CMD-SHELL", command]`.
    pub test: Vec<String>,
    /// The time between two checks.
    pub interval: Option<Duration>,
    /// The time after which a check has failed.
    pub timeout: Option<Duration>,
    /// The time after the start during which failures do not count.
    pub start_period: Option<Duration>,
    /// How many failures in a row make a container unhealthy.
    pub retries: Option<u32>,
}

/// How one layer came about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// When, in the form of RFC 3339.
    pub created: String,
    /// By what.
    pub created_by: String,
    /// What else there is to say.
    pub comment: Option<String>,
}

/// An image: two JSON documents, and the layers that they name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The configuration.
    pub config: Vec<u8>,
    /// The digest of the configuration: the image's ID.
    pub config_digest: Digest,
    /// The manifest.
    pub manifest: Vec<u8>,
    /// The digest of the manifest: the image's digest.
    pub manifest_digest: Digest,
    /// The layers, the lowest first.
    pub layers: Vec<Layer>,
}

impl Image {
    /// The image of `layers`, the lowest first; `annotations` are the manifest's. See the module's documentation for
    /// the bytes.
    pub fn new(config: &ImageConfig, layers: &[Layer], annotations: &BTreeMap<String, String>) -> Self {
        let config = json(&config_json(config, layers));
        let config_digest = Digest::of(&config);
        let manifest = json(&ManifestJson {
            schema_version: 2,
            media_type: MANIFEST_MEDIA_TYPE,
            config: Descriptor::new(CONFIG_MEDIA_TYPE, config_digest, config.len() as u64),
            layers: layers
                .iter()
                .map(|layer| Descriptor::new(LAYER_MEDIA_TYPE, layer.digest, layer.size))
                .collect(),
            annotations,
        });
        let manifest_digest = Digest::of(&manifest);
        Self { config, config_digest, manifest, manifest_digest, layers: layers.to_vec() }
    }
}

#[derive(Serialize)]
struct ManifestJson<'a> {
    #[serde(rename = "schemaVersion")]
    schema_version: u32,
    #[serde(rename = "mediaType")]
    media_type: &'static str,
    config: Descriptor<'a>,
    layers: Vec<Descriptor<'a>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: &'a BTreeMap<String, String>,
}

#[derive(Serialize)]
struct ConfigJson<'a> {
    created: &'a str,
    architecture: &'a str,
    os: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    variant: Option<&'a str>,
    config: ExecutionJson<'a>,
    rootfs: RootfsJson,
    history: Vec<HistoryJson<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ExecutionJson<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    exposed_ports: BTreeMap<&'a str, Empty>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    env: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entrypoint: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cmd: Option<&'a [String]>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    volumes: BTreeMap<&'a str, Empty>,
    #[serde(skip_serializing_if = "Option::is_none")]
    working_dir: Option<&'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    labels: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop_signal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    healthcheck: Option<HealthcheckJson<'a>>,
}

/// `{}`: Go's way to write a set.
#[derive(Serialize)]
struct Empty {}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct HealthcheckJson<'a> {
    test: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    interval: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_period: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retries: Option<u32>,
}

#[derive(Serialize)]
struct RootfsJson {
    #[serde(rename = "type")]
    kind: &'static str,
    diff_ids: Vec<Digest>,
}

#[derive(Serialize)]
struct HistoryJson<'a> {
    created: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    created_by: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    empty_layer: bool,
}

fn config_json<'a>(config: &'a ImageConfig, layers: &[Layer]) -> ConfigJson<'a> {
    ConfigJson {
        created: &config.created,
        architecture: &config.architecture,
        os: OPERATING_SYSTEM,
        variant: config.variant.as_deref(),
        config: ExecutionJson {
            user: config.user.as_deref(),
            exposed_ports: set(&config.exposed_ports),
            env: config.env.iter().map(|(name, value)| format!("{name}={value}")).collect(),
            entrypoint: config.entrypoint.as_deref(),
            cmd: config.cmd.as_deref(),
            volumes: set(&config.volumes),
            working_dir: config.working_dir.as_deref(),
            labels: &config.labels,
            stop_signal: config.stop_signal.as_deref(),
            healthcheck: config.healthcheck.as_ref().map(|check| HealthcheckJson {
                test: &check.test,
                interval: check.interval.map(nanoseconds),
                timeout: check.timeout.map(nanoseconds),
                start_period: check.start_period.map(nanoseconds),
                retries: check.retries,
            }),
        },
        rootfs: RootfsJson { kind: "layers", diff_ids: layers.iter().map(|layer| layer.diff_id).collect() },
        history: history(config, layers.len()),
    }
}

fn set(values: &BTreeSet<String>) -> BTreeMap<&str, Empty> {
    values.iter().map(|value| (value.as_str(), Empty {})).collect()
}

/// Go's durations are signed and end after 292 years.
fn nanoseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

fn history(config: &ImageConfig, layers: usize) -> Vec<HistoryJson<'_>> {
    let mut history: Vec<HistoryJson<'_>> = config
        .history
        .iter()
        .enumerate()
        .map(|(index, entry)| HistoryJson {
            created: &entry.created,
            created_by: &entry.created_by,
            comment: entry.comment.as_deref(),
            empty_layer: index >= layers,
        })
        .collect();
    while history.len() < layers {
        history.push(HistoryJson {
            created: &config.created,
            created_by: "",
            comment: None,
            empty_layer: false,
        });
    }
    history
}
