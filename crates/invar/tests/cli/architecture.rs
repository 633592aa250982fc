//! ARCHITECTURE.md is true: every crate is in its table, and imports point downward in it.
use std::process::Command;

use crate::support::{Ran, repository};

/// The crates of the table, from the top line to the bottom line.
fn table() -> Vec<String> {
    let text = std::fs::read_to_string(repository().join("ARCHITECTURE.md")).expect("the page is there");
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
    rows.map(|(name, _)| name.to_owned()).collect()
}

fn packages() -> Vec<serde_json::Value> {
    let metadata = Ran::of(
        Command::new(env!("CARGO"))
            .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
            .current_dir(repository()),
    )
    .success();
    let metadata: serde_json::Value = serde_json::from_str(&metadata).expect("cargo prints JSON");
    metadata["packages"].as_array().expect("a workspace has packages").clone()
}

#[test]
fn every_crate_is_in_the_table() {
    let mut expected: Vec<String> =
        packages().iter().map(|package| package["name"].as_str().expect("a name").to_owned()).collect();
    let mut table = table();
    expected.sort();
    table.sort();
    assert_eq!(table, expected);
}

#[test]
fn imports_point_downward() {
    let table = table();
    let rank = |name: &str| table.iter().position(|known| known == name);
    for package in packages() {
        let name = package["name"].as_str().expect("a name");
        for dependency in package["dependencies"].as_array().expect("a list") {
            let other = dependency["name"].as_str().expect("a name");
            let (Some(own), Some(others)) = (rank(name), rank(other)) else { continue };
            if dependency["kind"] == "dev" {
                continue;
            }
            assert!(others < own, "{name} must not import {other}, which stands below it in the table");
            assert_ne!(other, "invar-testkit", "{name} imports the tests' scaffolding");
        }
    }
}

#[test]
fn paths_on_the_pages_for_developers_exist() {
    for page in ["ARCHITECTURE.md", "CONTRIBUTING.md"] {
        let text = std::fs::read_to_string(repository().join(page)).expect("the page is there");
        let quoted = text.split('`').skip(1).step_by(2);
        let paths: Vec<&str> = quoted
            .filter(|text| {
                ["crates/", "fixtures/", "docs/", "benches/"].iter().any(|top| text.starts_with(top))
            })
            .collect();
        assert!(page != "CONTRIBUTING.md" || paths.len() > 12, "{page} names {} paths", paths.len());
        for path in paths {
            assert!(repository().join(path).exists(), "{page} names {path}, which does not exist");
        }
    }
}

#[test]
fn the_map_is_short() {
    let text = std::fs::read_to_string(repository().join("ARCHITECTURE.md")).expect("the page is there");
    assert!(text.lines().count() < 300, "ARCHITECTURE.md has {} lines", text.lines().count());
}
