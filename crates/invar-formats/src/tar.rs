//! Tar archives, read as a stream: v7, ustar, pax, and GNU's long names and large numbers.
//!
//! ```text
//! archive   members, then one block of zeros, or nothing; after it only zeros, see `TarReader::finish`
//! member    extensions, header, content, zeros up to a multiple of 512 bytes
//! extension a header with one of the flags x, g (pax), L, K (GNU), its content, zeros up to a multiple of 512 bytes
//! header    one block of 512 bytes; numbers are octal digits between spaces and NULs, or, with the first bit set, a
//!           number in base 256; nothing is zero
//!             0 path    (100)  100 mode (8)   108 uid (8)  116 gid (8)    124 size (12)      136 time (12)
//!           148 sum       (8)  156 flag (1)   157 link target (100)       257 "ustar"        265 user (32)
//!           297 group    (32)  329 device major (8)        337 device minor (8)              345 prefix (155)
//! sum       of all bytes of the header, read as signed or unsigned, with the sum itself as spaces
//! prefix    is before the path, with a slash between, where the format is ustar ("ustar\0") and not GNU's
//! x         records for the next member: `LENGTH KEY=VALUE\n`, the length in decimal and counting all of the record
//! g         the same for all members that follow
//! L, K      path and link target of the next member, up to a NUL
//! ```
//!
//! One archive must not mean two things to two readers. So these are errors whoever reads: two long names for one
//! member; an extension that is malformed, too long, or followed by no member; a `g` header that names or moves
//! members (`path`, `linkpath`, `size`, `GNU.sparse.*`), or one that says an owner or a time that someone asks for.
//!
//! What else is refused depends on where the archive is from:
//!
//! |                              | Debian package | source archive | crate, git commit | layer |
//! | ---------------------------- | -------------- | -------------- | ----------------- | ----- |
//! | [`Policy`]                   | `Gnu`          | `Pax`          | `Pax`             | `PaxSizes` |
//! | longest extension            | 4 KiB          | 1 MiB          | 64 KiB            | 1 MiB |
//! | members                      | 1,000,000; 1,000 of control data | 300,000 | 200,000 | by the caller's limits |
//! | flag `7` (contiguous file)   | refused        | a file         | a file            | a file |
//! | devices, pipes               | refused        | refused        | refused           | kept |
//! | sparse files                 | refused        | refused        | refused           | refused |
//! | content of what is no file   | refused        | passed over    | passed over       | refused |
//! | symbolic links               | not above the root | within the tree | followed, or refused | any |
//! | hard links                   | to an earlier file | to an earlier file | refused  | any path |
//! | data after the end           | refused        | refused        | passed over       | refused |
//! | owner, time                  | 32 bits; -     | -; -           | -; -              | 32 bits; kept |
//!
//! The first lines are what this module enforces; the others are rules of the tree that the archive becomes, and are
//! next to the code that makes it.
//!
//! The `tar` crate is not used: it takes a file's size from the first header alone where it gives members as they are,
//! and joins long names without a limit where it does not.
//!
//! Source: IEEE Std 1003.1-2017, `pax`, "ustar Interchange Format" and "pax Extended Header"; GNU tar manual, "Basic
//! Tar Format".
use std::io::{self, Read};

mod error;
mod extensions;
mod header;
mod time;

pub use error::{TarError, TarFault};
use extensions::{Extensions, until_nul};
pub use header::{Header, MemberKind, TarFormat};
pub use time::Time;

const BLOCK: usize = 512;

/// Which extended headers count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// None: pax headers are given like members, with the kind [`MemberKind::Other`], so that they can be refused. What
    /// deb(5) allows.
    Gnu,
    /// All, but a size must be the one of the member's own header: it would move all that follows.
    Pax,
    /// All. A file of 8 GiB or more may have its size in an extended header only.
    PaxSizes,
}

/// How much of an archive is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest extension in bytes. All extensions of one member may have twice as much.
    pub extension: u64,
    /// The most members, extensions not counted.
    pub members: usize,
    /// The most bytes that the paths, link targets and extended attributes of all members may have together.
    pub names: usize,
}

/// Passes over that many bytes of a stream; an error where there are fewer.
type Skip<R> = fn(&mut R, u64) -> io::Result<()>;

/// A tar archive, as it passes by.
pub struct TarReader<R> {
    reader: R,
    policy: Policy,
    limits: Limits,
    skip: Skip<R>,
    position: u64,
    /// What is left of the content of the current member.
    left: u64,
    /// The zeros after it.
    padding: u64,
    members: usize,
    names: usize,
    /// The blocks of the current member's header, with its extensions.
    raw: Vec<u8>,
    /// Whether a `g` header spoke of owners and times.
    global: bool,
}

impl<R: Read> TarReader<R> {
    /// The archive that `reader` gives. It is read block by block, so it had better be buffered.
    pub fn new(reader: R, policy: Policy, limits: Limits) -> Self {
        Self::with_skip(reader, policy, limits, read_over)
    }

    /// The same for a reader that has its own way to pass over bytes, such as seeking.
    pub fn with_skip(reader: R, policy: Policy, limits: Limits, skip: Skip<R>) -> Self {
        let (position, left, padding) = (0, 0, 0);
        let (members, names, raw, global) = (0, 0, Vec::new(), false);
        Self { reader, policy, limits, skip, position, left, padding, members, names, raw, global }
    }

    /// Where the next byte is read from, in bytes from the archive's beginning.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The blocks of the current member's header, extensions included: two members with equal headers and contents are
    /// the same bytes.
    pub fn raw_header(&self) -> &[u8] {
        &self.raw
    }

    /// Goes to the next member, over what is left of the current one. `None` is the end.
    ///
    /// # Errors
    /// [`TarError`].
    pub fn next_member(&mut self) -> Result<Option<Header>, TarError> {
        let mut extensions = Extensions { global: self.global, ..Extensions::default() };
        self.raw.clear();
        loop {
            self.pass_over()?;
            let offset = self.position;
            let block = self.block()?.filter(|block| block.iter().any(|&byte| byte != 0));
            let Some(block) = block else {
                return match extensions.is_pending() {
                    true => Err(TarError::entry(extensions.shown(), TarFault::Extension)),
                    false => Ok(None),
                };
            };
            if !header::checksum_holds(&block) {
                return Err(TarError::Header { offset });
            }
            self.raw.extend(block);
            let fail = |fault| TarError::entry(&header::stored_path(&block), fault);
            let stored_size = header::size(&block).map_err(fail)?;
            if self.is_extension(block[156]) {
                (self.left, self.padding) = (stored_size, padding(stored_size));
                self.extend(&mut extensions, &block)?;
                continue;
            }
            self.global = extensions.global;
            let size = match header::extended_size(&extensions).map_err(fail)? {
                Some(size) if size != stored_size && self.policy != Policy::PaxSizes => {
                    return Err(fail(TarFault::Extension));
                }
                size => size.unwrap_or(stored_size),
            };
            (self.left, self.padding) = (size, padding(size));
            let header = Header::new(block, extensions, size);
            self.count(&header)?;
            return Ok(Some(header));
        }
    }

    /// The content of the current member. It fails, and does not end, where the archive ends early.
    pub fn content(&mut self) -> Content<'_, R> {
        Content { archive: self }
    }

    /// Reads what follows the end, to the end of the stream; a decoder checks the whole stream only then.
    ///
    /// # Errors
    /// [`TarError::Trailing`] for anything but zeros; [`TarError::Read`], [`TarError::TooLarge`].
    pub fn finish(mut self) -> Result<R, TarError> {
        let mut buffer = [0; 1 << 14];
        loop {
            match self.reader.read(&mut buffer) {
                Ok(0) => return Ok(self.reader),
                Ok(count) if buffer[..count].iter().any(|&byte| byte != 0) => return Err(TarError::Trailing),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn is_extension(&self, flag: u8) -> bool {
        matches!(flag, b'L' | b'K') || matches!(flag, b'x' | b'g') && self.policy != Policy::Gnu
    }

    /// Passes over what is left of the current member.
    fn pass_over(&mut self) -> io::Result<()> {
        // A size is at most 2^63, so that this does not overflow.
        let rest = self.left + self.padding;
        if rest > 0 {
            (self.skip)(&mut self.reader, rest)?;
            self.position = self.position.saturating_add(rest);
            (self.left, self.padding) = (0, 0);
        }
        Ok(())
    }

    fn count(&mut self, header: &Header) -> Result<(), TarError> {
        self.members += 1;
        if self.members > self.limits.members {
            return Err(TarError::TooManyEntries { limit: self.limits.members });
        }
        self.names = self.names.saturating_add(header.length_of_names());
        if self.names > self.limits.names {
            return Err(TarError::NamesTooLong { limit: self.limits.names });
        }
        Ok(())
    }

    /// One block, or `None` where the archive ends between two blocks.
    fn block(&mut self) -> io::Result<Option<[u8; BLOCK]>> {
        let mut block = [0; BLOCK];
        let mut filled = 0;
        while filled < BLOCK {
            match self.reader.read(&mut block[filled..]) {
                Ok(0) if filled == 0 => return Ok(None),
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.position += BLOCK as u64;
        Ok(Some(block))
    }

    /// Reads the extension whose header is `block`.
    fn extend(&mut self, extensions: &mut Extensions, block: &[u8; BLOCK]) -> Result<(), TarError> {
        let room = self.limits.extension.saturating_mul(2).saturating_sub(self.raw.len() as u64);
        let limit = self.limits.extension.min(room);
        let whole = self.left <= limit;
        let mut content = Vec::new();
        self.content().take(limit).read_to_end(&mut content)?;
        self.raw.extend(&content);
        let flag = block[156];
        if whole && extensions.take(flag, &content).is_some() {
            return Ok(());
        }
        // A long name is what the reader of a message knows the member by.
        let path = match flag {
            b'L' | b'K' => until_nul(&content).to_vec(),
            _ => header::stored_path(block),
        };
        Err(TarError::entry(&path, TarFault::Extension))
    }
}

/// The zeros after content of this size.
fn padding(size: u64) -> u64 {
    size.wrapping_neg() % BLOCK as u64
}

fn read_over(reader: &mut impl Read, count: u64) -> io::Result<()> {
    match io::copy(&mut reader.by_ref().take(count), &mut io::sink())? {
        passed if passed == count => Ok(()),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// The path in the first block of an archive; `None` if the block is not a header.
pub fn first_path(start: &[u8]) -> Option<Vec<u8>> {
    let block = start.first_chunk::<BLOCK>()?;
    let is_header = header::checksum_holds(block) && block.iter().any(|&byte| byte != 0);
    is_header.then(|| header::stored_path(block))
}

/// See [`TarReader::content`].
pub struct Content<'a, R> {
    archive: &'a mut TarReader<R>,
}

impl<R: Read> Read for Content<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = buffer.len().min(usize::try_from(self.archive.left).unwrap_or(usize::MAX));
        if room == 0 {
            return Ok(0);
        }
        match self.archive.reader.read(&mut buffer[..room])? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            count => {
                self.archive.left -= count as u64;
                self.archive.position += count as u64;
                Ok(count)
            }
        }
    }
}

#[cfg(test)]
mod tests;
