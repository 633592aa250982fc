//! npm's lock: `package-lock.json` and `npm-shrinkwrap.json`, versions 2 and 3.
//!
//! A JSON object with `lockfileVersion` and `packages`, a map from the place of a package below the project to what
//! is there. The entries that have a file of their own:
//!
//! ```text
//! "node_modules/a", "node_modules/a/node_modules/@scope/b", "packages/x/node_modules/c"
//!     name        the package's name, where it differs from the folder's (an alias)
//!     version     the exact version
//!     resolved    the file's address; missing where npm was told to leave out the registry's
//!     integrity   Subresource Integrity metadata: "sha512-BASE64 sha1-BASE64"
//! ```
//!
//! Entries without a file: the project (`""`) and workspaces, whose key has no `node_modules`; `link`, a symbolic link
//! to one of those; `inBundle`, which is inside another package's file; `file:` addresses, which are in the source.
//! An `optional` entry whose `os`, `cpu` or `libc` excludes the target is never installed.
//!
//! Source: npm's documentation, "package-lock.json", section "packages", and "package.json", sections "os", "cpu" and
//! "libc"; W3C, "Subresource Integrity", section 3.5.
use std::collections::BTreeMap;

use invar_tree::Digest;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::locked_file::{Detail, MAX_ENTRIES, is_http};
use crate::{
    Check, Ecosystem, EntryFault, LockedFile, LockedFileSource, Registries, Target, VendorError, base64,
};

mod cache;

pub(crate) use cache::offer;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Lock {
    #[serde(default)]
    lockfile_version: u64,
    #[serde(default)]
    packages: BTreeMap<String, Map<String, Value>>,
}

pub(crate) fn read_lock(text: &str, target: &Target) -> Result<Vec<LockedFile>, VendorError> {
    // Some editors put a byte order mark in front; npm reads over it.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lock: Lock = serde_json::from_str(text).map_err(VendorError::Json)?;
    if !matches!(lock.lockfile_version, 2 | 3) {
        return Err(VendorError::Version {
            ecosystem: Ecosystem::Npm,
            found: lock.lockfile_version,
            supported: "2 and 3",
            help: "run `npm install --package-lock-only` with npm 7 or later to rewrite it",
        });
    }
    if lock.packages.len() > MAX_ENTRIES {
        return Err(VendorError::TooMany {
            ecosystem: Ecosystem::Npm,
            found: lock.packages.len(),
            limit: MAX_ENTRIES,
        });
    }
    let mut all: BTreeMap<LockedFile, bool> = BTreeMap::new();
    for (key, entry) in &lock.packages {
        let found = read(key, &Entry(entry), target).map_err(|fault| VendorError::Entry {
            ecosystem: Ecosystem::Npm,
            entry: key.clone(),
            fault,
        })?;
        let Some(mut needed) = found else { continue };
        // A package that is optional in one place may be required in another: that place counts.
        let optional = std::mem::take(&mut needed.optional);
        all.entry(needed).and_modify(|known| *known &= optional).or_insert(optional);
    }
    Ok(all.into_iter().map(|(needed, optional)| LockedFile { optional, ..needed }).collect())
}

/// What the lock says about one place.
struct Entry<'a>(&'a Map<String, Value>);

impl<'a> Entry<'a> {
    fn text(&self, field: &'static str) -> Result<Option<&'a str>, EntryFault> {
        match self.0.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(EntryFault::Field { field, expected: "a string" }),
        }
    }

    fn is(&self, field: &'static str) -> Result<bool, EntryFault> {
        match self.0.get(field) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(value)) => Ok(*value),
            Some(_) => Err(EntryFault::Field { field, expected: "true or false" }),
        }
    }

    /// Whether the list of `field` lets `actual` in: it names it, or excludes only others with `!`.
    fn admits(&self, field: &'static str, actual: &str) -> Result<bool, EntryFault> {
        let fault = EntryFault::Field { field, expected: "a string or an array of strings" };
        let list = match self.0.get(field) {
            None | Some(Value::Null) => return Ok(true),
            Some(one @ Value::String(_)) => std::slice::from_ref(one),
            Some(Value::Array(list)) => list.as_slice(),
            Some(_) => return Err(fault),
        };
        let (mut named, mut only_exclusions) = (false, true);
        for item in list {
            let item = item.as_str().ok_or_else(|| fault.clone())?;
            match item.strip_prefix('!') {
                Some(excluded) if excluded == actual => return Ok(false),
                Some(_) => {}
                None => {
                    only_exclusions = false;
                    named |= item == actual || item == "any";
                }
            }
        }
        Ok(named || only_exclusions)
    }

    fn fits(&self, target: &Target) -> Result<bool, EntryFault> {
        Ok(self.admits("os", Target::NPM_OS)?
            && self.admits("cpu", target.machine.node_name())?
            && self.admits("libc", Target::NPM_LIBC)?)
    }
}

fn read(key: &str, entry: &Entry<'_>, target: &Target) -> Result<Option<LockedFile>, EntryFault> {
    let Some((_, directory)) = key.rsplit_once("node_modules/") else { return Ok(None) };
    if entry.is("link")? || entry.is("inBundle")? {
        return Ok(None);
    }
    let optional = entry.is("optional")?;
    if optional && !entry.fits(target)? {
        return Ok(None);
    }
    let resolved = entry.text("resolved")?;
    if resolved.is_some_and(|resolved| resolved.starts_with("file:")) {
        return Ok(None);
    }
    let name = entry.text("name")?.unwrap_or(directory);
    if !is_name(name) {
        return Err(EntryFault::Name { name: name.to_owned() });
    }
    let source = match resolved {
        None => LockedFileSource::Registry { index: String::new() },
        // The fragment is for the reader of the lock; a request does not have it.
        Some(resolved) => match resolved.split('#').next().unwrap_or(resolved) {
            _ if is_git(resolved) => return Err(EntryFault::Git { resolved: resolved.to_owned() }),
            url if is_http(url) => LockedFileSource::Url(url.to_owned()),
            url => return Err(EntryFault::Address { url: url.to_owned() }),
        },
    };
    let version = entry.text("version")?.unwrap_or_default();
    if !is_version(version) {
        return Err(EntryFault::Version { version: version.to_owned() });
    }
    let checks = integrity(entry.text("integrity")?.ok_or(EntryFault::NoIntegrity)?)?;
    let manifest = manifest(name, version, entry.0);
    let file_name = format!("{}-{version}.tgz", name.trim_start_matches('@').replace('/', "-"));
    Ok(Some(LockedFile {
        checks,
        optional,
        ..LockedFile::new(name, version, file_name, source, Detail::Npm { manifest })
    }))
}

/// A package's name: perhaps `@scope/`, then characters that an address can hold. Older packages have capitals.
fn is_name(name: &str) -> bool {
    let (scope, base) = match name.strip_prefix('@') {
        None => (None, name),
        Some(scoped) => match scoped.split_once('/') {
            Some((scope, base)) => (Some(scope), base),
            None => return false,
        },
    };
    let is_part = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~!'()*".contains(&byte))
    };
    name.len() <= 214 && is_part(base) && scope.is_none_or(is_part)
}

/// A semantic version, as far as it matters for names and addresses.
fn is_version(version: &str) -> bool {
    version.len() <= 256
        && version.starts_with(|first: char| first.is_ascii_digit())
        && version.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-+".contains(&byte))
}

/// Whether npm would run git for this address.
fn is_git(resolved: &str) -> bool {
    ["git+", "git:", "git@", "github:", "gitlab:", "bitbucket:", "gist:", "ssh:"]
        .iter()
        .any(|prefix| resolved.starts_with(prefix))
}

/// Reads Subresource Integrity metadata: digests apart by white space, each perhaps with `?options`.
fn integrity(text: &str) -> Result<Vec<Check>, EntryFault> {
    let mut checks = Vec::new();
    for item in text.split_ascii_whitespace() {
        let item = item.split('?').next().unwrap_or(item);
        let check = match item.split_once('-') {
            Some(("sha512", digest)) => base64::decode(digest).map(Check::Sha512),
            Some(("sha256", digest)) => base64::decode(digest).map(Digest::from_bytes).map(Check::Sha256),
            Some(("sha1", digest)) => base64::decode(digest).map(Check::Sha1),
            _ => None,
        };
        checks.extend(check);
    }
    if checks.is_empty() {
        return Err(EntryFault::Integrity { text: text.to_owned() });
    }
    checks.sort();
    checks.dedup();
    Ok(checks)
}

/// The fields that a registry document and a lock share.
const SHARED: [&str; 12] = [
    "bin",
    "bundleDependencies",
    "cpu",
    "dependencies",
    "engines",
    "hasInstallScript",
    "libc",
    "license",
    "optionalDependencies",
    "os",
    "peerDependencies",
    "peerDependenciesMeta",
];

fn manifest(name: &str, version: &str, entry: &Map<String, Value>) -> String {
    let mut manifest = Map::new();
    manifest.insert("name".into(), name.into());
    manifest.insert("version".into(), version.into());
    for field in SHARED {
        if let Some(value) = entry.get(field) {
            manifest.insert(field.into(), value.clone());
        }
    }
    Value::Object(manifest).to_string()
}

/// The path of a package's file below its registry.
fn registry_path(needed: &LockedFile) -> String {
    let LockedFile { name, version, .. } = needed;
    let base = name.rsplit('/').next().unwrap_or(name);
    format!("{name}/-/{base}-{version}.tgz")
}

pub(crate) fn urls(needed: &LockedFile, registries: &Registries) -> Vec<String> {
    let path = registry_path(needed);
    let configured = registries.npm.as_ref().map(|base| format!("{}/{path}", base.trim_end_matches('/')));
    match &needed.source {
        LockedFileSource::Registry { .. } => configured.into_iter().collect(),
        // Where the lock's address looks like a registry's, the configured registry comes first: it may be the only
        // one that can be reached, and the digest holds for both.
        LockedFileSource::Url(url) => {
            let configured = configured.filter(|other| other != url && url.ends_with(&format!("/{path}")));
            configured.into_iter().chain([url.clone()]).collect()
        }
        LockedFileSource::PythonIndex | LockedFileSource::Git { .. } => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
