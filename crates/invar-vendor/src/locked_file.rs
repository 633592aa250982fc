use std::collections::BTreeMap;
use std::fmt;

use invar_tree::Digest;

use crate::Check;

/// Whose lock it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ecosystem {
    /// npm: `package-lock.json`, `npm-shrinkwrap.json`.
    Npm,
    /// cargo: `Cargo.lock`.
    Cargo,
    /// pip: `requirements*.txt` with hashes.
    Pip,
}

impl fmt::Display for Ecosystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Npm => "npm",
            Self::Cargo => "cargo",
            Self::Pip => "pip",
        })
    }
}

/// One file that a lock names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LockedFile {
    /// The package's name, as its ecosystem writes it.
    pub name: String,
    /// The package's version.
    pub version: String,
    /// What the file is called; empty for pip, where the index says it. Two different files may be called the same.
    pub file_name: String,
    /// Where the file comes from.
    pub source: LockedFileSource,
    /// What the lock says about the file: one check of the strongest algorithm must hold.
    pub checks: Vec<Check>,
    /// pip: the digests of all files of this version that may be installed. One of them must hold.
    pub any_of: Vec<Digest>,
    /// pip: the marker after which the requirement counts at all, as the file has it.
    pub marker: Option<String>,
    /// npm: whether the tool goes on without the package.
    pub optional: bool,
    pub(crate) detail: Detail,
}

/// Where a file comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum LockedFileSource {
    /// The lock has the address.
    Url(String),
    /// A registry whose addresses the caller knows.
    Registry {
        /// cargo: the source as the lock has it, for example `sparse+https://mirror.example/index/`; empty for npm.
        index: String,
    },
    /// A Python package index: the caller looks for the files that [`LockedFile::any_of`] names.
    PythonIndex,
    /// cargo: a git repository. The file is a tar archive of the commit's files, perhaps compressed with gzip, as
    /// `git archive` writes it; that it belongs to the commit is for the caller to check.
    Git {
        /// The repository's address, without query and fragment.
        url: String,
        /// The commit, 40 or 64 hexadecimal digits.
        commit: String,
    },
}

/// What only this crate needs of an entry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Detail {
    /// The package's fields for a registry document, as JSON.
    Npm { manifest: String },
    /// Which reference a git source names: its kind (`rev`, `branch`, `tag`) and value.
    Cargo { reference: Option<(&'static str, String)> },
    /// Nothing.
    Pip,
}

impl LockedFile {
    pub(crate) fn new(
        name: &str,
        version: &str,
        file_name: String,
        source: LockedFileSource,
        detail: Detail,
    ) -> Self {
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            file_name,
            source,
            checks: Vec::new(),
            any_of: Vec::new(),
            marker: None,
            optional: false,
            detail,
        }
    }

    /// Whose lock named the file.
    pub fn ecosystem(&self) -> Ecosystem {
        match self.detail {
            Detail::Npm { .. } => Ecosystem::Npm,
            Detail::Cargo { .. } => Ecosystem::Cargo,
            Detail::Pip => Ecosystem::Pip,
        }
    }

    /// What to call the file in messages: its file name, or the package's name and version.
    pub fn label(&self) -> String {
        if self.file_name.is_empty() {
            format!("{} {}", self.name, self.version)
        } else {
            self.file_name.clone()
        }
    }
}

/// The most entries that a lock may have.
pub(crate) const MAX_ENTRIES: usize = 100_000;

/// Which registries the caller's configuration names. Nothing is built in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Registries {
    /// The address of npm's registry, with or without a slash at its end.
    pub npm: Option<String>,
    /// `dl` of the default cargo registry's `config.json`, or of a mirror of it; see [`cargo_download_url`].
    ///
    /// [`cargo_download_url`]: crate::cargo_download_url
    pub cargo: Option<String>,
    /// `dl` of other cargo registries, by the source as the lock has it.
    pub cargo_others: BTreeMap<String, String>,
}

/// Whether `url` is an address that can be downloaded, of printable ASCII, as locks write them.
pub(crate) fn is_http(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
        && url.bytes().all(|byte| byte.is_ascii_graphic())
}
