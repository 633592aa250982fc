//! What the programs and libraries of a tree need, read once and kept in the store.
use std::io::Read as _;

use invar_formats::elf::{DT_RPATH, DT_RUNPATH, ET_DYN, ET_EXEC, Elf, PT_INTERP};
use invar_store::{KeyWriter, Keyed, Store};
use invar_tree::{Contents, Digest, ImagePath, Node, ReadSeek, Tree};
use serde::{Deserialize, Serialize};

use crate::BuildError;
use crate::image_trees::{ContentSource, LayerInput};

/// The most files of one tree that are listed.
const MOST: usize = 20_000;

/// A program or library.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ElfFile {
    /// Its path in the image.
    pub path: String,
    /// `e_machine`.
    pub machine: u16,
    /// Whether it names a loader: it is a program.
    pub is_program: bool,
    /// The libraries without which it cannot be loaded.
    pub needed: Vec<String>,
    /// The directories that it wants searched first.
    pub search: Vec<String>,
}

/// The programs and libraries of a stored tree.
struct ElfFiles(Digest);

impl Keyed for ElfFiles {
    const DOMAIN: &'static str = "elf-files";
    const VERSION: u32 = 1;

    fn encode(&self, writer: &mut KeyWriter) {
        writer.digest(&self.0);
    }
}

/// The programs and libraries of `input`; of one that the store has, they are read once.
pub(super) fn elf_files(
    store: &Store,
    input: &LayerInput,
    contents: &dyn Contents,
) -> Result<Vec<ElfFile>, BuildError> {
    // What a part of a stored tree has, all of it has: the caller looks at what is in the image.
    let ContentSource::Stored(stored) = &input.contents else { return read(&input.tree, contents) };
    let key = ElfFiles(stored.segment_digest()).key();
    if let Some(known) = store.result::<Vec<ElfFile>>(&key)? {
        return Ok(known);
    }
    let whole;
    let tree = match input.whole {
        true => &input.tree,
        false => {
            whole = stored.tree(&std::sync::Arc::new(invar_tree::Origin::Source))?;
            &whole
        }
    };
    let found = read(tree, contents)?;
    store.put_result(&key, &found)?;
    Ok(found)
}

fn read(tree: &Tree, contents: &dyn Contents) -> Result<Vec<ElfFile>, BuildError> {
    let mut found = Vec::new();
    for (path, entry) in tree.iter() {
        let Node::File { size, .. } = &entry.node else { continue };
        if *size < 64 || found.len() == MOST || !may_be_elf(path, entry.mode.bits()) {
            continue;
        }
        let failed = |source| BuildError::Read { path: path.to_string().into(), source };
        let mut content = contents.open(path).map_err(failed)?;
        let mut magic = [0; 4];
        if content.read_exact(&mut magic).is_err() || magic != *b"\x7fELF" {
            continue;
        }
        found.extend(inspect(path, &mut *content).map_err(failed)?);
    }
    Ok(found)
}

/// Whether the file at `path` is worth opening.
fn may_be_elf(path: &ImagePath, mode: u32) -> bool {
    let name = path.name();
    if name.ends_with(".py") || name.ends_with(".pyc") || name.ends_with(".h") {
        return false;
    }
    mode & 0o111 != 0 || name.contains(".so") || name.ends_with(".node") || !name.contains('.')
}

fn inspect(path: &ImagePath, content: &mut dyn ReadSeek) -> std::io::Result<Option<ElfFile>> {
    let Some(mut elf) = Elf::open(content)? else { return Ok(None) };
    if !elf.is_64_bit() || elf.is_big_endian() || ![ET_EXEC, ET_DYN].contains(&elf.kind()) {
        return Ok(None);
    }
    let Some(segments) = elf.segments()? else { return Ok(None) };
    let is_program = segments.iter().any(|segment| segment.kind == PT_INTERP);
    let machine = elf.machine();
    let needed = texts(elf.needed_libraries()?);
    let mut search = Vec::new();
    if let Some(dynamic) = elf.dynamic(&segments)? {
        // The newer of the two counts alone (ld.so(8)).
        let newer: Vec<u64> = dynamic.names(DT_RUNPATH).collect();
        let places = if newer.is_empty() { dynamic.names(DT_RPATH).collect() } else { newer };
        for place in places {
            let text = elf.name(place)?.unwrap_or_default();
            search.extend(String::from_utf8_lossy(&text).split(':').map(str::to_owned));
        }
    }
    let path = path.as_str().to_owned();
    Ok(Some(ElfFile { path, machine, is_program, needed, search }))
}

fn texts(names: Vec<Vec<u8>>) -> Vec<String> {
    names.into_iter().filter_map(|name| String::from_utf8(name).ok()).collect()
}

#[cfg(test)]
mod keys {
    use super::*;

    #[test]
    fn the_keys_are_pinned() {
        assert_eq!(
            ElfFiles(Digest::of(b"segment")).describe(),
            "elf-files 1 c14613a692bececaba3be13393c12061f12ba0014f20b904dcd764836d635c78",
            "if this is intended, raise the VERSION of the domain and pin the new key"
        );
    }
}
