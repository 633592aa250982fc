//! What a layer holds, as a list.
use std::collections::BTreeMap;
use std::io::{self, Read};

use invar_tree::{Digest, Hasher, ImagePath, Mode, Owner};

use crate::{Compression, Limits, Member};

/// How many bytes of the beginning of a file are wanted, given its path and size.
pub type Keep<'a> = &'a dyn Fn(&ImagePath, u64) -> u64;

/// Nothing of any file is wanted.
pub const NOTHING: Keep<'static> = &|_, _| 0;

/// What is in a layer.
#[derive(Debug, Clone)]
pub struct Listing {
    /// Its members, in their order. A path that comes twice is there twice; the last counts.
    pub members: Vec<Member>,
    /// The member that is the root directory itself, if there is one. Its path is of no meaning.
    pub root: Option<(Mode, Owner)>,
    /// The beginnings of files that were asked for.
    pub kept: BTreeMap<ImagePath, Vec<u8>>,
    /// How it is compressed.
    pub compression: Compression,
    /// Its first bytes, which identify the compressor.
    pub start: Vec<u8>,
    /// Its length as it is stored, in bytes.
    pub size: u64,
    /// Its digest as it is stored.
    pub digest: Digest,
    /// Its length when it is unpacked, in bytes.
    pub unpacked: u64,
    /// The digest of what it unpacks to.
    pub diff_id: Digest,
}

/// What is kept of files, within a bound.
pub(crate) struct Keeper<'a> {
    keep: Keep<'a>,
    left: u64,
    pub kept: BTreeMap<ImagePath, Vec<u8>>,
}

impl<'a> Keeper<'a> {
    pub fn new(keep: Keep<'a>, limits: &Limits) -> Self {
        Self { keep, left: limits.kept, kept: BTreeMap::new() }
    }

    /// The digest of all that `content` gives, which must be `size` bytes.
    pub fn file(&mut self, path: &ImagePath, size: u64, mut content: &mut dyn Read) -> io::Result<Digest> {
        let wanted = (self.keep)(path, size).min(size);
        let mut hasher = Hasher::new();
        if wanted > 0 && wanted <= self.left {
            let mut start = Vec::new();
            Read::by_ref(&mut content).take(wanted).read_to_end(&mut start)?;
            hasher.update(&start);
            self.left -= start.len() as u64;
            // What the same layer has twice counts as it comes last.
            self.kept.insert(path.clone(), start);
        } else {
            self.kept.remove(path);
        }
        io::copy(&mut content, &mut hasher)?;
        if hasher.length() != size {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(hasher.finish())
    }
}
