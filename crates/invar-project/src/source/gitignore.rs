//! One `.gitignore` file (gitignore(5)), matched on paths relative to the directory that holds it.

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// The patterns of one file.
#[derive(Debug)]
pub(super) struct GitignoreFile {
    patterns: Gitignore,
}

/// What one file says about a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing.
    Silent,
    /// A line with `!` keeps it.
    Keep,
    /// This line ignores it.
    Ignore(String),
}

impl GitignoreFile {
    pub(super) fn parse(text: &str) -> Self {
        // Relative paths without a root in common with this one: nothing of the host is asked.
        let mut builder = GitignoreBuilder::new("");
        for line in text.strip_prefix('\u{feff}').unwrap_or(text).lines() {
            // git passes over what it does not understand; a project must not fail to build for it.
            let _ = builder.add_line(None, &escape_braces(line));
        }
        Self { patterns: builder.build().unwrap_or_else(|_| Gitignore::empty()) }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    pub(super) fn verdict(&self, path: &str, is_directory: bool) -> Verdict {
        match self.patterns.matched(path, is_directory) {
            Match::None => Verdict::Silent,
            Match::Whitelist(_) => Verdict::Keep,
            Match::Ignore(glob) => Verdict::Ignore(glob.original().replace("\\{", "{").replace("\\}", "}")),
        }
    }
}

/// Takes the meaning from braces outside classes: to git they are ordinary characters, to the matcher
/// alternatives.
fn escape_braces(line: &str) -> String {
    let mut escaped = String::with_capacity(line.len());
    let (mut in_class, mut after_backslash) = (false, false);
    for character in line.chars() {
        if !after_backslash && !in_class && matches!(character, '{' | '}') {
            escaped.push('\\');
        }
        match character {
            '[' if !after_backslash => in_class = true,
            ']' if !after_backslash => in_class = false,
            _ => {}
        }
        after_backslash = character == '\\' && !after_backslash;
        escaped.push(character);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, path: &str, is_directory: bool, ignored: bool) {
        let verdict = GitignoreFile::parse(text).verdict(path, is_directory);
        assert_eq!(matches!(verdict, Verdict::Ignore(_)), ignored, "{text:?} {path} {verdict:?}");
    }

    #[test]
    fn lines_mean_what_they_mean_to_git() {
        check("*.log", "a/b.log", false, true);
        check("/a.log", "a.log", false, true);
        check("/a.log", "b/a.log", false, false);
        check("a/b", "c/a/b", false, false);
        check("build/", "build", true, true);
        check("build/", "build", false, false);
        check("*.log\n!keep.log", "keep.log", false, false);
        check("# comment\n\n*.log\r\n", "b.log", false, true);
        check("\\#x", "#x", false, true);
        check("\u{feff}*.log", "b.log", false, true);
        check("**/x/**", "a/x/y", false, true);
        check("{a,b}", "a", false, false);
        check("{a,b}", "{a,b}", false, true);
        check("{a", "{a", false, true);
        check("[{]a", "{a", false, true);
    }

    #[test]
    fn what_git_does_not_understand_is_passed_over() {
        check("a\\\n*.log", "b.log", false, true);
        check("[z-a]\n*.log", "b.log", false, true);
    }

    #[test]
    fn the_pattern_is_named_as_it_is_written() {
        let verdict = GitignoreFile::parse("{x}").verdict("{x}", false);
        assert_eq!(verdict, Verdict::Ignore("{x}".to_owned()));
    }
}
