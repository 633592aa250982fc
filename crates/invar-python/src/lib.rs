//! uv.lock, wheels and virtual environments as trees.
//!
//! # Goals
//! * [`UvLock`] reads every revision of version 1 of `uv.lock`, and [`select`] names the wheels that `uv sync` would
//!   install, for the Python and the platform of the *image*: the host's never matter.
//! * [`unpack_wheel`] gives a wheel's files where `uv` would install them, byte for byte, except for `INSTALLER`.
//! * Every wheel is checked twice: its digest against the lock by who fetches it, each file against `RECORD` here.
//!
//! # Non-goals
//! * No network, disk, clock, environment or Python interpreter.
//! * No building: source distributions, directories and version control are errors that name the package.
//! * No compiled `.pyc` files: they would hold the time of their source.
//!
//! # Invariants
//! * Markers are evaluated in time linear in their length; there is no shared state.
//! * What a lock or a wheel says is bounded before it is believed: nesting, counts, sizes.
mod environment;
mod filename;
mod layout;
mod lock;
mod marker;
mod name;
mod nearest;
mod project;
mod requirement;
mod select;
mod tags;
mod target;
mod wheel;

pub use environment::virtual_environment;
pub use filename::{BuildTag, FilenameError, WheelFilename};
pub use layout::EnvironmentLayout;
pub use lock::{
    ConflictItem, ConflictKind, Dependency, LockedHash, LockedMetadata, LockedRequirement, LockedWheel,
    Manifest, Package, Source, UvLock, UvLockError, lock_digest,
};
pub use marker::{Activated, Marker, MarkerEnvironment, MarkerError};
pub use name::{DistributionName, ExtraName, GroupName, NameError};
pub use project::{Disagreement, Place, ProjectMetadata};
pub use requirement::{Requirement, RequirementError};
pub use select::{
    Chosen, DirectUrl, Location, NeededBy, PackageProblem, SelectError, Selection, SourceKind, WheelFile,
    select,
};
pub use tags::{Tag, compatible_tags};
pub use target::{Machine, PythonVersion, PythonVersionError, Target};
pub use wheel::{EntryPointError, RecordError, WheelError, WheelFault, unpack_wheel};
