//! Text in lines of limited width, divided as Python's `textwrap.wrap` divides it.

/// The lines of `text`, none longer than `width` characters. Spaces within a line stay, those where lines meet go.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let text = flatten(text);
    let mut chunks = chunks(&text);
    chunks.reverse();
    let mut lines: Vec<String> = Vec::new();
    while let Some(next) = chunks.last() {
        if !lines.is_empty() && is_blank(next) {
            chunks.pop();
        }
        let (mut line, mut room) = (Vec::new(), width);
        while let Some(chunk) = chunks.last().copied().filter(|chunk| chunk.len() <= room) {
            line.push(chunk);
            room -= chunk.len();
            chunks.pop();
        }
        if let Some(long) = chunks.last_mut().filter(|chunk| chunk.len() > width) {
            let (start, rest) = long.split_at(end_of_part(long, room));
            line.push(start);
            *long = rest;
        }
        if line.last().is_some_and(|chunk| is_blank(chunk)) {
            line.pop();
        }
        if !line.is_empty() {
            lines.push(line.concat().into_iter().collect());
        }
    }
    lines
}

/// The text's characters on one line: tabs as spaces up to the next column of eight, other white space as one space.
fn flatten(text: &str) -> Vec<char> {
    let (mut flat, mut column) = (Vec::new(), 0);
    for character in text.chars() {
        match character {
            '\t' => flat.extend(std::iter::repeat_n(' ', 8 - column % 8)),
            '\n' | '\r' | '\x0b' | '\x0c' => flat.push(' '),
            _ => flat.push(character),
        }
        column = match character {
            '\n' | '\r' => 0,
            '\t' => column + 8 - column % 8,
            _ => column + 1,
        };
    }
    flat
}

/// What stays together: runs of spaces, words, and the parts of words with hyphens.
fn chunks(text: &[char]) -> Vec<&[char]> {
    let starts: Vec<usize> = (0..text.len()).filter(|&at| at == 0 || is_start(text, at)).collect();
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    starts.iter().zip(ends).map(|(&start, end)| &text[start..end]).collect()
}

/// Whether a chunk starts at `at`, which is not the start of the text.
fn is_start(text: &[char], at: usize) -> bool {
    // Beyond its ends the text is as if there were spaces.
    let near = |offset| at.checked_add_signed(offset).and_then(|at| text.get(at)).copied().unwrap_or(' ');
    if near(-1) == ' ' || near(0) == ' ' {
        return near(-1) != near(0);
    }
    // After the hyphen of a word: `ab-cd`, `a-b-cd`.
    let before = is_letter(near(-2)) && (is_letter(near(-3)) || near(-3) == '-' && is_letter(near(-4)));
    let after = is_letter(near(0)) && (is_letter(near(1)) || near(1) == '-' && is_letter(near(2)));
    if near(-1) == '-' && before && after {
        return true;
    }
    // On both sides of a dash between words: `ab--cd`.
    let start = at - text[..at].iter().rev().take_while(|&&character| character == '-').count();
    let end = at + text[at..].iter().take_while(|&&character| character == '-').count();
    (start == at || end == at)
        && end - start >= 2
        && start.checked_sub(1).is_some_and(|last| ends_word(text[last]))
        && text.get(end).copied().is_some_and(is_word)
}

/// Where to part a chunk that is longer than a line, with `room` left on this one: after a hyphen if there is one.
fn end_of_part(chunk: &[char], room: usize) -> usize {
    let hyphen = chunk[..room].iter().rposition(|&character| character == '-');
    hyphen.filter(|&at| chunk[..at].iter().any(|&character| character != '-')).map_or(room, |at| at + 1)
}

fn is_blank(chunk: &[char]) -> bool {
    chunk.iter().all(|character| character.is_whitespace())
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn is_letter(character: char) -> bool {
    is_word(character) && !character.is_ascii_digit()
}

fn ends_word(character: char) -> bool {
    is_word(character) || matches!(character, '!' | '"' | '\'' | '&' | '.' | ',' | '?')
}

#[cfg(test)]
mod tests {
    use super::wrap;

    #[test]
    fn lines_are_those_of_python() {
        let check = |text: &str, width: usize, expected: &[&str]| {
            assert_eq!(wrap(text, width), expected, "{text:?} {width}");
        };
        check("", 8, &[]);
        check(" \n\t", 8, &[]);
        check("one two three\n", 8, &["one two", "three"]);
        check("two  spaces.  Stay", 12, &["two  spaces.", "Stay"]);
        check("  first", 8, &["  first"]);
        check("a\t-- b\n\tc", 40, &["a       -- b         c"]);
        check("well-known cat", 8, &["well-", "known", "cat"]);
        check("a-b-cd 1-2", 5, &["a-b-", "cd", "1-2"]);
        check("cats--dogs", 6, &["cats--", "dogs"]);
        check("abcdefghij", 4, &["abcd", "efgh", "ij"]);
        check("ab-1234567", 6, &["ab-", "123456", "7"]);
        check("Käse-Igel", 5, &["Käse-", "Igel"]);
    }
}
