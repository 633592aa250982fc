//! Wheels, and the indexes that have them.
use std::collections::BTreeMap;

use invar_diagnostic::{Diagnostic as _, Kind};
use invar_plan::{Recipe, WheelRecipe};
use invar_python::{Chosen, EnvironmentLayout, Location, NeededBy, WheelFile};
use invar_realise::{RealiseError, Sources, realise};
use invar_testkit::{Fault, Wheel};
use invar_tree::{Digest, ImagePath, Origin};

use crate::world::World;

fn words() -> Wheel {
    Wheel::new("words", "0.1").file("words/__init__.py", "ONE = 1\n")
}

fn world() -> World {
    World::new(BTreeMap::from([(format!("wheels/{}", words().filename()), words().build())]))
}

fn recipe(location: Location) -> Recipe {
    let bytes = words().build();
    let wheel = WheelFile {
        filename: words().filename().parse().unwrap(),
        location,
        digest: Digest::of(&bytes),
        size: Some(bytes.len() as u64),
    };
    let chosen = Chosen {
        name: "words".parse().unwrap(),
        version: "0.1".to_owned(),
        wheel,
        direct: None,
        needed_by: NeededBy::Project,
    };
    let layout = EnvironmentLayout { prefix: ImagePath::parse("app/.venv").unwrap(), python: (3, 13) };
    Recipe::Wheel(Box::new(WheelRecipe { chosen, layout }))
}

fn at_url(world: &World) -> Recipe {
    recipe(Location::Url(format!("{}/wheels/{}", world.server.url(), words().filename())))
}

/// The files of what `recipe` makes.
fn files(world: &World, sources: &Sources<'_>, recipe: Recipe) -> Result<Vec<String>, RealiseError> {
    let trees = realise(sources, &[recipe], &|_| Vec::new(), world.folder.path())?;
    let tree = trees[0].tree(&std::sync::Arc::new(Origin::Source))?;
    Ok(tree
        .iter()
        .filter(|(_, entry)| !entry.is_directory())
        .map(|(path, _)| path.as_str().to_owned())
        .collect())
}

#[test]
fn a_wheel_is_installed_into_the_environment() {
    let world = world();
    let files = files(&world, &world.sources(), at_url(&world)).unwrap();
    assert!(
        files.contains(&"app/.venv/lib/python3.13/site-packages/words/__init__.py".to_owned()),
        "{files:?}"
    );
    // A wheel next to the project needs no network.
    std::fs::write(world.path(&words().filename()), words().build()).unwrap();
    let mut offline = world.offline();
    offline.store = world.store("other");
    let beside = recipe(Location::Path(words().filename()));
    assert_eq!(self::files(&world, &offline, beside).unwrap(), files);
    assert_eq!(world.asked(".whl"), 1);
}

#[test]
fn a_wheel_that_has_moved_is_found_by_name_in_an_index() {
    let world = world();
    let name = words().filename();
    let page = format!("<a href=\"../../files/{name}\">{name}</a>");
    world.server.put(BTreeMap::from([
        ("simple/words/".to_owned(), page.into_bytes()),
        (format!("files/{name}"), words().build()),
    ]));
    world.server.fault(&format!("wheels/{name}"), Fault::NotFound);
    let error = files(&world, &world.sources(), at_url(&world)).unwrap_err();
    assert_eq!(error.kind(), Kind::Network, "{error}");
    let mut sources = world.sources();
    sources.upstreams.python_indexes.add_pip(&[format!("{}/simple", world.server.url())], &[]);
    files(&world, &sources, at_url(&world)).unwrap();
    assert_eq!((world.asked("simple/words/"), world.asked(&format!("files/{name}"))), (1, 1));
}

#[test]
fn an_index_cannot_change_what_is_installed() {
    let world = world();
    let name = words().filename();
    let other = Wheel::new("words", "0.1").file("words/__init__.py", "ONE = 2\n").build();
    world.server.put(BTreeMap::from([
        ("simple/words/".to_owned(), format!("<a href=\"../../files/{name}\">x</a>").into_bytes()),
        (format!("files/{name}"), other),
    ]));
    world.server.fault(&format!("wheels/{name}"), Fault::NotFound);
    let mut sources = world.sources();
    sources.upstreams.python_indexes.name(format!("{}/simple", world.server.url()).parse().unwrap());
    let error = files(&world, &sources, at_url(&world)).unwrap_err();
    assert_eq!(error.kind(), Kind::Verification, "{error}");
}
