//! The file name of a wheel.
//!
//! ```text
//! {distribution}-{version}(-{build tag})?-{python tag}-{abi tag}-{platform tag}.whl
//! ```
//!
//! Each of the last three holds one tag or several with `.` between them. A build tag starts with a digit.
//! Source: "Binary distribution format", section "File name convention" (PEP 427), and PEP 425.
use std::fmt;
use std::str::FromStr;

use pep440_rs::Version;

use crate::name::DistributionName;

/// More tags of one kind are refused: every combination is looked up.
const MOST_TAGS: usize = 64;

/// The tie-breaker between wheels that are alike otherwise: a number, and a text. None comes before all.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BuildTag(u64, Option<String>);

/// The file name of a wheel, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WheelFilename {
    text: String,
    /// The distribution, normalized.
    pub name: DistributionName,
    /// Its version.
    pub version: Version,
    /// The build tag, if there is one.
    pub build: Option<BuildTag>,
    /// The tags for the Python, such as `cp313`.
    pub python: Vec<String>,
    /// The tags for the binary interface, such as `abi3`.
    pub abi: Vec<String>,
    /// The tags for the platform, such as `manylinux_2_17_x86_64`.
    pub platform: Vec<String>,
}

/// Why a text is not the file name of a wheel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not the file name of a wheel: {reason}")]
pub struct FilenameError {
    /// The text as given.
    pub text: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl FromStr for WheelFilename {
    type Err = FilenameError;

    fn from_str(text: &str) -> Result<Self, FilenameError> {
        let error = |reason| FilenameError { text: text.chars().take(300).collect(), reason };
        let stem = text.strip_suffix(".whl").ok_or_else(|| error("it does not end with \".whl\""))?;
        let parts: Vec<&str> = stem.split('-').collect();
        let (name, version, build, [python, abi, platform]) = match parts[..] {
            [name, version, python, abi, platform] => (name, version, None, [python, abi, platform]),
            [name, version, build, python, abi, platform] => {
                (name, version, Some(build), [python, abi, platform])
            }
            _ => return Err(error("it does not have five or six parts with \"-\" between them")),
        };
        let tags = |part: &str| -> Result<Vec<String>, FilenameError> {
            let tags: Vec<String> = part.split('.').map(str::to_ascii_lowercase).collect();
            let plain = |tag: &String| {
                !tag.is_empty() && tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            };
            if tags.len() > MOST_TAGS || !tags.iter().all(plain) {
                return Err(error("a tag is empty or has characters other than letters, digits and \"_\""));
            }
            Ok(tags)
        };
        Ok(Self {
            name: name.parse().map_err(|_| error("its distribution name is not valid"))?,
            version: version.parse().map_err(|_| error("its version is not valid"))?,
            build: build
                .map(|build| BuildTag::parse(build).ok_or_else(|| error("its build tag is malformed")))
                .transpose()?,
            python: tags(python)?,
            abi: tags(abi)?,
            platform: tags(platform)?,
            text: text.to_owned(),
        })
    }
}

impl BuildTag {
    fn parse(text: &str) -> Option<Self> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = text.split_at(digits);
        let plain = rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.".contains(&byte));
        if !plain {
            return None;
        }
        Some(Self(number.parse().ok()?, (!rest.is_empty()).then(|| rest.to_owned())))
    }
}

impl WheelFilename {
    /// The file name as it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The three parts with the tags, as the file name has them.
    pub fn tags(&self) -> String {
        format!("{}-{}-{}", self.python.join("."), self.abi.join("."), self.platform.join("."))
    }

    /// Whether the wheel is of this distribution and version. The version may lack the local part that the file
    /// name has.
    pub fn is_of(&self, name: &DistributionName, version: &Version) -> bool {
        self.name == *name && (self.version == *version || self.version.clone().without_local() == *version)
    }
}

impl fmt::Display for WheelFilename {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(text: &str, reason: &str) {
        let error = text.parse::<WheelFilename>().unwrap_err();
        assert!(error.reason.contains(reason), "{error}");
    }

    #[test]
    fn parts_are_read() {
        let name: WheelFilename =
            "Foo_Bar-1.0+cpu-2b-cp313.cp312-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"
                .parse()
                .unwrap();
        assert_eq!(name.name.as_str(), "foo-bar");
        assert_eq!(name.version.to_string(), "1.0+cpu");
        assert_eq!(name.build, Some(BuildTag(2, Some("b".into()))));
        assert_eq!(name.python, ["cp313", "cp312"]);
        assert_eq!(name.platform.len(), 2);
        assert!(name.is_of(&"foo.bar".parse().unwrap(), &"1".parse().unwrap()));
        assert!(!name.is_of(&"foo.bar".parse().unwrap(), &"1.1".parse().unwrap()));
    }

    #[test]
    fn build_tags_are_ordered_by_number() {
        let tag = |text| BuildTag::parse(text);
        assert!(tag("2") < tag("10") && None < tag("0") && tag("1") < tag("1a"));
        assert_eq!(tag("x1"), None);
        assert_eq!(tag("99999999999999999999"), None);
    }

    #[test]
    fn other_texts_are_refused() {
        refused("foo-1.0.tar.gz", ".whl");
        refused("foo-1.0-py3-none.whl", "five or six");
        refused("foo-1.0-1-2-py3-none-any.whl", "five or six");
        refused("foo-new-py3-none-any.whl", "version");
        refused("../foo-1.0-py3-none-any.whl", "name");
        refused("foo-1.0-a-py3-none-any.whl", "build tag");
        refused("foo-1.0-py3--any.whl", "tag");
        refused("foo-1.0-py3-none-any/x.whl", "tag");
    }
}
