//! The locks of manifests that are derived from a Dockerfile or a flake, and the file that holds them; the form is in the
//! documentation of the module above.
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use invar_tree::Digest;

use super::{InvarLock, PhraseError};

/// What a manifest is derived for. One name in a flake may mean different outputs: `nix build` looks for a package,
/// `nix run` for an app first, `nix develop` for a shell first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// To build an image.
    Build,
    /// To run its command.
    Run,
    /// To work in its shell.
    Shell,
}

impl Purpose {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Build, Self::Run, Self::Shell];
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Build => "build",
            Self::Run => "run",
            Self::Shell => "shell",
        })
    }
}

impl std::str::FromStr for Purpose {
    type Err = PhraseError;

    fn from_str(text: &str) -> Result<Self, PhraseError> {
        let found = Self::ALL.into_iter().find(|purpose| purpose.to_string() == text);
        found.ok_or_else(|| PhraseError {
            text: text.to_owned(),
            expected: "\"build\", \"run\" and \"shell\"",
        })
    }
}

/// What a manifest is derived from: a file, and what of it is meant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DerivedSource {
    /// The Dockerfile or flake, relative to the project's folder, with `/` between names.
    pub file: String,
    /// The output of the flake or the stage of the Dockerfile; `None` if nobody named one.
    pub output: Option<String>,
}

impl fmt::Display for DerivedSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        self.output.as_ref().map_or(Ok(()), |output| write!(f, "#{output}"))
    }
}

/// A manifest that was derived, and what it depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DerivedManifest {
    /// What it was derived from.
    pub source: DerivedSource,
    /// What it is used for: the same source gave the same manifest for all of these.
    pub purposes: BTreeSet<Purpose>,
    /// sha256 of each file that was read, the source's own among them, by paths relative to the project's folder.
    pub files: BTreeMap<String, Digest>,
    /// sha256 of the part of `pyproject.toml` that the manifest depends on; `None` without one.
    pub project: Option<Digest>,
    /// sha256 of the `uv.lock` that was read, to know fast that the manifest depends on nothing new; `None` without one.
    pub uv_lock: Option<Digest>,
    /// The manifest in the form of an `invar.toml`, with its comments.
    pub text: String,
}

/// A derived manifest and its lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DerivedLock {
    /// The manifest.
    pub manifest: DerivedManifest,
    /// Its lock.
    pub lock: InvarLock,
}

/// All that an `invar.lock` holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LockFile {
    /// The lock of the project's own manifest.
    Own(Box<InvarLock>),
    /// The locks of a project without one, each for what its manifest is derived from. In the order of their sources and
    /// purposes; no two have a source and a purpose in common.
    Derived(Vec<DerivedLock>),
}

impl LockFile {
    /// The lock of the project's own manifest.
    pub fn own(&self) -> Option<&InvarLock> {
        match self {
            Self::Own(lock) => Some(lock),
            Self::Derived(_) => None,
        }
    }

    /// All derived manifests with their locks.
    pub fn derived(&self) -> &[DerivedLock] {
        match self {
            Self::Own(_) => &[],
            Self::Derived(all) => all,
        }
    }

    /// The manifest that was derived from `source` for `purpose`, and its lock.
    pub fn find(&self, source: &DerivedSource, purpose: Purpose) -> Option<&DerivedLock> {
        self.derived()
            .iter()
            .find(|one| one.manifest.source == *source && one.manifest.purposes.contains(&purpose))
    }

    /// All locks.
    pub fn locks(&self) -> impl Iterator<Item = &InvarLock> {
        self.own().into_iter().chain(self.derived().iter().map(|one| &one.lock))
    }

    /// What the file holds after `new` was locked: it takes the place of what was known for its source and purposes.
    ///
    /// A lock of the project's own manifest is not kept: a project has such a manifest, or manifests are derived for it.
    #[must_use]
    pub fn with(&self, new: DerivedLock) -> Self {
        let mut all = Vec::new();
        for old in self.derived() {
            let mut old = old.clone();
            if old.manifest.source == new.manifest.source {
                old.manifest.purposes.retain(|purpose| !new.manifest.purposes.contains(purpose));
            }
            if !old.manifest.purposes.is_empty() {
                all.push(old);
            }
        }
        all.push(new);
        all.sort_by(|one, two| {
            let key = |lock: &DerivedLock| (lock.manifest.source.clone(), lock.manifest.purposes.clone());
            key(one).cmp(&key(two))
        });
        Self::Derived(all)
    }
}
