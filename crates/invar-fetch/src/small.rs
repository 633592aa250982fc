use std::io::ErrorKind;

use invar_formats::url::redacted;

use crate::attempt::AttemptError;
use crate::transport::{Body, Resume, reading};
use crate::{Failure, FetchError, Fetcher, Observer};

/// A file that was fetched into memory. Nothing has checked its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchedFile {
    /// The content.
    pub bytes: Vec<u8>,
    /// The address that gave it, as it was asked for.
    pub url: String,
}

impl Fetcher {
    /// Fetches a small file whose digest is unknown, such as an index that is signed: from the first of `urls`
    /// that gives it, and at most `limit` bytes.
    ///
    /// The observer knows it by its first address.
    ///
    /// # Errors
    /// [`FetchError`]; [`FetchError::is_absent`] if every URL says that the file does not exist.
    pub fn get(
        &self,
        urls: &[String],
        limit: u64,
        observer: &dyn Observer,
    ) -> Result<FetchedFile, FetchError> {
        let label = urls.first().map(|url| redacted(url)).unwrap_or_else(|| "a file".to_owned());
        let fetched = self.try_each(&label, urls, observer, |url| {
            let bytes = self.read(&label, url, limit, observer)?;
            Ok(FetchedFile { bytes, url: url.to_owned() })
        })?;
        observer.finished(&label);
        Ok(fetched)
    }

    fn read(
        &self,
        label: &str,
        url: &str,
        limit: u64,
        observer: &dyn Observer,
    ) -> Result<Vec<u8>, AttemptError> {
        let Body { mut reader, size, .. } =
            self.transport.open(url, Resume { offset: 0, validator: None })?;
        if size.is_some_and(|size| size > limit) {
            return Err(Failure::TooLong { limit }.into());
        }
        observer.started(label, size);
        let mut bytes = Vec::new();
        let mut buffer = [0; 16 * 1024];
        loop {
            if observer.cancelled() {
                return Err(AttemptError::Cancelled);
            }
            let read = match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(reading(error).into()),
            };
            if (bytes.len() + read) as u64 > limit {
                return Err(Failure::TooLong { limit }.into());
            }
            bytes.extend_from_slice(&buffer[..read]);
            observer.advanced(label, read as u64);
        }
        match size {
            Some(expected) if expected != bytes.len() as u64 => {
                Err(Failure::Short { expected, found: bytes.len() as u64 }.into())
            }
            _ => Ok(bytes),
        }
    }
}
