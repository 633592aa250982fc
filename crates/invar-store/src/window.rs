use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::ops::Range;
use std::os::unix::fs::FileExt;

/// A part of a file as a file of its own. It has its own position, so any number can read one file at once.
#[derive(Debug)]
pub(crate) struct Window<'a> {
    file: &'a File,
    range: Range<u64>,
    /// Counted from the start of the window; may be after its end.
    position: u64,
}

impl<'a> Window<'a> {
    pub(crate) fn new(file: &'a File, range: Range<u64>) -> Self {
        Self { file, range, position: 0 }
    }

    fn length(&self) -> u64 {
        self.range.end - self.range.start
    }
}

impl Read for Window<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.length().saturating_sub(self.position);
        let wanted = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        if wanted == 0 {
            return Ok(0);
        }
        match self.file.read_at(&mut buffer[..wanted], self.range.start + self.position)? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            read => {
                self.position += read as u64;
                Ok(read)
            }
        }
    }
}

impl Seek for Window<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => self.length().checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.ok_or(ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}
