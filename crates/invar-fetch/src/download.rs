use std::io::{ErrorKind, Write};

use invar_store::{Partial, Store, StoreError};

use crate::attempt::{AttemptError, OTHERS, wait};
use crate::transport::{Body, Resume, Transport, reading};
use crate::{Failure, FetchError, Observer, Request, Settings};

/// One file on its way into the store.
pub(crate) struct Download<'a> {
    settings: &'a Settings,
    transport: &'a Transport,
    store: &'a Store,
    request: &'a Request,
    observer: &'a dyn Observer,
    /// What is there. `None` after it turned out to be wrong, until the file is begun again.
    partial: Option<Partial>,
    /// The address that the last bytes came from, and what it said to distinguish its file from others.
    validator: Option<(String, String)>,
}

impl<'a> Download<'a> {
    /// Begins or takes up a download; `None` where another one has fetched the file in the meantime.
    pub(crate) fn begin(
        settings: &'a Settings,
        transport: &'a Transport,
        store: &'a Store,
        request: &'a Request,
        observer: &'a dyn Observer,
    ) -> Result<Option<Self>, FetchError> {
        let mut download =
            Self { settings, transport, store, request, observer, partial: None, validator: None };
        let label = || request.label.clone();
        match download.claim() {
            Ok(Some(partial)) => {
                download.partial = Some(partial);
                Ok(Some(download))
            }
            Ok(None) => Ok(None),
            // Nothing was going to be written: that it cannot be is not what the user has to know.
            Err(AttemptError::Store(StoreError::ReadOnly { .. })) if settings.offline => {
                Err(FetchError::Offline { label: label() })
            }
            Err(AttemptError::Store(source)) => Err(FetchError::Store { label: label(), source }),
            Err(AttemptError::Cancelled) => Err(FetchError::Cancelled { label: label() }),
            Err(AttemptError::Here(_)) => unreachable!("nothing was asked of a server"),
        }
    }

    /// Waits until nobody else downloads the file; `None` where it is there.
    fn claim(&self) -> Result<Option<Partial>, AttemptError> {
        loop {
            if self.store.has_blob(&self.request.digest) {
                return Ok(None);
            }
            if let Some(partial) = self.store.try_partial(&self.request.digest)? {
                // Another download may have ended between the two questions.
                if self.store.has_blob(&self.request.digest) {
                    return Ok(None);
                }
                self.observer.started(&self.request.label, self.request.size);
                if !partial.is_empty() {
                    self.observer.advanced(&self.request.label, partial.len());
                }
                return Ok(Some(partial));
            }
            wait(OTHERS, self.observer)?;
        }
    }

    /// One attempt at one address.
    pub(crate) fn try_url(&mut self, url: &str) -> Result<(), AttemptError> {
        match self.attempt(url) {
            // Either part may be at fault, the one that was there or the one that came. This time all is from here.
            Err(AttemptEnd { trouble: AttemptError::Here(Failure::Digest { .. }), resumed: true }) => {
                self.attempt(url).map_err(|stop| stop.trouble)
            }
            done => done.map_err(|stop| stop.trouble),
        }
    }

    fn attempt(&mut self, url: &str) -> Result<(), AttemptEnd> {
        let mut partial = match self.partial.take() {
            Some(partial) => partial,
            None => match self.claim()? {
                Some(partial) => partial,
                None => return Ok(()),
            },
        };
        let resumed = self.receive(url, &mut partial);
        // Kept for the next attempt, unless it is complete.
        let resumed = match resumed {
            Ok(resumed) => resumed,
            Err(trouble) => {
                self.partial = Some(partial);
                return Err(trouble.into());
            }
        };
        match partial.commit(self.request.size) {
            Ok(_) => Ok(()),
            Err(StoreError::Mismatch { expected, found, .. }) => {
                Err(AttemptEnd { trouble: Failure::Digest { expected, found }.into(), resumed })
            }
            Err(StoreError::Length { expected, found, .. }) => {
                Err(AttemptError::from(Failure::Short { expected, found }).into())
            }
            Err(error) => Err(AttemptError::from(error).into()),
        }
    }

    /// Reads from `url` what is missing. Returns whether a part had been there before.
    fn receive(&mut self, url: &str, partial: &mut Partial) -> Result<bool, AttemptError> {
        let Request { label, size, .. } = self.request;
        let limit = size.unwrap_or(self.settings.size_limit);
        if partial.len() > limit {
            self.restart(partial)?;
        }
        if !partial.is_empty() && Some(partial.len()) == *size {
            return Ok(true);
        }
        let validator = match &self.validator {
            Some((from, validator)) if from == url => Some(validator.as_str()),
            _ => None,
        };
        let resume = Resume { offset: partial.len(), validator };
        let Body { mut reader, start, size: announced, validator } = self.transport.open(url, resume)?;
        // Judged before the first byte is taken, so that a wrong file does not cost what is there.
        if let (Some(expected), Some(found)) = (*size, announced)
            && expected != found
        {
            return Err(Failure::Length { expected, found }.into());
        }
        if announced.is_some_and(|found| found > limit) {
            return Err(Failure::TooLong { limit }.into());
        }
        if start != partial.len() {
            self.restart(partial)?;
        }
        self.validator = validator.map(|validator| (url.to_owned(), validator));
        let resumed = start > 0;
        let mut buffer = vec![0; BUFFER];
        loop {
            if self.observer.cancelled() {
                return Err(AttemptError::Cancelled);
            }
            let read = match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(reading(error).into()),
            };
            if partial.len() + read as u64 > limit {
                // Whatever this is, it is not the file, and so is its beginning.
                self.restart(partial)?;
                return Err(Failure::TooLong { limit }.into());
            }
            partial.write_all(&buffer[..read]).map_err(|source| self.storing(source))?;
            self.observer.advanced(label, read as u64);
        }
        if let Some(expected) = announced.or(*size)
            && partial.len() < expected
        {
            return Err(Failure::Short { expected, found: partial.len() }.into());
        }
        Ok(resumed)
    }

    fn restart(&self, partial: &mut Partial) -> Result<(), AttemptError> {
        partial.restart()?;
        self.observer.started(&self.request.label, self.request.size);
        Ok(())
    }

    /// A [`Partial`] says what it has to say as the source of what `Write` makes of it.
    fn storing(&self, error: std::io::Error) -> AttemptError {
        let path = self.store.path().to_owned();
        let error = error.downcast::<StoreError>().unwrap_or_else(|source| StoreError::Io {
            path,
            writing: true,
            source,
        });
        error.into()
    }
}

const BUFFER: usize = 128 * 1024;

/// What ended an attempt, and whether a part of the file had been there before it.
struct AttemptEnd {
    trouble: AttemptError,
    resumed: bool,
}

impl From<AttemptError> for AttemptEnd {
    fn from(trouble: AttemptError) -> Self {
        Self { trouble, resumed: false }
    }
}
