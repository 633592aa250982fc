//! From a project and its locks to an image.
use std::collections::BTreeSet;

use invar_checkout::{ProjectFiles, SourceTree};
use invar_oci::{ArchiveRequest, Image, Layer, Reference};
use invar_plan::{LayerName, Plan, image_config};
use invar_project::{LockPart, Platform};
use invar_realise::{Event, Phase};
use invar_run::Install;
use invar_tree::{Digest, Tree};

use crate::assembly::Assembly;
use crate::deliver::deliver;
use crate::destination::{Delivery, Destination, Form, Piece, Target};
use crate::layer::BuiltLayer;
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

/// Builds the project of `files`, whose locks must be there, and writes the result.
///
/// Where something in the store turns out to be damaged, it is thrown away and rebuilt.
///
/// # Errors
/// [`BuildError`].
pub fn build(
    session: &Session<'_>,
    files: &ProjectFiles,
    request: &BuildRequest,
) -> Result<Built, BuildError> {
    let destination = || request.target.destination();
    let built = match attempt(session, files, request, &mut *destination()) {
        Err(error) if error.may_be_damage() && repair(session, files, request)? => {
            session.sources.reporter.event(&Event::Warning(&format!("{error}; it is rebuilt")));
            attempt(session, files, request, &mut *destination())
        }
        done => done,
    };
    // Of several images of one project, the message says which.
    built.map_err(|error| match files.part() {
        part @ LockPart::Further(_) => BuildError::Part { part, source: Box::new(error) },
        LockPart::Image | LockPart::Shell => error,
    })
}

/// Throws away what is damaged of all that the store has for `files`; returns whether anything was.
fn repair(session: &Session<'_>, files: &ProjectFiles, request: &BuildRequest) -> Result<bool, BuildError> {
    let lock = files.checked_lock()?;
    let source = SourceTree::read(&|text| session.sources.reporter.warn(text), files, request.target.path())?;
    let mut damaged = false;
    for &platform in platforms(files, request) {
        let plan = Plan::new(&files.manifest, lock, files.uv_lock.as_ref(), platform)?;
        let assembly = Assembly::new(session, files, lock, &plan, &source, Install::Copied);
        for key in assembly.tree_keys() {
            damaged |= session.sources.store.discard_damaged_tree(&key)?;
        }
        let assembled = assembly.known_layers()?;
        for layer in assembled {
            damaged |= session.sources.store.discard_damaged_blob(&layer.digest)?;
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

fn attempt(
    session: &Session<'_>,
    files: &ProjectFiles,
    request: &BuildRequest,
    destination: &mut dyn Destination,
) -> Result<Built, BuildError> {
    files.warnings.iter().for_each(|warning| session.sources.reporter.warn(warning));
    let lock = files.checked_lock()?;
    let platforms = platforms(files, request);
    let source = SourceTree::read(&|text| session.sources.reporter.warn(text), files, request.target.path())?;
    let reference = format!("{}:{}", files.manifest.image.name, files.manifest.image.tag);
    let reference = Reference::parse(&reference)
        .map_err(|source| BuildError::Reference { reference, source: Box::new(source) })?;
    let whole = destination.form() == Form::Files;
    if whole && platforms.len() != 1 {
        return Err(BuildError::OnePlatform { platforms: platforms.to_vec() });
    }
    let mut images = Vec::new();
    let mut built = Vec::new();
    let mut lacking = BTreeSet::new();
    let mut root = None;
    for &platform in platforms {
        let plan = Plan::new(&files.manifest, lock, files.uv_lock.as_ref(), platform)?;
        let assembly = Assembly::new(session, files, lock, &plan, &source, Install::Copied);
        let mut merged = None;
        if whole {
            merged = Some(assembly.merge()?);
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
        root = merged.filter(|_| whole);
    }
    lacking.iter().for_each(|sentence| session.sources.reporter.event(&Event::Warning(sentence)));
    session.sources.reporter.event(&Event::Phase(Phase::Deliver));
    let index: Vec<_> = images.iter().map(|(platform, image)| (platform.clone(), image)).collect();
    let digest = match built.as_slice() {
        [one] => one.digest,
        _ => invar_oci::Index::new(&index, &Default::default()).digest,
    };
    let archive =
        ArchiveRequest { images, names: vec![reference.clone()], index_annotations: Default::default() };
    match &root {
        Some((trees, root)) => {
            let kept = trees.kept(root);
            let pieces = kept.iter().zip(&trees.inputs);
            let pieces = pieces.map(|(kept, input)| Piece::of_files(kept, input.contents(&source))).collect();
            deliver(&Delivery { image: &archive, root: &root.tree, pieces }, destination)?;
        }
        None => deliver(&Delivery::of_layers(&archive, &Tree::new(), &session.sources.store), destination)?,
    }
    Ok(Built { digest, reference, images: built })
}
