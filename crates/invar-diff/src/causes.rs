use std::collections::BTreeMap;

use invar_oci_read::{Compression, Document, Image, Layer, Listing, Member};
use serde::Serialize;
use serde_json::{Value, json};

use crate::inside::{ValueChange, value_changes};

/// Why two images have two digests, apart from their files.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case", tag = "kind")]
pub enum Cause {
    /// The configuration differs.
    Config {
        /// In what.
        changes: Vec<ValueChange>,
    },
    /// The configuration says the same in other bytes: other spaces or another order.
    ConfigEncoding,
    /// The history differs: who made the layers when.
    History {
        /// In what.
        changes: Vec<ValueChange>,
    },
    /// The manifest differs in something else than its layers and configuration.
    Manifest {
        /// In what.
        changes: Vec<ValueChange>,
    },
    /// The manifest says the same in other bytes.
    ManifestEncoding,
    /// A layer unpacks to the same bytes and is stored as others.
    Compression {
        /// Which layer of the second image, from 1.
        layer: usize,
        /// How it was compressed.
        old: String,
        /// How it is compressed.
        new: String,
    },
    /// Layers have the same members, in another order.
    Order {
        /// Which layer of the second image, from 1.
        layer: usize,
        /// The first path that is at another place.
        first: String,
    },
    /// Members that are the same except for their modification times.
    Times {
        /// Which layer of the second image, from 1.
        layer: usize,
        /// How many.
        members: usize,
        /// The first of them.
        first: String,
        /// Its time.
        old: String,
        /// Its time.
        new: String,
    },
    /// Members that are the same except for the names of their owners; the numbers count.
    OwnerNames {
        /// Which layer of the second image, from 1.
        layer: usize,
        /// How many.
        members: usize,
        /// The first of them.
        first: String,
        /// Its owner and group.
        old: String,
        /// Its owner and group.
        new: String,
    },
    /// Members that say the same in other headers: another format, or other fields that do not matter.
    Headers {
        /// Which layer of the second image, from 1.
        layer: usize,
        /// How many.
        members: usize,
        /// The first of them.
        first: String,
        /// Its format.
        old: String,
        /// Its format.
        new: String,
    },
    /// Members that come more than once in a layer.
    Duplicates {
        /// Which layer of the second image, from 1.
        layer: usize,
        /// How many come more than once in the first image's.
        old: usize,
        /// How many come more than once in the second image's.
        new: usize,
    },
    /// The same members, and another number of bytes after them.
    Padding {
        /// Which layer of the second image, from 1.
        layer: usize,
        /// The length of the unpacked layer.
        old: u64,
        /// The length of the unpacked layer.
        new: u64,
    },
    /// The same files are cut into layers in another way.
    Layers {
        /// How many layers there were.
        old: usize,
        /// How many layers there are.
        new: usize,
    },
}

/// What the documents of two images differ in, apart from what the layers explain.
pub(crate) fn of_documents(old: &Image, new: &Image) -> Vec<Cause> {
    let mut causes = Vec::new();
    if let (Some(one), Some(two)) = (&old.config, &new.config)
        && one.digest != two.digest
    {
        let without = |document: &Document, names: &[&str]| {
            let mut value = document.value.clone();
            if let Some(members) = value.as_object_mut() {
                names.iter().for_each(|name| drop(members.remove(*name)));
            }
            value
        };
        let history = |document: &Document| json!({"history": document.value.get("history")});
        let changes =
            value_changes(&without(one, &["history", "rootfs"]), &without(two, &["history", "rootfs"]));
        let told = value_changes(&history(one), &history(two));
        if one.value == two.value {
            causes.push(Cause::ConfigEncoding);
        }
        if !changes.is_empty() {
            causes.push(Cause::Config { changes });
        }
        if !told.is_empty() {
            causes.push(Cause::History { changes: told });
        }
    }
    if let (Some(one), Some(two)) = (&old.manifest, &new.manifest)
        && one.digest != two.digest
    {
        let changes = value_changes(&without_blobs(&one.value), &without_blobs(&two.value));
        if one.value == two.value {
            causes.push(Cause::ManifestEncoding);
        }
        if !changes.is_empty() {
            causes.push(Cause::Manifest { changes });
        }
    }
    causes
}

/// A manifest without the digests and sizes of what it names.
fn without_blobs(manifest: &Value) -> Value {
    let mut manifest = manifest.clone();
    let strip = |descriptor: &mut Value| {
        if let Some(members) = descriptor.as_object_mut() {
            members.remove("digest");
            members.remove("size");
        }
    };
    if let Some(config) = manifest.get_mut("config") {
        strip(config);
    }
    manifest.get_mut("layers").and_then(Value::as_array_mut).into_iter().flatten().for_each(strip);
    manifest
}

/// What two layers that unpack to the same bytes differ in as they are stored.
pub(crate) fn of_storage(layer: usize, old: (&Layer, &[u8]), new: (&Layer, &[u8])) -> Option<Cause> {
    let differ = old.0.digest.is_some() && new.0.digest.is_some() && old.0.digest != new.0.digest;
    differ.then(|| Cause::Compression {
        layer,
        old: storage(old.1, old.0.size()),
        new: storage(new.1, new.0.size()),
    })
}

/// How a layer with these first bytes is compressed, as far as they show (RFC 1952, section 2.3).
pub(crate) fn storage(start: &[u8], size: Option<u64>) -> String {
    let size = size.map(|size| format!(", {size} bytes")).unwrap_or_default();
    let kind = match start {
        [0x1f, 0x8b, 8, flags, a, b, c, d, extra, system, ..] => {
            let time = u32::from_le_bytes([*a, *b, *c, *d]);
            let name = if flags & 8 != 0 { ", with a file name" } else { "" };
            format!("gzip, time {time}, level mark {extra}, system {system}{name}")
        }
        [0x1f, 0x8b, ..] => Compression::Gzip.to_string(),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Compression::Zstd.to_string(),
        [0xfd, b'7', b'z', ..] => Compression::Xz.to_string(),
        _ => Compression::None.to_string(),
    };
    format!("{kind}{size}")
}

/// What two layers differ in although their members may be the same.
pub(crate) fn of_members(layer: usize, old: &Listing, new: &Listing) -> Vec<Cause> {
    let mut causes = Vec::new();
    let (old_last, new_last) = (last(old), last(new));
    let pairs = || {
        new_last.iter().filter_map(|(path, two)| {
            let one = *old_last.get(path)?;
            (one.kind == two.kind).then_some((one, *two))
        })
    };
    // A folder has no headers, and its times are those of the moment when it was unpacked.
    let archives = |(one, two): &(&Member, &Member)| one.format.is_some() && two.format.is_some();
    let mut found = pairs().filter(archives).filter(|(one, two)| one.time != two.time);
    if let Some((one, two)) = found.next() {
        causes.push(Cause::Times {
            layer,
            members: 1 + found.count(),
            first: one.path.to_string(),
            old: one.time.to_string(),
            new: two.time.to_string(),
        });
    }
    let mut found = pairs().filter(archives).filter(|(one, two)| one.owner_names != two.owner_names);
    if let Some((one, two)) = found.next() {
        let names = |member: &Member| format!("{:?}:{:?}", member.owner_names.0, member.owner_names.1);
        let (first, old, new) = (one.path.to_string(), names(one), names(two));
        causes.push(Cause::OwnerNames { layer, members: 1 + found.count(), first, old, new });
    }
    let same = |one: &Member, two: &Member| {
        one.time == two.time
            && one.owner_names == two.owner_names
            && one.mode == two.mode
            && one.owner == two.owner
            && one.attributes == two.attributes
    };
    let mut found = pairs().filter(archives).filter(|(one, two)| one.header != two.header && same(one, two));
    if let Some((one, two)) = found.next() {
        let format = |member: &Member| member.format.map(|format| format.to_string()).unwrap_or_default();
        let (first, old, new) = (one.path.to_string(), format(one), format(two));
        causes.push(Cause::Headers { layer, members: 1 + found.count(), first, old, new });
    }
    let in_folder = |listing: &Listing| listing.members.first().is_some_and(|first| first.format.is_none());
    if in_folder(old) || in_folder(new) {
        return causes;
    }
    let repeated = |listing: &Listing, last: &BTreeMap<_, _>| listing.members.len() - last.len();
    let (old_repeated, new_repeated) = (repeated(old, &old_last), repeated(new, &new_last));
    if old_repeated != new_repeated {
        causes.push(Cause::Duplicates { layer, old: old_repeated, new: new_repeated });
    }
    let common = |listing: &Listing, other: &Last<'_>| -> Vec<String> {
        let both = listing.members.iter().filter(|member| other.contains_key(&key(member)));
        both.map(|member| member.path.to_string()).collect()
    };
    let (one, two) = (common(old, &new_last), common(new, &old_last));
    if let Some((_, first)) = one.iter().zip(&two).find(|(one, two)| one != two)
        && old_repeated == new_repeated
    {
        causes.push(Cause::Order { layer, first: first.clone() });
    }
    let all_same = old.members.len() == new.members.len()
        && old.members.iter().zip(&new.members).all(|(one, two)| one == two);
    if all_same && old.diff_id != new.diff_id {
        causes.push(Cause::Padding { layer, old: old.unpacked, new: new.unpacked });
    }
    causes
}

/// Members by path; a whiteout is not what it deletes.
type Last<'a> = BTreeMap<(&'a str, bool), &'a Member>;

fn key(member: &Member) -> (&str, bool) {
    use invar_oci_read::LayerNode;
    (member.path.as_str(), matches!(member.kind, LayerNode::Whiteout | LayerNode::Opaque))
}

fn last(listing: &Listing) -> Last<'_> {
    listing.members.iter().map(|member| (key(member), member)).collect()
}
