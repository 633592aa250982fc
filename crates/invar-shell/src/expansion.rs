/// Where the text ends that starts with the backtick at `at`: after the next one. `None` if there is none.
pub fn backticks(text: &str, at: usize) -> Option<usize> {
    end_of(text, at + 1, '`')
}

/// Where the text ends that starts with the `open` at `at`, a parenthesis or a brace: after the `close` that belongs to
/// it. `None` if there is none.
///
/// Quotes hide what is between them, single ones only in parentheses. Expansions inside of double quotes are not
/// followed, so that the depth of nesting cannot exhaust the stack.
pub fn balanced(text: &str, at: usize, open: char, close: char) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = at;
    while let Some(character) = text[at..].chars().next() {
        at += character.len_utf8();
        match character {
            '\\' => at += text[at..].chars().next().map_or(0, char::len_utf8),
            '\'' if close == ')' => at += text[at..].find('\'')? + 1,
            '"' => at = end_of(text, at, '"')?,
            _ if character == open => depth += 1,
            _ if character == close => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

/// Where the text from `at` ends: after the next `quote` that has no backslash before it.
fn end_of(text: &str, at: usize, quote: char) -> Option<usize> {
    let mut at = at;
    while let Some(character) = text[at..].chars().next() {
        at += character.len_utf8();
        match character {
            '\\' => at += text[at..].chars().next().map_or(0, char::len_utf8),
            _ if character == quote => return Some(at),
            _ => {}
        }
    }
    None
}
