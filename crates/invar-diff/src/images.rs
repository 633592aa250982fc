use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;

use invar_oci_read::{Image, ImageError, Layer, LayerNode};
use invar_tree::{Digest, ImagePath};
use serde::Serialize;

use crate::causes::{self, Cause};
use crate::files::{FileChange, FileState, aspects};
use crate::inside::inside;
use crate::loaded::{Loaded, Part};
use crate::options::{ImageOptions, of_invar};
use crate::packages::{PackageChange, changes, versions};
use crate::{Change, Inside};

/// What one side is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Side {
    /// The digest of its manifest.
    pub digest: Option<Digest>,
    /// The digest of its configuration: what Docker calls the image's ID.
    pub id: Option<Digest>,
    /// The platform.
    pub platform: Option<String>,
    /// How many layers it has.
    pub layers: usize,
}

/// Layers that both sides have and that were not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Shared {
    /// How many.
    pub layers: usize,
    /// Their length as they are stored, in bytes.
    pub size: u64,
}

/// What changed between two images.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Difference {
    /// The first.
    pub old: Side,
    /// The second.
    pub new: Side,
    /// The packages that differ.
    pub packages: Vec<PackageChange>,
    /// The files that differ, by origin and path.
    pub files: Vec<FileChange>,
    /// Why the digests differ, apart from files.
    pub causes: Vec<Cause>,
    /// Layers that were not read.
    pub shared: Shared,
    /// Files that were not inspected since they, or all together, are too large.
    pub skipped_files: usize,
}

impl Difference {
    /// Whether there is nothing to report: all that was compared is the same.
    pub fn is_empty(&self) -> bool {
        self.packages.is_empty() && self.files.is_empty() && self.causes.is_empty()
    }
}

/// What changed from `old` to `new`.
///
/// Layers that both name by the same digest, in the same order, are not read. They could matter all the same: a file
/// that only one of the other layers brings may replace one in them, and a shared layer above may hide it. So they are
/// listed where that can be, and read as far as it matters, unless both images were built by Invar, whose layers have
/// each file once.
///
/// # Errors
/// [`ImageError`] of either.
pub fn compare_images(old: &Image, new: &Image, options: &ImageOptions) -> Result<Difference, ImageError> {
    let pairs = shared_layers(&old.layers, &new.layers);
    let mut causes = causes::of_documents(old, new);
    for &(one, two) in &pairs {
        let (one, two) = (&old.layers[one], (two, &new.layers[two]));
        let starts = (one.start(64)?, two.1.start(64)?);
        causes.extend(causes::of_storage(two.0 + 1, (one, &starts.0), (two.1, &starts.1)));
    }
    let (mut skip_old, mut skip_new): (BTreeSet<usize>, BTreeSet<usize>) = pairs.iter().copied().unzip();
    if options.all_layers {
        (skip_old, skip_new) = Default::default();
    }
    let mut left = Loaded::read(old, &skip_old, options)?;
    let mut right = Loaded::read(new, &skip_new, options)?;
    let all_match = left.parts.is_empty() && right.parts.is_empty();
    let each_file_once = of_invar(old) && of_invar(new);
    let believed = skip_old.is_empty() || all_match || each_file_once;
    if !believed && depends(&left, &right, &pairs) {
        skip_old.clear();
        look_at_shared(&mut left, &mut right, &pairs, options)?;
    }
    causes.extend(layer_causes(&left, &right, &pairs));
    let files = file_changes(&left, &right);
    // A root file system has no layers, whatever it was built from.
    let layered = old.config.is_some() && new.config.is_some();
    if layered && files.is_empty() && causes.is_empty() && old.layers.len() != new.layers.len() {
        causes.push(Cause::Layers { old: old.layers.len(), new: new.layers.len() });
    }
    let mut packages = changes(&versions(&left.packages), &versions(&right.packages));
    for change in &mut packages {
        change.changelog = right.changelog(change);
    }
    let sizes =
        pairs.iter().filter(|(one, _)| skip_old.contains(one)).map(|(one, _)| old.layers[*one].size());
    let shared = Shared { layers: skip_old.len(), size: sizes.flatten().sum() };
    let mut difference =
        Difference { old: side(old), new: side(new), packages, files, causes, shared, skipped_files: 0 };
    look_inside(&mut difference, &left, &right, options)?;
    Ok(difference)
}

fn side(image: &Image) -> Side {
    Side {
        digest: image.digest(),
        id: image.config.as_ref().map(|config| config.digest),
        platform: image.platform.as_ref().map(ToString::to_string),
        layers: image.layers.len(),
    }
}

/// The longest sequence of layers that both have, as pairs of places.
fn shared_layers(old: &[Layer], new: &[Layer]) -> Vec<(usize, usize)> {
    let mut lengths = vec![vec![0_usize; new.len() + 1]; old.len() + 1];
    for (one, layer) in old.iter().enumerate().rev() {
        for (two, other) in new.iter().enumerate().rev() {
            lengths[one][two] = match layer.same_as(other) {
                true => lengths[one + 1][two + 1] + 1,
                false => lengths[one + 1][two].max(lengths[one][two + 1]),
            };
        }
    }
    let (mut one, mut two, mut pairs) = (0, 0, Vec::new());
    while one < old.len() && two < new.len() {
        if old[one].same_as(&new[two]) {
            pairs.push((one, two));
            (one, two) = (one + 1, two + 1);
        } else if lengths[one + 1][two] >= lengths[one][two + 1] {
            one += 1;
        } else {
            two += 1;
        }
    }
    pairs
}

/// Lists what the shared layers have, once for both sides. Of their files only those are read that the others bring as
/// well, hide, or link to.
fn look_at_shared(
    left: &mut Loaded<'_>,
    right: &mut Loaded<'_>,
    pairs: &[(usize, usize)],
    options: &ImageOptions,
) -> Result<(), ImageError> {
    let mut wanted = left.touched();
    wanted.extend(right.touched());
    loop {
        for &(one, two) in pairs {
            let outline = left.outline(one, &wanted, options)?;
            right.parts.insert(two, Part::Outlined(outline.clone()));
            left.parts.insert(one, Part::Outlined(outline));
        }
        left.settle();
        right.settle();
        // Links can make a file matter that nobody names.
        let more = unread_changes(left, right);
        if more.is_empty() {
            return Ok(());
        }
        wanted.files.extend(more);
    }
}

/// The files that are to be reported and have not been read, as their layers call them.
fn unread_changes(left: &Loaded<'_>, right: &Loaded<'_>) -> BTreeSet<ImagePath> {
    let changed = file_changes(left, right);
    let sides = |change: &FileChange| {
        [left, right].map(|side| side.unread(change.path.trim_start_matches('/')).cloned())
    };
    changed.iter().flat_map(sides).flatten().collect()
}

/// Whether what the shared layers hold can matter to what the others show.
fn depends(left: &Loaded<'_>, right: &Loaded<'_>, pairs: &[(usize, usize)]) -> bool {
    let above = |loaded: &Loaded<'_>, shared: BTreeSet<usize>| {
        let lowest_read = loaded.parts.keys().next().copied();
        lowest_read.is_some_and(|lowest| shared.iter().any(|&place| place > lowest))
    };
    let marks = |loaded: &Loaded<'_>| {
        loaded.members().any(|member| {
            matches!(member.kind, LayerNode::Whiteout | LayerNode::Opaque | LayerNode::HardLink { .. })
        })
    };
    let touched = |loaded: &Loaded<'_>| -> BTreeSet<ImagePath> {
        loaded.members().map(|member| member.path.clone()).collect()
    };
    above(left, pairs.iter().map(|pair| pair.0).collect())
        || above(right, pairs.iter().map(|pair| pair.1).collect())
        || marks(left)
        || marks(right)
        || touched(left) != touched(right)
}

/// Layers that were read, paired in their order.
fn layer_causes(left: &Loaded<'_>, right: &Loaded<'_>, pairs: &[(usize, usize)]) -> Vec<Cause> {
    let alone = |loaded: &Loaded<'_>, shared: BTreeSet<usize>| -> Vec<usize> {
        loaded.parts.keys().copied().filter(|place| !shared.contains(place)).collect()
    };
    let old = alone(left, pairs.iter().map(|pair| pair.0).collect());
    let new = alone(right, pairs.iter().map(|pair| pair.1).collect());
    let listings =
        |one: &usize, two: &usize| Some((left.parts.get(one)?.listing()?, right.parts.get(two)?.listing()?));
    let both = old.iter().zip(&new);
    both.filter_map(|(one, two)| Some((two + 1, listings(one, two)?)))
        .flat_map(|(number, (one, two))| causes::of_members(number, one, two))
        .collect()
}

fn file_changes(left: &Loaded<'_>, right: &Loaded<'_>) -> Vec<FileChange> {
    let folder = |loaded: &Loaded<'_>| loaded.members().next().is_some_and(|member| member.format.is_none());
    let attributes = !folder(left) && !folder(right);
    let paths: BTreeSet<&ImagePath> =
        left.root.iter().chain(right.root.iter()).map(|(path, _)| path).collect();
    let mut changes = Vec::new();
    for path in paths {
        let (old, new) = (left.root.get(path.as_str()), right.root.get(path.as_str()));
        let (change, aspects) = match (old, new) {
            (Some(old), Some(new)) => match aspects(old, new, attributes) {
                aspects if aspects.is_empty() => continue,
                aspects => (Change::Changed, aspects),
            },
            (Some(_), None) => (Change::Removed, Vec::new()),
            (None, _) => (Change::Added, Vec::new()),
        };
        let origin = new.and_then(|new| right.origin(path, new));
        let origin = origin.or_else(|| old.and_then(|old| left.origin(path, old)));
        changes.push(FileChange {
            path: path.to_string(),
            change,
            aspects,
            old: old.map(FileState::of),
            new: new.map(FileState::of),
            origin: origin.unwrap_or_else(|| "no package".into()),
            content: None,
        });
    }
    changes.sort_by(|one, two| (&one.origin, &one.path).cmp(&(&two.origin, &two.path)));
    changes
}

/// Looks into the files whose contents differ, as many as there is room for.
fn look_inside(
    difference: &mut Difference,
    left: &Loaded<'_>,
    right: &Loaded<'_>,
    options: &ImageOptions,
) -> Result<(), ImageError> {
    let mut room = options.inside_total;
    let mut wanted = Vec::new();
    for (index, change) in difference.files.iter_mut().enumerate() {
        let (Some(old), Some(new)) = (&change.old, &change.new) else { continue };
        if change.change != Change::Changed || old.digest == new.digest {
            continue;
        }
        let size = old.size.max(new.size);
        if size > options.inside || size > room {
            difference.skipped_files += 1;
            change.content = Some(Inside::TooLarge);
            continue;
        }
        room -= size;
        let path = ImagePath::parse(change.path.trim_start_matches('/')).expect("it was a path before");
        wanted.push((index, path));
    }
    let paths: Vec<&ImagePath> = wanted.iter().map(|(_, path)| path).collect();
    let (old, new) = (contents(left, &paths, options)?, contents(right, &paths, options)?);
    for (index, path) in &wanted {
        if let (Some(old), Some(new)) = (old.get(path), new.get(path)) {
            difference.files[*index].content = inside(path.name(), old, new);
        }
    }
    Ok(())
}

/// The contents of the files at `paths` of the root.
fn contents(
    loaded: &Loaded<'_>,
    paths: &[&ImagePath],
    options: &ImageOptions,
) -> Result<BTreeMap<ImagePath, Vec<u8>>, ImageError> {
    let mut by_layer: BTreeMap<usize, BTreeMap<ImagePath, Vec<&ImagePath>>> = BTreeMap::new();
    for path in paths {
        if let Some(placed) = loaded.root.get(path.as_str()) {
            let layer = by_layer.entry(placed.content_layer).or_default();
            layer.entry(placed.content.clone()).or_default().push(path);
        }
    }
    let mut found = BTreeMap::new();
    for (place, files) in by_layer {
        let wanted: BTreeSet<ImagePath> = files.keys().cloned().collect();
        loaded.image.layers[place].contents(&wanted, &options.limits, &mut |inner, content| {
            let mut bytes = Vec::new();
            content.take(options.inside).read_to_end(&mut bytes)?;
            for path in &files[inner] {
                found.insert((*path).clone(), bytes.clone());
            }
            Ok(())
        })?;
    }
    Ok(found)
}
