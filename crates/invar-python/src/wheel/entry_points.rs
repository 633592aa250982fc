//! `entry_points.txt`: the programs that a distribution offers.
//!
//! ```text
//! "[" section "]"
//! name "=" module ":" function [ "[" extra *("," extra) "]" ]
//! module, function = 1*( letter / digit / "_" / "-" / "." )
//! ```
//!
//! Blanks may be around every part. Lines whose first character is `#` or `;` are comments; there are none at the
//! end of a line. As `configparser` has it, a line that is indented deeper than the assignment before it continues
//! that assignment's value, even if it looks like an assignment or a section.
//!
//! Only the sections `console_scripts` and `gui_scripts` count; on Linux they are alike, and where both have a name the
//! latter wins. Extras are ignored. A launcher needs a function, which the specification lets other sections leave out.
//!
//! pip is special: entries `pip3.N` are dropped, and one for the environment's Python is built from `pip3`.
//!
//! As `uv` has it, one entry that cannot be read spoils the wheel, and module and function need not be identifiers: the
//! launcher for `a-b:main` is no Python, and people are told so.
//!
//! Source: "Entry points specification"; `uv`'s crate uv-install-wheel, module `script`.
use std::collections::BTreeMap;

use super::error::shortened;
use super::place::check_script;
use super::{EntryPointError, WheelFault};

/// What an entry point calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EntryPoint {
    /// The module, with dots.
    pub(super) module: String,
    /// The function, with dots.
    pub(super) function: String,
}

impl EntryPoint {
    /// Whether Python could read its launcher.
    pub(super) fn is_python(&self) -> bool {
        [&self.module, &self.function].iter().all(|text| text.split('.').all(is_identifier))
    }
}

/// An assignment that the next line may continue.
struct Assignment<'a> {
    line: usize,
    /// How many blanks are before it.
    indentation: usize,
    name: &'a str,
    /// Its value so far; nothing in other sections.
    value: Option<String>,
    /// The first line that continues it.
    continued: Option<(usize, &'a str)>,
}

/// The programs by their names.
pub(super) fn parse(content: &[u8], python_minor: u32) -> Result<BTreeMap<String, EntryPoint>, WheelFault> {
    let text = std::str::from_utf8(content).map_err(|_| EntryPointError::NotUtf8)?;
    let (mut console, mut gui) = (BTreeMap::new(), BTreeMap::new());
    // Where the programs of this section go.
    let mut section: Option<&mut BTreeMap<String, EntryPoint>> = None;
    let mut open: Option<Assignment<'_>> = None;
    for (index, full) in text.strip_prefix('\u{feff}').unwrap_or(text).lines().enumerate() {
        let line = index + 1;
        let text = full.trim();
        if text.is_empty() || text.starts_with(['#', ';']) {
            continue;
        }
        let indentation = full.chars().take_while(|character| character.is_whitespace()).count();
        if let Some(before) = open.as_mut().filter(|before| indentation > before.indentation) {
            if let Some(value) = &mut before.value {
                value.push('\n');
                value.push_str(text);
                before.continued.get_or_insert((line, text));
            }
            continue;
        }
        close(open.take(), section.as_deref_mut())?;
        let malformed = || EntryPointError::Line { line, text: shortened(full) };
        if let Some(name) = text.strip_prefix('[') {
            // What follows the bracket is not looked at, as in `configparser`.
            let (name, _) = name.rsplit_once(']').ok_or_else(malformed)?;
            section = match name.trim() {
                "console_scripts" => Some(&mut console),
                "gui_scripts" => Some(&mut gui),
                _ => None,
            };
            continue;
        }
        let (name, value) = match &section {
            Some(_) => {
                let (name, value) = text.split_once('=').ok_or_else(malformed)?;
                (name.trim(), Some(value.trim().to_owned()))
            }
            None => ("", None),
        };
        open = Some(Assignment { line, indentation, name, value, continued: None });
    }
    close(open, section)?;
    let mut found = console;
    found.append(&mut gui);
    let versioned = |name: &str| name.strip_prefix("pip3.").is_some_and(|minor| minor.parse::<u8>().is_ok());
    found.retain(|name, _| !versioned(name));
    if let Some(pip) = found.get("pip3").cloned() {
        found.insert(format!("pip3.{python_minor}"), pip);
    }
    Ok(found)
}

/// Adds what an assignment says, once no line continues it any more.
fn close(
    assignment: Option<Assignment<'_>>,
    section: Option<&mut BTreeMap<String, EntryPoint>>,
) -> Result<(), WheelFault> {
    let Some(Assignment { line, name, value: Some(value), continued, .. }) = assignment else {
        return Ok(());
    };
    let Some(entry_point) = object(&value) else {
        let short = shortened(name);
        return Err(match continued {
            Some((line, text)) => EntryPointError::Continued { line, name: short, text: shortened(text) },
            None => EntryPointError::Object { line, name: short, value: shortened(&value) },
        }
        .into());
    };
    if matches!(name, "" | "." | "..") || name.contains('/') || name.chars().any(char::is_control) {
        return Err(EntryPointError::Name { line, name: name.to_owned() }.into());
    }
    check_script(name, name)?;
    if let Some(section) = section
        && let Some(before) = section.insert(name.to_owned(), entry_point.clone())
        && before != entry_point
    {
        return Err(EntryPointError::Twice { line, name: name.to_owned() }.into());
    }
    Ok(())
}

/// Reads `module:function [extras]`.
fn object(value: &str) -> Option<EntryPoint> {
    let (object, extras) = match value.split_once('[') {
        Some((object, extras)) => (object, Some(extras.strip_suffix(']')?)),
        None => (value, None),
    };
    if extras.is_some_and(|extras| extras.is_empty() || extras.starts_with(',') || extras.contains(",,")) {
        return None;
    }
    let (module, function) = object.split_once(':')?;
    let named = |text: &str| {
        let known = |character: char| character.is_alphanumeric() || "_-.".contains(character);
        (!text.is_empty() && text.chars().all(known)).then(|| text.to_owned())
    };
    Some(EntryPoint { module: named(module.trim_end())?, function: named(function.trim())? })
}

/// Whether Python could take `text` for an identifier ("The Python Language Reference", section "Identifiers"); letters
/// and digits are those of Unicode.
fn is_identifier(text: &str) -> bool {
    let first = |character: char| character == '_' || character.is_alphabetic();
    text.starts_with(first) && text.chars().all(|character| first(character) || character.is_numeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[(&str, &str, &str)]) {
        let found = parse(text.as_bytes(), 13).unwrap();
        let found: Vec<(&str, &str, &str)> = found
            .iter()
            .map(|(name, entry)| (name.as_str(), entry.module.as_str(), entry.function.as_str()))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn programs_are_read() {
        check("", &[]);
        check("[console_scripts]\nfoo = foo.cli:main\n", &[("foo", "foo.cli", "main")]);
        check(
            "# comment\n[gui_scripts]\nb=b:App.run [x, y]\n[other]\nnonsense\n[console_scripts]\n  A.b-c = a : m\n  ; note\n",
            &[("A.b-c", "a", "m"), ("b", "b", "App.run")],
        );
        check(
            "[console_scripts]\npip = p:m\npip3 = p:n\npip3.11 = p:o\npip3.x = p:q\n",
            &[("pip", "p", "m"), ("pip3", "p", "n"), ("pip3.13", "p", "n"), ("pip3.x", "p", "q")],
        );
        check("[console_scripts]\na=b:c\n[gui_scripts]\na=b:c\n", &[("a", "b", "c")]);
        check("[gui_scripts]\na=b:d\n[console_scripts]\na=b:c\n", &[("a", "b", "d")]);
        check("[console_scripts]\na\\b=b:c\na b=b:c\n", &[("a b", "b", "c"), ("a\\b", "b", "c")]);
        check("[console_scripts]\nx = _a1.b\u{e9}: C._m[x.y-z ,w]\n", &[("x", "_a1.b\u{e9}", "C._m")]);
        check("[console_scripts] # note\nx#y = a:b\n", &[("x#y", "a", "b")]);
    }

    #[test]
    fn indentation_is_that_of_configparser() {
        let both = [("x", "a", "b"), ("y", "a", "c")];
        check("\n  [console_scripts]\n  x=a:b\n  y=a:c\n  [other]\n  z=1\n", &both);
        check("[console_scripts]\n   x=a:b\n\n y=a:c\n", &both);
        check("[console_scripts]\nx=a:b\n  # note\n  ;\n\t\ny=a:c\n", &both);
        check("[other]\nx=1\n[console_scripts]\n\ty=a:c\n", &both[1..]);
        // In other sections, values may have several lines, and those are no sections.
        check("[other]\nx=1\n y=2\n nonsense\n[console_scripts]\ny=a:c\n", &both[1..]);
        check("[other]\nx=1\n [console_scripts]\ny=a:c\n", &[]);
    }

    /// What `uv` installs although no Python can read its launcher, as some wheels have it.
    #[test]
    fn names_need_not_be_identifiers() {
        for (value, module, function) in [
            ("a-b:main", "a-b", "main"),
            ("a..b:main", "a..b", "main"),
            (".a:main", ".a", "main"),
            ("a.:main", "a.", "main"),
            ("a:.main", "a", ".main"),
            ("a:1main", "a", "1main"),
        ] {
            check(&format!("[console_scripts]\nx = {value}\n"), &[("x", module, function)]);
            assert!(!object(value).unwrap().is_python(), "{value}");
        }
        assert!(object("a.b:C.d").unwrap().is_python());
        for value in ["a:main [b;c]", "a:main [b,]", "a:main [b][c]", "a:main\n [other]"] {
            check(&format!("[console_scripts]\nx = {value}\n"), &[("x", "a", "main")]);
        }
    }

    #[track_caller]
    fn refused(line: &str, expected: &str) {
        let error = parse(format!("[console_scripts]\n{line}\n").as_bytes(), 13).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn hostile_programs_are_refused() {
        refused("a", "line 2");
        refused("a = b", "module:function");
        refused("a : b = c", "module:function");
        refused("a = b:", "module:function");
        refused("a = b:c [", "module:function");
        refused("a = b:c\"); import os; (\"", "module:function");
        refused("x = a:main;import os", "line 2: \"x\" calls \"a:main;import os\", expected module:function");
        refused("x = a:main ; note", "\"x\" calls");
        refused("x = a:main # note", "\"x\" calls");
        refused("x = a;b:main", "\"x\" calls");
        refused("x = a b:main", "\"x\" calls");
        refused("x = a:main()", "\"x\" calls");
        refused("x = a:b:c", "\"x\" calls");
        refused("x = a:ma\rin", "\"x\" calls");
        refused("x = a:main []", "\"x\" calls");
        refused("x = a:main [,b]", "\"x\" calls");
        refused("x = a:main [b,,c]", "\"x\" calls");
        refused("x = a:main [b] c", "\"x\" calls");
        let demo = "line 3: \"demo-x = a:b\" is indented, so it belongs to the value of \"x\"";
        refused("x = a:main\n demo-x = a:b", demo);
        refused("x = a:main\n\n# note\n\u{a0}y = a:b", "line 5: \"y = a:b\" is indented");
        refused("  x = a:main\n   y = a:b", "is indented");
        refused("[console_scripts", "line 2");
        refused("../a = b:c", "cannot be the name");
        refused("/etc/cron = b:c", "cannot be the name");
        refused(".. = b:c", "cannot be the name");
        refused(" = b:c", "cannot be the name");
        refused("a = b:c\na = b:d", "twice");
        refused("python = b:c", "belongs to the environment");
        refused("Python3.13 = b:c", "belongs to the environment");
        refused("python3.py = b:c", "belongs to the environment");
        assert!(parse(b"\xff", 13).is_err());
    }
}
