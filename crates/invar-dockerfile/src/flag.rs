//! The `--name=value` words before an instruction's arguments.
use crate::instruction::{Flag, Word};
use crate::text::{Span, Text};

/// Cuts the flags off the front of `arguments`.
pub(crate) fn flags(arguments: &Text, escape: char) -> (Vec<Flag>, Text) {
    let value = arguments.as_str();
    let mut flags = Vec::new();
    let mut at = 0;
    loop {
        at += value[at..].len() - value[at..].trim_start().len();
        if !value[at..].starts_with("--") {
            break;
        }
        let (text, length) = unquoted(&value[at..], escape);
        let span = arguments.span_of(at..at + length);
        at += length;
        // A bare `--` ends the flags.
        if text == "--" {
            break;
        }
        flags.push(flag(&text, span, value[at - length..at].find('=')));
    }
    (flags, arguments.slice(at..value.len()).trimmed())
}

fn flag(text: &str, span: Span, equals: Option<usize>) -> Flag {
    let text = &text[2..];
    match text.split_once('=') {
        Some((name, value)) => {
            let start = equals.map_or(span.start, |at| span.start + at + 1);
            let value = Word { text: value.to_owned(), span: Span::new(start.min(span.end), span.end) };
            Flag { name: name.to_ascii_lowercase(), value: Some(value), span }
        }
        None => Flag { name: text.to_ascii_lowercase(), value: None, span },
    }
}

/// The word at the start of `text` without its quotes and escapes, and how many bytes it takes.
fn unquoted(text: &str, escape: char) -> (String, usize) {
    let (mut word, mut quote) = (String::new(), None);
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match quote {
            None if character.is_whitespace() => return (word, at),
            None if character == '\'' || character == '"' => quote = Some(character),
            Some(open) if character == open => quote = None,
            _ if character == escape => {
                if let Some((_, escaped)) = characters.next() {
                    word.push(escaped);
                }
            }
            _ => word.push(character),
        }
    }
    (word, text.len())
}
