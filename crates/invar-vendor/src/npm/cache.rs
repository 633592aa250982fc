//! npm's cache, as `npm ci` reads it without a network.
//!
//! npm keeps what it downloads in a cacache folder, and asks that folder before the network:
//!
//! ```text
//! npm/_cacache/content-v2/<algorithm>/<hex 0..2>/<hex 2..4>/<hex 4..>   a file, by its digest
//! npm/_cacache/index-v5/<hex 0..2>/<hex 2..4>/<hex 4..>                 what is known about a key, by sha256 of the key
//! ```
//!
//! An index file has lines, each `LF <sha1 of the JSON, hex> TAB <JSON>`, with the JSON
//!
//! ```text
//! {"key":"make-fetch-happen:request-cache:<address>","integrity":"sha512-…","time":<ms>,"size":<bytes>,
//!  "metadata":{"time":<ms>,"url":"<address>","reqHeaders":{…},"resHeaders":{…},"options":{"compress":true}}}
//! ```
//!
//! A package whose lock entry has an address and a digest is read from the content by the digest alone. Where the lock
//! has no address, npm asks the registry for the package's document (with one of two `Accept` headers, and it takes an
//! answer only for the same header) and then for the file that the document names. Both are answered here, for a
//! registry that does not exist, [`REGISTRY`]; the documents hold exactly the versions of the lock.
//!
//! Times are those that npm gives to the files of its packages, so that nothing depends on the clock; offline, npm does
//! not ask how old an answer is.
//!
//! Source: the packages cacache (entry-index, content/path), make-fetch-happen (cache/key, cache/entry, cache/policy) and
//! pacote (registry), which are the same in npm 9 to 11.
//!
//! Format break: a change here changes what every step sees that has an npm lock.
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use invar_tree::{Digest, Mode};
use serde_json::{Map, Value, json};
use sha1::{Digest as _, Sha1};
use sha2::Sha512;

use crate::locked_file::Detail;
use crate::offer::{OfferDirectory, Variables};
use crate::{Check, FetchedFile, LockedFile, LockedFileSource, VendorError};

/// A registry that cannot exist (RFC 6761, section 6.4): no request can leave by accident.
const REGISTRY: &str = "http://registry.invalid";

/// 1985-10-26 08:15:00 UTC in milliseconds and in words: the time that npm gives to every file of a package.
const TIME: u64 = 499_162_500_000;
const TIME_TEXT: &str = "1985-10-26T08:15:00.000Z";

/// The `Accept` headers with which npm asks for a package's document: the short form and the full one.
const DOCUMENT_ACCEPTS: [&str; 2] =
    ["application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*", "application/json"];

pub(crate) fn offer(
    files: &[FetchedFile<'_>],
    place: &mut OfferDirectory<'_>,
) -> Result<Variables, VendorError> {
    place.directory("npm/_cacache")?;
    let mut written: BTreeMap<Check, u64> = BTreeMap::new();
    let mut packages: BTreeMap<&str, BTreeMap<&str, Version<'_>>> = BTreeMap::new();
    for file in files {
        let (check, size) = file.verify()?;
        if written.insert(check, size).is_none() {
            place.file(&content_path(&check), Mode::FILE, &mut *file.reader()?)?;
        }
        let new = Version { needed: file.needed, check, size };
        match packages.entry(&file.needed.name).or_default().entry(&file.needed.version) {
            Entry::Vacant(entry) => {
                entry.insert(new);
            }
            // Only entries without an address are looked up by name and version; the others need no document.
            Entry::Occupied(_) if !new.by_name() => {}
            Entry::Occupied(mut entry) if !entry.get().by_name() => {
                entry.insert(new);
            }
            Entry::Occupied(entry) if entry.get().check == check => {}
            Entry::Occupied(entry) => {
                let (one, other) = (entry.get().check.to_string(), check.to_string());
                return Err(VendorError::Conflict { file: file.label(), one, other });
            }
        }
    }
    for (name, versions) in &packages {
        let mut manifests = Map::new();
        for (number, version) in versions {
            let url = version.url();
            let line = index_line(&url, &version.check, version.size, json!({}), "application/octet-stream");
            place.file(&index_path(&url), Mode::FILE, &mut line.as_bytes())?;
            manifests.insert((*number).to_owned(), version.manifest());
        }
        write_document(name, manifests, &mut written, place)?;
    }
    Ok(vec![
        ("npm_config_audit", "false".into()),
        ("npm_config_cache", place.seen("npm")),
        ("npm_config_fund", "false".into()),
        ("npm_config_offline", "true".into()),
        ("npm_config_registry", format!("{REGISTRY}/")),
        ("npm_config_update_notifier", "false".into()),
    ])
}

/// One version of a package, with the file that was verified.
struct Version<'a> {
    needed: &'a LockedFile,
    check: Check,
    size: u64,
}

impl Version<'_> {
    /// Whether npm has nothing but the name and version to find the file by.
    fn by_name(&self) -> bool {
        matches!(self.needed.source, LockedFileSource::Registry { .. })
    }

    /// The address at which the package's document says that the file is.
    fn url(&self) -> String {
        format!("{REGISTRY}/{}", super::registry_path(self.needed))
    }

    fn manifest(&self) -> Value {
        let mut manifest: Map<String, Value> = match &self.needed.detail {
            Detail::Npm { manifest } => {
                serde_json::from_str(manifest).expect("the lock's reader wrote an object")
            }
            Detail::Cargo { .. } | Detail::Pip => Map::new(),
        };
        let dist = json!({ "integrity": self.check.integrity(), "tarball": self.url() });
        manifest.insert("dist".into(), dist);
        manifest.into()
    }
}

/// Writes the registry's document about a package: one answer, and an index line for each form of the question.
fn write_document(
    name: &str,
    manifests: Map<String, Value>,
    written: &mut BTreeMap<Check, u64>,
    place: &mut OfferDirectory<'_>,
) -> Result<(), VendorError> {
    let times: Map<String, Value> =
        manifests.keys().map(|number| (number.clone(), TIME_TEXT.into())).collect();
    let latest = manifests.keys().max_by(|one, other| by_precedence(one, other)).cloned();
    let document = json!({
        "dist-tags": { "latest": latest },
        "name": name,
        "time": times,
        "versions": manifests,
    });
    let document = document.to_string();
    let (check, size) = (Check::Sha512(Sha512::digest(document.as_bytes()).into()), document.len() as u64);
    if written.insert(check, size).is_none() {
        place.file(&content_path(&check), Mode::FILE, &mut document.as_bytes())?;
    }
    // In a scoped name, npm encodes the slash but not the at sign.
    let url = format!("{REGISTRY}/{}", name.replace('/', "%2f"));
    let lines: String = DOCUMENT_ACCEPTS
        .iter()
        .map(|accept| index_line(&url, &check, size, json!({ "accept": accept }), "application/json"))
        .collect();
    place.file(&index_path(&url), Mode::FILE, &mut lines.as_bytes())
}

/// What the index says about the answer to one request.
fn index_line(url: &str, check: &Check, size: u64, request: Value, content_type: &str) -> String {
    let json = json!({
        "integrity": check.integrity(),
        "key": key(url),
        "metadata": {
            "options": { "compress": true },
            "reqHeaders": request,
            "resHeaders": { "content-type": content_type },
            "time": TIME,
            "url": url,
        },
        "size": size,
        "time": TIME,
    });
    let json = json.to_string();
    format!("\n{}\t{json}", Check::Sha1(Sha1::digest(json.as_bytes()).into()).hex())
}

fn key(url: &str) -> String {
    format!("make-fetch-happen:request-cache:{url}")
}

fn index_path(url: &str) -> String {
    segments("index-v5", &Digest::of(key(url).as_bytes()).hex())
}

fn content_path(check: &Check) -> String {
    segments(&format!("content-v2/{}", check.algorithm()), &check.hex())
}

fn segments(folder: &str, hex: &str) -> String {
    format!("npm/_cacache/{folder}/{}/{}/{}", &hex[..2], &hex[2..4], &hex[4..])
}

/// The precedence of versions, near enough for the tag `latest`: the numbers of the release, then a release before
/// its pre-releases (Semantic Versioning 2.0.0, section 11), then the bytes.
fn by_precedence(one: &str, other: &str) -> Ordering {
    let rank = |version: &str| {
        let release = version.split(['-', '+']).next().unwrap_or(version);
        let numbers: Vec<u64> = release.split('.').map(|number| number.parse().unwrap_or(0)).collect();
        let is_release = !version.split('+').next().unwrap_or(version).contains('-');
        (numbers, is_release)
    };
    rank(one).cmp(&rank(other)).then_with(|| one.cmp(other))
}

#[cfg(test)]
mod tests;
