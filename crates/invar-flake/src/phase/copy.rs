//! Commands that make, copy, move, link and remove files.
use super::arguments::Arguments;
use super::files::{PathContent, base, is_within, join, parent, relative};
use super::interpreter::{Interpreter, Outcome};
use super::{FileContent, UnknownCommand};

impl Interpreter<'_> {
    pub(super) fn mkdir(&mut self, words: &[String]) -> Outcome {
        let arguments = Arguments::of(words, &["m", "mode"]);
        let mode = arguments.value(&["m", "mode"]).and_then(|mode| u32::from_str_radix(mode, 8).ok());
        for word in &arguments.operands {
            let path = self.path(word);
            self.make_directory(&path, mode);
        }
        Outcome::DONE
    }

    fn make_directory(&mut self, path: &str, mode: Option<u32>) {
        if path != "/" && matches!(self.files.find(path), PathContent::Missing) {
            let at = self.at.clone();
            self.files.put(path, FileContent::Directory, mode, &at);
        }
    }

    pub(super) fn touch(&mut self, words: &[String]) -> Outcome {
        for word in &Arguments::of(words, &["d", "r", "t", "date", "reference"]).operands {
            let path = self.path(word);
            if matches!(self.files.find(&path), PathContent::Missing) {
                self.place(&path, FileContent::Text { content: String::new() }, None);
            }
        }
        Outcome::DONE
    }

    pub(super) fn place(&mut self, path: &str, put: FileContent, mode: Option<u32>) {
        let at = self.at.clone();
        self.files.put(path, put, mode, &at);
    }

    pub(super) fn cp(&mut self, words: &[String]) -> Outcome {
        let arguments = Arguments::of(words, &["t", "target-directory", "S", "suffix"]);
        let parents = arguments.has(&["parents"]);
        let Some((sources, target, is_directory)) = targets(&arguments) else {
            return Outcome::unread("it has no target");
        };
        let mut problem = None;
        for source in sources {
            let outcome = if parents {
                let target = join(&self.path(&target), source.trim_start_matches("./"));
                self.copy(&source, &target, false, None)
            } else {
                let target = self.path(&target);
                let into = is_directory && !arguments.has(&["T", "no-target-directory"]);
                self.copy(&source, &target, into, None)
            };
            problem = problem.or(outcome);
        }
        problem.map_or(Outcome::DONE, Outcome::fails)
    }

    pub(super) fn install(&mut self, words: &[String]) -> Outcome {
        let options = ["m", "mode", "o", "owner", "g", "group", "t", "target-directory", "S", "suffix"];
        let arguments = Arguments::of(words, &options);
        let mode = arguments.value(&["m", "mode"]);
        let mode = mode.map_or(Some(0o755), |mode| u32::from_str_radix(mode, 8).ok().or(Some(0o755)));
        if arguments.has(&["d", "directory"]) {
            let mode = arguments.value(&["m", "mode"]).and(mode);
            for word in &arguments.operands {
                let path = self.path(word);
                self.make_directory(&path, mode);
            }
            return Outcome::DONE;
        }
        let Some((sources, target, is_directory)) = targets(&arguments) else {
            return Outcome::unread("it has no target");
        };
        let into = is_directory && !arguments.has(&["T", "no-target-directory"]);
        let mut problem = None;
        for source in sources {
            let target = self.path(&target);
            problem = problem.or(self.copy(&source, &target, into, mode));
        }
        problem.map_or(Outcome::DONE, Outcome::fails)
    }

    /// Copies `source`; into the directory `target` if `into` says so or if it is one. Gives why it cannot be copied.
    fn copy(&mut self, source: &str, target: &str, into: bool, mode: Option<u32>) -> Option<String> {
        let from = self.path(source);
        let contents = source == "." || source == ".." || source.ends_with("/.") || source.ends_with("/..");
        let found = self.files.find(&from);
        let into = into || self.is_directory(target);
        let target = match (contents, into) {
            // The contents go into what is there, or are what is there.
            (true, true) => return self.merge(&from, target),
            (false, true) => {
                // A script that was put into the store keeps its own name there, which starts with a hash.
                join(target, store_name(base(&from)))
            }
            (_, false) => target.to_owned(),
        };
        if is_within(&target, &from) && from != "/" && target != from {
            return Some("a directory is copied into itself".to_owned());
        }
        self.copy_found(&from, found, &target, mode)
    }

    fn copy_found(
        &mut self,
        from: &str,
        found: PathContent,
        target: &str,
        mode: Option<u32>,
    ) -> Option<String> {
        match found {
            PathContent::Missing => {
                let why = self.why_missing(from);
                let put = FileContent::Unknown { command: format!("{from} -> {target}"), why: why.clone() };
                if !self.is_directory(target) && is_within(target, &self.output) {
                    self.place(target, put, None);
                }
                Some(why)
            }
            PathContent::Put(FileContent::Directory, _) => {
                self.make_directory(target, None);
                self.merge(from, target)
            }
            PathContent::Put(FileContent::Project { from: project }, _)
                if self.files.is_project_directory(&project)
                    && (!self.files.is_whole(from)
                        || !self.files.below(from).iter().all(|(path, _)| path == from)
                        || self.is_directory(target)) =>
            {
                self.make_directory(target, None);
                self.merge(from, target)
            }
            PathContent::Put(put @ FileContent::Foreign { .. }, old) if self.is_directory(target) => {
                let FileContent::Foreign { from } = put else { return None };
                self.place(&join(target, "*"), FileContent::Foreign { from: join(&from, "*") }, old);
                None
            }
            PathContent::Put(put, old) => {
                self.place(target, put, mode.or(old));
                None
            }
        }
    }

    /// Copies what is in the directory `from` into the directory `target`.
    fn merge(&mut self, from: &str, target: &str) -> Option<String> {
        let Some(names) = self.files.names(from) else {
            return match self.files.find(from) {
                PathContent::Put(FileContent::Foreign { from }, mode) => {
                    self.place(&join(target, "*"), FileContent::Foreign { from: join(&from, "*") }, mode);
                    None
                }
                _ => Some(format!("what is in {from} is unknown")),
            };
        };
        let mut problem = None;
        for name in names {
            let (inner, below) = (join(from, &name), join(target, &name));
            if is_within(&below, &inner) || self.files.full || self.files.is_exhausted() {
                continue;
            }
            let found = self.files.find(&inner);
            problem = problem.or(self.copy_found(&inner, found, &below, None));
        }
        problem
    }

    pub(super) fn is_directory(&self, path: &str) -> bool {
        match self.files.find(path) {
            PathContent::Put(FileContent::Directory, _) => true,
            PathContent::Put(FileContent::Project { from }, _) => self.files.is_project_directory(&from),
            _ => path == self.output || path == self.directory || path == "/",
        }
    }

    /// Why something that is used is not there.
    fn why_missing(&self, path: &str) -> String {
        let name = match self.files.source(path) {
            Some(path) => path,
            None => path.to_owned(),
        };
        let mut makers = self.unread.iter().filter(|unread| unread.why == "what it does is unknown");
        let maker = makers.next_back();
        match maker {
            Some(UnknownCommand { command, at, .. }) => format!(
                "`{name}` is not in the project; perhaps `{command}` ({} line {}) makes it",
                at.phase, at.line
            ),
            None => format!("`{name}` is not in the project"),
        }
    }

    pub(super) fn ln(&mut self, words: &[String]) -> Outcome {
        let arguments = Arguments::of(words, &["t", "target-directory", "S", "suffix"]);
        let (sources, target, is_directory) = match targets(&arguments) {
            Some(targets) => targets,
            // `ln -s FILE` makes a link in the current directory.
            None => match arguments.operands.as_slice() {
                [only] => (vec![only.clone()], ".".to_owned(), true),
                _ => return Outcome::unread("it has no target"),
            },
        };
        let mut problem = None;
        for source in sources {
            let target = self.path(&target);
            let into = is_directory || (self.is_directory(&target) && !arguments.has(&["n", "T"]));
            let path = if into { join(&target, store_name(base(&source))) } else { target };
            if arguments.has(&["s", "symbolic"]) {
                let to = if arguments.has(&["r", "relative"]) { self.path(&source) } else { source };
                self.place(&path, FileContent::Link { to }, None);
            } else {
                problem = problem.or(self.copy(&source, &path, false, None));
            }
        }
        problem.map_or(Outcome::DONE, Outcome::fails)
    }

    pub(super) fn mv(&mut self, words: &[String]) -> Outcome {
        let arguments = Arguments::of(words, &["t", "target-directory", "S", "suffix"]);
        let Some((sources, target, is_directory)) = targets(&arguments) else {
            return Outcome::unread("it has no target");
        };
        let mut problem = None;
        for source in sources {
            let target = self.path(&target);
            let from = self.path(&source);
            if let PathContent::Put(FileContent::Foreign { from }, _) = self.files.find(&from)
                && is_within(&self.path(&source), &self.output)
                && self.files.entry_mut(&self.path(&source)).is_none()
            {
                problem = problem.or(Some(format!("it moves a part of another package: {from}")));
                continue;
            }
            let failed = self.copy(&source, &target, is_directory, None);
            if failed.is_none() {
                self.files.remove(&from);
            }
            problem = problem.or(failed);
        }
        problem.map_or(Outcome::DONE, Outcome::fails)
    }

    pub(super) fn rm(&mut self, words: &[String]) -> Outcome {
        let mut problem = None;
        for word in &Arguments::of(words, &[]).operands {
            let path = self.path(word);
            if path == self.output || path == "/" || word.contains(['*', '?']) {
                if !matches!(self.files.find(parent(&path)), PathContent::Missing) && path != self.output {
                    problem = Some("which files it removes is unknown".to_owned());
                }
                continue;
            }
            // What a command leaves that is not read may be there, too; removing it is no loss.
            let is_foreign =
                matches!(self.files.find(&path), PathContent::Put(FileContent::Foreign { .. }, _));
            if is_foreign && is_within(&path, &self.output) && self.files.entry_mut(&path).is_none() {
                problem =
                    Some(format!("it removes a part of another package: {}", relative(&path, &self.output)));
            } else {
                self.files.remove(&path);
            }
        }
        problem.map_or(Outcome::DONE, Outcome::unread)
    }
}

/// The sources and the target of a command that copies, and whether the target is a directory.
fn targets(arguments: &Arguments) -> Option<(Vec<String>, String, bool)> {
    if let Some(directory) = arguments.value(&["t", "target-directory"]) {
        return Some((arguments.operands.clone(), directory.to_owned(), true));
    }
    let (target, sources) = arguments.operands.split_last()?;
    if sources.is_empty() {
        return None;
    }
    Some((
        sources.to_vec(),
        target.clone(),
        sources.len() > 1 || target.ends_with('/') || target.ends_with("/."),
    ))
}

/// The name of a file without the hash that it has in the store.
fn store_name(name: &str) -> &str {
    match name.split_once('-') {
        Some((hash, rest)) if hash.len() == 32 && hash.chars().all(|c| c.is_ascii_alphanumeric()) => rest,
        _ => name,
    }
}
