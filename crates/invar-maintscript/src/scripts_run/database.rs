//! dpkg's records of the sandbox's packages, below `/var/lib/dpkg` (dpkg(1), section "FILES").
//!
//! ```text
//! status                  a paragraph for each package: its control paragraph and "Status: install ok STATE"
//! available, statoverride, triggers/Unincorp   empty
//! diversions              as the root has it, where a diversion moves something; else empty
//! arch                    the machine's architecture
//! info/format             "1": the names below have the architecture where packages may have several
//! info/NAME.list          "/.", then the contents of the package
//! info/NAME.SCRIPT        the maintainer scripts, as programs; also templates and triggers
//! triggers/File, …        see the module `triggers`
//! alternatives/NAME       see the module `choices`
//! ```
//!
//! Tools get no scripts and no triggers: what they would do is not the image's.
use std::collections::BTreeSet;
use std::fmt::Write as _;

use invar_debian::Control;
use invar_tree::{ImagePath, Tree};

use super::triggers::{self, Interest};
use super::{Files, ScriptPackage, choices, qualified_name};
use crate::ConfigureError;
use crate::output::known;

const FOLDER: &str = "var/lib/dpkg";

/// The directories of the root that are links into `/usr`. Before Debian 13 no package brought the links, but many
/// brought the directories, as their lists say; the package usrmerge removes such a link if no list has it.
const MERGED: [&str; 7] = ["bin", "lib", "lib32", "lib64", "libo32", "libx32", "sbin"];

/// The name of whoever reads this in errors.
const HANDLER: &str = "maintainer-scripts";

/// Fields that say how a package is installed: those of a package itself would contradict.
const OWN_FIELDS: [&str; 5] =
    ["conffiles", "config-version", "status", "triggers-awaited", "triggers-pending"];

/// Writes the records; `packages` are in the order of their names.
pub(super) fn write(
    packages: &[&ScriptPackage<'_>],
    architecture: &str,
    root: &Tree,
    files: &mut Files,
) -> Result<(), ConfigureError> {
    let mut interested = Vec::new();
    for package in packages.iter().filter(|package| !package.tool) {
        let interests = triggers::interests(package.control).map_err(|source| ConfigureError::Source {
            handler: HANDLER,
            path: info(package.control, "triggers"),
            source: Box::new(source),
        })?;
        interested.push((package.control, interests));
    }

    let unowned: Vec<&str> = MERGED
        .into_iter()
        .filter(|name| {
            !packages.iter().any(|package| package.files.iter().any(|path| path.as_str() == *name))
        })
        .collect();
    let mut status = String::new();
    for package in packages {
        let pending = match interested.iter().find(|(control, _)| std::ptr::eq(*control, package.control)) {
            Some((_, interests)) if !package.run => pending(interests, packages),
            _ => BTreeSet::new(),
        };
        let state = match (package.runs(), pending.is_empty()) {
            (true, _) => "unpacked",
            (false, true) => "installed",
            (false, false) => "triggers-pending",
        };
        let fields = package.control.paragraph();
        let (first, others): (Vec<_>, Vec<_>) = fields
            .iter()
            .filter(|(name, _)| !OWN_FIELDS.contains(&name.to_ascii_lowercase().as_str()))
            .partition(|(name, _)| name.eq_ignore_ascii_case("Package"));
        put(&mut status, &first);
        writeln!(status, "Status: install ok {state}").expect("writing to a string does not fail");
        put(&mut status, &others);
        if !pending.is_empty() {
            let names: Vec<&str> = pending.into_iter().collect();
            writeln!(status, "Triggers-Pending: {}", names.join(" "))
                .expect("writing to a string does not fail");
        }
        status.push('\n');
        write_info(package, &unowned, files);
    }
    let mut write = |name: &str, text: &str| files.text(&format!("{FOLDER}/{name}"), text);
    write("status", &status);
    write("arch", &format!("{architecture}\n"));
    write("info/format", "1\n");
    for empty in ["available", "statoverride", "triggers/Unincorp"] {
        write(empty, "");
    }
    // The files are where they belong, so a script that diverts them must find that it has done so.
    if root.get(&format!("{FOLDER}/diversions")).is_none() {
        write("diversions", "");
    }
    for (name, text) in triggers::records(&interested) {
        write(&format!("triggers/{name}"), &text);
    }
    for (name, text) in choices::records(packages) {
        write(&format!("alternatives/{name}"), &text);
    }
    Ok(())
}

fn info(control: &Control, kind: &str) -> ImagePath {
    known(&format!("{FOLDER}/info/{}.{kind}", qualified_name(control)))
}

/// The triggers that unpacking the packages to run activates among these.
fn pending<'a>(interests: &'a [Interest], packages: &[&ScriptPackage<'_>]) -> BTreeSet<&'a str> {
    let unpacked = || packages.iter().filter(|package| package.runs());
    interests
        .iter()
        .map(|interest| interest.trigger.as_str())
        .filter(|trigger| {
            unpacked().any(|package| package.files.iter().any(|path| triggers::activates(path, trigger)))
        })
        .collect()
}

fn put(status: &mut String, fields: &[(&str, &str)]) {
    for (name, value) in fields {
        // A value of several lines continues after a blank (deb822(5)).
        let value = value.replace('\n', "\n ");
        let blank = if value.is_empty() || value.starts_with('\n') { "" } else { " " };
        writeln!(status, "{name}:{blank}{value}").expect("writing to a string does not fail");
    }
}

/// Writes what is in `info`; the links `unowned` go to the packages that bring something below them.
fn write_info(package: &ScriptPackage<'_>, unowned: &[&str], files: &mut Files) {
    let control = package.control;
    let path = |kind: &str| info(control, kind);
    let mut list = String::from("/.\n");
    for name in unowned {
        let directory = format!("usr/{name}");
        if package.files.iter().any(|path| path.is_within(&directory)) {
            writeln!(list, "/{name}").expect("writing to a string does not fail");
        }
    }
    // The format cannot hold a name with a line feed; dpkg itself refuses such packages.
    for file in package.files.iter().filter(|file| !file.as_str().contains('\n')) {
        list.push_str(&file.to_string());
        list.push('\n');
    }
    files.text(path("list").as_str(), &list);
    if let Some(templates) = package.templates {
        files.text(path("templates").as_str(), templates);
    }
    if package.tool {
        return;
    }
    for (name, text) in &control.scripts {
        files.program(path(name).as_str(), text);
    }
    if !control.triggers().is_empty() {
        files.text(path("triggers").as_str(), control.triggers());
    }
}
