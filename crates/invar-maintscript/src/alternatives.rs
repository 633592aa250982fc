//! Alternatives: `/usr/bin/awk` leads to `/etc/alternatives/awk`, and that to `/usr/bin/mawk` (update-alternatives(1)).
//!
//! The commands are taken from the scripts of the packages: literal ones as they are, those in the loops of a few
//! packages by [`loops`]. Every group is in automatic mode: the highest priority wins, and of two that are equal the
//! first path. What an alternative stands for must be in the image; a slave whose file is not is left out, as the
//! manual pages are in an image without documentation. A file is never replaced by a link. The records that
//! `update-alternatives` keeps in `/var/lib/dpkg/alternatives` are not made.
mod loops;

use std::collections::BTreeMap;

use invar_debian::{Alternative, AlternativeLink, alternatives};
use invar_tree::Node;

use crate::context::Context;
use crate::output::known;
use crate::{ConfigureError, Output, View};

const FOLDER: &str = "etc/alternatives";

pub(crate) fn handle(context: &Context<'_>, out: &mut Output) -> Result<(), ConfigureError> {
    let mut groups: BTreeMap<String, Alternative> = BTreeMap::new();
    for (package, control) in context.packages {
        let mut found = Vec::new();
        for name in ["preinst", "config", "postinst"] {
            found.extend(alternatives(crate::context::script(control, name)));
        }
        found.extend(loops::alternatives_of(
            package,
            crate::context::script(control, "postinst"),
            context.view,
        ));
        for alternative in found {
            if !context.view.exists(alternative.main.path.as_str()) {
                continue;
            }
            let better = groups.get(&alternative.main.name).is_none_or(|best| {
                let rank = |one: &Alternative| (std::cmp::Reverse(one.priority), one.main.path.clone());
                rank(&alternative) < rank(best)
            });
            if better {
                groups.insert(alternative.main.name.clone(), alternative);
            }
        }
    }
    for group in groups.values() {
        link(context.view, out, &group.main);
        for slave in &group.slaves {
            if context.view.exists(slave.path.as_str()) {
                link(context.view, out, slave);
            }
        }
    }
    Ok(())
}

fn link(view: &View<'_>, out: &mut Output, link: &AlternativeLink) {
    let by_way_of = known(FOLDER).join(&link.name).expect("the name is a single file name");
    out.symlink(by_way_of.clone(), link.path.to_string());
    let in_the_way = view
        .place(link.link.as_str())
        .and_then(|place| view.get(place.as_str()))
        .is_some_and(|entry| !matches!(entry.node, Node::Symlink { .. }));
    if !in_the_way {
        out.symlink(link.link.clone(), by_way_of.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Image, check};

    #[test]
    fn the_highest_priority_wins() {
        let less = "update-alternatives --quiet --install /usr/bin/pager pager /usr/bin/less 77 \\\n\
                    --slave /usr/share/man/man1/pager.1.gz pager.1.gz /usr/share/man/man1/less.1.gz\n";
        let more = "update-alternatives --install /usr/bin/pager pager /bin/more 50\n";
        let gone = "update-alternatives --install /usr/bin/pager pager /usr/bin/most 100\n";
        let image = Image::new()
            .package("less", less)
            .package("most", gone)
            .package("util-linux", more)
            .link("bin", "usr/bin")
            .file("usr/bin/less", "")
            .file("usr/bin/more", "");
        check(
            handle,
            &image,
            "l 0777 0:0 /etc/alternatives/pager -> /usr/bin/less\n\
             l 0777 0:0 /usr/bin/pager -> /etc/alternatives/pager\n",
        );
    }

    #[test]
    fn equal_priorities_go_by_path_and_slaves_follow() {
        let install = |path: &str| {
            format!("update-alternatives --install /bin/nc nc {path} 5 --slave /bin/netcat netcat {path}\n")
        };
        let image = Image::new()
            .package("one", &install("/bin/nc.traditional"))
            .package("two", &install("/bin/nc.openbsd"))
            .link("bin", "usr/bin")
            .file("usr/bin/nc.traditional", "")
            .file("usr/bin/nc.openbsd", "")
            .file("usr/bin/netcat", "in the way");
        check(
            handle,
            &image,
            "l 0777 0:0 /etc/alternatives/nc -> /bin/nc.openbsd\n\
             l 0777 0:0 /etc/alternatives/netcat -> /bin/nc.openbsd\n\
             l 0777 0:0 /usr/bin/nc -> /etc/alternatives/nc\n",
        );
    }
}
