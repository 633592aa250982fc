//! Derivations in the image: what each puts where.
mod text;
mod wrap;

use std::collections::BTreeMap;

use invar_flake::phase::{FileContent, read_launcher};
use invar_flake::{Datum, Derivation, DerivationTree, FlakeValue};
use invar_nix::{Position, SymbolId};
use toml::{Table, Value};

use crate::flake::place::ENVIRONMENT;
use crate::flake::reader::{PlacedDerivation, Reader};
use crate::flake::step::step_name;

/// Functions whose derivations are known by what they put where.
const KNOWN: [&str; 24] = [
    "stdenv.mkDerivation",
    "runCommand",
    "symlinkJoin",
    "buildEnv",
    "writeText",
    "writeTextDir",
    "writeTextFile",
    "writeScript",
    "writeScriptBin",
    "writeShellScript",
    "writeShellScriptBin",
    "writeShellApplication",
    "linkFarm",
    "substituteAll",
    "replaceVars",
    "substitute",
    "writers.writeBash",
    "writers.writeBashBin",
    "writers.writeDash",
    "writers.writeDashBin",
    "writers.writePython3",
    "writers.writePython3Bin",
    "writers.writeJS",
    "writers.writeJSBin",
];
/// Directories that are there in any image, or mean nothing while they are empty.
const USUAL: [&str; 17] = [
    "tmp",
    "var/tmp",
    "run",
    "",
    "bin",
    "sbin",
    "lib",
    "libexec",
    "share",
    "etc",
    "usr",
    "usr/bin",
    "usr/lib",
    "usr/share",
    "var",
    "share/man",
    "opt",
];

/// A derivation whose files are put into the image.
struct DerivationLayout {
    root: String,
    step: String,
    /// Programs of other packages that were moved aside for a wrapper, by where they would be.
    aside: BTreeMap<String, String>,
}

impl Reader<'_> {
    /// Why what the derivation puts where is unknown, if it is not.
    pub(super) fn unbuildable(&self, derivation: &Derivation) -> Option<String> {
        let function = derivation.function.as_str();
        if KNOWN.contains(&function) {
            return None;
        }
        Some(format!("the result of {function} is unknown: write it as a step"))
    }

    /// Puts the derivation at a place of its own, unless it is in the image already. Gives its directory.
    pub(super) fn lay_aside(&mut self, symbol: SymbolId, derivation: &Derivation) -> String {
        if let Some(laid) = self.laid.get(&symbol) {
            return laid.root.clone();
        }
        let name = derivation.text("pname").map(str::to_owned).or_else(|| derivation.name());
        let name = name.unwrap_or_else(|| "package".to_owned());
        let allowed = |c: char| if c.is_ascii_alphanumeric() || "._+-".contains(c) { c } else { '-' };
        let name: String = name.chars().map(allowed).collect();
        let taken = |root: &String| self.laid.values().any(|laid| laid.root == *root);
        let mut root = format!("/opt/{name}");
        let mut number = 2;
        while taken(&root) {
            root = format!("/opt/{name}-{number}");
            number += 1;
        }
        self.lay(symbol, derivation, &root, None);
        root
    }

    /// Puts the derivation at `root`; of it only what is below `only`.
    pub(super) fn lay(
        &mut self,
        symbol: SymbolId,
        derivation: &Derivation,
        root: &str,
        only: Option<Vec<String>>,
    ) {
        if self.laid.contains_key(&symbol) {
            return;
        }
        self.laid.insert(symbol, PlacedDerivation { root: root.to_owned(), only: only.clone() });
        self.open.push_back(symbol);
        self.lay_joined(derivation, root, only.as_ref());
    }

    /// What is joined in a derivation is where that is.
    fn lay_joined(&mut self, derivation: &Derivation, root: &str, only: Option<&Vec<String>>) {
        let joins = |inner: &Derivation| matches!(inner.function.as_str(), "symlinkJoin" | "buildEnv");
        if !joins(derivation) {
            return;
        }
        let mut open: Vec<Datum> = derivation.items("paths").to_vec();
        while let Some(item) = open.pop() {
            if item.thing().is_none() {
                open.extend(item.items().iter().filter(|inner| **inner != item).cloned());
                continue;
            }
            let Some(symbol) = item.thing() else { continue };
            match &*self.flake.thing(symbol) {
                FlakeValue::Derivation(inner) if !self.laid.contains_key(&symbol) => {
                    self.laid.insert(symbol, PlacedDerivation { root: root.to_owned(), only: only.cloned() });
                    if joins(inner) {
                        open.extend(inner.items("paths").iter().cloned());
                    }
                }
                _ => {}
            }
        }
    }

    /// Puts the files of all derivations that are in the image where they are.
    pub(super) fn lay_all(&mut self) {
        while let Some(symbol) = self.open.pop_front() {
            let Some(laid) = self.laid.get(&symbol).cloned() else { continue };
            let thing = self.flake.thing(symbol);
            let FlakeValue::Derivation(derivation) = &*thing else { continue };
            let output = self.flake.store_path(symbol);
            let tree = self.flake.tree(derivation, &output, self.files);
            let name = derivation.text("pname").map(str::to_owned).or_else(|| derivation.name());
            let step = step_name(&name.unwrap_or_default());
            self.lay_tree(&tree, &output, &laid, step);
            self.note_inputs(derivation);
        }
    }

    /// Puts what is changed of an environment or application into the root: wrappers most often.
    pub(super) fn lay_changes(&mut self, symbol: SymbolId, changes: &BTreeMap<String, Datum>) {
        if self.in_shell || changes.is_empty() || !self.changed.insert(symbol) {
            return;
        }
        let output = self.flake.store_path(symbol);
        let tree = self.flake.tree_of_changes(changes, &output, self.files);
        let laid = PlacedDerivation { root: self.root.clone(), only: None };
        let step = step_name(&self.name_of(symbol));
        self.lay_tree(&tree, &output, &laid, step);
    }

    /// Where the changed part `rest` of an environment or application is.
    pub(super) fn changed_place(&self, symbol: SymbolId, rest: &str) -> Option<String> {
        let there = format!("{}{rest}", self.root.trim_end_matches('/'));
        (self.changed.contains(&symbol) && self.steps.has(&there)).then_some(there)
    }

    /// Packages that a derivation only has while it is built are of no consequence; what it propagates is used, and so
    /// are the libraries that the wrappers of GTK's and Qt's hooks name.
    fn note_inputs(&mut self, derivation: &Derivation) {
        let mut native = derivation.items("nativeBuildInputs").to_vec().into_iter();
        let is_wrapped = native.any(|item| {
            let name = item.thing().map(|symbol| self.name_of(symbol)).unwrap_or_default();
            name.starts_with("wrapGAppsHook") || name.ends_with("wrapQtAppsHook")
        });
        let libraries = is_wrapped.then_some("buildInputs");
        for name in ["propagatedBuildInputs", "propagatedUserEnvPkgs"].into_iter().chain(libraries) {
            for item in derivation.items(name).to_vec() {
                if let Some(symbol) = item.thing()
                    && (Some(name) != libraries
                        || matches!(&*self.flake.thing(symbol), FlakeValue::Package(_)))
                    && let Err(why) = self.locate(symbol, "/bin")
                {
                    self.note(item.place.as_ref(), "", &why);
                }
            }
        }
    }

    fn lay_tree(&mut self, tree: &DerivationTree, output: &str, laid: &PlacedDerivation, step: String) {
        let mut laying = DerivationLayout {
            root: laid.root.trim_end_matches('/').to_owned(),
            step,
            aside: BTreeMap::new(),
        };
        let entries = &tree.tree.entries;
        for (path, entry) in entries {
            let name = path.rsplit('/').next().unwrap_or(path);
            if name.starts_with('.')
                && name.ends_with("-wrapped")
                && let FileContent::Foreign { from } = &entry.put
            {
                laying.aside.insert(format!("{output}/{path}"), from.clone());
            }
        }
        let is_shown = |path: &str| {
            laid.only.as_ref().is_none_or(|only| {
                let within = |directory: &String| {
                    let directory = directory.trim_matches('/');
                    directory.is_empty() || path == directory || path.starts_with(&format!("{directory}/"))
                };
                path.ends_with('*') || only.iter().any(within)
            })
        };
        let mut rest = Vec::new();
        for (path, entry) in entries {
            if laying.aside.contains_key(&format!("{output}/{path}")) {
                continue;
            }
            if is_shown(path) {
                self.lay_entry(path, entry, tree, &laying);
            } else {
                rest.push((path, entry));
            }
        }
        // What is not shown in the root is there, all the same, for what refers to it.
        loop {
            let before = rest.len();
            let mut left = Vec::new();
            for (path, entry) in std::mem::take(&mut rest) {
                let place = format!("{}/{path}", laying.root);
                let below = format!("{place}/");
                let is_used = self.used.contains(&place)
                    || self.used.iter().any(|used| {
                        used.starts_with(&below)
                            || place.starts_with(&format!("{}/", used.trim_end_matches('/')))
                                && used.len() > laying.root.len() + 1
                    });
                if is_used {
                    self.lay_entry(path, entry, tree, &laying);
                } else {
                    left.push((path, entry));
                }
            }
            rest = left;
            if rest.len() == before {
                break;
            }
        }
        self.note_unread(tree);
    }

    /// What commands over the root put there.
    pub(super) fn lay_commands(&mut self, tree: &DerivationTree, name: &str) {
        let laying = DerivationLayout { root: String::new(), step: step_name(name), aside: BTreeMap::new() };
        for (path, entry) in &tree.tree.entries {
            let is_tmp = path == "tmp" || path == "var/tmp";
            let known = format!("/{path}");
            let is_directory = match self.draft.image.get("directories") {
                Some(Value::Array(list)) => list.iter().any(|other| other.as_str() == Some(&known)),
                _ => false,
            };
            if !is_tmp && !is_directory {
                self.lay_entry(path, entry, tree, &laying);
            }
        }
        self.note_unread(tree);
    }

    fn note_unread(&mut self, tree: &DerivationTree) {
        for unread in &tree.tree.unread {
            let place = tree.place(&unread.at, self.files);
            self.note(place.as_ref(), &unread.command, &unread.why);
        }
        for owner in &tree.tree.owners {
            let place = tree.place(&owner.at, self.files);
            let text = format!("chown {} {}", owner.owner, owner.path);
            self.note(place.as_ref(), &text, "files belong to root; `user` owns what is in `directories`");
        }
        tree.inner.iter().for_each(|inner| self.note_unread(inner));
    }

    fn lay_entry(
        &mut self,
        path: &str,
        entry: &invar_flake::phase::Entry,
        tree: &DerivationTree,
        laying: &DerivationLayout,
    ) {
        let written = tree.place(&entry.at, self.files);
        self.at(written.as_ref(), |reader| reader.lay_entry_at(path, entry, tree, laying, written.as_ref()));
    }

    fn lay_entry_at(
        &mut self,
        path: &str,
        entry: &invar_flake::phase::Entry,
        tree: &DerivationTree,
        laying: &DerivationLayout,
        written: Option<&Position>,
    ) {
        let place = if path.is_empty() { laying.root.clone() } else { format!("{}/{path}", laying.root) };
        let step = laying.step.as_str();
        let is_executable = entry.mode.is_some_and(|mode| mode & 0o111 != 0);
        match &entry.put {
            FileContent::Directory => {
                let start = format!("{path}/");
                let is_empty = path.is_empty() && tree.tree.entries.len() == 1
                    || !tree.tree.entries.keys().any(|other| other.starts_with(&start));
                // What a package has apart from the root cannot be written to.
                if is_empty && !USUAL.contains(&path) && laying.root.is_empty() {
                    self.draft.image.add("directories", place);
                }
            }
            FileContent::Project { from } => {
                self.needs_of_script(from);
                self.steps.copy(step, from, &place, is_executable);
            }
            FileContent::Foreign { from } => {
                let pattern = path.rsplit('/').next().unwrap_or(path).contains('*');
                if pattern {
                    self.lay_pattern(from, path, laying, written);
                } else {
                    self.lay_link(from, &place, step, written);
                }
            }
            FileContent::Link { to } => {
                let to = if to.starts_with('/') { to.clone() } else { beside(&place, to) };
                if path.contains('*') {
                    self.lay_pattern(&to, path, laying, written);
                } else {
                    self.lay_link(&to, &place, step, written);
                }
            }
            FileContent::Wrapper(wrapper) => self.lay_wrapper(wrapper, &place, laying, written),
            FileContent::Text { content } => match read_launcher(content) {
                Ok(wrapper) if is_executable && self.is_launcher(&wrapper, written) => {
                    self.lay_wrapper(&wrapper, &place, laying, written);
                }
                _ => self.lay_text(content, &place, step, is_executable, written),
            },
            FileContent::Unknown { command, why } => self.note(written, command, why),
        }
    }

    /// All that a pattern matches in another package.
    fn lay_pattern(&mut self, from: &str, path: &str, laying: &DerivationLayout, written: Option<&Position>) {
        let directory = from.trim_end_matches('*').trim_end_matches('/');
        let Some(symbol) = self.only_thing(directory) else {
            self.note(written, from, "this is unknown");
            return;
        };
        // All that is in a directory of the project.
        if from.ends_with("/*")
            && path.ends_with("/*")
            && let Ok(target) = self.resolve(directory)
            && self.is_own_file(&target)
        {
            let place = format!("{}/{}", laying.root, path.trim_end_matches("/*"));
            self.lay_link(directory, &place, &laying.step, written);
            return;
        }
        let name = self.name_of(symbol);
        match &*self.flake.thing(symbol) {
            FlakeValue::Environment(_) | FlakeValue::Application { .. } | FlakeValue::PythonPackage(_) => {
                self.has_root_environment |= laying.root.is_empty();
                if let Err(why) = self.locate(symbol, "") {
                    self.note(written, &name, &why);
                }
            }
            _ => {
                self.root_packages.insert(name.clone());
                match self.locate(symbol, "/bin") {
                    Ok(_) if !laying.root.is_empty() && !path.trim_end_matches('*').is_empty() => {
                        let why = format!("Debian has the programs of {name} in /usr/bin");
                        self.note(written, from, &why);
                    }
                    Ok(_) => {}
                    Err(why) => self.note(written, &name, &why),
                }
            }
        }
    }

    /// The thing that a path starts with.
    fn only_thing(&self, path: &str) -> Option<SymbolId> {
        match self.flake.pieces(path).first() {
            Some(invar_flake::Piece::Thing(symbol)) => Some(*symbol),
            _ => None,
        }
    }

    /// A program or file of another package, at a place of its own.
    fn lay_link(&mut self, to: &str, place: &str, step: &str, written: Option<&Position>) {
        match self.resolve(to) {
            // The files of a project that is installed as a package are not where they otherwise would be.
            Ok(target) if same(&target, place) && !(self.project.is_package && self.is_own_file(&target)) => {
            }
            Ok(target) if is_interpreter(&target) => {
                let wrap = Table::from_iter([
                    ("program".to_owned(), Value::from(target)),
                    ("as".to_owned(), Value::from(place)),
                ]);
                self.steps.wrap(step, wrap);
            }
            Ok(target) => match target.strip_prefix("/app/") {
                // A file of the project is put where it is wanted.
                Some(from) if !target.starts_with(ENVIRONMENT) && self.has_file(from) => {
                    self.steps.copy(step, from, place, false);
                }
                _ if target == "/app" => self.steps.copy(step, "", place, false),
                _ => self.steps.link(step, place, &target),
            },
            Err(why) => self.note(written, to, &why),
        }
    }

    fn is_own_file(&self, target: &str) -> bool {
        let own = target.strip_prefix("/app/").filter(|_| !target.starts_with(ENVIRONMENT));
        own.is_some_and(|path| self.has_file(path))
    }

    fn has_file(&self, path: &str) -> bool {
        let start = format!("{path}/");
        self.files.contains_key(path)
            || self.files.range(start.clone()..).next().is_some_and(|(other, _)| other.starts_with(&start))
    }

    /// Writes the steps into the draft.
    pub(super) fn add_steps(&mut self) {
        // Nothing else of the project is in an image that a flake makes of some of its files.
        if self.steps.copies()
            && !self.uses_project
            && !self.project.is_package
            && self.draft.include.is_none()
        {
            self.draft.include = Some(Value::Array(Vec::new()));
        }
        let steps = std::mem::take(&mut self.steps);
        self.draft.steps.extend(steps.into_drafts());
    }
}

/// Whether it is the interpreter of the environment, which has to be started by its own name.
fn is_interpreter(path: &str) -> bool {
    path.strip_prefix(ENVIRONMENT).is_some_and(|rest| rest.starts_with("/bin/python"))
}

/// Whether two paths are one, where `/bin` is `/usr/bin`.
pub(super) fn same(a: &str, b: &str) -> bool {
    let whole = |path: &str| match path.strip_prefix("/bin/").or_else(|| path.strip_prefix("/sbin/")) {
        Some(name) => format!("/usr/bin/{name}"),
        None => path.to_owned(),
    };
    whole(a) == whole(b)
}

/// `to`, which is relative to the directory of `place`, as an absolute path.
fn beside(place: &str, to: &str) -> String {
    let mut parts: Vec<&str> = place.split('/').filter(|part| !part.is_empty()).collect();
    parts.pop();
    for part in to.split('/') {
        match part {
            "" | "." => {}
            ".." => _ = parts.pop(),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}
