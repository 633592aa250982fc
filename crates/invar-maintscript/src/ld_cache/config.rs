//! The directories that the cache covers.
//!
//! `/etc/ld.so.conf` ([ld.so(8)], [ldconfig(8)]) has one directory a line; `#` starts a comment, spaces around a line
//! and slashes at its end do not count. A line of `include` and a space names patterns of additional files, relative ones
//! next to the file itself, which are read in the byte order of their paths; `hwcap` and a space starts a line without
//! meaning. Before glibc 2.37 a `=` ends the directory and starts a library type, which no Debian package uses.
//!
//! In patterns `*` and `?` stand for any characters but `/`, and not for a dot at a name's start; brackets and
//! backslashes have no meaning here.
//!
//! After those directories come Debian's built-in ones: `/lib/TRIPLET`, `/usr/lib/TRIPLET`, `/lib` and `/usr/lib`. A
//! directory that is there twice, be it through links, counts where and as it comes first. Right after each comes what
//! is in its `glibc-hwcaps`, directories before links to directories and in the byte order of their names, except for
//! names with a dot at the start or a colon.
//!
//! [ld.so(8)]: https://man7.org/linux/man-pages/man8/ld.so.8.html
//! [ldconfig(8)]: https://man7.org/linux/man-pages/man8/ldconfig.8.html
use std::collections::BTreeSet;

use invar_tree::{ImagePath, Node};

use super::{Generation, LdCacheError, Machine};
use crate::{ConfigureError, View};

/// The main list of directories.
const CONFIG: &str = "/etc/ld.so.conf";
/// How many files are read: real images have less than ten, and files could include one another in a circle.
const FILES: usize = 256;
/// How many directories are taken: real images have less than ten, and each one is read as a whole.
const DIRECTORIES: usize = 1024;

/// One directory of libraries.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Directory {
    /// Its path as the cache shall name it.
    pub path: String,
    /// Where it is.
    pub place: ImagePath,
    /// Its name, if it is below a `glibc-hwcaps`.
    pub subdirectory: Option<String>,
}

/// All directories of libraries.
#[derive(Debug, Default)]
pub(super) struct Directories {
    /// The directories in the order in which they are searched, each once.
    pub list: Vec<Directory>,
    /// All names seen below `glibc-hwcaps`, also of those directories that are in the list already.
    pub subdirectories: BTreeSet<Vec<u8>>,
    /// How many configuration files have been read.
    files: usize,
}

impl Directories {
    /// The directories that the image asks for, and the built-in ones.
    pub(super) fn read(
        view: &View<'_>,
        machine: Machine,
        generation: Generation,
    ) -> Result<Self, ConfigureError> {
        let mut directories = Self::default();
        directories.include(view, CONFIG, generation)?;
        let triplet = machine.triplet();
        for path in
            [&format!("/lib/{triplet}"), &format!("/usr/lib/{triplet}"), &"/lib".into(), &"/usr/lib".into()]
        {
            directories.add(view, path)?;
        }
        Ok(directories)
    }

    fn include(&mut self, view: &View<'_>, file: &str, generation: Generation) -> Result<(), ConfigureError> {
        if self.files == FILES {
            return Err(LdCacheError::Includes { most: FILES }.at(file));
        }
        self.files += 1;
        let Some(bytes) = view.read(file)? else { return Ok(()) };
        for line in bytes.split(|&byte| byte == b'\n') {
            // The image has only paths in UTF-8: another line names nothing.
            let Ok(line) = std::str::from_utf8(line) else { continue };
            let line = line.split(['#', '\0']).next().unwrap_or_default().trim_start_matches(is_space);
            if let Some(patterns) = line.strip_prefix("include").filter(|rest| rest.starts_with([' ', '\t']))
            {
                for pattern in patterns.split([' ', '\t']).filter(|pattern| !pattern.is_empty()) {
                    let beside = file.rsplit_once('/').map_or("", |(directory, _)| directory);
                    let pattern = match pattern.starts_with('/') {
                        true => pattern.to_owned(),
                        false => format!("{beside}/{pattern}"),
                    };
                    for file in matches(view, &pattern) {
                        self.include(view, &file, generation)?;
                    }
                }
            } else if !is_hwcap(line) {
                let line = match generation {
                    Generation::Legacy => line.split('=').next().unwrap_or_default(),
                    Generation::Current => line,
                };
                self.add(view, line.trim_end_matches(is_space))?;
            }
        }
        Ok(())
    }

    fn add(&mut self, view: &View<'_>, path: &str) -> Result<(), ConfigureError> {
        let path = path.trim_end_matches('/');
        if path.is_empty() || !self.push(view, path.to_owned(), None)? {
            return Ok(());
        }
        let mut children = view.children(&format!("{path}/glibc-hwcaps"));
        // A directory and a link to it are one: which of the names counts is up to the file system in ldconfig.
        children.sort_by_key(|(_, entry)| !entry.is_directory());
        for (place, entry) in children {
            let name = place.name();
            if name.starts_with('.') || name.contains(':') || matches!(entry.node, Node::File { .. }) {
                continue;
            }
            if view.follow(place.as_str()).is_some_and(invar_tree::Entry::is_directory) {
                self.subdirectories.insert(name.as_bytes().to_vec());
                self.push(view, format!("{path}/glibc-hwcaps/{name}"), Some(name.to_owned()))?;
            }
        }
        Ok(())
    }

    /// Adds a directory and says whether it is one, and new.
    fn push(
        &mut self,
        view: &View<'_>,
        path: String,
        subdirectory: Option<String>,
    ) -> Result<bool, ConfigureError> {
        let Some(place) = view.resolve(&path) else { return Ok(false) };
        if !view.get(place.as_str()).is_some_and(invar_tree::Entry::is_directory)
            || self.list.iter().any(|directory| directory.place == place)
        {
            return Ok(false);
        }
        if self.list.len() == DIRECTORIES {
            return Err(LdCacheError::Directories { most: DIRECTORIES }.at(CONFIG));
        }
        self.list.push(Directory { path, place, subdirectory });
        Ok(true)
    }
}

/// What C's `isspace` takes for a space.
fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\x0b' | '\x0c' | '\r')
}

fn is_hwcap(line: &str) -> bool {
    line.get(..5).is_some_and(|word| word.eq_ignore_ascii_case("hwcap")) && line[5..].starts_with([' ', '\t'])
}

/// The paths that match `pattern`, in byte order.
fn matches(view: &View<'_>, pattern: &str) -> Vec<String> {
    let mut found = vec![String::new()];
    for name in pattern.split('/').filter(|name| !name.is_empty()) {
        if !name.contains(['*', '?']) {
            found.iter_mut().for_each(|path| *path = format!("{path}/{name}"));
            continue;
        }
        let children = |path: String| -> Vec<String> {
            let names = view.children(&path).into_iter().map(|(place, _)| place.name().to_owned());
            names.filter(|child| is_match(name, child)).map(|child| format!("{path}/{child}")).collect()
        };
        found = found.into_iter().flat_map(children).collect();
    }
    found.retain(|path| view.exists(path));
    found.sort();
    found
}

fn is_match(pattern: &str, name: &str) -> bool {
    if name.starts_with('.') && !pattern.starts_with('.') {
        return false;
    }
    // One row of a table: whether the pattern so far matches the first `i` characters of the name.
    let name: Vec<char> = name.chars().collect();
    let mut row: Vec<bool> = (0..=name.len()).map(|length| length == 0).collect();
    for symbol in pattern.chars() {
        let above = row.clone();
        row[0] = above[0] && symbol == '*';
        for length in 1..=name.len() {
            row[length] = match symbol {
                '*' => above[length] || row[length - 1],
                '?' => above[length - 1],
                symbol => above[length - 1] && name[length - 1] == symbol,
            };
        }
    }
    row[name.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_names() {
        let check =
            |pattern, name, expected| assert_eq!(is_match(pattern, name), expected, "{pattern} {name}");
        check("*.conf", "libc.conf", true);
        check("*.conf", "libc.conf.dpkg-new", false);
        check("*.conf", ".conf", false);
        check("*.conf", ".hidden.conf", false);
        check(".*", ".hidden.conf", true);
        check("?b*c", "abc", true);
        check("?b*c", "bc", false);
        check("*", "", true);
        check("**a", "banana", true);
    }
}
