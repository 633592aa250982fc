//! Which files of a project are source: of its image, of a step, of a package.
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::{Arc, PoisonError};

use invar_plan::PROJECT;
use invar_project::{Glob, Identity, Image, SourceList, SourceRules, StepName, User};
use invar_tree::{Entry, ImagePath, Mode, Node, Origin, Owner, Tree};

use crate::disk::{read_text_if_there, walk};
use crate::project::ProjectFiles;
use crate::source::{SourceTree, insert};
use crate::workspace::add_gitignores;
use crate::{CheckoutError, SourceError};

impl SourceTree {
    /// Reads what the image gets of the source of `files`; `output`, where it is in the project's folder, is not
    /// source.
    pub fn read(
        warn: &dyn Fn(&str),
        files: &ProjectFiles,
        output: Option<&Path>,
    ) -> Result<Self, CheckoutError> {
        let manifest = &files.manifest;
        let mut tree = Tree::new();
        let prefix = ImagePath::parse(PROJECT).expect("it is a relative path");
        // Both are there even if nothing is in them: the program starts in the one, and people look into the other.
        for directory in [&prefix, &manifest.image.workdir] {
            if !manifest.image.directories.contains(directory) {
                insert(&mut tree, directory.clone(), Node::Directory, Mode::DIRECTORY)?;
            }
        }
        let (owner, mode) = writable(&manifest.image);
        for directory in &manifest.image.directories {
            let entry = Entry { node: Node::Directory, mode, owner, origin: Arc::new(Origin::Source) };
            tree.insert(directory.clone(), entry)
                .map_err(|error| SourceError::Entry { message: error.to_string() })?;
        }
        let mut source = Self { folder: files.folder.clone(), prefix: format!("{PROJECT}/"), tree };
        // A package is in the image as the wheel that is built of it.
        let is_package = manifest.project.as_ref().is_some_and(|project| project.is_package());
        let include: &[Glob] = match &manifest.include {
            None if is_package => return Ok(source),
            Some(none) if none.is_empty() => return Ok(source),
            None => &[],
            Some(include) => include,
        };
        let dockerignore = read_text_if_there(&source.folder.join(".dockerignore"))?;
        let mut rules = rules(files, include, &manifest.exclude, dockerignore.as_deref(), output)?;
        rules.leave_out_secrets(&manifest.include_secrets, include).map_err(SourceError::Rules)?;
        source.add(warn, &mut rules, |_| true)?.report_of_image(warn);
        Ok(source)
    }

    /// Reads what a step is built from. Files that git ignores are not there even if a pattern matches them, since they
    /// are what other tools have left; what keeps files out of the image has no say.
    pub fn of_step(
        warn: &dyn Fn(&str),
        files: &ProjectFiles,
        step: &StepName,
        inputs: &[Glob],
    ) -> Result<Self, CheckoutError> {
        let mut source = Self { folder: files.folder.clone(), prefix: String::new(), tree: Tree::new() };
        if inputs.is_empty() {
            return Ok(source);
        }
        let wanted = rules(files, inputs, &[], None, None)?;
        let mut all = rules(files, &[], &[], None, None)?;
        // What a step without a command takes goes into the image as it is.
        let of_step = files.manifest.steps.iter().find(|known| known.name == *step);
        if of_step.is_some_and(|known| known.run.is_none()) {
            all.leave_out_secrets(&files.manifest.include_secrets, inputs).map_err(SourceError::Rules)?;
        }
        let withheld = source.add(warn, &mut all, |path| wanted.decide(path, false).is_source())?;
        withheld.report_of_step(warn);
        for input in inputs {
            let one = rules(files, std::slice::from_ref(input), &[], None, None)?;
            let mut found = source.tree.iter().filter(|(_, entry)| !entry.is_directory());
            if !found.any(|(path, _)| one.decide(path.as_str(), false).is_source()) {
                return Err(CheckoutError::NoInput { step: step.to_string(), input: input.to_string() });
            }
        }
        Ok(source)
    }

    /// The package in the folder `path`, relative to the project. It is read once for `files`, however often it is asked
    /// for: keys, builds and layers see the same files.
    pub fn of_package(
        warn: &dyn Fn(&str),
        files: &ProjectFiles,
        path: &str,
    ) -> Result<Arc<Self>, CheckoutError> {
        let path = path.trim_start_matches("./").trim_end_matches('/');
        let path = if path == "." { "" } else { path };
        let mut known = files.packages.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(source) = known.sources.get(path) {
            return Ok(Arc::clone(source));
        }
        let source = if path.starts_with("..") || path.starts_with('/') {
            Self::beside(warn, files, path)?
        } else {
            let listed = match &known.listed {
                Some(listed) => Arc::clone(listed),
                None => {
                    let dockerignore = read_text_if_there(&files.folder.join(".dockerignore"))?;
                    let exclude = &files.manifest.exclude;
                    let mut rules = rules(files, &[], exclude, dockerignore.as_deref(), None)?;
                    rules
                        .leave_out_secrets(
                            &files.manifest.include_secrets,
                            files.manifest.include.as_deref().unwrap_or_default(),
                        )
                        .map_err(SourceError::Rules)?;
                    Arc::clone(known.listed.insert(Arc::new(walk(&mut rules, &files.folder)?)))
                }
            };
            Self::inside(warn, files, path, &listed)?
        };
        let source = Arc::new(source);
        known.sources.insert(path.to_owned(), Arc::clone(&source));
        Ok(source)
    }

    /// Reads a package next to the project, with ignore files of its own.
    fn beside(warn: &dyn Fn(&str), files: &ProjectFiles, path: &str) -> Result<Self, CheckoutError> {
        let folder = files.folder.join(path);
        let mut source = Self { folder, prefix: String::new(), tree: Tree::new() };
        let dockerignore = read_text_if_there(&source.folder.join(".dockerignore"))?;
        let mut rules =
            SourceRules::new(&[], &[], dockerignore.as_deref(), &[]).map_err(SourceError::Rules)?;
        if let Some(root) = &files.workspace {
            add_gitignores(&mut rules, root, &source.folder)?;
        }
        rules.leave_out_secrets(&files.manifest.include_secrets, &[]).map_err(SourceError::Rules)?;
        let withheld = source.add(warn, &mut rules, |_| true)?;
        withheld.report_of_package(warn, |path| source.tree.get(path).is_some());
        Ok(source)
    }

    /// Reads a package in the project, of whose files `listed` are source.
    fn inside(
        warn: &dyn Fn(&str),
        files: &ProjectFiles,
        path: &str,
        listed: &SourceList,
    ) -> Result<Self, CheckoutError> {
        let mut whole = Self { folder: files.folder.clone(), prefix: String::new(), tree: Tree::new() };
        if path.is_empty() {
            let withheld = whole.add_listed(warn, listed, |_| true)?;
            withheld.report_of_package(warn, |path| whole.tree.get(path).is_some());
            return Ok(whole);
        }
        let inner = format!("{path}/");
        let withheld = whole.add_listed(warn, listed, |file| file.starts_with(&inner))?;
        withheld.report_of_package(warn, |path| whole.tree.get(path).is_some());
        let mut tree = Tree::new();
        for (file, entry) in whole.tree.iter() {
            let Some(relative) = file.as_str().strip_prefix(&inner) else { continue };
            let relative = ImagePath::parse(relative).expect("the end of a path is one");
            insert(&mut tree, relative, entry.node.clone(), entry.mode)?;
        }
        Ok(Self { folder: files.folder.join(path), prefix: String::new(), tree })
    }
}

/// The owner and mode of a directory that the image's user can write to. Whose number a name has that the manifest does not
/// add is known only in the image, so there a directory is as `/tmp` is.
fn writable(image: &Image) -> (Owner, Mode) {
    if let Some((_, account)) = image.own_account() {
        return (Owner { uid: account.uid, gid: account.gid() }, Mode::DIRECTORY);
    }
    match &image.user {
        None => (Owner::ROOT, Mode::DIRECTORY),
        Some(User { user: Identity::Id(uid), group }) => {
            // As container engines have it: the group of a user without one is root's.
            let gid = match group {
                Some(Identity::Id(gid)) => *gid,
                Some(Identity::Name(_)) | None => 0,
            };
            (Owner { uid: *uid, gid }, Mode::DIRECTORY)
        }
        Some(User { user: Identity::Name(_), .. }) => (Owner::ROOT, Mode::new(0o1777)),
    }
}

/// Rules for the files of a project.
fn rules(
    files: &ProjectFiles,
    include: &[Glob],
    exclude: &[Glob],
    dockerignore: Option<&str>,
    output: Option<&Path>,
) -> Result<SourceRules, CheckoutError> {
    let outputs = outputs(&files.folder, files.default_outputs(), output);
    let outputs: Vec<&str> = outputs.iter().map(String::as_str).collect();
    let mut rules = SourceRules::new(include, exclude, dockerignore, &outputs).map_err(SourceError::Rules)?;
    if let Some(root) = &files.workspace {
        add_gitignores(&mut rules, root, &files.folder)?;
    }
    Ok(rules)
}

/// The paths, relative to the project, of what is in a checkout of `files` and not ignored, and of what its manifest
/// includes all the same.
///
/// # Errors
/// What reading the project's folder says.
pub(crate) fn files_of_checkout(files: &ProjectFiles) -> Result<BTreeSet<String>, CheckoutError> {
    let dockerignore = read_text_if_there(&files.folder.join(".dockerignore"))?;
    let include: &[Glob] = files.manifest.include.as_deref().unwrap_or_default();
    let mut all = vec![rules(files, &[], &[], None, None)?];
    if !include.is_empty() {
        all.push(rules(files, include, &files.manifest.exclude, dockerignore.as_deref(), None)?);
    }
    let mut paths = BTreeSet::new();
    for mut rules in all {
        let found = walk(&mut rules, &files.folder)?;
        paths.extend(found.entries.into_iter().map(|entry| entry.path.as_str().to_owned()));
    }
    Ok(paths)
}

/// The paths, relative to the project's folder, of what this build or an earlier one wrote there.
fn outputs(folder: &Path, defaults: Vec<String>, output: Option<&Path>) -> Vec<String> {
    let mut outputs = defaults;
    if let Some(output) = output
        && let Some(name) = output.file_name()
        && let Ok(parent) = fs::canonicalize(
            output.parent().filter(|path| !path.as_os_str().is_empty()).unwrap_or(Path::new(".")),
        )
        && let Ok(folder) = fs::canonicalize(folder)
        && let Ok(relative) = parent.join(name).strip_prefix(folder)
        && let Some(relative) = relative.to_str()
    {
        outputs.push(relative.to_owned());
    }
    outputs
}

#[cfg(test)]
mod tests {
    use invar_project::{Manifest, ManifestSources};

    use super::*;

    #[test]
    fn a_name_has_a_number_where_the_manifest_gives_it() {
        let check = |image: &str, owner: (u32, u32), mode| {
            let text = format!("[image]\nname = \"x\"\n{image}");
            let sources = ManifestSources { pyproject: None, invar_toml: Some(("invar.toml", &text)) };
            let manifest = Manifest::parse(&sources).expect("it is a manifest");
            let expected = (Owner { uid: owner.0, gid: owner.1 }, Mode::new(mode));
            assert_eq!(writable(&manifest.image), expected, "{image}");
        };
        check("", (0, 0), 0o755);
        check("user = 1000", (1000, 0), 0o755);
        check("user = \"1000:1001\"", (1000, 1001), 0o755);
        check("user = \"1000:staff\"", (1000, 0), 0o755);
        check("user = \"nobody\"", (0, 0), 0o1777);
        check("user = \"app\"\nusers = { app = 1000 }", (1000, 1000), 0o755);
        check("user = 1000\nusers = { app = { uid = 1000, gid = 50 } }", (1000, 50), 0o755);
    }
}
