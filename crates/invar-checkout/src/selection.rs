//! Which files of a project are source: of its image, of a step, of a package.
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

use invar_plan::PROJECT;
use invar_project::{Glob, Identity, Image, SourceEntry, SourceList, SourceRules, StepName, User};
use invar_tree::{Entry, ImagePath, Mode, Node, Origin, Owner, Tree};

use crate::disk::{read_text_if_there, walk};
use crate::project::ProjectFiles;
use crate::reach;
use crate::source::{ReadPackages, SourceTree, insert};
use crate::withheld::Withheld;
use crate::workspace::{add_gitignores, inner};
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
        let mut source =
            Self { folder: files.folder.clone(), prefix: format!("{PROJECT}/"), tree, ..Self::empty() };
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
        let mut source = Self { folder: files.folder.clone(), ..Self::empty() };
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

    /// The package in the folder `path`, relative to the project, with what its build sees of the workspace around it. It is
    /// read once for `files`, however often it is asked for: keys, builds and layers see the same files.
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
        let (folder, own) = own_files(warn, files, path, &mut known)?;
        let source = match around(warn, files, path, &folder, &own, &mut known)? {
            Some((root, member, outside)) => {
                let mut source = Self { folder: root, subdirectory: member, ..Self::empty() };
                let inner = source.subdirectory.clone();
                let entries = own.iter().map(|entry| {
                    let path = ImagePath::parse(&format!("{inner}/{}", entry.path.as_str()));
                    path.map(|path| SourceEntry { path, ..entry.clone() })
                });
                let entries = entries.collect::<Result<Vec<_>, _>>();
                let mut entries =
                    entries.map_err(|error| SourceError::Entry { message: error.to_string() })?;
                entries.extend(outside);
                let withheld = source.add_listed(warn, &entries)?;
                withheld.report_of_package(warn, |path| source.tree.get(path).is_some());
                source
            }
            None => {
                let mut source = Self { folder, ..Self::empty() };
                let withheld = source.add_listed(warn, &own)?;
                withheld.report_of_package(warn, |path| source.tree.get(path).is_some());
                source
            }
        };
        let source = Arc::new(source);
        known.sources.insert(path.to_owned(), Arc::clone(&source));
        Ok(source)
    }

    /// The same without what is outside of the package's folder.
    ///
    /// # Errors
    /// As [`of_package`](Self::of_package).
    pub fn of_package_alone(&self) -> Result<Self, CheckoutError> {
        if self.subdirectory.is_empty() {
            return Ok(self.clone());
        }
        let inner = format!("{}/", self.subdirectory);
        let mut alone = Self { folder: self.folder.join(&self.subdirectory), ..Self::empty() };
        for (path, entry) in self.tree.iter() {
            let Some(relative) = path.as_str().strip_prefix(&inner) else { continue };
            let relative = ImagePath::parse(relative).expect("the end of a path is one");
            insert(&mut alone.tree, relative, entry.node.clone(), entry.mode)?;
        }
        Ok(alone)
    }

    fn empty() -> Self {
        Self { folder: PathBuf::new(), prefix: String::new(), subdirectory: String::new(), tree: Tree::new() }
    }
}

/// The folder of the package at `path`, relative to the project, and those of its files that are source.
fn own_files(
    warn: &dyn Fn(&str),
    files: &ProjectFiles,
    path: &str,
    known: &mut ReadPackages,
) -> Result<(PathBuf, Vec<SourceEntry>), CheckoutError> {
    let folder = files.folder.join(path);
    if path.starts_with("..") || path.starts_with('/') {
        // Next to the project: it has ignore files of its own.
        let mut rules = rules_beside(files, &folder)?;
        rules.leave_out_secrets(&files.manifest.include_secrets, &[]).map_err(SourceError::Rules)?;
        let listed = walk(&mut rules, &folder)?;
        report_of_package(warn, &listed);
        return Ok((folder, listed.entries));
    }
    let listed = listed(warn, files, known)?;
    if path.is_empty() {
        return Ok((folder, listed.entries.clone()));
    }
    let inner = format!("{path}/");
    let mut entries = Vec::new();
    for entry in &listed.entries {
        if let Some(relative) = entry.path.as_str().strip_prefix(&inner) {
            let path = ImagePath::parse(relative).expect("the end of a path is one");
            entries.push(SourceEntry { path, ..entry.clone() });
        }
    }
    Ok((folder, entries))
}

/// Rules for the files in `folder`, a package next to the project: it has ignore files of its own.
pub(crate) fn rules_beside(files: &ProjectFiles, folder: &Path) -> Result<SourceRules, CheckoutError> {
    let dockerignore = read_text_if_there(&folder.join(".dockerignore"))?;
    let mut rules = SourceRules::new(&[], &[], dockerignore.as_deref(), &[]).map_err(SourceError::Rules)?;
    if let Some(root) = &files.workspace {
        add_gitignores(&mut rules, root, folder)?;
    }
    Ok(rules)
}

/// Says which files of a package are left out.
fn report_of_package(warn: &dyn Fn(&str), listed: &SourceList) {
    let has = |path: &str| listed.entries.iter().any(|entry| entry.path.as_str() == path);
    Withheld::of(listed, |_| true).report_of_package(warn, has);
}

/// All files of the project that are source of its packages.
pub(crate) fn listed(
    warn: &dyn Fn(&str),
    files: &ProjectFiles,
    known: &mut ReadPackages,
) -> Result<Arc<SourceList>, CheckoutError> {
    if let Some(listed) = &known.listed {
        return Ok(Arc::clone(listed));
    }
    let dockerignore = read_text_if_there(&files.folder.join(".dockerignore"))?;
    let manifest = &files.manifest;
    let mut rules = rules(files, &[], &manifest.exclude, dockerignore.as_deref(), None)?;
    let include = manifest.include.as_deref().unwrap_or_default();
    rules.leave_out_secrets(&manifest.include_secrets, include).map_err(SourceError::Rules)?;
    let listed = Arc::new(walk(&mut rules, &files.folder)?);
    report_of_package(warn, &listed);
    Ok(Arc::clone(known.listed.insert(listed)))
}

/// Where a package of a workspace is in it, with what it sees of the other files there: the folder of the workspace, the
/// package's path from there, and the files, whose paths start there too. `None` if it sees nothing.
fn around(
    warn: &dyn Fn(&str),
    files: &ProjectFiles,
    path: &str,
    folder: &Path,
    own: &[SourceEntry],
    known: &mut ReadPackages,
) -> Result<Option<(PathBuf, String, BTreeSet<SourceEntry>)>, CheckoutError> {
    let (root, member) = match &files.workspace {
        None if path.is_empty() || path.starts_with("..") || path.starts_with('/') => return Ok(None),
        None => (files.folder.clone(), Some(path.to_owned())),
        Some(root) => (root.clone(), inner(root, folder)?),
    };
    let Some(member) = member.filter(|member| !member.is_empty()) else { return Ok(None) };
    let mut wanted = reach::names(folder);
    wanted.extend(reach::links(folder, own.iter()));
    if wanted.is_empty() {
        return Ok(None);
    }
    let outside = match &files.workspace {
        None => reach::outside(&root, &member, &wanted, &listed(warn, files, known)?.entries),
        Some(_) => {
            let mut rules = SourceRules::new(&[], &[], None, &[]).map_err(SourceError::Rules)?;
            rules.leave_out_secrets(&files.manifest.include_secrets, &[]).map_err(SourceError::Rules)?;
            reach::outside(&root, &member, &wanted, &walk(&mut rules, &root)?.entries)
        }
    };
    Ok((!outside.is_empty()).then_some((root, member, outside)))
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
