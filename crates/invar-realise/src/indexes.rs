//! The archives' signed indexes: what each suite has, checked from the signature down.
use std::io::{BufReader, Write as _};

use invar_apt::{
    ArchivePath, IndexError, Keyring, PackageIndex, Release, ReleaseFile, VerifiedRelease, verify_in_release,
};
use invar_debian::{Architecture, ParagraphError};
use invar_fetch::{FetchError, Request};
use invar_formats::Compression;
use invar_formats::spelling::nearest;
use invar_project::Timestamp;

use crate::event::Downloads;
use crate::mirrors::Archive;
use crate::sources::Sources;
use crate::workers::each;
use crate::{RealiseError, SuiteError};

/// No `InRelease` file is longer; Debian's have about 150 kB.
pub const LONGEST_RELEASE: u64 = 8 << 20;

/// The time as of which the archives are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AsOf {
    /// As they are now: so many seconds after 1970-01-01T00:00:00Z.
    Now(i64),
    /// As the snapshot service has kept them.
    Snapshot(Timestamp),
}

impl AsOf {
    fn seconds(self) -> i64 {
        match self {
            Self::Now(seconds) => seconds,
            Self::Snapshot(time) => i64::try_from(time.unix()).unwrap_or(i64::MAX),
        }
    }
}

/// A suite whose signature has been checked.
pub struct Suite {
    /// Its name, such as `trixie-security`.
    pub name: String,
    /// Where its `InRelease` came from.
    pub url: String,
    /// What it says.
    pub verified: VerifiedRelease,
}

/// The suites that make up the release `codename`: Debian's releases have updates and security suites, its rolling
/// ones have not.
fn parts(codename: &str) -> Vec<String> {
    match codename {
        "sid" | "experimental" => vec![codename.to_owned()],
        _ => vec![codename.to_owned(), format!("{codename}-updates"), format!("{codename}-security")],
    }
}

/// A time as the snapshot service writes it: `20260912T093357Z`.
pub fn snapshot_time(time: Timestamp) -> String {
    time.to_string().replace(['-', ':'], "")
}

/// The moments at which the snapshot service has what a suite of the date `date` lists.
///
/// The service keeps the state after each update of an archive, under the time of its own visit, and answers a
/// request for any time with the last state before it. The state that a Release file of one date belongs to is thus
/// found some hours after that date, and files that have left the archive by then, at the date itself.
pub fn snapshot_times(date: Timestamp) -> Vec<String> {
    const DAY: u64 = 86_400;
    let later = Timestamp::from_unix(date.unix() + DAY).unwrap_or(date);
    vec![snapshot_time(later), snapshot_time(date)]
}

/// Downloads and checks the `InRelease` files of `codename`.
///
/// Signatures are judged at the time of `as_of` too.
///
/// # Errors
/// [`RealiseError::Fetch`], [`RealiseError::Suite`].
pub fn suites(
    sources: &Sources<'_>,
    codename: &str,
    keyring: &Keyring,
    as_of: AsOf,
) -> Result<Vec<Suite>, RealiseError> {
    let suite = |name: String| -> Result<Suite, RealiseError> {
        let (archive, file) = (Archive::of_suite(&name), format!("dists/{name}/InRelease"));
        let urls = release_urls(sources, archive, &file, as_of);
        let fetched = sources.fetcher.get(&urls, LONGEST_RELEASE, &Downloads(sources.reporter));
        let fetched = fetched.map_err(|error| no_suite(&name, error))?;
        let url = fetched.url;
        let verified = verify_in_release(&fetched.bytes, keyring, as_of.seconds()).map_err(|source| {
            SuiteError::Untrusted { suite: name.clone(), url: url.clone(), source: Box::new(source) }
        })?;
        let Release { suite, codename, .. } = &verified.release;
        let named = |value: &Option<_>| {
            value.as_ref().is_some_and(|value: &invar_apt::ArchivePath| value.as_str() == name)
        };
        if !named(suite) && !named(codename) {
            let found = codename.as_ref().or(suite.as_ref()).map_or("nothing", |name| name.as_str());
            let problem = format!("is the suite {found} instead");
            return Err(SuiteError::Unexpected { suite: name, url, problem }.into());
        }
        // A failed build may have to ask which package has a file, when the mirror has long had another state.
        let mut writer = sources.store.blob_writer()?;
        writer.write_all(&fetched.bytes).map_err(RealiseError::Write)?;
        writer.commit()?;
        Ok(Suite { name, url, verified })
    };
    let names = parts(codename);
    each(names.len(), &names, |name| suite(name.clone()))
}

/// The releases of Debian that mirrors have, the development suites, and those on the way out.
const KNOWN: [&str; 7] = ["bullseye", "bookworm", "trixie", "forky", "duke", "sid", "experimental"];

/// Where the first mirror answered that it has no such suite, the name is the fault and not the network.
fn no_suite(suite: &str, error: FetchError) -> RealiseError {
    let codename = suite.split('-').next().unwrap_or(suite);
    match &error {
        FetchError::Exhausted { failures, .. }
            if failures.first().is_some_and(|failed| failed.failure.is_absent())
                && !KNOWN.contains(&codename) =>
        {
            let nearest = nearest(codename, KNOWN).map(str::to_owned);
            SuiteError::NoSuite { suite: suite.to_owned(), url: failures[0].url.clone(), nearest }.into()
        }
        _ => error.into(),
    }
}

fn release_urls(sources: &Sources<'_>, archive: Archive, file: &str, as_of: AsOf) -> Vec<String> {
    match as_of {
        AsOf::Snapshot(time) => {
            sources.upstreams.mirrors.snapshot_urls(archive, file, &[snapshot_time(time)])
        }
        AsOf::Now(seconds) => {
            let now = u64::try_from(seconds).ok().and_then(Timestamp::from_unix);
            let times: Vec<String> = now.into_iter().map(snapshot_time).collect();
            sources.upstreams.mirrors.urls(archive, file, &times)
        }
    }
}

/// All packages that `suites` have for `architecture`.
///
/// # Errors
/// [`RealiseError::Fetch`], [`RealiseError::Suite`].
pub fn packages(
    sources: &Sources<'_>,
    suites: &[Suite],
    architecture: &Architecture,
    as_of: AsOf,
) -> Result<PackageIndex, RealiseError> {
    let files = each(suites.len(), suites, |suite| fetch_index(sources, suite, architecture, as_of))?;
    let mut index = PackageIndex::new(architecture.clone());
    for (number, (suite, (digest, compression))) in suites.iter().zip(files).enumerate() {
        let (file, _) = sources.store.open_blob(&digest)?;
        let added = compression
            .decode(BufReader::new(file))
            .map_err(|source| IndexError::from(ParagraphError::Read { line: 0, source }))
            .and_then(|reader| index.add(number, BufReader::with_capacity(256 * 1024, reader)));
        added.map_err(|source| SuiteError::Index { suite: suite.name.clone(), source: Box::new(source) })?;
    }
    Ok(index)
}

/// What `release` says of the index at `plain`, in the compression that makes the smallest file.
pub fn listed(release: &Release, plain: &str) -> Option<(ReleaseFile, ArchivePath, Compression)> {
    let compressions = [(".xz", Compression::Xz), (".gz", Compression::Gzip), ("", Compression::None)];
    compressions.into_iter().find_map(|(ending, compression)| {
        let path: ArchivePath = format!("{plain}{ending}").parse().ok()?;
        Some((*release.file(path.as_str())?, path, compression))
    })
}

fn fetch_index(
    sources: &Sources<'_>,
    suite: &Suite,
    architecture: &Architecture,
    as_of: AsOf,
) -> Result<(invar_tree::Digest, Compression), RealiseError> {
    let release = &suite.verified.release;
    let plain = Release::packages_path("main", architecture)
        .expect("a component and an architecture are parts of a path")
        .to_string();
    let found = listed(release, &plain);
    let Some((file, path, compression)) = found else {
        let problem = format!("has no packages for {architecture}");
        return Err(
            SuiteError::Unexpected { suite: suite.name.clone(), url: suite.url.clone(), problem }.into()
        );
    };
    if !sources.store.has_blob(&file.digest) {
        // The mirror that gave the Release file first: another may be at another state.
        let base = suite.url.trim_end_matches("/InRelease");
        let by_hash = release.by_hash(&path);
        let mut urls: Vec<String> = by_hash.iter().map(|path| format!("{base}/{path}")).collect();
        urls.push(format!("{base}/{path}"));
        let archive = Archive::of_suite(&suite.name);
        let times: Vec<String> = match as_of {
            AsOf::Snapshot(time) => vec![snapshot_time(time)],
            AsOf::Now(_) => u64::try_from(release.date)
                .ok()
                .and_then(Timestamp::from_unix)
                .map(snapshot_times)
                .unwrap_or_default(),
        };
        urls.extend(sources.upstreams.mirrors.snapshot_urls(
            archive,
            &format!("dists/{}/{path}", suite.name),
            &times,
        ));
        let label = format!("packages of {} ({architecture})", suite.name);
        let request = Request { label, urls, digest: file.digest, size: Some(file.size) };
        sources.fetcher.fetch(&sources.store, &request, &Downloads(sources.reporter))?;
    }
    Ok((file.digest, compression))
}
