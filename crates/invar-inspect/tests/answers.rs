//! What an image says of itself: a root file system in a tar archive, with dpkg's records.
use std::path::Path;

use invar_inspect::{InspectError, Subject, explain_in_image, read_image, summary, to_json};
use invar_oci_read::Limits;

const STATUS: &str = "Package: app\nStatus: install ok installed\nArchitecture: all\nVersion: 2\nDepends: lib (>= 1)\n\n\
    Package: lib\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n\n";

/// Paths with contents, as a root file system.
fn image(folder: &Path) -> std::path::PathBuf {
    let files = [
        ("etc/motd", "hi \u{1b}[31m"),
        ("usr/lib/lib.so", "library"),
        ("usr/lib/same.so", "library"),
        ("var/lib/dpkg/info/app.list", "/usr/bin/app\n"),
        ("var/lib/dpkg/info/lib.list", "/usr/lib/lib.so\n"),
        ("var/lib/dpkg/status", STATUS),
    ];
    let path = folder.join("root.tar");
    let mut archive = tar::Builder::new(std::fs::File::create(&path).expect("it can be created"));
    for (name, text) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, name, text.as_bytes()).expect("it can be written");
    }
    archive.finish().expect("it can be written");
    path
}

fn subject(text: &str) -> Subject {
    Subject::parse(text).expect("it can be asked about")
}

#[test]
fn a_file_is_from_the_package_that_has_it_and_that_is_wanted_by_another() {
    let folder = tempfile::tempdir().expect("a directory can be made");
    let image = image(folder.path());
    let answers = explain_in_image(&image, None, &subject("/usr/lib/lib.so")).expect("it is there");
    assert_eq!(answers.len(), 1);
    assert_eq!(answers[0].origin, "Debian package lib 1");
    assert_eq!(answers[0].chain, ["Debian package app 2", "Debian package lib 1"]);
    let text = answers[0].text();
    assert!(text.starts_with("/usr/lib/lib.so\n  comes from Debian package lib 1\n"), "{text}");
    let packages = explain_in_image(&image, None, &subject("lib")).expect("it is there");
    assert_eq!(packages[0].chain, answers[0].chain);
}

#[test]
fn what_is_not_there_is_said() {
    let folder = tempfile::tempdir().expect("a directory can be made");
    let image = image(folder.path());
    let none = explain_in_image(&image, None, &subject("/etc/none"));
    assert!(matches!(none, Err(InspectError::NoFile { .. })));
    let none = explain_in_image(&image, None, &subject("none"));
    assert!(matches!(none, Err(InspectError::NoPackage { .. })));
    assert!(matches!(Subject::parse("/a/../b"), Err(InspectError::NotAPath { .. })));
}

#[test]
fn the_sums_are_those_of_the_files() {
    let folder = tempfile::tempdir().expect("a directory can be made");
    let opened = invar_oci_read::open(&image(folder.path()), &Limits::usual()).expect("it can be opened");
    let inventory = read_image(&opened.images[0], &Limits::usual()).expect("it can be read");
    let value = to_json("root", &inventory, 1);
    let sizes = |name: &str| -> u64 {
        let all = value[name].as_array().expect("a list");
        all.iter().map(|one| one["size"].as_u64().expect("a number")).sum()
    };
    assert_eq!((sizes("origins"), sizes("files")), (inventory.size(), inventory.size()));
    assert_eq!(value["largest"].as_array().map(Vec::len), Some(1));
    let text = summary("root", &inventory, 15);
    assert!(text.contains("1 duplicate files, 7 B wasted"), "{text}");
    assert!(text.contains("Debian package lib"), "{text}");
}
