use proptest::prelude::*;

use super::*;
use crate::Limited;

const LIMITS: Limits = Limits { extension: 1 << 12, members: 100, names: 1 << 16 };

/// An archive in the making, without its end.
#[derive(Clone, Default)]
struct Archive(Vec<u8>);

impl Archive {
    /// A member in the format ustar. What `change` does to its block, the checksum covers.
    fn with(mut self, path: &str, flag: u8, content: &[u8], change: impl Fn(&mut [u8])) -> Self {
        let mut block = [0; BLOCK];
        block[..path.len()].copy_from_slice(path.as_bytes());
        block[100..107].copy_from_slice(b"0000644");
        block[108..115].copy_from_slice(b"0001750");
        block[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
        block[136..147].copy_from_slice(b"00000000007");
        block[156] = flag;
        block[257..265].copy_from_slice(b"ustar\x0000");
        block[265..269].copy_from_slice(b"user");
        change(&mut block);
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
        block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        self.0.extend(block);
        self.0.extend(content);
        self.0.resize(self.0.len().next_multiple_of(BLOCK), 0);
        self
    }

    fn member(self, path: &str, flag: u8, content: &[u8]) -> Self {
        self.with(path, flag, content, |_| ())
    }

    /// A pax header with one record.
    fn pax(self, flag: u8, key: &str, value: &str) -> Self {
        let rest = format!(" {key}={value}\n");
        let length = (1..).find(|length: &usize| length.to_string().len() + rest.len() == *length);
        self.member("pax", flag, format!("{}{rest}", length.expect("one fits")).as_bytes())
    }

    fn end(mut self) -> Vec<u8> {
        self.0.resize(self.0.len() + 2 * BLOCK, 0);
        self.0
    }
}

/// Each member's path, link and content, as text.
fn read(bytes: &[u8], policy: Policy) -> Result<Vec<String>, TarError> {
    let mut archive = TarReader::new(bytes, policy, LIMITS);
    let mut members = Vec::new();
    while let Some(header) = archive.next_member()? {
        let mut content = String::new();
        archive.content().read_to_string(&mut content)?;
        assert_eq!(content.len() as u64, header.size);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        members.push(format!("{}|{}|{content}", text(&header.path), text(&header.link)));
    }
    archive.finish()?;
    Ok(members)
}

fn refused(bytes: &[u8], policy: Policy) -> String {
    match read(bytes, policy).expect_err("it should be refused") {
        TarError::Entry { path, fault } => format!("{path}: {fault}"),
        error => error.to_string(),
    }
}

const ALL: [Policy; 3] = [Policy::Gnu, Policy::Pax, Policy::PaxSizes];
const EXTENSION: &str =
    "its extended header or long name is malformed, too long, repeated, or not followed by an entry";

#[test]
fn members_are_read_in_order() {
    let prefix = |block: &mut [u8]| block[345..348].copy_from_slice(b"dir");
    let gnu = |block: &mut [u8]| {
        prefix(block);
        block[257..265].copy_from_slice(b"ustar  \0");
    };
    let long = "long/".repeat(50);
    let bytes = Archive::default()
        .member("a", b'0', b"content")
        .with("b", b'0', b"", prefix)
        .with("c", b'0', b"", gnu)
        .member("@", b'L', format!("{long}\0").as_bytes())
        .member("@", b'K', b"target\0")
        .with("d", b'2', b"", |block| block[157] = b'x')
        .with("e", b'2', b"", |block| block[157] = b'x')
        .end();
    for policy in ALL {
        let expected = ["a||content", "dir/b||", "c||", &format!("{long}|target|"), "e|x|"];
        assert_eq!(read(&bytes, policy).unwrap(), expected, "{policy:?}");
        // The end may be missing where a member is whole.
        assert_eq!(read(&bytes[..bytes.len() - 2 * BLOCK], policy).unwrap(), expected);
        assert!(read(&[], policy).unwrap().is_empty());
    }
}

#[test]
fn extended_headers_count_as_the_policy_says() {
    let check = |archive: Archive, policy: Policy, expected: Result<&str, &str>| {
        let found = read(&archive.end(), policy).map(|members| members.join(" "));
        let found = found.map_err(|error| error.to_string());
        assert_eq!(found.as_deref().map_err(String::as_str), expected, "{policy:?}");
    };
    let pax = |key: &str, value: &str| Archive::default().pax(b'x', key, value).member("a", b'0', b"1234");
    for policy in [Policy::Pax, Policy::PaxSizes] {
        check(pax("path", "b/c"), policy, Ok("b/c||1234"));
        check(pax("linkpath", "b"), policy, Ok("a|b|1234"));
        check(pax("size", "4"), policy, Ok("a||1234"));
        check(pax("comment", "b"), policy, Ok("a||1234"));
        check(pax("size", "x"), policy, Err("the entry \"a\""));
        check(pax("size", "9223372036854775808"), policy, Err("the entry \"a\""));
    }
    check(pax("path", "b"), Policy::Gnu, Ok("pax||9 path=b\n a||1234"));
    check(pax("size", "3"), Policy::Pax, Err("the entry \"a\""));
    check(pax("size", "3"), Policy::PaxSizes, Ok("a||123"));
}

#[test]
fn one_archive_is_not_two() {
    let file = |archive: Archive| archive.member("a", b'0', b"").end();
    let new = Archive::default;
    for policy in ALL {
        let check = |bytes: &[u8], path: &str| {
            assert_eq!(refused(bytes, policy), format!("{path}: {EXTENSION}"), "{policy:?}");
        };
        for flag in *b"LK" {
            check(&file(new().member("@", flag, b"one\0").member("@", flag, b"two\0")), "two");
            check(&new().member("@", flag, b"one\0").end(), "one");
            check(&file(new().member("@", flag, &[b'n'; 5000])), &"n".repeat(200));
        }
        let trailing = [file(new()), b"x".to_vec()].concat();
        assert_eq!(refused(&trailing, policy), "it has more data after its end");
        let claimed = new().with("a", b'0', b"x", |block| block[124..135].copy_from_slice(b"77777777777"));
        assert_eq!(refused(&claimed.end(), policy), "it is damaged or cannot be read");
        let number = new().with("a", b'0', b"x", |block| block[124..130].copy_from_slice(b"number"));
        assert_eq!(refused(&number.end(), policy), "a: its header has an invalid number");
        let mut sum = file(new().member("b", b'0', b""));
        sum[BLOCK] ^= 1;
        assert_eq!(refused(&sum, policy), "expected a tar header at byte 512");
        // The sum may also be one of signed bytes, which differs where bytes are above 127.
        let mut signed = new().with("é", b'0', b"", |_| ());
        let sum: i64 = signed.0[..BLOCK].iter().map(|&byte| i64::from(byte.cast_signed())).sum();
        let stated: i64 = signed.0[148..156].iter().map(|&byte| i64::from(byte)).sum();
        let sum = sum - stated + 8 * i64::from(b' ');
        signed.0[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        assert_eq!(read(&signed.end(), policy).unwrap(), ["é||"]);
    }
    for policy in [Policy::Pax, Policy::PaxSizes] {
        let check = |archive: Archive, path: &str| {
            assert_eq!(refused(&file(archive), policy), format!("{path}: {EXTENSION}"), "{policy:?}");
        };
        check(new().member("pax", b'x', b"99 path=a\n"), "pax");
        check(new().pax(b'x', "path", "b").member("@", b'L', b"c\0"), "c");
        for key in ["path", "linkpath", "size", "GNU.sparse.major"] {
            check(new().pax(b'g', key, "1"), "pax");
        }
        assert_eq!(refused(&new().pax(b'x', "mtime", "1").end(), policy), format!(": {EXTENSION}"));
        // Headers without end, each of them small.
        let many = (0..5).fold(new(), |archive, _| archive.pax(b'x', "comment", &"x".repeat(2000)));
        check(many, "pax");
        assert_eq!(read(&file(new().pax(b'g', "comment", "a commit")), policy).unwrap(), ["a||"]);
    }
}

#[test]
fn what_is_asked_for_is_read() {
    let header = |archive: Archive| {
        let bytes = archive.end();
        TarReader::new(&bytes[..], Policy::PaxSizes, LIMITS).next_member().unwrap().unwrap()
    };
    let new = Archive::default;
    let plain = header(new().member("a", b'0', b""));
    assert_eq!((plain.mode(), plain.uid(), plain.gid()), (Ok(0o644), Ok(0o1750), Ok(0)));
    assert_eq!(plain.time(), Ok(Time { seconds: 7, nanoseconds: 0 }));
    assert_eq!((plain.user(), plain.group()), ("user".to_owned(), String::new()));
    assert_eq!((plain.format(), plain.kind()), (TarFormat::Ustar, MemberKind::File));

    let archive = new().pax(b'x', "uid", "9").pax(b'x', "gid", "x").pax(b'x', "mtime", "1.5");
    let archive = archive.pax(b'x', "uname", "me").pax(b'x', "SCHILY.xattr.user.a", "b");
    let said = header(archive.member("a", b'0', b""));
    assert_eq!((said.uid(), said.gid()), (Ok(9), Err(TarFault::Extension)));
    assert_eq!(said.time(), Ok(Time { seconds: 1, nanoseconds: 500_000_000 }));
    assert_eq!((said.user(), said.format()), ("me".to_owned(), TarFormat::Pax));
    assert_eq!(said.attributes().collect::<Vec<_>>(), [(&b"user.a"[..], &b"b"[..])]);

    // What is said of all members is not what one reader takes it for and another does not.
    let all = header(new().pax(b'g', "uid", "9").member("a", b'0', b""));
    assert_eq!(
        (all.uid(), all.time(), all.mode()),
        (Err(TarFault::Extension), Err(TarFault::Extension), Ok(0o644))
    );

    let kind = |path: &str, flag: u8| header(new().member(path, flag, b"")).kind();
    assert_eq!(kind("a/", b'0'), MemberKind::Directory);
    assert_eq!(kind("a/", 0), MemberKind::Directory);
    assert_eq!((kind("a", 0), kind("a", b'7')), (MemberKind::File, MemberKind::File));
    assert_eq!((kind("a", b'S'), kind("a", b'V')), (MemberKind::Sparse, MemberKind::Other(b'V')));
    assert_eq!(
        header(new().pax(b'x', "GNU.sparse.major", "1").member("a", b'0', b"")).kind(),
        MemberKind::Sparse
    );
    let device = new().with("a", b'4', b"", |block| block[329..345].copy_from_slice(b"0000010\x000000003\0"));
    assert_eq!(header(device).device(), Ok((8, 3)));
}

#[test]
fn limits_hold() {
    let many = (0..101).fold(Archive::default(), |archive, _| archive.member("a", b'0', b""));
    assert_eq!(refused(&many.end(), Policy::Pax), "it has more than 100 entries");
    let name = "n".repeat(2000);
    let long = (0..50).fold(Archive::default(), |archive, _| {
        archive.member("@", b'L', name.as_bytes()).member("a", b'0', b"")
    });
    assert_eq!(
        refused(&long.end(), Policy::Pax),
        "the paths of its entries have more than 65536 bytes together"
    );
    let bytes = Archive::default().member("a", b'0', &[b'x'; 5000]).end();
    for limit in [100, 2000, 6000] {
        let mut archive = TarReader::new(Limited::new(&bytes[..], limit), Policy::Pax, LIMITS);
        let error = loop {
            match archive.next_member() {
                Ok(Some(_)) => {}
                Ok(None) => break archive.finish().map(|_| ()).expect_err("the rest is too long"),
                Err(error) => break error,
            }
        };
        assert!(matches!(error, TarError::TooLarge { limit: found } if found == limit), "{error:?}");
    }
}

#[test]
fn an_archive_cut_anywhere_within_a_member_is_refused() {
    let bytes = Archive::default().pax(b'x', "path", "b").member("a", b'0', &[b'x'; 700]).0;
    for length in (1..bytes.len()).filter(|length| *length != 0) {
        assert!(read(&bytes[..length], Policy::Pax).is_err(), "{length}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..64), at in 0_usize..5000) {
        let archive = Archive::default().pax(b'x', "path", "b").member("a", b'0', b"content").pax(b'g', "comment", "c");
        let mut whole = archive.member("@", b'L', b"long\0").member("b", b'2', b"").end();
        for (offset, byte) in bytes.iter().enumerate() {
            let length = whole.len();
            whole[(at + offset) % length] = *byte;
        }
        for policy in ALL {
            let mut archive = TarReader::new(&whole[..], policy, LIMITS);
            while let Ok(Some(header)) = archive.next_member() {
                let _ = (header.kind(), header.mode(), header.uid(), header.time(), header.device());
            }
            let _ = read(&bytes, policy);
        }
    }
}
