//! Python packages that are built from their sources, with real packages of this machine's Debian mirror, this
//! machine's uv and git, and a package index and repositories that are created here.
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use invar_testkit::{Server, Wheel, sha256};

use super::archives::with_shared_store;
use crate::support::world::digest;
use crate::support::{Context, Ran, copy_project, path_of, trust_index};

/// A build backend in one file. What it builds is a module that says how it was built.
const BACKEND: &str = r#"
import base64, hashlib, importlib.metadata, json, os, pathlib, tomllib, zipfile

def project():
    return tomllib.loads(pathlib.Path("pyproject.toml").read_text())

def get_requires_for_build_wheel(settings=None):
    return project().get("tool", {}).get("tiny", {}).get("asks", [])

get_requires_for_build_editable = get_requires_for_build_wheel

def build_wheel(out, settings=None, metadata=None):
    own = project()["project"]
    name = own["name"].replace("-", "_")
    version = own.get("version") or os.environ["SETUPTOOLS_SCM_PRETEND_VERSION"]
    present = sorted(f"{it.name}=={it.version}" for it in importlib.metadata.distributions())
    built = {"settings": settings, "present": present, "colour": os.environ.get("COLOUR"), "from": os.getcwd(),
             "git": os.path.exists(".git")}
    files = {f"{name}.py": pathlib.Path(f"{name}.py").read_bytes() + f"BUILT = {built!r}\n".encode()}
    for path in sorted(pathlib.Path(".").rglob("*.txt")):
        files[f"{name}_data/{path}"] = path.read_bytes()
    note = project().get("tool", {}).get("tiny", {}).get("note")
    if note:
        files[f"{name}_note.txt"] = pathlib.Path(note).read_bytes()
    info = f"{name}-{version}.dist-info"
    requires = "".join(f"Requires-Dist: {it}\n" for it in own.get("dependencies", []))
    files[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {own['name']}\nVersion: {version}\n{requires}".encode()
    files[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: tiny\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    record = "".join(f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()},{len(data)}\n"
                     for path, data in files.items())
    files[f"{info}/RECORD"] = (record + f"{info}/RECORD,,\n").encode()
    wheel = f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(out, wheel), "w") as archive:
        for path, data in files.items():
            archive.writestr(path, data)
    return wheel

build_editable = build_wheel
"#;

const SYSTEM: &str = "[build-system]\nrequires = [\"tiny\"]\nbuild-backend = \"tiny\"\n";

/// A context with an index, whose programs are this machine's.
pub(super) struct Sources {
    pub(super) context: Context,
    server: Server,
    files: BTreeMap<String, Vec<u8>>,
    path: String,
}

/// What these tests need other than the system's own programs.
fn programs(test: &str) -> Option<String> {
    path_of(test, &["uv", "git", "python3", "tar"])
}

impl Sources {
    pub(super) fn new(test: &str) -> Option<Self> {
        let path = programs(test)?;
        let context = with_shared_store();
        // git takes submodules from this machine only if it is told to; uv has it do so.
        context.write(
            ".gitconfig",
            "[protocol \"file\"]\nallow = always\n[user]\nname = x\nemail = x@example\n",
        );
        let mut sources =
            Self { context, server: Server::start(BTreeMap::new()), files: BTreeMap::new(), path };
        sources.publish_wheel(&Wheel::new("tiny", "1.0").file("tiny.py", BACKEND));
        Some(sources)
    }

    pub(super) fn command(&self, program: &str) -> Command {
        let mut command = Command::new("/usr/bin/env");
        command.arg(program).env_clear().env("PATH", &self.path).env("HOME", self.context.path());
        command.current_dir(self.context.path());
        command
    }

    pub(super) fn invar(&self) -> Command {
        let mut command = self.context.invar();
        command.env("PATH", &self.path).env_remove("UV_NO_CONFIG");
        command
    }

    fn git(&self, folder: &str, arguments: &[&str]) {
        let mut command = self.command("git");
        command
            .env("GIT_AUTHOR_DATE", "2026-01-01T00:00:00Z")
            .env("GIT_COMMITTER_DATE", "2026-01-01T00:00:00Z");
        Ran::of(command.arg("-C").arg(self.context.path().join(folder)).args(arguments)).success();
    }

    /// A repository of all that is in `folder`.
    fn commit(&self, folder: &str, tag: &str) {
        self.git(folder, &["init", "--quiet", "-b", "main"]);
        self.git(folder, &["add", "--all"]);
        self.git(folder, &["commit", "--quiet", "-m", "x"]);
        self.git(folder, &["tag", tag]);
    }

    /// A commit after the last one, without a tag.
    fn commit_again(&self, folder: &str) {
        self.git(folder, &["commit", "--quiet", "--allow-empty", "-m", "y"]);
    }

    /// Writes a package: `keys` are of its table `project`, `rest` is what follows.
    pub(super) fn package(&self, folder: &str, name: &str, keys: &str, rest: &str) {
        let pyproject = format!("[project]\nname = \"{name}\"\n{keys}\n{SYSTEM}{rest}");
        self.context.write(&format!("{folder}/pyproject.toml"), pyproject);
        self.context.write(&format!("{folder}/{}.py", name.replace('-', "_")), "WHAT = 'source'\n");
    }

    /// The bytes of a source distribution of `NAME-1.0`.
    fn sdist(&self, name: &str, rest: &str) -> Vec<u8> {
        let folder = format!("sdists/{name}-1.0");
        self.package(&folder, name, "version = \"1.0\"", rest);
        let info = format!("Metadata-Version: 2.2\nName: {name}\nVersion: 1.0\n");
        self.context.write(&format!("{folder}/PKG-INFO"), info);
        self.context.write(&format!("{folder}/secret.txt"), "not for everybody\n");
        let mut tar = self.command("tar");
        let archive = format!("{name}-1.0.tar.gz");
        tar.current_dir(self.context.path().join("sdists")).args([
            "--owner=0",
            "--group=0",
            "-czf",
            &archive,
        ]);
        Ran::of(tar.arg(format!("{name}-1.0"))).success();
        fs::read(self.context.path().join("sdists").join(archive)).expect("it was written")
    }

    pub(super) fn publish_wheel(&mut self, wheel: &Wheel) {
        self.publish(wheel.name(), &wheel.filename(), wheel.build());
    }

    pub(super) fn publish_sdist(&mut self, name: &str, rest: &str) {
        let bytes = self.sdist(name, rest);
        self.publish(name, &format!("{name}-1.0.tar.gz"), bytes);
    }

    fn publish(&mut self, name: &str, file: &str, bytes: Vec<u8>) {
        let page = self.files.entry(format!("simple/{name}/")).or_default();
        page.extend(
            format!("<a href=\"../../files/{file}#sha256={}\">{file}</a>\n", sha256(&bytes)).into_bytes(),
        );
        self.files.insert(format!("files/{file}"), bytes);
        self.server.put(self.files.clone());
    }

    /// The part of a manifest that names the index.
    pub(super) fn index(&self) -> String {
        format!("[[tool.uv.index]]\nurl = \"{}/simple\"\ndefault = true\n", self.server.url())
    }

    #[track_caller]
    pub(super) fn lock(&self, project: &str) {
        let mut uv = self.command("uv");
        uv.current_dir(self.context.path().join(project)).env("UV_PYTHON_DOWNLOADS", "never");
        Ran::of(uv.args(["lock", "--quiet"])).success();
        Ran::of(self.invar().args(["lock", project])).success();
    }

    #[track_caller]
    pub(super) fn build(&self, project: &str) -> String {
        digest(
            &Ran::of(self.invar().args(["build", "--locked", "--json", "-o", "image.tar", project]))
                .success(),
        )
    }

    /// The folder in which the image's Python packages are.
    #[track_caller]
    pub(super) fn packages(&self, project: &str) -> PathBuf {
        let root = self.context.path().join("root");
        let _ = fs::remove_dir_all(&root);
        Ran::of(self.invar().args(["build", "--locked", "--format", "rootfs-dir", "-o", "root", project]))
            .success();
        #[expect(clippy::disallowed_methods, reason = "there is one")]
        let libraries = fs::read_dir(root.join("app/.venv/lib")).expect("there is an environment");
        libraries
            .map(|entry| entry.expect("it is there").path().join("site-packages"))
            .next()
            .expect("there is one")
    }

    pub(super) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.context.path().join(path)).expect("it is there")
    }
}

/// The text of a module, which must have all of `expected`.
#[track_caller]
pub(super) fn expect(packages: &Path, module: &str, expected: &[&str]) {
    let text = fs::read_to_string(packages.join(format!("{module}.py"))).expect("the module is installed");
    for words in expected {
        assert!(text.contains(words), "{words:?} is not in {module}:\n{text}");
    }
}

/// The whole project, in the folder `app`.
fn everything(sources: &mut Sources) {
    // Only a source distribution, which asks for more when it is asked, and is patched.
    sources.publish_wheel(&Wheel::new("asked-for", "2.0").file("asked_for.py", ""));
    sources.publish_wheel(&Wheel::new("extra", "3.0").file("extra.py", ""));
    sources.publish_sdist("sdistdep", "[tool.tiny]\nasks = [\"asked-for>=1\"]\n");
    sources.publish_sdist("bothdep", "");
    sources.publish_wheel(&Wheel::new("bothdep", "1.0").file("bothdep.py", "WHAT = 'wheel'\n"));
    sources.publish_sdist("preferdep", "");
    sources.publish_wheel(&Wheel::new("preferdep", "1.0").file("preferdep.py", "WHAT = 'wheel'\n"));
    sources.publish_wheel(&Wheel::new("wheeldep", "1.0").file("wheeldep.py", "WHAT = 'wheel'\n"));
    sources.publish_sdist("wheeldep", "");
    // What has to be built for a build that has to be done for a build.
    sources.publish_sdist("innermost", "");
    sources.publish_sdist("inner", "[tool.tiny]\nasks = [\"innermost\"]\n");
    sources.publish_sdist("nesting", "[tool.tiny]\nasks = [\"inner\"]\n");
    let pathdep = sources.sdist("pathdep", "");
    sources.context.write("archives/pathdep-1.0.tar.gz", pathdep);
    // A commit with the package in a folder, and a submodule in that, with one of its own.
    sources.context.write("repositories/leaf/leaf.txt", "leaf\n");
    sources.commit("repositories/leaf", "v1");
    sources.context.write("repositories/data/data.txt", "data\n");
    sources.git("repositories/data", &["init", "--quiet", "-b", "main"]);
    sources.git("repositories/data", &["submodule", "--quiet", "add", "../leaf", "more/leaf"]);
    sources.commit("repositories/data", "v1");
    sources.package("repositories/gitdep/sub", "gitdep", "version = \"1.0\"", "");
    sources.git("repositories/gitdep", &["init", "--quiet", "-b", "main"]);
    sources.git("repositories/gitdep", &["submodule", "--quiet", "add", "../data", "sub/vendored"]);
    sources.commit("repositories/gitdep", "v1");
    sources.package("dirdep", "dirdep", "version = \"1.0\"", "");
    sources.package("app/libs/editdep", "editdep", "version = \"1.0\"", "");
    sources.package("app/packages/member", "member", "version = \"1.0\"\ndependencies = [\"wheeldep\"]", "");
    sources.context.write(
        "app/fix.patch",
        "--- a/sdistdep.py\n+++ b/sdistdep.py\n@@ -1 +1 @@\n-WHAT = 'source'\n+WHAT = 'patched'\n",
    );
    let git = format!("file://{}/repositories/gitdep", sources.context.path().display());
    let dependencies = [
        "sdistdep",
        "bothdep",
        "preferdep",
        "wheeldep",
        "nesting",
        "pathdep",
        "gitdep",
        "dirdep",
        "editdep",
        "member",
    ];
    sources.package(
        "app",
        "app",
        &format!("version = \"1.0\"\nrequires-python = \">=3.11\"\ndependencies = {dependencies:?}"),
        &format!(
            r#"
[tool.uv.workspace]
members = ["packages/*"]
[tool.uv.sources]
member = {{ workspace = true }}
gitdep = {{ git = "{git}", tag = "v1", subdirectory = "sub" }}
pathdep = {{ path = "../archives/pathdep-1.0.tar.gz" }}
dirdep = {{ path = "../dirdep" }}
editdep = {{ path = "libs/editdep", editable = true }}
[tool.uv]
no-binary-package = ["bothdep"]
[tool.uv.config-settings]
colour = "blue"
[tool.uv.extra-build-dependencies]
sdistdep = ["extra"]
[tool.invar.python]
bytecode = false
[tool.invar.python.overrides.sdistdep]
patches = ["fix.patch"]
env = {{ COLOUR = "red" }}
exclude = ["sdistdep_data/secret.txt"]
[tool.invar.python.overrides.preferdep]
prefer = "sdist"
{}"#,
            sources.index()
        ),
    );
    sources.context.write("app/.gitignore", "*.log\n");
    sources.context.write("app/noise.log.txt", "noise\n");
}

#[test]
fn everything_that_uv_lock_can_name() {
    let Some(mut sources) = Sources::new("everything_that_uv_lock_can_name") else { return };
    everything(&mut sources);
    sources.lock("app");
    let locked = sources.read("app/invar.lock");
    for (file, bytes) in sources.files.iter().filter(|(file, _)| file.starts_with("files/")) {
        // What builds get is locked; what is installed is in uv.lock.
        let file = file.trim_start_matches("files/");
        let of_builds =
            ["tiny", "extra", "asked_for", "inner-", "innermost"].iter().any(|name| file.starts_with(name));
        let is_locked = locked.contains(&format!("file = \"{file}\"")) && locked.contains(&sha256(bytes));
        assert_eq!(is_locked, of_builds, "{file}\n{locked}");
    }
    let expected = sources.build("app");
    let packages = sources.packages("app");
    expect(
        &packages,
        "sdistdep",
        &["'patched'", "'colour': 'red'", "asked-for==2.0", "extra==3.0", "{'colour': 'blue'}"],
    );
    let found = Ran::of(Command::new("find").arg(packages.join("sdistdep_data"))).stdout;
    assert_eq!(found, "", "what is excluded is not there, and no folder that held nothing else");
    expect(&packages, "bothdep", &["'source'", "tiny==1.0", "'colour': None"]);
    expect(&packages, "preferdep", &["'source'"]);
    expect(&packages, "wheeldep", &["'wheel'"]);
    expect(&packages, "nesting", &["'source'", "inner==1.0", "tiny==1.0"]);
    expect(&packages, "pathdep", &["'source'"]);
    expect(&packages, "gitdep", &["'source'", "'from': '/build/source/sub'", "'git': False"]);
    for (module, file, text) in [
        ("gitdep", "vendored/data.txt", "data\n"),
        ("gitdep", "vendored/more/leaf/leaf.txt", "leaf\n"),
        ("pathdep", "secret.txt", "not for everybody\n"),
        ("app", "noise.log.txt", "noise\n"),
    ] {
        let found = fs::read_to_string(packages.join(format!("{module}_data")).join(file));
        assert_eq!(found.ok().as_deref(), Some(text), "{file}");
    }
    for module in ["dirdep", "editdep", "member", "app"] {
        expect(&packages, module, &["'source'", "'from': '/build/source'"]);
    }
    // The project is installed as the wheel that was built of it, and nothing of it is copied.
    assert!(!sources.context.path().join("root/app/pyproject.toml").exists());
    assert!(packages.join("app-1.0.dist-info/INSTALLER").exists());

    // From the full store, without a network.
    let mut offline = sources.invar();
    offline.args(["build", "--offline", "--locked", "--json", "-o", "image.tar", "app"]);
    assert_eq!(digest(&Ran::of(&mut offline).success()), expected);

    // From what was downloaded alone, in another folder, under another umask, time zone and locale, on one CPU.
    copy_project(&sources.context.path().join("app"), &sources.context.path().join("else where/app"));
    copy_project(&sources.context.path().join("dirdep"), &sources.context.path().join("else where/dirdep"));
    copy_project(
        &sources.context.path().join("archives"),
        &sources.context.path().join("else where/archives"),
    );
    let store = sources.context.path().join("store");
    fs::create_dir_all(&store).expect("it can be made");
    for part in ["blobs", "format"] {
        let from = sources.context.store().join(part);
        Ran::of(Command::new("cp").arg("-rl").arg(from).arg(&store)).success();
    }
    let invar = sources.invar();
    let mut again = Command::new("sh");
    let script = "umask 077; exec $(command -v taskset >/dev/null && echo taskset -c 0) \"$@\"";
    again.args(["-c", script, "sh"]).arg(invar.get_program()).env_clear();
    for (name, value) in invar.get_envs() {
        if let Some(value) = value {
            again.env(name, value);
        }
    }
    again.env("INVAR_STORE", &store).env("INVAR_JOBS", "1").env("TZ", "Pacific/Chatham");
    again.env("LC_ALL", "tr_TR.UTF-8").env("USER", "somebody").env("SOURCE_DATE_EPOCH", "1");
    again.args(["build", "--locked", "--json", "-o", "image.tar", "else where/app"]);
    again.current_dir(sources.context.path());
    assert_eq!(digest(&Ran::of(&mut again).success()), expected);

    // Preferring sources for all of them takes what has both.
    let manifest = sources
        .read("app/pyproject.toml")
        .replace("bytecode = false", "bytecode = false\nprefer = \"sdist\"");
    sources.context.write("app/pyproject.toml", manifest);
    sources.lock("app");
    let again = sources.read("app/invar.lock");
    assert!(
        again.contains("\nname = \"wheeldep\"\n") && !locked.contains("\nname = \"wheeldep\"\n"),
        "{again}"
    );
    expect(&sources.packages("app"), "wheeldep", &["'source'"]);

    // uv's `no-build` holds for everything but the workspace.
    let manifest = sources
        .read("app/pyproject.toml")
        .replace("[tool.uv]\n", "[tool.uv]\nno-build-package = [\"inner\"]\n");
    sources.context.write("app/pyproject.toml", manifest.clone());
    let message = Ran::of(sources.invar().args(["lock", "--update", "app"])).failure(2);
    assert!(message.contains("inner") && message.contains("nesting"), "{message}");
    let manifest = manifest.replace("no-build-package = [\"inner\"]", "no-build-package = [\"bothdep\"]");
    sources.context.write("app/pyproject.toml", manifest);
    let message = Ran::of(sources.invar().args(["lock", "--update", "app"])).failure(2);
    assert!(message.contains("bothdep"), "{message}");
}

#[test]
fn the_shell_is_locked_when_it_is_asked_for() {
    let test = "the_shell_is_locked_when_it_is_asked_for";
    let Some(mut sources) = Sources::new(test) else { return };
    sources.publish_sdist("imagedep", "");
    sources.publish_sdist("devdep", "");
    let index = sources.index();
    let manifest = format!(
        "[project]\nname = \"app\"\nversion = \"1\"\nrequires-python = \">=3.11\"\ndependencies = [\"imagedep\"]\n\
         [dependency-groups]\ndev = [\"devdep\"]\n[tool.invar]\nexclude = [\"uv.lock\"]\n\
         python.bytecode = false\n{index}"
    );
    sources.context.write("app/pyproject.toml", manifest);
    sources.lock("app");
    let (whole, plain) = (sources.read("app/invar.lock"), sources.build("app"));
    assert!(whole.contains("\nname = \"devdep\"\n"), "with uv, everything is locked in one go");

    // The same without what the shell needs: where there is no uv, what is known of the image is kept.
    let (before, after) = whole.split_once("[[platform.build]]\nname = \"devdep\"\n").expect("it is locked");
    let (_, after) = after.split_once("\n\n").expect("more follows");
    sources.context.write("app/invar.lock", format!("{before}{after}"));
    let nothing = sources.context.path().join("nothing");
    fs::create_dir_all(&nothing).expect("it can be made");
    let without_uv = |arguments: &[&str]| Ran::of(sources.invar().env("PATH", &nothing).args(arguments));
    let locked = without_uv(&["lock", "app"]);
    assert!(locked.stderr.contains("devdep has to be built"), "{}", locked.stderr);
    locked.success();
    assert_eq!(sources.build("app"), plain);
    without_uv(&["shell", "--locked", "app", "--", "true"]).failure(3);

    // The shell locks what it needs, and the lock is what it would have been.
    let print = "import devdep, imagedep; print(devdep.WHAT, imagedep.WHAT)";
    let shell = ["shell", "--quiet", "app", "--", "python", "-c", print];
    assert_eq!(Ran::of(sources.invar().args(shell)).success(), "source source\n");
    assert_eq!(sources.read("app/invar.lock"), whole);
    assert_eq!(sources.build("app"), plain);
}

#[test]
fn versions_come_from_the_lock() {
    let test = "versions_come_from_the_lock";
    let Some(path) = programs(test) else { return };
    let context = with_shared_store();
    let sources = Sources { context, server: Server::start(BTreeMap::new()), files: BTreeMap::new(), path };
    sources.context.write(".gitconfig", "[user]\nname = x\nemail = x@example\n");
    let module = |folder: &str, name: &str, keys: &str| {
        let text = format!("[project]\nname = \"{name}\"\ndynamic = [\"version\"]\n{keys}");
        sources.context.write(&format!("app/{folder}pyproject.toml"), text);
        sources.context.write(&format!("app/{folder}src/{name}/__init__.py"), "");
    };
    module(
        "",
        "app",
        "requires-python = \">=3.11\"\ndependencies = [\"member\"]\n\
         [build-system]\nrequires = [\"hatchling\", \"hatch-vcs\"]\nbuild-backend = \"hatchling.build\"\n\
         [tool.hatch.version]\nsource = \"vcs\"\n[tool.hatch.build.hooks.vcs]\nversion-file = \"src/app/_version.py\"\n\
         [tool.uv.workspace]\nmembers = [\"member\"]\n[tool.uv.sources]\nmember = { workspace = true }\n\
         [tool.invar]\npython.bytecode = false\n",
    );
    module(
        "member/",
        "member",
        "[build-system]\nrequires = [\"setuptools>=80\", \"setuptools-scm>=8\"]\n\
         build-backend = \"setuptools.build_meta\"\n[tool.setuptools_scm]\nroot = \"..\"\n",
    );
    sources.context.write("app/.gitignore", "_version.py\n*.tar\n");
    sources.commit("app", "v1.2.3");
    // uv does not lock such versions: the tags do when locking, and invar.lock keeps what they say.
    let mut uv = sources.command("uv");
    let mut lock = sources.invar();
    trust_index(&mut uv);
    trust_index(&mut lock);
    uv.current_dir(sources.context.path().join("app")).env("UV_PYTHON_DOWNLOADS", "never");
    Ran::of(uv.args(["lock", "--quiet"])).success();
    Ran::of(lock.args(["lock", "app"])).success();
    let expected = sources.build("app");
    let packages = sources.packages("app");
    for name in ["app", "member"] {
        assert!(packages.join(format!("{name}-1.2.3.dist-info")).is_dir(), "{name}");
    }
    let text = fs::read_to_string(packages.join("app/_version.py")).expect("the hook has written it");
    assert!(text.contains("1.2.3"), "{text}");

    // What is said by the repository now, or that there is none, is of no account.
    copy_project(&sources.context.path().join("app"), &sources.context.path().join("unpacked/app"));
    fs::remove_dir_all(sources.context.path().join("unpacked/app/.git")).expect("it was copied");
    sources.commit_again("app");
    let mut unpacked = sources.invar();
    let store = sources.context.path().join("store");
    fs::create_dir_all(&store).expect("it can be made");
    for part in ["blobs", "format"] {
        let from = sources.context.store().join(part);
        Ran::of(Command::new("cp").arg("-rl").arg(from).arg(&store)).success();
    }
    unpacked.env("INVAR_STORE", &store).args(["build", "--offline", "--locked", "--json", "-o", "image.tar"]);
    assert_eq!(digest(&Ran::of(unpacked.arg("unpacked/app")).success()), expected);
    assert_eq!(sources.build("app"), expected);
    // Locking where there is no repository keeps what is locked.
    let before = sources.read("unpacked/app/invar.lock");
    Ran::of(sources.invar().args(["lock", "--offline", "unpacked/app"])).success();
    assert_eq!(sources.read("unpacked/app/invar.lock"), before);
}
