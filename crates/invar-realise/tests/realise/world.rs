//! A server, a store, and what is between them.
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use invar_fetch::{Fetcher, Settings};
use invar_realise::{Event, Mirrors, Pool, PythonIndexes, Registries, Reporter, Sources, Upstreams};
use invar_store::Store;
use invar_testkit::Server;
use tempfile::TempDir;

/// The date of all suites.
pub const DATE: &str = "Sat, 12 Sep 2026 09:33:57 UTC";

/// When signatures are judged, in seconds since 1970: long after the tests make them, which they do at the clock's time.
pub const NOW: i64 = 4_000_000_000;

pub struct World {
    pub folder: TempDir,
    pub server: Server,
    pub listener: Listener,
}

impl World {
    pub fn new(files: BTreeMap<String, Vec<u8>>) -> Self {
        let folder = tempfile::tempdir().expect("a directory can be made");
        Self { folder, server: Server::start(files), listener: Listener::default() }
    }

    pub fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    pub fn store(&self, name: &str) -> Store {
        Store::open(&self.path(name)).expect("a store can be made")
    }

    /// The world's sources, with the store `store`.
    pub fn sources(&self) -> Sources<'_> {
        self.sources_with(false)
    }

    /// The same without a network.
    pub fn offline(&self) -> Sources<'_> {
        self.sources_with(true)
    }

    fn sources_with(&self, offline: bool) -> Sources<'_> {
        let mirrors = Mirrors {
            debian: vec![format!("{}/debian", self.server.url())],
            security: vec![format!("{}/debian-security", self.server.url())],
            snapshot: format!("{}/snapshot", self.server.url()),
        };
        Sources {
            store: self.store("store"),
            fetcher: Fetcher::new(Settings {
                retries: 1,
                backoff: Duration::ZERO,
                connect_timeout: Duration::from_secs(60),
                read_timeout: Duration::from_secs(60),
                redirects: 3,
                size_limit: 1 << 20,
                user_agent: "tests".to_owned(),
                offline,
                proxy: None,
                no_proxy: Vec::new(),
            }),
            upstreams: Upstreams {
                mirrors,
                python_indexes: PythonIndexes::none(),
                registries: Registries::default(),
                git: "git".into(),
                npm: "/nonexistent/npm".into(),
            },
            lender: None,
            pool: Pool { threads: 2, backwards: false },
            reporter: &self.listener,
        }
    }

    /// How often the server was asked for what ends in `path`.
    pub fn asked(&self, path: &str) -> usize {
        self.server.requests().iter().filter(|asked| asked.ends_with(path)).count()
    }
}

/// What was unpacked.
#[derive(Default)]
pub struct Listener {
    pub unpacked: Mutex<Vec<String>>,
}

impl Reporter for Listener {
    fn event(&self, event: &Event<'_>) {
        if let Event::Unpacked { label } = event {
            self.unpacked.lock().expect("no test panics with it").push((*label).to_owned());
        }
    }
}

/// Writes over a file of a store, which is read-only.
pub fn damage(path: &Path) {
    let mut bytes = std::fs::read(path).expect("the file is there");
    bytes[0] ^= 1;
    std::fs::remove_file(path).expect("the file can be removed");
    std::fs::write(path, bytes).expect("the file can be written");
}
