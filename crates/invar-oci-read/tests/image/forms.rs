//! Images in all their forms, as others write them and as this project does.
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use invar_oci_read::{
    Compression, ImageForm, LayerNode, Limits, NOTHING, Packages, RootFilesystem, is_record, open,
};
use invar_tree::ImagePath;

use crate::support::{Archive, docker_archive, gzip, oci_files, tar_of_files, write_folder, zstd};

fn path(path: &str) -> ImagePath {
    ImagePath::parse(path).unwrap()
}

fn lower() -> Vec<u8> {
    Archive::new()
        .directory("etc", 0o755)
        .file("etc/motd", b"hello")
        .file("etc/gone", b"gone")
        .directory("data", 0o755)
        .file("data/a", b"a")
        .file("data/b", b"b")
        .link("bin", "usr/bin")
        .file("usr/bin/tool", b"tool")
        .finish()
}

fn upper() -> Vec<u8> {
    Archive::new()
        .file("etc/.wh.gone", b"")
        .file("data/.wh..wh..opq", b"")
        .file("data/c", b"c")
        .hard_link("etc/greeting", "etc/motd")
        .file("bin/other", b"other")
        .finish()
}

/// What both layers make together.
#[track_caller]
fn check_root(opened: &invar_oci_read::ImageSet) {
    let limits = Limits::usual();
    let image = &opened.images[0];
    let listings: Vec<_> = image.layers.iter().map(|layer| layer.read(&limits, NOTHING).unwrap()).collect();
    let root = RootFilesystem::of(listings.iter().map(|listing| &listing.members[..]).enumerate());
    let paths: Vec<&str> = root.iter().map(|(path, _)| path.as_str()).collect();
    let expected =
        ["bin", "data", "data/c", "etc", "etc/greeting", "etc/motd", "usr/bin/other", "usr/bin/tool"];
    assert_eq!(paths, expected);
    assert_eq!(root.get("etc/greeting").unwrap().member.kind.size(), 5);
    assert_eq!(root.hidden(), 6);
    let greeting = root.get("etc/greeting").unwrap();
    let mut found = Vec::new();
    image.layers[greeting.content_layer]
        .contents(&BTreeSet::from([greeting.content.clone()]), &limits, &mut |_, content| {
            content.read_to_end(&mut found).map(drop)
        })
        .unwrap();
    assert_eq!(found, b"hello");
}

/// What is listed of the lower layer when it is not read to its end.
#[track_caller]
fn check_outline(opened: &invar_oci_read::ImageSet) {
    let limits = Limits::usual();
    let layer = &opened.images[0].layers[0];
    let whole = layer.read(&limits, NOTHING).unwrap();
    let keep = |path: &ImagePath, size: u64| if path.as_str() == "data/a" { size } else { 0 };
    let outline = layer.outline(&limits, &keep, &|path| path.as_str() == "etc/motd").unwrap();
    let unread: Vec<&str> = outline.unread.iter().map(ImagePath::as_str).collect();
    assert_eq!(unread, ["data/b", "etc/gone", "usr/bin/tool"]);
    assert_eq!(outline.kept, BTreeMap::from([(path("data/a"), b"a".to_vec())]));
    assert_eq!(outline.members.len(), whole.members.len());
    for (listed, read) in outline.members.iter().zip(&whole.members) {
        assert_eq!(
            (&listed.path, listed.kind.size(), listed.header),
            (&read.path, read.kind.size(), read.header)
        );
        assert_eq!(listed.kind == read.kind, !outline.unread.contains(&read.path), "{}", read.path);
    }
}

#[test]
fn every_form_gives_the_same_root() {
    let folder = tempfile::tempdir().unwrap();
    for (name, blobs, compression) in [
        ("gzip", [gzip(&lower()), gzip(&upper())], Compression::Gzip),
        ("zstd", [zstd(&lower()), zstd(&upper())], Compression::Zstd),
        ("plain", [lower(), upper()], Compression::None),
    ] {
        let files = oci_files(&[("linux", "amd64", &[(&blobs[0], &lower()), (&blobs[1], &upper())])]);
        let archive = folder.path().join(format!("{name}.tar"));
        fs::write(&archive, tar_of_files(&files)).unwrap();
        let layout = folder.path().join(name);
        write_folder(&layout, &files);
        for (file, form) in [(archive, ImageForm::OciArchive), (layout, ImageForm::OciLayout)] {
            let opened = open(&file, &Limits::usual()).unwrap();
            assert_eq!(opened.form, form);
            assert_eq!(opened.images[0].platform.as_ref().unwrap().to_string(), "linux/amd64");
            assert_eq!(opened.images[0].names, ["example.com/little:1"]);
            let read = opened.images[0].layers[0].read(&Limits::usual(), NOTHING).unwrap();
            assert_eq!(read.compression, compression);
            check_root(&opened);
            check_outline(&opened);
        }
    }
    let docker = folder.path().join("docker.tar");
    fs::write(&docker, docker_archive(&[lower(), upper()])).unwrap();
    let opened = open(&docker, &Limits::usual()).unwrap();
    assert_eq!(
        (opened.form, opened.images[0].names.as_slice()),
        (ImageForm::DockerArchive, &["little:1".to_owned()][..])
    );
    check_root(&opened);
}

#[test]
fn an_index_of_platforms_gives_an_image_for_each() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (lower(), upper());
    let files = oci_files(&[("linux", "amd64", &[(&one, &one)]), ("linux", "arm64", &[(&two, &two)])]);
    let file = folder.path().join("both.tar");
    fs::write(&file, tar_of_files(&files)).unwrap();
    let opened = open(&file, &Limits::usual()).unwrap();
    let platforms: Vec<String> =
        opened.images.iter().map(|image| image.platform.as_ref().unwrap().to_string()).collect();
    assert_eq!(platforms, ["linux/amd64", "linux/arm64"]);
    assert_eq!((opened.indexes.len(), opened.attachments.len()), (2, 1));
    assert!(!opened.images[0].layers[0].same_as(&opened.images[1].layers[0]));
    assert!(opened.images[0].layers[0].same_as(&opened.images[0].layers[0]));
}

#[test]
fn root_file_systems_are_images_of_one_layer() {
    let folder = tempfile::tempdir().unwrap();
    let plain = folder.path().join("root.tar");
    fs::write(&plain, lower()).unwrap();
    let packed = folder.path().join("root.tar.gz");
    fs::write(&packed, gzip(&lower())).unwrap();
    let unpacked = folder.path().join("root");
    tar::Archive::new(lower().as_slice()).unpack(&unpacked).unwrap();
    let mut seen = BTreeSet::new();
    for (file, form) in [
        (&plain, ImageForm::RootfsArchive),
        (&packed, ImageForm::RootfsArchive),
        (&unpacked, ImageForm::RootfsDirectory),
    ] {
        let opened = open(file, &Limits::usual()).unwrap();
        assert_eq!(opened.form, form);
        let listing = opened.images[0].layers[0].read(&Limits::usual(), &|_, size| size).unwrap();
        let files: Vec<(String, LayerNode)> = listing
            .members
            .iter()
            .filter(|member| member.kind != LayerNode::Directory)
            .map(|member| (member.path.to_string(), member.kind.clone()))
            .collect();
        let mut files = files;
        files.sort_by(|one, two| one.0.cmp(&two.0));
        seen.insert(format!("{files:?}"));
        assert_eq!(listing.kept[&path("etc/motd")], b"hello");
    }
    assert_eq!(seen.len(), 1, "{seen:?}");
}

#[test]
fn details_of_members_are_kept() {
    let mut pax = Archive::new();
    pax.builder
        .append_pax_extensions([("mtime", &b"1700000000.25"[..]), ("SCHILY.xattr.user.note", b"x\0y")])
        .unwrap();
    let layer = pax.file("plain", b"1").finish();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("root.tar");
    fs::write(&file, layer).unwrap();
    let opened = open(&file, &Limits::usual()).unwrap();
    let listing = opened.images[0].layers[0].read(&Limits::usual(), NOTHING).unwrap();
    let member = &listing.members[0];
    assert_eq!(member.time.to_string(), "2023-11-14T22:13:20.250000000Z");
    assert_eq!(member.attributes, BTreeMap::from([("user.note".to_owned(), b"x\0y".to_vec())]));
    assert_eq!(member.format, Some(invar_formats::tar::TarFormat::Pax));
}

#[test]
fn packages_are_found_in_what_is_kept() {
    let layer = Archive::new()
        .file("var/lib/dpkg/status.d/hello", b"Package: hello\nVersion: 2.10-5\n")
        .file("var/lib/dpkg/info/hello.list", b"/.\n/usr/bin/hello\n")
        .file("usr/bin/hello", b"program")
        .finish();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("root.tar");
    fs::write(&file, layer).unwrap();
    let opened = open(&file, &Limits::usual()).unwrap();
    let listing = opened.images[0].layers[0].read(&Limits::usual(), &is_record).unwrap();
    assert_eq!(listing.kept.len(), 2);
    let packages = Packages::of(&listing.kept);
    assert_eq!(packages.owner(&path("usr/bin/hello")).unwrap().to_string(), "Debian package hello 2.10-5");
}
