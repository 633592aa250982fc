use std::collections::BTreeMap;

use invar_tree::{Digest, ImagePath};

use crate::{Image, LayerNode, Listing, Packages, RootFilesystem};

/// One file of an image, and what it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InventoryFile {
    /// Where it is.
    pub path: ImagePath,
    /// Its size in bytes. A second name for one file counts nothing.
    pub size: u64,
    /// The digest of its content; none of what has no content.
    pub digest: Option<Digest>,
    /// Which layer it comes from, from zero.
    pub layer: usize,
    /// What it belongs to, such as `Debian package libc6`.
    pub origin: String,
}

/// A layer, and what its bytes are spent on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerSize {
    /// What it is called.
    pub name: String,
    /// Its length as it is stored, in bytes; none of what is no file.
    pub stored: Option<u64>,
    /// Its length when it is unpacked, in bytes.
    pub unpacked: u64,
    /// The bytes of its files that the image shows.
    pub files: u64,
    /// The bytes of its files that it has twice, or that upper layers replace or delete.
    pub hidden: u64,
    /// The rest: headers of the archive, and what fills its blocks.
    pub overhead: u64,
}

/// All files of an image, counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inventory {
    /// The layers, the lowest first.
    pub layers: Vec<LayerSize>,
    /// The files and links, by path. Directories are not counted.
    pub files: Vec<InventoryFile>,
}

/// A sum over files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// How many.
    pub files: usize,
    /// Their bytes.
    pub size: u64,
}

impl Inventory {
    /// Counts the files of an image of which all layers have been read.
    pub fn of(image: &Image, listings: &[Listing], root: &RootFilesystem, packages: &Packages) -> Self {
        let mut inventory = Self::default();
        for (path, placed) in root.iter().filter(|(_, placed)| placed.member.kind != LayerNode::Directory) {
            // The content of a hard link is counted where its file is.
            let own = !placed.hard_link;
            inventory.files.push(InventoryFile {
                path: path.clone(),
                size: if own { placed.member.kind.size() } else { 0 },
                digest: match placed.member.kind {
                    LayerNode::File { digest, .. } if own => Some(digest),
                    _ => None,
                },
                layer: placed.content_layer,
                origin: origin(image, packages, path, placed.layer),
            });
        }
        for (place, (layer, listing)) in image.layers.iter().zip(listings).enumerate() {
            let files = inventory.files.iter().filter(|file| file.layer == place).map(|file| file.size).sum();
            let all: u64 = listing.members.iter().map(|member| member.kind.size()).sum();
            inventory.layers.push(LayerSize {
                name: layer_name(image, place),
                stored: layer.size(),
                unpacked: listing.unpacked,
                files,
                hidden: all.saturating_sub(files),
                overhead: listing.unpacked.saturating_sub(all),
            });
        }
        inventory
    }

    /// The sizes of all origins, the largest first.
    pub fn by_origin(&self) -> Vec<(String, Usage)> {
        self.sums(|file| vec![file.origin.clone()])
    }

    /// The sizes of all folders down to `depth` names, the largest first. A file counts in each folder above it.
    pub fn by_directory(&self, depth: usize) -> Vec<(String, Usage)> {
        self.sums(|file| {
            let directories = file.path.ancestors().map(|directory| directory.to_string());
            directories.filter(|directory| directory.matches('/').count() <= depth).collect()
        })
    }

    fn sums(&self, keys: impl Fn(&InventoryFile) -> Vec<String>) -> Vec<(String, Usage)> {
        let mut sums: BTreeMap<String, Usage> = BTreeMap::new();
        for file in &self.files {
            for key in keys(file) {
                let sum = sums.entry(key).or_default();
                sum.files += 1;
                sum.size += file.size;
            }
        }
        let mut sums: Vec<(String, Usage)> = sums.into_iter().collect();
        sums.sort_by(|one, two| two.1.size.cmp(&one.1.size).then_with(|| one.0.cmp(&two.0)));
        sums
    }

    /// Files with the same content, of more than nothing: the size, and the paths. Those that waste most come first.
    pub fn duplicates(&self) -> Vec<(u64, Vec<&ImagePath>)> {
        let mut groups: BTreeMap<Digest, (u64, Vec<&ImagePath>)> = BTreeMap::new();
        for file in self.files.iter().filter(|file| file.size > 0) {
            let Some(digest) = file.digest else { continue };
            let group = groups.entry(digest).or_insert((file.size, Vec::new()));
            group.1.push(&file.path);
        }
        let mut groups: Vec<_> = groups.into_values().filter(|(_, paths)| paths.len() > 1).collect();
        let wasted = |group: &(u64, Vec<&ImagePath>)| group.0 * (group.1.len() as u64 - 1);
        groups.sort_by(|one, two| wasted(two).cmp(&wasted(one)).then_with(|| one.1.cmp(&two.1)));
        groups
    }

    /// The largest files, the largest first.
    pub fn largest(&self, count: usize) -> Vec<&InventoryFile> {
        let mut files: Vec<&InventoryFile> = self.files.iter().collect();
        files.sort_by(|one, two| two.size.cmp(&one.size).then_with(|| one.path.cmp(&two.path)));
        files.truncate(count);
        files
    }

    /// The bytes of all files.
    pub fn size(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }
}

/// How a layer is called: by what Invar says of it, or by its place.
fn layer_name(image: &Image, place: usize) -> String {
    let Some(layer) = image.layers.get(place) else { return format!("layer {}", place + 1) };
    let history = layer.history.as_ref();
    let by_invar = |name: &Option<String>| name.as_deref() == Some("invar build");
    match history.filter(|history| by_invar(&history.created_by)).and_then(|history| history.comment.as_ref())
    {
        Some(comment) => format!("{} ({})", layer.label(), comment),
        None => match history.and_then(|history| history.created_by.as_ref()) {
            Some(told) => format!("{} ({})", layer.label(), told.chars().take(60).collect::<String>()),
            None => layer.label().to_owned(),
        },
    }
}

/// What a file belongs to: the package that says so, or else the layer.
fn origin(image: &Image, packages: &Packages, path: &ImagePath, layer: usize) -> String {
    match packages.owner(path) {
        Some(package) => format!("{} package {}", package.kind, package.name),
        None => layer_name(image, layer),
    }
}
