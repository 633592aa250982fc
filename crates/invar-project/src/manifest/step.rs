//! Build steps: commands that are run in a sandbox while the image is built, and what of it the image gets.
mod order;
mod output;
mod places;
mod wrap;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use invar_tree::{Digest, ImagePath};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::manifest::error::Problem;
use crate::manifest::image::texts;
use crate::manifest::reader::{KeyProblem, Section, Value};
use crate::manifest::{
    BuildPath, EnvironmentName, FetchUrl, Interval, PackageRequest, RelativePath, StepName, packages,
};
use crate::{Glob, ValueError};

pub use self::output::{FileText, Output};
use self::output::{files_schema, links_schema, outputs_schema};
use self::wrap::wraps_schema;
pub use self::wrap::{ListValues, Wrap};

/// Builds something for the image from some of the project's files: with a command, which has no network, or
/// without one, by adding files, links and wrapped programs.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Step {
    /// The step's name, of lower-case letters, digits and hyphens.
    pub name: StepName,
    /// Debian packages for the step, each `"name"` or `"name=version"`, such as `"nodejs"`. They are
    /// not in the image.
    #[schemars(default)]
    pub packages: Vec<PackageRequest>,
    /// The inputs: patterns for the project's files, such as `"frontend/**"`, and names of other steps, for their
    /// outputs. The step sees nothing else of the project. Default without `run`: the project's files in `outputs`.
    #[schemars(default)]
    pub inputs: Vec<Glob>,
    /// The steps among the inputs: what they leave is there when this one runs.
    #[schemars(skip)]
    pub after: Vec<StepName>,
    /// Files to download before the step.
    #[schemars(default)]
    pub fetch: Vec<StepFetch>,
    /// The command, for `/bin/sh`. Without it, the step runs nothing, and `outputs` lists existing files.
    pub run: Option<String>,
    /// The files to add to the image: from a path relative to the step's working directory, or an absolute path,
    /// to an absolute path in the image, or to a table. Without `run`, the first is a path in the project, such as
    /// `"main.py"`, or `"."` for everything in `inputs`, the path of a file in `fetch`, or the absolute path in the
    /// image of an output of another step among the inputs.
    #[schemars(schema_with = "outputs_schema", default)]
    pub outputs: BTreeMap<BuildPath, Output>,
    /// Text files to add: from an absolute path in the image to the text, or to a table.
    #[schemars(schema_with = "files_schema", default)]
    pub files: BTreeMap<ImagePath, FileText>,
    /// Symbolic links to add: from an absolute path in the image to the target, also an absolute path.
    #[schemars(schema_with = "links_schema", default)]
    pub links: BTreeMap<ImagePath, ImagePath>,
    /// Environment variables during the step.
    #[schemars(default)]
    pub env: BTreeMap<EnvironmentName, String>,
    /// The time after which the step fails.
    #[schemars(default = "default_timeout_text")]
    pub timeout: Interval,
    /// Whether the step sees the image's packages and the project's Python environment, `/app/.venv`.
    #[schemars(default)]
    pub environment: bool,
    /// Programs to wrap with environment variables or arguments: a table, or an array of tables.
    #[schemars(rename = "wrap", schema_with = "wraps_schema", default)]
    pub wraps: Vec<Wrap>,
    /// Whether the image of this manifest gets what the step makes. It does, unless this manifest is that of a
    /// [additional image](super::Manifest::image) that takes only what another step makes of it.
    #[schemars(skip)]
    pub in_image: bool,
}

/// A file to download before a step.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub struct StepFetch {
    /// The file's URL.
    pub url: FetchUrl,
    /// The file's sha256. Default: the one recorded by `invar lock`.
    #[schemars(schema_with = "sha256_schema", default)]
    pub sha256: Option<Digest>,
    /// The path of the file, relative to the step's working directory. Default: the last part of the URL.
    #[schemars(with = "Option<RelativePath>")]
    pub path: RelativePath,
}

/// The most steps of a project.
const MOST: usize = 1000;

fn default_timeout_text() -> &'static str {
    "1h"
}

fn sha256_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^[0-9a-f]{64}$" })
}

/// A step, with the places in the text of what is compared with other steps.
struct Found {
    step: Step,
    /// Where its name is.
    name: Range<usize>,
    /// Where each of `step.after` is.
    after: Vec<Range<usize>>,
    /// Everything that has a place in the image, with the key's dotted path and where it is.
    outputs: Vec<(ImagePath, String, Range<usize>)>,
    /// Where each of `step.wraps` says where it is.
    wraps: Vec<Range<usize>>,
    /// Where the address of each of `step.fetch` is.
    fetch: Vec<Range<usize>>,
    /// The dotted path of the list of steps.
    key: String,
}

impl Step {
    /// Reads the list of steps. Each comes after those whose outputs it takes, otherwise they are in the order in
    /// which they are written.
    pub(super) fn read_all(value: &Value<'_, '_>) -> Option<Vec<Self>> {
        let items = value.list()?;
        if items.len() > MOST {
            let problem = Problem::TooMany { key: value.name.clone(), found: items.len(), most: MOST };
            value.reader.report(value.key_span.clone(), problem);
            return None;
        }
        // Every name is known before any `inputs` are read: a name among them is a step, wherever that is.
        let names: BTreeSet<StepName> = items.iter().filter_map(name_of).collect();
        let mut seen: BTreeMap<StepName, Range<usize>> = BTreeMap::new();
        let mut steps = Vec::new();
        for item in &items {
            let Some(found) = Found::read(item, &names) else { continue };
            if let Some(first) = seen.insert(found.step.name.clone(), found.name.clone()) {
                let name = found.step.name.to_string();
                let problem = KeyProblem::Duplicate { key: format!("{}.name", value.name), name };
                value.reader.report_at(Some(found.name), Some(first), problem);
                continue;
            }
            steps.push(found);
        }
        places::check(value.reader, &steps);
        order::sorted(value.reader, steps)
    }
}

/// The step's name, if it has a good one; what is wrong with it is not reported here.
fn name_of(step: &Value<'_, '_>) -> Option<StepName> {
    step.value.as_table()?.get("name")?.get_ref().as_str()?.parse().ok()
}

impl Found {
    /// Reads one step. `None` only if there is a finding.
    fn read(value: &Value<'_, '_>, names: &BTreeSet<StepName>) -> Option<Self> {
        let mut section = value.table()?;
        let name = section.take("name");
        if name.is_none() {
            let key = format!("{}.name", value.name);
            value.reader.report(value.key_span.clone(), KeyProblem::Missing { key });
        }
        let name_span = name.as_ref().map_or_else(|| value.key_span.clone(), |name| name.span.clone());
        let name = name.and_then(|name| name.parsed::<StepName>());
        let run_value = section.take("run");
        let wrap_value = section.take("wrap");
        let is_run = run_value.is_some();
        if !is_run {
            without_run(&mut section);
        }
        if let Some(name) = &name {
            let name = || name.to_string();
            let has = |keys: &[&str]| keys.iter().any(|key| section.has(key));
            if is_run && !has(&["outputs", "wrap"]) {
                value.reader.report(name_span.clone(), Problem::NoOutputs { name: name() });
            } else if !is_run && !has(&["outputs", "files", "links", "wrap"]) {
                value.reader.report(name_span.clone(), Problem::IdleStep { name: name() });
            }
        }
        let run = run_value.and_then(|value| command(&value));
        let wraps = wrap_value.map(|value| wrap::wraps(&value)).unwrap_or_default();
        let packages = section.take("packages").and_then(|value| packages(&value)).unwrap_or_default();
        let inputs = section.take("inputs").and_then(|value| inputs(&value, names)).unwrap_or_default();
        let fetch = section.take("fetch").and_then(|value| fetches(&value)).unwrap_or_default();
        let key = |key: &str| format!("{}.{key}", value.name);
        let outputs = section.take("outputs").and_then(|value| output::outputs(&value, !is_run));
        let outputs = outputs.unwrap_or_default();
        let files = section.take("files").and_then(|value| output::files(&value)).unwrap_or_default();
        let links = section.take("links").and_then(|value| output::links(&value)).unwrap_or_default();
        let env = section.take("env").and_then(texts).unwrap_or_default();
        let timeout = section.take("timeout").and_then(|value| value.parsed());
        let environment = section.take("environment").and_then(Value::boolean).unwrap_or(false);
        section.refuse_the_rest(&[]);
        let default_timeout = || default_timeout_text().parse().expect("it is a number with a unit");
        let (mut globs, after, after_spans) = inputs;
        if !is_run && globs.is_empty() {
            let is_fetched = |from: &&BuildPath| {
                fetch.iter().any(|(fetch, _): &(StepFetch, _)| fetch.path.as_str() == from.as_str())
            };
            globs = output::inputs(outputs.keys().filter(|from| !is_fetched(from)));
        }
        let (fetch, fetch_spans) = fetch.into_iter().unzip();
        let (wraps, wrap_spans) = wraps.into_iter().unzip();
        let mut places: Vec<(ImagePath, String, Range<usize>)> = Vec::new();
        places.extend(outputs.values().map(|(to, span)| (to.path.clone(), key("outputs"), span.clone())));
        places.extend(files.iter().map(|(to, (_, span))| (to.clone(), key("files"), span.clone())));
        places.extend(links.iter().map(|(to, (_, span))| (to.clone(), key("links"), span.clone())));
        let step = Step {
            name: name?,
            packages,
            inputs: globs,
            after,
            fetch,
            run,
            outputs: outputs.into_iter().map(|(from, (to, _))| (from, to)).collect(),
            files: files.into_iter().map(|(to, (file, _))| (to, file)).collect(),
            links: links.into_iter().map(|(to, (target, _))| (to, target)).collect(),
            env,
            timeout: timeout.unwrap_or_else(default_timeout),
            environment,
            wraps,
            in_image: true,
        };
        Some(Self {
            step,
            name: name_span,
            after: after_spans,
            outputs: places,
            wraps: wrap_spans,
            fetch: fetch_spans,
            key: value.name.clone(),
        })
    }
}

/// Reports the keys that only count while a step is run.
fn without_run(section: &mut Section<'_, '_>) {
    for key in ["packages", "env", "timeout", "environment"] {
        if let Some(value) = section.take(key) {
            value.reader.report(value.key_span.clone(), Problem::WithoutRun { key: value.name });
        }
    }
}

fn command(value: &Value<'_, '_>) -> Option<String> {
    let text = value.plain_text()?;
    if text.trim().is_empty() {
        value.bad(ValueError::Empty);
        return None;
    }
    Some(text)
}

/// Patterns, and steps with their places.
type Inputs = (Vec<Glob>, Vec<StepName>, Vec<Range<usize>>);

fn inputs(value: &Value<'_, '_>, names: &BTreeSet<StepName>) -> Option<Inputs> {
    let items = value.unique_list(
        |item| Some((item.text()?.to_owned(), item.span.clone())),
        |(text, _)| (text.clone(), text.clone()),
    )?;
    let (mut globs, mut after, mut spans) = (Vec::new(), Vec::new(), Vec::new());
    for (text, span) in items {
        match names.get(text.as_str()) {
            Some(name) => {
                after.push(name.clone());
                spans.push(span);
            }
            None => match text.parse() {
                Ok(glob) => globs.push(glob),
                Err(error) => {
                    let problem =
                        KeyProblem::BadValue { key: value.name.clone(), error: ValueError::Glob(error) };
                    value.reader.report(span, problem);
                }
            },
        }
    }
    Some((globs, after, spans))
}

fn fetches(value: &Value<'_, '_>) -> Option<Vec<(StepFetch, Range<usize>)>> {
    Some(value.list()?.iter().filter_map(fetch).collect())
}

/// Reads one file, with the place of its address.
fn fetch(value: &Value<'_, '_>) -> Option<(StepFetch, Range<usize>)> {
    let mut section = value.table()?;
    let url = section.take("url");
    if url.is_none() {
        let key = format!("{}.url", value.name);
        value.reader.report(value.key_span.clone(), KeyProblem::Missing { key });
    }
    let sha256 = section.take("sha256").and_then(|value| sha256(&value));
    let path = section.take("path");
    section.refuse_the_rest(&[]);
    let path = path.map(|value| value.parsed::<RelativePath>());
    let address = url?;
    let url = address.parsed::<FetchUrl>()?;
    let path = match path {
        Some(path) => path?,
        None => url.file_name().map_err(|error| address.bad(error)).ok()?,
    };
    Some((StepFetch { url, sha256, path }, address.span))
}

fn sha256(value: &Value<'_, '_>) -> Option<Digest> {
    let text = value.text()?;
    Digest::from_hex(text).map_err(|_| value.bad(ValueError::Sha256 { text: text.to_owned() })).ok()
}
