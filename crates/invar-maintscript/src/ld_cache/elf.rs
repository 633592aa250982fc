//! What the linker's cache needs to know of one shared object.
//!
//! Read are, through [`Elf`] and for little-endian files of either class: the file header, the program headers, the
//! `PT_GNU_PROPERTY` note, and the names that `DT_SONAME` and (for 32-bit files under glibc before 2.37) `PT_INTERP` and
//! `DT_NEEDED` point to.
//!
//! [`needed_libraries`] reads the names of `DT_NEEDED` alone, of 64-bit programs too.
//!
//! The note of `PT_GNU_PROPERTY` holds properties (u32 type, u32 size, data padded to the word) in ascending order of
//! their types; `GNU_PROPERTY_X86_ISA_1_NEEDED` (`0xc0008002`) is a bit set, and its highest bit is the ISA level.
use std::io;

use invar_formats::elf::{DT_NEEDED, DT_SONAME, Dynamic, ET_DYN, ET_EXEC, Elf, PT_INTERP, Segment};
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

const EM_386: u16 = 3;
const EM_X86_64: u16 = Machine::X86_64.elf_number();
const PT_GNU_PROPERTY: u32 = 0x6474_e553;
const NT_GNU_PROPERTY_TYPE_0: u32 = 5;
const GNU_PROPERTY_X86_ISA_1_NEEDED: u32 = 0xc000_8002;

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

type File<'a> = Elf<'a, dyn ReadSeek + 'a>;

/// Reads a shared object; `None` for what `ldconfig` would pass over: other files, other machines, damaged files.
pub(super) fn read(
    file: &mut dyn ReadSeek,
    machine: Machine,
    generation: Generation,
) -> io::Result<Option<Library>> {
    let Some(mut file) = Elf::open(file)?.filter(|file| !file.is_big_endian() && file.kind() == ET_DYN)
    else {
        return Ok(None);
    };
    let Some(flags) = flags(&file, machine) else { return Ok(None) };
    let Some(segments) = file.segments()? else { return Ok(None) };
    let Some(dynamic) = file.dynamic(&segments)? else { return Ok(None) };

    let mut soname = None;
    if let Some(name) = dynamic.names(DT_SONAME).next() {
        soname = file.name(name)?;
        if soname.is_none() {
            return Ok(None);
        }
    }
    let flags = match flags {
        Some(flags) => flags,
        None if generation == Generation::Current => LIBC6,
        None if names_glibc(&mut file, &segments, &dynamic)? => LIBC6,
        None => ANY_ELF,
    };
    let isa_level = match machine {
        Machine::X86_64 => isa_level(&mut file, &segments)?,
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
    let is_read = |file: &File<'_>| {
        file.is_64_bit() && !file.is_big_endian() && [ET_EXEC, ET_DYN].contains(&file.kind())
    };
    let Some(mut file) = Elf::open(file)?.filter(is_read) else { return Ok(Vec::new()) };
    let names = file.needed_libraries()?;
    Ok(names.into_iter().filter_map(|name| String::from_utf8(name).ok()).collect())
}

/// The flags as far as the file header decides them: `None` for a foreign file, `Some(None)` where it says nothing.
fn flags(file: &File<'_>, machine: Machine) -> Option<Option<u32>> {
    match (machine, file.machine(), file.is_64_bit()) {
        (Machine::X86_64, EM_X86_64, true) => Some(Some(X86_64 | LIBC6)),
        (Machine::X86_64, EM_X86_64, false) => Some(Some(X32 | LIBC6)),
        (Machine::X86_64, EM_386, false) => Some(None),
        (Machine::X86_64, _, _) => None,
        // ldconfig for ARM does not look at the machine.
        (Machine::Aarch64, _, true) => Some(Some(AARCH64 | LIBC6)),
        (Machine::Aarch64, _, false) => {
            let flags = file.flags();
            Some(match (flags & 0xff00_0000, flags & 0x400, flags & 0x200) {
                (0x0500_0000, 0, 0) => Some(LIBC6),
                (0x0500_0000, 0, _) => Some(ARM_SOFT_FLOAT | LIBC6),
                (0x0500_0000, _, _) => Some(ARM_HARD_FLOAT | LIBC6),
                _ => None,
            })
        }
    }
}

/// Whether a 32-bit file asks for glibc 2 by its interpreter or by a library, as glibc before 2.37 looks for it.
fn names_glibc(file: &mut File<'_>, segments: &[Segment], dynamic: &Dynamic) -> io::Result<bool> {
    if let Some(interpreter) = segments.iter().find(|segment| segment.kind == PT_INTERP) {
        let name = file.name(interpreter.offset)?.unwrap_or_default();
        if KNOWN_INTERPRETERS.contains(&name.as_slice()) {
            return Ok(true);
        }
    }
    for name in dynamic.names(DT_NEEDED) {
        let name = file.name(name)?.unwrap_or_default();
        if KNOWN_LIBRARIES.contains(&name.as_slice()) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The highest bit of the ISA levels that the file says it needs.
fn isa_level(file: &mut File<'_>, segments: &[Segment]) -> io::Result<u32> {
    let word = file.word();
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
