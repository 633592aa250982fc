//! Parses Dockerfiles: instructions, stages, variables, and the commands inside `RUN`, each with its location.
//!
//! | step | what it gives |
//! | --- | --- |
//! | [`parse`] | directives, comments and [`Instruction`]s, typed, with spans |
//! | [`Stages::of`] | stages with their bases, and [`Walk`]: each instruction with the variables that it sees |
//! | [`Scope::expand`] | what `$NAME`, `${NAME:-word}` and similar come to, and which names have no known value |
//! | [`run_commands`] | the simple commands of a `RUN`, through lists, pipes, subshells and here-documents |
//!
//! The syntax is that of BuildKit's parser and shell lexer (`frontend/dockerfile/parser`, `shell` and `instructions`)
//! and of the Dockerfile reference.
//!
//! # Goals
//! * Reads the same as BuildKit: continuations with comments in them, several here-documents on one line,
//!   the exec form as strict JSON, flags before arguments, the scopes of `ARG` and `ENV`.
//! * Every word knows its bytes in the file, also after continuations and quotes were removed, so a finding inside
//!   a long `RUN` has the right line.
//! * No input causes a panic, an endless loop or excessive memory use: see [`Limits`].
//!
//! # Non-goals
//! * No build, no network, no disk: what a base image sets is unknown, and is reported as unknown.
//! * No shell: commands are split as POSIX shells split them, and only names with known values are evaluated.
mod checks;
mod continuation;
mod directive;
mod error;
mod exec;
mod expand;
mod flag;
mod heredoc;
mod instruction;
mod limits;
mod parse;
mod pattern;
mod reference;
mod run;
mod scope;
mod shell;
mod stage;
mod stage_fault;
mod text;
mod values;
mod variables;
mod words;

pub use directive::Directive;
pub use error::{Fault, ParseError};
pub use expand::{Expansion, ExpansionFault};
pub use heredoc::Heredoc;
pub use instruction::{
    Assignment, Command, Comment, Dockerfile, Flag, Healthcheck, Instruction, InstructionKind, Source,
    Transfer, Word,
};
pub use limits::Limits;
pub use parse::parse;
pub use reference::{ImageReference, InvalidReference};
pub use run::{RunScript, is_shell, run_commands};
pub use scope::{Origin, Scope, Value};
pub use shell::{
    Block, BlockKind, BlockPart, Connector, Redirect, Script, ShellAssignment, ShellCommand, ShellPart,
    ShellWord, split_commands,
};
pub use stage::{Base, BuildArguments, Stage, Stages, Walk};
pub use stage_fault::StageFault;
pub use text::{LineIndex, Position, Span, Text};
