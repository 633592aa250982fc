//! How files and modules of a project are started in an image, which has them in `/app` or in its environment.
use std::collections::BTreeMap;

use crate::project::Facts;
use crate::project::code::{Code, within};
use crate::project::declared::Declared;
use crate::project::installed::Installed;
use crate::project::listener::Listener;
use crate::project::python_file::PythonFile;
use crate::project::search_path;

/// Where an image has the project's files.
const PROJECT: &str = "/app";

/// What a command is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// A web application, or what the project says is its web process.
    Served,
    /// A script that the project installs.
    Script,
    /// A worker.
    Worker,
    /// A file that is there to be run.
    #[default]
    Program,
}

/// A command that an image may have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Candidate {
    pub kind: Kind,
    /// The file that it starts.
    pub path: String,
    pub command: Vec<String>,
    /// The port that it listens at, if it is known.
    pub port: Option<i64>,
    /// The variables that it needs.
    pub env: BTreeMap<String, String>,
    /// Whether it needs the project's files, also where the project is a package.
    pub needs_files: bool,
    /// How it is named beside others.
    pub label: String,
    /// Whether it serves an application that is there without anything being called.
    pub is_plain: bool,
    /// What to know of it: what it is about, and what there is to say.
    pub notes: Vec<(String, String)>,
}

/// A project with everything that says how it starts.
pub(super) struct Project<'p> {
    pub facts: &'p Facts,
    pub code: Code<'p>,
    /// The modules of the project's own package; `None` where the project is not installed.
    pub installed: Option<Installed>,
    pub declared: Declared<'p>,
}

/// A module as a server is told of it.
pub(super) struct Target {
    /// The module.
    pub module: String,
    /// The folder that it is looked for in; nothing for the project's own.
    pub root: String,
    pub env: BTreeMap<String, String>,
    pub needs_files: bool,
}

impl Project<'_> {
    /// The command that runs `file`.
    pub fn run(&self, file: &PythonFile<'_>) -> Candidate {
        Candidate { path: file.path.to_owned(), ..self.run_command(file) }
    }

    fn run_command(&self, file: &PythonFile<'_>) -> Candidate {
        let python = |words: &[&str]| -> Vec<String> {
            ["python"].iter().chain(words).map(|word| (*word).to_owned()).collect()
        };
        if let Some(module) = self.installed.as_ref().and_then(|installed| installed.module(file.path)) {
            // As Python names the program of a package.
            let module = module.strip_suffix(".__main__").unwrap_or(&module);
            return Candidate::of(python(&["-m", module]));
        }
        let needs_files = self.installed.is_some();
        let found = search_path::find(&self.code, file);
        let is_main = file.stem() == "__main__" && !file.directory().is_empty();
        let is_name = found.module.split('.').all(|part| {
            !part.starts_with(|c: char| c.is_ascii_digit())
                && part.chars().all(|c| c.is_alphanumeric() || c == '_')
        });
        let (command, env) = match (is_main || found.is_module) && is_name {
            true => {
                let module = found.module.strip_suffix(".__main__").unwrap_or(&found.module);
                (python(&["-m", module]), search_path([&found.root].into_iter().chain(&found.further)))
            }
            false => (python(&[file.path]), search_path(found.further.iter())),
        };
        Candidate { env, needs_files, ..Candidate::of(command) }
    }

    /// How a server finds the module of `file`.
    pub fn target(&self, file: &PythonFile<'_>) -> Target {
        if let Some(module) = self.installed.as_ref().and_then(|installed| installed.module(file.path)) {
            return Target { module, root: String::new(), env: BTreeMap::new(), needs_files: false };
        }
        let found = search_path::find(&self.code, file);
        let further = found.further.iter().filter(|place| **place != found.root);
        Target {
            module: found.module,
            env: search_path(further),
            root: found.root,
            needs_files: self.installed.is_some(),
        }
    }

    /// How early the README shows that `file` is run, by its path or as a module.
    pub fn shown(&self, file: &PythonFile<'_>) -> usize {
        let installed = self.installed.as_ref().and_then(|installed| installed.module(file.path));
        let modules = [Some(search_path::module(file.path)), installed];
        let ranks = modules.iter().flatten().map(|module| self.declared.rank(module));
        ranks.chain([self.declared.rank(file.path)]).min().unwrap_or(usize::MAX)
    }

    /// The command that runs `file`, which listens by `listener`.
    pub fn run_open(&self, file: &PythonFile<'_>, listener: &Listener) -> Candidate {
        self.run(file).open(file.path, listener)
    }
}

impl Candidate {
    pub fn of(command: Vec<String>) -> Self {
        let label = command.join(" ");
        Self { command, label, ..Self::default() }
    }

    /// As what starts `file`, and is of the kind `kind`.
    pub fn starting(self, file: &PythonFile<'_>, kind: Kind) -> Self {
        Self { path: file.path.to_owned(), kind, ..self }
    }

    /// With the port of `listener`, and with what makes others reach it.
    pub fn open(mut self, path: &str, listener: &Listener) -> Self {
        self.port = listener.port;
        match listener.opened() {
            Some(opening) => {
                self.command.extend(opening.arguments);
                self.env.extend(opening.variable);
            }
            None => {
                let note = format!(
                    "{path}:{} listens on {}, which cannot be reached from outside the container: use 0.0.0.0",
                    listener.line,
                    listener.host.text.as_deref().unwrap_or("127.0.0.1"),
                );
                self.notes.push((String::new(), note));
            }
        }
        self
    }
}

/// `PYTHONPATH` with the folders `places` of the project; nothing where Python looks there already.
fn search_path<'p>(places: impl Iterator<Item = &'p String>) -> BTreeMap<String, String> {
    let places: Vec<&String> = places.collect();
    // The folder that a program is started in is looked into, if nothing else is asked for.
    if places.iter().all(|place| place.is_empty()) {
        return BTreeMap::new();
    }
    let places: Vec<String> =
        places.iter().map(|place| within(PROJECT, place).trim_end_matches('/').to_owned()).collect();
    BTreeMap::from([("PYTHONPATH".to_owned(), places.join(":"))])
}
