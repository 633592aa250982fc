//! The source of a Python package before it is built: a source archive, a git commit, or a directory.
use std::io::{BufReader, Read as _};
use std::path::Path;
use std::sync::Arc;

use invar_checkout::{ProjectFiles, SourceTree};
use invar_fetch::Request;
use invar_python::{ChosenSource, Location, SDIST_VERSION, SourceLocation, unpack_sdist};
use invar_store::{KeyWriter, Keyed, StoredTree};
use invar_tree::{Contents, Digest, ImagePath, Origin, Tree};

use crate::RealiseError;
use crate::git::{check_lfs, commit_tree};
use crate::python_index::IndexFile;
use crate::realise::checked_blob;
use crate::sources::Sources;

/// The folder in which the files of a source archive are, in its tree.
const SDIST: &str = "sdist";

/// The files of a package before it is built.
pub struct PackageSource {
    /// Its files.
    pub tree: Tree,
    /// What is in them.
    pub contents: Arc<dyn Contents + Sync>,
    /// The folder in it that has the package; empty for its own.
    pub subdirectory: String,
    /// The folder in it that is the top of what was published, and that patches start from; empty for its own.
    pub top: String,
}

impl PackageSource {
    /// The source of a package in a folder.
    pub fn of_directory(source: Arc<SourceTree>) -> Self {
        let (tree, subdirectory) = (source.tree().clone(), source.subdirectory().to_owned());
        Self { tree, contents: source, top: subdirectory.clone(), subdirectory }
    }
}

/// The source of `chosen`; `expected` is its digest where `invar.lock` has it.
///
/// # Errors
/// What fetching, unpacking and reading say.
pub fn read_source(
    sources: &Sources<'_>,
    files: &ProjectFiles,
    chosen: &ChosenSource,
    expected: Option<&Digest>,
) -> Result<PackageSource, RealiseError> {
    let origin = Arc::new(Origin::Source);
    let stored = |stored: StoredTree, folders: &[&str]| -> Result<PackageSource, RealiseError> {
        let subdirectory =
            folders.iter().filter(|name| !name.is_empty()).copied().collect::<Vec<_>>().join("/");
        let top = if folders.first() == Some(&SDIST) { SDIST.to_owned() } else { String::new() };
        Ok(PackageSource { tree: stored.tree(&origin)?, contents: Arc::new(stored), subdirectory, top })
    };
    match &chosen.source {
        SourceLocation::Archive { filename, location, digest, size, subdirectory } => {
            let file = ArchiveFile { chosen, filename, location, digest, size: *size };
            let inner = subdirectory.as_deref().unwrap_or_default();
            stored(unpack_archive(sources, &file, &files.folder)?, &[SDIST, inner])
        }
        SourceLocation::Git { url, commit, subdirectory, lfs, .. } => {
            let tree = commit_tree(sources, url, commit, expected)?;
            if *lfs {
                check_lfs(&format!("{url} at {commit}"), &tree.tree(&origin)?, &tree)?;
            }
            stored(tree, &[subdirectory.as_deref().unwrap_or_default()])
        }
        SourceLocation::Directory { path, .. } => {
            let source = SourceTree::of_package(&|text| sources.reporter.warn(text), files, path)?;
            Ok(PackageSource::of_directory(source))
        }
    }
}

struct ArchiveFile<'a> {
    chosen: &'a ChosenSource,
    filename: &'a str,
    location: &'a Location,
    digest: &'a Digest,
    size: Option<u64>,
}

/// A source distribution, unpacked.
struct SdistTree<'a> {
    digest: &'a Digest,
    filename: &'a str,
}

impl Keyed for SdistTree<'_> {
    const DOMAIN: &'static str = "sdist";
    const VERSION: u32 = SDIST_VERSION;

    fn encode(&self, writer: &mut KeyWriter) {
        writer.digest(self.digest);
        writer.text(self.filename);
    }
}

fn unpack_archive(
    sources: &Sources<'_>,
    file: &ArchiveFile<'_>,
    project: &Path,
) -> Result<StoredTree, RealiseError> {
    let key = SdistTree { digest: file.digest, filename: file.filename }.key();
    if let Some(stored) = sources.store.tree(&key)? {
        return Ok(stored);
    }
    let label = format!("{} (source)", file.filename);
    let urls = match file.location {
        Location::Url(url) => vec![url.clone()],
        Location::Path(path) => {
            let project = std::path::absolute(project)
                .map_err(|source| RealiseError::Read { path: project.to_owned(), source })?;
            vec![format!("{}/{path}", project.display())]
        }
    };
    let request = Request { label: label.clone(), urls, digest: *file.digest, size: file.size };
    let ArchiveFile { chosen, filename, location, .. } = file;
    let index_file = IndexFile::of(&chosen.name, filename, chosen.direct.as_ref(), location);
    let (archive, ()) = checked_blob(sources, &request, index_file, || ())?;
    let mut sink = sources.store.tree_writer(&key)?;
    let place = ImagePath::parse(SDIST).expect("it is a relative path");
    unpack_sdist(BufReader::new(archive), file.filename, &mut sink, &place)
        .map_err(|source| RealiseError::Sdist { label, source: Box::new(source) })?;
    Ok(sink.commit(&[])?)
}

/// The text of the file `name` of the package that `source` holds, if it is there and not longer than any such file.
pub fn read_text(source: &PackageSource, name: &str) -> Option<String> {
    const LONGEST_TEXT: u64 = 4 << 20;
    let path = match source.subdirectory.as_str() {
        "" => name.to_owned(),
        inner => format!("{inner}/{name}"),
    };
    let path = ImagePath::parse(&path).ok()?;
    let mut text = String::new();
    source.contents.open(&path).ok()?.take(LONGEST_TEXT).read_to_string(&mut text).ok()?;
    Some(text)
}

/// The digest that `invar.lock` keeps of a source; nothing for folders, whose files are the project's.
pub fn locked_digest(chosen: &ChosenSource, source: &PackageSource) -> Option<Digest> {
    match &chosen.source {
        SourceLocation::Archive { digest, .. } => Some(*digest),
        SourceLocation::Git { .. } => Some(source.tree.digest()),
        SourceLocation::Directory { .. } => None,
    }
}

#[cfg(test)]
mod keys {
    use super::*;

    const CHANGED: &str = "if this is intended, raise the VERSION of the domain and pin the new key";

    #[test]
    fn the_key_is_pinned() {
        let digest = &Digest::of(b"file");
        assert_eq!(
            SdistTree { digest, filename: "a-1.tar.gz" }.describe(),
            "sdist 1 f3db629b238d627dab0d07d5859de53feaedc829655ad093e7d9eabe730f2e83",
            "{CHANGED}"
        );
    }
}
