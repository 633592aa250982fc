//! The requests to a rebuild, and its responses. Both ends are the same program, so there is no
//! version.
use std::path::PathBuf;

use invar_build::Built;
use invar_run::Perturbation;
use serde::{Deserialize, Serialize};

/// What to do: one line of JSON on standard input. The process ends when standard input does.
#[derive(Debug, Serialize, Deserialize)]
pub enum Order {
    /// Say whether sandboxes can be made.
    Sandboxes,
    /// Build.
    Build(Box<Rebuild>),
}

/// A build that is done again.
#[derive(Debug, Serialize, Deserialize)]
pub struct Rebuild {
    /// What the program makes a session from; its store is an empty one.
    pub settings: serde_json::Value,
    /// The project's folder.
    pub project: PathBuf,
    /// The additional image of the project that is meant.
    pub image: Option<String>,
    /// The file that the manifest is derived from, and the output or stage of it, where the project has none of its
    /// own.
    pub derived: Option<(String, Option<String>)>,
    /// The platforms.
    pub platforms: Vec<String>,
    /// The store whose downloads are taken.
    pub downloads: PathBuf,
    /// What differs from usual.
    pub perturbation: Perturbation,
}

/// What came of it: one line of JSON on standard output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// It can be done.
    Possible,
    /// The image was built.
    Built(Digests),
    /// It failed.
    Failed {
        /// Why.
        message: String,
    },
}

/// The digests of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digests {
    /// Its own.
    pub digest: String,
    /// Those of its layers: platform, name, digest.
    pub layers: Vec<(String, String, String)>,
}

impl Digests {
    /// The digests of what was built.
    pub fn of(built: &Built) -> Self {
        let layers = built.images.iter().flat_map(|image| {
            image.layers.iter().map(|layer| {
                let name = layer.name.as_str().to_owned();
                (image.platform.to_string(), name, layer.layer.digest.to_string())
            })
        });
        Self { digest: built.digest.to_string(), layers: layers.collect() }
    }
}
