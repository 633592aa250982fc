//! What is known while an output is read.
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use invar_flake::Flake;
use invar_nix::{Position, SymbolId};
use toml::de::DeTable;
use toml::{Table, Value};

use crate::draft::{Draft, Note, Source};
use crate::flake::step::Steps;
use crate::project::{declared, normalize};

/// Reads one output into a draft.
pub(super) struct Reader<'a> {
    pub(super) flake: &'a mut Flake,
    pub(super) files: &'a BTreeMap<String, Option<String>>,
    pub(super) project: &'a Project,
    pub(super) draft: Draft,
    /// The directory that a package's output is.
    pub(super) root: String,
    /// Whether the image starts what the output starts.
    pub(super) starts: bool,
    /// Where the output itself is written.
    pub(super) output_place: Option<Position>,
    /// Where that is written which is being read.
    pub(super) reading: Option<Position>,
    /// The derivations that are in the image, with the directory that their output is.
    pub(super) laid: BTreeMap<SymbolId, PlacedDerivation>,
    /// Those of them whose files are still to be put there.
    pub(super) open: VecDeque<SymbolId>,
    /// What is put into the image by steps.
    pub(super) steps: Steps,
    /// Whether an environment is laid over the root, so that its programs are in `/bin`, too.
    pub(super) has_root_environment: bool,
    /// The packages of nixpkgs that are laid over the root, by name.
    pub(super) root_packages: BTreeSet<String>,
    /// Whether something refers to the project's files in `/app`.
    pub(super) uses_project: bool,
    /// Whether what is read is for the author's shell, so that packages are the shell's.
    pub(super) in_shell: bool,
    /// Environments and applications whose changes were read.
    pub(super) changed: BTreeSet<SymbolId>,
    /// The sets of Python packages that were read.
    pub(super) sets: BTreeSet<SymbolId>,
    pub(super) environment: EnvironmentChoice,
    /// Packages whose differences from nixpkgs were reported.
    pub(super) told: BTreeSet<String>,
    /// Libraries of Python packages for which no Debian package is known, and whether they are taken as wheels.
    pub(super) unknown_libraries: BTreeMap<(String, bool), UnknownNeed>,
    /// Directories outside `pathsToLink` that something refers to.
    pub(super) used: BTreeSet<String>,
    /// Packages that are nothing but what is joined in them, with the directories of them that are wanted.
    pub(super) joined: BTreeSet<(SymbolId, Option<Vec<String>>)>,
    /// How many packages what is inspected is inside.
    pub(super) depth: usize,
}

/// A derivation's place in the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PlacedDerivation {
    /// The directory that its output is.
    pub(super) root: String,
    /// The directories of it that are there; all without any.
    pub(super) only: Option<Vec<String>>,
}

/// What needs something that is unknown.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct UnknownNeed {
    /// Where that is written first.
    pub(super) place: Option<Position>,
    /// The Python packages that need it.
    pub(super) names: BTreeSet<String>,
}

/// What the environments of the image have.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct EnvironmentChoice {
    pub(super) extras: BTreeSet<String>,
    pub(super) groups: BTreeSet<String>,
    /// Whether there is one.
    pub(super) is_used: bool,
}

/// What `pyproject.toml` and `uv.lock` say.
#[derive(Debug, Default)]
pub(super) struct Project {
    /// The normalized name.
    pub(super) name: String,
    pub(super) is_package: bool,
    pub(super) scripts: BTreeSet<String>,
    /// Normalized names of the extras.
    pub(super) extras: BTreeSet<String>,
    pub(super) groups: BTreeSet<String>,
    /// Normalized names of what the project asks for itself.
    pub(super) dependencies: BTreeSet<String>,
    /// Normalized names of all locked packages, and whether there is a wheel.
    pub(super) locked: BTreeMap<String, bool>,
    pub(super) has_pyproject: bool,
}

impl Project {
    pub(super) fn read(files: &BTreeMap<String, Option<String>>) -> Self {
        let table = |name: &str| {
            let text = files.get(name)?.as_deref()?;
            toml::from_str::<Table>(text).ok()
        };
        let mut found = Self::default();
        if let Some(lock) = table("uv.lock") {
            for package in lock.get("package").and_then(Value::as_array).into_iter().flatten() {
                let Some(name) = package.get("name").and_then(Value::as_str) else { continue };
                let wheels = package.get("wheels").and_then(Value::as_array);
                let mut names = wheels.into_iter().flatten().filter_map(|wheel| {
                    let url =
                        wheel.get("url").or_else(|| wheel.get("filename")).or_else(|| wheel.get("path"));
                    url.and_then(Value::as_str)
                });
                let has_wheel = names.any(fits_linux);
                found.locked.insert(normalize(name), has_wheel);
            }
        }
        let text = files.get("pyproject.toml").and_then(Option::as_deref);
        let Some(document) = text.and_then(|text| DeTable::parse(text).ok()) else { return found };
        found.has_pyproject = true;
        let Some(project) = declared(document.get_ref()) else { return found };
        found.is_package = project.is_package();
        found.name = project.name.to_string();
        found.groups = project.groups.keys().map(ToString::to_string).collect();
        found.extras = project.optional_dependencies.keys().map(ToString::to_string).collect();
        found.dependencies = project.dependencies.iter().map(|it| it.name.to_string()).collect();
        found.scripts = project.scripts.into_keys().collect();
        found
    }
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        flake: &'a mut Flake,
        files: &'a BTreeMap<String, Option<String>>,
        project: &'a Project,
        draft: Draft,
    ) -> Self {
        Self {
            flake,
            files,
            project,
            draft,
            root: "/".to_owned(),
            starts: true,
            output_place: None,
            laid: BTreeMap::new(),
            open: VecDeque::new(),
            steps: Steps::default(),
            has_root_environment: false,
            root_packages: BTreeSet::new(),
            uses_project: false,
            reading: None,
            in_shell: false,
            changed: BTreeSet::new(),
            sets: BTreeSet::new(),
            environment: EnvironmentChoice::default(),
            told: BTreeSet::new(),
            unknown_libraries: BTreeMap::new(),
            used: BTreeSet::new(),
            joined: BTreeSet::new(),
            depth: 0,
        }
    }

    /// Notes what cannot be carried over. Without a text the line at `place` is shown.
    pub(super) fn note(&mut self, place: Option<&Position>, text: &str, why: &str) {
        let why = self.readable(why);
        let (source, file, written) = self.source(place);
        let text = if text.is_empty() { written } else { self.readable(text) };
        let note = Note { file, ..Note::new(source, &text, why) };
        self.draft.add_note(note);
    }

    /// Where `place` is, and what is written there.
    fn source(&self, place: Option<&Position>) -> (Source, Option<String>, String) {
        let nowhere = Source { file: "flake.nix", line: 0 };
        let Some(place) = place else { return (nowhere, None, String::new()) };
        let file = place.file.to_string();
        let line = place.line as usize;
        let text = self.files.get(&file).and_then(Option::as_deref).unwrap_or_default();
        let written = text.lines().nth(line.saturating_sub(1)).unwrap_or_default().trim().to_owned();
        let file = (file != "flake.nix").then_some(file);
        (Source { file: "flake.nix", line }, file, written)
    }

    /// Does `read` for what is written at `place`: what is noted on the way has that line.
    pub(super) fn at<T>(&mut self, place: Option<&Position>, read: impl FnOnce(&mut Self) -> T) -> T {
        let outside = self.reading.clone();
        if let Some(place) = place {
            self.reading = Some(place.clone());
        }
        let result = read(self);
        self.reading = outside;
        result
    }

    /// `text` with the names of packages instead of store paths.
    pub(super) fn readable(&mut self, text: &str) -> String {
        let mut out = String::new();
        for piece in self.flake.pieces(text) {
            match piece {
                invar_flake::Piece::Literal(literal) => out.push_str(&literal),
                invar_flake::Piece::Thing(symbol) => {
                    let name = self.name_of(symbol);
                    out.push_str(&format!("${{{name}}}"));
                }
            }
        }
        out.replace(invar_flake::PROJECT, "${self}")
    }

    /// What has no better place to be read in: the project's files, the environment, the steps.
    pub(super) fn finish(mut self) -> Draft {
        self.lay_all();
        self.note_libraries();
        self.add_environment();
        self.add_steps();
        // What the image has, the shell has, too.
        if let Some(toml::Value::Array(packages)) = self.draft.dev_shell.get("packages").cloned() {
            let is_own =
                |value: &toml::Value| value.as_str().is_some_and(|name| self.draft.packages.contains(name));
            let rest: Vec<toml::Value> = packages.into_iter().filter(|value| !is_own(value)).collect();
            match rest.is_empty() {
                true => self.draft.dev_shell.remove("packages"),
                false => self.draft.dev_shell.set("packages", rest),
            }
        }
        self.draft
    }
}

/// Whether the wheel at `url` is for any system, or for Linux with glibc: others are of no use to an image.
pub(super) fn fits_linux(url: &str) -> bool {
    let name = url.rsplit('/').next().unwrap_or(url);
    let Some((_, platforms)) = name.strip_suffix(".whl").and_then(|name| name.rsplit_once('-')) else {
        return true;
    };
    platforms.split('.').any(|platform| {
        platform == "any" || platform.starts_with("manylinux") || platform.starts_with("linux_")
    })
}
