/// Why a file is not compiled Python that can be written in canonical form.
///
/// Offsets are in bytes from the file's beginning.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BytecodeError {
    /// The file is longer than any compiled module.
    #[error("it has {found} bytes; the limit is {limit}")]
    TooLarge {
        /// Its length.
        found: usize,
        /// How much is read.
        limit: usize,
    },
    /// A length or count says that more follows than does.
    #[error("expected at least {needed} more bytes at byte {offset}, found {left}")]
    Truncated {
        /// Where the missing bytes should begin.
        offset: usize,
        /// How many there should be.
        needed: usize,
        /// How many there are.
        left: usize,
    },
    /// The first four bytes are not those of a known interpreter.
    #[error(
        "the magic number {} {:02x?} is not from CPython 3.9 to 3.14: compile it with one of these",
        u16::from_le_bytes([found[0], found[1]]), &found[2..]
    )]
    Magic {
        /// The four bytes.
        found: [u8; 4],
    },
    /// The file is tied to its source's time, or to its source's hash with a check at every import.
    #[error(
        "its flags are {found:#x}, but must be 0x1: compile it with the invalidation mode \"unchecked-hash\""
    )]
    Flags {
        /// The flags.
        found: u32,
    },
    /// A type that this version of CPython does not write.
    #[error("the byte {found:#04x} at byte {offset} is not the type of an object")]
    Type {
        /// Where the byte is.
        offset: usize,
        /// The byte.
        found: u8,
    },
    /// Objects are nested deeper than an interpreter reads.
    #[error("at byte {offset} objects are nested more than {limit} deep")]
    Nesting {
        /// Where the object is that is too deep, or that makes the one around it so.
        offset: usize,
        /// How deep they may be.
        limit: u32,
    },
    /// A reference to an object that did not come before it, or that it is a part of.
    #[error("the reference at byte {offset} is to the object {index}, which is incomplete")]
    Reference {
        /// Where the reference is.
        offset: usize,
        /// The object's number.
        index: u32,
    },
    /// A string that is not in the encoding of its type.
    #[error("the string at byte {offset} is not valid {encoding}")]
    Text {
        /// Where its type is.
        offset: usize,
        /// The encoding: ASCII or UTF-8.
        encoding: &'static str,
    },
    /// An integer that CPython would write in a shorter way.
    #[error("the integer at byte {offset} is not in its shortest form")]
    Integer {
        /// Where its type is.
        offset: usize,
    },
    /// The end of a dictionary where an object should be.
    #[error("at byte {offset} a dictionary ends where an object is expected")]
    End {
        /// Where the end is.
        offset: usize,
    },
    /// A field of a code object holds an object of another type.
    #[error("at byte {offset} the field {field} of a code object is not {expected}")]
    Field {
        /// Where the object, or the reference to it, is.
        offset: usize,
        /// The field, as an attribute in Python.
        field: &'static str,
        /// What it should be, with its article.
        expected: &'static str,
    },
    /// A set holds what has no hash, or code, which has no content to be ordered by.
    #[error("the set at byte {offset} holds a list, a dictionary, a set or code")]
    Element {
        /// Where the set's type is.
        offset: usize,
    },
    /// The file holds something else than code.
    #[error("it holds no code object")]
    NotCode,
    /// There are bytes after the code object.
    #[error("{left} bytes follow the code object, which ends at byte {offset}")]
    Trailing {
        /// Where they begin.
        offset: usize,
        /// How many there are.
        left: usize,
    },
}
