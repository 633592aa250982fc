//! The seal of a tree's folder: what is in it, so that damage is noticed.
//!
//! One line for each file of the folder but the seal itself, in the byte order of the names, and a last line with the
//! digest of all bytes before it. Lines end in a line feed, fields are separated by one space:
//!
//! ```text
//! invar-tree 1
//! <sha256, 64 hex digits> <length in bytes> <name>
//! end <sha256, 64 hex digits>
//! ```
//!
//! The names are `tree`, `segment.tar`, `segment.tar.gz`, and `attachment.` followed by the attachment's name. Format
//! break: a folder whose seal cannot be read counts as damaged, and is rebuilt.
use std::collections::BTreeMap;
use std::fmt::Write;

use invar_tree::Digest;

/// Name of the seal's file.
pub(crate) const SEAL: &str = "seal";
/// Name of the listing's file.
pub(crate) const LISTING: &str = "tree";
/// Name of the segment's file.
pub(crate) const SEGMENT: &str = "segment.tar";
/// Name of the compressed segment's file.
pub(crate) const COMPRESSED: &str = "segment.tar.gz";
/// What precedes the name of an attachment in its file's name.
pub(crate) const ATTACHMENT: &str = "attachment.";

/// The longest seal that is read, in bytes. Ours have a few lines.
pub(crate) const LIMIT: u64 = 1 << 20;

const FIRST: &str = "invar-tree 1\n";

/// What a file of a tree's folder must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SealedEntry {
    /// sha256 of its bytes.
    pub(crate) digest: Digest,
    /// Its length in bytes.
    pub(crate) length: u64,
}

/// The files of a tree's folder by their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seal {
    files: BTreeMap<String, SealedEntry>,
    pub(crate) listing: SealedEntry,
    pub(crate) segment: SealedEntry,
    pub(crate) compressed: SealedEntry,
}

impl Seal {
    /// `None` where one of the three files that every tree has is missing.
    pub(crate) fn new(files: BTreeMap<String, SealedEntry>) -> Option<Self> {
        let [listing, segment, compressed] =
            [LISTING, SEGMENT, COMPRESSED].map(|name| files.get(name).copied());
        Some(Self { listing: listing?, segment: segment?, compressed: compressed?, files })
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, SealedEntry)> {
        self.files.iter().map(|(name, sealed)| (name.as_str(), *sealed))
    }

    pub(crate) fn get(&self, name: &str) -> Option<SealedEntry> {
        self.files.get(name).copied()
    }

    pub(crate) fn to_text(&self) -> String {
        let mut text = String::from(FIRST);
        for (name, SealedEntry { digest, length }) in self.iter() {
            writeln!(text, "{} {length} {name}", digest.hex()).expect("writing to a string does not fail");
        }
        let end = Digest::of(text.as_bytes()).hex();
        text.push_str("end ");
        text.push_str(&end);
        text.push('\n');
        text
    }

    /// `None` for anything that [`to_text`](Self::to_text) does not write.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (body, end) = text.strip_suffix('\n')?.rsplit_once('\n')?;
        let body = &text[..=body.len()];
        if end.strip_prefix("end ")? != Digest::of(body.as_bytes()).hex() {
            return None;
        }
        let mut files = BTreeMap::new();
        for line in body.strip_prefix(FIRST)?.lines() {
            let mut fields = line.splitn(3, ' ');
            let digest = Digest::from_hex(fields.next()?).ok()?;
            let length = fields.next()?.parse().ok()?;
            let name = fields.next()?;
            let known = [LISTING, SEGMENT, COMPRESSED].contains(&name)
                || name.strip_prefix(ATTACHMENT).is_some_and(is_attachment_name);
            if !known || files.insert(name.to_owned(), SealedEntry { digest, length }).is_some() {
                return None;
            }
        }
        Self::new(files)
    }
}

/// Whether `name` can be a part of a file's name without leading anywhere else.
pub(crate) fn is_attachment_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample() -> Seal {
        let names = ["tree", "segment.tar", "segment.tar.gz", "attachment.control"];
        let sealed =
            |name: &str| SealedEntry { digest: Digest::of(name.as_bytes()), length: name.len() as u64 };
        Seal::new(names.iter().map(|name| ((*name).to_owned(), sealed(name))).collect()).unwrap()
    }

    #[test]
    fn the_bytes_are_pinned() {
        let text = sample().to_text();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "invar-tree 1");
        assert_eq!(lines[1].split_once(' ').unwrap().1, "18 attachment.control");
        assert_eq!(lines[4].split_once(' ').unwrap().1, "4 tree");
        // If this is intended, every stored tree is rebuilt: say so in the changelog.
        assert_eq!(
            Digest::of(text.as_bytes()).hex(),
            "70187117d980ffb8db0231040ba6079401827969ac1676bd8b165d455824322b"
        );
        assert_eq!(Seal::parse(&text), Some(sample()));
    }

    #[test]
    fn a_name_that_leads_elsewhere_is_refused() {
        for name in ["../seal", "attachment.", "attachment.a/b", "attachment.\u{e4}", "seal"] {
            let mut body = sample().to_text();
            body.truncate(body.rfind("end ").unwrap());
            let _ = writeln!(body, "{} 1 {name}", Digest::of(b"").hex());
            let text = format!("{body}end {}\n", Digest::of(body.as_bytes()).hex());
            assert_eq!(Seal::parse(&text), None, "{name}");
        }
    }

    proptest! {
        #[test]
        fn any_change_is_noticed(at in 0..10_000_usize, byte in b' '..b'~') {
            let text = sample().to_text();
            let mut changed = text.clone().into_bytes();
            let at = at % changed.len();
            changed[at] = byte;
            let changed = String::from_utf8(changed).unwrap();
            prop_assert_eq!(Seal::parse(&changed).is_some(), changed == text);
            prop_assert_eq!(Seal::parse(&text[..at]), None);
        }

        #[test]
        fn no_text_makes_it_panic(text in "(invar-tree 1\n)?([0-9a-f]{64} [0-9]{1,3} tree\n|end|\n| )*") {
            prop_assert_eq!(Seal::parse(&text), None);
        }
    }
}
