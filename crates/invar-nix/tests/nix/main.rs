//! The Nix language: its values, by us and by Nix itself, and that no text breaks the evaluator.
#![expect(clippy::print_stderr, reason = "skipped tests report so")]
mod evaluation;
mod expressions;
mod hostile;
mod real;
mod symbols;
