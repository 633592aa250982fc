//! The project's source, read from the disk as a tree below the project's folder in the image.
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Cursor, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use invar_project::{SourceEntry, SourceList, SourceRules};
use invar_tree::{
    ContentReader, Contents, Digest, Entry, Hasher, ImagePath, Mode, Node, Origin, Owner, Tree,
};

use crate::disk::walk;
use crate::output::{is_archive, is_own_gitignore, open_plain};
use crate::withheld::{Withheld, secret_in};
use crate::{CheckoutError, SourceError};

/// Files of the project, as a tree.
#[derive(Debug, Clone)]
pub struct SourceTree {
    pub(crate) folder: PathBuf,
    /// The folder of the tree that stands for `folder`, with a slash at its end, or nothing.
    pub(crate) prefix: String,
    /// The folder in the tree that has the package, where there is more in it; nothing for its own.
    pub(crate) subdirectory: String,
    pub(crate) tree: Tree,
}

impl SourceTree {
    /// Adds the files that `rules` and `wanted`, which is given paths relative to the folder, let in.
    pub(crate) fn add(
        &mut self,
        warn: &dyn Fn(&str),
        rules: &mut SourceRules,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Withheld, CheckoutError> {
        let mut listed = walk(rules, &self.folder)?;
        let withheld = Withheld::of(&listed, &wanted);
        listed.entries.retain(|entry| wanted(entry.path.as_str()));
        Ok(self.add_listed(warn, &listed.entries)?.and(withheld))
    }

    /// Adds all of `listed`.
    pub(crate) fn add_listed(
        &mut self,
        warn: &dyn Fn(&str),
        listed: &[SourceEntry],
    ) -> Result<Withheld, CheckoutError> {
        let mut withheld = Withheld::default();
        for entry in listed {
            if !entry.is_symlink && is_archive(&self.folder.join(entry.path.as_str())) {
                let path = &entry.path;
                warn(&format!("{path} is an image written by Invar, so it is not included as source"));
                continue;
            }
            if is_own_gitignore(&self.folder, entry.path.as_str()) {
                continue;
            }
            let place = entry.path.as_str();
            if entry.content_decides
                && let Some(kind) = secret_in(&self.folder.join(place), place)
            {
                withheld.secrets.push((place.to_owned(), kind));
                continue;
            }
            let is_text = self.is_our_text(place);
            let (node, mode) = read_entry(&self.folder, place, entry.is_symlink, is_text)?;
            if let Node::File { size, .. } = &node {
                withheld.note_size(place, *size);
            }
            let path = ImagePath::parse(&format!("{}{}", self.prefix, entry.path.as_str()));
            let path = path.map_err(|error| SourceError::Entry { message: error.to_string() })?;
            insert(&mut self.tree, path, node, mode)?;
        }
        Ok(withheld)
    }

    /// The files.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The folder in the tree that has the package; empty for its own.
    pub fn subdirectory(&self) -> &str {
        &self.subdirectory
    }

    /// Whether the file at `relative` is one that Invar reads as a text, and in which line ends have no meaning. A checkout
    /// with other line ends must not give another image, so they are in it with line feeds.
    fn is_our_text(&self, relative: &str) -> bool {
        let own = match self.subdirectory.as_str() {
            "" => Some(relative),
            inner => relative.strip_prefix(inner).and_then(|rest| rest.strip_prefix('/')),
        };
        own.is_some_and(|own| ["pyproject.toml", "invar.toml", "uv.lock"].contains(&own))
    }
}

impl Contents for SourceTree {
    fn open(&self, path: &ImagePath) -> io::Result<ContentReader<'_>> {
        let relative = path.as_str().strip_prefix(&self.prefix).ok_or(io::ErrorKind::NotFound)?;
        let file = open_plain(&self.folder.join(relative))?;
        if self.is_our_text(relative) {
            Ok(Box::new(Cursor::new(unix_lines(file)?)))
        } else {
            Ok(Box::new(file))
        }
    }
}

pub(crate) fn insert(tree: &mut Tree, path: ImagePath, node: Node, mode: Mode) -> Result<(), SourceError> {
    let entry = Entry { node, mode, owner: Owner::ROOT, origin: Arc::new(Origin::Source) };
    tree.insert(path, entry).map_err(|error| SourceError::Entry { message: error.to_string() })
}

/// The packages of a project that have been read, by their folders, and the project's files.
#[derive(Debug, Clone, Default)]
pub(crate) struct Packages {
    pub read: Arc<Mutex<ReadPackages>>,
}

#[derive(Debug, Default)]
pub(crate) struct ReadPackages {
    pub listed: Option<Arc<SourceList>>,
    pub sources: BTreeMap<String, Arc<SourceTree>>,
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

fn read_entry(
    folder: &Path,
    relative: &str,
    is_symlink: bool,
    is_text: bool,
) -> Result<(Node, Mode), SourceError> {
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
    if is_text {
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
