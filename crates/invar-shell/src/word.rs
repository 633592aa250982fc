use std::ops::Range;

/// What differs between the scripts that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    /// Whether `<(…)` and `>(…)` are parts of a word.
    pub process_substitution: bool,
    /// Whether a line may also be continued before a carriage return and a line feed.
    pub carriage_returns: bool,
}

impl Dialect {
    /// How many bytes the end of a continued line at the start of `text` takes.
    pub(crate) fn continued_line(self, text: &str) -> Option<usize> {
        let rest = text.strip_prefix('\\')?;
        let rest = if self.carriage_returns { rest.strip_prefix('\r').unwrap_or(rest) } else { rest };
        rest.starts_with('\n').then(|| text.len() - rest.len() + 1)
    }
}

/// How a part of a word is quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quoting {
    /// Not at all: patterns and tildes mean something.
    Plain,
    /// By a backslash, or between quotes.
    Quoted,
}

/// What is done with the parts of a word, in their order.
pub trait WordReader {
    /// The bytes `range` stand for themselves; the quotes around them, and backslashes that are taken out, are not among
    /// them. Of quoted text it may be empty.
    fn literal(&mut self, range: Range<usize>, quoting: Quoting);

    /// At `at` is a `$` or a backtick, or where the dialect has it `<(` or `>(`. Gives where the expansion ends: the next
    /// boundary of a character at least.
    fn expansion(&mut self, at: usize) -> usize;

    /// A quote is not closed: the text ends in it.
    fn unclosed(&mut self, quote: char);
}

/// Reads the word of `text` at `at`, and gives where it ends: before a blank, an operator, or the end. It is empty where
/// one of these is at `at`.
pub fn word(text: &str, at: usize, dialect: Dialect, reader: &mut impl WordReader) -> usize {
    let mut at = at;
    while let Some(character) = text[at..].chars().next() {
        let next = at + character.len_utf8();
        at = match character {
            ' ' | '\t' | '\r' | '\n' | ';' | '&' | '|' | '(' | ')' => return at,
            '<' | '>' if dialect.process_substitution && text[next..].starts_with('(') => {
                reader.expansion(at)
            }
            '<' | '>' => return at,
            '\\' => match dialect.continued_line(&text[at..]) {
                Some(length) => at + length,
                None => {
                    let end = next + text[next..].chars().next().map_or(0, char::len_utf8);
                    reader.literal(next..end, Quoting::Quoted);
                    end
                }
            },
            '\'' => {
                let end = text[next..].find('\'').map(|length| next + length);
                reader.literal(next..end.unwrap_or(text.len()), Quoting::Quoted);
                match end {
                    Some(end) => end + 1,
                    None => {
                        reader.unclosed('\'');
                        text.len()
                    }
                }
            }
            '"' => double_quoted(text, next, dialect, reader),
            '$' | '`' => reader.expansion(at),
            _ => {
                let special =
                    [' ', '\t', '\r', '\n', ';', '&', '|', '(', ')', '<', '>', '\\', '\'', '"', '$', '`'];
                let end = text[next..].find(special).map_or(text.len(), |length| next + length);
                reader.literal(at..end, Quoting::Plain);
                end
            }
        };
    }
    at
}

/// Reads what is between double quotes from `at`, after the first one, and gives where it ends, after the second one.
fn double_quoted(text: &str, at: usize, dialect: Dialect, reader: &mut impl WordReader) -> usize {
    let mut at = at;
    // Also an empty text is quoted.
    reader.literal(at..at, Quoting::Quoted);
    while let Some(character) = text[at..].chars().next() {
        let next = at + character.len_utf8();
        at = match character {
            '"' => return next,
            '\\' => match dialect.continued_line(&text[at..]) {
                Some(length) => at + length,
                None => {
                    let escaped = text[next..].chars().next();
                    let end = next + escaped.map_or(0, char::len_utf8);
                    // Before any other character, the backslash stands for itself.
                    let start = if escaped.is_some_and(|c| "$`\"\\".contains(c)) { next } else { at };
                    reader.literal(start..end, Quoting::Quoted);
                    end
                }
            },
            '$' | '`' => reader.expansion(at),
            _ => {
                let end = text[next..].find(['"', '\\', '$', '`']).map_or(text.len(), |length| next + length);
                reader.literal(at..end, Quoting::Quoted);
                end
            }
        };
    }
    reader.unclosed('"');
    at
}
