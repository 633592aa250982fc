/// Why there is no such launcher.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LauncherError {
    /// The program's path is not absolute, has a NUL byte, or is longer than a path can be.
    #[error("a launcher cannot start {program:?}: expected an absolute path of at most 4095 bytes")]
    Program {
        /// The path as given.
        program: String,
    },
    /// A variable's name is empty or has a `=` or a NUL byte.
    #[error("{name:?} cannot name a variable: expected a name without \"=\"")]
    Name {
        /// The name as given.
        name: String,
    },
    /// A value has a NUL byte.
    #[error("the variable {name} cannot have the value {value:?}: a NUL byte would end it")]
    Value {
        /// The variable's name.
        name: String,
        /// The value as given.
        value: String,
    },
    /// An argument has a NUL byte.
    #[error("a launcher cannot hand on the argument {argument:?}: a NUL byte would end it")]
    Argument {
        /// The argument as given.
        argument: String,
    },
    /// A folder cannot be in `PATH`.
    #[error("{folder:?} cannot be added to PATH: expected an absolute path without a colon")]
    Folder {
        /// The folder as given.
        folder: String,
    },
    /// The folder to start in is not absolute, has a NUL byte, or is longer than a path can be.
    #[error("a launcher cannot enter {directory:?}: expected an absolute path of at most 4095 bytes")]
    Directory {
        /// The path as given.
        directory: String,
    },
    /// More variables are changed, and not just set, than the launcher can remember having seen.
    #[error("{found} variables have a default, a prefix or a suffix: the limit is {limit}")]
    TooMany {
        /// How many there are.
        found: usize,
        /// The most there can be.
        limit: usize,
    },
    /// Linux takes no argument or variable of more than 131,071 bytes.
    #[error("an argument or variable has {length} bytes: the limit is {limit}")]
    Long {
        /// Its length in bytes.
        length: usize,
        /// The most there can be, in bytes.
        limit: usize,
    },
    /// All strings together are too long.
    #[error("the arguments and variables of a launcher have {length} bytes: the limit is {limit}")]
    TooLong {
        /// Their length in bytes, with what it takes to find them.
        length: usize,
        /// The most there can be, in bytes.
        limit: usize,
    },
}
