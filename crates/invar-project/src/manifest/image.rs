use std::collections::BTreeMap;
use std::ops::Range;
use std::str::FromStr;

use invar_tree::ImagePath;
use schemars::JsonSchema;
use toml::de::DeTable;

use crate::manifest::account::accounts_schema;
use crate::manifest::error::Problem;
use crate::manifest::reader::{KeyProblem, Reader, Section, Value};
use crate::manifest::runtime::{absolute_path_schema, absolute_paths_schema, image_path};
use crate::manifest::{
    Account, AccountName, EnvironmentName, Identity, Interval, Known, LabelName, Port, Project, Protocol,
    RepositoryName, Signal, Tag, User,
};
use crate::{Platform, ValueError};

/// The image: its name, and how its containers start.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Image {
    /// The image's name without a tag, such as `registry.example/team/app`. Default: the project's name.
    #[schemars(with = "Option<RepositoryName>")]
    pub name: RepositoryName,
    /// The image's tag. Default: the project's version, or `latest` if it has no version or a dynamic one. `+` and
    /// `!` in a version become `-`.
    #[schemars(with = "Option<Tag>")]
    pub tag: Tag,
    /// The program and its first arguments, as an array; `command` is appended. No shell is involved.
    pub entrypoint: Option<Vec<String>>,
    /// The program and its arguments, as an array, or arguments for `entrypoint`. No shell is involved. Arguments
    /// of `docker run` replace it.
    pub command: Option<Vec<String>>,
    /// Environment variables.
    #[schemars(default)]
    pub env: BTreeMap<EnvironmentName, String>,
    /// The user that the program runs as: a name or number, optionally followed by `:` and a group. Default: root.
    pub user: Option<User>,
    /// Users to add to the image, each a number or a table: `{ app = 1000 }`. To run the program as one of them, name it in
    /// `user`; `HOME` is then its home directory.
    #[schemars(schema_with = "accounts_schema", default)]
    pub users: BTreeMap<AccountName, Account>,
    /// The working directory of the program. Default: `/app`, which always contains the project's files.
    #[schemars(schema_with = "absolute_path_schema", default = "default_workdir")]
    pub workdir: ImagePath,
    /// The ports that the program listens on, such as `8000` or `"8000/udp"`.
    #[schemars(default)]
    pub ports: Vec<Port>,
    /// Absolute paths of directories whose contents outlive the container.
    #[schemars(schema_with = "absolute_paths_schema", default)]
    pub volumes: Vec<ImagePath>,
    /// Absolute paths of directories that exist when a container starts and that its program can write to. They belong
    /// to `user` if it is a number or one of `users`; if it is another name, they are writable by everyone.
    #[schemars(schema_with = "absolute_paths_schema", default)]
    pub directories: Vec<ImagePath>,
    /// Labels in the image's configuration.
    #[schemars(default)]
    pub labels: BTreeMap<LabelName, String>,
    /// Annotations of the image's manifest.
    #[schemars(default)]
    pub annotations: BTreeMap<LabelName, String>,
    /// The signal that stops the program, such as `SIGINT`. Default: the container engine's, `SIGTERM`.
    pub stop_signal: Option<Signal>,
    /// How the container engine checks whether the program works.
    pub health_check: Option<HealthCheck>,
    /// The platforms of the image. Default: `["linux/amd64"]` on every machine, so that everyone builds the same
    /// image.
    #[schemars(default = "default_platforms", length(min = 1), extend("uniqueItems" = true))]
    pub platforms: Vec<Platform>,
}

/// How a container engine checks whether the program works. Omitted times are the engine's defaults.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub struct HealthCheck {
    /// The program and its arguments, as an array; it succeeds if the container is healthy.
    #[schemars(length(min = 1))]
    pub command: Vec<String>,
    /// The time between checks, such as `"30s"`.
    pub interval: Option<Interval>,
    /// The time after which a check fails.
    pub timeout: Option<Interval>,
    /// The time after the start in which failures do not count.
    pub start_period: Option<Interval>,
    /// The number of consecutive failures after which the container is unhealthy.
    #[schemars(range(min = 1, max = 1000))]
    pub retries: Option<u32>,
}

fn default_workdir() -> &'static str {
    "/app"
}

fn default_platforms() -> [&'static str; 1] {
    [DEFAULT_PLATFORM.as_str()]
}

/// Fixed: the host's own platform would make one project give different images on different machines.
const DEFAULT_PLATFORM: Platform = Platform::LinuxAmd64;

/// The keys of the image table, in the order in which people write them: what it is called, what is run, how, and what
/// is reported for it.
pub const KEYS: [&str; 16] = [
    "name",
    "tag",
    "entrypoint",
    "command",
    "env",
    "user",
    "users",
    "workdir",
    "ports",
    "volumes",
    "directories",
    "labels",
    "annotations",
    "stop-signal",
    "health-check",
    "platforms",
];

impl Image {
    /// The account that the manifest adds and the program runs as.
    pub fn own_account(&self) -> Option<(&AccountName, &Account)> {
        match &self.user.as_ref()?.user {
            Identity::Name(name) => self.users.get_key_value(name.as_str()),
            Identity::Id(id) => self.users.iter().find(|(_, account)| account.uid == *id),
        }
    }

    /// The image's name and tag, as in `team/app:1.0`.
    pub fn reference(&self) -> String {
        format!("{}:{}", self.name, self.tag)
    }

    /// Reads the image table at `value`. `None` only if there is a finding.
    pub(super) fn read(value: &Value<'_, '_>, known: Known<'_>) -> Option<Self> {
        let mut section = value.table()?;
        let image = Self::read_section(&mut section, Some(value.key_span.clone()), known);
        section.refuse_the_rest(&[]);
        image
    }

    /// The image of a manifest that says nothing about it; `header` is where the manifest's table is named.
    pub(super) fn read_absent(
        reader: &Reader<'_>,
        header: Option<Range<usize>>,
        known: Known<'_>,
    ) -> Option<Self> {
        Self::read_section(&mut Section::new(reader, "", &DeTable::new()), header, known)
    }

    fn read_section(
        section: &mut Section<'_, '_>,
        header: Option<Range<usize>>,
        known: Known<'_>,
    ) -> Option<Self> {
        let project = known.project();
        let has_name = section.has("name");
        let keys = ImageKeys::read(section);
        let name = match (keys.name, known) {
            (name, _) if has_name => name,
            (_, Known::Read(Some(project))) => Some(RepositoryName::from(&project.name)),
            (_, Known::Read(None)) => {
                section.reader().report_at(header, None, Problem::NoImageName);
                None
            }
            (_, Known::Broken) => None,
        };
        let default_workdir = || image_path(default_workdir()).expect("it is an absolute path");
        Some(Self {
            name: name?,
            tag: keys.tag.unwrap_or_else(|| default_tag(project)),
            entrypoint: keys.entrypoint,
            command: keys.command,
            env: keys.env.unwrap_or_default(),
            user: keys.user,
            users: keys.users.unwrap_or_default(),
            workdir: keys.workdir.unwrap_or_else(default_workdir),
            ports: keys.ports.unwrap_or_default(),
            volumes: keys.volumes.unwrap_or_default(),
            directories: keys.directories.unwrap_or_default(),
            labels: keys.labels.unwrap_or_default(),
            annotations: keys.annotations.unwrap_or_default(),
            stop_signal: keys.stop_signal,
            health_check: keys.health_check,
            platforms: keys.platforms.unwrap_or_else(|| vec![DEFAULT_PLATFORM]),
        })
    }
}

/// The keys of an image table as they are given; `None` is a key that is not. See [`Image`] for what they mean.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageKeys {
    /// `name`.
    pub name: Option<RepositoryName>,
    /// `tag`.
    pub tag: Option<Tag>,
    /// `entrypoint`.
    pub entrypoint: Option<Vec<String>>,
    /// `command`.
    pub command: Option<Vec<String>>,
    /// `env`.
    pub env: Option<BTreeMap<EnvironmentName, String>>,
    /// `user`.
    pub user: Option<User>,
    /// `users`.
    pub users: Option<BTreeMap<AccountName, Account>>,
    /// `workdir`.
    pub workdir: Option<ImagePath>,
    /// `ports`.
    pub ports: Option<Vec<Port>>,
    /// `volumes`.
    pub volumes: Option<Vec<ImagePath>>,
    /// `directories`.
    pub directories: Option<Vec<ImagePath>>,
    /// `labels`.
    pub labels: Option<BTreeMap<LabelName, String>>,
    /// `annotations`.
    pub annotations: Option<BTreeMap<LabelName, String>>,
    /// `stop-signal`.
    pub stop_signal: Option<Signal>,
    /// `health-check`.
    pub health_check: Option<HealthCheck>,
    /// `platforms`.
    pub platforms: Option<Vec<Platform>>,
}

impl ImageKeys {
    /// Takes the keys of an image table from `section`.
    pub(super) fn read(section: &mut Section<'_, '_>) -> Self {
        let paths = |list: Option<Value<'_, '_>>| {
            list.and_then(|list| list.unique_list(path, |path| (path.clone(), path.to_string())))
        };
        Self {
            name: section.take("name").and_then(|name| name.parsed()),
            tag: section.take("tag").and_then(|tag| tag.parsed()),
            entrypoint: section.take("entrypoint").and_then(arguments),
            command: section.take("command").and_then(arguments),
            env: section.take("env").and_then(texts),
            user: section.take("user").and_then(user),
            users: section.take("users").and_then(|users| Account::read_all(&users)),
            workdir: section.take("workdir").and_then(|workdir| path(&workdir)),
            ports: section
                .take("ports")
                .and_then(|ports| ports.unique_list(port, |port| (*port, port.to_string()))),
            volumes: paths(section.take("volumes")),
            directories: paths(section.take("directories")),
            labels: section.take("labels").and_then(texts),
            annotations: section.take("annotations").and_then(texts),
            stop_signal: section.take("stop-signal").and_then(signal),
            health_check: section.take("health-check").and_then(|value| HealthCheck::read(&value)),
            platforms: section.take("platforms").and_then(platforms),
        }
    }

    /// The image that has these keys, and of `image` those that are not given.
    pub(super) fn over(self, image: &Image) -> Image {
        Image {
            name: self.name.unwrap_or_else(|| image.name.clone()),
            tag: self.tag.unwrap_or_else(|| image.tag.clone()),
            entrypoint: self.entrypoint.or_else(|| image.entrypoint.clone()),
            command: self.command.or_else(|| image.command.clone()),
            env: self.env.unwrap_or_else(|| image.env.clone()),
            user: self.user.or_else(|| image.user.clone()),
            users: self.users.unwrap_or_else(|| image.users.clone()),
            workdir: self.workdir.unwrap_or_else(|| image.workdir.clone()),
            ports: self.ports.unwrap_or_else(|| image.ports.clone()),
            volumes: self.volumes.unwrap_or_else(|| image.volumes.clone()),
            directories: self.directories.unwrap_or_else(|| image.directories.clone()),
            labels: self.labels.unwrap_or_else(|| image.labels.clone()),
            annotations: self.annotations.unwrap_or_else(|| image.annotations.clone()),
            stop_signal: self.stop_signal.or_else(|| image.stop_signal.clone()),
            health_check: self.health_check.or_else(|| image.health_check.clone()),
            platforms: self.platforms.unwrap_or_else(|| image.platforms.clone()),
        }
    }
}

impl HealthCheck {
    fn read(value: &Value<'_, '_>) -> Option<Self> {
        let mut section = value.table()?;
        let command = section.take("command");
        let span = |value: Option<Value<'_, '_>>| value.and_then(|value| value.parsed());
        let (interval, timeout) = (span(section.take("interval")), span(section.take("timeout")));
        let start_period = span(section.take("start-period"));
        let retries = section.take("retries").and_then(|retries| retries.number(1, 1000));
        section.refuse_the_rest(&[]);
        let Some(command) = command else {
            let key = format!("{}.command", value.name);
            value.reader.report(value.key_span.clone(), KeyProblem::Missing { key });
            return None;
        };
        let (span, name) = (command.span.clone(), command.name.clone());
        let command = arguments(command)?;
        if command.is_empty() {
            value.reader.report(span, KeyProblem::BadValue { key: name, error: ValueError::EmptyList });
        }
        let retries = retries.and_then(|retries| u32::try_from(retries).ok());
        Some(Self { command, interval, timeout, start_period, retries })
    }
}

fn default_tag(project: Option<&Project>) -> Tag {
    project.and_then(|project| Tag::of_version(project.version.as_ref()?)).unwrap_or_else(Tag::latest)
}

/// A program and its arguments. The list may be empty, which says "none".
fn arguments(value: Value<'_, '_>) -> Option<Vec<String>> {
    if let Some(text) = value.value.as_str() {
        let problem = Problem::CommandText { key: value.name, text: text.to_owned() };
        value.reader.report(value.span, problem);
        return None;
    }
    let items = value.list()?;
    if let Some(program) = items.first()
        && program.value.as_str() == Some("")
    {
        program.bad(ValueError::Empty);
    }
    Some(items.iter().filter_map(Value::plain_text).collect())
}

/// A table of texts.
pub(super) fn texts<K: FromStr<Err = ValueError> + Ord>(value: Value<'_, '_>) -> Option<BTreeMap<K, String>> {
    let mut texts = BTreeMap::new();
    for (name, key_span, text) in value.table()?.entries() {
        let key = match name.parse::<K>() {
            Ok(key) => key,
            Err(error) => {
                text.reader.report(key_span, KeyProblem::BadValue { key: value.name.clone(), error });
                continue;
            }
        };
        if text.value.is_table() {
            text.reader.report(key_span, Problem::DottedName { key: text.name });
            continue;
        }
        if let Some(text) = text.plain_text() {
            texts.insert(key, text);
        }
    }
    Some(texts)
}

/// An absolute path below the image's root.
pub(super) fn path(value: &Value<'_, '_>) -> Option<ImagePath> {
    image_path(value.text()?).map_err(|error| value.bad(error)).ok()
}

fn user(value: Value<'_, '_>) -> Option<User> {
    match value.value.as_integer() {
        Some(_) => value.check(&value.number(0, u64::from(u32::MAX - 1))?.to_string()),
        None => value.parsed(),
    }
}

fn port(value: &Value<'_, '_>) -> Option<Port> {
    match value.value.as_integer() {
        Some(_) => {
            let number = u16::try_from(value.number(1, u64::from(u16::MAX))?).ok()?;
            Some(Port { number, protocol: Protocol::Tcp })
        }
        None => value.parsed(),
    }
}

fn signal(value: Value<'_, '_>) -> Option<Signal> {
    match value.value.as_integer() {
        Some(number) => value.check(number.as_str()),
        None => value.parsed(),
    }
}

fn platforms(value: Value<'_, '_>) -> Option<Vec<Platform>> {
    let platforms =
        value.unique_list(Value::parsed::<Platform>, |platform| (*platform, platform.to_string()))?;
    if value.value.as_array().is_some_and(|list| list.is_empty()) {
        value.bad(ValueError::EmptyList);
        return None;
    }
    Some(platforms)
}
