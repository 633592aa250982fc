//! What makes a Dockerfile one that no builder would read.
use crate::text::Span;

/// A Dockerfile that cannot be read: what is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{fault}")]
pub struct ParseError {
    /// What is wrong.
    pub fault: Fault,
    /// Where in the file.
    pub span: Span,
}

impl ParseError {
    pub(crate) const fn new(fault: Fault, span: Span) -> Self {
        Self { fault, span }
    }
}

/// What can be wrong with a Dockerfile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The file is longer than [`crate::Limits::FILE`].
    #[error("the file has {bytes} bytes; the limit is {limit}")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// There are too many of something.
    #[error("there are more than {limit} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// The file is not UTF-8.
    #[error("this byte is not UTF-8")]
    NotText,
    /// The file has no instruction.
    #[error("the file has no instructions")]
    NoInstructions,
    /// There is no `FROM`.
    #[error("the file has no FROM, so it builds nothing")]
    NoStage,
    /// An instruction other than `ARG` is before the first `FROM`.
    #[error("{name} is before the first FROM, where only ARG is allowed")]
    BeforeFrom {
        /// The instruction.
        name: String,
    },
    /// A parser directive is given twice.
    #[error("the directive {name} is set twice")]
    RepeatedDirective {
        /// Its name.
        name: String,
    },
    /// The escape directive names another character than a backslash or a backtick.
    #[error("`{value}` is not an escape character; use `\\` or `")]
    EscapeCharacter {
        /// What it names.
        value: String,
    },
    /// An instruction that does not exist.
    #[error("unknown instruction {name}{}", .nearest.map(|nearest| format!("; did you mean {nearest}?")).unwrap_or_default())]
    UnknownInstruction {
        /// The word that is in its place.
        name: String,
        /// The instruction that is spelled most alike.
        nearest: Option<&'static str>,
    },
    /// An instruction without what it needs.
    #[error("{name} needs {needs}")]
    MissingArguments {
        /// The instruction.
        name: &'static str,
        /// What it needs, in words.
        needs: &'static str,
    },
    /// More than an instruction takes.
    #[error("{name} takes {takes}")]
    ExtraArguments {
        /// The instruction.
        name: &'static str,
        /// What it takes, in words.
        takes: &'static str,
    },
    /// A flag that the instruction does not have.
    #[error("{name} has no flag --{flag}")]
    UnknownFlag {
        /// The instruction.
        name: &'static str,
        /// The flag.
        flag: String,
    },
    /// A flag without the value that it takes.
    #[error("--{flag} of {name} takes {takes}")]
    FlagValue {
        /// The instruction.
        name: &'static str,
        /// The flag.
        flag: String,
        /// What it takes, in words.
        takes: &'static str,
    },
    /// A flag that is given twice.
    #[error("--{flag} of {name} is set twice")]
    RepeatedFlag {
        /// The instruction.
        name: &'static str,
        /// The flag.
        flag: String,
    },
    /// A JSON array with something else than strings in it.
    #[error("the exec form only takes strings")]
    NotStrings,
    /// `SHELL` is not in the exec form.
    #[error("SHELL takes a JSON array of strings")]
    NotExecForm,
    /// A word among `NAME=VALUE` words that has no `=`.
    #[error("`{word}` has no `=`; write NAME=VALUE")]
    NotAssignment {
        /// The word.
        word: String,
    },
    /// A here-document that does not end.
    #[error("the here-document {name} has no closing line {name}")]
    UnendedHeredoc {
        /// The word that would end it.
        name: String,
    },
    /// `ONBUILD` of an instruction that may not be delayed.
    #[error("ONBUILD may not contain {name}")]
    OnbuildOf {
        /// The instruction.
        name: String,
    },
}
