//! The Nix language: its values, by us and by Nix itself, and that no text breaks the evaluator.
mod evaluation;
mod fuzz;
mod hostile;
mod oracle;
mod symbols;
