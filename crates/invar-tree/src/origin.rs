use std::fmt;

/// The origin of an entry in the image.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Origin {
    /// A Debian binary package.
    Package {
        /// The package's name.
        name: String,
        /// Its version.
        version: String,
        /// Its architecture, as the package states it.
        architecture: String,
    },
    /// A Python wheel.
    Wheel {
        /// The normalized distribution name.
        name: String,
        /// The version.
        version: String,
    },
    /// A handler that configures Debian packages natively.
    Handler {
        /// The handler's name.
        name: String,
    },
    /// The virtual environment's own files: the links to the interpreter and `pyvenv.cfg`.
    Environment,
    /// Bytecode that was compiled from Python source.
    Bytecode {
        /// Where the source comes from, in words: its origin.
        of: String,
    },
    /// Debian's maintainer scripts, which were run.
    Scripts,
    /// A build step.
    Step {
        /// The step's name.
        name: String,
    },
    /// The project's own source.
    Source,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Package { name, version, architecture } => {
                write!(f, "Debian package {name} {version} ({architecture})")
            }
            Self::Wheel { name, version } => write!(f, "wheel {name} {version}"),
            Self::Handler { name } => write!(f, "handler {name}"),
            Self::Environment => f.write_str("the virtual environment"),
            Self::Bytecode { of } => write!(f, "bytecode of {of}"),
            Self::Scripts => f.write_str("Debian's maintainer scripts"),
            Self::Step { name } => write!(f, "step {name}"),
            Self::Source => f.write_str("the project's source"),
        }
    }
}
