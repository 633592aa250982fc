//! Where wheels are downloaded from: from where `uv.lock` says, and from other indexes that have the same file.
//!
//! An index is a "simple repository" (PEP 503, PEP 691): below its base URL it has a page for each distribution, which
//! lists the distribution's files. A file is looked up by its name; whether it is the right one, its hash in `uv.lock`
//! decides, so that an index can fail to have a file but never change an image.
//!
//! In this order: the indexes that someone names for Invar (on the command line, in an environment variable, in the
//! manifest), the URL in `uv.lock`, and the indexes that uv and pip use on this machine. The last are asked only where
//! all others failed: that uv knows an index does not mean that the project's lock has gone out of date.
mod page;
mod settings;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use invar_fetch::{Failure, FetchError, Fetcher, UrlFailure};
use invar_project::AbsoluteUrl;
use invar_python::{DirectUrl, DistributionName, Location};
use invar_tree::Digest;
use page::Page;

use crate::event::{Downloads, Reporter};

/// No page is longer. Those of projects with a release each night have about 10 MB.
const LONGEST_PAGE: u64 = 32 << 20;

/// The Python package indexes that have wheels other than the places that `uv.lock` names.
#[derive(Debug)]
pub struct PythonIndexes {
    /// Asked before the lock's URL.
    pub(crate) named: Vec<AbsoluteUrl>,
    /// Asked where the lock's URL failed.
    pub(crate) settings: Vec<AbsoluteUrl>,
    /// The pages that were read, by their URL.
    pages: Mutex<BTreeMap<String, Arc<Page>>>,
    /// The indexes that gave no answer, by their base URL: each attempt to reach them takes long.
    silent: Mutex<BTreeMap<AbsoluteUrl, Failure>>,
}

impl PythonIndexes {
    /// No index: wheels come from where `uv.lock` says.
    pub fn none() -> Self {
        Self {
            named: Vec::new(),
            settings: Vec::new(),
            pages: Mutex::new(BTreeMap::new()),
            silent: Mutex::new(BTreeMap::new()),
        }
    }

    /// Adds an index that someone has named for Invar. It is asked before the URL in `uv.lock`, and after those that
    /// were named before it.
    pub fn name(&mut self, index: AbsoluteUrl) {
        if !self.named.contains(&index) {
            self.named.push(index);
        }
    }

    /// Adds the index that uv uses on this machine: the first of `urls` (from environment variables) and of those in
    /// `files` (`uv.toml`, the user's before the system's).
    ///
    /// What cannot be read is passed over: uv's settings are a convenience here, and every byte that comes from the
    /// index is checked. Names and passwords in the URL are dropped.
    pub fn add_uv(&mut self, urls: &[String], files: &[PathBuf]) {
        self.add_setting(urls, files, settings::in_uv_toml);
    }

    /// Adds the index that pip uses on this machine, like [`add_uv`](Self::add_uv); `files` are named `pip.conf`.
    pub fn add_pip(&mut self, urls: &[String], files: &[PathBuf]) {
        self.add_setting(urls, files, settings::in_pip_conf);
    }

    fn add_setting(&mut self, urls: &[String], files: &[PathBuf], read: fn(&str) -> Option<String>) {
        let of_file = |path: &PathBuf| read(&std::fs::read_to_string(path).ok()?);
        // Only the first: who sets another index for a user does not want the system's to be asked.
        let url = urls.first().cloned().or_else(|| files.iter().find_map(of_file));
        if let Some(index) = url.and_then(|url| settings::index(&url))
            && !self.settings.contains(&index)
        {
            self.settings.push(index);
        }
    }

    /// The URL at which `index` has the file `wanted`.
    pub(crate) fn find(
        &self,
        fetcher: &Fetcher,
        reporter: &dyn Reporter,
        index: &AbsoluteUrl,
        wanted: IndexFile<'_>,
    ) -> Result<String, FetchError> {
        let (url, page) = self.page(fetcher, reporter, index, wanted.name)?;
        page.find(wanted.file).map_err(|failure| failed(&url, failure))
    }

    /// The files of `name` that have one of `digests`, in the first index that has any: their names, URLs and digests.
    /// `more` are indexes to ask in addition to those that this machine knows.
    ///
    /// # Errors
    /// [`FetchError`] where no index could be asked.
    pub(crate) fn files(
        &self,
        fetcher: &Fetcher,
        reporter: &dyn Reporter,
        more: &[AbsoluteUrl],
        name: &DistributionName,
        digests: &[Digest],
    ) -> Result<Vec<(String, String, Digest)>, FetchError> {
        let mut failure = None;
        for index in self.named.iter().chain(more).chain(&self.settings) {
            match self.page(fetcher, reporter, index, name) {
                Ok((_, page)) => {
                    let found = page.with_digests(digests);
                    if !found.is_empty() {
                        return Ok(found);
                    }
                }
                Err(error) => {
                    failure.get_or_insert(error);
                }
            }
        }
        failure.map_or(Ok(Vec::new()), Err)
    }

    /// The page that `index` has for `name`, and its URL.
    fn page(
        &self,
        fetcher: &Fetcher,
        reporter: &dyn Reporter,
        index: &AbsoluteUrl,
        name: &DistributionName,
    ) -> Result<(String, Arc<Page>), FetchError> {
        let url = format!("{index}/{name}/");
        let known = lock(&self.pages).get(&url).cloned();
        let page = match known {
            Some(page) => page,
            None => {
                if let Some(failure) = lock(&self.silent).get(index).and_then(again) {
                    return Err(failed(&url, failure));
                }
                let page = match fetcher.get(std::slice::from_ref(&url), LONGEST_PAGE, &Downloads(reporter)) {
                    Ok(fetched) => {
                        Page::parse(&url, &fetched.bytes).map_err(|failure| failed(&url, failure))?
                    }
                    Err(error) => {
                        self.remember(index, &error);
                        return Err(error);
                    }
                };
                let page = Arc::new(page);
                lock(&self.pages).insert(url.clone(), Arc::clone(&page));
                page
            }
        };
        Ok((url, page))
    }

    fn remember(&self, index: &AbsoluteUrl, error: &FetchError) {
        let FetchError::Exhausted { failures, .. } = error else { return };
        if let Some(failure) = failures.iter().find_map(|failed| again(&failed.failure)) {
            lock(&self.silent).insert(index.clone(), failure);
        }
    }
}

fn failed(url: &str, failure: Failure) -> FetchError {
    let failures = vec![UrlFailure { url: url.to_owned(), failure }];
    FetchError::Exhausted { label: url.to_owned(), failures }
}

/// The same failure once more, if it is one of the whole server rather than of one file.
fn again(failure: &Failure) -> Option<Failure> {
    let copy = |error: &io::Error| io::Error::new(error.kind(), error.to_string());
    match failure {
        Failure::Timeout { phase } => Some(Failure::Timeout { phase: phase.clone() }),
        Failure::Unreachable { host, reason } => {
            Some(Failure::Unreachable { host: host.clone(), reason: reason.clone() })
        }
        Failure::Connection { error } => Some(Failure::Connection { error: copy(error) }),
        Failure::Tls { error } => Some(Failure::Tls { error: copy(error) }),
        _ => None,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A file that an index may have.
#[derive(Debug, Clone, Copy)]
pub struct IndexFile<'a> {
    /// The distribution.
    pub name: &'a DistributionName,
    /// The file's name.
    pub file: &'a str,
}

impl<'a> IndexFile<'a> {
    /// The file, unless the lock names it on its own: then it is nobody else's business, not even its name.
    pub fn of(
        name: &'a DistributionName,
        file: &'a str,
        direct: Option<&DirectUrl>,
        location: &Location,
    ) -> Option<Self> {
        (direct.is_none() && matches!(location, Location::Url(_))).then_some(Self { name, file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(folder: &tempfile::TempDir, name: &str, text: &str) -> PathBuf {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    #[track_caller]
    fn check(indexes: &PythonIndexes, named: &[&str], settings: &[&str]) {
        let texts = |urls: &[AbsoluteUrl]| urls.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(texts(&indexes.named), named);
        assert_eq!(texts(&indexes.settings), settings);
    }

    #[test]
    fn each_tool_has_one_index() {
        let folder = tempfile::tempdir().unwrap();
        let users = file(&folder, "user.toml", "index-url = \"https://user.example/simple/\"\n");
        let systems = file(&folder, "system.toml", "index-url = \"https://system.example/simple\"\n");
        let pip = file(&folder, "pip.conf", "[global]\nindex-url = http://pip.example/simple\n");
        let none = folder.path().join("none");

        let mut indexes = PythonIndexes::none();
        check(&indexes, &[], &[]);
        indexes.add_uv(&[], &[none.clone(), users.clone(), systems.clone()]);
        indexes.add_pip(&[], &[none.clone(), pip.clone()]);
        check(&indexes, &[], &["https://user.example/simple", "http://pip.example/simple"]);

        let mut indexes = PythonIndexes::none();
        indexes.add_uv(&["https://variable.example/simple".into(), "https://old.example/".into()], &[users]);
        indexes.add_pip(&["https://variable.example/simple/".into()], &[pip]);
        check(&indexes, &[], &["https://variable.example/simple"]);

        // A folder of wheels is no index that can be asked, and the system's is not the one that the user wants.
        let mut indexes = PythonIndexes::none();
        indexes.add_uv(&["file:///srv/wheels".into()], &[systems]);
        indexes.add_pip(&[], &[none, folder.path().to_owned()]);
        check(&indexes, &[], &[]);
    }

    #[test]
    fn named_indexes_keep_their_order() {
        let mut indexes = PythonIndexes::none();
        for url in ["https://b.example/simple", "https://a.example/simple/", "https://b.example/simple/"] {
            indexes.name(url.parse().unwrap());
        }
        check(&indexes, &["https://b.example/simple", "https://a.example/simple"], &[]);
    }

    #[test]
    fn only_a_server_that_is_silent_is_not_asked_again() {
        let error = || io::Error::new(io::ErrorKind::ConnectionRefused, "refused");
        assert!(again(&Failure::Timeout { phase: "connect".into() }).is_some());
        assert!(again(&Failure::Connection { error: error() }).unwrap().to_string().contains("refused"));
        assert!(again(&Failure::Tls { error: error() }).is_some());
        assert!(again(&Failure::Absent { status: 404 }).is_none());
        assert!(again(&Failure::TooLong { limit: 1 }).is_none());
    }
}
