//! What Nix has built in a stage, and where commands of that stage put it.
use std::collections::{BTreeMap, BTreeSet};

use invar_dockerfile::{
    Base, Instruction, InstructionKind, RunScript, Scope, Script, ShellPart, ShellWord, Stages, run_commands,
};

use crate::dockerfile::nix::command::{Installable, NixCommand, Verb};
use crate::dockerfile::place::{below, is_directory, joined};

/// An output, or a part of it, that lies somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::dockerfile) struct Tree {
    /// Where it lies.
    pub at: String,
    /// The number of the output among [`Built::outputs`].
    pub output: usize,
    /// Which part of it, with a slash before it; nothing for all of it.
    pub inner: String,
}

/// What is built, and by which line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::dockerfile) struct BuiltOutput {
    /// What is built.
    pub installable: Installable,
    /// The place of the instruction in the file, in bytes.
    pub at: usize,
}

/// What a stage has of Nix.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::dockerfile) struct Built {
    /// What is built, in the order of the file.
    pub outputs: Vec<BuiltOutput>,
    /// Where it lies.
    pub trees: Vec<Tree>,
    /// Folders with everything that outputs need, as Nix's store has it.
    pub closures: Vec<String>,
    /// Files that other commands write.
    pub written: BTreeSet<String>,
    /// Files with the path of an output in them, or with those of all that it needs.
    papers: BTreeMap<String, String>,
    /// Folders that are created.
    made: BTreeSet<String>,
}

/// Where Nix has everything.
const STORE: &str = "/nix/store";

/// The most places that are remembered.
const MOST: usize = 1000;

impl Built {
    /// What the stage `index`, and those that it starts from, have.
    pub fn of(stages: &Stages<'_>, index: usize) -> Self {
        let mut chain = vec![index];
        while let Base::Stage(base) = stages.stages[chain[chain.len() - 1]].base {
            chain.push(base);
        }
        let (mut built, mut workdir) = (Self::default(), "/".to_owned());
        for index in chain.into_iter().rev() {
            let mut walk = stages.walk(&stages.stages[index]);
            while let Some((instruction, scope)) = walk.step() {
                match &instruction.kind {
                    InstructionKind::Workdir(directory) => {
                        workdir =
                            joined(&workdir, &scope.expand(&directory.text, '\\').unwrap_or_default().text);
                    }
                    InstructionKind::Run(command) => {
                        if let RunScript::Shell(script) = run_commands(command, instruction) {
                            built.run(&script, scope, &workdir, instruction);
                        }
                    }
                    _ => {}
                }
            }
        }
        built
    }

    /// Whether nothing of Nix is in it.
    pub fn is_empty(&self) -> bool {
        self.outputs.is_empty() && self.closures.is_empty()
    }

    /// Reads the commands of one `RUN`.
    fn run(&mut self, script: &Script, scope: &Scope, workdir: &str, instruction: &Instruction) {
        let mut scope = scope.clone();
        let mut directory = workdir.to_owned();
        for command in script.all() {
            let words: Vec<String> =
                command.words.iter().map(|word| self.word(word, &scope, &directory)).collect();
            if command.words.is_empty() {
                for assignment in &command.assignments {
                    let value = self.word(&assignment.value, &scope, &directory);
                    scope.set_env(&assignment.name, Some(value));
                }
            }
            let output = command.redirects.iter().find(|redirect| redirect.operator.starts_with('>'));
            let output =
                output.map(|redirect| joined(&directory, &self.word(&redirect.target, &scope, &directory)));
            self.command(&words, &mut directory, output.as_deref(), instruction);
        }
    }

    fn command(
        &mut self,
        words: &[String],
        directory: &mut String,
        output: Option<&str>,
        instruction: &Instruction,
    ) {
        let skipped =
            words.iter().take_while(|word| ["sudo", "env", "exec", "time"].contains(&word.as_str()));
        let words = &words[skipped.count()..];
        let Some(first) = words.first() else { return };
        if self.trees.len() > MOST || self.written.len() > MOST {
            return;
        }
        if let Some(nix) = NixCommand::of(words) {
            self.nix(&nix, words, directory, output, instruction);
            return;
        }
        let operands: Vec<&String> = words[1..].iter().filter(|word| !word.starts_with('-')).collect();
        match first.rsplit('/').next().unwrap_or(first) {
            "cd" | "pushd" => {
                *directory = joined(directory, operands.first().map_or("", |path| path.as_str()))
            }
            "mkdir" => self.made.extend(operands.iter().map(|path| joined(directory, path))),
            "cp" | "mv" | "ln" | "install" | "rsync" => self.copy(&operands, directory),
            "xargs" if words.iter().any(|word| word == "cp") => {
                if let Some(last) = words.last().filter(|_| self.papers.values().any(|text| text == STORE)) {
                    let last = joined(directory, last);
                    self.closures.push(last);
                }
            }
            "cat" => {
                // A copy of a file with a path in it.
                let text =
                    operands.first().and_then(|path| self.papers.get(&joined(directory, path))).cloned();
                if let (Some(text), Some(output)) = (text, output) {
                    self.papers.insert(output.to_owned(), text);
                    return;
                }
            }
            "tee" | "touch" => self.written.extend(operands.iter().map(|path| joined(directory, path))),
            _ => {}
        }
        if let Some(output) = output.filter(|output| !output.starts_with("/dev/")) {
            self.written.insert(output.to_owned());
        }
    }

    fn nix(
        &mut self,
        nix: &NixCommand,
        words: &[String],
        directory: &str,
        output: Option<&str>,
        instruction: &Instruction,
    ) {
        let first = self.outputs.len();
        if nix.verb == Verb::Build {
            for (index, installable) in nix.installables.iter().enumerate() {
                let number = self.number(installable, instruction);
                // Further ones get a number after their link's name.
                let suffix = if index == 0 { String::new() } else { format!("-{index}") };
                if let Some(link) = &nix.link {
                    let at = joined(directory, &format!("{link}{suffix}"));
                    self.trees.retain(|tree| below(&tree.at, &at).is_none());
                    self.trees.push(Tree { at, output: number, inner: String::new() });
                }
            }
            if let Some(output) = output {
                let number = self.outputs.get(first).map_or(first.saturating_sub(1), |_| first);
                self.papers.insert(output.to_owned(), store_path(number));
            }
            return;
        }
        let has = |word: &str| words.iter().any(|known| known == word);
        let lists_all = words.iter().any(|word| word.starts_with("-q") && word.contains('R'))
            || has("--requisites")
            || has("path-info") && (has("-r") || has("--recursive"));
        match output {
            Some(output) if lists_all => _ = self.papers.insert(output.to_owned(), STORE.to_owned()),
            Some(output) if !output.starts_with("/dev/") => _ = self.written.insert(output.to_owned()),
            _ => {}
        }
        // `nix copy --to FOLDER` makes a store in it.
        if has("copy")
            && let Some(at) = words.iter().position(|word| word == "--to")
            && let Some(to) = words.get(at + 1)
        {
            let to = to.strip_prefix("file://").unwrap_or(to).split('?').next().unwrap_or_default();
            self.closures.push(joined(directory, &format!("{to}/nix")));
        }
    }

    /// The number of what is built, which is new unless it was built before.
    fn number(&mut self, installable: &Installable, instruction: &Instruction) -> usize {
        if let Some(known) = self.outputs.iter().position(|output| output.installable == *installable) {
            return known;
        }
        self.outputs.push(BuiltOutput { installable: installable.clone(), at: instruction.span.start });
        let number = self.outputs.len() - 1;
        self.trees.push(Tree { at: store_path(number), output: number, inner: String::new() });
        number
    }

    /// `cp` and similar: what is Nix's goes with it.
    fn copy(&mut self, operands: &[&String], directory: &str) {
        let Some((destination, sources)) = operands.split_last() else { return };
        let is_into = sources.len() > 1 || is_directory(destination);
        let destination = joined(directory, destination);
        let is_into = is_into || self.made.contains(&destination);
        for source in sources {
            let is_content = source.ends_with("/*") || source.ends_with("/.");
            let source = joined(directory, source.strip_suffix("/*").unwrap_or(source));
            if source == STORE || self.closures.contains(&source) {
                self.closures.push(destination.clone());
                continue;
            }
            let name = source.rsplit('/').next().unwrap_or_default();
            let to = match is_into && !is_content {
                true => joined(&destination, name),
                false => destination.clone(),
            };
            let found = moved(&self.trees, &source, &to);
            if found.is_empty() {
                self.written.insert(to);
            }
            self.trees.extend(found);
        }
    }

    /// `word` with the names and files in it replaced that have paths of Nix's store.
    fn word(&self, word: &ShellWord, scope: &Scope, directory: &str) -> String {
        let mut text = String::new();
        for part in &word.parts {
            match part {
                ShellPart::Literal(literal) => text.push_str(literal),
                ShellPart::Name { text: name, .. } => {
                    text.push_str(&scope.expand(name, '\\').unwrap_or_default().text);
                }
                ShellPart::Command(script) => text.push_str(&self.printed(script, scope, directory)),
            }
        }
        text
    }

    /// What a script prints, as far as that is a path of Nix's store.
    fn printed(&self, script: &Script, scope: &Scope, directory: &str) -> String {
        let Some(command) = script.commands.first() else { return String::new() };
        let words: Vec<String> = command
            .words
            .iter()
            .map(|word| word.literal().map_or_else(|| self.word(word, scope, directory), str::to_owned))
            .collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let paper = |path: &str| self.papers.get(&joined(directory, path)).cloned();
        match words.as_slice() {
            ["cat", path] => paper(path).unwrap_or_default(),
            ["readlink" | "realpath", .., path] => joined(directory, path),
            ["nix-store", option, ..] if option.contains('R') => STORE.to_owned(),
            ["nix-store", ..] if words.contains(&"--requisites") || words.contains(&"-R") => STORE.to_owned(),
            ["nix", ..] if words.contains(&"path-info") && words.contains(&"-r") => STORE.to_owned(),
            // What it builds was read before this, since it is inside.
            ["nix", ..] if words.contains(&"--print-out-paths") || words.contains(&"path-info") => {
                self.outputs.len().checked_sub(1).map(store_path).unwrap_or_default()
            }
            ["nix-build", ..] => self.outputs.len().checked_sub(1).map(store_path).unwrap_or_default(),
            _ => String::new(),
        }
    }

    /// What `COPY` brings of this to `destination`, and whether anything of Nix is there at all.
    pub fn copied(&self, path: &str, destination: &str, is_into: bool) -> (Vec<Tree>, bool) {
        let is_closure = path == "/nix"
            || below(path, STORE).is_some_and(|rest| !rest.contains("/out-"))
            || self.closures.iter().any(|closure| below(path, closure).is_some());
        let has_closure = self.closures.iter().any(|closure| below(closure, path).is_some());
        let name = path.rsplit('/').next().unwrap_or_default();
        let is_file = self.trees.iter().any(|tree| {
            below(path, &tree.at).is_some_and(|rest| looks_like_file(&format!("{}{rest}", tree.inner)))
        });
        let to = if is_into && is_file { joined(destination, name) } else { joined("/", destination) };
        let found = if is_closure { Vec::new() } else { moved(&self.trees, path, &to) };
        let is_any = is_closure || has_closure || !found.is_empty();
        (found, is_any)
    }

    /// What else commands write below `path`.
    pub fn written_below(&self, path: &str) -> Vec<&str> {
        self.written.iter().filter(|file| below(file, path).is_some()).map(String::as_str).collect()
    }
}

/// What of `trees` is at `source`, or in it, after a copy to `to`.
fn moved(trees: &[Tree], source: &str, to: &str) -> Vec<Tree> {
    let mut found = Vec::new();
    for tree in trees {
        if let Some(rest) = below(source, &tree.at) {
            let inner = format!("{}{rest}", tree.inner);
            found.push(Tree { at: to.to_owned(), output: tree.output, inner });
        } else if let Some(rest) = below(&tree.at, source) {
            found.push(Tree { at: joined(to, rest.trim_start_matches('/')), ..tree.clone() });
        }
    }
    found
}

/// The place of the output `number` in Nix's store, under a name that none has there.
fn store_path(number: usize) -> String {
    format!("{STORE}/out-{number}")
}

/// Whether the part `inner` of an output is a file, as its place or name looks.
fn looks_like_file(inner: &str) -> bool {
    let parts: Vec<&str> = inner.split('/').filter(|part| !part.is_empty()).collect();
    match parts.as_slice() {
        ["bin" | "sbin" | "libexec", _] => true,
        [.., last] => last.contains('.') && parts.len() > 1,
        [] => false,
    }
}
