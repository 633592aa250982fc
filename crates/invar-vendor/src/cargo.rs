//! cargo's lock: `Cargo.lock`, versions 2 to 4.
//!
//! TOML with `version` (missing in version 2) and an array `package` of
//!
//! ```text
//! name        the crate
//! version     the exact version
//! source      missing for what is local, else one of
//!             registry+URL            a registry whose index is a git repository; also stands for the default one
//!             sparse+URL              a registry whose index is read over HTTP
//!             git+URL[?QUERY]#COMMIT  a repository; QUERY is rev=, branch= or tag=, percent-encoded from version 4 on
//! checksum    sha256 of the .crate file, hexadecimal; only for registries
//! ```
//!
//! Source: the Cargo book, "Cargo.toml vs Cargo.lock", and cargo's own `core/resolver/encode` and `core/source_id`.
use serde::Deserialize;

use invar_tree::Digest;

use crate::locked_file::{Detail, MAX_ENTRIES, is_http};
use crate::{Check, Ecosystem, EntryFault, LockedFile, LockedFileSource, VendorError};

mod archive;
mod registry;
mod repository;
mod vendor;

pub(crate) use registry::urls;
pub use registry::{cargo_download_url, cargo_index_config_url};
pub(crate) use vendor::offer;

#[derive(Deserialize)]
struct Lock {
    version: Option<u64>,
    #[serde(default)]
    package: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    source: Option<String>,
    checksum: Option<String>,
}

pub(crate) fn read_lock(text: &str) -> Result<Vec<LockedFile>, VendorError> {
    let lock: Lock = toml::from_str(text).map_err(|error| VendorError::Toml(Box::new(error)))?;
    let version = lock.version.unwrap_or(2);
    if !(2..=4).contains(&version) {
        return Err(VendorError::Version {
            ecosystem: Ecosystem::Cargo,
            found: version,
            supported: "2, 3 and 4",
            help: "run `cargo update --workspace` with a cargo that supports `version = 4`",
        });
    }
    if lock.package.len() > MAX_ENTRIES {
        let found = lock.package.len();
        return Err(VendorError::TooMany { ecosystem: Ecosystem::Cargo, found, limit: MAX_ENTRIES });
    }
    let mut all = Vec::new();
    for package in &lock.package {
        match read(package, version) {
            Ok(needed) => all.extend(needed),
            Err(fault) => {
                let entry = format!("{} {}", package.name, package.version);
                return Err(VendorError::Entry { ecosystem: Ecosystem::Cargo, entry, fault });
            }
        }
    }
    Ok(all)
}

fn read(package: &Package, lock_version: u64) -> Result<Option<LockedFile>, EntryFault> {
    let Package { name, version, source, checksum } = package;
    let Some(source) = source else { return Ok(None) };
    if !is_name(name) {
        return Err(EntryFault::Name { name: name.clone() });
    }
    if !is_version(version) {
        return Err(EntryFault::Version { version: version.clone() });
    }
    let unknown = || EntryFault::Source { source_: source.clone() };
    if let Some(repository) = source.strip_prefix("git+") {
        let (address, commit) = repository.rsplit_once('#').ok_or_else(unknown)?;
        if !matches!(commit.len(), 40 | 64) || !commit.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(unknown());
        }
        let (url, query) = match address.split_once('?') {
            Some((url, query)) => (url, Some(query)),
            None => (address, None),
        };
        if url.is_empty() || !url.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(unknown());
        }
        let reference = query.map(|query| reference(query, lock_version).ok_or_else(unknown)).transpose()?;
        let source = LockedFileSource::Git { url: url.to_owned(), commit: commit.to_owned() };
        let file_name = format!("{name}-{commit}.tar");
        return Ok(Some(LockedFile::new(name, version, file_name, source, Detail::Cargo { reference })));
    }
    let index = source.strip_prefix("registry+").or_else(|| source.strip_prefix("sparse+"));
    if !index
        .is_some_and(|index| is_http(index) || index.starts_with("file://") || index.starts_with("ssh://"))
    {
        return Err(unknown());
    }
    let digest = checksum.as_deref().and_then(|checksum| Digest::from_hex(checksum).ok());
    let digest = digest.ok_or(EntryFault::NoChecksum)?;
    let registry = LockedFileSource::Registry { index: source.clone() };
    let file_name = format!("{name}-{version}.crate");
    let detail = Detail::Cargo { reference: None };
    Ok(Some(LockedFile {
        checks: vec![Check::Sha256(digest)],
        ..LockedFile::new(name, version, file_name, registry, detail)
    }))
}

/// A crate's name: ASCII letters, digits, `-` and `_` (the Cargo book, "The manifest format", "The name field").
fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 64
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

/// A semantic version, as far as it matters for names and addresses.
fn is_version(version: &str) -> bool {
    version.len() <= 128
        && version.starts_with(|first: char| first.is_ascii_digit())
        && version.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-+".contains(&byte))
}

fn reference(query: &str, lock_version: u64) -> Option<(&'static str, String)> {
    let (kind, value) = query.split_once('=')?;
    let kind = ["rev", "branch", "tag"].into_iter().find(|&known| known == kind)?;
    let value = if lock_version >= 4 { form_decoded(value)? } else { value.to_owned() };
    (!value.is_empty() && !value.contains(char::is_control)).then_some((kind, value))
}

/// Decodes `application/x-www-form-urlencoded` (URL standard, section 5.1).
fn form_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        match first {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
                if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                    return None;
                }
                bytes.push(u8::from_str_radix(digits, 16).ok()?);
                rest = &rest[2..];
            }
            other => bytes.push(*other),
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests;
