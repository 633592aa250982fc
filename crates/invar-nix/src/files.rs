//! The files an evaluation may read: a virtual root, so that no path of the host matters.
use std::rc::Rc;

/// What a path leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileKind {
    /// A file.
    Regular,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
}

impl FileKind {
    /// The word that `builtins.readDir` uses.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Regular => "regular",
            Self::Directory => "directory",
            Self::Symlink => "symlink",
        }
    }
}

/// Files by normalized absolute path inside a virtual root, such as `/project/flake.nix`.
pub trait Files {
    /// The content of a file, if it is there and is text.
    fn text(&self, path: &str) -> Option<Rc<str>>;

    /// What is at `path`, if anything is.
    fn kind(&self, path: &str) -> Option<FileKind>;

    /// The entries of a directory in any order, if it is one.
    fn list(&self, directory: &str) -> Option<Vec<(String, FileKind)>>;
}

/// No files at all: for expressions that stand alone.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoFiles;

impl Files for NoFiles {
    fn text(&self, _: &str) -> Option<Rc<str>> {
        None
    }

    fn kind(&self, _: &str) -> Option<FileKind> {
        None
    }

    fn list(&self, _: &str) -> Option<Vec<(String, FileKind)>> {
        None
    }
}

/// `path` without `.`, `..`, doubled and trailing slashes; `..` above the root stays at the root.
pub(crate) fn normalize(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => _ = parts.pop(),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// The directory that holds `path`, which is absolute and normalized.
pub(crate) fn directory(path: &str) -> &str {
    match path.rfind('/') {
        Some(0) | None => "/",
        Some(end) => &path[..end],
    }
}

/// The last part of `path`, as `builtins.baseNameOf` has it: one trailing slash does not count.
pub(crate) fn base_name(path: &str) -> &str {
    let path = path.strip_suffix('/').unwrap_or(path);
    path.rfind('/').map_or(path, |slash| &path[slash + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_normalized() {
        for (path, expected) in [("/", "/"), ("/a//b/", "/a/b"), ("/a/./../b", "/b"), ("/../..", "/")] {
            assert_eq!(normalize(path), expected, "{path}");
        }
        assert_eq!((directory("/a"), directory("/a/b"), base_name("/a/b/")), ("/", "/a", "b"));
    }
}
