//! Whether a lock belongs to a manifest.
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use invar_tree::Digest;
use pep440_rs::VersionSpecifiers;

use super::{ClosureName, InvarLock, Request};
use crate::{Configure, FetchUrl, Manifest, PackageRequest, Platform, SuiteName, Timestamp};

/// A difference between what a lock was created for and what the project asks for now.
///
/// Whatever the difference, `invar lock` ends it: [`LockPart::command`](super::LockPart::command).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Mismatch {
    /// A project where there was none, or none where there was one: an interpreter is wanted, or is not.
    #[error("{}", if *wanted { "[project] was added to pyproject.toml" } else { "[project] was removed from pyproject.toml" })]
    Python {
        /// Whether there is one.
        wanted: bool,
    },
    /// Another suite.
    #[error("`suite` was {} and is {}", or_unset(locked), or_unset(wanted))]
    Suite {
        /// What the lock was created for.
        locked: Option<SuiteName>,
        /// What the manifest says.
        wanted: Option<SuiteName>,
    },
    /// Other packages.
    #[error("`packages` changed: {}", Difference { added, removed })]
    Packages {
        /// What the manifest asks for in addition.
        added: BTreeSet<PackageRequest>,
        /// What it does not ask for any more.
        removed: BTreeSet<PackageRequest>,
    },
    /// Another base set.
    #[error("`base` changed")]
    Base,
    /// A shell or none.
    #[error("`shell` was {} and is {wanted}", !wanted)]
    Shell {
        /// What the manifest says.
        wanted: bool,
    },
    /// Documentation or none.
    #[error("`docs` was {} and is {wanted}", !wanted)]
    Docs {
        /// What the manifest says.
        wanted: bool,
    },
    /// Other platforms.
    #[error("`platforms` changed: {}", Difference { added, removed })]
    Platforms {
        /// What the manifest asks for in addition.
        added: BTreeSet<Platform>,
        /// What it does not ask for any more.
        removed: BTreeSet<Platform>,
    },
    /// A platform that was asked for but has no packages in the lock.
    #[error("invar.lock has no packages for {platform}")]
    PlatformMissing {
        /// The platform.
        platform: Platform,
    },
    /// Other versions of Python.
    #[error("`requires-python` was {} and is {}", or_unset(locked), or_unset(wanted))]
    RequiresPython {
        /// What the lock was created for.
        locked: Option<VersionSpecifiers>,
        /// What the project says.
        wanted: Option<VersionSpecifiers>,
    },
    /// Packages for something other than the image, of which the lock has nothing.
    #[error("invar.lock has no packages for {root}")]
    RootMissing {
        /// What they are for.
        root: ClosureName,
    },
    /// Other packages for something other than the image.
    #[error("the packages for {root} changed: {}", Difference { added, removed })]
    Root {
        /// What they are for.
        root: ClosureName,
        /// What the manifest asks for in addition.
        added: BTreeSet<PackageRequest>,
        /// What it does not ask for any more.
        removed: BTreeSet<PackageRequest>,
    },
    /// A file for a step that neither the manifest nor the lock has a sha256 for.
    #[error("invar.lock has no sha256 for {url}")]
    FetchMissing {
        /// Its address.
        url: FetchUrl,
    },
    /// A file for a step of which the manifest says something else than the lock.
    #[error("the sha256 of {url} was {} and is {}", locked.hex(), wanted.hex())]
    Fetch {
        /// Its address.
        url: FetchUrl,
        /// What the lock says.
        locked: Digest,
        /// What the manifest says.
        wanted: Digest,
    },
    /// Another time.
    #[error("`snapshot` was {} and is {}", or_unset(locked), or_unset(wanted))]
    Snapshot {
        /// What the lock was created for.
        locked: Option<Timestamp>,
        /// What the manifest says.
        wanted: Option<Timestamp>,
    },
}

fn or_unset(value: &Option<impl fmt::Display>) -> String {
    value.as_ref().map_or_else(|| "not set".to_owned(), |value| format!("\"{value}\""))
}

/// What came and went, in words.
struct Difference<'a, T> {
    added: &'a BTreeSet<T>,
    removed: &'a BTreeSet<T>,
}

impl<T: fmt::Display> fmt::Display for Difference<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = |items: &BTreeSet<T>, what: &str| {
            let names: Vec<String> = items.iter().map(ToString::to_string).collect();
            (!names.is_empty()).then(|| format!("{} {what}", names.join(", ")))
        };
        let both: Vec<String> =
            [words(self.added, "added"), words(self.removed, "removed")].into_iter().flatten().collect();
        f.write_str(&both.join("; "))
    }
}

impl Request {
    /// What `manifest` asks of Debian.
    pub fn of(manifest: &Manifest) -> Self {
        Self {
            suite: manifest.suite.clone(),
            packages: manifest.packages.iter().cloned().collect(),
            base: manifest.base.as_ref().map(|base| base.iter().cloned().collect()),
            shell: manifest.shell,
            docs: manifest.docs,
            platforms: platforms(manifest),
            requires_python: manifest.project.as_ref().and_then(|project| project.requires_python.clone()),
            snapshot: manifest.snapshot,
        }
    }

    /// What `manifest` asks of Debian for everything other than its image: for each step that is run, for the author's
    /// shell, for each Python package whose build has Debian packages or patches of its own, for maintainer scripts if
    /// any are run, and for each additional image with Debian packages of its own.
    ///
    /// An additional image asks for its packages, and for its shell and its base set if those are its own. What Python packages without
    /// Debian packages of their own need for their build is not here: the manifest alone does not say which are built.
    pub fn roots(manifest: &Manifest) -> BTreeMap<ClosureName, BTreeSet<PackageRequest>> {
        let requests = |packages: &[PackageRequest]| packages.iter().cloned().collect::<BTreeSet<_>>();
        let mut roots = BTreeMap::new();
        for step in manifest.steps.iter().filter(|step| step.run.is_some()) {
            roots.insert(ClosureName::step(&step.name), requests(&step.packages));
        }
        roots.insert(ClosureName::shell(), requests(&manifest.dev_shell.packages));
        for (name, of) in manifest.python.overrides.iter().filter(|(_, of)| of.has_root()) {
            let mut request = requests(&of.packages);
            if !of.patches.is_empty() {
                let patch = "patch".parse().expect("it is a package's name");
                request.insert(PackageRequest { name: patch, version: None });
            }
            roots.insert(ClosureName::python_package(name), request);
        }
        if manifest.configure != Configure::Native {
            roots.insert(ClosureName::scripts(), BTreeSet::new());
        }
        for (key, image) in manifest.images.iter().filter(|(_, image)| image.contents.has_own_packages()) {
            let Some(own) = manifest.image(key.as_str()) else { continue };
            let mut request = requests(&own.packages);
            // The project's own shell is locked with the project's own image; where this one differs, its packages say so.
            if own.shell && image.contents.shell.is_some() {
                let dash = "dash".parse().expect("it is a package's name");
                request.insert(PackageRequest { name: dash, version: None });
            }
            let base = image.contents.base.iter().flatten().cloned();
            request.extend(base.map(|name| PackageRequest { name, version: None }));
            roots.insert(ClosureName::image(key), request);
        }
        roots
    }
}

/// The platforms of the project's own image and of its additional ones: one lock is for all of them.
fn platforms(manifest: &Manifest) -> BTreeSet<Platform> {
    let further = manifest.images.values().filter_map(|image| image.image.platforms.as_ref());
    manifest.image.platforms.iter().chain(further.flatten()).copied().collect()
}

impl InvarLock {
    /// Compares what the lock was created for with what the project asks for now; empty if they match.
    ///
    /// `manifest` is the project's own, not that of one of its [additional images](Manifest::image). What Python packages
    /// are built with is not looked at: that depends on `uv.lock` too.
    pub fn check(&self, manifest: &Manifest) -> Vec<Mismatch> {
        let (locked, wanted) = (&self.request, Request::of(manifest));
        let mut found = Vec::new();
        let python = manifest.project.is_some();
        if python != self.interpreter.is_some() {
            found.push(Mismatch::Python { wanted: python });
        }
        if locked.suite != wanted.suite {
            found.push(Mismatch::Suite { locked: locked.suite.clone(), wanted: wanted.suite });
        }
        if locked.packages != wanted.packages {
            let added = wanted.packages.difference(&locked.packages).cloned().collect();
            let removed = locked.packages.difference(&wanted.packages).cloned().collect();
            found.push(Mismatch::Packages { added, removed });
        }
        if locked.base != wanted.base {
            found.push(Mismatch::Base);
        }
        if locked.shell != wanted.shell {
            found.push(Mismatch::Shell { wanted: wanted.shell });
        }
        if locked.docs != wanted.docs {
            found.push(Mismatch::Docs { wanted: wanted.docs });
        }
        if locked.platforms != wanted.platforms {
            let added = wanted.platforms.difference(&locked.platforms).copied().collect();
            let removed = locked.platforms.difference(&wanted.platforms).copied().collect();
            found.push(Mismatch::Platforms { added, removed });
        }
        for &platform in wanted.platforms.intersection(&locked.platforms) {
            if !self.platforms.contains_key(&platform) {
                found.push(Mismatch::PlatformMissing { platform });
            }
        }
        if locked.requires_python != wanted.requires_python {
            let locked = locked.requires_python.clone();
            found.push(Mismatch::RequiresPython { locked, wanted: wanted.requires_python });
        }
        if locked.snapshot != wanted.snapshot {
            found.push(Mismatch::Snapshot { locked: locked.snapshot, wanted: wanted.snapshot });
        }
        for (root, wanted) in Request::roots(manifest) {
            found.extend(self.check_root(&root, &wanted));
        }
        found.extend(self.check_fetches(manifest));
        found
    }

    /// What is wrong with one root on the first platform where something is: the others were locked with it.
    fn check_root(&self, root: &ClosureName, wanted: &BTreeSet<PackageRequest>) -> Option<Mismatch> {
        self.platforms.values().find_map(|platform| {
            let Some(locked) = platform.roots.get(root) else {
                return Some(Mismatch::RootMissing { root: root.clone() });
            };
            if locked.request == *wanted {
                return None;
            }
            let added = wanted.difference(&locked.request).cloned().collect();
            let removed = locked.request.difference(wanted).cloned().collect();
            Some(Mismatch::Root { root: root.clone(), added, removed })
        })
    }

    /// What the lock does not know about the files of build steps, or knows otherwise. Each file once.
    fn check_fetches(&self, manifest: &Manifest) -> Vec<Mismatch> {
        // Of several steps that fetch one file it is enough that one of them says its sha256.
        let mut wanted: BTreeMap<&FetchUrl, Option<Digest>> = BTreeMap::new();
        for fetch in manifest.steps.iter().flat_map(|step| &step.fetch) {
            let known = wanted.entry(&fetch.url).or_default();
            *known = known.or(fetch.sha256);
        }
        let mismatch = |(url, wanted): (&FetchUrl, Option<Digest>)| {
            let url = url.clone();
            match (self.fetches.get(url.as_str()).map(|fetch| fetch.sha256), wanted) {
                (Some(locked), Some(wanted)) if locked != wanted => {
                    Some(Mismatch::Fetch { url, locked, wanted })
                }
                (None, None) => Some(Mismatch::FetchMissing { url }),
                (Some(_), _) | (None, Some(_)) => None,
            }
        };
        wanted.into_iter().filter_map(mismatch).collect()
    }
}
