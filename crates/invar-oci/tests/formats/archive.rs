//! Archives and layouts: pinned, compared with a layout that is checked in, and read by an independent reader.
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io::Read;
use std::path::Path;

use flate2::read::MultiGzDecoder;
use invar_oci::{ArchivePart, ArchiveRequest, archive_parts, layout_files, total_size};
use invar_tree::Digest;

use crate::sample::{IF_INTENDED, archive, bytes, request};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden");

#[track_caller]
fn check(request: &ArchiveRequest, blobs: &BTreeMap<Digest, Vec<u8>>, length: usize, expected: &str) {
    let archive = archive(request, blobs);
    assert_eq!(total_size(&archive_parts(request)), archive.len() as u64);
    assert_eq!(
        (archive.len(), Digest::of(&archive).to_string().as_str()),
        (length, expected),
        "{IF_INTENDED}"
    );
}

#[test]
fn the_bytes_are_pinned() {
    let (one, blobs) = request(&["amd64"], &["app:1.0"]);
    check(&one, &blobs, 10752, "sha256:17b5f6e92407b8bfa66b9cd312ba0955795c3877d94c7aec8c635234ab310c1b");
    let (two, blobs) = request(&["amd64", "arm64"], &["app:1.0", "registry.example/team/app"]);
    check(&two, &blobs, 15872, "sha256:256cd73a3f24b99bc66561961022f2517e0bdf591e5e6f02a030158d151e6cd4");
    let (unnamed, blobs) = request(&["amd64"], &[]);
    check(&unnamed, &blobs, 10752, "sha256:7db3fd62cd1354151ac8502c83a809bd871cd7e2ee7bd3cbf8600e8284e4b7fd");
    let (nothing, blobs) = request(&[], &["app"]);
    check(&nothing, &blobs, 5120, "sha256:19c246e02288af9b4b24b57fc859303aa9d96e58101340053b97d6c71a477028");
}

/// The members of a tar archive, as the `tar` crate reads them.
fn members(archive: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut archive = tar::Archive::new(archive);
    let mut members = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        members.push((path, content));
    }
    members
}

#[test]
fn the_archive_holds_the_layout() {
    let (request, blobs) = request(&["amd64", "arm64"], &["app:1.0"]);
    let members: BTreeMap<_, _> = members(&archive(&request, &blobs)).into_iter().collect();
    let files = layout_files(&request);
    for (path, part) in &files {
        assert_eq!(members[path], bytes(part, &blobs), "{path}");
        if let Some(hex) = path.strip_prefix("blobs/sha256/") {
            assert_eq!(Digest::of(&members[path]).hex(), hex);
        }
    }
    // Docker's manifest and the two directories are the archive's own.
    assert_eq!(members.len(), files.len() + 3);
    assert_eq!(files.last().unwrap().0, "index.json");
}

#[test]
fn each_blob_is_there_once() {
    let (request, _) = request(&["amd64", "arm64"], &["app", "app:1.0"]);
    let blobs =
        archive_parts(&request).iter().filter(|part| matches!(part, ArchivePart::Blob { .. })).count();
    assert_eq!(blobs, 2, "both images share both layers");
    let paths: Vec<String> = layout_files(&request).into_iter().map(|(path, _)| path).collect();
    assert_eq!(paths.len(), BTreeSet::from_iter(&paths).len());
    // Layout, index, two manifests, two configurations, two layers, index.json.
    assert_eq!(paths.len(), 9);
}

#[test]
fn bytes_are_in_one_piece() {
    let (request, _) = request(&["amd64"], &["app"]);
    let kinds: String = archive_parts(&request)
        .iter()
        .map(|part| match part {
            ArchivePart::Bytes(_) => 'b',
            ArchivePart::Blob { .. } => 'L',
        })
        .collect();
    assert_eq!(kinds, "bLbLb");
}

/// The layout as text, in which each file goes by its role: a change of one file shows only there, and where its
/// digest is.
fn listing(request: &ArchiveRequest, files: &BTreeMap<String, Vec<u8>>) -> String {
    let mut roles = BTreeMap::new();
    for (platform, image) in &request.images {
        roles.insert(image.manifest_digest.hex(), format!("manifest for {}", platform.architecture));
        roles.insert(image.config_digest.hex(), format!("config for {}", platform.architecture));
        for (number, layer) in image.layers.iter().enumerate() {
            roles.insert(layer.digest.hex(), format!("layer {number}"));
        }
    }
    let role = |path: &str| match path.strip_prefix("blobs/sha256/") {
        Some(hex) => roles.get(hex).cloned().unwrap_or_else(|| "index".into()),
        None => path.to_owned(),
    };
    let files: BTreeMap<String, (&String, &Vec<u8>)> =
        files.iter().map(|(path, content)| (role(path), (path, content))).collect();
    let mut text = String::new();
    for (role, (path, content)) in files {
        writeln!(text, "{role}: {path}, {} bytes", content.len()).unwrap();
        if content.starts_with(b"{") || content.starts_with(b"[") {
            text += &indent(str::from_utf8(content).unwrap());
        } else {
            let mut plain = Vec::new();
            MultiGzDecoder::new(content.as_slice()).read_to_end(&mut plain).unwrap();
            writeln!(text, "    tar, {} bytes, {}", plain.len(), Digest::of(&plain)).unwrap();
            list_layer(&plain, &mut text);
        }
    }
    text
}

/// Compact JSON with each member on a line of its own, in the order that it has.
fn indent(json: &str) -> String {
    let mut text = String::from("    ");
    let mut depth = 1;
    let (mut quoted, mut escaped) = (false, false);
    let mut last = ' ';
    for character in json.chars() {
        let closes = !quoted && matches!(character, '}' | ']');
        if closes {
            depth -= 1;
        }
        let opened = !quoted && matches!(last, '{' | '[');
        if opened != closes || !quoted && last == ',' {
            text += &format!("\n{}", "    ".repeat(depth));
        }
        text.push(character);
        if character == '"' && !escaped {
            quoted = !quoted;
        }
        escaped = quoted && character == '\\' && !escaped;
        if !quoted && matches!(character, '{' | '[') {
            depth += 1;
        }
        last = if quoted { ' ' } else { character };
    }
    text.push('\n');
    text
}

fn list_layer(layer: &[u8], text: &mut String) {
    let mut archive = tar::Archive::new(layer);
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        let header = entry.header();
        write!(
            text,
            "    {} {:04o} {}:{} {} {} {} {}",
            header.entry_type().as_byte() as char,
            header.mode().unwrap(),
            header.uid().unwrap(),
            header.gid().unwrap(),
            header.mtime().unwrap(),
            content.len(),
            &Digest::of(&content).hex()[..12],
            String::from_utf8_lossy(&entry.path_bytes()),
        )
        .unwrap();
        match entry.link_name_bytes() {
            Some(target) => writeln!(text, " -> {}", String::from_utf8_lossy(&target)).unwrap(),
            None => text.push('\n'),
        }
    }
}

#[test]
fn the_golden_layout_has_not_changed() {
    let (request, blobs) = request(&["amd64", "arm64"], &["app:1.0"]);
    let mut files: BTreeMap<String, Vec<u8>> =
        layout_files(&request).into_iter().map(|(path, part)| (path, bytes(&part, &blobs))).collect();
    let docker = members(&archive(&request, &blobs)).into_iter().find(|(path, _)| path == "manifest.json");
    files.extend(docker);
    let listing = listing(&request, &files);

    // What was created is left where it can be compared, and copied from if the change is intended.
    let made = Path::new(env!("CARGO_TARGET_TMPDIR")).join("golden");
    let _ = fs::remove_dir_all(&made);
    fs::create_dir_all(made.join("layout/blobs/sha256")).unwrap();
    fs::write(made.join("listing.txt"), &listing).unwrap();
    for (path, content) in &files {
        fs::write(made.join("layout").join(path), content).unwrap();
    }
    let how = format!("{IF_INTENDED}, and replace {GOLDEN} by {}", made.display());

    let golden = fs::read_to_string(format!("{GOLDEN}/listing.txt")).unwrap_or_default();
    let differences = difference(&golden, &listing);
    assert!(differences.is_empty(), "\n{differences}\n{how}");
    for (path, content) in &files {
        let golden = fs::read(format!("{GOLDEN}/layout/{path}")).unwrap_or_default();
        assert!(golden == *content, "{path} differs, though its listing does not: {how}");
    }
    #[expect(clippy::disallowed_methods, reason = "the files are only counted")]
    let blobs = fs::read_dir(format!("{GOLDEN}/layout/blobs/sha256")).unwrap().count();
    assert_eq!(blobs + 3, files.len(), "the golden layout has blobs that nothing names: {how}");
}

/// The lines that only one of two texts has, each after the last line without indentation.
fn difference(golden: &str, made: &str) -> String {
    fn located(text: &str) -> Vec<(&str, &str)> {
        let mut file = "";
        text.lines()
            .map(|line| {
                if !line.starts_with(' ') {
                    file = line;
                }
                (file, line)
            })
            .collect()
    }
    let (golden, made) = (located(golden), located(made));
    let only = |sign: char, these: &[(&str, &str)], those: &[(&str, &str)]| {
        let those = BTreeSet::from_iter(those);
        these
            .iter()
            .filter(|line| !those.contains(line))
            .map(|(file, line)| format!("{sign} {} | {}\n", file.split(':').next().unwrap(), line.trim()))
            .collect::<String>()
    };
    only('-', &golden, &made) + &only('+', &made, &golden)
}
