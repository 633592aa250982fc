//! Why an expression has no value.
use std::fmt;
use std::sync::Arc;

use crate::ids::SymbolId;
use crate::place::Position;

/// The result of evaluating.
pub type Outcome<T> = Result<T, Box<EvalError>>;

/// Places on the way to an error that are kept.
pub(crate) const LONGEST_TRACE: usize = 12;

/// An error with where it came up and how the evaluation got there. It can leave the thread of the evaluation.
#[derive(Debug, Clone)]
pub struct EvalError {
    /// What is wrong.
    pub kind: ErrorKind,
    /// The expression in which it came up, if that is written anywhere.
    pub place: Option<Position>,
    /// The expressions that needed it, innermost first, at most twelve.
    pub trace: Vec<Position>,
}

impl fmt::Display for EvalError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(place) => write!(formatter, "{place}: {}", self.kind),
            None => write!(formatter, "{}", self.kind),
        }
    }
}

impl std::error::Error for EvalError {}

/// Which bound of [`Limits`](crate::Limits) was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// Steps of evaluation.
    Steps,
    /// Expressions inside each other, or calls that wait for each other.
    Depth,
    /// Bytes.
    Memory,
}

impl fmt::Display for Bound {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Steps => "steps",
            Self::Depth => "nested calls",
            Self::Memory => "bytes of memory",
        })
    }
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// `throw`.
    #[error("{0}")]
    Throw(Arc<str>),
    /// `abort`.
    #[error("evaluation aborted: {0}")]
    Abort(Arc<str>),
    /// `assert` of something false.
    #[error("assertion `{0}` failed")]
    Assert(Arc<str>),
    /// A value of another kind is needed.
    #[error("expected {expected}, found {found}")]
    Type {
        /// What is needed.
        expected: &'static str,
        /// What is there.
        found: &'static str,
    },
    /// A value that is no string, in a string.
    #[error("cannot turn {0} into a string")]
    NotText(&'static str),
    /// Two values that have no order.
    #[error("cannot compare {left} with {right}")]
    Incomparable {
        /// The kind of the left one.
        left: &'static str,
        /// The kind of the right one.
        right: &'static str,
    },
    /// A set has no such attribute.
    #[error("attribute `{name}` is missing")]
    MissingAttribute {
        /// Its name.
        name: Arc<str>,
    },
    /// A function is called without an argument that it needs.
    #[error("the function is called without the required argument `{0}`")]
    MissingArgument(Arc<str>),
    /// A function is called with an argument that it does not take.
    #[error("the function is called with the unexpected argument `{0}`")]
    UnexpectedArgument(Arc<str>),
    /// A value that depends on itself.
    #[error("infinite recursion")]
    InfiniteRecursion,
    /// A name that nothing defines.
    #[error("undefined variable `{0}`")]
    UndefinedVariable(Arc<str>),
    /// An attribute or variable that is defined twice.
    #[error("`{name}` is already defined at {first}")]
    Duplicate {
        /// Its name.
        name: Arc<str>,
        /// Where first.
        first: Position,
    },
    /// A division by zero.
    #[error("division by zero")]
    DivisionByZero,
    /// A result outside 64 bits.
    #[error("integer overflow in {left} {operator} {right}")]
    Overflow {
        /// Left operand.
        left: i64,
        /// The operator's sign.
        operator: &'static str,
        /// Right operand.
        right: i64,
    },
    /// An argument of the right kind that a builtin has no use for.
    #[error("{builtin}: {problem}")]
    Argument {
        /// The builtin's name.
        builtin: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// What differs from machine to machine, or from day to day.
    #[error("{what} is not reproducible: {why}")]
    Impure {
        /// What the expression asks for.
        what: String,
        /// Why it has no fixed value.
        why: &'static str,
    },
    /// A concrete value is needed of what is known only by how it came about.
    #[error("the value of `{description}` is unknown, but {needed} is needed")]
    Unknown {
        /// The symbol.
        symbol: SymbolId,
        /// How it came about.
        description: String,
        /// What is needed of it.
        needed: &'static str,
    },
    /// A bound was reached.
    #[error("the evaluation needs more than {limit} {bound}")]
    Limit {
        /// Which.
        bound: Bound,
        /// Its size.
        limit: u64,
    },
    /// A file that is not in the project.
    #[error("`{0}` does not exist, or is not a text file")]
    FileMissing(Arc<str>),
    /// A text that cannot be parsed.
    #[error("{0}")]
    Syntax(String),
    /// Something of the language that the evaluator does not have.
    #[error("{0} is not supported")]
    Unsupported(&'static str),
}

impl ErrorKind {
    /// Whether `builtins.tryEval` catches it, as Nix does.
    #[must_use]
    pub fn is_catchable(&self) -> bool {
        matches!(self, Self::Throw(_) | Self::Assert(_))
    }
}
