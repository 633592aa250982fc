//! Debian packages.
use std::collections::BTreeMap;

use invar_diagnostic::{Diagnostic as _, Kind};
use invar_fetch::{FetchError, Request};
use invar_plan::{PackageRecipe, Recipe};
use invar_realise::{RealiseError, checked_blob, control, realise};
use invar_store::StoredTree;
use invar_testkit::{Deb, Fault};
use invar_tree::{Digest, Origin};

use crate::world::{World, damage};

const FILE: &str = "pool/main/h/hello/hello_2.10-5_amd64.deb";

fn hello() -> Vec<u8> {
    Deb::new("hello", "2.10-5").program("usr/bin/hello", "a program\n").build()
}

fn world() -> World {
    World::new(BTreeMap::from([(format!("debian/{FILE}"), hello())]))
}

fn recipe() -> PackageRecipe {
    PackageRecipe {
        name: "hello".parse().unwrap(),
        version: "2.10-5".parse().unwrap(),
        architecture: "amd64".parse().unwrap(),
        suite: "trixie".to_owned(),
        file: FILE.to_owned(),
        size: hello().len() as u64,
        digest: Digest::of(&hello()),
        docs: false,
    }
}

fn request(world: &World) -> Request {
    let PackageRecipe { digest, size, .. } = recipe();
    let urls = vec![format!("{}/debian/{FILE}", world.server.url())];
    Request { label: "hello".to_owned(), urls, digest, size: Some(size) }
}

fn made(world: &World, recipe: PackageRecipe) -> Result<Vec<StoredTree>, RealiseError> {
    let times = |_: &str| vec!["20260913T093357Z".to_owned()];
    realise(&world.sources(), &[Recipe::Package(recipe)], &times, world.folder.path())
}

#[track_caller]
fn failure(world: &World, recipe: PackageRecipe) -> RealiseError {
    made(world, recipe).expect_err("it fails")
}

#[test]
fn a_package_is_fetched_and_unpacked_once() {
    let world = world();
    for _ in 0..2 {
        let trees = made(&world, recipe()).unwrap();
        let tree = trees[0].tree(&std::sync::Arc::new(Origin::Source)).unwrap();
        let files: Vec<String> = tree
            .iter()
            .filter(|(_, entry)| !entry.is_directory())
            .map(|(path, _)| path.as_str().to_owned())
            .collect();
        assert!(files.contains(&"usr/bin/hello".to_owned()), "{files:?}");
        assert_eq!(control(&trees[0], &recipe()).unwrap().package().as_str(), "hello");
    }
    assert_eq!(world.asked(FILE), 1);
    assert_eq!(*world.listener.unpacked.lock().unwrap(), ["hello 2.10-5 (amd64)"]);
}

#[test]
fn a_package_with_another_digest_is_refused() {
    let world = world();
    world.server.fault(&format!("debian/{FILE}"), Fault::FlipBitAt(100));
    let error = failure(&world, recipe());
    assert_eq!(error.kind(), Kind::Verification, "{error}");
    assert!(world.listener.unpacked.lock().unwrap().is_empty());
    // The right file is taken as soon as there is one.
    world.server.behave();
    assert_eq!(made(&world, recipe()).unwrap().len(), 1);
}

#[test]
fn a_package_that_the_mirror_dropped_comes_from_the_snapshot_service() {
    let world = world();
    world.server.fault(&format!("debian/{FILE}"), Fault::NotFound);
    let error = failure(&world, recipe());
    assert_eq!(error.kind(), Kind::Network, "{error}");
    assert!(
        matches!(&error, RealiseError::Fetch(FetchError::Exhausted { failures, .. }) if failures.len() == 2)
    );
    world.server.put(BTreeMap::from([(format!("snapshot/debian/20260913T093357Z/{FILE}"), hello())]));
    made(&world, recipe()).unwrap();
}

#[test]
fn without_a_network_only_the_store_and_a_lender_have_packages() {
    let world = world();
    let times = |_: &str| Vec::new();
    let recipes = [Recipe::Package(recipe())];
    let mut offline = world.offline();
    let error = realise(&offline, &recipes, &times, world.folder.path()).expect_err("it fails");
    assert_eq!(error.kind(), Kind::Network);
    assert_eq!(error.hint().as_deref(), Some("run this once without --offline"));
    let mut lending = world.sources();
    lending.store = world.store("lender");
    checked_blob(&lending, &request(&world), None, || ()).unwrap();
    offline.lender = Some(world.store("lender"));
    assert_eq!(realise(&offline, &recipes, &times, world.folder.path()).unwrap().len(), 1);
    assert_eq!(world.asked(FILE), 1);
}

#[test]
fn a_file_that_was_damaged_in_the_store_is_fetched_again() {
    let world = world();
    let (sources, request) = (world.sources(), request(&world));
    checked_blob(&sources, &request, None, || ()).unwrap();
    damage(&sources.store.blob_path(&request.digest));
    let (mut file, ()) = checked_blob(&sources, &request, None, || ()).unwrap();
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut file, &mut bytes).unwrap();
    assert_eq!((Digest::of(&bytes), world.asked(FILE)), (request.digest, 2));
    // Where it cannot be fetched, it is not used either.
    damage(&sources.store.blob_path(&request.digest));
    let error = checked_blob(&world.offline(), &request, None, || ()).expect_err("it fails");
    assert!(error.may_be_damage(), "{error}");
    assert_eq!(error.kind(), Kind::Disk);
}

#[test]
fn a_package_is_the_one_that_the_lock_names() {
    let world = world();
    let error = failure(&world, PackageRecipe { version: "2.10-6".parse().unwrap(), ..recipe() });
    assert_eq!(
        error.message(false),
        "the file of hello 2.10-6 (amd64) contains hello 2.10-5 (amd64) instead"
    );
    assert_eq!(error.kind(), Kind::Verification);
    let error = failure(&world, PackageRecipe { size: recipe().size + 1, ..recipe() });
    assert!(matches!(error, RealiseError::Size { expected, found, .. } if expected == found + 1), "{error}");
}

#[test]
fn a_package_that_cannot_be_unpacked_leaves_nothing() {
    let junk = b"!<arch>\nnothing".to_vec();
    let world = World::new(BTreeMap::from([(format!("debian/{FILE}"), junk.clone())]));
    let recipe = PackageRecipe { size: junk.len() as u64, digest: Digest::of(&junk), ..recipe() };
    for _ in 0..2 {
        let error = failure(&world, recipe.clone());
        assert!(matches!(error, RealiseError::Package { .. }), "{error}");
        assert_eq!(error.kind(), Kind::Verification);
    }
}
