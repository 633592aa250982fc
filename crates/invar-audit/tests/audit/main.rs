//! What an audit finds, and that no input breaks it.
mod compose;
mod dockerfile;
mod flake;
mod hostile;
mod image;
mod scripts;
