//! A Python file as far as it shows what runs: its logical lines, imports, assignments and calls.
//!
//! The lexical rules are those of the Python reference, chapter 2: comments, strings with their prefixes, and lines that
//! are joined by a backslash or by open brackets. Nothing is evaluated, and nothing that is broken is an error: what
//! cannot be read says nothing.

/// The deepest nesting of brackets that joins lines: a file that never closes them is not one line.
const LONGEST_LINE: usize = 64 << 10;

/// A logical line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// The columns before it.
    pub indent: usize,
    /// The line in the file, from 1.
    pub number: usize,
    /// The line without comments, on one line.
    pub text: String,
    /// The same, with blanks for what is inside quotes: what is found here is code.
    code: String,
}

/// A call, as `NAME(ARGUMENTS)` has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call<'a> {
    /// What is called, with its dots: `uvicorn.run`.
    pub name: &'a str,
    /// The arguments, each with its name, if it has one.
    pub arguments: Vec<(Option<&'a str>, &'a str)>,
    /// The line that it is in.
    pub line: &'a Line,
}

/// What an `import` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Import {
    /// How many dots come before the module.
    pub dots: usize,
    /// The module: `a.b` in `import a.b` and `from a.b import c`.
    pub module: String,
    /// What is imported from it; empty for `import a.b`.
    pub names: Vec<String>,
}

/// A Python file.
#[derive(Debug)]
pub(super) struct PythonFile<'a> {
    /// The path in the project.
    pub path: &'a str,
    /// Its logical lines.
    pub lines: Vec<Line>,
    /// What it imports, wherever that is in it.
    imports: Vec<Import>,
}

impl<'a> PythonFile<'a> {
    pub fn parse(path: &'a str, text: &str) -> Self {
        let lines = lines(text);
        let imports = lines.iter().flat_map(Line::imports).collect();
        Self { path, lines, imports }
    }

    /// The folder of the file, without a slash at the end.
    pub fn directory(&self) -> &'a str {
        self.path.rsplit_once('/').map_or("", |(directory, _)| directory)
    }

    /// The file's name without the ending.
    pub fn stem(&self) -> &'a str {
        let name = self.path.rsplit('/').next().unwrap_or(self.path);
        name.strip_suffix(".py").unwrap_or(name)
    }

    /// Whether the file does something only when it is run.
    pub fn has_guard(&self) -> bool {
        self.lines.iter().any(|line| {
            let condition = line.text.strip_prefix("if").map(str::trim_start);
            line.indent == 0
                && condition.is_some_and(|text| text.trim_start_matches('(').starts_with("__name__"))
        })
    }

    /// Whether the file does something besides defining names.
    pub fn does_something(&self) -> bool {
        let defines = ["@", "async def ", "class ", "def ", "from ", "import ", "try:", "except", "\"", "'"];
        let is_plain = |line: &&Line| {
            line.indent == 0
                && !defines.iter().any(|word| line.text.starts_with(word))
                && line.assigned().is_none()
        };
        self.lines.iter().any(|line| is_plain(&line))
    }

    /// What is imported, wherever that is in the file.
    pub fn imports(&self) -> impl Iterator<Item = &Import> {
        self.imports.iter()
    }

    /// Whether the module `module`, or something in it, is imported.
    pub fn uses(&self, module: &str) -> bool {
        self.imports().any(|import| {
            let rest = import.module.strip_prefix(module);
            import.dots == 0 && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    }

    /// The calls of what ends with one of `names`: of `uvicorn.run` for `uvicorn.run` and `.run`.
    pub fn calls<'s>(&'s self, names: &'s [&'s str]) -> impl Iterator<Item = Call<'s>> {
        self.lines.iter().flat_map(move |line| line.calls(names))
    }
}

impl Line {
    /// The name and the value of a plain assignment: `name = value`, `name: type = value`.
    pub fn assigned(&self) -> Option<(&str, &str)> {
        let end = self.text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(self.text.len());
        let (name, rest) = self.text.split_at(end);
        let offset = match rest.trim_start().strip_prefix(':') {
            Some(_) => self.code[end..].find('=')? + end,
            None => end + rest.find('=').filter(|at| rest[..*at].trim().is_empty())?,
        };
        let value = self.text.get(offset + 1..)?;
        (!name.is_empty() && !value.starts_with('=')).then(|| (name, value.trim()))
    }

    /// The name of the function that the line defines, with its parameters.
    pub fn function(&self) -> Option<(&str, &str)> {
        let rest = self.text.strip_prefix("async ").unwrap_or(&self.text).strip_prefix("def ")?;
        let (name, rest) = rest.split_once('(')?;
        let end = rest.rfind(')')?;
        Some((name.trim(), &rest[..end]))
    }

    fn imports(&self) -> Vec<Import> {
        let (module, names) = if let Some(rest) = self.text.strip_prefix("from ") {
            let Some((module, names)) = rest.split_once(" import ").or(rest.split_once(" import(")) else {
                return Vec::new();
            };
            (vec![module], split(names.trim_matches(['(', ')', ' '])))
        } else if let Some(rest) = self.text.strip_prefix("import ") {
            (split(rest), Vec::new())
        } else {
            return Vec::new();
        };
        let first = |text: &str| text.split_whitespace().next().unwrap_or_default().to_owned();
        let import = |module: &str| {
            let module = first(module);
            let dots = module.len() - module.trim_start_matches('.').len();
            let names = names.iter().map(|name| first(name)).collect();
            Import { dots, module: module[dots..].to_owned(), names }
        };
        module.into_iter().map(import).collect()
    }

    /// The calls of what ends with one of `names`.
    pub fn calls<'s>(&'s self, names: &'s [&'s str]) -> Vec<Call<'s>> {
        let mut found = Vec::new();
        for (open, _) in self.code.match_indices('(') {
            let before = self.code[..open].trim_end();
            let is_of_name = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
            let start = before.char_indices().rev().take_while(|(_, c)| is_of_name(*c)).last();
            let Some((start, _)) = start else { continue };
            let name = &self.text[start..before.len()];
            let is_one = |wanted: &&str| {
                name == *wanted
                    || name
                        .strip_suffix(*wanted)
                        .is_some_and(|rest| wanted.starts_with('.') || rest.ends_with('.'))
            };
            let defines = ["def", "class"].iter().any(|word| before[..start].trim_end().ends_with(word));
            if defines || !names.iter().any(|wanted| is_one(wanted)) {
                continue;
            }
            let Some(end) = closing(&self.code[open..]) else { continue };
            let inside = open + 1..open + end;
            let arguments = parts(&self.code[inside.clone()])
                .into_iter()
                .map(|part| &self.text[inside.start + part.start..inside.start + part.end])
                .map(argument)
                .filter(|(_, value)| !value.is_empty())
                .collect();
            found.push(Call { name, arguments, line: self });
        }
        found
    }
}

impl<'a> Call<'a> {
    /// The argument of the name `name`.
    pub fn named(&self, name: &str) -> Option<&'a str> {
        self.arguments.iter().find(|(found, _)| *found == Some(name)).map(|(_, value)| *value)
    }

    /// The argument at `at` of those without a name.
    pub fn at(&self, at: usize) -> Option<&'a str> {
        self.arguments.iter().filter(|(name, _)| name.is_none()).nth(at).map(|(_, value)| *value)
    }
}

/// The text in quotes that `value` is, without its prefix.
pub(super) fn quoted(value: &str) -> Option<&str> {
    let value = value.trim();
    let start = value.find(['"', '\''])?;
    let is_prefix = value[..start].chars().all(|c| "rRuUfFbB".contains(c));
    let quote = &value[start..=start];
    let inner = value[start + 1..].strip_suffix(quote)?;
    (is_prefix && !inner.contains(quote)).then_some(inner)
}

/// The parts of a list between commas.
fn split(list: &str) -> Vec<&str> {
    list.split(',').map(str::trim).filter(|name| !name.is_empty()).collect()
}

/// An argument and its name.
fn argument(text: &str) -> (Option<&str>, &str) {
    let text = text.trim();
    let named = text.split_once('=').filter(|(name, value)| {
        !value.starts_with('=')
            && !name.is_empty()
            && name.trim().chars().all(|c| c.is_alphanumeric() || c == '_')
    });
    match named {
        Some((name, value)) => (Some(name.trim()), value.trim()),
        None => (None, text),
    }
}

/// Where the bracket that `code` starts with is closed.
fn closing(code: &str) -> Option<usize> {
    let mut depth = 0_usize;
    code.char_indices().find_map(|(at, c)| {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        (depth == 0).then_some(at)
    })
}

/// The parts of `code` between commas that are in no bracket.
pub(super) fn parts(code: &str) -> Vec<std::ops::Range<usize>> {
    let (mut found, mut start, mut depth) = (Vec::new(), 0, 0_usize);
    for (at, c) in code.char_indices() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                found.push(start..at);
                start = at + 1;
            }
            _ => {}
        }
    }
    found.push(start..code.len());
    found
}

/// The logical lines of `text`.
fn lines(text: &str) -> Vec<Line> {
    let mut found = Vec::new();
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut number = 1;
    // The indent of the line that a semicolon divides.
    let mut divided = None;
    while !rest.is_empty() {
        let content = rest.trim_start_matches([' ', '\t', '\u{c}']);
        let indent = divided.unwrap_or(rest.len() - content.len());
        let (line, length) = logical(content, indent, number);
        number += content[..length].matches('\n').count();
        rest = &content[length..];
        divided = content[..length].ends_with(';').then_some(indent);
        if !line.text.is_empty() {
            found.push(line);
        }
    }
    found
}

/// The logical line that `content` starts with, and its length with the end of the line.
fn logical(content: &str, indent: usize, number: usize) -> (Line, usize) {
    let (mut text, mut code) = (String::new(), String::new());
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(c) = content[at..].chars().next() {
        let length = c.len_utf8();
        match c {
            '#' => {
                at += content[at..].find('\n').unwrap_or(content.len() - at);
                continue;
            }
            '"' | '\'' => {
                let string = string(&content[at..]);
                // The length stays the same, so that places in the one are places in the other.
                let shown: String = content[at..at + string].replace(['\n', '\r'], " ");
                code.push(c);
                code.extend(std::iter::repeat_n(' ', shown.len().saturating_sub(2)));
                code.push(if string > 1 { c } else { ' ' });
                if string == 1 {
                    code.pop();
                }
                text.push_str(&shown);
                at += string;
                continue;
            }
            '\\' if content[at + 1..].starts_with(['\n', '\r']) => {
                let end = content[at..].find('\n').map_or(content.len() - at, |end| end + 1);
                text.push(' ');
                code.push(' ');
                at += end;
                continue;
            }
            '\n' if depth == 0 || text.len() > LONGEST_LINE => {
                at += 1;
                break;
            }
            // What follows the colon of a compound statement belongs to it.
            ';' if depth == 0 && !is_compound(&text) => {
                at += 1;
                break;
            }
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        let shown = if c.is_control() || c == '\t' { ' ' } else { c };
        text.push(shown);
        code.push(shown);
        at += length;
    }
    let kept = text.trim_end().len();
    text.truncate(kept);
    code.truncate(kept);
    (Line { indent, number, text, code }, at)
}

/// Whether `text` starts a statement that others can follow on its line.
fn is_compound(text: &str) -> bool {
    let word = text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    let words = [
        "async", "case", "class", "def", "elif", "else", "except", "finally", "for", "if", "match", "try",
        "while", "with",
    ];
    words.contains(&word)
}

/// The length of the string that `content` starts with, with its quotes; to the end of the line where it has none.
fn string(content: &str) -> usize {
    let quote = &content[..1];
    let triple = quote.repeat(3);
    let (open, is_long) = if content.starts_with(&triple) { (triple.as_str(), true) } else { (quote, false) };
    let mut at = open.len();
    while let Some(c) = content[at..].chars().next() {
        if content[at..].starts_with(open) {
            return at + open.len();
        }
        match c {
            '\n' if !is_long => return at,
            '\\' => {
                at += 1;
                at += content[at..].chars().next().map_or(0, char::len_utf8);
            }
            _ => at += c.len_utf8(),
        }
    }
    content.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn semicolons_divide_lines() {
        let text = "import a, b; print(\"x;y\", [1, 2]);\n  c = 1 ; d = 2\nif x: e(); f()\ng()\n";
        let file = PythonFile::parse("a.py", text);
        let shown: Vec<String> =
            file.lines.iter().map(|line| format!("{}:{}:{}", line.number, line.indent, line.text)).collect();
        let expected = [
            "1:0:import a, b",
            "1:0:print(\"x;y\", [1, 2])",
            "2:2:c = 1",
            "2:2:d = 2",
            "3:0:if x: e(); f()",
            "4:0:g()",
        ];
        assert_eq!(shown, expected);
        assert!(file.does_something());
        assert!(!PythonFile::parse("a.py", "import a; from b import c\n").does_something());
    }

    #[test]
    fn lines_are_logical() {
        let text = "# x\nimport a, b.c as d  # y\nfrom .e import (\n    f,  # z\n    g as h,\n)\n\nx = '''(\n# no'''\n\
            if __name__ == \"__main__\":\n    run(\"a, (b\", port=8_0, *c,\n        host=f(1, 2))\ny = 1 + \\\n  2\n";
        let file = PythonFile::parse("a/b.py", text);
        let shown: Vec<String> =
            file.lines.iter().map(|line| format!("{}:{}:{}", line.number, line.indent, line.text)).collect();
        assert_eq!(
            shown,
            [
                "2:0:import a, b.c as d",
                "3:0:from .e import (     f,       g as h, )",
                "8:0:x = '''( # no'''",
                "10:0:if __name__ == \"__main__\":",
                "11:4:run(\"a, (b\", port=8_0, *c,         host=f(1, 2))",
                "13:0:y = 1 +    2",
            ]
        );
        let imports: Vec<String> =
            file.imports().map(|it| format!("{}{} {}", it.dots, it.module, it.names.join(" "))).collect();
        assert_eq!(imports, ["0a ", "0b.c ", "1e f g"]);
        assert!(file.has_guard() && file.uses("b") && !file.uses("c"));
        let call = file.calls(&["run"]).next().expect("there is one");
        assert_eq!(
            call.arguments,
            [(None, "\"a, (b\""), (Some("port"), "8_0"), (None, "*c"), (Some("host"), "f(1, 2)")]
        );
    }

    #[test]
    fn calls_are_found_by_the_end_of_their_names() {
        let file = PythonFile::parse(
            "a.py",
            "def run(a): pass\nx = a.uvicorn.run(y) + rerun(z) + \"uvicorn.run(q)\" + app.run()\n",
        );
        let found = |names: &[&str]| file.calls(names).map(|call| call.name.to_owned()).collect::<Vec<_>>();
        assert_eq!(found(&["uvicorn.run"]), ["a.uvicorn.run"]);
        assert_eq!(found(&[".run"]), ["a.uvicorn.run", "app.run"]);
        assert_eq!(found(&["run"]), ["a.uvicorn.run", "app.run"]);
    }

    #[test]
    fn assignments_may_have_types() {
        let check = |text: &str, expected: Option<(&str, &str)>| {
            let file = PythonFile::parse("a.py", text);
            assert_eq!(file.lines.first().and_then(Line::assigned), expected, "{text}");
        };
        check("app = FastAPI()", Some(("app", "FastAPI()")));
        check("app: \"X=1\" = FastAPI(a='b')", Some(("app", "FastAPI(a='b')")));
        check("a == b", None);
        check("a.b = c", None);
        check("a, b = c", None);
        check("if a: b = c", None);
        check("x: int", None);
    }

    #[test]
    fn broken_files_say_nothing() {
        for text in ["'''", "(\n(\n(", "x = '", "\\", "\u{feff}#", "a(\"", "\"\\", "é = 'é", "(é"] {
            let file = PythonFile::parse("a.py", text);
            assert!(file.calls(&["x"]).count() == 0 && file.imports().count() == 0, "{text}");
            assert!(file.lines.iter().all(|line| line.text.len() == line.code.len()), "{text}");
        }
        assert_eq!(quoted("f\"a\""), Some("a"));
        assert_eq!(quoted("'a' + 'b'"), None);
        assert_eq!(quoted("x"), None);
    }
}
