//! A crate out of a git repository.
//!
//! The repository's files come as a tar archive, with or without one top folder. The crate is the folder whose
//! `Cargo.toml` has its name; folders below that have a manifest of their own are other crates and stay out, as in
//! `cargo package`. A symbolic link becomes a copy of what it leads to in the repository, because a vendored crate
//! stands alone; one that leads nowhere is left out.
use std::collections::BTreeMap;
use std::io::Read;

use invar_tree::Mode;
use toml::Table;

use super::archive::{self, ArchiveNode, is_compressed};
use crate::offer::OfferDirectory;
use crate::{ContentFault, FetchedFile, VendorError};

mod inherit;

/// The largest manifest, and the largest file that a symbolic link may lead to.
const MAX_BUFFERED: u64 = 16 << 20;
/// The most manifests and symbolic links that a repository may have.
const MAX_COLLECTED: usize = 10_000;
/// How many links may lead to links: what Linux allows.
const MAX_LINKS: usize = 40;

/// What the first pass over the archive finds.
#[derive(Default)]
struct Survey {
    /// Manifests by their folder, `""` or with a slash at the end.
    manifests: BTreeMap<String, String>,
    /// Targets of symbolic links, as paths in the archive.
    links: BTreeMap<String, String>,
}

pub(super) fn unpack(
    file: &FetchedFile<'_>,
    directory: &str,
    place: &mut OfferDirectory<'_>,
) -> Result<(), VendorError> {
    let compressed = is_compressed(file)?;
    let survey = survey(file, compressed)?;
    let (home, manifest) = survey.package(file)?;
    place.file(&format!("{directory}/Cargo.toml"), Mode::FILE, &mut manifest.as_bytes())?;
    archive::read(file, compressed, &mut |member, content| {
        let ArchiveNode::File(mode) = member.kind else { return Ok(()) };
        let mut targets = survey.places(member.path.as_str(), &home);
        targets
            .retain(|target| !["Cargo.toml", ".cargo-checksum.json", ".cargo-ok"].contains(&target.as_str()));
        match targets.as_slice() {
            [] => Ok(()),
            [only] => place.file(&format!("{directory}/{only}"), mode, content),
            several => {
                let bytes = buffered(file, content)?;
                several.iter().try_for_each(|target| {
                    place.file(&format!("{directory}/{target}"), mode, &mut bytes.as_slice())
                })
            }
        }
    })
}

fn survey(file: &FetchedFile<'_>, compressed: bool) -> Result<Survey, VendorError> {
    let mut survey = Survey::default();
    archive::read(file, compressed, &mut |member, content| {
        let path = member.path.as_str();
        match member.kind {
            ArchiveNode::File(_) => {
                let Some(directory) = path.strip_suffix("Cargo.toml") else { return Ok(()) };
                if directory.is_empty() || directory.ends_with('/') {
                    // A manifest that is not UTF-8 is no package's; repositories have such ones as test data.
                    if let Ok(text) = String::from_utf8(buffered(file, content)?) {
                        survey.manifests.insert(directory.to_owned(), text);
                    }
                }
            }
            ArchiveNode::Symlink(target) => {
                let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
                if let Some(target) = resolved(directory, &target) {
                    survey.links.insert(path.to_owned(), target);
                }
            }
            ArchiveNode::Directory => {}
            ArchiveNode::Other => return Err(file.fault(ContentFault::Kind { path: path.to_owned() })),
        }
        if survey.manifests.len() + survey.links.len() > MAX_COLLECTED {
            return Err(file.fault(ContentFault::TooManyMembers { limit: MAX_COLLECTED }));
        }
        Ok(())
    })?;
    Ok(survey)
}

impl Survey {
    /// The folder of the package that `file` is needed for, and its manifest without inheritance.
    fn package(&self, file: &FetchedFile<'_>) -> Result<(String, String), VendorError> {
        let name = file.needed.name.as_str();
        for (directory, text) in &self.manifests {
            let Ok(mut manifest) = text.parse::<Table>() else { continue };
            if manifest.get("package").and_then(|package| package.get("name")?.as_str()) != Some(name) {
                continue;
            }
            let manifest_fault = |reason: String| file.fault(ContentFault::Manifest { reason });
            let inherits = inherit::inherits(&manifest);
            if inherits {
                let root = self.workspace(directory, &manifest);
                let root =
                    root.ok_or_else(|| manifest_fault("its workspace is not in the repository".into()))?;
                inherit::resolve(&mut manifest, &root).map_err(manifest_fault)?;
            }
            // A repository may have several packages of one name, as test data; the version distinguishes them.
            let version = manifest.get("package").and_then(|package| package.get("version")?.as_str());
            if version.unwrap_or("0.0.0") == file.needed.version {
                let text = if inherits { manifest.to_string() } else { text.clone() };
                return Ok((directory.clone(), text));
            }
        }
        Err(file.fault(ContentFault::NoManifest { name: name.to_owned() }))
    }

    /// The `workspace` table that a member in `folder` inherits from: the nearest one above.
    fn workspace(&self, directory: &str, manifest: &Table) -> Option<Table> {
        let named = manifest.get("package").and_then(|package| package.get("workspace")?.as_str());
        let named = match named {
            Some(path) => {
                let root = resolved(directory.trim_end_matches('/'), path)?;
                Some(if root.is_empty() { root } else { format!("{root}/") })
            }
            None => None,
        };
        let above =
            directory.rmatch_indices('/').map(|(at, _)| directory[..=at].to_owned()).chain([String::new()]);
        named.into_iter().chain(above).find_map(|directory| {
            let table = self.manifests.get(&directory)?.parse::<Table>().ok()?;
            table.get("workspace")?.as_table().cloned()
        })
    }

    /// Where the file at `path` goes, relative to the package in `home`: its own place, and those of links to it.
    fn places(&self, path: &str, home: &str) -> Vec<String> {
        let mut places: Vec<String> = self.inside(path, home).into_iter().collect();
        for (link, target) in &self.links {
            let rest = match path.strip_prefix(self.followed(target)) {
                Some(rest) if rest.is_empty() || rest.starts_with('/') => rest,
                _ => continue,
            };
            places.extend(self.inside(&format!("{link}{rest}"), home));
        }
        places.sort();
        places.dedup();
        places
    }

    /// `path` relative to `home`, unless it is elsewhere or in another package below.
    fn inside(&self, path: &str, home: &str) -> Option<String> {
        let inner = path.strip_prefix(home)?;
        let is_other =
            inner.match_indices('/').any(|(at, _)| self.manifests.contains_key(&path[..home.len() + at + 1]));
        (!is_other).then(|| inner.to_owned())
    }

    fn followed<'a>(&'a self, mut target: &'a str) -> &'a str {
        for _ in 0..MAX_LINKS {
            match self.links.get(target) {
                Some(next) => target = next,
                None => break,
            }
        }
        target
    }
}

/// The path that `target` means in `folder`; `None` where it leads out of the repository.
fn resolved(directory: &str, target: &str) -> Option<String> {
    if target.starts_with('/') {
        return None;
    }
    let mut names: Vec<&str> = directory.split('/').filter(|name| !name.is_empty()).collect();
    for name in target.split('/') {
        match name {
            "" | "." => {}
            ".." => {
                names.pop()?;
            }
            name => names.push(name),
        }
    }
    Some(names.join("/"))
}

fn buffered(file: &FetchedFile<'_>, content: &mut dyn Read) -> Result<Vec<u8>, VendorError> {
    let mut bytes = Vec::new();
    let read = content.take(MAX_BUFFERED + 1).read_to_end(&mut bytes);
    read.map_err(|source| file.fault(ContentFault::Archive(source.into())))?;
    if bytes.len() as u64 > MAX_BUFFERED {
        return Err(file.fault(ContentFault::TooLarge { limit: MAX_BUFFERED }));
    }
    Ok(bytes)
}
