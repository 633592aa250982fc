use super::BytecodeError;

/// A cursor over the whole file, so that offsets in errors are the file's.
#[derive(Clone)]
pub(super) struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Input<'a> {
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    /// Where the next byte is.
    pub(super) fn offset(&self) -> usize {
        self.at
    }

    pub(super) fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], BytecodeError> {
        self.expect(count)?;
        let taken = &self.bytes[self.at..self.at + count];
        self.at += count;
        Ok(taken)
    }

    /// The next bytes as an array.
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], BytecodeError> {
        Ok(self.take(N)?.try_into().expect("as many bytes were taken"))
    }

    pub(super) fn byte(&mut self) -> Result<u8, BytecodeError> {
        self.array().map(|[byte]| byte)
    }

    /// A length or count: CPython reads it as signed and refuses negative ones, which are longer than any file here.
    pub(super) fn length(&mut self) -> Result<usize, BytecodeError> {
        Ok(u32::from_le_bytes(self.array()?) as usize)
    }

    /// Refuses a count of which not even one byte each can follow.
    pub(super) fn expect(&self, count: usize) -> Result<(), BytecodeError> {
        if count > self.left() {
            return Err(BytecodeError::Truncated { offset: self.at, needed: count, left: self.left() });
        }
        Ok(())
    }
}
