use std::collections::BTreeMap;
use std::fmt;

use invar_tree::Digest;

/// A JSON document of an image: an index, a manifest or a configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// sha256 of its bytes.
    pub digest: Digest,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// What it says.
    pub value: serde_json::Value,
}

/// What a machine must be to run an image.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Platform {
    /// The operating system, such as `linux`.
    pub os: String,
    /// The processor, such as `amd64`.
    pub architecture: String,
    /// The variant of the processor, such as `v8`.
    pub variant: Option<String>,
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            Some(variant) => write!(f, "/{variant}"),
            None => Ok(()),
        }
    }
}

/// How an image's configuration says that a layer came about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct History {
    /// When, as written.
    pub created: Option<String>,
    /// By what, such as a line of a Dockerfile.
    pub created_by: Option<String>,
    /// What else is said.
    pub comment: Option<String>,
}

/// Names and values, as manifests annotate things.
pub(crate) type Annotations = BTreeMap<String, String>;
