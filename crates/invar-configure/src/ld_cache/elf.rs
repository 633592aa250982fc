//! What the linker's cache needs to know of one shared object.
//!
//! Little-endian ELF ([System V ABI, chapters 4 and 5]) of either class. Read are, and nothing else: the file header,
//! the program headers, the `PT_GNU_PROPERTY` note, the dynamic section up to `DT_NULL`, and the names that
//! `DT_SONAME` and (for 32-bit files under glibc before 2.37) `PT_INTERP` and `DT_NEEDED` point to.
//!
//! | field | 64-bit | 32-bit |
//! | --- | --- | --- |
//! | `e_type`, `e_machine` | u16 at 16, 18 | the same |
//! | `e_phoff`, `e_flags`, `e_phnum` | u64 at 32, u32 at 48, u16 at 56 | u32 at 28, u32 at 36, u16 at 44 |
//! | program header | 56 bytes: `p_type` 0, `p_offset` 8, `p_vaddr` 16, `p_filesz` 32, `p_align` 48 | 32 bytes: 0, 4, 8, 16, 28 |
//! | dynamic entry | two u64: tag, value | two u32 |
//!
//! [`needed_libraries`] reads the names of `DT_NEEDED` alone, of 64-bit programs too.
//!
//! `DT_STRTAB` holds an address; its place in the file is found through the first `PT_LOAD` that covers it.
//! The note of `PT_GNU_PROPERTY` holds properties (u32 type, u32 size, data padded to the word) in ascending order of
//! their types; `GNU_PROPERTY_X86_ISA_1_NEEDED` (`0xc0008002`) is a bit set, and its highest bit is the ISA level.
//!
//! [System V ABI, chapters 4 and 5]: https://www.sco.com/developers/gabi/latest/contents.html
use std::io::{self, Read as _, SeekFrom};

use invar_tree::ReadSeek;

use super::{Generation, Machine};

/// The flags of a library for glibc 2: the low byte of the flags in the cache.
const LIBC6: u32 = 0x0003;
/// The flags of a 32-bit library that names no known C library, in glibc before 2.37.
const ANY_ELF: u32 = 0x0001;
const X86_64: u32 = 0x0300;
const X32: u32 = 0x0800;
const ARM_HARD_FLOAT: u32 = 0x0900;
const AARCH64: u32 = 0x0a00;
const ARM_SOFT_FLOAT: u32 = 0x0b00;

const ET_EXEC: u64 = 2;
const ET_DYN: u64 = 3;
const EM_386: u64 = 3;
const EM_X86_64: u64 = 62;
const PT_LOAD: u64 = 1;
const PT_DYNAMIC: u64 = 2;
const PT_INTERP: u64 = 3;
const PT_GNU_PROPERTY: u64 = 0x6474_e553;
const DT_NULL: u64 = 0;
const DT_NEEDED: u64 = 1;
const DT_STRTAB: u64 = 5;
const DT_SONAME: u64 = 14;
const NT_GNU_PROPERTY_TYPE_0: u32 = 5;
const GNU_PROPERTY_X86_ISA_1_NEEDED: u32 = 0xc000_8002;

/// The longest name that is read; file names end at 255 bytes, paths at 4,095.
const NAME: u64 = 4096;
/// The longest dynamic section that is read: real ones have some dozens of entries.
const DYNAMIC: u64 = 1 << 20;
/// The most libraries that one file may name: real ones name some dozens.
const MOST_NEEDED: usize = 1024;
/// The longest property note that is read: real ones have 32 to 64 bytes.
const NOTE: u64 = 1 << 16;

/// What glibc before 2.37 took as signs of a 32-bit library for glibc 2.
const KNOWN_LIBRARIES: [&[u8]; 2] = [b"libc.so.6", b"libm.so.6"];
const KNOWN_INTERPRETERS: [&[u8]; 5] = [
    b"/lib/ld-linux.so.2",
    b"/lib/ld-linux.so.3",
    b"/lib/ld-linux-armhf.so.3",
    b"/lib/ld-linux-aarch64_ilp32.so.1",
    b"/libx32/ld-linux-x32.so.2",
];

/// A shared object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Library {
    /// The kind of library, as the cache writes it.
    pub flags: u32,
    /// The x86 ISA level that it needs, 0 for the base level.
    pub isa_level: u32,
    /// Its `DT_SONAME`.
    pub soname: Option<Vec<u8>>,
}

/// A file with its length, so that nothing is allocated for bytes it does not have.
struct File<'a> {
    file: &'a mut dyn ReadSeek,
    length: u64,
}

impl File<'_> {
    /// `length` bytes at `offset`, or `None` where the file ends before.
    fn bytes(&mut self, offset: u64, length: u64) -> io::Result<Option<Vec<u8>>> {
        if offset.checked_add(length).is_none_or(|end| end > self.length) {
            return Ok(None);
        }
        self.up_to(offset, length).map(Some)
    }

    /// At most `length` bytes at `offset`.
    fn up_to(&mut self, offset: u64, length: u64) -> io::Result<Vec<u8>> {
        let length = length.min(self.length.saturating_sub(offset));
        let mut bytes = Vec::new();
        self.file.seek(SeekFrom::Start(offset))?;
        (&mut *self.file).take(length).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// The text at `offset` up to its NUL, or `None` without one within [`NAME`] bytes.
    fn name(&mut self, offset: u64) -> io::Result<Option<Vec<u8>>> {
        let mut bytes = self.up_to(offset, NAME)?;
        let Some(end) = bytes.iter().position(|&byte| byte == 0) else { return Ok(None) };
        bytes.truncate(end);
        Ok(Some(bytes))
    }
}

/// The `width` bytes at `offset` as a number, 0 behind the end: the callers have checked the length.
fn number(bytes: &[u8], offset: usize, width: usize) -> u64 {
    let bytes = bytes.get(offset..offset + width).unwrap_or_default();
    bytes.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte))
}

struct Segment {
    kind: u64,
    offset: u64,
    address: u64,
    size: u64,
    align: u64,
}

/// Reads a shared object; `None` for what `ldconfig` would pass over: other files, other machines, damaged files.
pub(super) fn read(
    file: &mut dyn ReadSeek,
    machine: Machine,
    generation: Generation,
) -> io::Result<Option<Library>> {
    let length = file.seek(SeekFrom::End(0))?;
    let mut file = File { file, length };
    let Some(header) = file.bytes(0, 64)? else { return Ok(None) };
    let wide = match header[4] {
        1 => false,
        2 => true,
        _ => return Ok(None),
    };
    if !header.starts_with(b"\x7fELF") || number(&header, 16, 2) != ET_DYN {
        return Ok(None);
    }
    let Some(flags) = flags(&header, wide, machine) else { return Ok(None) };
    let Some(segments) = segments(&mut file, &header, wide)? else { return Ok(None) };
    let word = if wide { 8 } else { 4 };
    let Some(Dynamic { entries, strings }) = dynamic(&mut file, &segments, word)? else { return Ok(None) };

    let mut soname = None;
    if let Some(&(_, name)) = entries.iter().find(|&&(tag, _)| tag == DT_SONAME) {
        soname = file.name(strings.wrapping_add(name))?;
        if soname.is_none() {
            return Ok(None);
        }
    }
    let flags = match flags {
        Some(flags) => flags,
        None if generation == Generation::Current => LIBC6,
        None if names_glibc(&mut file, &segments, &entries, strings)? => LIBC6,
        None => ANY_ELF,
    };
    let isa_level = match machine {
        Machine::X86_64 => isa_level(&mut file, &segments, word)?,
        Machine::Aarch64 => 0,
    };
    Ok(Some(Library { flags, isa_level, soname }))
}

/// The libraries that a 64-bit program or library names as those it cannot be loaded without, in its order; none for
/// any other file, and for one that is damaged.
///
/// # Errors
/// What reading the file says.
pub fn needed_libraries(file: &mut dyn ReadSeek) -> io::Result<Vec<String>> {
    let length = file.seek(SeekFrom::End(0))?;
    let mut file = File { file, length };
    let Some(header) = file.bytes(0, 64)? else { return Ok(Vec::new()) };
    let is_64_bit = header.starts_with(b"\x7fELF\x02\x01");
    if !is_64_bit || ![ET_EXEC, ET_DYN].contains(&number(&header, 16, 2)) {
        return Ok(Vec::new());
    }
    let Some(segments) = segments(&mut file, &header, true)? else { return Ok(Vec::new()) };
    let Some(Dynamic { entries, strings }) = dynamic(&mut file, &segments, 8)? else { return Ok(Vec::new()) };
    let mut libraries = Vec::new();
    for &(_, name) in entries.iter().filter(|&&(tag, _)| tag == DT_NEEDED).take(MOST_NEEDED) {
        let name = file.name(strings.wrapping_add(name))?.unwrap_or_default();
        libraries.extend(String::from_utf8(name).ok().filter(|name| !name.is_empty()));
    }
    Ok(libraries)
}

/// The dynamic section up to its end, and where in the file its names are.
struct Dynamic {
    entries: Vec<(u64, u64)>,
    strings: u64,
}

fn dynamic(file: &mut File<'_>, segments: &[Segment], word: usize) -> io::Result<Option<Dynamic>> {
    let Some(dynamic) = segments.iter().rev().find(|segment| segment.kind == PT_DYNAMIC) else {
        return Ok(None);
    };
    if dynamic.size == 0 {
        return Ok(None);
    }
    // glibc keeps this offset in 32 bits.
    let offset = dynamic.offset & u64::from(u32::MAX);
    let table = file.up_to(offset, dynamic.size.min(DYNAMIC))?;
    let entries: Vec<(u64, u64)> = table
        .chunks_exact(2 * word)
        .map(|entry| (number(entry, 0, word), number(entry, word, word)))
        .take_while(|&(tag, _)| tag != DT_NULL)
        .collect();
    let Some(&(_, strings)) = entries.iter().find(|&&(tag, _)| tag == DT_STRTAB) else { return Ok(None) };
    let strings = segments
        .iter()
        .filter(|segment| segment.kind == PT_LOAD && strings >= segment.address)
        .find(|segment| strings - segment.address < segment.size)
        .map_or(strings, |segment| (strings - segment.address).wrapping_add(segment.offset));
    Ok(Some(Dynamic { entries, strings }))
}

/// The flags as far as the file header decides them: `None` for a foreign file, `Some(None)` where it says nothing.
fn flags(header: &[u8], wide: bool, machine: Machine) -> Option<Option<u32>> {
    match (machine, number(header, 18, 2), wide) {
        (Machine::X86_64, EM_X86_64, true) => Some(Some(X86_64 | LIBC6)),
        (Machine::X86_64, EM_X86_64, false) => Some(Some(X32 | LIBC6)),
        (Machine::X86_64, EM_386, false) => Some(None),
        (Machine::X86_64, _, _) => None,
        // ldconfig for ARM does not look at the machine.
        (Machine::Aarch64, _, true) => Some(Some(AARCH64 | LIBC6)),
        (Machine::Aarch64, _, false) => {
            let flags = number(header, 36, 4);
            Some(match (flags & 0xff00_0000, flags & 0x400, flags & 0x200) {
                (0x0500_0000, 0, 0) => Some(LIBC6),
                (0x0500_0000, 0, _) => Some(ARM_SOFT_FLOAT | LIBC6),
                (0x0500_0000, _, _) => Some(ARM_HARD_FLOAT | LIBC6),
                _ => None,
            })
        }
    }
}

fn segments(file: &mut File<'_>, header: &[u8], wide: bool) -> io::Result<Option<Vec<Segment>>> {
    let (offset, count, size) = if wide {
        (number(header, 32, 8), number(header, 56, 2), 56)
    } else {
        (number(header, 28, 4), number(header, 44, 2), 32)
    };
    let Some(table) = file.bytes(offset, count * size)? else { return Ok(None) };
    let segment = |header: &[u8]| {
        let field = |wide_at, at| if wide { number(header, wide_at, 8) } else { number(header, at, 4) };
        Segment {
            kind: number(header, 0, 4),
            offset: field(8, 4),
            address: field(16, 8),
            size: field(32, 16),
            align: field(48, 28),
        }
    };
    Ok(Some(table.chunks_exact(size as usize).map(segment).collect()))
}

/// Whether a 32-bit file asks for glibc 2 by its interpreter or by a library, as glibc before 2.37 looks for it.
fn names_glibc(
    file: &mut File<'_>,
    segments: &[Segment],
    entries: &[(u64, u64)],
    strings: u64,
) -> io::Result<bool> {
    if let Some(interpreter) = segments.iter().find(|segment| segment.kind == PT_INTERP) {
        let name = file.name(interpreter.offset)?.unwrap_or_default();
        if KNOWN_INTERPRETERS.contains(&name.as_slice()) {
            return Ok(true);
        }
    }
    for &(_, name) in entries.iter().filter(|&&(tag, _)| tag == DT_NEEDED) {
        let name = file.name(strings.wrapping_add(name))?.unwrap_or_default();
        if KNOWN_LIBRARIES.contains(&name.as_slice()) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The highest bit of the ISA levels that the file says it needs.
fn isa_level(file: &mut File<'_>, segments: &[Segment], word: usize) -> io::Result<u32> {
    let mut level = 0;
    for segment in segments {
        if segment.kind == PT_GNU_PROPERTY && segment.align == word as u64 {
            let notes = file.up_to(segment.offset, segment.size.min(NOTE))?;
            if let Some(needed) = isa_needed(&notes, word).filter(|&needed| needed != 0) {
                level = needed.ilog2();
            }
        }
    }
    Ok(level)
}

/// The value of `GNU_PROPERTY_X86_ISA_1_NEEDED` in the first property note of `notes`.
fn isa_needed(notes: &[u8], word: usize) -> Option<u32> {
    let word_number = |bytes: &[u8], at: usize| -> Option<u32> {
        Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
    };
    let mut rest = notes;
    let description = loop {
        let name = word_number(rest, 0)? as usize;
        let size = word_number(rest, 4)? as usize;
        if name == 4 && word_number(rest, 8)? == NT_GNU_PROPERTY_TYPE_0 && rest.get(12..16)? == b"GNU\0" {
            if size < 8 || !size.is_multiple_of(word) {
                return None;
            }
            break rest.get(16..16 + size)?;
        }
        let next = (12 + name).next_multiple_of(word) + size.next_multiple_of(word);
        rest = rest.get(next..)?;
    };
    let (mut rest, mut last) = (description, 0);
    loop {
        let (kind, size) = (word_number(rest, 0)?, word_number(rest, 4)? as usize);
        if kind < last || kind > GNU_PROPERTY_X86_ISA_1_NEEDED {
            return None;
        }
        let data = rest.get(8..8 + size)?;
        if kind == GNU_PROPERTY_X86_ISA_1_NEEDED {
            return (size == 4).then(|| word_number(data, 0)).flatten();
        }
        last = kind;
        rest = rest.get(8 + size.next_multiple_of(word)..)?;
    }
}
