//! Why the stages of a Dockerfile cannot be made out.
use crate::expand::ExpansionFault;
use crate::text::Span;

/// Stages that no builder could make out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StageFault {
    /// More than [`Limits::STAGES`](crate::Limits::STAGES) stages.
    #[error("there are more than {limit} stages")]
    TooMany {
        /// The limit.
        limit: usize,
    },
    /// A word of `FROM` or of an `ARG` before it cannot be expanded.
    #[error("cannot expand `{word}`: {source}")]
    Expansion {
        /// The word.
        word: String,
        /// Where it is.
        span: Span,
        /// Why.
        source: ExpansionFault,
    },
    /// `FROM` of something that no registry could have.
    #[error("`{name}` is not an image name")]
    Reference {
        /// What it comes to.
        name: String,
        /// Where it is.
        span: Span,
    },
    /// Something that an instruction does not take.
    #[error("{name} takes {takes}, not `{value}`")]
    Value {
        /// The instruction.
        name: &'static str,
        /// What it comes to.
        value: String,
        /// What it takes, in words.
        takes: &'static str,
        /// Where it is.
        span: Span,
    },
    /// The number of a stage that there is not.
    #[error("there is no stage {name}")]
    NoStage {
        /// The number.
        name: String,
        /// The instruction that copies from it.
        span: Span,
    },
    /// A stage that copies from itself.
    #[error("the stage `{name}` copies from itself")]
    Circular {
        /// Its name.
        name: String,
        /// The instruction that does.
        span: Span,
    },
}

impl StageFault {
    /// Where the fault is; nothing if it is all of the file.
    pub fn span(&self) -> Option<Span> {
        match self {
            Self::TooMany { .. } => None,
            Self::Expansion { span, .. }
            | Self::Reference { span, .. }
            | Self::Value { span, .. }
            | Self::NoStage { span, .. }
            | Self::Circular { span, .. } => Some(*span),
        }
    }
}
