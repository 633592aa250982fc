//! A program for the image that sets variables and arguments and starts another, without a shell.
//!
//! Where others put a shell script in front of a program (`export FONTCONFIG_FILE=...; exec real "$@"`), an image
//! without a shell needs a program. [`launcher`] makes one: a static executable of about a kilobyte that knows one
//! program, its first arguments and some variables. Its machine code is written here by hand, instruction by instruction,
//! so its bytes depend on no compiler.
//!
//! # What it does
//! * `argv` of the program is its own path, then [`Launcher::arguments`], then the arguments of the caller.
//! * The environment is the caller's, in its order, without the variables that are set or unset, and then the variables
//!   that are set, in the byte order of their names. Entries without a `=` and repeated ones pass.
//! * `PATH`, if [`Launcher::prefix_path`] is not empty, is these folders and then what it was. A `PATH` that is missing
//!   or empty becomes these folders alone, and of a repeated one the first counts.
//! * It then becomes the program (`execve`): no process is added, and signals, files and limits are as they were.
//! * If that fails, it writes `NAME: cannot start PROGRAM` to the standard error, where `NAME` is how it was called, and
//!   exits with 126 if it was not allowed (`EACCES`) and with 127 otherwise, as a shell does.
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
mod x86_64;

use std::collections::{BTreeMap, BTreeSet};

pub use error::LauncherError;
pub use invar_tree::Machine;

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
    /// Variables that are taken away. What is also in `set` is set.
    pub unset: BTreeSet<String>,
    /// Folders that are put before what is in `PATH`: absolute paths without a colon. If `PATH` is in `set`, they come
    /// before that.
    pub prefix_path: Vec<String>,
}

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
