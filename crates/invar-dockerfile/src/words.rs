//! Splitting of an instruction's arguments into words.
use crate::instruction::Word;
use crate::text::Text;

/// The words between white space; quotes mean nothing here.
pub(crate) fn by_space(text: &Text) -> Vec<Word> {
    let value = text.as_str();
    let mut words = Vec::new();
    let mut start = None;
    for (at, character) in value.char_indices().chain([(value.len(), ' ')]) {
        match (start, character.is_whitespace()) {
            (None, false) => start = Some(at),
            (Some(from), true) => {
                words.push(Word { text: value[from..at].to_owned(), span: text.span_of(from..at) });
                start = None;
            }
            _ => {}
        }
    }
    words
}

/// The words between white space that is neither quoted nor escaped; quotes and escapes stay in the words.
pub(crate) fn by_space_and_quotes(text: &Text, escape: char) -> Vec<Word> {
    let value = text.as_str();
    let mut words = Vec::new();
    let (mut start, mut quote) = (None, None);
    let mut characters = value.char_indices();
    while let Some((at, character)) = characters.next() {
        if start.is_none() && character.is_whitespace() {
            continue;
        }
        let from = *start.get_or_insert(at);
        match quote {
            None if character.is_whitespace() => {
                words.push(Word { text: value[from..at].to_owned(), span: text.span_of(from..at) });
                start = None;
            }
            None if character == '\'' || character == '"' => quote = Some(character),
            Some(open) if character == open => quote = None,
            // Nothing can be escaped between single quotes.
            _ if character == escape && quote != Some('\'') => {
                characters.next();
            }
            _ => {}
        }
    }
    if let Some(from) = start {
        words.push(Word { text: value[from..].to_owned(), span: text.span_of(from..value.len()) });
    }
    words
}

/// `text` cut at its first white space; the rest has none at its ends.
pub(crate) fn first_word(text: &Text) -> (Text, Text) {
    let value = text.as_str();
    let end = value.find(char::is_whitespace).unwrap_or(value.len());
    (text.slice(0..end), text.slice(end..value.len()).trimmed())
}
