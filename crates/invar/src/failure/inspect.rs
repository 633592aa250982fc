//! The errors of what looks at builds and images.
use invar_build::Kind;
use invar_derive::DeriveError;
use invar_diff::DiffError;
use invar_inspect::{InspectError, image_kind, printable};
use invar_oci_read::ImageError;
use invar_verify::VerifyError;

use super::{Failure, of_kind, with_causes};

impl Failure {
    /// A failure of a file, whose message shows the line.
    pub fn rendered(message: String) -> Self {
        Self::input(message.trim_end(), None)
    }

    /// The exit code of what was ended by Ctrl-C, as every shell has it.
    pub const INTERRUPTED: u8 = 130;

    /// Ctrl-C.
    pub fn interrupted() -> Self {
        Self { code: Self::INTERRUPTED, kind: "interrupted", message: "interrupted".into(), hint: None }
    }

    /// What went wrong.
    pub fn message(&self) -> &str {
        &self.message
    }

    fn of(kind: Kind, message: String, hint: Option<String>) -> Self {
        let (code, kind) = of_kind(kind);
        Self { code, kind, message, hint }
    }
}

impl From<ImageError> for Failure {
    fn from(error: ImageError) -> Self {
        Self::of(image_kind(&error), with_causes(&error), None)
    }
}

impl From<InspectError> for Failure {
    fn from(error: InspectError) -> Self {
        match error {
            InspectError::Build(error) => error.into(),
            error => Self::of(error.kind(), with_causes(&error), error.hint()),
        }
    }
}

impl From<DiffError> for Failure {
    fn from(error: DiffError) -> Self {
        match error {
            DiffError::Project(error) => error.into(),
            error => Self::of(error.kind(), with_causes(&error), error.hint().map(str::to_owned)),
        }
    }
}

impl From<DeriveError> for Failure {
    fn from(error: DeriveError) -> Self {
        // What a Dockerfile or flake says may be meant for a terminal.
        let message = match error {
            DeriveError::Build(error) => return error.into(),
            DeriveError::Refused { .. } => printable(&error.to_string()),
            DeriveError::Flake { .. } => {
                error.to_string().lines().map(printable).collect::<Vec<_>>().join("\n")
            }
            _ => with_causes(&error),
        };
        Self::of(error.kind(), message, error.hint())
    }
}

impl From<VerifyError> for Failure {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::Build(error) => error.into(),
            VerifyError::Interrupted => Self::interrupted(),
            error => Self::of(error.kind(), with_causes(&error), None),
        }
    }
}
