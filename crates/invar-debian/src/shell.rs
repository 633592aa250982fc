//! The words of a shell script (POSIX.1-2017, Shell Command Language, section 2.3 "Token Recognition").
//!
//! Nothing is run and nothing expanded: this only distinguishes commands from comments, quoted text and here-documents,
//! well enough for maintainer scripts. What it does not understand it takes for one long word, so that a mistake hides
//! commands rather than makes them up.
use std::collections::VecDeque;
use std::ops::Range;

use invar_shell::{Dialect, Quoting, WordReader, backticks, balanced, blanks, line_length, operator, word};

/// The shell of maintainer scripts.
const DIALECT: Dialect = Dialect { process_substitution: false, carriage_returns: false };

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
    let mut lexer = Lexer { script, at: 0, tokens: Vec::new(), pending: VecDeque::new() };
    loop {
        lexer.at += blanks(lexer.rest(), DIALECT);
        let Some(next) = lexer.rest().chars().next() else { return lexer.tokens };
        lexer.token(next);
    }
}

struct Lexer<'a> {
    script: &'a str,
    at: usize,
    tokens: Vec<(Token, Range<usize>)>,
    /// The here-documents that begin after this line: their last lines, and whether tabs before lines are dropped.
    pending: VecDeque<(String, bool)>,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.script[self.at..]
    }

    fn push(&mut self, token: Token, length: usize) {
        self.tokens.push((token, self.at..self.at + length));
        self.at += length;
    }

    /// Reads the token that begins with `next`.
    fn token(&mut self, next: char) {
        match next {
            '\n' => {
                self.push(Token::Separator, 1);
                while let Some((end, strip)) = self.pending.pop_front() {
                    self.here_document(&end, strip);
                }
            }
            '#' => self.push(Token::Comment, line_length(self.rest())),
            ';' | '&' | '|' | '(' | ')' => self.push(Token::Separator, 1),
            '<' | '>' => self.redirect(),
            _ => _ = self.word(),
        }
    }

    fn here_document(&mut self, end: &str, strip: bool) {
        let mut length = 0;
        for line in self.rest().split_inclusive('\n') {
            length += line.len();
            let line = line.strip_suffix('\n').unwrap_or(line);
            if (if strip { line.trim_start_matches('\t') } else { line }) == end {
                break;
            }
        }
        self.push(Token::HereDocument, length);
    }

    fn redirect(&mut self) {
        let operator = operator(self.rest()).unwrap_or_default();
        self.push(Token::Redirect, operator.len());
        if operator != "<<" && operator != "<<-" {
            return;
        }
        self.at += self.rest().len() - self.rest().trim_start_matches([' ', '\t']).len();
        let start = self.at;
        // The last line is the word without its quotes; nothing in it is expanded.
        let literal = self.word();
        let text = literal.unwrap_or_else(|| self.script[start..self.at].to_owned());
        self.pending.push_back((text, operator == "<<-"));
    }

    /// Reads a word, and gives its value where nothing in it needs to be expanded.
    fn word(&mut self) -> Option<String> {
        let mut value = Value { script: self.script, start: self.at, text: String::new(), is_literal: true };
        let end = word(self.script, self.at, DIALECT, &mut value);
        let literal = value.is_literal.then_some(value.text);
        self.push(Token::Word { literal: literal.clone() }, end - self.at);
        literal
    }
}

/// The value of a word, as far as it is known.
struct Value<'a> {
    script: &'a str,
    /// Where the word starts.
    start: usize,
    text: String,
    is_literal: bool,
}

impl WordReader for Value<'_> {
    fn literal(&mut self, range: Range<usize>, quoting: Quoting) {
        if quoting == Quoting::Plain {
            let text = &self.script[range.clone()];
            let tilde = range.start == self.start && text.starts_with('~');
            // A brace alone is a reserved word; within a word, bash makes several words of it.
            let braces = || {
                let after = text.match_indices('{').map(|(at, _)| &self.script[range.start + at + 1..]);
                after.filter_map(|after| after.bytes().next()).any(|next| !next.is_ascii_whitespace())
            };
            self.is_literal &= !tilde && !text.contains(['*', '?', '[']) && !braces();
        }
        self.text.push_str(&self.script[range]);
    }

    /// Goes over `$name`, `${…}`, `$(…)`, or text between backticks.
    fn expansion(&mut self, at: usize) -> usize {
        self.is_literal = false;
        let end = match self.script.as_bytes()[at..] {
            [b'`', ..] => backticks(self.script, at),
            [_, b'(', ..] => balanced(self.script, at + 1, '(', ')'),
            [_, b'{', ..] => balanced(self.script, at + 1, '{', '}'),
            [_, b'#' | b'?' | b'$' | b'!' | b'*' | b'@' | b'-', ..] => Some(at + 2),
            _ => Some(at + 1),
        };
        end.unwrap_or(self.script.len())
    }

    fn unclosed(&mut self, quote: char) {
        self.is_literal &= quote == '\'';
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
