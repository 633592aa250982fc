//! The file: an ELF header, two program headers, then code and data.
//!
//! All of it is one segment that is mapped from the start of the file, readable and executable but never writable.
//! There are no sections. (System V Application Binary Interface, Object Files; all numbers are little-endian.)
//!
//! | at | bytes | ELF header |
//! | --- | --- | --- |
//! | 0 | 16 | `7f 45 4c 46`, class 2 (64 bits), data 1 (little-endian), version 1, system 0, zeros |
//! | 16 | 2, 2, 4 | type 2 (executable), machine 62 (x86-64) or 183 (AArch64), version 1 |
//! | 24 | 8, 8, 8 | entry point, offset of the program headers (64), of the section headers (0) |
//! | 48 | 4, 2, 2, 2 | flags 0, size of this header (64), of a program header (56), how many (2) |
//! | 58 | 2, 2, 2 | size of a section header (64), how many (0), index of their names (0) |
//!
//! | at | bytes | each program header |
//! | --- | --- | --- |
//! | 0 | 4, 4 | type: 1 (load) or `6474e551` (stack), flags: 5 (read, execute) or 6 (read, write) |
//! | 8 | 8, 8, 8 | offset in the file, address, physical address |
//! | 32 | 8, 8, 8 | length in the file, in memory, alignment |
use invar_tree::Machine;

/// How many bytes come before the code.
pub(crate) const HEADERS: usize = 64 + 2 * 56;
/// Where the file is mapped. A multiple of the largest page that either machine has.
pub(crate) const BASE: u64 = 0x40_0000;

const LOAD: u32 = 1;
const GNU_STACK: u32 = 0x6474_e551;

/// The file with `body` after its headers.
pub(crate) fn executable(machine: Machine, body: &[u8]) -> Vec<u8> {
    let length = (HEADERS + body.len()) as u64;
    // AArch64 kernels may have pages of 64 KiB.
    let number = machine.elf_number();
    let alignment: u64 = match machine {
        Machine::X86_64 => 0x1000,
        Machine::Aarch64 => 0x1_0000,
    };
    let mut file = Vec::with_capacity(HEADERS + body.len());
    file.extend([0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    file.extend(2_u16.to_le_bytes());
    file.extend(number.to_le_bytes());
    file.extend(1_u32.to_le_bytes());
    for address in [BASE + HEADERS as u64, 64, 0] {
        file.extend(address.to_le_bytes());
    }
    file.extend(0_u32.to_le_bytes());
    for short in [64_u16, 56, 2, 64, 0, 0] {
        file.extend(short.to_le_bytes());
    }
    let mut segment = |kind: u32, flags: u32, fields: [u64; 6]| {
        file.extend(kind.to_le_bytes());
        file.extend(flags.to_le_bytes());
        for field in fields {
            file.extend(field.to_le_bytes());
        }
    };
    segment(LOAD, 5, [0, BASE, BASE, length, length, alignment]);
    // Without it, an old kernel would make the stack executable.
    segment(GNU_STACK, 6, [0, 0, 0, 0, 0, 16]);
    file.extend(body);
    file
}
