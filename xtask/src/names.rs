//! `cargo xtask proof names` checks the tables of Debian packages against Debian's archive, as it is today.
//!
//! All packages must be there, in Debian 13 by their names and in Debian 12 by those of `bookworm.tsv`; so must, where
//! their packages are installed, all programs and files whose places a table names. The list of all names must be complete;
//! `INVAR_BLESS=1` writes it. It needs apt and its mirror of Debian, and fetches about 150 MB.
mod archive;
mod list;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use archive::Archive;

/// Attributes of nixpkgs.
const NIXPKGS: &str = "crates/invar-init/src/nixpkgs.tsv";

/// Names in Debian 12.
const BOOKWORM: &str = "crates/invar-init/src/bookworm.tsv";

/// All tables, each with its fields that have packages, from 0.
const TABLES: [(&str, &[usize]); 3] = [
    (NIXPKGS, &[1, 2]),
    ("crates/invar-init/src/distribution.tsv", &[2]),
    ("crates/invar-python/src/needs.tsv", &[1, 2]),
];

/// What is where no package is.
const NOTHING: [&str; 3] = ["", "-", "!"];

/// Files that maintainer scripts write, and no package has.
const GENERATED: [&str; 1] = ["/etc/ssl/certs/ca-certificates.crt"];

/// Programs that Debian 12 does not have under this name, though it has the package: its ImageMagick has `convert`.
const NEW: [&str; 1] = ["/usr/bin/magick"];

/// A table, by lines and fields.
type Table = Vec<Vec<String>>;

/// Checks all tables.
///
/// # Errors
/// What is wrong with them, or why they cannot be checked.
pub fn check() -> Result<(), String> {
    let made = Command::new("mktemp").args(["--directory", "--tmpdir", "invar-names.XXXXXX"]).output();
    let made = made.map_err(|error| format!("mktemp: {error}"))?;
    let folder = PathBuf::from(String::from_utf8_lossy(&made.stdout).trim());
    let outcome = check_in(&folder);
    fs::remove_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    outcome
}

fn check_in(folder: &Path) -> Result<(), String> {
    let nixpkgs = read(NIXPKGS)?;
    let renamed: BTreeMap<String, String> = read(BOOKWORM)?
        .into_iter()
        .filter_map(|row| <[String; 2]>::try_from(row).ok())
        .map(|[new, old]| (new, old))
        .collect();
    let places: BTreeSet<&str> = nixpkgs.iter().flat_map(|row| places(row)).map(|(_, place)| place).collect();
    let trixie = Archive::fetch("trixie", folder, &places)?;
    let bookworm = Archive::fetch("bookworm", folder, &places)?;
    println!("Debian 13 has {} packages, Debian 12 {}", trixie.len(), bookworm.len());

    let mut findings = Vec::new();
    list::check(&trixie.names(), &bookworm.names(), &mut findings)?;
    let packages = packages()?;
    for (name, table) in &packages {
        if !trixie.has(name) {
            findings.push(format!("{table}: {name}: not in Debian 13"));
        }
        match in_bookworm(&renamed, name) {
            Some(old) if !bookworm.has(old) => {
                findings
                    .push(format!("{table}: {name}: Debian 12 has no {old}, and {BOOKWORM} does not say so"));
            }
            _ => {}
        }
    }
    for new in renamed.keys() {
        if bookworm.has(new) || !trixie.has(new) {
            findings.push(format!("{BOOKWORM}: {new}: it is in Debian 12, or not in Debian 13"));
        }
    }
    let mut programs = 0;
    for row in &nixpkgs {
        let new: Vec<&str> = names(row, 1).collect();
        let old: Vec<&str> = new.iter().filter_map(|name| in_bookworm(&renamed, name)).collect();
        for path in named_paths(row) {
            programs += 1;
            if GENERATED.contains(&path.as_str()) {
                continue;
            }
            for (suite, archive, packages) in [("13", &trixie, &new), ("12", &bookworm, &old)] {
                // If Debian 12 does not have a package, that is said when a manifest is written for it.
                let is_known = packages.len() < new.len() || suite == "12" && NEW.contains(&path.as_str());
                if !is_known && !archive.has_file(packages, &path) {
                    findings.push(format!("{NIXPKGS}: {}: Debian {suite} has no {path}", row[0]));
                }
            }
        }
    }
    println!("checked {} packages, {} attributes, {programs} places", packages.len(), nixpkgs.len());
    match findings.as_slice() {
        [] => Ok(()),
        findings => Err(format!("the tables are wrong:\n{}", findings.join("\n"))),
    }
}

/// The places that a row of nixpkgs' names, and its main program's if that has another name.
fn named_paths(row: &[String]) -> Vec<String> {
    let mut paths: Vec<String> = places(row).map(|(_, place)| place.to_owned()).collect();
    let main = field(row, 3);
    if !main.is_empty() && names(row, 1).next().is_some() && !places(row).any(|(name, _)| name == main) {
        paths.push(format!("/usr/bin/{main}"));
    }
    paths
}

fn places(row: &[String]) -> impl Iterator<Item = (&str, &str)> {
    field(row, 4).split(' ').filter_map(|pair| pair.split_once('='))
}

fn field(row: &[String], index: usize) -> &str {
    row.get(index).map_or("", String::as_str)
}

fn names(row: &[String], index: usize) -> impl Iterator<Item = &str> {
    field(row, index).split(' ').filter(|name| !NOTHING.contains(name))
}

/// What Debian 12 calls a package, if it has it.
fn in_bookworm<'a>(renamed: &'a BTreeMap<String, String>, name: &'a str) -> Option<&'a str> {
    match renamed.get(name).map(String::as_str) {
        Some("-") => None,
        Some(old) => Some(old),
        None => Some(name.strip_suffix("t64").unwrap_or(name)),
    }
}

/// All packages, each with a table that names it.
fn packages() -> Result<BTreeMap<String, &'static str>, String> {
    let mut packages = BTreeMap::new();
    for (table, fields) in TABLES {
        for row in read(table)? {
            for name in fields.iter().flat_map(|index| names(&row, *index)) {
                packages.insert(name.to_owned(), table);
            }
        }
    }
    Ok(packages)
}

fn read(table: &str) -> Result<Table, String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(table);
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let rows = text.lines().filter(|line| !line.starts_with('#'));
    Ok(rows.map(|line| line.split('\t').map(str::to_owned).collect()).collect())
}
