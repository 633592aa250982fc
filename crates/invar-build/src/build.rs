//! From a project and its locks to an image.
use std::collections::{BTreeMap, BTreeSet};

use invar_checkout::{ProjectFiles, SourceTree};
use invar_maintscript::HANDLERS_VERSION;
use invar_oci::{ArchiveRequest, Image, ImageConfig, Layer, Reference};
use invar_plan::{LayerName, Plan, image_config};
use invar_project::{Identity, InvarLock, LockedInterpreter, NormalisedName, Override, Platform, User};
use invar_realise::{Event, Phase, each, key};
use invar_store::{Key, KeyWriter, Keyed};
use invar_tree::{Digest, Tree};
use serde::{Deserialize, Serialize};

use crate::command::lacking;
use crate::deliver::{self, RootPart, Target};
use crate::layer::LayerRequest;
use crate::parts::{CommandTrees, Parts};
use crate::python_source::{Install, encode_interpreter};
use crate::root::Root;
use crate::workshop::Workshop;
use crate::{BuildError, Session};

/// What to build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildRequest {
    /// What to write, and where.
    pub target: Target,
    /// The platforms, in the order of the image's index; empty for the manifest's.
    pub platforms: Vec<Platform>,
}

/// What was built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// The image's digest: its manifest's for one platform, its index's for several.
    pub digest: Digest,
    /// The image's name and tag.
    pub reference: Reference,
    /// The image for each platform.
    pub images: Vec<BuiltImage>,
}

/// An image for one platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltImage {
    /// The platform.
    pub platform: Platform,
    /// The digest of its manifest.
    pub digest: Digest,
    /// The digest of its configuration: what Docker calls the image's ID.
    pub id: Digest,
    /// Its layers, the lowest first.
    pub layers: Vec<BuiltLayer>,
}

/// A layer of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltLayer {
    /// Its name.
    pub name: LayerName,
    /// Its digests and sizes.
    pub layer: Layer,
}

/// Builds the project of `files`, whose locks must be there, and writes the result.
///
/// Where something in the store turns out to be damaged, it is thrown away and made anew.
///
/// # Errors
/// [`BuildError`].
pub fn build(
    session: &Session<'_>,
    files: &ProjectFiles,
    request: &BuildRequest,
) -> Result<Built, BuildError> {
    match attempt(session, files, request) {
        Err(error) if error.may_be_damage() && repair(session, files, request)? => {
            session.reporter.event(&Event::Warning(&format!("{error}; it is rebuilt")));
            attempt(session, files, request)
        }
        done => done,
    }
}

/// Throws away what is damaged of all that the store has for `files`; returns whether anything was.
fn repair(session: &Session<'_>, files: &ProjectFiles, request: &BuildRequest) -> Result<bool, BuildError> {
    let lock = files.checked_lock()?;
    let source = SourceTree::read(&|text| session.reporter.warn(text), files, request.target.path())?;
    let mut damaged = false;
    for &platform in platforms(files, request) {
        let plan = Plan::new(&files.manifest, lock, files.uv_lock.as_ref(), platform)?;
        let assembly =
            Assembly { session, files, lock, plan: &plan, source: &source, install: Install::Files };
        for key in assembly.tree_keys() {
            damaged |= session.store.discard_damaged_tree(&key)?;
        }
        let assembled = session.store.result::<Assembled>(&assembly.key()?)?;
        for layer in assembled.into_iter().flat_map(|assembled| assembled.layers) {
            damaged |= session.store.discard_damaged_blob(&layer.digest)?;
        }
    }
    Ok(damaged)
}

fn platforms<'a>(files: &'a ProjectFiles, request: &'a BuildRequest) -> &'a [Platform] {
    match request.platforms.as_slice() {
        [] => files.manifest.image.platforms.as_slice(),
        given => given,
    }
}

fn attempt(session: &Session<'_>, files: &ProjectFiles, request: &BuildRequest) -> Result<Built, BuildError> {
    let lock = files.checked_lock()?;
    let platforms = platforms(files, request);
    let source = SourceTree::read(&|text| session.reporter.warn(text), files, request.target.path())?;
    let reference = format!("{}:{}", files.manifest.image.name, files.manifest.image.tag);
    let reference = Reference::parse(&reference)
        .map_err(|source| BuildError::Reference { reference, source: Box::new(source) })?;
    let whole = matches!(request.target, Target::Rootfs(_) | Target::RootfsDirectory(_));
    if whole && platforms.len() != 1 {
        return Err(BuildError::OnePlatform { platforms: platforms.to_vec() });
    }
    let mut images = Vec::new();
    let mut built = Vec::new();
    let mut lacking = BTreeSet::new();
    for &platform in platforms {
        let plan = Plan::new(&files.manifest, lock, files.uv_lock.as_ref(), platform)?;
        let assembly =
            Assembly { session, files, lock, plan: &plan, source: &source, install: Install::Files };
        let mut merged = None;
        if whole {
            let merged = merged.insert(assembly.merge()?);
            assembly.write_root(merged, &request.target)?;
        }
        let layers = assembly.layers(&mut merged)?;
        let names: Vec<LayerName> = layers.iter().map(|layer| layer.name).collect();
        let created = lock.created.to_string();
        let config = image_config(&files.manifest, platform, &created, plan.interpreter.is_some(), &names);
        lacking.extend(assembly.lacking(&config, &mut merged)?);
        let only: Vec<Layer> = layers.iter().map(|layer| layer.layer.clone()).collect();
        let annotations = &files.manifest.image.annotations;
        let annotations = annotations.iter().map(|(name, value)| (name.to_string(), value.clone())).collect();
        let image = Image::new(&config, &only, &annotations);
        built.push(BuiltImage { platform, digest: image.manifest_digest, id: image.config_digest, layers });
        images.push((config.platform(), image));
    }
    lacking.iter().for_each(|sentence| session.reporter.event(&Event::Warning(sentence)));
    session.reporter.event(&Event::Phase(Phase::Deliver));
    let index: Vec<_> = images.iter().map(|(platform, image)| (platform.clone(), image)).collect();
    let digest = match built.as_slice() {
        [one] => one.digest,
        _ => invar_oci::Index::new(&index, &Default::default()).digest,
    };
    let archive =
        ArchiveRequest { images, names: vec![reference.clone()], index_annotations: Default::default() };
    match &request.target {
        Target::Archive(destination) => deliver::archive(&session.store, &archive, destination)?,
        Target::OciDirectory(path) => deliver::oci_directory(&session.store, &archive, path)?,
        Target::Rootfs(_) | Target::RootfsDirectory(_) | Target::Nowhere => {}
    }
    Ok(Built { digest, reference, images: built })
}

/// What the store keeps of an assembly: the layers that the same trees gave before.
#[derive(Debug, Serialize, Deserialize)]
struct Assembled {
    layers: Vec<Layer>,
}

/// The layers of an image: all that their trees depend on.
struct ImageLayers<'a> {
    /// The recipes of each, in the order in which they are merged.
    layers: Vec<(LayerName, Vec<Key>)>,
    interpreter: Option<&'a LockedInterpreter>,
    /// Whether the image has such an account is checked when its trees are merged.
    user: Option<&'a User>,
    source: Digest,
    commands: CommandTrees,
    bytecode: bool,
    overrides: &'a BTreeMap<NormalisedName, Override>,
}

impl Keyed for ImageLayers<'_> {
    const DOMAIN: &'static str = "layers";
    const VERSION: u32 = 1;

    fn encode(&self, writer: &mut KeyWriter) {
        let Self { layers, interpreter, user, source, commands, bytecode, overrides } = self;
        writer.number(HANDLERS_VERSION.into());
        writer.list(layers, |writer, (name, recipes)| {
            writer.text(name.as_str());
            writer.list(recipes, KeyWriter::key);
        });
        writer.optional(*interpreter, encode_interpreter);
        writer.optional(*user, |writer, User { user, group }| {
            encode_identity(writer, user);
            writer.optional(group.as_ref(), encode_identity);
        });
        writer.digest(source);
        let CommandTrees { builds, steps, scripts } = commands;
        writer.list(builds, KeyWriter::key);
        writer.list(steps, KeyWriter::key);
        writer.optional(scripts.as_ref(), KeyWriter::key);
        writer.flag(*bytecode);
        // Nothing else of an override reaches the trees but through the key of its build.
        writer.map(overrides.iter().map(|(name, own)| (name.as_str(), &own.exclude)), |writer, exclude| {
            writer.list(exclude, |writer, glob| writer.text(glob.as_str()));
        });
    }
}

fn encode_identity(writer: &mut KeyWriter, identity: &Identity) {
    match identity {
        Identity::Id(id) => {
            writer.variant(0);
            writer.number((*id).into());
        }
        Identity::Name(name) => {
            writer.variant(1);
            writer.text(name);
        }
    }
}

/// What an image's command names and the image does not have.
struct CommandLacks<'a> {
    layers: Key,
    config: &'a ImageConfig,
}

impl Keyed for CommandLacks<'_> {
    const DOMAIN: &'static str = "lacking";
    const VERSION: u32 = 1;

    fn encode(&self, writer: &mut KeyWriter) {
        let Self { layers, config: ImageConfig { entrypoint, cmd, env, working_dir, .. } } = self;
        writer.key(layers);
        writer.list(entrypoint.iter().chain(cmd).flatten(), |writer, word| writer.text(word));
        writer.list(env.iter().filter(|(name, _)| name == "PATH"), |writer, (_, path)| writer.text(path));
        writer.optional(working_dir.as_deref(), KeyWriter::text);
    }
}

/// What an image is assembled from.
pub(crate) struct Assembly<'a> {
    pub session: &'a Session<'a>,
    pub files: &'a ProjectFiles,
    pub lock: &'a InvarLock,
    pub plan: &'a Plan,
    pub source: &'a SourceTree,
    /// How packages of the project are installed.
    pub install: Install,
}

impl<'a> Assembly<'a> {
    /// Where commands are run for this image.
    pub fn workshop(&self) -> Workshop<'a> {
        Workshop { session: self.session, files: self.files, lock: self.lock, platform: self.plan.platform }
    }

    /// The key of everything that the layers depend on.
    fn key(&self) -> Result<Key, BuildError> {
        let layers = self.plan.layers.iter();
        Ok(ImageLayers {
            layers: layers.map(|layer| (layer.name, layer.recipes.iter().map(key).collect())).collect(),
            interpreter: self.plan.interpreter.as_ref(),
            user: self.files.manifest.image.user.as_ref(),
            source: self.source.tree().digest(),
            commands: self.command_trees()?,
            bytecode: self.plan.bytecode,
            overrides: &self.files.manifest.python.overrides,
        }
        .key())
    }

    /// All trees, and the root that they make.
    pub fn merge(&self) -> Result<(Parts, Root), BuildError> {
        let parts = self.parts()?;
        self.session.reporter.event(&Event::Phase(Phase::Assemble));
        let root = parts.merge()?;
        parts.check_user(&root, self)?;
        parts.warn_of_needs(&root, self);
        Ok((parts, root))
    }

    /// Sentences about what the image's command names and the image does not have; as far as they are known from before,
    /// nothing is merged for them.
    fn lacking(
        &self,
        config: &ImageConfig,
        merged: &mut Option<(Parts, Root)>,
    ) -> Result<Vec<String>, BuildError> {
        let key = CommandLacks { layers: self.key()?, config }.key();
        let store = &self.session.store;
        let lacking = match store.result::<Vec<String>>(&key)? {
            Some(known) => known,
            None => {
                let (_, root) = match merged {
                    Some(merged) => merged,
                    None => merged.insert(self.merge()?),
                };
                let lacking = lacking(&root.tree, config, self.plan);
                store.put_result(&key, &lacking)?;
                lacking
            }
        };
        let project = self.files.manifest.project.as_ref();
        let scripts = project.filter(|project| !project.is_package() && !project.scripts.is_empty());
        let unpackaged = scripts.map(|_| {
            "[project.scripts] is not installed, since the project is not a package: add a [build-system], or `package = \
             true` to [tool.uv]"
                .to_owned()
        });
        Ok(lacking.into_iter().chain(unpackaged).collect())
    }

    /// The layers, from the store if the same trees gave them before; `merged` is used where they have been merged, and
    /// has it if they have to be.
    pub fn layers(&self, merged: &mut Option<(Parts, Root)>) -> Result<Vec<BuiltLayer>, BuildError> {
        let store = &self.session.store;
        let names = self.plan.layers.iter().map(|layer| layer.name);
        let key = self.key()?;
        if let Some(assembled) = store.result::<Assembled>(&key)?
            && assembled.layers.len() == self.plan.layers.len()
            && assembled.layers.iter().all(|layer| store.blob_size(&layer.digest) == Some(layer.size))
        {
            return Ok(names.zip(assembled.layers).map(|(name, layer)| BuiltLayer { name, layer }).collect());
        }
        let (parts, root) = match merged {
            Some(merged) => merged,
            None => merged.insert(self.merge()?),
        };
        let requests: Vec<(LayerName, LayerRequest<'_>)> =
            names.map(|name| (name, parts.layer(root, name, self.source))).collect();
        let written = each(requests.len(), &requests, |(_, request)| request.write(store))?;
        let mut layers = Vec::new();
        for ((name, _), written) in requests.iter().zip(written) {
            let (layer, new) = written;
            if new {
                let (digest, size) = (layer.digest, layer.size);
                self.session.reporter.event(&Event::LayerWritten { name: name.as_str(), digest, size });
            }
            layers.push(BuiltLayer { name: *name, layer });
        }
        let assembled = Assembled { layers: layers.iter().map(|built| built.layer.clone()).collect() };
        store.put_result(&key, &assembled)?;
        Ok(layers)
    }

    /// Writes the root file system itself.
    fn write_root(&self, (parts, root): &(Parts, Root), target: &Target) -> Result<(), BuildError> {
        let kept: Vec<Tree> =
            parts.parts.iter().enumerate().map(|(index, part)| root.kept(index, &part.tree)).collect();
        let pieces: Vec<RootPart<'_>> = kept
            .iter()
            .zip(&parts.parts)
            .map(|(kept, part)| RootPart { kept, contents: part.contents(self.source) })
            .collect();
        match target {
            Target::Rootfs(destination) => deliver::rootfs(&root.tree, &pieces, destination),
            Target::RootfsDirectory(path) => deliver::rootfs_directory(&root.tree, &pieces, path),
            Target::Archive(_) | Target::OciDirectory(_) | Target::Nowhere => Ok(()),
        }
    }
}

#[cfg(test)]
mod keys {
    use super::*;

    const CHANGED: &str = "if this is intended, raise the VERSION of the domain and pin the new key";

    #[test]
    fn the_keys_are_pinned() {
        let key = crate::debian::ConfiguredPackages(&[]).key();
        let mut overrides = BTreeMap::new();
        let own = Override { exclude: vec!["tests/**".parse().unwrap()], ..Override::default() };
        overrides.insert("numpy".parse().unwrap(), own);
        let layers = ImageLayers {
            layers: vec![(LayerName::System, vec![key]), (LayerName::Project, vec![])],
            interpreter: Some(&LockedInterpreter {
                package: "python3.13".parse().unwrap(),
                version: "3.13.5".parse().unwrap(),
                path: "usr/bin/python3.13".parse().unwrap(),
            }),
            user: Some(&"app:1000".parse().unwrap()),
            source: Digest::of(b"source"),
            commands: CommandTrees { builds: vec![key], steps: vec![key, key], scripts: Some(key) },
            bytecode: true,
            overrides: &overrides,
        };
        let config = ImageConfig {
            architecture: "amd64".to_owned(),
            variant: None,
            created: String::new(),
            entrypoint: Some(vec!["a".to_owned()]),
            cmd: Some(vec!["b".to_owned()]),
            env: vec![("PATH".to_owned(), "/bin".to_owned()), ("LANG".to_owned(), "C".to_owned())],
            user: None,
            working_dir: Some("/app".to_owned()),
            exposed_ports: BTreeSet::new(),
            volumes: BTreeSet::new(),
            labels: BTreeMap::new(),
            stop_signal: None,
            healthcheck: None,
            history: Vec::new(),
        };
        assert_eq!(
            layers.describe(),
            "layers 1 67a22f61dd32565966a1b4b36d18f2318c13edd4de6c379daff79a4788857201",
            "{CHANGED}"
        );
        assert_eq!(
            CommandLacks { layers: key, config: &config }.describe(),
            "lacking 1 07083fbc71196c7bb2c61fc318fa03609a55a800bde34c8fe95bad9e2e6b5144",
            "{CHANGED}"
        );
    }
}
