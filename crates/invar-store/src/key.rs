//! The key of a tree or a result: a digest of what it was made from.
//!
//! The digest is the sha256 of these bytes, in which a *text* is its length in bytes as a decimal number, a colon,
//! its bytes in UTF-8, and a line feed, so no two lists of texts have the same bytes:
//!
//! ```text
//! invar-key 1\n
//! <text: the domain>
//! <text: a field's name><text: its value>    for each field, in the byte order of the names, then of the values
//! ```
//!
//! Format break: a change here invalidates everything in every store.
use std::fmt;

use invar_tree::{Digest, Hasher};

/// What a tree or a result was made from, as a digest.
///
/// The domain says how it was created and by which version of that way; the fields say from what. Whatever can change
/// the outcome must be in the key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Digest);

impl Key {
    /// The key of `domain` and `fields`; the order of the fields does not matter.
    pub fn new(domain: &str, fields: &[(&str, &str)]) -> Self {
        let mut fields = fields.to_vec();
        fields.sort_unstable();
        let mut hasher = Hasher::new();
        hasher.update(b"invar-key 1\n");
        let mut text = |text: &str| {
            hasher.update(text.len().to_string().as_bytes());
            hasher.update(b":");
            hasher.update(text.as_bytes());
            hasher.update(b"\n");
        };
        text(domain);
        for (name, value) in fields {
            text(name);
            text(value);
        }
        Self(hasher.finish())
    }

    /// The digest, for use as a field of another key.
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_bytes_are_pinned() {
        let by_hand = Digest::of(b"invar-key 1\n8:deb-tree\n3:deb\n2:ab\n4:docs\n5:false\n");
        let key = Key::new("deb-tree", &[("docs", "false"), ("deb", "ab")]);
        assert_eq!(*key.digest(), by_hand);
        // If this is intended, every store is rebuilt: say so in the changelog.
        assert_eq!(key.to_string(), "d94fc2f6931e5dd8b5cea485928ddd7fe0119f53b28fe6a11344e4c20ff94ead");
    }

    #[test]
    fn the_order_of_the_fields_does_not_matter() {
        let key = |fields: &[(&str, &str)]| Key::new("d", fields);
        assert_eq!(key(&[("a", "1"), ("b", "2")]), key(&[("b", "2"), ("a", "1")]));
    }

    #[test]
    fn neighbours_do_not_run_together() {
        let keys = [
            Key::new("d", &[]),
            Key::new("d", &[("a", "")]),
            Key::new("d", &[("", "a")]),
            Key::new("d", &[("a", "b")]),
            Key::new("da", &[("", "b")]),
            Key::new("d", &[("ab", "")]),
            Key::new("d", &[("a", "b\n1:c\n1:d")]),
            Key::new("d", &[("a", "b"), ("c", "d")]),
        ];
        for (index, key) in keys.iter().enumerate() {
            assert!(!keys[..index].contains(key), "{index}");
        }
    }

    proptest! {
        #[test]
        fn different_fields_have_different_keys(
            one in prop::collection::btree_map("[a:1\n]{0,3}", "[a:1\n]{0,3}", 0..3),
            two in prop::collection::btree_map("[a:1\n]{0,3}", "[a:1\n]{0,3}", 0..3),
        ) {
            fn key(fields: &std::collections::BTreeMap<String, String>) -> Key {
                let fields: Vec<(&str, &str)> = fields.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
                Key::new("d", &fields)
            }
            prop_assert_eq!(key(&one) == key(&two), one == two);
        }
    }
}
