//! A small world whose programs run: a signed mirror with one package that holds this machine's own shell and tools.
//!
//! What a sandbox does can be seen with them in a second and without a network; that real packages work in one is for
//! the tests over the examples.
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use invar_testkit::{Deb, Mirror, Server, Signer};

use super::{Context, Ran, find};

/// The program that is tested.
const INVAR: &str = env!("CARGO_BIN_EXE_invar");

/// What every root has. `sleep` is for programs that must not end by themselves.
const TOOLS: &[&str] = &[
    "sh", "bash", "cat", "chown", "cp", "date", "dd", "env", "head", "hostname", "id", "ln", "ls", "mkdir",
    "mount", "nproc", "od", "pwd", "readlink", "rm", "setsid", "sleep", "sort", "stat", "stty", "touch",
    "tty",
];

/// What the mirror serves, by path.
type Files = BTreeMap<String, Vec<u8>>;

/// A context with a mirror, and a project in the folder `project` with a lock.
pub struct Tools {
    /// The context.
    pub context: Context,
    /// Serves the archive below `debian` and `debian-security`, and what a test puts there.
    pub server: Server,
}

impl Tools {
    /// A project without Python whose `invar.toml` says what `manifest` does in addition to its base; `SERVER` in it
    /// stands for the server's address.
    pub fn new(manifest: &str) -> Self {
        // Compressing the tools takes longer than most tests.
        static ARCHIVE: OnceLock<(Files, Vec<u8>)> = OnceLock::new();
        let (files, keyring) = ARCHIVE.get_or_init(|| {
            let signer = Signer::new(1);
            let mut mirror = Mirror::new(signer.clone());
            let date = "Sat, 12 Sep 2026 09:33:57 UTC";
            mirror.add_suite("debian", "trixie", date, None, &packages());
            mirror.add_suite("debian", "trixie-updates", date, None, &[]);
            mirror.add_suite("debian-security", "trixie-security", date, None, &[]);
            (mirror.files().clone(), signer.keyring())
        });
        let tools = Self { context: Context::for_anyone(), server: Server::start(files.clone()) };
        tools.context.write("keyring.gpg", keyring);
        tools.write_manifest(manifest);
        tools
    }

    /// The same, with its lock.
    pub fn locked(manifest: &str) -> Self {
        let tools = Self::new(manifest);
        tools.lock();
        tools
    }

    /// Writes another manifest.
    pub fn write_manifest(&self, manifest: &str) {
        let manifest = manifest.replace("SERVER", &self.server.url());
        let text = format!("base = [\"base-files\", \"tools\"]\n{manifest}");
        self.context.write("project/invar.toml", text);
    }

    /// Makes `invar.lock`.
    #[track_caller]
    pub fn lock(&self) {
        self.run(&["lock", "--keyring", "keyring.gpg", "project"]).success();
    }

    /// `invar` with this mirror as a setting.
    pub fn invar(&self) -> Command {
        let mut command = self.context.invar();
        command
            .env("INVAR_DEBIAN_MIRROR", format!("{}/debian", self.server.url()))
            .env("INVAR_DEBIAN_SECURITY_MIRROR", format!("{}/debian-security", self.server.url()))
            .env("INVAR_SNAPSHOT", format!("{}/snapshot", self.server.url()));
        command
    }

    /// `program`, instead of `invar`, with the same environment and folder.
    pub fn invar_through(&self, program: &str) -> Command {
        let invar = self.invar();
        let mut command = Command::new(program);
        command.env_clear().envs(invar.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.current_dir(self.context.path());
        command
    }

    /// Runs `invar` with `arguments`.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.invar().args(arguments))
    }

    /// Rebuilds the project's root file system, and gives its folder.
    #[track_caller]
    pub fn root(&self) -> PathBuf {
        let root = self.context.path().join("root");
        let _ = fs::remove_dir_all(&root);
        self.run(&["build", "--locked", "--format", "rootfs-dir", "-o", "root", "project"]).success();
        root
    }

    /// The paths of what the mirror serves.
    pub fn served(&self) -> Vec<String> {
        self.server.paths()
    }

    /// How many things are half-done in the store; zero when nothing runs.
    pub fn unfinished(&self) -> usize {
        #[expect(clippy::disallowed_methods, reason = "the order does not matter, only how many there are")]
        fs::read_dir(self.context.store().join("tmp")).map_or(0, Iterator::count)
    }
}

/// The packages of the mirror: `tools`, which every Debian system has, and some with a file or two.
fn packages() -> Vec<Deb> {
    let base = Deb::new("base-files", "13.8").architecture("all").field("Essential", "yes");
    let links = ["bin", "sbin", "lib", "lib64"];
    let base = links.iter().fold(base, |base, link| base.link(link, &format!("usr/{link}")));
    let base = base
        .file("etc/passwd", "root:x:0:0::/root:/bin/sh\ncat:x:1000:1001::/home/cat:/bin/sh\n")
        .file("etc/group", "root:x:0:\ncat:x:1001:\n");
    // Invar can be started inside as well.
    let tools = with_programs(Deb::new("tools", "1").field("Essential", "yes"), TOOLS, &[Path::new(INVAR)]);
    let script = |text: &str| format!("#!/bin/sh\n{text}\n");
    // What images have that say nothing of a base, and two programs that flakes and Dockerfiles know by name.
    let others = ["base-passwd", "libc-bin", "ca-certificates", "netbase", "media-types", "libcurl4t64"];
    let others = others.map(|name| Deb::new(name, "1").architecture("all"));
    let zone = Deb::new("tzdata", "1").architecture("all").file("usr/share/zoneinfo/Etc/UTC", "UTC\n");
    let known = ["jq", "curl"].map(|name| {
        let program = script(&format!("echo {name} \"$@\" $GREETING"));
        Deb::new(name, "1").field("Depends", "tools").program(&format!("usr/bin/{name}"), &program)
    });
    let mut all = vec![
        base,
        tools,
        Deb::new("greeter", "1").program("usr/bin/greet", &script("echo hello \"$@\"")),
        Deb::new("linter", "1")
            .field("Depends", "linter-data")
            .program("usr/bin/lint", &script("echo linted \"$@\" in $(pwd)")),
        Deb::new("linter-data", "1").program("usr/bin/lint-helper", &script("echo helping")),
        // What the index of files is asked for.
        Deb::new("odd-dev", "1")
            .file("usr/include/odd/thing.h", "")
            .file("usr/lib/x86_64-linux-gnu/libodd.so", "")
            .file("usr/lib/x86_64-linux-gnu/pkgconfig/odd.pc", ""),
        Deb::new("odd-tools", "1").architecture("all").program("usr/bin/odd-config", &script("echo odd")),
    ];
    all.extend(others.into_iter().chain([zone]).chain(known));
    all
}

/// A package with these programs of this machine, and the libraries that they and the `others` need.
pub fn with_programs(mut deb: Deb, programs: &[&str], others: &[&Path]) -> Deb {
    let mut libraries: BTreeSet<PathBuf> = others.iter().copied().flat_map(needed).collect();
    for name in programs {
        let program = find(name).unwrap_or_else(|| panic!("this machine has no {name}"));
        deb = deb.binary(&format!("usr/bin/{name}"), read(&program));
        libraries.extend(needed(&program));
    }
    for library in &libraries {
        let inner = library.to_str().expect("a library has a plain name").trim_start_matches('/');
        let inner = inner.strip_prefix("usr/").unwrap_or(inner);
        deb = deb.binary(&format!("usr/{inner}"), read(library));
    }
    deb
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).expect("this machine's programs can be read")
}

/// The libraries that a program is started with, its loader among them.
fn needed(program: &Path) -> Vec<PathBuf> {
    let listed = Ran::of(Command::new("ldd").arg(program)).stdout;
    listed.split_whitespace().filter(|word| word.starts_with('/')).map(PathBuf::from).collect()
}

/// `command` as a user that is not root: as it is for whoever is none, else as somebody else, who then owns all that
/// is in the context's folder.
pub fn as_anyone(context: &Context, command: &Command) -> Command {
    let words = || std::iter::once(command.get_program()).chain(command.get_args());
    let mut other;
    if Ran::of(Command::new("id").arg("-u")).stdout.trim() == "0" {
        // The target folder may be in a folder that only root can enter.
        let program = context.path().join("invar-for-anyone");
        if !program.exists() {
            fs::copy(INVAR, &program).expect("the program can be copied");
        }
        fs::set_permissions(context.path(), fs::Permissions::from_mode(0o755)).expect("the folder is ours");
        Ran::of(Command::new("chown").args(["-R", "65534:65534"]).arg(context.path())).success();
        other = Command::new("setpriv");
        other.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
        other.args(words().map(|word| if word == INVAR { program.as_os_str() } else { word }));
    } else {
        other = Command::new(command.get_program());
        other.args(command.get_args());
    }
    other.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(folder) = command.get_current_dir() {
        other.current_dir(folder);
    }
    other
}
