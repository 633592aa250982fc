use invar_toml::KeyProblem;

use crate::name::NameError;
use crate::requirement::RequirementError;

/// What is wrong at one place of a `pyproject.toml`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProjectProblem {
    /// A key or its value.
    #[error(transparent)]
    Key(#[from] KeyProblem<FieldError>),
    /// A dependency group that the project does not define.
    #[error("the project has no dependency group {name:?}")]
    UnknownGroup {
        /// The group.
        name: String,
        /// The group that is most like it.
        nearest: Option<String>,
    },
    /// A dependency group that includes itself.
    #[error("the dependency group {name:?} includes itself: {}", path.join(" > "))]
    GroupCycle {
        /// The group.
        name: String,
        /// The way from the group back to itself.
        path: Vec<String>,
    },
    /// Dependency groups nested or multiplied beyond reason.
    #[error("the dependency group {name:?} includes too many groups")]
    GroupTooLarge {
        /// The group.
        name: String,
    },
}

/// Why a text in a `pyproject.toml` is not what its field asks for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// Not the name of a distribution, extra or dependency group.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Not a requirement.
    #[error(transparent)]
    Requirement(#[from] RequirementError),
    /// Not a version.
    #[error("{text:?} is not a Python version")]
    Version {
        /// The text as given.
        text: String,
    },
    /// Not a list of version specifiers.
    #[error("{text:?} is not a version specifier: expected, for example, \">=3.11,<3.14\"")]
    Specifiers {
        /// The text as given.
        text: String,
    },
    /// A setting of uv that only a `pyproject.toml` may have.
    #[error("not allowed in uv.toml, only in [tool.uv] of pyproject.toml")]
    NotInUvToml,
}

impl invar_toml::Problem for ProjectProblem {
    type Error = FieldError;
}

impl ProjectProblem {
    /// What the author can do, where that is known.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Key(problem) => problem.help(),
            Self::UnknownGroup { nearest, .. } => Some(format!("did you mean {:?}?", nearest.as_ref()?)),
            Self::GroupCycle { .. } | Self::GroupTooLarge { .. } => None,
        }
    }
}
