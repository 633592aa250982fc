//! A small world that needs no network: a signed mirror, a package index, and a project that uses both.
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use invar_testkit::{Deb, Mirror, Server, Signer, Wheel, uv_lock};

use super::{Context, Ran};

/// The manifest of the world's project.
pub const MANIFEST: &str = r#"[project]
name = "little"
version = "1.0.0"
requires-python = ">=3.13"
dependencies = ["numbers-of-old", "words"]

[tool.invar]
base = ["base-files", "libc6"]
packages = ["hello"]
exclude = ["uv.lock"]  # it names the port of the world's server
python.bytecode = false  # its Python is a name and nothing more

[tool.invar.image]
command = ["python", "main.py"]
env = { GREETING = "hello" }
ports = [8000]
"#;

/// A context with a mirror, an index and a project.
pub struct World {
    /// The context.
    pub context: Context,
    /// Serves the archives below `debian` and `debian-security`, and the wheels below `wheels`.
    pub server: Server,
    /// Signs the archives.
    pub signer: Signer,
    /// What the server serves, by path.
    pub files: BTreeMap<String, Vec<u8>>,
}

/// The packages of the suite `trixie`.
pub fn packages() -> Vec<Deb> {
    vec![
        Deb::new("base-files", "13.8")
            .architecture("all")
            .file("etc/debian_version", "13.2\n")
            .link("bin", "usr/bin"),
        Deb::new("libc6", "2.41-12").file("usr/lib/x86_64-linux-gnu/libc.so.6", &noise(300_000)),
        Deb::new("python3", "3.13.5-1").field("Depends", "python3.13 (>= 3.13.5-1~)"),
        Deb::new("python3.13", "3.13.5-2")
            .field("Depends", "libc6 (>= 2.38)")
            .program("usr/bin/python3.13", &noise(2_500_000))
            .file("usr/lib/python3.13/os.py", &"import sys\n".repeat(100_000)),
        Deb::new("hello", "2.10-5")
            .field("Depends", "libc6 (>= 2.34), hello-data")
            .program("usr/bin/hello", "a program\n")
            .file("usr/share/doc/hello/changelog.gz", "not in the image\n"),
        Deb::new("hello-data", "2.10-5").architecture("all").file("usr/share/hello/greeting", "hello\n"),
    ]
}

/// The wheels that the project depends on.
pub fn wheels() -> Vec<Wheel> {
    vec![
        Wheel::new("numbers-of-old", "1.2.3").file("numbers_of_old/__init__.py", "ONE = 'I'\n"),
        Wheel::new("words", "0.1").file("words/__init__.py", "").file("words/list.txt", &noise(100_000)),
    ]
}

/// Text that compresses about as well as programs do, from a linear congruential generator (the constants of
/// Numerical Recipes), so that it is the same everywhere.
pub fn noise(length: usize) -> String {
    let mut state: u32 = 1;
    let mut text = String::with_capacity(length);
    while text.len() < length {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        text.push(char::from(b' ' + (state >> 24) as u8 % 95));
    }
    text
}

/// What a server has for `packages` and `wheels`, and who signed it.
fn served(packages: &[Deb], wheels: &[Wheel]) -> (Signer, BTreeMap<String, Vec<u8>>) {
    let signer = Signer::new(1);
    let mut mirror = Mirror::new(signer.clone());
    let date = "Sat, 12 Sep 2026 09:33:57 UTC";
    mirror.add_suite("debian", "trixie", date, None, packages);
    mirror.add_suite("debian", "trixie-updates", date, None, &[]);
    mirror.add_suite("debian-security", "trixie-security", date, None, &[]);
    let mut files = mirror.files().clone();
    for wheel in wheels {
        files.insert(format!("wheels/{}", wheel.filename()), wheel.build());
    }
    (signer, files)
}

impl World {
    /// A world with the [packages] and [wheels] above, and the project in the folder `project`, without a lock.
    pub fn new() -> Self {
        // Compressing the packages takes longer than many tests, so all worlds of this kind have the same ones.
        static SERVED: OnceLock<(Signer, BTreeMap<String, Vec<u8>>)> = OnceLock::new();
        let wheels = wheels();
        let (signer, files) = SERVED.get_or_init(|| served(&packages(), &wheels)).clone();
        Self::serving(signer, files, &wheels)
    }

    /// A world with other packages and wheels.
    pub fn with(packages: Vec<Deb>, wheels: Vec<Wheel>) -> Self {
        let (signer, files) = served(&packages, &wheels);
        Self::serving(signer, files, &wheels)
    }

    fn serving(signer: Signer, files: BTreeMap<String, Vec<u8>>, wheels: &[Wheel]) -> Self {
        let server = Server::start(files.clone());
        let context = Context::new();
        context.write("keyring.gpg", signer.keyring());
        context.write("project/pyproject.toml", MANIFEST);
        context.write("project/main.py", "print('hello')\n");
        context.write("project/package/data.txt", "data\n");
        context.write("project/.gitignore", "*.log\n");
        context.write("project/noise.log", "not in the image\n");
        let lock = uv_lock("little", ">=3.13", wheels, &format!("{}/wheels", server.url()));
        context.write("project/uv.lock", lock);
        Self { context, server, signer, files }
    }

    /// The project's folder.
    pub fn project(&self) -> PathBuf {
        self.context.path().join("project")
    }

    /// What `git` prints in the project's folder; it must succeed.
    #[track_caller]
    pub fn git(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=x", "-c", "user.email=x@example", "-c", "init.defaultBranch=main"]);
        Ran::of(command.args(arguments).current_dir(self.project())).success()
    }

    /// `invar` with the world's mirror as a setting.
    pub fn invar(&self) -> Command {
        let mut command = self.context.invar();
        command
            .env("INVAR_DEBIAN_MIRROR", format!("{}/debian", self.server.url()))
            .env("INVAR_DEBIAN_SECURITY_MIRROR", format!("{}/debian-security", self.server.url()))
            .env("INVAR_SNAPSHOT", format!("{}/snapshot", self.server.url()));
        command
    }

    /// Runs `invar` with `arguments`.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.invar().args(arguments))
    }

    /// Makes `invar.lock`.
    #[track_caller]
    pub fn lock(&self) {
        self.run(&["lock", "--keyring", "keyring.gpg", "project"]).success();
    }

    /// Builds the project into `little.tar` and returns the digest.
    #[track_caller]
    pub fn build(&self) -> String {
        digest(&self.run(&["build", "--locked", "--json", "-o", "little.tar", "project"]).success())
    }

    /// The text of a file of the project.
    pub fn read(&self, path: impl AsRef<Path>) -> String {
        fs::read_to_string(self.project().join(path)).expect("the file can be read")
    }
}

/// The digest in what `--json` prints.
#[track_caller]
pub fn digest(printed: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(printed).expect("--json prints JSON");
    value["digest"].as_str().expect("the result has a digest").to_owned()
}
