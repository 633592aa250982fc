//! The files that Python packages install: which of them the manifest leaves out, and which of two packages has one.
use std::collections::{BTreeMap, BTreeSet};

use invar_project::{Glob, GlobList};
use invar_python::EnvironmentLayout;
use invar_run::contested;
use invar_tree::{ImagePath, Origin, Tree};

use crate::image_trees::LayerInput;

/// Leaves out what `patterns` match of an installed package.
///
/// A pattern is relative to site-packages; `bin/NAME` is also a program, and one that starts with the name of the
/// environment's directory reaches all that it holds.
pub(super) fn exclude(input: &mut LayerInput, patterns: &[Glob], layout: &EnvironmentLayout) {
    if patterns.is_empty() {
        return;
    }
    let environment = format!("{}/", layout.prefix.as_str());
    let site_packages = format!("{environment}{}/", layout.site_packages());
    let start = in_environment(layout);
    let (whole, inner): (Vec<Glob>, Vec<Glob>) =
        patterns.iter().cloned().partition(|pattern| pattern.as_str().starts_with(&start));
    let (Ok(whole), Ok(inner)) = (GlobList::new(&whole), GlobList::new(&inner)) else { return };
    let excluded = |path: &ImagePath| {
        let path = path.as_str();
        let Some(below) = path.strip_prefix(&environment) else { return false };
        let program = || below.starts_with("bin/").then_some(below);
        let relative = path.strip_prefix(&site_packages).or_else(program);
        relative.is_some_and(|relative| inner.covering(relative).is_some())
            || whole.covering(&format!("{start}{below}")).is_some()
    };
    let gone: Vec<ImagePath> = input
        .tree
        .iter()
        .filter(|(path, entry)| !entry.is_directory() && excluded(path))
        .map(|(path, _)| path.clone())
        .collect();
    remove(input, &gone);
    // Folders that held nothing else go too, the deepest first; but not those that every environment has.
    let above: BTreeSet<ImagePath> = gone.iter().flat_map(ImagePath::ancestors).collect();
    let of_package = |folder: &ImagePath| {
        let below = folder.as_str().strip_prefix(&environment);
        below.is_some_and(|below| below != "bin")
            && !site_packages.starts_with(&format!("{}/", folder.as_str()))
    };
    for folder in above.iter().rev().filter(|folder| of_package(folder)) {
        // What is within a folder begins with the folder itself.
        if input.tree.within(folder.as_str()).nth(1).is_none() {
            input.tree.remove(folder);
        }
    }
}

/// Where several of `inputs` are Python packages that install different files at one path, leaves one of them. Returns
/// what people should know of it, a sentence for each two packages.
pub(super) fn settle(inputs: &mut [LayerInput], layout: &EnvironmentLayout) -> Vec<String> {
    let trees: Vec<&Tree> = inputs.iter().map(|input| &input.tree).collect();
    let mut pairs: BTreeMap<(usize, usize), Vec<ImagePath>> = BTreeMap::new();
    for one in contested(&trees) {
        pairs.entry((one.dropped, one.kept)).or_default().push(one.path);
    }
    let mut sentences = Vec::new();
    for ((dropped, kept), paths) in pairs {
        let name = |index: usize| match inputs[index].tree.iter().next().map(|(_, entry)| &*entry.origin) {
            Some(Origin::Wheel { name, .. }) => name.to_string(),
            _ => String::new(),
        };
        let first = pattern(&paths[0], layout);
        let what = match paths.len() {
            1 => first.clone(),
            many => format!("{many} files, such as {first}"),
        };
        let (dropped_name, kept_name) = (name(dropped), name(kept));
        sentences.push(format!(
            "{dropped_name} and {kept_name} install different content for {what}: the image has that of {kept_name}; \
             to choose, set exclude = [{first:?}] in [tool.invar.python.overrides.{dropped_name}], or of {kept_name} \
             for the other one"
        ));
        remove(&mut inputs[dropped], &paths);
    }
    sentences
}

fn remove(input: &mut LayerInput, paths: &[ImagePath]) {
    for path in paths {
        input.tree.remove(path);
        input.whole = false;
    }
}

/// How patterns for everything in the environment start, such as `.venv/`.
fn in_environment(layout: &EnvironmentLayout) -> String {
    format!("{}/", layout.prefix.name())
}

/// The pattern that excludes the file at `path`.
fn pattern(path: &ImagePath, layout: &EnvironmentLayout) -> String {
    let environment = format!("{}/", layout.prefix.as_str());
    let below = path.as_str().strip_prefix(&environment).unwrap_or(path.as_str());
    let site_packages = format!("{}/", layout.site_packages());
    let text = match below.strip_prefix(&site_packages) {
        Some(relative) => relative.to_owned(),
        None if below.starts_with("bin/") => below.to_owned(),
        None => format!("{}{below}", in_environment(layout)),
    };
    Glob::literal(&text).map_or(text, |glob| glob.as_str().to_owned())
}
