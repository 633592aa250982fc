//! Two operands compared: images platform by platform, locks, and projects with their source.
use invar_inspect::read_image;
use invar_oci_read::{Image, ImageSet, Inventory, Limits};
use serde::Serialize;

use crate::error::DiffError;
use crate::images::{Difference, compare_images};
use crate::index::index_changes;
use crate::inside::ValueChange;
use crate::locks::compare_locks;
use crate::operand::{FILES, Operand, Project};
use crate::options::ImageOptions;
use crate::packages::PackageChange;
use crate::source::{self, SourceChange};

/// What two operands differ in.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Comparison {
    /// Whether nothing differs.
    pub same: bool,
    /// What was compared, as the command line named it.
    pub old: String,
    /// With what.
    pub new: String,
    /// The images that were compared, one for each platform.
    pub images: Vec<Difference>,
    /// Platforms that only one side has, with `old` or `new`.
    pub unmatched_platforms: Vec<(String, &'static str)>,
    /// What the indexes that name the images differ in.
    pub index: Vec<ValueChange>,
    /// The locks and manifests that were compared.
    pub files: Vec<FileDifference>,
    /// The source files of projects that differ.
    pub source: Vec<SourceChange>,
}

/// What two locks or manifests differ in.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct FileDifference {
    /// The file's name.
    pub name: String,
    /// The packages that differ.
    pub packages: Vec<PackageChange>,
    /// The other values that differ.
    pub values: Vec<ValueChange>,
}

/// How operands are compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompareOptions {
    /// Compare only the images for this platform.
    pub platform: Option<String>,
    /// Read all layers, also those that both images name by one digest, and check every digest.
    pub all_layers: bool,
    /// Count the files of the second image as well.
    pub inventory: bool,
    /// What is believed of images.
    pub limits: Limits,
}

/// Compares `old` with `new`, which the command line called `names`. Gives the files of the last new image as well, if
/// that is asked for.
///
/// # Errors
/// [`DiffError`]; also for two operands that are not of one kind.
pub fn compare(
    (old, new): (&Operand, &Operand),
    names: (&str, &str),
    options: &CompareOptions,
) -> Result<(Comparison, Option<Inventory>), DiffError> {
    let mut comparison = Comparison {
        same: false,
        old: names.0.to_owned(),
        new: names.1.to_owned(),
        images: Vec::new(),
        unmatched_platforms: Vec::new(),
        index: Vec::new(),
        files: Vec::new(),
        source: Vec::new(),
    };
    let mut inventory = None;
    match (old, new) {
        (Operand::Images(old), Operand::Images(new)) => {
            inventory = compare_opened(old, new, options, &mut comparison)?;
        }
        (Operand::Lock { text: old }, Operand::Lock { text: new }) => {
            compare_texts(names.1, old, new, &mut comparison)?;
        }
        (Operand::Project(old), Operand::Project(new)) => compare_projects(old, new, &mut comparison)?,
        _ => return Err(DiffError::Kinds { old: names.0.to_owned(), new: names.1.to_owned() }),
    }
    comparison.same = comparison.images.iter().all(Difference::is_empty)
        && comparison.unmatched_platforms.is_empty()
        && comparison.index.is_empty()
        && comparison.files.is_empty()
        && comparison.source.is_empty();
    Ok((comparison, inventory))
}

/// Compares the images of two files, platform by platform. Gives the last new image that can be shown whole.
fn compare_opened(
    old: &ImageSet,
    new: &ImageSet,
    options: &CompareOptions,
    comparison: &mut Comparison,
) -> Result<Option<Inventory>, DiffError> {
    let wanted = |image: &&Image| match (&options.platform, &image.platform) {
        (Some(wanted), Some(platform)) => platform.to_string() == *wanted,
        _ => true,
    };
    let left: Vec<&Image> = old.images.iter().filter(wanted).collect();
    let right: Vec<&Image> = new.images.iter().filter(wanted).collect();
    if left.is_empty() || right.is_empty() {
        let empty = if left.is_empty() { &comparison.old } else { &comparison.new };
        return Err(DiffError::NoPlatform { name: empty.clone(), platform: options.platform.clone() });
    }
    let mut compare = ImageOptions::usual();
    compare.all_layers = options.all_layers || options.inventory;
    compare.limits = options.limits.clone();
    let mut shown = None;
    for (one, two) in pairs(&left, &right, comparison) {
        comparison.images.push(compare_images(one, two, &compare)?);
        if options.inventory {
            shown = Some(read_image(two, &options.limits)?);
        }
    }
    // With one image on each side, the index says nothing that the image does not; a layout's own names are no part.
    if let ([_, one, ..], [_, two, ..]) = (old.indexes.as_slice(), new.indexes.as_slice())
        && one.digest != two.digest
        && options.platform.is_none()
    {
        comparison.index = index_changes(&one.value, &two.value);
    }
    Ok(shown)
}

/// Images that belong together: of one platform, or else of one place, and where there is only one, those two.
fn pairs<'a>(
    left: &[&'a Image],
    right: &[&'a Image],
    comparison: &mut Comparison,
) -> Vec<(&'a Image, &'a Image)> {
    if let ([one], [two]) = (left, right) {
        return vec![(*one, *two)];
    }
    let name =
        |image: &Image| image.platform.as_ref().map_or_else(|| "no platform".into(), ToString::to_string);
    let mut rest: Vec<&Image> = right.to_vec();
    let mut pairs = Vec::new();
    for one in left {
        match rest.iter().position(|two| two.platform == one.platform) {
            Some(place) => pairs.push((*one, rest.remove(place))),
            None => comparison.unmatched_platforms.push((name(one), "old")),
        }
    }
    comparison.unmatched_platforms.extend(rest.into_iter().map(|two| (name(two), "new")));
    pairs
}

fn compare_texts(name: &str, old: &str, new: &str, comparison: &mut Comparison) -> Result<(), DiffError> {
    let compared = compare_locks(old, new);
    let (packages, values) = compared.map_err(|source| DiffError::Lock { name: name.to_owned(), source })?;
    if !packages.is_empty() || !values.is_empty() {
        comparison.files.push(FileDifference { name: name.to_owned(), packages, values });
    }
    Ok(())
}

fn compare_projects(old: &Project, new: &Project, comparison: &mut Comparison) -> Result<(), DiffError> {
    for name in FILES {
        let text = |project: &Project| project.files.get(name).cloned().unwrap_or_default();
        compare_texts(name, &text(old), &text(new), comparison)?;
    }
    comparison.source = source::compare(old, new)?;
    Ok(())
}
