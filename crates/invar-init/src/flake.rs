//! A flake that makes a Python project with uv2nix and an image with `dockerTools`, as a manifest.
//!
//! Read are: the interpreter, `sourcePreference`, `overrideAttrs` of Python packages, the virtual environment's
//! dependencies, `makeWrapper`, `mkShell`, and the arguments of `buildImage`, `buildLayeredImage` and
//! `streamLayeredImage` of `dockerTools`.
mod image;
mod nix;
mod overrides;
mod shell;
mod wrapper;

use std::collections::BTreeMap;

use invar_nix::NixError;
use invar_project::Purpose;
use rnix::ast::{self, Expr};
use rnix::{Root, SyntaxNode};
use rowan::ast::AstNode as _;

use crate::draft::{Draft, Note, Source};
use crate::flake::nix::{Call, Piece, Value, attribute, attributes, calls, line, line_at, path_of, value};
use crate::nixpkgs::{absence, counterpart, python_minor};
use crate::suite;

/// The interpreters that Debian has, by minor version, and the suites that have them.
const SUITES: [(u32, &str); 2] = [(11, "bookworm"), (13, "trixie")];

/// Why a flake cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FlakeError {
    /// It is too long or too deep.
    #[error("flake.nix: {0}")]
    TooMuch(NixError),
    /// It is not Nix.
    #[error("flake.nix:{line}: {problem}")]
    Syntax {
        /// The line, from 1.
        line: usize,
        /// What the parser says.
        problem: String,
    },
}

/// What is known beside the text of a flake, and which of its outputs is meant.
#[derive(Debug, Clone, Copy)]
pub struct FlakeContext<'a> {
    /// The files in the flake's folder, each relative to it; those that an evaluation may read with their text.
    pub files: &'a BTreeMap<String, Option<String>>,
    /// The text of `flake.lock`, if there is one.
    pub lock: Option<&'a str>,
    /// The text of the project's `pyproject.toml`, if there is one.
    pub pyproject: Option<&'a str>,
    /// The output, such as `docker-image` or `packages.x86_64-linux.default`; `None` where nobody named one.
    pub output: Option<&'a str>,
    /// What the output is for.
    pub purpose: Purpose,
}

/// A flake that is being read.
struct Reader<'a> {
    text: &'a str,
    root: SyntaxNode,
    draft: Draft,
}

/// Reads the flake `text` and adds what it says to `draft`.
///
/// # Errors
/// [`FlakeError`].
pub fn read_flake(text: &str, context: &FlakeContext<'_>, draft: Draft) -> Result<Draft, FlakeError> {
    let parsed = invar_nix::parse(text).map_err(|error| match error {
        NixError::Syntax { message, span } => {
            FlakeError::Syntax { line: line_at(text, span.start), problem: message }
        }
        other => FlakeError::TooMuch(other),
    })?;
    let mut reader = Reader { text, root: parsed.syntax().clone(), draft };
    reader.inputs(context.lock);
    reader.python();
    reader.overrides();
    reader.image();
    reader.shell();
    if let Some(suite) = reader.draft.suite.clone() {
        suite::rename(&mut reader.draft, &suite);
    }
    reader.draft.keep_valid(Source { file: "flake.nix", line: 0 });
    reader.draft.notes.sort_by_key(|note: &Note| note.source);
    Ok(reader.draft)
}

impl Reader<'_> {
    fn source(&self, node: &SyntaxNode) -> Source {
        Source { file: "flake.nix", line: line(self.text, node) }
    }

    fn note(&mut self, node: &SyntaxNode, why: &str) {
        let source = self.source(node);
        self.draft.note(source, &nix::plain_text(node), why);
    }

    /// What the flake's inputs were, and what takes their place.
    fn inputs(&mut self, lock: Option<&str>) {
        let Some(Expr::AttrSet(flake)) = Root::cast(self.root.clone()).and_then(|root| root.expr()) else {
            return;
        };
        let entries = attributes(&flake).into_iter();
        let inputs = entries.filter(|(path, _)| path.first().is_some_and(|name| name == "inputs"));
        for (path, content) in inputs.filter(|(path, _)| path.last().is_some_and(|name| name == "url")) {
            let name = path.get(1).cloned().unwrap_or_default();
            let url = content.to_string();
            let before = match lock.and_then(|lock| locked_revision(lock, &name)) {
                Some(revision) => format!("{url} (flake.lock: {revision})"),
                None => format!("{url} (no flake.lock: whatever is newest)"),
            };
            let after = match name.as_str() {
                "nixpkgs" => "Debian packages, each by its sha256 in invar.lock",
                _ => "not needed: uv.lock is read directly",
            };
            self.draft.pin(&format!("input {name}"), before, after);
        }
    }

    /// The interpreter, and where Python packages come from.
    fn python(&mut self) {
        let selects: Vec<ast::Select> = self.root.descendants().filter_map(ast::Select::cast).collect();
        let interpreter = selects.iter().find_map(|select| match value(&Expr::Select(select.clone())) {
            Value::Package(name) => Some((select.syntax().clone(), python_minor(&name)?)),
            _ => None,
        });
        if let Some((node, minor)) = interpreter {
            match SUITES.iter().find(|(known, _)| *known == minor) {
                // It is what `invar lock` chooses by itself where `requires-python` allows it.
                Some((_, "trixie")) => {}
                Some((_, suite)) => self.draft.suite = Some((*suite).to_owned()),
                None => {
                    let known: Vec<String> =
                        SUITES.iter().map(|(minor, suite)| format!("3.{minor} ({suite})")).collect();
                    let why = format!("Debian has no Python 3.{minor}, but {}", known.join(" and "));
                    self.note(&node, &why);
                }
            }
        }
        for call in calls(&self.root, &["mkPyprojectOverlay"]) {
            let Some(Value::Set(options)) = call.arguments.first().map(value) else { continue };
            for (path, content) in attributes(&options) {
                match (path.join(".").as_str(), text_of(&value(&content)).as_deref()) {
                    // Wheels are what Invar takes by itself.
                    ("sourcePreference", Some("wheel")) => {}
                    ("sourcePreference", Some("sdist")) => self.draft.python.set("prefer", "sdist"),
                    _ => self.note(content.syntax(), "no such choice here"),
                }
            }
        }
        for call in calls(&self.root, &["loadWorkspace"]) {
            let Some(Value::Set(options)) = call.arguments.first().map(value) else { continue };
            let elsewhere = attribute(&options, "workspaceRoot").filter(|root| root.to_string() != "./.");
            if let Some(elsewhere) = elsewhere {
                self.note(elsewhere.syntax(), "the manifest stands in the project's folder: put it there");
            }
        }
    }

    /// Which of the project's dependencies the environment of `call` has: `workspace.deps.NAME`, or a set.
    fn environment(&mut self, call: &Call) {
        let Some(dependencies) = call.arguments.get(1) else { return };
        let text = dependencies.to_string();
        match text.rsplit('.').next() {
            Some("default") if text.contains("deps") => {}
            Some("optionals") if text.contains("deps") => self.draft.extras = Some("all".into()),
            Some("all") if text.contains("deps") => {
                self.draft.extras = Some("all".into());
                self.note(
                    dependencies.syntax(),
                    "the image has all extras; name the groups it needs in `groups`",
                );
            }
            _ => match value(dependencies) {
                Value::Set(set) => {
                    let chosen = attributes(&set).into_iter().flat_map(|(_, list)| texts_of(&value(&list)));
                    let chosen: Vec<String> = chosen.collect();
                    if !chosen.is_empty() {
                        self.draft.extras = Some(chosen.into());
                    }
                }
                _ => self.note(
                    dependencies.syntax(),
                    "which dependencies these are cannot be read: see `groups` and `extras`",
                ),
            },
        }
    }

    /// Adds the Debian packages for `attribute` to the image, or says that there are none.
    fn add_package(&mut self, attribute: &str, node: &SyntaxNode) {
        match counterpart(attribute) {
            Some(counterpart) => {
                self.draft.packages.extend(counterpart.packages().map(str::to_owned));
                if let Some(why) = counterpart.why() {
                    self.note(node, &format!("nixpkgs' {attribute}: {why}"));
                }
            }
            None if python_minor(attribute).is_some() => {}
            None => {
                self.note(node, &unknown(attribute, "add it to `packages`"));
            }
        }
    }
}

/// Why there is no Debian package for `attribute` of nixpkgs; where nobody knows that, `remedy` is what to do.
fn unknown(attribute: &str, remedy: &str) -> String {
    match absence(attribute) {
        Some(why) => format!("nixpkgs' {attribute}: {why}"),
        None => format!("no Debian package is known for nixpkgs' {attribute}: {remedy}"),
    }
}

/// The revision that `lock` has of the input `name`, shortened.
fn locked_revision(lock: &str, name: &str) -> Option<String> {
    // Only the revision is shown, so the file is not read as what it is: `"NAME": { ... "rev": "..." ... }`.
    let (_, rest) = lock.split_once(&format!("\"{name}\": {{"))?;
    let (_, rest) = rest.split_once("\"rev\": \"")?;
    let revision = &rest[..rest.find('"')?];
    Some(revision.chars().take(12).collect())
}

/// A text without anything in it that has to be computed.
fn text_of(value: &Value) -> Option<String> {
    let Value::Text(pieces) = value else { return None };
    let literals = pieces.iter().map(|piece| match piece {
        Piece::Literal(literal) => Some(literal.as_str()),
        Piece::Value(_) => None,
    });
    literals.collect()
}

/// The plain texts of a list.
fn texts_of(value: &Value) -> Vec<String> {
    let Value::List(list) = value else { return Vec::new() };
    list.iter().filter_map(text_of).collect()
}

/// The name of a path's last attribute, for messages.
fn bound_name(node: &SyntaxNode) -> Option<String> {
    let entry = node.ancestors().find_map(ast::AttrpathValue::cast)?;
    path_of(&entry).last().cloned()
}

#[cfg(test)]
mod tests;
