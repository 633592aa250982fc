//! An image's trees merged, and cut into layers.
use std::collections::BTreeSet;

use invar_oci::{ImageConfig, Layer};
use invar_plan::LayerName;
use invar_realise::{Event, Phase, each};
use invar_run::Root;
use invar_store::Keyed as _;
use serde::{Deserialize, Serialize};

use super::Assembly;
use super::key::CommandLacks;
use crate::BuildError;
use crate::checks::lacking;
use crate::image_trees::{ImageTrees, RootFiles};
use crate::layer::{BuiltLayer, LayerRequest};

/// What the store keeps of an assembly: the layers that the same trees gave before.
#[derive(Debug, Serialize, Deserialize)]
struct Assembled {
    layers: Vec<Layer>,
}

impl Assembly<'_> {
    /// All trees, and the root that they make.
    pub fn merge(&self) -> Result<(ImageTrees, Root), BuildError> {
        let trees = self.trees()?;
        self.session.sources.reporter.event(&Event::Phase(Phase::Assemble));
        let root = trees.merge()?;
        if let Some(user) = &self.files.manifest.image.user {
            trees.check_user(&root, user, self.source)?;
        }
        Ok((trees, root))
    }

    /// Sentences about what would keep the image from starting; as far as they are known from before,
    /// nothing is merged for them.
    pub fn lacking(
        &self,
        config: &ImageConfig,
        merged: &mut Option<(ImageTrees, Root)>,
    ) -> Result<Vec<String>, BuildError> {
        let packages = &self.files.manifest.packages;
        let requested: BTreeSet<&str> = packages.iter().map(|request| request.name.as_str()).collect();
        let key = CommandLacks { layers: self.key()?, requested: &requested, config }.key();
        let store = &self.session.sources.store;
        let lacking = match store.result::<Vec<String>>(&key)? {
            Some(known) => known,
            None => {
                let (trees, root) = match merged {
                    Some(merged) => merged,
                    None => merged.insert(self.merge()?),
                };
                let files = RootFiles { trees, root, source: self.source };
                let lacking = lacking(&files, config, self.plan, &requested, store)?;
                store.put_result(&key, &lacking)?;
                lacking
            }
        };
        let project = self.files.manifest.project.as_ref();
        let scripts = project.filter(|project| !project.is_package() && !project.scripts.is_empty());
        let unpackaged = scripts.map(|_| {
            "[project.scripts] is not installed, because the project is not a package: add a [build-system], or `package = \
             true` to [tool.uv]"
                .to_owned()
        });
        Ok(lacking.into_iter().chain(unpackaged).collect())
    }

    /// The layers, from the store if the same trees gave them before; `merged` is used where they have been merged, and
    /// has it if they have to be.
    pub fn layers(&self, merged: &mut Option<(ImageTrees, Root)>) -> Result<Vec<BuiltLayer>, BuildError> {
        let store = &self.session.sources.store;
        let names = self.plan.layers.iter().map(|layer| layer.name);
        let key = self.key()?;
        if let Some(assembled) = store.result::<Assembled>(&key)?
            && assembled.layers.len() == self.plan.layers.len()
            && assembled.layers.iter().all(|layer| store.blob_size(&layer.digest) == Some(layer.size))
        {
            return Ok(names.zip(assembled.layers).map(|(name, layer)| BuiltLayer { name, layer }).collect());
        }
        let (trees, root) = match merged {
            Some(merged) => merged,
            None => merged.insert(self.merge()?),
        };
        let requests: Vec<(LayerName, LayerRequest<'_>)> =
            names.map(|name| (name, trees.layer(root, name, self.source))).collect();
        let written = each(requests.len(), &requests, |(_, request)| request.write(store))?;
        let mut layers = Vec::new();
        for ((name, _), written) in requests.iter().zip(written) {
            let (layer, new) = written;
            if new {
                let (digest, size) = (layer.digest, layer.size);
                self.session.sources.reporter.event(&Event::LayerWritten {
                    name: name.as_str(),
                    digest,
                    size,
                });
            }
            layers.push(BuiltLayer { name: *name, layer });
        }
        let assembled = Assembled { layers: layers.iter().map(|built| built.layer.clone()).collect() };
        store.put_result(&key, &assembled)?;
        Ok(layers)
    }

    /// The layers that the same trees gave before.
    ///
    /// # Errors
    /// What reading the project and the store say.
    pub fn known_layers(&self) -> Result<Vec<Layer>, BuildError> {
        let assembled = self.session.sources.store.result::<Assembled>(&self.key()?)?;
        Ok(assembled.map(|assembled| assembled.layers).unwrap_or_default())
    }
}
