//! What the words of a command come to: variables, braces, patterns.
//!
//! Characters that mean something only without quotes are kept apart from those in quotes by taking their places in a
//! private area of Unicode until patterns have been matched.
use std::collections::BTreeMap;

use invar_dockerfile::{Scope, Script, ShellPart, ShellWord};

use super::files::{Files, absolute, base, parent};

/// How many words one word can become.
const WORDS: usize = 2_000;
/// Bytes that one command's words can come to.
const BYTES: usize = 1 << 18;
/// The signs that mean something only outside quotes, each with its stand-in.
const SIGNS: [(char, char); 6] = [
    ('*', '\u{e000}'),
    ('?', '\u{e001}'),
    ('[', '\u{e002}'),
    ('{', '\u{e003}'),
    (',', '\u{e004}'),
    ('}', '\u{e005}'),
];
const OPEN: char = SIGNS[3].1;
const COMMA: char = SIGNS[4].1;
const CLOSE: char = SIGNS[5].1;

/// The variables that are known.
#[derive(Debug, Clone, Default)]
pub(super) struct Variables {
    texts: BTreeMap<String, Option<String>>,
    arrays: BTreeMap<String, Vec<String>>,
    bytes: usize,
}

impl Variables {
    pub(super) fn new(
        texts: &BTreeMap<String, Option<String>>,
        arrays: &BTreeMap<String, Vec<String>>,
    ) -> Self {
        Self { texts: texts.clone(), arrays: arrays.clone(), bytes: 0 }
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.texts.get(name)?.as_deref()
    }

    /// Whether it has a value, known or not.
    pub(super) fn has(&self, name: &str) -> bool {
        self.texts.contains_key(name) || self.arrays.contains_key(name)
    }

    /// Gives it a value; one that is unknown if all of them would be too long.
    pub(super) fn set(&mut self, name: &str, value: Option<String>) {
        self.bytes += name.len() + value.as_ref().map_or(0, String::len);
        let value = value.filter(|_| self.bytes <= BYTES * 4);
        self.arrays.remove(name);
        self.texts.insert(name.to_owned(), value);
    }

    pub(super) fn unset(&mut self, name: &str) {
        self.texts.remove(name);
        self.arrays.remove(name);
    }

    pub(super) fn add_to_array(&mut self, name: &str, values: Vec<String>, appends: bool) {
        let old = self.arrays.remove(name);
        let mut list = if appends {
            let text = self.get(name).map(|text| text.split_whitespace().map(str::to_owned).collect());
            old.or(text).unwrap_or_default()
        } else {
            Vec::new()
        };
        self.bytes += values.iter().map(String::len).sum::<usize>();
        if self.bytes <= BYTES * 4 {
            list.extend(values);
        }
        self.texts.remove(name);
        self.arrays.insert(name.to_owned(), list);
    }
}

/// Expands words, in a directory, with variables.
pub(super) struct Expander<'a, 'b> {
    pub(super) variables: &'a Variables,
    pub(super) files: &'a Files<'b>,
    pub(super) directory: &'a str,
    /// The text that the words are in.
    pub(super) text: &'a str,
}

/// Why a word has no known value: the variable or command in it.
pub(super) type Unknown = String;

impl Expander<'_, '_> {
    /// The words that `words` come to.
    ///
    /// # Errors
    /// The variable or command that is unknown.
    pub(super) fn words(&self, words: &[ShellWord]) -> Result<Vec<String>, Unknown> {
        let mut all = Vec::new();
        let mut bytes = 0;
        for word in words {
            for field in self.fields(word)? {
                for field in braces(field) {
                    for word in self.matches(&field) {
                        bytes += word.len();
                        if bytes > BYTES || all.len() > WORDS {
                            return Err("unbounded words".to_owned());
                        }
                        all.push(word);
                    }
                }
            }
        }
        Ok(all)
    }

    /// What `word` comes to as one: in an assignment, or the target of a redirection.
    pub(super) fn one(&self, word: &ShellWord) -> Result<String, Unknown> {
        let mut all = String::new();
        for part in &word.parts {
            match part {
                ShellPart::Literal(text) => all.push_str(text),
                ShellPart::Name { name, text } => match self.array(name, text) {
                    Some(values) => all.push_str(&values.join(" ")),
                    None => all.push_str(&self.variable(text)?),
                },
                ShellPart::Command(script) => all.push_str(&self.output(script)?),
            }
            if all.len() > BYTES {
                return Err("unbounded text".to_owned());
            }
        }
        Ok(all)
    }

    /// A text with variables in it, such as a here-document.
    pub(super) fn names_in(&self, text: &str) -> Result<String, Unknown> {
        let scope = self.scope(text);
        let expansion = scope.expand_names(text, '\\').map_err(|fault| fault.to_string())?;
        if text.contains("$(") || has_backtick(text) {
            return Err("the output of a command".to_owned());
        }
        match expansion.missing.into_iter().next() {
            Some(missing) => Err(format!("${missing}")),
            None => Ok(expansion.text.replace("\\\\", "\\").replace("\\`", "`")),
        }
    }

    /// The fields that a word splits into, with stand-ins for the signs outside quotes.
    fn fields(&self, word: &ShellWord) -> Result<Vec<String>, Unknown> {
        let commands = word.scripts().count();
        let known: usize = word.parts.iter().map(|part| part_length(part).unwrap_or_default()).sum();
        let command_length = word.as_str().len().saturating_sub(known);
        if commands > 1 {
            return Err("the output of several commands".to_owned());
        }
        let quoted = Quotes::of(self.text, word);
        let (mut fields, mut current, mut started) = (Vec::new(), String::new(), word.quoted);
        let mut at = 0;
        for part in &word.parts {
            let is_quoted = quoted.is(word.text.source(at));
            let value = match part {
                ShellPart::Literal(text) => {
                    for (offset, character) in text.char_indices() {
                        let is_quoted = quoted.is(word.text.source(at + offset));
                        let sign = SIGNS.iter().find(|(sign, _)| *sign == character && !is_quoted);
                        current.push(sign.map_or(character, |(_, stand_in)| *stand_in));
                    }
                    started |= !text.is_empty();
                    at += text.len();
                    continue;
                }
                ShellPart::Name { name, text } => {
                    at += text.len();
                    if let Some(values) = self.array(name, text) {
                        let mut values = values.into_iter();
                        if let Some(first) = values.next() {
                            current.push_str(&first);
                            started = true;
                        } else if current.is_empty() && word.parts.len() == 1 {
                            started = false;
                        }
                        for value in values {
                            fields.push(std::mem::replace(&mut current, value));
                        }
                        continue;
                    }
                    self.variable(text)?
                }
                ShellPart::Command(script) => {
                    at += command_length;
                    self.output(script)?
                }
            };
            if current.len() + value.len() > BYTES {
                return Err("unbounded text".to_owned());
            }
            if is_quoted {
                current.push_str(&value);
                started = true;
                continue;
            }
            let mut pieces = value.split([' ', '\t', '\n']).peekable();
            while let Some(piece) = pieces.next() {
                for character in piece.chars() {
                    let sign = SIGNS[..3].iter().find(|(sign, _)| *sign == character);
                    current.push(sign.map_or(character, |(_, stand_in)| *stand_in));
                }
                started |= !piece.is_empty();
                if pieces.peek().is_some() && started {
                    fields.push(std::mem::take(&mut current));
                    started = false;
                }
            }
        }
        if started {
            fields.push(current);
        }
        Ok(fields)
    }

    /// The elements of `${NAME[@]}`, or of `$NAME` if it is an array.
    fn array(&self, name: &str, text: &str) -> Option<Vec<String>> {
        if text.contains("[@]") || text.contains("[*]") {
            let text = self.variables.get(name);
            let of_text = || text.map(|text| text.split_whitespace().map(str::to_owned).collect());
            // Arrays that nothing fills are empty: hooks of packages add to them.
            return Some(self.variables.arrays.get(name).cloned().or_else(of_text).unwrap_or_default());
        }
        self.variables.arrays.get(name).cloned()
    }

    fn variable(&self, text: &str) -> Result<String, Unknown> {
        let expansion = self.scope(text).expand(text, '\\').map_err(|_| text.to_owned())?;
        match expansion.missing.into_iter().next() {
            Some(missing) => Err(format!("${missing}")),
            None => Ok(expansion.text),
        }
    }

    /// The variables whose names are in `text`.
    fn scope(&self, text: &str) -> Scope {
        let mut scope = Scope::default();
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        for name in text.split(|c: char| !is_name(c)).filter(|name| !name.is_empty()) {
            if scope.get(name).is_some() {
                continue;
            }
            if name == "PWD" && !self.variables.has("PWD") {
                scope.set_env(name, Some(self.directory.to_owned()));
            } else if let Some(value) = self.variables.get(name) {
                scope.set_env(name, Some(value.to_owned()));
            }
        }
        scope
    }

    /// What the commands of `$(...)` print, for the few that are known.
    fn output(&self, script: &Script) -> Result<String, Unknown> {
        let unknown = || {
            let words: Vec<&str> =
                script.commands.iter().flat_map(|c| &c.words).map(|w| w.as_str()).collect();
            Err(format!("the output of `{}`", words.join(" ")))
        };
        let [command] = script.commands.as_slice() else { return unknown() };
        let words = self.words(&command.words)?;
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["pwd"] => Ok(self.directory.to_owned()),
            ["basename", path] => Ok(base(path).to_owned()),
            ["basename", path, suffix] => {
                let name = base(path);
                Ok(name.strip_suffix(suffix).unwrap_or(name).to_owned())
            }
            ["dirname", path] if path.starts_with('/') => Ok(parent(path).to_owned()),
            ["dirname", path] => Ok(path.rsplit_once('/').map_or(".", |(before, _)| before).to_owned()),
            ["realpath" | "readlink", .., path] if !path.starts_with('-') => {
                Ok(absolute(self.directory, path))
            }
            ["echo", rest @ ..] if !rest.first().is_some_and(|first| first.starts_with('-')) => {
                Ok(rest.join(" "))
            }
            _ => unknown(),
        }
    }

    /// The paths that a pattern matches, or the word itself.
    fn matches(&self, field: &str) -> Vec<String> {
        if !SIGNS[..3].iter().any(|(_, stand_in)| field.contains(*stand_in)) {
            return vec![plain(field)];
        }
        let mut found = vec![String::new()];
        let parts: Vec<&str> = field.split('/').collect();
        for (number, part) in parts.iter().enumerate() {
            let mut next = Vec::new();
            for before in found {
                let before = if number > 0 { format!("{before}/") } else { before };
                if !SIGNS[..3].iter().any(|(_, stand_in)| part.contains(*stand_in)) {
                    next.push(before + &plain(part));
                    continue;
                }
                let directory = absolute(self.directory, &before);
                // Of a package that is unknown, the pattern itself stands for what it matches.
                let Some(names) = self.files.names(&directory) else { return vec![plain(field)] };
                let names = names.into_iter().filter(|name| pattern_matches(part, name));
                next.extend(names.map(|name| format!("{before}{name}")));
            }
            if next.len() > WORDS {
                return vec![plain(field)];
            }
            found = next;
        }
        // What follows the pattern has to be there, too.
        let is_there = |word: &String| {
            let path = absolute(self.directory, word);
            let name = base(&path).to_owned();
            self.files.names(parent(&path)).is_none_or(|names| names.contains(&name))
        };
        found.retain(is_there);
        if found.is_empty() { vec![plain(field)] } else { found }
    }
}

/// How many bytes a part takes of its word's text.
fn part_length(part: &ShellPart) -> Option<usize> {
    match part {
        ShellPart::Literal(text) | ShellPart::Name { text, .. } => Some(text.len()),
        ShellPart::Command(_) => None,
    }
}

fn has_backtick(text: &str) -> bool {
    text.replace("\\`", "").contains('`')
}

/// The field with its signs in place of the stand-ins.
fn plain(field: &str) -> String {
    let sign = |c: char| SIGNS.iter().find(|(_, stand_in)| *stand_in == c).map_or(c, |(sign, _)| *sign);
    field.chars().map(sign).collect()
}

/// `a{b,c}d` as `abd` and `acd`.
fn braces(field: String) -> Vec<String> {
    let mut open = vec![field];
    let mut done = Vec::new();
    while let Some(field) = open.pop() {
        match alternatives(&field).filter(|_| open.len() + done.len() < WORDS) {
            Some(fields) => open.extend(fields.into_iter().rev()),
            None => done.push(field),
        }
    }
    done
}

fn alternatives(field: &str) -> Option<Vec<String>> {
    for (start, _) in field.char_indices().filter(|(_, c)| *c == OPEN) {
        let (mut depth, mut cuts) = (0_usize, vec![start]);
        for (at, character) in field[start..].char_indices().map(|(at, c)| (start + at, c)) {
            match character {
                OPEN => depth += 1,
                COMMA if depth == 1 => cuts.push(at),
                CLOSE => {
                    depth -= 1;
                    if depth > 0 {
                        continue;
                    }
                    if cuts.len() == 1 {
                        break;
                    }
                    cuts.push(at);
                    let (before, after) = (&field[..start], &field[at + CLOSE.len_utf8()..]);
                    let inside = cuts.windows(2).map(|cut| &field[cut[0] + COMMA.len_utf8()..cut[1]]);
                    return Some(inside.map(|one| format!("{before}{one}{after}")).collect());
                }
                _ => {}
            }
        }
    }
    None
}

/// Whether `name` matches a pattern with stand-ins: `*`, `?` and `[...]`.
fn pattern_matches(pattern: &str, name: &str) -> bool {
    let [star, any, set] = [SIGNS[0].1, SIGNS[1].1, SIGNS[2].1];
    if name.starts_with('.') && !pattern.starts_with('.') {
        return false;
    }
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let (mut p, mut n, mut back) = (0, 0, None);
    while n < name.len() {
        let step = match pattern.get(p) {
            Some(c) if *c == star => {
                back = Some((p, n));
                p += 1;
                continue;
            }
            Some(c) if *c == any => Some(1),
            Some(c) if *c == set => {
                let end = pattern[p + 1..].iter().position(|c| *c == ']').map(|length| p + 1 + length);
                end.and_then(|end| set_has(&pattern[p + 1..end], name[n]).then_some(end + 1 - p))
            }
            Some(c) if plain(&c.to_string()).starts_with(name[n]) => Some(1),
            _ => None,
        };
        match (step, back) {
            (Some(length), _) => {
                p += length;
                n += 1;
            }
            (None, Some((star_at, from))) => {
                p = star_at + 1;
                n = from + 1;
                back = Some((star_at, from + 1));
            }
            (None, None) => return false,
        }
    }
    pattern[p..].iter().all(|c| *c == star)
}

fn set_has(set: &[char], wanted: char) -> bool {
    let (negated, set) = match set {
        ['!' | '^', rest @ ..] => (true, rest),
        set => (false, set),
    };
    let ranges = set.windows(3).any(|range| range[1] == '-' && (range[0]..=range[2]).contains(&wanted));
    (ranges || set.contains(&wanted)) != negated
}

/// Which bytes of a word are in quotes.
struct Quotes {
    start: usize,
    quoted: Vec<bool>,
}

impl Quotes {
    fn of(text: &str, word: &ShellWord) -> Self {
        let raw = text.as_bytes().get(word.span.range()).unwrap_or_default();
        let (mut quote, mut escaped) = (None, false);
        let mut quoted = Vec::with_capacity(raw.len());
        for byte in raw {
            let is_quoted = quote.is_some() || escaped;
            quoted.push(is_quoted);
            match (*byte, quote) {
                _ if escaped => escaped = false,
                (b'\\', None | Some(b'"')) => escaped = true,
                (b'\'' | b'"', None) => quote = Some(*byte),
                (byte, Some(open)) if byte == open => quote = None,
                _ => {}
            }
        }
        Self { start: word.span.start, quoted }
    }

    fn is(&self, source: usize) -> bool {
        source.checked_sub(self.start).and_then(|at| self.quoted.get(at)).copied().unwrap_or(false)
    }
}
