//! `.dockerignore`, as Docker reads it: which files of a folder a build never sees.
//!
//! Each line is one pattern; lines that begin with `#` and empty lines are passed over, white space around a pattern
//! is dropped, and so is a byte order mark. A pattern is cleaned like a path (`./a//b/../c/` is `a/c`, a leading slash
//! is dropped) and matched against the whole path, relative to the project, in the way of Go's `filepath.Match`:
//! `?` and `*` do not match a slash, `[a-c]` and `[^a-c]` are classes, a backslash takes the meaning from the next
//! character. In addition `**` matches any number of directories, none included.
//!
//! A pattern that is nothing but `**` and a plain text after it, as `**.pem`, matches every path that ends so.
//!
//! A pattern that matches a directory excludes everything below it. A pattern after `!` is an exception. The last
//! line that matches decides; unlike git's, an exception holds below an excluded directory too.
//!
//! Where Docker makes a regular expression of what `filepath.Match` would read otherwise (`\d` is a digit there, `[*]`
//! is no star), this module keeps to `filepath.Match`.
//!
//! Source: Docker documentation, "Build context", section ".dockerignore files"; what it leaves open was observed with
//! moby's `patternmatcher`.
use std::cmp::Ordering;
use std::iter;

/// The patterns of a `.dockerignore`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dockerignore {
    lines: Vec<Line>,
}

/// A line with a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The line's number, from 1.
    pub number: usize,
    /// The line as it is written, without white space around it.
    pub text: String,
    is_exception: bool,
    tokens: Vec<Token>,
    /// The directories before the first name that has a character with a meaning.
    prefix: String,
}

/// A part of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// This character.
    Character(char),
    /// `?`: any character but a slash.
    One,
    /// `*`: any text without a slash.
    Many,
    /// `**` and perhaps a slash, before something else: nothing, or any text that ends with a slash.
    Directories,
    /// `**` at the end, or before a plain ending: any text.
    Everything,
    /// `[…]`.
    Class { negated: bool, ranges: Vec<(char, char)> },
}

/// A line of `.dockerignore` that is not a pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(".dockerignore, line {line}: {pattern:?} is not a pattern: {fault}")]
pub struct DockerignoreError {
    /// The line's number, from 1.
    pub line: usize,
    /// The line, without white space around it.
    pub pattern: String,
    /// What is wrong with it.
    pub fault: DockerignoreFault,
}

/// What is wrong with a line of `.dockerignore`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DockerignoreFault {
    /// A `!` with nothing after it.
    #[error("nothing follows \"!\"")]
    EmptyException,
    /// A backslash with nothing after it.
    #[error("nothing follows the last \"\\\"")]
    Backslash,
    /// A class that is empty, not closed, or has a range without an end.
    #[error("a class needs at least one character and a closing \"]\"")]
    Class,
    /// The line is longer than any path.
    #[error("it is longer than a path can be")]
    TooLong,
}

/// The longest pattern in bytes: paths are shorter than 4,096 bytes on Linux. It bounds the cost of matching.
const LONGEST: usize = 4096;

impl Dockerignore {
    /// Reads an ignore file.
    ///
    /// # Errors
    /// [`DockerignoreError`], for a file that Docker does not build with either.
    pub fn parse(text: &str) -> Result<Self, DockerignoreError> {
        Ok(Self { lines: lines(text).filter_map(Result::transpose).collect::<Result<_, _>>()? })
    }

    /// Reads an ignore file, and passes over lines that are not patterns.
    pub fn parse_leniently(text: &str) -> Self {
        Self { lines: lines(text).filter_map(|line| line.ok().flatten()).collect() }
    }

    /// The line that excludes `path`, if it is excluded.
    pub fn excludes(&self, path: &str) -> Option<&Line> {
        let mut excluded_by: Option<&Line> = None;
        for line in &self.lines {
            // Only a line that would change the answer is worth matching.
            if line.is_exception == excluded_by.is_some() && line.covers(path) {
                excluded_by = (!line.is_exception).then_some(line);
            }
        }
        excluded_by
    }

    /// Whether an exception could keep something below `directory`, which `line` excludes. It may say yes where none
    /// does; that costs time.
    pub fn may_keep_below(&self, directory: &str, line: &Line) -> bool {
        let after = |exception: &&Line| exception.is_exception && exception.number > line.number;
        self.lines.iter().filter(after).any(|exception| may_lead_to(directory, &exception.prefix))
    }
}

/// The lines with something to say, each read.
fn lines(text: &str) -> impl Iterator<Item = Result<Option<Line>, DockerignoreError>> {
    let lines = text.strip_prefix('\u{feff}').unwrap_or(text).lines().enumerate();
    lines.filter(|(_, line)| !line.starts_with('#') && !line.trim().is_empty()).map(|(index, line)| {
        let (number, text) = (index + 1, line.trim());
        let error = |fault| DockerignoreError { line: number, pattern: text.to_owned(), fault };
        Line::parse(number, text).map_err(error)
    })
}

impl Line {
    /// A line that names the project's folder itself means nothing, and is `None`.
    fn parse(number: usize, text: &str) -> Result<Option<Self>, DockerignoreFault> {
        if text.len() > LONGEST {
            return Err(DockerignoreFault::TooLong);
        }
        let (is_exception, pattern) = match text.strip_prefix('!') {
            Some(pattern) => (true, pattern.trim()),
            None => (false, text),
        };
        if pattern.is_empty() {
            return Err(DockerignoreFault::EmptyException);
        }
        let pattern = clean(pattern);
        if pattern.is_empty() {
            return Ok(None);
        }
        let special = pattern.find(['*', '?', '[', '\\']);
        let prefix = match special {
            None => pattern.as_str(),
            Some(at) => pattern[..at].rsplit_once('/').map_or("", |(directories, _)| directories),
        };
        let (tokens, prefix) = (tokens(&pattern)?, prefix.to_owned());
        Ok(Some(Self { number, text: text.to_owned(), is_exception, tokens, prefix }))
    }

    /// Whether the pattern matches `path` or a directory above it.
    fn covers(&self, path: &str) -> bool {
        let text: Vec<char> = path.chars().collect();
        let ends = |(at, matched): (usize, bool)| matched && text.get(at).is_none_or(|&next| next == '/');
        beginnings(&self.tokens, &text).into_iter().enumerate().any(ends)
    }
}

/// A pattern as Go's `filepath.Clean` leaves it, without a leading slash; empty for the folder itself.
///
/// Names that climb out of the folder stay and match nothing.
fn clean(pattern: &str) -> String {
    let rooted = pattern.starts_with('/');
    let mut names: Vec<&str> = Vec::new();
    for name in pattern.split('/') {
        match name {
            "" | "." => {}
            ".." => match names.last() {
                Some(&last) if last != ".." => {
                    names.pop();
                }
                None if rooted => {}
                _ => names.push(name),
            },
            _ => names.push(name),
        }
    }
    names.join("/")
}

fn tokens(pattern: &str) -> Result<Vec<Token>, DockerignoreFault> {
    if let Some(suffix) = pattern.strip_prefix("**")
        && !suffix.is_empty()
        && !suffix.starts_with('/')
        && !suffix.contains(['*', '?', '[', ']', '\\'])
    {
        return Ok(iter::once(Token::Everything).chain(suffix.chars().map(Token::Character)).collect());
    }
    let mut tokens = Vec::new();
    let mut characters = pattern.chars().peekable();
    while let Some(character) = characters.next() {
        tokens.push(match character {
            '?' => Token::One,
            '*' if characters.next_if_eq(&'*').is_some() => {
                // `a/**/b` is `a/` and `**/` and `b`: the slash belongs to the stars, which may match nothing.
                characters.next_if_eq(&'/');
                if characters.peek().is_some() { Token::Directories } else { Token::Everything }
            }
            '*' => Token::Many,
            '\\' => Token::Character(characters.next().ok_or(DockerignoreFault::Backslash)?),
            '[' => class(&mut characters).ok_or(DockerignoreFault::Class)?,
            _ => Token::Character(character),
        });
    }
    Ok(tokens)
}

/// The rest of a class, after its `[` (Go, `filepath.Match`): a `]` at the beginning is not a character of it.
fn class(characters: &mut iter::Peekable<std::str::Chars<'_>>) -> Option<Token> {
    let negated = characters.next_if_eq(&'^').is_some();
    let mut ranges = Vec::new();
    loop {
        if characters.next_if_eq(&']').is_some() {
            return (!ranges.is_empty()).then_some(Token::Class { negated, ranges });
        }
        let low = class_character(characters)?;
        let high = match characters.next_if_eq(&'-') {
            Some(_) => class_character(characters)?,
            None => low,
        };
        ranges.push((low, high));
    }
}

fn class_character(characters: &mut iter::Peekable<std::str::Chars<'_>>) -> Option<char> {
    match characters.next()? {
        '-' | ']' => None,
        '\\' => characters.next(),
        character => Some(character),
    }
}

/// Whether a path below `directory` can start with `prefix`: one of both must be a directory above the other.
#[must_use]
pub fn may_lead_to(directory: &str, prefix: &str) -> bool {
    let (short, long) = match directory.len().cmp(&prefix.len()) {
        Ordering::Less => (directory, prefix),
        Ordering::Equal | Ordering::Greater => (prefix, directory),
    };
    short.is_empty() || long.strip_prefix(short).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// For each length, whether `tokens` match all of the beginning of `text` that has it.
///
/// The set of places in `text` that the tokens so far can reach is carried from token to token, so the cost is at
/// most the product of both lengths, whatever the pattern.
fn beginnings(tokens: &[Token], text: &[char]) -> Vec<bool> {
    let mut places = vec![false; text.len() + 1];
    places[0] = true;
    for token in tokens {
        places = step(token, text, &places);
        if !places.contains(&true) {
            break;
        }
    }
    places
}

fn step(token: &Token, text: &[char], places: &[bool]) -> Vec<bool> {
    let mut next = vec![false; places.len()];
    // For tokens of any length: whether the token can have begun at or before this place.
    let mut open = false;
    for (at, &here) in places.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| (text[before], places[before]));
        next[at] = match token {
            Token::Character(wanted) => before.is_some_and(|(found, from)| from && found == *wanted),
            Token::One => before.is_some_and(|(found, from)| from && found != '/'),
            Token::Class { negated, ranges } => before.is_some_and(|(found, from)| {
                from && ranges.iter().any(|&(low, high)| (low..=high).contains(&found)) != *negated
            }),
            Token::Many => {
                open = here || (open && before.is_some_and(|(found, _)| found != '/'));
                open
            }
            Token::Everything => {
                open |= here;
                open
            }
            Token::Directories => {
                let ended = open && before.is_some_and(|(found, _)| found == '/');
                open |= here;
                here || ended
            }
        };
    }
    next
}

#[cfg(test)]
mod tests;
