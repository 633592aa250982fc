//! The audit of a compose file: the images that its services run, and the Dockerfiles that it builds.
//!
//! By the Compose specification: `services`, `build` in its short and long form, `dockerfile_inline`, `args` as a list
//! or a mapping, `additional_contexts`, `${NAME}` with its defaults, anchors and `<<`; files that are included (also
//! several that are laid over each other) and services that are extended, here or in another file. A part of a service
//! that another file overrides is not reported.
//!
//! Other files are asked from the caller. Paths are joined by their letters, as Compose does, starting from the path of
//! the first file.
mod build;
mod files;
mod inline;
mod remote;
mod service;

use std::collections::BTreeMap;

use files::Files;
use inline::Inline;
use invar_dockerfile::{BuildArguments, Expansion, Scope, Span};
use service::Reader;

use crate::dockerfile::{DockerfileError, look_at};
use crate::finding::Finding;
use crate::paths::directory_of;
use crate::report::Report;
use crate::surroundings::Surroundings;
use crate::yaml::YamlError;

/// Services of a file, and arguments of a service.
const MOST: usize = 1_000;

/// A compose file after its audit, with the files that it includes and extends.
#[derive(Debug)]
pub struct Compose {
    /// The Dockerfiles that are built, service by service.
    pub builds: Vec<ComposeBuild>,
    /// What is named and was not looked at, each as the end of a sentence that begins with a file's name.
    pub unseen: Vec<String>,
    files: Files,
}

/// A Dockerfile that a service is built from.
#[derive(Debug)]
pub struct ComposeBuild {
    /// The service.
    pub service: String,
    /// The folder that the build is given, from where the first file's path begins.
    pub context: String,
    /// The Dockerfile, from there as well; where it is in the compose file, see [`Compose::inline`].
    pub dockerfile: Option<String>,
    /// Build arguments whose values are known.
    pub arguments: BTreeMap<String, String>,
    /// Further contexts, by the names that the Dockerfile has for them.
    pub contexts: Vec<String>,
    inline: Option<Inline>,
}

/// Why a file that a compose file names cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadFailure {
    /// There is none.
    #[error("no such file")]
    Missing,
    /// It is a folder, a device or similar.
    #[error("it is not a regular file")]
    NotAFile,
    /// It has more bytes than are read.
    #[error("it has more than {limit} bytes")]
    TooLong {
        /// How many are read, in bytes.
        limit: u64,
    },
    /// It is not UTF-8.
    #[error("it is not UTF-8 text")]
    NotText,
    /// The system refuses it.
    #[error("{0}")]
    Refused(String),
}

/// A compose file, or one that it names, that cannot be audited.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{fault}")]
pub struct ComposeError {
    /// The file.
    pub name: String,
    /// What it says.
    pub text: String,
    /// Where the fault is.
    pub span: Option<Span>,
    /// What is wrong.
    pub fault: Box<ComposeFault>,
}

/// What is wrong with a compose file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ComposeFault {
    /// It is no YAML.
    #[error("invalid YAML: {0}")]
    Yaml(#[from] YamlError),
    /// It has no services.
    #[error("not a compose file: it has no `services` and no `include`")]
    NoServices,
    /// A file that it includes or extends cannot be read.
    #[error("cannot read {path}: {reason}")]
    Unread {
        /// The file.
        path: String,
        /// Why.
        reason: ReadFailure,
    },
    /// A service that is extended does not exist.
    #[error("no service `{service}` in {path}")]
    NoService {
        /// The service.
        service: String,
        /// The file.
        path: String,
    },
    /// Files include each other, or services extend each other, in a circle.
    #[error("this is circular")]
    Circle,
    /// There are more files, or more levels of them, than are followed.
    #[error("at most {limit} {what} are followed")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// A Dockerfile in it is none.
    #[error("{0}")]
    Dockerfile(#[from] DockerfileError),
}

/// Audits the compose file at `path`, which says `text`; `read` gives the text of another file by its path.
///
/// # Errors
/// [`ComposeError`].
pub fn audit_compose(
    path: &str,
    text: &str,
    read: &dyn Fn(&str) -> Result<String, ReadFailure>,
) -> Result<Compose, ComposeError> {
    let mut reader = Reader::new(read);
    let first = reader.files.first(path, text)?;
    reader.project(&[first], &directory_of(path), &mut Vec::new())?;
    Ok(Compose { builds: reader.builds, unseen: reader.unseen, files: reader.files })
}

impl Compose {
    /// Audits the Dockerfile of `build` that is in a compose file; what is found is reported there. The reports are
    /// those of the scripts that it runs, see [`crate::DockerfileAudit::scripts`]. Nothing where the Dockerfile is a file.
    ///
    /// # Errors
    /// [`ComposeError`], with the place in the compose file.
    pub fn inline(
        &mut self,
        build: &ComposeBuild,
        surroundings: &Surroundings<'_>,
    ) -> Result<Vec<Report>, ComposeError> {
        let Some(inline) = &build.inline else { return Ok(Vec::new()) };
        let arguments = BuildArguments { values: build.arguments.clone(), ..BuildArguments::default() };
        let looked = look_at(inline.text.as_str().as_bytes(), &arguments, surroundings).map_err(|error| {
            let span = error.span().map(|span| inline.place(span));
            self.files.fault(inline.file, span, error.into())
        })?;
        let findings = looked.findings.into_iter().map(|finding| Finding {
            span: finding.span.map(|span| inline.place(span)),
            also: finding.also.into_iter().map(|span| inline.place(span)).collect(),
            ..finding
        });
        for finding in findings {
            self.files.tell(inline.file, finding);
        }
        self.files.add_scopes(inline.file, looked.scopes.into_iter().map(|span| inline.place(span)));
        Ok(looked.scripts)
    }

    /// What was found, file by file, the first one first.
    pub fn reports(self) -> Vec<Report> {
        self.files.reports()
    }
}

/// The text with `${NAME}` replaced by defaults; `$$` is one dollar sign.
fn replaced(text: &str) -> Expansion {
    let scope = Scope::default();
    let mut all = Expansion::default();
    for (number, part) in text.split("$$").enumerate() {
        if number > 0 {
            all.text.push('$');
        }
        match scope.expand_names(part, '\\') {
            Ok(expansion) => {
                all.text.push_str(&expansion.text);
                all.missing.extend(expansion.missing);
            }
            Err(_) => all.text.push_str(part),
        }
    }
    all
}
