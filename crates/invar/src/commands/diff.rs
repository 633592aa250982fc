//! `invar diff`
use std::path::Path;
use std::process::ExitCode;

use invar_build::{BuildRequest, Target, build};
use invar_diff::{Difference, ImageOptions, PackageChange, ValueChange, compare_images, compare_locks};
use invar_oci_read::{Image, Limits, Opened};
use invar_project::Purpose;
use serde::Serialize;

use crate::cli::{Diff, Global};
use crate::commands::lock::print;
use crate::commands::open::{NOTHING_NAMED, Open};
use crate::difference;
use crate::failure::{DIFFERENT, Failure};
use crate::inventory::read_image;
use crate::operand::{FILES, Operand, Project, resolve};
use crate::page;
use crate::report::Told;
use crate::source::{self, SourceChange};

/// What `invar diff` prints.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Outcome {
    /// Whether nothing differs.
    pub same: bool,
    /// What was compared, as the command line named it.
    pub old: String,
    /// With what.
    pub new: String,
    /// The images that were compared, one for each platform.
    pub images: Vec<Difference>,
    /// Platforms that only one side has, with `old` or `new`.
    pub alone: Vec<(String, &'static str)>,
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

/// Runs the command.
///
/// # Errors
/// [`Failure`].
pub fn run(global: &Global, options: &Diff, reporter: &dyn Told) -> Result<ExitCode, Failure> {
    let limits = Limits::usual();
    let (old, new) = (resolve(&options.old, &limits)?, resolve(&options.new, &limits)?);
    let mut outcome = Outcome {
        same: false,
        old: options.old.clone(),
        new: options.new.clone(),
        images: Vec::new(),
        alone: Vec::new(),
        index: Vec::new(),
        files: Vec::new(),
        source: Vec::new(),
    };
    let mut shown = None;
    match (old, new) {
        (Operand::Images(old), Operand::Images(new)) => {
            shown = compare_opened(&old, &new, options, &limits, &mut outcome)?;
        }
        (Operand::Lock { text: old }, Operand::Lock { text: new }) => {
            compare_texts(&options.new, &old, &new, &mut outcome)?;
        }
        (Operand::Project(old), Operand::Project(new)) => compare_projects(&old, &new, &mut outcome)?,
        (Operand::Project(project), Operand::Images(new)) => {
            let (_kept, old) = built(global, &project, &options.old, reporter)?;
            shown = compare_opened(&old, &new, options, &limits, &mut outcome)?;
        }
        (Operand::Images(old), Operand::Project(project)) => {
            let (_kept, new) = built(global, &project, &options.new, reporter)?;
            shown = compare_opened(&old, &new, options, &limits, &mut outcome)?;
        }
        (Operand::Lock { .. }, _) | (_, Operand::Lock { .. }) => {
            let message = format!(
                "{} and {} cannot be compared: one is a lock and the other is not",
                options.old, options.new
            );
            return Err(Failure::input(message, None));
        }
    }
    reporter.finish();
    outcome.same = outcome.images.iter().all(Difference::is_empty)
        && outcome.alone.is_empty()
        && outcome.index.is_empty()
        && outcome.files.is_empty()
        && outcome.source.is_empty();
    if let Some(path) = &options.html {
        page::write(path, &page::of_difference(&outcome, shown.as_ref()))?;
    }
    if global.json {
        print(&format!("{}\n", serde_json::to_string(&outcome).expect("it is plain data")))?;
    } else if !global.quiet {
        print(&difference::text(&outcome))?;
    }
    Ok(if outcome.same { ExitCode::SUCCESS } else { DIFFERENT.into() })
}

/// The image of a project's folder, built into a folder of the store that is there as long as the first value is.
fn built(
    global: &Global,
    project: &Project,
    name: &str,
    reporter: &dyn Told,
) -> Result<(invar_store::Scratch, Opened), Failure> {
    let Some(folder) = &project.folder else {
        let message =
            format!("{name} is a revision, but only a directory can be built and compared with an image");
        return Err(Failure::input(message, Some("check it out and name the directory")));
    };
    let open = Open {
        project: folder,
        derive: &NOTHING_NAMED,
        purpose: Purpose::Build,
        keyring: None,
        locked: true,
        keep_failed: false,
    };
    let (session, files) = open.open(global, reporter)?;
    let scratch = session.store.scratch()?;
    let place = scratch.path().join("image");
    let target = Target::OciDirectory(place.clone());
    build(&session, &files, &BuildRequest { target, platforms: Vec::new() })?;
    let opened = invar_oci_read::open(&place, &Limits::usual())?;
    Ok((scratch, opened))
}

/// Compares the images of two files, platform by platform. Gives the last new image that can be shown whole.
fn compare_opened(
    old: &Opened,
    new: &Opened,
    options: &Diff,
    limits: &Limits,
    outcome: &mut Outcome,
) -> Result<Option<invar_oci_read::Inventory>, Failure> {
    let wanted = |image: &&Image| match (&options.platform, &image.platform) {
        (Some(wanted), Some(platform)) => platform.to_string() == *wanted,
        _ => true,
    };
    let left: Vec<&Image> = old.images.iter().filter(wanted).collect();
    let right: Vec<&Image> = new.images.iter().filter(wanted).collect();
    if left.is_empty() || right.is_empty() {
        let empty = if left.is_empty() { &outcome.old } else { &outcome.new };
        let platform = options.platform.as_deref().unwrap_or("any platform");
        return Err(Failure::input(format!("{empty} has no image for {platform}"), None));
    }
    let mut compare = ImageOptions::usual();
    compare.all_layers = options.all_layers || options.html.is_some();
    compare.limits = limits.clone();
    let mut shown = None;
    for (one, two) in pairs(&left, &right, outcome) {
        outcome.images.push(compare_images(one, two, &compare)?);
        if options.html.is_some() {
            shown = Some(read_image(two, limits)?);
        }
    }
    // With one image on each side, the index says nothing that the image does not; a layout's own names are no part.
    if let ([_, one, ..], [_, two, ..]) = (old.indexes.as_slice(), new.indexes.as_slice())
        && one.digest != two.digest
        && options.platform.is_none()
    {
        outcome.index = difference::index_changes(&one.value, &two.value);
    }
    Ok(shown)
}

/// Images that belong together: of one platform, or else of one place, and where there is only one, those two.
fn pairs<'a>(left: &[&'a Image], right: &[&'a Image], outcome: &mut Outcome) -> Vec<(&'a Image, &'a Image)> {
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
            None => outcome.alone.push((name(one), "old")),
        }
    }
    outcome.alone.extend(rest.into_iter().map(|two| (name(two), "new")));
    pairs
}

fn compare_texts(name: &str, old: &str, new: &str, outcome: &mut Outcome) -> Result<(), Failure> {
    let compared = compare_locks(old, new);
    let (packages, values) =
        compared.map_err(|error| Failure::input(format!("{name} cannot be compared: {error}"), None))?;
    if !packages.is_empty() || !values.is_empty() {
        outcome.files.push(FileDifference { name: name.to_owned(), packages, values });
    }
    Ok(())
}

fn compare_projects(old: &Project, new: &Project, outcome: &mut Outcome) -> Result<(), Failure> {
    for name in FILES {
        let text = |project: &Project| project.files.get(name).cloned().unwrap_or_default();
        compare_texts(name, &text(old), &text(new), outcome)?;
    }
    outcome.source = source::compare(old, new)?;
    Ok(())
}

/// Whether `path` is a project's folder rather than an image.
pub fn is_project(path: &Path) -> bool {
    ["pyproject.toml", "invar.toml"].iter().any(|name| path.join(name).is_file())
}
