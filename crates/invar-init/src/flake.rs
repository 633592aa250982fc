//! A flake, as a manifest: an output is evaluated, and what it consists of is put where Debian and the project have it.
//!
//! The output is an image, a package, an app, an environment or a shell. Packages of nixpkgs become Debian packages by
//! a table; the virtual environment is the project's own, `/app/.venv`; what a derivation puts into its output is put
//! into the image by steps that copy, link and wrap; a package that is laid over an image's root is in `/`, one that is
//! only referred to in `/opt/NAME`.
mod environment;
mod further;
mod image;
mod lay;
mod overrides;
mod place;
mod program;
mod reader;
mod shell;
mod step;

use std::collections::BTreeMap;

use invar_flake::{Flake, FlakeValue, Output, OutputKind, OutputName};
use invar_project::Purpose;
use toml::Value;

use crate::draft::{Draft, Source};
use crate::flake::reader::{Project, Reader};
use crate::project::{ProjectView, read_project};
use crate::suite;

/// What a flake is read with.
#[derive(Debug, Clone, Copy)]
pub struct FlakeContext<'a> {
    /// The project's files, relative to the flake's directory, with the texts of those that may matter.
    pub files: &'a BTreeMap<String, Option<String>>,
    /// The text of `flake.lock`.
    pub lock: Option<&'a str>,
    /// The text of `pyproject.toml`.
    pub pyproject: Option<&'a str>,
    /// The output that is wanted, such as `docker-image` or `packages.x86_64-linux.default`. Without it: the image, or
    /// the default app or package.
    pub output: Option<&'a str>,
    /// What it is wanted for.
    pub purpose: Purpose,
}

/// Why a flake cannot be read.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FlakeError {
    /// It cannot be evaluated, or lacks the output.
    #[error(transparent)]
    Read(#[from] invar_flake::FlakeError),
}

/// Names of an image among several, the most usual ones first.
const IMAGE_NAMES: [&str; 9] = [
    "default",
    "docker-image",
    "dockerImage",
    "docker",
    "image",
    "container",
    "container-image",
    "oci-image",
    "oci",
];

/// Reads the flake `text` and adds what an output of it says to `draft`.
///
/// # Errors
/// [`FlakeError`].
pub fn read_flake(text: &str, context: &FlakeContext<'_>, draft: Draft) -> Result<Draft, FlakeError> {
    read_flake_at(text, context, None, draft)
}

/// The same for an output that somebody else puts into the directory `root` of an image, and starts there: what it
/// would start itself is not asked.
///
/// # Errors
/// [`FlakeError`].
pub(crate) fn read_flake_at(
    text: &str,
    context: &FlakeContext<'_>,
    root: Option<&str>,
    draft: Draft,
) -> Result<Draft, FlakeError> {
    // What is evaluated, and what packages consist of, may be deeper than any thread's own stack.
    invar_nix::on_deep_stack(|| read_on_this_stack(text, context, root, draft))
}

fn read_on_this_stack(
    text: &str,
    context: &FlakeContext<'_>,
    root: Option<&str>,
    draft: Draft,
) -> Result<Draft, FlakeError> {
    let mut files = context.files.clone();
    for (name, content) in [("flake.lock", context.lock), ("pyproject.toml", context.pyproject)] {
        if let Some(content) = content {
            files.insert(name.to_owned(), Some(content.to_owned()));
        }
    }
    files.insert("flake.nix".to_owned(), Some(text.to_owned()));
    let mut flake = Flake::read(text, &files)?;
    let project = Project::read(&files);
    let mut draft = draft;
    add_pins(&mut draft, &flake);
    let outputs = flake.outputs();
    let chosen = choose(&mut flake, context, &outputs)?;
    let mut reader = Reader::new(&mut flake, &files, &project, draft);
    if let Some(root) = root {
        root.clone_into(&mut reader.root);
        reader.starts = false;
    }
    let is_image = matches!(chosen.as_ref().map(|output| &output.kind), Some(OutputKind::Image(_)));
    match &chosen {
        Some(output) => reader.output(output),
        None => reader.nothing(),
    }
    if !is_image && reader.starts && context.purpose != Purpose::Shell {
        reader.guess_command();
    }
    if context.purpose != Purpose::Shell {
        reader.other_shell(&outputs);
        if context.output.is_none() {
            reader.unreadable_packages(&outputs);
        }
    }
    let mut draft = reader.finish();
    if is_image && context.output.is_none() {
        further::add(&mut flake, &files, &project, &mut draft, chosen.as_ref(), &outputs);
    }
    if let Some(suite) = draft.suite.clone() {
        suite::rename(&mut draft, &suite);
    }
    draft.read.extend(flake.files_read());
    draft.read.extend(context.lock.map(|_| "flake.lock".to_owned()));
    let source = Source { file: "flake.nix", line: 0 };
    draft.keep_valid(source);
    draft.keep_parsed(source, context.pyproject);
    draft.notes.sort_by(|a, b| (a.source, &a.file).cmp(&(b.source, &b.file)));
    Ok(draft)
}

/// What the flake's inputs were, and what takes their place.
fn add_pins(draft: &mut Draft, flake: &Flake) {
    for input in flake.inputs() {
        let Some(url) = &input.url else { continue };
        let before = match &input.revision {
            Some(revision) => {
                let revision: String = revision.chars().take(12).collect();
                format!("\"{url}\" (flake.lock: {revision})")
            }
            None => format!("\"{url}\" (no flake.lock: unpinned)"),
        };
        let after = match input.kind {
            invar_flake::InputKind::Nixpkgs => "Debian packages, pinned by sha256 in invar.lock",
            invar_flake::InputKind::Unknown => "not used: see the comments",
            _ => "not needed: Invar reads uv.lock directly",
        };
        draft.pin(&format!("input {}", input.name), before, after);
    }
}

/// The output to read: the one that is named, or the image, or the default app or package.
fn choose(
    flake: &mut Flake,
    context: &FlakeContext<'_>,
    outputs: &[OutputName],
) -> Result<Option<Output>, FlakeError> {
    let purpose = match context.purpose {
        Purpose::Build => invar_flake::Purpose::Build,
        Purpose::Run => invar_flake::Purpose::Run,
        Purpose::Shell => invar_flake::Purpose::Shell,
    };
    if let Some(name) = context.output {
        let found = flake.output(name, purpose);
        // An app is built as the image that runs it.
        return match (found, context.purpose) {
            (Err(error), Purpose::Build) => {
                flake.output(name, invar_flake::Purpose::Run).map(Some).map_err(|_| error.into())
            }
            (found, _) => Ok(Some(found?)),
        };
    }
    // What is built without a name is what is run without one.
    if context.purpose == Purpose::Shell {
        return Ok(Some(flake.output("default", purpose)?));
    }
    let images = further::images(flake, outputs);
    let by_name = IMAGE_NAMES.iter().find(|name| images.iter().any(|image| image.name == **name));
    let image = match by_name {
        Some(name) => Some((*name).to_owned()),
        None => images.first().map(|image| image.name.clone()),
    };
    if let Some(image) = image {
        return Ok(Some(flake.output(&format!("\"{image}\""), invar_flake::Purpose::Build)?));
    }
    let has = |category: &str, name: &str| outputs.iter().any(|o| o.category == category && o.name == name);
    if has("apps", "default") || has("defaultApp", "default") {
        return Ok(Some(flake.output("default", invar_flake::Purpose::Run)?));
    }
    if has("packages", "default") || has("defaultPackage", "default") {
        return Ok(Some(flake.output("default", invar_flake::Purpose::Build)?));
    }
    // The only app or package, or the first of several.
    for (category, purpose) in
        [("apps", invar_flake::Purpose::Run), ("packages", invar_flake::Purpose::Build)]
    {
        if let Some(first) = outputs.iter().find(|output| output.category == category) {
            return Ok(Some(flake.output(&format!("\"{}\"", first.name), purpose)?));
        }
    }
    Ok(None)
}

impl Reader<'_> {
    /// Reads an output of any kind.
    fn output(&mut self, output: &Output) {
        self.output_place = output.place.clone();
        match &output.kind {
            OutputKind::Image(image) => self.image(image),
            OutputKind::Package(derivation) => self.package(output.symbol, derivation),
            OutputKind::App(app) => self.app(app),
            OutputKind::Shell(derivation) => self.shell(derivation),
            OutputKind::Thing(thing) => self.thing_as_image(output.symbol, thing),
            OutputKind::Value(datum) => {
                let why = "this output is not a package, an image, an app or a shell";
                self.note(datum.place.as_ref().or(output.place.as_ref()), "", why);
            }
            _ => self.note(output.place.as_ref(), "", "this kind of output is not supported"),
        }
    }

    /// Packages that cannot be evaluated, of which any may be the image that was meant.
    fn unreadable_packages(&mut self, outputs: &[OutputName]) {
        for output in outputs.iter().filter(|output| output.category == "packages") {
            let read = self.flake.output(&format!("\"{}\"", output.name), invar_flake::Purpose::Build);
            let Err(invar_flake::FlakeError::Output { why, .. }) = read else { continue };
            let place = why.place.as_ref().or(output.place.as_ref());
            let reason = format!("this package cannot be read: {}", why.why);
            self.note(place, &format!("packages.{}", output.name), &reason);
        }
    }

    /// The shell of the flake, beside what was asked for.
    fn other_shell(&mut self, outputs: &[OutputName]) {
        let shells: Vec<&OutputName> =
            outputs.iter().filter(|o| o.category == "devShells" || o.category == "devShell").collect();
        let default = shells.iter().find(|shell| shell.name == "default").or(shells.first()).copied();
        let Some(shell) = default else { return };
        match self.flake.output(&format!("\"{}\"", shell.name), invar_flake::Purpose::Shell) {
            Ok(Output { kind: OutputKind::Shell(derivation), .. }) => self.shell(&derivation),
            Ok(output) => {
                let what = match &output.kind {
                    OutputKind::Thing(thing) => match &**thing {
                        FlakeValue::Unknown(description) => description.clone(),
                        _ => String::new(),
                    },
                    _ => String::new(),
                };
                self.note(shell.place.as_ref(), &what, "the contents of this shell are unknown");
            }
            Err(error) => self.note(shell.place.as_ref(), "", &format!("this shell cannot be read: {error}")),
        }
        let others: Vec<&&OutputName> = shells.iter().filter(|other| other.name != shell.name).collect();
        if let Some(first) = others.first() {
            let names: Vec<&str> = others.iter().map(|other| other.name.as_str()).collect();
            let why = format!(
                "a manifest has one shell, here {}; open another one with `invar shell '.#{}'`",
                shell.name, first.name
            );
            self.note(first.place.as_ref(), &names.join(", "), &why);
        }
    }

    /// The command that the project's files show, where the flake names none.
    fn guess_command(&mut self) {
        self.lay_all();
        let has_command = ["command", "entrypoint"].iter().any(|key| self.draft.image.get(key).is_some());
        let text = |name: &str| self.files.get(name).and_then(Option::as_deref);
        let (Some(pyproject), false) = (text("pyproject.toml"), has_command) else { return };
        let view = ProjectView { pyproject, uv_lock: text("uv.lock"), version_file: None, files: self.files };
        // A lock that uv has not finished is no reason to know nothing.
        let guess = read_project(&view).or_else(|_| read_project(&ProjectView { uv_lock: None, ..view }));
        let Ok(guess) = guess else { return };
        // Where the output is unknown to be the project's, only the program that it installs is a guess that is good.
        let first = match guess.image.get("command") {
            Some(Value::Array(words)) => words.first().and_then(Value::as_str).map(str::to_owned),
            _ => None,
        };
        let is_script = first.as_ref().is_some_and(|first| self.project.scripts.contains(first));
        if !self.environment.is_used && !is_script {
            return;
        }
        if first.is_none() {
            self.draft
                .notes
                .extend(guess.notes.into_iter().filter(|note| note.source.file == "pyproject.toml"));
        }
        for key in ["command", "ports"] {
            if let Some(value) = guess.image.get(key) {
                self.draft.image.set(key, value.clone());
            }
        }
    }

    fn nothing(&mut self) {
        self.note(None, "", "the flake has no package, app or image for x86_64-linux");
    }
}

#[cfg(test)]
mod tests;
