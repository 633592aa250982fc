//! What a derivation puts where, by the function that makes it and its attributes.
mod builders;
mod source;

use std::collections::BTreeMap;

use invar_nix::Position;

use crate::datum::{Data, Datum};
use crate::files::PROJECT;
use crate::flake::Flake;
use crate::phase::{FileContent, Interpreter, PhaseLine, PhaseStart, PhaseTree, UnknownCommand};
use crate::thing::Derivation;

/// How many derivations a tree may be made of, one inside the other.
const DEPTH: usize = 16;

/// How many derivations a tree may be made of, those that are there several times counted as often.
const JOINED: usize = 500;

/// What a derivation puts where, and where its attributes are written.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DerivationTree {
    /// The paths, and the commands that are not read.
    pub tree: PhaseTree,
    /// Where each attribute is written.
    pub places: BTreeMap<String, Position>,
    /// The derivations that are joined in it, without their paths, which are in `tree`.
    pub inner: Vec<DerivationTree>,
}

impl DerivationTree {
    /// Where the line `at` of a phase is; `texts` are the project's files.
    #[must_use]
    pub fn place(&self, at: &PhaseLine, texts: &BTreeMap<String, Option<String>>) -> Option<Position> {
        let mut place = self.places.get(&at.phase)?.clone();
        if at.line > 0 {
            // An indented string starts on the line after its quotes, as people write it.
            let text = texts.get(&*place.file).and_then(Option::as_deref).unwrap_or_default();
            let line = text.lines().nth((place.line as usize).saturating_sub(1)).unwrap_or_default();
            let starts_below = line.trim_end().ends_with("''");
            place.line += at.line as u32 - u32::from(!starts_below);
        }
        Some(place)
    }
}

/// The phases of the standard environment, in their order. Checks change nothing.
const PHASES: [&str; 20] = [
    "preUnpack",
    "unpackPhase",
    "postUnpack",
    "prePatch",
    "patchPhase",
    "postPatch",
    "preConfigure",
    "configurePhase",
    "postConfigure",
    "preBuild",
    "buildPhase",
    "postBuild",
    "preInstall",
    "installPhase",
    "postInstall",
    "preFixup",
    "fixupPhase",
    "postFixup",
    "preDist",
    "distPhase",
];

/// Attributes that are no variables for the commands: they are large, or say how the build is done.
const NO_VARIABLES: [&str; 5] = ["meta", "passthru", "override", "overrideAttrs", "env"];

impl Flake {
    /// What `derivation`, whose store path is `output`, puts where; `files` are the project's, with their texts.
    pub fn tree(
        &mut self,
        derivation: &Derivation,
        output: &str,
        files: &BTreeMap<String, Option<String>>,
    ) -> DerivationTree {
        self.joined = 0;
        read_within(derivation, output, files, self, DEPTH)
    }
}

impl Flake {
    /// What `changes` of the attributes of something that is known otherwise, such as an environment, put where. Its
    /// store path `output` stands for what it has without them.
    pub fn tree_of_changes(
        &mut self,
        changes: &BTreeMap<String, Datum>,
        output: &str,
        files: &BTreeMap<String, Option<String>>,
    ) -> DerivationTree {
        let places: BTreeMap<String, Position> =
            changes.iter().filter_map(|(name, datum)| Some((name.clone(), datum.place.clone()?))).collect();
        let flake = self;
        let mut builder =
            Builder { function: "", attributes: changes, output, files, flake, depth: 0, inner: Vec::new() };
        let mut interpreter = builder.start();
        interpreter.put("*", FileContent::Foreign { from: format!("{output}/*") }, &Builder::at("name"));
        let mut missing = Vec::new();
        for phase in PHASES {
            if let Some(datum) = changes.get(phase) {
                builder.run(&mut interpreter, phase, datum, &mut missing);
            }
        }
        let mut tree = interpreter.finish();
        tree.entries.remove("*");
        missing.append(&mut tree.unread);
        tree.unread = missing;
        DerivationTree { tree, places, inner: Vec::new() }
    }
}

fn read_within(
    derivation: &Derivation,
    output: &str,
    files: &BTreeMap<String, Option<String>>,
    flake: &mut Flake,
    depth: usize,
) -> DerivationTree {
    let Derivation { function, attributes } = derivation;
    let places: BTreeMap<String, Position> =
        attributes.iter().filter_map(|(name, datum)| Some((name.clone(), datum.place.clone()?))).collect();
    let mut builder = Builder { function, attributes, output, files, flake, depth, inner: Vec::new() };
    let short = function.rsplit('.').next().unwrap_or(function);
    let tree = match short {
        "writeTextFile"
        | "writeText"
        | "writeTextDir"
        | "writeScript"
        | "writeScriptBin"
        | "writeShellScript"
        | "writeShellScriptBin"
        | "writeShellApplication" => builder.text(short),
        name if name.starts_with("write") && function.starts_with("writers.") => builder.text(short),
        "linkFarm" => builder.link_farm(),
        "substituteAll" | "replaceVars" | "substitute" => builder.replaced(),
        "symlinkJoin" | "buildEnv" => builder.joined(),
        _ => builder.built(),
    };
    let inner = builder.inner;
    DerivationTree { tree, places, inner }
}

struct Builder<'a> {
    function: &'a str,
    attributes: &'a BTreeMap<String, Datum>,
    output: &'a str,
    files: &'a BTreeMap<String, Option<String>>,
    flake: &'a mut Flake,
    depth: usize,
    inner: Vec<DerivationTree>,
}

impl<'a> Builder<'a> {
    fn text_of(&self, name: &str) -> Option<&'a str> {
        self.attributes.get(name)?.text()
    }

    fn is_true(&self, name: &str) -> bool {
        self.attributes.get(name).is_some_and(is_true)
    }

    fn at(phase: &str) -> PhaseLine {
        PhaseLine { phase: phase.to_owned(), line: 0 }
    }

    fn unread(phase: &str, command: &str, why: &str) -> UnknownCommand {
        UnknownCommand { at: Self::at(phase), command: command.to_owned(), why: why.to_owned() }
    }

    /// A derivation whose commands are its attributes.
    fn built(&mut self) -> PhaseTree {
        let mut interpreter = self.start();
        let mut missing = Vec::new();
        let is_selected = self.select(&mut interpreter);
        if let Some(command) = self.attributes.get("buildCommand") {
            self.run(&mut interpreter, "buildCommand", command, &mut missing);
        } else {
            self.phases(&mut interpreter, &mut missing);
        }
        let mut tree = interpreter.finish();
        missing.append(&mut tree.unread);
        tree.unread = missing;
        let copies_directory = tree.entries.values().any(|entry| match &entry.put {
            FileContent::Project { from } => from.is_empty() || !self.files.contains_key(from),
            _ => false,
        });
        if !is_selected && copies_directory {
            let why = "the files that this filter excludes are unknown: the whole directory is included";
            tree.unread.push(Self::unread("src", "", why));
        }
        tree
    }

    fn run(
        &self,
        interpreter: &mut Interpreter<'_>,
        name: &str,
        field: &Datum,
        missing: &mut Vec<UnknownCommand>,
    ) {
        match &field.value {
            Data::Text(text) => interpreter.run(name, text),
            Data::Null => {}
            Data::Unreadable(why) => missing.push(Self::unread(name, "", &why.why)),
            _ => missing.push(Self::unread(name, "", "its text depends on an unknown value")),
        }
    }

    fn phases(&mut self, interpreter: &mut Interpreter<'_>, missing: &mut Vec<UnknownCommand>) {
        let is_standard = self.function == "stdenv.mkDerivation";
        let patches = self.attributes.get("patches").map(Datum::items).unwrap_or_default();
        if is_standard && !patches.is_empty() {
            missing.push(Self::unread(
                "patches",
                "",
                "the patches are not applied: commit the changed files",
            ));
        }
        for phase in PHASES {
            let skipped = match phase {
                "unpackPhase" => "dontUnpack",
                "patchPhase" => "dontPatch",
                "configurePhase" => "dontConfigure",
                "buildPhase" => "dontBuild",
                "installPhase" => "dontInstall",
                "fixupPhase" => "dontFixup",
                _ => "",
            };
            if !skipped.is_empty() && self.is_true(skipped) {
                continue;
            }
            if let Some(field) = self.attributes.get(phase) {
                self.run(interpreter, phase, field, missing);
                continue;
            }
            // What the standard phases do by themselves is what the source's own build does.
            let has_makefile =
                ["Makefile", "makefile", "GNUmakefile"].iter().any(|name| self.files.contains_key(*name));
            match phase {
                "buildPhase" if is_standard && has_makefile && self.attributes.contains_key("src") => {
                    missing.push(Self::unread(
                        phase,
                        "make",
                        "the default build runs make: write it as a step",
                    ));
                }
                "installPhase" if is_standard => {
                    missing.push(Self::unread(
                        phase,
                        "make install",
                        "there is no installPhase, so the project's build installs it",
                    ));
                }
                "installPhase" if !matches!(self.function, "mkShell") => {
                    let why = "the result of this function is unknown: write it as a step";
                    missing.push(Self::unread("pname", self.function, why));
                }
                _ => {}
            }
        }
    }

    /// What the commands start from.
    fn start(&mut self) -> Interpreter<'a> {
        let mut variables = BTreeMap::new();
        let mut arrays = BTreeMap::new();
        let env = self.attributes.get("env").and_then(Datum::attributes);
        let all = self.attributes.iter().filter(|(name, _)| !NO_VARIABLES.contains(&name.as_str()));
        for (name, field) in all.chain(env.into_iter().flatten()) {
            if PHASES.contains(&name.as_str()) || name == "buildCommand" {
                continue;
            }
            if name.ends_with("Args")
                && let Data::List(items) = &field.value
            {
                let items: Option<Vec<String>> = items.iter().map(|item| self.flake.variable(item)).collect();
                if let Some(items) = items {
                    arrays.insert(name.clone(), items);
                    continue;
                }
            }
            variables.insert(name.clone(), self.flake.variable(field));
        }
        variables.insert("out".to_owned(), Some(self.output.to_owned()));
        if let (Some(pname), Some(version)) = (self.text_of("pname"), self.text_of("version"))
            && !variables.contains_key("name")
        {
            variables.insert("name".to_owned(), Some(format!("{pname}-{version}")));
        }
        let directory = "/build/source";
        let mut sources = vec![(PROJECT.to_owned(), String::new())];
        let src = self.attributes.get("src").or_else(|| self.attributes.get("srcs"));
        let mut directory = directory.to_owned();
        if let Some(src) = src {
            let path = self.source_path(src);
            if let Some(path) = path {
                sources.push((directory.clone(), path.clone()));
                variables.insert("src".to_owned(), Some(directory.clone()));
                if let Some(root) = self.text_of("sourceRoot") {
                    let below = root.split_once('/').map(|(_, below)| below).unwrap_or_default();
                    directory = format!("{directory}/{below}").trim_end_matches('/').to_owned();
                }
            }
        }
        for field in self.attributes.values() {
            if let Data::Thing(number) = &field.value
                && let Some(path) = self.source_path(field)
            {
                let place = self.flake.store_path(*number);
                sources.push((place, path));
            }
        }
        Interpreter::new(PhaseStart {
            variables,
            arrays,
            output: self.output.to_owned(),
            directory,
            sources,
            files: self.files,
        })
    }
}

/// Whether the environment of a build has it as `1`.
fn is_true(datum: &Datum) -> bool {
    matches!(datum.value, Data::Bool(true) | Data::Int(1)) || datum.text() == Some("1")
}

impl Flake {
    /// How the environment of a build has `datum`: `null` as nothing, lists with blanks between their items. `None` for
    /// what has no text.
    pub fn variable(&mut self, datum: &Datum) -> Option<String> {
        match &datum.value {
            Data::Null | Data::Bool(false) => Some(String::new()),
            Data::Bool(true) => Some("1".to_owned()),
            Data::Int(number) => Some(number.to_string()),
            Data::Float(number) => Some(number.to_string()),
            Data::Text(text) => Some(text.clone()),
            Data::Path(path) if path.is_empty() => Some(PROJECT.to_owned()),
            Data::Path(path) => Some(format!("{PROJECT}/{path}")),
            Data::Thing(symbol) => Some(self.store_path(*symbol)),
            Data::List(items) => {
                let items: Option<Vec<String>> = items.iter().map(|item| self.variable(item)).collect();
                items.map(|items| items.join(" "))
            }
            Data::Set(_) | Data::Function | Data::Unreadable(_) => None,
        }
    }
}
