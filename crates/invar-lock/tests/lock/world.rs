//! A project, a mirror that has its packages, and what a lock is built with.
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use invar_apt::Keyring;
use invar_checkout::ProjectFiles;
use invar_diagnostic::AnyDiagnostic;
use invar_fetch::{Fetcher, Settings};
use invar_lock::{LockContext, LockError, Locked, Update, lock};
use invar_project::{LockPart, Platform};
use invar_realise::{
    BackendQuestion, Backends, Event, Mirrors, Pool, PythonIndexes, Registries, Reporter, Sources, Upstreams,
};
use invar_store::Store;
use invar_testkit::{Deb, Mirror, Server, Signer};
use tempfile::TempDir;

/// When signatures are judged, in seconds since 1970: long after the tests make them, which they do at the clock's time.
const NOW: i64 = 4_000_000_000;

/// The date of all suites.
pub const DATE: &str = "Sat, 12 Sep 2026 09:33:57 UTC";

pub struct World {
    pub folder: TempDir,
    pub server: Server,
    signer: Signer,
    pub backends: Answers,
    pub uv: PathBuf,
    pub offline: bool,
    listener: Listener,
}

impl World {
    /// A world with the project of `manifest`, and a mirror that has `debs`.
    pub fn new(manifest: &str, debs: &[Deb]) -> Self {
        let folder = tempfile::tempdir().expect("a directory can be made");
        let world = Self {
            folder,
            server: Server::start(BTreeMap::new()),
            signer: Signer::new(1),
            backends: Answers::default(),
            uv: Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lock/uv"),
            offline: false,
            listener: Listener::default(),
        };
        world.serve(debs, DATE);
        world.write("project/pyproject.toml", manifest);
        world
    }

    /// Puts `debs` instead of what the mirror had.
    pub fn serve(&self, debs: &[Deb], date: &str) {
        let mut mirror = Mirror::new(self.signer.clone());
        mirror.add_suite("debian", "trixie", date, None, debs);
        mirror.add_suite("debian", "trixie-updates", date, None, &[]);
        mirror.add_suite("debian-security", "trixie-security", date, None, &[]);
        self.server.put(mirror.files().clone());
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().expect("it is in the directory")).expect("it can be made");
        fs::write(path, text).expect("it can be written");
    }

    pub fn read(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.folder.path().join(path)).ok()
    }

    pub fn files(&self) -> ProjectFiles {
        ProjectFiles::read(&self.folder.path().join("project")).expect("the project can be read")
    }

    /// Makes the lock of the project's own image.
    pub fn lock(&self, update: &Update) -> Result<Locked, LockError> {
        self.lock_for(update, &LockPart::Image)
    }

    /// Makes the lock, in which `required` must be.
    pub fn lock_for(&self, update: &Update, required: &LockPart) -> Result<Locked, LockError> {
        let keyring = Keyring::parse(&self.signer.keyring()).expect("it is a keyring");
        let sources = self.sources();
        let context = LockContext {
            sources: &sources,
            keyring: &keyring,
            now: NOW,
            uv: &self.uv,
            backends: &self.backends,
        };
        lock(&context, &mut self.files(), update, required)
    }

    fn sources(&self) -> Sources<'_> {
        let url = self.server.url();
        Sources {
            store: Store::open(&self.folder.path().join("store")).expect("a store can be made"),
            fetcher: Fetcher::new(Settings {
                retries: 1,
                backoff: Duration::ZERO,
                connect_timeout: Duration::from_secs(60),
                read_timeout: Duration::from_secs(60),
                redirects: 3,
                size_limit: 1 << 20,
                user_agent: "tests".to_owned(),
                offline: self.offline,
                proxy: None,
                no_proxy: Vec::new(),
            }),
            upstreams: Upstreams {
                mirrors: Mirrors {
                    debian: vec![format!("{url}/debian")],
                    security: vec![format!("{url}/debian-security")],
                    snapshot: format!("{url}/snapshot"),
                },
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

    /// What was warned of.
    pub fn warnings(&self) -> Vec<String> {
        self.listener.0.lock().expect("no test panics with it").clone()
    }
}

#[derive(Default)]
struct Listener(Mutex<Vec<String>>);

impl Reporter for Listener {
    fn event(&self, event: &Event<'_>) {
        if let Event::Warning(text) | Event::Note(text) = event {
            self.0.lock().expect("no test panics with it").push((*text).to_owned());
        }
    }
}

/// What build backends answer.
#[derive(Default)]
pub struct Answers {
    /// What each asks for.
    pub requires: Vec<String>,
    /// Whether none can be run here.
    pub refuse: bool,
    /// The distributions that were asked, with the number of wheels that they had.
    pub asked: Mutex<Vec<(String, usize)>>,
}

#[derive(Debug, thiserror::Error)]
#[error("nothing can be run here")]
struct Refusal;

impl invar_diagnostic::Diagnostic for Refusal {
    fn kind(&self) -> invar_diagnostic::Kind {
        invar_diagnostic::Kind::Failure
    }
}

impl Backends for Answers {
    fn check(&self, _: Platform, _: &str) -> Result<(), AnyDiagnostic> {
        if self.refuse { Err(AnyDiagnostic::new(Refusal)) } else { Ok(()) }
    }

    fn requires(&self, question: &BackendQuestion<'_>) -> Result<Vec<String>, AnyDiagnostic> {
        let asked = (question.name.to_string(), question.wheels.len());
        self.asked.lock().expect("no test panics with it").push(asked);
        Ok(self.requires.clone())
    }
}
