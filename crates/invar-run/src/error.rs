use std::fmt;
use std::io;
use std::path::PathBuf;

use invar_checkout::CheckoutError;
use invar_diagnostic::{Diagnostic, Hint, Kind, sentence};
use invar_plan::PlanError;
use invar_realise::RealiseError;
use invar_store::StoreError;
use invar_tree::{Clash, Origin};

/// Why something cannot be built by running commands.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// Something cannot be read, fetched, unpacked or kept.
    #[error(transparent)]
    Realise(#[from] RealiseError),
    /// What is built cannot be planned.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A file that belongs to a build cannot be written.
    #[error("cannot write {}", path.display())]
    Disk {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
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
        "{label}: cannot run programs for {platform} on this machine; install qemu-user-static (with binfmt-support), \
         or build on a {platform} machine"
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
    #[error("step {step}: `outputs` lists {output:?}, {reason}")]
    NoSource {
        /// The step.
        step: String,
        /// The key.
        output: String,
        /// Why it is not there, as the end of a sentence.
        reason: &'static str,
    },
    /// A step did not make what it should.
    #[error("{label} did not create its output {output}")]
    NoOutput {
        /// The step.
        label: String,
        /// The output.
        output: String,
    },
    /// What a command left cannot be used.
    #[error("cannot use the outputs of {label}")]
    Capture {
        /// What was run.
        label: String,
        /// Why not.
        #[source]
        source: Box<invar_sandbox::CaptureError>,
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
    #[error("cannot use the bytecode of {path}: the interpreter wrote an unknown format")]
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
    #[error("debconf: {text:?} does not have the form \"package question type answer\"")]
    Debconf {
        /// The text.
        text: String,
    },
    /// The packages cannot be configured.
    #[error(transparent)]
    Configure(Box<invar_maintscript::ConfigureError>),
    /// Trees bring different content for one path.
    #[error("{}", Clashes(.0))]
    Clash(Vec<Clash>),
}

impl From<CheckoutError> for RunError {
    fn from(error: CheckoutError) -> Self {
        Self::Realise(error.into())
    }
}

impl From<StoreError> for RunError {
    fn from(error: StoreError) -> Self {
        Self::Realise(error.into())
    }
}

impl From<invar_maintscript::ConfigureError> for RunError {
    fn from(error: invar_maintscript::ConfigureError) -> Self {
        Self::Configure(Box::new(error))
    }
}

impl RunError {
    /// Whether this may come from something in the store that is not what it was when it was stored.
    pub fn may_be_damage(&self) -> bool {
        match self {
            Self::Realise(error) => error.may_be_damage(),
            Self::Configure(_) => true,
            _ => false,
        }
    }
}

impl Diagnostic for RunError {
    fn kind(&self) -> Kind {
        match self {
            Self::Realise(error) => error.kind(),
            Self::Plan(_) | Self::NoSource { .. } | Self::Launcher { .. } | Self::Debconf { .. } => {
                Kind::Input
            }
            Self::NotLocked { .. } => Kind::Locks,
            Self::Disk { .. } => Kind::Disk,
            Self::NotAWheel { .. }
            | Self::Sandbox { .. }
            | Self::ForeignPlatform { .. }
            | Self::Step(_)
            | Self::NoOutput { .. }
            | Self::Capture { .. }
            | Self::Bytecode { .. }
            | Self::Configure(_)
            | Self::Clash(_) => Kind::Failure,
        }
    }

    fn hint(&self) -> Option<Hint> {
        let hint = match self {
            Self::Realise(error) => return error.hint(),
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
                 [tool.invar.python.overrides.NAME], where FILE is relative to site-packages, or .venv/FILE"
            }
            Self::Clash(_) => "remove one of the two packages, or report the conflict to their authors",
            _ => return None,
        };
        Some(hint.into())
    }

    fn message(&self, colored: bool) -> String {
        match self {
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

struct Clashes<'a>(&'a [Clash]);

impl fmt::Display for Clashes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 10;
        f.write_str("two packages have different content for the same path")?;
        for clash in self.0.iter().take(SHOWN) {
            write!(f, "\n  {clash}")?;
        }
        match self.0.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, "\n  and {more} more"),
        }
    }
}
