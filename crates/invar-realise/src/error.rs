use std::io;
use std::path::PathBuf;

use invar_checkout::CheckoutError;
use invar_diagnostic::{Diagnostic, Hint, Kind, sentence};
use invar_fetch::FetchError;
use invar_store::StoreError;
use invar_tree::{Digest, SinkError};

/// Why a tree cannot be had: not fetched, not checked, not unpacked, or not kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RealiseError {
    /// A file of the project cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Bytes cannot be kept in the store.
    #[error("cannot write to the store")]
    Write(#[source] io::Error),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file in the store is not what its name says: it was damaged after it had been checked.
    #[error("{digest} in the store is damaged")]
    Damaged {
        /// The file's digest, as it should be.
        digest: Digest,
    },
    /// A download failed.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// A file has the digest that the lock states, and another size.
    #[error("{label} has {expected} bytes in the lock, but the file with that digest has {found}")]
    Size {
        /// The package or wheel.
        label: String,
        /// The size that the lock states, in bytes.
        expected: u64,
        /// The size of the file, in bytes.
        found: u64,
    },
    /// A package is damaged although its hash is right.
    #[error("cannot unpack the package {label}")]
    Package {
        /// The package.
        label: String,
        /// Why not.
        #[source]
        source: Box<invar_debian::DebError>,
    },
    /// A package is not the one that the lock names.
    #[error("the file of {label} contains {found} instead")]
    OtherPackage {
        /// The package that the lock names.
        label: String,
        /// What is in the file.
        found: String,
    },
    /// A wheel is damaged although its hash is right.
    #[error("cannot install the wheel {label}")]
    Wheel {
        /// The wheel.
        label: String,
        /// Why not.
        #[source]
        source: Box<invar_python::WheelError>,
    },
    /// A source archive is damaged, or not what such an archive may be, although its hash is right.
    #[error("cannot unpack the source archive {label}")]
    Sdist {
        /// The archive.
        label: String,
        /// Why not.
        #[source]
        source: Box<invar_python::SdistError>,
    },
    /// A commit cannot be fetched or read.
    #[error("{label}: {problem}")]
    Git {
        /// The repository and the commit.
        label: String,
        /// What went wrong.
        problem: String,
    },
    /// A source is not what `invar.lock` says.
    #[error("{label} has the digest {found}, but invar.lock has {expected}")]
    SourceChanged {
        /// The source.
        label: String,
        /// The digest of the lock.
        expected: Digest,
        /// The digest of what was fetched.
        found: Digest,
    },
    /// The archives cannot be used.
    #[error(transparent)]
    Suite(#[from] SuiteError),
    /// What another tool's lock names cannot be had.
    #[error(transparent)]
    Vendor(#[from] VendorError),
    /// The project cannot be read.
    #[error(transparent)]
    Checkout(#[from] CheckoutError),
}

/// Why a suite of an archive cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SuiteError {
    /// A suite's signed index cannot be trusted.
    #[error("cannot trust the suite {suite} from {url}")]
    Untrusted {
        /// The suite.
        suite: String,
        /// Where its index came from.
        url: String,
        /// Why not.
        #[source]
        source: Box<invar_apt::SignatureError>,
    },
    /// No mirror has the suite.
    #[error("no suite {suite} at {url}{}", nearest.as_deref().map(|name| format!("; did you mean {name}?")).unwrap_or_default())]
    NoSuite {
        /// The suite.
        suite: String,
        /// Where it was looked for.
        url: String,
        /// A known suite with a similar name.
        nearest: Option<String>,
    },
    /// A suite's index is signed but not what was asked for.
    #[error("the suite {suite} from {url} {problem}")]
    Unexpected {
        /// The suite.
        suite: String,
        /// Where its index came from.
        url: String,
        /// What is wrong, as the end of a sentence.
        problem: String,
    },
    /// A package index cannot be read although its hash is right.
    #[error("cannot read the package index of {suite}")]
    Index {
        /// The suite.
        suite: String,
        /// Why not.
        #[source]
        source: Box<invar_apt::IndexError>,
    },
}

/// Why the files that another tool's lock names cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VendorError {
    /// Another tool's lock cannot be used.
    #[error("cannot use {file}")]
    Lock {
        /// The lock, or one of its files.
        file: String,
        /// Why not.
        #[source]
        source: Box<invar_vendor::VendorError>,
    },
    /// It is not known where a file of another tool's lock is.
    #[error("no URL for {file}: the lock has none, and no registry is configured on this machine")]
    NoRegistry {
        /// The file.
        file: String,
    },
    /// No index has a file that a requirements file names.
    #[error("no Python package index has a file for {requirement} with one of the locked hashes")]
    NoPipFile {
        /// The requirement.
        requirement: String,
    },
}

impl RealiseError {
    /// Whether this may come from something in the store that is not what it was when it was stored.
    pub fn may_be_damage(&self) -> bool {
        matches!(
            self,
            Self::Damaged { .. } | Self::Store(StoreError::Damaged { .. } | StoreError::Missing { .. })
        )
    }
}

impl Diagnostic for RealiseError {
    fn kind(&self) -> Kind {
        match self {
            Self::Read { .. } => Kind::Input,
            Self::Git { .. } => Kind::Network,
            Self::Fetch(error) => error.kind(),
            Self::Suite(error) => error.kind(),
            Self::Vendor(error) => error.kind(),
            Self::Checkout(error) => error.kind(),
            // The package is right and the disk is not.
            Self::Package { .. } | Self::Wheel { .. } if is_write_error(self) => Kind::Disk,
            Self::Package { .. }
            | Self::OtherPackage { .. }
            | Self::Size { .. }
            | Self::Sdist { .. }
            | Self::SourceChanged { .. }
            | Self::Wheel { .. } => Kind::Verification,
            Self::Store(_) | Self::Damaged { .. } | Self::Write(_) => Kind::Disk,
        }
    }

    fn hint(&self) -> Option<Hint> {
        match self {
            Self::Fetch(error) => error.hint(),
            Self::Store(error) => error.hint(),
            Self::Suite(error) => error.hint(),
            Self::Vendor(error) => error.hint(),
            Self::Checkout(error) => error.hint(),
            Self::Wheel { label, source } if self.kind() == Kind::Verification && label.ends_with("(wheel)") => {
                let name = source.wheel.split('-').next().unwrap_or_default().replace('_', "-");
                Some(
                    format!(
                        "require another version of it, or set prefer = \"sdist\" in [tool.invar.python.overrides.{name}] \
                         to build it from its source"
                    )
                    .into(),
                )
            }
            Self::SourceChanged { .. } => Some(
                "if you expected this change, run `invar lock --update`; if not, someone has tampered with a dependency"
                    .into(),
            ),
            _ => None,
        }
    }

    fn message(&self, colored: bool) -> String {
        match self {
            Self::Checkout(error) => error.message(colored),
            _ => sentence(self),
        }
    }
}

impl Diagnostic for SuiteError {
    fn kind(&self) -> Kind {
        match self {
            Self::NoSuite { .. } => Kind::Input,
            Self::Untrusted { .. } | Self::Unexpected { .. } | Self::Index { .. } => Kind::Verification,
        }
    }

    fn hint(&self) -> Option<Hint> {
        matches!(self, Self::Untrusted { .. }).then(|| {
            "if the archive is not Debian's, pass its keys with --keyring; otherwise, try another mirror, which may be \
             newer"
                .into()
        })
    }
}

impl Diagnostic for VendorError {
    fn kind(&self) -> Kind {
        match self {
            Self::Lock { .. } | Self::NoRegistry { .. } => Kind::Input,
            Self::NoPipFile { .. } => Kind::Network,
        }
    }

    fn hint(&self) -> Option<Hint> {
        match self {
            Self::Lock { .. } => None,
            Self::NoRegistry { .. } => Some("set npm_config_registry, or create the lock with URLs".into()),
            Self::NoPipFile { .. } => Some("set an index with --python-index or INVAR_PYTHON_INDEX".into()),
        }
    }
}

fn is_write_error(error: &RealiseError) -> bool {
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    causes.into_iter().any(|cause| matches!(cause.downcast_ref(), Some(SinkError::Write { .. })))
}
