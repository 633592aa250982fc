//! Directories that the image's user is to write to, and cannot.
use invar_project::{Identity, User};
use invar_tree::{Entry, Owner};

use super::view::View;

/// Sentences about volumes that the user of the image cannot write to.
pub(super) fn unwritable(view: &View<'_>) -> Vec<String> {
    let Some(user) = view.config.user.as_ref().and_then(|user| user.parse::<User>().ok()) else {
        return Vec::new();
    };
    let Some(owner) = owner(view, &user) else { return Vec::new() };
    if owner.uid == 0 {
        return Vec::new();
    }
    let sentence = |volume: &String| match view.get(volume) {
        Some(entry) if !entry.is_directory() => Some(format!("the volume {volume} is a file in the image")),
        Some(entry) if may_write(entry, owner) => None,
        _ => Some(format!(
            "the volume {volume} is not writable by user {}; add \"{volume}\" to `directories` of [tool.invar.image]",
            user.user
        )),
    };
    view.config.volumes.iter().filter_map(sentence).collect()
}

/// Whether `owner` may create files in the directory `entry`.
pub(super) fn may_write(entry: &Entry, owner: Owner) -> bool {
    let mode = entry.mode.bits();
    let needed = if entry.owner.uid == owner.uid {
        0o300
    } else if entry.owner.gid == owner.gid {
        0o030
    } else {
        0o003
    };
    mode & needed == needed
}

/// The numbers of `user`, as an engine finds them in the image.
fn owner(view: &View<'_>, user: &User) -> Option<Owner> {
    let accounts = view.text("/etc/passwd");
    let line =
        accounts.lines().map(|line| line.split(':').collect::<Vec<&str>>()).find(|fields| match &user.user {
            Identity::Name(name) => fields.first() == Some(&name.as_str()),
            Identity::Id(id) => fields.get(2).is_some_and(|field| *field == id.to_string()),
        });
    let number = |at: usize| line.as_ref().and_then(|fields| fields.get(at)?.parse::<u32>().ok());
    let uid = match &user.user {
        Identity::Id(id) => *id,
        Identity::Name(_) => number(2)?,
    };
    let gid = match &user.group {
        Some(Identity::Id(id)) => *id,
        Some(Identity::Name(name)) => {
            let groups = view.text("/etc/group");
            let mut lines = groups.lines().map(|line| line.split(':').collect::<Vec<&str>>());
            lines.find(|fields| fields.first() == Some(&name.as_str()))?.get(2)?.parse().ok()?
        }
        None => number(3).unwrap_or(0),
    };
    Some(Owner { uid, gid })
}
