//! Compression: the bytes are pinned, and depend on nothing but the bytes.
#![expect(clippy::unwrap_used, reason = "a helper of a test that panics is a test that fails")]
use std::io::{Read, Write};

use flate2::read::MultiGzDecoder;
use invar_oci::{GzipWriter, MEMBER_SIZE, gzip};
use invar_tree::Digest;

/// Knuth's linear congruential generator (MMIX), the highest byte of each state.
fn noise(length: usize) -> Vec<u8> {
    let mut state: u64 = 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..length).map(|_| next()).collect()
}

/// Lines that resemble each other, as source does.
fn text(length: usize) -> Vec<u8> {
    let mut text = Vec::new();
    for (index, byte) in (0..).zip(noise(length / 20 + 1)) {
        writeln!(text, "def function_{index}(x): return x * {byte}").unwrap();
    }
    text.truncate(length);
    text
}

/// Something between text and noise, as programs are.
fn program(length: usize) -> Vec<u8> {
    noise(length)
        .into_iter()
        .enumerate()
        .map(|(at, byte)| if at % 4 < 2 { byte >> 4 } else { at as u8 })
        .collect()
}

fn unzip(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    if bytes.is_empty() {
        return plain;
    }
    MultiGzDecoder::new(bytes).read_to_end(&mut plain).unwrap();
    plain
}

#[track_caller]
fn check(input: &[u8], members: usize, length: usize, expected: &str) {
    let compressed = gzip(input);
    let header = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff";
    assert_eq!(members == 0, compressed.is_empty());
    assert!(compressed.is_empty() || compressed.starts_with(header), "{:?}", &compressed[..10]);
    assert_eq!(input.len().div_ceil(MEMBER_SIZE), members);
    assert!(unzip(&compressed) == input, "what was compressed is not what comes out");
    assert_eq!(
        (compressed.len(), Digest::of(&compressed).to_string().as_str()),
        (length, expected),
        "the bytes of images change: if intended, raise the format version and add to Output digests in the \
         changelog"
    );
}

#[test]
fn nothing() {
    check(b"", 0, 0, "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

#[test]
fn a_sentence() {
    check(
        b"The alloy that does not change with temperature.\n",
        1,
        69,
        "sha256:35643e7b4ab0d8b1fac1ae4b38c0345a62b8b01a9e97237952c425def972a21d",
    );
}

#[test]
fn zeros() {
    check(
        &[0; 3 * MEMBER_SIZE],
        3,
        3264,
        "sha256:dac64adcbddfeb80bb417266a08a8971864aae59a7059ba9586848315e50db7f",
    );
}

#[test]
fn zeros_and_one_more() {
    check(
        &[0; MEMBER_SIZE + 1],
        2,
        1112,
        "sha256:24b4e2db2b0ea68aed9fcf8b189fdf2ac28e869b349e1227b90b7b009b66137a",
    );
}

#[test]
fn text_of_one_block() {
    check(
        &text(MEMBER_SIZE),
        1,
        113620,
        "sha256:7227230cab9e73e233c4403f0bacf3a5fef9b0f099e87a5fa03f466652eefa49",
    );
}

#[test]
fn text_of_several_blocks() {
    check(
        &text(2_500_000),
        3,
        269644,
        "sha256:2add918ee25611ddc6aae42158d5319d015614986ff6586bf9dcf6518c490b3f",
    );
}

#[test]
fn noise_that_cannot_be_compressed() {
    check(
        &noise(1_500_000),
        2,
        1500166,
        "sha256:61493829d6d2a156e8bc1b79a19e95d4b5d6f20b7ced8cffcde156ddf6f092cc",
    );
}

#[test]
fn noise_of_a_small_file() {
    check(&noise(1000), 1, 1023, "sha256:fa0795a9b3b6e6766b9973a52f9a1adb1629c02735ff4b3b4ad95f87e63a935c");
}

#[test]
fn programs() {
    check(
        &program(3_000_000),
        3,
        1642268,
        "sha256:23afd9dde1c2cff279a86bc9edab47753e048e82721f6f051f75e6e5d550f03f",
    );
}

#[test]
fn one_byte_is_a_whole_member() {
    let expected = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\
        \x01\x01\x00\xfe\xff\x78\
        \x83\x16\xdc\x8c\x01\x00\x00\x00";
    assert_eq!(gzip(b"x"), expected);
}

#[test]
fn the_cut_of_the_writes_does_not_matter() {
    let input = program(2 * MEMBER_SIZE + 12_345);
    let whole = gzip(&input);
    for size in [1000, 4096, 65_536, MEMBER_SIZE - 1, MEMBER_SIZE, MEMBER_SIZE + 1, 3 * MEMBER_SIZE] {
        let mut writer = GzipWriter::new(Vec::new());
        for piece in input.chunks(size) {
            writer.write_all(piece).unwrap();
            writer.flush().unwrap();
        }
        assert!(writer.finish().unwrap() == whole, "writes of {size} bytes");
    }
    // Sizes that follow no pattern.
    let mut writer = GzipWriter::new(Vec::new());
    let mut rest = input.as_slice();
    for byte in noise(input.len()) {
        let (piece, after) = rest.split_at(rest.len().min(usize::from(byte) * 300));
        writer.write_all(piece).unwrap();
        rest = after;
    }
    assert!(rest.is_empty() && writer.finish().unwrap() == whole);
}

#[test]
fn whole_members_can_be_made_apart() {
    let input = text(3 * MEMBER_SIZE + 5);
    let apart: Vec<u8> = input.chunks(MEMBER_SIZE).flat_map(gzip).collect();
    assert!(apart == gzip(&input));
    let (one, other) = input.split_at(700);
    assert!(unzip(&[gzip(one), gzip(other)].concat()) == input);
}

#[test]
fn an_error_of_the_output_is_told() {
    let mut full = [0; 100];
    let mut writer = GzipWriter::new(full.as_mut_slice());
    writer.write_all(&noise(1000)).unwrap();
    assert_eq!(writer.finish().unwrap_err().kind(), std::io::ErrorKind::WriteZero);
}
