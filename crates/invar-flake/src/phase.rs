//! What the shell text of a derivation puts where.
//!
//! The text of a phase (`installPhase`, the `buildCommand` of `runCommand`, `postBuild` of `symlinkJoin`,
//! `extraCommands` of an image) is read command by command, with the variables that the derivation's attributes give
//! it, over a file system that holds nothing but names. Nothing is run. What comes out is, for each path of the output,
//! a file of the project, something of another package, a link, a text, or a wrapper; and every command that means
//! something else, with its line.
//!
//! Paths are absolute within this file system. The project's files are seen through the places of
//! [`PhaseStart::sources`]; a path below `/nix/store` that is none of these belongs to another package, and is kept as
//! it is written.
//!
//! # Limits
//! A text is read up to [`LONGEST`] bytes, [`STEPS`] commands are followed, and [`ENTRIES`] paths are kept; what is
//! beyond is an [`UnknownCommand`].
mod arguments;
mod blocks;
mod commands;
mod condition;
mod copy;
mod expand;
mod files;
mod hooks;
mod interpreter;
mod script;
mod wrapper;
mod write;

use std::collections::BTreeMap;

pub use interpreter::Interpreter;
pub use script::{NotALauncher, read_launcher};
pub use wrapper::{EnvChange, FirstArgument, UnreadFlag, Wrapper};

/// Bytes of one text that are read.
pub const LONGEST: usize = 1 << 20;
/// Commands that are followed, with each turn of a loop.
pub const STEPS: usize = 20_000;
/// Paths that are kept.
pub const ENTRIES: usize = 20_000;
/// Commands that are not read, of which something is said.
const UNREAD: usize = 1000;
/// Bytes of all texts that are kept.
const TEXTS: usize = 8 << 20;

/// What the commands of a derivation start from.
#[derive(Debug, Clone)]
pub struct PhaseStart<'a> {
    /// Variables with their values; `None` for those that are set to something that is unknown.
    pub variables: BTreeMap<String, Option<String>>,
    /// Variables that are arrays.
    pub arrays: BTreeMap<String, Vec<String>>,
    /// The directory whose content is the result, such as the value of `$out`, or `/` for an image's root.
    pub output: String,
    /// The directory in which the commands start.
    pub directory: String,
    /// Directories that show a part of the project: the absolute path, and the path in the project (`""` for all of
    /// it).
    pub sources: Vec<(String, String)>,
    /// The project's files, by path, with their text where it is known.
    pub files: &'a BTreeMap<String, Option<String>>,
}

/// Where something is: a line of a phase's text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PhaseLine {
    /// The attribute that holds the text, such as `installPhase`.
    pub phase: String,
    /// The line in that text, from 1.
    pub line: usize,
}

/// What a derivation puts where.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PhaseTree {
    /// By path, relative to the output and without a slash at its start; `""` is the output itself.
    ///
    /// A last part of `*` (or another pattern) stands for all that it matches in the package that [`FileContent::Foreign`] or
    /// [`FileContent::Link`] names.
    pub entries: BTreeMap<String, Entry>,
    /// Commands that mean something that is unknown here, in their order.
    pub unread: Vec<UnknownCommand>,
    /// Owners and modes of what no entry stands for, such as directories of another package.
    pub owners: Vec<Owner>,
}

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub put: FileContent,
    /// The permission bits, where a command sets them.
    pub mode: Option<u32>,
    /// The command that put it there.
    pub at: PhaseLine,
}

/// What a command puts at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileContent {
    /// A directory.
    Directory,
    /// A file or directory of the project, by its path there.
    Project {
        /// The path; `""` is all of the project.
        from: String,
    },
    /// A file or directory of another package.
    Foreign {
        /// Its absolute path, with the package's placeholder.
        from: String,
    },
    /// A symbolic link.
    Link {
        /// Where it leads, as it is written: absolute, or relative to its own directory.
        to: String,
    },
    /// A program that starts another.
    Wrapper(Box<Wrapper>),
    /// A text.
    Text {
        /// The text.
        content: String,
    },
    /// Something, but what it is depends on what a command does.
    Unknown {
        /// The command.
        command: String,
        /// Why it is unknown.
        why: String,
    },
}

/// A command that means something that is unknown here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownCommand {
    /// Where it is.
    pub at: PhaseLine,
    /// The command, on one line.
    pub command: String,
    /// Why it is not read.
    pub why: String,
}

/// A change of owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Where it is.
    pub at: PhaseLine,
    /// The path, relative to the output.
    pub path: String,
    /// The owner as `chown` takes it.
    pub owner: String,
    /// Whether all that is below has it, too.
    pub recursive: bool,
}

#[cfg(test)]
mod tests;
