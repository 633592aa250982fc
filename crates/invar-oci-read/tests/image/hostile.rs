//! Images that want to do harm, and images that are damaged.
use std::collections::BTreeMap;
use std::error::Error;
use std::fs;

use invar_formats::tar::TarError;
use invar_oci_read::{ImageError, LayerFault, Limits, Listing, NOTHING, Packages, RootFilesystem, open};

use crate::support::{Archive, docker_archive, gzip, oci_files, tar_of_files};

fn small() -> Limits {
    Limits { unpacked: 1 << 20, ratio: 10, members: 100, names: 1000, ..Limits::usual() }
}

fn read(bytes: &[u8]) -> Result<Listing, ImageError> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("image.tar");
    fs::write(&file, bytes).unwrap();
    open(&file, &small())?.images[0].layers[0].read(&small(), NOTHING)
}

/// The error and all its causes.
fn all(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}

#[track_caller]
fn check(archive: Vec<u8>, expected: &str) {
    let error = read(&archive).expect_err("it should be refused");
    let text = all(&error);
    assert!(text.contains(expected), "{text}");
}

/// A layer whose first member is harmless, so that it is taken for a root file system.
fn layer() -> Archive {
    Archive::new().file("etc/motd", b"hello")
}

#[test]
fn members_that_climb_out_are_refused() {
    check(layer().raw(b"../../etc/passwd", b'0', b"", b"x").finish(), "climbs out with \"..\"");
    check(layer().raw(b"usr/../../x", b'2', b"/etc", b"").finish(), "climbs out with \"..\"");
    check(
        layer().raw(b"x", b'1', b"../../etc/passwd", b"").finish(),
        "is a hard link to \"../../etc/passwd\"",
    );
}

#[test]
fn what_cannot_be_read_as_meant_is_refused() {
    check(layer().raw(b"x", b'S', b"", b"").finish(), "has an unsupported type: 'S'");
    check(layer().raw(b"x", b'2', b"y", b"content").finish(), "has content, but it is not a file");
    check(
        layer().raw(b"x", b'x', b"", b"99 path=short\n").finish(),
        "its extended header or long name is malformed, too long",
    );
    check(
        layer().raw(b"x", b'g', b"", b"15 path=../etc\n").finish(),
        "its extended header or long name is malformed, too long",
    );
    let huge = vec![b'a'; 2 << 20];
    check(
        layer().raw(b"x", b'L', b"", &huge).finish(),
        "its extended header or long name is malformed, too long",
    );
    let mut cut = layer().raw(b"x", b'x', b"", b"12 path=abc\n").finish();
    // The end of the archive follows an extended header that says what the next member is.
    cut.truncate(cut.len() - 1024);
    check(
        cut,
        "its extended header or long name is malformed, too long, repeated, or not followed by an entry",
    );
    let trailing = [layer().finish(), layer().finish()].concat();
    check(trailing, "it has more data after its end");
}

#[test]
fn bombs_stop_at_the_limit() {
    let zeros = vec![0; 4 << 20];
    check(gzip(&layer().file("zeros", &zeros).finish()), "it unpacks to more than 1048576 bytes");
    let many = (0..200).fold(layer(), |archive, number| archive.file(&format!("{number}"), b""));
    check(many.finish(), "it has more than 100 entries");
    let long =
        (0..9).fold(layer(), |archive, number| archive.file(&format!("{}{number}", "n".repeat(150)), b""));
    check(long.finish(), "the paths of its entries have more than 1000 bytes together");
}

#[test]
fn damage_is_noticed_where_it_is_read() {
    let plain = layer().finish();
    let stored = gzip(&plain);
    let files = oci_files(&[("linux", "amd64", &[(&stored, &plain)])]);
    let change = |suffix: &dyn Fn(&str, &[u8]) -> bool, act: &dyn Fn(&mut Vec<u8>)| {
        let mut files: BTreeMap<String, Vec<u8>> = files.clone();
        let (_, bytes) = files.iter_mut().find(|(name, bytes)| suffix(name, bytes)).unwrap();
        act(bytes);
        tar_of_files(&files)
    };
    let is_layer = |_: &str, bytes: &[u8]| bytes.starts_with(&[0x1f, 0x8b]);
    // The time in gzip's header: what it unpacks to stays the same.
    check(change(&is_layer, &|bytes| bytes[4] ^= 1), "layer 1");
    check(change(&is_layer, &|bytes| bytes[4] ^= 1), "is damaged");
    check(change(&is_layer, &|bytes| bytes.truncate(40)), "layer 1");
    let is_config = |_: &str, bytes: &[u8]| bytes.starts_with(b"{\"architecture");
    check(change(&is_config, &|bytes| bytes.push(b' ')), "is damaged");
    let is_index = |name: &str, _: &[u8]| name == "index.json";
    check(change(&is_index, &|bytes| bytes.truncate(20)), "index.json of");
    check(
        change(&is_index, &|bytes| *bytes = b"{\"manifests\":[{\"digest\":\"md5:1\"}]}".to_vec()),
        "only sha256",
    );

    let wrong = layer().file("more", b"").finish();
    let lying = oci_files(&[("linux", "amd64", &[(&stored, &wrong)])]);
    check(tar_of_files(&lying), "expected the digest");
}

#[test]
fn archives_of_blobs_are_as_they_should_be() {
    let archive = docker_archive(&[layer().finish()]);
    check(gzip(&archive), "decompress it first");
    check(archive[..archive.len() / 2].to_vec(), "");
    let twice = Archive::new().file("manifest.json", b"[]").file("manifest.json", b"[1]").finish();
    check(twice, "twice");
    let config = br#"[{"Config":"../../etc/passwd","Layers":[]}]"#;
    check(Archive::new().file("manifest.json", config).finish(), "does not contain it");
    check(b"not an archive".to_vec(), "is not an image");
    let nested = br#"{"manifests":[{"mediaType":"application/vnd.oci.image.index.v1+json","digest":"D"}]}"#;
    let nested = String::from_utf8_lossy(nested).into_owned();
    let mut files = oci_files(&[]);
    let mut inner = br#"{"manifests":[]}"#.to_vec();
    for _ in 0..6 {
        let digest = invar_tree::Digest::of(&inner);
        files.insert(format!("blobs/sha256/{}", digest.hex()), inner);
        inner = nested.replace("\"D\"", &format!("\"{digest}\"")).into_bytes();
    }
    files.insert("index.json".into(), inner);
    check(tar_of_files(&files), "more than 4 nested indexes");
}

#[test]
fn links_of_a_layer_do_not_lead_anywhere() {
    // A link to itself, a link out of the root, and files through both.
    let layer = layer()
        .link("loop", "loop/x")
        .link("out", "../../../../etc")
        .raw(b"loop/file", b'0', b"", b"1")
        .raw(b"out/file", b'0', b"", b"2")
        .raw(b"bad\xff", b'0', b"", b"3")
        .finish();
    let listing = read(&layer).unwrap();
    let root = RootFilesystem::of([(0, &listing.members[..])]);
    let paths: Vec<&str> = root.iter().map(|(path, _)| path.as_str()).collect();
    assert!(paths.contains(&"etc/file") && paths.contains(&"bad\\xff"), "{paths:?}");
}

#[test]
fn a_file_does_not_reach_beyond_its_layer() {
    let mut cut = layer().file("etc/long", &[7; 10_000]).finish();
    cut.truncate(cut.len() - 5000);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("image.tar");
    // What follows the layer in the archive is not its own.
    fs::write(&file, docker_archive(&[cut, layer().file("x", &[8; 20_000]).finish()])).unwrap();
    let opened = open(&file, &Limits::usual()).unwrap();
    let layers = &opened.images[0].layers;
    let outline = |layer: usize| layers[layer].outline(&Limits::usual(), NOTHING, &|_| false);
    assert!(
        matches!(outline(0), Err(ImageError::Layer { source: LayerFault::Tar(TarError::Read(_)), .. })),
        "{:?}",
        outline(0)
    );
    assert!(outline(1).is_ok());
}

#[test]
fn no_flipped_bit_and_no_cut_is_a_reason_to_stop() {
    let plain = layer().directory("d", 0o755).link("l", "d").hard_link("h", "etc/motd").finish();
    let mut pax = layer();
    pax.builder.append_pax_extensions([("mtime", &b"1.5"[..]), ("path", b"a/b")]).unwrap();
    let forms = [
        docker_archive(&[plain.clone(), layer().raw(b"etc/.wh.motd", b'0', b"", b"").finish()]),
        tar_of_files(&oci_files(&[("linux", "amd64", &[(&gzip(&plain), &plain)])])),
        pax.file("x", b"1").finish(),
    ];
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("image.tar");
    let read_all = |bytes: &[u8]| {
        fs::write(&file, bytes).unwrap();
        let Ok(opened) = open(&file, &small()) else { return };
        for image in &opened.images {
            let listings = image.layers.iter().map(|layer| layer.read(&small(), &|_, size| size));
            let listings: Vec<Listing> = listings.flatten().collect();
            for layer in &image.layers {
                // Nothing comes of it but an error.
                let _ = layer.outline(&small(), NOTHING, &|_| false);
            }
            let root = RootFilesystem::of(listings.iter().map(|listing| &listing.members[..]).enumerate());
            Packages::of(&listings.iter().flat_map(|listing| listing.kept.clone()).collect());
            assert!(root.iter().all(|(path, _)| !path.as_str().split('/').any(|name| name == "..")));
        }
    };
    for bytes in forms {
        for at in (0..bytes.len()).step_by(89) {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (at % 8);
            read_all(&changed);
        }
        for length in (0..bytes.len()).step_by(601) {
            read_all(&bytes[..length]);
        }
    }
}
