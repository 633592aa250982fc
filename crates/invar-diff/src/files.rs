use invar_oci_read::{LayerNode, RootEntry};
use invar_tree::Digest;
use serde::Serialize;

use crate::{Change, Inside};

/// A file, link or directory that is not the same on both sides.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct FileChange {
    /// Its path, with a leading slash.
    pub path: String,
    /// What happened.
    pub change: Change,
    /// In what it differs; empty where one side has it not.
    pub aspects: Vec<Aspect>,
    /// What it was.
    pub old: Option<FileState>,
    /// What it is.
    pub new: Option<FileState>,
    /// What it belongs to: a package, or where that is unknown, a layer.
    pub origin: String,
    /// How its contents differ, where that was looked at.
    pub content: Option<Inside>,
}

/// In what a file differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Aspect {
    /// It is a directory here and a file there.
    Type,
    /// Its content.
    Content,
    /// The target of a link, or the numbers of a device.
    Target,
    /// Its permission bits.
    Mode,
    /// Its numeric owner.
    Owner,
    /// Its extended attributes.
    Attributes,
}

/// What a file is on one side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct FileState {
    /// `file`, `directory`, `symbolic link`, …
    pub kind: &'static str,
    /// Its size in bytes.
    pub size: u64,
    /// Its permission bits, as four octal digits.
    pub mode: String,
    /// Its numeric owner, `UID:GID`.
    pub owner: String,
    /// The digest of its content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// The target of a link.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}

impl FileState {
    pub(crate) fn of(placed: &RootEntry) -> Self {
        let member = &placed.member;
        let (digest, target) = match &member.kind {
            LayerNode::File { digest, .. } => (Some(*digest), None),
            LayerNode::Symlink { target } => (None, Some(target.to_string())),
            LayerNode::Device { major, minor, .. } => (None, Some(format!("{major}:{minor}"))),
            _ => (None, None),
        };
        Self {
            kind: member.kind.name(),
            size: member.kind.size(),
            mode: member.mode.to_string(),
            owner: format!("{}:{}", member.owner.uid, member.owner.gid),
            digest,
            target,
        }
    }
}

/// In what two entries at one path differ, all but times.
pub(crate) fn aspects(old: &RootEntry, new: &RootEntry, attributes: bool) -> Vec<Aspect> {
    let (one, two) = (&old.member, &new.member);
    let same_type = one.kind.name() == two.kind.name();
    let both_files = matches!((&one.kind, &two.kind), (LayerNode::File { .. }, LayerNode::File { .. }));
    // What Linux reports for every link is not what an archive has to say.
    let links = matches!(two.kind, LayerNode::Symlink { .. });
    let found = [
        (Aspect::Type, !same_type),
        (Aspect::Content, both_files && one.kind != two.kind),
        (Aspect::Target, same_type && !both_files && one.kind != two.kind),
        (Aspect::Mode, same_type && !links && one.mode != two.mode),
        (Aspect::Owner, one.owner != two.owner),
        (Aspect::Attributes, attributes && one.attributes != two.attributes),
    ];
    found.into_iter().filter(|(_, differs)| *differs).map(|(aspect, _)| aspect).collect()
}
