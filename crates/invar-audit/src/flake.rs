//! The audit of a flake, or of another Nix expression.
mod expression;
mod lock;

use invar_dockerfile::Span;
use rnix::SyntaxKind::{
    TOKEN_COMMA, TOKEN_COMMENT, TOKEN_DOT, TOKEN_INTERPOL_END, TOKEN_INTERPOL_START, TOKEN_L_BRACE,
    TOKEN_L_BRACK, TOKEN_L_PAREN, TOKEN_OR, TOKEN_R_BRACE, TOKEN_R_BRACK, TOKEN_R_PAREN, TOKEN_SEMICOLON,
    TOKEN_STRING_CONTENT, TOKEN_WHITESPACE,
};
use rnix::{Root, TextRange};

use crate::finding::Report;

/// Bytes of a file.
const LONGEST: usize = 256 << 10;

/// Words and signs of one expression without brackets. Each may be a level of the tree, which is built and freed level by
/// level.
const LONGEST_CHAIN: usize = 600;
/// Brackets inside each other.
const DEEPEST: usize = 100;

/// A Nix expression that cannot be audited.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FlakeError {
    /// The file is longer than any flake.
    #[error("the file has {bytes} bytes; at most {LONGEST} are read")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// An expression has more parts than any that people write.
    #[error("an expression has more than {LONGEST_CHAIN} parts")]
    TooDeep,
    /// It is no Nix.
    #[error("this is not Nix: {message}")]
    Syntax {
        /// What is wrong.
        message: String,
        /// Where.
        span: Span,
    },
    /// The lock is none.
    #[error("flake.lock is no lock: {message}")]
    Lock {
        /// What is wrong.
        message: String,
    },
}

impl FlakeError {
    /// Where the fault is.
    pub const fn span(&self) -> Option<Span> {
        match self {
            Self::Syntax { span, .. } => Some(*span),
            _ => None,
        }
    }
}

/// Whether an expression is a flake, and what stands beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock<'a> {
    /// It is no flake, so there is nothing to lock.
    NotAFlake,
    /// It is a flake, and there is no flake.lock.
    Missing,
    /// It is a flake, and flake.lock says this.
    Text(&'a str),
}

/// Audits the Nix expression `text`, which people know as `name`.
///
/// # Errors
/// [`FlakeError`].
pub fn audit_flake(name: &str, text: &str, lock: Lock<'_>) -> Result<Report, FlakeError> {
    if text.len() > LONGEST {
        return Err(FlakeError::TooLong { bytes: text.len() });
    }
    if has_long_chain(text) {
        return Err(FlakeError::TooDeep);
    }
    let parsed = Root::parse(text);
    if let Some(error) = parsed.errors().first() {
        let (message, span) = syntax(error, text.len());
        return Err(FlakeError::Syntax { message, span });
    }
    let root = parsed.syntax();
    let mut findings = Vec::new();
    expression::check(&root, &mut findings);
    if lock != Lock::NotAFlake {
        lock::check(&root, lock, &mut findings)?;
    }
    Ok(Report::new(name, text, findings, &[]))
}

/// Whether the tree would be so deep that freeing it could overflow the stack. The parser bounds how deep brackets may
/// be nested, but not chains: `f a b c`, `a.b.c`, `a + b + c`, `!!!a`.
fn has_long_chain(text: &str) -> bool {
    // Whether each open bracket is a list's, and how long the chain in it is.
    let mut levels = vec![(false, 0)];
    let mut last = TOKEN_WHITESPACE;
    for (kind, _) in rnix::tokenize(text) {
        match kind {
            TOKEN_WHITESPACE | TOKEN_COMMENT | TOKEN_STRING_CONTENT => continue,
            TOKEN_L_BRACE | TOKEN_L_BRACK | TOKEN_L_PAREN | TOKEN_INTERPOL_START => {
                levels.push((kind == TOKEN_L_BRACK, 0));
            }
            TOKEN_R_BRACE | TOKEN_R_BRACK | TOKEN_R_PAREN | TOKEN_INTERPOL_END if levels.len() > 1 => {
                levels.pop();
            }
            _ => {}
        }
        let depth = levels.len();
        let Some((is_list, length)) = levels.last_mut() else { continue };
        // The items of a list stand beside each other, unless a dot joins them.
        let joins = |kind| matches!(kind, TOKEN_DOT | TOKEN_OR);
        let is_item = *is_list && !joins(kind) && !joins(last);
        *length = if is_item || matches!(kind, TOKEN_SEMICOLON | TOKEN_COMMA) { 0 } else { *length + 1 };
        if *length > LONGEST_CHAIN || depth > DEEPEST {
            return true;
        }
        last = kind;
    }
    false
}

pub(crate) fn span(range: TextRange) -> Span {
    Span::new(usize::from(range.start()), usize::from(range.end()))
}

fn syntax(error: &rnix::ParseError, length: usize) -> (String, Span) {
    use rnix::ParseError::{
        DuplicatedArgs, Unexpected, UnexpectedDoubleBind, UnexpectedExtra, UnexpectedWanted,
    };
    match error {
        Unexpected(range) | UnexpectedExtra(range) | UnexpectedDoubleBind(range) => {
            ("this is not expected here".to_owned(), span(*range))
        }
        UnexpectedWanted(_, range, _) => ("something else is expected here".to_owned(), span(*range)),
        DuplicatedArgs(range, name) => (format!("{name} is there twice"), span(*range)),
        other => (other.to_string(), Span::new(length, length)),
    }
}
