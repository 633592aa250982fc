use std::io::Write as _;

use serde_json::json;

use super::*;

fn zip(members: &[(&str, &[u8], bool)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content, compressed) in members {
        let method =
            if *compressed { zip::CompressionMethod::Deflated } else { zip::CompressionMethod::Stored };
        let options = zip::write::SimpleFileOptions::default().compression_method(method);
        writer.start_file(*name, options).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn text_is_a_unified_diff() {
    let old: String = (1..=40).map(|number| format!("line {number}\n")).collect();
    let new = old.replace("line 20\n", "line twenty\n").replace("line 40\n", "line 40");
    let Some(Inside::Text { lines, omitted: 0 }) = inside("x.txt", old.as_bytes(), new.as_bytes()) else {
        panic!("it is text")
    };
    let expected = [
        "@@ -17,7 +17,7 @@",
        " line 17",
        " line 18",
        " line 19",
        "-line 20",
        "+line twenty",
        " line 21",
        " line 22",
        " line 23",
        "@@ -37,4 +37,4 @@",
        " line 37",
        " line 38",
        " line 39",
        "-line 40",
        "+line 40 (no line feed at the end)",
    ];
    assert_eq!(lines, expected);
    assert_eq!(inside("x", b"same", b"same"), None);
}

#[test]
fn a_text_without_anything_in_common_is_summed_up() {
    let text = |word: &str| -> String { (0..15_000).map(|number| format!("{word} {number}\n")).collect() };
    let Some(Inside::Text { lines, omitted }) = inside("x", text("a").as_bytes(), text("b").as_bytes())
    else {
        panic!("it is text")
    };
    assert_eq!((lines, omitted), (vec!["@@ 15000 lines became 15000 @@".to_owned()], 30_000));
}

#[test]
fn json_and_toml_are_compared_by_key() {
    let found = inside("a.json", br#"{"a":{"b":1,"c":[1,2]},"d":0}"#, br#"{"a":{"b":2,"c":[1,3]}}"#);
    let change = |key: &str, old, new| ValueChange { key: key.into(), old, new };
    let changes = vec![
        change("a.b", Some(json!(1)), Some(json!(2))),
        change("a.c[1]", Some(json!(2)), Some(json!(3))),
        change("d", Some(json!(0)), None),
    ];
    assert_eq!(found, Some(Inside::Values { format: "JSON", changes }));
    let found = inside("a.toml", b"[a]\nb = 1\n", b"a.b = 1\n");
    assert_eq!(found, Some(Inside::Values { format: "TOML", changes: vec![] }));
    assert!(matches!(inside("a.json", b"{", b"[]"), Some(Inside::Text { .. })));
}

#[test]
fn bytecode_is_header_and_code() {
    let pyc = |flags: u8, source: u8, code: &[u8]| {
        [&[0xf3, 0x0d, b'\r', b'\n', flags, 0, 0, 0], &[source; 8][..], code].concat()
    };
    let found = inside("a.pyc", &pyc(0, 1, b"code"), &pyc(1, 2, b"code"));
    let Some(Inside::Bytecode { headers, code: Code::Same }) = found else { panic!("{found:?}") };
    let keys: Vec<&str> = headers.iter().map(|change| change.key.as_str()).collect();
    assert_eq!(keys, ["validated by", "source"]);
    let found = inside("a.pyc", &pyc(1, 1, b"code"), &pyc(1, 1, b"edoc"));
    assert_eq!(found, Some(Inside::Bytecode { headers: vec![], code: Code::Differs }));
    assert!(matches!(inside("a.pyc", b"short\0", b"shorter\0"), Some(Inside::Bytes { .. })));
}

#[test]
fn archives_are_looked_into_and_so_are_those_in_them() {
    let inner = |text: &str| gzip(text.as_bytes());
    let old = zip(&[("a.txt", b"1\n", true), ("b.gz", &inner("x\n"), true), ("c", b"c", true)]);
    let new = zip(&[("a.txt", b"2\n", true), ("b.gz", &inner("y\n"), true), ("d", b"d", true)]);
    let Some(Inside::Archive { members, .. }) = inside("w.whl", &old, &new) else {
        panic!("it is an archive")
    };
    let shown: Vec<(&str, Change)> =
        members.iter().map(|member| (member.path.as_str(), member.change)).collect();
    assert_eq!(
        shown,
        [("a.txt", Change::Changed), ("b.gz", Change::Changed), ("c", Change::Removed), ("d", Change::Added)]
    );
    let compressed = members[1].content.as_deref();
    assert!(matches!(compressed, Some(Inside::Compressed { content: Some(_) })), "{compressed:?}");

    let stored = zip(&[("a.txt", b"1\n", false), ("b.gz", &inner("x\n"), true), ("c", b"c", true)]);
    let Some(Inside::Archive { members, notes }) = inside("w.whl", &old, &stored) else {
        panic!("an archive")
    };
    assert!(members.is_empty());
    assert_eq!(notes, ["the compression of a.txt changed from Deflated to Stored"]);
}

#[test]
fn a_chain_of_archives_ends() {
    let nested = |text: &str| (0..12).fold(text.as_bytes().to_vec(), |bytes, _| gzip(&bytes));
    let mut found = inside("x", &nested("a"), &nested("b"));
    let mut depth = 0;
    while let Some(Inside::Compressed { content }) = found {
        depth += 1;
        found = content.map(|content| *content);
    }
    assert_eq!(depth, DEEPEST);
    assert!(matches!(found, Some(Inside::Bytes { .. })));
}

#[test]
fn a_bomb_is_only_bytes() {
    let zeros = vec![0; usize::try_from(UNPACKED).unwrap() + 1];
    assert!(matches!(inside("x.gz", &gzip(&zeros), &gzip(b"y")), Some(Inside::Bytes { .. })));
    let (one, two) = (zip(&[("a", &zeros, true)]), zip(&[("a", b"", true)]));
    assert!(matches!(inside("x.zip", &one, &two), Some(Inside::Bytes { .. })));
}

#[test]
fn this_program_is_an_elf_file_and_its_sections_have_names() {
    let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    let mut other = own.clone();
    let note = own.windows(4).position(|window| window == b"GNU\0").unwrap();
    other[note + 4] ^= 1;
    let found = inside("program", &own, &other);
    let Some(Inside::Elf { headers, sections, symbols_added, symbols_removed }) = found else {
        panic!("{found:?}")
    };
    assert_eq!((symbols_added.len(), symbols_removed.len()), (0, 0));
    assert!(sections.iter().any(|section| section.name.starts_with(".note")), "{sections:?} {headers:?}");
    for length in [4, 20, 64, 200, 5000] {
        // What is cut short is no ELF file, and no reason to stop.
        assert!(inside("program", &own[..length], &other).is_some());
    }
}

#[test]
fn no_flipped_bit_is_a_reason_to_stop() {
    let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_size(3);
    tar.append_data(&mut header, "a.json", &b"{}\n"[..]).unwrap();
    let pyc = [&[0xf3, 0x0d, b'\r', b'\n', 1, 0, 0, 0][..], &[7; 8], b"\xe3\x00\x00\x00\x00N"].concat();
    let files: [(&str, Vec<u8>); 4] = [
        // The headers and tables of an ELF file are at its beginning and end.
        ("program", [&own[..4096], &own[own.len() - 4096..]].concat()),
        ("a.whl", zip(&[("a.txt", b"text", true), ("b/c.json", b"{}", false)])),
        ("a.tar", tar.into_inner().unwrap()),
        ("a.pyc", pyc),
    ];
    for (name, bytes) in files {
        for at in (0..bytes.len()).step_by(1 + bytes.len() / 500) {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (at % 8);
            assert!(inside(name, &bytes, &changed).is_some(), "{name} at {at}");
        }
    }
}
