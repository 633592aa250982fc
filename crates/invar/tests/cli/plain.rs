//! A uv project without a manifest: what `invar init` would write is used, and `invar.lock` records it.
use invar_testkit::{Deb, Wheel, uv_lock};

use crate::support::Ran;
use crate::support::world::{World, packages, wheels};

const PYPROJECT: &str = "[project]\nname = \"little\"\nversion = \"1.0.0\"\nrequires-python = \">=3.13\"\n\
    dependencies = [\"numbers-of-old\", \"words\"]\n";

/// A world whose Debian has a base set, and whose project has no manifest.
fn world() -> World {
    let base =
        ["base-passwd", "ca-certificates", "libc-bin", "libstdc++6", "media-types", "netbase", "tzdata"];
    let base = base.map(|name| Deb::new(name, "1").architecture("all"));
    let world = World::with([packages(), base.to_vec()].concat(), wheels());
    world.context.write("project/pyproject.toml", PYPROJECT);
    world
}

fn lock(world: &World) -> Ran {
    let ran = world.run(&["lock", "--keyring", "keyring.gpg", "project"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    ran
}

#[test]
fn what_init_would_write_is_recorded_and_used_while_it_is_the_same() {
    let world = world();
    let ran = lock(&world);
    let expected = "No [tool.invar]: using what `invar init project` would write (`invar build project --show-manifest` \
        prints it)\n";
    assert!(ran.stderr.starts_with(expected), "{}", ran.stderr);
    let text = world.read("invar.lock");
    let start = "[[derived]]\nfile = \"pyproject.toml\"\npurposes = [\"build\", \"run\", \"shell\"]\nproject-sha256 = ";
    assert!(text.contains(start) && text.contains("command = [\"python\", \"main.py\"]\n"), "{text}");
    world.run(&["lock", "--check", "project"]).success();
    let shown = world.run(&["build", "--show-manifest", "--locked", "project"]).success();
    assert_eq!(shown, world.run(&["init", "--print", "project"]).success());

    // Newer wheels give the same manifest.
    let newer = [wheels().remove(0), Wheel::new("words", "0.2").file("words/__init__.py", "NEW = 1\n")];
    let base = format!("{}/wheels", world.server.url());
    world.context.write("project/uv.lock", uv_lock("little", ">=3.13", &newer, &base));
    world.run(&["lock", "--check", "project"]).success();

    // A record decides, whatever would be derived today, until the project changes.
    world.context.write("project/main.py", "");
    world.context.write("project/app.py", "import flask\napp = flask.Flask(__name__)\n");
    world.run(&["lock", "--check", "project"]).success();
    world.context.write("project/pyproject.toml", format!("{PYPROJECT}[project.scripts]\nlittle = \"app:main\"\n[build-system]\nrequires = []\nbuild-backend = \"x\"\n"));
    let message = world.run(&["lock", "--check", "project"]).failure(3);
    assert!(message.contains("[project] in pyproject.toml changed from sha256:"), "{message}");
    assert!(message.ends_with("help: run `invar lock project`\n"), "{message}");
    let shown = world.run(&["build", "--show-manifest", "project"]).success();
    assert!(shown.contains("command = [\"little\"]"), "{shown}");
    let message = world.run(&["build", "--show-manifest", "--locked", "project"]).failure(3);
    assert!(message.contains("invar lock project"), "{message}");
}

#[test]
fn init_takes_the_lock_over_and_force_updates() {
    let world = world();
    lock(&world);
    world.run(&["init", "--quiet", "project"]).success();
    assert!(!world.read("invar.lock").contains("[[derived]]"));
    world.run(&["lock", "--check", "project"]).success();
    let message = world.run(&["init", "project"]).failure(2);
    assert!(
        message.contains("the project already has a manifest") && message.contains("pass --force"),
        "{message}"
    );
    let ran = world.run(&["init", "--force", "project"]);
    assert!(ran.stderr.starts_with("project/pyproject.toml is up to date\n"), "{}", ran.stderr);
    ran.success();
    let own = world
        .read("pyproject.toml")
        .replace("[tool.invar]\n", "[tool.invar]  # mine\npackages = [\"hello\"]\n");
    world.context.write("project/pyproject.toml", own.replace("main.py", "other.py"));
    world.context.write("project/Dockerfile", "FROM debian\n");
    let ran = world.run(&["init", "--force", "project"]);
    for expected in [
        "Updated project/pyproject.toml:\n",
        "-command = [\"python\", \"other.py\"]\n+command = [\"python\", \"main.py\"]\n",
        "To convert Dockerfile too: `invar init --force --from project/Dockerfile project`\n",
    ] {
        assert!(ran.stderr.contains(expected), "{expected}: {}", ran.stderr);
    }
    assert_eq!(world.read("pyproject.toml"), own);
}

#[test]
fn a_dockerfile_beside_it_is_named_and_not_used() {
    let world = world();
    world.context.write("project/Dockerfile", "FROM debian:trixie\nCMD [\"hello\"]\n");
    let ran = lock(&world);
    let expected = "--show-manifest` prints it); `--from project/Dockerfile` converts project/Dockerfile\n";
    assert!(ran.stderr.contains(expected), "{}", ran.stderr);
    assert!(world.read("invar.lock").contains("command = [\"python\", \"main.py\"]\n"));
    // What was locked without a manifest before stays as it is.
    let old = world.read("invar.lock");
    let (head, rest) = old.split_once("\n[[derived]]").expect("it is derived");
    let (_, lock) = rest.split_once("[derived.lock]\n").expect("it has a lock");
    let lock = lock.replace("[derived.lock.", "[").replace("[[derived.lock.", "[[");
    world.context.write("project/invar.lock", format!("{head}{lock}"));
    let ran = world.run(&["lock", "--check", "project"]);
    assert!(!ran.stderr.contains("No [tool.invar]"), "{}", ran.stderr);
    ran.success();
}
