//! `useradd`, `USER`, and the directories that are created for the user.
use std::collections::{BTreeMap, BTreeSet};

use invar_dockerfile::Instruction;
use toml::Value;

use crate::dockerfile::Reader;
use crate::dockerfile::files::{Files, relative};
use crate::dockerfile::place::{PROJECT, below};
use crate::draft::Source;

/// The accounts that a Dockerfile makes, and the directories.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    /// The accounts, by their names.
    by_name: BTreeMap<String, Account>,
    /// The account that the program runs as.
    current: Option<String>,
    /// Directories that are created, as the Dockerfile has them.
    pub made: BTreeSet<String>,
    /// Directories that are given to somebody, with what is in them.
    owned: BTreeSet<String>,
    /// Directories that are given to somebody by an option that goes into them.
    recursive: BTreeSet<String>,
    /// Files that are created, as the Dockerfile has them.
    pub written: BTreeSet<String>,
}

#[derive(Debug, Clone)]
struct Account {
    uid: u32,
    gid: u32,
    /// Its home, where that is created.
    home: Option<String>,
}

/// Where systems have their own directories; what is created there serves the build.
const SYSTEM: [&str; 8] = ["/bin", "/dev", "/etc", "/proc", "/root/.cache", "/tmp", "/usr", "/var/lib/apt"];

impl Reader<'_> {
    /// Remembers the number of an account, as the programs choose it, and its home.
    pub(super) fn account(&mut self, program: &str, words: &[&str]) {
        let text = |names: &[&str]| -> Option<&str> {
            words.iter().enumerate().find_map(|(index, word)| {
                let (name, value) = match word.split_once('=') {
                    Some((name, value)) => (name, value),
                    None => (*word, words.get(index + 1).copied().unwrap_or_default()),
                };
                names.contains(&name).then_some(value)
            })
        };
        let value = |names: &[&str]| text(names).and_then(|value| value.parse::<u32>().ok());
        if program == "groupadd" || program == "addgroup" {
            return;
        }
        let has = |options: &[&str]| words.iter().any(|word| options.contains(word));
        let uid = value(&["-u", "--uid"]);
        let is_system = has(&["-r", "-S", "--system"]);
        let uid = uid.unwrap_or(if is_system { 999 } else { 1000 });
        let gid = value(&["-g", "--gid"]).unwrap_or(uid);
        // The name is last, except for Alpine's options and a group.
        let name = words
            .iter()
            .rev()
            .find(|word| !word.starts_with('-') && word.parse::<u32>().is_err() && !word.contains('/'));
        let Some(name) = name else { return };
        let makes_home = match program {
            "adduser" => !is_system && !has(&["-H", "--no-create-home"]),
            // Several letters may be together: `useradd -rm`.
            _ => {
                let short = words
                    .iter()
                    .any(|word| !word.starts_with("--") && word.starts_with('-') && word.contains('m'));
                (short || has(&["--create-home"])) && !has(&["-M", "--no-create-home"])
            }
        };
        let home = text(&["-d", "--home", "--home-dir"]).map(str::to_owned);
        let home = makes_home.then(|| home.unwrap_or_else(|| format!("/home/{name}")));
        self.accounts.by_name.insert((*name).to_owned(), Account { uid, gid, home });
    }

    /// Reads `USER`.
    pub(super) fn user(&mut self, user: &str, instruction: &Instruction) {
        let (name, group) = match user.split_once(':') {
            Some((name, group)) => (name, Some(group)),
            None => (user, None),
        };
        self.accounts.current = None;
        if name == "root" || name == "0" {
            self.draft.image.remove("user");
        } else if let Ok(number) = name.parse::<u32>() {
            let own = self.accounts.by_name.iter().find(|(_, account)| account.uid == number);
            let group = group.and_then(|group| group.parse().ok()).or(own.map(|(_, account)| account.gid));
            self.accounts.current = own.map(|(name, _)| name.clone());
            let group = group.map(|group: u32| format!(":{group}")).unwrap_or_default();
            self.draft.image.set("user", format!("{number}{group}"));
        } else if let Some(Account { uid, gid, .. }) = self.accounts.by_name.get(name) {
            self.draft.image.set("user", format!("{uid}:{gid}"));
            self.accounts.current = Some(name.to_owned());
        } else if ["nobody", "www-data", "daemon"].contains(&name) {
            self.draft.image.set("user", name);
        } else {
            self.draft.image.set("user", "1000:1000");
            let why = format!("the number of {name} is unknown; 1000 is a guess");
            self.note(instruction, &why);
        }
    }

    /// Reads the words after `mkdir`.
    pub(super) fn make_directories(&mut self, words: &[&str], instruction: &Instruction) {
        let mode = mode_of(words);
        let is_users = self.draft.image.get("user").is_some() || mode.is_some_and(is_open);
        self.note_mode(mode, instruction);
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match *word {
                "-m" | "--mode" => _ = words.next(),
                option if option.starts_with('-') => {
                    // Several letters may be together: `mkdir -pm 755`.
                    if !option.starts_with("--") && option.ends_with('m') {
                        words.next();
                    }
                }
                path => {
                    let path = self.places.absolute(path);
                    if is_users {
                        self.accounts.owned.insert(path.clone());
                    }
                    self.accounts.made.insert(path);
                }
            }
        }
    }

    /// Reads the words after `install -d`.
    pub(super) fn install_directories(&mut self, words: &[&str], instruction: &Instruction) {
        let mode = mode_of(words);
        self.note_mode(mode, instruction);
        let is_given = words.iter().any(|word| {
            let is_short =
                |letter: char| !word.starts_with("--") && word.starts_with('-') && word.contains(letter);
            is_short('o') || is_short('g') || word.starts_with("--owner") || word.starts_with("--group")
        });
        let is_users = self.draft.image.get("user").is_some() || mode.is_some_and(is_open);
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match *word {
                "-m" | "-o" | "-g" | "--mode" | "--owner" | "--group" => _ = words.next(),
                option if option.starts_with('-') => {
                    // Several letters may be together: `install -dm 755`.
                    if !option.starts_with("--") && option.ends_with(['m', 'o', 'g']) {
                        words.next();
                    }
                }
                path => {
                    let path = self.places.absolute(path);
                    if is_users || is_given {
                        self.accounts.owned.insert(path.clone());
                    }
                    self.accounts.made.insert(path);
                }
            }
        }
    }

    /// Leaves a comment for a mode that directories do not have here.
    fn note_mode(&mut self, mode: Option<&str>, instruction: &Instruction) {
        if let Some(mode) = mode.filter(|mode| !is_open(mode) && !is_usual(mode)) {
            self.note(instruction, &format!("directories have the mode 0755 here, not {mode}"));
        }
    }

    /// Reads the words after `chmod`, where it makes directories writable for everybody; returns whether it does.
    pub(super) fn open_directories(&mut self, words: &[&str]) -> bool {
        let mut words = words.iter().filter(|word| !word.starts_with('-'));
        let Some(mode) = words.next().filter(|mode| is_open(mode)) else { return false };
        let paths: Vec<String> = words.map(|path| self.places.absolute(path)).collect();
        let is_any = !paths.is_empty() && paths.iter().all(|path| !self.accounts.written.contains(path));
        if is_any && mode.len() > 1 {
            self.accounts
                .recursive
                .extend(paths.iter().filter(|path| self.accounts.made.contains(*path)).cloned());
            self.accounts.owned.extend(paths);
        }
        is_any
    }

    /// Reads the words after `chown`.
    pub(super) fn own_directories(&mut self, words: &[&str]) {
        let paths = words.iter().filter(|word| !word.starts_with('-')).skip(1);
        let paths: Vec<String> = paths.map(|path| self.places.absolute(path)).collect();
        let is_whole = words.iter().any(|word| {
            *word == "--recursive" || word.starts_with('-') && !word.starts_with("--") && word.contains('R')
        });
        if is_whole {
            self.accounts.recursive.extend(paths.iter().cloned());
        }
        self.accounts.owned.extend(paths);
    }

    /// What the user may write to: its home, what is given to it, and what is created in that. For root, what is
    /// created and would not be there.
    pub(super) fn add_directories(&mut self) {
        let is_users = self.draft.image.get("user").is_some();
        let account =
            self.accounts.current.as_ref().and_then(|name| self.accounts.by_name.get(name)).cloned();
        let home = account.and_then(|account| account.home).filter(|_| is_users);
        let mut wanted: BTreeSet<String> = BTreeSet::new();
        if is_users {
            wanted.extend(self.accounts.owned.iter().cloned());
            let in_owned = |path: &&String| {
                self.accounts.owned.iter().any(|owned| {
                    path.strip_prefix(owned.as_str())
                        .is_some_and(|rest| rest.starts_with('/') || owned == "/")
                })
            };
            wanted.extend(self.accounts.made.iter().filter(in_owned).cloned());
            wanted.extend(home.iter().cloned());
        } else {
            wanted.extend(self.accounts.made.iter().filter(|path| !self.has(path)).cloned());
        }
        let directories: BTreeSet<String> = wanted
            .iter()
            .filter(|path| !self.is_systems(path) && !self.is_file(path) && !self.places.is_environment(path))
            .map(|path| self.places.in_image(path))
            .collect();
        let files: Vec<String> = wanted
            .iter()
            .filter(|path| self.is_file(path) && !self.is_systems(path) && !self.places.is_project(path))
            .cloned()
            .collect();
        for file in files {
            let why = "all files belong to root; list what the program writes to in `directories`";
            self.draft.note(Source { file: "Dockerfile", line: 0 }, &file, why);
        }
        for directory in directories {
            self.draft.image.add("directories", Value::String(directory));
        }
        if let Some(home) = &home {
            let has_own =
                matches!(self.draft.image.get("env"), Some(Value::Table(env)) if env.contains_key("HOME"));
            if !has_own {
                let home = self.places.in_image(home);
                self.draft.image.set_in("env", "HOME", home);
            }
        }
        if is_users && !self.accounts.by_name.is_empty() {
            let names: Vec<&str> = self.accounts.by_name.keys().map(String::as_str).collect();
            let source = Source { file: "Dockerfile", line: 0 };
            let without = if home.is_some() { "a name" } else { "a name and a home" };
            self.draft.note(source, "", format!("{} is a number here, without {without}", names.join(", ")));
        }
    }

    /// Whether `path` is no directory that a program would need to be given.
    fn is_systems(&self, path: &str) -> bool {
        let inside = |folder: &&str| {
            path.strip_prefix(*folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let is_roots = self.draft.image.get("user").is_none() && self.places.in_image(path) == PROJECT;
        path == "/" || is_roots || path.contains(['*', '?', '$']) || SYSTEM.iter().any(inside)
    }

    /// Whether the project's files are at `path`, or something of the image's is there anyhow.
    fn has(&self, path: &str) -> bool {
        let there = self.places.in_image(path);
        let inside = there.strip_prefix(PROJECT).map(relative);
        let is_moved = self.moved.iter().any(|moved| {
            moved.to.strip_prefix(&there).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        is_moved || inside.is_some_and(|inside| Files(self.context.files).has(&inside))
    }

    fn is_file(&self, path: &str) -> bool {
        let is_made = self.accounts.made.iter().any(|made| below(made, path).is_some());
        if self.accounts.written.contains(path) && !is_made {
            return true;
        }
        // What only `chown` names is a file where it looks like one.
        let name = path.rsplit('/').next().unwrap_or(path);
        let looks_so = name.trim_start_matches('.').rsplit_once('.').is_some_and(|(_, end)| {
            end != "d" && !end.is_empty() && end.chars().all(|c| c.is_ascii_alphabetic())
        });
        if looks_so && !is_made && !self.accounts.recursive.contains(path) && !self.has(path) {
            return true;
        }
        let there = self.places.in_image(path);
        let is_moved = self.moved.iter().any(|moved| moved.to == there && !moved.is_directory);
        let inside = there.strip_prefix(PROJECT).map(relative);
        is_moved || inside.is_some_and(|inside| self.context.files.contains_key(&inside))
    }
}

/// The mode among the words after `mkdir` and `install`.
fn mode_of<'w>(words: &[&'w str]) -> Option<&'w str> {
    words.iter().enumerate().find_map(|(at, word)| {
        let next = || words.get(at + 1).copied();
        if *word == "--mode" {
            return next();
        }
        if let Some(mode) = word.strip_prefix("--mode=") {
            return Some(mode);
        }
        let short = word.strip_prefix('-').filter(|rest| !rest.starts_with('-'))?;
        let (before, mode) = short.split_once('m')?;
        let is_letters = before.chars().all(|c| c.is_ascii_alphabetic());
        is_letters.then(|| if mode.is_empty() { next() } else { Some(mode) }).flatten()
    })
}

/// Whether with `mode` everybody may write.
fn is_open(mode: &str) -> bool {
    match u32::from_str_radix(mode, 8) {
        Ok(bits) => bits & 0o002 != 0,
        Err(_) => mode.split(',').any(|part| {
            part.split_once(['+', '='])
                .is_some_and(|(who, bits)| bits.contains('w') && (who.is_empty() || who.contains(['a', 'o'])))
        }),
    }
}

/// Whether with `mode` everybody may read, and who owns it write: as directories are on their own.
fn is_usual(mode: &str) -> bool {
    match u32::from_str_radix(mode, 8) {
        Ok(bits) => matches!(bits, 0o755 | 0o775 | 0o555),
        Err(_) => !mode.contains('-') && !mode.contains(['s', 't']),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_found_and_understood() {
        let check = |line: &str, expected: Option<&str>| {
            let words: Vec<&str> = line.split(' ').collect();
            assert_eq!(mode_of(&words), expected, "{line}");
        };
        check("-m 1777 /a", Some("1777"));
        check("-p --mode=0750 /a", Some("0750"));
        check("-d -m700 -o me /a", Some("700"));
        check("-dm 2775 /a", Some("2775"));
        check("-p /a-m", None);
        assert!(is_open("1777") && is_open("a+rwX") && is_open("+w") && !is_open("775") && !is_open("g+w"));
        assert!(is_usual("0755") && !is_usual("700") && !is_usual("2775") && is_usual("u=rwx,go=rx"));
    }
}
