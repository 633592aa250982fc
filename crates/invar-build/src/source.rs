//! The project's source, read from the disk as a tree below the project's folder in the image.
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Cursor, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use invar_oci::FILE_TIME;
use invar_plan::PROJECT;
use invar_project::{
    EntryKind, Glob, Identity, Listing, ListingEntry, SourceList, SourceRules, StepName, User, WalkError,
};
use invar_tree::{Contents, Digest, Entry, Hasher, ImagePath, Mode, Node, Opened, Origin, Owner, Tree};

use crate::project::ProjectFiles;
use crate::workspace::add_gitignores;
use crate::{BuildError, Event, Session};

/// Why the source cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The rules cannot be used.
    #[error(transparent)]
    Rules(#[from] invar_project::SourceError),
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A name is not UTF-8.
    #[error("{} is not UTF-8: rename it, or exclude it", path.display())]
    NotUtf8 {
        /// The file.
        path: PathBuf,
    },
    /// Something cannot be in an image.
    #[error("{message}")]
    Entry {
        /// What, and why.
        message: String,
    },
    /// A symbolic link leads out of the project.
    #[error(
        "{path} is a link to {target:?}, which is outside the project: exclude it, or put the file in its place"
    )]
    LinkOut {
        /// The link, relative to the project.
        path: String,
        /// Its target.
        target: String,
    },
}

/// Files of the project, as a tree.
#[derive(Debug)]
pub(crate) struct SourceTree {
    folder: PathBuf,
    /// The folder of the tree that stands for `folder`, with a slash at its end, or nothing.
    prefix: String,
    tree: Tree,
}

impl SourceTree {
    /// Reads what the image gets of the source of `files`; `output`, where it is in the project's folder, is not
    /// source.
    pub fn read(
        session: &Session<'_>,
        files: &ProjectFiles,
        output: Option<&Path>,
    ) -> Result<Self, BuildError> {
        let manifest = &files.manifest;
        let mut tree = Tree::new();
        let prefix = ImagePath::parse(PROJECT).expect("it is a relative path");
        // Both are there even if nothing is in them: the program starts in the one, and people look into the other.
        for directory in [&prefix, &manifest.image.workdir] {
            if !manifest.image.directories.contains(directory) {
                insert(&mut tree, directory.clone(), Node::Directory, Mode::DIRECTORY)?;
            }
        }
        let (owner, mode) = writable(manifest.image.user.as_ref());
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
        source.add(session, &mut rules, |_| true)?;
        Ok(source)
    }

    /// Reads what a step is made from. Files that git ignores are not there even if a pattern matches them, since they
    /// are what other tools have left; what keeps files out of the image has no say.
    pub fn of_step(
        session: &Session<'_>,
        files: &ProjectFiles,
        step: &StepName,
        inputs: &[Glob],
    ) -> Result<Self, BuildError> {
        let mut source = Self { folder: files.folder.clone(), prefix: String::new(), tree: Tree::new() };
        if inputs.is_empty() {
            return Ok(source);
        }
        let wanted = rules(files, inputs, &[], None, None)?;
        let mut all = rules(files, &[], &[], None, None)?;
        source.add(session, &mut all, |path| wanted.decide(path, false).is_source())?;
        for input in inputs {
            let one = rules(files, std::slice::from_ref(input), &[], None, None)?;
            let mut found = source.tree.iter().filter(|(_, entry)| !entry.is_directory());
            if !found.any(|(path, _)| one.decide(path.as_str(), false).is_source()) {
                return Err(BuildError::NoInput { step: step.to_string(), input: input.to_string() });
            }
        }
        Ok(source)
    }

    /// The package in the folder `path`, relative to the project. It is read once for `files`, however often it is asked
    /// for: keys, builds and layers see the same files.
    pub fn of_package(
        session: &Session<'_>,
        files: &ProjectFiles,
        path: &str,
    ) -> Result<Arc<Self>, BuildError> {
        let path = path.trim_start_matches("./").trim_end_matches('/');
        let path = if path == "." { "" } else { path };
        let mut known = files.packages.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(source) = known.sources.get(path) {
            return Ok(Arc::clone(source));
        }
        let source = if path.starts_with("..") || path.starts_with('/') {
            Self::beside(session, files, path)?
        } else {
            let listed = match &known.listed {
                Some(listed) => Arc::clone(listed),
                None => {
                    let dockerignore = read_text_if_there(&files.folder.join(".dockerignore"))?;
                    let exclude = &files.manifest.exclude;
                    let mut rules = rules(files, &[], exclude, dockerignore.as_deref(), None)?;
                    Arc::clone(known.listed.insert(Arc::new(walk(&mut rules, &files.folder)?)))
                }
            };
            Self::inside(session, files, path, &listed)?
        };
        let source = Arc::new(source);
        known.sources.insert(path.to_owned(), Arc::clone(&source));
        Ok(source)
    }

    /// Reads a package beside the project, with ignore files of its own.
    fn beside(session: &Session<'_>, files: &ProjectFiles, path: &str) -> Result<Self, BuildError> {
        let folder = files.folder.join(path);
        let mut source = Self { folder, prefix: String::new(), tree: Tree::new() };
        let dockerignore = read_text_if_there(&source.folder.join(".dockerignore"))?;
        let mut rules =
            SourceRules::new(&[], &[], dockerignore.as_deref(), &[]).map_err(SourceError::Rules)?;
        if let Some(root) = &files.workspace {
            add_gitignores(&mut rules, root, &source.folder)?;
        }
        source.add(session, &mut rules, |_| true)?;
        Ok(source)
    }

    /// Reads a package in the project, of whose files `listed` are source.
    fn inside(
        session: &Session<'_>,
        files: &ProjectFiles,
        path: &str,
        listed: &SourceList,
    ) -> Result<Self, BuildError> {
        let mut whole = Self { folder: files.folder.clone(), prefix: String::new(), tree: Tree::new() };
        if path.is_empty() {
            whole.add_listed(session, listed, |_| true)?;
            return Ok(whole);
        }
        let inner = format!("{path}/");
        whole.add_listed(session, listed, |file| file.starts_with(&inner))?;
        let mut tree = Tree::new();
        for (file, entry) in whole.tree.iter() {
            let Some(relative) = file.as_str().strip_prefix(&inner) else { continue };
            let relative = ImagePath::parse(relative).expect("the end of a path is one");
            insert(&mut tree, relative, entry.node.clone(), entry.mode)?;
        }
        Ok(Self { folder: files.folder.join(path), prefix: String::new(), tree })
    }

    /// Adds the files that `rules` and `wanted`, which is given paths relative to the folder, let in.
    fn add(
        &mut self,
        session: &Session<'_>,
        rules: &mut SourceRules,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<(), BuildError> {
        let listed = walk(rules, &self.folder)?;
        self.add_listed(session, &listed, wanted)
    }

    /// Adds those of `listed` that `wanted` lets in.
    fn add_listed(
        &mut self,
        session: &Session<'_>,
        listed: &SourceList,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<(), BuildError> {
        for entry in listed.entries.iter().filter(|entry| wanted(entry.path.as_str())) {
            if !entry.is_symlink && is_archive(&self.folder.join(entry.path.as_str())) {
                let path = &entry.path;
                let warning = format!("{path} is an image that Invar wrote, and so is not taken as source");
                session.reporter.event(&Event::Warning(&warning));
                continue;
            }
            let (node, mode) = read_entry(&self.folder, entry.path.as_str(), entry.is_symlink)?;
            let path = ImagePath::parse(&format!("{}{}", self.prefix, entry.path.as_str()));
            let path = path.map_err(|error| SourceError::Entry { message: error.to_string() })?;
            insert(&mut self.tree, path, node, mode)?;
        }
        Ok(())
    }

    /// The files.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }
}

impl Contents for SourceTree {
    fn open(&self, path: &ImagePath) -> io::Result<Opened<'_>> {
        let relative = path.as_str().strip_prefix(&self.prefix).ok_or(io::ErrorKind::NotFound)?;
        let file = open_plain(&self.folder.join(relative))?;
        if is_our_text(relative) { Ok(Box::new(Cursor::new(unix_lines(file)?))) } else { Ok(Box::new(file)) }
    }
}

/// The owner and mode of a directory that `user` can write to. Whose number a name has is known only in the image, so
/// there a directory is as `/tmp` is.
fn writable(user: Option<&User>) -> (Owner, Mode) {
    match user {
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

fn insert(tree: &mut Tree, path: ImagePath, node: Node, mode: Mode) -> Result<(), SourceError> {
    let entry = Entry { node, mode, owner: Owner::ROOT, origin: Arc::new(Origin::Source) };
    tree.insert(path, entry).map_err(|error| SourceError::Entry { message: error.to_string() })
}

/// The packages of a project that have been read, by their folders, and the project's files.
#[derive(Debug, Clone, Default)]
pub(crate) struct Packages {
    read: Arc<Mutex<ReadPackages>>,
}

#[derive(Debug, Default)]
struct ReadPackages {
    listed: Option<Arc<SourceList>>,
    sources: BTreeMap<String, Arc<SourceTree>>,
}

/// The files in `folder` that `rules` let in.
fn walk(rules: &mut SourceRules, folder: &Path) -> Result<SourceList, SourceError> {
    rules.walk(&Disk { folder }).map_err(walk_error)
}

/// Rules for the files of a project.
fn rules(
    files: &ProjectFiles,
    include: &[Glob],
    exclude: &[Glob],
    dockerignore: Option<&str>,
    output: Option<&Path>,
) -> Result<SourceRules, BuildError> {
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
pub(crate) fn files_of_checkout(files: &ProjectFiles) -> Result<BTreeSet<String>, BuildError> {
    let dockerignore = read_text_if_there(&files.folder.join(".dockerignore"))?;
    let include: &[Glob] = files.manifest.include.as_deref().unwrap_or_default();
    let mut all = vec![rules(files, &[], &[], None, None)?];
    if !include.is_empty() {
        all.push(rules(files, include, &files.manifest.exclude, dockerignore.as_deref(), None)?);
    }
    let mut paths = BTreeSet::new();
    for mut rules in all {
        let found = rules.walk(&Disk { folder: &files.folder }).map_err(walk_error)?;
        paths.extend(found.entries.into_iter().map(|entry| entry.path.as_str().to_owned()));
    }
    Ok(paths)
}

fn walk_error(error: WalkError<SourceError>) -> SourceError {
    match error {
        WalkError::Listing(error) => error,
        other => SourceError::Entry { message: other.to_string() },
    }
}

/// The files of the project that Invar reads as texts, and in which line ends have no meaning. A checkout with other
/// line ends must not give another image, so they are in it with line feeds.
fn is_our_text(relative: &str) -> bool {
    ["pyproject.toml", "invar.toml", "uv.lock"].contains(&relative)
}

fn unix_lines(mut file: File) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    file.read_to_end(&mut text)?;
    let mut lines = Vec::with_capacity(text.len());
    for (index, &byte) in text.iter().enumerate() {
        if byte != b'\r' || text.get(index + 1) != Some(&b'\n') {
            lines.push(byte);
        }
    }
    Ok(lines)
}

/// Whether the file at `path` is an archive that a build wrote, under whatever name: taken as source, each build would
/// pack the one before.
pub fn is_archive(path: &Path) -> bool {
    let first_member = || -> io::Result<bool> {
        let mut header = [0; 512];
        open_plain(path)?.read_exact(&mut header)?;
        let time = format!("{FILE_TIME:011o}");
        Ok(header.starts_with(b"oci-layout\0") && header[136..147] == *time.as_bytes())
    };
    path.extension().is_some_and(|extension| extension == "tar") && first_member().unwrap_or(false)
}

/// Opens a file that was a plain one when the folder was listed; should it have become a link since, this fails.
fn open_plain(path: &Path) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags, open};
    Ok(open(path, OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?.into())
}

fn read_entry(folder: &Path, relative: &str, is_symlink: bool) -> Result<(Node, Mode), SourceError> {
    let path = folder.join(relative);
    let failed = |source| SourceError::Read { path: path.clone(), source };
    if is_symlink {
        let target = fs::read_link(&path).map_err(failed)?;
        let target = target.to_str().ok_or_else(|| SourceError::NotUtf8 { path: path.clone() })?;
        if leads_out(relative, target) {
            return Err(SourceError::LinkOut { path: relative.to_owned(), target: target.to_owned() });
        }
        return Ok((Node::Symlink { target: target.into() }, Mode::SYMLINK));
    }
    let mut file = open_plain(&path).map_err(failed)?;
    let mode = file.metadata().map_err(failed)?.permissions().mode();
    let mut hasher = Hasher::new();
    if is_our_text(relative) {
        hasher.update(&unix_lines(file).map_err(failed)?);
    } else {
        io::copy(&mut file, &mut hasher).map_err(failed)?;
    }
    let (size, digest): (u64, Digest) = (hasher.length(), hasher.finish());
    // Only the executable bit is the project's, and all that git keeps; the rest is the umask of a checkout.
    let mode = if mode & 0o111 == 0 { Mode::FILE } else { Mode::PROGRAM };
    Ok((Node::File { size, digest }, mode))
}

/// Whether a link at `relative`, a path in the project, leads out of the project.
fn leads_out(relative: &str, target: &str) -> bool {
    if target.starts_with('/') {
        return true;
    }
    let mut depth = relative.matches('/').count();
    for name in target.split('/') {
        match name {
            "" | "." => {}
            ".." if depth == 0 => return true,
            ".." => depth -= 1,
            _ => depth += 1,
        }
    }
    false
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

/// The text of a file, or `None` if it does not exist.
pub(crate) fn read_text_if_there(path: &Path) -> Result<Option<String>, BuildError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(BuildError::Read { path: path.to_owned(), source }),
    }
}

/// The plain files in `folder` that are source by the rules for a project without a manifest, by path.
///
/// # Errors
/// [`SourceError`].
pub fn source_files(folder: &Path) -> Result<Vec<String>, SourceError> {
    let mut rules = SourceRules::new(&[], &[], None, &[]).map_err(SourceError::Rules)?;
    let found = rules.walk(&Disk { folder }).map_err(|error| match error {
        WalkError::Listing(error) => error,
        other => SourceError::Entry { message: other.to_string() },
    })?;
    let files = found.entries.into_iter().filter(|entry| !entry.is_symlink);
    Ok(files.map(|entry| entry.path.as_str().to_owned()).collect())
}

/// A project's folder on the disk, as [`SourceRules::walk`] sees it.
#[derive(Debug, Clone, Copy)]
pub struct Disk<'a> {
    /// The folder.
    pub folder: &'a Path,
}

impl Listing for Disk<'_> {
    type Error = SourceError;

    fn entries(&self, directory: &str) -> Result<Vec<ListingEntry>, SourceError> {
        let folder = self.folder.join(directory);
        let failed = |source| SourceError::Read { path: folder.clone(), source };
        #[expect(clippy::disallowed_methods, reason = "the walk sorts what it is given")]
        let listed = fs::read_dir(&folder).map_err(failed)?;
        let mut entries = Vec::new();
        for entry in listed {
            let entry = entry.map_err(failed)?;
            let kind = entry.file_type().map_err(failed)?;
            let kind = if kind.is_symlink() {
                EntryKind::Symlink
            } else if kind.is_dir() {
                EntryKind::Directory
            } else if kind.is_file() {
                EntryKind::File
            } else {
                EntryKind::Other
            };
            let name =
                entry.file_name().into_string().map_err(|_| SourceError::NotUtf8 { path: entry.path() })?;
            entries.push(ListingEntry { name, kind });
        }
        Ok(entries)
    }

    fn gitignore(&self, directory: &str) -> Result<String, SourceError> {
        let path = self.folder.join(directory).join(".gitignore");
        let bytes = fs::read(&path).map_err(|source| SourceError::Read { path, source })?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_must_stay_inside() {
        for (link, target, out) in [
            ("a", "b", false),
            ("a", "../b", true),
            ("x/a", "../b", false),
            ("x/a", "../../b", true),
            ("x/a", "y/../../../b", true),
            ("a", "/etc/passwd", true),
            ("a", "./x/..", false),
        ] {
            assert_eq!(leads_out(link, target), out, "{link} -> {target}");
        }
    }

    #[test]
    fn a_name_has_no_number_yet() {
        let check = |user: &str, owner: (u32, u32), mode| {
            let user: User = user.parse().expect("it is a user");
            assert_eq!(writable(Some(&user)), (Owner { uid: owner.0, gid: owner.1 }, Mode::new(mode)));
        };
        check("1000", (1000, 0), 0o755);
        check("1000:1001", (1000, 1001), 0o755);
        check("1000:staff", (1000, 0), 0o755);
        check("nobody", (0, 0), 0o1777);
        assert_eq!(writable(None), (Owner::ROOT, Mode::DIRECTORY));
    }
}
