use std::error::Error;
use std::fmt;
use std::io;

use invar_formats::tar::TarError;
use invar_tree::{PathError, SinkError};

use crate::{Ecosystem, Mismatch};

/// Why a lock cannot be read, or its files cannot be offered.
#[derive(Debug, thiserror::Error)]
pub enum VendorError {
    /// The lock is not JSON, or not shaped as npm's locks are.
    #[error("the npm lock is not valid JSON of the expected shape")]
    Json(#[source] serde_json::Error),
    /// The lock is not TOML, or not shaped as cargo's locks are.
    #[error("Cargo.lock is not valid TOML of the expected shape")]
    Toml(#[source] Box<toml::de::Error>),
    /// The lock has a version that is unknown here.
    #[error("the {ecosystem} lock has version {found}, but only versions {supported} are supported: {help}")]
    Version {
        /// Whose lock it is.
        ecosystem: Ecosystem,
        /// The version it states.
        found: u64,
        /// The versions that can be read.
        supported: &'static str,
        /// What to do.
        help: &'static str,
    },
    /// The lock has more entries than any project has.
    #[error("the {ecosystem} lock has {found} entries; the limit is {limit}")]
    TooMany {
        /// Whose lock it is.
        ecosystem: Ecosystem,
        /// The number of entries.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// One entry of the lock cannot be used.
    #[error("the {ecosystem} lock's entry {entry:?} {fault}")]
    Entry {
        /// Whose lock it is.
        ecosystem: Ecosystem,
        /// The entry: npm's path, cargo's name and version, pip's line.
        entry: String,
        /// What is wrong with it.
        fault: EntryFault,
    },
    /// A file is not the one that the lock names.
    #[error(transparent)]
    Mismatch(Box<Mismatch>),
    /// A file's content is not what its ecosystem publishes.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// A file that was fetched cannot be read back.
    #[error("{file} cannot be read")]
    Read {
        /// The file.
        file: String,
        /// What the reader said.
        #[source]
        source: io::Error,
    },
    /// A file was given to the wrong tool's offer.
    #[error("{file} is for {found}, not for {expected}")]
    Ecosystem {
        /// The file.
        file: String,
        /// Whose offer is being made.
        expected: Ecosystem,
        /// Whose lock named the file.
        found: Ecosystem,
    },
    /// Two different files would be at one place.
    #[error("{file}: two locks refer to different files with this name: {one} and {other}")]
    Conflict {
        /// The file.
        file: String,
        /// What the first lock says, in short.
        one: String,
        /// What the second lock says.
        other: String,
    },
    /// A place in the offer is not a path.
    #[error("cannot write {file}")]
    Path {
        /// The file.
        file: String,
        /// Why not.
        #[source]
        source: PathError,
    },
    /// The sink refused an entry.
    #[error(transparent)]
    Sink(#[from] SinkError),
}

impl From<Mismatch> for VendorError {
    fn from(mismatch: Mismatch) -> Self {
        Self::Mismatch(Box::new(mismatch))
    }
}

/// A file whose content cannot be offered.
#[derive(Debug)]
pub struct ContentError {
    /// The file.
    pub file: String,
    /// What is wrong with it.
    pub fault: ContentFault,
}

impl fmt::Display for ContentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.file, self.fault)
    }
}

impl Error for ContentError {
    /// What the fault comes from: the fault itself is in the message.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.fault.source()
    }
}

/// What is wrong with one entry of a lock. Reads on from the entry's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryFault {
    /// A field has the wrong type.
    #[error("has a field {field:?} that is not {expected}")]
    Field {
        /// The field.
        field: &'static str,
        /// The type that it should have, with an article.
        expected: &'static str,
    },
    /// The name is not one that the ecosystem allows.
    #[error("has the name {name:?}, which is not a package name")]
    Name {
        /// The name.
        name: String,
    },
    /// The version is missing or invalid.
    #[error("has the version {version:?}, which is not a version")]
    Version {
        /// The version; empty if there is none.
        version: String,
    },
    /// npm: the entry has no `integrity`.
    #[error(
        "has no integrity, so its file cannot be verified: run `npm install` with an empty cache to complete the lock"
    )]
    NoIntegrity,
    /// npm: the `integrity` has no digest of a known algorithm.
    #[error("has the integrity {text:?}, which has no sha512, sha256 or sha1 digest")]
    Integrity {
        /// The field.
        text: String,
    },
    /// npm: the package comes from a git repository, which has no file and no digest.
    #[error(
        "is a git dependency ({resolved}), which cannot be verified: depend on a published version instead"
    )]
    Git {
        /// The address.
        resolved: String,
    },
    /// An address that is neither HTTP nor HTTPS.
    #[error("has the URL {url:?}, which is not an http or https URL")]
    Address {
        /// The address.
        url: String,
    },
    /// cargo: a crate of a registry has no checksum.
    #[error(
        "has no checksum of 64 hexadecimal digits: run `cargo update --workspace` with a current cargo to rewrite the lock"
    )]
    NoChecksum,
    /// cargo: the source is of an unknown kind.
    #[error("has the source {source_:?}, which is not a registry, a sparse registry or a git commit")]
    Source {
        /// The source.
        source_: String,
    },
    /// pip: the requirement is not pinned.
    #[error("does not pin one version with `==`, which --require-hashes needs")]
    NotPinned,
    /// pip: there is no sha256.
    #[error(
        "has no `--hash=sha256:` with 64 hexadecimal digits, which --require-hashes needs for every requirement"
    )]
    NoHash,
    /// pip: a requirement by address or path.
    #[error(
        "is a requirement by URL or path, which pip cannot install offline or verify: pin a version with `==`"
    )]
    Direct,
    /// pip: another file is included that would not be recognized by its name.
    #[error(
        "includes {file:?}: rename it to contain \"requirements\" and end in \".txt\", so that its files are fetched too"
    )]
    Include {
        /// The file.
        file: String,
    },
}

/// What is wrong with a file's content. Reads on from the file's name.
#[derive(Debug, thiserror::Error)]
pub enum ContentFault {
    /// The file is larger than any package.
    #[error("is larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// The file has a name that cannot be offered.
    #[error("has an invalid file name")]
    FileName,
    /// The archive cannot be unpacked.
    #[error("is a damaged archive")]
    Archive(#[source] TarError),
    /// A repository has more manifests and links than any has.
    #[error("has more than {limit} manifests and symbolic links")]
    TooManyMembers {
        /// The limit.
        limit: usize,
    },
    /// A member's path climbs out, or is invalid.
    #[error("has a member with an invalid path")]
    MemberPath(#[source] PathError),
    /// A member is outside the archive's one top folder.
    #[error("has the member {path:?}, which is not in {directory:?}")]
    Outside {
        /// The member.
        path: String,
        /// The folder.
        directory: String,
    },
    /// A member is neither a file nor a directory.
    #[error("has the member {path:?}, which is not a file or directory")]
    Kind {
        /// The member.
        path: String,
    },
    /// There is no manifest for the package.
    #[error("has no Cargo.toml of the package {name:?}")]
    NoManifest {
        /// The package.
        name: String,
    },
    /// A manifest is not TOML, or does not have what it inherits.
    #[error("has an unusable Cargo.toml: {reason}")]
    Manifest {
        /// Why not.
        reason: String,
    },
}
