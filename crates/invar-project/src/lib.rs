//! A project: the manifest, `invar.lock`, and the rules for which files are source.
//!
//! # Goals
//! * The manifest is checked once, here, and every error has its file, line and a fix.
//! * Each value with a grammar (a suite, a tag, a port, a time) has its own type.
//! * `invar.lock` is readable in a diff, and canonical.
//!
//! # Non-goals
//! * No disk, clock, network or environment: texts come in, values go out. In particular, neither the host's git
//!   configuration nor directories above the project and its workspace decide what is source.
//! * No resolving: `invar lock` decides which packages are needed; they are only recorded here.
mod lock;
mod manifest;
mod platform;
mod source;
mod suite;
mod text;
mod time;
mod value;

pub use lock::{
    Because, Change, ClosureKind, ClosureName, ClosureNameError, DerivedLock, DerivedManifest, DerivedSource,
    FORMAT_VERSION, Fingerprint, FingerprintError, InvarLock, LockError, LockFile, LockPart, LockedArchive,
    LockedBuild, LockedBuildSource, LockedBuildWheel, LockedFetch, LockedInterpreter, LockedOmission,
    LockedPackage, LockedPlatform, LockedRoot, LockedScripts, LockedSuite, Mismatch, OmissionReason,
    PhraseError, PoolPath, PoolPathError, Purpose, Request, ScriptVerdict,
};
pub use manifest::{
    AbsoluteUrl, Account, AccountName, BuildPath, Configure, ContentKeys, DevShell, EnvironmentName, Extras,
    FetchUrl, FileText, Finding, HealthCheck, IMAGE_KEYS, Identity, Image, ImageKey, ImageKeys,
    ImageOverride, Interval, LabelName, ListValues, Manifest, ManifestError, ManifestSources, Mirror, Output,
    Override, PackageRequest, Port, Prefer, Problem, Protocol, Python, RelativePath, RepositoryName, Signal,
    Step, StepFetch, StepName, Tag, User, WorkspaceRoot, Wrap, read_uv_toml, reference, schema,
};
pub use platform::Platform;
pub use source::{
    Decision, DockerignoreError, DockerignoreFault, EntryKind, Glob, GlobError, GlobList, LONGEST_SECRET,
    Listing, ListingEntry, Reason, Secret, SourceEntry, SourceError, SourceList, SourceRules, WalkError,
};
pub use suite::{Release, STABLE, SuiteName, TESTING, stable_release};
pub use time::Timestamp;
pub use value::{PathFault, UrlFault, ValueError};
