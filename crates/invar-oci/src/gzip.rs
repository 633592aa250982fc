//! Compression: a sequence of gzip members, each of one MiB.
//!
//! The input is cut into blocks of [`MEMBER_SIZE`] bytes, the last one shorter, none empty. Each block becomes one
//! complete gzip member (RFC 1952), and the members follow each other without anything between them:
//!
//! ```text
//! 1f 8b 08   gzip, deflate
//! 00         no flags: no name, no comment, no extra field
//! 00000000   no time
//! 00         neither the fastest nor the smallest
//! ff         no operating system
//! ...        the block, deflated by libdeflate 1.26 at level 6
//! CRC-32 of the block, 4 bytes, the lowest first
//! length of the block, 4 bytes, the lowest first
//! ```
//!
//! RFC 1952 (section 2.2) lets members be concatenated and readers give out the concatenation of what is in them, so
//! `gzip(a) + gzip(b)` is a compressed form of `a + b`. It is *the* form that this module makes of `a + b` only if the
//! length of `a` is a multiple of [`MEMBER_SIZE`]: that much may be shared out among threads.
//!
//! Why one MiB: members are large enough to cost next to nothing in size, and small enough that a block and what
//! becomes of it stay in a processor's cache; and a compressor that always sees a whole block cannot be influenced by
//! how its callers cut their writes.
//!
//! Format break: the bytes reach every layer. They were compared between the code that libdeflate chooses for old and
//! new processors; a new version of libdeflate is a format break unless the pinned digests of the tests still hold.
use std::io::{self, Write};

use libdeflater::{CompressionLvl, Compressor};

/// How many bytes of the input go into one gzip member.
///
/// Format break: it decides the bytes of every layer.
pub const MEMBER_SIZE: usize = 1 << 20;

/// The level of libdeflate, whose output is about as small as that of gzip at its default level.
///
/// Format break: it decides the bytes of every layer.
const LEVEL: i32 = 6;

/// Compresses what is written to it; see the module's documentation for the bytes.
///
/// The output depends on the bytes alone, never on how they are cut into writes. [`flush`](Write::flush) hands on
/// what is finished and does not end a member. Input that is empty makes no member at all.
///
/// The end of the input is only compressed by [`finish`](Self::finish). After an error of the output, what it holds is
/// of no use.
pub struct GzipWriter<W: Write> {
    out: W,
    compressor: Compressor,
    /// The block in the making, shorter than [`MEMBER_SIZE`] between calls.
    block: Vec<u8>,
    /// Room for one member.
    member: Vec<u8>,
}

impl<W: Write> GzipWriter<W> {
    /// A writer that gives members to `out`.
    pub fn new(out: W) -> Self {
        let level = CompressionLvl::new(LEVEL).expect("libdeflate has the levels 0 to 12");
        let mut compressor = Compressor::new(level);
        let member = vec![0; compressor.gzip_compress_bound(MEMBER_SIZE)];
        Self { out, compressor, block: Vec::new(), member }
    }

    /// Compresses what is left and gives the output back.
    ///
    /// # Errors
    /// What the output says.
    pub fn finish(mut self) -> io::Result<W> {
        let rest = std::mem::take(&mut self.block);
        if !rest.is_empty() {
            self.write_member(&rest)?;
        }
        Ok(self.out)
    }

    fn write_member(&mut self, block: &[u8]) -> io::Result<()> {
        let length = self
            .compressor
            .gzip_compress(block, &mut self.member)
            .expect("the room was measured for the largest block");
        self.out.write_all(&self.member[..length])
    }
}

impl<W: Write> Write for GzipWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Whole blocks need not be copied first.
        if self.block.is_empty() && bytes.len() >= MEMBER_SIZE {
            self.write_member(&bytes[..MEMBER_SIZE])?;
            return Ok(MEMBER_SIZE);
        }
        let count = bytes.len().min(MEMBER_SIZE - self.block.len());
        self.block.extend_from_slice(&bytes[..count]);
        if self.block.len() == MEMBER_SIZE {
            let mut block = std::mem::take(&mut self.block);
            let result = self.write_member(&block);
            block.clear();
            self.block = block;
            result?;
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The compressed form of `bytes`: what a [`GzipWriter`] makes of them.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut writer = GzipWriter::new(Vec::new());
    writer.write_all(bytes).and_then(|()| writer.finish()).expect("writing to a vector does not fail")
}
