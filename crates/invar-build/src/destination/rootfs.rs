//! The root file system as a tar archive.
use std::io::{BufWriter, Write as _};

use invar_oci::{END_OF_ARCHIVE, write_directories, write_segment};
use invar_tree::Digest;

use super::stream::{Output, Stream};
use super::{Content, Delivery, Destination, DestinationError, Form};

/// How much is written at once, in bytes.
const BUFFER: usize = 256 * 1024;

/// Writes an image's files as one tar archive.
pub(super) struct Rootfs {
    to: Stream,
    pending: Option<Output>,
}

impl Rootfs {
    pub fn new(to: Stream) -> Self {
        Self { to, pending: None }
    }
}

impl Destination for Rootfs {
    fn form(&self) -> Form {
        Form::Files
    }

    fn missing(&mut self, image: &Delivery<'_>) -> Result<Vec<Digest>, DestinationError> {
        let mut output = Output::open(&self.to)?;
        let mut out = BufWriter::with_capacity(BUFFER, output.file());
        write_directories(image.root, &mut out)
            .and_then(|()| out.flush())
            .map_err(DestinationError::Stream)?;
        drop(out);
        self.pending = Some(output);
        Ok(image.digests())
    }

    fn put(&mut self, digest: &Digest, content: Content<'_>) -> Result<(), DestinationError> {
        match (&mut self.pending, content) {
            (Some(output), Content::Files { tree, contents }) => {
                let mut out = BufWriter::with_capacity(BUFFER, output.file());
                write_segment(tree, contents, &mut out)?;
                out.flush().map_err(DestinationError::Stream)
            }
            _ => Err(DestinationError::Unexpected { digest: *digest }),
        }
    }

    fn finish(&mut self, _: &Delivery<'_>) -> Result<(), DestinationError> {
        let Some(mut output) = self.pending.take() else { return Ok(()) };
        output.file().write_all(&END_OF_ARCHIVE).map_err(DestinationError::Stream)?;
        output.commit()
    }
}
