//! The exec form: a JSON array of strings.
use crate::error::{Fault, ParseError};
use crate::instruction::Word;
use crate::text::Text;

/// The words of `text` where it is a JSON array of strings; `None` where it is no JSON array, and so a line for the
/// shell.
///
/// # Errors
/// An array with other things than strings in it, which builders refuse.
pub(crate) fn exec_form(text: &Text) -> Result<Option<Vec<Word>>, ParseError> {
    if !text.as_str().trim_start().starts_with('[') {
        return Ok(None);
    }
    let Ok(values) = serde_json::from_str::<Vec<serde_json::Value>>(text.as_str()) else { return Ok(None) };
    let places = string_places(text.as_str());
    let mut words = Vec::new();
    for (index, value) in values.into_iter().enumerate() {
        let serde_json::Value::String(value) = value else {
            return Err(ParseError::new(Fault::NotStrings, text.span()));
        };
        let span = places.get(index).map_or_else(|| text.span(), |place| text.span_of(place.clone()));
        words.push(Word { text: value, span });
    }
    Ok(Some(words))
}

/// Where the strings of a valid JSON array of strings are, without their quotes.
fn string_places(json: &str) -> Vec<std::ops::Range<usize>> {
    let mut places = Vec::new();
    let (mut open, mut escaped) = (None, false);
    for (at, byte) in json.bytes().enumerate() {
        match (open, byte) {
            (None, b'"') => open = Some(at + 1),
            (Some(_), _) if escaped => escaped = false,
            (Some(_), b'\\') => escaped = true,
            (Some(start), b'"') => {
                places.push(start..at);
                open = None;
            }
            _ => {}
        }
    }
    places
}
