//! The project's source, read from the disk as a tree below the project's folder in the image.
use std::fs::{self, File};
use std::io::{self, Cursor, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use invar_oci::FILE_TIME;
use invar_plan::PROJECT;
use invar_project::{EntryKind, Listing, ListingEntry, SourceRules, WalkError};
use invar_tree::{Contents, Digest, Entry, Hasher, ImagePath, Mode, Node, Opened, Origin, Owner, Tree};

use crate::project::ProjectFiles;
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

/// The project's files, as a tree.
#[derive(Debug)]
pub(crate) struct SourceTree {
    folder: PathBuf,
    tree: Tree,
}

impl SourceTree {
    /// Reads the source of `files`; `output`, where it is in the project's folder, is not source.
    pub fn read(
        session: &Session<'_>,
        files: &ProjectFiles,
        output: Option<&Path>,
    ) -> Result<Self, BuildError> {
        let folder = files.folder.clone();
        let dockerignore = read_text_if_there(&folder.join(".dockerignore"))?;
        let manifest = &files.manifest;
        let outputs = outputs(&folder, files.default_outputs(), output);
        let outputs: Vec<&str> = outputs.iter().map(String::as_str).collect();
        let mut rules =
            SourceRules::new(&manifest.include, &manifest.exclude, dockerignore.as_deref(), &outputs)
                .map_err(SourceError::Rules)?;
        let found = rules.walk(&Disk { folder: &folder }).map_err(|error| match error {
            WalkError::Listing(error) => error,
            other => SourceError::Entry { message: other.to_string() },
        })?;
        let mut tree = Tree::new();
        let origin = Arc::new(Origin::Source);
        let prefix = ImagePath::parse(PROJECT).expect("it is a relative path");
        let mut insert = |path: ImagePath, node: Node, mode: Mode| {
            let entry = Entry { node, mode, owner: Owner::ROOT, origin: Arc::clone(&origin) };
            tree.insert(path, entry).map_err(|error| SourceError::Entry { message: error.to_string() })
        };
        // Both are there even if nothing is in them: the program starts in the one, and people look into the other.
        for directory in [&prefix, &manifest.image.workdir] {
            insert(directory.clone(), Node::Directory, Mode::DIRECTORY)?;
        }
        for entry in &found.entries {
            if !entry.is_symlink && is_archive(&folder.join(entry.path.as_str())) {
                let path = &entry.path;
                let warning = format!("{path} is an image that Invar wrote, and so is not taken as source");
                session.reporter.event(&Event::Warning(&warning));
                continue;
            }
            let (node, mode) = read_entry(&folder, entry.path.as_str(), entry.is_symlink)?;
            let entry_path = prefix.join(entry.path.as_str());
            let entry_path = entry_path.map_err(|error| SourceError::Entry { message: error.to_string() })?;
            insert(entry_path, node, mode)?;
        }
        Ok(Self { folder, tree })
    }

    /// The files below the project's folder in the image.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }
}

impl Contents for SourceTree {
    fn open(&self, path: &ImagePath) -> io::Result<Opened<'_>> {
        let relative = path.as_str().strip_prefix(PROJECT).and_then(|rest| rest.strip_prefix('/'));
        let relative = relative.ok_or(io::ErrorKind::NotFound)?;
        let file = open_plain(&self.folder.join(relative))?;
        if is_our_text(relative) { Ok(Box::new(Cursor::new(unix_lines(file)?))) } else { Ok(Box::new(file)) }
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
fn is_archive(path: &Path) -> bool {
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

/// The text of a file, or `None` where there is no such file.
pub(crate) fn read_text_if_there(path: &Path) -> Result<Option<String>, BuildError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(BuildError::Read { path: path.to_owned(), source }),
    }
}

struct Disk<'a> {
    folder: &'a Path,
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
}
