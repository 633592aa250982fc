//! Which package of the locked suite has a file: the archive's index of files, found from the `InRelease` that the lock
//! names and kept in the store.
use std::cmp::Reverse;
use std::fs::File;
use std::io::{BufReader, Read as _};
use std::sync::atomic::{AtomicBool, Ordering};

use invar_apt::{ContentsEntry, Release, locked_release, search_contents};
use invar_debian::PackageName;
use invar_fetch::Request;
use invar_project::{LockedSuite, SuiteName};
use invar_realise::{Archive, LONGEST_RELEASE, checked_blob, listed};

use super::missing::Missing;
use crate::context::BuildContext;

/// The largest compressed index that is fetched, in bytes; Debian's have less than 50 MB.
const LARGEST: u64 = 256 << 20;

/// How many packages are named for one file.
const MOST: usize = 3;

/// The packages that have each of `missing`, the best first. `None` where the index cannot be had: who calls this has
/// something more important to say.
pub(super) fn look_up(context: &BuildContext<'_>, missing: &[&Missing]) -> Option<Vec<Vec<PackageName>>> {
    let lock = context.lock;
    // Updates bring new versions, and hardly ever new files.
    let (name, suite) = lock.suites.iter().find(|(name, _)| !name.is_part())?;
    let release = release(context, name, suite)?;
    let mut found: Vec<Vec<PackageName>> = vec![Vec::new(); missing.len()];
    // Packages for all architectures have an index of their own, which is larger.
    for architecture in [context.platform.debian_architecture().as_str(), "all"] {
        if let Some(entries) = search(context, name, &release, architecture, missing) {
            for (found, missing) in found.iter_mut().zip(missing).filter(|(found, _)| found.is_empty()) {
                *found = best(missing, &entries);
            }
        }
        if found.iter().all(|packages| !packages.is_empty()) {
            break;
        }
    }
    Some(found)
}

/// What the `InRelease` says that the lock names.
fn release(context: &BuildContext<'_>, name: &SuiteName, suite: &LockedSuite) -> Option<Release> {
    let sources = context.sources;
    let archive = Archive::of_suite(name.as_str());
    let file = format!("dists/{name}/InRelease");
    let urls = sources.upstreams.mirrors.urls(archive, &file, &context.times(name.as_str()));
    let request = Request { label: format!("InRelease of {name}"), urls, digest: suite.sha256, size: None };
    let file = fetched(context, &request)?;
    let mut bytes = Vec::new();
    file.take(LONGEST_RELEASE).read_to_end(&mut bytes).ok()?;
    locked_release(&bytes).ok()
}

/// The files of one architecture that may be one of `missing`.
fn search(
    context: &BuildContext<'_>,
    name: &SuiteName,
    release: &Release,
    architecture: &str,
    missing: &[&Missing],
) -> Option<Vec<ContentsEntry>> {
    let sources = context.sources;
    let plain = Release::contents_path("main", architecture).ok()?;
    let (file, path, compression) = listed(release, plain.as_str())?;
    if file.size > LARGEST {
        return None;
    }
    let archive = Archive::of_suite(name.as_str());
    // By its digest first: the mirror may be at a later state than the lock.
    let places = release.by_hash(&path).into_iter().map(|path| path.to_string());
    let mut urls = Vec::new();
    for place in places {
        urls.extend(sources.upstreams.mirrors.urls(archive, &format!("dists/{name}/{place}"), &[]));
    }
    urls.extend(sources.upstreams.mirrors.urls(
        archive,
        &format!("dists/{name}/{path}"),
        &context.times(name.as_str()),
    ));
    let label = format!("index of files of {name} ({architecture})");
    let request = Request { label, urls, digest: file.digest, size: Some(file.size) };
    let file = fetched(context, &request)?;
    let reader = BufReader::with_capacity(256 << 10, compression.decode(BufReader::new(file)).ok()?);
    search_contents(reader, |path| missing.iter().any(|missing| missing.rank(path).is_some())).ok()
}

/// The file of `request`, checked. No attempt is repeated, and nothing is said of any: this comes after a failure, and
/// whoever waits for its message must not wait for a network that is not there.
fn fetched(context: &BuildContext<'_>, request: &Request) -> Option<File> {
    let sources = context.sources;
    sources.fetcher.fetch(&sources.store, request, &Once::default()).ok()?;
    let (file, ()) = checked_blob(sources, request, None, || ()).ok()?;
    Some(file)
}

/// Gives up instead of trying again.
#[derive(Default)]
struct Once(AtomicBool);

impl invar_fetch::Observer for Once {
    fn started(&self, _: &str, _: Option<u64>) {}

    fn advanced(&self, _: &str, _: u64) {}

    fn retrying(&self, _: &str, _: &str, _: u32) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn finished(&self, _: &str) {}

    fn cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The packages that have `missing`, the best first.
fn best(missing: &Missing, entries: &[ContentsEntry]) -> Vec<PackageName> {
    let mut ranked: Vec<_> = entries
        .iter()
        .filter_map(|entry| {
            let rank = missing.rank(&entry.path)?;
            let for_building = entry.package.as_str().ends_with("-dev");
            // Only areas other than `main` are named before the section.
            let in_main = !entry.section.contains('/');
            let path = &entry.path;
            Some((
                rank,
                Reverse(in_main),
                Reverse(for_building),
                path.len(),
                entry.package.as_str().len(),
                &entry.package,
            ))
        })
        .collect();
    ranked.sort_unstable();
    // Where something is in its proper place, what is elsewhere is of no interest.
    let first = ranked.first().map(|(rank, ..)| *rank);
    let mut packages: Vec<PackageName> = Vec::new();
    for (_, _, _, _, _, package) in ranked.into_iter().filter(|(rank, ..)| Some(*rank) == first) {
        if packages.len() < MOST && !packages.contains(package) {
            packages.push(package.clone());
        }
    }
    packages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn development_packages_of_main_come_first() {
        let entry = |path: &str, section: &str, package: &str| ContentsEntry {
            path: path.to_owned(),
            section: section.to_owned(),
            package: package.parse().expect("it is a name"),
        };
        let entries = [
            entry("usr/include/x86_64-linux-gnu/odd.h", "libdevel", "odd-arch-dev"),
            entry("usr/include/odd.h", "contrib/libdevel", "odd-contrib-dev"),
            entry("usr/include/odd.h", "libs", "odd"),
            entry("usr/include/odd.h", "libdevel", "odd-longer-dev"),
            entry("usr/include/odd.h", "libdevel", "odd-dev"),
            entry("usr/include/odd.h", "libdevel", "odd-dev"),
        ];
        let missing = Missing::Header("odd.h".to_owned());
        let names = best(&missing, &entries);
        let names: Vec<&str> = names.iter().map(PackageName::as_str).collect();
        assert_eq!(names, ["odd-dev", "odd-longer-dev", "odd"]);
        assert_eq!(best(&missing, &entries[..1]).len(), 1);
        assert_eq!(best(&Missing::Program("odd".to_owned()), &entries), []);
    }
}
