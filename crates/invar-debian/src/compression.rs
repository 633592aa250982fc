//! The compressions that deb(5) allows for the two archives in a package, and the bounds on what comes out of them.
use std::io::{self, BufReader, Read};

use flate2::read::MultiGzDecoder;
use liblzma::read::XzDecoder;
use liblzma::stream::{CONCATENATED, Stream};

/// The memory that decoding xz may take. `xz -9`, the most that dpkg-deb asks for, needs 65 MiB.
const XZ_MEMORY: u64 = 128 << 20;

/// The logarithm of the largest window that decoding zstd may take: 128 MiB, what `zstd -22 --ultra` needs.
const ZSTD_WINDOW_LOG: u32 = 27;

/// How an archive in a package is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    None,
    Gzip,
    Xz,
    Zstd,
}

impl Compression {
    /// The compression that the end of a member's name, such as `.xz`, stands for.
    pub fn from_suffix(suffix: &str) -> Option<Self> {
        match suffix {
            "" => Some(Self::None),
            ".gz" => Some(Self::Gzip),
            ".xz" => Some(Self::Xz),
            ".zst" => Some(Self::Zstd),
            _ => None,
        }
    }

    /// A reader of what `reader` holds compressed. It reads `reader` to its end, and bytes that do not belong to the
    /// compressed stream are an error, as are streams that need more memory than any package does.
    pub fn decode<'a>(self, reader: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
        let reader = BufReader::with_capacity(1 << 16, reader);
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

/// More bytes came out of a stream than its bound allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it unpacks to more than {limit} bytes")]
pub(crate) struct LimitExceeded {
    /// The bound in bytes.
    pub limit: u64,
}

impl LimitExceeded {
    /// The limit that `error` tells of, if it does.
    pub fn find(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref().copied()
    }
}

/// A reader that gives at most `limit` bytes; one more is an error.
#[derive(Debug)]
pub(crate) struct Limited<R> {
    reader: R,
    limit: u64,
    left: u64,
}

impl<R: Read> Limited<R> {
    pub fn new(reader: R, limit: u64) -> Self {
        Self { reader, limit, left: limit }
    }
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        if self.left == 0 {
            return match self.reader.read(&mut [0])? {
                0 => Ok(0),
                _ => Err(io::Error::other(LimitExceeded { limit: self.limit })),
            };
        }
        let room = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let count = self.reader.read(&mut buffer[..room])?;
        self.left -= count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn compressed(compression: Compression, bytes: &[u8]) -> Vec<u8> {
        match compression {
            Compression::None => bytes.to_vec(),
            Compression::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
            Compression::Xz => {
                let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
            Compression::Zstd => zstd::encode_all(bytes, 1).unwrap(),
        }
    }

    fn decoded(compression: Compression, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        compression.decode(bytes)?.read_to_end(&mut content)?;
        Ok(content)
    }

    const ALL: [(&str, Compression); 4] = [
        ("", Compression::None),
        (".gz", Compression::Gzip),
        (".xz", Compression::Xz),
        (".zst", Compression::Zstd),
    ];

    #[test]
    fn each_suffix_names_its_compression() {
        for (suffix, compression) in ALL {
            assert_eq!(Compression::from_suffix(suffix), Some(compression));
            let bytes = compressed(compression, b"the content");
            assert_eq!(decoded(compression, &bytes).unwrap(), b"the content", "{suffix}");
        }
        assert_eq!(Compression::from_suffix(".bz2"), None);
    }

    #[test]
    fn streams_must_be_whole_and_alone() {
        for (suffix, compression) in &ALL[1..] {
            let bytes = compressed(*compression, &[7; 1000]);
            assert!(decoded(*compression, &bytes[..bytes.len() - 1]).is_err(), "{suffix} truncated");
            let twice = [bytes.as_slice(), &bytes].concat();
            assert_eq!(decoded(*compression, &twice).unwrap().len(), 2000, "{suffix} twice");
            let rubbish = [bytes.as_slice(), b"rubbish"].concat();
            assert!(decoded(*compression, &rubbish).is_err(), "{suffix} with rubbish");
        }
    }

    #[test]
    fn xz_may_not_ask_for_all_memory() {
        let mut options = liblzma::stream::LzmaOptions::new_preset(0).unwrap();
        options.dict_size(160 << 20);
        let mut filters = liblzma::stream::Filters::new();
        filters.lzma2(&options);
        let stream = Stream::new_stream_encoder(&filters, liblzma::stream::Check::Crc64).unwrap();
        let mut encoder = liblzma::write::XzEncoder::new_stream(Vec::new(), stream);
        encoder.write_all(b"x").unwrap();
        let error = decoded(Compression::Xz, &encoder.finish().unwrap()).unwrap_err();
        assert_eq!(error.to_string(), "memory limit reached");
    }

    #[test]
    fn a_limit_is_an_error_and_not_an_end() {
        let mut content = Vec::new();
        Limited::new(&b"12345"[..], 5).read_to_end(&mut content).unwrap();
        assert_eq!(content, b"12345");
        let error = Limited::new(&b"123456"[..], 5).read_to_end(&mut content).unwrap_err();
        assert_eq!(LimitExceeded::find(&error), Some(LimitExceeded { limit: 5 }));
    }
}
