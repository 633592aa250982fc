//! Gives an image to a destination, and checks every byte on the way.
use std::io::{self, Read};

use invar_tree::Hasher;

use crate::BuildError;
use crate::destination::{Content, Delivery, Destination, DestinationError, Piece, Source};

/// Gives `destination` what it lacks of `image`.
///
/// # Errors
/// [`BuildError::Destination`], [`BuildError::Damaged`], and what the store says.
pub(crate) fn deliver(image: &Delivery<'_>, destination: &mut dyn Destination) -> Result<(), BuildError> {
    // A destination may name a piece as often as the image has it; they are given in order.
    let mut rest = image.pieces.iter();
    for digest in destination.missing(image)? {
        let next = rest.find(|piece| piece.digest == digest);
        let piece = next.or_else(|| image.pieces.iter().find(|piece| piece.digest == digest));
        put(piece.ok_or(DestinationError::Unexpected { digest })?, destination)?;
    }
    Ok(destination.finish(image)?)
}

/// Gives `piece` to `destination`.
fn put(piece: &Piece<'_>, destination: &mut dyn Destination) -> Result<(), BuildError> {
    let store = match piece.source {
        Source::Files { tree, contents } => {
            return Ok(destination.put(&piece.digest, Content::Files { tree, contents })?);
        }
        Source::Blob(store) => store,
    };
    let (file, _) = store.open_blob(&piece.digest)?;
    let mut checked = Checked { inner: file, hasher: Hasher::new(), failure: None };
    let put = destination.put(&piece.digest, Content::Layer(&mut checked));
    if let Some(source) = checked.failure.take() {
        return Err(BuildError::Read { path: store.blob_path(&piece.digest), source });
    }
    put?;
    // What was stored may have been damaged since: it is checked each time it goes anywhere.
    io::copy(&mut checked, &mut io::sink())
        .map_err(|source| BuildError::Read { path: store.blob_path(&piece.digest), source })?;
    match checked.hasher.finish() == piece.digest {
        true => Ok(()),
        false => Err(BuildError::Damaged { digest: piece.digest }),
    }
}

/// Hashes what is read, and remembers what went wrong: a destination's own failures are distinguished from it.
struct Checked<R> {
    inner: R,
    hasher: Hasher,
    failure: Option<io::Error>,
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.inner.read(buffer) {
            Ok(length) => {
                self.hasher.update(&buffer[..length]);
                Ok(length)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let kind = error.kind();
                self.failure = Some(error);
                Err(kind.into())
            }
        }
    }
}
