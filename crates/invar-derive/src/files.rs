//! Texts of a project's files.
use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

use crate::error::DeriveError;

/// The longest file that is read whole, in bytes.
const LONGEST_TEXT: u64 = 16 << 20;

/// The text of a file.
///
/// # Errors
/// Where it cannot be read, or is very long.
pub fn text(path: &Path) -> Result<String, DeriveError> {
    let failed = |source: io::Error| DeriveError::Read { path: path.to_owned(), source };
    // Opening a pipe would wait for somebody to write to it.
    if !fs::metadata(path).map_err(failed)?.is_file() {
        return Err(DeriveError::NotAFile { path: path.to_owned() });
    }
    let file = fs::File::open(path).map_err(failed)?;
    let mut text = String::new();
    let length = file.take(LONGEST_TEXT + 1).read_to_string(&mut text).map_err(failed)?;
    if length as u64 > LONGEST_TEXT {
        return Err(DeriveError::TooLong { path: path.to_owned(), limit: LONGEST_TEXT });
    }
    Ok(text)
}

/// The text of a file; `None` if there is none.
///
/// # Errors
/// As [`text`].
pub fn text_if_there(path: &Path) -> Result<Option<String>, DeriveError> {
    if path.exists() { text(path).map(Some) } else { Ok(None) }
}
