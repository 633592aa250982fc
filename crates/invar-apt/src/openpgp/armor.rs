//! ASCII armor (RFC 9580, section 6.2).
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::packet::Malformed;

/// The bytes in a block of the kind `label`, with nothing but empty lines around it.
///
/// A checksum may follow. It must fit: that costs nothing, and a file damaged on its way is called what it is.
pub(crate) fn decode(text: &str, label: &str) -> Result<Vec<u8>, Malformed> {
    let begin = format!("-----BEGIN PGP {label}-----");
    let end = format!("-----END PGP {label}-----");
    let mut lines = text.lines().map(|line| line.trim_end_matches([' ', '\t', '\r']));
    let mut next = || lines.next().ok_or(Malformed);
    while {
        let line = next()?;
        if !line.is_empty() && line != begin {
            return Err(Malformed);
        }
        line != begin
    } {}
    while {
        let header = next()?;
        if !header.is_empty() && !header.contains(": ") {
            return Err(Malformed);
        }
        !header.is_empty()
    } {}
    let mut base64 = String::new();
    let mut checksum = None;
    loop {
        let line = next()?;
        if line == end {
            break;
        }
        // Base64 ends with two paddings at most, so a checksum cannot be taken for that.
        match (&checksum, line.strip_prefix('=').filter(|sum| sum.len() == 4)) {
            (None, Some(sum)) => checksum = Some(STANDARD.decode(sum).map_err(|_| Malformed)?),
            (None, None) => base64.push_str(line),
            (Some(_), _) => return Err(Malformed),
        }
    }
    if lines.any(|line| !line.is_empty()) {
        return Err(Malformed);
    }
    let bytes = STANDARD.decode(base64).map_err(|_| Malformed)?;
    if checksum.is_some_and(|sum| sum != crc24(&bytes).to_be_bytes()[1..]) {
        return Err(Malformed);
    }
    Ok(bytes)
}

/// The checksum of section 6.1.1.
fn crc24(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x00b7_04ce, |sum, &byte| {
        (0..8).fold(sum ^ u32::from(byte) << 16, |sum, _| {
            let next = sum << 1;
            if next & 0x0100_0000 == 0 { next } else { next ^ 0x0186_4cfb }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_read_strictly() {
        let block = |body: &str| format!("-----BEGIN PGP X-----\n{body}\n-----END PGP X-----\n");
        for body in ["\nQUJD", "Version: 1\nComment: a\n\nQU\nJD", "\nQUJD\n=8Tcj", " \t\nQUJD  "] {
            assert_eq!(decode(&block(body), "X"), Ok(b"ABC".to_vec()), "{body}");
        }
        assert_eq!(decode(&block(""), "X"), Ok(Vec::new()));
        for body in [
            "QUJD",
            "\nQUI",
            "\n!!!!",
            "\nQUJD\n=AAAA",
            "\nQUJD\n=8Tcj\nQUJD",
            "\nQUJD\n=8Tcj\n=8Tcj",
            "\nQUJD=",
            "\n=AAAAA",
        ] {
            assert_eq!(decode(&block(body), "X"), Err(Malformed), "{body}");
        }
        for text in ["", "x\n", "-----BEGIN PGP X-----\n\nQUJD\n", &(block("\nQUJD") + "x")] {
            assert_eq!(decode(text, "X"), Err(Malformed), "{text}");
        }
        assert_eq!(decode(&block("\nQUJD"), "Y"), Err(Malformed));
    }
}
