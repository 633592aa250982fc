//! What a file of Python imports as soon as it is run: statements at the top level that no condition guards.
//!
//! A statement that starts in the first column is run whenever the file is, unless something before it ends the program.
//! What is indented belongs to a function, a condition or a `try`, and may never run. This is no parser of Python:
//! strings, parentheses and lines that go on are followed, and what cannot be understood imports nothing.

/// The longest file that is read, in bytes.
const LONGEST: usize = 1 << 20;

/// How many imports of one file are read.
const MOST: usize = 2000;

/// A module that a file imports.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Import {
    /// The module, with dots: `tkinter.ttk`. It starts with one dot for each level of a relative import.
    pub module: String,
    /// What is imported from it; empty for the module itself. Each may be a module too.
    pub names: Vec<String>,
    /// The line, from 1.
    pub line: usize,
}

impl Import {
    /// The first part of the module's name; `None` for a relative import.
    pub fn top(&self) -> Option<&str> {
        self.module.split('.').next().filter(|top| !top.is_empty())
    }
}

/// What `text` imports at its top level, in its order.
pub fn imports(text: &str) -> Vec<Import> {
    let mut found = Vec::new();
    if text.len() > LONGEST {
        return found;
    }
    for (line, statement) in statements(text) {
        for part in statement.split(';') {
            read(part.trim(), line, &mut found);
        }
        if found.len() >= MOST {
            break;
        }
    }
    found.truncate(MOST);
    found
}

/// The statements that start in the first column with `import` or `from`, each on one line without comments, and where it
/// starts.
fn statements(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut characters = text.trim_start_matches('\u{feff}').chars().peekable();
    let (mut line, mut depth) = (1, 0_usize);
    let mut statement = String::new();
    let mut start = 1;
    let mut at_start = true;
    let mut is_import = false;
    while let Some(character) = characters.next() {
        if at_start && depth == 0 {
            start = line;
            statement.clear();
            is_import = matches!(character, 'i' | 'f');
        }
        at_start = false;
        match character {
            '#' => {
                while characters.peek().is_some_and(|next| *next != '\n') {
                    characters.next();
                }
            }
            '"' | '\'' => {
                line += skip_string(character, &mut characters);
                statement.push('"');
            }
            '\\' if characters.peek() == Some(&'\n') || characters.peek() == Some(&'\r') => {
                while characters.next_if(|next| *next == '\r').is_some() {}
                characters.next_if_eq(&'\n');
                line += 1;
                statement.push(' ');
            }
            '\n' => {
                line += 1;
                if depth > 0 {
                    statement.push(' ');
                    continue;
                }
                if is_import {
                    found.push((start, std::mem::take(&mut statement)));
                }
                at_start = true;
            }
            '(' | '[' | '{' => {
                depth += 1;
                statement.push(character);
            }
            ')' | ']' | '}' => {
                depth = depth.saturating_sub(1);
                statement.push(character);
            }
            other if is_import => statement.push(other),
            _ => {}
        }
    }
    if is_import {
        found.push((start, statement));
    }
    found
}

/// Skips the rest of a string that starts with `quote`, and gives the number of lines that it goes over.
fn skip_string(quote: char, characters: &mut std::iter::Peekable<std::str::Chars<'_>>) -> usize {
    let mut lines = 0;
    let mut is_long = false;
    if characters.next_if_eq(&quote).is_some() {
        if characters.next_if_eq(&quote).is_none() {
            return 0;
        }
        is_long = true;
    }
    let mut quotes = 0;
    // A string that is not closed on its line is none.
    while let Some(character) = characters.next_if(|next| is_long || *next != '\n') {
        if character == '\\' {
            lines += usize::from(characters.next() == Some('\n'));
            quotes = 0;
            continue;
        }
        lines += usize::from(character == '\n');
        quotes = if character == quote { quotes + 1 } else { 0 };
        if quotes == if is_long { 3 } else { 1 } {
            break;
        }
    }
    lines
}

fn read(statement: &str, line: usize, found: &mut Vec<Import>) {
    if let Some(list) = statement.strip_prefix("import ") {
        for item in list.split(',') {
            let module = item.split_whitespace().next().unwrap_or_default();
            if is_module(module) {
                found.push(Import { module: module.to_owned(), names: Vec::new(), line });
            }
        }
        return;
    }
    let Some(rest) = statement.strip_prefix("from ") else { return };
    let rest = rest.trim_start();
    let end = rest.find(|c: char| c.is_whitespace()).unwrap_or(rest.len());
    let (module, list) = rest.split_at(end);
    let Some(list) = list.trim_start().strip_prefix("import") else { return };
    let list = list.trim().trim_start_matches('(').trim_end_matches(')');
    let names = list.split(',').filter_map(|item| item.split_whitespace().next());
    let names: Vec<String> = names.filter(|name| is_module(name)).map(str::to_owned).collect();
    if is_module(module.trim_start_matches('.')) || (!module.is_empty() && module.bytes().all(|c| c == b'.'))
    {
        found.push(Import { module: module.to_owned(), names, line });
    }
}

/// Whether `text` is a name as modules have it, perhaps with dots.
fn is_module(text: &str) -> bool {
    let is_name = |part: &str| {
        !part.is_empty()
            && !part.starts_with(|c: char| c.is_ascii_digit())
            && part.chars().all(|c| c.is_alphanumeric() || c == '_')
    };
    !text.is_empty() && text.len() <= 200 && text.split('.').all(is_name)
}

/// The module that an error message of Python says is missing: the last line `ModuleNotFoundError: No module named 'x'`,
/// or `ImportError: No module named 'x'`, of what a program wrote.
pub fn module_not_found(output: &str) -> Option<&str> {
    output.lines().rev().find_map(|line| {
        // Loggers, and groups of exceptions, put something before it.
        let (_, rest) =
            line.split_once("ModuleNotFoundError: ").or_else(|| line.split_once("ImportError: "))?;
        let name = rest.strip_prefix("No module named ")?.trim_start_matches(['\'', '"']);
        let end = name.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.'))).unwrap_or(name.len());
        Some(&name[..end]).filter(|name| is_module(name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let found: Vec<String> = imports(text)
            .into_iter()
            .map(|Import { module, names, line }| match names.is_empty() {
                true => format!("{line} {module}"),
                false => format!("{line} {module}: {}", names.join(" ")),
            })
            .collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn statements_at_the_top_level_are_read() {
        check("import os, sys as system\nimport a.b.c\n", &["1 os", "1 sys", "2 a.b.c"]);
        check(
            "from tkinter import ttk, Tk as T # x\nfrom . import a\nfrom ..b import *",
            &["1 tkinter: ttk Tk", "2 .: a", "3 ..b"],
        );
        check("from a import (\n    b, # first\n    c as d,\n)\nimport e", &["1 a: b c", "5 e"]);
        check("import a; import b\r\nimport \\\n  c\nx = 1; import d", &["1 a", "1 b", "2 c"]);
        check("\u{feff}import a", &["1 a"]);
    }

    #[test]
    fn what_may_not_run_is_no_import() {
        check(
            "try:\n    import a\nexcept ImportError:\n    a = None\nif x:\n  import b\ndef f():\n\timport c",
            &[],
        );
        check(
            "'''\nimport a\n'''\n\"\"\"x\"\"\"\nx = [\nimport_b,\n'import c', \"\\\"\\\nimport d\"]\nimport e",
            &["9 e"],
        );
        check("\"\"\" \\\"\"\"\nimport a\n\"\"\"\nfromage = 1\nimports = 2\nfrom_x = 3\n", &[]);
        check("x = 'it''s'\nr'\\'\nimport a\n", &["3 a"]);
        check("import 1a\nimport\nfrom\nfrom x\nfrom import y\nimport é.ü", &["6 é.ü"]);
    }

    #[test]
    fn hostile_files_are_bounded() {
        check(&"(".repeat(100_000), &[]);
        check(&format!("'''{}", "\\\n".repeat(100_000)), &[]);
        assert_eq!(imports(&"import a\n".repeat(10_000)).len(), MOST);
        check(&format!("import {}", "a".repeat(1000)), &[]);
        check(&" ".repeat(LONGEST + 1), &[]);
    }

    #[test]
    fn the_module_of_an_error_is_found() {
        let check = |output: &str, expected: Option<&str>| assert_eq!(module_not_found(output), expected);
        let traceback = "Traceback (most recent call last):\n  File \"/app/main.py\", line 1, in <module>\n    import tkinter\n\
                         ModuleNotFoundError: No module named 'tkinter'\n";
        check(traceback, Some("tkinter"));
        check("  | ModuleNotFoundError: No module named 'a.b'; 'a' is not a package", Some("a.b"));
        check("ImportError: No module named six", Some("six"));
        check("ModuleNotFoundError: No module named '\u{1b}[31m'", None);
        check("ImportError: cannot import name 'x' from 'y'", None);
        check("No module named 'x'\n", None);
    }
}
