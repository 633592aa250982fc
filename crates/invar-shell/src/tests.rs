use std::ops::Range;

use proptest::prelude::*;

use super::*;

const BASH: Dialect = Dialect { process_substitution: true, carriage_returns: true };
const POSIX: Dialect = Dialect { process_substitution: false, carriage_returns: false };

/// Shows a word: quoted text between `[]`, expansions between `<>`.
struct Shown<'a> {
    text: &'a str,
    shown: String,
}

impl WordReader for Shown<'_> {
    fn literal(&mut self, range: Range<usize>, quoting: Quoting) {
        match quoting {
            Quoting::Plain => self.shown += &self.text[range],
            Quoting::Quoted => self.shown += &format!("[{}]", &self.text[range]),
        }
    }

    fn expansion(&mut self, at: usize) -> usize {
        let rest = &self.text[at + 1..];
        let end = match (self.text[at..].starts_with('`'), rest.chars().next()) {
            (true, _) => backticks(self.text, at),
            (_, Some('(')) => balanced(self.text, at + 1, '(', ')'),
            (_, Some('{')) => balanced(self.text, at + 1, '{', '}'),
            _ => Some(at + 1),
        };
        let end = end.unwrap_or(self.text.len());
        self.shown += &format!("<{}>", &self.text[at..end]);
        end
    }

    fn unclosed(&mut self, quote: char) {
        self.shown.push(quote);
    }
}

#[track_caller]
fn check_in(dialect: Dialect, text: &str, expected: &str, rest: &str) {
    let mut shown = Shown { text, shown: String::new() };
    let end = word(text, 0, dialect, &mut shown);
    assert_eq!((shown.shown.as_str(), &text[end..]), (expected, rest), "{text}");
}

#[track_caller]
fn check(text: &str, expected: &str, rest: &str) {
    check_in(POSIX, text, expected, rest);
    check_in(BASH, text, expected, rest);
}

#[test]
fn a_word_ends_at_blanks_and_operators() {
    for end in [" b", "\tb", "\nb", ";b", "&b", "|b", "(b", ")b", "<b", ">b", ""] {
        check(&format!("a{end}"), "a", end);
        check(&format!("é=ü#{end}"), "é=ü#", end);
    }
    check(" a", "", " a");
}

#[test]
fn quotes_and_backslashes_are_taken_out() {
    check("a'b c'd", "a[b c]d", "");
    check("'$a`\"\\'", "[$a`\"\\]", "");
    check("\\$a\\ b\\é", "[$]a[ ]b[é]", "");
    check("\"\"", "[]", "");
    check("\"a\\\"b\\c\\\\\"d", "[][a][\"][b][\\c][\\]d", "");
    check("a\\\nb \"c\\\nd\"", "ab", " \"c\\\nd\"");
    check("\"c\\\nd\"", "[][c][d]", "");
    check("a\\", "a[]", "");
}

#[test]
fn expansions_are_given_to_the_reader() {
    check("a$b", "a<$>b", "");
    check("$(a 'b)' \"c)\" (d) \\)) e", "<$(a 'b)' \"c)\" (d) \\))>", " e");
    check("${a#'} b", "<${a#'}>", " b");
    check("${a:-{b}}c", "<${a:-{b}}>c", "");
    check("\"$(echo \"a b\")\"c", "[]<$(echo \"a b\")>c", "");
    check("`a \\` b`c", "<`a \\` b`>c", "");
    check_in(BASH, "a<(b)c", "a<<(b)>c", "");
    check_in(POSIX, "a<(b)c", "a", "<(b)c");
}

#[test]
fn what_is_not_closed_ends_with_the_text() {
    check("'a b", "[a b]'", "");
    check("\"a b", "[][a b]\"", "");
    check("\"a\\", "[][a][\\]\"", "");
    for text in ["$(a", "${a", "`a\\`", "$('a)", "$(\"a)"] {
        check(text, &format!("<{text}>"), "");
    }
}

#[test]
fn operators_are_as_long_as_can_be() {
    for (text, expected) in [
        ("<<-a", Some("<<-")),
        ("<<<a", Some("<<<")),
        ("<< -", Some("<<")),
        (";;&", Some(";;&")),
        (";; &", Some(";;")),
        ("&>>a", Some("&>>")),
        ("&&", Some("&&")),
        ("|&", Some("|&")),
        (">|", Some(">|")),
        (")", Some(")")),
        ("a", None),
        ("", None),
    ] {
        assert_eq!(operator(text), expected, "{text}");
    }
    for (at, longer) in OPERATORS.iter().enumerate() {
        assert!(!OPERATORS[..at].iter().any(|before| longer.starts_with(before)), "{longer}");
    }
    assert!(is_redirection("&>") && is_redirection("<<-") && !is_redirection("&&") && !is_redirection("("));
}

#[test]
fn blanks_go_over_continued_lines() {
    assert_eq!(blanks(" \t\r\\\n a", POSIX), 6);
    assert_eq!(blanks("\\\r\na", POSIX), 0);
    assert_eq!(blanks("\\\r\na", BASH), 3);
    assert_eq!(blanks("\n", BASH), 0);
    assert_eq!((line_length("a\nb"), line_length("ab")), (1, 2));
}

proptest! {
    #[test]
    fn any_text_is_read_to_its_end(text in "[a-zé'\"\\\\ \t\r\n#$(){}`;&|<>]{0,60}") {
        for dialect in [POSIX, BASH] {
            let mut at = 0;
            while at < text.len() {
                let mut shown = Shown { text: &text, shown: String::new() };
                let end = word(&text, at, dialect, &mut shown);
                prop_assert!(text.is_char_boundary(end) && end >= at);
                at = end + blanks(&text[end..], dialect);
                at += operator(&text[at..]).map_or(0, str::len);
                if at == end {
                    at += text[at..].chars().next().map_or(0, char::len_utf8);
                }
            }
        }
    }
}
