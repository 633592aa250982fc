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
use rnix::{ParseError, Root, SyntaxKind, TextRange};

/// Bytes of a file.
const LONGEST: usize = 1 << 20;

/// Words and signs of one expression without brackets. Each may be a level of the tree, which is built and freed level by
/// level.
const LONGEST_CHAIN: usize = 600;

/// Brackets inside each other.
const DEEPEST: usize = 100;

/// Words and signs of an expression and of all that it is inside.
const LONGEST_PATH: usize = 1500;

/// The same, for which any thread's stack is enough to build the tree.
const PLAIN_PATH: usize = 100;

/// Bytes of the stack on which other trees are built: each level may take the parser some twenty calls.
const STACK: usize = 64 << 20;

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
    #[error(
        "an expression has more than {LONGEST_CHAIN} parts, {DEEPEST} brackets inside each other, or {LONGEST_PATH} parts \
         together with what it is inside of"
    )]
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
    let Some(path) = longest_path(text) else { return Err(NixError::TooDeep) };
    let parsed = if path <= PLAIN_PATH {
        Root::parse(text)
    } else {
        let parsed = std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().stack_size(STACK);
            let thread = thread.spawn_scoped(scope, || Root::parse(text)).ok()?;
            Some(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        });
        // On a machine with no room for that stack, it is too deep.
        parsed.ok_or(NixError::TooDeep)?
    };
    match parsed.errors().first() {
        Some(error) => Err(syntax(error, text.len())),
        None => Ok(parsed.tree()),
    }
}

/// How deep the tree can be at most; `None` if freeing it could overflow the stack.
fn longest_path(text: &str) -> Option<usize> {
    // Whether each open bracket is a list's, and how long the chain in it is.
    let mut levels = vec![(false, 0)];
    let mut last = TOKEN_WHITESPACE;
    let (mut path, mut longest) = (0_usize, 0);
    for (kind, _) in rnix::tokenize(text) {
        match kind {
            TOKEN_WHITESPACE | TOKEN_COMMENT | TOKEN_STRING_CONTENT => continue,
            TOKEN_L_BRACE | TOKEN_L_BRACK | TOKEN_L_PAREN | TOKEN_INTERPOL_START => {
                levels.push((kind == TOKEN_L_BRACK, 0));
            }
            TOKEN_R_BRACE | TOKEN_R_BRACK | TOKEN_R_PAREN | TOKEN_INTERPOL_END if levels.len() > 1 => {
                path -= levels.pop().map_or(0, |(_, length)| length);
            }
            _ => {}
        }
        let depth = levels.len();
        let Some((is_list, length)) = levels.last_mut() else { continue };
        // The items of a list are beside each other, unless a dot joins them.
        let joins = |kind| matches!(kind, TOKEN_DOT | TOKEN_OR);
        let is_item = *is_list && !joins(kind) && !joins(last);
        path -= *length;
        *length = if is_item || matches!(kind, TOKEN_SEMICOLON | TOKEN_COMMA) { 0 } else { *length + 1 };
        path += *length;
        longest = longest.max(path);
        if *length > LONGEST_CHAIN || depth > DEEPEST || path > LONGEST_PATH {
            return None;
        }
        last = kind;
    }
    Some(longest)
}

fn syntax(error: &ParseError, length: usize) -> NixError {
    use ParseError::{
        DuplicatedArgs, Unexpected, UnexpectedDoubleBind, UnexpectedEOF, UnexpectedEOFWanted,
        UnexpectedExtra, UnexpectedWanted,
    };
    let range = |range: &TextRange| usize::from(range.start())..usize::from(range.end());
    let (message, span) = match error {
        Unexpected(found) | UnexpectedExtra(found) | UnexpectedDoubleBind(found) => {
            ("this is not expected here".to_owned(), range(found))
        }
        UnexpectedWanted(_, found, wanted) => {
            let message = wanted_text(wanted).map(|wanted| format!("expected {wanted}"));
            (message.unwrap_or_else(|| "something else is expected here".to_owned()), range(found))
        }
        UnexpectedEOFWanted(wanted) => {
            let message = wanted_text(wanted).map(|wanted| format!("it ends before {wanted}"));
            (message.unwrap_or_else(|| "it ends too early".to_owned()), length..length)
        }
        UnexpectedEOF => ("it ends too early".to_owned(), length..length),
        DuplicatedArgs(found, name) => (format!("{name} is there twice"), range(found)),
        other => (other.to_string(), length..length),
    };
    NixError::Syntax { message, span }
}

/// What a parser wants to see, as people write it. `None` where that is not a few signs or words.
fn wanted_text(wanted: &[SyntaxKind]) -> Option<String> {
    let texts: Option<Vec<&str>> = wanted.iter().map(|kind| token_text(*kind)).collect();
    texts.filter(|texts| !texts.is_empty()).map(|texts| texts.join(" or "))
}

fn token_text(kind: SyntaxKind) -> Option<&'static str> {
    use SyntaxKind::{
        TOKEN_ASSIGN, TOKEN_COLON, TOKEN_COMMA, TOKEN_ELLIPSIS, TOKEN_ELSE, TOKEN_IDENT, TOKEN_IN,
        TOKEN_L_BRACE, TOKEN_R_BRACE, TOKEN_R_BRACK, TOKEN_R_PAREN, TOKEN_SEMICOLON, TOKEN_STRING_END,
        TOKEN_THEN,
    };
    Some(match kind {
        TOKEN_SEMICOLON => "`;`",
        TOKEN_ASSIGN => "`=`",
        TOKEN_COLON => "`:`",
        TOKEN_COMMA => "`,`",
        TOKEN_ELLIPSIS => "`...`",
        TOKEN_L_BRACE => "`{`",
        TOKEN_R_BRACE => "`}`",
        TOKEN_R_BRACK => "`]`",
        TOKEN_R_PAREN => "`)`",
        TOKEN_THEN => "`then`",
        TOKEN_ELSE => "`else`",
        TOKEN_IN => "`in`",
        TOKEN_IDENT => "a name",
        TOKEN_STRING_END => "the end of a text",
        _ => return None,
    })
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
        for (text, expected) in [
            ("{ a = 1 b = 2; }", "this is not Nix: expected `;`"),
            ("{ a = [ 1; }", "this is not Nix: something else is expected here"),
            ("{ a = 1;", "this is not Nix: it ends too early"),
            ("if true than 1", "this is not Nix: it ends before `then`"),
        ] {
            assert_eq!(parse(text).expect_err("it is not Nix").to_string(), expected, "{text}");
        }
    }

    #[test]
    fn deep_nests_of_long_chains_are_refused_or_read() {
        for part in [
            "!",
            "- ",
            "a: ",
            "a (",
            "a.b (",
            "[ ",
            "{ a = ",
            "a ++ ",
            "a // ",
            "a -> ",
            "a + ",
            "\"${",
            "if a then ",
            "with a; ",
            "let a = ",
        ] {
            for bracket in ["(", "[ ", "{ a = ", "\"${", "rec { a = "] {
                for chain in [1, 14, 590] {
                    let text = (part.repeat(chain) + bracket).repeat(99);
                    let _ = parse(&text);
                }
            }
        }
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
