//! The programs that a Dockerfile starts, also through scripts and through other programs.
mod call;
mod graph;
mod scripts;
mod stage_files;
mod wrappers;

pub(crate) use call::{Argument, Call, OutputUse};
pub(crate) use graph::{CallGraph, LIMIT};
pub(crate) use scripts::ScriptFile;
pub(crate) use wrappers::is_python;
