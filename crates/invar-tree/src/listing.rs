//! A tree as text.
//!
//! One line for each entry, in the order of the paths, each ended by a line feed; fields are separated by one tab:
//!
//! ```text
//! d <mode> <uid> <gid> <path>
//! f <mode> <uid> <gid> <size> <sha256, 64 hex digits> <path>
//! l <mode> <uid> <gid> <target> <path>
//! ```
//!
//! The mode has four octal digits, numbers are decimal without leading zeros, paths have no leading slash. In paths
//! and targets a backslash, tab, line feed and carriage return are written `\\`, `\t`, `\n` and `\r`.
//!
//! Format break: a change here changes the digest of every tree, and so every key of the store.
use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::Arc;

use crate::{Digest, Entry, ImagePath, Mode, Node, Origin, Owner, Tree};

/// A listing that this program did not write, or that was damaged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of a tree's listing is not an entry: {text:?}")]
pub struct ListingError {
    /// The line's number, from 1.
    pub line: usize,
    /// The line.
    pub text: String,
}

impl Tree {
    /// Writes the tree as text; see the module's documentation for the bytes.
    pub fn to_listing(&self) -> String {
        let mut text = String::new();
        for (path, entry) in self.iter() {
            let Entry { node, mode, owner: Owner { uid, gid }, .. } = entry;
            let path = escape(path.as_str());
            match node {
                Node::Directory => writeln!(text, "d\t{mode}\t{uid}\t{gid}\t{path}"),
                Node::File { size, digest } => {
                    writeln!(text, "f\t{mode}\t{uid}\t{gid}\t{size}\t{}\t{path}", digest.hex())
                }
                Node::Symlink { target } => {
                    writeln!(text, "l\t{mode}\t{uid}\t{gid}\t{}\t{path}", escape(target))
                }
            }
            .expect("writing to a string does not fail");
        }
        text
    }

    /// Reads a listing; every entry gets `origin`.
    ///
    /// # Errors
    /// [`ListingError`] for the first line that is not an entry, or repeats or contradicts an earlier one.
    pub fn from_listing(text: &str, origin: &Arc<Origin>) -> Result<Self, ListingError> {
        let mut tree = Self::new();
        for (index, line) in text.lines().enumerate() {
            let error = || ListingError { line: index + 1, text: line.to_owned() };
            let (path, entry) = parse_line(line, origin).ok_or_else(error)?;
            tree.insert(path, entry).map_err(|_| error())?;
        }
        Ok(tree)
    }
}

fn parse_line(line: &str, origin: &Arc<Origin>) -> Option<(ImagePath, Entry)> {
    let mut fields = line.split('\t');
    let kind = fields.next()?;
    let mode = Mode::new(u32::from_str_radix(fields.next()?, 8).ok()?);
    let owner = Owner { uid: fields.next()?.parse().ok()?, gid: fields.next()?.parse().ok()? };
    let node = match kind {
        "d" => Node::Directory,
        "f" => {
            Node::File { size: fields.next()?.parse().ok()?, digest: Digest::from_hex(fields.next()?).ok()? }
        }
        "l" => Node::Symlink { target: unescape(fields.next()?)?.into() },
        _ => return None,
    };
    let path = ImagePath::parse(&unescape(fields.next()?)?).ok()?;
    fields.next().is_none().then(|| (path, Entry { node, mode, owner, origin: Arc::clone(origin) }))
}

fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(['\\', '\t', '\n', '\r']) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 2);
    for character in text.chars() {
        match character {
            '\\' => escaped.push_str("\\\\"),
            '\t' => escaped.push_str("\\t"),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            other => escaped.push(other),
        }
    }
    Cow::Owned(escaped)
}

fn unescape(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('\\') {
        return Some(Cow::Borrowed(text));
    }
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        plain.push(match character {
            '\\' => match characters.next()? {
                '\\' => '\\',
                't' => '\t',
                'n' => '\n',
                'r' => '\r',
                _ => return None,
            },
            other => other,
        });
    }
    Some(Cow::Owned(plain))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn origin() -> Arc<Origin> {
        Arc::new(Origin::Source)
    }

    fn sample() -> Tree {
        let mut tree = Tree::new();
        let mut add = |path: &str, mode, node| {
            let entry = Entry { node, mode, owner: Owner { uid: 0, gid: 42 }, origin: origin() };
            tree.insert(ImagePath::parse(path).unwrap(), entry).unwrap();
        };
        add("etc", Mode::DIRECTORY, Node::Directory);
        add("etc/motd", Mode::FILE, Node::File { size: 5, digest: Digest::of(b"hello") });
        add("etc/a\tb", Mode::SYMLINK, Node::Symlink { target: "c\\d\n".into() });
        tree
    }

    #[test]
    fn the_bytes_are_pinned() {
        let expected = "d\t0755\t0\t42\tetc\n\
            l\t0777\t0\t42\tc\\\\d\\n\tetc/a\\tb\n\
            f\t0644\t0\t42\t5\t2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\tetc/motd\n";
        assert_eq!(sample().to_listing(), expected);
        assert_eq!(Tree::from_listing(expected, &origin()), Ok(sample()));
    }

    #[test]
    fn damage_is_noticed() {
        for (line, text) in
            [(1, "x\t0755\t0\t0\tetc"), (1, "d\t0755\t0\t0"), (2, "d\t0755\t0\t0\ta\nl\t0777\t0\t0\tx\ta")]
        {
            let error = Tree::from_listing(text, &origin()).unwrap_err();
            assert_eq!(error.line, line, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_survives_escaping(text in "[a-z\\\\\t\n\r/]{0,20}") {
            let escaped = escape(&text).into_owned();
            prop_assert!(!escaped.contains(['\t', '\n', '\r']));
            prop_assert_eq!(unescape(&escaped).unwrap(), text);
        }
    }
}
