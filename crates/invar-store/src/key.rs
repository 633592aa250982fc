//! The key of a tree, a checkout or a result: a digest of what it was built from.
//!
//! The digest is the sha256 of these bytes:
//!
//! ```text
//! invar-key 2\n
//! <text: the domain>
//! <number: the domain's version>
//! <number: the format version>
//! <what the type's `encode` writes, in its order>
//! ```
//!
//! What `encode` writes is a sequence of these, each of which says where it ends:
//!
//! ```text
//! number    8 bytes, the lowest first
//! flag      1 byte: 0 or 1
//! variant   4 bytes, the lowest first: the number of an enum's variant; then what the variant holds
//! bytes     <number: how many><the bytes>
//! text      as bytes, in UTF-8
//! digest    its 32 bytes
//! key       the 32 bytes of its digest; a value with a key of its own is put into another key so
//! optional  1 byte: 0 for nothing, or 1 and the value
//! list      <number: how many><each element>, in the list's own order
//! set       as a list, its elements in the order of their encodings' bytes; equal ones stay
//! map       as a set of entries, each <text: its name><its value>
//! ```
//!
//! So no encoding of a type's value begins with that of another value of it: different values have different keys.
//!
//! Format break: a change here invalidates everything in every store.
use std::fmt;

use invar_tree::{Digest, FORMAT_VERSION};

/// What a tree, a checkout or a result is built from: whatever can change the outcome.
///
/// A type names one way of making something. It is next to the code that makes it, and borrows what it needs.
pub trait Keyed {
    /// The way of making it, such as `debian-package`. No other type has the same.
    const DOMAIN: &'static str;

    /// The version of the code that makes it: raised when that code makes something else of the same values, or when
    /// [`encode`](Self::encode) writes them in another way.
    const VERSION: u32;

    /// Writes the values, always in the same order.
    fn encode(&self, writer: &mut KeyWriter);

    /// The key.
    fn key(&self) -> Key {
        let mut writer = KeyWriter { bytes: b"invar-key 2\n".to_vec() };
        writer.text(Self::DOMAIN);
        writer.number(Self::VERSION.into());
        writer.number(FORMAT_VERSION);
        self.encode(&mut writer);
        Key(Digest::of(&writer.bytes))
    }

    /// The domain, its version and the key in one line, for logs and for tests that hold a key fast.
    fn describe(&self) -> String {
        format!("{} {} {}", Self::DOMAIN, Self::VERSION, self.key())
    }
}

/// Takes the values that a key consists of; the module's documentation has the bytes.
#[derive(Debug)]
pub struct KeyWriter {
    bytes: Vec<u8>,
}

impl KeyWriter {
    /// A number, of whatever width.
    pub fn number(&mut self, number: u64) {
        self.bytes.extend(number.to_le_bytes());
    }

    /// A yes or no.
    pub fn flag(&mut self, flag: bool) {
        self.bytes.push(flag.into());
    }

    /// Which variant of an enum follows, by a number that never changes its meaning.
    pub fn variant(&mut self, number: u32) {
        self.bytes.extend(number.to_le_bytes());
    }

    /// Bytes of any length.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.bytes.extend(bytes);
    }

    /// A text.
    pub fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// A digest.
    pub fn digest(&mut self, digest: &Digest) {
        self.bytes.extend(digest.as_bytes());
    }

    /// The key of something else that it is built from.
    pub fn key(&mut self, key: &Key) {
        self.digest(key.digest());
    }

    /// The key of `value`, which this is built from too.
    pub fn keyed(&mut self, value: &impl Keyed) {
        self.key(&value.key());
    }

    /// A value that may be missing; `write` writes it where it is there.
    pub fn optional<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.flag(value.is_some());
        if let Some(value) = value {
            write(self, value);
        }
    }

    /// Values whose order counts; `write` writes one of them.
    pub fn list<T>(&mut self, values: impl IntoIterator<Item = T>, mut write: impl FnMut(&mut Self, T)) {
        let start = self.bytes.len();
        self.number(0);
        let mut count: u64 = 0;
        for value in values {
            write(self, value);
            count += 1;
        }
        self.bytes[start..start + 8].copy_from_slice(&count.to_le_bytes());
    }

    /// Values whose order does not count; `write` writes one of them.
    pub fn set<T>(&mut self, values: impl IntoIterator<Item = T>, mut write: impl FnMut(&mut Self, T)) {
        let mut encoded: Vec<Vec<u8>> = Vec::new();
        for value in values {
            let mut writer = Self { bytes: Vec::new() };
            write(&mut writer, value);
            encoded.push(writer.bytes);
        }
        encoded.sort_unstable();
        self.number(encoded.len() as u64);
        self.bytes.extend(encoded.into_iter().flatten());
    }

    /// Values by name, whose order does not count; `write` writes one of the values.
    pub fn map<N: AsRef<str>, T>(
        &mut self,
        values: impl IntoIterator<Item = (N, T)>,
        mut write: impl FnMut(&mut Self, T),
    ) {
        self.set(values, |writer, (name, value)| {
            writer.text(name.as_ref());
            write(writer, value);
        });
    }
}

/// What a tree, a checkout or a result was built from, as a digest. Only a [`Keyed`] value has one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Digest);

impl Key {
    /// The digest.
    pub const fn digest(&self) -> &Digest {
        &self.0
    }

    /// The 64 hexadecimal digits that name the entry in the store.
    pub(crate) fn hex(&self) -> String {
        self.0.hex()
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.hex())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.hex())
    }
}

#[cfg(test)]
mod tests;
