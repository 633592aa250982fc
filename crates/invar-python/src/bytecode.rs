//! Compiled Python (`.pyc`) in a form that does not depend on how it came to be.
//!
//! An interpreter writes a module's code as a graph of objects, and what it writes shows its own history: whether a
//! string was interned because another module uses it too, how often an object happened to be referenced, in which
//! order a set gave its elements. [`canonical_pyc`] reads such a file completely and writes the same graph in the one
//! way described here.
//!
//! # The file
//! ```text
//! u16  magic number of the interpreter     PEP 3147; six of them are known, CPython 3.9 to 3.14
//! u16  "\r\n"
//! u32  flags, 1: "hash-based, unchecked"   PEP 552; with a time or a checked hash it would depend on its source file
//! u64  SipHash of the source, kept
//! ...  one object, a code object           the `marshal` module, format version 4, in 3.14 version 5
//! ```
//! Numbers are little-endian. An object is one byte for its type, and what follows it:
//! ```text
//! N F T S .  None, False, True, StopIteration, Ellipsis
//! i  i32                                   l  i32 count, negative for a negative number; u16 digits of 15 bits
//! g  f64                                   y  two f64
//! s  u32 length, bytes                     u t  u32 length, UTF-8 that may hold surrogates; t is interned
//! z Z  u8 length, ASCII; Z is interned     a A  u32 length, ASCII; A is interned
//! )  u8 count, objects                     (  u32 count, objects: both a tuple
//! [ < >  u32 count, objects: a list, a set, a frozenset
//! {  pairs of objects, then the byte 0     :  three objects: a slice, 3.14 only
//! c  a code object, see below              r  u32: the object of that number
//! ```
//! An object whose type has the bit `0x80` set gets the next number, from 0, counted where its type byte is, so
//! that a container comes before what is in it. A code object has these fields, the lower case ones numbers (`i32`)
//! without a type byte, the others objects:
//! ```text
//! 3.9, 3.10    argcount posonlyargcount kwonlyargcount nlocals stacksize flags
//!              CODE CONSTS NAMES VARNAMES FREEVARS CELLVARS FILENAME NAME firstlineno LINETABLE
//! since 3.11   argcount posonlyargcount kwonlyargcount stacksize flags
//!              CODE CONSTS NAMES LOCALSPLUSNAMES LOCALSPLUSKINDS FILENAME NAME QUALNAME firstlineno
//!              LINETABLE EXCEPTIONTABLE
//! ```
//!
//! # The canonical form
//! * Equal immutable objects are one object: two strings, numbers (floats with equal bits), tuples and so on of the
//!   same type and content. Code objects and mutable containers stay as many as they were.
//! * Every object is written where it comes first, and only objects that come again have the bit `0x80`. Every
//!   further time is an `r`, except for what an interpreter has only once anyway and is shorter: the five constants,
//!   the empty tuple, and ASCII strings of up to one character.
//! * A string is interned if it has only ASCII letters, digits and `_` (an interpreter interns such constants when it
//!   makes a code object of them), or is in `NAMES`, `VARNAMES`, `FREEVARS`, `CELLVARS`, `LOCALSPLUSNAMES`, or in a
//!   field whose strings the compiler of that version interns: `NAME` in 3.9 and 3.10; `NAME`, `QUALNAME` and
//!   `FILENAME` since 3.13.
//! * Strings, tuples and numbers have the shortest type that can hold them.
//! * The elements of sets are ordered by the sha256 of `kind, length, content` (see `digest.rs`).
//!
//! What was one object before is one object afterwards. The result has at most 5/3 of the input's bytes.
//!
//! Format break: a change to this form, or to [`COMPILER`], changes the digest of every image with compiled files.
use invar_tree::ImagePath;

mod compile;
mod digest;
mod error;
mod graph;
mod input;
mod layout;
mod read;
mod write;

pub use compile::COMPILER;
pub use error::BytecodeError;

use layout::Version;

/// Longer files are refused: no module's code comes near it.
const MOST_BYTES: usize = 1 << 28;

/// The bytes before the code object.
const HEADER: usize = 16;

/// The version of the canonical form that [`canonical_pyc`] gives. Raise it when the same input gives anything else.
///
/// Keys of the store have it, so what earlier code made is not found any more.
pub const BYTECODE_VERSION: u32 = 1;

/// `bytes`, a whole `.pyc` file, in canonical form.
///
/// The result loads as an equal code object, and is its own canonical form.
///
/// # Errors
/// [`BytecodeError`] for anything that CPython 3.9 to 3.14 would not have written for a hash-based, unchecked file.
pub fn canonical_pyc(bytes: &[u8]) -> Result<Vec<u8>, BytecodeError> {
    if bytes.len() > MOST_BYTES {
        return Err(BytecodeError::TooLarge { found: bytes.len(), limit: MOST_BYTES });
    }
    let Some((header, _)) = bytes.split_at_checked(HEADER) else {
        return Err(BytecodeError::Truncated { offset: 0, needed: HEADER, left: bytes.len() });
    };
    let version = Version::of_magic([header[0], header[1], header[2], header[3]])?;
    let flags = u32::from_le_bytes([header[4], header[5], header[6], header[7]]);
    if flags != 1 {
        return Err(BytecodeError::Flags { found: flags });
    }
    let graph = read::read(bytes, HEADER, version)?;
    let mut canonical = Vec::with_capacity(bytes.len());
    canonical.extend_from_slice(header);
    write::write(&graph, version, &mut canonical);
    Ok(canonical)
}

/// Where the interpreter with the cache tag `tag` (such as `cpython-313`) looks for the compiled form of `source`
/// (PEP 3147): `__pycache__/name.cpython-313.pyc` next to it. `None` where such a name would be too long for Linux,
/// or `tag` cannot be part of a name.
pub fn cached_path(source: &ImagePath, tag: &str) -> Option<ImagePath> {
    let name = source.name();
    // As `importlib.util.cache_from_source` does it: ".py" has an extension and no stem, and then keeps the former.
    let stem = match name.rsplit_once('.') {
        Some(("", extension)) => extension,
        Some((stem, _)) => stem,
        None => name,
    };
    if tag.is_empty() || tag.contains(['/', '\0']) {
        return None;
    }
    let folder = source.parent().map(|parent| format!("{parent}/")).unwrap_or_default();
    let folder = folder.trim_start_matches('/');
    ImagePath::parse(&format!("{folder}__pycache__/{stem}.{tag}.pyc")).ok()
}

#[cfg(test)]
mod tests;
