use std::str::FromStr;
use std::sync::Arc;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use invar_formats::dockerignore::may_lead_to;

use crate::text::text_value;

/// A pattern of `include` or `exclude`, for paths relative to the project's folder.
///
/// `?` and `*` match within one name, `**` as a whole name matches any number of directories, `[a-z]` and `[!a-z]` one
/// character of a class, `{a,b}` one of several, and a backslash takes its meaning from the character after it. A
/// pattern is anchored at the project's folder, and what matches a directory covers everything below it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Glob(Arc<str>);

text_value!(
    Glob,
    pattern: "^[^/]",
    description: "A pattern for paths relative to the project; `**/` matches any number of directories, and a pattern that matches a directory covers everything in it.",
    example: "assets/**/*.css"
);

/// Why a text is not a [`Glob`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GlobError {
    /// The pattern is empty or names the project's folder itself.
    #[error("{pattern:?} does not name a path in the project")]
    Empty {
        /// The pattern.
        pattern: String,
    },
    /// The pattern starts with a slash.
    #[error("{pattern:?} starts with \"/\", but patterns are relative to the project")]
    Absolute {
        /// The pattern.
        pattern: String,
    },
    /// The pattern has a name `..` or `.`.
    #[error("{pattern:?} leaves the project: \"..\" and \".\" are not allowed")]
    Climbs {
        /// The pattern.
        pattern: String,
    },
    /// The pattern starts with `!`, as lines of ignore files may.
    #[error("{pattern:?} starts with \"!\", which is not supported here")]
    Negated {
        /// The pattern.
        pattern: String,
    },
    /// The pattern is malformed.
    #[error("{pattern:?} is not a pattern: {fault}")]
    Syntax {
        /// The pattern.
        pattern: String,
        /// What the parser said.
        fault: String,
    },
}

impl GlobError {
    /// What the author can do, where that is known.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Absolute { pattern } => {
                let relative = pattern.trim_start_matches('/');
                (!relative.is_empty()).then(|| format!("write {relative:?}"))
            }
            Self::Negated { .. } => Some("`exclude` removes files from `include`".to_owned()),
            Self::Empty { .. } | Self::Climbs { .. } | Self::Syntax { .. } => None,
        }
    }
}

/// The longest pattern, in bytes; matching costs time and memory in proportion.
const LONGEST: usize = 1024;

impl FromStr for Glob {
    type Err = GlobError;

    fn from_str(text: &str) -> Result<Self, GlobError> {
        let pattern = || text.to_owned();
        let clean = text.strip_prefix("./").unwrap_or(text);
        if clean.starts_with('/') {
            return Err(GlobError::Absolute { pattern: pattern() });
        }
        if clean.starts_with('!') {
            return Err(GlobError::Negated { pattern: pattern() });
        }
        let clean = clean.trim_end_matches('/');
        if clean.is_empty() {
            return Err(GlobError::Empty { pattern: pattern() });
        }
        if clean.split('/').any(|name| matches!(name, "." | "..")) {
            return Err(GlobError::Climbs { pattern: pattern() });
        }
        let glob = Self(clean.into());
        let fault = if clean.len() > LONGEST {
            Some(format!("it is longer than {LONGEST} bytes"))
        } else if clean.contains("//") {
            Some("it has an empty name between two \"/\"".to_owned())
        } else {
            glob.compile().err().map(|error| error.kind().to_string())
        };
        match fault {
            Some(fault) => Err(GlobError::Syntax { pattern: pattern(), fault }),
            None => Ok(glob),
        }
    }
}

impl Glob {
    /// A pattern for the relative path `path` and what is below it; `.` stands for everything. `None` if it is too
    /// long.
    pub fn literal(path: &str) -> Option<Self> {
        if path == "." {
            return "**".parse().ok();
        }
        let mut text = String::new();
        for character in path.chars() {
            if "*?[]{}!\\".contains(character) {
                text.push('\\');
            }
            text.push(character);
        }
        text.parse().ok()
    }

    fn compile(&self) -> Result<globset::Glob, globset::Error> {
        // Every setting that depends on the host or has a default that could change is fixed here.
        GlobBuilder::new(&self.0)
            .literal_separator(true)
            .backslash_escape(true)
            .case_insensitive(false)
            .build()
    }

    /// The directories before the first name that has a character with a meaning.
    fn literal_prefix(&self) -> &str {
        let special = self.0.find(['*', '?', '[', ']', '{', '}', '\\']);
        match special {
            None => &self.0,
            Some(at) => self.0[..at].rsplit_once('/').map_or("", |(directories, _)| directories),
        }
    }
}

/// Several patterns that are matched together.
#[derive(Debug)]
pub struct GlobList {
    globs: Vec<Glob>,
    set: GlobSet,
}

impl GlobList {
    /// The patterns of `globs`, of which the first counts where several match.
    ///
    /// # Errors
    /// What the matcher says where there are too many.
    pub fn new(globs: &[Glob]) -> Result<Self, String> {
        let mut set = GlobSetBuilder::new();
        for glob in globs {
            set.add(glob.compile().map_err(|error| error.to_string())?);
        }
        Ok(Self { globs: globs.to_vec(), set: set.build().map_err(|error| error.to_string())? })
    }

    /// Whether there is no pattern.
    pub fn is_empty(&self) -> bool {
        self.globs.is_empty()
    }

    /// The first pattern that matches `path` or a directory above it.
    pub fn covering(&self, path: &str) -> Option<&Glob> {
        if self.globs.is_empty() {
            return None;
        }
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        let first = ends.filter_map(|end| self.set.matches(&path[..end]).into_iter().min()).min()?;
        self.globs.get(first)
    }

    /// Whether something below `directory` could match. It may say yes where nothing does; that costs only time.
    pub(super) fn may_match_below(&self, directory: &str) -> bool {
        self.globs.iter().any(|glob| may_lead_to(directory, glob.literal_prefix()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(globs: &[&str]) -> GlobList {
        GlobList::new(&globs.iter().map(|glob| glob.parse().unwrap()).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn patterns_are_anchored_and_cover_what_is_below() {
        let check = |glob: &str, path: &str, expected: bool| {
            assert_eq!(list(&[glob]).covering(path).is_some(), expected, "{glob} {path}");
        };
        check("src", "src/a/b.py", true);
        check("src/", "src/a/b.py", true);
        check("./src", "src", true);
        check("src", "other/src", false);
        check("src", "srcs", false);
        check("*.py", "a.py", true);
        check("*.py", "b/a.py", false);
        check("**/*.py", "a.py", true);
        check("**/*.py", "b/c/a.py", true);
        check("b/**", "b/c/a.py", true);
        check("b/*/a.py", "b/c/a.py", true);
        check("b/*/a.py", "b/c/d/a.py", false);
        check("{a,b}.py", "b.py", true);
        check("[!a].py", "b.py", true);
        check("\\*.py", "*.py", true);
        check("\\*.py", "a.py", false);
        check("A.py", "a.py", false);
    }

    #[test]
    fn a_path_is_a_pattern_for_itself() {
        for path in ["a", "a/b", "a*", "[a]", "{a,b}", "a?", "!a", "a\\b"] {
            let globs = GlobList::new(&[Glob::literal(path).unwrap()]).unwrap();
            assert!(
                globs.covering(path).is_some() && globs.covering(&format!("{path}/x")).is_some(),
                "{path}"
            );
            assert!(globs.covering("ab").is_none() && globs.covering("b").is_none(), "{path}");
        }
        assert!(list(&[Glob::literal(".").unwrap().as_str()]).covering("a/b").is_some());
    }

    #[test]
    fn directories_are_followed_where_a_match_can_be() {
        let check = |glob: &str, directory: &str, expected: bool| {
            assert_eq!(list(&[glob]).may_match_below(directory), expected, "{glob} {directory}");
        };
        check("src/app/*.py", "src", true);
        check("src/app/*.py", "src/app", true);
        check("src/app/*.py", "src/app/x", true);
        check("src/app/*.py", "src/apple", false);
        check("src/app/*.py", "other", false);
        check("**/x", "anything", true);
        check("{a,b}/x", "a", true);
    }

    #[test]
    fn what_leaves_the_project_is_refused() {
        let check = |glob: &str, expected: fn(&GlobError) -> bool| {
            let error = glob.parse::<Glob>().unwrap_err();
            assert!(expected(&error), "{glob:?}: {error:?}");
        };
        check("", |error| matches!(error, GlobError::Empty { .. }));
        check("./", |error| matches!(error, GlobError::Empty { .. }));
        check("/src", |error| matches!(error, GlobError::Absolute { .. }));
        check(".//", |error| matches!(error, GlobError::Absolute { .. }));
        check("../x", |error| matches!(error, GlobError::Climbs { .. }));
        check("a/../x", |error| matches!(error, GlobError::Climbs { .. }));
        check(".", |error| matches!(error, GlobError::Climbs { .. }));
        check("!src", |error| matches!(error, GlobError::Negated { .. }));
        check("a//b", |error| matches!(error, GlobError::Syntax { .. }));
        check("[a", |error| matches!(error, GlobError::Syntax { .. }));
        check("{a", |error| matches!(error, GlobError::Syntax { .. }));
        check(&"a".repeat(1025), |error| matches!(error, GlobError::Syntax { .. }));
    }
}
