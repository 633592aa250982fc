//! ELF files, as far as the dynamic linker reads them.
//!
//! | field | 64-bit | 32-bit |
//! | --- | --- | --- |
//! | class (1: 32-bit, 2: 64-bit), byte order (2: big-endian) | u8 at 4, 5 | the same |
//! | `e_type`, `e_machine` | u16 at 16, 18 | the same |
//! | `e_phoff`, `e_flags`, `e_phnum` | u64 at 32, u32 at 48, u16 at 56 | u32 at 28, u32 at 36, u16 at 44 |
//! | program header | 56 bytes: `p_type` 0, `p_offset` 8, `p_vaddr` 16, `p_filesz` 32, `p_align` 48 | 32 bytes: 0, 4, 8, 16, 28 |
//! | dynamic entry | two u64: tag, value | two u32 |
//!
//! Read are the file header, the program headers, the dynamic section up to `DT_NULL`, and names; sections and symbols,
//! which no linker needs to load a file, are not. `DT_STRTAB` holds an address; its place in the file is found through
//! the first `PT_LOAD` that covers it.
//!
//! Source: System V ABI, chapters 4 and 5.
use std::io::{self, Read, Seek, SeekFrom};

/// `e_type` of a program that has its own addresses.
pub const ET_EXEC: u16 = 2;
/// `e_type` of a shared object, and of a program that may be anywhere.
pub const ET_DYN: u16 = 3;
/// `p_type` of what is loaded.
pub const PT_LOAD: u32 = 1;
/// `p_type` of the dynamic section.
pub const PT_DYNAMIC: u32 = 2;
/// `p_type` of the name of the dynamic linker.
pub const PT_INTERP: u32 = 3;
/// The tag of the name of a library that is needed.
pub const DT_NEEDED: u64 = 1;
/// The tag of the name that a library calls itself.
pub const DT_SONAME: u64 = 14;
/// The tag of the directories that are searched first.
pub const DT_RPATH: u64 = 15;
/// The tag of the directories that are searched first, which takes the place of [`DT_RPATH`].
pub const DT_RUNPATH: u64 = 29;
const DT_NULL: u64 = 0;
const DT_STRTAB: u64 = 5;

/// The longest name that is read; file names end at 255 bytes, paths at 4,095.
const NAME: u64 = 4096;
/// The longest dynamic section that is read: real ones have some dozens of entries.
const DYNAMIC: u64 = 1 << 20;
/// The most libraries that one file may name: real ones name some dozens.
const MOST_NEEDED: usize = 1024;

/// An ELF file, with its length, so that nothing is allocated for bytes it does not have.
pub struct Elf<'a, R: ?Sized> {
    file: &'a mut R,
    length: u64,
    header: Vec<u8>,
    order: Order,
}

/// Which byte of a number comes first, and how wide addresses are.
#[derive(Debug, Clone, Copy)]
struct Order {
    big: bool,
    wide: bool,
}

/// A program header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// `p_type`.
    pub kind: u32,
    /// Where it is in the file, in bytes.
    pub offset: u64,
    /// Where it is in memory.
    pub address: u64,
    /// Its length in the file in bytes.
    pub size: u64,
    /// Its alignment.
    pub align: u64,
}

/// The dynamic section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dynamic {
    /// Tags and values, up to the end of the section.
    pub entries: Vec<(u64, u64)>,
    /// Where in the file the names are that values stand for.
    strings: u64,
}

impl Dynamic {
    /// Where in the file the names of the entries with this tag are.
    pub fn names(&self, tag: u64) -> impl Iterator<Item = u64> {
        let found = self.entries.iter().filter(move |(found, _)| *found == tag);
        found.map(|(_, name)| self.strings.wrapping_add(*name))
    }
}

impl<'a, R: Read + Seek + ?Sized> Elf<'a, R> {
    /// Reads the header; `None` for another file.
    ///
    /// # Errors
    /// What reading the file says.
    pub fn open(file: &'a mut R) -> io::Result<Option<Self>> {
        let length = file.seek(SeekFrom::End(0))?;
        let order = Order { big: false, wide: false };
        let mut elf = Self { file, length, header: Vec::new(), order };
        let Some(header) = elf.bytes(0, 64)? else { return Ok(None) };
        if !header.starts_with(b"\x7fELF") || !(1..=2).contains(&header[4]) {
            return Ok(None);
        }
        elf.order = Order { big: header[5] == 2, wide: header[4] == 2 };
        elf.header = header;
        Ok(Some(elf))
    }

    /// Whether addresses have 64 bits.
    pub fn is_64_bit(&self) -> bool {
        self.order.wide
    }

    /// Whether the highest byte of a number comes first.
    pub fn is_big_endian(&self) -> bool {
        self.order.big
    }

    /// `e_type`.
    pub fn kind(&self) -> u16 {
        self.order.number(&self.header, 16, 2) as u16
    }

    /// `e_machine`.
    pub fn machine(&self) -> u16 {
        self.order.number(&self.header, 18, 2) as u16
    }

    /// `e_flags`.
    pub fn flags(&self) -> u32 {
        self.order.number(&self.header, if self.order.wide { 48 } else { 36 }, 4) as u32
    }

    /// The program headers; `None` if the file ends before.
    ///
    /// # Errors
    /// What reading the file says.
    pub fn segments(&mut self) -> io::Result<Option<Vec<Segment>>> {
        let order = self.order;
        let (offset, count, size) = if order.wide {
            (order.number(&self.header, 32, 8), order.number(&self.header, 56, 2), 56)
        } else {
            (order.number(&self.header, 28, 4), order.number(&self.header, 44, 2), 32)
        };
        let Some(table) = self.bytes(offset, count * size)? else { return Ok(None) };
        let segment = |header: &[u8]| {
            let field = |wide, narrow| {
                if order.wide { order.number(header, wide, 8) } else { order.number(header, narrow, 4) }
            };
            Segment {
                kind: order.number(header, 0, 4) as u32,
                offset: field(8, 4),
                address: field(16, 8),
                size: field(32, 16),
                align: field(48, 28),
            }
        };
        Ok(Some(table.chunks_exact(size as usize).map(segment).collect()))
    }

    /// The dynamic section; `None` if there is none, or none with names.
    ///
    /// # Errors
    /// What reading the file says.
    pub fn dynamic(&mut self, segments: &[Segment]) -> io::Result<Option<Dynamic>> {
        let dynamic = segments.iter().rev().find(|segment| segment.kind == PT_DYNAMIC);
        let Some(dynamic) = dynamic.filter(|segment| segment.size > 0) else { return Ok(None) };
        // glibc keeps this offset in 32 bits.
        let offset = dynamic.offset & u64::from(u32::MAX);
        let table = self.up_to(offset, dynamic.size.min(DYNAMIC))?;
        let (order, word) = (self.order, self.word());
        let entries: Vec<(u64, u64)> = table
            .chunks_exact(2 * word)
            .map(|entry| (order.number(entry, 0, word), order.number(entry, word, word)))
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

    /// The libraries that the file names as those it cannot be loaded without, in its order; those of a damaged file as
    /// far as they can be read.
    ///
    /// # Errors
    /// What reading the file says.
    pub fn needed_libraries(&mut self) -> io::Result<Vec<Vec<u8>>> {
        let Some(segments) = self.segments()? else { return Ok(Vec::new()) };
        let Some(dynamic) = self.dynamic(&segments)? else { return Ok(Vec::new()) };
        let names = dynamic.names(DT_NEEDED).take(MOST_NEEDED);
        let names = names.map(|name| Ok(self.name(name)?.unwrap_or_default()));
        names.filter(|name| name.as_ref().map_or(true, |name| !name.is_empty())).collect()
    }

    /// The length of an address in bytes.
    pub fn word(&self) -> usize {
        if self.order.wide { 8 } else { 4 }
    }

    /// At most `length` bytes at `offset`.
    ///
    /// # Errors
    /// What reading the file says.
    pub fn up_to(&mut self, offset: u64, length: u64) -> io::Result<Vec<u8>> {
        let length = length.min(self.length.saturating_sub(offset));
        let mut bytes = Vec::new();
        self.file.seek(SeekFrom::Start(offset))?;
        (&mut *self.file).take(length).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// The text at `offset` up to its NUL; `None` if there is no NUL within 4 KiB.
    ///
    /// # Errors
    /// What reading the file says.
    pub fn name(&mut self, offset: u64) -> io::Result<Option<Vec<u8>>> {
        let mut bytes = self.up_to(offset, NAME)?;
        let Some(end) = bytes.iter().position(|&byte| byte == 0) else { return Ok(None) };
        bytes.truncate(end);
        Ok(Some(bytes))
    }

    /// `length` bytes at `offset`, or `None` if the file ends before.
    fn bytes(&mut self, offset: u64, length: u64) -> io::Result<Option<Vec<u8>>> {
        if offset.checked_add(length).is_none_or(|end| end > self.length) {
            return Ok(None);
        }
        self.up_to(offset, length).map(Some)
    }
}

impl Order {
    /// The `width` bytes at `offset` as a number, 0 after the end: the callers have checked the length.
    fn number(self, bytes: &[u8], offset: usize, width: usize) -> u64 {
        let bytes = bytes.get(offset..offset + width).unwrap_or_default();
        let digits = bytes.iter().map(|&byte| u64::from(byte));
        let value = |value, digit| value << 8 | digit;
        if self.big { digits.fold(0, value) } else { digits.rev().fold(0, value) }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    /// A shared object with two needed libraries, in each class and byte order.
    fn file(wide: bool, big: bool) -> Vec<u8> {
        let mut bytes = vec![0; 0x400];
        let mut put = |at: usize, value: u64, width: usize| {
            let digits = value.to_le_bytes();
            for (place, digit) in digits[..width].iter().enumerate() {
                let place = if big { width - 1 - place } else { place };
                bytes[at + place] = *digit;
            }
        };
        let word = if wide { 8 } else { 4 };
        put(16, 3, 2);
        put(18, 62, 2);
        let (table, size) = if wide { (64, 56) } else { (52, 32) };
        let (offset_at, count_at) = if wide { (32, 56) } else { (28, 44) };
        put(offset_at, table as u64, word);
        put(count_at, 2, 2);
        // Loaded from 0x100 on at 0x1100; dynamic at 0x200.
        for (number, (kind, offset, address, length)) in
            [(PT_LOAD, 0x100, 0x1100, 0x300), (PT_DYNAMIC, 0x200, 0x1200, 0x100)].into_iter().enumerate()
        {
            let at = table + number * size;
            let fields: [usize; 3] = if wide { [8, 16, 32] } else { [4, 8, 16] };
            put(at, u64::from(kind), 4);
            for (field, value) in fields.into_iter().zip([offset, address, length]) {
                put(at + field, value, word);
            }
        }
        let entries = [(DT_NEEDED, 1), (DT_STRTAB, 0x1300), (DT_NEEDED, 11), (DT_SONAME, 21), (DT_NULL, 0)];
        for (number, (tag, value)) in entries.into_iter().enumerate() {
            put(0x200 + number * 2 * word, tag, word);
            put(0x200 + number * 2 * word + word, value, word);
        }
        bytes[..4].copy_from_slice(b"\x7fELF");
        bytes[4] = if wide { 2 } else { 1 };
        bytes[5] = if big { 2 } else { 1 };
        bytes[0x300..0x31c].copy_from_slice(b"\0libc.so.6\0libm.so.6\0libx.so");
        bytes
    }

    #[test]
    fn needed_libraries_are_read_in_every_class_and_order() {
        for (wide, big) in [(true, false), (true, true), (false, false), (false, true)] {
            let bytes = file(wide, big);
            let mut reader = Cursor::new(&bytes);
            let mut elf = Elf::open(&mut reader).unwrap().unwrap();
            assert_eq!((elf.kind(), elf.machine(), elf.is_64_bit()), (ET_DYN, 62, wide));
            assert_eq!(elf.needed_libraries().unwrap(), [b"libc.so.6".to_vec(), b"libm.so.6".to_vec()]);
            let segments = elf.segments().unwrap().unwrap();
            let dynamic = elf.dynamic(&segments).unwrap().unwrap();
            let name = dynamic.names(DT_SONAME).next().unwrap();
            assert_eq!(elf.name(name).unwrap().unwrap(), b"libx.so");
        }
    }

    #[test]
    fn other_files_are_none() {
        for other in [&b"#!/bin/sh\n"[..], b"", b"\x7fELF\x02\x01", &[0; 4096]] {
            assert!(Elf::open(&mut Cursor::new(other)).unwrap().is_none());
        }
        let mut class = file(true, false);
        class[4] = 3;
        assert!(Elf::open(&mut Cursor::new(class)).unwrap().is_none());
    }

    proptest! {
        #[test]
        fn damage_never_panics(at in 0_usize..0x400, value: u8, length in 0_usize..0x400, wide: bool, big: bool) {
            let mut bytes = file(wide, big);
            bytes[at] = value;
            for bytes in [&bytes[..], &bytes[..length]] {
                if let Some(mut elf) = Elf::open(&mut Cursor::new(bytes)).unwrap() {
                    elf.needed_libraries().unwrap();
                }
            }
        }
    }
}
