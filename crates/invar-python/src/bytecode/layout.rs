use super::BytecodeError;

/// The versions of CPython whose files are read, from 3.9 on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Version {
    V3_9,
    V3_10,
    V3_11,
    V3_12,
    V3_13,
    V3_14,
}

/// One field of a code object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    /// An `i32` without a type byte.
    Number,
    /// An object of some type.
    Object(&'static str, Shape),
}

/// What the object in a field must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Bytes,
    Tuple,
    /// A tuple of strings, which are interned.
    Names,
    Text,
    /// A string that is interned.
    Name,
}

impl Shape {
    /// In words, for an error.
    pub(super) fn describe(self) -> &'static str {
        match self {
            Self::Bytes => "a bytes object",
            Self::Tuple => "a tuple",
            Self::Names => "a tuple of strings",
            Self::Text | Self::Name => "a string",
        }
    }
}

impl Version {
    /// The version whose released interpreters write `magic`. Magic numbers of alphas and betas are refused: the
    /// layout of their files is unknown.
    pub(super) fn of_magic(magic: [u8; 4]) -> Result<Self, BytecodeError> {
        match (u16::from_le_bytes([magic[0], magic[1]]), &magic[2..]) {
            (3425, b"\r\n") => Ok(Self::V3_9),
            (3439, b"\r\n") => Ok(Self::V3_10),
            (3495, b"\r\n") => Ok(Self::V3_11),
            (3531, b"\r\n") => Ok(Self::V3_12),
            (3571, b"\r\n") => Ok(Self::V3_13),
            (3627, b"\r\n") => Ok(Self::V3_14),
            _ => Err(BytecodeError::Magic { found: magic }),
        }
    }

    /// Whether files may hold slices.
    pub(super) fn has_slices(self) -> bool {
        self >= Self::V3_14
    }

    /// The fields of a code object, in the order of the file.
    pub(super) fn fields(self) -> &'static [Field] {
        match self {
            Self::V3_9 | Self::V3_10 => &SINCE_3_9,
            Self::V3_11 | Self::V3_12 => &SINCE_3_11,
            Self::V3_13 | Self::V3_14 => &SINCE_3_13,
        }
    }
}

use Field::{Number, Object};

const SINCE_3_9: [Field; 16] = [
    Number, // argcount
    Number, // posonlyargcount
    Number, // kwonlyargcount
    Number, // nlocals
    Number, // stacksize
    Number, // flags
    Object("co_code", Shape::Bytes),
    Object("co_consts", Shape::Tuple),
    Object("co_names", Shape::Names),
    Object("co_varnames", Shape::Names),
    Object("co_freevars", Shape::Names),
    Object("co_cellvars", Shape::Names),
    Object("co_filename", Shape::Text),
    Object("co_name", Shape::Name),
    Number, // firstlineno
    Object("co_linetable", Shape::Bytes),
];

const SINCE_3_11: [Field; 16] = newer(Shape::Text);
const SINCE_3_13: [Field; 16] = newer(Shape::Name);

/// The fields since 3.11. `name` is what the code's names for people are: strings, interned by newer compilers.
const fn newer(name: Shape) -> [Field; 16] {
    [
        Number, // argcount
        Number, // posonlyargcount
        Number, // kwonlyargcount
        Number, // stacksize
        Number, // flags
        Object("co_code", Shape::Bytes),
        Object("co_consts", Shape::Tuple),
        Object("co_names", Shape::Names),
        Object("co_localsplusnames", Shape::Names),
        Object("co_localspluskinds", Shape::Bytes),
        Object("co_filename", name),
        Object("co_name", name),
        Object("co_qualname", name),
        Number, // firstlineno
        Object("co_linetable", Shape::Bytes),
        Object("co_exceptiontable", Shape::Bytes),
    ]
}
