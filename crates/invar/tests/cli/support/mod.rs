//! A hermetic context for the command line: a cleared environment, its own home and store, and what it printed.
pub mod terminal;
pub mod tools;
pub mod world;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// One test's world.
pub struct Context {
    folder: TempDir,
    store: PathBuf,
    reaches_archives: bool,
}

/// In the place of Debian's archives, for tests that must not need them: nothing listens there.
const NOWHERE: &str = "http://127.0.0.1:1";

impl Context {
    /// A context with an empty store.
    pub fn new() -> Self {
        let folder =
            tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("the target folder is writable");
        let store = folder.path().join("store");
        Self { folder, store, reaches_archives: false }
    }

    /// A context with an empty store in a folder that every user can reach.
    pub fn for_anyone() -> Self {
        let folder = tempfile::Builder::new().prefix("invar-test").tempdir();
        let folder = folder.expect("temporary folders can be made");
        let store = folder.path().join("store");
        Self { folder, store, reaches_archives: false }
    }

    /// The same with its store elsewhere.
    pub fn with_store(self, store: PathBuf) -> Self {
        Self { store, ..self }
    }

    /// The same, but its `invar` uses the archives that this machine's settings lead to.
    pub fn with_archives(self) -> Self {
        Self { reaches_archives: true, ..self }
    }

    /// The context's own folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The store.
    pub fn store(&self) -> &Path {
        &self.store
    }

    /// Writes a file below the context's folder, and the folders above it.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("the folder can be made");
        fs::write(&path, content).expect("the file can be written");
        path
    }

    /// `invar` with a cleared environment and this context's home and store.
    pub fn invar(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_invar"));
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.path())
            // What the machine's own uv and pip are told does not matter to a test.
            .env("UV_NO_CONFIG", "1")
            .env("PIP_CONFIG_FILE", "/dev/null")
            .env("INVAR_STORE", &self.store)
            .current_dir(self.path());
        if !self.reaches_archives {
            for name in ["INVAR_DEBIAN_MIRROR", "INVAR_DEBIAN_SECURITY_MIRROR", "INVAR_SNAPSHOT"] {
                command.env(name, NOWHERE);
            }
        }
        command
    }

    /// Runs `invar` with `arguments`.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.invar().args(arguments))
    }
}

/// What a finished command left.
#[derive(Debug)]
pub struct Ran {
    /// The exit code, or -1 where a signal ended it.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Ran {
    /// Runs `command` to its end.
    pub fn of(command: &mut Command) -> Self {
        let Output { status, stdout, stderr } = command.output().expect("the command can be started");
        Self {
            code: status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&stdout).into_owned(),
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
        }
    }

    /// Standard output of a command that must have succeeded.
    #[track_caller]
    pub fn success(self) -> String {
        assert_eq!(self.code, 0, "{}\n{}", self.stdout, self.stderr);
        self.stdout
    }

    /// Standard error of a command that must have failed with `code`.
    #[track_caller]
    pub fn failure(self, code: i32) -> String {
        assert_eq!(self.code, code, "{}\n{}", self.stdout, self.stderr);
        self.stderr
    }
}

/// The repository's root.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Copies the files of `from` to the new folder `to`, without what a checkout does not hold.
pub fn copy_project(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("the folder can be made");
    #[expect(clippy::disallowed_methods, reason = "the order in which a copy is made is of no interest here")]
    let entries = fs::read_dir(from).expect("the project can be read");
    for entry in entries.flatten() {
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            if !["__pycache__", ".venv", ".pytest_cache"].iter().any(|name| entry.file_name() == *name) {
                copy_project(&source, &target);
            }
        } else if source.extension().is_none_or(|extension| extension != "tar") {
            fs::copy(&source, &target).expect("the file can be copied");
        }
    }
}

/// Says that `test`, or a part of it, cannot run here: loudly, and in the test's own output, where the test command counts
/// it.
pub fn skip(test: &str, why: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED {test}: {why}");
    #[expect(clippy::print_stderr, reason = "only what is printed so is captured as the test's output")]
    {
        eprintln!("SKIPPED: {why}");
    }
}

/// Whether all `programs` can be found; otherwise the test is skipped.
pub fn have(test: &str, programs: &[&str]) -> bool {
    let missing: Vec<&str> = programs.iter().copied().filter(|program| find(program).is_none()).collect();
    if !missing.is_empty() {
        skip(test, &format!("missing {}", missing.join(", ")));
    }
    missing.is_empty()
}

/// A `PATH` with the folders of `programs`, wherever people have installed them, before the system's own; nothing, and
/// `test` is skipped, where one is missing.
pub fn path_of(test: &str, programs: &[&str]) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "people install uv wherever their PATH leads")]
    let folders: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH")?).collect();
    let mut path = Vec::new();
    for program in programs {
        let Some(folder) = folders.iter().find(|folder| folder.join(program).exists()) else {
            skip(test, &format!("missing {program}"));
            return None;
        };
        path.push(folder.display().to_string());
    }
    Some(format!("{}:/usr/bin:/bin", path.join(":")))
}

/// Lets a command trust the index of this machine, by the certificates that are set for it.
pub fn trust_index(command: &mut Command) {
    for name in ["SSL_CERT_FILE", "SSL_CERT_DIR"] {
        #[expect(clippy::disallowed_methods, reason = "the index is this machine's")]
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
}

/// Whether this process is root; otherwise the test is skipped.
pub fn is_root(test: &str) -> bool {
    let root = Ran::of(Command::new("id").arg("-u")).stdout.trim() == "0";
    if !root {
        skip(test, "needs root");
    }
    root
}

/// Where a program is.
pub fn find(program: &str) -> Option<PathBuf> {
    ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
        .iter()
        .map(|folder| Path::new(folder).join(program))
        .find(|path| path.exists())
}
