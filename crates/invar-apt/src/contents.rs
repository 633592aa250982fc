//! The index of files in an archive (the repository format, "Contents indices").
//!
//! ```text
//! usr/include/libpq-fe.h                 libdevel/libpq-dev
//! bin/a file with blanks                 utils/one,contrib/net/two
//! ```
//!
//! One line for each path: the path from the root, blanks or tabs, and the packages that have it, with commas between
//! them. A package is `[[AREA/]SECTION/]NAME`. A path may hold blanks; the list of packages may not.
//!
//! The index of one architecture of Debian has 12 MB compressed and some hundreds unpacked, so it is read as a stream
//! and only what is asked for is kept.
use std::io::{self, BufRead, Read as _};

use invar_debian::PackageName;

/// The most bytes that are read of an unpacked index; Debian's have less than 1 GB.
const MAXIMUM_BYTES: u64 = 8 << 30;

/// The longest line that is looked at, in bytes. What is longer is passed over.
const LONGEST_LINE: usize = 64 << 10;

/// The most paths that are kept.
const MAXIMUM_FOUND: usize = 10_000;

/// A path of an archive, and a package that has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ContentsEntry {
    /// The path, without a leading slash.
    pub path: String,
    /// The section, such as `libdevel`, with its area where that is not `main`; empty where the index does not say.
    pub section: String,
    /// The package.
    pub package: PackageName,
}

/// The entries of the index in `reader`, without its compression, whose paths `wanted` lets in, in the index's order.
///
/// Lines that are not of the form are passed over: nothing is decided by an index of files.
///
/// # Errors
/// What `reader` says, and [`io::ErrorKind::FileTooLarge`] for an index that is longer than any archive's.
pub fn search_contents(
    reader: impl BufRead,
    mut wanted: impl FnMut(&str) -> bool,
) -> io::Result<Vec<ContentsEntry>> {
    let mut reader = reader.take(MAXIMUM_BYTES);
    let mut found = Vec::new();
    let mut line = Vec::new();
    while found.len() < MAXIMUM_FOUND {
        line.clear();
        if (&mut reader).take(LONGEST_LINE as u64).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        if line.last() != Some(&b'\n') && line.len() == LONGEST_LINE {
            skip_line(&mut reader)?;
            continue;
        }
        if let Some((path, packages)) = parse(&line)
            && wanted(path)
        {
            found.extend(packages.split(',').filter_map(|package| entry(path, package)));
        }
    }
    if reader.limit() == 0 {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(found)
}

/// Reads up to the end of a line without keeping it.
fn skip_line(reader: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffer = reader.fill_buf()?;
        let (length, ended) = match buffer.iter().position(|&byte| byte == b'\n') {
            Some(place) => (place + 1, true),
            None => (buffer.len(), buffer.is_empty()),
        };
        reader.consume(length);
        if ended {
            return Ok(());
        }
    }
}

/// The path and the packages of a line.
fn parse(line: &[u8]) -> Option<(&str, &str)> {
    let line = std::str::from_utf8(line).ok()?.trim_ascii_end();
    let place = line.rfind([' ', '\t'])?;
    let path = line[..place].trim_end_matches([' ', '\t']);
    let path = path.strip_prefix("./").unwrap_or(path).trim_start_matches('/');
    (!path.is_empty()).then_some((path, &line[place + 1..]))
}

fn entry(path: &str, package: &str) -> Option<ContentsEntry> {
    let (section, name) = package.rsplit_once('/').unwrap_or(("", package));
    Some(ContentsEntry { path: path.to_owned(), section: section.to_owned(), package: name.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &[u8], expected: &[(&str, &str, &str)]) {
        let found = search_contents(text, |path| path.ends_with(".h")).unwrap();
        let found: Vec<_> = found
            .iter()
            .map(|entry| (entry.path.as_str(), entry.section.as_str(), entry.package.as_str()))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn paths_and_packages() {
        check(b"", &[]);
        check(
            b"usr/include/a.h\t\t   libdevel/a-dev,contrib/libs/b-dev\nusr/bin/a   utils/aa\n./usr/my file.h c-dev",
            &[
                ("usr/include/a.h", "libdevel", "a-dev"),
                ("usr/include/a.h", "contrib/libs", "b-dev"),
                ("usr/my file.h", "", "c-dev"),
            ],
        );
    }

    #[test]
    fn what_is_no_entry_is_passed_over() {
        check(
            b"FILE LOCATION\n\n \n/ xy\nnothing.h\n\xff.h libs/xy\na.h libs/Not_A_Name,libs/xy\r\n",
            &[("a.h", "libs", "xy")],
        );
        let mut long = vec![b'x'; 3 * LONGEST_LINE];
        long.extend(b".h libs/long\nb.h libs/xy\n");
        check(&long, &[("b.h", "libs", "xy")]);
    }

    #[test]
    fn an_index_without_end_is_not_read_to_its_end() {
        let found = search_contents(io::BufReader::new(Lines(0)), |_| true).unwrap();
        assert_eq!(found.len(), MAXIMUM_FOUND);
    }

    /// The same line for ever.
    struct Lines(usize);

    impl io::Read for Lines {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            const LINE: &[u8] = b"a.h libs/xy\n";
            for byte in buffer.iter_mut() {
                *byte = LINE[self.0 % LINE.len()];
                self.0 += 1;
            }
            Ok(buffer.len())
        }
    }
}
