//! Build steps, and `invar run`, with real packages of this machine's Debian mirror.
use std::fs;

use super::archives::{with_empty_store, with_shared_store};
use crate::support::{Context, Ran, repository};

/// Two steps, of which the second takes what the first made and replaces the program by a launcher.
const MANIFEST: &str = r#"
packages = ["hello"]
include = []

[image]
name = "stepped"
entrypoint = ["/usr/local/bin/greet"]
command = ["hello"]

[[step]]
name = "first"
inputs = ["words.txt"]
run = "mkdir out; sort words.txt > out/sorted; id -u > out/user; nproc > out/cpus; pwd > out/folder; umask > out/umask; hostname > out/host; echo $HOME $TZ $LC_ALL $SOURCE_DATE_EPOCH > out/env; env | grep -c SECRET > out/secret || true"
outputs = { "out" = "/app/first" }

[[step]]
name = "second"
inputs = ["first"]
run = "cp /app/first/sorted again; bash -c 'echo > /dev/tcp/127.0.0.1/PORT' 2>/dev/null && echo open > network || echo closed > network"
outputs = { "again" = "/app/second", "network" = "/app/network" }
wrap = { program = "/usr/bin/hello", as = "/usr/local/bin/greet", args = ["--greeting"] }
"#;

fn project(manifest: &str) -> Context {
    let context = with_empty_store();
    context.write("project/invar.toml", manifest);
    context.write("project/words.txt", "b\na\n");
    context.run(&["lock", "project"]).success();
    context
}

fn read(context: &Context, path: &str) -> String {
    fs::read_to_string(context.path().join("root").join(path)).expect("the image has the file")
}

#[test]
fn a_library_that_only_the_build_had_is_told() {
    let step = "include = []\n[image]\nname = \"calculator\"\n[[step]]\nname = \"take\"\npackages = [\"bc\"]\n\
        run = \"cp /usr/bin/bc bc\"\noutputs = { \"bc\" = \"/app/bc\" }\n";
    let context = project(step);
    let ran = context.run(&["build", "-o", "one.tar", "project"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let warning = ran.stderr.lines().find(|line| line.contains("step take needs ")).unwrap_or_default();
    assert!(warning.contains("libreadline.so.8") && warning.contains("\"libreadline8"), "{}", ran.stderr);
    assert!(!warning.contains("libc.so.6"), "the image has it: {warning}");

    // What it says helps.
    let names = warning.split("add ").nth(1).and_then(|rest| rest.split(" to `packages`").next());
    let packages = format!("packages = [{}]\n", names.expect("the warning names packages"));
    context.write("project/invar.toml", packages + step);
    context.run(&["lock", "project"]).success();
    let ran = context.run(&["build", "-o", "two.tar", "project"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(!ran.stderr.contains("needs "), "{}", ran.stderr);
    assert_eq!(context.run(&["run", "project", "--", "/app/bc", "--version"]).code, 0);
}

#[test]
fn steps_see_what_is_named_and_nothing_else() {
    // Somebody listens on this machine, and a step must not reach it.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = listener.local_addr().expect("it is bound").port().to_string();
    std::net::TcpStream::connect(listener.local_addr().expect("it is bound"))
        .expect("it can be reached from here");
    let context = project(&MANIFEST.replace("PORT", &port));
    let digest = context.run(&["build", "-o", "one.tar", "project"]).success();
    context.run(&["build", "--format", "rootfs-dir", "-o", "root", "project"]).success();
    assert_eq!(read(&context, "app/first/sorted"), "a\nb\n");
    assert_eq!(read(&context, "app/second"), "a\nb\n");
    assert_eq!(read(&context, "app/network"), "closed\n");
    assert_eq!(read(&context, "app/first/user"), "0\n");
    assert_eq!(read(&context, "app/first/folder"), "/build\n");
    assert_eq!(read(&context, "app/first/umask"), "0022\n");
    assert_eq!(read(&context, "app/first/host"), "invar\n");
    assert_eq!(read(&context, "app/first/env"), "/root UTC C.UTF-8 315619200\n");
    assert_eq!(read(&context, "app/first/secret"), "0\n");
    assert!(!context.path().join("root/bin/sh").exists(), "what steps need is not in the image");

    // HostOverrides, under another environment and umask, and from nothing.
    let script = "umask 077; exec \"$@\"";
    let mut again = std::process::Command::new("sh");
    let invar = context.invar();
    again.args(["-c", script, "sh"]).arg(invar.get_program());
    again.args(["build", "-o", "two.tar", "project"]).current_dir(context.path());
    again.env("INVAR_STORE", context.path().join("another store")).env("INVAR_JOBS", "1");
    again.env("TZ", "Asia/Tokyo").env("LC_ALL", "tr_TR.UTF-8").env("SECRET", "x").env("HOME", "/nonexistent");
    assert_eq!(Ran::of(&mut again).success(), digest);

    // What has not changed is not run again.
    context.write("project/words.txt", "c\n");
    let ran = context.run(&["build", "--json", "-o", "three.tar", "project"]);
    let started = ran.stderr.matches("step-started").count();
    assert_eq!(started, 2, "the second takes what the first makes: {}", ran.stderr);
    context.write("project/other.txt", "not an input");
    let ran = context.run(&["build", "--json", "-o", "four.tar", "project"]);
    assert_eq!(ran.stderr.matches("step-started").count(), 0, "{}", ran.stderr);
}

#[test]
fn programs_run_without_a_daemon() {
    let context = project(MANIFEST);
    let said = context.run(&["run", "--quiet", "project", "--", "good day"]).success();
    assert_eq!(said, "good day\n");
    // Another store has nothing laid out yet, and that takes a while with a large image: it is reported, once.
    let elsewhere = || {
        let mut command = context.invar();
        command.env("INVAR_STORE", context.path().join("another store"));
        Ran::of(command.args(["run", "project", "--", "good day"]))
    };
    assert!(elsewhere().stderr.contains("Unpacking layer `system`"), "{}", elsewhere().stderr);
    assert!(!elsewhere().stderr.contains("Unpacking layer"), "{}", elsewhere().stderr);
    context.run(&["run", "--quiet", "project", "--entrypoint", "/nowhere"]).failure(127);
    #[expect(clippy::disallowed_methods, reason = "the order does not matter, only how many there are")]
    let left = fs::read_dir(context.store().join("tmp")).expect("the store has a folder for this").count();
    assert_eq!(left, 0, "nothing is left behind");
}

#[test]
fn a_step_that_fails_says_why_and_where() {
    let run = "run = \"echo before; no-such-program\"";
    let broken = "[image]\nname = \"broken\"\n[[step]]\nname = \"bad\"\noutputs = { x = \"/x\" }\n";
    let context = project(&format!("packages = [\"hello\"]\n{broken}{run}\n"));
    let message = context.run(&["build", "--keep-failed", "project"]).failure(1);
    for expected in ["step bad failed with exit code 127", "| before", "no-such-program", "the full log is"] {
        assert!(message.contains(expected), "{expected} is not in:\n{message}");
    }
    assert!(context.store().join("failed").is_dir(), "its files are kept");
    context.write("project/invar.toml", format!("packages = [\"hello\"]\n{broken}run = \"true\"\n"));
    let message = context.run(&["build", "project"]).failure(1);
    assert!(message.contains("step bad did not create its output x"), "{message}");
}

/// A project whose image has Python and what a step makes of a requirements file with the hash of one wheel.
const WITH_PIP: &str = r#"
[project]
name = "tools"
version = "1"
requires-python = ">=3.13"
[dependency-groups]
dev = ["idna"]

[tool.invar.image]
command = ["python"]
[[tool.invar.step]]
name = "install"
packages = ["python3-pip"]
inputs = ["tools/requirements.txt"]
run = "pip install --require-hashes --no-compile --target out -r tools/requirements.txt"
outputs = { "out" = "/app/installed" }
"#;

/// Its `uv.lock`, except for the package that the group names. A requirements file does not say where its wheels come
/// from, so they come from where the lock's do.
const LOCK_WITH_PIP: &str = r#"version = 1
revision = 3
requires-python = ">=3.13"

[[package]]
name = "tools"
version = "1"
source = { virtual = "." }

[package.dev-dependencies]
dev = [{ name = "idna" }]

[package.metadata]

[package.metadata.requires-dev]
dev = [{ name = "idna" }]
"#;

/// What the lock of an example has of `name`, with its version and the hash of its only wheel.
fn locked_package(name: &str) -> (String, String, String) {
    let lock = repository().join("examples/fortune-cat/uv.lock");
    let lock = fs::read_to_string(lock).expect("the example has a lock");
    let wanted = format!("name = \"{name}\"\n");
    let mut packages = lock.split("[[package]]\n");
    let package = packages.find(|package| package.starts_with(&wanted)).expect("the example has the package");
    let quoted = |before: &str, text: &str| {
        let after = text.split(before).nth(1).expect("it is there");
        after.split('"').next().unwrap_or_default().to_owned()
    };
    let wheels = package.split("wheels = [").nth(1).expect("it has a wheel");
    let (version, hash) = (quoted("version = \"", package), quoted("hash = \"", wheels));
    (format!("[[package]]\n{package}"), version, hash)
}

#[test]
fn pip_installs_what_a_requirements_file_names_without_a_network() {
    let context = with_shared_store();
    let (package, version, hash) = locked_package("idna");
    context.write("project/pyproject.toml", WITH_PIP);
    context.write("project/uv.lock", format!("{LOCK_WITH_PIP}\n{package}"));
    context.write("project/tools/requirements.txt", format!("idna=={version} \\\n    --hash={hash}\n"));
    context.run(&["lock", "project"]).success();
    let print = "import sys; sys.path.insert(0, '/app/installed'); import idna; print(idna.__version__, idna.__file__)";
    let python = ["run", "--quiet", "--locked", "--entrypoint", "python", "project", "--", "-c", print];
    let printed = context.run(&python).success();
    assert_eq!(printed, format!("{version} /app/installed/idna/__init__.py\n"));
    // Neither the clock nor the order of folders reaches what pip leaves.
    let told = context.run(&["verify", "--locked", "--cache-check=install", "project"]).success();
    assert!(told.contains("step install                     same"), "{told}");

    // A file of another hash is nowhere, and nothing else is installed in its place.
    let other = format!("idna=={version} --hash=sha256:{}\n", "0".repeat(64));
    context.write("project/tools/requirements.txt", other);
    let message = context.run(&["build", "--locked", "project"]).failure(4);
    assert!(
        message.contains(&format!("has a file for idna {version} with one of the locked hashes")),
        "{message}"
    );
}
