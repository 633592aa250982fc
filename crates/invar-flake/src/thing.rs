//! What the values of a flake stand for.
use std::collections::BTreeMap;

use invar_nix::SymbolId;

use crate::datum::Datum;
use crate::image::Image;

/// Something that is known by how it was created.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum FlakeValue {
    /// A package of nixpkgs.
    Package(Package),
    /// What a function of nixpkgs makes of attributes: a package, a script, a shell.
    Derivation(Derivation),
    /// An output of a derivation other than its first.
    Output {
        /// The derivation.
        of: SymbolId,
        /// The output's name.
        name: String,
    },
    /// A container image.
    Image(Box<Image>),
    /// An image that is downloaded.
    BaseImage {
        /// The function, such as `dockerTools.pullImage`.
        function: String,
        /// Its argument.
        attributes: BTreeMap<String, Datum>,
    },
    /// A layer of nix2container.
    Layer {
        /// Its argument.
        attributes: BTreeMap<String, Datum>,
    },
    /// A predefined part of an image: `fakeNss`, `caCertificates`, `binSh`, `usrBinEnv`.
    ImagePart(String),
    /// A virtual environment of a Python set.
    Environment(Environment),
    /// A package of a Python set.
    PythonPackage(PythonPackage),
    /// A set of Python packages.
    PythonSet(Box<PythonSet>),
    /// A virtual environment of which only a package's programs count: `mkApplication`.
    Application {
        /// The environment.
        environment: Datum,
        /// The package.
        package: Datum,
        /// What `overrideAttrs` changes of it.
        changes: BTreeMap<String, Datum>,
    },
    /// A Python interpreter.
    Interpreter(Interpreter),
    /// A Python interpreter with packages of nixpkgs.
    InterpreterEnvironment {
        /// The interpreter.
        interpreter: Datum,
        /// The packages.
        packages: Datum,
    },
    /// Some files of the project.
    Source {
        /// The directory, a [`Data::Path`](crate::Data::Path) most often.
        root: Datum,
        /// Which files: `operation` is `fileset`, `filter`, `expressions`, `suffixes` or `package`.
        selection: Datum,
        /// The files, relative to the flake's directory and sorted, if it could be found out which they are.
        files: Option<Vec<String>>,
    },
    /// A file or directory of the project, by its path relative to the flake's directory.
    Path(String),
    /// A hook of a Python set, such as `pyprojectBuildHook`.
    Hook(String),
    /// A function of nixpkgs that is unknown, or one of `builtins` that fetches something by its digest.
    Call {
        /// Its path below `pkgs`, or `builtins` and its name.
        function: Vec<String>,
        /// What it is applied to.
        argument: Datum,
    },
    /// One of two values, for a reason that is unknown.
    Choice {
        /// What decides, as one would write it.
        condition: String,
        /// The value if that is true.
        yes: Box<Datum>,
        /// The value if it is false.
        no: Box<Datum>,
    },
    /// Lists that are joined, of which one is unknown.
    Joined(Vec<Datum>),
    /// Anything else.
    Unknown(String),
}

/// A package of nixpkgs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Its path below `pkgs`, for instance `["xorg", "libX11"]`.
    pub path: Vec<String>,
    /// The output, if it is not the first: `dev`, `lib`, ….
    pub output: Option<String>,
    /// Names of what the flake changes of it: arguments of `override`, attributes of `overrideAttrs`.
    pub changed: Vec<String>,
}

impl Package {
    /// The package's name as one writes it after `pkgs.`.
    #[must_use]
    pub fn name(&self) -> String {
        self.path.join(".")
    }
}

/// What a function of nixpkgs makes of attributes.
#[derive(Debug, Clone, PartialEq)]
pub struct Derivation {
    /// Which: `stdenv.mkDerivation`, `writeShellScriptBin`, `runCommand`, `symlinkJoin`, `mkShell`,
    /// `buildPythonApplication`, ….
    pub function: String,
    /// Its attributes. Of builders of text, `text`, `executable` and `destination` are always there; of `runCommand`,
    /// `buildCommand`. `invarUnread` is a list of what else may set some of them, but is unknown.
    pub attributes: BTreeMap<String, Datum>,
}

impl Derivation {
    /// The attribute `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Datum> {
        self.attributes.get(name)
    }

    /// The text of the attribute `name`.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.text()
    }

    /// The items of the attribute `name`; none if it is missing.
    #[must_use]
    pub fn items(&self, name: &str) -> &[Datum] {
        self.get(name).map_or(&[], Datum::items)
    }

    /// The name: `name`, or `pname` with `version`.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        match (self.text("name"), self.text("pname"), self.text("version")) {
            (Some(name), ..) => Some(name.to_owned()),
            (None, Some(name), Some(version)) => Some(format!("{name}-{version}")),
            (None, Some(name), None) => Some(name.to_owned()),
            _ => None,
        }
    }

    /// The program that `nix run` and `lib.getExe` take: `meta.mainProgram`, else `pname`, else the name without a
    /// version.
    #[must_use]
    pub fn main_program(&self) -> Option<String> {
        let main = self.get("meta").and_then(|meta| meta.get("mainProgram")).and_then(Datum::text);
        let name = || {
            let name = self.text("name")?;
            let version = name
                .match_indices('-')
                .find(|(at, _)| name[at + 1..].starts_with(|c: char| c.is_ascii_digit()));
            Some(version.map_or(name, |(at, _)| &name[..at]))
        };
        main.or_else(|| self.text("pname")).or_else(name).map(str::to_owned)
    }

    /// Whether it is a development shell.
    #[must_use]
    pub fn is_shell(&self) -> bool {
        matches!(self.function.as_str(), "mkShell" | "devenv")
    }
}

/// A virtual environment: `mkVirtualEnv NAME SPEC`.
#[derive(Debug, Clone, PartialEq)]
pub struct Environment {
    /// Its name.
    pub name: Datum,
    /// What is in it: by project or package, the extras and groups.
    pub dependencies: Datum,
    /// The set that its packages are from; a [`PythonSet`] most often.
    pub set: Datum,
    /// What `overrideAttrs` changes of it, such as `venvIgnoreCollisions`.
    pub changes: BTreeMap<String, Datum>,
}

/// A package of a Python set.
#[derive(Debug, Clone, PartialEq)]
pub struct PythonPackage {
    /// Its normalized name.
    pub name: String,
    /// Its version, if the lock or `pyproject.toml` has it.
    pub version: Option<String>,
    /// Whether `uv.lock` has it.
    pub locked: bool,
    /// The project's directory that it is built from.
    pub local: Option<Datum>,
    /// The directory that an editable installation names.
    pub editable: Option<Datum>,
    /// What overrides give it: `buildInputs`, `nativeBuildInputs`, `env`, `patches`, phases, …. Packages of the set
    /// among `nativeBuildInputs` are what its build requires (`resolveBuildSystem`).
    pub changes: BTreeMap<String, Datum>,
    /// What `override` gives it; `nixpkgs` is nixpkgs' own build of it, which is taken instead (`nixpkgsPrebuilt`).
    pub given: BTreeMap<String, Datum>,
}

impl PythonPackage {
    /// Whether the flake changes nothing of it.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.changes.is_empty() && self.given.is_empty()
    }
}

/// A set of Python packages.
#[derive(Debug, Clone, PartialEq)]
pub struct PythonSet {
    /// The interpreter.
    pub python: Datum,
    /// The workspaces whose locks it has.
    pub workspaces: Vec<Workspace>,
    /// The packages that the flake changes, adds or replaces, by the set's name for them.
    pub changed: BTreeMap<String, Datum>,
    /// Overlays that are unknown, as one would write them.
    pub unread: Vec<String>,
}

/// A workspace whose lock a set of Python packages has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workspace {
    /// Its directory, relative to the flake's; `""` for the flake's own.
    pub directory: String,
    /// `wheel` or `sdist`.
    pub source_preference: String,
    /// Whether its `uv.lock` was read.
    pub locked: bool,
}

/// A Python interpreter of nixpkgs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interpreter {
    /// The attribute as the flake names it: `python3`, `python312`, ….
    pub attribute: String,
    /// Its version: `3.13`. Of `python3` what the locked channel has.
    pub version: String,
    /// Names of what `override` changes.
    pub changed: Vec<String>,
}

impl Interpreter {
    /// Whether the flake leaves the version to its channel.
    #[must_use]
    pub fn is_default(&self) -> bool {
        matches!(self.attribute.as_str(), "python" | "python3" | "python3Full" | "python3Minimal")
    }
}
