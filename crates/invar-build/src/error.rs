use std::fmt;
use std::io;
use std::path::PathBuf;

use invar_fetch::{Failure, FetchError};
use invar_tree::{Clash, Digest, SinkError};

/// What went wrong, in kinds that a caller can act on; [`BuildError::kind`] gives the kind.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A file of the project cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The folder holds neither `pyproject.toml` nor `invar.toml`.
    #[error("{} has no pyproject.toml and no invar.toml", path.display())]
    NoProject {
        /// The folder.
        path: PathBuf,
    },
    /// The manifest is wrong.
    #[error(transparent)]
    Manifest(#[from] invar_project::ManifestError),
    /// The folder is the root of a workspace, and not a project itself.
    #[error(
        "{} has a workspace and no [project]: {}",
        path.display(),
        match &members[..] {
            [] => "there is nothing to build".to_owned(),
            members => format!(
                "its members are {}",
                members.iter().map(|member| member.display().to_string()).collect::<Vec<_>>().join(", ")
            ),
        }
    )]
    WorkspaceRoot {
        /// The `pyproject.toml`.
        path: PathBuf,
        /// The folders of the members.
        members: Vec<PathBuf>,
    },
    /// `uv.lock` is missing.
    #[error("{} is missing, and the project has dependencies", path.display())]
    NoUvLock {
        /// Where it should be.
        path: PathBuf,
    },
    /// `uv.lock` is wrong.
    #[error("{} cannot be used", path.display())]
    UvLock {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: Box<invar_python::UvLockError>,
    },
    /// `invar.lock` is wrong.
    #[error("{} cannot be used", path.display())]
    InvarLock {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: Box<invar_project::LockError>,
    },
    /// `invar.lock` is missing, and may not be made.
    #[error("{} is missing", path.display())]
    NoInvarLock {
        /// Where it should be.
        path: PathBuf,
    },
    /// `invar.lock` locks what was derived from other files, but not the project's own manifest.
    #[error("{} does not have the project's own manifest yet, only what was derived without it", path.display())]
    OnlyDerived {
        /// The file.
        path: PathBuf,
    },
    /// Manifest and locks do not belong together.
    #[error("invar.lock is out of date: {}", Sentences(.findings))]
    Mismatch {
        /// A sentence for each disagreement.
        findings: Vec<String>,
    },
    /// The image's name or tag is none.
    #[error("the image cannot be called {reference:?}")]
    Reference {
        /// The name and tag.
        reference: String,
        /// What is wrong with it.
        #[source]
        source: Box<invar_oci::ReferenceError>,
    },
    /// Packages are to be chosen anew that `invar.lock` does not have.
    #[error("{} is not in invar.lock, so it cannot be updated{}", .names.join(", "), Nearest(.nearest.as_deref()))]
    UnknownPackages {
        /// The packages.
        names: Vec<String>,
        /// A package of the lock with a similar name.
        nearest: Option<String>,
    },
    /// The scripts of packages are to run that the image does not have.
    #[error("configure names {}, which the image does not have{}", .names.join(", "), Nearest(.nearest.as_deref()))]
    NoScripts {
        /// The packages.
        names: Vec<String>,
        /// A package of the image with a similar name.
        nearest: Option<String>,
    },
    /// The image is to run as somebody whom it does not know.
    #[error(
        "image.user names {name:?}, which is not in the image's {file}: use a number, or a package that adds it"
    )]
    NoAccount {
        /// The user or group.
        name: String,
        /// The file in the image that would have it.
        file: String,
    },
    /// A root file system is of one platform.
    #[error("a root file system is of one platform: choose one of {} with --platform", names(.platforms))]
    OnePlatform {
        /// The platforms that were asked for.
        platforms: Vec<invar_project::Platform>,
    },
    /// What the manifest asks for cannot be planned.
    #[error(transparent)]
    Plan(#[from] invar_plan::PlanError),
    /// The source cannot be used.
    #[error(transparent)]
    Source(#[from] crate::SourceError),
    /// No suite has an interpreter that satisfies `requires-python`.
    #[error("no Debian suite has a Python that satisfies requires-python = \"{requires}\"; {}", Suites(.suites))]
    NoInterpreter {
        /// The requirement.
        requires: String,
        /// Each suite that was considered, and its Python.
        suites: Vec<(String, String)>,
    },
    /// A suite's signed index cannot be trusted.
    #[error("the suite {suite} from {url} cannot be trusted")]
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
    #[error("there is no suite {suite} at {url}{}", Nearest(.nearest.as_deref()))]
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
    Suite {
        /// The suite.
        suite: String,
        /// Where its index came from.
        url: String,
        /// What is wrong, as the end of a sentence.
        problem: String,
    },
    /// A package index cannot be read although its hash is right.
    #[error("the package index of {suite} cannot be read")]
    Index {
        /// The suite.
        suite: String,
        /// Why not.
        #[source]
        source: Box<invar_apt::IndexError>,
    },
    /// A keyring cannot be read.
    #[error("the keyring {} cannot be used", path.display())]
    Keyring {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: Box<invar_apt::KeyringError>,
    },
    /// No set of packages satisfies what was asked for.
    #[error("the Debian packages for {platform} cannot be chosen from {suite}")]
    Solve {
        /// The release of Debian.
        suite: String,
        /// The platform.
        platform: String,
        /// Why not.
        #[source]
        source: Box<invar_apt::SolveError>,
    },
    /// A download failed.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// A file has the digest that the lock states, and another size.
    #[error("the lock says that {label} has {expected} bytes, and the file of that digest has {found}")]
    Size {
        /// The package or wheel.
        label: String,
        /// The size that the lock states, in bytes.
        expected: u64,
        /// The size of the file, in bytes.
        found: u64,
    },
    /// A package is damaged although its hash is right.
    #[error("the package {label} cannot be unpacked")]
    Package {
        /// The package.
        label: String,
        /// Why not.
        #[source]
        source: Box<invar_debian::DebError>,
    },
    /// A package is not the one that the lock names.
    #[error("the file of {label} holds {found} instead")]
    OtherPackage {
        /// The package that the lock names.
        label: String,
        /// What is in the file.
        found: String,
    },
    /// A wheel is damaged although its hash is right.
    #[error("the wheel {label} cannot be installed")]
    Wheel {
        /// The wheel.
        label: String,
        /// Why not.
        #[source]
        source: Box<invar_python::WheelError>,
    },
    /// A source archive is damaged, or not what such an archive may be, although its hash is right.
    #[error("the source archive {label} cannot be unpacked")]
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
    #[error("{label} has the digest {found}, and invar.lock says {expected}")]
    SourceChanged {
        /// The source.
        label: String,
        /// The digest of the lock.
        expected: Digest,
        /// The digest of what was fetched.
        found: Digest,
    },
    /// uv cannot resolve what builds need.
    #[error("{problem}")]
    Uv {
        /// What went wrong.
        problem: String,
    },
    /// What a build needs has no wheels.
    #[error("what the build of {name} needs cannot be installed")]
    BuildRequirements {
        /// The package that is built.
        name: String,
        /// Why not.
        #[source]
        source: Box<invar_python::SelectError>,
    },
    /// A wheel that a build needs is a file of this machine.
    #[error("the build of {name} needs {file}, which uv has from a folder of this machine: use an index")]
    LocalBuildWheel {
        /// The package that is built.
        name: String,
        /// The wheel.
        file: String,
    },
    /// What a build needs is neither a wheel nor a source distribution of an index.
    #[error(
        "the build of {name} needs {needed}, which uv has from a repository or a folder: only wheels and source \
         distributions are built with"
    )]
    BuildSource {
        /// The package that is built.
        name: String,
        /// What it needs.
        needed: String,
    },
    /// What builds need has to be built itself, and so on without an end.
    #[error(
        "what builds need has no wheels and would have to be built first, without an end: {}",
        .chain.join(" needs ")
    )]
    BuildCycle {
        /// The source distributions, each needed by the one before.
        chain: Vec<String>,
    },
    /// A folder or archive is no Python package.
    #[error("{name} cannot be built: it has neither pyproject.toml nor setup.py")]
    NotAPackage {
        /// The package as `uv.lock` names it.
        name: String,
    },
    /// The table `build-system` of a package cannot be used.
    #[error("{name} cannot be built")]
    BuildSystem {
        /// The package.
        name: String,
        /// What is wrong.
        #[source]
        source: Box<invar_python::BuildSystemError>,
    },
    /// A build made no wheel.
    #[error("{label}: {problem}")]
    NotAWheel {
        /// What was built.
        label: String,
        /// What it made instead.
        problem: String,
    },
    /// No sandbox can be made.
    #[error("{label} needs a sandbox")]
    Sandbox {
        /// What was to be run.
        label: String,
        /// Why there is none.
        #[source]
        source: Box<invar_sandbox::SandboxError>,
    },
    /// What is to be run is for another machine.
    #[error(
        "{label}: programs for {platform} cannot be run here; install qemu-user-static (with binfmt-support), or \
         build on such a machine"
    )]
    ForeignPlatform {
        /// What was to be run.
        label: String,
        /// The platform.
        platform: invar_project::Platform,
    },
    /// A command that was run in the sandbox failed.
    #[error(transparent)]
    Step(Box<crate::StepFailure>),
    /// Something is wrong with one part of the project.
    #[error("{part} cannot be locked")]
    Part {
        /// The part.
        part: invar_project::LockPart,
        /// What is wrong.
        #[source]
        source: Box<BuildError>,
    },
    /// The lock is without what one part of the project needs.
    #[error("invar.lock does not have {part}: {what} is missing")]
    PartNotLocked {
        /// The part.
        part: invar_project::LockPart,
        /// What is missing.
        what: String,
    },
    /// uv is not there, or cannot be asked.
    #[error("{names} {} to be built, and uv resolves what that needs: {problem}", if names.contains(',') { "have" } else { "has" })]
    NoUv {
        /// What is to be built, with commas between.
        names: String,
        /// Why uv cannot be asked.
        problem: String,
    },
    /// An input of a step matches nothing.
    #[error("step {step}: its input {input:?} matches no file of the project, and is no step's name")]
    NoInput {
        /// The step.
        step: String,
        /// The pattern.
        input: String,
    },
    /// A step without a command names an output that is not there.
    #[error("step {step}: `outputs` names {output:?}, {reason}")]
    NoSource {
        /// The step.
        step: String,
        /// The key.
        output: String,
        /// Why it is not there, as the end of a sentence.
        reason: &'static str,
    },
    /// A step did not make what it should.
    #[error("{label} did not make {output}, which its outputs name")]
    NoOutput {
        /// The step.
        label: String,
        /// The output.
        output: String,
    },
    /// What a command left cannot be used.
    #[error("what {label} left cannot be used")]
    Capture {
        /// What was run.
        label: String,
        /// Why not.
        #[source]
        source: Box<invar_sandbox::CaptureError>,
    },
    /// A program that a launcher should start is not in the image.
    #[error("step {step} wraps {program}, which is not in the image")]
    NoProgram {
        /// The step.
        step: String,
        /// The program.
        program: String,
    },
    /// A launcher cannot be made.
    #[error("step {step} cannot wrap its program")]
    Launcher {
        /// The step.
        step: String,
        /// Why not.
        #[source]
        source: Box<invar_launcher::LauncherError>,
    },
    /// A compiled file is not one.
    #[error("the compiled form of {path} cannot be used: the interpreter wrote something unknown")]
    Bytecode {
        /// The source.
        path: String,
        /// Why not.
        #[source]
        source: Box<invar_python::BytecodeError>,
    },
    /// Another tool's lock cannot be used.
    #[error("{file} cannot be used")]
    Vendor {
        /// The lock, or one of its files.
        file: String,
        /// Why not.
        #[source]
        source: Box<invar_vendor::VendorError>,
    },
    /// It is unknown where a file of another tool's lock is.
    #[error(
        "it is unknown where to get {file}: the lock has no address, and this machine's settings name no registry"
    )]
    NoRegistry {
        /// The file.
        file: String,
    },
    /// No index has a file that a requirements file names.
    #[error("no Python package index has a file for {requirement} with one of the hashes that are locked")]
    NoPipFile {
        /// The requirement.
        requirement: String,
    },
    /// Something is not in `invar.lock` that should be.
    #[error("invar.lock does not have {what}")]
    NotLocked {
        /// What.
        what: String,
    },
    /// Two roots would need two versions of one package.
    #[error(
        "{root} needs {name} {found}, and the image has {name} {expected}: one lock has one version of a package"
    )]
    TwoVersions {
        /// The package.
        name: String,
        /// The root.
        root: String,
        /// The version that the root needs.
        found: String,
        /// The version that is there.
        expected: String,
    },
    /// An answer to one of debconf's questions is none.
    #[error("debconf: {text:?} is not of the form \"package question type answer\"")]
    Debconf {
        /// The text.
        text: String,
    },
    /// There is no such image.
    #[error("the manifest has no image {name}{}", Nearest(.nearest.as_deref()))]
    NoImage {
        /// The name.
        name: String,
        /// A name of the manifest's that is similar.
        nearest: Option<String>,
    },
    /// The image has no command to run.
    #[error("the image has no command: set `command` in the image's table, or give one after --")]
    NoCommand,
    /// The packages cannot be configured.
    #[error(transparent)]
    Configure(Box<invar_maintscript::ConfigureError>),
    /// Trees bring different content for one path.
    #[error("{}", Clashes(.0))]
    Clash(Vec<Clash>),
    /// A layer cannot be written.
    #[error(transparent)]
    Segment(#[from] invar_oci::SegmentError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] invar_store::StoreError),
    /// A file in the store is not what its name says: it was damaged after it had been checked.
    #[error("{digest} in the store is damaged")]
    Damaged {
        /// The file's digest, as it should be.
        digest: Digest,
    },
    /// Bytes cannot be kept in the store.
    #[error("cannot write to the store")]
    Write(#[source] io::Error),
    /// The result cannot be written.
    #[error("cannot write {}", path.display())]
    Output {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The result cannot be written to where it goes.
    #[error("cannot write the result")]
    Deliver(#[source] io::Error),
}

impl From<invar_maintscript::ConfigureError> for BuildError {
    fn from(error: invar_maintscript::ConfigureError) -> Self {
        Self::Configure(Box::new(error))
    }
}

/// What kind of failure it is: each kind has an exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The work failed in a way that has no kind of its own.
    Failure,
    /// A file of the project is wrong.
    Input,
    /// The locks are missing or are out of date.
    Locks,
    /// A download failed.
    Network,
    /// What was downloaded is not what was expected.
    Verification,
    /// The store or the disk failed.
    Disk,
}

impl BuildError {
    /// Whether this may come from something in the store that is not what it was when it was stored.
    pub(crate) fn may_be_damage(&self) -> bool {
        use invar_store::StoreError;
        matches!(
            self,
            Self::Damaged { .. }
                | Self::Segment(_)
                | Self::Configure(_)
                | Self::Store(StoreError::Damaged { .. } | StoreError::Missing { .. })
        )
    }

    /// The kind of this failure.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Read { .. }
            | Self::NoProject { .. }
            | Self::Manifest(_)
            | Self::UvLock { .. }
            | Self::InvarLock { .. }
            | Self::Plan(_)
            | Self::Source(_)
            | Self::NoInterpreter { .. }
            | Self::WorkspaceRoot { .. }
            | Self::Keyring { .. }
            | Self::Reference { .. }
            | Self::NoSuite { .. }
            | Self::NoAccount { .. }
            | Self::UnknownPackages { .. }
            | Self::NoScripts { .. }
            | Self::OnePlatform { .. }
            | Self::Uv { .. }
            | Self::BuildRequirements { .. }
            | Self::LocalBuildWheel { .. }
            | Self::BuildSource { .. }
            | Self::BuildCycle { .. }
            | Self::NotAPackage { .. }
            | Self::BuildSystem { .. }
            | Self::NoUv { .. }
            | Self::NoInput { .. }
            | Self::NoSource { .. }
            | Self::NoProgram { .. }
            | Self::Launcher { .. }
            | Self::Vendor { .. }
            | Self::NoRegistry { .. }
            | Self::TwoVersions { .. }
            | Self::Debconf { .. }
            | Self::NoImage { .. }
            | Self::NoCommand
            | Self::Solve { .. } => Kind::Input,
            Self::NoUvLock { .. }
            | Self::NoInvarLock { .. }
            | Self::OnlyDerived { .. }
            | Self::NotLocked { .. }
            | Self::PartNotLocked { .. }
            | Self::Mismatch { .. } => Kind::Locks,
            Self::Git { .. } | Self::NoPipFile { .. } => Kind::Network,
            Self::Part { source, .. } => source.kind(),
            Self::Fetch(error) => fetch_kind(error),
            // The package is right and the disk is not.
            Self::Package { .. } | Self::Wheel { .. } if is_write_error(self) => Kind::Disk,
            Self::Untrusted { .. }
            | Self::Suite { .. }
            | Self::Index { .. }
            | Self::Package { .. }
            | Self::OtherPackage { .. }
            | Self::Size { .. }
            | Self::Sdist { .. }
            | Self::SourceChanged { .. }
            | Self::Wheel { .. } => Kind::Verification,
            Self::Store(_)
            | Self::Damaged { .. }
            | Self::Write(_)
            | Self::Output { .. }
            | Self::Deliver(_) => Kind::Disk,
            Self::Configure(_)
            | Self::Clash(_)
            | Self::Segment(_)
            | Self::NotAWheel { .. }
            | Self::Sandbox { .. }
            | Self::ForeignPlatform { .. }
            | Self::Step(_)
            | Self::NoOutput { .. }
            | Self::Capture { .. }
            | Self::Bytecode { .. } => Kind::Failure,
        }
    }
}

fn is_write_error(error: &BuildError) -> bool {
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    causes.into_iter().any(|cause| matches!(cause.downcast_ref(), Some(SinkError::Write { .. })))
}

fn fetch_kind(error: &FetchError) -> Kind {
    let wrong = |failure: &Failure| {
        matches!(failure, Failure::Digest { .. } | Failure::Length { .. } | Failure::TooLong { .. })
    };
    match error {
        FetchError::Store { .. } => Kind::Disk,
        FetchError::Exhausted { failures, .. } if failures.iter().any(|failed| wrong(&failed.failure)) => {
            Kind::Verification
        }
        _ => Kind::Network,
    }
}

fn names(platforms: &[invar_project::Platform]) -> String {
    platforms.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

struct Nearest<'a>(Option<&'a str>);

impl fmt::Display for Nearest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |name| write!(f, "; did you mean {name}?"))
    }
}

struct Sentences<'a>(&'a [String]);

impl fmt::Display for Sentences<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("; "))
    }
}

struct Suites<'a>(&'a [(String, String)]);

impl fmt::Display for Suites<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let suites: Vec<String> =
            self.0.iter().map(|(suite, python)| format!("{suite} has Python {python}")).collect();
        f.write_str(&suites.join(", "))
    }
}

struct Clashes<'a>(&'a [Clash]);

impl fmt::Display for Clashes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 10;
        f.write_str("two trees bring different content for one path")?;
        for clash in self.0.iter().take(SHOWN) {
            write!(f, "\n  {clash}")?;
        }
        match self.0.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, "\n  and {more} more"),
        }
    }
}
