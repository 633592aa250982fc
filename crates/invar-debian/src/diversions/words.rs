//! Expanding words (POSIX.1-2017, Shell Command Language, section 2.6).
use invar_shell::{backticks, balanced};

use super::conditions::{Status, matches};
use super::evaluate::{DEEPEST, Evaluator, is_command};
use crate::program::{Command, program};

/// Words that are being put together.
#[derive(Default)]
struct Fields {
    done: Vec<Option<String>>,
    /// The one at hand: `None` before its first character.
    open: Option<Option<String>>,
}

impl Fields {
    fn push(&mut self, text: &str) {
        if let Some(open) = self.open.get_or_insert_with(|| Some(String::new())) {
            open.push_str(text);
        }
    }

    fn unknown(&mut self) {
        self.open = Some(None);
    }

    fn end(&mut self) {
        self.done.extend(self.open.take());
    }
}

impl Evaluator {
    /// The words that `raw` becomes; `None` for one that is unknown.
    pub(super) fn words(&mut self, raw: &str) -> Vec<Option<String>> {
        let mut fields = Fields::default();
        self.expand(raw, true, &mut fields);
        fields.end();
        fields.done
    }

    /// The text that `raw` becomes where it stays one word: in an assignment, or after `case`.
    pub(super) fn text(&mut self, raw: &str) -> Option<String> {
        let mut fields = Fields::default();
        self.expand(raw, false, &mut fields);
        fields.open.unwrap_or_else(|| Some(String::new()))
    }

    /// The pattern that `raw` becomes. Quoted characters that would be special are not told apart.
    pub(super) fn pattern(&mut self, raw: &str) -> Option<String> {
        self.text(raw)
    }

    fn expand(&mut self, raw: &str, split: bool, fields: &mut Fields) {
        let mut at = 0;
        let mut quoted = false;
        while let Some(character) = raw[at..].chars().next() {
            let next = at + character.len_utf8();
            at = match character {
                '\'' if !quoted => {
                    let end = raw[next..].find('\'').map_or(raw.len(), |length| next + length);
                    fields.push(&raw[next..end]);
                    (end + 1).min(raw.len())
                }
                '"' => {
                    quoted = !quoted;
                    fields.push("");
                    next
                }
                '\\' => {
                    let escaped = raw[next..].chars().next();
                    let end = next + escaped.map_or(0, char::len_utf8);
                    match escaped {
                        Some('\n') => {}
                        Some(escaped) if quoted && !"$`\"\\".contains(escaped) => fields.push(&raw[at..end]),
                        _ => fields.push(&raw[next..end]),
                    }
                    end
                }
                '$' | '`' if self.depth == DEEPEST => {
                    self.state.unread = true;
                    fields.unknown();
                    raw.len()
                }
                '$' | '`' => {
                    self.depth += 1;
                    let (value, end) = self.expansion(raw, at);
                    self.depth -= 1;
                    if &raw[at..end] == "$@" || &raw[at..end] == "$*" {
                        self.all_arguments(fields);
                        at = end;
                        continue;
                    }
                    match value {
                        None => fields.unknown(),
                        Some(value) if quoted || !split => fields.push(&value),
                        Some(value) => {
                            let blank = |text: char| text.is_ascii_whitespace();
                            if value.starts_with(blank) {
                                fields.end();
                            }
                            for (index, word) in value.split_ascii_whitespace().enumerate() {
                                if index > 0 {
                                    fields.end();
                                }
                                fields.push(word);
                            }
                            if value.ends_with(blank) {
                                fields.end();
                            }
                        }
                    }
                    end
                }
                // The files that a pattern stands for.
                '*' | '?' | '[' if !quoted && split && raw != "[" => {
                    fields.unknown();
                    next
                }
                _ => {
                    fields.push(&raw[at..next]);
                    next
                }
            };
        }
    }

    fn all_arguments(&mut self, fields: &mut Fields) {
        for (index, argument) in self.state.arguments.clone().iter().enumerate() {
            if index > 0 {
                fields.end();
            }
            match argument {
                Some(text) => fields.push(text),
                None => fields.unknown(),
            }
        }
    }

    /// The value of the expansion at `at`, and where it ends.
    fn expansion(&mut self, raw: &str, at: usize) -> (Option<String>, usize) {
        let bytes = &raw.as_bytes()[at..];
        match bytes {
            [b'`', ..] => {
                let end = backticks(raw, at).unwrap_or(raw.len());
                let inner = raw.get(at + 1..end.saturating_sub(1)).unwrap_or_default();
                (self.output(&inner.replace("\\`", "`")), end)
            }
            [_, b'(', b'(', ..] => (None, balanced(raw, at + 1, '(', ')').unwrap_or(raw.len())),
            [_, b'(', ..] => {
                let end = balanced(raw, at + 1, '(', ')').unwrap_or(raw.len());
                let inner = raw.get(at + 2..end.saturating_sub(1)).unwrap_or_default().to_owned();
                (self.output(&inner), end)
            }
            [_, b'{', ..] => {
                let end = balanced(raw, at + 1, '{', '}').unwrap_or(raw.len());
                let inner = raw.get(at + 2..end.saturating_sub(1)).unwrap_or_default().to_owned();
                (self.parameter(&inner), end)
            }
            [_, b'#', ..] => (Some(self.state.arguments.len().to_string()), at + 2),
            [_, b'@' | b'*', ..] => (None, at + 2),
            [_, b'?' | b'$' | b'!' | b'-', ..] => (None, at + 2),
            [_, digit, ..] if digit.is_ascii_digit() => (self.variable(&raw[at + 1..at + 2]), at + 2),
            _ => {
                let name: &str = &raw[at + 1..];
                let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(name.len());
                match end {
                    0 => (Some("$".to_owned()), at + 1),
                    _ => (self.variable(&name[..end]), at + 1 + end),
                }
            }
        }
    }

    fn variable(&self, name: &str) -> Option<String> {
        if let Ok(number @ 1..) = name.parse::<usize>() {
            return self.state.arguments.get(number - 1).cloned().unwrap_or_else(|| Some(String::new()));
        }
        match self.state.variables.get(name) {
            Some(value) => value.clone(),
            // The environment has names in capitals; what a script does not set of its own is empty.
            None => (!name.bytes().any(|byte| byte.is_ascii_uppercase())).then(String::new),
        }
    }

    /// `${inner}`.
    fn parameter(&mut self, inner: &str) -> Option<String> {
        let length = inner.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(inner.len());
        let (name, rest) = inner.split_at(length);
        let is_set = match name.parse::<usize>() {
            Ok(number) => number == 0 || number <= self.state.arguments.len(),
            Err(_) => self.state.variables.contains_key(name),
        };
        if rest.is_empty() {
            return self.variable(name);
        }
        let (operator, word) = match rest.strip_prefix(':') {
            Some(rest) => (rest.get(..1)?, rest.get(1..)?),
            None => match rest.get(..2) {
                Some(operator @ ("##" | "%%")) => (operator, &rest[2..]),
                _ => (rest.get(..1)?, rest.get(1..)?),
            },
        };
        let value = self.variable(name);
        let counts = match (rest.starts_with(':'), &value) {
            (true, Some(value)) => Some(!value.is_empty()),
            (true, None) => None,
            (false, _) => Some(is_set),
        };
        match operator {
            "-" | "=" | "?" => {
                if counts? {
                    value
                } else {
                    self.text(word)
                }
            }
            "+" => {
                if counts? {
                    self.text(word)
                } else {
                    Some(String::new())
                }
            }
            "#" | "##" | "%" | "%%" => {
                let (value, pattern) = (value?, self.text(word)?);
                trimmed(&value, &pattern, operator)
            }
            _ => None,
        }
    }

    /// What the commands print; `None` where that is unknown.
    fn output(&mut self, commands: &str) -> Option<String> {
        let commands = program(commands).ok()?;
        let [Command::Simple(words)] = &commands[..] else { return self.unknown_output(&commands) };
        let words: Vec<Option<String>> = words.iter().flat_map(|word| self.words(word)).collect();
        let (first, arguments) = words.split_first()?;
        let first = first.as_deref()?;
        let known: Option<Vec<String>> = arguments.iter().cloned().collect();
        if is_command(first, "dpkg-divert") {
            return self.divert_output(arguments);
        }
        match (first.rsplit('/').next()?, &known?[..]) {
            ("basename", [path]) => Some(path.trim_end_matches('/').rsplit('/').next()?.to_owned()),
            ("basename", [path, suffix]) => {
                let name = path.trim_end_matches('/').rsplit('/').next()?;
                Some(name.strip_suffix(suffix.as_str()).unwrap_or(name).to_owned())
            }
            ("dirname", [path]) => match path.trim_end_matches('/').rsplit_once('/') {
                None => Some(".".to_owned()),
                Some(("", _)) => Some("/".to_owned()),
                Some((above, _)) => Some(above.to_owned()),
            },
            ("echo", words) if !words.first().is_some_and(|word| word.starts_with('-')) => {
                Some(words.join(" "))
            }
            _ => self.unknown_output(&commands),
        }
    }

    /// What is run for its output may divert as well.
    fn unknown_output(&mut self, commands: &[Command]) -> Option<String> {
        let before = self.state.clone();
        self.list(commands);
        let after = std::mem::replace(&mut self.state, before);
        self.state.took_part_in(&after);
        None
    }
}

/// `value` without what `pattern` matches at its start or end: the shortest, or with a doubled `operator` the longest.
fn trimmed(value: &str, pattern: &str, operator: &str) -> Option<String> {
    let mut places: Vec<usize> = value.char_indices().map(|(at, _)| at).chain([value.len()]).collect();
    let prefix = operator.starts_with('#');
    if prefix == (operator.len() == 2) {
        places.reverse();
    }
    for at in places {
        let (removed, kept) =
            if prefix { (&value[..at], &value[at..]) } else { (&value[at..], &value[..at]) };
        match matches(pattern, removed) {
            Status::Success => return Some(kept.to_owned()),
            Status::Failure => {}
            Status::Unknown => return None,
        }
    }
    Some(value.to_owned())
}
