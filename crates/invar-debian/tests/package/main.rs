//! Packages, built in memory, read into trees.
#![expect(clippy::unwrap_used, reason = "a test may panic, and so may the functions that it calls")]
mod archives;
mod hostile;

use invar_debian::{Control, DebError, MultiArch, UNPACK_VERSION, UnpackOptions, read_control, read_deb};
use invar_tree::{Contents as _, MemoryTree, Origin};
use proptest::prelude::*;

use archives::{CONTROL, Entry, deb, deb_of, directory, file, link, tar_of};
use hostile::chain;

const ALL: UnpackOptions = UnpackOptions { docs: true, merged_usr: false, records: false };

fn read(bytes: &[u8], options: &UnpackOptions) -> Result<(Control, MemoryTree), DebError> {
    let mut tree = MemoryTree::new(Origin::Source);
    let control = read_deb(bytes, options, &mut tree)?;
    Ok((control, tree))
}

/// The listing, with sizes and hashes left out.
fn shape(tree: &MemoryTree) -> Vec<String> {
    let listing = tree.tree().to_listing();
    let short = |line: &str| {
        let mut fields: Vec<&str> = line.split('\t').collect();
        if fields[0] == "f" {
            fields.drain(4..6);
        }
        fields.join(" ")
    };
    listing.lines().map(short).collect()
}

/// The paths of what is not a directory, and of directories that hold nothing.
fn leaves(tree: &MemoryTree) -> Vec<String> {
    let paths: Vec<String> = tree.tree().iter().map(|(path, _)| path.as_str().to_owned()).collect();
    let inner = |path: &str| paths.iter().any(|other| other.starts_with(&format!("{path}/")));
    paths.iter().filter(|path| !inner(path)).cloned().collect()
}

#[test]
fn a_package_becomes_a_tree() {
    let long = format!("./usr/{}/{}", "d".repeat(90), "f".repeat(90));
    let bytes = deb(&[
        directory("./"),
        directory("./usr/"),
        Entry { mode: 0o102_755, owner: (0, 42), ..file("./usr/chage", "setgid") },
        Entry { mode: 0o1777, ..directory("./tmp/") },
        link("./usr/link", b'2', "../etc/passwd"),
        link("./usr/hard", b'1', "./usr/chage"),
        link("./usr/hard2", b'1', "usr/hard"),
        file(&long, "long"),
        link("./usr/longlink", b'2', &"x/".repeat(100)),
        file("./usr/a\\x2db.slice", ""),
        file("./usr/Főtanúsítvány", ""),
        Entry { kind: 0, ..file("./usr/old/", "") },
    ]);
    let (control, tree) = read(&bytes, &ALL).unwrap();
    let longlink = "x/".repeat(100);
    assert_eq!(
        shape(&tree),
        [
            "d 1777 0 0 tmp".to_owned(),
            "d 0755 0 0 usr".to_owned(),
            "f 0644 0 0 usr/Főtanúsítvány".to_owned(),
            "f 0644 0 0 usr/a\\\\x2db.slice".to_owned(),
            "f 2755 0 42 usr/chage".to_owned(),
            format!("d 0755 0 0 usr/{}", "d".repeat(90)),
            format!("f 0644 0 0 {}", &long[2..]),
            "f 2755 0 42 usr/hard".to_owned(),
            "f 2755 0 42 usr/hard2".to_owned(),
            "l 0777 0 0 ../etc/passwd usr/link".to_owned(),
            format!("l 0777 0 0 {longlink} usr/longlink"),
            "d 0644 0 0 usr/old".to_owned(),
        ]
    );
    assert_eq!(tree.read(&"usr/hard2".parse().unwrap()).unwrap(), b"setgid");
    assert_eq!(control.package().as_str(), "demo");
}

#[test]
fn every_compression_gives_the_same_tree() {
    let data = tar_of(&[file("./a", &"content ".repeat(1000))]);
    let digests = ["", ".gz", ".xz", ".zst"].map(|suffix| {
        let bytes = deb_of(suffix, &[file("./control", CONTROL)], &data);
        read(&bytes, &ALL).unwrap().1.tree().digest()
    });
    assert!(digests.iter().all(|digest| *digest == digests[0]));
}

#[test]
fn control_data_is_typed_and_survives_storage() {
    let postinst = "#!/bin/sh\necho \u{e9}\n";
    let latin = Entry { content: b"#!/bin/sh\n# \xe9\n".to_vec(), ..file("./postrm", "") };
    let control = [
        file("./control", CONTROL),
        file("./md5sums", "d41d8cd98f00b204e9800998ecf8427e  usr/a\n"),
        file("./conffiles", "/etc/demo\nremove-on-upgrade /etc/old\n"),
        file("./triggers", "activate-noawait ldconfig\n"),
        file("./postinst", postinst),
        latin,
        file("./templates", "\u{fffd}"),
    ];
    let bytes = deb_of(".gz", &control, &tar_of(&[]));
    let (control, tree) = read(&bytes, &ALL).unwrap();
    assert!(tree.tree().is_empty());
    assert_eq!(control.version().to_string(), "1:2.0-1+b1");
    assert_eq!(control.architecture().as_str(), "amd64");
    assert_eq!(control.source().as_str(), "demo-src");
    assert_eq!(control.source_version().to_string(), "1:2.0-1");
    assert_eq!(control.multi_arch(), MultiArch::Same);
    assert_eq!(control.provides().len(), 2);
    assert_eq!(control.conffiles(), ["etc/demo".parse().unwrap()]);
    assert_eq!(control.triggers(), "activate-noawait ldconfig\n");
    assert_eq!(control.md5sums(), Some("d41d8cd98f00b204e9800998ecf8427e  usr/a\n"));
    assert_eq!(control.scripts.keys().map(String::as_str).collect::<Vec<_>>(), ["postinst", "postrm"]);
    assert_eq!(control.scripts["postinst"], postinst);
    assert_eq!(control.scripts["postrm"], "#!/bin/sh\n# \u{e9}\n");

    let stored = serde_json::to_string(&control).unwrap();
    assert_eq!(serde_json::from_str::<Control>(&stored).unwrap(), control);
    assert!(serde_json::from_str::<Control>(&stored.replace("Package: demo", "Package: De mo")).is_err());
    assert_eq!(read_control(bytes.as_slice()).unwrap(), control);
}

#[test]
fn documentation_is_left_out() {
    let bytes = deb(&[
        directory("./usr/"),
        directory("./usr/share/"),
        directory("./usr/share/doc/"),
        Entry { mode: 0o700, ..directory("./usr/share/doc/demo/") },
        file("./usr/share/doc/demo/copyright", "MIT"),
        file("./usr/share/doc/demo/changelog.gz", ""),
        directory("./usr/share/doc/demo/examples/"),
        file("./usr/share/doc/demo/examples/x", ""),
        link("./usr/share/doc/demo-dev", b'2', "demo"),
        directory("./usr/share/man/man1/"),
        file("./usr/share/man/man1/demo.1.gz", ""),
        link("./usr/share/man/man1/hard.1.gz", b'1', "./usr/share/man/man1/demo.1.gz"),
        file("./usr/share/locale/de/LC_MESSAGES/demo.mo", ""),
        directory("./usr/share/lintian/"),
        directory("./usr/share/lintian/overrides/"),
        file("./usr/share/lintian/overrides/demo", ""),
        directory("./usr/share/empty/"),
        directory("./var/lib/demo/"),
    ]);
    let (_, tree) = read(&bytes, &UnpackOptions { docs: false, ..ALL }).unwrap();
    assert_eq!(
        leaves(&tree),
        [
            "usr/share/doc/demo-dev",
            "usr/share/doc/demo/copyright",
            "usr/share/empty",
            "usr/share/locale/de/LC_MESSAGES/demo.mo",
            "var/lib/demo",
        ]
    );
    assert_eq!(tree.tree().get("usr/share/doc/demo").unwrap().mode.bits(), 0o700);
    assert_eq!(leaves(&read(&bytes, &ALL).unwrap().1).len(), 10);

    let only = deb(&[directory("./usr/"), directory("./usr/share/"), file("./usr/share/man/x", "")]);
    assert!(read(&only, &UnpackOptions { docs: false, ..ALL }).unwrap().1.tree().is_empty());
    let late = deb(&[file("./a/b", ""), Entry { mode: 0o700, ..directory("./a/") }]);
    let (_, tree) = read(&late, &UnpackOptions { docs: false, ..ALL }).unwrap();
    assert_eq!(tree.tree().get("a").unwrap().mode.bits(), 0o700);
}

#[test]
fn a_split_usr_is_merged() {
    let entries = [
        directory("./bin/"),
        file("./bin/sh", ""),
        link("./bin/rsh", b'1', "./bin/sh"),
        directory("./lib/"),
        directory("./lib/systemd/"),
        link("./lib/x.so", b'2', "../etc/x.so"),
        directory("./usr/bin/"),
        file("./etc/bin/x", ""),
    ];
    let merged = UnpackOptions { merged_usr: true, ..ALL };
    let (_, tree) = read(&deb(&entries), &merged).unwrap();
    assert_eq!(leaves(&tree), ["etc/bin/x", "usr/bin/rsh", "usr/bin/sh", "usr/lib/systemd", "usr/lib/x.so"]);
    assert!(shape(&tree).contains(&"l 0777 0 0 ../etc/x.so usr/lib/x.so".to_owned()));
    assert_eq!(leaves(&read(&deb(&entries), &ALL).unwrap().1)[0], "bin/rsh");

    let links = [link("./bin", b'2', "usr/bin"), directory("./usr/bin/")];
    assert_eq!(leaves(&read(&deb(&links), &merged).unwrap().1), ["bin", "usr/bin"]);

    let twice = deb(&[file("./bin/sh", ""), file("./usr/bin/sh", "")]);
    let error = chain(&read(&twice, &merged).map(|_| ()).unwrap_err());
    assert_eq!(error, "the member \"data.tar.xz\" cannot be unpacked: /usr/bin/sh appears twice");
}

#[test]
fn records_list_what_is_there() {
    let sums = "d41d8cd98f00b204e9800998ecf8427e  bin/demo\nD41D8CD98F00B204E9800998ECF8427E  /etc/a b\n\
        d41d8cd98f00b204e9800998ecf8427e  usr/share/man/demo.1\nd41d8cd98f00b204e9800998ecf8427e  gone\n\
        d41d8cd98f00b204e9800998ecf8427e  ../x\nrubbish\n";
    let control = [file("./control", CONTROL), file("./md5sums", sums)];
    let data = [
        directory("./bin/"),
        file("./bin/demo", ""),
        file("./etc/a b", ""),
        file("./usr/share/man/demo.1", ""),
    ];
    let bytes = deb_of(".zst", &control, &tar_of(&data));
    let (_, tree) = read(&bytes, &UnpackOptions { docs: false, merged_usr: true, records: true }).unwrap();
    let text = |path: &str| String::from_utf8(tree.read(&path.parse().unwrap()).unwrap()).unwrap();
    assert_eq!(text("var/lib/dpkg/status.d/demo"), CONTROL);
    assert_eq!(
        text("var/lib/dpkg/status.d/demo.md5sums"),
        "d41d8cd98f00b204e9800998ecf8427e  etc/a b\nd41d8cd98f00b204e9800998ecf8427e  usr/bin/demo\n"
    );
    assert_eq!(text("var/lib/dpkg/info/demo:amd64.list"), "/.\n/etc/a b\n/usr/bin/demo\n");
    assert_eq!(
        (UNPACK_VERSION, tree.tree().digest().to_string().as_str()),
        (1, "sha256:ee8a375d73982951229fec02c5a7d978e93c2e884425349ec93ee1b272e4c6b1"),
        "if intended, raise UNPACK_VERSION and the format version, and pin the new digest"
    );

    let single = CONTROL.replace("Multi-Arch: same\n", "");
    let bytes = deb_of("", &[file("./control", &single)], &tar_of(&[]));
    let (_, tree) = read(&bytes, &UnpackOptions { records: true, ..ALL }).unwrap();
    assert_eq!(leaves(&tree), ["var/lib/dpkg/info/demo.list", "var/lib/dpkg/status.d/demo"]);

    let forged = deb(&[file("./var/lib/dpkg/status.d/demo", "")]);
    let error = chain(&read(&forged, &UnpackOptions { records: true, ..ALL }).map(|_| ()).unwrap_err());
    assert_eq!(
        error,
        "the records of the package cannot be added to its files: /var/lib/dpkg/status.d/demo appears twice"
    );
}

proptest! {
    #[test]
    fn the_order_of_entries_does_not_matter(
        paths in proptest::collection::btree_set("(usr/share/(doc|man)/)?[ab]/[ab]/[ab]", 1..8),
        seed: u64,
    ) {
        let options = UnpackOptions { docs: false, merged_usr: true, records: true };
        let mut entries: Vec<Entry> = paths.iter().map(|path| file(path, path)).collect();
        entries.extend(paths.iter().flat_map(|path| {
            path.match_indices('/').map(|(end, _)| directory(&path[..end])).collect::<Vec<_>>()
        }));
        let straight = read(&deb(&entries), &options).unwrap().1.tree().digest();
        let length = entries.len();
        for step in 0..length {
            entries.swap(step, (seed.rotate_left(step as u32) % length as u64) as usize);
        }
        prop_assert_eq!(read(&deb(&entries), &options).unwrap().1.tree().digest(), straight);
    }
}
