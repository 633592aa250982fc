//! Where the image has what a text of the flake refers to.
use invar_flake::{FlakeValue, PROJECT, Piece};
use invar_nix::SymbolId;

use crate::flake::reader::Reader;
use crate::nixpkgs::{Counterpart, absence, counterpart, is_library, python_minor};

/// The project's environment in every image.
pub(super) const ENVIRONMENT: &str = "/app/.venv";
/// The project's files in every image.
const FILES: &str = "/app";
/// Variables that are lists of directories: in Debian these are inspected without being named.
const SEARCHED: [&str; 5] = ["PATH", "LD_LIBRARY_PATH", "XDG_DATA_DIRS", "PKG_CONFIG_PATH", "MANPATH"];

/// Where something is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Location {
    /// At a path.
    At(String),
    /// In directories that are inspected anyway, such as those of libraries.
    Searched,
}

impl Reader<'_> {
    /// `text` as the image has it.
    ///
    /// # Errors
    /// What of it has no place in the image.
    pub(super) fn resolve(&mut self, text: &str) -> Result<String, String> {
        match self.resolve_in(text, false)? {
            Some(text) => Ok(text),
            None => Err("library directories have no single path in Debian".to_owned()),
        }
    }

    /// The directories of a list such as `PATH`, without those that are inspected anyway.
    ///
    /// # Errors
    /// What of it has no place in the image.
    pub(super) fn resolve_list(&mut self, text: &str, separator: char) -> Result<Vec<String>, String> {
        let mut found = Vec::new();
        for part in text.split(separator).filter(|part| !part.is_empty()) {
            match self.resolve_in(part, true)? {
                Some(directory) if is_standard(&directory) => {}
                Some(directory) if !found.contains(&directory) => found.push(directory),
                _ => {}
            }
        }
        Ok(found)
    }

    /// Whether the variable is a list of directories.
    pub(super) fn is_searched(name: &str) -> bool {
        SEARCHED.contains(&name) || name.ends_with("_PATH") && name != "PYTHONPATH"
    }

    fn resolve_in(&mut self, text: &str, in_list: bool) -> Result<Option<String>, String> {
        let mut out = String::new();
        let mut pieces = self.flake.pieces(text).into_iter().peekable();
        let mut searched = false;
        while let Some(piece) = pieces.next() {
            match piece {
                Piece::Literal(literal) => out.push_str(&self.project_paths(&literal)),
                Piece::Thing(symbol) => {
                    let rest = match pieces.peek() {
                        Some(Piece::Literal(rest)) => rest.clone(),
                        _ => String::new(),
                    };
                    let end = path_end(&rest);
                    match self.locate(symbol, &rest[..end])? {
                        Location::At(path) => out.push_str(&path),
                        Location::Searched if in_list => searched = true,
                        Location::Searched => return Ok(None),
                    }
                    if end > 0 {
                        pieces.next();
                        out.push_str(&self.project_paths(&rest[end..]));
                    }
                }
            }
        }
        Ok(if searched && out.is_empty() { None } else { Some(out) })
    }

    /// `literal` with the project's files where the image has them.
    fn project_paths(&mut self, literal: &str) -> String {
        let mut out = String::new();
        let mut rest = literal;
        while let Some(at) = rest.find(PROJECT) {
            let after = &rest[at + PROJECT.len()..];
            out.push_str(&rest[..at]);
            let is_whole =
                after.is_empty() || !after.starts_with(|c: char| c.is_alphanumeric() || c == '-' || c == '_');
            let starts = at == 0 || !rest[..at].ends_with(|c: char| c.is_alphanumeric() || c == '/');
            if is_whole && starts {
                self.uses_project = true;
                out.push_str(FILES);
            } else {
                out.push_str(PROJECT);
            }
            rest = after;
        }
        out.push_str(rest);
        out
    }

    /// Where the path `rest` of the thing `symbol` is.
    pub(super) fn locate(&mut self, symbol: SymbolId, rest: &str) -> Result<Location, String> {
        let thing = self.flake.thing(symbol);
        let at = |path: String| Ok(Location::At(path));
        match &*thing {
            FlakeValue::Package(package) => self.locate_package(&package.name(), &package.changed, rest),
            FlakeValue::Derivation(derivation)
                if matches!(
                    derivation.function.as_str(),
                    "buildPythonApplication" | "buildPythonPackage"
                ) =>
            {
                self.add_python_derivation(symbol, derivation);
                at(self.in_environment(rest))
            }
            FlakeValue::Derivation(derivation) if self.in_shell => Err(format!(
                "a package built by the flake, of {}: the shell does not include it",
                derivation.function
            )),
            FlakeValue::Derivation(derivation) => {
                if !self.laid.contains_key(&symbol)
                    && let Some(why) = self.unbuildable(derivation)
                {
                    return Err(why);
                }
                let root = self.lay_aside(symbol, derivation);
                let path = format!("{}{rest}", root.trim_end_matches('/'));
                self.used.insert(path.clone());
                at(if path.is_empty() { "/".to_owned() } else { path })
            }
            FlakeValue::Output { of, .. } => self.locate(*of, rest),
            FlakeValue::Environment(environment) => {
                self.add_to_environment(environment);
                self.lay_changes(symbol, &environment.changes);
                at(self.changed_place(symbol, rest).unwrap_or_else(|| self.in_environment(rest)))
            }
            FlakeValue::Application { environment, changes, .. } => match environment.thing() {
                Some(inner) => {
                    self.lay_changes(symbol, changes);
                    match self.changed_place(symbol, rest) {
                        Some(place) => at(place),
                        None => self.locate(inner, rest),
                    }
                }
                None => Err("the environment of this application is unknown".to_owned()),
            },
            FlakeValue::PythonPackage(_) => {
                self.environment.is_used = true;
                at(self.in_environment(rest))
            }
            FlakeValue::Interpreter(interpreter) => {
                let interpreter = interpreter.clone();
                self.add_interpreter(&interpreter, None);
                self.environment.is_used |= self.project.has_pyproject;
                at(self.in_environment(rest))
            }
            FlakeValue::InterpreterEnvironment { packages, interpreter } => {
                let (packages, interpreter) = (packages.clone(), interpreter.clone());
                self.add_interpreter_environment(&interpreter, &packages);
                at(self.in_environment(rest))
            }
            FlakeValue::Path(path) => {
                let path = path.clone();
                self.uses_project = true;
                at(format!("{}{rest}", project_place(&path)))
            }
            FlakeValue::Source { root, .. } => {
                self.uses_project = true;
                let root = match &root.value {
                    invar_flake::Data::Path(path) => project_place(path),
                    _ => FILES.to_owned(),
                };
                at(format!("{root}{rest}"))
            }
            FlakeValue::ImagePart(_) => at(if rest.is_empty() { "/".to_owned() } else { rest.to_owned() }),
            FlakeValue::PythonSet(_) => Err("a set of Python packages has no path".to_owned()),
            FlakeValue::Call { function, .. } => {
                Err(format!("the result of pkgs.{} is unknown", function.join(".")))
            }
            FlakeValue::Choice { condition, .. } => {
                Err(format!("it depends on {condition}, which is unknown"))
            }
            FlakeValue::Unknown(description) => Err(format!("{description} is unknown")),
            FlakeValue::Image(_) | FlakeValue::BaseImage { .. } | FlakeValue::Layer { .. } => {
                Err("an image cannot be part of another image".to_owned())
            }
            _ => Err("it cannot be part of an image".to_owned()),
        }
    }

    /// Where the path `rest` of the environment is: under other versions of Python its directories have other names.
    fn in_environment(&self, rest: &str) -> String {
        let program = rest.strip_prefix("/bin/").unwrap_or_default();
        if program.strip_prefix("python3.").is_some_and(|minor| minor.chars().all(|c| c.is_ascii_digit())) {
            return format!("{ENVIRONMENT}/bin/python3");
        }
        format!("{ENVIRONMENT}{rest}")
    }

    fn locate_package(&mut self, name: &str, changed: &[String], rest: &str) -> Result<Location, String> {
        if python_minor(name).is_some() {
            return Ok(Location::At(self.in_environment(rest)));
        }
        let Some(found) = counterpart(name) else {
            return Err(unknown(name));
        };
        self.add_packages(found, rest);
        if let Some(why) = found.why()
            && self.told.insert(name.to_owned())
        {
            let place = self.reading.clone().or_else(|| self.output_place.clone());
            self.note(place.as_ref(), &format!("pkgs.{name}"), why);
        }
        if !changed.is_empty() {
            let why =
                format!("Debian's {name} is used unchanged, without the change to {}", changed.join(", "));
            let place = self.reading.clone().or_else(|| self.output_place.clone());
            self.note(place.as_ref(), &format!("pkgs.{name}"), &why);
        }
        Ok(located(found, rest))
    }

    /// Adds the packages of a counterpart of which `rest` is used: to the shell while that is read.
    ///
    /// A program brings the libraries that it needs on its own; where only the directory of libraries is named, only
    /// these are added.
    pub(super) fn add_packages(&mut self, found: Counterpart, rest: &str) {
        let wanted = match rest.split('/').nth(1) {
            Some("bin" | "sbin") => Some(false),
            Some("lib" | "lib64") => Some(true),
            _ => None,
        };
        let fits = |name: &str| wanted.is_none_or(|wanted| is_library(name) == wanted);
        let any = found.packages().any(fits);
        for package in found.packages().filter(|name| !any || fits(name)) {
            if self.in_shell {
                self.draft.dev_shell.add("packages", package);
            } else {
                self.draft.packages.insert(package.to_owned());
            }
        }
    }

    /// A short name for a thing, for messages and places.
    pub(super) fn name_of(&mut self, symbol: SymbolId) -> String {
        match &*self.flake.thing(symbol) {
            FlakeValue::Package(package) => package.name(),
            FlakeValue::Derivation(derivation) => {
                derivation.text("pname").map(str::to_owned).or_else(|| derivation.name()).unwrap_or_default()
            }
            FlakeValue::Environment(environment) => {
                environment.name.text().unwrap_or("environment").to_owned()
            }
            FlakeValue::PythonPackage(package) => package.name.clone(),
            FlakeValue::Interpreter(interpreter) => interpreter.attribute.clone(),
            FlakeValue::ImagePart(part) => part.clone(),
            FlakeValue::Path(path) => path.clone(),
            FlakeValue::Unknown(description) => description.clone(),
            FlakeValue::Call { function, .. } => function.join("."),
            _ => self.flake.describe(symbol),
        }
    }
}

/// Where the image has a path of the project.
fn project_place(path: &str) -> String {
    if path.is_empty() { FILES.to_owned() } else { format!("{FILES}/{path}") }
}

/// Why there is no Debian package for nixpkgs' `name`.
pub(super) fn unknown(name: &str) -> String {
    match absence(name) {
        Some(why) => why.to_owned(),
        None if name.starts_with("python3") && name.contains("Packages.") => {
            "nixpkgs' build of a Python package: add it to the project with `uv add`".to_owned()
        }
        None => format!("no known Debian package for nixpkgs' {name}"),
    }
}

/// Where Debian has the path `rest` of a package of nixpkgs.
fn located(found: Counterpart, rest: &str) -> Location {
    if let Some(place) = found.place(rest) {
        return Location::At(place);
    }
    match rest {
        "" | "/" => Location::At("/usr".to_owned()),
        rest if rest == "/lib" || rest == "/lib64" || rest.starts_with("/lib/") => Location::Searched,
        rest if rest.starts_with("/etc") => Location::At(rest.to_owned()),
        rest => Location::At(format!("/usr{rest}")),
    }
}

/// Whether a directory is inspected without being named.
fn is_standard(directory: &str) -> bool {
    matches!(
        directory.trim_end_matches('/'),
        "/bin"
            | "/sbin"
            | "/usr/bin"
            | "/usr/sbin"
            | "/usr/games"
            | "/usr/local/bin"
            | "/lib"
            | "/usr/lib"
            | "/usr/share"
            | "/usr/local/share"
            | "/usr/local/sbin"
            | "/app/.venv/bin"
            | ""
    ) || directory.starts_with("/app/.venv/lib/python")
}

/// Where the path at the start of `rest` ends.
fn path_end(rest: &str) -> usize {
    if !rest.starts_with('/') {
        return 0;
    }
    let ends = |c: char| c.is_whitespace() || "\"'`:;,()[]{}<>|&$\\=".contains(c);
    rest.find(ends).unwrap_or(rest.len())
}
