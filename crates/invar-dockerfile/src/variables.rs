//! The arguments of `ARG`, `ENV` and `LABEL`.
use crate::error::{Fault, ParseError};
use crate::instruction::{Assignment, Word};
use crate::text::{Span, Text};
use crate::words::{by_space_and_quotes, first_word};

/// The declarations of `ARG`: `NAME` or `NAME=DEFAULT`.
pub(crate) fn declarations(arguments: &Text, escape: char) -> Vec<Assignment> {
    let undefined = |word: Word| Assignment { span: word.span, name: word, value: None };
    let words = by_space_and_quotes(arguments, escape);
    words.into_iter().map(|word| assignment(&word).unwrap_or_else(|| undefined(word))).collect()
}

/// The assignments of `ENV` and `LABEL`: `NAME=VALUE ...`, or the old `NAME VALUE`, which takes the rest of the line.
pub(crate) fn assignments(
    name: &'static str,
    arguments: &Text,
    escape: char,
) -> Result<Vec<Assignment>, ParseError> {
    let words = by_space_and_quotes(arguments, escape);
    if words.first().is_some_and(|word| !word.text.contains('=')) {
        let (key, value) = first_word(arguments);
        if value.as_str().is_empty() {
            let fault = Fault::MissingArguments { name, needs: "a name and a value" };
            return Err(ParseError::new(fault, arguments.span()));
        }
        let word = |text: &Text| Word { text: text.as_str().to_owned(), span: text.span() };
        return Ok(vec![Assignment { name: word(&key), value: Some(word(&value)), span: arguments.span() }]);
    }
    let to_assignment = |word: &Word| {
        let fault = || ParseError::new(Fault::NotAssignment { word: word.text.clone() }, word.span);
        assignment(word).ok_or_else(fault)
    };
    words.iter().map(to_assignment).collect()
}

fn assignment(word: &Word) -> Option<Assignment> {
    let (name, value) = word.text.split_once('=')?;
    // A continued line may have been taken out of the word; then the value's start is only known to be inside it.
    let middle = (word.span.start + name.len() + 1).min(word.span.end);
    Some(Assignment {
        name: Word { text: name.to_owned(), span: Span::new(word.span.start, middle.saturating_sub(1)) },
        value: Some(Word { text: value.to_owned(), span: Span::new(middle, word.span.end) }),
        span: word.span,
    })
}
