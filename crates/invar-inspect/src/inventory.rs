//! What an image or a project's image consists of, counted.
use std::collections::BTreeMap;

use invar_build::{Item, Session};
use invar_checkout::ProjectFiles;
use invar_oci_read::{
    Image, ImageError, Inventory, InventoryFile, LayerSize, Limits, Listing, Packages, RootFilesystem,
    is_record,
};
use invar_plan::LayerName;
use invar_project::Platform;
use invar_tree::{Node, Origin};

use crate::error::InspectError;
use crate::provenance::plan;

/// An image that has been read whole.
pub(crate) struct Whole {
    /// Its layers.
    pub listings: Vec<Listing>,
    /// What a container sees.
    pub root: RootFilesystem,
    /// What it says of its packages.
    pub packages: Packages,
}

impl Whole {
    /// Reads all layers, and checks them.
    ///
    /// # Errors
    /// [`ImageError`].
    pub fn read(image: &Image, limits: &Limits) -> Result<Self, ImageError> {
        let listings = image.layers.iter().map(|layer| layer.read(limits, &is_record));
        let listings = listings.collect::<Result<Vec<Listing>, ImageError>>()?;
        let root = RootFilesystem::of(listings.iter().map(|listing| &listing.members[..]).enumerate());
        let mut records = BTreeMap::new();
        for (path, placed) in root.iter() {
            if let Some(bytes) = listings[placed.content_layer].kept.get(&placed.content) {
                records.insert(path.clone(), bytes.clone());
            }
        }
        Ok(Self { listings, root, packages: Packages::of(&records) })
    }
}

/// The files of an image, counted.
///
/// # Errors
/// [`ImageError`].
pub fn read_image(image: &Image, limits: &Limits) -> Result<Inventory, ImageError> {
    let whole = Whole::read(image, limits)?;
    Ok(Inventory::of(image, &whole.listings, &whole.root, &whole.packages))
}

/// The files of a project's image, counted, each with the origin that the build knows.
///
/// # Errors
/// [`InspectError`].
pub fn read_project(
    session: &Session<'_>,
    files: &ProjectFiles,
    platform: Platform,
) -> Result<Inventory, InspectError> {
    let items = invar_build::Inventory::read(session, files, platform)?;
    let plan = plan(files, platform)?;
    let layers: Vec<LayerName> = plan.layers.iter().map(|layer| layer.name).collect();
    Ok(of_project(&items, &layers))
}

fn of_project(items: &invar_build::Inventory, layers: &[LayerName]) -> Inventory {
    let mut inventory = Inventory::default();
    for Item { layer, path, entry } in items.items() {
        let (size, digest) = match &entry.node {
            Node::Directory => continue,
            Node::File { size, digest } => (*size, Some(*digest)),
            Node::Symlink { .. } => (0, None),
        };
        let origin = match &*entry.origin {
            Origin::Bytecode { of } => format!("{of}, compiled"),
            origin => origin.to_string(),
        };
        let layer = layers.iter().position(|name| *name == layer).unwrap_or_default();
        inventory.files.push(InventoryFile { path: path.clone(), size, digest, layer, origin });
    }
    for (place, layer) in layers.iter().enumerate() {
        let files = inventory.files.iter().filter(|file| file.layer == place).map(|file| file.size).sum();
        let name = layer.as_str().to_owned();
        inventory.layers.push(LayerSize {
            name,
            stored: None,
            unpacked: files,
            files,
            hidden: 0,
            overhead: 0,
        });
    }
    inventory
}
