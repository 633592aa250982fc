//! Where bytes go one after the other: a file, or standard output.
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::path::PathBuf;

use invar_checkout::AtomicFile;

use super::{DestinationError, output};

/// Where a stream of bytes goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stream {
    /// To a file, which appears whole or not at all.
    File(PathBuf),
    /// To standard output.
    StandardOutput,
}

/// A stream that is being written.
pub(super) enum Output {
    File { file: AtomicFile, path: PathBuf },
    StandardOutput(File),
}

impl Output {
    pub fn open(to: &Stream) -> Result<Self, DestinationError> {
        match to {
            Stream::File(path) => {
                let file = AtomicFile::create(path).map_err(output(path))?;
                Ok(Self::File { file, path: path.clone() })
            }
            Stream::StandardOutput => {
                use std::os::fd::AsFd as _;
                let stdout = io::stdout().as_fd().try_clone_to_owned().map_err(DestinationError::Stream)?;
                Ok(Self::StandardOutput(stdout.into()))
            }
        }
    }

    pub fn file(&mut self) -> &mut File {
        match self {
            Self::File { file, .. } => &mut file.file,
            Self::StandardOutput(file) => file,
        }
    }

    pub fn commit(self) -> Result<(), DestinationError> {
        match self {
            Self::File { file, path } => file.commit().map_err(output(&path)),
            Self::StandardOutput(_) => Ok(()),
        }
    }
}

/// Copies `from` to `to`, much at a time: both may be behind a system call each.
pub(super) fn copy(from: &mut dyn Read, to: &mut dyn Write) -> io::Result<()> {
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(length) => to.write_all(&buffer[..length])?,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
