//! From recipes to trees in the store: download, check, unpack, many at once.
use std::fs::File;
use std::io::{BufReader, Seek as _, SeekFrom};
use std::path::Path;
use std::sync::{Condvar, Mutex, PoisonError};

use invar_debian::{Control, UNPACK_VERSION, UnpackOptions, read_deb};
use invar_fetch::Request;
use invar_plan::{PackageRecipe, Recipe, WheelRecipe};
use invar_python::{
    DirectUrl, EnvironmentLayout, Location, WHEEL_VERSION, WheelFile, WheelRemark, unpack_wheel,
};
use invar_store::{Key, KeyWriter, Keyed, StoredTree};
use invar_tree::{Digest, Hasher};

use crate::RealiseError;
use crate::distribution::fetch_distribution;
use crate::downloads;
use crate::event::{Event, Phase};
use crate::mirrors::Archive;
use crate::python_index::IndexFile;
use crate::sources::Sources;
use crate::workers::each;

/// How many downloads are under way at once. More only make each slower.
const DOWNLOADS: usize = 8;

/// The attachment that holds a package's control data.
const CONTROL: &str = "control";

/// The key under which the store has what `recipe` makes.
pub fn key(recipe: &Recipe) -> Key {
    match recipe {
        Recipe::Package(package) => PackageTree(package).key(),
        Recipe::Wheel(wheel) => WheelTree(wheel).key(),
    }
}

/// A Debian package, unpacked.
pub struct PackageTree<'a>(pub &'a PackageRecipe);

impl Keyed for PackageTree<'_> {
    const DOMAIN: &'static str = "debian-package";
    const VERSION: u32 = UNPACK_VERSION;

    fn encode(&self, writer: &mut KeyWriter) {
        let PackageRecipe { name: _, version: _, architecture: _, suite: _, file: _, size, digest, docs } =
            self.0;
        writer.digest(digest);
        // A lock with a wrong size must fail whether or not the store has the package.
        writer.number(*size);
        writer.flag(*docs);
    }
}

/// A wheel, installed into a virtual environment.
pub struct WheelTree<'a>(pub &'a WheelRecipe);

impl Keyed for WheelTree<'_> {
    const DOMAIN: &'static str = "wheel";
    const VERSION: u32 = WHEEL_VERSION;

    fn encode(&self, writer: &mut KeyWriter) {
        let WheelRecipe { chosen, layout } = self.0;
        writer.digest(&chosen.wheel.digest);
        writer.text(chosen.wheel.filename.as_str());
        encode_layout(writer, layout);
        writer.optional(chosen.direct.as_ref(), encode_direct_url);
    }
}

/// Writes where a virtual environment is, and whose it is.
pub fn encode_layout(writer: &mut KeyWriter, layout: &EnvironmentLayout) {
    let EnvironmentLayout { prefix, python: (major, minor) } = layout;
    writer.text(prefix.as_str());
    writer.number((*major).into());
    writer.number((*minor).into());
}

/// Writes what `direct_url.json` says.
pub fn encode_direct_url(writer: &mut KeyWriter, direct: &DirectUrl) {
    match direct {
        DirectUrl::Url { url, subdirectory } => {
            writer.variant(0);
            writer.text(url);
            writer.optional(subdirectory.as_deref(), KeyWriter::text);
        }
        DirectUrl::Path { path } => {
            writer.variant(1);
            writer.text(path);
        }
        DirectUrl::Git { url, commit, requested, subdirectory } => {
            writer.variant(2);
            writer.text(url);
            writer.text(commit);
            writer.optional(requested.as_deref(), KeyWriter::text);
            writer.optional(subdirectory.as_deref(), KeyWriter::text);
        }
        DirectUrl::Directory { path } => {
            writer.variant(3);
            writer.text(path);
        }
    }
}

/// The control data that came with a package's tree.
///
/// # Errors
/// What the store says, and [`RealiseError::Damaged`] where it is not control data.
pub fn control(stored: &StoredTree, recipe: &PackageRecipe) -> Result<Control, RealiseError> {
    let bytes = stored.attachment(CONTROL)?;
    serde_json::from_slice(&bytes).map_err(|_| RealiseError::Damaged { digest: recipe.digest })
}

/// Makes all trees that the store does not have yet; returns them in the order of `recipes`.
///
/// `times` are the moments at which the snapshot service has the packages, per suite; `project` is the folder that
/// relative paths of wheels start from.
///
/// # Errors
/// The first failure; the work of the other threads is finished or dropped, and what is finished stays in the store.
pub fn realise(
    sources: &Sources<'_>,
    recipes: &[Recipe],
    times: &(dyn Fn(&str) -> Vec<String> + Sync),
    project: &Path,
) -> Result<Vec<StoredTree>, RealiseError> {
    let mut trees = Vec::with_capacity(recipes.len());
    for recipe in recipes {
        trees.push(sources.store.tree(&key(recipe))?);
    }
    let mut missing: Vec<usize> = (0..recipes.len()).filter(|&index| trees[index].is_none()).collect();
    if !missing.is_empty() {
        sources.reporter.event(&Event::Phase(Phase::Realise { trees: missing.len() }));
        // The largest first, so that the last one to finish is a small one.
        missing.sort_by_key(|&index| std::cmp::Reverse((recipes[index].artifact().1.unwrap_or(0), index)));
        if sources.pool.backwards {
            missing.reverse();
        }
        // Absolute, since the fetcher takes only addresses that mean the same everywhere.
        let project = std::path::absolute(project)
            .map_err(|source| RealiseError::Read { path: project.to_owned(), source })?;
        let work = Work {
            sources,
            urls: &|package: &PackageRecipe| {
                let archive = Archive::of_suite(&package.suite);
                sources.upstreams.mirrors.urls(archive, &package.file, &times(&package.suite))
            },
            project: &project.to_string_lossy(),
            permits: Permits { free: Mutex::new(sources.pool.threads.max(1)), freed: Condvar::new() },
        };
        for (index, tree) in work.run(recipes, &missing)? {
            trees[index] = Some(tree);
        }
    }
    Ok(trees.into_iter().map(|tree| tree.expect("all that were missing have been made")).collect())
}

struct Work<'a> {
    sources: &'a Sources<'a>,
    urls: &'a (dyn Fn(&PackageRecipe) -> Vec<String> + Sync),
    project: &'a str,
    permits: Permits,
}

impl Work<'_> {
    fn run(&self, recipes: &[Recipe], missing: &[usize]) -> Result<Vec<(usize, StoredTree)>, RealiseError> {
        let trees =
            each(DOWNLOADS.max(self.sources.pool.threads), missing, |&index| self.make(&recipes[index]))?;
        Ok(missing.iter().copied().zip(trees).collect())
    }

    fn make(&self, recipe: &Recipe) -> Result<StoredTree, RealiseError> {
        let label = recipe.label();
        let (digest, size) = recipe.artifact();
        let urls = match recipe {
            Recipe::Package(package) => (self.urls)(package),
            Recipe::Wheel(wheel) => match &wheel.chosen.wheel.location {
                Location::Url(url) => vec![url.clone()],
                Location::Path(path) => vec![format!("{}/{path}", self.project)],
            },
        };
        let request = Request { label: label.clone(), urls, digest, size };
        let index_file = match recipe {
            Recipe::Package(_) => None,
            Recipe::Wheel(wheel) => {
                let chosen = &wheel.chosen;
                let WheelFile { filename, location, .. } = &chosen.wheel;
                IndexFile::of(&chosen.name, filename.as_str(), chosen.direct.as_ref(), location)
            }
        };
        let file = checked_blob(self.sources, &request, index_file, || self.permits.take())?;
        let (file, _permit) = file;
        let tree = self.unpack(recipe, file, &label)?;
        self.sources.reporter.event(&Event::Unpacked { label: &label });
        Ok(tree)
    }

    fn unpack(&self, recipe: &Recipe, file: File, label: &str) -> Result<StoredTree, RealiseError> {
        let mut sink = self.sources.store.tree_writer(&key(recipe))?;
        match recipe {
            Recipe::Package(package) => {
                let options = UnpackOptions { docs: package.docs, merged_usr: true, records: true };
                let control = read_deb(BufReader::new(file), &options, &mut sink).map_err(|source| {
                    RealiseError::Package { label: label.to_owned(), source: Box::new(source) }
                })?;
                check_identity(package, &control, label)?;
                let control = serde_json::to_vec(&control).expect("control data is plain text");
                Ok(sink.commit(&[(CONTROL, &control)])?)
            }
            Recipe::Wheel(wheel) => {
                let WheelRecipe { chosen, layout } = &**wheel;
                let remarks =
                    unpack_wheel(BufReader::new(file), chosen, layout, &mut sink).map_err(|source| {
                        RealiseError::Wheel { label: label.to_owned(), source: Box::new(source) }
                    })?;
                let stored = sink.commit(&[])?;
                warn_of_remarks(self.sources, chosen.wheel.filename.as_str(), &remarks);
                Ok(stored)
            }
        }
    }
}

/// Warns of what is wrong with the wheel `filename`, which is installed nevertheless.
pub fn warn_of_remarks(sources: &Sources<'_>, filename: &str, remarks: &[WheelRemark]) {
    for remark in remarks {
        sources.reporter.warn(&format!("{filename}: {remark}; it is installed, as uv does"));
    }
}

/// The file of `request` from its beginning, from the store or the network, with its bytes checked just now; and what
/// `permit` gave before they were.
///
/// # Errors
/// [`RealiseError::Fetch`], [`RealiseError::Size`], [`RealiseError::Damaged`], and what the store says.
pub fn checked_blob<P>(
    sources: &Sources<'_>,
    request: &Request,
    index_file: Option<IndexFile<'_>>,
    permit: impl Fn() -> P,
) -> Result<(File, P), RealiseError> {
    let Request { label, digest, size, .. } = request;
    let store = &sources.store;
    for attempt in 0..2 {
        if !downloads::is_here(sources, digest)? {
            fetch_distribution(sources, index_file, request)?;
        }
        if let (Some(expected), Some(found)) = (*size, store.blob_size(digest))
            && expected != found
        {
            return Err(RealiseError::Size { label: label.clone(), expected, found });
        }
        let permit = permit();
        if let Some(file) = open_checked(sources, digest)? {
            return Ok((file, permit));
        }
        // The file was right when it was stored and is not any more: once more from the network.
        store.discard_damaged_blob(digest)?;
        if attempt == 1 || sources.fetcher.is_offline() {
            break;
        }
    }
    Err(RealiseError::Damaged { digest: *digest })
}

/// The blob `digest` from its beginning, or `None` where its bytes have changed since it was stored.
fn open_checked(sources: &Sources<'_>, digest: &Digest) -> Result<Option<File>, RealiseError> {
    let (mut file, _) = sources.store.open_blob(digest)?;
    let path = || sources.store.blob_path(digest);
    let read_error = |source| RealiseError::Read { path: path(), source };
    let mut hasher = Hasher::new();
    std::io::copy(&mut file, &mut hasher).map_err(read_error)?;
    file.seek(SeekFrom::Start(0)).map_err(read_error)?;
    Ok((hasher.finish() == *digest).then_some(file))
}

fn check_identity(package: &PackageRecipe, control: &Control, label: &str) -> Result<(), RealiseError> {
    let same = *control.package() == package.name
        && *control.version() == package.version
        && *control.architecture() == package.architecture;
    if same {
        return Ok(());
    }
    let found = format!("{} {} ({})", control.package(), control.version(), control.architecture());
    Err(RealiseError::OtherPackage { label: label.to_owned(), found })
}

/// How many threads may use a CPU at once; the others wait for the network anyway.
struct Permits {
    free: Mutex<usize>,
    freed: Condvar,
}

impl Permits {
    fn take(&self) -> Permit<'_> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        while *free == 0 {
            free = self.freed.wait(free).unwrap_or_else(PoisonError::into_inner);
        }
        *free -= 1;
        Permit(self)
    }
}

struct Permit<'a>(&'a Permits);

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.freed.notify_one();
    }
}

#[cfg(test)]
mod keys {
    use invar_python::{Chosen, NeededBy};

    use super::*;

    const CHANGED: &str = "if this is intended, raise the VERSION of the domain and pin the new key";

    #[test]
    fn the_keys_are_pinned() {
        let package = PackageRecipe {
            name: "tini".parse().unwrap(),
            version: "0.19.0-1".parse().unwrap(),
            architecture: "amd64".parse().unwrap(),
            suite: "trixie".to_owned(),
            file: "pool/main/t/tini/tini_0.19.0-1_amd64.deb".to_owned(),
            size: 258,
            digest: Digest::of(b"deb"),
            docs: true,
        };
        let mut wheel = WheelRecipe {
            chosen: Chosen {
                name: "anyio".parse().unwrap(),
                version: "4.16.0".to_owned(),
                wheel: WheelFile {
                    filename: "anyio-4.16.0-py3-none-any.whl".parse().unwrap(),
                    location: Location::Path("anyio.whl".to_owned()),
                    digest: Digest::of(b"wheel"),
                    size: None,
                },
                direct: None,
                needed_by: NeededBy::Project,
            },
            layout: EnvironmentLayout { prefix: "app/.venv".parse().unwrap(), python: (3, 13) },
        };
        assert_eq!(
            PackageTree(&package).describe(),
            "debian-package 1 dc640259fc1ccbe557463279835ad8b4dcda4397461f3a6a1d1b0089c27f4f0c",
            "{CHANGED}"
        );
        assert_eq!(
            WheelTree(&wheel).describe(),
            "wheel 1 350e98961b9e7f23659abcec574c7064b20883ef987857704f78eec092f9a91c",
            "{CHANGED}"
        );
        let text = |text: &str| text.to_owned();
        let directs = [
            DirectUrl::Url { url: text("a"), subdirectory: None },
            DirectUrl::Url { url: text("a"), subdirectory: Some(text("b")) },
            DirectUrl::Path { path: text("a") },
            DirectUrl::Directory { path: text("a") },
            DirectUrl::Git {
                url: text("a"),
                commit: text("c"),
                requested: None,
                subdirectory: Some(text("b")),
            },
            DirectUrl::Git {
                url: text("a"),
                commit: text("c"),
                requested: Some(text("b")),
                subdirectory: None,
            },
        ];
        let mut seen = vec![WheelTree(&wheel).key()];
        for direct in directs {
            wheel.chosen.direct = Some(direct);
            let key = WheelTree(&wheel).key();
            assert!(!seen.contains(&key), "{:?} has the key of another one", wheel.chosen.direct);
            seen.push(key);
        }
    }
}
