//! Downloads from servers that are flaky, slow, hostile or not there at all.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod content;
mod local;
mod network;
mod redirect;
mod resume;
mod server;
mod small;
mod together;

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use invar_fetch::{Failure, FetchError, Fetcher, Observer, Request, Settings};
use invar_store::Store;
use invar_tree::Digest;
use tempfile::TempDir;

/// Settings that do not make a test wait; the time limits are far longer than anything here takes.
fn settings() -> Settings {
    Settings {
        retries: 3,
        backoff: Duration::ZERO,
        connect_timeout: Duration::from_secs(60),
        read_timeout: Duration::from_secs(60),
        redirects: 5,
        size_limit: 1 << 20,
        user_agent: "invar-test".into(),
        offline: false,
        proxy: None,
        no_proxy: vec![],
    }
}

/// A store and what goes into it.
struct Fixture {
    store: Store,
    directory: TempDir,
    fetcher: Fetcher,
    seen: Seen,
}

fn fixture() -> Fixture {
    fixture_with(settings())
}

fn fixture_with(settings: Settings) -> Fixture {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&directory.path().join("store")).unwrap();
    Fixture { store, directory, fetcher: Fetcher::new(settings), seen: Seen::default() }
}

/// What every good server here has: long enough for several reads.
fn content() -> Vec<u8> {
    static CONTENT: LazyLock<Vec<u8>> =
        LazyLock::new(|| (0..300_000_u32).flat_map(u32::to_le_bytes).collect());
    CONTENT.clone()
}

fn request(urls: &[String]) -> Request {
    let content = content();
    Request {
        label: "sample 1.0".into(),
        urls: urls.to_vec(),
        digest: Digest::of(&content),
        size: Some(content.len() as u64),
    }
}

impl Fixture {
    fn fetch(&self, request: &Request) -> Result<(), FetchError> {
        let result = self.fetcher.fetch(&self.store, request, &self.seen);
        // Whatever happens, only the right bytes are in the store, and progress that ends well adds up.
        assert_eq!(self.store.has_blob(&request.digest), result.is_ok());
        if result.is_ok() {
            let found = fs::read(self.store.blob_path(&request.digest)).unwrap();
            assert_eq!(Digest::of(&found), request.digest);
            assert_eq!(self.seen.progress(), found.len() as u64);
            assert_eq!(self.seen.events().last().unwrap(), "finished");
        }
        result
    }

    /// The failures at each address, for a request that must fail.
    #[track_caller]
    fn failures(&self, request: &Request) -> Vec<Failure> {
        failures(self.fetch(request).unwrap_err())
    }

    /// How many bytes are kept for a later attempt.
    fn kept(&self, request: &Request) -> u64 {
        self.store.partial(&request.digest).unwrap().len()
    }
}

#[track_caller]
fn failures(error: FetchError) -> Vec<Failure> {
    match error {
        FetchError::Exhausted { failures, .. } => failures.into_iter().map(|failed| failed.failure).collect(),
        other => panic!("{other:?}"),
    }
}

/// An observer that remembers.
#[derive(Default)]
struct Seen {
    events: Mutex<Vec<String>>,
    progress: Mutex<u64>,
    cancel_when_advanced: AtomicBool,
    cancelled: AtomicBool,
}

impl Seen {
    fn events(&self) -> Vec<String> {
        self.events.lock().unwrap().clone()
    }

    fn progress(&self) -> u64 {
        *self.progress.lock().unwrap()
    }

    fn add(&self, event: impl Into<String>) {
        self.events.lock().unwrap().push(event.into());
    }
}

impl Observer for Seen {
    fn started(&self, _: &str, _: Option<u64>) {
        *self.progress.lock().unwrap() = 0;
        self.add("started");
    }

    fn advanced(&self, _: &str, bytes: u64) {
        *self.progress.lock().unwrap() += bytes;
        if self.cancel_when_advanced.load(Ordering::SeqCst) {
            self.cancelled.store(true, Ordering::SeqCst);
        }
    }

    fn retrying(&self, _: &str, why: &str, attempt: u32) {
        self.add(format!("retrying {attempt}: {why}"));
    }

    fn finished(&self, _: &str) {
        self.add("finished");
    }

    fn cancelled(&self) -> bool {
        self.cancelled.load(Ordering::SeqCst)
    }
}
