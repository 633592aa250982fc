//! The Release file of a suite (the repository format, "Release files").
//!
//! ```text
//! Origin: Debian                        free text, for people
//! Suite: stable-updates                 what the suite is called for now
//! Codename: trixie-updates              what it is called for good
//! Date: Sat, 21 Nov 2026 02:10:46 UTC   required
//! Valid-Until: Sat, 28 Nov 2026 ...     if the archive says so
//! Acquire-By-Hash: yes                  whether indexes are also found under their digest
//! Architectures: all amd64 arm64
//! Components: main contrib
//! SHA256:                               required
//!  DIGEST SIZE PATH                     one line for each index; 64 hexadecimal digits, bytes, path from the suite
//! ```
//!
//! The file is one paragraph of control data; unknown fields are skipped. Weaker digests are not read.
use std::collections::BTreeMap;

use invar_debian::{Architecture, NameError, Paragraph, ParagraphError};
use invar_tree::{Digest, DigestError};

use crate::date::parse_date;
use crate::path::{ArchivePath, ArchivePathError};

/// What a Release file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Who publishes it, in words for people.
    pub origin: Option<String>,
    /// What it is, in words for people.
    pub label: Option<String>,
    /// The suite's name for now, such as `stable`.
    pub suite: Option<ArchivePath>,
    /// The suite's name for good, such as `trixie`.
    pub codename: Option<ArchivePath>,
    /// When it was created, in seconds since the beginning of 1970, UTC.
    pub date: i64,
    /// Until when it may be trusted, if it says so, in the same seconds.
    pub valid_until: Option<i64>,
    /// Whether indexes are also found under `by-hash/SHA256/`, where a mirror's update cannot change them underfoot.
    pub acquire_by_hash: bool,
    /// The architectures that the suite has, perhaps with `all`.
    pub architectures: Vec<Architecture>,
    /// The components that the suite has, such as `main`; some archives put a folder before each (`updates/main`).
    pub components: Vec<ArchivePath>,
    /// The indexes, by their path from the suite's folder.
    pub files: BTreeMap<ArchivePath, ReleaseFile>,
}

/// What a Release file says of an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReleaseFile {
    /// The size in bytes.
    pub size: u64,
    /// The digest of the bytes.
    pub digest: Digest,
}

/// Why a text is not a Release file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReleaseError {
    /// The text is not control data.
    #[error("the Release file is not control data")]
    Syntax(#[from] ParagraphError),
    /// The text has no paragraph, or more than one.
    #[error("the Release file must be one paragraph, found {found}")]
    Paragraphs {
        /// How many there are.
        found: usize,
    },
    /// A field that must be there is not.
    #[error("the Release file has no field {field:?}")]
    Missing {
        /// The field's name.
        field: &'static str,
    },
    /// A date is not written as Release files write dates.
    #[error(
        "the Release file's {field:?} is {text:?}, expected a date such as \"Sat, 21 Nov 2026 02:10:46 UTC\""
    )]
    Date {
        /// The field's name.
        field: &'static str,
        /// Its value.
        text: String,
    },
    /// A yes-or-no field says something else.
    #[error("the Release file's {field:?} is {text:?}, expected \"yes\" or \"no\"")]
    Choice {
        /// The field's name.
        field: &'static str,
        /// Its value.
        text: String,
    },
    /// An architecture is not one.
    #[error("in the Release file's \"Architectures\": {0}")]
    Architecture(#[source] NameError),
    /// A path, or a name that becomes part of one, is not clean.
    #[error("in the Release file's {field:?}: {source}")]
    Path {
        /// The field's name.
        field: &'static str,
        /// What is wrong with it.
        source: ArchivePathError,
    },
    /// A line of the table of indexes is not a digest, a size and a path.
    #[error("in the Release file's \"SHA256\": expected a digest, a size and a path, found {text:?}")]
    Line {
        /// The beginning of the line.
        text: String,
    },
    /// A line of the table has a bad digest.
    #[error("in the Release file's \"SHA256\", for {path:?}: {source}")]
    Digest {
        /// The index.
        path: ArchivePath,
        /// What is wrong with the digest.
        source: DigestError,
    },
    /// Two lines of the table contradict each other.
    #[error("in the Release file's \"SHA256\": {path:?} is listed twice, with different contents")]
    Contradiction {
        /// The index.
        path: ArchivePath,
    },
}

impl Release {
    /// Reads a Release file, or the signed part of an InRelease file.
    ///
    /// Nothing here says that the text can be trusted: see [`crate::verify_in_release`].
    ///
    /// # Errors
    /// [`ReleaseError`] for a text that is no Release file, has no `Date` or no `SHA256`, or contradicts itself.
    pub fn parse(text: &str) -> Result<Self, ReleaseError> {
        let paragraphs = Paragraph::parse_all(text)?;
        let [paragraph] = &paragraphs[..] else {
            return Err(ReleaseError::Paragraphs { found: paragraphs.len() });
        };
        let words = |field| paragraph.get(field).unwrap_or_default().split_ascii_whitespace();
        let path = |field, text: &str| text.parse().map_err(|source| ReleaseError::Path { field, source });
        let named = |field| paragraph.get(field).map(|text| path(field, text)).transpose();
        let date = |field| {
            let read =
                |text: &str| parse_date(text).ok_or_else(|| ReleaseError::Date { field, text: shown(text) });
            paragraph.get(field).map(read).transpose()
        };
        Ok(Self {
            origin: paragraph.get("Origin").map(str::to_owned),
            label: paragraph.get("Label").map(str::to_owned),
            suite: named("Suite")?,
            codename: named("Codename")?,
            date: date("Date")?.ok_or(ReleaseError::Missing { field: "Date" })?,
            valid_until: date("Valid-Until")?,
            acquire_by_hash: match paragraph.get("Acquire-By-Hash") {
                None | Some("no") => false,
                Some("yes") => true,
                Some(text) => {
                    return Err(ReleaseError::Choice { field: "Acquire-By-Hash", text: shown(text) });
                }
            },
            architectures: words("Architectures")
                .map(|word| word.parse().map_err(ReleaseError::Architecture))
                .collect::<Result<_, _>>()?,
            components: words("Components").map(|word| path("Components", word)).collect::<Result<_, _>>()?,
            files: table(paragraph.get("SHA256").ok_or(ReleaseError::Missing { field: "SHA256" })?)?,
        })
    }

    /// What the file says of the index at `path`, seen from the suite's folder.
    pub fn file(&self, path: &str) -> Option<&ReleaseFile> {
        self.files.get(path)
    }

    /// Where the index of a component's packages for an architecture may be, without the compression's ending:
    /// `main/binary-amd64/Packages`.
    ///
    /// The component is named without the folder that some archives put before it (`main` for `updates/main`).
    ///
    /// # Errors
    /// [`ArchivePathError`] if the component's name is not clean.
    pub fn packages_path(
        component: &str,
        architecture: &Architecture,
    ) -> Result<ArchivePath, ArchivePathError> {
        let component = component.rsplit('/').next().unwrap_or_default();
        format!("{component}/binary-{architecture}/Packages").parse()
    }

    /// Where the index of the files in a component's packages for an architecture may be, without the compression's
    /// ending: `main/Contents-amd64`.
    ///
    /// # Errors
    /// [`ArchivePathError`] if the component's name is not clean.
    pub fn contents_path(component: &str, architecture: &str) -> Result<ArchivePath, ArchivePathError> {
        let component = component.rsplit('/').next().unwrap_or_default();
        format!("{component}/Contents-{architecture}").parse()
    }

    /// Where the index at `path` is found under its digest, if the archive offers that:
    /// `main/binary-amd64/by-hash/SHA256/…`.
    pub fn by_hash(&self, path: &ArchivePath) -> Option<ArchivePath> {
        let file = self.files.get(path).filter(|_| self.acquire_by_hash)?;
        let directory =
            path.as_str().rsplit_once('/').map_or(String::new(), |(directory, _)| format!("{directory}/"));
        format!("{directory}by-hash/SHA256/{}", file.digest.hex()).parse().ok()
    }
}

fn table(text: &str) -> Result<BTreeMap<ArchivePath, ReleaseFile>, ReleaseError> {
    let mut files = BTreeMap::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let [digest, size, path] = words[..] else { return Err(ReleaseError::Line { text: shown(line) }) };
        let size = size.parse::<u64>().ok().filter(|_| size.bytes().all(|byte| byte.is_ascii_digit()));
        let size = size.ok_or_else(|| ReleaseError::Line { text: shown(line) })?;
        let path: ArchivePath =
            path.parse().map_err(|source| ReleaseError::Path { field: "SHA256", source })?;
        let digest =
            Digest::from_hex(digest).map_err(|source| ReleaseError::Digest { path: path.clone(), source })?;
        let file = ReleaseFile { size, digest };
        if files.insert(path.clone(), file).is_some_and(|before| before != file) {
            return Err(ReleaseError::Contradiction { path });
        }
    }
    Ok(files)
}

/// The beginning of a text, for an error.
fn shown(text: &str) -> String {
    text.chars().take(120).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    const START: &str = "Origin: Example\nSuite: stable-updates\nCodename: trixie-updates\n\
        Date: Sat, 21 Nov 2026 02:10:46 UTC\nAcquire-By-Hash: yes\nArchitectures: all amd64\n\
        Components: updates/main contrib\n";

    fn text(table: &str) -> String {
        format!("{START}SHA256:\n{table}")
    }

    #[test]
    fn a_release_is_read() {
        let release = Release::parse(&text(&format!(
            " {HEX}        0 main/binary-amd64/Packages\n {HEX}        0 main/binary-amd64/Packages\n"
        )))
        .unwrap();
        assert_eq!(release.suite.as_ref().map(ArchivePath::as_str), Some("stable-updates"));
        assert_eq!(release.codename.as_ref().map(ArchivePath::as_str), Some("trixie-updates"));
        assert_eq!((release.date, release.valid_until), (1_795_227_046, None));
        assert_eq!(release.architectures.len(), 2);
        let path = Release::packages_path(release.components[0].as_str(), &release.architectures[1]).unwrap();
        assert_eq!(release.file(path.as_str()), Some(&ReleaseFile { size: 0, digest: Digest::of(b"") }));
        let by_hash = format!("main/binary-amd64/by-hash/SHA256/{HEX}");
        assert_eq!(release.by_hash(&path).as_ref().map(ArchivePath::as_str), Some(by_hash.as_str()));
        assert_eq!(release.by_hash(&"other".parse().unwrap()), None);
    }

    #[test]
    fn faults_are_named() {
        fn check(text: &str, expected: &str) {
            let message = Release::parse(text).expect_err(text).to_string();
            assert!(message.contains(expected), "{message}");
        }
        let good = text("");
        check("", "one paragraph, found 0");
        check(&format!("{good}\nPackage: a\n"), "one paragraph, found 2");
        check("nonsense", "not control data");
        check(&good.replace("Date:", "Other:"), "no field \"Date\"");
        check(&good.replace("SHA256:", "MD5Sum:"), "no field \"SHA256\"");
        check(&good.replace("UTC", "CET"), "expected a date such as");
        check(&good.replace("yes", "maybe"), "expected \"yes\" or \"no\"");
        check(&good.replace("amd64", "AMD64"), "Architectures");
        check(&good.replace("trixie-updates", "../trixie"), "\"Codename\"");
        check(&good.replace("updates/main", "/main"), "\"Components\"");
        check(&text(" 00 1 a\n"), "for \"a\"");
        check(&text(&format!(" {HEX} x a\n")), "a digest, a size and a path");
        check(&text(&format!(" {HEX} +1 a\n")), "a digest, a size and a path");
        check(&text(&format!(" {HEX} 1 a b\n")), "a digest, a size and a path");
        check(&text(&format!(" {HEX} 1 ../a\n")), "\"SHA256\"");
        check(&text(&format!(" {HEX} 1 a\n {HEX} 2 a\n")), "\"a\" is listed twice");
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(table in "( [0-9a-f]{0,2}[ \n]?[a-z0-9./]{0,5}[ \n:]){0,6}") {
            let _ = Release::parse(&text(&table.replace("ff", HEX)));
        }
    }
}
