//! Archives: zip, so wheels too, and tar.
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read as _};

use invar_oci_read::{LayerNode, Limits, read_tar};

use super::{Inside, Member, UNPACKED, look};
use crate::Change;

/// How many members an archive may have.
const MEMBERS: usize = 20_000;

/// How many members' differences are kept.
const KEPT: usize = 200;

/// What is in an archive: contents, and in their order what else is said of each member.
struct Contents {
    files: BTreeMap<String, Vec<u8>>,
    order: Vec<String>,
    headers: BTreeMap<String, Header>,
}

#[derive(PartialEq, Eq)]
struct Header {
    time: String,
    mode: String,
    compression: String,
}

pub(super) fn compare_zip(old: &[u8], new: &[u8], depth: usize) -> Option<Inside> {
    Some(compare(&zip(old)?, &zip(new)?, depth))
}

pub(super) fn compare_tar(old: &[u8], new: &[u8], depth: usize) -> Option<Inside> {
    Some(compare(&tar(old)?, &tar(new)?, depth))
}

/// Whether it is a tar archive of the newer formats.
pub(super) fn is_tar(bytes: &[u8]) -> bool {
    bytes.get(257..262) == Some(b"ustar")
}

fn zip(bytes: &[u8]) -> Option<Contents> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).ok()?;
    if archive.len() > MEMBERS {
        return None;
    }
    let (mut files, mut order, mut headers) = (BTreeMap::new(), Vec::new(), BTreeMap::new());
    let mut left = UNPACKED;
    for index in 0..archive.len() {
        let mut member = archive.by_index(index).ok()?;
        let name = member.name().ok()?.into_owned();
        let mut content = Vec::new();
        member.by_ref().take(left + 1).read_to_end(&mut content).ok()?;
        left = left.checked_sub(content.len() as u64)?;
        let header = Header {
            time: member.last_modified().map(|time| time.to_string()).unwrap_or_default(),
            mode: format!("{:o}", member.unix_mode().unwrap_or_default()),
            compression: format!("{:?}", member.compression()),
        };
        order.push(name.clone());
        headers.insert(name.clone(), header);
        files.insert(name, content);
    }
    Some(Contents { files, order, headers })
}

fn tar(bytes: &[u8]) -> Option<Contents> {
    let limits = Limits { members: MEMBERS, unpacked: UNPACKED, kept: UNPACKED, ..Limits::usual() };
    let listing = read_tar(bytes, &limits, &|_, size| size).ok()?;
    let (mut files, mut order, mut headers) = (BTreeMap::new(), Vec::new(), BTreeMap::new());
    for member in &listing.members {
        let name = member.path.as_str().to_owned();
        let header = Header {
            time: member.time.to_string(),
            mode: member.mode.to_string(),
            compression: String::new(),
        };
        let content = match &member.kind {
            LayerNode::File { .. } => listing.kept.get(&member.path).cloned().unwrap_or_default(),
            LayerNode::Symlink { target } => target.as_bytes().to_vec(),
            _ => Vec::new(),
        };
        order.push(name.clone());
        headers.insert(name.clone(), header);
        files.insert(name, content);
    }
    Some(Contents { files, order, headers })
}

fn compare(old: &Contents, new: &Contents, depth: usize) -> Inside {
    let names: BTreeSet<&String> = old.files.keys().chain(new.files.keys()).collect();
    let mut members = Vec::new();
    let mut left_out = 0;
    for name in names {
        let (change, content) = match (old.files.get(name), new.files.get(name)) {
            (Some(one), Some(two)) if one == two => continue,
            (Some(one), Some(two)) => (Change::Changed, look(name, one, two, depth + 1)),
            (Some(_), None) => (Change::Removed, None),
            (None, _) => (Change::Added, None),
        };
        if members.len() < KEPT {
            members.push(Member { path: name.clone(), change, content: content.map(Box::new) });
        } else {
            left_out += 1;
        }
    }
    let mut notes = Vec::new();
    if left_out > 0 {
        notes.push(format!("{left_out} more members differ"));
    }
    if members.is_empty() && old.order != new.order {
        notes.push("the members are in a different order".to_owned());
    }
    let both = || old.headers.iter().filter_map(|(name, one)| Some((name, one, new.headers.get(name)?)));
    type Field = fn(&Header) -> &String;
    let fields: [(&str, Field); 3] = [
        ("time", |header| &header.time),
        ("mode", |header| &header.mode),
        ("compression", |header| &header.compression),
    ];
    for (what, of) in fields {
        let mut found = both().filter(|(_, one, two)| of(one) != of(two));
        if let Some((name, one, two)) = found.next() {
            let more = match found.count() {
                0 => String::new(),
                count => format!(", and {count} more members"),
            };
            notes.push(format!("the {what} of {name} changed from {} to {}{more}", of(one), of(two)));
        }
    }
    if members.is_empty() && notes.is_empty() {
        notes.push("all members are the same, but they are packed differently".to_owned());
    }
    Inside::Archive { members, notes }
}
