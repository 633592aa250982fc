use std::str::FromStr;
use std::sync::Arc;

use invar_python::DistributionName;

use crate::ValueError;
use crate::text::text_value;

/// The name of an image without its tag, as Docker's reference grammar has it: an optional registry, then path
/// components of lower-case letters and digits with single separators; at most 255 bytes
/// (distribution/reference, `name`).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepositoryName(Arc<str>);

text_value!(
    RepositoryName,
    pattern: "^([A-Za-z0-9.-]+(:[0-9]+)?/)?[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*)*$",
    description: "The name of an image without its tag.",
    example: "registry.example/team/app"
);

impl FromStr for RepositoryName {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let last = text.rsplit('/').next().unwrap_or(text);
        if text.contains('@') || (last.contains(':') && !last.starts_with(':')) {
            return Err(ValueError::RepositoryReference { text: text.to_owned() });
        }
        // What comes before the first slash is a registry if it looks like a host (distribution/reference,
        // `splitDockerDomain`).
        let path = match text.split_once('/') {
            Some((host, rest)) if host == "localhost" || host.contains(['.', ':']) => {
                is_host(host).then_some(rest)
            }
            _ => Some(text),
        };
        let good = text.len() <= 255 && path.is_some_and(|path| path.split('/').all(is_component));
        if good { Ok(Self(text.into())) } else { Err(ValueError::Repository { text: text.to_owned() }) }
    }
}

/// A host name with an optional port.
pub(super) fn is_host(text: &str) -> bool {
    let (name, port) = match text.split_once(':') {
        Some((name, port)) => (name, Some(port)),
        None => (text, None),
    };
    let word = |word: &str| {
        let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        !word.is_empty() && !word.starts_with('-') && !word.ends_with('-') && word.bytes().all(inner)
    };
    let digits = |port: &str| {
        port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0)
    };
    name.split('.').all(word) && port.is_none_or(digits)
}

/// Letters and digits, with a `.`, `_`, `__` or any number of `-` between them.
fn is_component(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let separators = text.split(|character: char| u8::try_from(character).is_ok_and(plain));
    let good = |run: &str| matches!(run, "" | "." | "_" | "__") || run.bytes().all(|byte| byte == b'-');
    let ends = [text.bytes().next(), text.bytes().next_back()];
    ends.iter().all(|byte| byte.is_some_and(plain)) && separators.into_iter().all(good)
}

impl From<&DistributionName> for RepositoryName {
    /// Normalized Python names are letters and digits with single hyphens, so they are image names too.
    fn from(name: &DistributionName) -> Self {
        Self(name.as_str().into())
    }
}

/// An image's tag: up to 128 letters, digits, `_`, `.` and `-`, the first none of `.` and `-`
/// (OCI distribution specification, "Pulling manifests").
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(Arc<str>);

text_value!(
    Tag,
    pattern: "^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$",
    description: "The tag of an image.",
    example: "1.0.2"
);

impl Tag {
    /// `latest`: what Docker takes where no tag is named.
    pub fn latest() -> Self {
        Self("latest".into())
    }

    /// The tag for a Python version. A tag cannot have the `+` of a local version or the `!` of an epoch; both
    /// become `-`.
    pub fn of_version(version: &pep440_rs::Version) -> Option<Self> {
        version.to_string().replace(['+', '!'], "-").parse().ok()
    }
}

impl FromStr for Tag {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
        let good =
            (1..=128).contains(&text.len()) && !text.starts_with(['.', '-']) && text.bytes().all(inner);
        if good { Ok(Self(text.into())) } else { Err(ValueError::Tag { text: text.to_owned() }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_dockers_grammar() {
        for good in [
            "app",
            "team/app",
            "a",
            "a.b",
            "a_b",
            "a__b",
            "a---b",
            "0",
            "registry.example/team/app",
            "registry.example:5000/app",
            "localhost/app",
            "localhost:5000/app",
            "REGISTRY.example/app",
            "127.0.0.1/x",
        ] {
            assert_eq!(good.parse::<RepositoryName>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "/",
            "App",
            "team/App",
            "a..b",
            "a___b",
            "-a",
            "a-",
            ".a",
            "a/",
            "/a",
            "a//b",
            "a b",
            "é",
            "a._b",
            "registry.example:/app",
            "registry.example:70000/app",
            "-x.example/app",
            &"a".repeat(256),
        ] {
            assert!(matches!(bad.parse::<RepositoryName>(), Err(ValueError::Repository { .. })), "{bad:?}");
        }
        for tagged in ["app:1", "registry.example/app:1", "app@sha256:00"] {
            let error = tagged.parse::<RepositoryName>();
            assert!(matches!(error, Err(ValueError::RepositoryReference { .. })), "{tagged:?}");
        }
    }

    #[test]
    fn tags_follow_the_distribution_specification() {
        for good in ["latest", "1.0", "_x", "1.0-rc1", &"a".repeat(128)] {
            assert_eq!(good.parse::<Tag>().unwrap().as_str(), good);
        }
        for bad in ["", ".x", "-x", "1.0+local", "a/b", "a:b", "é", &"a".repeat(129)] {
            assert_eq!(bad.parse::<Tag>(), Err(ValueError::Tag { text: bad.to_owned() }));
        }
    }

    #[test]
    fn a_version_makes_a_tag() {
        let check = |version: &str, tag: &str| {
            assert_eq!(Tag::of_version(&version.parse().unwrap()).unwrap().as_str(), tag);
        };
        check("1.0.2", "1.0.2");
        check("1!2.0+local.1", "1-2.0-local.1");
    }
}
