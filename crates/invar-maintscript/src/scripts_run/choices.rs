//! The records of `update-alternatives` (update-alternatives(1), section "FILES"), of the groups that handlers linked.
//!
//! Without them the program takes a link to another package's file for a user's choice, and leaves it where it is even
//! if what a script registers has the higher priority.
//!
//! ```text
//! alternatives/NAME   "auto", the main link, then for each slave its name and its link, each on a line; an empty line
//!                     for each choice its path, its priority, and for each slave its path or an empty line
//!                     an empty line
//! ```
//!
//! Only commands with literal words are seen; see [`alternatives`]. Groups of one package in a loop do without.
use std::collections::{BTreeMap, BTreeSet};

use invar_debian::{Alternative, alternatives};
use invar_tree::ImagePath;

use super::ScriptPackage;
use crate::context::script;

/// The records of the packages that do not run: the name of a file below `alternatives`, and its text.
pub(super) fn records(packages: &[&ScriptPackage<'_>]) -> BTreeMap<String, String> {
    let files: BTreeSet<&str> =
        packages.iter().flat_map(|package| package.files).map(ImagePath::as_str).collect();
    let exists = |path: &ImagePath| {
        files.contains(path.as_str()) || files.contains(format!("usr/{}", path.as_str()).as_str())
    };
    let mut groups: BTreeMap<String, Vec<Alternative>> = BTreeMap::new();
    for package in packages.iter().filter(|package| !package.runs()) {
        for name in ["preinst", "config", "postinst"] {
            for alternative in alternatives(script(package.control, name)) {
                let group = groups.entry(alternative.main.name.clone()).or_default();
                let known = group.iter().any(|choice| choice.main.path == alternative.main.path);
                if exists(&alternative.main.path) && !known {
                    group.push(alternative);
                }
            }
        }
    }
    groups.retain(|_, choices| !choices.is_empty());
    groups.into_iter().map(|(name, choices)| (name, record(&choices))).collect()
}

/// The record of a group of at least one choice.
fn record(choices: &[Alternative]) -> String {
    // Of several links for one name the first counts.
    let mut slaves: BTreeMap<&str, &ImagePath> = BTreeMap::new();
    for slave in choices.iter().flat_map(|choice| &choice.slaves) {
        slaves.entry(&slave.name).or_insert(&slave.link);
    }
    let mut text = format!("auto\n{}\n", choices[0].main.link);
    for (name, link) in &slaves {
        text.push_str(&format!("{name}\n{link}\n"));
    }
    text.push('\n');
    for choice in choices {
        text.push_str(&format!("{}\n{}\n", choice.main.path, choice.priority));
        for name in slaves.keys() {
            let slave = choice.slaves.iter().find(|slave| slave.name == *name);
            text.push_str(&slave.map_or_else(String::new, |slave| slave.path.to_string()));
            text.push('\n');
        }
    }
    text.push('\n');
    text
}
