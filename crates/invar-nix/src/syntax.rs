//! Bounded parsing: whatever a file holds, reading it ends, and so does freeing its tree.
//!
//! The parser bounds how deep brackets are nested, but not chains such as `f a b c`, `a.b.c`, `a + b + c` or `!!!a`, each of
//! which is a level of the tree.
use std::ops::Range;

use rnix::SyntaxKind::{
    TOKEN_COMMA, TOKEN_COMMENT, TOKEN_DOT, TOKEN_INTERPOL_END, TOKEN_INTERPOL_START, TOKEN_L_BRACE,
    TOKEN_L_BRACK, TOKEN_L_PAREN, TOKEN_OR, TOKEN_R_BRACE, TOKEN_R_BRACK, TOKEN_R_PAREN, TOKEN_SEMICOLON,
    TOKEN_STRING_CONTENT, TOKEN_WHITESPACE,
};
use rnix::{ParseError, Root, TextRange};

/// Bytes of a file.
const LONGEST: usize = 256 << 10;

/// Words and signs of one expression without brackets. Each may be a level of the tree, which is built and freed level by
/// level.
const LONGEST_CHAIN: usize = 600;

/// Brackets inside each other.
const DEEPEST: usize = 100;

/// A file that is not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NixError {
    /// It is longer than any that people write.
    #[error("the file has {bytes} bytes; at most {LONGEST} are read")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// An expression has more parts, or more brackets inside each other, than any that people write.
    #[error("an expression has more than {LONGEST_CHAIN} parts, or {DEEPEST} brackets inside each other")]
    TooDeep,
    /// It is no Nix.
    #[error("this is not Nix: {message}")]
    Syntax {
        /// What is wrong.
        message: String,
        /// Where: bytes of the file.
        span: Range<usize>,
    },
}

/// Reads the Nix expression `text`.
///
/// # Errors
/// [`NixError`].
pub fn parse(text: &str) -> Result<Root, NixError> {
    if text.len() > LONGEST {
        return Err(NixError::TooLong { bytes: text.len() });
    }
    if is_too_deep(text) {
        return Err(NixError::TooDeep);
    }
    let parsed = Root::parse(text);
    match parsed.errors().first() {
        Some(error) => Err(syntax(error, text.len())),
        None => Ok(parsed.tree()),
    }
}

/// Whether the tree would be so deep that freeing it could overflow the stack.
fn is_too_deep(text: &str) -> bool {
    // Whether each open bracket is a list's, and how long the chain in it is.
    let mut levels = vec![(false, 0)];
    let mut last = TOKEN_WHITESPACE;
    for (kind, _) in rnix::tokenize(text) {
        match kind {
            TOKEN_WHITESPACE | TOKEN_COMMENT | TOKEN_STRING_CONTENT => continue,
            TOKEN_L_BRACE | TOKEN_L_BRACK | TOKEN_L_PAREN | TOKEN_INTERPOL_START => {
                levels.push((kind == TOKEN_L_BRACK, 0));
            }
            TOKEN_R_BRACE | TOKEN_R_BRACK | TOKEN_R_PAREN | TOKEN_INTERPOL_END if levels.len() > 1 => {
                levels.pop();
            }
            _ => {}
        }
        let depth = levels.len();
        let Some((is_list, length)) = levels.last_mut() else { continue };
        // The items of a list stand beside each other, unless a dot joins them.
        let joins = |kind| matches!(kind, TOKEN_DOT | TOKEN_OR);
        let is_item = *is_list && !joins(kind) && !joins(last);
        *length = if is_item || matches!(kind, TOKEN_SEMICOLON | TOKEN_COMMA) { 0 } else { *length + 1 };
        if *length > LONGEST_CHAIN || depth > DEEPEST {
            return true;
        }
        last = kind;
    }
    false
}

fn syntax(error: &ParseError, length: usize) -> NixError {
    use ParseError::{DuplicatedArgs, Unexpected, UnexpectedDoubleBind, UnexpectedExtra, UnexpectedWanted};
    let range = |range: &TextRange| usize::from(range.start())..usize::from(range.end());
    let (message, span) = match error {
        Unexpected(found) | UnexpectedExtra(found) | UnexpectedDoubleBind(found) => {
            ("this is not expected here".to_owned(), range(found))
        }
        UnexpectedWanted(_, found, _) => ("something else is expected here".to_owned(), range(found)),
        DuplicatedArgs(found, name) => (format!("{name} is there twice"), range(found)),
        other => (other.to_string(), length..length),
    };
    NixError::Syntax { message, span }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_is_read() {
        assert!(parse("{ inputs.a.url = \"b\"; outputs = { self, a }: { x = [ a.b (f 1 2) ]; }; }").is_ok());
        assert!(parse(&format!("[ {} ]", "a ".repeat(10_000))).is_ok(), "a long list is not deep");
    }

    #[test]
    fn what_is_wrong_has_a_place() {
        let error = parse("{\n  a = ;\n}").expect_err("it is not Nix");
        assert!(matches!(&error, NixError::Syntax { span, .. } if span.start >= 8), "{error:?}");
    }

    #[test]
    fn what_would_overflow_the_stack_is_refused() {
        for text in [
            "a ".repeat(20_000),
            "a.".repeat(20_000) + "a",
            "!".repeat(20_000) + "a",
            "a + ".repeat(20_000) + "a",
            "(".repeat(50_000) + "a",
        ] {
            assert_eq!(parse(&text).map(|_| ()), Err(NixError::TooDeep), "{}", &text[..8]);
        }
        assert!(matches!(parse(&" ".repeat(LONGEST + 1)), Err(NixError::TooLong { .. })));
    }
}
