//! The reader of `invar.lock`; the form is in the documentation of the module above.
mod platform;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use invar_debian::{Architecture, PackageName};
use invar_tree::{Digest, ImagePath};
use pep440_rs::{Version, VersionSpecifiers};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use toml::Spanned;
use toml::de::DeTable;

use self::platform::RawPlatform;
use super::{
    DerivedLock, DerivedManifest, DerivedSource, FORMAT_VERSION, Fingerprint, InvarLock, LockFile,
    LockedArchive, LockedFetch, LockedInterpreter, LockedSuite, Purpose, Request,
};
use crate::{FetchUrl, PackageRequest, Platform, SuiteName, Timestamp};

/// The longest text that is read as a lock, in bytes: about a hundred thousand packages.
const LONGEST: usize = 64 << 20;

/// Why a text is not an `invar.lock` that this release can use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LockError {
    /// The file is far longer than any lock.
    #[error("invar.lock has {length} bytes; the limit is {LONGEST}")]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// A merge was not finished.
    #[error("invar.lock, line {line}: merge conflict; take either side and run `invar lock`")]
    Conflict {
        /// The line's number, from 1.
        line: usize,
    },
    /// There is no `format-version`.
    #[error("invar.lock has no `format-version`, so it is not an Invar lock; run `invar lock` to write one")]
    NoFormatVersion,
    /// The lock belongs to another release.
    #[error(
        "invar.lock has format version {found}, but this Invar reads version {FORMAT_VERSION}: {}",
        if *found > FORMAT_VERSION { "a newer Invar wrote it; use that version" }
        else { "run `invar lock --update` to update it" }
    )]
    FormatVersion {
        /// The version in the lock.
        found: u64,
    },
    /// The text is not TOML, a key is unknown or missing, or a value is not what its key asks for.
    #[error("invar.lock, line {line}: {message}; run `invar lock` to rewrite it")]
    Malformed {
        /// The line's number, from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// A suite, file, platform, package, root or build that comes twice, or a package that is a tool too.
    #[error("invar.lock, line {line}: {name} is listed twice; run `invar lock` to rewrite it")]
    Duplicate {
        /// The line of the second one, from 1.
        line: usize,
        /// Its name.
        name: String,
    },
    /// A package from a suite that the lock does not have.
    #[error("invar.lock, line {line}: unknown suite {suite}; run `invar lock` to rewrite it")]
    UnknownSuite {
        /// The line's number, from 1.
        line: usize,
        /// The suite.
        suite: SuiteName,
    },
    /// A root's package that is neither a package nor a tool, or a build's wheel that is no build wheel.
    #[error("invar.lock, line {line}: unknown {what} {name}; run `invar lock` to rewrite it")]
    Unknown {
        /// The line of the name, from 1.
        line: usize,
        /// What it should be.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// A tool that is in no root, or a build wheel that no build needs.
    #[error("invar.lock, line {line}: no {by} has {name}; run `invar lock` to rewrite it")]
    Unused {
        /// The line of the name, from 1.
        line: usize,
        /// What could have it.
        by: &'static str,
        /// The name.
        name: String,
    },
    /// A build source that needs itself, or far more others than any real one.
    #[error("invar.lock, line {line}: {name} {problem}; run `invar lock` to rewrite it")]
    Nested {
        /// The line of the build source, from 1.
        line: usize,
        /// Its file name.
        name: String,
        /// What is wrong, as the end of a sentence.
        problem: &'static str,
    },
    /// A package for another platform.
    #[error(
        "invar.lock, line {line}: a package for {architecture} among those for {platform}; \
         run `invar lock` to rewrite it"
    )]
    ForeignPackage {
        /// The line's number, from 1.
        line: usize,
        /// The package's architecture.
        architecture: Architecture,
        /// The platform.
        platform: Platform,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RawLock {
    /// At the top of the file; that of a derived manifest has none.
    format_version: Option<u64>,
    created: Timestamp,
    uv_lock_sha256: Option<Hex>,
    request: RawRequest,
    interpreter: Option<RawInterpreter>,
    #[serde(default, rename = "suite")]
    suites: Vec<RawSuite>,
    #[serde(default, rename = "fetch")]
    fetches: Vec<RawFetch>,
    #[serde(default, rename = "platform")]
    platforms: Vec<RawPlatform>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RawFile {
    #[serde(rename = "format-version")]
    _format_version: u64,
    derived: Vec<Spanned<RawDerived>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RawDerived {
    file: String,
    output: Option<String>,
    purposes: BTreeSet<Purpose>,
    project_sha256: Option<Hex>,
    uv_lock_sha256: Option<Hex>,
    manifest: String,
    #[serde(default)]
    read: Vec<RawRead>,
    lock: RawLock,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RawRead {
    path: Spanned<String>,
    sha256: Hex,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RawRequest {
    suite: Option<SuiteName>,
    packages: BTreeSet<PackageRequest>,
    base: Option<BTreeSet<PackageName>>,
    shell: bool,
    docs: bool,
    platforms: BTreeSet<Platform>,
    requires_python: Option<VersionSpecifiers>,
    snapshot: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RawInterpreter {
    package: PackageName,
    version: Version,
    #[serde(deserialize_with = "absolute_path")]
    path: ImagePath,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RawSuite {
    name: Spanned<SuiteName>,
    archive: LockedArchive,
    date: Timestamp,
    valid_until: Option<Timestamp>,
    inrelease_sha256: Hex,
    signed_by: BTreeSet<Fingerprint>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RawFetch {
    url: Spanned<FetchUrl>,
    size: u64,
    sha256: Hex,
}

/// A sha256 as 64 hexadecimal digits.
struct Hex(Digest);

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Digest::from_hex(&String::deserialize(deserializer)?).map(Self).map_err(D::Error::custom)
    }
}

fn absolute_path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ImagePath, D::Error> {
    let text = String::deserialize(deserializer)?;
    let relative = text
        .strip_prefix('/')
        .ok_or_else(|| D::Error::custom(format!("{text:?} does not start with \"/\"")))?;
    ImagePath::parse(relative).map_err(D::Error::custom)
}

/// The text that is read, to turn places into line numbers.
#[derive(Clone, Copy)]
struct Text<'a>(&'a str);

impl Text<'_> {
    /// The number, from 1, of the line that has the byte at `place`. It counts from the beginning each time, so it is
    /// only for errors.
    fn line(self, place: usize) -> usize {
        self.0.as_bytes().iter().take(place).filter(|&&byte| byte == b'\n').count() + 1
    }

    fn malformed(self, error: &toml::de::Error) -> LockError {
        let line = self.line(error.span().map_or(0, |span| span.start));
        LockError::Malformed { line, message: error.message().to_owned() }
    }

    /// Adds to a map what must not be there yet.
    fn insert<K: Ord + fmt::Display, V>(
        self,
        map: &mut BTreeMap<K, V>,
        key: Spanned<K>,
        value: V,
    ) -> Result<(), LockError> {
        let place = key.span().start;
        let key = key.into_inner();
        if map.contains_key(&key) {
            let line = self.line(place);
            return Err(LockError::Duplicate { line, name: key.to_string() });
        }
        map.insert(key, value);
        Ok(())
    }
}

impl InvarLock {
    /// Reads an `invar.lock`.
    ///
    /// # Errors
    /// [`LockError`] for the first thing that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, LockError> {
        begin(text)?;
        let raw: RawLock = toml::from_str(text).map_err(|error| Text(text).malformed(&error))?;
        raw.checked(Text(text))
    }
}

impl LockFile {
    /// Reads an `invar.lock`.
    ///
    /// # Errors
    /// [`LockError`] for the first thing that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, LockError> {
        let table = begin(text)?;
        if !table.get_ref().contains_key("derived") {
            return InvarLock::parse(text).map(|lock| Self::Own(Box::new(lock)));
        }
        let raw: RawFile = toml::from_str(text).map_err(|error| Text(text).malformed(&error))?;
        raw.checked(Text(text))
    }
}

/// Looks at what comes first, and gives the document.
fn begin(text: &str) -> Result<Spanned<DeTable<'_>>, LockError> {
    if text.len() > LONGEST {
        return Err(LockError::TooLong { length: text.len() });
    }
    if let Some(line) = text.lines().position(|line| line.starts_with("<<<<<<< ")) {
        return Err(LockError::Conflict { line: line + 1 });
    }
    // The version comes first: what another version means by its keys is not for this one to say.
    let table = DeTable::parse(text).map_err(|error| Text(text).malformed(&error))?;
    let found = format_version(text, table.get_ref())?;
    if found != FORMAT_VERSION {
        return Err(LockError::FormatVersion { found });
    }
    Ok(table)
}

fn format_version(text: &str, table: &DeTable<'_>) -> Result<u64, LockError> {
    let value = table.get("format-version").ok_or(LockError::NoFormatVersion)?;
    let integer = value.get_ref().as_integer();
    let found = integer.and_then(|number| u64::from_str_radix(number.as_str(), number.radix()).ok());
    found.ok_or_else(|| LockError::Malformed {
        line: Text(text).line(value.span().start),
        message: "`format-version` is not a number".to_owned(),
    })
}

impl RawFile {
    fn checked(self, text: Text<'_>) -> Result<LockFile, LockError> {
        let mut all: Vec<DerivedLock> = Vec::new();
        for raw in self.derived {
            let place = raw.span().start;
            let RawDerived { file, output, purposes, project_sha256, uv_lock_sha256, manifest, read, lock } =
                raw.into_inner();
            let malformed =
                |message: &str| LockError::Malformed { line: text.line(place), message: message.to_owned() };
            if lock.format_version.is_some() {
                return Err(malformed("the lock of a derived manifest has no `format-version`"));
            }
            if purposes.is_empty() {
                return Err(malformed("a derived manifest needs at least one purpose"));
            }
            let source = DerivedSource { file, output };
            let same = |other: &&DerivedLock| {
                other.manifest.source == source && !other.manifest.purposes.is_disjoint(&purposes)
            };
            if all.iter().find(same).is_some() {
                return Err(LockError::Duplicate { line: text.line(place), name: source.to_string() });
            }
            let mut files = BTreeMap::new();
            for RawRead { path, sha256: Hex(digest) } in read {
                text.insert(&mut files, path, digest)?;
            }
            let project = project_sha256.map(|Hex(digest)| digest);
            let lock = lock.checked(text)?;
            // Older releases wrote it into the lock.
            let uv_lock = uv_lock_sha256.map(|Hex(digest)| digest).or(lock.uv_lock);
            let manifest = DerivedManifest { source, purposes, files, project, uv_lock, text: manifest };
            all.push(DerivedLock { manifest, lock });
        }
        Ok(LockFile::Derived(all))
    }
}

impl RawLock {
    fn checked(self, text: Text<'_>) -> Result<InvarLock, LockError> {
        let RawRequest { suite, packages, base, shell, docs, platforms, requires_python, snapshot } =
            self.request;
        let request = Request { suite, packages, base, shell, docs, platforms, requires_python, snapshot };
        let interpreter = self
            .interpreter
            .map(|RawInterpreter { package, version, path }| LockedInterpreter { package, version, path });
        let mut suites = BTreeMap::new();
        for RawSuite { name, archive, date, valid_until, inrelease_sha256: Hex(sha256), signed_by } in
            self.suites
        {
            text.insert(&mut suites, name, LockedSuite { archive, date, valid_until, sha256, signed_by })?;
        }
        let mut fetches = BTreeMap::new();
        for RawFetch { url, size, sha256: Hex(sha256) } in self.fetches {
            let url = Spanned::new(url.span(), url.get_ref().to_string());
            text.insert(&mut fetches, url, LockedFetch { size, sha256 })?;
        }
        let mut platforms = BTreeMap::new();
        for raw in self.platforms {
            let (name, platform) = raw.checked(text, &suites)?;
            text.insert(&mut platforms, name, platform)?;
        }
        let uv_lock = self.uv_lock_sha256.map(|Hex(digest)| digest);
        Ok(InvarLock { created: self.created, uv_lock, request, interpreter, suites, fetches, platforms })
    }
}
