use invar_debian::MultiArch;
use proptest::prelude::*;

use super::*;
use crate::record::Priority;

const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// A package with all fields that are required, and `more` lines.
fn paragraph(name: &str, version: &str, more: &str) -> String {
    format!(
        "Package: {name}\nVersion: {version}\nArchitecture: amd64\nFilename: pool/{name}.deb\nSize: 7\n\
         SHA256: {HEX}\n{more}\n\n"
    )
}

fn index(texts: &[&str]) -> PackageIndex {
    let mut index = PackageIndex::new("amd64".parse().unwrap());
    for (suite, text) in texts.iter().enumerate() {
        index.add(suite, text.as_bytes()).unwrap();
    }
    index
}

fn name(text: &str) -> PackageName {
    text.parse().unwrap()
}

#[test]
fn a_record_has_what_the_index_says() {
    let more = "Source: src-a (1-1)\nMulti-Arch: same\nEssential: yes\nPriority: required\nDepends: b1, c1 |\n d1 (>= 2)\n\
        Pre-Depends: e1\nConflicts: f1\nBreaks: g1 (<< 1)\nProvides: h1 (= 3), i1\nDescription: short\n long";
    let index = index(&[&paragraph("aa", "1:1-1+b1", more)]);
    let records = index.get(&name("aa"));
    let [record] = &records[..] else { panic!("{records:?}") };
    assert_eq!((record.name.as_str(), record.version.as_str()), ("aa", "1:1-1+b1"));
    assert_eq!((record.source.0.as_str(), record.source.1.as_str()), ("src-a", "1-1"));
    assert_eq!(
        (record.multi_arch, record.essential, record.priority),
        (MultiArch::Same, true, Priority::Required)
    );
    let texts: Vec<String> = record.dependencies().map(ToString::to_string).collect();
    assert_eq!(texts, ["e1", "b1", "c1 | d1 (>= 2)"]);
    assert_eq!(record.conflicts[0].to_string(), "f1");
    assert_eq!(record.breaks[0].to_string(), "g1 (<< 1)");
    assert_eq!(record.provides[0].version.as_ref().map(|version| version.as_str()), Some("3"));
    assert_eq!(record.provides[1].version, None);
    assert_eq!(
        (record.filename.as_str(), record.size, record.sha256.hex().as_str()),
        ("pool/aa.deb", 7, HEX)
    );
    assert_eq!((record.suite, record.description.as_deref()), (0, Some("short")));
    assert_eq!(index.providers(&name("h1")), records);
    assert_eq!(index.get(&name("h1")), []);
}

#[test]
fn what_is_not_said_has_a_meaning() {
    let index = index(&[&paragraph("aa", "1", "Priority: weird")]);
    let record = index.get(&name("aa")).remove(0);
    assert_eq!((record.source.0.as_str(), record.source.1.as_str()), ("aa", "1"));
    assert_eq!(
        (record.multi_arch, record.essential, record.priority),
        (MultiArch::No, false, Priority::Extra)
    );
    assert_eq!((record.dependencies().count(), record.description), (0, None));
    let index = self::index(&[&paragraph("aa", "1", "Source: bb")]);
    assert_eq!(index.get(&name("aa"))[0].source.0.as_str(), "bb");
}

#[test]
fn versions_and_suites_are_sorted() {
    let first = paragraph("aa", "1", "") + &paragraph("aa", "10", "") + &paragraph("aa", "9", "");
    let second = paragraph("aa", "9", "") + &paragraph("aa", "10", "Section: new");
    let index = index(&[&first, &second]);
    let found: Vec<(String, usize)> =
        index.get(&name("aa")).into_iter().map(|it| (it.version.to_string(), it.suite)).collect();
    // What both suites have is there once, as the first has it: the section is not kept.
    assert_eq!(found, [("10".to_owned(), 0), ("9".to_owned(), 0), ("1".to_owned(), 0)]);
    assert_eq!(index.len(), 3);
}

#[test]
fn other_architectures_are_skipped() {
    let text = paragraph("aa", "1", "") + &paragraph("bb", "1", "");
    let index =
        index(&[&text.replacen("amd64", "i386", 1).replace("Architecture: amd64", "Architecture: all")]);
    assert_eq!((index.len(), index.get(&name("aa")).len(), index.get(&name("bb")).len()), (1, 0, 1));
}

#[test]
fn names_that_may_have_been_meant_are_found() {
    let text = paragraph("mawk", "1", "Provides: awk")
        + &paragraph("gawk", "1", "Provides: awk")
        + &paragraph("awka", "1", "");
    let index = index(&[&text]);
    let near = |wanted| index.nearest(wanted).iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(near("awk"), ["gawk", "mawk", "awka"]);
    assert_eq!(near("mwak"), ["mawk"]);
    assert_eq!(near("Not A Name"), [""; 0]);
}

#[test]
fn faults_name_the_package() {
    fn check(text: &str, expected: &str) {
        let error = PackageIndex::new("amd64".parse().unwrap()).add(0, text.as_bytes()).expect_err(text);
        let message = error.to_string();
        assert!(message.contains(expected), "{message}");
    }
    let good = paragraph("aa", "1", "");
    for field in ["Package", "Version", "Architecture", "Filename", "Size", "SHA256"] {
        check(&good.replace(&format!("{field}:"), "X:"), &format!("the required field {field:?} is missing"));
    }
    check(
        &format!("\n{}", good.replace("Size: 7", "Size: +7")),
        "line 2: cannot use the package \"aa\": its field",
    );
    check(&good.replace("pool/", "../"), "its field \"Filename\"");
    check(&good.replace("pool/", "/"), "its field \"Filename\"");
    check(&good.replace("e3b0", "E3B0"), "its field \"SHA256\"");
    check(&good.replace("aa", "A_A"), "is not a Debian package name");
    check(&good.replace("Version: 1", "Version: 1_2"), "is not a Debian version");
    check(&good.replace("amd64", "x86_64"), "is not a Debian architecture");
    let field = |line: &str, expected: &str| check(&paragraph("aa", "1", line), expected);
    field("Depends: b1 (1)", "its field \"Depends\"");
    field("Pre-Depends: B", "its field \"Pre-Depends\"");
    field("Conflicts: b1 | c1", "\"b1 | c1\" must be one package");
    field("Provides: b1 (>= 1)", "\"b1 (>= 1)\" must be one package, optionally with \"(= VERSION)\"");
    field("Source: b1 (1", "its field \"Source\"");
    field("Source: b1 c1", "its field \"Source\"");
    field("Multi-Arch: maybe", "its field \"Multi-Arch\": \"maybe\"");
    field("Essential: maybe", "its field \"Essential\": \"maybe\"");
    field("no field", "expected \"Name: value\"");
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(more in "((Depends|Provides|Source|Breaks|Size): ?[a-c1(=)<>|, \n]{0,20}\n){0,3}") {
        let mut index = PackageIndex::new("amd64".parse().unwrap());
        if index.add(0, paragraph("aa", "1", &more).as_bytes()).is_ok() {
            prop_assert_eq!(index.get(&name("aa")).len(), index.len());
        }
    }
}
