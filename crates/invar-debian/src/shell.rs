//! The words of a shell script (POSIX.1-2017, Shell Command Language, section 2.3 "Token Recognition").
//!
//! Nothing is run and nothing expanded: this only distinguishes commands from comments, quoted text and here-documents,
//! well enough for maintainer scripts. What it does not understand it takes for one long word, so that a mistake hides
//! commands rather than makes them up.
use std::collections::VecDeque;
use std::ops::Range;

/// What a piece of a script is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Token {
    /// A word, quotes and all.
    Word {
        /// Its value, where that is known without running anything.
        literal: Option<String>,
    },
    /// What ends a command: a line feed, `;`, `&`, `|`, or a parenthesis.
    Separator,
    /// `<`, `>` and their like; the next word is a file.
    Redirect,
    /// A comment, without its line feed.
    Comment,
    /// The lines of a here-document, with the line that ends it.
    HereDocument,
}

/// The tokens of `script` and where they are, in bytes. Blanks and escaped line feeds between tokens have none.
pub(crate) fn tokens(script: &str) -> Vec<(Token, Range<usize>)> {
    let mut lexer =
        Lexer { script, bytes: script.as_bytes(), at: 0, tokens: Vec::new(), pending: VecDeque::new() };
    while lexer.at < lexer.bytes.len() {
        lexer.step();
    }
    lexer.tokens
}

struct Lexer<'a> {
    script: &'a str,
    bytes: &'a [u8],
    at: usize,
    tokens: Vec<(Token, Range<usize>)>,
    /// The here-documents that begin after this line: their last lines, and whether tabs before lines are dropped.
    pending: VecDeque<(String, bool)>,
}

impl Lexer<'_> {
    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    fn push(&mut self, token: Token, start: usize) {
        self.tokens.push((token, start..self.at));
    }

    fn step(&mut self) {
        let start = self.at;
        match self.bytes[start] {
            b' ' | b'\t' | b'\r' => self.at += 1,
            b'\\' if self.peek(1) == Some(b'\n') => self.at += 2,
            b'\n' => {
                self.at += 1;
                self.push(Token::Separator, start);
                while let Some((end, strip)) = self.pending.pop_front() {
                    self.here_document(&end, strip);
                }
            }
            b'#' => {
                self.at = self.line_end();
                self.push(Token::Comment, start);
            }
            b';' | b'&' | b'|' | b'(' | b')' => {
                self.at += 1;
                self.push(Token::Separator, start);
            }
            b'<' | b'>' => self.redirect(),
            _ => {
                let literal = self.word();
                self.push(Token::Word { literal }, start);
            }
        }
    }

    /// Where the line's line feed is, or the end of the script.
    fn line_end(&self) -> usize {
        self.bytes[self.at..].iter().position(|&byte| byte == b'\n').map_or(self.bytes.len(), |n| self.at + n)
    }

    fn here_document(&mut self, end: &str, strip: bool) {
        let start = self.at;
        while self.at < self.bytes.len() {
            let line_end = self.line_end();
            let line = &self.script[self.at..line_end];
            self.at = (line_end + 1).min(self.bytes.len());
            if (if strip { line.trim_start_matches('\t') } else { line }) == end {
                break;
            }
        }
        self.push(Token::HereDocument, start);
    }

    fn redirect(&mut self) {
        let start = self.at;
        let rest = &self.bytes[start..];
        let here = rest.starts_with(b"<<") && !rest.starts_with(b"<<<");
        let operators: [&[u8]; 9] = [b"<<<", b"<<-", b"<<", b">>", b"<&", b">&", b"<>", b">|", b"&>"];
        self.at +=
            operators.iter().find(|operator| rest.starts_with(operator)).map_or(1, |found| found.len());
        self.push(Token::Redirect, start);
        if !here {
            return;
        }
        while matches!(self.peek(0), Some(b' ' | b'\t')) {
            self.at += 1;
        }
        let word_start = self.at;
        // The last line is the word without its quotes; nothing in it is expanded.
        let literal = self.word();
        let text = literal.clone().unwrap_or_else(|| self.script[word_start..self.at].to_owned());
        self.push(Token::Word { literal }, word_start);
        self.pending.push_back((text, rest.starts_with(b"<<-")));
    }

    /// Reads a word, and gives its value where nothing in it needs to be expanded.
    fn word(&mut self) -> Option<String> {
        let mut value = Vec::new();
        let mut literal = true;
        let start = self.at;
        while let Some(byte) = self.peek(0) {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' | b';' | b'&' | b'|' | b'(' | b')' | b'<' | b'>' => break,
                b'\'' => {
                    self.at += 1;
                    let end = self.find(b'\'');
                    value.extend_from_slice(&self.bytes[self.at..end]);
                    self.at = (end + 1).min(self.bytes.len());
                }
                b'"' => {
                    self.at += 1;
                    literal &= self.double_quoted(&mut value);
                }
                b'\\' => {
                    match self.peek(1) {
                        Some(b'\n') | None => {}
                        Some(escaped) => value.push(escaped),
                    }
                    self.at = (self.at + 2).min(self.bytes.len());
                }
                b'$' | b'`' => {
                    literal = false;
                    self.expansion();
                }
                _ => {
                    let pattern = b"*?[".contains(&byte) || (byte == b'~' && self.at == start);
                    // A brace alone is a reserved word; within a word, bash makes several words of it.
                    let braces = byte == b'{' && self.peek(1).is_some_and(|next| !next.is_ascii_whitespace());
                    literal &= !pattern && !braces;
                    value.push(byte);
                    self.at += 1;
                }
            }
        }
        // Escapes and quotes are ASCII, so what is taken out leaves UTF-8, unless half a character was escaped.
        literal.then_some(value).and_then(|value| String::from_utf8(value).ok())
    }

    fn find(&self, wanted: u8) -> usize {
        let found = self.bytes[self.at..].iter().position(|&byte| byte == wanted);
        found.map_or(self.bytes.len(), |n| self.at + n)
    }

    /// Reads up to the closing quote; whether the text needs no expansion.
    fn double_quoted(&mut self, value: &mut Vec<u8>) -> bool {
        let mut literal = true;
        while let Some(byte) = self.peek(0) {
            match byte {
                b'"' => {
                    self.at += 1;
                    return literal;
                }
                b'\\' => {
                    match self.peek(1) {
                        Some(b'\n') | None => {}
                        Some(escaped) => {
                            if !b"$`\"\\".contains(&escaped) {
                                value.push(b'\\');
                            }
                            value.push(escaped);
                        }
                    }
                    self.at = (self.at + 2).min(self.bytes.len());
                }
                b'$' | b'`' => {
                    literal = false;
                    self.expansion();
                }
                _ => {
                    value.push(byte);
                    self.at += 1;
                }
            }
        }
        false
    }

    /// Goes over `$name`, `${…}`, `$(…)`, or text between backticks.
    fn expansion(&mut self) {
        let close = match (self.peek(0), self.peek(1)) {
            (Some(b'`'), _) => {
                self.at += 1;
                while let Some(byte) = self.peek(0) {
                    self.at = (self.at + if byte == b'\\' { 2 } else { 1 }).min(self.bytes.len());
                    if byte == b'`' {
                        break;
                    }
                }
                return;
            }
            (_, Some(b'(')) => b')',
            (_, Some(b'{')) => b'}',
            (_, Some(b'#' | b'?' | b'$' | b'!' | b'*' | b'@' | b'-')) => {
                self.at += 2;
                return;
            }
            _ => {
                self.at += 1;
                return;
            }
        };
        let open = if close == b')' { b'(' } else { b'{' };
        self.at += 2;
        let mut depth = 1;
        while let Some(byte) = self.peek(0) {
            self.at += 1;
            match byte {
                b'\\' => self.at = (self.at + 1).min(self.bytes.len()),
                b'\'' if close == b')' => self.at = (self.find(b'\'') + 1).min(self.bytes.len()),
                b'"' => {
                    self.nested_quotes();
                }
                _ if byte == open => depth += 1,
                _ if byte == close => {
                    depth -= 1;
                    if depth == 0 {
                        return;
                    }
                }
                _ => {}
            }
        }
    }

    /// Goes to the end of double-quoted text inside an expansion. Expansions inside that are not followed, so that
    /// the depth of nesting cannot exhaust the stack.
    fn nested_quotes(&mut self) {
        while let Some(byte) = self.peek(0) {
            self.at = (self.at + if byte == b'\\' { 2 } else { 1 }).min(self.bytes.len());
            if byte == b'"' {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The tokens in short: words by their value, `$` for one that is not literal.
    fn short(script: &str) -> String {
        let mut text = Vec::new();
        for (token, range) in tokens(script) {
            text.push(match token {
                Token::Word { literal: Some(literal) } => literal,
                Token::Word { literal: None } => "$".to_owned(),
                Token::Separator => "|".to_owned(),
                Token::Redirect => ">".to_owned(),
                Token::Comment => "#".to_owned(),
                Token::HereDocument => format!("<{}>", script[range].replace('\n', "/")),
            });
        }
        text.join(" ")
    }

    #[track_caller]
    fn check(script: &str, expected: &str) {
        assert_eq!(short(script), expected, "{script:?}");
    }

    #[test]
    fn words_and_quotes() {
        check("a b", "a b");
        check("a'b c'\"d e\"\\ f", "ab cd e f");
        check("a \\\n b", "a b");
        check("a\\\nb", "ab");
        check("\"a\\\"b\\c\"", "a\"b\\c");
        check("$x ${x#y} $(a b) `a b` $((1<<2)) \"$x\" '$x'", "$ $ $ $ $ $ $x");
        check("*.c a? ~/x a~ {a,b} { a; }", "$ $ $ a~ $ { a | }");
        check("\"$(echo \"a b\")\" c", "$ c");
        check("é'ü'", "éü");
    }

    #[test]
    fn commands_end_at_operators() {
        check("a;b&&c||d|e&f", "a | b | | c | | d | e | f");
        check("case x in a) b;; esac", "case x in a | b | | esac");
        check("f() { a; }", "f | | { a | }");
    }

    #[test]
    fn comments_start_words() {
        check("a # b 'c\nd", "a # | d");
        check("a#b $# ${#x}", "a#b $ $");
    }

    #[test]
    fn redirections() {
        check("a >/dev/null 2>&1 <x", "a > /dev/null 2 > 1 > x");
        check("cat <<EOF >x\n# a 'b\nEOF\nc", "cat > EOF > x | <# a 'b/EOF/> c");
        check("cat <<-'E F'\n\ta\n\tE F\nc", "cat > E F | <\ta/\tE F/> c");
        check("cat <<A <<B\n1\nA\n2\nB\nc", "cat > A > B | <1/A/> <2/B/> c");
        check("cat <<<x\nc", "cat > x | c");
        check("cat <<EOF\nno end", "cat > EOF | <no end>");
    }

    #[test]
    fn what_does_not_end_is_one_word() {
        check("a 'b c\nd", "a b c\nd");
        check("a \"b c\nd", "a $");
        check("a $(b\nc", "a $");
        check("a ${b", "a $");
        check("a `b", "a $");
        check("a \\", "a ");
    }

    proptest! {
        #[test]
        fn tokens_are_in_order_and_only_blanks_are_between(script in "[a-zé'\"\\\\ \t\n#$(){}`;&|<>E-]{0,40}") {
            let mut end = 0;
            for (_, range) in tokens(&script) {
                prop_assert!(range.start >= end && range.end >= range.start);
                let between = script[end..range.start].replace("\\\n", "");
                prop_assert!(between.trim().is_empty(), "{between:?}");
                end = range.end;
            }
            prop_assert!(script[end..].replace("\\\n", "").trim().is_empty());
        }
    }
}
