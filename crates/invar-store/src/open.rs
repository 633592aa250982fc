//! Opening a store: its format, and what dead processes have left in it.
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;

use crate::permission::{make_directory, open_for_owner};
use crate::store::{lock, sorted_names};
use crate::{Store, StoreError, temporary};

/// What the file `format` holds. Format break: a store with another content is refused.
const FORMAT: &str = "invar-store 1\n";

/// Keeps a store that is in a checkout out of version control, and so out of the project's source and image.
const GITIGNORE: (&str, &str) = (".gitignore", "*\n");

impl Store {
    /// Opens the store in `root`, or makes one if the folder is empty or missing, and removes what processes that
    /// died have left in it.
    ///
    /// A store that may only be read opens too; writing to it fails later, with [`StoreError::ReadOnly`].
    ///
    /// # Errors
    /// [`StoreError::Format`] for another version's store, [`StoreError::NotAStore`] for a folder with other things
    /// in it, [`StoreError::Full`], [`StoreError::ReadOnly`], [`StoreError::Io`].
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        let store = Self::at(root);
        if !store.is_complete()? {
            store.create()?;
        }
        temporary::clean(&store);
        store.clean_partial();
        Ok(store)
    }

    /// Whether the store's format is written, and is ours.
    fn is_complete(&self) -> Result<bool, StoreError> {
        let path = self.format_path();
        let found = match File::open(&path) {
            Ok(file) => read_start(&file).map_err(StoreError::reading(&path))?,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(StoreError::reading(&path)(error)),
        };
        self.judge(&found)
    }

    /// A beginning of the format, or nothing, is what a process leaves that was killed while it made the store.
    fn judge(&self, found: &[u8]) -> Result<bool, StoreError> {
        if found == FORMAT.as_bytes() {
            return Ok(true);
        }
        if FORMAT.as_bytes().starts_with(found) {
            return Ok(false);
        }
        Err(StoreError::Format {
            path: self.path().to_owned(),
            expected: FORMAT.trim_end(),
            found: String::from_utf8_lossy(found).trim_end().to_owned(),
        })
    }

    fn create(&self) -> Result<(), StoreError> {
        make_directory(self.path()).map_err(StoreError::writing(self.path()))?;
        // Everything below `tmp` is ours to delete, so a folder with someone's files must not become a store. A new
        // file system has a folder "lost+found".
        let names = sorted_names(self.path()).map_err(StoreError::reading(self.path()))?;
        let own = |name: &String| ["format", "lost+found", GITIGNORE.0].contains(&name.as_str());
        if let Some(name) = names.into_iter().find(|name| !own(name)) {
            // Another process may have made and filled the store since we looked for the format.
            if self.is_complete()? {
                return Ok(());
            }
            return Err(StoreError::NotAStore { path: self.path().to_owned(), name });
        }
        let path = self.format_path();
        let write = || -> io::Result<Vec<u8>> {
            let mut file =
                OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path)?;
            lock(&file)?;
            let found = read_start(&file)?;
            if FORMAT.as_bytes().starts_with(&found) && found != FORMAT.as_bytes() {
                open_for_owner(&file)?;
                self.ignore()?;
                file.set_len(0)?;
                io::Seek::rewind(&mut file)?;
                file.write_all(FORMAT.as_bytes())?;
                // Once: an empty format beside blobs would look like someone else's folder.
                file.sync_data()?;
                return Ok(FORMAT.into());
            }
            Ok(found)
        };
        let found = write().map_err(StoreError::writing(&path))?;
        self.judge(&found)?;
        Ok(())
    }

    /// Writes the file that says to version control, and to who looks for a project's source, that nothing here is
    /// theirs.
    fn ignore(&self) -> io::Result<()> {
        let (name, text) = GITIGNORE;
        let path = self.path().join(name);
        let mut file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
        open_for_owner(&file)?;
        // Somebody's own text stays; nothing is what a process leaves that was killed here.
        if file.metadata()?.len() == 0 { file.write_all(text.as_bytes()) } else { Ok(()) }
    }
}

/// The first 64 bytes of `file`.
fn read_start(file: &File) -> io::Result<Vec<u8>> {
    let mut start = Vec::new();
    file.take(64).read_to_end(&mut start)?;
    Ok(start)
}
