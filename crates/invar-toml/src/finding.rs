use std::fmt;
use std::ops::Range;

/// One thing that is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding<P> {
    /// The file's path, as the caller gave it.
    pub path: String,
    /// Which bytes of the file it is about; `None` where the file as a whole is at fault, or is missing.
    pub span: Option<Range<usize>>,
    /// An earlier place that belongs to it, such as the first of two duplicates.
    pub first: Option<Range<usize>>,
    /// What is wrong.
    pub problem: P,
}

impl<P> Finding<P> {
    /// The same finding, among others of the type `Q`.
    pub fn into<Q: From<P>>(self) -> Finding<Q> {
        let Self { path, span, first, problem } = self;
        Finding { path, span, first, problem: problem.into() }
    }
}

/// What can be wrong at one place of a kind of file.
pub trait Problem: From<KeyProblem<Self::Error>> {
    /// Why a value is not what its key asks for.
    type Error: fmt::Display;
}

/// What can be wrong with any key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyProblem<E> {
    /// A key that means nothing here.
    #[error("unknown key `{key}`{}", in_table(table))]
    UnknownKey {
        /// The key.
        key: String,
        /// The dotted path of its table, empty at the top level.
        table: String,
        /// Where a key of that name belongs.
        belongs: Option<&'static str>,
        /// The known key that is most like it.
        nearest: Option<String>,
        /// All known keys of the table.
        known: Vec<&'static str>,
    },
    /// A value of another type than its key asks for.
    #[error("`{key}` must be {expected}, not {found}")]
    WrongType {
        /// The key's dotted path.
        key: String,
        /// What was expected.
        expected: &'static str,
        /// What was found.
        found: &'static str,
    },
    /// A value that breaks its key's grammar.
    #[error("`{key}`: {error}")]
    BadValue {
        /// The key's dotted path.
        key: String,
        /// What is wrong with it.
        error: E,
    },
    /// An argument, value or path with a NUL byte, which no program can be given.
    #[error("`{key}`: {text:?} has a NUL byte")]
    Nul {
        /// The key's dotted path.
        key: String,
        /// The text as given.
        text: String,
    },
    /// A number out of its range.
    #[error("`{key}`: {number} is out of range: expected {least} to {most}")]
    OutOfRange {
        /// The key's dotted path.
        key: String,
        /// The number as given.
        number: String,
        /// The smallest that is accepted.
        least: u64,
        /// The largest that is accepted.
        most: u64,
    },
    /// Something that may come once comes again.
    #[error("`{key}` lists {name} twice")]
    Duplicate {
        /// The key's dotted path.
        key: String,
        /// What comes twice.
        name: String,
    },
    /// A key that must be there is not.
    #[error("`{key}` is missing")]
    Missing {
        /// The key's dotted path.
        key: String,
    },
}

fn in_table(table: &str) -> String {
    if table.is_empty() { String::new() } else { format!(" in [{table}]") }
}

impl<E> KeyProblem<E> {
    /// What the author can do, where the kind of problem alone says it.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::UnknownKey { key, belongs: Some(place), .. } => format!("`{key}` belongs to {place}"),
            Self::UnknownKey { nearest: Some(nearest), .. } => format!("did you mean `{nearest}`?"),
            Self::UnknownKey { known, .. } => format!("known keys: {}", known.join(", ")),
            Self::WrongType { found: "an integer" | "true" | "false", expected: "a string", .. } => {
                "quote it".to_owned()
            }
            Self::WrongType { found: "a string", expected: "an array", .. } => {
                "write it in brackets: [\"…\"]".to_owned()
            }
            Self::WrongType { .. }
            | Self::BadValue { .. }
            | Self::Nul { .. }
            | Self::OutOfRange { .. }
            | Self::Duplicate { .. }
            | Self::Missing { .. } => return None,
        })
    }
}
