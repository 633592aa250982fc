//! What extended headers and long names say of the members after them.
use std::collections::BTreeMap;

/// The beginning of the keys that say where the holes of a sparse file are.
pub(super) const SPARSE: &[u8] = b"GNU.sparse.";

/// What is said of the next member, by the key of pax. A long name of GNU's counts like the record that pax has for it.
#[derive(Debug, Default)]
pub(super) struct Extensions {
    pub records: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Whether there was a pax header for the member.
    pub pax: bool,
    /// Whether a header for all members says an owner or a time.
    pub global: bool,
}

impl Extensions {
    /// `None` for what is malformed, says twice what can be said once, or gives other names to all members.
    pub fn take(&mut self, flag: u8, content: &[u8]) -> Option<()> {
        let key: &[u8] = match flag {
            b'L' => b"path",
            b'K' => b"linkpath",
            b'x' => {
                self.pax = true;
                let records = records(content)?;
                self.records.extend(records.into_iter().map(|(key, value)| (key.to_vec(), value.to_vec())));
                return Some(());
            }
            // What is said of all members, such as the commit that git writes: only what would change them matters.
            _ => {
                let records = records(content)?;
                self.global |= records.iter().any(|(key, _)| matches!(*key, b"uid" | b"gid" | b"mtime"));
                let renames =
                    |key: &[u8]| matches!(key, b"path" | b"linkpath" | b"size") || key.starts_with(SPARSE);
                return records.iter().all(|(key, _)| !renames(key)).then_some(());
            }
        };
        self.records.insert(key.to_vec(), until_nul(content).to_vec()).is_none().then_some(())
    }

    /// Whether a member must follow.
    pub fn is_pending(&self) -> bool {
        self.pax || !self.records.is_empty()
    }

    /// The name that was given to the next member; for messages about it, its link target does too.
    pub fn shown(&self) -> &[u8] {
        self.records
            .get(&b"path"[..])
            .or_else(|| self.records.get(&b"linkpath"[..]))
            .map_or(b"", Vec::as_slice)
    }
}

/// The beginning of `field` that has no NUL.
pub(super) fn until_nul(field: &[u8]) -> &[u8] {
    field.split(|&byte| byte == 0).next().unwrap_or_default()
}

/// The records of a pax header: each is `LENGTH KEY=VALUE\n`, where the length counts all of it.
fn records(mut content: &[u8]) -> Option<Vec<(&[u8], &[u8])>> {
    let mut records = Vec::new();
    // Some writers fill the block with zeros that the size counts.
    while content.iter().any(|&byte| byte != 0) {
        let space = content.iter().take(20).position(|&byte| byte == b' ')?;
        let length: usize = std::str::from_utf8(&content[..space]).ok()?.parse().ok()?;
        let (record, rest) = content.split_at_checked(length)?;
        let record = record.get(space + 1..)?.strip_suffix(b"\n")?;
        let equals = record.iter().position(|&byte| byte == b'=')?;
        records.push((&record[..equals], &record[equals + 1..]));
        content = rest;
    }
    Some(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_count_themselves() {
        assert_eq!(records(b"9 k=1234\n\0\0"), Some(vec![(&b"k"[..], &b"1234"[..])]));
        for bad in [&b"8 k=1234\n"[..], b"99 k=1\n", b"k=1\n", b"0 \n", b"7 k1234\n"] {
            assert_eq!(records(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_name_is_said_once() {
        let check = |said: &[(u8, &[u8])], expected: Option<&[u8]>| {
            let mut extensions = Extensions::default();
            let taken = said.iter().try_for_each(|(flag, content)| extensions.take(*flag, content));
            assert_eq!(taken.map(|()| extensions.shown()), expected, "{said:?}");
        };
        check(&[(b'L', b"long\0junk")], Some(b"long"));
        check(&[(b'L', b"one\0"), (b'K', b"two\0")], Some(b"one"));
        check(&[(b'L', b"one\0"), (b'L', b"one\0")], None);
        check(&[(b'x', b"9 path=a\n"), (b'L', b"one\0")], None);
        check(&[(b'L', b"one\0"), (b'x', b"9 path=a\n")], Some(b"a"));
        check(&[(b'x', b"9 path=a\n"), (b'x', b"9 path=b\n")], Some(b"b"));
        check(&[(b'g', b"14 comment=abc\n")], None);
        check(&[(b'g', b"15 comment=abc\n")], Some(b""));
        check(&[(b'g', b"9 path=a\n")], None);
    }
}
