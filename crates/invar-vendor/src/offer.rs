use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use invar_tree::{ImagePath, Mode, Owner, Sink};

use crate::{Check, Checker, ContentError, ContentFault, LockedFile, LockedFileSource, VendorError};

/// Opens a fetched file; it is called more than once, and gives the same bytes each time.
pub type Opener<'a> = Box<dyn Fn() -> io::Result<Box<dyn Read + 'a>> + 'a>;

/// A file that a lock names, fetched.
pub struct FetchedFile<'a> {
    /// What the lock says about it.
    pub needed: &'a LockedFile,
    /// What the file is called. pip tells a wheel's platform from it.
    pub file_name: String,
    /// Where its bytes are.
    pub open: Opener<'a>,
}

impl<'a> FetchedFile<'a> {
    /// The file of `needed`, under the name that the lock gives.
    pub fn new(needed: &'a LockedFile, open: Opener<'a>) -> Self {
        Self { needed, file_name: needed.file_name.clone(), open }
    }

    /// The same file under the name that a Python package index gives.
    #[must_use]
    pub fn named(self, file_name: &str) -> Self {
        Self { file_name: file_name.to_owned(), ..self }
    }

    /// What to call the file in messages.
    pub(crate) fn label(&self) -> String {
        if self.file_name.is_empty() { self.needed.label() } else { self.file_name.clone() }
    }

    /// Opens the file.
    pub(crate) fn reader(&self) -> Result<Box<dyn Read + 'a>, VendorError> {
        (self.open)().map_err(|source| VendorError::Read { file: self.label(), source })
    }

    /// Reads the whole file and compares it with the lock: the digest that held, and the size in bytes.
    pub(crate) fn verify(&self) -> Result<(Check, u64), VendorError> {
        let mut checker = Checker::new(self.needed);
        self.read_through(&mut checker)?;
        Ok(checker.verified()?)
    }

    fn read_through(&self, to: &mut dyn Write) -> Result<(), VendorError> {
        let copied = io::copy(&mut self.reader()?.take(MAX_FILE + 1), to)
            .map_err(|source| VendorError::Read { file: self.label(), source })?;
        if copied > MAX_FILE {
            return Err(self.fault(ContentFault::TooLarge { limit: MAX_FILE }));
        }
        Ok(())
    }

    pub(crate) fn fault(&self, fault: ContentFault) -> VendorError {
        ContentError { file: self.label(), fault }.into()
    }
}

/// The largest file that is offered: two gibibytes, several times the largest published package.
const MAX_FILE: u64 = 2 << 30;

/// What a step needs to find the files that were offered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Offer {
    /// Environment variables. The folders they name must be writable in the step for npm and cargo, which keep records
    /// of their own there.
    pub environment: BTreeMap<String, String>,
}

/// Environment variables in the making.
pub(crate) type Variables = Vec<(&'static str, String)>;

/// The folder below which an offer lies.
pub(crate) struct OfferDirectory<'a> {
    at: &'a ImagePath,
    sink: &'a mut dyn Sink,
}

impl<'a> OfferDirectory<'a> {
    pub(crate) fn new(at: &'a ImagePath, sink: &'a mut dyn Sink) -> Self {
        Self { at, sink }
    }

    /// `relative` as the step sees it, absolute.
    pub(crate) fn seen(&self, relative: &str) -> String {
        format!("{}/{relative}", self.at)
    }

    fn path(&self, relative: &str) -> Result<ImagePath, VendorError> {
        self.at.join(relative).map_err(|source| VendorError::Path { file: relative.to_owned(), source })
    }

    pub(crate) fn directory(&mut self, relative: &str) -> Result<(), VendorError> {
        let path = self.path(relative)?;
        Ok(self.sink.directory(path, Mode::DIRECTORY, Owner::ROOT)?)
    }

    pub(crate) fn file(
        &mut self,
        relative: &str,
        mode: Mode,
        content: &mut dyn Read,
    ) -> Result<(), VendorError> {
        let path = self.path(relative)?;
        Ok(self.sink.file(path, mode, Owner::ROOT, content)?)
    }
}

/// Whether two locks that name the same place agree on its content.
pub(crate) fn agree(one: &LockedFile, other: &LockedFile) -> bool {
    let content = |needed: &LockedFile| match &needed.source {
        LockedFileSource::Git { url, commit } => (Vec::new(), Some((url.clone(), commit.clone()))),
        _ => (needed.checks.clone(), None),
    };
    content(one) == content(other)
}
