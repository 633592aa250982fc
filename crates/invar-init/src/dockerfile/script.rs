//! Scripts of the project that a container starts: what runs them, and what of them the image cannot do.
use std::collections::BTreeSet;

use crate::dockerfile::Reader;
use crate::dockerfile::command::is_posix;
use crate::dockerfile::environment::SEARCHED;
use crate::dockerfile::files::{Files, relative};
use crate::dockerfile::moved::Relocation;
use crate::dockerfile::place::{PROJECT, below};
use crate::dockerfile::runner::{runners_in, sed_without_runner};
use crate::draft::Source;

/// What is done to files of the project before the image gets them.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Files that are not executable in the project, and are started.
    pub executable: BTreeSet<String>,
    /// Scripts that start programs by `uv run`: those of the image are in its environment already, and uv is not there.
    pub without_runner: BTreeSet<String>,
}

impl Reader<'_> {
    /// Looks into the scripts among `words`, which a container starts.
    pub(super) fn look_into_scripts(&mut self, words: &[String]) {
        for (index, word) in words.iter().enumerate() {
            // What is first, or after the options of `tini` and similar, is started; the rest is an argument.
            let is_started = index == 0 || words[index - 1] == "--";
            match word.split_once(' ') {
                None => self.look_into_script(word, is_started),
                // A line for a shell.
                Some(_) => word
                    .split([' ', ';', '&', '|'])
                    .for_each(|word| self.look_into_script(word, word.starts_with(['.', '/']))),
            }
        }
    }

    /// A script of the project's own needs what runs it.
    fn look_into_script(&mut self, program: &str, is_started: bool) {
        let Some(path) = self.script(program) else { return };
        let Some(text) = self.context.files.get(&path).and_then(|text| text.as_deref()) else { return };
        let Some(interpreter) = text.lines().next().and_then(|first| first.strip_prefix("#!")) else {
            return;
        };
        let name =
            interpreter.split_whitespace().rev().find(|word| !word.starts_with('-')).unwrap_or_default();
        let name = name.rsplit('/').next().unwrap_or_default();
        // An argument of a program is read by that, whatever its first line says.
        if is_started && is_posix(name) {
            self.add_shell(name);
            self.add_programs(text);
        }
        if is_started && interpreter.contains("/env") {
            self.draft.packages.insert("coreutils".to_owned());
        }
        if (text.contains(" run ") || text.contains("bin/activate")) && !runners_in(text).is_empty() {
            self.changes.without_runner.insert(path.clone());
        }
        if text.contains("uv sync") || text.contains("uv pip ") {
            let why = format!(
                "{path} calls uv, which is not in the image: the packages in uv.lock are already installed"
            );
            self.draft.note(Source { file: "Dockerfile", line: 0 }, "", why);
        }
        if is_started {
            self.start(path);
        }
    }

    /// The file of the project that the image has at `program`.
    fn script(&self, program: &str) -> Option<String> {
        let there = self.places.seen_from_here(program);
        let moved_to = |there: &str| {
            let mut moved = self.moved.iter().rev();
            moved.find_map(|moved| Some(format!("{}{}", moved.from, below(there, &moved.to)?)))
        };
        // A name alone is looked for where programs are.
        let directories = SEARCHED.iter().filter(|_| !program.contains('/'));
        let moved = moved_to(&there).or_else(|| {
            directories.into_iter().find_map(|directory| moved_to(&format!("{directory}/{program}")))
        });
        let inside = || there.strip_prefix(PROJECT)?.strip_prefix('/').map(str::to_owned);
        // Brought by another way, such as one stage after the other.
        let named = || {
            let name = program.rsplit('/').next().filter(|name| name.ends_with(".sh"))?;
            self.context.files.keys().find(|path| path.rsplit('/').next() == Some(name)).cloned()
        };
        let is_there = |path: &String| self.context.files.contains_key(path);
        moved.filter(is_there).or_else(|| inside().filter(is_there)).or_else(named)
    }

    /// The file of the project that the image has at `path`, which is given from the folder that the file has come to.
    pub(super) fn project_file(&self, path: &str) -> Option<String> {
        let there = self.places.seen_from_here(path);
        let moved = self
            .moved
            .iter()
            .rev()
            .find_map(|moved| Some(format!("{}{}", moved.from, below(&there, &moved.to)?)));
        let is_there = |path: &String| self.context.files.contains_key(path);
        let inside = || Some(below(&there, PROJECT)?.trim_start_matches('/').to_owned());
        moved.filter(is_there).or_else(|| inside().filter(is_there))
    }

    /// Remembers that the file `path` of the project has to be executable.
    pub(super) fn start(&mut self, path: String) {
        if self.context.files.contains_key(&path) && !self.context.executable.contains(&path) {
            self.changes.executable.insert(path);
        }
    }

    /// Reads the words after `chmod`.
    pub(super) fn change_mode(&mut self, words: &[&str]) {
        let mut words = words.iter().filter(|word| !word.starts_with('-'));
        let Some(mode) = words.next() else { return };
        for path in words.filter(|_| makes_executable(mode)) {
            let files = Files(self.context.files);
            if let Some(directory) = path.strip_suffix("/*").or(path.strip_suffix("/*.sh")) {
                let moved = self.moved.iter().filter(|moved| !moved.is_directory);
                let inside = moved.filter(|moved| below(&moved.to, directory).is_some());
                let inside: Vec<String> = inside.map(|moved| moved.from.clone()).collect();
                inside.into_iter().for_each(|path| self.start(path));
            }
            let found = match self.places.seen_from_here(path).strip_prefix(PROJECT) {
                Some(inside) if path.contains('*') => files.matching(&relative(inside)),
                _ => self.script(path).into_iter().collect(),
            };
            // Of a folder no file is meant to be started because of that.
            found.into_iter().for_each(|path| self.start(path));
        }
    }

    /// Moves what is changed to its own place, since a step has to make it.
    pub(super) fn change_files(&mut self) {
        let all: Vec<String> =
            self.changes.executable.iter().chain(&self.changes.without_runner).cloned().collect();
        for path in all {
            let is_moved = self.moved.iter().any(|moved| {
                path.strip_prefix(&moved.from).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            });
            if is_moved {
                continue;
            }
            let had = self.copied.len();
            self.copied.retain(|copied| *copied != path);
            if self.copied.len() == had {
                self.draft.exclude.insert(path.clone());
            }
            self.moved.push(Relocation { to: format!("{PROJECT}/{path}"), from: path, is_directory: false });
        }
    }

    /// The command of a step that changes those of its files `moved` that are to be changed.
    pub(super) fn change_command(&self, moved: &[&str]) -> Option<String> {
        let of_step = |paths: &BTreeSet<String>| -> Vec<String> {
            let is_there = |path: &&String| moved.iter().any(|moved| below(path, moved).is_some());
            paths.iter().filter(is_there).cloned().collect()
        };
        let named = |paths: &[String]| paths.iter().map(|path| quoted(path)).collect::<Vec<_>>().join(" ");
        let mut commands = Vec::new();
        let scripts = of_step(&self.changes.without_runner);
        let texts = scripts.iter().filter_map(|path| self.context.files.get(path)?.as_deref());
        if !scripts.is_empty() {
            commands.push(format!("sed -i {} {}", quoted(&sed_without_runner(texts)), named(&scripts)));
        }
        let executable = of_step(&self.changes.executable);
        if !executable.is_empty() {
            commands.push(format!("chmod +x {}", named(&executable)));
        }
        (!commands.is_empty()).then(|| commands.join(" && "))
    }
}

/// Whether `chmod` makes a file executable by `mode`: `755`, `a+x`, `u=rwx,go=rx`.
pub(super) fn makes_executable(mode: &str) -> bool {
    match u32::from_str_radix(mode, 8) {
        Ok(bits) => bits & 0o111 != 0,
        Err(_) => mode
            .split(',')
            .any(|part| part.split_once(['+', '=']).is_some_and(|(_, bits)| bits.contains(['x', 'X']))),
    }
}

/// `word` as a shell reads it back.
pub(super) fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_say_what_is_executable() {
        let check = |mode: &str, expected: bool| assert_eq!(makes_executable(mode), expected, "{mode}");
        check("755", true);
        check("0500", true);
        check("+x", true);
        check("u=rwx,go=rx", true);
        check("go-x,u+r", false);
        check("644", false);
        check("$MODE", false);
    }

    #[test]
    fn words_are_quoted_where_a_shell_needs_it() {
        assert_eq!(quoted("--a=b/c"), "--a=b/c");
        assert_eq!(quoted("it's $HOME"), r"'it'\''s $HOME'");
        assert_eq!(quoted(""), "''");
    }
}
