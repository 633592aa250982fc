//! `/etc/ssl/certs/java/cacerts`: the certificates that Java programs trust.
//!
//! The package `ca-certificates-java` would run Java's own tool, whose PKCS #12 files have random salts. Made here is
//! the older format JKS, which every Java reads as well. Numbers are big-endian; a text is two bytes of length and that
//! many bytes of modified UTF-8 (the Java Virtual Machine Specification, section 4.4.7).
//!
//! ```text
//!   4  0xfeedfeed
//!   4  2: the version
//!   4  number of entries
//!      the entries, ordered by alias
//!       4  2: a trusted certificate
//!          text: the alias
//!       8  time of creation in milliseconds since 1970: 0, as the image must not depend on when it was made
//!          text: "X.509"
//!       4  length of the certificate
//!          the certificate in DER
//!  20  SHA-1 of the password, two bytes a character, then of "Mighty Aphrodite", then of all bytes above
//! ```
//!
//! The password is `changeit`, Debian's and Java's default: it protects nothing but against accidents. There is one
//! entry for each link `/etc/ssl/certs/NAME.pem` to a file below `/usr/share/ca-certificates` or
//! `/usr/local/share/ca-certificates`, with the first certificate in the file and the alias `debian:NAME.pem` in lower
//! case; of several with one alias the last counts.
//!
//! Format break: the bytes reach every image with Java.
use std::collections::BTreeMap;

use invar_tree::{Mode, Node, Owner};
use sha1::{Digest as _, Sha1};

use crate::certificates::{CERTIFICATES, pem};
use crate::output::known;
use crate::{ConfigureError, Output, View};

/// A directory that only the package `ca-certificates-java` has.
const PACKAGE: &str = "usr/share/ca-certificates-java";
const KEYSTORE: &str = "etc/ssl/certs/java/cacerts";
/// Where certificates come from that the package takes.
const SOURCES: [&str; 2] = ["/usr/share/ca-certificates", "/usr/local/share/ca-certificates"];

const MAGIC: u32 = 0xfeed_feed;
const VERSION: u32 = 2;
const TRUSTED_CERTIFICATE: u32 = 2;
const PASSWORD: &str = "changeit";
const SALT: &str = "Mighty Aphrodite";

/// Makes the key store; nothing in an image without the package `ca-certificates-java`.
///
/// # Errors
/// [`ConfigureError::Read`], [`ConfigureError::TooLong`].
pub(crate) fn handler(view: &View<'_>, output: &mut Output) -> Result<(), ConfigureError> {
    if !view.exists(PACKAGE) {
        return Ok(());
    }
    let mut entries = BTreeMap::new();
    for (path, entry) in view.children(CERTIFICATES) {
        let Node::Symlink { target } = &entry.node else { continue };
        if !path.name().ends_with(".pem") || !SOURCES.iter().any(|source| target.starts_with(source)) {
            continue;
        }
        let bytes = view.read(path.as_str())?.unwrap_or_default();
        if let Some(certificate) = pem::certificates(&bytes).into_iter().next() {
            entries.insert(format!("debian:{}", path.name()).to_lowercase(), certificate);
        }
    }
    output.file(known(KEYSTORE), Mode::FILE, Owner::ROOT, write(&entries));
    Ok(())
}

/// The bytes of a key store with these certificates, by alias.
fn write(entries: &BTreeMap<String, Vec<u8>>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for number in [MAGIC, VERSION, entries.len() as u32] {
        bytes.extend(number.to_be_bytes());
    }
    for (alias, certificate) in entries {
        bytes.extend(TRUSTED_CERTIFICATE.to_be_bytes());
        put_text(&mut bytes, alias);
        bytes.extend(0_u64.to_be_bytes());
        put_text(&mut bytes, "X.509");
        bytes.extend((certificate.len() as u32).to_be_bytes());
        bytes.extend(certificate);
    }
    let mut digest = Sha1::new();
    for unit in PASSWORD.encode_utf16() {
        digest.update(unit.to_be_bytes());
    }
    digest.update(SALT);
    digest.update(&bytes);
    bytes.extend(digest.finalize());
    bytes
}

/// Writes a text in modified UTF-8: NUL has two bytes, and characters above U+FFFF are two surrogates of three each.
fn put_text(bytes: &mut Vec<u8>, text: &str) {
    let mut encoded = Vec::new();
    for unit in text.encode_utf16() {
        let low = |shift: u16| 0x80 | (unit >> shift & 0x3f) as u8;
        match unit {
            1..0x80 => encoded.push(unit as u8),
            0 | 0x80..0x800 => encoded.extend([0xc0 | (unit >> 6) as u8, low(0)]),
            0x800.. => encoded.extend([0xe0 | (unit >> 12) as u8, low(6), low(0)]),
        }
    }
    // An alias is a file's name of at most 255 bytes and a prefix, so it fits however it grows.
    bytes.extend((encoded.len() as u16).to_be_bytes());
    bytes.extend(encoded);
}

#[cfg(test)]
mod tests {
    use invar_tree::{Digest, MemoryTree, Origin, Sink as _};

    use super::*;
    use crate::output::{Change, NewEntry};

    #[test]
    fn the_key_store_has_the_linked_certificates() {
        let mut tree = MemoryTree::new(Origin::Source);
        let mut file =
            |path, bytes: &[u8]| tree.file(known(path), Mode::FILE, Owner::ROOT, &mut &*bytes).unwrap();
        file("usr/share/ca-certificates-java/ca-certificates-java.jar", b"");
        file("usr/share/ca-certificates/sets.crt", include_bytes!("../tests/fixtures/sets.crt"));
        file("usr/share/ca-certificates/spaces.crt", include_bytes!("../tests/fixtures/spaces.crt"));
        file("usr/share/ca-certificates/junk.crt", b"junk");
        file("opt/types.crt", include_bytes!("../tests/fixtures/types.crt"));
        let mut link = |path, target: &str| tree.symlink(known(path), target.into(), Owner::ROOT).unwrap();
        link("etc/ssl/certs/Sets.pem", "/usr/share/ca-certificates/sets.crt");
        link("etc/ssl/certs/főtanú.pem", "/usr/share/ca-certificates/spaces.crt");
        link("etc/ssl/certs/47ba4b52.0", "Sets.pem");
        link("etc/ssl/certs/junk.pem", "/usr/share/ca-certificates/junk.crt");
        link("etc/ssl/certs/types.pem", "/opt/types.crt");
        let mut output = Output::new("java-keystore");
        handler(&View::new(&tree), &mut output).unwrap();
        let Some((path, Change::Make { made: NewEntry::File(bytes), .. })) =
            output.into_parts().1.pop_first()
        else {
            panic!("no key store was made");
        };
        assert_eq!(path.as_str(), KEYSTORE);
        assert_eq!(bytes[..12], [0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2, 0, 0, 0, 2]);
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.find("debian:főtanú.pem") < text.find("debian:sets.pem"));
        // If intended, say so below "Output digests" in the changelog.
        assert_eq!(
            Digest::of(&bytes).to_string(),
            "sha256:60b96535e32298e3c8057697bc2f1911fb795e1908aa0bc822fa9051c463acd1"
        );
    }

    #[test]
    fn texts_are_in_modified_utf8() {
        let check = |text, expected: &[u8]| {
            let mut bytes = Vec::new();
            put_text(&mut bytes, text);
            assert_eq!(bytes, expected, "{text:?}");
        };
        check("a", &[0, 1, b'a']);
        check("\0", &[0, 2, 0xc0, 0x80]);
        check("é", &[0, 2, 0xc3, 0xa9]);
        check("€", &[0, 3, 0xe2, 0x82, 0xac]);
        check("😀", &[0, 6, 0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80]);
    }

    #[test]
    fn an_image_without_the_package_has_no_key_store() {
        let tree = MemoryTree::new(Origin::Source);
        let mut output = Output::new("java-keystore");
        handler(&View::new(&tree), &mut output).unwrap();
        assert!(!output.touches(KEYSTORE));
    }
}
