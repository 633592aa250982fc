//! An OCI image layout in a directory.
use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;

use invar_oci::{ArchivePart, layout_files};
use invar_tree::Digest;

use super::new_directory::NewDirectory;
use super::stream::copy;
use super::{Content, Delivery, Destination, DestinationError, Form, file_time, output};

/// Writes an image as an OCI image layout into a directory, which must be absent or empty.
pub(super) struct OciDirectory {
    path: PathBuf,
    pending: Option<NewDirectory>,
}

impl OciDirectory {
    pub fn new(path: PathBuf) -> Self {
        Self { path, pending: None }
    }
}

impl Destination for OciDirectory {
    fn form(&self) -> Form {
        Form::Layers
    }

    fn missing(&mut self, image: &Delivery<'_>) -> Result<Vec<Digest>, DestinationError> {
        let pending = NewDirectory::create(&self.path)?;
        fs::create_dir_all(pending.place().join("blobs/sha256")).map_err(output(pending.place()))?;
        self.pending = Some(pending);
        Ok(image.digests())
    }

    fn put(&mut self, digest: &Digest, content: Content<'_>) -> Result<(), DestinationError> {
        match (&self.pending, content) {
            (Some(pending), Content::Layer(bytes)) => {
                let target = pending.place().join("blobs/sha256").join(digest.hex());
                let mut file = File::create(&target).map_err(output(&target))?;
                copy(bytes, &mut file).map_err(output(&target))
            }
            _ => Err(DestinationError::Unexpected { digest: *digest }),
        }
    }

    fn finish(&mut self, image: &Delivery<'_>) -> Result<(), DestinationError> {
        let Some(pending) = self.pending.take() else { return Ok(()) };
        for (name, part) in layout_files(image.image) {
            let ArchivePart::Bytes(bytes) = part else { continue };
            let target = pending.place().join(name);
            let written = File::create(&target).and_then(|mut file| {
                file.write_all(&bytes)?;
                // By its time, the layout is known as a result of a build, and not taken for source.
                file.set_modified(file_time())
            });
            written.map_err(output(&target))?;
        }
        pending.commit()
    }
}
