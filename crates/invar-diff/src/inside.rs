//! What differs inside a file.
mod archive;
mod bytecode;
mod elf;
mod text;
mod values;

use std::io::Read as _;

use flate2::read::MultiGzDecoder;
use serde::Serialize;

use crate::Change;

pub(crate) use values::value_changes;

/// How two contents of one file differ.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case", tag = "kind")]
pub enum Inside {
    /// Text: a unified diff.
    Text {
        /// Its lines.
        lines: Vec<String>,
        /// How many more there are.
        omitted: usize,
    },
    /// JSON or TOML: what is at which key.
    Values {
        /// `JSON` or `TOML`.
        format: &'static str,
        /// The changes. There are none where only the spelling differs.
        changes: Vec<ValueChange>,
    },
    /// An ELF file: a program or library.
    Elf {
        /// What its headers say, such as the build ID, each as name, old and new.
        headers: Vec<ValueChange>,
        /// The sections that differ.
        sections: Vec<SectionChange>,
        /// Symbols that only the second has.
        symbols_added: Vec<String>,
        /// Symbols that only the first has.
        symbols_removed: Vec<String>,
    },
    /// Compiled Python.
    Bytecode {
        /// What the header says, each as name, old and new.
        headers: Vec<ValueChange>,
        /// Whether what follows the header differs.
        code: Code,
    },
    /// An archive or wheel.
    Archive {
        /// The members that differ.
        members: Vec<Member>,
        /// What differs other than the members' contents.
        notes: Vec<String>,
    },
    /// A file that is compressed with gzip.
    Compressed {
        /// What differs in what it unpacks to; `None` where that is the same.
        content: Option<Box<Inside>>,
    },
    /// Other bytes.
    Bytes {
        /// Where the first differing byte is, from zero.
        first: u64,
        /// How many bytes differ; a byte that only one has counts.
        differing: u64,
    },
    /// It is too large to be inspected.
    TooLarge,
}

/// How the code of two compiled Python files differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// Not at all.
    Same,
    /// Only in how it is written: which constants are shared depends on chance while compiling.
    SameWhenCanonical,
    /// In what it does.
    Differs,
}

/// A value that is not the same on both sides.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ValueChange {
    /// Where it is: names joined by dots, `[N]` for the place in a list.
    pub key: String,
    /// What it was.
    pub old: Option<serde_json::Value>,
    /// What it is.
    pub new: Option<serde_json::Value>,
}

/// A section of an ELF file that is not the same on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct SectionChange {
    /// Its name.
    pub name: String,
    /// Its size in bytes; `None` if it was added.
    pub old: Option<u64>,
    /// Its size in bytes; `None` if it was removed.
    pub new: Option<u64>,
}

/// A member of an archive that is not the same on both sides.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Member {
    /// Its path in the archive.
    pub path: String,
    /// What happened.
    pub change: Change,
    /// How its contents differ.
    pub content: Option<Box<Inside>>,
}

/// How many archives are inspected that are in each other.
const DEEPEST: usize = 4;

/// How many bytes a compressed file may unpack to.
const UNPACKED: u64 = 64 << 20;

/// How `old` and `new`, the contents of the file `name`, differ; `None` where they are the same.
pub fn inside(name: &str, old: &[u8], new: &[u8]) -> Option<Inside> {
    look(name, old, new, 0)
}

pub(crate) fn look(name: &str, old: &[u8], new: &[u8], depth: usize) -> Option<Inside> {
    if old == new {
        return None;
    }
    let deeper = depth < DEEPEST;
    let both = |magic: &[u8]| old.starts_with(magic) && new.starts_with(magic);
    let found = match () {
        () if both(b"\x7fELF") => elf::compare(old, new),
        () if both(b"PK\x03\x04") && deeper => archive::compare_zip(old, new, depth),
        () if both(&[0x1f, 0x8b]) && deeper => compressed(name, old, new, depth),
        () if archive::is_tar(old) && archive::is_tar(new) && deeper => archive::compare_tar(old, new, depth),
        () if name.ends_with(".pyc") => bytecode::compare(old, new),
        () => match (as_text(old), as_text(new)) {
            (Some(old), Some(new)) => {
                values::compare(name, old, new).or_else(|| Some(text::compare(old, new)))
            }
            _ => None,
        },
    };
    Some(found.unwrap_or_else(|| bytes(old, new)))
}

fn as_text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

fn compressed(name: &str, old: &[u8], new: &[u8], depth: usize) -> Option<Inside> {
    let unpack = |bytes: &[u8]| {
        let mut content = Vec::new();
        let read = MultiGzDecoder::new(bytes).take(UNPACKED + 1).read_to_end(&mut content);
        read.is_ok_and(|count| count as u64 <= UNPACKED).then_some(content)
    };
    let (old, new) = (unpack(old)?, unpack(new)?);
    let name = name.strip_suffix(".gz").unwrap_or(name);
    Some(Inside::Compressed { content: look(name, &old, &new, depth + 1).map(Box::new) })
}

fn bytes(old: &[u8], new: &[u8]) -> Inside {
    let pairs = || old.iter().zip(new).map(|(one, two)| one != two);
    let shorter = old.len().min(new.len());
    let first = pairs().position(|differs| differs).unwrap_or(shorter);
    let differing = pairs().filter(|differs| *differs).count() + old.len().abs_diff(new.len());
    Inside::Bytes { first: first as u64, differing: differing as u64 }
}

#[cfg(test)]
mod tests;
