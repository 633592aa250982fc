//! Every type of key in the workspace has a domain of its own, and a key that a test holds fast.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The Rust files below `src` of every crate, with their texts.
fn sources() -> BTreeMap<PathBuf, String> {
    fn walk(directory: &Path, sources: &mut BTreeMap<PathBuf, String>) {
        #[expect(clippy::disallowed_methods, reason = "the map sorts them")]
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, sources);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                sources.insert(path.clone(), fs::read_to_string(path).unwrap());
            }
        }
    }
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut sources = BTreeMap::new();
    #[expect(clippy::disallowed_methods, reason = "the map sorts them")]
    for entry in fs::read_dir(crates).unwrap() {
        let directory = entry.unwrap().path().join("src");
        if directory.is_dir() {
            walk(&directory, &mut sources);
        }
    }
    sources
}

/// The domains that `text` defines.
fn domains(text: &str) -> Vec<&str> {
    let definitions = text.split("const DOMAIN: &'static str = \"").skip(1);
    definitions.filter_map(|rest| rest.split('"').next()).collect()
}

/// How often `text` has a line as `Keyed::describe` writes it for `domain`: the domain, a version, and a key.
fn pins(text: &str, domain: &str) -> usize {
    let is_pin = |rest: &&str| {
        let Some((version, key)) = rest.split('"').next().and_then(|pin| pin.split_once(' ')) else {
            return false;
        };
        version.parse::<u32>().is_ok() && key.len() == 64 && key.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    text.split(&format!("\"{domain} ")).skip(1).filter(is_pin).count()
}

#[test]
fn every_domain_is_unique_and_pinned() {
    let sources = sources();
    let mut places: BTreeMap<&str, Vec<&Path>> = BTreeMap::new();
    let mut types = 0;
    for (path, text) in &sources {
        // The store's own tests have types that make nothing.
        if path.ends_with("invar-store/src/key/tests.rs") {
            continue;
        }
        types += text.matches(" Keyed for ").count();
        for domain in domains(text) {
            places.entry(domain).or_default().push(path);
        }
    }
    let domains: usize = places.values().map(Vec::len).sum();
    assert_eq!(domains, types, "a type of key has a domain that is not written as the others are");
    assert!(domains >= 20, "the sources are not where they were: {domains} domains");
    for (domain, places) in places {
        assert_eq!(places.len(), 1, "the domain {domain:?} is used twice: {places:?}");
        let found: usize = sources.values().map(|text| pins(text, domain)).sum();
        assert_eq!(
            found,
            1,
            "the domain {domain:?} of {} needs a test that pins one key of it, as the others have",
            places[0].display()
        );
    }
}

#[test]
fn keys_are_written_by_type_and_not_by_how_values_are_shown() {
    for (path, text) in sources().into_iter().filter(|(_, text)| text.contains("KeyWriter")) {
        // The functions that several types share are called `encode_something`; what has no body is the trait's.
        let functions = text.split("fn encode").skip(1);
        let bodies = functions.filter(|rest| rest.lines().next().is_some_and(|line| !line.ends_with(';')));
        let bodies = bodies.map(|rest| rest.split("\n}\n").next().unwrap_or(rest));
        for body in bodies {
            assert!(
                !body.contains("format!") && !body.contains(":?}"),
                "{} writes text into a key that was put together by hand",
                path.display()
            );
        }
    }
}
