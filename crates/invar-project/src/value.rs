use invar_debian::{NameError, VersionError};

use crate::GlobError;

/// Why a text in the manifest or in `invar.lock` is not what its key asks for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ValueError {
    /// Not a Debian package's name.
    #[error(transparent)]
    Package(#[from] NameError),
    /// Not a Debian version.
    #[error(transparent)]
    Version(#[from] VersionError),
    /// Not a pattern for source files.
    #[error(transparent)]
    Glob(#[from] GlobError),
    /// Not a codename of a Debian suite.
    #[error("{text:?} is not the codename of a Debian suite")]
    Suite {
        /// The text as given.
        text: String,
    },
    /// A name such as `stable`, which means another suite after the next release.
    #[error("{text:?} is not a codename: it refers to a different suite after each Debian release")]
    MovingSuite {
        /// The text as given.
        text: String,
    },
    /// A part of a suite, such as `trixie-updates`, where the suite itself is asked for.
    #[error("{text:?} is a part of a suite")]
    PartOfSuite {
        /// The text as given.
        text: String,
        /// The suite.
        suite: String,
    },
    /// A request for a package with an architecture, which a manifest cannot ask for.
    #[error("{text:?} names an architecture")]
    RequestArchitecture {
        /// The text as given.
        text: String,
    },
    /// A request for a package with a range of versions or a pattern.
    #[error("{text:?} is not a package request: expected \"name\" or \"name=version\"")]
    Request {
        /// The text as given.
        text: String,
    },
    /// Not the name of a user or group that can be added.
    #[error(
        "{text:?} is not a name for a user or group: expected up to 32 lower-case letters, digits, \"_\" and \"-\", \
         starting with a letter or \"_\""
    )]
    AccountName {
        /// The text as given.
        text: String,
    },
    /// Not the name of an image.
    #[error(
        "{text:?} is not an image name: expected lower-case letters, digits and single separators, as in \"team/app\""
    )]
    Repository {
        /// The text as given.
        text: String,
    },
    /// An image name with a tag or digest.
    #[error("{text:?} has a tag or digest")]
    RepositoryReference {
        /// The text as given.
        text: String,
    },
    /// Not a tag.
    #[error(
        "{text:?} is not an image tag: expected up to 128 letters, digits, \"_\", \".\" and \"-\", \
         not starting with \".\" or \"-\""
    )]
    Tag {
        /// The text as given.
        text: String,
    },
    /// Not the name of an environment variable.
    #[error(
        "{text:?} is not the name of an environment variable: expected letters, digits, \"_\", \".\" and \"-\", \
         not starting with a digit"
    )]
    EnvironmentName {
        /// The text as given.
        text: String,
    },
    /// Not the name of a label or annotation.
    #[error("{text:?} is not a label's name: expected 1 to 255 visible ASCII characters")]
    LabelName {
        /// The text as given.
        text: String,
    },
    /// Not a user.
    #[error("{text:?} is not a user: expected a name or number, optionally followed by \":\" and a group")]
    User {
        /// The text as given.
        text: String,
    },
    /// Not an absolute path inside the image.
    #[error("{text:?} is not an absolute path inside the image: {fault}")]
    Path {
        /// The text as given.
        text: String,
        /// What is wrong with it.
        fault: PathFault,
    },
    /// Not a port.
    #[error(
        "{text:?} is not a port: expected 1 to 65535, optionally followed by \"/tcp\", \"/udp\" or \"/sctp\""
    )]
    Port {
        /// The text as given.
        text: String,
    },
    /// A pair of ports, as `docker run --publish` takes it.
    #[error("{text:?} maps a port of the host")]
    PublishedPort {
        /// The text as given.
        text: String,
    },
    /// Not a signal.
    #[error("{text:?} is not a signal: expected a name such as \"SIGTERM\" or \"SIGRTMIN+3\", or 1 to 31")]
    Signal {
        /// The text as given.
        text: String,
    },
    /// Not a duration.
    #[error("{text:?} is not a duration: expected numbers with units, as in \"30s\", \"500ms\" or \"1m30s\"")]
    Duration {
        /// The text as given.
        text: String,
    },
    /// Not a platform.
    #[error("{text:?} is not a supported platform: expected \"linux/amd64\" or \"linux/arm64\"")]
    Platform {
        /// The text as given.
        text: String,
    },
    /// Not an address.
    #[error("{text:?} is not a URL that Invar can fetch from: {fault}")]
    Url {
        /// The text as given.
        text: String,
        /// What is wrong with it.
        fault: UrlFault,
    },
    /// Not a time.
    #[error("{text:?} is not a time: expected, for example, \"2026-09-12T08:00:00Z\"")]
    Time {
        /// The text as given.
        text: String,
    },
    /// Not the name of a Python distribution, extra or dependency group.
    #[error(transparent)]
    PythonName(#[from] invar_python::NameError),
    /// Not a Python requirement.
    #[error(transparent)]
    Requirement(#[from] invar_python::RequirementError),
    /// A text that must not be empty.
    #[error("the string is empty")]
    Empty,
    /// A list that must not be empty.
    #[error("the array is empty")]
    EmptyList,
    /// Not the name of a step or of an additional image.
    #[error(
        "{text:?} is not a name for this: expected up to 64 lower-case letters, digits and \"-\", \
         starting and ending with a letter or digit"
    )]
    ShortName {
        /// The text as given.
        text: String,
    },
    /// Not a relative path that stays in its folder.
    #[error("{text:?} is not a path below this directory: {fault}")]
    RelativePath {
        /// The text as given.
        text: String,
        /// What is wrong with it.
        fault: PathFault,
    },
    /// A path that belongs to the virtual environment.
    #[error("{text:?} is in the Python environment, which contains only packages")]
    InEnvironment {
        /// The text as given.
        text: String,
    },
    /// Not a sha256.
    #[error("{text:?} is not a sha256: expected 64 lower-case hexadecimal digits")]
    Sha256 {
        /// The text as given.
        text: String,
    },
    /// An address whose last part is not a file's name.
    #[error("{text:?} does not end with a file name")]
    FetchName {
        /// The text as given.
        text: String,
    },
    /// Not a line of `debconf-set-selections`.
    #[error(
        "{text:?} is not a debconf selection: expected a package, a question, a type and a value on one line"
    )]
    Selection {
        /// The text as given.
        text: String,
    },
    /// None of the few words that a key accepts.
    #[error("{text:?} is not one of {expected}")]
    Choice {
        /// The text as given.
        text: String,
        /// What could be there.
        expected: &'static str,
    },
}

/// What is wrong with a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathFault {
    /// No leading slash.
    #[error("it does not start with \"/\"")]
    Relative,
    /// A leading slash where a relative path is asked for.
    #[error("it starts with \"/\"")]
    Absolute,
    /// Nothing, or the folder itself.
    #[error("it does not name anything in it")]
    Empty,
    /// The root itself.
    #[error("it is the root directory")]
    Root,
    /// A name in it is `..`.
    #[error("it contains \"..\"")]
    Climbs,
    /// A NUL byte, or too long.
    #[error("it is not valid on Linux")]
    Unrepresentable,
}

/// What is wrong with an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlFault {
    /// Neither http nor https.
    #[error("it does not start with \"https://\" or \"http://\"")]
    Scheme,
    /// No host, or a malformed host or port.
    #[error("its host is missing or malformed")]
    Host,
    /// A user name or password.
    #[error("it contains a user name or password, which do not belong in a shared file")]
    Credentials,
    /// A query or fragment, to which no path can be added.
    #[error("it contains a \"?\" or \"#\", so no path can be appended")]
    Query,
    /// A fragment, which is never sent.
    #[error("it contains a \"#\" fragment")]
    Fragment,
    /// Longer than servers accept.
    #[error("it is too long")]
    Long,
    /// A space, control or non-ASCII character.
    #[error("it contains a character that is not allowed in a URL")]
    Character,
}

impl ValueError {
    /// What the author can do, where that is known.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::MovingSuite { text } if text == "unstable" => "write \"sid\"".to_owned(),
            Self::MovingSuite { .. } | Self::Suite { .. } => {
                "write a codename, such as \"trixie\" (Debian 13) or \"bookworm\" (Debian 12)".to_owned()
            }
            Self::PartOfSuite { suite, .. } => {
                format!("write \"{suite}\"; its updates and security fixes are always included")
            }
            Self::RequestArchitecture { .. } => {
                "omit the architecture: it follows from the image's platforms".to_owned()
            }
            Self::Request { text } => {
                let name: String = text
                    .chars()
                    .take_while(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "+-.".contains(*c))
                    .collect();
                if name.is_empty() {
                    return None;
                }
                format!("write \"{name}\", or \"{name}=VERSION\" with the exact version")
            }
            Self::RepositoryReference { .. } => "write the tag as `tag = \"…\"` next to `name`".to_owned(),
            Self::Repository { text } if text.bytes().any(|byte| byte.is_ascii_uppercase()) => {
                format!("write it in lower case: \"{}\"", text.to_ascii_lowercase())
            }
            Self::Path { text, fault: PathFault::Relative } if !text.is_empty() => {
                format!("write \"/{}\"", text.trim_start_matches("./"))
            }
            Self::Path { fault: PathFault::Root, .. } => {
                "use a directory below it, such as \"/app\"".to_owned()
            }
            Self::RelativePath { text, fault: PathFault::Absolute } => {
                let relative = text.trim_start_matches('/');
                if relative.is_empty() {
                    return None;
                }
                format!("write \"{relative}\"")
            }
            Self::ShortName { text }
                if text.bytes().any(|byte| byte.is_ascii_uppercase() || byte == b'_') =>
            {
                format!("write \"{}\"", text.to_ascii_lowercase().replace('_', "-"))
            }
            Self::InEnvironment { .. } => "use a path outside /app/.venv, such as \"/app/static\"".to_owned(),
            Self::Sha256 { text } if text.starts_with("sha256:") => "omit \"sha256:\"".to_owned(),
            Self::FetchName { .. } => "name the file: `path = \"…\"`".to_owned(),
            Self::Selection { .. } => {
                "as in \"locales locales/default_environment_locale select C.UTF-8\"".to_owned()
            }
            Self::PublishedPort { text } => {
                let inside = text.rsplit(':').next().unwrap_or(text);
                format!("write \"{inside}\"; the host port is chosen when the container starts")
            }
            Self::Duration { text } if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => {
                format!("add a unit: \"{text}s\"")
            }
            Self::Platform { text } => match text.to_ascii_lowercase().as_str() {
                "amd64" | "x86_64" | "x86-64" | "linux/x86_64" => "write \"linux/amd64\"".to_owned(),
                "arm64" | "aarch64" | "linux/aarch64" | "linux/arm64/v8" => {
                    "write \"linux/arm64\"".to_owned()
                }
                _ => return None,
            },
            Self::Time { text } if text.len() >= 19 && !text.ends_with('Z') => {
                "name the time zone: end with \"Z\" for UTC".to_owned()
            }
            Self::Time { text } if text.len() == 10 => format!("write \"{text}T00:00:00Z\""),
            Self::Url { fault: UrlFault::Credentials, .. } => {
                "remove them; pass credentials to the command instead".to_owned()
            }
            Self::Glob(error) => return error.help(),
            _ => return None,
        })
    }
}
