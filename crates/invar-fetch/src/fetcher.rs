use std::time::{Duration, Instant};

use invar_formats::url::redacted;
use invar_store::{Store, StoreError};
use invar_tree::Digest;

use crate::download::Download;
use crate::transport::Transport;
use crate::{Failure, FetchError, Observer, UrlFailure};

/// A file to fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What it is, for people: `libc6 2.41-12 (amd64)`.
    pub label: String,
    /// Where it is, tried in order: `https://…`, `http://…`, `file:///…`, or an absolute path.
    pub urls: Vec<String>,
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes, if it is known. A longer body is cut off.
    pub size: Option<u64>,
}

/// How to fetch. Nothing here can change what is fetched, but everything decides how long that takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How often an attempt at one address is repeated after trouble that may pass.
    pub retries: u32,
    /// The pause before the first repetition; it doubles each time, up to ten seconds.
    pub backoff: Duration,
    /// The longest time to make a connection, TLS included.
    pub connect_timeout: Duration,
    /// The longest time that a server may be silent.
    pub read_timeout: Duration,
    /// How many redirects are followed from one address.
    pub redirects: u32,
    /// The most bytes that are taken of a file whose size is not known.
    pub size_limit: u64,
    /// What the program calls itself in requests.
    pub user_agent: String,
    /// Whether the network may not be used; local files still are.
    pub offline: bool,
    /// The address of a proxy, for both http and https.
    pub proxy: Option<String>,
    /// Hosts to which connections are made without the proxy: `host`, `.domain`, or `*`.
    pub no_proxy: Vec<String>,
}

/// The pause between two attempts does not grow beyond this.
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// How long to sleep before asking again whether to give up.
const MOMENT: Duration = Duration::from_millis(50);

/// Fetches files. One is enough for a program: it keeps connections open for reuse, and any number of threads may
/// use it at once.
#[derive(Debug)]
pub struct Fetcher {
    pub(crate) settings: Settings,
    pub(crate) transport: Transport,
}

impl Fetcher {
    /// A fetcher that has made no connection yet. A proxy's address that cannot be used is reported by the first
    /// request that needs it.
    pub fn new(settings: Settings) -> Self {
        let transport = Transport::new(&settings);
        Self { settings, transport }
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
        let Some(mut download) = Download::begin(self, store, request, observer)? else { return Ok(()) };
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
        mut attempt: impl FnMut(&str) -> Result<T, Trouble>,
    ) -> Result<T, FetchError> {
        let label = label.to_owned();
        if urls.is_empty() {
            return Err(FetchError::NoUrls { label });
        }
        let mut failures = Vec::new();
        for url in urls {
            match self.repeat(&label, observer, || attempt(url)) {
                Ok(outcome) => return Ok(outcome),
                Err(Trouble::Here(failure)) => failures.push(UrlFailure { url: redacted(url), failure }),
                Err(Trouble::Store(source)) => return Err(FetchError::Store { label, source }),
                Err(Trouble::Cancelled) => return Err(FetchError::Cancelled { label }),
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
        observer: &dyn Observer,
        mut attempt: impl FnMut() -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        let mut pause = self.settings.backoff;
        let mut repeated = 0;
        loop {
            if observer.cancelled() {
                return Err(Trouble::Cancelled);
            }
            match attempt() {
                Err(Trouble::Here(failure)) if failure.is_temporary() && repeated < self.settings.retries => {
                    repeated += 1;
                    observer.retrying(label, &failure.to_string(), repeated + 1);
                    wait(pause.min(LONGEST_PAUSE), observer)?;
                    pause = pause.saturating_mul(2);
                }
                done => return done,
            }
        }
    }
}

/// What ends an attempt.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// It failed at this address; another may do.
    Here(Failure),
    /// No address would do.
    Store(StoreError),
    /// The observer asked to give up.
    Cancelled,
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Here(failure)
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Sleeps for `pause`, or until the observer asks to give up.
pub(crate) fn wait(pause: Duration, observer: &dyn Observer) -> Result<(), Trouble> {
    let start = Instant::now();
    loop {
        if observer.cancelled() {
            return Err(Trouble::Cancelled);
        }
        let left = pause.saturating_sub(start.elapsed());
        if left.is_zero() {
            return Ok(());
        }
        std::thread::sleep(left.min(MOMENT));
    }
}

/// How long to wait before looking again whether another download of the same file has ended.
pub(crate) const OTHERS: Duration = MOMENT;
