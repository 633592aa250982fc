//! A project as its author wrote it: the manifest, `invar.lock`, and the rules for which files are source.
//!
//! # Goals
//! * What the author wrote is checked once, here, and every finding names its file, line and a way out.
//! * Each value with a grammar (a suite, a tag, a port, a time) is a type of its own from here on.
//! * `invar.lock` is made to be read in a diff, and to be written the same way by everyone.
//!
//! # Non-goals
//! * No disk, clock, network or environment: texts come in, values go out. In particular nothing of the host's git
//!   configuration or of folders above the project and its workspace decides what is source.
//! * No resolving: which packages are needed is decided by `invar lock` and only recorded here.
mod lock;
mod manifest;
mod platform;
mod source;
mod suite;
mod text;
mod time;
mod value;

pub use lock::{
    Because, Change, DerivedLock, DerivedManifest, DerivedSource, FORMAT_VERSION, Fingerprint,
    FingerprintError, InvarLock, LockError, LockFile, LockPart, LockedArchive, LockedBuild,
    LockedBuildSource, LockedBuildWheel, LockedFetch, LockedInterpreter, LockedOmission, LockedPackage,
    LockedPlatform, LockedRoot, LockedScripts, LockedSuite, Mismatch, OmissionReason, PhraseError, PoolPath,
    PoolPathError, Purpose, Request, RootName, RootNameError, ScriptVerdict,
};
pub use manifest::{
    AbsoluteUrl, BuildPath, Configure, ContentKeys, DevShell, EnvironmentName, Extras, FetchUrl, FileText,
    Finding, HealthCheck, IMAGE_KEYS, Identity, Image, ImageKey, ImageKeys, ImageOverride, Interval,
    LabelName, ListValues, Manifest, ManifestError, ManifestSources, Mirror, Output, Override,
    PackageRequest, Port, Prefer, Problem, Protocol, Python, RelativePath, RepositoryName, Signal, Step,
    StepFetch, StepName, Tag, User, WorkspaceRoot, Wrap, reference, schema,
};
pub use platform::Platform;
pub use source::{
    Decision, DockerignoreError, DockerignoreFault, EntryKind, Glob, GlobError, GlobList, Listing,
    ListingEntry, Reason, SourceEntry, SourceError, SourceList, SourceRules, WalkError,
};
pub use suite::{Release, STABLE, SuiteName, stable_release};
pub use time::Timestamp;
pub use value::{PathFault, UrlFault, ValueError};
