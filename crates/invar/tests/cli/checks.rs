//! What a build says of an image that would not start, what enters it, and what `run` says of a program that does not.
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use invar_testkit::Deb;

use crate::support::find;
use crate::support::tools::Tools;
use crate::support::world::{MANIFEST, World, packages, wheels};

/// What `build` writes to standard error.
#[track_caller]
fn said_by_build(project: &Tools) -> String {
    let built = project.run(&["build", "--locked", "-o", "image.tar", "project"]);
    let said = built.stderr.clone();
    built.success();
    said
}

#[track_caller]
fn says(said: &str, expected: &[&str]) {
    for expected in expected {
        assert!(said.contains(expected), "{expected:?} is not in:\n{said}");
    }
}

#[test]
fn what_would_not_start_is_said_with_what_mends_it() {
    let manifest = r#"
[image]
name = "little"
command = ["./start.sh"]
user = 1000
volumes = ["/data", "/state"]
directories = ["/state"]
health-check = { command = ["ps", "x"] }
"#;
    let project = Tools::locked(manifest);
    let script = project.context.write("project/start.sh", "#!/usr/bin/env python3\n");
    // Again from the store, where nothing has changed.
    for _ in 0..2 {
        let said = said_by_build(&project);
        says(
            &said,
            &[
                "warning: `./start.sh` is not executable in the image: its command cannot start; run `chmod +x start.sh` in \
                 the project\n",
                "warning: `ps` not found in the image: its health check cannot start; add \"procps\" to `packages` of \
                 [tool.invar]\n",
                "warning: the volume /data is not writable by user 1000; add \"/data\" to `directories` of \
                 [tool.invar.image]\n",
            ],
        );
        assert!(!said.contains("/state"), "{said}");
    }
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("the file is ours");
    let lacks = "warning: `./start.sh` starts with `#!/usr/bin/env python3`, and python3 is not in the image: its command \
                 cannot start\n";
    says(&said_by_build(&project), &[lacks]);
    project.context.write("project/start.sh", "#!/usr/bin/env bash\n");
    assert!(!said_by_build(&project).contains("start.sh"), "bash is there");
}

#[test]
fn libraries_of_programs_must_be_there() {
    let project = Tools::new("");
    let bash = find("bash").expect("this machine has bash");
    let mut program = fs::read(bash).expect("this machine's programs can be read");
    // A library that the image lacks takes the place of one that it has, whose name is as long.
    let (one, other) = (b"libtinfo.so.6\0", b"libexpat.so.1\0");
    let at = program.windows(one.len()).position(|bytes| bytes == one).expect("bash needs libtinfo");
    program[at..at + one.len()].copy_from_slice(other);
    let path = project.context.write("project/tool", program);
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("the file is ours");
    project.write_manifest("[image]\nname = \"little\"\ncommand = [\"/app/tool\"]\n");
    project.lock();
    let expected = "warning: the project's source needs libexpat.so.1, which is not in the image (for /app/tool); add \
                    \"libexpat1\" to `packages` of [tool.invar]\n";
    for _ in 0..2 {
        says(&said_by_build(&project), &[expected]);
    }
}

#[test]
fn secrets_stay_out_unless_they_are_named() {
    let manifest = "[image]\nname = \"little\"\n";
    let project = Tools::locked(manifest);
    let key = "-----BEGIN RSA PRIVATE KEY-----\nMIIB\n";
    let files = [
        ("project/.env", "PASSWORD=x\n"),
        ("project/.env.example", "PASSWORD=\n"),
        ("project/deploy/server.pem", key),
        ("project/deploy/ca.pem", "-----BEGIN CERTIFICATE-----\nMIIB\n"),
        ("project/.npmrc", "//r.example/:_authToken=${TOKEN}\n"),
        ("project/main.py", "print('hello')\n"),
    ];
    for (path, text) in files {
        project.context.write(path, text);
    }
    let line = |path: &str, kind: &str| {
        format!(
            "warning: {path} looks like a secret ({kind}), so it is not in the image: to include it, set \
             `include-secrets = [\"{path}\"]` in [tool.invar]\n"
        )
    };
    let environment = line(".env", "environment variables");
    let server = line("deploy/server.pem", "a private key");
    let check = |manifest: &str, in_image: &[&str], expected: &[&str]| {
        project.write_manifest(manifest);
        let root = project.context.path().join("root");
        let _ = fs::remove_dir_all(&root);
        let built = project.run(&["build", "--locked", "--format", "rootfs-dir", "-o", "root", "project"]);
        let said: Vec<String> = built
            .stderr
            .lines()
            .filter(|line| line.contains("secret"))
            .map(|line| format!("{line}\n"))
            .collect();
        built.success();
        assert_eq!(said, expected, "{manifest}");
        for path in [".env", ".env.example", ".npmrc", "deploy/server.pem", "deploy/ca.pem", "main.py"] {
            let is_there = root.join("app").join(path).exists();
            assert_eq!(is_there, in_image.contains(&path), "{path} with {manifest}");
        }
    };
    let plain = [".env.example", ".npmrc", "deploy/ca.pem", "main.py"];
    check(manifest, &plain, &[&environment, &server]);
    let named = [&[".env"][..], &plain].concat();
    check(&format!("include-secrets = [\".env\"]\n{manifest}"), &named, &[&server]);
    // A pattern that names files of this kind, and one that only covers them.
    check(&format!("include = [\"deploy/*.pem\"]\n{manifest}"), &["deploy/server.pem", "deploy/ca.pem"], &[]);
    check(&format!("include = [\"deploy\"]\n{manifest}"), &["deploy/ca.pem"], &[&server]);
    check(
        &format!("exclude = [\".env\", \"deploy\"]\n{manifest}"),
        &[".env.example", ".npmrc", "main.py"],
        &[],
    );
    // A step takes what it names, and with a command all that its inputs match.
    let copied =
        "[[step]]\nname = \"copy\"\ninputs = [\"deploy/**\"]\noutputs = { \"deploy\" = \"/srv/deploy\" }\n";
    project.write_manifest(&format!("include = []\n{copied}{manifest}"));
    let root = project.root();
    assert!(root.join("srv/deploy/ca.pem").exists() && !root.join("srv/deploy/server.pem").exists());
}

#[test]
fn large_files_of_the_source_are_said() {
    let project = Tools::locked("[image]\nname = \"little\"\n");
    let large = project.context.write("project/data/model.bin", "");
    fs::File::options()
        .write(true)
        .open(large)
        .and_then(|file| file.set_len(60_000_000))
        .expect("it is sparse");
    let said = said_by_build(&project);
    says(
        &said,
        &[
            "warning: data/model.bin has 60 MB: to leave it out of the image, add \"data/model.bin\" to `exclude`\n",
        ],
    );
}

#[test]
fn users_are_added_with_their_homes() {
    let manifest = r#"
[image]
name = "little"
entrypoint = ["sh", "-c"]
command = ["id -un; id -u; id -g; echo $HOME; echo x > /data/x; echo y > ~/y; cat ~/y"]
user = "app"
directories = ["/data"]

[image.users]
app = { uid = 2000, home = "/srv/home" }
job = 2001
"#;
    let project = Tools::locked(manifest);
    let said = project.run(&["run", "--quiet", "--locked", "project"]).success();
    assert_eq!(said, "app\n2000\n2000\n/srv/home\ny\n");
    let root = project.root();
    let read = |path: &str| fs::read_to_string(root.join(path)).expect("it is there");
    assert_eq!(
        read("etc/passwd"),
        "root:x:0:0::/root:/bin/sh\ncat:x:1000:1001::/home/cat:/bin/sh\napp:*:2000:2000::/srv/home:/usr/sbin/nologin\n\
         job:*:2001:2001::/home/job:/usr/sbin/nologin\n"
    );
    assert_eq!(read("etc/group"), "root:x:0:\ncat:x:1001:\napp:*:2000:\njob:*:2001:\n");
    assert!(root.join("home/job").is_dir());
    if fs::metadata(&root).expect("it is there").uid() == 0 {
        let owner = |path: &str| fs::metadata(root.join(path)).map(|found| (found.uid(), found.gid())).ok();
        let expected = [("srv/home", (2000, 2000)), ("data", (2000, 2000)), ("home/job", (2001, 2001))];
        for (path, expected) in expected {
            assert_eq!(owner(path), Some(expected), "{path}");
        }
    }
    let why = project.run(&["why", "/etc/passwd", "project"]).success();
    assert!(why.contains("handler users"), "{why}");
    // A name that the image has.
    project.write_manifest(&manifest.replace("job = 2001", "cat = 2001"));
    let refused = project.run(&["build", "--locked", "project"]).failure(2);
    says(&refused, &["cannot add the users of `image.users`", "\"cat\" is in the image already"]);
    project.write_manifest(&manifest.replace("job = 2001", "job = 1000"));
    says(
        &project.run(&["build", "--locked", "project"]).failure(2),
        &["the ID 1000 of \"job\" is already taken"],
    );
    project.write_manifest(&manifest.replace("job = 2001", "job = 2000"));
    says(
        &project.run(&["build", "--locked", "project"]).failure(2),
        &["has the number 2000, which is app's"],
    );
}

#[test]
fn an_image_with_users_is_the_same_everywhere() {
    let world = World::new();
    let manifest =
        MANIFEST.replace("[tool.invar.image]", "[tool.invar.image]\nuser = \"app\"\nusers = { app = 1000 }");
    world.context.write("project/pyproject.toml", manifest);
    world.lock();
    assert_eq!(
        world.build(),
        "sha256:190e28cbe4747832a5915d3dd3aa6f4e706f06bc0f73900e9e5e241d5dbd7b7c",
        "if this is intended, raise the format version and add to \"Output digests\" in the changelog"
    );
}

#[test]
fn a_debug_image_is_one_line() {
    let debug = [
        "bash",
        "coreutils",
        "curl",
        "findutils",
        "grep",
        "iproute2",
        "less",
        "lsof",
        "netcat-openbsd",
        "procps",
        "sed",
        "strace",
        "tar",
        "vim-tiny",
        "dash",
    ];
    let mut all = packages();
    all.extend(debug.map(|name| Deb::new(name, "1").program(&format!("usr/bin/{name}"), "a program\n")));
    let world = World::with(all, wheels());
    let plain = "\n[tool.invar.images.debug]\ndebug = true\n\n[tool.invar.images.shell]\nshell = true\n";
    world.context.write("project/pyproject.toml", format!("{MANIFEST}{plain}"));
    world.lock();
    let programs = |image: &str| {
        let root = world.context.path().join("root");
        let _ = fs::remove_dir_all(&root);
        let project = format!("project{image}");
        world.run(&["build", "--locked", "--format", "rootfs-dir", "-o", "root", &project]).success();
        let has = |name: &&str| root.join("usr/bin").join(name).exists();
        debug.iter().filter(|name| has(name)).copied().collect::<Vec<&str>>()
    };
    assert_eq!(programs(""), [""; 0]);
    assert_eq!(programs("#debug"), debug);
    assert_eq!(programs("#shell"), ["dash"]);
}

#[test]
fn run_says_what_is_missing_and_what_brings_it() {
    let project = Tools::locked("[image]\nname = \"little\"\nworkdir = \"/app\"\n");
    project.context.write("project/plain.sh", "echo hello\n");
    project.context.write("project/other.sh", "#!/opt/nothing\n");
    for name in ["other.sh", "plain.sh"] {
        let path = project.context.path().join("project").join(name);
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("the file is ours");
    }
    project.context.write("project/main.sh", "#!/bin/sh\n");
    let check = |program: &str, code: i32, expected: &str| {
        let said = project.run(&["run", "--locked", "project", "--", program]).failure(code);
        assert!(said.ends_with(expected), "{program}: {expected:?} is not the end of:\n{said}");
    };
    check(
        "ps",
        127,
        "error: `ps` not found in the image\nhelp: add \"procps\" to `packages` of [tool.invar]\n",
    );
    check(
        "odd-config",
        127,
        "error: `odd-config` not found in the image\nhelp: add \"odd-tools\" to `packages` of [tool.invar]\n",
    );
    check(
        "nothing-has-this",
        127,
        "error: `nothing-has-this` not found in the image\nhelp: add the Debian package that has it to `packages` of \
         [tool.invar] (`apt-file search bin/nothing-has-this` finds it)\n",
    );
    check(
        "./main.sh",
        126,
        "error: `./main.sh` is not executable in the image\nhelp: run `chmod +x main.sh` in the project\n",
    );
    check(
        "./other.sh",
        126,
        "error: `./other.sh` starts with `#!/opt/nothing`, and /opt/nothing is not in the image\n",
    );
    let said = project.run(&["run", "bash"]).failure(2);
    assert_eq!(
        said,
        "error: there is no project directory bash\nhelp: to run the program bash in the image, write: invar run -- bash\n"
    );
}
