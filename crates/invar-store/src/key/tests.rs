use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// A value of each form.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sample {
    number: u64,
    flag: bool,
    choice: Choice,
    text: String,
    maybe: Option<String>,
    list: Vec<Vec<String>>,
    /// Sorted: the order does not count.
    set: Vec<String>,
    map: BTreeMap<String, Option<u64>>,
    end: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Choice {
    Nothing,
    Text(String),
    Texts(String, String),
}

impl Keyed for Sample {
    const DOMAIN: &'static str = "sample";
    const VERSION: u32 = 3;

    fn encode(&self, writer: &mut KeyWriter) {
        let Self { number, flag, choice, text, maybe, list, set, map, end } = self;
        writer.number(*number);
        writer.flag(*flag);
        match choice {
            Choice::Nothing => writer.variant(0),
            Choice::Text(text) => {
                writer.variant(1);
                writer.text(text);
            }
            Choice::Texts(one, two) => {
                writer.variant(2);
                writer.text(one);
                writer.text(two);
            }
        }
        writer.text(text);
        writer.optional(maybe.as_deref(), KeyWriter::text);
        writer.list(list, |writer, texts| writer.list(texts, |writer, text| writer.text(text)));
        writer.set(set, |writer, text| writer.text(text));
        writer.map(map, |writer, number| writer.optional(*number, KeyWriter::number));
        writer.text(end);
    }
}

struct Pair<'a>(&'a Digest, &'a Key);

impl Keyed for Pair<'_> {
    const DOMAIN: &'static str = "pair";
    const VERSION: u32 = 1;

    fn encode(&self, writer: &mut KeyWriter) {
        writer.digest(self.0);
        writer.key(self.1);
    }
}

fn sample() -> Sample {
    Sample {
        number: 258,
        flag: true,
        choice: Choice::Text("x".to_owned()),
        text: "é".to_owned(),
        maybe: None,
        list: vec![vec!["b".to_owned(), "a".to_owned()], vec![]],
        set: vec!["b".to_owned(), "aa".to_owned()],
        map: BTreeMap::from([("n".to_owned(), Some(1))]),
        end: String::new(),
    }
}

/// What `value` alone writes, without the beginning that all keys have.
fn encoding(value: &impl Keyed) -> Vec<u8> {
    let mut writer = KeyWriter { bytes: Vec::new() };
    value.encode(&mut writer);
    writer.bytes
}

const fn number(number: u8) -> [u8; 8] {
    [number, 0, 0, 0, 0, 0, 0, 0]
}

#[test]
fn the_bytes_are_those_of_the_documentation() {
    let mut bytes = vec![2, 1, 0, 0, 0, 0, 0, 0];
    bytes.push(1);
    bytes.extend([1, 0, 0, 0]);
    let text = |text: &[u8]| [&number(text.len() as u8)[..], text].concat();
    bytes.extend(text(b"x"));
    bytes.extend(text("é".as_bytes()));
    bytes.push(0);
    bytes.extend([&number(2)[..], &number(2), &text(b"b"), &text(b"a"), &number(0)].concat());
    // By the bytes of the encodings, which begin with the length.
    bytes.extend([&number(2)[..], &text(b"b"), &text(b"aa")].concat());
    bytes.extend([&number(1)[..], &text(b"n"), &[1], &number(1)].concat());
    bytes.extend(number(0));
    assert_eq!(encoding(&sample()), bytes);

    let header = [b"invar-key 2\n", &text(b"sample")[..], &number(3), &FORMAT_VERSION.to_le_bytes()].concat();
    assert_eq!(*sample().key().digest(), Digest::of(&[header, bytes].concat()));

    let (digest, key) = (Digest::of(b"d"), sample().key());
    assert_eq!(
        encoding(&Pair(&digest, &key)),
        [&digest.as_bytes()[..], &key.digest().as_bytes()[..]].concat()
    );
}

#[test]
fn a_key_is_pinned() {
    // If this is intended, every store is rebuilt: say so in the changelog.
    assert_eq!(
        sample().describe(),
        "sample 3 fc777c3329da546e3a63aced4ec80e551e9b7f00be1764565850c9b1b549ce3b"
    );
}

#[test]
fn the_domain_and_its_version_are_in_the_key() {
    struct Empty<const VERSION: u32>;
    impl<const VERSION: u32> Keyed for Empty<VERSION> {
        const DOMAIN: &'static str = "empty";
        const VERSION: u32 = VERSION;
        fn encode(&self, _: &mut KeyWriter) {}
    }
    struct Other;
    impl Keyed for Other {
        const DOMAIN: &'static str = "other";
        const VERSION: u32 = 1;
        fn encode(&self, _: &mut KeyWriter) {}
    }
    assert_ne!(Empty::<1>.key(), Empty::<2>.key());
    assert_ne!(Empty::<1>.key(), Other.key());
}

#[test]
fn the_order_of_a_set_and_of_a_map_does_not_count_and_that_of_a_list_does() {
    fn written(write: impl FnOnce(&mut KeyWriter)) -> Vec<u8> {
        let mut writer = KeyWriter { bytes: Vec::new() };
        write(&mut writer);
        writer.bytes
    }
    let set = |texts: &[&str]| written(|writer| writer.set(texts, |writer, text| writer.text(text)));
    let list = |texts: &[&str]| written(|writer| writer.list(texts, |writer, text| writer.text(text)));
    let map =
        |values: &[(&str, u64)]| written(|writer| writer.map(values.iter().copied(), KeyWriter::number));
    assert_eq!(set(&["a", "b", "a"]), set(&["a", "a", "b"]));
    assert_ne!(set(&["a", "b", "a"]), set(&["a", "b"]), "how many are equal counts");
    assert_ne!(list(&["a", "b"]), list(&["b", "a"]));
    assert_eq!(map(&[("a", 1), ("b", 2)]), map(&[("b", 2), ("a", 1)]));
    assert_ne!(map(&[("a", 1), ("b", 2)]), map(&[("a", 2), ("b", 1)]));
}

/// Texts that look like lengths, tags and numbers.
fn text() -> impl Strategy<Value = String> {
    "[\0\u{1}]{0,2}"
}

fn samples() -> impl Strategy<Value = Sample> {
    let choice = prop_oneof![
        Just(Choice::Nothing),
        text().prop_map(Choice::Text),
        (text(), text()).prop_map(|(one, two)| Choice::Texts(one, two)),
    ];
    let list = prop::collection::vec(prop::collection::vec(text(), 0..3), 0..3);
    let set = prop::collection::vec(text(), 0..3);
    let map = prop::collection::btree_map(text(), prop::option::of(0..2_u64), 0..3);
    (0..2_u64, any::<bool>(), choice, text(), prop::option::of(text()), list, set, map, text()).prop_map(
        |(number, flag, choice, text, maybe, list, mut set, map, end)| {
            set.sort();
            Sample { number, flag, choice, text, maybe, list, set, map, end }
        },
    )
}

/// `from` with one of its fields taken from `other`: pairs that differ little, where a missing length would show.
fn mixed(from: &Sample, other: &Sample, field: usize) -> Sample {
    let mut mixed = from.clone();
    match field {
        0 => mixed.choice = other.choice.clone(),
        1 => mixed.text.clone_from(&other.text),
        2 => mixed.maybe.clone_from(&other.maybe),
        3 => mixed.list.clone_from(&other.list),
        4 => mixed.set.clone_from(&other.set),
        5 => mixed.map.clone_from(&other.map),
        _ => mixed.end.clone_from(&other.end),
    }
    mixed
}

proptest! {
    // Few pairs differ in nothing but what a missing tag would hide.
    #![proptest_config(ProptestConfig::with_cases(8192))]

    #[test]
    fn no_encoding_begins_with_that_of_another_value(
        one in samples(), other in samples(), field in 0..8_usize, second in 0..8_usize,
    ) {
        let two = mixed(&mixed(&one, &other, field), &other, second);
        for two in [two, other] {
            let (first, then) = (encoding(&one), encoding(&two));
            if one == two {
                prop_assert_eq!(first, then);
            } else {
                prop_assert!(!first.starts_with(&then) && !then.starts_with(&first));
                prop_assert_ne!(one.key(), two.key());
            }
        }
    }
}
