//! Compressed streams, opened within bounds: how much memory decoding takes, and how much comes out.
use std::fmt;
use std::io::{self, BufRead, Read};

use flate2::bufread::MultiGzDecoder;
use liblzma::bufread::XzDecoder;
use liblzma::stream::{CONCATENATED, Stream};

/// The memory that decoding xz may take, in bytes. `xz -9`, the most that dpkg-deb asks for, needs 65 MiB.
const XZ_MEMORY: u64 = 128 << 20;

/// The logarithm of the largest window that decoding zstd may take: 128 MiB, what `zstd -22 --ultra` needs.
const ZSTD_WINDOW_LOG: u32 = 27;

/// How a stream is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip (RFC 1952).
    Gzip,
    /// zstd (RFC 8878).
    Zstd,
    /// xz (The .xz File Format, version 1.2).
    Xz,
}

/// A compression that is known and not read; its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("its compression {0} is not supported")]
pub struct NotRead(pub &'static str);

impl Compression {
    /// The compression that the end of a file's name, such as `.xz`, stands for; nothing if it stands for another.
    #[must_use]
    pub fn from_suffix(suffix: &str) -> Option<Self> {
        match suffix {
            "" => Some(Self::None),
            ".gz" => Some(Self::Gzip),
            ".xz" => Some(Self::Xz),
            ".zst" => Some(Self::Zstd),
            _ => None,
        }
    }

    /// What the first bytes of a stream say. Six are enough.
    ///
    /// # Errors
    /// [`NotRead`].
    pub fn of(start: &[u8]) -> Result<Self, NotRead> {
        Ok(match start {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            // A frame that may be skipped, which some tools put first.
            [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Xz,
            [b'B', b'Z', b'h', ..] => return Err(NotRead("bzip2")),
            _ => Self::None,
        })
    }

    /// A reader of what `reader` holds compressed. It reads `reader` to its end, and bytes that do not belong to the
    /// compressed stream are an error, as are streams that need more memory than any tool asks for on its own.
    ///
    /// # Errors
    /// If the decoder cannot be made, or the beginning cannot be read.
    pub fn decode<'a>(self, reader: impl BufRead + 'a) -> io::Result<Box<dyn Read + 'a>> {
        Ok(match self {
            Self::None => Box::new(reader),
            Self::Gzip => Box::new(MultiGzDecoder::new(reader)),
            Self::Xz => {
                let stream = Stream::new_stream_decoder(XZ_MEMORY, CONCATENATED)?;
                Box::new(XzDecoder::new_stream(reader, stream))
            }
            Self::Zstd => {
                let mut decoder = zstd::Decoder::with_buffer(reader)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG)?;
                Box::new(decoder)
            }
        })
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Xz => "xz",
        })
    }
}

#[cfg(test)]
mod tests;
