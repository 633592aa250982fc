//! Why a command could not be run.
use std::io;
use std::path::PathBuf;

/// Why a command could not be run, or why what became of it is unknown.
///
/// A command that ran and failed is not an error: see [`Status`](crate::Status).
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The host forbids what the sandbox consists of.
    #[error("this host does not allow sandboxes: {setting}\n  {remedy}")]
    Forbidden {
        /// What forbids it: a sysctl with its value, or whose doing it is.
        setting: &'static str,
        /// What to do about it.
        remedy: &'static str,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// The description of what to run makes no sense.
    #[error("the sandbox needs {what}, but found {found:?}")]
    Invalid {
        /// What was expected.
        what: &'static str,
        /// What was found.
        found: String,
    },
    /// The program that sets the sandbox up could not be started.
    #[error("cannot start {} to set up the sandbox", program.display())]
    Spawn {
        /// The program.
        program: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A step of the set-up failed.
    #[error("cannot set up the sandbox: {step}")]
    Setup {
        /// Which step.
        step: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There is no such program in the root.
    #[error("`{program}` not found in the image")]
    NotFound {
        /// The program as it was asked for.
        program: String,
    },
    /// The program exists, but cannot be run: no permission, an unknown format, or a missing interpreter or loader.
    #[error("`{program}` cannot be run: is it built for this architecture?")]
    NotExecutable {
        /// The program as it was asked for.
        program: String,
        /// Why. "No such file" means that its interpreter or loader is missing.
        #[source]
        source: io::Error,
    },
    /// The sandbox ended without saying how: something outside it killed it, or the program does not call
    /// [`enter_if_asked`](crate::enter_if_asked).
    #[error("the sandbox of {} ended without a report ({ended}); was it killed?", program.display())]
    Died {
        /// The program that set the sandbox up.
        program: PathBuf,
        /// How that program ended.
        ended: std::process::ExitStatus,
    },
}
