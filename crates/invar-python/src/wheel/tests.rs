use std::io::Write as _;

use invar_tree::{Contents as _, Digest, MemoryTree, Node, Origin};
use proptest::prelude::*;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::*;
use crate::select::{DirectUrl, Location, NeededBy, WheelFile};

const WHEEL: &str = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
const METADATA: &str = "Metadata-Version: 2.1\nName: Foo.Bar\nVersion: 1.0\n";

/// A wheel in the making.
struct Maker {
    files: Vec<(String, Vec<u8>, u32)>,
    record: Option<String>,
}

impl Maker {
    /// What every wheel has.
    fn new() -> Self {
        Self { files: Vec::new(), record: None }
            .file("foo_bar-1.0.dist-info/WHEEL", WHEEL)
            .file("foo_bar-1.0.dist-info/METADATA", METADATA)
    }

    fn file(self, name: &str, content: &str) -> Self {
        self.with(name, content.as_bytes(), 0o644)
    }

    fn with(mut self, name: &str, content: &[u8], mode: u32) -> Self {
        self.files.push((name.into(), content.into(), mode));
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.files.retain(|(file, ..)| file != name);
        self
    }

    fn record(mut self, record: &str) -> Self {
        self.record = Some(record.into());
        self
    }

    /// The right `RECORD`.
    fn listing(&self) -> String {
        let rows = self.files.iter().filter(|(name, ..)| !name.ends_with('/'));
        let mut rows: Vec<Row> = rows.map(|(name, content, _)| Row::of(name.clone(), content)).collect();
        rows.push(Row::bare("foo_bar-1.0.dist-info/RECORD".into()));
        record::write(rows)
    }

    fn finish(self) -> Vec<u8> {
        let record = self.record.clone().unwrap_or_else(|| self.listing());
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        for (name, content, mode) in &self.files {
            if name.ends_with('/') {
                zip.add_directory(name.as_str(), options).unwrap();
                continue;
            }
            zip.start_file(name.as_str(), options.unix_permissions(*mode)).unwrap();
            zip.write_all(content).unwrap();
        }
        if record != "none" {
            zip.start_file("foo_bar-1.0.dist-info/RECORD", options).unwrap();
            zip.write_all(record.as_bytes()).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }
}

fn chosen() -> Chosen {
    Chosen {
        name: "foo-bar".parse().unwrap(),
        version: "1.0".into(),
        wheel: WheelFile {
            filename: "foo_bar-1.0-py3-none-any.whl".parse().unwrap(),
            location: Location::Url("https://index.example/foo_bar-1.0-py3-none-any.whl".into()),
            digest: Digest::of(b""),
            size: None,
        },
        direct: None,
        needed_by: NeededBy::Workspace,
    }
}

fn layout() -> EnvironmentLayout {
    EnvironmentLayout { prefix: ImagePath::parse("v").unwrap(), python: (3, 13) }
}

fn unpacked(wheel: Vec<u8>, chosen: &Chosen) -> Result<MemoryTree, WheelError> {
    let mut tree = MemoryTree::new(Origin::Wheel { name: "foo-bar".into(), version: "1.0".into() });
    unpack_wheel(Cursor::new(wheel), chosen, &layout(), &mut tree)?;
    Ok(tree)
}

/// What is installed of a wheel with something wrong, and what is said about it.
#[track_caller]
fn remarked(wheel: Vec<u8>, expected: &[&str]) -> MemoryTree {
    let mut tree = MemoryTree::new(Origin::Wheel { name: "foo-bar".into(), version: "1.0".into() });
    let remarks = unpack_wheel(Cursor::new(wheel), &chosen(), &layout(), &mut tree).unwrap();
    let remarks: Vec<String> = remarks.iter().map(ToString::to_string).collect();
    assert_eq!(remarks, expected);
    check_record(&tree);
    tree
}

fn content(tree: &MemoryTree, path: &str) -> String {
    String::from_utf8(tree.read(&ImagePath::parse(path).unwrap()).unwrap()).unwrap()
}

/// The files with their modes.
fn files(tree: &MemoryTree) -> Vec<String> {
    tree.tree()
        .iter()
        .filter(|(_, entry)| matches!(entry.node, Node::File { .. }))
        .map(|(path, entry)| format!("{} {path}", entry.mode))
        .collect()
}

fn full() -> Maker {
    Maker::new()
        .file("foo/__init__.py", "")
        .with("foo/run.sh", b"x", 0o654)
        .file("foo/empty dir/", "")
        .file("foo_bar-1.0.data/purelib/foo/pure.py", "p")
        .file("foo_bar-1.0.data/platlib/foo/plat.so", "q")
        .file("foo_bar-1.0.data/headers/foo.h", "h")
        .file("foo_bar-1.0.data/data/share/man/foo.1", "m")
        .file("foo_bar-1.0.data/data/lib64/x", "l")
        .file("foo_bar-1.0.data/scripts/tool", "#!python\nprint()\n")
        .file("foo_bar-1.0.data/scripts/binary", "\u{7f}ELF")
        .file("foo_bar-1.0.data/scripts/foo-script.py", "#!python\nold\n")
        .file("foo_bar-1.0.dist-info/INSTALLER", "someone\n")
        .file("foo_bar-1.0.dist-info/RECORD.jws", "{}")
        .file("foo_bar-1.0.dist-info/entry_points.txt", "[console_scripts]\nfoo = foo:main\n")
}

#[test]
fn files_land_where_uv_puts_them() {
    let tree = unpacked(full().finish(), &chosen()).unwrap();
    assert_eq!(
        files(&tree),
        [
            "0755 /v/bin/binary",
            "0755 /v/bin/foo",
            "0755 /v/bin/tool",
            "0644 /v/include/site/python3.13/foo-bar/foo.h",
            "0644 /v/lib/python3.13/site-packages/foo/__init__.py",
            "0644 /v/lib/python3.13/site-packages/foo/plat.so",
            "0644 /v/lib/python3.13/site-packages/foo/pure.py",
            "0755 /v/lib/python3.13/site-packages/foo/run.sh",
            "0644 /v/lib/python3.13/site-packages/foo_bar-1.0.dist-info/INSTALLER",
            "0644 /v/lib/python3.13/site-packages/foo_bar-1.0.dist-info/METADATA",
            "0644 /v/lib/python3.13/site-packages/foo_bar-1.0.dist-info/RECORD",
            "0644 /v/lib/python3.13/site-packages/foo_bar-1.0.dist-info/RECORD.jws",
            "0644 /v/lib/python3.13/site-packages/foo_bar-1.0.dist-info/REQUESTED",
            "0644 /v/lib/python3.13/site-packages/foo_bar-1.0.dist-info/WHEEL",
            "0644 /v/lib/python3.13/site-packages/foo_bar-1.0.dist-info/entry_points.txt",
            "0644 /v/lib/x",
            "0644 /v/share/man/foo.1",
        ]
    );
    assert!(tree.tree().get("v/lib/python3.13/site-packages/foo/empty dir").unwrap().is_directory());
    assert_eq!(content(&tree, "v/bin/tool"), "#!/v/bin/python\nprint()\n");
    assert!(content(&tree, "v/bin/foo").starts_with("#!/v/bin/python\n"));
    let info = "v/lib/python3.13/site-packages/foo_bar-1.0.dist-info";
    assert_eq!(content(&tree, &format!("{info}/INSTALLER")), "invar");
    // If this is intended, raise both versions and add to "Output digests" in the changelog.
    assert_eq!(
        (WHEEL_VERSION, tree.tree().digest().to_string().as_str()),
        (1, "sha256:81bf0d511c1bed4784feb6af21e5a84c4ac35b45c229c8d6055dd65e3361b273"),
        "if intended, raise WHEEL_VERSION and the format version, and pin the new digest"
    );
}

#[test]
fn the_new_record_lists_what_is_installed() {
    check_record(&unpacked(full().finish(), &chosen()).unwrap());
}

/// The new `RECORD` must say what the files are.
#[track_caller]
fn check_record(tree: &MemoryTree) {
    let record = content(tree, "v/lib/python3.13/site-packages/foo_bar-1.0.dist-info/RECORD");
    let site_packages = layout().at(&layout().site_packages()).unwrap();
    let mut listed = Vec::new();
    for line in record.lines() {
        let [path, hash, size] = line.split(',').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let mut place: Vec<&str> = site_packages.as_str().split('/').collect();
        for part in path.split('/') {
            if part == ".." {
                place.pop();
            } else {
                place.push(part);
            }
        }
        let found = tree.read(&ImagePath::parse(&place.join("/")).unwrap()).unwrap();
        if hash.is_empty() {
            assert!(path.ends_with("/RECORD"), "{line}");
        } else {
            let expected = record::write(vec![Row::of(path.into(), &found)]);
            let digits = format!(
                "{path},sha256={},{}\n",
                Digest::of(&found).to_string().trim_start_matches("sha256:"),
                found.len()
            );
            let line = format!("{path},{hash},{size}\n");
            assert!(line == expected || line == digits, "{line}{expected}");
        }
        listed.push(path.to_owned());
    }
    assert!(listed.is_sorted());
    assert_eq!(listed.len(), files(tree).len());
}

#[test]
fn a_direct_url_is_recorded() {
    let mut chosen = chosen();
    chosen.direct = Some(DirectUrl::Path { path: "w/foo.whl".into() });
    let tree = unpacked(Maker::new().finish(), &chosen).unwrap();
    assert_eq!(
        content(&tree, "v/lib/python3.13/site-packages/foo_bar-1.0.dist-info/direct_url.json"),
        "{\"url\":\"file:///w/foo.whl\",\"archive_info\":{}}"
    );
}

#[test]
fn a_local_version_may_be_left_out_of_the_metadata() {
    let mut chosen = chosen();
    chosen.wheel.filename = "foo_bar-1.0+cpu-py3-none-any.whl".parse().unwrap();
    unpacked(Maker::new().finish(), &chosen).unwrap();
}

#[track_caller]
fn refused_bytes(wheel: Vec<u8>, expected: &str) {
    let error = unpacked(wheel, &chosen()).unwrap_err();
    let mut text = error.to_string();
    assert!(text.starts_with("foo_bar-1.0-py3-none-any.whl: "), "{text}");
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    assert!(text.contains(expected), "{text}");
}

#[track_caller]
fn refused(maker: Maker, expected: &str) {
    refused_bytes(maker.finish(), expected);
}

#[test]
fn paths_that_climb_out_are_refused() {
    refused(Maker::new().file("../x", ""), "climbs out");
    refused(Maker::new().file("a/../../x", ""), "climbs out");
    refused(Maker::new().file("/etc/x", ""), "is absolute");
    refused(Maker::new().file("a\\..\\x", ""), "and `..` are not allowed");
    refused(Maker::new().file("\\x", ""), "are not allowed");
    refused(Maker::new().file("a\nb", ""), "control characters");
    refused(Maker::new().file("foo_bar-1.0.data/data/../../x", ""), "climbs out");
    refused(Maker::new().file(&"a/b".repeat(1400), ""), "not a valid path on Linux");
}

#[test]
fn a_place_has_one_file() {
    refused(Maker::new().file("a/b", "1").file("a//b", "2"), "\"a/b\" twice");
    refused(Maker::new().file("a/b", "1").file("./a/b", "1"), "\"a/b\" twice");
    refused(Maker::new().file("a", "1").file("a/b", "1"), "would overwrite another of its files at /v/lib");
    let installed = "foo_bar-1.0.data/purelib/foo_bar-1.0.dist-info/RECORD";
    refused(Maker::new().file(installed, ""), "would overwrite");
}

#[test]
fn of_two_files_at_one_place_the_one_in_data_is_installed() {
    let (pure, plat) = ("foo_bar-1.0.data/purelib/a", "foo_bar-1.0.data/platlib/a");
    let place = "v/lib/python3.13/site-packages/a";
    let by_pure = format!("/{place} comes from {pure}, which replaces a");
    for maker in [Maker::new().file("a", "1").file(pure, "2"), Maker::new().file(pure, "2").file("a", "1")] {
        assert_eq!(content(&remarked(maker.finish(), &[&by_pure]), place), "2");
    }
    let by_pure = format!("/{place} comes from {pure}, which replaces {plat}");
    let both = Maker::new().file(pure, "2").file(plat, "3");
    assert_eq!(content(&remarked(both.finish(), &[&by_pure]), place), "2");
    let (data, script) = ("foo_bar-1.0.data/data/bin/tool", "foo_bar-1.0.data/scripts/tool");
    let by_script = format!("/v/bin/tool comes from {script}, which replaces {data}");
    remarked(Maker::new().file(data, "").file(script, "").finish(), &[&by_script]);
    let entry =
        Maker::new().file("foo_bar-1.0.dist-info/entry_points.txt", "[console_scripts]\ntool = a:b\n");
    let by_data = format!("/v/bin/tool comes from {data}, which replaces the entry point tool");
    remarked(entry.file(data, "").finish(), &[&by_data]);
    refused(Maker::new().file("a/b", "1").file("foo_bar-1.0.data/purelib/a", "1"), "would overwrite");
}

/// A wheel with two members `name`, which a zip writer does not make, and a third whose place in the directory is
/// between them.
fn doubled(name: &str, second: &str) -> Vec<u8> {
    let stand_in = "x".repeat(name.len());
    let mut wheel = Maker::new().file(name, "1").file("between", "").file(&stand_in, second).finish();
    let places: Vec<usize> = wheel
        .windows(stand_in.len())
        .enumerate()
        .filter(|(_, window)| *window == stand_in.as_bytes())
        .map(|(at, _)| at)
        .collect();
    // The local header and the one in the directory; what `RECORD` says is compressed.
    assert_eq!(places.len(), 2);
    for at in places {
        wheel[at..at + name.len()].copy_from_slice(name.as_bytes());
    }
    wheel
}

#[test]
fn a_name_that_comes_twice_is_named() {
    refused_bytes(doubled("foo/twice.py", "2"), "it has \"foo/twice.py\" twice");
    refused_bytes(doubled("foo/tw\u{ef}ce.py", "2"), "it has \"foo/tw\u{ef}ce.py\" twice");
    // A long name is cut off.
    let long = "n".repeat(300);
    refused_bytes(doubled(&long, "2"), &format!("it has {:?} twice", "n".repeat(200)));
    // The same content twice is one file; what stands for it in RECORD has another name.
    let tree = remarked(doubled("foo/twice.py", "1"), &[]);
    assert_eq!(content(&tree, "v/lib/python3.13/site-packages/foo/twice.py"), "1");
}

#[test]
fn the_environments_own_files_are_not_replaced() {
    refused(Maker::new().file("foo_bar-1.0.data/data/pyvenv.cfg", ""), "belongs to the environment");
    refused(Maker::new().file("foo_bar-1.0.data/data/lib64", ""), "belongs to the environment");
    refused(Maker::new().file("foo_bar-1.0.data/data/bin/python", ""), "belongs to the environment");
    refused(Maker::new().file("foo_bar-1.0.data/scripts/python3.13", ""), "belongs to the environment");
    refused(Maker::new().file("foo_bar-1.0.data/scripts/Python3.13t", ""), "belongs to the environment");
    let entry_point = "[gui_scripts]\npython3 = a:b\n";
    refused(
        Maker::new().file("foo_bar-1.0.dist-info/entry_points.txt", entry_point),
        "belongs to the environment",
    );
    let entry_point = "[console_scripts]\n../x = a:b\n";
    refused(Maker::new().file("foo_bar-1.0.dist-info/entry_points.txt", entry_point), "cannot be the name");
}

#[test]
fn data_has_five_schemes() {
    refused(Maker::new().file("foo_bar-1.0.data/etc/x", ""), "is not in purelib");
    refused(Maker::new().file("foo_bar-1.0.data/x", ""), "is not in purelib");
    refused(Maker::new().file("foo_bar-1.0.data/scripts/a/b", ""), "is not in purelib");
}

#[test]
fn metadata_must_be_there_and_agree() {
    let info = |name: &str| format!("foo_bar-1.0.dist-info/{name}");
    refused(Maker::new().record("none"), "foo_bar-1.0.dist-info/RECORD is missing");
    refused(Maker::new().without(&info("WHEEL")), "foo_bar-1.0.dist-info/WHEEL is missing");
    refused(Maker::new().without(&info("METADATA")), "foo_bar-1.0.dist-info/METADATA is missing");
    let other = |name: &str, content: &str| Maker::new().without(&info(name)).file(&info(name), content);
    refused(other("WHEEL", "Wheel-Version: 2.0\n"), "format version \"2.0\"");
    refused(other("METADATA", "Name: other\nVersion: 1.0\n"), "METADATA is for \"other\" \"1.0\"");
    refused(other("METADATA", "Name: foo-bar\nVersion: 2.0\n"), "expected foo-bar 1.0");
    refused(
        other("METADATA", "Description: x\n\nName: foo-bar\nVersion: 1.0\n"),
        "METADATA is for \"\" \"\"",
    );
    refused(Maker::new().file("x-1.dist-info/WHEEL", ""), "found foo_bar-1.0.dist-info, x-1.dist-info");
    let mut chosen = chosen();
    chosen.name = "foo".parse().unwrap();
    assert!(matches!(
        unpacked(Maker::new().finish(), &chosen).unwrap_err().fault,
        WheelFault::Identity { .. }
    ));
    chosen.name = "bar".parse().unwrap();
    assert!(matches!(
        unpacked(Maker::new().finish(), &chosen).unwrap_err().fault,
        WheelFault::DistInfo { .. }
    ));
}

#[test]
fn a_record_that_does_not_fit_is_remarked() {
    let maker = || Maker::new().file("a.py", "content");
    let listing = maker().listing();
    let change = |from: &str, to: &str| {
        assert!(listing.contains(from), "{listing}");
        maker().record(&listing.replace(from, to)).finish()
    };
    let wrong = |what: &str| format!("RECORD is wrong about a.py ({what})");
    let algorithm = wrong("a hash that is not sha256, sha384 or sha512");
    remarked(change("a.py,sha256=7", "a.py,sha256=8"), &[&wrong("another hash")]);
    remarked(change("a.py,sha256", "a.py,md5"), &[&algorithm]);
    remarked(change("a.py,sha256=", "a.py,"), &[&algorithm]);
    remarked(change("a.py,", "b.py,"), &[&wrong("not listed")]);
    remarked(change(",7\n", ",8\n"), &[&wrong("another size")]);
    let bare = listing.lines().map(|line| if line.starts_with("a.py") { "a.py,," } else { line });
    let bare = maker().record(&bare.collect::<Vec<_>>().join("\n")).finish();
    remarked(bare, &[&wrong("no hash")]);
    // One remark stands for all files.
    let several = "RECORD is wrong about 3 files, such as foo_bar-1.0.dist-info/WHEEL (not listed)";
    remarked(maker().record("a.py,,\n").finish(), &[several]);
    remarked(maker().record("").finish(), &[several]);
    refused(maker().record("\"a"), "RECORD, line 1");
    // A script is another file when it is installed, and the one in the archive is what RECORD is about.
    let script = "foo_bar-1.0.data/scripts/tool";
    let maker = Maker::new().file(script, "#!python\n");
    let listing = maker.listing().replace("tool,sha256=", "tool,sha256=x");
    let expected = format!("RECORD is wrong about {script} (another hash)");
    remarked(maker.record(&listing).finish(), &[&expected]);
}

#[test]
fn a_record_may_have_hexadecimal_digits_and_rows_for_nothing() {
    let maker = || Maker::new().file("a.py", "content");
    let listing = maker().listing();
    // sha256 of `content`.
    let digits = "ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73";
    let in_digits = |digits: &str| {
        let rows = listing.lines().map(|line| match line.starts_with("a.py") {
            true => format!("a.py,sha256={digits},7"),
            false => line.to_owned(),
        });
        maker().record(&rows.collect::<Vec<_>>().join("\n")).finish()
    };
    remarked(in_digits(digits), &[]);
    let other = digits.replace("ed70", "ed71");
    remarked(in_digits(&other), &["RECORD is wrong about a.py (another hash)"]);
    remarked(maker().record(&format!("{listing}gone.py,sha256=x,1\n")).finish(), &[]);
}

#[test]
fn a_program_that_cannot_start_is_remarked() {
    let entry = "[console_scripts]\ntool = a-b:main\n";
    let maker = Maker::new().file("foo_bar-1.0.dist-info/entry_points.txt", entry);
    let expected = "its program tool cannot start: it calls \"a-b:main\", which Python cannot import";
    let tree = remarked(maker.finish(), &[expected]);
    assert!(content(&tree, "v/bin/tool").contains("\nfrom a-b import main\n"));
}

#[test]
fn links_and_devices_are_refused() {
    for kind in [0o120_777, 0o060_644, 0o010_644] {
        let mut wheel = Maker::new().file("kind", "target").finish();
        let mode = 0o100_644u32 << 16;
        let at = central(&wheel, "kind") + 38;
        assert_eq!(wheel[at..at + 4], mode.to_le_bytes());
        wheel[at..at + 4].copy_from_slice(&((kind as u32) << 16).to_le_bytes());
        refused_bytes(wheel, "not a file or directory");
    }
}

#[test]
fn a_directory_may_have_the_kind_of_a_file() {
    let mut wheel = Maker::new().file("kind/", "").finish();
    let at = central(&wheel, "kind/") + 38;
    wheel[at..at + 4].copy_from_slice(&(0o100_644u32 << 16).to_le_bytes());
    let tree = remarked(wheel, &[]);
    assert!(tree.tree().get("v/lib/python3.13/site-packages/kind").unwrap().is_directory());
}

/// Where the fixed part of the central directory's entry for `name` starts.
fn central(wheel: &[u8], name: &str) -> usize {
    let ends = wheel.windows(name.len()).enumerate().filter(|(_, window)| *window == name.as_bytes());
    let mut found =
        ends.map(|(at, _)| at).filter(|at| *at >= 46 && wheel[at - 46..at - 42] == *b"PK\x01\x02");
    found.next_back().unwrap() - 46
}

#[test]
fn archives_that_lie_are_refused() {
    let wheel = || Maker::new().file("kind", &"content ".repeat(50)).finish();
    let patched = |offset: usize, bytes: &[u8]| {
        let mut wheel = wheel();
        let at = central(&wheel, "kind") + offset;
        wheel[at..at + bytes.len()].copy_from_slice(bytes);
        wheel
    };
    refused_bytes(patched(8, &[1]), "is encrypted");
    refused_bytes(patched(10, &[12, 0]), "is compressed with");
    refused_bytes(patched(24, &10u32.to_le_bytes()), "cannot read");
    refused_bytes(patched(24, &500u32.to_le_bytes()), "has 400 bytes, but the archive states 500");
    refused_bytes(patched(24, &0xffff_fff0u32.to_le_bytes()), "its files would have 4294967");
    refused_bytes(patched(46, b"\xff"), "is not UTF-8");
    refused_bytes(patched(16, &[0; 4]), "cannot read");
    refused_bytes(Vec::new(), "not a valid zip archive");
    refused_bytes(b"PK\x05\x06".to_vec(), "not a valid zip archive");
    let mut prefixed = b"#!/bin/sh\n".to_vec();
    prefixed.extend(wheel());
    refused_bytes(prefixed, "not a valid zip archive");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// A damaged wheel is refused, or all of its files are still right.
    #[test]
    fn damage_is_found_or_harmless(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut wheel = full().finish();
        let at = at.index(wheel.len());
        wheel[at] = byte;
        if let Ok(tree) = unpacked(wheel, &chosen()) {
            let right = unpacked(full().finish(), &chosen()).unwrap();
            for (path, entry) in tree.tree().iter() {
                if let Some(expected) = right.tree().get(path.as_str())
                    && !path.as_str().contains("RECORD") {
                    prop_assert_eq!(&entry.node, &expected.node);
                }
            }
        }
    }
}
