//! Names of things and places that a manifest gives to its steps.
use std::str::FromStr;
use std::sync::Arc;

use invar_tree::{ImagePath, PathError};

use crate::ValueError;
use crate::manifest::runtime::image_path;
use crate::text::text_value;
use crate::value::PathFault;

/// The longest [`StepName`] and [`ImageKey`], in bytes: both become parts of other names.
const LONGEST: usize = 64;

/// The name of a build step: lower-case letters, digits and hyphens, the first and last no hyphen.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepName(Arc<str>);

text_value!(
    StepName,
    pattern: "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$",
    description: "The name of a build step.",
    example: "assets"
);

impl FromStr for StepName {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        short_name(text).map(Self)
    }
}

/// The key of an additional image: lower-case letters, digits and hyphens, the first and last no hyphen.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageKey(Arc<str>);

text_value!(
    ImageKey,
    pattern: "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$",
    description: "The key of an additional image.",
    example: "worker"
);

impl FromStr for ImageKey {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        short_name(text).map(Self)
    }
}

fn short_name(text: &str) -> Result<Arc<str>, ValueError> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let good = (1..=LONGEST).contains(&text.len())
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text.bytes().all(|byte| plain(byte) || byte == b'-');
    if good { Ok(text.into()) } else { Err(ValueError::ShortName { text: text.to_owned() }) }
}

/// A path below a folder that the key names, the project's or a step's: relative, `/` between names, without `.`,
/// `..` and empty names, so that each file has one spelling and none is outside.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelativePath(Arc<str>);

text_value!(
    RelativePath,
    pattern: "^[^/]",
    description: "A relative path without `..`.",
    example: "patches/fix.patch"
);

impl FromStr for RelativePath {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let error = |fault| ValueError::RelativePath { text: text.to_owned(), fault };
        let path = ImagePath::parse(text).map_err(|fault| {
            error(match fault {
                PathError::Empty => PathFault::Empty,
                PathError::Absolute { .. } => PathFault::Absolute,
                PathError::Climbs { .. } => PathFault::Climbs,
                PathError::Unrepresentable { .. } | PathError::NotUtf8 { .. } => PathFault::Unrepresentable,
            })
        })?;
        Ok(Self(path.as_str().into()))
    }
}

impl RelativePath {
    /// Whether this path is `folder` or below it.
    pub(super) fn is_within(&self, folder: &Self) -> bool {
        self.0.strip_prefix(&*folder.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// Where a step leaves what it makes: a path relative to the folder it runs in, or with a leading `/` one of the
/// sandbox's root. Neither climbs, and each place has one spelling.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BuildPath(Arc<str>);

text_value!(
    BuildPath,
    pattern: "^[^/]|^/.",
    description: "A path relative to the step's working directory, or an absolute path in its sandbox.",
    example: "frontend/dist"
);

impl FromStr for BuildPath {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        if text.starts_with('/') {
            return image_path(text).map(|path| Self(path.to_string().into()));
        }
        text.parse::<RelativePath>().map(|path| Self(path.0))
    }
}

impl BuildPath {
    /// The whole folder. It is not among what is parsed: a command's folder has its inputs too.
    pub(super) fn whole() -> Self {
        Self(".".into())
    }

    /// Whether the path is the whole folder.
    pub fn is_whole(&self) -> bool {
        &*self.0 == "."
    }

    /// Whether the path is one of the sandbox's root; else it is relative to the folder that the step runs in.
    pub fn is_absolute(&self) -> bool {
        self.0.starts_with('/')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_steps_are_short_and_plain() {
        for good in ["a", "0", "assets", "a-b", "a--b", &"a".repeat(64)] {
            assert_eq!(good.parse::<StepName>().unwrap().as_str(), good);
            assert_eq!(good.parse::<ImageKey>().unwrap().as_str(), good);
        }
        for bad in ["", "-", "-a", "a-", "A", "a_b", "a.b", "a b", "a/b", "é", "a:b", &"a".repeat(65)] {
            assert!(matches!(bad.parse::<StepName>(), Err(ValueError::ShortName { .. })), "{bad:?}");
            assert!(matches!(bad.parse::<ImageKey>(), Err(ValueError::ShortName { .. })), "{bad:?}");
        }
        assert_eq!("My_Step".parse::<StepName>().unwrap_err().help().unwrap(), "write \"my-step\"");
    }

    #[test]
    fn relative_paths_stay_in_their_folder() {
        let check = |text: &str, expected: Result<&str, PathFault>| match text.parse::<RelativePath>() {
            Ok(path) => assert_eq!(Ok(path.as_str()), expected, "{text}"),
            Err(ValueError::RelativePath { fault, .. }) => assert_eq!(Err(fault), expected, "{text}"),
            Err(other) => panic!("{other}"),
        };
        check("a/b", Ok("a/b"));
        check("./a//b/", Ok("a/b"));
        check("", Err(PathFault::Empty));
        check(".", Err(PathFault::Empty));
        check("/a", Err(PathFault::Absolute));
        check("../a", Err(PathFault::Climbs));
        check("a/../../b", Err(PathFault::Climbs));
        check("a\0", Err(PathFault::Unrepresentable));
        check(&"a".repeat(256), Err(PathFault::Unrepresentable));
    }

    #[test]
    fn a_step_leaves_things_in_its_folder_or_elsewhere() {
        let check = |text: &str, expected: &str, is_absolute: bool| {
            let path = text.parse::<BuildPath>().unwrap();
            assert_eq!((path.as_str(), path.is_absolute()), (expected, is_absolute));
        };
        check("./dist/", "dist", false);
        check("/usr//local/lib", "/usr/local/lib", true);
        for bad in ["", ".", "/", "..", "/..", "a/../b", "/a/../b"] {
            assert!(bad.parse::<BuildPath>().is_err(), "{bad:?}");
        }
    }
}
