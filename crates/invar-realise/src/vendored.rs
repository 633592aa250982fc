//! What the lock files of npm, cargo and pip among a build's inputs name: fetched by their hashes, and laid out so that
//! those tools find it without a network.
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Chain, Read};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use invar_fetch::Request;
use invar_oci::END_OF_ARCHIVE;
use invar_project::{AbsoluteUrl, Platform};
use invar_python::{DistributionName, WheelFilename};
use invar_store::{Checkout, KeyWriter, Keyed};
use invar_tree::{Contents, Digest, ImagePath, Tree};
use invar_vendor::{
    Check, Checker, Ecosystem, FetchedFile, LockedFile, LockedFileSource, OFFER_VERSION, Opener, Target,
    cargo_download_url, cargo_index_config_url, ecosystem_of, offer, read_lock,
};
use serde::{Deserialize, Serialize};

use crate::copy::check_out;
use crate::downloads;
use crate::event::{Downloads, Event};
use crate::git::{GitCommit, commit_tree};
use crate::sources::Sources;
use crate::workers::each;
use crate::{RealiseError, VendorError};

/// Where the files are in the sandbox, without a leading slash.
const PLACE: &str = "invar/vendor";

/// The longest lock that is read, in bytes.
const LONGEST_LOCK: u64 = 64 << 20;

/// The largest package that is read into memory, since its lock gives another digest than sha256.
const LARGEST: u64 = 1 << 30;

/// How many downloads are under way at once.
const DOWNLOADS: usize = 8;

/// A build that uses the files of other tools' locks.
pub struct Consumer<'a> {
    /// What it is built for.
    pub platform: Platform,
    /// What wheels must fit; `None` if the image has no Python.
    pub python: Option<invar_python::Target>,
    /// Python package indexes that the project's own lock names.
    pub indexes: Vec<AbsoluteUrl>,
    /// Whether the build has a tool that can use files of an ecosystem.
    pub can_use: &'a (dyn Fn(Ecosystem) -> bool + Sync),
}

/// The files for one build.
pub struct Vendored {
    /// Where they are laid out.
    pub checkout: Checkout,
    /// Variables that make the tools find them.
    pub environment: BTreeMap<String, String>,
}

/// A file that a lock names, in the store.
struct Got {
    needed: LockedFile,
    name: String,
    digest: Digest,
}

/// What the store remembers of a file whose lock gives another digest than sha256, or of where cargo's files are.
#[derive(Serialize, Deserialize)]
struct Remembered {
    digest: Digest,
}

impl Vendored {
    /// What the locks among the files of `tree` need, as far as `consumer` can use it; `None` where there are none. `inside`
    /// is the folder that is built, empty for all of them.
    ///
    /// # Errors
    /// [`RealiseError::Vendor`], and what fetching says.
    pub fn of(
        sources: &Sources<'_>,
        consumer: &Consumer<'_>,
        tree: &Tree,
        contents: &dyn Contents,
        inside: &str,
    ) -> Result<Option<Self>, RealiseError> {
        let target = Target { machine: consumer.platform.machine() };
        let mut all: BTreeMap<Ecosystem, Vec<LockedFile>> = BTreeMap::new();
        for (path, entry) in tree.iter().filter(|(_, entry)| !entry.is_directory()) {
            let may_be = ecosystem_of(path.as_str(), "--hash=sha256:");
            let is_candidate = may_be.is_some_and(|ecosystem| (consumer.can_use)(ecosystem));
            let is_inside = inside.is_empty() || path.is_within(inside) || !path.as_str().contains('/');
            if !is_candidate || !is_inside || !matches!(entry.node, invar_tree::Node::File { .. }) {
                continue;
            }
            let mut text = String::new();
            let opened =
                contents.open(path).and_then(|file| file.take(LONGEST_LOCK).read_to_string(&mut text));
            let place = || Path::new(path.as_str()).to_owned();
            opened.map_err(|source| RealiseError::Read { path: place(), source })?;
            let Some(ecosystem) = ecosystem_of(path.as_str(), &text) else { continue };
            let more = read_lock(ecosystem, &text, &target)
                .map_err(|source| VendorError::Lock { file: path.to_string(), source: Box::new(source) })?;
            all.entry(ecosystem).or_default().extend(more);
        }
        if all.values().all(Vec::is_empty) {
            return Ok(None);
        }
        let mut got: BTreeMap<Ecosystem, Vec<Got>> = BTreeMap::new();
        for (ecosystem, mut wanted) in all {
            wanted.sort();
            wanted.dedup();
            let files = fetch_all(sources, consumer, wanted)?;
            got.insert(ecosystem, files);
        }
        let place = ImagePath::parse(PLACE).expect("it is a relative path");
        let (checkout_key, variables_key) =
            (VendoredFiles(&got).key(), VendoredVariables(VendoredFiles(&got)).key());
        let store = &sources.store;
        let mut environment: BTreeMap<String, String> = BTreeMap::new();
        let remembered: Option<BTreeMap<String, String>> = store.result(&variables_key)?;
        let checkout = match (store.checkout(&checkout_key)?, remembered) {
            (Some(checkout), Some(remembered)) => {
                environment = remembered;
                checkout
            }
            _ => {
                let made = check_out(store, &checkout_key, |sink| -> Result<(), RealiseError> {
                    for (ecosystem, files) in &got {
                        let fetched: Result<Vec<FetchedFile<'_>>, RealiseError> = files
                            .iter()
                            .map(|got| {
                                Ok(FetchedFile::new(&got.needed, opening(sources, got)).named(&got.name))
                            })
                            .collect();
                        let offered = offer(*ecosystem, &fetched?, &place, sink).map_err(|source| {
                            VendorError::Lock { file: ecosystem.to_string(), source: Box::new(source) }
                        })?;
                        environment.extend(offered.environment);
                    }
                    Ok(())
                })?;
                store.put_result(&variables_key, &environment)?;
                made
            }
        };
        Ok(Some(Self { checkout, environment }))
    }
}

/// Fetched files, laid out for the tools of each ecosystem.
struct VendoredFiles<'a>(&'a BTreeMap<Ecosystem, Vec<Got>>);

impl Keyed for VendoredFiles<'_> {
    const DOMAIN: &'static str = "vendored";
    const VERSION: u32 = OFFER_VERSION;

    fn encode(&self, writer: &mut KeyWriter) {
        writer.list(self.0, |writer, (ecosystem, files)| {
            writer.variant(match ecosystem {
                Ecosystem::Npm => 0,
                Ecosystem::Cargo => 1,
                Ecosystem::Pip => 2,
            });
            writer.list(files, |writer, got| {
                writer.digest(&got.digest);
                writer.text(&got.name);
            });
        });
    }
}

/// The variables that make the tools find them.
struct VendoredVariables<'a>(VendoredFiles<'a>);

impl Keyed for VendoredVariables<'_> {
    const DOMAIN: &'static str = "vendored-variables";
    const VERSION: u32 = 1;

    fn encode(&self, writer: &mut KeyWriter) {
        writer.keyed(&self.0);
    }
}

/// Which file has the digest that a lock gives, where that is not its sha256.
struct CheckedFile<'a>(Option<&'a Check>);

impl Keyed for CheckedFile<'_> {
    const DOMAIN: &'static str = "checked-file";
    const VERSION: u32 = 1;

    fn encode(&self, writer: &mut KeyWriter) {
        writer.optional(self.0, |writer, check| writer.text(&check.integrity()));
    }
}

/// The name that an index gives to the file with a digest.
struct IndexFileName<'a>(&'a Digest);

impl Keyed for IndexFileName<'_> {
    const DOMAIN: &'static str = "index-file";
    const VERSION: u32 = 1;

    fn encode(&self, writer: &mut KeyWriter) {
        writer.digest(self.0);
    }
}

/// A fetched file, from its beginning.
fn opening<'a>(sources: &'a Sources<'_>, got: &Got) -> Opener<'a> {
    let store = &sources.store;
    let digest = got.digest;
    if let LockedFileSource::Git { commit, .. } = &got.needed.source {
        // Its files are a tree in the store, and the tree's segment is a tar archive except for its end.
        let key = GitCommit(commit).key();
        return Box::new(move || {
            let lost = || std::io::Error::other("the commit is no longer in the store");
            let tree = store.tree(&key).ok().flatten().ok_or_else(lost)?;
            let segment: Chain<File, &[u8]> = File::open(tree.segment_path())?.chain(&END_OF_ARCHIVE[..]);
            Ok(Box::new(segment) as Box<dyn Read>)
        });
    }
    Box::new(move || {
        let (file, _) = store.open_blob(&digest).map_err(std::io::Error::other)?;
        Ok(Box::new(file) as Box<dyn Read>)
    })
}

/// Fetches all of `wanted`, many at once; the results are in the order of the requests.
fn fetch_all(
    sources: &Sources<'_>,
    consumer: &Consumer<'_>,
    wanted: Vec<LockedFile>,
) -> Result<Vec<Got>, RealiseError> {
    let addresses =
        Addresses { sources, consumer, cargo: Mutex::new(BTreeMap::new()), npm: Mutex::new(None) };
    Ok(each(DOWNLOADS, &wanted, |one| addresses.fetch(one))?.into_iter().flatten().collect())
}

struct Addresses<'a> {
    sources: &'a Sources<'a>,
    consumer: &'a Consumer<'a>,
    /// Where an index has its files, by the lock's name for the index.
    cargo: Mutex<BTreeMap<String, String>>,
    npm: Mutex<Option<String>>,
}

impl Addresses<'_> {
    fn fetch(&self, needed: &LockedFile) -> Result<Vec<Got>, RealiseError> {
        let sources = self.sources;
        let store = &sources.store;
        let label = needed.label();
        let got = |digest: Digest, name: &str| Got { needed: needed.clone(), name: name.to_owned(), digest };
        if needed.ecosystem() == Ecosystem::Pip && matches!(needed.source, LockedFileSource::PythonIndex) {
            return self.fetch_pip(needed);
        }
        if let LockedFileSource::Git { url, commit } = &needed.source {
            let tree = commit_tree(sources, url, commit, None)?;
            return Ok(vec![got(tree.segment_digest(), &needed.file_name)]);
        }
        let sha256 = needed.checks.iter().find_map(|check| match check {
            Check::Sha256(digest) => Some(*digest),
            _ => None,
        });
        if let Some(digest) = sha256 {
            if !downloads::is_here(sources, &digest)? {
                let request = Request { label, urls: self.urls(needed)?, digest, size: None };
                sources.fetcher.fetch(store, &request, &Downloads(sources.reporter))?;
            }
            return Ok(vec![got(digest, &needed.file_name)]);
        }
        // Another algorithm: the store knows files by sha256, and remembers which file this is.
        let strongest = needed.checks.iter().max_by_key(|check| check.strength());
        let key = CheckedFile(strongest).key();
        if let Some(Remembered { digest }) = downloads::remembered(sources, &key)?
            && downloads::is_here(sources, &digest)?
        {
            return Ok(vec![got(digest, &needed.file_name)]);
        }
        let fetched = sources.fetcher.get(&self.urls(needed)?, LARGEST, &Downloads(sources.reporter))?;
        let mut checker = Checker::new(needed);
        std::io::Write::write_all(&mut checker, &fetched.bytes).map_err(RealiseError::Write)?;
        checker.finish().map_err(|source| VendorError::Lock {
            file: label,
            source: Box::new(invar_vendor::VendorError::from(source)),
        })?;
        let mut writer = store.blob_writer()?;
        std::io::Write::write_all(&mut writer, &fetched.bytes).map_err(RealiseError::Write)?;
        let (digest, _) = writer.commit()?;
        store.put_result(&key, &Remembered { digest })?;
        Ok(vec![got(digest, &needed.file_name)])
    }

    /// pip's files are looked up in an index: the requirement names the version and the digests of all its files.
    fn fetch_pip(&self, needed: &LockedFile) -> Result<Vec<Got>, RealiseError> {
        let sources = self.sources;
        let mut in_store: Vec<(String, Digest)> = Vec::new();
        for digest in &needed.any_of {
            let key = IndexFileName(digest).key();
            if downloads::is_here(sources, digest)?
                && let Some(name) = downloads::remembered(sources, &key)?
            {
                in_store.push((name, *digest));
            }
        }
        let got = |name: String, digest| Got { needed: needed.clone(), name, digest };
        if !in_store.is_empty() {
            return Ok(in_store.into_iter().map(|(name, digest)| got(name, digest)).collect());
        }
        let nowhere = || VendorError::NoPipFile { requirement: needed.label() };
        let name: DistributionName = needed.name.parse().map_err(|_| nowhere())?;
        let found = sources.upstreams.python_indexes.files(
            &sources.fetcher,
            sources.reporter,
            &self.consumer.indexes,
            &name,
            &needed.any_of,
        )?;
        let target = self.consumer.python.as_ref();
        let fits = |name: &str| {
            let wheel: Option<WheelFilename> = name.parse().ok();
            wheel.is_some_and(|wheel| target.is_none_or(|target| wheel.fits(target)))
        };
        // Source archives are of no use where a wheel fits, and of some where none does.
        let mut wanted: Vec<_> = found.iter().filter(|(name, ..)| fits(name)).cloned().collect();
        if wanted.is_empty() {
            wanted = found.into_iter().filter(|(name, ..)| !name.ends_with(".whl")).collect();
        }
        if wanted.is_empty() {
            return Err(nowhere().into());
        }
        let mut all = Vec::new();
        for (name, url, digest) in wanted {
            let request = Request { label: name.clone(), urls: vec![url], digest, size: None };
            sources.fetcher.fetch(&sources.store, &request, &Downloads(sources.reporter))?;
            sources.store.put_result(&IndexFileName(&digest).key(), &name)?;
            all.push(got(name, digest));
        }
        Ok(all)
    }

    fn urls(&self, needed: &LockedFile) -> Result<Vec<String>, RealiseError> {
        if let (Ecosystem::Cargo, LockedFileSource::Registry { index }) = (needed.ecosystem(), &needed.source)
        {
            let dl = self.cargo_files(index)?;
            let checksum = needed.checks.first().map(Check::hex).unwrap_or_default();
            return Ok(vec![cargo_download_url(&dl, &needed.name, &needed.version, &checksum)]);
        }
        let registries = invar_vendor::Registries { npm: self.npm(needed), ..Default::default() };
        let urls = invar_vendor::urls(needed, &registries);
        if urls.is_empty() {
            return Err(VendorError::NoRegistry { file: needed.label() }.into());
        }
        Ok(urls)
    }

    /// npm's registry: this machine's setting, or what npm says that its own is.
    fn npm(&self, needed: &LockedFile) -> Option<String> {
        let sources = self.sources;
        if sources.upstreams.registries.npm.is_some()
            || !matches!(needed.source, LockedFileSource::Registry { .. })
        {
            return sources.upstreams.registries.npm.clone();
        }
        let mut known = self.npm.lock().unwrap_or_else(PoisonError::into_inner);
        if known.is_none() {
            let asked = std::process::Command::new(&sources.upstreams.npm)
                .args(["config", "get", "registry"])
                .stdin(std::process::Stdio::null())
                .output();
            *known = asked
                .ok()
                .filter(|output| output.status.success())
                .and_then(|output| String::from_utf8(output.stdout).ok())
                .map(|text| text.trim().to_owned())
                .filter(|text| text.starts_with("http"));
        }
        known.clone()
    }

    /// Where the index that a lock calls `source` has its files: `dl` in its `config.json`
    /// (the Cargo book, "Registry index").
    fn cargo_files(&self, source: &str) -> Result<String, RealiseError> {
        #[derive(Deserialize)]
        struct Config {
            dl: String,
        }
        let sources = self.sources;
        let mut known = self.cargo.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(dl) = known.get(source) {
            return Ok(dl.clone());
        }
        let asked = sources.upstreams.registries.cargo_index.as_deref().unwrap_or(source);
        let no_registry = || VendorError::NoRegistry { file: format!("the crates of {source}") };
        let url = cargo_index_config_url(asked).ok_or_else(no_registry)?;
        let fetched = sources.fetcher.get(&[url], 1 << 20, &Downloads(sources.reporter))?;
        let config: Config = serde_json::from_slice(&fetched.bytes).map_err(|_| no_registry())?;
        sources.reporter.event(&Event::DownloadFinished { label: source });
        known.insert(source.to_owned(), config.dl.clone());
        Ok(config.dl)
    }
}

#[cfg(test)]
mod keys {
    use super::*;

    const CHANGED: &str = "if this is intended, raise the VERSION of the domain and pin the new key";

    #[test]
    fn the_keys_are_pinned() {
        let text = format!("tini==1 --hash={}\n", Digest::of(b"file"));
        let target = Target { machine: invar_tree::Machine::X86_64 };
        let needed = read_lock(Ecosystem::Pip, &text, &target).unwrap().remove(0);
        let got = Got { needed, name: "tini-1.tar.gz".to_owned(), digest: Digest::of(b"file") };
        let files = BTreeMap::from([(Ecosystem::Npm, vec![]), (Ecosystem::Pip, vec![got])]);
        let check = Check::Sha1([7; 20]);
        assert_eq!(
            VendoredFiles(&files).describe(),
            "vendored 1 f28c55251fe435e647983dc57562fbff6b7c47b331c4ee7cd75076c8536e4a7d",
            "{CHANGED}"
        );
        assert_eq!(
            VendoredVariables(VendoredFiles(&files)).describe(),
            "vendored-variables 1 a377d27e1fd94671fb8eb2da9123972b08bbd22f8809c8e750b0731f9f4c7c18",
            "{CHANGED}"
        );
        assert_eq!(
            CheckedFile(Some(&check)).describe(),
            "checked-file 1 1195a8d125668211e4bfe134f43ecf5e7c332a771b9f5c587fa169db376aff69",
            "{CHANGED}"
        );
        assert_eq!(
            IndexFileName(&Digest::of(b"file")).describe(),
            "index-file 1 e1e476493b77f2f029f00b84d1035de80b0f16523ba5496b89d3ef141127ed03",
            "{CHANGED}"
        );
    }
}
