//! cargo's vendored sources, and the configuration that replaces every source by them.
//!
//! ```text
//! cargo/config.toml                                     what cargo finds through CARGO_HOME
//! cargo/vendor/<name>-<version>/…                       the crates of the default registry
//! cargo/vendor-<n>/<name>-<version>/…                   those of the n-th other source, in the order of their names
//! …/<name>-<version>/.cargo-checksum.json               {"files":{},"package":"<sha256 of the .crate>"}
//! ```
//!
//! A file has mode 0755 if any execute bit is set in the archive, else 0644. The digests of single files are left out:
//! the package's own digest is compared with the lock, and what is in an image is checked when it is read.
//!
//! Source: the Cargo book, "Source replacement", "Directory sources"; "Configuration", `[source]`.
//!
//! Format break: a change here changes what every step sees that has a cargo lock.
use std::collections::BTreeMap;
use std::fmt::Write as _;

use invar_tree::Mode;

use super::archive::{self, ArchiveNode};
use super::{registry, repository};
use crate::locked_file::Detail;
use crate::offer::{OfferDirectory, Variables, agree};
use crate::{ContentFault, FetchedFile, LockedFile, LockedFileSource, VendorError};

/// Where a crate's own records of a directory source would be; the archive must not contain them.
const RECORDS: [&str; 2] = [".cargo-checksum.json", ".cargo-ok"];

pub(crate) fn offer(
    files: &[FetchedFile<'_>],
    place: &mut OfferDirectory<'_>,
) -> Result<Variables, VendorError> {
    place.directory("cargo/vendor")?;
    let sources = folders(files);
    let mut known: BTreeMap<String, &LockedFile> = BTreeMap::new();
    for file in files {
        let needed = file.needed;
        let folder = format!("{}/{}-{}", sources[&Source::of(needed)], needed.name, needed.version);
        if let Some(first) = known.get(folder.as_str()) {
            if agree(first, needed) {
                continue;
            }
            let of = |needed: &LockedFile| {
                needed.checks.first().map(|check| check.to_string()).unwrap_or_default()
            };
            return Err(VendorError::Conflict { file: file.label(), one: of(first), other: of(needed) });
        }
        let checksum = match &needed.source {
            LockedFileSource::Git { .. } => {
                repository::unpack(file, &folder, place)?;
                "{\"files\":{}}".to_owned()
            }
            _ => {
                let (check, _) = file.verify()?;
                unpack_crate(file, &folder, place)?;
                format!("{{\"files\":{{}},\"package\":\"{}\"}}", check.hex())
            }
        };
        place.file(&format!("{folder}/.cargo-checksum.json"), Mode::FILE, &mut checksum.as_bytes())?;
        known.insert(folder, needed);
    }
    let config = config(&sources, place);
    place.file("cargo/config.toml", Mode::FILE, &mut config.as_bytes())?;
    Ok(vec![("CARGO_HOME", place.seen("cargo")), ("CARGO_NET_OFFLINE", "true".into())])
}

/// A source that cargo would go to the network for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    /// The default registry. It is replaced in any case, so that cargo never looks for its index.
    Default,
    Registry(String),
    Git(String, Option<(&'static str, String)>),
}

impl Source {
    fn of(needed: &LockedFile) -> Self {
        match &needed.source {
            LockedFileSource::Git { url, .. } => {
                let reference = match &needed.detail {
                    Detail::Cargo { reference } => reference.clone(),
                    Detail::Npm { .. } | Detail::Pip => None,
                };
                Self::Git(url.clone(), reference)
            }
            LockedFileSource::Registry { index } if !registry::is_default(index) => {
                Self::Registry(index.clone())
            }
            _ => Self::Default,
        }
    }
}

/// The folder of each source.
fn folders(files: &[FetchedFile<'_>]) -> BTreeMap<Source, String> {
    let mut sources: BTreeMap<Source, String> =
        files.iter().map(|file| (Source::of(file.needed), String::new())).collect();
    sources.insert(Source::Default, String::new());
    for (number, folder) in sources.values_mut().enumerate() {
        // The default registry sorts first.
        *folder = if number == 0 { "cargo/vendor".into() } else { format!("cargo/vendor-{number}") };
    }
    sources
}

fn config(sources: &BTreeMap<Source, String>, place: &OfferDirectory<'_>) -> String {
    let mut text = String::new();
    for (source, folder) in sources {
        let vendored = folder.strip_prefix("cargo/").unwrap_or(folder);
        let replaced = match source {
            Source::Default => "[source.crates-io]\n".to_owned(),
            Source::Registry(index) => {
                // cargo writes `registry+` only in locks; `sparse+` is a part of the address.
                let url = quoted(index.strip_prefix("registry+").unwrap_or(index));
                format!("[source.{}]\nregistry = {url}\n", quoted(&format!("replaced-{vendored}")))
            }
            Source::Git(url, reference) => {
                let mut table =
                    format!("[source.{}]\ngit = {}\n", quoted(&format!("replaced-{vendored}")), quoted(url));
                if let Some((kind, value)) = reference {
                    writeln!(table, "{kind} = {}", quoted(value)).expect("writing to a string does not fail");
                }
                table
            }
        };
        let name = quoted(&format!("invar-{vendored}"));
        let directory = quoted(&place.seen(folder));
        write!(text, "{replaced}replace-with = {name}\n\n[source.{name}]\ndirectory = {directory}\n\n")
            .expect("writing to a string does not fail");
    }
    text.push_str("[net]\noffline = true\n");
    text
}

/// `text` as a TOML string.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// Unpacks a `.crate`: a tar archive, compressed with gzip, with one top folder `<name>-<version>`.
fn unpack_crate(
    file: &FetchedFile<'_>,
    folder: &str,
    place: &mut OfferDirectory<'_>,
) -> Result<(), VendorError> {
    let top = format!("{}-{}", file.needed.name, file.needed.version);
    let mut has_manifest = false;
    archive::read(file, true, &mut |member, content| {
        let path = member.path.as_str();
        let inner = match path.strip_prefix(top.as_str()) {
            Some("") if matches!(member.kind, ArchiveNode::Directory) => return Ok(()),
            Some(rest) if rest.starts_with('/') => &rest[1..],
            _ => {
                let fault = ContentFault::Outside { path: path.to_owned(), directory: top.clone() };
                return Err(file.fault(fault));
            }
        };
        if RECORDS.contains(&inner) {
            return Ok(());
        }
        let target = format!("{folder}/{inner}");
        match member.kind {
            ArchiveNode::Directory => place.directory(&target),
            ArchiveNode::File(mode) => {
                has_manifest |= inner == "Cargo.toml";
                place.file(&target, mode, content)
            }
            ArchiveNode::Symlink(_) | ArchiveNode::Other => {
                Err(file.fault(ContentFault::Kind { path: path.to_owned() }))
            }
        }
    })?;
    if !has_manifest {
        return Err(file.fault(ContentFault::NoManifest { name: file.needed.name.clone() }));
    }
    Ok(())
}
