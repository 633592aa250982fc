//! Packages that are wrong, by accident or on purpose.
use std::error::Error as _;
use std::io::{self, Read};

use invar_debian::{DebError, UnpackOptions, read_deb};
use invar_tree::{MemoryTree, Origin};
use proptest::prelude::*;

use crate::archives::{CONTROL, Entry, ar, deb, deb_of, directory, entry, file, link, tar_of};
use crate::{ALL, leaves, read};

/// An error with its causes, as a user sees it.
pub fn chain(error: &DebError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}

#[track_caller]
fn check_error(bytes: &[u8], expected: &str) {
    let error = chain(&read(bytes, &ALL).map(|_| ()).unwrap_err());
    assert_eq!(error, expected);
}

#[track_caller]
fn check_entry(entry: Entry, expected: &str) {
    let bytes = deb(&[directory("./"), file("./usr/a", "a"), entry]);
    check_error(&bytes, &format!("the member \"data.tar.xz\" cannot be unpacked: {expected}"));
}

#[track_caller]
fn check_fault(entry: Entry, expected: &str) {
    let path = String::from_utf8_lossy(&entry.path).into_owned();
    check_entry(entry, &format!("the entry {path:?}: {expected}"));
}

#[test]
fn hostile_entries_are_refused() {
    let path = |fault: &str| format!("it has an invalid path: {fault}");
    check_fault(file("../etc/x", ""), &path("\"../etc/x\" climbs out with \"..\""));
    check_fault(file("./a/../../x", ""), &path("\"./a/../../x\" climbs out with \"..\""));
    check_fault(file("/etc/x", ""), &path("\"/etc/x\" is absolute"));
    check_fault(file("", ""), &path("the path is empty"));
    check_fault(link("./", b'2', "/"), "the root is not a directory");
    let latin = Entry { path: b"./\xe9".to_vec(), ..file("", "") };
    check_fault(latin, &path("\"./\u{fffd}\" is not UTF-8"));

    check_fault(entry("./dev/sda", b'4'), "a package may not contain a device");
    check_fault(entry("./dev/tty", b'3'), "a package may not contain a device");
    check_fault(entry("./pipe", b'6'), "a package may not contain a named pipe");
    check_fault(entry("./holes", b'S'), "a package may not contain a sparse file");
    check_fault(entry("./x", b'x'), "a package may not contain an extended header");
    check_fault(entry("./x", b'g'), "a package may not contain an extended header");
    check_fault(entry("./x", b'V'), "a package may not contain an entry of the type 'V'");

    let missing = "the entry \"/b\": it is a hard link to /nothing, which is not an earlier file";
    check_entry(link("./b", b'1', "./nothing"), missing);
    check_entry(link("./b", b'1', "./b"), &missing.replace("nothing", "b"));
    check_entry(link("./b", b'1', "./usr"), &missing.replace("nothing", "usr"));
    check_fault(
        link("./b", b'1', "/etc/passwd"),
        "it is a hard link to an invalid path: \"/etc/passwd\" is absolute",
    );
    check_fault(
        link("./b", b'1', "../b"),
        "it is a hard link to an invalid path: \"../b\" climbs out with \"..\"",
    );
    check_fault(link("./b", b'2', ""), "its target is not valid for a link: \"\"");
    let latin = Entry { link: b"\xe9".to_vec(), ..link("./b", b'2', "") };
    check_fault(latin, "its target is not valid for a link: \"\u{fffd}\"");

    let climbs = |path: &str, target: &str| {
        let expected =
            format!("it is a symbolic link to {target:?}, which climbs out of the package with \"..\"");
        check_fault(link(path, b'2', target), &expected);
    };
    climbs("./usr/l", "../../../../etc/passwd");
    climbs("./usr/l", "../..");
    climbs("./l", "..");
    climbs("l", ".//../usr");
    climbs("./usr/lib/l", "../x/../../..");
    climbs("./usr/l", "../../usr/a/b/c/d");
    climbs("./usr//./l", "../../x");

    let owner = Entry { owner: (1 << 32, 0), ..file("./b", "") };
    check_fault(owner, "its numeric owner 4294967296 does not fit into 32 bits");
    let content = Entry { content: b"x".to_vec(), ..directory("./b") };
    check_fault(content, "it has 1 bytes of content, but it is not a file");
    let name = "x/".repeat(2100);
    let long =
        "its extended header or long name is malformed, too long, repeated, or not followed by an entry";
    check_entry(file(&name, ""), &format!("the entry {:?}: {long}", &name[..200]));
    for kind in *b"LK" {
        let named = Entry { content: b"name\0".to_vec(), ..entry("././@LongLink", kind) };
        let expected = &format!("the entry \"name\": {long}");
        check_entry(named.clone(), expected);
        let bytes = deb(&[named.clone(), named, file("./x", "")]);
        check_error(&bytes, &format!("the member \"data.tar.xz\" cannot be unpacked: {expected}"));
    }

    check_entry(file("./usr/a", "b"), "/usr/a appears twice");
    check_entry(directory("./usr/a/"), "/usr/a appears twice");
    check_entry(file("./usr/a/b", ""), "/usr/a/b is below /usr/a, which is not a directory");
    let bytes = deb(&[link("./l", b'2', "/etc"), file("./l/passwd", "")]);
    check_error(
        &bytes,
        "the member \"data.tar.xz\" cannot be unpacked: /l/passwd is below /l, which is not a directory",
    );
}

#[test]
fn links_that_stay_within_the_root_are_taken() {
    let links = [
        ("./usr/l", "../etc/passwd"),
        ("./usr/lib/l", "../.."),
        ("./usr/lib/m", "x/../../../y"),
        ("./usr/lib/n", "..."),
        ("./usr/o", "..x/../a"),
        ("./p", "."),
        ("./q", "/../../etc/passwd"),
    ];
    let entries: Vec<Entry> = links.iter().map(|(path, target)| link(path, b'2', target)).collect();
    let (_, tree) = read(&deb(&entries), &ALL).unwrap();
    let mut found = leaves(&tree);
    found.sort();
    let mut expected: Vec<&str> = links.iter().map(|(path, _)| &path[2..]).collect();
    expected.sort();
    assert_eq!(found, expected);
}

#[test]
fn damaged_headers_are_refused() {
    let mut data = tar_of(&[file("./a", "")]);
    data[108..116].copy_from_slice(b"rubbish\0");
    let sum: u32 = data[..512]
        .iter()
        .enumerate()
        .map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u32::from(*byte) })
        .sum();
    let bytes = |data: &[u8]| deb_of(".gz", &[file("./control", CONTROL)], data);
    let error = chain(&read(&bytes(&data), &ALL).map(|_| ()).unwrap_err());
    assert!(error.contains("expected a tar header at byte 0"), "{error}");
    data[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let error = chain(&read(&bytes(&data), &ALL).map(|_| ()).unwrap_err());
    assert!(error.contains("the entry \"./a\": its header has an invalid number"), "{error}");
}

#[test]
fn bombs_are_refused() {
    let zeros = vec![0; 40 << 20];
    let bytes = deb(&[Entry { content: zeros.clone(), ..file("./zeros", "") }]);
    let error = chain(&read(&bytes, &ALL).map(|_| ()).unwrap_err());
    assert!(error.contains("unpacks to more than"), "{error}");
    let data = [tar_of(&[]), zeros.clone()].concat();
    let error =
        chain(&read(&deb_of(".zst", &[file("./control", CONTROL)], &data), &ALL).map(|_| ()).unwrap_err());
    assert!(error.contains("unpacks to more than"), "{error}");

    let huge = [file("./control", CONTROL), Entry { content: zeros, ..file("./templates", "") }];
    check_error(
        &deb_of(".xz", &huge, &tar_of(&[])),
        "the member \"control.tar.xz\" does not describe a package: \
         it unpacks to more than 16777216 bytes, which is implausible for its size",
    );

    // Hard links are cheap in an archive, but each becomes a file of the image.
    let mut entries = vec![file("./a", &"0123456789abcdef".repeat(1 << 16))];
    entries.extend((0..2000).map(|number| link(&format!("./{number}"), b'1', "./a")));
    let error = chain(&read(&deb(&entries), &ALL).map(|_| ()).unwrap_err());
    assert!(error.contains("unpacks to more than"), "{error}");

    let claimed = Entry { size: Some(1 << 40), ..file("./a", "short") };
    let error = chain(&read(&deb(&[claimed]), &ALL).map(|_| ()).unwrap_err());
    assert!(error.contains("unpacks to more than"), "{error}");
}

#[test]
fn the_outer_format_is_checked() {
    type Part<'a> = (&'a str, &'a [u8]);
    let control = tar_of(&[file("./control", CONTROL)]);
    let data = tar_of(&[file("./a", "")]);
    let binary: Part = ("debian-binary", b"2.1\nmore\n");
    let (control, data): (Part, Part) = (("control.tar", &control), ("data.tar", &data));
    let extra: Part = ("_extra", b"123");
    let other: Part = ("other", b"");
    let good = [binary, extra, control, extra, extra, data, extra, other];
    assert_eq!(leaves(&read(&ar(&good), &ALL).unwrap().1), ["a"]);

    let member = |expected: &str, found: &str| {
        format!("not a Debian package: expected the member \"{expected}\", found {found}")
    };
    check_error(
        b"PK\x03\x04",
        "not a Debian package: expected it to start with \"!<arch>\", found \"PK\\u{3}\\u{4}\"",
    );
    check_error(&ar(&[]), &member("debian-binary", "the end"));
    check_error(&ar(&[extra, binary]), &member("debian-binary", "\"_extra\""));
    check_error(&ar(&[binary]), &member("control.tar", "the end"));
    check_error(&ar(&[binary, data, control]), &member("control.tar", "\"data.tar\""));
    check_error(&ar(&[binary, other, control, data]), &member("control.tar", "\"other\""));
    check_error(&ar(&[binary, control, control]), &member("data.tar", "\"control.tar\""));
    check_error(&ar(&[binary, control]), &member("data.tar", "the end"));
    check_error(
        &ar(&[binary, control, data, data]),
        "the member \"data.tar\" after \"data.tar\" is not allowed, because a second archive would be ambiguous",
    );
    for version in ["", "3.0\n", "2\n", "2.x\n", "0.939000\n"] {
        let found = version.trim();
        check_error(
            &ar(&[("debian-binary", version.as_bytes()), control, data]),
            &format!("the package has the format {found:?}, expected \"2.0\""),
        );
    }
    check_error(
        &ar(&[binary, control, ("data.tar.bz2", b"")]),
        "the member \"data.tar.bz2\" has an unsupported compression: \
         expected .gz, .xz, .zst or none",
    );
    let trailing = [data.1, b"x"].concat();
    check_error(
        &ar(&[binary, control, ("data.tar", &trailing)]),
        "the member \"data.tar\" cannot be unpacked: it has more data after its end",
    );
    let rubbish = [ar(&[binary, control, data]), b"rubbish".to_vec()].concat();
    let length = rubbish.len();
    check_error(&rubbish, &format!("the archive is incomplete: it ends at byte {length}, inside a header"));
}

#[track_caller]
fn check_control(entries: &[Entry], expected: &str) {
    let bytes = deb_of("", entries, &tar_of(&[]));
    check_error(&bytes, &format!("the member \"control.tar\" does not describe a package: {expected}"));
}

#[test]
fn control_data_is_checked() {
    let many: Vec<Entry> = (0..1001).map(|number| file(&format!("./{number}"), "")).collect();
    check_control(&many, "it has more than 1000 entries");
    check_control(&[], "it has no file \"control\"");
    check_control(&[file("./control", ""), file("./control", "")], "the file \"control\" appears twice");
    check_control(&[file("./postinst", ""), file("./postinst", "")], "the file \"postinst\" appears twice");
    check_control(&[link("./control", b'2', "x")], "/control is not a regular file");
    let latin = Entry { content: b"\xe9".to_vec(), ..file("./control", "") };
    check_control(&[latin], "the file \"control\" is not UTF-8");
    check_control(&[file("./control", "")], "the file \"control\" has 0 paragraphs, expected one");
    check_control(
        &[file("./control", "A: b\n\nC: d\n")],
        "the file \"control\" has 2 paragraphs, expected one",
    );
    check_control(
        &[file("./control", "no field\n")],
        "cannot parse the file \"control\": line 1: expected \"Name: value\", found \"no field\"",
    );
    check_control(&[file("./control", "Package: demo\n")], "the file \"control\" has no field \"Version\"");
    check_control(
        &[entry("../x", b'0')],
        "the entry \"../x\": it has an invalid path: \"../x\" climbs out with \"..\"",
    );
    for (field, value) in [
        ("Package: demo", "Package: ../demo"),
        ("Version: 1:2.0-1+b1", "Version: 1_0"),
        ("Architecture: amd64", "Architecture: AMD"),
        ("Multi-Arch: same", "Multi-Arch: perhaps"),
        ("Provides: mail-reader", "Provides: (= 1)"),
        ("Source: demo-src (1:2.0-1)", "Source: demo-src 1:2.0-1"),
    ] {
        let bytes = deb_of("", &[file("./control", &CONTROL.replace(field, value))], &tar_of(&[]));
        let error = chain(&read(&bytes, &ALL).map(|_| ()).unwrap_err());
        let name = field.split(':').next().unwrap();
        let expected = format!("cannot parse the field \"{name}\" of the file \"control\": ");
        assert!(error.contains(&expected), "{error}");
    }
    check_control(
        &[file("./control", CONTROL), file("./conffiles", "/etc/a\netc/b\n")],
        "line 2 of the file \"conffiles\" is not the path of a file: \"etc/b\"",
    );
}

#[test]
fn a_package_cut_anywhere_is_refused() {
    for suffix in ["", ".gz", ".xz", ".zst"] {
        let bytes = deb_of(suffix, &[file("./control", CONTROL)], &tar_of(&[file("./a", "content")]));
        // Without the last byte only the padding is missing, which some writers leave out.
        let whole = bytes.len() - usize::from(bytes.ends_with(b"\n"));
        for length in 0..whole {
            assert!(read(&bytes[..length], &ALL).is_err(), "{suffix}: {length} of {whole} bytes");
        }
    }
}

#[test]
fn a_short_package_says_so() {
    let bytes = deb_of("", &[file("./control", CONTROL)], &tar_of(&[file("./a", &"x".repeat(600))]));
    check_error(
        &bytes[..bytes.len() - 1500],
        "the member \"data.tar\" cannot be unpacked: the content of /a is damaged or cannot be read: \
         the archive is incomplete: data.tar ends after 1060 of 2560 bytes",
    );
}

#[test]
fn a_reader_that_fails_is_reported() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk is on fire"))
        }
    }
    let bytes = deb(&[file("./a", "content")]);
    let mut tree = MemoryTree::new(Origin::Source);
    for length in [0, 20, 100, 300] {
        let error = read_deb(bytes[..length].chain(Broken), &ALL, &mut tree).map(|_| ()).unwrap_err();
        assert!(chain(&error).ends_with("the disk is on fire"), "{}", chain(&error));
    }
}

proptest! {
    #[test]
    fn damage_never_panics(position in 0..4096_usize, value: u8, suffix in 0..4_usize) {
        let suffix = ["", ".gz", ".xz", ".zst"][suffix];
        let entries = [directory("./"), file("./a", "content"), link("./b", b'2', "a"), link("./c", b'1', "./a")];
        let mut bytes = deb_of(suffix, &[file("./control", CONTROL)], &tar_of(&entries));
        let position = position % bytes.len();
        bytes[position] = value;
        let _ = read(&bytes, &UnpackOptions { docs: false, merged_usr: true, records: true });
    }
}
