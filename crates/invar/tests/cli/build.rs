//! `invar build`: its outputs, and what they say.
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::Command;

use invar_testkit::sha256;

use crate::support::world::{MANIFEST, World, digest};
use crate::support::{Ran, have};

fn json(world: &World, arguments: &[&str]) -> serde_json::Value {
    let mut all = vec!["build", "--locked", "--json"];
    all.extend(arguments);
    all.push("project");
    serde_json::from_str(&world.run(&all).success()).expect("--json prints JSON")
}

/// Extracts a tar archive and returns the names in it.
fn extract(archive: &Path, to: &Path) -> String {
    fs::create_dir_all(to).expect("the folder can be made");
    Ran::of(Command::new("tar").arg("-xf").arg(archive).arg("-C").arg(to)).success();
    Ran::of(Command::new("tar").arg("-tf").arg(archive)).success()
}

#[test]
fn the_archive_is_an_oci_layout_and_a_docker_archive() {
    let world = World::new();
    world.lock();
    let printed = json(&world, &["-o", "little.tar"]);
    let layout = world.context.path().join("layout");
    let names = extract(&world.context.path().join("little.tar"), &layout);
    for expected in ["oci-layout", "index.json", "manifest.json"] {
        assert!(names.lines().any(|name| name == expected), "{names}");
    }
    // Every blob is what its name says, and the printed digests are theirs.
    for blob in
        names.lines().filter_map(|name| name.strip_prefix("blobs/sha256/")).filter(|name| !name.is_empty())
    {
        let bytes = fs::read(layout.join("blobs/sha256").join(blob)).expect("the blob was extracted");
        assert_eq!(sha256(&bytes), blob);
    }
    let hex = |value: &serde_json::Value| {
        value.as_str().expect("a digest").trim_start_matches("sha256:").to_owned()
    };
    let manifest =
        fs::read(layout.join("blobs/sha256").join(hex(&printed["digest"]))).expect("the manifest is there");
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).expect("a manifest is JSON");
    assert_eq!(manifest["config"]["digest"], printed["image-id"]);
    let config =
        fs::read(layout.join("blobs/sha256").join(hex(&printed["image-id"]))).expect("the config is there");
    let config: serde_json::Value = serde_json::from_slice(&config).expect("a config is JSON");
    assert_eq!(config["created"], "2026-09-12T09:33:57Z");
    assert_eq!(config["config"]["Cmd"], serde_json::json!(["python", "main.py"]));
    assert_eq!(config["config"]["WorkingDir"], "/app");
    let env = config["config"]["Env"].as_array().expect("a list");
    assert!(env.contains(&"GREETING=hello".into()), "{env:?}");
    assert!(
        env.iter()
            .any(|variable| variable.as_str().is_some_and(|text| text.starts_with("PATH=/app/.venv/bin:")))
    );
}

#[test]
fn only_the_project_layer_moves_with_the_source() {
    let world = World::new();
    world.lock();
    let before = json(&world, &[]);
    world.context.write("project/main.py", "print('changed')\n");
    let after = json(&world, &[]);
    let digests = |value: &serde_json::Value| -> Vec<(String, String)> {
        let layers = value["layers"].as_array().expect("layers").iter();
        layers.map(|layer| (layer["name"].to_string(), layer["digest"].to_string())).collect()
    };
    let changed: Vec<String> = digests(&before)
        .into_iter()
        .zip(digests(&after))
        .filter(|(before, after)| before != after)
        .map(|(before, _)| before.0)
        .collect();
    assert_eq!(changed, ["\"project\""]);
}

#[test]
fn standard_output_takes_the_archive() {
    let world = World::new();
    world.lock();
    world.build();
    let output = world.invar().args(["build", "--locked", "-q", "-o", "-", "project"]).output();
    let output = output.expect("invar can be started");
    assert!(output.status.success());
    assert!(
        output.stdout == fs::read(world.context.path().join("little.tar")).expect("the archive is there")
    );
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn an_oci_layout_in_a_folder() {
    let world = World::new();
    world.lock();
    let digest = world.build();
    let printed = json(&world, &["--format", "oci-dir", "-o", "layout"]);
    assert_eq!(printed["digest"], digest.as_str());
    let layout = world.context.path().join("layout");
    let index = fs::read_to_string(layout.join("index.json")).expect("the layout has an index");
    assert!(index.contains(&digest), "{index}");
    // A folder that holds something is never written into.
    world.run(&["build", "--locked", "--format", "oci-dir", "-o", "project", "project"]).failure(6);
    assert!(world.project().join("main.py").exists());
}

#[test]
fn the_root_file_system_as_tar_and_as_folder() {
    let world = World::new();
    world.lock();
    json(&world, &["--format", "rootfs", "-o", "root.tar"]);
    json(&world, &["--format", "rootfs-dir", "-o", "root"]);
    let root = world.context.path().join("root");
    let names = extract(&world.context.path().join("root.tar"), &world.context.path().join("extracted"));
    for expected in [
        "usr/bin/hello",
        "usr/bin/python3.13",
        "app/main.py",
        "app/.venv/bin/python",
        "app/.venv/lib/python3.13/site-packages/words/list.txt",
        "app/.venv/lib/python3.13/site-packages/words-0.1.dist-info/RECORD",
        "var/lib/dpkg/status.d/hello",
        "usr/share/doc/hello/copyright",
    ] {
        assert!(names.lines().any(|name| name == expected), "{expected} is not in\n{names}");
        assert!(root.join(expected).symlink_metadata().is_ok(), "{expected}");
    }
    for absent in ["usr/share/doc/hello/changelog.gz", "app/noise.log", "app/invar.lock"] {
        assert!(!names.lines().any(|name| name == absent), "{absent}");
        assert!(!root.join(absent).exists(), "{absent}");
    }
    let program = root.join("usr/bin/hello").metadata().expect("it is there");
    assert_eq!((program.permissions().mode() & 0o7777, program.mtime()), (0o755, 315_619_200));
    if have("the_root_file_system_as_tar_and_as_folder", &["diff"]) {
        let extracted = world.context.path().join("extracted");
        Ran::of(Command::new("diff").args(["-r", "--no-dereference"]).arg(&root).arg(extracted)).success();
    }
}

#[test]
fn directories_belong_to_the_images_user() {
    let world = World::new();
    let listing = |user: &str| {
        let manifest = MANIFEST.replace(
            "[tool.invar.image]",
            &format!("[tool.invar.image]\n{user}\ndirectories = [\"/app\", \"/app/data\", \"/home/app\"]"),
        );
        assert_ne!(manifest, MANIFEST);
        world.context.write("project/pyproject.toml", &manifest);
        world.context.write("project/data/kept", "");
        world.lock();
        json(&world, &["--format", "rootfs", "-o", "root.tar"]);
        let mut tar = Command::new("tar");
        tar.args(["--numeric-owner", "-tvf"]).arg(world.context.path().join("root.tar"));
        let listing = Ran::of(&mut tar).success();
        let shown = |path: &str| {
            let line = listing.lines().find(|line| line.split(' ').next_back() == Some(path));
            line.expect("it is in the image").split(' ').take(2).collect::<Vec<_>>().join(" ")
        };
        ["app/", "app/data/", "home/app/", "home/", "app/data/kept"].map(shown)
    };
    let (plain, file) = ("drwxr-xr-x 0/0", "-rw-r--r-- 0/0");
    let own = "drwxr-xr-x 1000/100";
    assert_eq!(listing("user = \"1000:100\""), [own, own, own, plain, file]);
    let without_group = "drwxr-xr-x 1000/0";
    assert_eq!(listing("user = 1000"), [without_group, without_group, without_group, plain, file]);
    assert_eq!(listing(""), [plain, plain, plain, plain, file]);
}

#[test]
fn several_platforms_make_an_index() {
    let world = World::new();
    let only_all = MANIFEST
        .replace("packages = [\"hello\"]", "packages = [\"hello-data\"]")
        .replace("base = [\"base-files\", \"libc6\"]", "base = [\"base-files\"]")
        .replace("ports = [8000]", "platforms = [\"linux/amd64\", \"linux/arm64\"]");
    // The interpreter of this world is for amd64 only, so the project is one without Python.
    let manifest = only_all
        .split("[tool.invar]\n")
        .nth(1)
        .expect("a manifest")
        .replace("[tool.invar.image]", "[image]\nname = \"little\"");
    fs::remove_file(world.project().join("pyproject.toml")).expect("the file can be removed");
    world.context.write("project/invar.toml", manifest);
    world.lock();
    let printed = json(&world, &["-o", "little.tar"]);
    let images = printed["images"].as_array().expect("images");
    assert_eq!(images.len(), 2);
    assert_eq!(images[1]["platform"], "linux/arm64");
    let layout = world.context.path().join("layout");
    extract(&world.context.path().join("little.tar"), &layout);
    let index = fs::read_to_string(layout.join("index.json")).expect("the layout has an index");
    assert!(index.contains(printed["digest"].as_str().expect("a digest")), "{index}");
    // One of them alone.
    let one = json(&world, &["--platform", "linux/arm64"]);
    assert_eq!(one["digest"], images[1]["digest"]);
}

#[test]
fn quiet_says_nothing_but_the_digest() {
    let world = World::new();
    world.lock();
    let ran = world.run(&["build", "--locked", "--quiet", "project"]);
    assert_eq!(ran.stderr, "");
    let printed = ran.success();
    assert_eq!(printed.trim(), digest(&world.run(&["build", "--locked", "--json", "project"]).success()));
}

#[test]
fn what_was_built_before_is_not_source() {
    let world = World::new();
    world.lock();
    let in_project = |arguments: &[&str]| {
        let mut command = world.invar();
        command.args(["build", "--locked", "--json"]).args(arguments).current_dir(world.project());
        digest(&Ran::of(&mut command).success())
    };
    let first = in_project(&[]);
    for arguments in [
        &["--format", "oci-dir"][..],
        &["--format", "rootfs-dir"],
        &["--format", "rootfs"],
        &["-o", "another.tar"],
        &["-o", "third.tar"],
        &[],
    ] {
        assert_eq!(in_project(arguments), first, "{arguments:?}");
    }
}

#[test]
fn a_store_in_the_project_is_not_source() {
    let world = World::new();
    world.lock();
    let digest = world.build();
    for _ in 0..2 {
        let mut command = world.invar();
        command.env("INVAR_STORE", ".cache/invar").current_dir(world.project());
        let printed = Ran::of(command.args(["build", "--locked", "--json", "-o", "../little.tar"])).success();
        assert_eq!(crate::support::world::digest(&printed), digest);
    }
    // It is none for a build that knows nothing of it either.
    assert_eq!(world.build(), digest);
}

#[test]
fn a_pipe_is_written_into_and_a_link_is_followed() {
    if !have("a_pipe_is_written_into_and_a_link_is_followed", &["mkfifo", "cat"]) {
        return;
    }
    let world = World::new();
    world.lock();
    world.build();
    let (pipe, copy) = (world.context.path().join("pipe"), world.context.path().join("copy"));
    Ran::of(Command::new("mkfifo").arg(&pipe)).success();
    let out = fs::File::create(&copy).expect("the file can be made");
    let mut reader = Command::new("cat").arg(&pipe).stdout(out).spawn().expect("cat can be started");
    world.run(&["build", "--locked", "-o", "pipe", "project"]).success();
    assert!(reader.wait().expect("cat ends").success());
    let read = |path: &Path| fs::read(path).expect("the file can be read");
    assert!(read(&copy) == read(&world.context.path().join("little.tar")));

    std::os::unix::fs::symlink("target.tar", world.context.path().join("link.tar"))
        .expect("a link can be made");
    fs::write(world.context.path().join("target.tar"), "old").expect("the file can be written");
    world.run(&["build", "--locked", "-o", "link.tar", "project"]).success();
    assert!(world.context.path().join("link.tar").symlink_metadata().expect("it is there").is_symlink());
    assert!(read(&world.context.path().join("target.tar")) == read(&copy));
}

#[test]
fn damage_in_the_store_is_never_shipped() {
    let world = World::new();
    world.lock();
    let good = world.build();
    let archive = fs::read(world.context.path().join("little.tar")).expect("the archive is there");
    for damaged in ["segment.tar", "segment.tar.gz", "blobs"] {
        let found =
            Ran::of(Command::new("find").arg(world.context.store()).args(["-type", "f", "-size", "+1"]))
                .success();
        let files: Vec<&str> = found
            .lines()
            .filter(|path| match damaged {
                "blobs" => path.contains("/blobs/"),
                name => path.ends_with(&format!("/{name}")),
            })
            .collect();
        assert!(files.len() > 3, "{found}");
        for file in files {
            let mut bytes = fs::read(file).expect("the store can be read");
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::set_permissions(file, fs::Permissions::from_mode(0o644)).expect("a mode can be set");
            fs::write(file, bytes).expect("the store can be damaged");
        }
        if damaged != "blobs" {
            // So that the layers are put together again, from what is damaged now.
            fs::remove_dir_all(world.context.store().join("results")).expect("the folder can be removed");
        }
        fs::remove_file(world.context.path().join("little.tar")).expect("the archive can be removed");
        assert_eq!(world.build(), good, "{damaged}");
        assert!(
            fs::read(world.context.path().join("little.tar")).expect("it is there") == archive,
            "{damaged}"
        );
    }
}

#[test]
fn a_wheel_beside_the_project_and_a_folder_for_the_program() {
    let world = World::new();
    let wheel = invar_testkit::Wheel::new("beside", "1").file("beside.py", "HERE = True\n");
    world.context.write(&format!("project/wheels/{}", wheel.filename()), wheel.build());
    let lock = format!(
        "{}\n[[package]]\nname = \"beside\"\nversion = \"1\"\nsource = {{ path = \"wheels/{2}\" }}\n\
         wheels = [\n    {{ filename = \"{2}\", hash = \"sha256:{1}\" }},\n]\n",
        world
            .read("uv.lock")
            .replace("dependencies = [\n", "dependencies = [\n    { name = \"beside\" },\n")
            .replace(
                "requires-dist = [",
                &format!(
                    "requires-dist = [{{ name = \"beside\", path = \"wheels/{}\" }}, ",
                    wheel.filename()
                )
            ),
        sha256(&wheel.build()),
        wheel.filename(),
    );
    world.context.write("project/uv.lock", lock);
    let manifest = MANIFEST
        .replace("[\"numbers-of-old\"", "[\"beside\", \"numbers-of-old\"")
        .replace("ports = [8000]", "workdir = \"/srv/work\"")
        + &format!("[tool.uv.sources]\nbeside = {{ path = \"wheels/{}\" }}\n", wheel.filename());
    world.context.write("project/pyproject.toml", manifest);
    world.lock();
    let mut command = world.invar();
    command
        .args(["build", "--locked", "--format", "rootfs-dir", "-o", "../root", "."])
        .current_dir(world.project());
    Ran::of(&mut command).success();
    let root = world.context.path().join("root");
    assert!(root.join("app/.venv/lib/python3.13/site-packages/beside.py").exists());
    assert!(root.join("srv/work").is_dir());
}

#[test]
fn a_damaged_download_in_the_store_is_fetched_again() {
    let world = World::new();
    world.lock();
    let good = world.build();
    for made in ["trees", "results"] {
        fs::remove_dir_all(world.context.store().join(made)).expect("the folder can be removed");
    }
    let hex = sha256(&crate::support::world::packages()[4].build());
    let blob = world.context.store().join("blobs/sha256").join(&hex[..2]).join(&hex);
    let mut bytes = fs::read(&blob).expect("the download is in the store");
    bytes[100] ^= 1;
    fs::set_permissions(&blob, fs::Permissions::from_mode(0o644)).expect("a mode can be set");
    fs::write(&blob, bytes).expect("the store can be damaged");
    assert_eq!(world.build(), good);
}

#[test]
fn an_archive_that_is_right_is_left_alone_and_any_other_is_replaced() {
    let world = World::new();
    world.lock();
    world.build();
    let archive = world.context.path().join("little.tar");
    let inode = || archive.metadata().expect("the archive is there").ino();
    let (first, good) = (inode(), fs::read(&archive).expect("the archive is there"));
    world.build();
    assert_eq!(inode(), first);
    // One bit of the last layer, with the length and the time that it had.
    let time = archive.metadata().and_then(|metadata| metadata.modified()).expect("a file has a time");
    let mut damaged = good.clone();
    let last = damaged.len() - 2_000;
    damaged[last] ^= 1;
    fs::write(&archive, damaged).expect("the archive can be damaged");
    let opened = fs::File::options().write(true).open(&archive).expect("the archive is there");
    opened.set_modified(time).expect("a time can be set");
    world.build();
    assert!(fs::read(&archive).expect("the archive is there") == good);
}

#[test]
fn what_a_command_names_and_the_image_lacks_is_said_at_every_build() {
    let world = World::new();
    let scripts = "[project.scripts]\nmytool = \"tool:main\"\n\n[tool.invar]\n";
    let manifest = MANIFEST.replace("[tool.invar]\n", scripts);
    world
        .context
        .write("project/pyproject.toml", manifest.replace("[\"python\", \"main.py\"]", "[\"mytool\"]"));
    world.lock();
    for _ in 0..2 {
        let built = world.run(&["build", "--locked", "project"]);
        for expected in [
            "warning: `mytool` not found in the image: its command cannot start\n",
            "warning: [project.scripts] is not installed, because the project is not a package: add a [build-system], or \
             `package = true` to [tool.uv]\n",
        ] {
            assert!(built.stderr.contains(expected), "{expected} is not in:\n{}", built.stderr);
        }
        built.success();
    }
    // Only the command is another, and no layer is created again.
    for (command, expected) in [("main.py", None), ("mian.py", Some("`mian.py` not found in the image"))] {
        let command = format!("command = [\"python\", \"{command}\"]");
        world.context.write(
            "project/pyproject.toml",
            MANIFEST.replace("command = [\"python\", \"main.py\"]", &command),
        );
        let built = world.run(&["build", "--locked", "project"]);
        assert_eq!(built.stderr.contains("not found in the image"), expected.is_some(), "{}", built.stderr);
        assert!(built.stderr.contains(expected.unwrap_or_default()), "{}", built.stderr);
        built.success();
    }
}
