//! The bytes of `/etc/ld.so.cache`.
//!
//! The format is glibc's "new" one, version 1.1, with extensions (since 2.33); `ldconfig` of Debian 12 (glibc 2.36)
//! and 13 (2.41) writes no other. Numbers are little-endian.
//!
//! ```text
//!   0  20  "glibc-ld.so.cache" "1.1"
//!  20   4  number of entries, n
//!  24   4  length of the strings, s
//!  28   1  2: little-endian
//!  29   3  0
//!  32   4  offset of the extensions, x
//!  36  12  0
//!  48 24n  the entries
//!          4  flags: 0x0303 x86-64, 0x0a03 AArch64 (more in `elf`)
//!          4  offset of the library's name (its SONAME), from the start of the file
//!          4  offset of its path, likewise
//!          4  0
//!          8  0, or for a library from `glibc-hwcaps/NAME`: 1 << 62 | ISA level << 32 | index of NAME in section 1
//!      s  the strings, each ended by a NUL
//!      ?  0 to 3 zero bytes up to a multiple of 4
//!  x   4  0xeaa42174
//!      4  number of sections: 1, or 2 with names of subdirectories
//!         the sections' headers, 16 bytes each: tag, 0, offset from the start of the file, length
//!            tag 0: the generator, the line by which `ldconfig` names its version, without a NUL
//!            tag 1: 4 bytes for each subdirectory's name that an entry uses: the offset of the name
//!         the data of section 1, then that of section 0
//! ```
//!
//! **Entries** are ordered by name, descending, where a run of digits counts as one number and any digit is above any
//! other character ([`compare_names`]); then by flags, descending; then those from `glibc-hwcaps` before the others,
//! by their subdirectory's name, ascending. What is still equal stays in the order in which it was found.
//!
//! **Strings** are the names, the paths, and the names of all `glibc-hwcaps` subdirectories seen, each once, ordered
//! by their reversed bytes, descending, a longer string before its own ending. A string that is the ending of the one
//! before it has no bytes of its own.
//!
//! Format break: the bytes reach every image that has a C library.
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::Machine;

const MAGIC: &[u8; 20] = b"glibc-ld.so.cache1.1";
const LITTLE_ENDIAN: u32 = 2;
const HEADER: usize = 48;
const ENTRY: usize = 24;
const EXTENSIONS_MAGIC: u32 = 0xeaa4_2174;
const GENERATOR: u32 = 0;
const SUBDIRECTORIES: u32 = 1;
const FROM_SUBDIRECTORY: u64 = 1 << 62;

/// One library of the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its SONAME.
    pub name: Vec<u8>,
    /// Its path.
    pub path: Vec<u8>,
    /// Its flags.
    pub flags: u32,
    /// The x86 ISA level it needs.
    pub isa_level: u32,
    /// The name of the subdirectory of `glibc-hwcaps` it is in.
    pub subdirectory: Option<Vec<u8>>,
}

/// Orders the names of libraries, so that version 10 comes after version 9.
///
/// Bytes from 0x80 on are below the others on x86-64 and above them on AArch64, as C's `char` has a sign here and none
/// there. Numbers are taken modulo 2^32, as signed.
pub(super) fn compare_names(left: &[u8], right: &[u8], machine: Machine) -> Ordering {
    let value = |byte: u8| match machine {
        Machine::X86_64 => i32::from(byte.cast_signed()),
        Machine::Aarch64 => i32::from(byte),
    };
    let (mut left, mut right) = (left, right);
    loop {
        let order = match (left.first(), right.first()) {
            (None, None) => return Ordering::Equal,
            (Some(b'0'..=b'9'), Some(b'0'..=b'9')) => take_number(&mut left).cmp(&take_number(&mut right)),
            (Some(b'0'..=b'9'), _) => return Ordering::Greater,
            (_, Some(b'0'..=b'9')) => return Ordering::Less,
            (one, other) => {
                let order = one.map_or(0, |&byte| value(byte)).cmp(&other.map_or(0, |&byte| value(byte)));
                left = left.get(1..).unwrap_or_default();
                right = right.get(1..).unwrap_or_default();
                order
            }
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

fn take_number(text: &mut &[u8]) -> i32 {
    let mut number = 0_i32;
    while let Some((&digit @ b'0'..=b'9', rest)) = text.split_first() {
        number = number.wrapping_mul(10).wrapping_add(i32::from(digit - b'0'));
        *text = rest;
    }
    number
}

fn compare(one: &Entry, other: &Entry, machine: Machine) -> Ordering {
    compare_names(&other.name, &one.name, machine).then_with(|| other.flags.cmp(&one.flags)).then_with(|| {
        match (&one.subdirectory, &other.subdirectory) {
            (Some(one), Some(other)) => one.cmp(other),
            (one, other) => other.is_some().cmp(&one.is_some()),
        }
    })
}

/// Writes the cache; `None` if it does not fit into 4 GiB.
///
/// `entries` are in the order in which they were found; `subdirectories` are all names seen below `glibc-hwcaps`.
pub(super) fn write(
    mut entries: Vec<Entry>,
    subdirectories: &BTreeSet<Vec<u8>>,
    generator: &[u8],
    machine: Machine,
) -> Option<Vec<u8>> {
    entries.sort_by(|one, other| compare(one, other, machine));
    let used: BTreeSet<&[u8]> = entries.iter().filter_map(|entry| entry.subdirectory.as_deref()).collect();
    let strings = entries.iter().flat_map(|entry| [entry.name.as_slice(), &entry.path]);
    let (strings, offsets) = strings_table(strings.chain(subdirectories.iter().map(Vec::as_slice)));

    let strings_at = HEADER + ENTRY * entries.len();
    let extensions_at = (strings_at + strings.len()).next_multiple_of(4);
    let sections = if used.is_empty() { 1 } else { 2 };
    let subdirectories_at = extensions_at + 8 + 16 * sections;
    let generator_at = subdirectories_at + 4 * used.len();
    // With the largest offset all others fit too.
    u32::try_from(generator_at + generator.len()).ok()?;
    let string = |text: &[u8]| (strings_at + offsets.get(text).copied().unwrap_or_default()) as u32;

    let mut bytes = Vec::with_capacity(generator_at + generator.len());
    bytes.extend(MAGIC);
    put(
        &mut bytes,
        &[entries.len() as u32, strings.len() as u32, LITTLE_ENDIAN, extensions_at as u32, 0, 0, 0],
    );
    for entry in &entries {
        put(&mut bytes, &[entry.flags, string(&entry.name), string(&entry.path), 0]);
        let index = entry.subdirectory.as_deref().map(|name| used.range(..name).count() as u64);
        let hardware = index.map(|index| FROM_SUBDIRECTORY | u64::from(entry.isa_level) << 32 | index);
        bytes.extend(hardware.unwrap_or(0).to_le_bytes());
    }
    bytes.extend(strings);
    bytes.resize(extensions_at, 0);
    put(&mut bytes, &[EXTENSIONS_MAGIC, sections as u32]);
    put(&mut bytes, &[GENERATOR, 0, generator_at as u32, generator.len() as u32]);
    if !used.is_empty() {
        put(&mut bytes, &[SUBDIRECTORIES, 0, subdirectories_at as u32, 4 * used.len() as u32]);
    }
    for name in used {
        put(&mut bytes, &[string(name)]);
    }
    bytes.extend(generator);
    Some(bytes)
}

fn put(bytes: &mut Vec<u8>, numbers: &[u32]) {
    bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
}

/// The bytes of all strings, and where in them each one starts.
fn strings_table<'a>(strings: impl Iterator<Item = &'a [u8]>) -> (Vec<u8>, BTreeMap<&'a [u8], usize>) {
    let mut order: Vec<&[u8]> = strings.collect();
    // Descending by the reversed bytes: of two strings that end alike the longer one is the greater.
    order.sort_by(|one, other| other.iter().rev().cmp(one.iter().rev()));
    order.dedup();
    let mut bytes = Vec::new();
    let mut offsets = BTreeMap::new();
    let mut previous: &[u8] = &[];
    for string in order {
        if bytes.is_empty() || !previous.ends_with(string) {
            bytes.extend(string);
            bytes.push(0);
        }
        // The strings are so ordered that whichever was written last ends with this one.
        offsets.insert(string, bytes.len() - 1 - string.len());
        previous = string;
    }
    (bytes, offsets)
}
