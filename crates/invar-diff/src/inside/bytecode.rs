//! The header of a compiled Python file (PEP 552).
//!
//! ```text
//! 0   4  magic: which release of Python wrote it
//! 4   4  flags: 0 the source's time follows, 1 its hash, unchecked, 3 its hash, checked
//! 8   8  the time and size of the source, each 4 bytes, little endian; or the hash
//! ```
use serde_json::json;

use invar_python::canonical_pyc;

use super::{Code, Inside, ValueChange};

const HEADER: usize = 16;

pub(super) fn compare(old: &[u8], new: &[u8]) -> Option<Inside> {
    let (old_header, new_header) = (header(old)?, header(new)?);
    let headers = old_header.into_iter().zip(new_header).filter(|((_, one), (_, two))| one != two).map(
        |((key, one), (_, two))| ValueChange {
            key: key.to_owned(),
            old: Some(json!(one)),
            new: Some(json!(two)),
        },
    );
    Some(Inside::Bytecode { headers: headers.collect(), code: code(old, new) })
}

fn code(old: &[u8], new: &[u8]) -> Code {
    // With one header for both, only the code is left to differ.
    let canonical = |bytes: &[u8]| {
        let header = [&bytes[..4], &[1, 0, 0, 0], &[0; 8]].concat();
        canonical_pyc(&[&header, &bytes[HEADER..]].concat()).ok()
    };
    match (canonical(old), canonical(new)) {
        _ if old[HEADER..] == new[HEADER..] => Code::Same,
        (Some(one), Some(two)) if one[4..] == two[4..] => Code::SameWhenCanonical,
        _ => Code::Differs,
    }
}

fn header(bytes: &[u8]) -> Option<[(&'static str, String); 3]> {
    let header = bytes.first_chunk::<HEADER>()?;
    // Every magic number ends so.
    if header[2..4] != *b"\r\n" {
        return None;
    }
    let word = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let magic = u16::from_le_bytes([header[0], header[1]]);
    let (kind, source) = match word(4) {
        0 => ("time of the source".to_owned(), format!("time {} and {} bytes", word(8), word(12))),
        flags => {
            let hash = invar_tree::hex(&header[8..]);
            let kind = match flags {
                1 => "hash of the source, unchecked".to_owned(),
                3 => "hash of the source, checked".to_owned(),
                other => format!("unknown ({other})"),
            };
            (kind, format!("hash {hash}"))
        }
    };
    Some([("magic", magic.to_string()), ("validated by", kind), ("source", source)])
}
