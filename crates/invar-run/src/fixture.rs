//! A project and a store, for tests of what runs commands.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use invar_checkout::ProjectFiles;
use invar_fetch::{Fetcher, Settings};
use invar_project::{InvarLock, LockedPlatform, Platform, Request, Timestamp};
use invar_realise::{Event, Mirrors, Pool, PythonIndexes, Registries, Reporter, Sources, Upstreams};
use invar_store::{Store, StoredTree};
use invar_tree::{Contents as _, Node, Origin, Tree};

use crate::context::{BuildContext, RunLimits, Runner};
use crate::executor::fake::FakeExecutor;

/// Remembers warnings.
#[derive(Default)]
pub struct Warnings(Mutex<Vec<String>>);

impl Reporter for Warnings {
    fn event(&self, event: &Event<'_>) {
        if let Event::Warning(warning) = event {
            self.0.lock().expect("no test panics with it").push((*warning).to_owned());
        }
    }
}

/// A project that is locked without any package.
pub struct Fixture<'a> {
    pub sources: Sources<'a>,
    pub runner: Runner<'a>,
    pub files: ProjectFiles,
    pub lock: InvarLock,
}

impl<'a> Fixture<'a> {
    /// A project in `folder` of which `tool` is [tool.invar], with `files` next to it.
    pub fn new(
        folder: &Path,
        tool: &str,
        files: &[(&str, &str)],
        executor: &'a FakeExecutor<'a>,
        reporter: &'a Warnings,
    ) -> Self {
        let project = folder.join("project");
        let write = |name: &str, text: &str| {
            let path = project.join(name);
            std::fs::create_dir_all(path.parent().expect("it is in the project")).expect("it can be made");
            std::fs::write(path, text).expect("it can be written");
        };
        write("invar.toml", tool);
        files.iter().for_each(|(name, text)| write(name, text));
        let files = ProjectFiles::read(&project).expect("it is a project");
        let lock = InvarLock {
            created: Timestamp::from_unix(0).expect("it is a time"),
            uv_lock: None,
            request: Request::of(&files.manifest),
            interpreter: None,
            suites: BTreeMap::new(),
            fetches: BTreeMap::new(),
            platforms: BTreeMap::from([(Platform::LinuxAmd64, LockedPlatform::default())]),
        };
        let sources = Sources {
            store: Store::open(&folder.join("store")).expect("it can be made"),
            fetcher: Fetcher::new(offline()),
            upstreams: Upstreams {
                mirrors: Mirrors::snapshot_only(),
                python_indexes: PythonIndexes::none(),
                registries: Registries::default(),
                git: PathBuf::new(),
                npm: PathBuf::new(),
            },
            lender: None,
            pool: Pool { threads: 1, backwards: false },
            reporter,
        };
        let limits = RunLimits { memory: Some(3 << 30), disk: 1 << 30 };
        let runner = Runner { executor: Box::new(executor), limits };
        Self { sources, runner, files, lock }
    }

    pub fn context(&self) -> BuildContext<'_> {
        let (sources, runner) = (&self.sources, &self.runner);
        let (files, lock) = (&self.files, &self.lock);
        BuildContext { sources, runner, files, lock, platform: Platform::LinuxAmd64 }
    }
}

fn offline() -> Settings {
    Settings {
        retries: 0,
        backoff: Duration::ZERO,
        connect_timeout: Duration::from_secs(1),
        read_timeout: Duration::from_secs(1),
        redirects: 0,
        size_limit: 0,
        user_agent: String::new(),
        offline: true,
        proxy: None,
        no_proxy: Vec::new(),
    }
}

/// The files and links of a stored tree, as `MODE PATH TEXT`.
pub fn listed(stored: &StoredTree) -> Vec<String> {
    let tree = stored.tree(&std::sync::Arc::new(Origin::Source)).expect("the store has it");
    let line = |tree: &Tree, path: &invar_tree::ImagePath| {
        let entry = tree.get(path.as_str()).expect("it is in the tree");
        match &entry.node {
            Node::Directory => None,
            Node::Symlink { target } => Some(format!("{} {} -> {target}", entry.mode, path.as_str())),
            Node::File { .. } => {
                let text =
                    String::from_utf8_lossy(&stored.read(path).expect("the store has it")).into_owned();
                Some(format!("{} {} {text}", entry.mode, path.as_str()))
            }
        }
    };
    tree.iter().filter_map(|(path, _)| line(&tree, path)).collect()
}
