use std::io::Cursor;

use invar_tree::{Digest, ImagePath, MemoryTree, Origin, Owner, Sink as _};

use super::*;
use crate::output::{Change, NewEntry};

/// What a test's library says of itself.
struct Elf {
    machine: u16,
    soname: Option<&'static str>,
    /// The bits of `GNU_PROPERTY_X86_ISA_1_NEEDED`.
    needed: u32,
}

impl Elf {
    /// A 64-bit shared object that has a header, three segments, a dynamic section and its strings, and no code.
    fn bytes(&self) -> Vec<u8> {
        let numbers = |numbers: &[u64]| numbers.iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<u8>>();
        let words = |words: &[u32]| words.iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<u8>>();
        let strings = format!("\0{}\0", self.soname.unwrap_or_default());
        let note = [words(&[4, 16, 5]), b"GNU\0".to_vec(), words(&[0xc000_8002, 4, self.needed, 0])].concat();
        // The segment is mapped 64 KiB higher than it is in the file.
        let (note_at, mapped) = (64 + 3 * 56, 0x1_0000);
        let dynamic_at = note_at + note.len() as u64;
        let strings_at = dynamic_at + 3 * 16;
        let mut dynamic = vec![5, mapped + strings_at];
        if self.soname.is_some() {
            dynamic.extend([14, 1]);
        }
        dynamic.extend([0, 0]);
        dynamic.resize(6, 0);
        let segment = |kind: u32, offset: u64, size: u64, align: u64| {
            [words(&[kind, 4]), numbers(&[offset, mapped + offset, mapped + offset, size, size, align])]
                .concat()
        };
        let end = strings_at + strings.len() as u64;
        [
            b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec(),
            words(&[3 | u32::from(self.machine) << 16, 1]),
            numbers(&[0, 64, 0]),
            words(&[0, 64 | 56 << 16, 3, 0]),
            segment(1, 0, end, 0x1000),
            segment(2, dynamic_at, 3 * 16, 8),
            segment(0x6474_e553, note_at, note.len() as u64, 8),
            note,
            numbers(&dynamic),
            strings.into_bytes(),
        ]
        .concat()
    }
}

pub(crate) fn library(soname: &'static str) -> Vec<u8> {
    Elf { machine: 62, soname: Some(soname), needed: 0 }.bytes()
}

/// A program with an ELF header for `machine` and the text of its version.
pub(crate) fn ldconfig(machine: u16, text: &str) -> Vec<u8> {
    let mut bytes = Elf { machine, soname: None, needed: 0 }.bytes();
    bytes.extend(b"ldconfig %s%s\n\0");
    bytes.extend(text.as_bytes());
    bytes.push(0);
    bytes
}

const VERSION: &str = "ldconfig (Debian GLIBC 2.41-12+deb13u4) stable release version 2.41";

struct Image(MemoryTree);

impl Image {
    fn new() -> Self {
        let mut image = Self(MemoryTree::new(Origin::Source));
        image.link("lib", "usr/lib").link("sbin", "usr/sbin");
        image.file("usr/sbin/ldconfig", &ldconfig(62, VERSION));
        image
    }

    fn file(&mut self, path: &str, bytes: &[u8]) -> &mut Self {
        self.0.file(ImagePath::parse(path).unwrap(), Mode::FILE, Owner::ROOT, &mut &*bytes).unwrap();
        self
    }

    fn link(&mut self, path: &str, target: &str) -> &mut Self {
        self.0.symlink(ImagePath::parse(path).unwrap(), target.into(), Owner::ROOT).unwrap();
        self
    }

    /// The cache, and the links and removals as lines.
    fn configure(&self) -> Result<(Vec<u8>, Vec<String>), ConfigureError> {
        let view = View::new(&self.0);
        let mut output = Output::new(HANDLER);
        handler(&view, &mut output)?;
        let (mut cache, mut lines) = (Vec::new(), Vec::new());
        for (path, change) in output.into_parts().1 {
            match change {
                Change::Remove => lines.push(format!("- {path}")),
                Change::Make { made: NewEntry::Symlink(target), .. } => {
                    lines.push(format!("{path} -> {target}"))
                }
                Change::Make { made: NewEntry::File(bytes), .. } if path.as_str() == CACHE => cache = bytes,
                Change::Make { .. } => panic!("{path} is neither a link nor the cache"),
            }
        }
        Ok((cache, lines))
    }
}

/// An image with something of everything that the cache has rules for.
fn image() -> Image {
    let mut image = Image::new();
    let isa = Elf { machine: 62, soname: Some("liba.so.1"), needed: 0b100 }.bytes();
    let unnamed = Elf { machine: 62, soname: None, needed: 0 }.bytes();
    let foreign = Elf { machine: 40, soname: Some("libarm.so.1"), needed: 0 }.bytes();
    image
        .file("etc/ld.so.conf", b"include /etc/ld.so.conf.d/*.conf\n")
        .file("etc/ld.so.conf.d/b.conf", b"/usr/local/lib\n")
        .file(
            "etc/ld.so.conf.d/a.conf",
            b"# multiarch\n  /lib/x86_64-linux-gnu/ # first\n/usr/lib/x86_64-linux-gnu\n",
        )
        .file("etc/ld.so.conf.d/c.conf.dpkg-new", b"/opt\n")
        .file("opt/liboption.so.1", &library("liboption.so.1"))
        .file("usr/local/lib/liba.so.1", &library("liba.so.1"))
        .file("usr/lib/x86_64-linux-gnu/glibc-hwcaps/x86-64-v3/liba.so.1.2", &isa)
        .link("usr/lib/x86_64-linux-gnu/glibc-hwcaps/x86-64-v3/liba.so.1", "liba.so.1.2")
        .file("usr/lib/x86_64-linux-gnu/glibc-hwcaps/unused/README", b"")
        // Version 10 is above version 9, and the link for it is missing.
        .file("usr/lib/x86_64-linux-gnu/liba.so.1.9", &library("liba.so.1"))
        .file("usr/lib/x86_64-linux-gnu/liba.so.1.10", &library("liba.so.1"))
        // The link of a development package.
        .link("usr/lib/x86_64-linux-gnu/liba.so", "liba.so.1.10")
        // A link that is right, and one that is wrong.
        .file("usr/lib/x86_64-linux-gnu/libb.so.2.0", &library("libb.so.2"))
        .link("usr/lib/x86_64-linux-gnu/libb.so.2", "libb.so.2.0")
        .file("usr/lib/x86_64-linux-gnu/libc.so.6.1", &library("libc.so.6"))
        .link("usr/lib/x86_64-linux-gnu/libc.so.6", "libb.so.2.0")
        // An alternative.
        .link("usr/lib/x86_64-linux-gnu/libblas.so.3", "/etc/alternatives/libblas.so.3")
        .link("etc/alternatives/libblas.so.3", "/usr/lib/x86_64-linux-gnu/blas/libblas.so.3")
        .file("usr/lib/x86_64-linux-gnu/blas/libblas.so.3", &library("libblas.so.3"))
        .link("usr/lib/x86_64-linux-gnu/libgone.so.1", "/etc/alternatives/libgone.so.1")
        .link("usr/lib/x86_64-linux-gnu/libgone.so", "libgone.so.1")
        .file("usr/lib/x86_64-linux-gnu/libunnamed.so", &unnamed)
        .file("usr/lib/x86_64-linux-gnu/libforeign.so.1", &foreign)
        .file("usr/lib/x86_64-linux-gnu/libscript.so", b"GROUP ( libc.so.6 )\n")
        .file("usr/lib/x86_64-linux-gnu/libempty.so", b"")
        .file("usr/lib/x86_64-linux-gnu/other.so", &library("other.so"))
        .file("usr/lib/libclimbs.so", &library("../../etc/passwd"));
    image
}

#[test]
fn the_cache_is_what_ldconfig_writes() {
    let (cache, links) = image().configure().unwrap();
    assert_eq!(
        links,
        [
            "/usr/lib/x86_64-linux-gnu/liba.so.1 -> liba.so.1.10",
            "/usr/lib/x86_64-linux-gnu/libc.so.6 -> libc.so.6.1",
            "- /usr/lib/x86_64-linux-gnu/libgone.so.1",
        ]
    );
    let text = String::from_utf8_lossy(&cache);
    let strings: Vec<&str> = text.split('\0').filter(|text| text.starts_with("/l")).collect();
    assert!(strings.contains(&"/lib/x86_64-linux-gnu/liba.so.1"), "{strings:?}");
    assert!(cache.ends_with(VERSION.as_bytes()));
    // If intended, say so below "Output digests" in the changelog.
    assert_eq!(
        Digest::of(&cache).to_string(),
        "sha256:77d1d88d3b9fc66695eb54f21fe82ac20313aaa238fcd0b7b052f81ce633638e"
    );
}

#[test]
fn an_image_without_ldconfig_has_no_cache() {
    let mut image = Image(MemoryTree::new(Origin::Source));
    image.file("usr/lib/liba.so.1", &library("liba.so.1"));
    assert_eq!(image.configure().unwrap(), (Vec::new(), Vec::new()));
}

#[test]
fn versions_are_read() {
    let check = |machine, text: &str, expected| {
        assert_eq!(
            parse_generator(&ldconfig(machine, text))
                .map(|generator| (generator.machine, generator.generation)),
            expected,
            "{text:?}"
        );
    };
    check(62, VERSION, Ok((Machine::X86_64, Generation::Current)));
    check(
        183,
        "ldconfig (Debian GLIBC 2.36-9) stable release version 2.36",
        Ok((Machine::Aarch64, Generation::Legacy)),
    );
    check(62, "ldconfig (X) stable release version 2.37.9000", Ok((Machine::X86_64, Generation::Current)));
    check(62, "ldconfig (X) stable release version two", Err(LdCacheError::Version));
    check(62, "", Err(LdCacheError::Version));
    check(3, VERSION, Err(LdCacheError::Machine { machine: 3 }));
    assert_eq!(parse_generator(b"#!/bin/sh"), Err(LdCacheError::Machine { machine: 0 }));
}

#[test]
fn circles_and_floods_of_configuration_are_refused() {
    let check = |config: &str, expected: &str| {
        let mut image = Image::new();
        image.file("etc/ld.so.conf", config.as_bytes());
        for number in 0..=1024 {
            image.file(&format!("opt/{number}/x"), b"");
        }
        let Err(ConfigureError::Source { path, source, .. }) = image.configure() else {
            panic!("{config:.20}")
        };
        assert_eq!((path.as_str(), source.to_string().as_str()), ("etc/ld.so.conf", expected));
    };
    check("include /etc/ld.so.conf", "more than 256 files are included; do they include each other?");
    check("include ld.*", "more than 256 files are included; do they include each other?");
    let flood: String = (0..=1024).map(|number| format!("/opt/{number}\n")).collect();
    check(&flood, "more than 1024 library directories are configured");
}

#[test]
fn names_are_ordered_by_their_numbers() {
    use std::cmp::Ordering::{self, Equal, Greater, Less};
    let check = |left: &str, right: &str, expected: Ordering| {
        let compare = |left: &str, right: &str| {
            format::compare_names(left.as_bytes(), right.as_bytes(), Machine::Aarch64)
        };
        assert_eq!(compare(left, right), expected, "{left} {right}");
        assert_eq!(compare(right, left), expected.reverse(), "{right} {left}");
    };
    check("libz.so.1.10", "libz.so.1.9", Greater);
    check("libz.so.01", "libz.so.1", Equal);
    check("libz.so.1", "libz.so", Greater);
    check("libz1.so", "libza.so", Greater);
    check("libz1", "libz", Greater);
    check("", "a", Less);
    check("libz.so.1", "libé.so.1", Less);
    assert_eq!(format::compare_names(b"libz", "libé".as_bytes(), Machine::X86_64), Greater);
}

#[test]
fn libraries_of_each_kind_have_their_flags() {
    let check = |bytes: &[u8], machine, generation, expected: Option<(u32, u32)>| {
        let library = elf::read(&mut Cursor::new(bytes), machine, generation).unwrap();
        assert_eq!(library.map(|library| (library.flags, library.isa_level)), expected, "{machine:?}");
    };
    let elf = |machine, needed| Elf { machine, soname: Some("liba.so.1"), needed }.bytes();
    for generation in [Generation::Legacy, Generation::Current] {
        check(&elf(62, 0), Machine::X86_64, generation, Some((0x303, 0)));
        check(&elf(62, 1), Machine::X86_64, generation, Some((0x303, 0)));
        check(&elf(62, 0b1011), Machine::X86_64, generation, Some((0x303, 3)));
        check(&elf(3, 0), Machine::X86_64, generation, None);
        check(&elf(183, 0), Machine::X86_64, generation, None);
        check(&elf(183, 0b1011), Machine::Aarch64, generation, Some((0xa03, 0)));
    }
}

/// Cut anywhere and with any byte changed, a library is passed over or read, but never a reason to stop.
#[test]
fn damaged_libraries_are_harmless() {
    let whole = Elf { machine: 62, soname: Some("liba.so.1"), needed: 4 }.bytes();
    let read = |bytes: &[u8]| {
        elf::read(&mut Cursor::new(bytes), Machine::X86_64, Generation::Legacy).unwrap();
    };
    for length in 0..whole.len() {
        read(&whole[..length]);
    }
    for place in 0..whole.len() {
        for value in [0, 1, 2, 0x7f, 0x80, 0xff] {
            let mut bytes = whole.clone();
            bytes[place] = value;
            read(&bytes);
            // The 32-bit layout of the same bytes.
            bytes[4] = 1;
            bytes[18] = 3;
            read(&bytes);
        }
    }
}

#[test]
fn the_libraries_that_a_file_needs() {
    // The library's own name replaces a needed one: the tag of its second entry is changed.
    let mut bytes = library("libother.so.2");
    let dynamic_at = bytes.len() - "\0libother.so.2\0".len() - 3 * 16;
    assert!(needed_libraries(&mut Cursor::new(&bytes)).unwrap().is_empty());
    bytes[dynamic_at + 16] = 1;
    assert_eq!(needed_libraries(&mut Cursor::new(&bytes)).unwrap(), ["libother.so.2"]);
    for kind in [2, 3] {
        bytes[16] = kind;
        assert_eq!(needed_libraries(&mut Cursor::new(&bytes)).unwrap().len(), 1, "{kind}");
    }
    for other in [&b"#!/bin/sh\n"[..], b"", b"\x7fELF\x02\x01", &[0; 4096]] {
        assert!(needed_libraries(&mut Cursor::new(other)).unwrap().is_empty());
    }
    // Cut anywhere, it is read without a panic.
    for length in 0..bytes.len() {
        drop(needed_libraries(&mut Cursor::new(&bytes[..length])).unwrap());
    }
}
