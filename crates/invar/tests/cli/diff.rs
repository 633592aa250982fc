//! `invar diff`: what it reports about images, locks and revisions, and what it reads for that.
use std::fs;
use std::process::Command;

use invar_oci::gzip;
use invar_testkit::sha256;
use serde_json::{Value, json};

use crate::support::world::World;
use crate::support::{Context, Ran, have};

/// A tar archive of files: path, content and time.
pub fn tar(files: &[(&str, &str, u64)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, content, time) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(*time);
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_cksum();
        builder.append(&header, content.as_bytes()).expect("it is written to memory");
    }
    builder.into_inner().expect("it is written to memory")
}

/// An archive as `docker save` writes it.
fn docker_archive(layers: &[Vec<u8>], made_by: &str) -> Vec<u8> {
    let diff_ids: Vec<String> = layers.iter().map(|layer| format!("sha256:{}", sha256(layer))).collect();
    let history: Vec<Value> = layers.iter().map(|_| json!({"created_by": made_by})).collect();
    let config =
        json!({"rootfs": {"diff_ids": diff_ids}, "history": history, "os": "linux", "architecture": "amd64"});
    let config = config.to_string();
    let name = format!("{}.json", sha256(config.as_bytes()));
    let names: Vec<String> = (0..layers.len()).map(|index| format!("{index}/layer.tar")).collect();
    let manifest = json!([{"Config": name, "RepoTags": ["a:1"], "Layers": names}]).to_string();
    let mut builder = tar::Builder::new(Vec::new());
    let documents = [(name, config.into_bytes()), ("manifest.json".into(), manifest.into_bytes())];
    for (name, bytes) in names.into_iter().zip(layers.iter().cloned()).chain(documents) {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        builder.append_data(&mut header, name, bytes.as_slice()).expect("it is written to memory");
    }
    builder.into_inner().expect("it is written to memory")
}

#[track_caller]
fn parse(text: &str) -> Value {
    serde_json::from_str(text).expect("--json prints JSON")
}

/// What `invar diff --json` says of two things that differ.
#[track_caller]
pub fn differ(context: &Context, arguments: &[&str]) -> Value {
    let mut all = vec!["diff", "--json"];
    all.extend(arguments);
    let ran = context.run(&all);
    assert_eq!(ran.code, 7, "{}\n{}", ran.stdout, ran.stderr);
    parse(&ran.stdout)
}

#[track_caller]
fn same(context: &Context, arguments: &[&str]) {
    let ran = context.run(&[&["diff", "--json"], arguments].concat());
    assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
    assert_eq!(parse(&ran.stdout)["same"], true);
}

pub fn kinds(causes: &Value) -> Vec<&str> {
    causes.as_array().expect("a list").iter().map(|cause| cause["kind"].as_str().expect("a name")).collect()
}

#[test]
fn a_change_of_the_source_is_told_without_reading_the_other_layers() {
    let world = World::new();
    world.lock();
    world.run(&["build", "-o", "old.tar", "project"]).success();
    world.context.write("project/main.py", "print('hello')\nprint('again')\n");
    world.context.write("project/new.json", "{}");
    world.run(&["build", "-o", "new.tar", "project"]).success();
    let found = differ(&world.context, &["old.tar", "new.tar"]);
    let image = &found["images"][0];
    assert_eq!(image["shared"]["layers"], 3);
    assert_eq!((&found["unmatched-platforms"], &image["skipped-files"]), (&json!([]), &json!(0)));
    assert_eq!((image["packages"].as_array().map(Vec::len), kinds(&image["causes"])), (Some(0), vec![]));
    let files: Vec<(&str, &str)> = image["files"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|file| (file["path"].as_str().expect("a path"), file["change"].as_str().expect("a word")))
        .collect();
    assert_eq!(files, [("/app/main.py", "changed"), ("/app/new.json", "added")]);
    assert_eq!(
        image["files"][0]["content"],
        json!({
            "kind": "text", "omitted": 0,
            "lines": ["@@ -1,1 +1,2 @@", " print('hello')", "+print('again')"],
        })
    );
    let text = world.run(&["diff", "old.tar", "new.tar"]);
    assert_eq!(text.code, 7);
    for expected in
        ["M /app/main.py: content, 15 B → 30 B", "A /app/new.json", "3 layers with the same digests"]
    {
        assert!(text.stdout.contains(expected), "{}", text.stdout);
    }

    // Damage in a layer that both have: it is not looked at, unless all are.
    let bytes = fs::read(world.context.path().join("new.tar")).expect("the archive is there");
    let mut damaged = bytes.clone();
    let middle = bytes.len() / 2;
    damaged[middle] ^= 1;
    world.context.write("damaged.tar", damaged);
    differ(&world.context, &["old.tar", "damaged.tar"]);
    let error = world.run(&["diff", "--all-layers", "old.tar", "damaged.tar"]).failure(5);
    assert!(error.contains("damaged.tar") && error.contains("damaged"), "{error}");
    let all = differ(&world.context, &["--all-layers", "old.tar", "new.tar"]);
    assert_eq!(all["images"][0]["shared"]["layers"], 0);
    assert_eq!(all["images"][0]["files"], image["files"]);
}

#[test]
fn one_image_is_the_same_in_all_its_forms() {
    let world = World::new();
    world.lock();
    for (format, output) in
        [("archive", "a.tar"), ("oci-dir", "layout"), ("rootfs", "root.tar"), ("rootfs-dir", "root")]
    {
        world.run(&["build", "--format", format, "-o", output, "project"]).success();
    }
    for other in ["layout", "project", "a.tar", "root.tar"] {
        same(&world.context, &["a.tar", other]);
    }
    same(&world.context, &["layout", "--all-layers", "a.tar"]);
    // The folder's owners are those of who may not set them; everything else is as it was.
    if crate::support::is_root("one_image_is_the_same_in_all_its_forms") {
        same(&world.context, &["root.tar", "root"]);
    }
}

#[test]
fn a_package_of_another_version_is_told_with_its_files() {
    use invar_testkit::{Deb, Wheel};
    let root = |hello: Deb, wheel: Wheel| {
        let mut packages = crate::support::world::packages();
        packages[4] = hello;
        let mut wheels = crate::support::world::wheels();
        wheels[1] = wheel;
        let world = World::with(packages, wheels);
        world.lock();
        world.run(&["build", "-o", "image.tar", "project"]).success();
        world
    };
    let old = root(
        Deb::new("hello", "2.10-5")
            .field("Depends", "libc6, hello-data")
            .program("usr/bin/hello", "a program\n"),
        Wheel::new("words", "0.1").file("words/__init__.py", ""),
    );
    let new = root(
        Deb::new("hello", "2.12-1")
            .field("Depends", "libc6, hello-data")
            .program("usr/bin/hello", "a better one\n"),
        Wheel::new("words", "0.2")
            .file("words/__init__.py", "")
            .file("CHANGELOG.md", "## 0.2\n- Words are longer\n\n## 0.1\n- First words\n"),
    );
    let other = new.context.path().join("image.tar");
    let found = differ(&old.context, &["image.tar", other.to_str().expect("a path of a test")]);
    let packages = &found["images"][0]["packages"];
    assert_eq!(
        packages,
        &json!([
            {"kind": "Debian", "name": "hello", "old": "2.10-5", "new": "2.12-1", "changelog": []},
            {"kind": "Python", "name": "words", "old": "0.1", "new": "0.2", "changelog": ["Words are longer"]},
        ])
    );
    let files = found["images"][0]["files"].as_array().expect("a list");
    let hello = files.iter().find(|file| file["path"] == "/usr/bin/hello").expect("it changed");
    assert_eq!(hello["origin"], "Debian package hello");
    let project = new.project();
    let old_project = old.project();
    let paths = [old_project.join("invar.lock"), project.join("invar.lock")];
    let arguments: Vec<&str> = paths.iter().map(|path| path.to_str().expect("a path of a test")).collect();
    let locks = differ(&old.context, &arguments);
    let package = &locks["files"][0]["packages"][0];
    assert_eq!((&package["old"], &package["new"]), (&json!("2.10-5"), &json!("2.12-1")), "{locks}");
}

#[test]
fn debian_s_changelogs_are_told_where_the_image_has_them() {
    use invar_testkit::Deb;
    let entry = |version: &str, text: &str| {
        format!("hello ({version}) trixie; urgency=low\n\n  * {text}\n\n -- A\n\n")
    };
    let world = |version: &str, changelog: &str, again: &str| {
        let mut packages = crate::support::world::packages();
        packages[4] = Deb::new("hello", version)
            .field("Depends", "libc6, hello-data")
            .program("usr/bin/hello", version)
            .binary("usr/share/doc/hello/changelog.Debian.gz", gzip(changelog.as_bytes()))
            .binary("usr/share/doc/hello/changelog.Debian.amd64.gz", gzip(again.as_bytes()));
        packages[5] = Deb::new("hello-data", version.trim_end_matches("+b1"))
            .architecture("all")
            .file("usr/share/hello/greeting", version)
            .documents_of("hello");
        let world = World::with(packages, crate::support::world::wheels());
        let manifest = world.read("pyproject.toml").replace("[tool.invar]\n", "[tool.invar]\ndocs = true\n");
        assert!(manifest.contains("docs = true"));
        world.context.write("project/pyproject.toml", manifest);
        world.lock();
        world.run(&["build", "-o", "image.tar", "project"]).success();
        world
    };
    let first = entry("2.10-5", "First.");
    let old = world("2.10-5", &first, "");
    let both =
        format!("{}{}{first}", entry("2.12-1", "Say more."), entry("2.11-1", "Say\n    less. (Closes: #1)"));
    let new = world("2.12-1+b1", &both, &entry("2.12-1+b1", "Rebuild."));
    let other = new.context.path().join("image.tar");
    let found = differ(&old.context, &["image.tar", other.to_str().expect("a path of a test")]);
    let packages = found["images"][0]["packages"].as_array().expect("a list");
    let told: Vec<_> = packages.iter().map(|package| (&package["name"], &package["changelog"])).collect();
    assert_eq!(
        told,
        [
            (&json!("hello"), &json!(["Rebuild.", "Say more.", "Say less. (Closes: #1)"])),
            (&json!("hello-data"), &json!(["Rebuild.", "Say more.", "Say less. (Closes: #1)"])),
        ],
        "the second package's documents are a link to the first's"
    );
    let ran = old.context.run(&["diff", "image.tar", other.to_str().expect("a path of a test")]);
    assert!(ran.stdout.contains("  Debian hello: 2.10-5 → 2.12-1+b1\n      Rebuild.\n"), "{}", ran.stdout);
}

#[test]
fn why_digests_differ_although_files_do_not() {
    let context = Context::new();
    let check = |name: &str, old: Vec<u8>, new: Vec<u8>, expected: &[&str]| {
        context.write(&format!("{name}-old.tar"), old);
        context.write(&format!("{name}-new.tar"), new);
        let found = differ(&context, &[&format!("{name}-old.tar"), &format!("{name}-new.tar")]);
        let image = &found["images"][0];
        assert_eq!(image["files"], json!([]), "{name}: {image}");
        assert_eq!(kinds(&image["causes"]), expected, "{name}: {image}");
    };
    let files = [("a", "1", 10), ("b", "2", 10)];
    check("times", tar(&files), tar(&[("a", "1", 10), ("b", "2", 11)]), &["times"]);
    check("order", tar(&files), tar(&[("b", "2", 10), ("a", "1", 10)]), &["order"]);
    check("twice", tar(&files), tar(&[("a", "1", 10), ("b", "2", 10), ("b", "2", 10)]), &["duplicates"]);
    let padded = [tar(&files), vec![0; 512]].concat();
    check("padding", tar(&files), padded, &["padding"]);
    let image = |made_by| docker_archive(&[tar(&files)], made_by);
    check("history", image("one"), image("two"), &["history"]);
    let split = docker_archive(&[tar(&files[..1]), tar(&files[1..])], "one");
    context.write("one-layer.tar", image("one"));
    context.write("two-layers.tar", split);
    let found = differ(&context, &["one-layer.tar", "two-layers.tar"]);
    assert_eq!(found["images"][0]["files"], json!([]));
    assert!(
        kinds(&found["images"][0]["causes"]).contains(&"layers")
            || kinds(&found["images"][0]["causes"]).contains(&"history")
    );
}

#[test]
fn a_file_that_only_one_brings_may_be_in_a_layer_that_both_have() {
    let context = Context::new();
    let base = tar(&[("etc/motd", "old\n", 1), ("etc/other", "x", 1)]);
    let app = |text: &str| tar(&[("app/main", text, 1)]);
    let motd = tar(&[("app/main", "1", 1), ("etc/motd", "new\n", 1)]);
    context.write("old.tar", docker_archive(&[base.clone(), app("1")], "test"));
    context.write("new.tar", docker_archive(&[base.clone(), motd], "test"));
    let found = differ(&context, &["old.tar", "new.tar"]);
    assert_eq!(found["images"][0]["files"][0]["change"], "changed", "{found}");
    assert_eq!(
        found["images"][0]["files"][0]["content"]["lines"],
        json!(["@@ -1,1 +1,1 @@", "-old", "+new"])
    );
    // A layer above that both have hides what is below it: there is no difference to see.
    let above = tar(&[("app/main", "last", 1)]);
    context.write("hidden-old.tar", docker_archive(&[base.clone(), app("1"), above.clone()], "test"));
    context.write("hidden-new.tar", docker_archive(&[base.clone(), app("2"), above], "test"));
    let hidden = context.run(&["diff", "--json", "hidden-old.tar", "hidden-new.tar"]);
    assert_eq!(parse(&hidden.stdout)["images"][0]["files"], json!([]), "{}", hidden.stdout);
    // Both sides have the same paths in the layers that differ: nothing else needs to be read.
    context.write("changed.tar", docker_archive(&[base, app("2")], "test"));
    let changed = differ(&context, &["old.tar", "changed.tar"]);
    assert_eq!(changed["images"][0]["shared"]["layers"], 1);
}

/// A layer with files that have second names, and a folder that has one.
fn layer_with_links() -> Vec<u8> {
    let mut builder = tar::Builder::new(tar(&[
        ("etc/motd", "old\n", 1),
        ("etc/other", "other\n", 1),
        ("opt/a", "a\n", 1),
        ("opt/b/c", "c\n", 1),
        ("usr/lib/x", "one\n", 1),
    ]));
    // What was written ends the archive: the next member takes the place of the two blocks that say so.
    let end = builder.get_ref().len() - 1024;
    builder.get_mut().truncate(end);
    let links = [
        (tar::EntryType::Symlink, "lib", "usr/lib"),
        (tar::EntryType::Link, "etc/hard", "etc/other"),
        (tar::EntryType::Link, "etc/harder", "etc/hard"),
    ];
    for (kind, path, target) in links {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(kind);
        header.set_size(0);
        header.set_mode(0o777);
        builder.append_link(&mut header, path, target).expect("it is written to memory");
    }
    builder.into_inner().expect("it is written to memory")
}

#[test]
fn shared_layers_are_read_as_far_as_they_matter_to_the_others() {
    let context = Context::new();
    let base = layer_with_links();
    let upper: [&[(&str, &str, u64)]; 9] = [
        &[("app/main", "1", 1)],
        // Through a link of the layer below, with another content and with the same.
        &[("lib/x", "two\n", 1)],
        &[("lib/x", "one\n", 1), ("etc/motd", "old\n", 2)],
        &[("etc/.wh.motd", "", 1), ("opt/.wh.b", "", 1)],
        &[(".wh.opt", "", 1)],
        &[("opt/.wh..wh..opq", "", 1), ("opt/a", "a\n", 1)],
        // Second names of one file, replaced one by one.
        &[("etc/hard", "other\n", 1)],
        &[("etc/other", "another\n", 1)],
        &[("etc/harder", "another\n", 1), ("etc/motd", "new\n", 1)],
    ];
    for (number, files) in upper.iter().enumerate() {
        context.write(&format!("{number}.tar"), docker_archive(&[base.clone(), tar(files)], "test"));
    }
    let told = |arguments: &[&str]| {
        let mut told = parse(&context.run(&[&["diff", "--json"], arguments].concat()).stdout);
        told["images"][0]["shared"].take();
        told
    };
    for one in 0..upper.len() {
        for two in (0..upper.len()).filter(|two| *two != one) {
            let (one, two) = (format!("{one}.tar"), format!("{two}.tar"));
            assert_eq!(told(&[&one, &two]), told(&[&one, &two, "--all-layers"]), "{one} {two}");
        }
    }
    let through = told(&["0.tar", "1.tar"]);
    let paths: Vec<&Value> = through["images"][0]["files"].as_array().expect("a list").iter().collect();
    let changed = paths.iter().find(|file| file["path"] == "/usr/lib/x").expect("it differs");
    assert_eq!(changed["content"]["lines"], json!(["@@ -1,1 +1,1 @@", "-one", "+two"]), "{through}");
}

#[test]
fn git_revisions_of_a_project_are_compared() {
    if !have("git_revisions_of_a_project_are_compared", &["git"]) {
        return;
    }
    let world = World::new();
    world.lock();
    let git = |arguments: &[&str]| {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=a", "-c", "user.email=a@example.com"]).args(arguments);
        Ran::of(git.current_dir(world.context.path()).env("HOME", world.context.path())).success()
    };
    git(&["init", "-q"]);
    git(&["add", "project"]);
    git(&["commit", "-qm", "one"]);
    let lock = world.read("uv.lock").replace("version = \"0.1\"", "version = \"0.2\"");
    world.context.write("project/uv.lock", lock);
    world.context.write("project/main.py", "print('changed')\n");
    git(&["commit", "-qam", "two"]);
    let check = |arguments: &[&str]| {
        let found = differ(&world.context, arguments);
        assert_eq!(found["files"][0]["name"], "uv.lock");
        let package = &found["files"][0]["packages"][0];
        assert_eq!(
            (&package["name"], &package["old"], &package["new"]),
            (&json!("words"), &json!("0.1"), &json!("0.2"))
        );
        assert_eq!(found["files"].as_array().map(Vec::len), Some(1), "{found}");
        let source = found["source"].as_array().expect("a list").iter();
        let source: Vec<_> =
            source.map(|file| format!("{} {} {}", file["path"], file["change"], file["new"])).collect();
        let expected = [r#""main.py" "changed" "image""#, r#""uv.lock" "changed" "nothing""#];
        assert_eq!(source, expected, "{found}");
        let lines = found["source"][0]["content"]["lines"].to_string();
        assert!(lines.contains("+print('changed')"), "{lines}");
    };
    check(&["HEAD~1:project", "HEAD:project"]);
    check(&["HEAD~1:project", "project"]);
    let lock = differ(&world.context, &["HEAD~1:project/uv.lock", "project/uv.lock"]);
    assert_eq!(lock["files"][0]["packages"][0]["name"], "words");
    same(&world.context, &["HEAD:project", "project"]);
    // In a folder of the repository, paths begin there.
    let inside = |arguments: &[&str]| {
        let mut invar = world.invar();
        Ran::of(invar.current_dir(world.project()).arg("diff").args(arguments))
    };
    assert_eq!(inside(&["HEAD", "."]).success(), "No difference\n");
    let told = inside(&["HEAD~1", "HEAD"]).stdout;
    assert!(told.contains("1 source file in the image\n  M main.py\n"), "{told}");
    let error = world.run(&["diff", "HEAD~5:project", "project"]).failure(2);
    assert!(error.contains("\"HEAD~5:project\" is not a file, a directory or a git revision"), "{error}");
    // What looks like an option is a name, and not git's to obey.
    let error = world.run(&["diff", "--", "--output=stolen", "project"]).failure(2);
    assert!(
        error.contains("is not a file, a directory or a git revision")
            && !world.context.path().join("stolen").exists(),
        "{error}"
    );
}

#[test]
fn source_files_are_told_by_what_becomes_of_them() {
    if !have("source_files_are_told_by_what_becomes_of_them", &["git"]) {
        return;
    }
    let context = Context::new();
    let git = |arguments: &[&str]| {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=a", "-c", "user.email=a@example.com"]).args(arguments);
        Ran::of(git.current_dir(context.path()).env("HOME", context.path())).success()
    };
    let manifest = |more: &str| {
        format!(
            "[tool.invar]\n{more}\n[tool.invar.image]\nname = \"x\"\ncommand = [\"a\"]\n\n[[tool.invar.step]]\nname = \"s\"\npackages = [\"make\"]\ninputs = [\"web/**\"]\nrun = \"make\"\noutputs = {{ o = \"/o\" }}\n"
        )
    };
    context.write("pyproject.toml", manifest("packages = [\"aa\"]\nexclude = [\"docs/**\", \"web/**\"]"));
    context.write(".gitignore", "*.log\nother\n");
    for (path, text) in [
        ("main.py", "one\n"),
        ("run.sh", "x\n"),
        ("same.py", "x\n"),
        ("docs/a.md", "one\n"),
        ("web/a.js", "one\n"),
        ("data.txt", "x\n"),
        ("odd\nname", "x\n"),
    ] {
        context.write(path, text);
    }
    context.write("big.bin", vec![0; 6 << 20]);
    std::os::unix::fs::symlink("main.py", context.path().join("link")).expect("a link");
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["commit", "-qm", "one"]);
    context.write(
        "pyproject.toml",
        manifest("packages = [\"bb\"]\nexclude = [\"docs/**\", \"web/**\", \"data.txt\"]"),
    );
    for (path, text) in [
        ("main.py", "two\n"),
        ("docs/a.md", "two\n"),
        ("web/a.js", "two\n"),
        ("new.py", "x\n"),
        ("x.log", "x\n"),
    ] {
        context.write(path, text);
    }
    let mut big = vec![0; 6 << 20];
    big[5 << 20] = 1;
    context.write("big.bin", big);
    context.write("x.tar", "what a build wrote");
    std::fs::remove_file(context.path().join("link")).expect("it is there");
    std::os::unix::fs::symlink("run.sh", context.path().join("link")).expect("a link");
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(context.path().join("run.sh"), executable).expect("the mode can be set");
    let expected = "\
pyproject.toml
  tool.invar.exclude: [\"docs/**\",\"web/**\"] → [\"docs/**\",\"web/**\",\"data.txt\"]
  tool.invar.packages[0]: \"aa\" → \"bb\"
6 source files in the image
  M big.bin
      too large to compare
  M link
  M main.py
      @@ -1,1 +1,1 @@
      -one
      +two
  A new.py
  M pyproject.toml
  M run.sh: mode
1 source file of steps
  M web/a.js
      @@ -1,1 +1,1 @@
      -one
      +two
2 source files not part of the image
  M data.txt: before in the image
  M docs/a.md
      @@ -1,1 +1,1 @@
      -one
      +two
";
    // Also what is not under version control yet, without what git ignores and what a build left.
    let ran = context.run(&["diff", "HEAD:.", "."]);
    assert_eq!((ran.code, ran.stdout.as_str()), (7, expected), "{}", ran.stderr);
    // Nothing that the repository configures is run.
    git(&["config", "filter.steal.clean", "touch stolen; cat"]);
    context.write(".gitattributes", "*.py filter=steal\n");
    context.run(&["diff", "HEAD", "."]);
    assert!(!context.path().join("stolen").exists());
    std::fs::remove_file(context.path().join(".gitattributes")).expect("it is there");
    git(&["add", "-A"]);
    git(&["commit", "-qm", "two"]);
    let ran = context.run(&["diff", "HEAD~1", "HEAD"]);
    assert_eq!(ran.stdout.replace("  A x.tar\n", "").replace("7 source", "6 source"), expected);
    let back = context.run(&["diff", "HEAD", "HEAD~1"]).stdout;
    assert!(
        back.contains("  D new.py\n") && back.contains("  M data.txt: before not part of the image\n"),
        "{back}"
    );
    // Two folders are compared as well.
    git(&["worktree", "add", "-q", "other", "HEAD~1"]);
    let ran = context.run(&["diff", "other", "."]);
    assert_eq!(ran.stdout, expected);
    same(&context, &["HEAD~1", "other"]);
    let page = context.path().join("page.html");
    context.run(&["diff", "--html", "page.html", "HEAD~1", "HEAD"]);
    assert!(std::fs::read_to_string(page).expect("it is written").contains("docs/a.md"));
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let context = Context::new();
    context.write("a.tar", tar(&[("a", "1", 1)]));
    context.write("uv.lock", "version = 1\n");
    context.write("broken.lock", "= broken\n");
    context.write("text.txt", "not an image\n");
    let check = |old: &str, new: &str, code: i32, expected: &str| {
        let error = context.run(&["diff", old, new]).failure(code);
        assert!(error.contains(expected), "{error}");
    };
    check("a.tar", "uv.lock", 2, "cannot be compared: one is a lock and the other is not");
    check("uv.lock", "broken.lock", 2, "invalid TOML");
    check("a.tar", "text.txt", 2, "text.txt is not an image");
    check("a.tar", "nowhere.tar", 2, "is not a file, a directory or a git revision");
    context.write("climbs.tar", tar(&[("a", "1", 1), ("../x", "1", 1)]));
    check("a.tar", "climbs.tar", 5, "climbs out");
}
