use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use invar_formats::url::redacted;
use invar_store::Store;

use crate::attempt::{AttemptError, wait};
use crate::download::Download;
use crate::transport::Transport;
use crate::{Failure, FetchError, Observer, Request, Settings, UrlFailure};

/// The pause between two attempts does not grow beyond this.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Fetches files. One is enough for a program: it keeps connections open for reuse, and any number of threads may
/// use it at once.
#[derive(Debug)]
pub struct Fetcher {
    settings: Settings,
    pub(crate) transport: Transport,
    hosts: Mutex<Hosts>,
}

/// Which hosts have answered so far, and which could not be reached.
///
/// Without a network, each of a hundred files would be tried at each of its addresses again and again. A host that has
/// never been reached is asked twice in all; one that has answered before gets its full number of attempts.
#[derive(Debug, Default)]
struct Hosts {
    reached: BTreeSet<String>,
    /// With the host that was at fault, which may be a proxy, and what the system said.
    unreachable: BTreeMap<String, (String, String)>,
}

/// The part of a URL that names its host: all between the scheme and the path.
fn authority(url: &str) -> &str {
    url.split_once("://").and_then(|(_, rest)| rest.split(['/', '?', '#']).next()).unwrap_or_default()
}

impl Fetcher {
    /// A fetcher that has made no connection yet. A proxy's address that cannot be used is reported by the first
    /// request that needs it.
    pub fn new(settings: Settings) -> Self {
        let transport = Transport::new(&settings);
        Self { settings, transport, hosts: Mutex::default() }
    }

    /// Whether the network may not be used.
    pub fn is_offline(&self) -> bool {
        self.settings.offline
    }

    /// Brings a file into the store, unless it is there.
    ///
    /// Waits while another thread or process fetches the same file into the same store.
    ///
    /// # Errors
    /// [`FetchError`].
    pub fn fetch(&self, store: &Store, request: &Request, observer: &dyn Observer) -> Result<(), FetchError> {
        if store.has_blob(&request.digest) {
            return Ok(());
        }
        let label = &request.label;
        let Some(mut download) = Download::begin(&self.settings, &self.transport, store, request, observer)?
        else {
            return Ok(());
        };
        self.try_each(label, &request.urls, observer, |url| download.try_url(url))?;
        observer.finished(label);
        Ok(())
    }

    /// Tries the addresses in their order until one gives the file.
    pub(crate) fn try_each<T>(
        &self,
        label: &str,
        urls: &[String],
        observer: &dyn Observer,
        mut attempt: impl FnMut(&str) -> Result<T, AttemptError>,
    ) -> Result<T, FetchError> {
        let label = label.to_owned();
        if urls.is_empty() {
            return Err(FetchError::NoUrls { label });
        }
        let mut failures = Vec::new();
        for url in urls {
            match self.repeat(&label, url, observer, || attempt(url)) {
                Ok(outcome) => return Ok(outcome),
                Err(AttemptError::Here(failure)) => failures.push(UrlFailure { url: redacted(url), failure }),
                Err(AttemptError::Store(source)) => return Err(FetchError::Store { label, source }),
                Err(AttemptError::Cancelled) => return Err(FetchError::Cancelled { label }),
            }
        }
        if failures.iter().all(|failed| matches!(failed.failure, Failure::Offline)) {
            return Err(FetchError::Offline { label });
        }
        Err(FetchError::Exhausted { label, failures })
    }

    /// Repeats what fails with trouble that may pass.
    fn repeat<T>(
        &self,
        label: &str,
        url: &str,
        observer: &dyn Observer,
        mut attempt: impl FnMut() -> Result<T, AttemptError>,
    ) -> Result<T, AttemptError> {
        let mut pause = self.settings.backoff;
        let mut repeated = 0;
        let host = authority(url);
        let hosts = || self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if observer.cancelled() {
                return Err(AttemptError::Cancelled);
            }
            if let Some((host, reason)) = hosts().unreachable.get(host).cloned() {
                return Err(Failure::Unreachable { host, reason }.into());
            }
            match attempt() {
                Err(AttemptError::Here(Failure::Unreachable { host: culprit, reason }))
                    if !hosts().reached.contains(host) =>
                {
                    if repeated > 0 || self.settings.retries == 0 {
                        hosts().unreachable.insert(host.to_owned(), (culprit.clone(), reason.clone()));
                        return Err(Failure::Unreachable { host: culprit, reason }.into());
                    }
                    repeated += 1;
                    wait(pause.min(LONGEST_PAUSE), observer)?;
                }
                Err(AttemptError::Here(failure))
                    if failure.is_temporary() && repeated < self.settings.retries =>
                {
                    repeated += 1;
                    observer.retrying(label, &failure.to_string(), repeated + 1);
                    wait(pause.min(LONGEST_PAUSE), observer)?;
                    pause = pause.saturating_mul(2);
                }
                done => {
                    if done.is_ok() || matches!(&done, Err(AttemptError::Here(_))) {
                        hosts().reached.insert(host.to_owned());
                    }
                    return done;
                }
            }
        }
    }
}
