//! `.python-version`: which Python a project asks for, as `uv` reads it.
//!
//! One request a line. Blank lines and lines that start with `#` are skipped, and so is what only a directory of
//! interpreters could resolve, such as the name of a virtual environment of pyenv; the first line that is left counts.
//!
//! ```text
//! 3 | 3.12 | 3.12.4 | 312 | 3.14.0rc1            a version, each with `t`, `d` or +freethreaded, +debug, ... after it
//! >=3.11,<3.13                                   specifiers
//! cpython | cpython@3.12 | cpython3.12 | cp312   an implementation: cpython, pypy, graalpy, pyodide, or cp, pp, gp
//! python3.12 | python@3.12                       any implementation
//! cpython-3.12.4-linux-x86_64-gnu                a build: implementation, version, and what it is for
//! any | default
//! ```
//!
//! The format has no specification; `uv`'s module `version_files` and its type `PythonRequest` are the source.
use std::fmt;

use pep440_rs::VersionSpecifiers;

/// How many lines are looked at.
const MOST_LINES: usize = 1000;

/// The longest line that is a request, in bytes.
const LONGEST: usize = 200;

/// What implementations are called, and whether they are CPython.
const IMPLEMENTATIONS: [(&str, bool); 7] = [
    ("cpython", true),
    ("pypy", false),
    ("graalpy", false),
    ("pyodide", false),
    ("cp", true),
    ("pp", false),
    ("gp", false),
];

/// The names of such files, the first that there is counting.
pub const VERSION_FILES: [&str; 2] = [".python-version", ".python-versions"];

/// A `.python-version`, and what it asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionFile {
    /// The file, as messages show it.
    pub name: String,
    /// What it asks for.
    pub request: PythonRequest,
}

/// The Python that a project asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PythonRequest {
    text: String,
    wanted: Wanted,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Wanted {
    /// Any Python.
    Any,
    /// A major version, and a minor one if it matters.
    Version(u32, Option<u32>),
    /// Any of several.
    Specifiers(VersionSpecifiers),
    /// What is not CPython as Debian builds it.
    Other,
}

impl PythonRequest {
    /// The first request in the text of a `.python-version` or `.python-versions`; `None` if there is none.
    pub fn first_of(text: &str) -> Option<Self> {
        text.lines().take(MOST_LINES).map(str::trim).find_map(|line| match line {
            "" => None,
            line if line.starts_with('#') => None,
            line => Self::parse(line),
        })
    }

    /// One request; `None` for what could only be the name or path of a program.
    fn parse(line: &str) -> Option<Self> {
        if line.len() > LONGEST || !line.is_ascii() {
            return None;
        }
        let lower = line.to_ascii_lowercase();
        let wanted = wanted(&lower)?;
        Some(Self { text: line.to_owned(), wanted })
    }

    /// Whether CPython `python`, its major and minor version, is what is asked for. The last digit is the
    /// distribution's to choose.
    pub fn accepts(&self, python: (u32, u32)) -> bool {
        match &self.wanted {
            Wanted::Any => true,
            Wanted::Version(major, minor) => {
                *major == python.0 && minor.is_none_or(|minor| minor == python.1)
            }
            Wanted::Specifiers(specifiers) => {
                let versions = (0..100).map(|patch| format!("{}.{}.{patch}", python.0, python.1));
                let mut versions = versions.filter_map(|version| version.parse().ok());
                versions.any(|version| specifiers.contains(&version))
            }
            Wanted::Other => false,
        }
    }

    /// Whether it asks for something other than CPython with its global lock: no version of Debian's is that.
    pub fn is_other(&self) -> bool {
        self.wanted == Wanted::Other
    }
}

impl fmt::Display for PythonRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What a request in lower case asks for.
fn wanted(text: &str) -> Option<Wanted> {
    if matches!(text, "any" | "default" | "python") {
        return Some(Wanted::Any);
    }
    if let Some(found) = version(text) {
        return Some(found);
    }
    if let Some(rest) = text.strip_prefix("python") {
        return version(rest.strip_prefix('@').unwrap_or(rest));
    }
    let (rest, is_cpython) = IMPLEMENTATIONS
        .iter()
        .find_map(|(name, is_cpython)| Some((text.strip_prefix(name)?, *is_cpython)))?;
    let found = match rest {
        "" => Wanted::Any,
        rest => match rest.strip_prefix('-') {
            // Implementation, version, system, machine, C library: only the version matters here.
            Some(build) => version(build.split('-').next().unwrap_or_default())?,
            None => version(rest.strip_prefix('@').unwrap_or(rest))?,
        },
    };
    Some(if is_cpython { found } else { Wanted::Other })
}

/// A version, or specifiers of versions.
fn version(text: &str) -> Option<Wanted> {
    if text.starts_with(['<', '>', '=', '!', '~']) {
        return text.parse().ok().map(Wanted::Specifiers);
    }
    let (plain, variant) = text.split_once('+').unwrap_or((text, ""));
    let (plain, suffix) = match plain.strip_suffix(['t', 'd']) {
        Some(plain) => (plain, true),
        None => (plain, false),
    };
    let number = |text: &str| text.parse::<u32>().ok().filter(|_| text.bytes().all(|it| it.is_ascii_digit()));
    let mut parts = plain.splitn(3, '.');
    let first = parts.next()?;
    let found = match (parts.next(), parts.next()) {
        // 312 is 3.12.
        (None, None) if first.len() > 1 => Wanted::Version(number(&first[..1])?, Some(number(&first[1..])?)),
        (None, _) => Wanted::Version(number(first)?, None),
        (Some(minor), patch) => {
            // 3.14rc1 and 3.14.0rc1 are of the series 3.14.
            let digits = minor.len() - minor.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let is_version = || plain.parse::<pep440_rs::Version>().is_ok();
            let found = Wanted::Version(number(first)?, Some(number(&minor[..digits])?));
            if (digits < minor.len() || patch.is_some()) && !is_version() {
                return None;
            }
            found
        }
    };
    match variant {
        "" | "gil" => Some(if suffix { Wanted::Other } else { found }),
        "freethreaded" | "debug" | "freethreaded+debug" | "gil+debug" => Some(Wanted::Other),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[u32]) {
        let request = PythonRequest::first_of(text).expect("it is a request");
        let found: Vec<u32> = (9..=15).filter(|minor| request.accepts((3, *minor))).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn requests_are_those_of_uv() {
        for text in [
            "3.11",
            "3.11\n",
            "  3.11.4  \r\n3.13\n",
            "# why\n\n3.11",
            "cpython@3.11",
            "cpython-3.11.4-linux-x86_64-gnu",
            "CPython-3.11-macos-aarch64-none",
            "cpython3.11",
            "python3.11",
            "python@3.11",
            "python311",
            "cp311",
            "311",
            "3.11.0rc1",
            "3.11rc1",
            "3.11+gil",
            "my-environment-3.9\n3.11",
            "~=3.11.2",
            ">=3.11, <3.12",
            "==3.11.*",
        ] {
            check(text, &[11]);
        }
        check("3", &[9, 10, 11, 12, 13, 14, 15]);
        check("any", &[9, 10, 11, 12, 13, 14, 15]);
        check("cpython", &[9, 10, 11, 12, 13, 14, 15]);
        check("2.7", &[]);
        check(">=3.12", &[12, 13, 14, 15]);
    }

    #[test]
    fn what_debian_never_has_is_another_python() {
        for text in ["pypy", "pypy@3.10", "pypy3.10", "pypy-3.10.16-linux-x86_64-gnu", "pp310", "3.13t"] {
            check(text, &[]);
            let request = PythonRequest::first_of(text);
            assert!(request.is_some_and(|request| request.is_other()), "{text}");
        }
        check("3.13+freethreaded", &[]);
        check("3.13.1+debug", &[]);
        check("graalpy@3.11", &[]);
    }

    #[test]
    fn what_uv_ignores_is_no_request() {
        for text in [
            "",
            "\n# 3.11\n",
            "system",
            "my-environment",
            "3.11 # x",
            "python-3.11.7",
            "/usr/bin/python3",
            "3.x",
            "3.11.",
            "3..11",
            "é",
            "3é",
            "99999999999.1",
            ">=é",
            "miniconda3-4.7.12",
            "pypy3.10-7.3.19",
        ] {
            assert_eq!(PythonRequest::first_of(text), None, "{text}");
        }
        assert_eq!(PythonRequest::first_of(&"1".repeat(1000)), None);
    }
}
