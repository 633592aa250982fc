//! The source files of a project, in a folder or a git revision, and what differs between two of them.
//!
//! What is compared is what a build would read: a file's bytes as they are, whether it can be executed, and where a
//! link leads. Filters that a repository configures are not run.
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, BufReader, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use invar_checkout::{CheckoutError, Disk, ProjectFiles, SourceError, default_outputs, is_archive};
use invar_project::{
    EntryKind, Glob, Listing, ListingEntry, Manifest, ManifestSources, SourceList, SourceRules, WalkError,
};
use serde::Serialize;

use crate::error::DiffError;
use crate::operand::{FILES, Project};
use crate::revision::{Blob, blob, hashes, tree};
use crate::{Change, Inside, inside};

/// How many files are inspected, and how large they may be, in bytes.
const LOOKED_INTO: usize = 200;
const LARGEST: u64 = 4 << 20;

/// What becomes of a source file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Use {
    /// It is in the image.
    Image,
    /// It is what the project's own package is built from.
    Package,
    /// A step is built from it.
    Step,
    /// Nothing that the image consists of.
    Nothing,
}

/// A source file that is not the same on both sides.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct SourceChange {
    /// Its path in the project.
    pub path: String,
    /// What happened.
    pub change: Change,
    /// What the old project uses it for.
    pub old: Option<Use>,
    /// What the new one uses it for.
    pub new: Option<Use>,
    /// Whether it can be executed now and could not before, or the other way round.
    pub mode: bool,
    /// How its contents differ. The files that are compared by their values have none.
    pub content: Option<Inside>,
}

/// What a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Link,
    File { executable: bool },
}

/// The source of one side.
struct Source<'a> {
    project: &'a Project,
    /// The files of the revision.
    blobs: BTreeMap<String, Blob>,
    uses: BTreeMap<String, Use>,
}

/// The source files that differ, those of the image first.
///
/// # Errors
/// [`DiffError`] for what cannot be read.
pub fn compare(old: &Project, new: &Project) -> Result<Vec<SourceChange>, DiffError> {
    let (old, new) = (Source::read(old)?, Source::read(new)?);
    let paths: BTreeSet<&String> = old.uses.keys().chain(new.uses.keys()).collect();
    let differing = differing(&old, &new)?;
    let mut changes = Vec::new();
    let mut left = LOOKED_INTO;
    for path in paths {
        let (one, two) = (old.uses.get(path).copied(), new.uses.get(path).copied());
        let change = match (one, two) {
            (None, _) => Change::Added,
            (_, None) => Change::Removed,
            _ => Change::Changed,
        };
        let both = change == Change::Changed;
        let (kinds, differs) = if both {
            ((old.kind(path)?, new.kind(path)?), differing.contains(path))
        } else {
            ((Kind::Link, Kind::Link), false)
        };
        if both && one == two && kinds.0 == kinds.1 && !differs {
            continue;
        }
        let looks = differs && kinds.0 != Kind::Link && kinds.1 != Kind::Link;
        let content = if looks && left > 0 && !FILES.contains(&path.as_str()) {
            left -= 1;
            match (old.bytes(path)?, new.bytes(path)?) {
                (Some(old), Some(new)) => inside(path, &old, &new),
                _ => Some(Inside::TooLarge),
            }
        } else {
            None
        };
        let mode = kinds.0 != kinds.1;
        changes.push(SourceChange { path: path.clone(), change, old: one, new: two, mode, content });
    }
    // What is in the image comes first; by path within.
    changes.sort_by_key(|change| change.new.or(change.old));
    Ok(changes)
}

impl<'a> Source<'a> {
    fn read(project: &'a Project) -> Result<Self, DiffError> {
        let text = |name: &'static str| project.files.get(name).map(|text| (name, text.as_str()));
        // A manifest of another version of Invar says nothing here: then the rules are those of none.
        let manifest = Manifest::parse(&ManifestSources {
            pyproject: text("pyproject.toml"),
            invar_toml: text("invar.toml"),
        });
        let manifest = manifest.ok();
        let (blobs, uses) = match (&project.folder, &project.commit) {
            (Some(folder), _) => {
                let files = ProjectFiles::read(folder).ok();
                let above = |rules: &mut SourceRules| match &files {
                    Some(files) => files.add_gitignores(rules),
                    None => Ok(()),
                };
                let fail = |error| CheckoutError::from(error).into();
                let ignore = dockerignore(folder);
                let mut uses = uses(&Disk { folder }, manifest.as_ref(), ignore.as_deref(), &above, &fail)?;
                uses.retain(|path, _| !is_archive(&folder.join(path)));
                (BTreeMap::new(), uses)
            }
            (None, Some(commit)) => {
                let blobs = tree(commit, &project.place)?;
                let listing = Revision { blobs: &blobs };
                let text = blobs.get(".dockerignore").map(|file| blob(&file.id)).transpose()?;
                let text = text.flatten().map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
                let uses = uses(&listing, manifest.as_ref(), text.as_deref(), &|_| Ok(()), &|error| error)?;
                (blobs, uses)
            }
            (None, None) => (BTreeMap::new(), BTreeMap::new()),
        };
        Ok(Self { project, blobs, uses })
    }

    fn kind(&self, path: &str) -> Result<Kind, DiffError> {
        let Some(folder) = &self.project.folder else {
            let mode = self.blobs.get(path).map_or("", |blob| blob.mode.as_str());
            return Ok(if mode == "120000" {
                Kind::Link
            } else {
                Kind::File { executable: mode == "100755" }
            });
        };
        let path = folder.join(path);
        let metadata = fs::symlink_metadata(&path).map_err(|error| cannot_read(&path, error))?;
        let executable = metadata.permissions().mode() & 0o111 != 0;
        Ok(if metadata.is_symlink() { Kind::Link } else { Kind::File { executable } })
    }

    fn size(&self, path: &str) -> Result<u64, DiffError> {
        match &self.project.folder {
            None => Ok(self.blobs.get(path).map_or(0, |blob| blob.size)),
            Some(folder) => {
                let path = folder.join(path);
                let metadata = fs::symlink_metadata(&path).map_err(|error| cannot_read(&path, error))?;
                Ok(metadata.len())
            }
        }
    }

    /// The content; `None` where it is too large.
    fn bytes(&self, path: &str) -> Result<Option<Vec<u8>>, DiffError> {
        if self.size(path)? > LARGEST {
            return Ok(None);
        }
        match &self.project.folder {
            None => match self.blobs.get(path) {
                Some(file) => blob(&file.id),
                None => Ok(None),
            },
            Some(folder) => {
                let path = folder.join(path);
                let mut bytes = Vec::new();
                let file = File::open(&path).map_err(|error| cannot_read(&path, error))?;
                file.take(LARGEST).read_to_end(&mut bytes).map_err(|error| cannot_read(&path, error))?;
                Ok(Some(bytes))
            }
        }
    }

    /// Where a link leads.
    fn target(&self, path: &str) -> Result<Option<Vec<u8>>, DiffError> {
        match &self.project.folder {
            None => self.bytes(path),
            Some(folder) => {
                let path = folder.join(path);
                let target = fs::read_link(&path).map_err(|error| cannot_read(&path, error))?;
                Ok(Some(target.into_os_string().into_encoded_bytes()))
            }
        }
    }
}

/// The paths that both have, with other contents.
fn differing(old: &Source<'_>, new: &Source<'_>) -> Result<BTreeSet<String>, DiffError> {
    let mut differing = BTreeSet::new();
    let mut unsure: Vec<(&str, &str)> = Vec::new();
    for path in old.uses.keys().filter(|path| new.uses.contains_key(*path)) {
        let same = match (old.blobs.get(path), new.blobs.get(path)) {
            (Some(old), Some(new)) => old.id == new.id,
            _ if (old.kind(path)? == Kind::Link) != (new.kind(path)? == Kind::Link) => false,
            _ if old.kind(path)? == Kind::Link => old.target(path)? == new.target(path)?,
            _ if old.size(path)? != new.size(path)? => false,
            (Some(blob), None) | (None, Some(blob)) => {
                unsure.push((path, &blob.id));
                true
            }
            (None, None) => same_files(old.project, new.project, path)?,
        };
        if !same {
            differing.insert(path.clone());
        }
    }
    // Git computes the name that the content of a file would have.
    if let Some(folder) = old.project.folder.as_ref().or(new.project.folder.as_ref()) {
        // It reads one path a line, so that those with a line feed are compared here.
        let (odd, plain): (Vec<_>, Vec<_>) = unsure.into_iter().partition(|(path, _)| path.contains('\n'));
        let paths: Vec<&str> = plain.iter().map(|(path, _)| *path).collect();
        let found = hashes(folder, &paths)?;
        let changed = plain.iter().filter(|(path, id)| found.get(*path).map(String::as_str) != Some(*id));
        differing.extend(changed.map(|(path, _)| (*path).to_owned()));
        for (path, _) in odd {
            let (one, two) = (old.bytes(path)?, new.bytes(path)?);
            if one.is_none() || one != two {
                differing.insert(path.to_owned());
            }
        }
    }
    Ok(differing)
}

/// Whether the file of two folders has the same bytes in both.
fn same_files(old: &Project, new: &Project, path: &str) -> Result<bool, DiffError> {
    let open = |project: &Project| -> Result<_, DiffError> {
        let path = project.folder.as_deref().unwrap_or(Path::new("")).join(path);
        let file = File::open(&path).map_err(|error| cannot_read(&path, error))?;
        Ok(BufReader::with_capacity(64 << 10, file).bytes())
    };
    let (mut old_bytes, mut new_bytes) = (open(old)?, open(new)?);
    loop {
        match (old_bytes.next().transpose(), new_bytes.next().transpose()) {
            (Ok(None), Ok(None)) => return Ok(true),
            (Ok(one), Ok(two)) if one == two => {}
            (Ok(_), Ok(_)) => return Ok(false),
            (Err(error), _) | (_, Err(error)) => return Err(cannot_read(Path::new(path), error)),
        }
    }
}

fn cannot_read(path: &Path, source: io::Error) -> DiffError {
    DiffError::Read { path: path.to_owned(), source }
}

fn dockerignore(folder: &Path) -> Option<String> {
    let bytes = fs::read(folder.join(".dockerignore")).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// What becomes of each file. `above` adds the ignore files above the project.
fn uses<L: Listing>(
    listing: &L,
    manifest: Option<&Manifest>,
    dockerignore: Option<&str>,
    above: &dyn Fn(&mut SourceRules) -> Result<(), CheckoutError>,
    fail: &dyn Fn(L::Error) -> DiffError,
) -> Result<BTreeMap<String, Use>, DiffError> {
    let outputs = manifest.map(default_outputs).unwrap_or_default();
    let outputs: Vec<&str> = outputs.iter().map(String::as_str).collect();
    let rules = |include: &[Glob], exclude: &[Glob], dockerignore: Option<&str>| {
        let mut rules = SourceRules::new(include, exclude, dockerignore, &outputs)
            .map_err(|error| CheckoutError::from(SourceError::Rules(error)))?;
        above(&mut rules)?;
        Ok::<_, DiffError>(rules)
    };
    let of_image = |include: &[Glob], exclude: &[Glob]| {
        let mut rules = rules(include, exclude, dockerignore)?;
        let named = manifest.map(|manifest| manifest.include_secrets.as_slice()).unwrap_or_default();
        rules
            .leave_out_secrets(named, include)
            .map_err(|error| CheckoutError::from(SourceError::Rules(error)))?;
        Ok::<_, DiffError>(rules)
    };
    let walk = |mut rules: SourceRules| -> Result<SourceList, DiffError> {
        rules.walk(listing).map_err(|error| match error {
            WalkError::Listing(error) => fail(error),
            WalkError::Path(error) => {
                CheckoutError::from(SourceError::Entry { message: error.to_string() }).into()
            }
        })
    };
    let exclude = manifest.map(|manifest| manifest.exclude.as_slice()).unwrap_or_default();
    let include = manifest.and_then(|manifest| manifest.include.as_deref());
    let is_package =
        manifest.and_then(|manifest| manifest.project.as_ref()).is_some_and(|project| project.is_package());
    let mut uses: BTreeMap<String, Use> = BTreeMap::new();
    let mut add = |list: SourceList, what: Use| {
        for entry in list.entries {
            uses.entry(entry.path.as_str().to_owned()).or_insert(what);
        }
    };
    match include {
        None if is_package => {}
        Some([]) => {}
        include => add(walk(of_image(include.unwrap_or_default(), exclude)?)?, Use::Image),
    }
    if is_package {
        add(walk(of_image(&[], exclude)?)?, Use::Package);
    }
    let steps = manifest.map(|manifest| manifest.steps.as_slice()).unwrap_or_default();
    let inputs: Vec<Glob> = steps.iter().flat_map(|step| step.inputs.clone()).collect();
    let rest = walk(rules(&[], &[], None)?)?;
    let wanted = SourceRules::new(&inputs, &[], None, &[])
        .map_err(|error| CheckoutError::from(SourceError::Rules(error)))?;
    for entry in rest.entries {
        let path = entry.path.as_str();
        let of_step = !inputs.is_empty() && wanted.decide(path, false).is_source();
        uses.entry(path.to_owned()).or_insert(if of_step { Use::Step } else { Use::Nothing });
    }
    Ok(uses)
}

/// The files of a revision as folders.
struct Revision<'a> {
    blobs: &'a BTreeMap<String, Blob>,
}

impl Listing for Revision<'_> {
    type Error = DiffError;

    fn entries(&self, directory: &str) -> Result<Vec<ListingEntry>, DiffError> {
        let prefix = if directory.is_empty() { String::new() } else { format!("{directory}/") };
        let mut entries: BTreeMap<String, EntryKind> = BTreeMap::new();
        for (path, file) in self.blobs.range(prefix.clone()..) {
            let Some(rest) = path.strip_prefix(&prefix) else { break };
            let (name, kind) = match rest.split_once('/') {
                Some((folder, _)) => (folder, EntryKind::Directory),
                None if file.mode == "120000" => (rest, EntryKind::Symlink),
                // A submodule is a commit of another repository.
                None if file.mode == "160000" => (rest, EntryKind::Other),
                None => (rest, EntryKind::File),
            };
            entries.insert(name.to_owned(), kind);
        }
        Ok(entries.into_iter().map(|(name, kind)| ListingEntry { name, kind }).collect())
    }

    fn gitignore(&self, directory: &str) -> Result<String, DiffError> {
        let path = if directory.is_empty() { ".gitignore".into() } else { format!("{directory}/.gitignore") };
        let text = match self.blobs.get(&path) {
            Some(file) => blob(&file.id)?,
            None => None,
        };
        Ok(text.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default())
    }
}
