//! Dockerfiles as BuildKit reads them, and that no text breaks the reader.
mod hostile;
mod parse;
mod shell;
mod stages;
