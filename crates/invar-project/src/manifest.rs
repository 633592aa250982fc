//! The manifest: `[tool.invar]` in `pyproject.toml`, or the same keys at the top level of an `invar.toml` next to it.
//!
//! The documentation of the fields of [`Manifest`] and of their types is the reference for authors, and the [JSON
//! Schema](schema) is built from it. Everything is checked before anything is used, and all findings are reported
//! together, each at its place in the text.
mod account;
mod configure;
mod dev_shell;
mod error;
mod image;
mod interpreter;
mod page;
mod place;
mod reader;
mod reference;
mod request;
mod runtime;
mod schema;
mod step;
mod url;
mod variant;
mod workspace;

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::str::FromStr;

use invar_debian::PackageName;
use invar_formats::spelling::nearest;
use invar_python::{DefaultGroups, ExtraName, GroupName, NameError, Project, ProjectProblem};
use schemars::JsonSchema;
use toml::de::DeTable;

pub use self::account::{Account, AccountName};
pub use self::configure::Configure;
use self::configure::debconf;
pub use self::dev_shell::DevShell;
use self::dev_shell::shell_schema;
pub use self::error::{Finding, ManifestError, Problem};
pub use self::image::{HealthCheck, Image, ImageKeys, KEYS as IMAGE_KEYS};
pub use self::interpreter::{Override, Prefer, Python};
pub use self::page::reference;
pub use self::place::{BuildPath, ImageKey, RelativePath, StepName};
pub use self::reference::{RepositoryName, Tag};
pub use self::request::PackageRequest;
pub use self::runtime::{EnvironmentName, Identity, Interval, LabelName, Port, Protocol, Signal, User};
pub use self::schema::schema;
pub use self::step::{FileText, ListValues, Output, Step, StepFetch, Wrap};
pub use self::url::{AbsoluteUrl, FetchUrl};
pub use self::variant::{ContentKeys, ImageOverride};
pub use self::workspace::{WorkspaceRoot, read_uv_toml};
use crate::manifest::reader::{Reader, Section, Value};
use crate::manifest::schema::{PythonName, package_names_schema};
use crate::{Glob, SuiteName, Timestamp, ValueError};

/// The longest file that is read as a manifest, in bytes.
const LONGEST: usize = 4 << 20;

/// The texts of the files that a manifest is read from, each with the path under which messages show it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ManifestSources<'a> {
    /// Path and text of `pyproject.toml`, if there is one.
    pub pyproject: Option<(&'a str, &'a str)>,
    /// Path and text of `invar.toml`, if there is one.
    pub invar_toml: Option<(&'a str, &'a str)>,
}

/// The contents of an image, and how it starts.
///
/// These keys go in `[tool.invar]` of `pyproject.toml`, or at the top level of an `invar.toml` next to it.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(title = "Invar manifest", rename_all = "kebab-case", deny_unknown_fields)]
pub struct Manifest {
    /// The codename of the Debian suite to use, such as `trixie`, `bookworm` or `sid`. Its updates and security fixes
    /// are always included. Default: chosen by `invar lock` to fit `requires-python`, `.python-version` and the wheels in
    /// `uv.lock`.
    pub suite: Option<SuiteName>,
    /// Debian packages for the image, each `"name"` or `"name=version"`. Their dependencies are included. Instead of a virtual package, name one that provides it.
    #[schemars(default)]
    pub packages: Vec<PackageRequest>,
    /// The Debian packages that every image includes, instead of Invar's small default set.
    #[schemars(schema_with = "package_names_schema", default)]
    pub base: Option<Vec<PackageName>>,
    /// How to configure Debian packages: `"native"` produces the results of maintainer scripts without running them,
    /// `"run"` runs the scripts of all packages in a sandbox, and an array of packages runs those of these packages.
    #[schemars(default)]
    pub configure: Configure,
    /// Answers to questions of maintainer scripts, in the format of `debconf-set-selections`: package, question,
    /// type and value, such as
    /// `"locales locales/locales_to_be_generated multiselect de_DE.UTF-8 UTF-8"`. Only used by scripts that run.
    #[schemars(schema_with = "schema::debconf_schema", default)]
    pub debconf: Vec<String>,
    /// Whether the image has a shell, `/bin/sh`; or a table that also configures the development shell.
    #[schemars(schema_with = "shell_schema", default)]
    pub shell: bool,
    /// The shell in which the author works on the project: the table form of `shell`.
    #[schemars(skip)]
    pub dev_shell: DevShell,
    /// Whether to include the packages' documentation: manuals, info pages, `/usr/share/doc`. Copyright files are
    /// always included.
    #[schemars(default)]
    pub docs: bool,
    /// The project's extras to install: an array of names, or `"all"`.
    #[schemars(default)]
    pub extras: Extras,
    /// The project's dependency groups to install. Default: none, not even `dev`.
    #[schemars(with = "Vec<PythonName>", default)]
    pub groups: Vec<GroupName>,
    /// Patterns for the source files to include, such as `"src"` or `"assets/**/*.css"`, even if an ignore file
    /// excludes them; an empty array includes nothing. Default: all files except those that `.gitignore` files or
    /// `.dockerignore` exclude; nothing if the project is a package, which is installed instead.
    #[schemars(default)]
    pub include: Option<Vec<Glob>>,
    /// Patterns for files to exclude, such as `"tests"` or `"**/*.md"`. Takes precedence over all other rules.
    #[schemars(default)]
    pub exclude: Vec<Glob>,
    /// Patterns for files to include although they look like secrets, such as `".env"`. Default: files such as `.env`, `.netrc`
    /// and private keys are only included if `include` names them.
    #[schemars(default)]
    pub include_secrets: Vec<Glob>,
    /// Where to fetch Debian packages. It does not change the image.
    pub mirror: Option<Mirror>,
    /// Use the Debian archive as of this time, such as `2026-09-12T08:00:00Z`. Default: the time when `invar
    /// lock` runs.
    pub snapshot: Option<Timestamp>,
    /// The path of the OpenPGP keyring that must have signed the archive, relative to the project. Default: the Debian
    /// archive keys.
    #[schemars(with = "Option<String>")]
    pub keyring: Option<PathBuf>,
    /// The Python package index to fetch from, instead of the one in `uv.lock`. It does not change the image.
    pub index: Option<AbsoluteUrl>,
    /// How to install Python packages in the image.
    #[schemars(default)]
    pub python: Python,
    /// Build steps: commands that build something for the image from some of the project's files. Each runs after
    /// the steps whose outputs it uses; otherwise, they keep their order in the file.
    #[schemars(rename = "step", default)]
    pub steps: Vec<Step>,
    /// The image: its name, and how its containers start.
    #[schemars(with = "Option<Image>")]
    pub image: Image,
    /// Additional images of the project, by a key of lower-case letters, digits and hyphens. Each key in them replaces
    /// the project's.
    #[schemars(default)]
    pub images: BTreeMap<ImageKey, ImageOverride>,
    /// Which of the project's additional images this manifest is [of](Self::image); `None` for the project's own.
    #[schemars(skip)]
    pub variant: Option<ImageKey>,
    /// What `pyproject.toml` says about the Python project; `None` without one.
    #[schemars(skip)]
    pub project: Option<Project>,
}

/// Where to fetch Debian packages. Every file is verified, so you do not have to trust a mirror.
#[derive(Debug, Clone, Default, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Mirror {
    /// The URL of the main archive: the directory that contains `dists` and `pool`.
    pub debian: Option<AbsoluteUrl>,
    /// The URL of the security archive: the directory that contains `dists` and `pool`.
    pub security: Option<AbsoluteUrl>,
}

/// Which extras are installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Extras {
    /// All that the project has.
    All,
    /// Those of this list.
    Named(Vec<ExtraName>),
}

impl Default for Extras {
    fn default() -> Self {
        Self::Named(Vec::new())
    }
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// [`ManifestError`] with everything that is wrong with it.
    pub fn parse(sources: &ManifestSources<'_>) -> Result<Self, ManifestError> {
        let files: Vec<(&str, &str)> =
            [sources.pyproject, sources.invar_toml].into_iter().flatten().collect();
        let mut findings = Vec::new();
        let error = |findings| {
            let owned = |&(path, text): &(&str, &str)| (path.to_owned(), text.to_owned());
            ManifestError::new(findings, files.iter().map(owned).collect())
        };
        if files.is_empty() {
            findings.push(file_finding("", None, Problem::NoManifest));
        }
        let pyproject = sources.pyproject.and_then(|file| OpenFile::new(file, &mut findings));
        let invar_toml = sources.invar_toml.and_then(|file| OpenFile::new(file, &mut findings));
        // Half a file says little about the other half.
        if !findings.is_empty() {
            return Err(error(findings));
        }
        let manifest = Self::read_files(pyproject.as_ref(), invar_toml.as_ref());
        findings.extend([pyproject, invar_toml].into_iter().flatten().flat_map(|file| file.reader.finish()));
        match manifest {
            Some(manifest) if findings.is_empty() => Ok(manifest),
            Some(_) | None => Err(error(findings)),
        }
    }

    /// The dependency groups that are installed in the author's shell: those that the manifest names, else uv's default
    /// groups, else `dev` if the project has it.
    pub fn dev_shell_groups(&self) -> Vec<GroupName> {
        if let Some(groups) = &self.dev_shell.groups {
            return groups.clone();
        }
        let Some(project) = &self.project else { return Vec::new() };
        match &project.uv.default_groups {
            Some(DefaultGroups::All) => project.groups.keys().cloned().collect(),
            Some(DefaultGroups::Named(names)) => names.clone(),
            None => project.groups.keys().filter(|name| name.as_str() == "dev").cloned().collect(),
        }
    }

    /// Reads both files; every finding is with its file. `None` only if there is a finding.
    fn read_files(pyproject: Option<&OpenFile<'_>>, invar_toml: Option<&OpenFile<'_>>) -> Option<Self> {
        let project = pyproject.and_then(|file| {
            let (project, findings) = Project::read(file.reader.path(), &file.table);
            file.reader.extend(findings);
            project
        });
        // Where `[project]` is there but broken, whatever follows from it would be a second finding.
        let is_broken = project.is_none() && pyproject.is_some_and(|file| file.table.contains_key("project"));
        let known = if is_broken { Known::Broken } else { Known::Read(project.as_ref()) };
        let tool_invar = pyproject.and_then(|file| {
            let tool = file.table.get("tool")?.get_ref().as_table()?;
            Section::new(&file.reader, "tool", tool).take("invar")
        });
        if let (Some(value), Some(invar_toml)) = (&tool_invar, invar_toml) {
            let invar_toml = invar_toml.reader.path().to_owned();
            value.reader.report(value.key_span.clone(), Problem::TwoManifests { invar_toml });
        }
        let manifest = match (tool_invar, invar_toml, pyproject) {
            (Some(value), _, _) => Self::read(value.table()?, known, Some(value.key_span)),
            (None, Some(file), _) => Self::read(Section::new(&file.reader, "", &file.table), known, None),
            (None, None, Some(file)) => {
                Self::read(Section::new(&file.reader, "", &DeTable::new()), known, None)
            }
            (None, None, None) => None,
        };
        manifest.map(|manifest| Self { project, ..manifest })
    }

    /// Reads the keys of `[tool.invar]` or `invar.toml`; `header` is where the table is named. `None` only if there is
    /// a finding.
    fn read(mut section: Section<'_, '_>, known: Known<'_>, header: Option<Range<usize>>) -> Option<Self> {
        let suite = section.take("suite").and_then(|value| suite(&value));
        let requested = section.take("packages").and_then(|value| packages(&value));
        let base = section.take("base").and_then(|value| base_packages(&value));
        let configure = match section.take("configure") {
            Some(value) => Configure::read(&value),
            None => Some(Configure::Native),
        };
        let debconf = section.take("debconf").and_then(|value| debconf(&value, configure.as_ref()));
        let shell = section.take("shell").and_then(|value| DevShell::read(value, known));
        let (shell, dev_shell) = shell.unwrap_or_default();
        let docs = section.take("docs").and_then(Value::boolean).unwrap_or(false);
        let extras = section.take("extras").and_then(|value| extras(&value, known)).unwrap_or_default();
        let groups = section.take("groups").and_then(|value| groups(&value, known)).unwrap_or_default();
        let include = section.take("include").and_then(|value| value.parsed_list());
        let exclude = section.take("exclude").and_then(|value| value.parsed_list()).unwrap_or_default();
        let include_secrets =
            section.take("include-secrets").and_then(|value| value.parsed_list()).unwrap_or_default();
        let mirror = section.take("mirror").and_then(|value| Mirror::read(&value));
        let snapshot = section.take("snapshot").and_then(|value| snapshot(&value));
        let keyring = section.take("keyring").and_then(|value| keyring(&value));
        let index = section.take("index").and_then(|value| value.parsed());
        let python = section.take("python").and_then(|value| Python::read(&value)).unwrap_or_default();
        let steps = match section.take("step") {
            Some(value) => Step::read_all(&value),
            None => Some(Vec::new()),
        };
        let image = match section.take("image") {
            Some(value) => Image::read(&value, known),
            None => Image::read_absent(section.reader(), header, known),
        };
        let own = variant::Project { known, image: image.as_ref(), steps: steps.as_deref() };
        let images = section.take("images").and_then(|value| ImageOverride::read_all(&value, &own));
        let elsewhere: Vec<(&'static str, &'static str)> =
            image::KEYS.iter().map(|&key| (key, "the `image` table")).collect();
        section.refuse_the_rest(&elsewhere);
        Some(Self {
            suite,
            packages: requested.unwrap_or_default(),
            base,
            configure: configure.unwrap_or_default(),
            debconf: debconf.unwrap_or_default(),
            shell,
            dev_shell,
            docs,
            extras,
            groups,
            include,
            exclude,
            include_secrets,
            mirror,
            snapshot,
            keyring,
            index,
            python,
            steps: steps.unwrap_or_default(),
            image: image?,
            images: images.unwrap_or_default(),
            variant: None,
            project: None,
        })
    }
}

/// A file that is TOML, and what is found wrong with its keys.
struct OpenFile<'a> {
    reader: Reader<'a>,
    table: DeTable<'a>,
}

impl<'a> OpenFile<'a> {
    fn new((path, text): (&'a str, &'a str), findings: &mut Vec<Finding>) -> Option<Self> {
        if text.len() > LONGEST {
            let problem = Problem::TooLong { length: text.len(), most: LONGEST };
            findings.push(file_finding(path, None, problem));
            return None;
        }
        match DeTable::parse(text) {
            Ok(table) => Some(Self { reader: Reader::new(path), table: table.into_inner() }),
            Err(error) => {
                let problem = Problem::Syntax { message: error.message().to_owned() };
                findings.push(file_finding(path, error.span(), problem));
                None
            }
        }
    }
}

fn file_finding(path: &str, span: Option<Range<usize>>, problem: Problem) -> Finding {
    Finding { path: path.to_owned(), span, first: None, problem }
}

/// What is known about the Python project while the rest of a manifest is read.
#[derive(Clone, Copy)]
enum Known<'a> {
    /// There is one, or there is none.
    Read(Option<&'a Project>),
    /// There is one that could not be read, so nothing can be said against what refers to it.
    Broken,
}

impl<'a> Known<'a> {
    fn project(self) -> Option<&'a Project> {
        match self {
            Self::Read(project) => project,
            Self::Broken => None,
        }
    }
}

impl Mirror {
    fn read(value: &Value<'_, '_>) -> Option<Self> {
        let mut section = value.table()?;
        let mut address = |key| section.take(key).and_then(|value| value.parsed());
        let mirror = Self { debian: address("debian"), security: address("security") };
        section.refuse_the_rest(&[]);
        Some(mirror)
    }
}

/// Requests for Debian packages, each package once.
fn packages(value: &Value<'_, '_>) -> Option<Vec<PackageRequest>> {
    value.unique_list(Value::parsed::<PackageRequest>, |request| {
        (request.name.clone(), request.name.to_string())
    })
}

/// Debian packages without versions, each once.
fn base_packages(value: &Value<'_, '_>) -> Option<Vec<PackageName>> {
    value.unique_list(Value::parsed::<PackageName>, |name| (name.clone(), name.to_string()))
}

fn suite(value: &Value<'_, '_>) -> Option<SuiteName> {
    let suite: SuiteName = value.parsed()?;
    if suite.is_part() {
        let (text, suite) = (suite.to_string(), suite.codename().to_owned());
        value.bad(ValueError::PartOfSuite { text, suite });
        return None;
    }
    Some(suite)
}

fn extras(value: &Value<'_, '_>, known: Known<'_>) -> Option<Extras> {
    if value.value.as_str() == Some("all") {
        return Some(Extras::All);
    }
    if !value.value.is_array() {
        value.wrong_type("an array of extras, or \"all\"");
        return None;
    }
    let extras = known.project().map(|project| &project.optional_dependencies);
    let may_be_any = match known {
        Known::Read(project) => {
            project.is_some_and(|project| project.dynamic.contains("optional-dependencies"))
        }
        Known::Broken => true,
    };
    let names = defined(value, extras, may_be_any, |name, nearest| Problem::UnknownExtra { name, nearest })?;
    Some(Extras::Named(names))
}

fn groups(value: &Value<'_, '_>, known: Known<'_>) -> Option<Vec<GroupName>> {
    let groups = known.project().map(|project| &project.groups);
    let may_be_any = matches!(known, Known::Broken);
    defined(value, groups, may_be_any, |name, nearest| ProjectProblem::UnknownGroup { name, nearest }.into())
}

/// A list of names, each of which the project must define unless it `may_be_any`.
fn defined<N, T>(
    value: &Value<'_, '_>,
    defined: Option<&BTreeMap<N, T>>,
    may_be_any: bool,
    unknown: impl Fn(String, Option<String>) -> Problem,
) -> Option<Vec<N>>
where
    N: FromStr<Err = NameError> + Ord + Clone + Borrow<str> + fmt::Display,
{
    let read = |item: &Value<'_, '_>| {
        let name: N = item.parsed()?;
        if !may_be_any && !defined.is_some_and(|defined| defined.contains_key::<N>(&name)) {
            let known = defined.into_iter().flat_map(BTreeMap::keys);
            let nearest = nearest(name.borrow(), known.map(|known| known.borrow())).map(str::to_owned);
            item.reader.report(item.span.clone(), unknown(name.to_string(), nearest));
        }
        Some(name)
    };
    value.unique_list(read, |name| (name.clone(), name.to_string()))
}

/// A time as TOML's own type or as a string.
fn snapshot(value: &Value<'_, '_>) -> Option<Timestamp> {
    match value.value.as_datetime() {
        Some(time) => value.check(&time.to_string()),
        None => value.parsed(),
    }
}

fn keyring(value: &Value<'_, '_>) -> Option<PathBuf> {
    let path = value.plain_text()?;
    if path.is_empty() {
        value.bad(ValueError::Empty);
        return None;
    }
    Some(PathBuf::from(path))
}

#[cfg(test)]
mod tests;
