//! The commands with which a shell script starts, as far as they are certain.
use std::ops::Range;

use invar_shell::{
    Dialect, Quoting, WordReader, backticks, balanced, blanks, is_redirection, operator, word,
};

/// The longest script that is read, in bytes.
const LONGEST: usize = 16 << 10;

/// The most commands of one script that are looked at.
const MOST: usize = 32;

const DIALECT: Dialect = Dialect { process_substitution: true, carriage_returns: false };

/// Words after which the rest is run only sometimes, or is another language.
const COMPOUND: [&str; 14] = [
    "if", "while", "until", "for", "case", "select", "function", "{", "}", "!", "[[", "((", "coproc", "trap",
];

/// What the shell does itself.
const BUILTINS: [&str; 33] = [
    ":", ".", "[", "alias", "bg", "cd", "command", "echo", "eval", "exit", "export", "false", "fg",
    "getopts", "hash", "jobs", "kill", "local", "printf", "pwd", "read", "readonly", "return", "set",
    "shift", "shopt", "source", "test", "times", "true", "type", "ulimit", "umask",
];
const MORE_BUILTINS: [&str; 4] = ["declare", "unalias", "unset", "wait"];

/// Commands by which the shell becomes, or merely starts, what follows.
const PREFIXES: [&str; 2] = ["exec", "time"];

/// The words of each command that is run whatever the others do, up to the first word that is not certain. A command of
/// which not even the program is certain is left out.
pub(super) fn commands(script: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    if script.len() > LONGEST {
        return found;
    }
    let mut at = 0;
    while at < script.len() && found.len() < MOST {
        let Some((words, next)) = command(script, at) else { return found };
        let ended = words.first().cloned();
        if let Some(first) = words.first() {
            // What is named from here on may be elsewhere.
            if ["cd", "pushd", "eval", ".", "source", "exit", "return"].contains(&first.as_str()) {
                return found;
            }
            if !BUILTINS.contains(&first.as_str()) && !MORE_BUILTINS.contains(&first.as_str()) {
                found.push(words);
            }
        }
        let rest = &script[next..];
        let mark = match rest.chars().next() {
            None => return found,
            Some('\n') => "\n",
            Some(_) => match operator(rest) {
                Some(mark) => mark,
                None => return found,
            },
        };
        let is_program = ended.is_some_and(|first| {
            !BUILTINS.contains(&first.as_str()) && !MORE_BUILTINS.contains(&first.as_str())
        });
        match mark {
            "&&" | "|" => {}
            // A failure does not end the script, so what comes next may have been meant in its place.
            ";" | "\n" | "&" if !is_program => {}
            _ => return found,
        }
        at = next + mark.len();
    }
    found
}

/// The words of the command at `at`, and where it ends. `None` where the shell's grammar begins.
fn command(script: &str, at: usize) -> Option<(Vec<String>, usize)> {
    let mut words: Vec<String> = Vec::new();
    let (mut at, mut certain) = (at, true);
    loop {
        at += blanks(&script[at..], DIALECT);
        let rest = &script[at..];
        if rest.starts_with('#') {
            at += invar_shell::line_length(rest);
            return Some((words, at));
        }
        if let Some(mark) = operator(rest).filter(|mark| is_redirection(mark)) {
            if mark.starts_with("<<") {
                return None;
            }
            at += mark.len();
            at += blanks(&script[at..], DIALECT);
            at = word(script, at, DIALECT, &mut Words::new(script));
            continue;
        }
        if rest.is_empty() || rest.starts_with('\n') || operator(rest).is_some() {
            if rest.starts_with(['(', ')']) {
                return None;
            }
            return Some((words, at));
        }
        let mut reader = Words::new(script);
        let end = word(script, at, DIALECT, &mut reader);
        if end == at || reader.unclosed {
            return None;
        }
        at = end;
        // The number of a descriptor, before its redirection.
        let is_number = reader.text.bytes().all(|byte| byte.is_ascii_digit());
        if is_number && !reader.quoted && script[at..].starts_with(['<', '>']) {
            continue;
        }
        if words.is_empty() {
            if !reader.quoted && COMPOUND.contains(&reader.text.as_str()) {
                return None;
            }
            // Variables, and what the shell becomes, come before the program.
            let is_assignment = reader.text.split_once('=').is_some_and(|(name, _)| {
                !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            });
            if certain && (is_assignment || PREFIXES.contains(&reader.text.as_str())) {
                continue;
            }
        }
        certain &= !reader.expanded && !reader.pattern;
        if certain {
            words.push(reader.text);
        }
    }
}

/// The text of a word, and whether it is certain.
struct Words<'a> {
    script: &'a str,
    text: String,
    quoted: bool,
    expanded: bool,
    pattern: bool,
    unclosed: bool,
}

impl<'a> Words<'a> {
    fn new(script: &'a str) -> Self {
        Self { script, text: String::new(), quoted: false, expanded: false, pattern: false, unclosed: false }
    }
}

impl WordReader for Words<'_> {
    fn literal(&mut self, range: Range<usize>, quoting: Quoting) {
        let text = &self.script[range];
        match quoting {
            Quoting::Plain => self.pattern |= text.contains(['*', '?', '[', '~', '{']) && text != "[",
            Quoting::Quoted => self.quoted = true,
        }
        self.text.push_str(text);
    }

    fn expansion(&mut self, at: usize) -> usize {
        self.expanded = true;
        let rest = &self.script[at..];
        let end = if rest.starts_with('`') {
            backticks(self.script, at)
        } else if rest.starts_with("$(") || rest.starts_with("<(") || rest.starts_with(">(") {
            balanced(self.script, at + 1, '(', ')')
        } else if rest.starts_with("${") {
            balanced(self.script, at + 1, '{', '}')
        } else {
            let name = rest[1..].find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            let length = name.unwrap_or(rest.len() - 1);
            let next = rest[1..].chars().next().map_or(0, char::len_utf8);
            return at + 1 + if length == 0 { next } else { length };
        };
        end.unwrap_or(self.script.len())
    }

    fn unclosed(&mut self, _: char) {
        self.unclosed = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_that_are_run_for_certain_are_found() {
        let check = |script: &str, expected: &str| {
            let found: Vec<String> = commands(script).iter().map(|words| words.join(" ")).collect();
            assert_eq!(found.join(" | "), expected, "{script:?}");
        };
        check("python main.py", "python main.py");
        check("exec gunicorn -b :$PORT app:app", "gunicorn -b");
        check("A=1 B='x y' uvicorn main:app", "uvicorn main:app");
        check(
            "python manage.py migrate && exec gunicorn x.wsgi",
            "python manage.py migrate | gunicorn x.wsgi",
        );
        check("set -e; python a.py; python b.py", "python a.py");
        check("python a.py || python b.py", "python a.py");
        check("cd /srv && python a.py", "");
        check("if true; then python a.py; fi", "");
        check("\"$PROGRAM\" x && python a.py", "python a.py");
        check("$(which python) a.py", "");
        check("python 'a b.py' > /dev/null 2>&1", "python a b.py");
        check("cat <<EOF\nx\nEOF", "");
        check("python a.py # it's a comment", "python a.py");
        check("[[ -z \"$X\" ]] && exec python a.py", "");
        check("test -f x && python a.py", "python a.py");
        check("echo 'unclosed", "");
        check("ls *.py", "ls");
        check("${A:-b} c; `x`", "");
        check("$", "");
    }
}
