use invar_oci::{Healthcheck, ImageConfig};
use invar_plan::Plan;
use invar_project::{LockedInterpreter, Platform};
use invar_tree::{ImagePath, MemoryTree, Mode, Origin, Owner, Sink as _};

use super::check_command;
use super::view::View;
use super::writable::unwritable;

/// An ELF header of a 64-bit program without segments for `machine`.
fn elf(machine: u8) -> Vec<u8> {
    let mut bytes = vec![0; 64];
    bytes[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    (bytes[16], bytes[18]) = (3, machine);
    bytes
}

/// The image that the checks are tried on; `own` are its project's files, of which those that end in `!` are executable.
fn image(own: &[(&str, &[u8])]) -> MemoryTree {
    let path = |path: &str| ImagePath::parse(path).expect("it is a path");
    let mut tree = MemoryTree::new(Origin::Environment);
    let program = elf(62);
    for name in ["python3.13", "env", "dash", "tini", "node"] {
        let place = path(&format!("usr/bin/{name}"));
        tree.file(place, Mode::PROGRAM, Owner::ROOT, &mut &program[..]).expect("memory takes it");
    }
    let modules = [
        "usr/lib/python3.13/http/__init__.py",
        "usr/lib/python3.13/http/server.py",
        "usr/lib/python3.13/venv/__init__.py",
        "usr/lib/python3.13/venv/__main__.py",
        "usr/lib/python3.13/lib-dynload/_json.cpython-313-x86_64-linux-gnu.so",
        "app/.venv/lib/python3.13/site-packages/thing/__init__.py",
        "app/.venv/lib/python3.13/site-packages/thing/app.py",
        "app/.venv/lib/python3.13/site-packages/uvicorn/__init__.py",
        "app/.venv/lib/python3.13/site-packages/uvicorn/__main__.py",
        "etc/passwd",
    ];
    for file in modules {
        let text: &[u8] = if file == "etc/passwd" { b"app:x:1000:1000::/:\n" } else { b"" };
        tree.file(path(file), Mode::FILE, Owner::ROOT, &mut &text[..]).expect("memory takes it");
    }
    for (name, module) in
        [("gunicorn", "uvicorn"), ("uvicorn", "uvicorn"), ("lost", "server"), ("late", "thing.late")]
    {
        let place = path(&format!("app/.venv/bin/{name}"));
        let script = format!(
            "#!/app/.venv/bin/python\nimport sys\nfrom {module} import main\nif __name__ == \"__main__\":\n    \
             sys.exit(main())\n"
        );
        tree.file(place, Mode::PROGRAM, Owner::ROOT, &mut script.as_bytes()).expect("memory takes it");
    }
    let late: &[u8] = b"async def main():\n    pass\n\nif __name__ == \"__main__\":\n    run(main())\n";
    let place = path("app/.venv/lib/python3.13/site-packages/thing/late.py");
    tree.file(place, Mode::FILE, Owner::ROOT, &mut &late[..]).expect("memory takes it");
    tree.symlink(path("bin"), "usr/bin".into(), Owner::ROOT).expect("memory takes it");
    tree.symlink(path("usr/bin/python"), "python3.13".into(), Owner::ROOT).expect("memory takes it");
    tree.symlink(path("usr/bin/gone"), "/nowhere".into(), Owner::ROOT).expect("memory takes it");
    tree.symlink(path("app/.venv/bin/python"), "/usr/bin/python".into(), Owner::ROOT)
        .expect("memory takes it");
    let own_place = Owner { uid: 1000, gid: 0 };
    tree.directory(path("srv/own"), Mode::DIRECTORY, own_place).expect("memory takes it");
    tree.directory(path("srv/all"), Mode::new(0o1777), Owner::ROOT).expect("memory takes it");
    tree.directory(path("srv/root"), Mode::DIRECTORY, Owner::ROOT).expect("memory takes it");
    tree.set_origin(Origin::Source);
    for (file, text) in own {
        let (file, mode) = match file.strip_suffix('!') {
            Some(file) => (file, Mode::PROGRAM),
            None => (*file, Mode::FILE),
        };
        tree.file(path(file), mode, Owner::ROOT, &mut &text[..]).expect("memory takes it");
    }
    tree
}

fn config() -> ImageConfig {
    ImageConfig {
        architecture: "amd64".into(),
        variant: None,
        created: String::new(),
        entrypoint: None,
        cmd: None,
        env: vec![("PATH".to_owned(), "/app/.venv/bin:/missing:/bin".to_owned())],
        user: None,
        working_dir: Some("/app".to_owned()),
        exposed_ports: Default::default(),
        volumes: Default::default(),
        labels: Default::default(),
        stop_signal: None,
        healthcheck: None::<Healthcheck>,
        history: Vec::new(),
    }
}

fn plan() -> Plan {
    Plan {
        platform: Platform::LinuxAmd64,
        interpreter: Some(LockedInterpreter {
            package: "python3.13".parse().expect("it is a name"),
            version: "3.13.5".parse().expect("it is a version"),
            path: "usr/bin/python3.13".parse().expect("it is a path"),
        }),
        layers: Vec::new(),
        sources: Vec::new(),
        steps: Vec::new(),
        scripts: None,
        bytecode: false,
    }
}

/// What is said of `command` in the image with the files `own` and `config`.
#[track_caller]
fn said(own: &[(&str, &[u8])], config: &ImageConfig, command: &[&str]) -> String {
    let (tree, plan) = (image(own), plan());
    let view = View { tree: tree.tree(), contents: &tree, config, plan: &plan };
    let mut found = Vec::new();
    check_command(&view, command, "its command", &mut found);
    found.join("\n")
}

const OWN: [(&str, &[u8]); 12] = [
    ("app/main.py", b""),
    ("app/run.sh", b"#!/bin/sh\n"),
    ("app/start.sh!", b"#!/bin/sh\n"),
    ("app/bash.sh!", b"#!/usr/bin/env bash\nexec x\n"),
    ("app/py.sh!", b"#!/usr/bin/env -S python3.13 -u\n"),
    ("app/windows.sh!", b"#!/usr/bin/env python\r\n"),
    ("app/tool!", b"echo hello\n"),
    ("app/arm!", b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\xb7\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
    ("app/src/web/main.py", b""),
    ("app/src/web/__init__.py", b""),
    ("app/scripts/deploy.sh!", b"#!/usr/bin/env python\n"),
    ("app/data/x", b""),
];

#[test]
fn programs_are_looked_for_as_an_engine_does() {
    let check = |command: &[&str], expected: &str| {
        assert_eq!(said(&OWN, &config(), command), expected, "{command:?}");
    };
    check(&[], "");
    check(&["python", "main.py"], "");
    check(&["/bin/python", "-u", "/app/main.py"], "");
    check(&["gunicorn"], "");
    check(&["./scripts/deploy.sh"], "");
    check(&["mytool"], "`mytool` not found in the image: its command cannot start");
    check(
        &["gunicron"],
        "`gunicron` not found in the image: its command cannot start; did you mean \"gunicorn\"?",
    );
    check(
        &["curl", "x"],
        "`curl` not found in the image: its command cannot start; add \"curl\" to `packages` of [tool.invar]",
    );
    check(&["gone"], "`gone` not found in the image: its command cannot start");
    check(
        &["start.sh"],
        "`start.sh` not found in the image: its command cannot start; to run /app/start.sh, write \"/app/start.sh\"",
    );
    check(
        &["deploy.sh"],
        "`deploy.sh` not found in the image: its command cannot start; to run /app/scripts/deploy.sh, write \
         \"/app/scripts/deploy.sh\"",
    );
    check(
        &["/usr/local/bin/gunicorn"],
        "`/usr/local/bin/gunicorn` not found in the image: its command cannot start; to run /app/.venv/bin/gunicorn, \
         write \"gunicorn\"",
    );
    check(
        &["./run.sh"],
        "`./run.sh` is not executable in the image: its command cannot start; run `chmod +x run.sh` in the project",
    );
    check(&["/app/data"], "`/app/data` is a directory in the image: its command cannot start");
}

#[test]
fn what_runs_a_program_must_be_there_too() {
    let check = |command: &[&str], expected: &str| {
        assert_eq!(said(&OWN, &config(), command), expected, "{command:?}");
    };
    check(
        &["./start.sh"],
        "`./start.sh` starts with `#!/bin/sh`, and /bin/sh is not in the image: its command cannot start; set `shell = \
         true` in [tool.invar]",
    );
    check(
        &["./bash.sh"],
        "`./bash.sh` starts with `#!/usr/bin/env bash`, and bash is not in the image: its command cannot start; add \
         \"bash\" to `packages` of [tool.invar]",
    );
    check(&["./py.sh"], "");
    check(
        &["./windows.sh"],
        "`./windows.sh` has a carriage return at the end of its first line: its command cannot start; save the file with \
         line feeds, without carriage returns",
    );
    check(
        &["./tool"],
        "`./tool` is neither a program nor a script with a `#!` line: its command cannot start; start the file with a \
         line such as `#!/bin/sh`, or name what runs /app/tool",
    );
    check(
        &["/app/arm"],
        "`/app/arm` is built for arm64, and the image is for amd64: its command cannot start",
    );
}

#[test]
fn files_and_modules_that_are_run_must_be_there() {
    let check = |command: &[&str], expected: &str| {
        assert_eq!(said(&OWN, &config(), command), expected, "{command:?}");
    };
    check(
        &["python", "mian.py"],
        "`mian.py` not found in the image, and its command runs it; did you mean \"main.py\"?",
    );
    check(
        &["python3.13", "/main.py"],
        "`/main.py` not found in the image, and its command runs it; did you mean \"/app/main.py\"?",
    );
    check(
        &["python", "src/thing/app.py"],
        "`src/thing/app.py` not found in the image, and its command runs it; the project is installed as a package: write \
         \"-m\", \"thing.app\"",
    );
    check(&["python", "-m", "http.server"], "");
    check(&["python", "-um", "thing.app"], "");
    check(&["python", "-W", "ignore", "-c", "print(1)", "x.py"], "");
    check(&["python", "-m", "venv"], "");
    check(&["python", "-m", "_json"], "");
    check(&["python", "-m", "main"], "");
    check(
        &["python", "-m", "thing"],
        "the package `thing` has no `__main__`, and its command runs it with `-m`",
    );
    check(
        &["python", "-m", "web.main"],
        "the module `web.main` not found in the image, and its command runs it; it is in /app/src: set `workdir = \
         \"/app/src\"` in [tool.invar.image], or `PYTHONPATH` in its `env`",
    );
    check(&["uvicorn", "main:app", "--port", "80"], "");
    check(&["uvicorn", "--app-dir", "src", "web.main:app"], "");
    check(
        &["uvicorn", "--host", "0.0.0.0", "man:app"],
        "the module `man` not found in the image, and its command loads it",
    );
    check(
        &["python", "-m", "uvicorn", "man:app"],
        "the module `man` not found in the image, and its command loads it",
    );
    check(&["gunicorn", "-b", ":8000", "thing.app:create()"], "");
    check(&["node", "x.js"], "`x.js` not found in the image, and its command runs it");
    check(&["./scripts/deploy.sh", "x.py"], "");
}

#[test]
fn what_launchers_call_must_be_there() {
    assert_eq!(
        said(&OWN, &config(), &["lost"]),
        "the module `server` not found in the image, and `lost` imports it: its command cannot start; the wheel that has \
         the script lacks the module: add it to the packages of the build system, or set `include = [\"server.py\"]` in \
         [tool.invar] and PYTHONPATH = \"/app\" in `env` of [tool.invar.image]"
    );
    assert_eq!(
        said(&OWN, &config(), &["late"]),
        "`late` calls main of `thing.late`, which is `async def`: it does nothing; write \"python\", \"-m\", \
         \"thing.late\""
    );
}

#[test]
fn where_a_program_starts_counts() {
    let elsewhere = ImageConfig { working_dir: Some("/srv".to_owned()), ..config() };
    assert_eq!(
        said(&OWN, &elsewhere, &["python", "main.py"]),
        "`main.py` not found in the image, and its command runs it; the working directory is /srv: remove `workdir`, or \
         write \"/app/main.py\""
    );
    let mut path = config();
    path.env.push(("PYTHONPATH".to_owned(), "src:/x".to_owned()));
    assert_eq!(said(&OWN, &path, &["python", "-m", "web.main"]), "");
    let volume = ImageConfig { volumes: ["/app".to_owned()].into(), ..config() };
    for command in [&["python", "x.py"][..], &["uvicorn", "x:app"], &["/app/x"]] {
        assert_eq!(said(&OWN, &volume, command), "", "a container may have it there");
    }
}

#[test]
fn what_starts_a_program_is_looked_through() {
    let check = |command: &[&str], expected: &str| {
        assert_eq!(said(&OWN, &config(), command), expected, "{command:?}");
    };
    let missing = "`mytool` not found in the image: its command cannot start";
    check(&["tini", "-g", "-p", "SIGTERM", "--", "mytool"], missing);
    check(&["tini", "python", "main.py"], "");
    check(&["env", "A=1", "-u", "B", "mytool"], missing);
    check(&["dash", "-ec", "set -e; A=1 mytool x && python main.py"], missing);
    check(&["dash", "-c", "$X"], "");
    check(
        &["dash", "-c", "python main.py && exec python mian.py"],
        "`mian.py` not found in the image, and its command runs it; did you mean \"main.py\"?",
    );
    check(&["dash", "-o", "pipefail", "-c", "mytool"], missing);
    check(
        &["sh", "-c", "python main.py"],
        "`sh` not found in the image: its command cannot start; set `shell = true` in [tool.invar]",
    );
}

#[test]
fn volumes_must_be_writable() {
    let tree = image(&[]);
    let plan = plan();
    let check = |user: Option<&str>, volume: &str, expected: &str| {
        let config =
            ImageConfig { user: user.map(str::to_owned), volumes: [volume.to_owned()].into(), ..config() };
        let view = View { tree: tree.tree(), contents: &tree, config: &config, plan: &plan };
        assert_eq!(unwritable(&view).join("\n"), expected, "{user:?} {volume}");
    };
    let refused = |volume: &str, user: &str| {
        format!(
            "the volume {volume} is not writable by user {user}; add \"{volume}\" to `directories` of [tool.invar.image]"
        )
    };
    check(None, "/data", "");
    check(Some("0"), "/data", "");
    check(Some("1000"), "/srv/own", "");
    check(Some("app"), "/srv/own", "");
    check(Some("1001"), "/srv/all", "");
    check(Some("1000"), "/data", &refused("/data", "1000"));
    check(Some("app"), "/srv/root", &refused("/srv/root", "app"));
    check(Some("1001"), "/srv/own", &refused("/srv/own", "1001"));
    check(Some("1000"), "/etc/passwd", "the volume /etc/passwd is a file in the image");
}
