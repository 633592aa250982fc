//! Parser directives: `# syntax=`, `# escape=`, `# check=`.
//!
//! They are at the top of the file, before any other comment, blank line or instruction, each at most once.
use crate::continuation::Line;
use crate::error::{Fault, ParseError};
use crate::text::Span;

/// A directive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directive {
    /// `syntax`, `escape` or `check`.
    pub name: &'static str,
    /// Its value, without white space at the ends.
    pub value: String,
    /// Where the value is.
    pub value_span: Span,
    /// Where the line is.
    pub span: Span,
}

const NAMES: [&str; 3] = ["syntax", "escape", "check"];

/// The directive on `line`, or `None` where the line is something else and there can be no further directives.
pub(crate) fn directive(line: Line<'_>, seen: &[Directive]) -> Result<Option<Directive>, ParseError> {
    let Some(rest) = line.text.trim_start().strip_prefix('#') else { return Ok(None) };
    let Some((name, value)) = rest.split_once('=') else { return Ok(None) };
    let (name, value) = (name.trim(), value.trim());
    let Some(name) = NAMES.into_iter().find(|known| name.eq_ignore_ascii_case(known)) else {
        return Ok(None);
    };
    if value.is_empty() {
        return Ok(None);
    }
    let span = Span::new(line.start, line.start + line.text.len());
    if seen.iter().any(|directive| directive.name == name) {
        return Err(ParseError::new(Fault::RepeatedDirective { name: name.to_owned() }, span));
    }
    let end = line.start + line.text.trim_end().len();
    let value_span = Span::new(end - value.len(), end);
    if name == "escape" && !["\\", "`"].contains(&value) {
        return Err(ParseError::new(Fault::EscapeCharacter { value: value.to_owned() }, value_span));
    }
    Ok(Some(Directive { name, value: value.to_owned(), value_span, span }))
}
