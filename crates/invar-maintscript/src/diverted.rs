//! Diversions: the files of other packages go to another place, and dpkg's table says so (dpkg-divert(1)).
//!
//! dpkg moves files while it unpacks; here, packages are trees, and [`diverted`] says what of each goes elsewhere before
//! they are merged. What `--rename` says makes no difference: on a fresh installation all files end where they would be
//! if the diverting package had been unpacked first.
//!
//! `/var/lib/dpkg/diversions` is written if a diversion moves a file of the image. An image whose diversions move nothing
//! has no use for it; every one of Debian 13 has such, for the paths that were aliases before `/usr` was merged.
use std::collections::BTreeMap;

use invar_debian::{Control, Diversion, UnpackOptions, diversions};
use invar_tree::{ImagePath, Mode, Node, Origin, Owner, Tree};

use crate::context::Context;
use crate::output::known;
use crate::{ConfigureError, Output};

/// How packages are unpacked, as far as places are concerned.
const PLACES: UnpackOptions = UnpackOptions { docs: true, merged_usr: true, records: true };

/// For each of `packages`, whose files are in the tree of the same index, where those files go that another package
/// diverts.
pub fn diverted(packages: &[&Control], trees: &[&Tree]) -> Vec<BTreeMap<ImagePath, ImagePath>> {
    let all = active(packages);
    let mut places = vec![BTreeMap::new(); trees.len()];
    if all.is_empty() {
        return places;
    }
    // Where a package contains the links of a merged /usr, no package has files at the aliases, and what is diverted
    // there is nothing: such diversions are left from the time before.
    let has_aliases = !trees.iter().any(|tree| is_link(tree, "bin"));
    for ((control, tree), places) in packages.iter().zip(trees).zip(&mut places) {
        for diversion in &all {
            if diversion.package.as_ref() == Some(control.package()) {
                continue;
            }
            let Some((from, to)) = place(diversion, has_aliases) else { continue };
            if tree.get(from.as_str()).is_some_and(|entry| !entry.is_directory()) {
                places.entry(from).or_insert(to);
            }
        }
    }
    places
}

fn is_link(tree: &Tree, path: &str) -> bool {
    tree.get(path).is_some_and(|entry| matches!(entry.node, Node::Symlink { .. }))
}

/// The diversions of all packages. Of two for one path dpkg would refuse the second.
fn active<'a>(packages: impl IntoIterator<Item = &'a &'a Control>) -> Vec<Diversion> {
    let mut all: BTreeMap<ImagePath, Diversion> = BTreeMap::new();
    let mut packages: Vec<&Control> = packages.into_iter().copied().collect();
    packages.sort_by_key(|control| control.package());
    for control in packages {
        for diversion in diversions(control.package(), &control.scripts).active {
            all.entry(diversion.from.clone()).or_insert(diversion);
        }
    }
    all.into_values().collect()
}

/// Both paths of a diversion in the image; `None` if it is of an alias that no package has files at.
fn place(diversion: &Diversion, has_aliases: bool) -> Option<(ImagePath, ImagePath)> {
    let place = |path: &ImagePath| PLACES.relocate(path.clone(), false).ok().flatten();
    let (from, to) = (place(&diversion.from)?, place(&diversion.to)?);
    (has_aliases || from == diversion.from).then_some((from, to))
}

/// Writes dpkg's table: for each diversion three lines, the path, where it leads, and the package or `:`.
pub(crate) fn handle(context: &Context<'_>, out: &mut Output) -> Result<(), ConfigureError> {
    let all = active(context.all);
    let has_aliases =
        !context.view.get("bin").is_some_and(|entry| matches!(*entry.origin, Origin::Package { .. }));
    let is_moved = |diversion: &Diversion| {
        let Some((_, to)) = place(diversion, has_aliases) else { return false };
        context.view.get(to.as_str()).is_some_and(|entry| match (&*entry.origin, &diversion.package) {
            (Origin::Package { name, .. }, Some(own)) => name != own.as_str(),
            (origin, None) => matches!(origin, Origin::Package { .. }),
            _ => false,
        })
    };
    if !all.iter().any(is_moved) {
        return Ok(());
    }
    let mut text = String::new();
    for Diversion { from, to, package } in &all {
        let package = package.as_ref().map_or(":", |package| package.as_str());
        text.push_str(&format!("/{}\n/{}\n{package}\n", from.as_str(), to.as_str()));
    }
    out.file(known("var/lib/dpkg/diversions"), Mode::FILE, Owner::ROOT, text);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Image, at, check, control};

    fn tree(paths: &[&str]) -> Tree {
        paths.iter().fold(Image::new(), |image, path| image.file(path, "")).tree.tree().clone()
    }

    fn shown(places: &BTreeMap<ImagePath, ImagePath>) -> String {
        let shown = places.iter().map(|(from, to)| format!("{} -> {}", from.as_str(), to.as_str()));
        shown.collect::<Vec<_>>().join(", ")
    }

    fn diverting(name: &str, preinst: &str) -> Control {
        control(name, &[("preinst", &format!("#!/bin/sh\n{preinst}\n"))])
    }

    #[test]
    fn files_of_other_packages_move_whatever_the_order() {
        let own =
            diverting("parallel", "dpkg-divert --add --divert /usr/bin/parallel.moreutils /usr/bin/parallel");
        let other = control("moreutils", &[]);
        let (own_tree, other_tree) = (tree(&["usr/bin/parallel"]), tree(&["usr/bin/parallel", "usr/bin/ts"]));
        let places = diverted(&[&own, &other], &[&own_tree, &other_tree]);
        assert_eq!(
            places.iter().map(shown).collect::<Vec<_>>(),
            ["", "usr/bin/parallel -> usr/bin/parallel.moreutils"]
        );
        let places = diverted(&[&other, &own], &[&other_tree, &own_tree]);
        assert_eq!(
            places.iter().map(shown).collect::<Vec<_>>(),
            ["usr/bin/parallel -> usr/bin/parallel.moreutils", ""]
        );
        assert_eq!(diverted(&[&other], &[&other_tree]), [BTreeMap::new()]);
    }

    #[test]
    fn diversions_of_aliases_count_where_packages_have_files_there() {
        let own = diverting("molly", "dpkg-divert --divert /lib/molly/halt /sbin/halt");
        let other = control("systemd-sysv", &[]);
        let halt = tree(&["usr/sbin/halt"]);
        let places = diverted(&[&own, &other], &[&tree(&[]), &halt]);
        assert_eq!(shown(&places[1]), "usr/sbin/halt -> usr/lib/molly/halt");
        let links = Image::new().link("bin", "usr/bin").tree;
        let base = control("base-files", &[]);
        let places = diverted(&[&own, &other, &base], &[&tree(&[]), &halt, links.tree()]);
        assert_eq!(places, vec![BTreeMap::new(); 3]);
    }

    #[test]
    fn directories_stay() {
        let own = diverting("base-files", "dpkg-divert --divert /.lib32 /usr/lib32");
        let other = control("libc6-i386", &[]);
        let places = diverted(&[&own, &other], &[&tree(&[]), &tree(&["usr/lib32/libc.so.6"])]);
        assert_eq!(places, vec![BTreeMap::new(); 2]);
    }

    #[test]
    fn the_table_is_written_if_a_file_is_moved() {
        let mut image = Image::new().file("usr/bin/a", "");
        image
            .packages
            .push(diverting("pkg", "dpkg-divert --divert /usr/bin/b /usr/bin/a\ndpkg-divert --local /lib32"));
        check(handle, &image, "");
        let mut image = image.file("usr/bin/b", "");
        check(
            handle,
            &image,
            "f 0644 0:0 /var/lib/dpkg/diversions \
             \"/lib32\\n/lib32.distrib\\n:\\n/usr/bin/a\\n/usr/bin/b\\npkg\\n\"\n",
        );
        // What the package has there itself was not moved.
        image.packages[0] = diverting("test", "dpkg-divert --divert /usr/bin/b /usr/bin/a");
        assert!(image.tree.tree().get(at("usr/bin/b").as_str()).is_some());
        check(handle, &image, "");
    }
}
