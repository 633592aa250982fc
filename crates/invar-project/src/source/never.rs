//! What is never source: the traces of version control, of Python and its tools, and of desktops.
//!
//! Each of them differs from one checkout to the next while the author's files are the same.

/// Names of files and directories that are never source, at any depth.
pub(super) const NAMES: [&str; 17] = [
    ".DS_Store",
    ".bzr",
    ".eggs",
    ".git",
    ".hg",
    ".hypothesis",
    ".ipynb_checkpoints",
    ".jj",
    ".mypy_cache",
    ".nox",
    ".pytest_cache",
    ".ruff_cache",
    ".svn",
    ".tox",
    ".venv",
    "Thumbs.db",
    "__pycache__",
];

/// Ends of names: byte code, and the links that NFS and editors leave for a moment.
const SUFFIXES: [(&str, &str); 2] = [(".pyc", "*.pyc"), (".pyo", "*.pyo")];

/// The file that makes a directory a virtual environment (PEP 405).
pub(super) const ENVIRONMENT_MARKER: &str = "pyvenv.cfg";

/// The pattern under which `path` is never source.
pub(super) fn pattern(path: &str) -> Option<&'static str> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let suffix = SUFFIXES.iter().find(|(suffix, _)| name.ends_with(suffix)).map(|(_, pattern)| *pattern);
    suffix.or_else(|| NAMES.into_iter().find(|never| *never == name))
}
