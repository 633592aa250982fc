use invar_tree::Digest;
use proptest::prelude::*;

use super::*;

mod noisy;

use noisy::{Noise, Object};

const PYTHON_3_9: u16 = 3425;
const PYTHON_3_13: u16 = 3571;
const PYTHON_3_14: u16 = 3627;

/// A file with the object `object` in it.
fn file(magic: u16, object: &[u8]) -> Vec<u8> {
    let mut file = magic.to_le_bytes().to_vec();
    file.extend(b"\r\n\x01\0\0\0hashhash");
    file.extend(object);
    file
}

/// The code object of a function in 3.13 with the constants `consts`, an object, and without names.
fn code(consts: &[u8]) -> Vec<u8> {
    with_names(consts, b")\0")
}

fn with_names(consts: &[u8], names: &[u8]) -> Vec<u8> {
    let mut code = b"c".to_vec();
    code.extend([0; 20]);
    code.extend(b"s\x02\0\0\0\x97\0");
    code.extend(consts);
    code.extend(names);
    code.extend(b")\0s\0\0\0\0Z\x02fiZ\x02naZ\x02qu\x01\0\0\0s\x01\0\0\0Ls\x01\0\0\0X");
    code
}

/// The canonical form of a file of 3.13 or 3.14 whose code has the constants `consts`.
fn canonical(magic: u16, consts: &[u8]) -> Result<Vec<u8>, BytecodeError> {
    let canonical = canonical_pyc(&file(magic, &code(consts)))?;
    assert_eq!(canonical_pyc(&canonical).as_ref(), Ok(&canonical), "a canonical form is its own");
    Ok(canonical)
}

#[test]
fn what_depends_on_history_becomes_one_form() {
    let check = |consts: &[u8], expected: &[u8]| {
        let found = canonical(PYTHON_3_14, consts).unwrap();
        assert_eq!(
            found.escape_ascii().to_string(),
            file(PYTHON_3_14, &code(expected)).escape_ascii().to_string()
        );
    };
    // Flags that nothing refers to.
    check(b"\xa9\x01\xfa\x03a b", b")\x01z\x03a b");
    check(b"\xa9\x01\xe9\x07\0\0\0", b")\x01i\x07\0\0\0");
    // Equal strings, whether interned or not, whether referred to or repeated.
    check(b")\x02z\x03a bz\x03a b", b")\x02\xfa\x03a br\0\0\0\0");
    check(b")\x02\xda\x03a br\0\0\0\0", b")\x02\xfa\x03a br\0\0\0\0");
    check(b")\x03z\x03a ba\x03\0\0\0a bu\x03\0\0\0a b", b")\x03\xfa\x03a br\0\0\0\0r\0\0\0\0");
    // What looks like an identifier is interned, wherever it is.
    check(b")\x01z\x02a1", b")\x01Z\x02a1");
    check(b")\x01)\x01a\x02\0\0\0a_", b")\x01)\x01Z\x02a_");
    check(b")\x01t\x02\0\0\0\xc3\xa9", b")\x01u\x02\0\0\0\xc3\xa9");
    // Numbers of the references that remain: in the order of appearance, containers before their contents.
    check(
        b"\xa9\x03\xfa\x03x y\xa9\x01\xfa\x03a b)\x02r\x02\0\0\0r\x03\0\0\0",
        b")\x03z\x03x y\xa9\x01\xfa\x03a b)\x02r\0\0\0\0r\x01\0\0\0",
    );
    // Equal numbers, bytes and tuples; but not 1, True, 1.0 and the zeros, nor str and bytes.
    check(b")\x02i\x07\0\0\0i\x07\0\0\0", b")\x02\xe9\x07\0\0\0r\0\0\0\0");
    check(b"(\x02\0\0\0)\x01N)\x01N", b")\x02\xa9\x01Nr\0\0\0\0");
    let unlike = b")\x08i\x01\0\0\0Tg\0\0\0\0\0\0\xf0\x3fg\0\0\0\0\0\0\0\0g\0\0\0\0\0\0\0\x80z\x03a bs\x03\0\0\0a b[\0\0\0\0";
    check(unlike, unlike);
    // What is shorter than a reference, and single in the interpreter anyway, is repeated.
    check(b")\x05\xa9\0r\0\0\0\0\xfa\x01 r\x01\0\0\0)\0", b")\x05)\0)\0z\x01 z\x01 )\0");
    check(b")\x06NNFT..", b")\x06NNFT..");
    // Lists are never made one, and stay one.
    check(b")\x02[\0\0\0\0[\0\0\0\0", b")\x02[\0\0\0\0[\0\0\0\0");
    check(b")\x02\xdb\0\0\0\0r\0\0\0\0", b")\x02\xdb\0\0\0\0r\0\0\0\0");
    check(b")\x01{NT[\x01\0\0\0F{00", b")\x01{NT[\x01\0\0\0F{00");
    // Slices.
    check(b")\x02:NNT:NNT", b")\x02\xbaNNTr\0\0\0\0");
}

#[test]
fn names_are_interned_and_numbers_stay() {
    let check = |magic, object: &[u8], expected: &[u8]| {
        let found = canonical_pyc(&file(magic, object)).unwrap();
        assert_eq!(found.escape_ascii().to_string(), file(magic, expected).escape_ascii().to_string());
    };
    // The same string as a constant and as a name is one, and interned.
    check(
        PYTHON_3_13,
        &with_names(b")\x02u\x02\0\0\0\xc3\xa9N", b")\x01t\x02\0\0\0\xc3\xa9"),
        &with_names(b")\x02\xf4\x02\0\0\0\xc3\xa9N", b")\x01r\0\0\0\0"),
    );
    // Code of 3.9: six numbers, and the name is interned, but the path is not.
    let old = b"c\x01\0\0\0\x02\0\0\0\x03\0\0\0\x04\0\0\0\x05\0\0\0\x06\0\0\0s\x01\0\0\0C)\x01N\
        )\x01z\x01a)\0)\0)\0z\x05/a.pyz\x08<module>\x07\0\0\0s\0\0\0\0";
    let new = b"c\x01\0\0\0\x02\0\0\0\x03\0\0\0\x04\0\0\0\x05\0\0\0\x06\0\0\0s\x01\0\0\0C)\x01N\
        )\x01Z\x01a)\0)\0)\0z\x05/a.pyZ\x08<module>\x07\0\0\0s\0\0\0\0";
    check(PYTHON_3_9, old, new);
}

#[test]
fn the_bytes_are_pinned() {
    let consts =
        b")\x07z\x03a bz\x03a b>\x03\0\0\0i\x01\0\0\0z\x01bz\x01al\xfd\xff\xff\xff\x01\0\x02\0\x04\0\
        y\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xf0\x3fs\x01\0\0\0Ct\x03\0\0\0\xed\xa0\x80";
    let found = Digest::of(&canonical(PYTHON_3_13, consts).unwrap());
    assert_eq!(
        (BYTECODE_VERSION, found.hex().as_str()),
        (1, "797f326540810773f75d7208cf5b057b541e599efb25767160cc10622761fc8b"),
        "if this is intended, raise BYTECODE_VERSION and the format version, and add to Output digests in the changelog"
    );
}

#[test]
fn sets_have_one_order() {
    let check = |first: &[u8], second: &[u8]| {
        assert_eq!(canonical(PYTHON_3_13, first), canonical(PYTHON_3_13, second));
    };
    check(b")\x01>\x03\0\0\0z\x01az\x01bNs", b")\x01>\x03\0\0\0Nz\x01az\x01bs");
    check(b")\x01>\x03\0\0\0z\x01az\x01bN", b")\x01>\x03\0\0\0Nz\x01bz\x01a");
    check(b")\x01<\x02\0\0\0)\x02NT)\x02TN", b")\x01<\x02\0\0\0)\x02TN)\x02NT");
    check(b")\x01>\x02\0\0\0>\x02\0\0\0NT>\x02\0\0\0FT", b")\x01>\x02\0\0\0>\x02\0\0\0TF>\x02\0\0\0TN");
    // An element that comes twice is one.
    check(b")\x01>\x02\0\0\0NN", b")\x01>\x01\0\0\0N");
}

#[test]
fn malformed_files_are_errors() {
    use BytecodeError as E;
    let check = |bytes: &[u8], expected: BytecodeError| {
        assert_eq!(canonical_pyc(bytes), Err(expected), "{}", bytes.escape_ascii());
    };
    check(b"", E::Truncated { offset: 0, needed: 16, left: 0 });
    check(&file(3394, b""), E::Magic { found: [0x42, 0x0d, b'\r', b'\n'] });
    check(b"\xf3\x0d\n\n\x01\0\0\0hashhash", E::Magic { found: [0xf3, 0x0d, b'\n', b'\n'] });
    for flags in [0, 2, 3, 5] {
        let mut bytes = file(PYTHON_3_13, b"N");
        bytes[4] = flags;
        check(&bytes, E::Flags { found: flags.into() });
    }
    check(&vec![0; MOST_BYTES + 1], E::TooLarge { found: MOST_BYTES + 1, limit: MOST_BYTES });
    let check = |object: &[u8], expected: BytecodeError| check(&file(PYTHON_3_13, object), expected);
    check(b"N", E::NotCode);
    check(b"", E::Truncated { offset: 16, needed: 1, left: 0 });
    check(&[code(b")\0"), b"NN".to_vec()].concat(), E::Trailing { offset: 83, left: 2 });
    // Types of old versions, of newer ones, and flags on what is never counted.
    for (object, found) in [
        (b"I", b'I'),
        (b"f", b'f'),
        (b"?", b'?'),
        (b":", b':'),
        (b"\xce", 0xce),
        (b"\xf2", 0xf2),
        (b"\xb0", 0xb0),
    ] {
        check(object, E::Type { offset: 16, found });
    }
    // Lengths that are larger than the rest, or negative.
    for object in
        [&b"s\xff\xff\xff\xff"[..], b"u\xff\xff\xff\x7f", b"(\xff\xff\xff\xff", b"<\xff\xff\xff\x7f"]
    {
        let needed = u32::from_le_bytes([object[1], object[2], object[3], object[4]]) as usize;
        check(object, E::Truncated { offset: 21, needed, left: 0 });
    }
    check(b"l\x00\x00\x00\x80", E::Truncated { offset: 17, needed: (1 << 32) + 4, left: 4 });
    check(b"z\x02a", E::Truncated { offset: 18, needed: 2, left: 1 });
    check(b")\x02N", E::Truncated { offset: 18, needed: 2, left: 1 });
    check(b"c\0\0", E::Truncated { offset: 17, needed: 4, left: 2 });
    // References to nothing, to what comes later, and to what is around them.
    check(b"r\0\0\0\0", E::Reference { offset: 16, index: 0 });
    check(b")\x02r\0\0\0\0\xfa\x01a", E::Reference { offset: 18, index: 0 });
    check(b"\xa9\x01r\0\0\0\0", E::Reference { offset: 18, index: 0 });
    check(b"\xdb\x01\0\0\0r\0\0\0\0", E::Reference { offset: 21, index: 0 });
    check(b")\x01r\xff\xff\xff\xff", E::Reference { offset: 18, index: u32::MAX });
    check(b"z\x01\x80", E::Text { offset: 16, encoding: "ASCII" });
    check(b"u\x01\0\0\0\x80", E::Text { offset: 16, encoding: "UTF-8" });
    check(b"u\x03\0\0\0\xed\xa0\x7f", E::Text { offset: 16, encoding: "UTF-8" });
    for digits in [
        &b"\x00\0\0\0"[..],                  // none
        b"\x01\0\0\0\x01\0",                 // fits an `i`
        b"\x03\0\0\0\xff\x7f\xff\x7f\x01\0", // the largest that does
        b"\xfd\xff\xff\xff\0\0\0\0\x02\0",   // the smallest that does
        b"\x04\0\0\0\0\0\0\0\x04\0\0\0",     // a leading zero
        b"\x03\0\0\0\0\0\0\0\0\x80",         // sixteen bits
    ] {
        check(&[b"l", digits].concat(), E::Integer { offset: 16 });
    }
    check(b"0", E::End { offset: 16 });
    check(b")\x010", E::End { offset: 18 });
    check(b"{N0", E::End { offset: 18 });
    check(b">\x01\0\0\0[\0\0\0\0", E::Element { offset: 16 });
    check(&[b">\x01\0\0\0)\x01", &code(b")\0")[..]].concat(), E::Element { offset: 16 });
    let field = |offset, field, expected| E::Field { offset, field, expected };
    check(&code(b"N"), field(44, "co_consts", "a tuple"));
    check(&with_names(b")\0", b"Z\x01a"), field(46, "co_names", "a tuple of strings"));
    check(&with_names(b")\0", b")\x01N"), field(48, "co_names", "a tuple of strings"));
    let mut code = code(b")\0");
    code[21] = b'u';
    check(&code, E::Text { offset: 37, encoding: "UTF-8" });
    code[26] = b'a';
    check(&code, field(37, "co_code", "a bytes object"));
}

#[test]
fn nesting_is_limited_also_through_references() {
    let limit = 2000;
    // The code object and the tuple of its constants are two of the levels, the innermost object is another.
    let nested = |depth: usize| [b")\x01".repeat(depth - 2), b"N".to_vec()].concat();
    assert!(canonical(PYTHON_3_13, &nested(limit)).is_ok());
    for depth in [limit + 1, limit + 2, 100_000, 10_000_000] {
        let found = canonical(PYTHON_3_13, &nested(depth));
        assert!(matches!(found, Err(BytecodeError::Nesting { .. })), "{depth}: {found:?}");
    }
    // Each element is nested one deeper than the one before, although the file is not.
    let stairs = |steps: u16| {
        let mut consts = [&b"("[..], &u32::from(steps).to_le_bytes(), b"\xa9\x01N"].concat();
        for step in 0..u32::from(steps) - 1 {
            consts.extend([&b"\xa9\x01r"[..], &step.to_le_bytes()].concat());
        }
        consts
    };
    assert!(canonical(PYTHON_3_13, &stairs(1996)).is_ok());
    let found = canonical(PYTHON_3_13, &stairs(2100));
    assert!(matches!(found, Err(BytecodeError::Nesting { .. })), "{found:?}");
}

#[test]
fn references_do_not_multiply_the_work() {
    // Forty levels of pairs of the level below: a trillion objects if they were written out.
    for of in [b")\x02", &b">\x02\0\0\0"[..]] {
        let mut consts = b")\x28\xa9\x01N".to_vec();
        for level in 0..39_u32 {
            consts.push(of[0] | read::FLAG_REF);
            consts.extend(&of[1..]);
            consts.extend([&b"r"[..], &level.to_le_bytes(), b"r", &level.to_le_bytes()].concat());
        }
        let found = canonical(PYTHON_3_13, &consts).unwrap();
        assert!(found.len() <= file(PYTHON_3_13, &code(&consts)).len());
    }
}

#[test]
fn a_cached_path_is_where_the_interpreter_looks() {
    let check = |source: &str, tag: &str, expected: Option<&str>| {
        let found = cached_path(&ImagePath::parse(source).unwrap(), tag);
        assert_eq!(found.as_ref().map(ImagePath::as_str), expected, "{source} {tag}");
    };
    check("usr/lib/a.py", "cpython-313", Some("usr/lib/__pycache__/a.cpython-313.pyc"));
    check("a.py", "cpython-39", Some("__pycache__/a.cpython-39.pyc"));
    check("a/b.c.py", "cpython-313", Some("a/__pycache__/b.c.cpython-313.pyc"));
    check("a/.py", "cpython-313", Some("a/__pycache__/py.cpython-313.pyc"));
    check("a/script", "cpython-313", Some("a/__pycache__/script.cpython-313.pyc"));
    check("a.py", "", None);
    check("a.py", "../x", None);
    let long = "n".repeat(250);
    check(&format!("{long}.py"), "cpython-313", None);
    check(&format!("{}/a.py", ["0123456789"; 371].join("/")), "cpython-313", None);
}

#[test]
fn the_compiler_is_plain_text() {
    assert!(COMPILER.is_ascii() && COMPILER.ends_with('\n') && !COMPILER.contains('\t'));
}

proptest! {
    /// The same objects, written with other flags, references and types, have the same canonical form.
    #[test]
    fn noise_does_not_reach_the_canonical_form(
        objects in prop::collection::vec(noisy::objects(), 0..6),
        first in any::<u64>(),
        second in any::<u64>(),
    ) {
        let consts = Object::Tuple(objects);
        let write = |seed| file(PYTHON_3_14, &code(&Noise::new(seed).write(&consts)));
        let (one, other) = (write(first), write(second));
        let canonical = canonical_pyc(&one).unwrap();
        prop_assert_eq!(&canonical, &canonical_pyc(&other).unwrap());
        prop_assert_eq!(&canonical, &canonical_pyc(&canonical).unwrap());
        prop_assert!(canonical.len() * 3 <= one.len().min(other.len()) * 5);
    }

    /// Damage is an error or another file, never a panic, and never makes a file grow.
    #[test]
    fn damaged_files_stay_harmless(
        objects in prop::collection::vec(noisy::objects(), 0..6),
        seed in any::<u64>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = file(PYTHON_3_14, &code(&Noise::new(seed).write(&Object::Tuple(objects))));
        for (index, byte) in damage {
            let index = index.index(bytes.len());
            bytes[index] = byte;
        }
        if let Ok(canonical) = canonical_pyc(&bytes) {
            prop_assert!(canonical.len() * 3 <= bytes.len() * 5);
            prop_assert_eq!(&canonical_pyc(&canonical).unwrap(), &canonical);
        }
    }

    #[test]
    fn any_bytes_are_harmless(object in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = canonical_pyc(&file(PYTHON_3_14, &object));
        let _ = canonical_pyc(&file(PYTHON_3_14, &code(&object)));
    }
}
