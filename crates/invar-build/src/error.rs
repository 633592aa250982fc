use std::fmt;
use std::io;
use std::path::PathBuf;

use invar_diagnostic::{Diagnostic, Hint, Kind, sentence};
use invar_fetch::FetchError;
use invar_store::StoreError;
use invar_tree::{Clash, Digest, Origin, SinkError};

/// What went wrong, in kinds that a caller can act on; [`BuildError::kind`] gives the kind.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The project cannot be read.
    #[error(transparent)]
    Checkout(#[from] invar_checkout::CheckoutError),
    /// Something cannot be fetched or unpacked.
    #[error(transparent)]
    Realise(#[from] invar_realise::RealiseError),
    /// A file of the project cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
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
    /// A download failed.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// A wheel is damaged although its hash is right.
    #[error("the wheel {label} cannot be installed")]
    Wheel {
        /// The wheel.
        label: String,
        /// Why not.
        #[source]
        source: Box<invar_python::WheelError>,
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
    /// Something is not in `invar.lock` that should be.
    #[error("invar.lock does not have {what}")]
    NotLocked {
        /// What.
        what: String,
    },
    /// An answer to one of debconf's questions is none.
    #[error("debconf: {text:?} is not of the form \"package question type answer\"")]
    Debconf {
        /// The text.
        text: String,
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
    Store(#[from] StoreError),
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

impl From<invar_realise::SuiteError> for BuildError {
    fn from(error: invar_realise::SuiteError) -> Self {
        Self::Realise(error.into())
    }
}

impl From<invar_maintscript::ConfigureError> for BuildError {
    fn from(error: invar_maintscript::ConfigureError) -> Self {
        Self::Configure(Box::new(error))
    }
}

impl BuildError {
    /// Whether this may come from something in the store that is not what it was when it was stored.
    pub(crate) fn may_be_damage(&self) -> bool {
        if let Self::Realise(error) = self {
            return error.may_be_damage();
        }
        matches!(
            self,
            Self::Damaged { .. }
                | Self::Segment(_)
                | Self::Configure(_)
                | Self::Store(StoreError::Damaged { .. } | StoreError::Missing { .. })
        )
    }
}

impl Diagnostic for BuildError {
    fn kind(&self) -> Kind {
        match self {
            Self::Checkout(error) => error.kind(),
            Self::Realise(error) => error.kind(),
            Self::Read { .. }
            | Self::Plan(_)
            | Self::Reference { .. }
            | Self::NoAccount { .. }
            | Self::OnePlatform { .. }
            | Self::NoSource { .. }
            | Self::NoProgram { .. }
            | Self::Launcher { .. }
            | Self::Debconf { .. }
            | Self::NoCommand => Kind::Input,
            Self::NotLocked { .. } => Kind::Locks,
            Self::Fetch(error) => error.kind(),
            // The package is right and the disk is not.
            Self::Wheel { .. } if is_write_error(self) => Kind::Disk,
            Self::Wheel { .. } => Kind::Verification,
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

    fn hint(&self) -> Option<Hint> {
        let hint = match self {
            Self::Checkout(error) => return error.hint(),
            Self::Realise(error) => return error.hint(),
            Self::Fetch(error) => return error.hint(),
            Self::Store(error) => return error.hint(),
            Self::Step(failure) => return failure.hint.clone().map(Hint::from),
            Self::Sandbox { .. } => {
                "to build images of wheels and Debian packages without a sandbox, set `bytecode = false` in \
                 [tool.invar.python]"
            }
            Self::ForeignPlatform { .. } => {
                "images of only wheels and Debian packages can be built on this machine: set `bytecode = false` in \
                 [tool.invar.python]"
            }
            Self::NotLocked { .. } => "run `invar lock`",
            Self::Clash(clashes) if clashes.iter().any(are_wheels) => {
                "remove one of the two packages, or exclude the file from one: set exclude = [\"FILE\"] in \
                 [tool.invar.python.overrides.NAME], where FILE is relative to site-packages, or bin/PROGRAM"
            }
            Self::Clash(_) => "remove one of the two packages, or report the conflict to their authors",
            _ => return None,
        };
        Some(hint.into())
    }

    fn message(&self, colored: bool) -> String {
        match self {
            Self::Checkout(error) => error.message(colored),
            Self::Realise(error) => error.message(colored),
            _ => sentence(self),
        }
    }
}

/// Whether it is between two Python packages.
fn are_wheels(clash: &Clash) -> bool {
    let (first, second) = clash.origins();
    [first, second].iter().all(|origin| matches!(origin.as_ref(), Origin::Wheel { .. }))
}

fn is_write_error(error: &BuildError) -> bool {
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    causes.into_iter().any(|cause| matches!(cause.downcast_ref(), Some(SinkError::Write { .. })))
}

fn names(platforms: &[invar_project::Platform]) -> String {
    platforms.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
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
