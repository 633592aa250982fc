//! Folders that the project's own files name, such as `/code/data` in a program, where an Invar image has others.
use std::collections::BTreeSet;

use crate::dockerfile::Reader;
use crate::dockerfile::files::Files;
use crate::dockerfile::place::{ENVIRONMENT, PROJECT, below};
use crate::draft::Source;

/// Folders that Debian's own packages have: none of them can be a link.
const SYSTEMS: [&str; 10] =
    ["/bin", "/etc", "/home", "/mnt", "/opt", "/root", "/srv", "/tmp", "/usr/src", "/var"];

/// The most names of a folder that are linked one by one.
const MOST: usize = 50;

/// Whether a program, script or configuration of the project names the folder `folder`, or something in it.
pub(super) fn names_directory(files: Files<'_>, directory: &str) -> bool {
    directory.len() > 1
        && files.0.iter().any(|(path, text)| {
            text.as_deref().is_some_and(|text| is_read(path, text) && has_path(text, directory))
        })
}

/// Whether a file is one that a running program reads, judging by its name or first line.
fn is_read(path: &str, text: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let ends = [".py", ".sh", ".conf", ".cfg", ".ini"];
    name != "setup.py" && name != "setup.cfg" && ends.iter().any(|end| name.ends_with(end))
        || text.starts_with("#!")
}

/// Whether `text` has `folder` as a path or as the start of one.
fn has_path(text: &str, directory: &str) -> bool {
    text.match_indices(directory).any(|(at, _)| {
        let is_of_name = |c: char| c.is_alphanumeric() || "_-.".contains(c);
        let before = text[..at].chars().next_back();
        let after = text[at + directory.len()..].chars().next();
        before.is_none_or(|c| !is_of_name(c) && !"/}$~".contains(c)) && after.is_none_or(|c| !is_of_name(c))
    })
}

impl Reader<'_> {
    /// Leaves links at the folders that the project's files name, to where they are.
    pub(super) fn link_directories(&mut self) {
        let files = Files(self.context.files);
        let mut links: Vec<(String, String)> = Vec::new();
        let project = self.places.project.clone().filter(|_| self.places.is_whole);
        let directories = self.places.environments.iter().chain(&project);
        for directory in directories.map(|directory| directory.trim_end_matches('/')) {
            let there = self.places.in_image(directory);
            let is_other = there != directory
                && below(directory, PROJECT).is_none()
                && below(PROJECT, directory).is_none();
            if !is_other || !names_directory(files, directory) {
                continue;
            }
            if there == PROJECT
                && self.places.environments.iter().any(|environment| environment == directory)
                && names_directory(files, &format!("{directory}/bin"))
            {
                let why = format!(
                    "files in the project refer to programs in {directory}/bin, which are in {ENVIRONMENT}/bin: call them \
                         by name"
                );
                self.draft.note(Source { file: "Dockerfile", line: 0 }, "", why);
            }
            match SYSTEMS.contains(&directory) {
                false => links.push((directory.to_owned(), there)),
                true => {
                    let own = files.0.keys().filter_map(|path| path.split('/').next());
                    let made = self.accounts.made.iter().filter_map(|path| first_below(path, directory));
                    let moved = self.moved_to.iter().filter_map(|path| first_below(path, &there));
                    let names: BTreeSet<&str> = own.chain(made).chain(moved).collect();
                    let named = names
                        .into_iter()
                        .filter(|name| names_directory(files, &format!("{directory}/{name}")));
                    links.extend(
                        named
                            .take(MOST)
                            .map(|name| (format!("{directory}/{name}"), format!("{there}/{name}"))),
                    );
                }
            }
        }
        links.sort();
        links.dedup();
        self.link(links);
    }
}

/// The first name of `path` below `folder`.
fn first_below<'p>(path: &'p str, directory: &str) -> Option<&'p str> {
    below(path, directory)?.split('/').find(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_named_where_it_stands_as_a_path() {
        let check = |text: &str, expected: bool| assert_eq!(has_path(text, "/code"), expected, "{text}");
        check("open('/code/data.txt')", true);
        check("cd /code && x", true);
        check("/code", true);
        check("https://example.org/code", false);
        check("/codec", false);
        check("a/code", false);
        check("$X/code ~/code", false);
        check("/code.txt", false);
    }
}
