//! Members of a uv workspace: one `uv.lock` for all, an image and an `invar.lock` for each.
use std::fs;

use crate::support::world::{MANIFEST, World, digest};

const ROOT: &str =
    "[tool.uv.workspace]\nmembers = [\"members/*\"]\n\n[tool.uv]\nno-build-package = [\"words\"]\n";

/// The world's project as a member of a workspace in the folder `space`, whose root is no project.
fn workspace() -> World {
    let world = World::new();
    let lock = world.read("uv.lock").replace("{ virtual = \".\" }", "{ virtual = \"members/little\" }");
    assert!(lock.contains("members/little"), "{lock}");
    fs::remove_file(world.project().join("uv.lock")).expect("the project has a lock");
    fs::create_dir_all(world.context.path().join("space/members")).expect("the folders can be made");
    fs::rename(world.project(), world.context.path().join("space/members/little"))
        .expect("the project can be moved");
    world.context.write("space/pyproject.toml", ROOT);
    world.context.write("space/uv.lock", lock);
    world.context.write("space/.gitignore", ".env\n/members/little/made\n");
    world.context.write("space/members/little/.env", "A_SECRET=1\n");
    world.context.write("space/members/little/made/by-a-tool.txt", "\n");
    world
}

/// The names of the files in the image of `folder`.
fn files(world: &World, folder: &str) -> String {
    world.run(&["build", "--locked", "--format", "rootfs", "-o", "root.tar", folder]).success();
    let tar = world.context.path().join("root.tar");
    crate::support::Ran::of(std::process::Command::new("tar").arg("-tf").arg(tar)).success()
}

#[test]
fn a_member_is_locked_and_built_in_its_own_folder() {
    let world = workspace();
    let member = "space/members/little";
    world.run(&["lock", "--keyring", "keyring.gpg", member]).success();
    assert!(world.context.path().join(member).join("invar.lock").is_file());
    world.run(&["lock", "--check", member]).success();
    let names = files(&world, member);
    for expected in ["site-packages/words/list.txt", "app/main.py", "app/package/data.txt"] {
        assert!(names.lines().any(|name| name.ends_with(expected)), "no {expected} in {names}");
    }
    // What the workspace's own `.gitignore` excludes is no more source than what the member's does.
    for left in ["app/.env", "app/made", "app/noise.log", "app/uv.lock"] {
        assert!(!names.lines().any(|name| name.trim_end_matches('/').ends_with(left)), "{left} in {names}");
    }
}

#[test]
fn a_member_gives_the_image_that_a_project_alone_gives() {
    let world = workspace();
    let member = "space/members/little";
    world.run(&["lock", "--keyring", "keyring.gpg", member]).success();
    let found = digest(&world.run(&["build", "--locked", "--json", member]).success());
    let alone = World::new();
    alone.lock();
    assert_eq!(found, alone.build());
}

#[test]
fn a_lock_of_the_workspace_that_changed_is_noticed() {
    let world = workspace();
    let member = "space/members/little";
    world.run(&["lock", "--keyring", "keyring.gpg", member]).success();
    let path = world.context.path().join("space/uv.lock");
    let lock = fs::read_to_string(&path).expect("the workspace has a lock");
    // What it says counts, and not its bytes.
    fs::write(&path, format!("{lock}\n# another\n")).expect("the lock can be written");
    world.run(&["build", "--locked", member]).success();
    let words = ", { name = \"words\" }]";
    assert!(lock.contains(words), "{lock}");
    fs::write(&path, lock.replace(words, "]")).expect("the lock can be written");
    let message = world.run(&["build", "--locked", member]).failure(3);
    assert!(message.contains("uv.lock is out of date"), "{message}");
}

#[test]
fn settings_for_builds_are_the_workspaces() {
    let world = workspace();
    world.context.write("space/pyproject.toml", format!("{ROOT}no-binary-package = [\"words\"]\n"));
    let message = world.run(&["lock", "--keyring", "keyring.gpg", "space/members/little"]).failure(2);
    assert!(message.contains("words"), "{message}");
}

#[test]
fn a_root_that_is_no_project_names_its_members() {
    let world = workspace();
    for command in ["lock", "build"] {
        let message = world.run(&[command, "space"]).failure(2);
        assert!(message.contains("space/members/little") && message.contains("help: "), "{message}");
    }
}

#[test]
fn a_root_that_depends_on_nothing_is_told_of_its_members() {
    let world = workspace();
    let root = "[project]\nname = \"root\"\nversion = \"1\"\nrequires-python = \">=3.13\"\n\n[tool.invar]\n\
        base = [\"base-files\", \"libc6\"]\npython.bytecode = false\n\n";
    world.context.write("space/pyproject.toml", format!("{root}{ROOT}"));
    let path = world.context.path().join("space/uv.lock");
    let lock = fs::read_to_string(&path).expect("the workspace has a lock");
    let members = "[manifest]\nmembers = [\"little\", \"root\"]\n\n[[package]]\nname = \"root\"\n\
        version = \"1\"\nsource = { virtual = \".\" }\n\n[[package]]";
    fs::write(&path, lock.replacen("[[package]]", members, 1)).expect("the lock can be written");
    let ran = world.run(&["lock", "--keyring", "keyring.gpg", "space"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("has no dependencies") && ran.stderr.contains("space/members/little"),
        "{}",
        ran.stderr
    );
    let ran = world.run(&["lock", "--keyring", "keyring.gpg", "space/members/little"]);
    assert!(!ran.stderr.contains("has no dependencies"), "{}", ran.stderr);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
}

#[test]
fn a_folder_that_the_workspaces_lock_does_not_name_needs_its_own() {
    let world = workspace();
    world.context.write("space/elsewhere/pyproject.toml", MANIFEST);
    let message = world.run(&["lock", "space/elsewhere"]).failure(3);
    assert!(message.contains("space/elsewhere/uv.lock") && message.contains("uv lock"), "{message}");
    // A project between the two is not part of the workspace, and neither is what is in it.
    world.context.write("space/members/pyproject.toml", "[project]\nname = \"between\"\nversion = \"1\"\n");
    world.run(&["lock", "space/members/little"]).failure(3);
}
