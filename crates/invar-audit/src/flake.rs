//! The audit of a flake, or of another Nix expression.
mod expression;
mod lock;

use invar_dockerfile::Span;
use invar_nix::NixError;
use rnix::TextRange;
use rowan::ast::AstNode as _;

use crate::report::Report;

/// A Nix expression that cannot be audited.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FlakeError {
    /// It cannot be read.
    #[error("{0}")]
    Nix(#[from] NixError),
    /// The lock is invalid.
    #[error("invalid flake.lock: {message}")]
    Lock {
        /// What is wrong.
        message: String,
    },
}

impl FlakeError {
    /// Where the fault is.
    pub fn span(&self) -> Option<Span> {
        match self {
            Self::Nix(NixError::Syntax { span, .. }) => Some(Span::new(span.start, span.end)),
            _ => None,
        }
    }
}

/// Whether an expression is a flake, and what is next to it.
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
    let parsed = invar_nix::parse(text)?;
    let root = parsed.syntax().clone();
    let mut findings = Vec::new();
    expression::check(&root, &mut findings);
    if lock != Lock::NotAFlake {
        lock::check(&root, lock, &mut findings)?;
    }
    Ok(Report::new(name, text, findings, &[]))
}

pub(crate) fn span(range: TextRange) -> Span {
    Span::new(usize::from(range.start()), usize::from(range.end()))
}
