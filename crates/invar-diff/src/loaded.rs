//! One side of a comparison, as far as it has been read.
use std::collections::{BTreeMap, BTreeSet};

use invar_oci_read::{
    Image, ImageError, LayerNode, Listing, Member, Outline, Packages, RootEntry, RootFilesystem, is_record,
};
use invar_tree::ImagePath;

use crate::changelog::{is_changelog, summary};
use crate::options::{ImageOptions, of_invar};
use crate::packages::PackageChange;

/// One image, as far as it has been read.
pub(crate) struct Loaded<'a> {
    pub image: &'a Image,
    /// What was read, by the layer's place.
    pub parts: BTreeMap<usize, Part>,
    pub root: RootFilesystem,
    pub packages: Packages,
}

/// A layer that was read.
pub(crate) enum Part {
    /// To its end.
    Read(Listing),
    /// As far as it matters to the others; its digest is believed.
    Outlined(Outline),
}

impl Part {
    pub fn members(&self) -> &[Member] {
        match self {
            Self::Read(listing) => &listing.members,
            Self::Outlined(outline) => &outline.members,
        }
    }

    fn kept(&self) -> &BTreeMap<ImagePath, Vec<u8>> {
        match self {
            Self::Read(listing) => &listing.kept,
            Self::Outlined(outline) => &outline.kept,
        }
    }

    /// What is known of a layer that was read to its end.
    pub fn listing(&self) -> Option<&Listing> {
        match self {
            Self::Read(listing) => Some(listing),
            Self::Outlined(_) => None,
        }
    }
}

/// Which files of a layer that both sides have are read.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    /// Files that other layers contain or link to.
    pub files: BTreeSet<ImagePath>,
    /// What other layers delete, with all that is below it.
    deleted: BTreeSet<ImagePath>,
}

impl Touched {
    pub fn extend(&mut self, other: Self) {
        self.files.extend(other.files);
        self.deleted.extend(other.deleted);
    }

    fn holds(&self, path: &ImagePath) -> bool {
        self.files.contains(path)
            || self.deleted.contains(path)
            || !self.deleted.is_empty() && path.ancestors().any(|above| self.deleted.contains(&above))
    }
}

impl<'a> Loaded<'a> {
    /// Reads all layers but those at `skip`.
    pub fn read(
        image: &'a Image,
        skip: &BTreeSet<usize>,
        options: &ImageOptions,
    ) -> Result<Self, ImageError> {
        let mut parts = BTreeMap::new();
        for (place, layer) in image.layers.iter().enumerate().filter(|(place, _)| !skip.contains(place)) {
            parts.insert(place, Part::Read(layer.read(&options.limits, &kept_of)?));
        }
        let mut loaded =
            Self { image, parts, root: RootFilesystem::default(), packages: Packages::default() };
        loaded.settle();
        Ok(loaded)
    }

    /// The layer at `place` as far as it matters to the others.
    pub fn outline(
        &self,
        place: usize,
        touched: &Touched,
        options: &ImageOptions,
    ) -> Result<Outline, ImageError> {
        self.image.layers[place].outline(&options.limits, &kept_of, &|path| touched.holds(path))
    }

    /// Puts together what the parts make.
    pub fn settle(&mut self) {
        self.root = RootFilesystem::of(self.parts.iter().map(|(place, part)| (*place, part.members())));
        self.packages = Packages::of(&self.kept(|path| !is_changelog(path)));
    }

    /// The members of all layers that were read.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.parts.values().flat_map(Part::members)
    }

    /// What the layers that were read say something about.
    pub fn touched(&self) -> Touched {
        let mut touched = Touched::default();
        for member in self.members() {
            match &member.kind {
                LayerNode::Whiteout | LayerNode::Opaque => drop(touched.deleted.insert(member.path.clone())),
                LayerNode::HardLink { original } => {
                    touched.files.extend([member.path.clone(), original.clone()]);
                }
                _ => drop(touched.files.insert(member.path.clone())),
            }
        }
        touched
    }

    /// The file at `path` of the root as its layer calls it, if its content was stepped over.
    pub fn unread(&self, path: &str) -> Option<&ImagePath> {
        let placed = self.root.get(path)?;
        match self.parts.get(&placed.content_layer)? {
            Part::Outlined(outline) => outline.unread.get(&placed.content),
            Part::Read(_) => None,
        }
    }

    /// The kept files that a container would see.
    fn kept(&self, wanted: impl Fn(&ImagePath) -> bool) -> BTreeMap<ImagePath, Vec<u8>> {
        let mut kept = BTreeMap::new();
        for (path, placed) in self.root.iter().filter(|(path, _)| wanted(path)) {
            let part = self.parts.get(&placed.content_layer);
            if let Some(bytes) = part.and_then(|part| part.kept().get(&placed.content)) {
                kept.insert(path.clone(), bytes.clone());
            }
        }
        kept
    }

    /// What the changelogs of a package that changed say.
    pub fn changelog(&self, change: &PackageChange) -> Vec<String> {
        let (Some(old), Some(new)) = (&change.old, &change.new) else { return Vec::new() };
        let folder = self.documents(&change.name);
        let own = |path: &ImagePath| {
            is_changelog(path)
                && match change.kind.as_str() {
                    "Debian" => path.as_str().starts_with(&folder),
                    _ => self.packages.owner(path).is_some_and(|owner| owner.name == change.name),
                }
        };
        let found = self.kept(own);
        // Debian's own changelog says more about a Debian version than the author's. What was built again without a
        // change has a further one, by the architecture, which comes first in the order of the names, and in that of
        // time.
        let (debian, others): (Vec<_>, Vec<_>) =
            found.iter().partition(|(path, _)| path.name().starts_with("changelog.Debian"));
        let of_debian: Vec<&[u8]> = debian.into_iter().map(|(_, bytes)| bytes.as_slice()).collect();
        let of_each = others.into_iter().map(|(_, bytes)| vec![bytes.as_slice()]);
        std::iter::once(of_debian)
            .chain(of_each)
            .map(|parts| summary(&parts, old, new))
            .find(|lines| !lines.is_empty())
            .unwrap_or_default()
    }

    /// The folder of the documents of a Debian package, with a slash at its end: its own, or that of another package
    /// from the same source that it links to (Debian Policy, section 12.5).
    fn documents(&self, package: &str) -> String {
        let own = format!("usr/share/doc/{package}");
        let target = match self.root.get(&own).map(|placed| &placed.member.kind) {
            Some(LayerNode::Symlink { target }) => target.trim_end_matches('/'),
            _ => return format!("{own}/"),
        };
        let name = target.strip_prefix("/usr/share/doc/").unwrap_or(target);
        if name.contains('/') { format!("{own}/") } else { format!("usr/share/doc/{name}/") }
    }

    /// What the file at `path` belongs to.
    pub fn origin(&self, path: &ImagePath, placed: &RootEntry) -> Option<String> {
        if let Some(owner) = self.packages.owner(path) {
            return Some(format!("{} package {}", owner.kind, owner.name));
        }
        let history = self.image.layers.get(placed.layer)?.history.as_ref()?;
        let told =
            history.comment.as_ref().filter(|_| of_invar(self.image)).or(history.created_by.as_ref())?;
        Some(format!("layer: {}", told.chars().take(80).collect::<String>()))
    }
}

/// How much is kept of a file.
fn kept_of(path: &ImagePath, size: u64) -> u64 {
    match is_changelog(path) {
        true if size <= 2 << 20 => size,
        _ => is_record(path, size),
    }
}
