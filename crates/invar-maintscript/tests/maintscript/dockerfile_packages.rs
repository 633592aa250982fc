//! The packages that public Dockerfiles install most: the scripts of each, and of all that it depends on, are known.
//!
//! `dockerfile-packages.tsv` has the 300 names that the most repositories install with apt, among 1,041 Dockerfiles of 116
//! public repositories; of names that equally many install, those in more Dockerfiles, then in the order of names. A
//! name counts if Debian 12 or 13 has the package. Package, repositories, Dockerfiles, suites.
//!
//! `dockerfile-scripts.tsv` has what `script-hashes` (in `examples`) prints for these and their dependencies, without
//! recommendations: 1,523 packages of Debian 12 and 1,539 of Debian 13, of which these have scripts of their own.
use std::collections::BTreeSet;

use invar_debian::PackageName;
use invar_maintscript::{Proposal, proposal};
use invar_tree::Digest;

const PACKAGES: &str = include_str!("../fixtures/dockerfile-packages.tsv");
const SCRIPTS: &str = include_str!("../fixtures/dockerfile-scripts.tsv");

#[test]
fn the_list_is_whole() {
    let names: BTreeSet<&str> = PACKAGES.lines().filter_map(|line| line.split('\t').next()).collect();
    assert_eq!(names.len(), 300);
    assert!(names.iter().all(|name| name.parse::<PackageName>().is_ok()));
    assert_eq!(SCRIPTS.lines().count(), 287);
}

#[test]
fn every_script_has_a_verdict() {
    let mut unread = Vec::new();
    for line in SCRIPTS.lines() {
        let mut fields = line.split('\t');
        let (name, hash) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
        let digest = Digest::from_hex(hash).unwrap_or_else(|error| panic!("{line}: {error}"));
        let name: PackageName = name.parse().unwrap_or_else(|error| panic!("{line}: {error}"));
        if proposal(&name, &digest) == Some(Proposal::Unread) {
            unread.push(line);
        }
    }
    assert!(unread.is_empty(), "nobody has read these scripts:\n{}", unread.join("\n"));
}
