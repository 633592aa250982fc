//! A program for the image that sets variables and arguments and starts another, without a shell.
//!
//! Replaces a wrapper script (`export FONTCONFIG_FILE=...; exec real "$@"`) in an image without a shell. [`launcher`]
//! creates a static executable of about a kilobyte that starts one program with its first arguments and some variables.
//! Its machine code is written by hand, instruction by instruction, so its bytes do not depend on a compiler.
//!
//! # What it does
//! * `argv` of the program is its own path or [another name](Launcher::name), then [`Launcher::arguments`], then the
//!   arguments of the caller, then [`Launcher::last_arguments`].
//! * The environment is the caller's, in its order, without the variables that are set or unset, and then the variables
//!   that are set, in the byte order of their names. Entries without a `=` and repeated ones pass.
//! * `PATH`, if [`Launcher::prefix_path`] is not empty, is these folders and then what it was. A `PATH` that is missing
//!   or empty becomes these folders alone, and of a repeated one the first counts.
//! * A variable of [`Launcher::prefixes`] or [`Launcher::suffixes`] is what it was between these values. Where it is
//!   missing or empty it is the values alone, without a separator at an end. One of [`Launcher::defaults`] is only
//!   given where it is missing, and then the values are put around that. Of a repeated one the first counts. What was
//!   missing comes after the caller's variables, in the byte order of their names.
//! * It changes to [`Launcher::directory`], if set.
//! * It then becomes the program (`execve`): there is no extra process, and signals, files and limits are unchanged.
//! * If that fails, it writes `NAME: cannot start PROGRAM`, or `NAME: cannot enter DIRECTORY`, to the standard error,
//!   where `NAME` is how it was called, and exits with 126 if it was not allowed (`EACCES`) and with 127 otherwise, as
//!   a shell does.
//!
//! # How
//! Everything is built on the stack: two arrays of pointers, to strings that are in the executable or that the kernel
//! has put above. So the kernel's own limit on arguments and variables, a quarter of the stack, bounds what is needed.
//! There is no heap, no writable segment, and no instruction that reads anything but these.
mod aarch64;
mod assembler;
mod elf;
mod error;
mod program;
mod variable;
mod x86_64;

use std::collections::{BTreeMap, BTreeSet};

pub use error::LauncherError;
pub use invar_tree::Machine;

/// What a program is called by: the first of its arguments.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ProgramName {
    /// Its own path.
    #[default]
    Program,
    /// This name.
    Name(String),
    /// The name that the launcher is called by. A caller that gives none leaves the program its path.
    Caller,
}

/// Values that are put before or after what is in a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Values {
    /// The values.
    pub values: Vec<String>,
    /// What is between two values, and between them and what the variable was.
    pub separator: String,
}

/// What a launcher starts, and how.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Launcher {
    /// The processor.
    pub machine: Machine,
    /// The absolute path of the program in the image.
    pub program: String,
    /// Arguments that come before those of the caller.
    pub arguments: Vec<String>,
    /// Variables that are set, whatever the caller has set them to; the values by the names.
    pub set: BTreeMap<String, String>,
    /// Variables that are removed. What is also in `set` is set.
    pub unset: BTreeSet<String>,
    /// Folders that are put before what is in `PATH`: absolute paths without a colon. If `PATH` is in `set`, they come
    /// before that.
    pub prefix_path: Vec<String>,
    /// What the program is called by.
    pub name: ProgramName,
    /// Arguments that come after those of the caller.
    pub last_arguments: Vec<String>,
    /// Variables that are set where the caller has not set them; the values by the names.
    pub defaults: BTreeMap<String, String>,
    /// What is put before the values of variables, by their names. If a variable is in `set` too, it comes before that.
    pub prefixes: BTreeMap<String, Values>,
    /// What is put after the values of variables, by their names. If a variable is in `set` too, it comes after that.
    pub suffixes: BTreeMap<String, Values>,
    /// The folder that the program is started in: an absolute path.
    pub directory: Option<String>,
}

/// The version of the programs that [`launcher`] writes. Raise it when the same input gives anything else.
///
/// Keys of the store have it, so what earlier code made is not found any more.
pub const LAUNCHER_VERSION: u32 = 1;

/// The bytes of the executable; its mode is to be `0755`.
///
/// Format break: a change of what this returns changes every image that has a launcher.
///
/// # Errors
/// [`LauncherError`].
pub fn launcher(launcher: &Launcher) -> Result<Vec<u8>, LauncherError> {
    let data = program::Data::of(launcher)?;
    let mut assembler = assembler::Assembler::new(elf::HEADERS);
    match launcher.machine {
        Machine::X86_64 => x86_64::code(&mut assembler, &data),
        Machine::Aarch64 => aarch64::code(&mut assembler, &data),
    }
    data.write(&mut assembler);
    Ok(elf::executable(launcher.machine, &assembler.finish(elf::BASE)))
}
