//! Signed indexes.
use std::collections::BTreeMap;

use invar_apt::Keyring;
use invar_diagnostic::{Diagnostic as _, Kind};
use invar_realise::{AsOf, RealiseError, Suite, SuiteError, packages, suites};
use invar_testkit::{Deb, Fault, Mirror, Signer};

use crate::world::{DATE, NOW, World};

fn mirror(signer: &Signer, date: &str, valid_until: Option<&str>) -> BTreeMap<String, Vec<u8>> {
    let mut mirror = Mirror::new(signer.clone());
    mirror.add_suite("debian", "trixie", date, valid_until, &[Deb::new("hello", "2.10-5")]);
    mirror.add_suite("debian", "trixie-updates", date, None, &[Deb::new("hello", "2.10-6")]);
    mirror.add_suite("debian-security", "trixie-security", date, None, &[]);
    mirror.files().clone()
}

fn keyring(signer: &Signer) -> Keyring {
    Keyring::parse(&signer.keyring()).unwrap()
}

fn read(world: &World, codename: &str, signer: &Signer) -> Result<Vec<Suite>, RealiseError> {
    suites(&world.sources(), codename, &keyring(signer), AsOf::Now(NOW))
}

#[track_caller]
fn failure(world: &World, codename: &str, signer: &Signer) -> SuiteError {
    match read(world, codename, signer).err().expect("it fails") {
        RealiseError::Suite(error) => error,
        other => panic!("{other}"),
    }
}

#[test]
fn a_release_has_three_suites_and_their_packages() {
    let signer = Signer::new(1);
    let world = World::new(mirror(&signer, DATE, None));
    let suites = read(&world, "trixie", &signer).unwrap();
    let names: Vec<&str> = suites.iter().map(|suite| suite.name.as_str()).collect();
    assert_eq!(names, ["trixie", "trixie-updates", "trixie-security"]);
    let index = packages(&world.sources(), &suites, &"amd64".parse().unwrap(), AsOf::Now(NOW)).unwrap();
    let found: Vec<(usize, String)> = index
        .get(&"hello".parse().unwrap())
        .into_iter()
        .map(|record| (record.suite, record.version.to_string()))
        .collect();
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found.contains(&(0, "2.10-5".to_owned())) && found.contains(&(1, "2.10-6".to_owned())),
        "{found:?}"
    );
}

#[test]
fn only_signatures_of_the_keyring_count() {
    let world = World::new(mirror(&Signer::new(1), DATE, None));
    let error = failure(&world, "trixie", &Signer::new(2));
    assert!(matches!(&error, SuiteError::Untrusted { suite, .. } if suite == "trixie"), "{error}");
    assert_eq!(error.kind(), Kind::Verification);
    assert!(error.hint().is_some_and(|hint| hint.contains("--keyring")));
}

#[test]
fn a_release_that_has_expired_is_not_trusted() {
    let signer = Signer::new(1);
    let world = World::new(mirror(&signer, DATE, Some("Wed, 03 Oct 2096 07:06:40 UTC")));
    let at = |seconds| suites(&world.sources(), "trixie", &keyring(&signer), AsOf::Now(seconds));
    assert_eq!(at(NOW).unwrap().len(), 3);
    let error = at(NOW + 2 * 86_400).err().expect("it fails");
    assert!(matches!(error, RealiseError::Suite(SuiteError::Untrusted { .. })), "{error}");
}

#[test]
fn a_suite_that_no_mirror_has_is_a_wrong_name() {
    let signer = Signer::new(1);
    let world = World::new(mirror(&signer, DATE, None));
    let error = failure(&world, "trixy", &signer);
    assert!(
        matches!(&error, SuiteError::NoSuite { nearest: Some(nearest), .. } if nearest == "trixie"),
        "{error}"
    );
    assert_eq!(error.kind(), Kind::Input);
    // Of a suite that is known, a mirror that lacks it is at fault.
    let error = read(&world, "bookworm", &signer).err().expect("it fails");
    assert_eq!(error.kind(), Kind::Network, "{error}");
}

#[test]
fn a_suite_under_another_name_is_refused() {
    let signer = Signer::new(1);
    let mut files = mirror(&signer, DATE, None);
    files
        .insert("debian/dists/bookworm/InRelease".to_owned(), files["debian/dists/trixie/InRelease"].clone());
    let world = World::new(files);
    let error = failure(&world, "bookworm", &signer);
    assert!(
        matches!(&error, SuiteError::Unexpected { problem, .. } if problem == "is the suite trixie instead"),
        "{error}"
    );
}

#[test]
fn an_index_is_checked_against_the_signed_digest() {
    let signer = Signer::new(1);
    let world = World::new(mirror(&signer, DATE, None));
    let suites = read(&world, "trixie", &signer).unwrap();
    for path in world.server.paths() {
        if path.contains("binary-amd64") {
            world.server.fault(&path, Fault::FlipBitAt(20));
        }
    }
    let architecture = "amd64".parse().unwrap();
    let error = packages(&world.sources(), &suites, &architecture, AsOf::Now(NOW)).expect_err("it fails");
    assert_eq!(error.kind(), Kind::Verification, "{error}");
}
