//! Here-documents: `<<EOF`, `<<-EOF`, `<<"EOF"`, also several on one line.
use crate::continuation::Lines;
use crate::error::{Fault, ParseError};
use crate::text::{Span, Text};

/// A here-document of `RUN`, `COPY` or `ADD`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heredoc {
    /// The word that ends it, without quotes; for `COPY` and `ADD` the name of the file.
    pub name: String,
    /// Whether `$NAME` in it is replaced: not where any part of the word is quoted.
    pub expand: bool,
    /// Whether tabs at the start of its lines are removed: `<<-`.
    pub strip_tabs: bool,
    /// The file descriptor before the `<<`.
    pub descriptor: Option<u32>,
    /// Where the `<<EOF` is.
    pub marker: Span,
    /// What is in it, with the newline of its last line, and without the tabs where they are to be removed.
    pub content: Text,
}

/// The start of a here-document: all but its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Marker {
    pub name: String,
    pub expand: bool,
    pub strip_tabs: bool,
    pub descriptor: Option<u32>,
    pub length: usize,
}

/// The here-document that starts at the beginning of `text`, which is `<<` with or without digits before it.
pub(crate) fn marker(text: &str) -> Option<Marker> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let mut rest = text[digits..].strip_prefix("<<")?;
    // `<<<` is a string for the standard input, in shells that know it.
    if rest.starts_with('<') {
        return None;
    }
    let strip_tabs = rest.starts_with('-');
    rest = rest.strip_prefix('-').unwrap_or(rest);
    rest = rest.trim_start_matches([' ', '\t', '\r']);
    let (mut name, mut quoted, mut quote) = (String::new(), false, None);
    let mut end = rest.len();
    let mut characters = rest.char_indices();
    while let Some((at, character)) = characters.next() {
        match quote {
            None if character.is_whitespace() || "<>;&|()".contains(character) => {
                end = at;
                break;
            }
            None if character == '\'' || character == '"' => (quote, quoted) = (Some(character), true),
            Some(open) if character == open => quote = None,
            None if character == '\\' => {
                quoted = true;
                name.extend(characters.next().map(|(_, escaped)| escaped));
            }
            _ => name.push(character),
        }
    }
    if name.is_empty() || quote.is_some() {
        return None;
    }
    let length = text.len() - rest.len() + end;
    let descriptor = text[..digits].parse().ok();
    Some(Marker { name, expand: !quoted, strip_tabs, descriptor, length })
}

/// The here-documents that start on an instruction's line, outside quotes, each with where its marker is.
pub(crate) fn markers(line: &Text) -> Vec<(Marker, std::ops::Range<usize>)> {
    let value = line.as_str();
    let mut found = Vec::new();
    let (mut at, mut word_start, mut quote) = (0, 0, None);
    while let Some(character) = value[at..].chars().next() {
        let next = at + character.len_utf8();
        match quote {
            Some(open) => {
                if character == open {
                    quote = None;
                } else if character == '\\' && open == '"' {
                    at = next + value[next..].chars().next().map_or(0, char::len_utf8);
                    continue;
                }
            }
            None if character == '\'' || character == '"' => quote = Some(character),
            None if character == '\\' => {
                at = next + value[next..].chars().next().map_or(0, char::len_utf8);
                continue;
            }
            None if character.is_whitespace() => word_start = next,
            None if value[at..].starts_with("<<") => {
                let digits = value[word_start..at].chars().all(|c| c.is_ascii_digit());
                // BuildKit takes a word for a marker only where nothing but a descriptor is before it.
                match marker(&value[word_start..]).filter(|_| digits) {
                    Some(marker) => {
                        let marker = whole_word(marker, &value[word_start..]);
                        let range = word_start..word_start + marker.length;
                        at = range.end;
                        word_start = at;
                        found.push((marker, range));
                    }
                    None => at += value[at..].len() - value[at..].trim_start_matches('<').len(),
                }
                continue;
            }
            None => {}
        }
        at = next;
    }
    found
}

/// `marker` as BuildKit reads it at the start of `text`: its name goes up to the next white space, where a shell's ends
/// before `;` or `>`, so that a builder never finds the line that would end it.
fn whole_word(mut marker: Marker, text: &str) -> Marker {
    let rest = &text[marker.length..];
    let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
    marker.name.push_str(&rest[..end]);
    marker.length += end;
    marker
}

/// Reads the here-documents of `markers` from `lines`, which are after the instruction's own.
pub(crate) fn contents(
    line: &Text,
    markers: Vec<(Marker, std::ops::Range<usize>)>,
    lines: &mut Lines<'_>,
    file: &str,
) -> Result<Vec<Heredoc>, ParseError> {
    let mut heredocs = Vec::new();
    for (marker, range) in markers {
        let span = line.span_of(range);
        let Some(content) = content(&marker, lines, file) else {
            return Err(ParseError::new(Fault::UnendedHeredoc { name: marker.name }, span));
        };
        let Marker { name, expand, strip_tabs, descriptor, .. } = marker;
        heredocs.push(Heredoc { name, expand, strip_tabs, descriptor, marker: span, content });
    }
    Ok(heredocs)
}

fn content(marker: &Marker, lines: &mut Lines<'_>, file: &str) -> Option<Text> {
    let mut content = Text::empty(lines.at());
    for line in lines {
        let tabs =
            if marker.strip_tabs { line.text.len() - line.text.trim_start_matches('\t').len() } else { 0 };
        if line.text[tabs..] == marker.name {
            return Some(content);
        }
        content.push(&file[line.start + tabs..line.next], line.start + tabs);
    }
    None
}
