//! pip's requirements files with hashes.
//!
//! Lines, of which one that ends in `\` goes on in the next; `#` at a line's start or after white space begins a
//! comment. A line is empty, or options, or a requirement with its hashes:
//!
//! ```text
//! name[extra,…]==version ; marker --hash=sha256:HEX --hash=sha256:HEX
//! ```
//!
//! Once one requirement has a hash, pip wants one for each, and a version pinned with `==`. A requirement has as many
//! hashes as its version has files; which of them fits the interpreter is for the caller to see in the index. Options
//! that say where pip looks do not matter: it is told to look in one folder only. Constraints (`-c`) install nothing.
//!
//! Source: pip's documentation, "Requirements File Format" and "Secure installs"; "Dependency specifiers" of the Python
//! packaging specifications.
use std::collections::BTreeMap;

use invar_python::DistributionName;
use invar_tree::{Digest, Mode};

use crate::locked_file::{Detail, MAX_ENTRIES};
use crate::offer::{OfferDirectory, Variables};
use crate::{
    Check, ContentFault, Ecosystem, EntryFault, FetchedFile, LockedFile, LockedFileSource, VendorError,
};

/// Whether a file of this name is taken for a requirements file.
pub(crate) fn is_requirements_name(name: &str) -> bool {
    name.starts_with("requirements") && name.ends_with(".txt")
}

pub(crate) fn read_lock(text: &str) -> Result<Vec<LockedFile>, VendorError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut all: BTreeMap<LockedFile, Vec<Digest>> = BTreeMap::new();
    for line in logical_lines(text) {
        let found = read(&line).map_err(|fault| VendorError::Entry {
            ecosystem: Ecosystem::Pip,
            entry: line.chars().take(200).collect(),
            fault,
        })?;
        let Some((needed, mut hashes)) = found else { continue };
        all.entry(needed).or_default().append(&mut hashes);
        if all.len() > MAX_ENTRIES {
            return Err(VendorError::TooMany {
                ecosystem: Ecosystem::Pip,
                found: all.len(),
                limit: MAX_ENTRIES,
            });
        }
    }
    Ok(all
        .into_iter()
        .map(|(needed, mut any_of)| {
            any_of.sort();
            any_of.dedup();
            LockedFile { any_of, ..needed }
        })
        .collect())
}

/// The lines without continuations and comments, and without those that are then empty.
fn logical_lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut current = String::new();
    for line in text.lines() {
        let is_comment = line.trim_start().starts_with('#');
        // As in pip, a line that is a comment is not continued, and ends what came before.
        if let (Some(start), false) = (line.strip_suffix('\\'), is_comment) {
            current.push_str(start);
            continue;
        }
        // A comment needs white space before it, which the line before may not have left.
        current.push_str(if is_comment { " " } else { "" });
        current.push_str(line);
        lines.push(without_comment(&current).trim().to_owned());
        current.clear();
    }
    lines.push(without_comment(&current).trim().to_owned());
    lines.retain(|line| !line.is_empty());
    lines
}

fn without_comment(line: &str) -> &str {
    let is_start = |at: usize| line[..at].chars().next_back().is_none_or(char::is_whitespace);
    let start = line.match_indices('#').map(|(at, _)| at).find(|&at| is_start(at));
    &line[..start.unwrap_or(line.len())]
}

fn read(line: &str) -> Result<Option<(LockedFile, Vec<Digest>)>, EntryFault> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let options_at = words.iter().position(|word| word.starts_with('-')).unwrap_or(words.len());
    let (requirement, options) = words.split_at(options_at);
    if requirement.is_empty() {
        return check_options(options).map(|()| None);
    }
    let requirement = requirement.join(" ");
    let (specifier, marker) = match requirement.split_once(';') {
        Some((specifier, marker)) => (specifier, Some(marker.trim().to_owned())),
        None => (requirement.as_str(), None),
    };
    let is_path = |text: &str| text.starts_with(['.', '/']) || text.contains("://");
    if specifier.contains('@') || is_path(specifier) {
        return Err(EntryFault::Direct);
    }
    let (name, version) = specifier.split_once("==").ok_or(EntryFault::NotPinned)?;
    let name = name.split('[').next().unwrap_or(name).trim();
    let version = version.strip_prefix('=').unwrap_or(version).trim();
    if version.contains(['*', ',']) || name.ends_with(['<', '>', '~', '!', '=']) {
        return Err(EntryFault::NotPinned);
    }
    if name.parse::<DistributionName>().is_err() {
        return Err(EntryFault::Name { name: name.to_owned() });
    }
    if !is_version(version) {
        return Err(EntryFault::Version { version: version.to_owned() });
    }
    let mut needed =
        LockedFile::new(name, version, String::new(), LockedFileSource::PythonIndex, Detail::Pip);
    needed.marker = marker;
    Ok(Some((needed, hashes(options)?)))
}

/// Looks at the options of a line without a requirement.
fn check_options(options: &[&str]) -> Result<(), EntryFault> {
    let mut options = options.iter();
    while let Some(&option) = options.next() {
        let value_of = |long: &str, short: &str| match option.strip_prefix(long) {
            Some("") => Some(None),
            Some(rest) => rest.strip_prefix('=').map(Some),
            None => option.strip_prefix(short).map(|rest| (!rest.is_empty()).then_some(rest)),
        };
        if option == "--editable" || option.starts_with("--editable=") || option.starts_with("-e") {
            return Err(EntryFault::Direct);
        }
        if option.starts_with("--require-hashes") {
            continue;
        }
        if let Some(value) = value_of("--requirement", "-r") {
            let file = value.or_else(|| options.next().copied()).unwrap_or_default();
            // A file of that name is recognized on its own.
            if !is_requirements_name(file.rsplit('/').next().unwrap_or(file)) {
                return Err(EntryFault::Include { file: file.to_owned() });
            }
        }
    }
    Ok(())
}

fn hashes(options: &[&str]) -> Result<Vec<Digest>, EntryFault> {
    let mut digests = Vec::new();
    let mut options = options.iter();
    while let Some(option) = options.next() {
        let value = match option.strip_prefix("--hash") {
            Some("") => options.next().copied(),
            Some(rest) => rest.strip_prefix('='),
            None => None,
        };
        let Some(value) = value.map(|value| value.trim_matches(['"', '\''])) else { continue };
        if let Some(hex) = value.strip_prefix("sha256:") {
            // Python's hashlib writes small letters, but pip reads capitals as well.
            digests.push(Digest::from_hex(&hex.to_ascii_lowercase()).map_err(|_| EntryFault::NoHash)?);
        }
    }
    if digests.is_empty() { Err(EntryFault::NoHash) } else { Ok(digests) }
}

/// A version, as far as it matters for names ("Version specifiers" of the Python packaging specifications).
fn is_version(version: &str) -> bool {
    (1..=128).contains(&version.len())
        && version.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".+!-_".contains(&byte))
}

/// Puts the files into one folder, each under its own name.
///
/// Format break: a change here changes what every step sees that has a requirements file.
pub(crate) fn offer(
    files: &[FetchedFile<'_>],
    place: &mut OfferDirectory<'_>,
) -> Result<Variables, VendorError> {
    place.directory("pip")?;
    let mut known: BTreeMap<&str, Check> = BTreeMap::new();
    for file in files {
        let name = file.file_name.as_str();
        if !is_file_name(name) {
            return Err(file.fault(ContentFault::FileName));
        }
        let (check, _) = file.verify()?;
        match known.insert(name, check) {
            None => place.file(&format!("pip/{name}"), Mode::FILE, &mut *file.reader()?)?,
            Some(first) if first == check => {}
            Some(first) => {
                let (one, other) = (first.to_string(), check.to_string());
                return Err(VendorError::Conflict { file: file.label(), one, other });
            }
        }
    }
    Ok(vec![
        ("PIP_DISABLE_PIP_VERSION_CHECK", "1".into()),
        ("PIP_FIND_LINKS", place.seen("pip")),
        // A cache would stay behind in what the step leaves, and holds nothing that the folder does not.
        ("PIP_NO_CACHE_DIR", "1".into()),
        ("PIP_NO_INDEX", "1".into()),
    ])
}

/// What an index may call a wheel or a source archive.
fn is_file_name(name: &str) -> bool {
    (1..=255).contains(&name.len())
        && !name.starts_with('.')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.+!".contains(&byte))
}

#[cfg(test)]
mod tests;
