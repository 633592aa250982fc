//! An archive that is both an OCI image layout and a Docker archive, as a file or a stream.
use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use invar_oci::{ArchivePart, archive_parts, total_size};
use invar_tree::{Digest, Hasher};

use super::stream::{Output, Stream, copy};
use super::{Content, Delivery, Destination, DestinationError, Form};

/// Writes an image as one archive. One that is there and the same is left as it is.
pub(super) struct Archive {
    to: Stream,
    pending: Option<Pending>,
}

/// An archive that is being written.
struct Pending {
    output: Output,
    /// What is still to be written.
    rest: VecDeque<ArchivePart>,
}

impl Archive {
    pub fn new(to: Stream) -> Self {
        Self { to, pending: None }
    }
}

impl Destination for Archive {
    fn form(&self) -> Form {
        Form::Layers
    }

    fn missing(&mut self, image: &Delivery<'_>) -> Result<Vec<Digest>, DestinationError> {
        let parts = archive_parts(image.image);
        if let Stream::File(path) = &self.to
            && is_written(&parts, path)
        {
            return Ok(Vec::new());
        }
        let blob = |part: &ArchivePart| match part {
            ArchivePart::Blob { digest, .. } => Some(*digest),
            ArchivePart::Bytes(_) => None,
        };
        let missing = parts.iter().filter_map(blob).collect();
        let mut pending = Pending { output: Output::open(&self.to)?, rest: parts.into() };
        pending.write_bytes()?;
        self.pending = Some(pending);
        Ok(missing)
    }

    fn put(&mut self, digest: &Digest, content: Content<'_>) -> Result<(), DestinationError> {
        let unexpected = || DestinationError::Unexpected { digest: *digest };
        let pending = self.pending.as_mut().ok_or_else(unexpected)?;
        match (pending.rest.pop_front(), content) {
            (Some(ArchivePart::Blob { digest: expected, .. }), Content::Layer(bytes))
                if expected == *digest =>
            {
                copy(bytes, pending.output.file()).map_err(DestinationError::Stream)?;
                pending.write_bytes()
            }
            _ => Err(unexpected()),
        }
    }

    fn finish(&mut self, _: &Delivery<'_>) -> Result<(), DestinationError> {
        match self.pending.take() {
            Some(pending) => pending.output.commit(),
            None => Ok(()),
        }
    }
}

impl Pending {
    /// Writes what comes before the next layer.
    fn write_bytes(&mut self) -> Result<(), DestinationError> {
        while let Some(ArchivePart::Bytes(bytes)) = self.rest.front() {
            self.output.file().write_all(bytes).map_err(DestinationError::Stream)?;
            self.rest.pop_front();
        }
        Ok(())
    }
}

/// Whether the file at `path` has the bytes of `parts` already.
///
/// Reading is several times faster than writing, and where the file is another image's, the first piece tells. What
/// cannot be read is not the same.
fn is_written(parts: &[ArchivePart], path: &Path) -> bool {
    let same = || -> io::Result<bool> {
        // Asked before it is opened: a pipe would wait for its writer.
        let metadata = fs::metadata(path)?;
        if !metadata.is_file() || metadata.len() != total_size(parts) {
            return Ok(false);
        }
        let mut file = File::open(path)?;
        for part in parts {
            let same = match part {
                ArchivePart::Bytes(bytes) => {
                    let mut found = vec![0; bytes.len()];
                    file.read_exact(&mut found)?;
                    found == *bytes
                }
                ArchivePart::Blob { digest, size } => {
                    let mut hasher = Hasher::new();
                    io::copy(&mut (&file).take(*size), &mut hasher)?;
                    hasher.finish() == *digest
                }
            };
            if !same {
                return Ok(false);
            }
        }
        Ok(true)
    };
    same().unwrap_or(false)
}
