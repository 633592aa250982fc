//! Packages that divert files of others, and names that several packages provide.
use std::fs;

use invar_testkit::Deb;

use crate::support::world::World;

const DIVERT: &str = "#!/bin/sh\nset -e\nif [ \"$1\" = install ]; then\n\
    \tdpkg-divert --package zz --add --rename --divert /usr/bin/tool.aa /usr/bin/tool\nfi\n";

fn world(first: &str, second: &str) -> World {
    let packages = vec![
        Deb::new("base-files", "13.8").link("bin", "usr/bin"),
        Deb::new("aa", "1").program("usr/bin/tool", first).program("usr/bin/other", "other\n"),
        Deb::new("zz", "1").program("usr/bin/tool", second).script("preinst", DIVERT),
        Deb::new("mta-one", "1").field("Provides", "mta"),
        Deb::new("mta-two", "2").field("Provides", "mta, default-mta"),
    ];
    let world = World::with(packages, Vec::new());
    world.context.write(
        "image/invar.toml",
        "packages = [\"aa\", \"zz\"]\nbase = [\"base-files\"]\ninclude = []\n[image]\nname = \"image\"\n",
    );
    world
}

#[test]
fn a_diverted_file_goes_to_its_other_place() {
    let world = world("of aa\n", "of zz\n");
    world.run(&["lock", "--keyring", "keyring.gpg", "image"]).success();
    world.run(&["build", "--locked", "--format", "rootfs-dir", "-o", "root", "image"]).success();
    let root = world.context.path().join("root");
    let text =
        |path: &str| fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    assert_eq!(text("usr/bin/tool"), "of zz\n");
    assert_eq!(text("usr/bin/tool.aa"), "of aa\n");
    assert_eq!(text("usr/bin/other"), "other\n");
    assert_eq!(text("var/lib/dpkg/diversions"), "/usr/bin/tool\n/usr/bin/tool.aa\nzz\n");
}

#[test]
fn without_the_other_package_nothing_is_written() {
    let world = world("of aa\n", "of zz\n");
    world.context.write(
        "image/invar.toml",
        "packages = [\"zz\"]\nbase = [\"base-files\"]\ninclude = []\n[image]\nname = \"image\"\n",
    );
    world.run(&["lock", "--keyring", "keyring.gpg", "image"]).success();
    world.run(&["build", "--locked", "--format", "rootfs-dir", "-o", "root", "image"]).success();
    let root = world.context.path().join("root");
    assert!(root.join("usr/bin/tool").exists());
    assert!(!root.join("var/lib/dpkg/diversions").exists());
}

#[test]
fn a_name_that_several_packages_provide_is_refused() {
    let world = world("x\n", "x\n");
    let manifest = |package: &str| {
        format!(
            "packages = [\"{package}\"]\nbase = [\"base-files\"]\ninclude = []\n[image]\nname = \"image\"\n"
        )
    };
    world.context.write("image/invar.toml", manifest("mta"));
    let ran = world.run(&["lock", "--keyring", "keyring.gpg", "image"]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    let expected = "  mta is a virtual package, requested by `packages` in the manifest; name one that provides it:\n    \
                    mta-one 1\n    mta-two 2 (the default)\n";
    assert!(ran.stderr.contains(expected), "{}", ran.stderr);
    world.context.write("image/invar.toml", manifest("default-mta"));
    world.run(&["lock", "--keyring", "keyring.gpg", "image"]).success();
}
