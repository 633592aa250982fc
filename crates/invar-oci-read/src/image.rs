use std::path::Path;
use std::str::FromStr as _;

use invar_tree::Digest;
use serde::de::DeserializeOwned;

use crate::blobs::{Blobs, blob_name};
use crate::document::Annotations;
use crate::layer::LayerSource;
use crate::wire::{Config, Descriptor, DockerImage, Manifest};
use crate::{Document, History, ImageError, Layer, Limits, Platform};

/// An image for one platform, or a root file system, which is an image of one layer and without documents.
#[derive(Debug, Clone)]
pub struct Image {
    /// The names that it goes by.
    pub names: Vec<String>,
    /// The platform.
    pub platform: Option<Platform>,
    /// Its manifest; Docker's archives may have none.
    pub manifest: Option<Document>,
    /// Its configuration.
    pub config: Option<Document>,
    /// The manifest's annotations.
    pub annotations: Annotations,
    /// Its layers, the lowest first.
    pub layers: Vec<Layer>,
}

impl Image {
    /// A root file system.
    pub(crate) fn of_root(path: &Path, source: LayerSource) -> Self {
        let layer = Layer {
            path: path.to_owned(),
            label: "the root file system".into(),
            source,
            digest: None,
            diff_id: None,
            media_type: None,
            annotations: Annotations::new(),
            history: None,
        };
        Self {
            names: Vec::new(),
            platform: None,
            manifest: None,
            config: None,
            annotations: Annotations::new(),
            layers: vec![layer],
        }
    }

    /// The image whose manifest `descriptor` names.
    pub(crate) fn of_manifest(
        blobs: &Blobs,
        descriptor: &Descriptor,
        limits: &Limits,
    ) -> Result<Self, ImageError> {
        let (name, digest) = blob_name(blobs.path(), &descriptor.digest)?;
        let document = blobs.document(&name, Some(digest), limits)?;
        let manifest: Manifest = read(blobs.path(), &name, &document)?;
        let (config_name, config_digest) = blob_name(blobs.path(), &manifest.config.digest)?;
        let config = blobs.document(&config_name, Some(config_digest), limits)?;
        let layers = manifest.layers.into_iter().map(|layer| {
            let (name, digest) = blob_name(blobs.path(), &layer.digest)?;
            Ok(ManifestLayer {
                name,
                digest: Some(digest),
                media_type: layer.media_type,
                annotations: layer.annotations,
            })
        });
        let layers = layers.collect::<Result<Vec<ManifestLayer>, ImageError>>()?;
        let mut image = Self::of_config(blobs, &config_name, config, layers, limits)?;
        let stated = descriptor.platform.as_ref().map(|platform| Platform {
            os: platform.os.clone(),
            architecture: platform.architecture.clone(),
            variant: platform.variant.clone(),
        });
        image.platform = stated.or(image.platform);
        image.manifest = Some(document);
        image.annotations = manifest.annotations.unwrap_or_default();
        Ok(image)
    }

    /// An image as `manifest.json` names it.
    pub(crate) fn of_docker(blobs: &Blobs, docker: DockerImage, limits: &Limits) -> Result<Self, ImageError> {
        let config = blobs.document(&docker.config, digest_in(&docker.config), limits)?;
        let layers = docker.layers.into_iter().map(|name| {
            let in_layout = name.starts_with("blobs/sha256/");
            let digest = digest_in(&name).filter(|_| in_layout);
            ManifestLayer { name, digest, media_type: None, annotations: None }
        });
        let layers = layers.collect();
        let mut image = Self::of_config(blobs, &docker.config, config, layers, limits)?;
        image.names = docker.repo_tags.unwrap_or_default();
        Ok(image)
    }

    fn of_config(
        blobs: &Blobs,
        config_name: &str,
        document: Document,
        found: Vec<ManifestLayer>,
        limits: &Limits,
    ) -> Result<Self, ImageError> {
        let path = blobs.path();
        let config: Config = read(path, config_name, &document)?;
        if found.len() > limits.layers {
            return Err(ImageError::TooMany { path: path.to_owned(), what: "layers", limit: limits.layers });
        }
        let diff_ids = config.rootfs.diff_ids.unwrap_or_default();
        let history = config.history.unwrap_or_default();
        let mut history = history.into_iter().filter(|entry| !entry.empty_layer).map(|entry| History {
            created: entry.created,
            created_by: entry.created_by,
            comment: entry.comment,
        });
        let mut layers = Vec::new();
        for (index, found) in found.into_iter().enumerate() {
            let diff_id = diff_ids.get(index).map(|text| {
                let wrong = |_| ImageError::Algorithm { path: path.to_owned(), digest: text.clone() };
                Digest::from_str(text).map_err(wrong)
            });
            layers.push(Layer {
                path: path.to_owned(),
                label: format!("layer {}", index + 1),
                source: LayerSource::Blob(blobs.get(&found.name)?),
                digest: found.digest,
                diff_id: diff_id.transpose()?,
                media_type: found.media_type,
                annotations: found.annotations.unwrap_or_default(),
                history: history.next(),
            });
        }
        let platform = match (config.os, config.architecture) {
            (Some(os), Some(architecture)) => Some(Platform { os, architecture, variant: config.variant }),
            _ => None,
        };
        Ok(Self {
            names: Vec::new(),
            platform,
            manifest: None,
            config: Some(document),
            annotations: Annotations::new(),
            layers,
        })
    }

    /// The image's digest: its manifest's.
    pub fn digest(&self) -> Option<Digest> {
        self.manifest.as_ref().map(|manifest| manifest.digest)
    }

    /// The labels of the configuration.
    pub fn labels(&self) -> Annotations {
        let labels =
            self.config.as_ref().and_then(|config| config.value.get("config")?.get("Labels")?.as_object());
        let labels = labels.into_iter().flatten();
        labels.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
    }
}

/// A layer as a manifest names it.
struct ManifestLayer {
    name: String,
    digest: Option<Digest>,
    media_type: Option<String>,
    annotations: Option<Annotations>,
}

/// What a document says, as far as `T` knows it.
pub(crate) fn read<T: DeserializeOwned>(
    path: &Path,
    what: &str,
    document: &Document,
) -> Result<T, ImageError> {
    serde_json::from_slice(&document.bytes).map_err(|source| ImageError::Document {
        path: path.to_owned(),
        what: what.to_owned(),
        source,
    })
}

/// The digest in the name of a file: `blobs/sha256/HEX` or `HEX.json`.
fn digest_in(name: &str) -> Option<Digest> {
    let last = name.rsplit('/').next().unwrap_or(name);
    Digest::from_hex(last.strip_suffix(".json").unwrap_or(last)).ok()
}
