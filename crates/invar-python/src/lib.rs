//! uv.lock, wheels and virtual environments as trees.
//!
//! # Goals
//! * Names, requirements, markers, and what a `pyproject.toml` says of a project are read here and nowhere else:
//!   [`DistributionName`], [`Requirement`], [`Marker`], [`Project`], and [`PythonRequest`] for `.python-version`.
//! * [`UvLock`] reads every revision of version 1 of `uv.lock`, and [`select`] returns the wheels that `uv sync` would
//!   install and the sources that it would build, for the Python and the platform of the *image*, never the host's.
//! * [`unpack_wheel`] returns a wheel's files where `uv` would install them, byte for byte, except for `INSTALLER`.
//! * Every wheel is verified twice: its digest against the lock by the caller, each file against `RECORD` here.
//! * Everything that a source build needs, except the build itself: [`unpack_sdist`] gives the source's files,
//!   [`build_system`] what its build requires, [`build_requirements_project`] and [`build_requirements`] let `uv` lock
//!   that, [`version_environment`] replaces version control, and [`FRONTEND`] calls the build backend. [`need`] returns
//!   the Debian packages that a Python package is known to need.
//! * What files of Python import ([`imports()`]), and where a module comes from that is missing: [`debian_package`],
//!   [`optional_part_with`].
//!
//! # Non-goals
//! * No network, disk, clock, environment or Python interpreter: nothing is fetched, cloned or built here. The front
//!   end is a script, and it runs where the caller puts it.
//!
//! # Invariants
//! * Markers are evaluated in time linear in their length; there is no shared state.
//! * Everything in a lock or a wheel is bounded before it is used: nesting, counts, sizes.
mod build_requirements;
mod build_system;
mod bytecode;
mod environment;
mod filename;
mod frontend;
mod header;
mod imports;
mod layout;
mod lock;
mod marker;
mod modules;
mod name;
mod needs;
mod project;
mod python_request;
mod reached;
mod requirement;
mod sdist;
mod select;
mod tags;
mod target;
mod version_control;
mod wheel;

pub use build_requirements::{build_requirements, build_requirements_project, missing_requirements};
pub use build_system::{BuildSystem, BuildSystemError, SourceInfo, build_system, project_info};
pub use bytecode::{BYTECODE_VERSION, BytecodeError, COMPILER, cached_path, canonical_pyc};
pub use environment::virtual_environment;
pub use filename::{BuildTag, FilenameError, WheelFilename};
pub use frontend::{FRONTEND, FrontendExit, frontend_system};
pub use imports::{Import, imports, module_not_found};
pub use invar_tree::Machine;
pub use layout::EnvironmentLayout;
pub use lock::{
    ConflictItem, ConflictKind, Dependency, Disagreement, LockedHash, LockedMetadata, LockedRequirement,
    LockedSdist, LockedWheel, Manifest, Package, Place, Source, UvLock, UvLockError, lock_digest,
};
pub use marker::{Activated, Marker, MarkerEnvironment, MarkerError};
pub use modules::{
    OptionalPackage, OptionalPart, debian_package, distributions_with, known_distribution,
    optional_part_with, removed_module,
};
pub use name::{DistributionName, ExtraName, GroupName, LONGEST_NAME, NameError};
pub use needs::{COMPILER_PACKAGES, Need, need};
pub use project::{
    ConfigSetting, DefaultGroups, ExtraBuildDependency, FieldError, Project, ProjectProblem, Treatment,
    UV_SETTINGS, UvSetting, UvSettings, UvSource, UvWorkspace, config_settings, uv_setting,
};
pub use python_request::{PythonRequest, VERSION_FILES, VersionFile};
pub use reached::{reached_imports, started_files};
pub use requirement::{Requirement, RequirementError, RequirementFault};
pub use sdist::{EntryFault, SDIST_VERSION, SdistError, SdistFault, unpack_sdist};
pub use select::{
    Chosen, ChosenSource, DirectUrl, GitReferenceKind, Location, NeededBy, PackageProblem, SelectError,
    Selected, Selection, SourceLocation, SourcePolicy, WheelFile, select,
};
pub use tags::{Tag, compatible_tags};
pub use target::{PythonVersion, PythonVersionError, Target};
pub use version_control::version_environment;
pub use wheel::{
    EntryPointError, RecordError, RecordFault, WHEEL_VERSION, WheelError, WheelFault, WheelRemark,
    unpack_wheel,
};
