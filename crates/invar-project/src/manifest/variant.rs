use std::collections::{BTreeMap, BTreeSet};

use invar_debian::PackageName;
use invar_formats::spelling::nearest;
use invar_python::GroupName;
use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::manifest::error::Problem;
use crate::manifest::image::{Image, ImageKeys};
use crate::manifest::reader::{KeyProblem, Section, Value};
use crate::manifest::schema::{PythonName, package_names_schema};
use crate::manifest::{
    Extras, ImageKey, Known, Manifest, PackageRequest, Step, StepName, base_packages, extras, groups,
    packages,
};
use crate::{Glob, ValueError};

/// An additional image of the project: each key given here replaces the project's; every other key is
/// inherited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageOverride {
    /// The keys of the image table. The name is always there.
    pub image: ImageKeys,
    /// The other keys.
    pub contents: ContentKeys,
}

/// What an additional image has that differs from the project's own.
#[derive(Debug, Clone, Default, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ContentKeys {
    /// Debian packages for this image, instead of the project's `packages`.
    pub packages: Option<Vec<PackageRequest>>,
    /// The Debian packages that this image includes by default.
    #[schemars(schema_with = "package_names_schema", default)]
    pub base: Option<Vec<PackageName>>,
    /// Whether this image has a shell, `/bin/sh`.
    pub shell: Option<bool>,
    /// Whether this image has what people look around in a container with: a shell, `ls`, `ps`, `ip`, `curl`, `less` and
    /// others. Default: false.
    pub debug: Option<bool>,
    /// Whether to include the packages' documentation in this image.
    pub docs: Option<bool>,
    /// The project's extras to install: an array of names, or `"all"`.
    pub extras: Option<Extras>,
    /// The project's dependency groups to install.
    #[schemars(with = "Option<Vec<PythonName>>")]
    pub groups: Option<Vec<GroupName>>,
    /// Patterns for the source files to include in this image.
    pub include: Option<Vec<Glob>>,
    /// Patterns for files to exclude from this image.
    pub exclude: Option<Vec<Glob>>,
    /// The steps whose outputs are in this image. Default: all steps.
    pub steps: Option<Vec<StepName>>,
}

impl JsonSchema for ImageOverride {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ImageOverride".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = ContentKeys::json_schema(generator);
        schema.insert("description".to_owned(), DESCRIPTION.into());
        let image = Image::json_schema(generator);
        let image = image.get("properties").and_then(|properties| properties.as_object());
        if let Some(properties) =
            schema.get_mut("properties").and_then(|properties| properties.as_object_mut())
        {
            for (key, value) in image.into_iter().flatten() {
                let mut value = value.clone();
                if let Some(value) = value.as_object_mut() {
                    // What is left out is the project's, not what it would be there without a word.
                    value.remove("default");
                    if key == "name" {
                        value.insert("description".to_owned(), NAME_DESCRIPTION.into());
                    } else if let Some(text) = value.get("description").and_then(|text| text.as_str()) {
                        let text = text.split("Default: ").next().unwrap_or(text).trim_end().to_owned();
                        value.insert("description".to_owned(), text.into());
                    }
                }
                properties.insert(key.clone(), value);
            }
        }
        schema
    }
}

const DESCRIPTION: &str = "An additional image of the project: each key given here replaces the project's; every other key is \
     inherited.";
const NAME_DESCRIPTION: &str = "The image's name without a tag. Default: the name of the project's image, a hyphen, and this image's key.";

/// The Debian packages of an image to look around in. Each brings programs that people expect there, and little else.
const DEBUG: [&str; 14] = [
    "bash",
    "coreutils",
    "curl",
    "findutils",
    "grep",
    "iproute2",
    "less",
    "lsof",
    "netcat-openbsd",
    "procps",
    "sed",
    "strace",
    "tar",
    "vim-tiny",
];

/// What is known of the project's own image while additional ones are read.
pub(super) struct Project<'a> {
    pub(super) known: Known<'a>,
    /// `None` if it could not be read.
    pub(super) image: Option<&'a Image>,
    /// `None` if they could not be read.
    pub(super) steps: Option<&'a [Step]>,
}

impl ImageOverride {
    /// Reads the table of additional images.
    pub(super) fn read_all(value: &Value<'_, '_>, project: &Project<'_>) -> Option<BTreeMap<ImageKey, Self>> {
        let mut images = BTreeMap::new();
        for (key, key_span, item) in value.table()?.entries() {
            match key.parse::<ImageKey>() {
                Ok(key) => {
                    if let Some(image) = Self::read(&key, &item, project) {
                        images.insert(key, image);
                    }
                }
                Err(error) => {
                    value.reader.report(key_span, KeyProblem::BadValue { key: value.name.clone(), error });
                }
            }
        }
        Some(images)
    }

    /// Reads one additional image. `None` only if there is a finding.
    fn read(key: &ImageKey, value: &Value<'_, '_>, project: &Project<'_>) -> Option<Self> {
        let mut section = value.table()?;
        let mut image = ImageKeys::read(&mut section);
        let contents = ContentKeys::read(&mut section, project);
        let has_name = section.has("name");
        section.refuse_the_rest(&[]);
        if !has_name {
            let text = format!("{}-{key}", project.image?.name);
            let error = |error| {
                let key = format!("{}.name", value.name);
                value.reader.report(value.key_span.clone(), KeyProblem::BadValue { key, error });
            };
            image.name = text.parse().map_err(error).ok();
        }
        image.name.as_ref()?;
        Some(Self { image, contents })
    }
}

impl ContentKeys {
    fn read(section: &mut Section<'_, '_>, project: &Project<'_>) -> Self {
        let base = section.take("base").and_then(|value| {
            let base = base_packages(&value)?;
            if base.is_empty() {
                // The lock distinguishes images by the packages that they ask for, and this asks for none.
                value.bad(ValueError::EmptyList);
            }
            Some(base)
        });
        Self {
            packages: section.take("packages").and_then(|value| packages(&value)),
            base,
            shell: section.take("shell").and_then(Value::boolean),
            debug: section.take("debug").and_then(Value::boolean),
            docs: section.take("docs").and_then(Value::boolean),
            extras: section.take("extras").and_then(|value| extras(&value, project.known)),
            groups: section.take("groups").and_then(|value| groups(&value, project.known)),
            include: section.take("include").and_then(|value| value.parsed_list()),
            exclude: section.take("exclude").and_then(|value| value.parsed_list()),
            steps: section.take("steps").and_then(|value| steps(&value, project.steps)),
        }
    }

    /// Whether the image has Debian packages of its own.
    pub(crate) fn has_own_packages(&self) -> bool {
        let Self { packages, base, docs, shell, debug, .. } = self;
        packages.is_some() || base.is_some() || docs.is_some() || shell.is_some() || *debug == Some(true)
    }
}

fn steps(value: &Value<'_, '_>, known: Option<&[Step]>) -> Option<Vec<StepName>> {
    let read = |item: &Value<'_, '_>| {
        let name: StepName = item.parsed()?;
        if let Some(known) = known
            && !known.iter().any(|step| step.name == name)
        {
            let nearest = nearest(name.as_str(), known.iter().map(|step| step.name.as_str()));
            let nearest = nearest.map(str::to_owned);
            let problem = Problem::UnknownStep { name: name.to_string(), nearest };
            item.reader.report(item.span.clone(), problem);
        }
        Some(name)
    };
    value.unique_list(read, |name| (name.clone(), name.to_string()))
}

impl Manifest {
    /// The manifest of the additional image `key`, as if the project had no other: what it does not say is the
    /// project's. `None` if there is no such image.
    ///
    /// It has the steps that the image takes, and those that they need, which are then not
    /// [in the image](Step::in_image). `invar.lock` is for the project's own manifest, never for this one.
    pub fn image(&self, key: &str) -> Option<Self> {
        let (key, own) = self.images.get_key_value(key)?;
        let contents = own.contents.clone();
        let mut packages = contents.packages.unwrap_or_else(|| self.packages.clone());
        let is_debug = contents.debug == Some(true);
        if is_debug {
            let requests = DEBUG.iter().map(|name| name.parse::<PackageRequest>());
            for request in requests.map(|request| request.expect("it is a package's name")) {
                if !packages.iter().any(|known| known.name == request.name) {
                    packages.push(request);
                }
            }
        }
        Some(Self {
            packages,
            shell: contents.shell.unwrap_or(self.shell || is_debug),
            base: contents.base.or_else(|| self.base.clone()),
            docs: contents.docs.unwrap_or(self.docs),
            extras: contents.extras.unwrap_or_else(|| self.extras.clone()),
            groups: contents.groups.unwrap_or_else(|| self.groups.clone()),
            include: contents.include.or_else(|| self.include.clone()),
            exclude: contents.exclude.unwrap_or_else(|| self.exclude.clone()),
            steps: match contents.steps {
                Some(taken) => needed(&self.steps, &taken),
                None => self.steps.clone(),
            },
            image: own.image.clone().over(&self.image),
            images: BTreeMap::new(),
            variant: Some(key.clone()),
            ..self.clone()
        })
    }
}

/// The steps `taken` and those that they need. Each of `steps` comes after those whose outputs it takes.
fn needed(steps: &[Step], taken: &[StepName]) -> Vec<Step> {
    let taken: BTreeSet<&StepName> = taken.iter().collect();
    let mut wanted = taken.clone();
    for step in steps.iter().rev() {
        if wanted.contains(&step.name) {
            wanted.extend(&step.after);
        }
    }
    let wanted = steps.iter().filter(|step| wanted.contains(&step.name));
    wanted.map(|step| Step { in_image: taken.contains(&step.name), ..step.clone() }).collect()
}
