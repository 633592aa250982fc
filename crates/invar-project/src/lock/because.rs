use std::fmt;
use std::str::FromStr;

use invar_debian::PackageName;

use super::{ClosureName, PhraseError};

/// Why a package is installed; the first reason that holds, in this order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Because {
    /// The manifest's `packages` name it.
    Requested,
    /// The manifest asks for a shell.
    Shell,
    /// It belongs to the base set.
    Base,
    /// It has the Python interpreter.
    Interpreter,
    /// It was asked for in another root than the image.
    Root(ClosureName),
    /// Debian takes it for granted (Debian Policy, section 3.8), and maintainer scripts and builds do too.
    Essential,
    /// Another package depends on it.
    Dependency {
        /// The package that depends on it; of several, the first by name.
        of: PackageName,
    },
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Requested => f.write_str("requested by packages"),
            Self::Shell => f.write_str("shell"),
            Self::Base => f.write_str("base"),
            Self::Interpreter => f.write_str("interpreter"),
            Self::Root(root) => write!(f, "requested by {root}"),
            Self::Essential => f.write_str("essential"),
            Self::Dependency { of } => write!(f, "dependency of {of}"),
        }
    }
}

impl FromStr for Because {
    type Err = PhraseError;

    fn from_str(text: &str) -> Result<Self, PhraseError> {
        let expected = "\"requested by packages\", \"shell\", \"base\", \"interpreter\", \"requested by ROOT\", \
                        \"essential\" and \"dependency of PACKAGE\"";
        let error = || PhraseError { text: text.to_owned(), expected };
        Ok(match text {
            "requested by packages" => Self::Requested,
            "shell" => Self::Shell,
            "base" => Self::Base,
            "interpreter" => Self::Interpreter,
            "essential" => Self::Essential,
            _ => match (text.strip_prefix("requested by "), text.strip_prefix("dependency of ")) {
                (Some(root), _) => Self::Root(root.parse().map_err(|_| error())?),
                (None, Some(of)) => Self::Dependency { of: of.parse().map_err(|_| error())? },
                (None, None) => return Err(error()),
            },
        })
    }
}
