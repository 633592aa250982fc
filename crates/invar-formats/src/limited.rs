//! A bound on what comes out of a stream.
use std::io::{self, Read};

/// More bytes came out of a stream than its bound allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it unpacks to more than {limit} bytes")]
pub struct LimitExceeded {
    /// The bound in bytes.
    pub limit: u64,
}

impl LimitExceeded {
    /// The limit that `error` is about, if any.
    #[must_use]
    pub fn find(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref().copied()
    }
}

/// A reader that gives at most so many bytes; one more is an error, [`LimitExceeded`].
#[derive(Debug)]
pub struct Limited<R> {
    reader: R,
    limit: u64,
    left: u64,
}

impl<R: Read> Limited<R> {
    /// At most `limit` bytes of `reader`.
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
    use super::*;

    #[test]
    fn a_limit_is_an_error_and_not_an_end() {
        let mut content = Vec::new();
        Limited::new(&b"12345"[..], 5).read_to_end(&mut content).unwrap();
        assert_eq!(content, b"12345");
        let error = Limited::new(&b"123456"[..], 5).read_to_end(&mut content).unwrap_err();
        assert_eq!(LimitExceeded::find(&error), Some(LimitExceeded { limit: 5 }));
    }
}
