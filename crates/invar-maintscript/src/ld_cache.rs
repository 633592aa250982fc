//! `/etc/ld.so.cache` and the links that `ldconfig` keeps.
//!
//! Without the cache programs still start, but `dlopen` of a library outside the built-in directories fails, and so
//! does Python's `ctypes.util.find_library`. What is created here equals, byte for byte, what the image's own
//! `ldconfig` would write; the bytes are described in [`format`], the directories in [`config`], the reading of ELF in
//! [`elf`].
//!
//! **Libraries** of a directory are the files and the links to files whose names start with `lib` or `ld-` and contain
//! `.so`, or start with `ld.so.` or `ld64.so.`; below `glibc-hwcaps` links of any name too. A library's name is its
//! SONAME, or the file's name without one. A link counts under its own name if that is the SONAME or the start of it
//! up to `.so`; other links count as files. Of several with one name, files go before links, then the highest file
//! name goes. The cache has the directory's path and the library's name; below `glibc-hwcaps` the file's name.
//!
//! **Links** from the name to the file are created next to the file where the name leads elsewhere or nowhere, unless a
//! file has that name; not below `glibc-hwcaps`. Links that lead nowhere and have `.so.` in their names are removed.
//!
//! **The version** of glibc decides some rules, and is written into the cache. Both are taken from the text by which
//! `/sbin/ldconfig` names itself, and the machine from its ELF header; without that program there is no cache.
//!
//! Left out: the `tls`, `haswell` and similar subdirectories that glibc before 2.37 inspected and Debian does not
//! use; a.out files.
mod config;
mod elf;
mod format;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeMap;
use std::io::Read as _;

use config::{Directories, Directory};
use elf::Library;
use invar_tree::{Contents as _, ImagePath, Machine, Mode, Node, Owner};

use crate::output::known;
use crate::{ConfigureError, Output, View};
pub use elf::needed_libraries;

const HANDLER: &str = "ld.so.cache";
/// Where the program is, with and without a link from `/sbin`.
const LDCONFIG: [&str; 2] = ["usr/sbin/ldconfig", "sbin/ldconfig"];
/// The longest `ldconfig` that is searched for its version: real ones have one megabyte.
const LONGEST_LDCONFIG: u64 = 16 << 20;
const CACHE: &str = "etc/ld.so.cache";

/// Why the linker's cache cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LdCacheError {
    /// The program is not for a machine whose cache is known.
    #[error("it is not a program for x86-64 or AArch64 (ELF machine {machine})")]
    Machine {
        /// `e_machine` of its ELF header.
        machine: u16,
    },
    /// The program does not say which version of glibc it is from.
    #[error("it has no text \"ldconfig … release version …\", from which the version of glibc is taken")]
    Version,
    /// The configuration files are too many, or include one another in a circle.
    #[error("more than {most} files are included; do they include each other?")]
    Includes {
        /// The limit.
        most: usize,
    },
    /// The configuration files ask for too many directories.
    #[error("more than {most} library directories are configured")]
    Directories {
        /// The limit.
        most: usize,
    },
    /// The cache has 32-bit offsets.
    #[error("the cache would be larger than 4 GiB")]
    TooLarge,
}

impl LdCacheError {
    fn at(self, path: &str) -> ConfigureError {
        let path = ImagePath::parse(path.trim_start_matches('/')).unwrap_or_else(|_| known(CACHE));
        ConfigureError::Source { handler: HANDLER, path, source: Box::new(self) }
    }
}

/// Which rules hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Generation {
    /// Before glibc 2.37.
    Legacy,
    /// From glibc 2.37 on.
    Current,
}

/// What the image's `ldconfig` says of itself.
#[derive(Debug, PartialEq, Eq)]
struct Generator {
    text: Vec<u8>,
    machine: Machine,
    generation: Generation,
}

/// Makes the cache and the links; nothing in an image without `ldconfig`, that is, without `libc-bin`.
///
/// # Errors
/// [`ConfigureError::Read`], and [`ConfigureError::Source`] with an [`LdCacheError`].
pub(crate) fn handler(view: &View<'_>, output: &mut Output) -> Result<(), ConfigureError> {
    let Some(Generator { text, machine, generation }) = generator(view)? else { return Ok(()) };
    let directories = Directories::read(view, machine, generation)?;
    let (libraries, entries) = (BTreeMap::new(), Vec::new());
    let mut search = Search { view, machine, generation, libraries, entries, output };
    for directory in &directories.list {
        search.directory(directory)?;
    }
    let cache = format::write(search.entries, &directories.subdirectories, &text, machine)
        .ok_or_else(|| LdCacheError::TooLarge.at(CACHE))?;
    search.output.file(known(CACHE), Mode::FILE, Owner::ROOT, cache);
    Ok(())
}

fn generator(view: &View<'_>) -> Result<Option<Generator>, ConfigureError> {
    let Some(path) = LDCONFIG.iter().find_map(|path| view.resolve(path)) else { return Ok(None) };
    let Some(Node::File { .. }) = view.get(path.as_str()).map(|entry| &entry.node) else { return Ok(None) };
    let mut bytes = Vec::new();
    match view.open(&path).and_then(|file| file.take(LONGEST_LDCONFIG).read_to_end(&mut bytes)) {
        Ok(_) => parse_generator(&bytes).map(Some).map_err(|error| error.at(path.as_str())),
        Err(source) => Err(ConfigureError::Read { path, source }),
    }
}

/// Finds `ldconfig (Debian GLIBC 2.41-12) stable release version 2.41`, ended by a NUL, in the program's bytes.
fn parse_generator(program: &[u8]) -> Result<Generator, LdCacheError> {
    let number = program.get(18..20).map_or(0, |bytes| u16::from_le_bytes([bytes[0], bytes[1]]));
    let machine = Machine::ALL.into_iter().find(|machine| machine.elf_number() == number);
    let machine = machine.ok_or(LdCacheError::Machine { machine: number })?;
    let texts = program.split(|&byte| byte == 0).filter(|text| text.starts_with(b"ldconfig "));
    for text in texts {
        let Ok(readable) = std::str::from_utf8(text) else { continue };
        let Some((_, version)) = readable.rsplit_once(" release version ") else { continue };
        let mut numbers = version.split('.').map(str::parse::<u32>);
        let (Some(Ok(major)), Some(Ok(minor))) = (numbers.next(), numbers.next()) else { continue };
        let generation = if (major, minor) < (2, 37) { Generation::Legacy } else { Generation::Current };
        return Ok(Generator { text: text.to_vec(), machine, generation });
    }
    Err(LdCacheError::Version)
}

struct Search<'a> {
    view: &'a View<'a>,
    machine: Machine,
    generation: Generation,
    /// What has been read, so that a file with several links to it is read once.
    libraries: BTreeMap<ImagePath, Option<Library>>,
    entries: Vec<format::Entry>,
    output: &'a mut Output,
}

/// What one directory has under one name.
struct Candidate {
    name: Vec<u8>,
    file: String,
    is_link: bool,
    flags: u32,
    isa_level: u32,
}

impl Search<'_> {
    fn directory(&mut self, directory: &Directory) -> Result<(), ConfigureError> {
        let Directory { path, place, subdirectory } = directory;
        let mut candidates: Vec<Candidate> = Vec::new();
        let mut positions: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
        for (at, entry) in self.view.children(place.as_str()) {
            let file = at.name();
            let mut is_link = matches!(entry.node, Node::Symlink { .. });
            if entry.is_directory()
                || !(is_library(file) || is_link && subdirectory.is_some())
                || is_temporary(file, self.generation)
            {
                continue;
            }
            let Some(target) = self.view.resolve(at.as_str()) else {
                if file.contains(".so.") {
                    self.output.remove(at.clone());
                }
                continue;
            };
            let Some(library) = self.library(&target)? else { continue };
            let mut name = library.soname.clone().unwrap_or_else(|| file.into());
            is_link &= name == file.as_bytes() || file.ends_with(".so") && name.starts_with(file.as_bytes());
            if is_link {
                name = file.into();
            }
            let (flags, isa_level) = (library.flags, library.isa_level);
            let candidate = Candidate { name, file: file.to_owned(), is_link, flags, isa_level };
            let position = *positions.entry(candidate.name.clone()).or_insert(candidates.len());
            match candidates.get_mut(position) {
                None => candidates.push(candidate),
                Some(before) if replaces(&candidate, before, self.machine) => {
                    // The flags stay those of the first one, as in ldconfig.
                    *before = Candidate { flags: before.flags, ..candidate };
                }
                Some(_) => {}
            }
        }
        // The directory's last library comes first, as in ldconfig; it shows where names differ only by leading zeros.
        for candidate in candidates.into_iter().rev() {
            let Candidate { name, file, is_link, flags, isa_level } = candidate;
            let file_name = if subdirectory.is_some() { file.as_bytes() } else { name.as_slice() };
            let path = [path.as_bytes(), file_name].join(&b'/');
            if subdirectory.is_none() && !is_link {
                self.link(place, &name, &file);
            }
            let subdirectory = subdirectory.as_ref().map(|name| name.as_bytes().to_vec());
            self.entries.push(format::Entry { name, path, flags, isa_level, subdirectory });
        }
        Ok(())
    }

    fn library(&mut self, path: &ImagePath) -> Result<Option<&Library>, ConfigureError> {
        if !self.libraries.contains_key(path) {
            let library = match self.view.get(path.as_str()).map(|entry| &entry.node) {
                Some(Node::File { .. }) => self
                    .view
                    .open(path)
                    .and_then(|mut file| elf::read(&mut *file, self.machine, self.generation))
                    .map_err(|source| ConfigureError::Read { path: path.clone(), source })?,
                _ => None,
            };
            self.libraries.insert(path.clone(), library);
        }
        Ok(self.libraries.get(path).and_then(Option::as_ref))
    }

    /// Sees that `name` leads to `file`, both in `directory`.
    fn link(&mut self, directory: &ImagePath, name: &[u8], file: &str) {
        // A name with a slash would lead out of the directory, which no linker asks for.
        let Ok(name) = std::str::from_utf8(name) else { return };
        if name.contains('/') {
            return;
        }
        let (Ok(link), Ok(file_path)) = (directory.join(name), directory.join(file)) else { return };
        let is_right = self.view.resolve(link.as_str()) == self.view.resolve(file_path.as_str());
        let is_free =
            self.view.get(link.as_str()).is_none_or(|entry| matches!(entry.node, Node::Symlink { .. }));
        if !is_right && is_free {
            self.output.symlink(link, file);
        }
    }
}

/// Whether a file of this name may be a library.
fn is_library(name: &str) -> bool {
    (name.starts_with("lib") || name.starts_with("ld-")) && name.contains(".so")
        || name.starts_with("ld.so.")
        || name.starts_with("ld64.so.")
}

/// Whether a tool at work leaves files of this name.
fn is_temporary(name: &str, generation: Generation) -> bool {
    let name = name.as_bytes();
    let prelink: &[u8] = b".#prelink#";
    name.ends_with(prelink)
        || name.len() >= 17 && name[name.len() - 17..].starts_with(b".#prelink#.")
        || generation == Generation::Current
            && (name.contains(&b';') || name.ends_with(b".dpkg-new") || name.ends_with(b".dpkg-tmp"))
}

fn replaces(candidate: &Candidate, before: &Candidate, machine: Machine) -> bool {
    match (candidate.is_link, before.is_link) {
        (false, true) => true,
        (true, false) => false,
        _ => format::compare_names(before.file.as_bytes(), candidate.file.as_bytes(), machine).is_lt(),
    }
}
