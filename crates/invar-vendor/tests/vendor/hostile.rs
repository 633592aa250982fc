use std::error::Error as _;
use std::io::{self, Read};

use invar_formats::tar::{TarError, TarFault};
use invar_tree::{Digest, ImagePath, MemoryTree, Origin, SinkError};
use invar_vendor::{ContentFault, Ecosystem, FetchedFile, LockedFile, Offer, VendorError};
use tar::EntryType;

use crate::offered::{TARGET, gzip, tar};

fn lock(bytes: &[u8]) -> String {
    let sum = Digest::of(bytes).hex();
    format!(
        "version = 4\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\n\
         source = \"sparse+https://mirror.example/\"\nchecksum = \"{sum}\"\n"
    )
}

const GIT: &str = "version = 4\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\n\
                   source = \"git+https://mirror.example/a#da39a3ee5e6b4b0d3255bfef95601890afd80709\"\n";

fn offer(
    ecosystem: Ecosystem,
    lock: &str,
    name: Option<&str>,
    bytes: &[u8],
) -> Result<(Offer, MemoryTree), VendorError> {
    let needed = invar_vendor::read_lock(ecosystem, lock, &TARGET).unwrap();
    let fetched = |needed| {
        let file = FetchedFile::new(needed, Box::new(move || Ok(Box::new(bytes) as Box<dyn Read>)));
        match name {
            Some(name) => file.named(name),
            None => file,
        }
    };
    let files: Vec<FetchedFile<'_>> = needed.iter().map(fetched).collect();
    let mut tree = MemoryTree::new(Origin::Source);
    let offer = invar_vendor::offer(ecosystem, &files, &ImagePath::parse("v").unwrap(), &mut tree)?;
    Ok((offer, tree))
}

/// A tar archive with one member that no library would write.
fn member(path: &str, kind: EntryType, content: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_size(content.len() as u64);
    header.set_cksum();
    let mut archive = tar::Builder::new(Vec::new());
    archive.append(&header, content).unwrap();
    archive.into_inner().unwrap()
}

#[track_caller]
fn fault_of<T>(result: Result<T, VendorError>) -> ContentFault {
    match result {
        Err(VendorError::Content(error)) => error.fault,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("nothing is wrong"),
    }
}

#[track_caller]
fn check(tar: &[u8], expected: fn(&ContentFault) -> bool) {
    let bytes = gzip(tar);
    match offer(Ecosystem::Cargo, &lock(&bytes), None, &bytes) {
        Err(VendorError::Content(error)) => {
            assert_eq!(error.file, "a-1.0.0.crate");
            assert!(expected(&error.fault), "{error}: {:?}", error.source());
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_crate_stays_in_its_directory() {
    for path in ["a-1.0.1/Cargo.toml", "a-1.0.0.toml", "Cargo.toml", "a-1.0.0"] {
        check(&member(path, EntryType::Regular, b""), |fault| matches!(fault, ContentFault::Outside { .. }));
    }
    for path in ["a-1.0.0/../../x", "/a-1.0.0/x", "a-1.0.0/\u{1}/../x", "", "./"] {
        check(&member(path, EntryType::Regular, b""), |fault| matches!(fault, ContentFault::MemberPath(_)));
    }
}

#[test]
fn a_crate_has_files_and_directories_only() {
    for kind in [EntryType::Symlink, EntryType::Link, EntryType::Char, EntryType::Fifo, EntryType::GNUSparse]
    {
        check(&member("a-1.0.0/x", kind, b""), |fault| {
            matches!(fault, ContentFault::Kind { .. } | ContentFault::Archive(_))
        });
    }
}

#[test]
fn lengths_have_limits() {
    let long = vec![b'a'; 65 * 1024];
    for kind in [EntryType::GNULongName, EntryType::XHeader] {
        check(&member("x", kind, &long), |fault| {
            matches!(fault, ContentFault::Archive(TarError::Entry { fault: TarFault::Extension, .. }))
        });
    }
    for records in ["", " ", "5 a=b\n", "99 path=x\n", "0 path=x\n", "-1 path=x\n", "9 path=xy"] {
        let archive = member("x", EntryType::XHeader, records.as_bytes());
        check(&archive, |fault| matches!(fault, ContentFault::Archive(_) | ContentFault::NoManifest { .. }));
    }
}

#[test]
fn a_crate_needs_its_manifest_and_an_intact_archive() {
    let whole = tar(&[("a-1.0.0/Cargo.toml", "[package]"), ("a-1.0.0/src/lib.rs", "")]);
    let bytes = gzip(&whole);
    let (_, tree) = offer(Ecosystem::Cargo, &lock(&bytes), None, &bytes).unwrap();
    assert!(tree.tree().get("v/cargo/vendor-1/a-1.0.0/src/lib.rs").is_some());
    check(&tar(&[("a-1.0.0/src/lib.rs", "")]), |fault| matches!(fault, ContentFault::NoManifest { .. }));
    check(&whole[..700], |fault| matches!(fault, ContentFault::Archive(_)));
    check(&[7; 2048], |fault| matches!(fault, ContentFault::Archive(_)));
    let not_gzip = offer(Ecosystem::Cargo, &lock(&whole), None, &whole);
    assert!(matches!(fault_of(not_gzip), ContentFault::Archive(_)));
}

#[test]
fn a_file_appears_once() {
    let bytes = gzip(&tar(&[("a-1.0.0/Cargo.toml", "1"), ("a-1.0.0/Cargo.toml", "2")]));
    let error = offer(Ecosystem::Cargo, &lock(&bytes), None, &bytes).unwrap_err();
    assert!(matches!(error, VendorError::Sink(SinkError::Duplicate { .. })), "{error}");
}

#[test]
fn a_bomb_is_noticed_where_it_is_skipped_too() {
    // One gibibyte and a little, of zeros, in a member that is passed over: a megabyte of gzip.
    let mut header = tar::Header::new_gnu();
    header.set_path("a-1.0.0/.cargo-ok").unwrap();
    header.set_size(1 << 30);
    header.set_cksum();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    io::copy(&mut header.as_bytes().as_slice(), &mut encoder).unwrap();
    io::copy(&mut io::repeat(0).take(1 << 30), &mut encoder).unwrap();
    let bytes = encoder.finish().unwrap();
    let result = offer(Ecosystem::Cargo, &lock(&bytes), None, &bytes);
    assert!(matches!(fault_of(result), ContentFault::Archive(TarError::TooLarge { .. })));
}

#[test]
fn bytes_are_checked_before_they_are_used() {
    let right = gzip(&tar(&[("a-1.0.0/Cargo.toml", "")]));
    let error = offer(Ecosystem::Cargo, &lock(b"something else"), None, &right).unwrap_err();
    let VendorError::Mismatch(mismatch) = &error else { panic!("{error}") };
    assert_eq!(mismatch.file, "a-1.0.0.crate");
}

#[test]
fn an_endless_file_is_left() {
    let needed = invar_vendor::read_lock(Ecosystem::Cargo, &lock(b""), &TARGET).unwrap();
    let broken = FetchedFile::new(&needed[0], Box::new(|| Err(io::ErrorKind::NotFound.into())));
    let mut tree = MemoryTree::new(Origin::Source);
    let at = ImagePath::parse("v").unwrap();
    let error = invar_vendor::offer(Ecosystem::Cargo, &[broken], &at, &mut tree).unwrap_err();
    assert!(matches!(error, VendorError::Read { .. }), "{error}");
    let wrong_tool = FetchedFile::new(&needed[0], Box::new(|| Ok(Box::new(io::empty()))));
    let error = invar_vendor::offer(Ecosystem::Npm, &[wrong_tool], &at, &mut tree).unwrap_err();
    assert_eq!(error.to_string(), "a-1.0.0.crate is for cargo, not for npm");
}

#[test]
fn two_locks_agree_or_are_refused() {
    let one = gzip(&tar(&[("a-1.0.0/Cargo.toml", "1")]));
    let two = gzip(&tar(&[("a-1.0.0/Cargo.toml", "2")]));
    let read =
        |bytes: &[u8]| invar_vendor::read_lock(Ecosystem::Cargo, &lock(bytes), &TARGET).unwrap().remove(0);
    let try_both = |first: (&LockedFile, &[u8]), second: (&LockedFile, &[u8])| {
        let files = [first, second].map(|(needed, bytes)| {
            let bytes = bytes.to_vec();
            FetchedFile::new(
                needed,
                Box::new(move || Ok(Box::new(io::Cursor::new(bytes.clone())) as Box<dyn Read>)),
            )
        });
        let mut tree = MemoryTree::new(Origin::Source);
        invar_vendor::offer(Ecosystem::Cargo, &files, &ImagePath::parse("v").unwrap(), &mut tree).map(|_| ())
    };
    let (a, b) = (read(&one), read(&two));
    assert!(try_both((&a, &one), (&a, &one)).is_ok());
    assert!(matches!(try_both((&a, &one), (&b, &two)), Err(VendorError::Conflict { .. })));
}

#[test]
fn a_wheel_has_a_plain_name() {
    let lock = format!("a==1 --hash={}", Digest::of(b""));
    for name in ["../a.whl", "a/b.whl", ".a.whl", "", "a b.whl", "a\0.whl"] {
        let result = offer(Ecosystem::Pip, &lock, Some(name), b"");
        assert!(matches!(fault_of(result), ContentFault::FileName), "{name:?}");
    }
    assert!(offer(Ecosystem::Pip, &lock, Some("a-1-py3-none-any.whl"), b"").is_ok());
}

#[test]
fn a_repository_has_the_crate_and_what_it_inherits() {
    #[track_caller]
    fn check(files: &[(&str, &str)], expected: Option<&str>) {
        let result = offer(Ecosystem::Cargo, GIT, None, &tar(files));
        let message =
            result.err().map(|error| format!("{error}: {:?}", error.source().map(ToString::to_string)));
        match (message, expected) {
            (None, None) => {}
            (Some(message), Some(part)) => assert!(message.contains(part), "{message}"),
            (message, _) => panic!("{message:?}"),
        }
    }
    let manifest = "[package]\nname = \"a\"\nversion = \"1.0.0\"\n";
    let member = "[package]\nname = \"a\"\nversion.workspace = true\n";
    check(&[("Cargo.toml", manifest)], None);
    check(&[("a-main/Cargo.toml", manifest)], None);
    check(&[], Some("has no Cargo.toml of the package \"a\""));
    check(&[("Cargo.toml", "not = [toml")], Some("has no Cargo.toml of the package \"a\""));
    check(&[("Cargo.toml", &manifest.replace("1.0.0", "1.0.1"))], Some("has no Cargo.toml"));
    check(&[("x/Cargo.toml", member)], Some("its workspace is not in the repository"));
    check(&[("x/Cargo.toml", member), ("Cargo.toml", "[workspace]")], Some("it inherits \"version\""));
    check(&[("x/Cargo.toml", member), ("Cargo.toml", "[workspace.package]\nversion = \"1.0.0\"")], None);
}

#[test]
fn links_of_a_repository_lead_nowhere_else() {
    let mut archive = tar::Builder::new(Vec::new());
    let manifest = "[package]\nname = \"a\"\nversion = \"1.0.0\"\n";
    for (path, content) in [("Cargo.toml", manifest), ("text", "content")] {
        let mut header = tar::Header::new_ustar();
        header.set_mode(0o755);
        header.set_size(content.len() as u64);
        archive.append_data(&mut header, path, content.as_bytes()).unwrap();
    }
    let links = [
        ("out", "../../etc/passwd"),
        ("absolute", "/etc/passwd"),
        ("nowhere", "missing"),
        ("round", "round"),
        ("one", "two"),
        ("two", "text"),
    ];
    for (path, target) in links {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(EntryType::Symlink);
        header.set_size(0);
        archive.append_link(&mut header, path, target).unwrap();
    }
    let (_, tree) = offer(Ecosystem::Cargo, GIT, None, &archive.into_inner().unwrap()).unwrap();
    let directory = "v/cargo/vendor-1/a-1.0.0";
    let names: Vec<&str> =
        tree.tree().within(directory).filter_map(|(path, _)| path.as_str().strip_prefix(directory)).collect();
    assert_eq!(names, ["", "/.cargo-checksum.json", "/Cargo.toml", "/one", "/text", "/two"]);
}
