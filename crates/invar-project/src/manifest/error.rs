use std::fmt;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use invar_python::ProjectProblem;
use invar_toml::KeyProblem;

use crate::ValueError;

/// All that is wrong with a manifest.
///
/// Shown with [`Display`](fmt::Display), each finding is a line of `file:line:column: message`;
/// [`render`](Self::render) shows the source too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestError {
    /// The findings, file by file and in the order of the text; at least one.
    findings: Vec<Finding>,
    /// The files' paths and texts.
    sources: Vec<(String, String)>,
}

/// One thing that is wrong with a manifest.
pub type Finding = invar_toml::Finding<Problem>;

/// What is wrong at one place of a manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// Neither `pyproject.toml` nor `invar.toml` exists.
    #[error("no pyproject.toml or invar.toml in this directory")]
    NoManifest,
    /// Both `[tool.invar]` and `invar.toml` exist.
    #[error("[tool.invar] and {invar_toml} both configure this project")]
    TwoManifests {
        /// The path of the `invar.toml`.
        invar_toml: String,
    },
    /// The file is far longer than any manifest.
    #[error("the file has {length} bytes; the limit for a manifest is {most}")]
    TooLong {
        /// Its length in bytes.
        length: usize,
        /// The most that is accepted.
        most: usize,
    },
    /// The file is not TOML.
    #[error("invalid TOML: {message}")]
    Syntax {
        /// What the parser said.
        message: String,
    },
    /// A key or its value.
    #[error(transparent)]
    Key(#[from] KeyProblem<ValueError>),
    /// What `pyproject.toml` says about the Python project.
    #[error(transparent)]
    Project(#[from] ProjectProblem),
    /// A command line as one string.
    #[error("`{key}` must be an array of arguments, not a string")]
    CommandText {
        /// The key's dotted path.
        key: String,
        /// The string.
        text: String,
    },
    /// A dotted key where one key with dots in its name was meant.
    #[error("`{key}` must be a string, not a table")]
    DottedName {
        /// The key's dotted path.
        key: String,
    },
    /// The image has no name, and there is no project whose name it could take.
    #[error("the image has no name")]
    NoImageName,
    /// An extra that the project does not define.
    #[error("the project has no extra {name:?}")]
    UnknownExtra {
        /// The extra.
        name: String,
        /// The extra that is most like it.
        nearest: Option<String>,
    },
    /// Steps that need each other's outputs.
    #[error("the step {name:?} needs its own outputs: {}", path.join(" > "))]
    StepCycle {
        /// The step.
        name: String,
        /// The way from the step back to itself, each needing the outputs of the next.
        path: Vec<String>,
    },
    /// A step that the manifest does not have.
    #[error("there is no step {name:?}")]
    UnknownStep {
        /// The step.
        name: String,
        /// The step that is most like it.
        nearest: Option<String>,
    },
    /// A step that is run and leaves nothing.
    #[error("the step {name:?} has `run` but no `outputs`, so nothing it creates is kept")]
    NoOutputs {
        /// The step.
        name: String,
    },
    /// A step that neither runs anything nor puts anything into the image.
    #[error("the step {name:?} does nothing: it has no `run`, `outputs`, `files`, `links` or `wrap`")]
    IdleStep {
        /// The step.
        name: String,
    },
    /// A key of a step that only counts while the step is run.
    #[error("`{key}` has no effect in a step without `run`")]
    WithoutRun {
        /// The key's dotted path.
        key: String,
    },
    /// A wrapped program with two names.
    #[error("`{key}` has both `argv0` and `inherit-argv0`; use one of them")]
    TwoNames {
        /// The table's dotted path.
        key: String,
    },
    /// Two places in the image of which one is inside the other.
    #[error("`{key}`: {path} is inside {outer}, an output of the step {step:?}")]
    InsideOutput {
        /// The key's dotted path.
        key: String,
        /// The inner place.
        path: String,
        /// The outer place.
        outer: String,
        /// The step that has the outer one.
        step: String,
    },
    /// One address that is to be fetched with two contents.
    #[error("{url} is listed above with a different sha256")]
    OtherDigest {
        /// The address.
        url: String,
    },
    /// Two users with one number.
    #[error("`{key}` has the number {uid}, which is {other}'s")]
    SameUid {
        /// The key's dotted path.
        key: String,
        /// The other user.
        other: String,
        /// The number.
        uid: u32,
    },
    /// Answers for maintainer scripts, but none is run.
    #[error("`{key}` is only used by maintainer scripts, and none are run")]
    DebconfUnread {
        /// The key's dotted path.
        key: String,
    },
    /// More of something than any project has.
    #[error("`{key}` has {found} entries; the limit is {most}")]
    TooMany {
        /// The key's dotted path.
        key: String,
        /// How many there are.
        found: usize,
        /// The most that is accepted.
        most: usize,
    },
}

impl invar_toml::Problem for Problem {
    type Error = ValueError;
}

impl Problem {
    /// What the author can do, where that is known.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::NoManifest => {
                "create a pyproject.toml with `uv init`, or an invar.toml for an image without Python"
                    .to_owned()
            }
            Self::TwoManifests { invar_toml } => {
                format!("merge them into one file; in {invar_toml} the keys are at the top level")
            }
            Self::Key(KeyProblem::BadValue { error, .. }) => return error.help(),
            Self::Key(problem) => return problem.help(),
            Self::Project(problem) => return problem.help(),
            Self::CommandText { text, .. } => {
                let words: Vec<String> = text.split_whitespace().map(|word| format!("{word:?}")).collect();
                match text.contains(['"', '\'', '$', '|', '&', ';', '<', '>', '*', '\\']) {
                    true => {
                        format!("no shell runs it; with `shell = true`, write [\"sh\", \"-c\", {text:?}]")
                    }
                    false => format!("no shell splits the string into words; write [{}]", words.join(", ")),
                }
            }
            Self::DottedName { .. } => "quote names that contain dots".to_owned(),
            Self::NoImageName => "name it: `name = \"…\"` in the image table".to_owned(),
            Self::UnknownExtra { nearest, .. } | Self::UnknownStep { nearest, .. } => {
                format!("did you mean {:?}?", nearest.as_ref()?)
            }
            Self::NoOutputs { .. } => {
                "list what to keep and where: `outputs = { \"dist\" = \"/app/static\" }`".to_owned()
            }
            Self::IdleStep { .. } => "add a command: `run = \"…\"`".to_owned(),
            Self::SameUid { .. } => "use different numbers for each user".to_owned(),
            Self::InsideOutput { .. } => "use different paths for each step".to_owned(),
            Self::DebconfUnread { .. } => {
                "to run them, set `configure = \"run\"`, or `configure = [\"PACKAGE\"]` for some packages"
                    .to_owned()
            }
            Self::TooLong { .. }
            | Self::Syntax { .. }
            | Self::StepCycle { .. }
            | Self::WithoutRun { .. }
            | Self::TwoNames { .. }
            | Self::OtherDigest { .. }
            | Self::TooMany { .. } => return None,
        })
    }
}

impl ManifestError {
    /// `findings` must not be empty; `sources` are the files in the order in which they are reported.
    pub(super) fn new(mut findings: Vec<Finding>, sources: Vec<(String, String)>) -> Self {
        let rank = |path: &str| sources.iter().position(|(known, _)| known == path);
        findings.sort_by_key(|finding| {
            (rank(&finding.path), finding.span.as_ref().map(|span| (span.start, span.end)))
        });
        Self { findings, sources }
    }

    /// The findings, file by file and in the order of the text; at least one.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Line and column of a finding, both from 1, the column in characters.
    pub fn position(&self, finding: &Finding) -> Option<(usize, usize)> {
        let before = self.text(finding)?.get(..finding.span.as_ref()?.start)?;
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or(before).chars().count() + 1;
        Some((line, column))
    }

    fn text(&self, finding: &Finding) -> Option<&str> {
        self.sources.iter().find(|(path, _)| *path == finding.path).map(|(_, text)| text.as_str())
    }

    /// The findings for a terminal: message, place, source and help; `color` adds ANSI colors.
    ///
    /// The text ends with a line feed and does not depend on the terminal's width.
    pub fn render(&self, color: bool) -> String {
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        let mut rendered = String::new();
        for finding in &self.findings {
            if !rendered.is_empty() {
                rendered.push('\n');
            }
            rendered.push_str(&renderer.render(&[self.group(finding)]));
            rendered.push('\n');
        }
        rendered
    }

    fn group<'a>(&'a self, finding: &'a Finding) -> Group<'a> {
        let title = Level::ERROR.primary_title(finding.problem.to_string());
        let group = match (self.text(finding), &finding.span) {
            (Some(text), Some(span)) => {
                let clip = |span: &Range<usize>| span.start.min(text.len())..span.end.min(text.len());
                let mut snippet = Snippet::source(text)
                    .path(finding.path.as_str())
                    .annotation(AnnotationKind::Primary.span(clip(span)));
                if let Some(first) = &finding.first {
                    let label = AnnotationKind::Context.span(clip(first)).label("first here");
                    snippet = snippet.annotation(label);
                }
                title.element(snippet)
            }
            _ if finding.path.is_empty() => Group::with_title(title),
            _ => title.element(Origin::path(finding.path.as_str())),
        };
        match finding.problem.help() {
            Some(help) => group.element(Level::HELP.message(help)),
            None => group,
        }
    }
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, finding) in self.findings.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            if !finding.path.is_empty() {
                write!(f, "{}:", finding.path)?;
                if let Some((line, column)) = self.position(finding) {
                    write!(f, "{line}:{column}:")?;
                }
                f.write_str(" ")?;
            }
            write!(f, "{}", finding.problem)?;
        }
        Ok(())
    }
}

impl std::error::Error for ManifestError {}
