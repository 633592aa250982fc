//! Wheels that are not where `uv.lock` says come from a Python package index.
use std::collections::BTreeMap;

use invar_testkit::Fault;

use crate::support::Ran;
use crate::support::world::{MANIFEST, World, digest, wheels};

const WHEEL: &str = "words-0.1-py3-none-any.whl";

/// A world with a lock whose wheel `words` is no longer where the lock says, but at `files/` of an index at `simple/`.
fn moved() -> World {
    let world = World::new();
    world.lock();
    put(&world, "simple/words/", page());
    put(&world, &format!("files/{WHEEL}"), wheels()[1].build());
    world.server.fault(&format!("wheels/{WHEEL}"), Fault::NotFound);
    world
}

fn page() -> String {
    format!(
        "<!DOCTYPE html><a href=\"words-0.0.tar.gz\">x</a> <a href=\"../../files/{WHEEL}#sha256=00\">{WHEEL}</a>"
    )
}

fn put(world: &World, path: &str, content: impl Into<Vec<u8>>) {
    world.server.put(BTreeMap::from([(path.to_owned(), content.into())]));
}

/// Builds with `variables`, and with no setting of this machine's uv and pip.
fn build(world: &World, variables: &[(&str, &str)]) -> Ran {
    let mut command = world.invar();
    command.env("UV_NO_CONFIG", "1").env("PIP_CONFIG_FILE", "/dev/null");
    for (name, value) in variables {
        command.env(name, value.replace("SERVER", &world.server.url()));
    }
    Ran::of(command.args(["build", "--locked", "--json", "project"]))
}

/// How often the server was asked for `path`.
fn asked(world: &World, path: &str) -> usize {
    world.server.requests().iter().filter(|asked| *asked == path).count()
}

const INDEX: (&str, &str) = ("INVAR_PYTHON_INDEX", "SERVER/simple/");

#[test]
fn a_wheel_that_has_moved_is_found_in_an_index() {
    let unmoved = World::new();
    unmoved.lock();
    let expected = unmoved.build();
    for variable in [
        INDEX,
        ("UV_DEFAULT_INDEX", "inner=SERVER/simple"),
        ("UV_INDEX_URL", "SERVER/simple"),
        ("PIP_INDEX_URL", "SERVER/simple"),
    ] {
        let world = moved();
        assert_eq!(digest(&build(&world, &[variable]).success()), expected, "{variable:?}");
        assert_eq!(asked(&world, "simple/words/"), 1, "{variable:?}");
        // Only who is named for it is asked about wheels that are where they should be.
        let others = asked(&world, "simple/numbers-of-old/");
        assert_eq!(others, usize::from(variable == INDEX), "{variable:?}");
    }
}

#[test]
fn an_index_that_is_named_comes_before_the_lock() {
    let world = moved();
    build(&world, &[INDEX]).success();
    assert_eq!(asked(&world, &format!("wheels/{WHEEL}")), 0);
    assert_eq!(asked(&world, &format!("files/{WHEEL}")), 1);
}

#[test]
fn the_manifest_and_settings_name_indexes() {
    let world = moved();
    let manifest = MANIFEST
        .replace("[tool.invar]\n", &format!("[tool.invar]\nindex = \"{}/simple\"\n", world.server.url()));
    world.context.write("project/pyproject.toml", manifest);
    build(&world, &[]).success();
    assert_eq!(asked(&world, &format!("wheels/{WHEEL}")), 0);

    let setting = |path: &str, text: &str| {
        let world = moved();
        world.context.write(path, text.replace("SERVER", &world.server.url()));
        let mut command = world.invar();
        // The context turns both off, so that this machine's own settings are not asked; here the home is the
        // context's.
        command.env_remove(if path.contains("pip") { "PIP_CONFIG_FILE" } else { "UV_NO_CONFIG" });
        Ran::of(command.args(["build", "--locked", "project"])).success();
        assert_eq!(asked(&world, &format!("wheels/{WHEEL}")), 1, "{path}");
        assert_eq!(asked(&world, &format!("files/{WHEEL}")), 1, "{path}");
    };
    setting(".config/uv/uv.toml", "[[index]]\nurl = \"SERVER/simple\"\ndefault = true\n");
    setting(".config/pip/pip.conf", "[global]\nindex-url = SERVER/simple\n");
    setting(".pip/pip.conf", "[global]\nindex-url = SERVER/simple\n");
}

#[test]
fn an_index_may_answer_in_json() {
    let world = moved();
    let files = serde_json::json!([{"filename": WHEEL, "url": format!("/files/{WHEEL}"), "hashes": {}}]);
    let listing = serde_json::json!({"meta": {"api-version": "1.0"}, "name": "words", "files": files});
    put(&world, "simple/words/", listing.to_string());
    build(&world, &[INDEX]).success();
}

#[test]
fn another_file_of_the_same_name_is_refused() {
    let world = moved();
    put(&world, &format!("files/{WHEEL}"), wheels()[0].build());
    let message = build(&world, &[INDEX]).failure(5);
    for part in ["words 0.1", "/files/", "expected", "/wheels/"] {
        assert!(message.contains(part), "{part}: {message}");
    }
    // The file that the lock names is as good as it ever was.
    world.server.behave();
    build(&world, &[INDEX]).success();
}

#[test]
fn messages_name_every_place() {
    let world = moved();
    let url = world.server.url();
    let message = build(&world, &[]).failure(4);
    assert!(message.contains(&format!("{url}/wheels/{WHEEL}")) && !message.contains("simple"), "{message}");

    put(&world, "simple/words/", "<html></html>");
    let message = build(&world, &[INDEX, ("PIP_INDEX_URL", "SERVER/other")]).failure(4);
    for part in [&format!("{url}/simple/words/: no file {WHEEL}"), &format!("{url}/other/words/")] {
        assert!(message.contains(part.as_str()), "{part}: {message}");
    }
    assert!(message.contains(&format!("{url}/wheels/{WHEEL}")), "{message}");

    let message =
        build(&world, &[("INVAR_PYTHON_INDEX", "https://me:secret@index.example/simple")]).failure(2);
    assert!(message.contains("index") && !message.contains("secret"), "{message}");
}

#[test]
fn offline_no_index_is_asked() {
    let world = moved();
    let before = world.server.requests().len();
    build(&world, &[INDEX, ("INVAR_OFFLINE", "1")]).failure(4);
    assert_eq!(world.server.requests().len(), before);
}
