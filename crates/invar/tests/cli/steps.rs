//! Build steps, and `invar run`, with real packages of this machine's Debian mirror.
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use crate::support::tools::Tools;
use crate::support::{Context, Ran, have, repository};

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
    let context = Context::new();
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

    // Elsewhere, under another environment and umask, and from nothing.
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
    // Another store has nothing laid out yet, and that takes a while with a large image: it is told, once.
    let elsewhere = || {
        let mut command = context.invar();
        command.env("INVAR_STORE", context.path().join("another store"));
        Ran::of(command.args(["run", "project", "--", "good day"]))
    };
    assert!(elsewhere().stderr.contains("Laying out the layer system: "), "{}", elsewhere().stderr);
    assert!(!elsewhere().stderr.contains("Laying out"), "{}", elsewhere().stderr);
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
    assert!(message.contains("step bad did not make x"), "{message}");
}

/// A project of steps whose programs are this machine's own.
fn steps(steps: &str) -> Tools {
    Tools::locked(&format!("[image]\nname = \"steps\"\n{steps}"))
}

#[test]
fn steps_that_do_not_wait_for_each_other_run_at_once() {
    // Neither ends by itself. One after the other, the first would fail before the second begins.
    let endless = |name: &str| {
        format!(
            "[[step]]\nname = \"{name}\"\nrun = \"sleep 1000000\"\noutputs = {{ x = \"/{name}\" }}\ntimeout = \"1m\"\n"
        )
    };
    let project = steps(&(endless("one") + &endless("two")));
    let mut command = project.invar();
    command.args(["build", "--json", "--locked", "--jobs", "2", "project"]);
    let mut child =
        command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().expect("invar can be started");
    let lines = BufReader::new(child.stderr.take().expect("it is piped")).lines();
    let mut started = 0;
    for line in lines {
        started += usize::from(line.expect("it is text").contains("step-started"));
        if started == 2 {
            break;
        }
    }
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    assert_eq!(started, 2);
}

#[test]
fn files_are_fetched_as_they_were_locked() {
    let step = "[[step]]\nname = \"fetched\"\nfetch = [{ url = \"SERVER/data.txt\" }]\nrun = \"cat data.txt > x\"\n\
                outputs = { x = \"/x\" }\n";
    let project = Tools::new(&format!("[image]\nname = \"steps\"\n{step}"));
    project.server.put([("data.txt".to_owned(), b"data\n".to_vec())].into());
    project.lock();
    assert_eq!(fs::read_to_string(project.root().join("x")).expect("the image has it"), "data\n");
    // What is there now is not what was locked, and the store is empty.
    project.server.put([("data.txt".to_owned(), b"DATA\n".to_vec())].into());
    fs::remove_dir_all(project.context.store()).expect("the store is ours");
    let message = project.run(&["build", "--locked", "project"]).failure(5);
    let (was, is) = (invar_testkit::sha256(b"data\n"), invar_testkit::sha256(b"DATA\n"));
    for expected in ["data.txt", &was, &is] {
        assert!(message.contains(expected), "{expected} is not in:\n{message}");
    }
    // A file that the lock does not know is not fetched.
    let manifest =
        fs::read_to_string(project.context.path().join("project/invar.toml")).expect("it was written");
    project.context.write("project/invar.toml", manifest.replace("data.txt\"", "more.txt\""));
    let message = project.run(&["build", "--locked", "project"]).failure(3);
    assert!(message.contains("more.txt") && message.contains("invar lock"), "{message}");
    // A digest in the manifest is the author's word, and needs no lock.
    let wrong = manifest.replace("data.txt\" }", &format!("data.txt\", sha256 = \"{was}\" }}"));
    project.context.write("project/invar.toml", wrong);
    let message = project.run(&["build", "--locked", "project"]).failure(5);
    assert!(message.contains(&was) && message.contains(&is), "{message}");
}

/// Steps that run nothing but one, which looks at what the others have put.
const PUT: &str = r##"
[[step]]
name = "put"
fetch = [{ url = "SERVER/data.txt" }]
outputs = { "words.txt" = "/bin/words", "tool.sh" = { path = "/bin/tool", executable = true }, "folder" = "/srv/folder", "data.txt" = "/srv/data" }
files = { "/etc/app.conf" = "a = 1\n", "/bin/hi" = { text = "#!/bin/sh\necho hi \"$A\" \"$@\"\n", executable = true } }
links = { "/bin/list" = "/usr/bin/ls" }
wrap = { program = "/bin/hi", as = "/sbin/hi", args = ["first"], args-after = ["last"], env = { A = "1" } }
[[step]]
name = "again"
inputs = ["put", "folder/**/*.css"]
outputs = { "/bin/words" = "/srv/words", "/srv/folder" = "/srv/second", "." = "/srv/styles" }
[[step]]
name = "in-place"
wrap = [{ program = "/bin/tool", unset = ["A"] }, { program = "/bin/cat", prefix = { PATH = ["/x"] } }]
[[step]]
name = "look"
inputs = ["put"]
run = "/sbin/hi middle > seen; cat /bin/words >> seen; /bin/list /srv/folder >> seen"
outputs = { seen = "/srv/seen" }
"##;

#[test]
fn files_links_and_launchers_are_put_without_a_command() {
    let project = Tools::new(&format!("include = []\n[image]\nname = \"put\"\n{PUT}"));
    project.server.put([("data.txt".to_owned(), b"data\n".to_vec())].into());
    for (path, text) in [("words.txt", "words\n"), ("tool.sh", "#!/bin/sh\n"), ("folder/a/x.css", "css\n")] {
        project.context.write(&format!("project/{path}"), text);
    }
    project.context.write("project/folder/a/y.txt", "y\n");
    project.lock();
    let root = project.root();
    let read = |path: &str| fs::read_to_string(root.join(path)).unwrap_or_else(|_| panic!("no {path}"));
    for (path, text) in [
        ("usr/bin/words", "words\n"),
        ("usr/bin/.tool-wrapped", "#!/bin/sh\n"),
        ("srv/folder/a/y.txt", "y\n"),
        ("srv/data", "data\n"),
        ("etc/app.conf", "a = 1\n"),
        ("srv/words", "words\n"),
        ("srv/second/a/y.txt", "y\n"),
        ("srv/styles/folder/a/x.css", "css\n"),
        ("srv/seen", "hi 1 first middle last\nwords\na\n"),
    ] {
        assert_eq!(read(path), text, "{path}");
    }
    let mode = |path: &str| fs::metadata(root.join(path)).expect("it is there").permissions().mode() & 0o777;
    for (path, expected) in [
        ("usr/bin/words", 0o644),
        ("usr/bin/hi", 0o755),
        ("usr/bin/.tool-wrapped", 0o755),
        ("usr/bin/tool", 0o755),
        ("usr/bin/.cat-wrapped", 0o755),
        ("etc/app.conf", 0o644),
    ] {
        assert_eq!(mode(path), expected, "{path}");
    }
    let target = |path: &str| fs::read_link(root.join(path)).expect("it is a link");
    assert_eq!(target("usr/bin/list").to_str(), Some("/usr/bin/ls"));
    assert_eq!(target("bin").to_str(), Some("usr/bin"), "the image's links stay");
    assert!(!root.join("srv/styles/folder/a/y.txt").exists(), "it is not among the inputs");
    let told = project.run(&["why", "/usr/bin/words", "project"]).success();
    assert!(told.contains("words.txt → /bin/words"), "{told}");
}

#[test]
fn outputs_that_are_not_there_are_named() {
    let project = steps("[[step]]\nname = \"a\"\nlinks = { \"/x\" = \"/y\" }\n");
    project.context.write("project/.gitignore", "*.log\n");
    project.context.write("project/a.log", "");
    let check = |step: &str, expected: &str| {
        project.write_manifest(&format!("[image]\nname = \"steps\"\n[[step]]\nname = \"a\"\n{step}\n"));
        let message = project.run(&["build", "--locked", "project"]).failure(2);
        assert!(message.contains(expected), "{expected} is not in:\n{message}");
    };
    let outputs = |from: &str| format!("outputs = {{ \"{from}\" = \"/bin/x\" }}");
    check(
        &outputs("mian.py"),
        "step a: `outputs` names \"mian.py\", and there is no such file in the project",
    );
    check(&outputs("a.log"), "step a: `outputs` names \"a.log\", which is there, but git ignores it");
    check(&outputs("/srv/x"), "which is not in the outputs of the steps among its inputs");
}

#[test]
fn inputs_that_match_nothing_and_steps_in_a_circle() {
    let project = steps(
        "[[step]]\nname = \"typo\"\ninputs = [\"*.txt\", \"fronted/**\"]\nrun = \"echo > x\"\noutputs = { x = \"/x\" }\n",
    );
    project.context.write("project/words.txt", "words\n");
    let message = project.run(&["build", "--locked", "project"]).failure(2);
    assert!(message.contains("step typo") && message.contains("fronted/**"), "{message}");
    let step = |name: &str, input: &str| {
        format!(
            "[[step]]\nname = \"{name}\"\ninputs = [\"{input}\"]\nrun = \"true\"\noutputs = {{ x = \"/{name}\" }}\n"
        )
    };
    project.write_manifest(&format!(
        "[image]\nname = \"steps\"\n{}{}",
        step("hen", "egg"),
        step("egg", "hen")
    ));
    let message = project.run(&["build", "--locked", "project"]).failure(2);
    assert!(
        message.contains("hen") && message.contains("egg") && message.contains("invar.toml"),
        "{message}"
    );
}

#[test]
fn the_number_of_cpus_is_the_same_on_a_machine_with_one() {
    if !have("the_number_of_cpus_is_the_same_on_a_machine_with_one", &["taskset"]) {
        return;
    }
    let run = "mkdir out; nproc > out/usual; nproc --all > out/all; cat /sys/devices/system/cpu/online > out/online";
    let project =
        steps(&format!("[[step]]\nname = \"count\"\nrun = \"{run}\"\noutputs = {{ out = \"/app/out\" }}\n"));
    let digest = project.run(&["build", "--locked", "project"]).success();
    for (file, expected) in [("usual", "2\n"), ("all", "2\n"), ("online", "0-1\n")] {
        assert_eq!(
            fs::read_to_string(project.root().join("app/out").join(file)).expect("it is there"),
            expected
        );
    }
    let invar = project.invar();
    let mut alone = project.invar_through("taskset");
    let list = fs::read_to_string("/proc/self/status").expect("it can be read");
    let list = list.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).expect("it is told");
    let first: String = list.trim().chars().take_while(char::is_ascii_digit).collect();
    alone.args(["-c", &first]).arg(invar.get_program()).args(["build", "--locked", "project"]);
    alone.env("INVAR_STORE", project.context.path().join("another store"));
    assert_eq!(Ran::of(&mut alone).success(), digest);
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

/// Its `uv.lock`, but for the package that the group names. A requirements file does not say where its wheels come
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
    let context = Context::with_shared_store();
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
    assert!(message.contains(&format!("has a file for idna {version} with one of the hashes")), "{message}");
}
