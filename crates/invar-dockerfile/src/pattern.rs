//! Patterns of `${NAME#pattern}`, `${NAME%pattern}` and `${NAME/pattern/text}`: `*` and `?`, and no brackets.

/// One place of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PatternPart {
    /// This character.
    One(char),
    /// Any one character.
    Any,
    /// Any number of characters.
    Many,
}

/// A pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern(Vec<PatternPart>);

impl Pattern {
    /// Reads a pattern; a backslash takes the next character as it is.
    pub(crate) fn parse(text: &str) -> Self {
        let mut pieces = Vec::new();
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            match character {
                '*' if pieces.last() == Some(&PatternPart::Many) => {}
                '*' => pieces.push(PatternPart::Many),
                '?' => pieces.push(PatternPart::Any),
                '\\' => pieces.extend(characters.next().map(PatternPart::One)),
                other => pieces.push(PatternPart::One(other)),
            }
        }
        Self(pieces)
    }

    /// The lengths, in characters and rising, of all the prefixes of `text` that match.
    ///
    /// Takes time in the product of both lengths, whatever the pattern.
    fn prefixes(&self, text: &[char]) -> Vec<usize> {
        // Which places of the pattern can be reached after the characters so far.
        let mut places = vec![false; self.0.len() + 1];
        places[0] = true;
        self.skip_stars(&mut places);
        let mut found = Vec::new();
        for (length, character) in text.iter().map(Some).chain([None]).enumerate() {
            if places[self.0.len()] {
                found.push(length);
            }
            let Some(character) = character else { break };
            let mut next = vec![false; self.0.len() + 1];
            for (place, piece) in self.0.iter().enumerate().filter(|(place, _)| places[*place]) {
                match piece {
                    PatternPart::One(one) => next[place + 1] |= one == character,
                    PatternPart::Any => next[place + 1] = true,
                    PatternPart::Many => next[place] = true,
                }
            }
            self.skip_stars(&mut next);
            if !next.contains(&true) {
                break;
            }
            places = next;
        }
        found
    }

    fn skip_stars(&self, places: &mut [bool]) {
        for (place, piece) in self.0.iter().enumerate() {
            if places[place] && *piece == PatternPart::Many {
                places[place + 1] = true;
            }
        }
    }

    /// `text` without the shortest or longest prefix that matches.
    pub(crate) fn trim_start(&self, text: &str, longest: bool) -> String {
        let characters: Vec<char> = text.chars().collect();
        let found = self.prefixes(&characters);
        let length = if longest { found.last() } else { found.first() };
        characters[length.copied().unwrap_or(0)..].iter().collect()
    }

    /// `text` without the shortest or longest suffix that matches.
    pub(crate) fn trim_end(&self, text: &str, longest: bool) -> String {
        let backwards = Self(self.0.iter().rev().copied().collect());
        let reversed: String = text.chars().rev().collect();
        backwards.trim_start(&reversed, longest).chars().rev().collect()
    }

    /// `text` with the first or every match replaced, each match as long as it can be; at most `limit` bytes of it.
    pub(crate) fn replace(&self, text: &str, by: &str, all: bool, limit: usize) -> String {
        let characters: Vec<char> = text.chars().collect();
        let (mut out, mut at, mut goes_on) = (String::new(), 0, true);
        // Each start costs a pass over the rest, so the number of passes is bounded too.
        let mut passes = 4096;
        while at < characters.len() && out.len() < limit {
            let length = if goes_on && passes > 0 {
                passes -= 1;
                self.prefixes(&characters[at..]).last().copied().filter(|length| *length > 0)
            } else {
                None
            };
            match length {
                Some(length) => {
                    out.push_str(by);
                    at += length;
                    goes_on = all;
                }
                None => {
                    out.push(characters[at]);
                    at += 1;
                }
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn patterns_match_as_in_the_shell() {
        let check = |pattern: &str, text: &str, shortest: &str, longest: &str| {
            assert_eq!(Pattern::parse(pattern).trim_start(text, false), shortest, "# {pattern}");
            assert_eq!(Pattern::parse(pattern).trim_start(text, true), longest, "## {pattern}");
        };
        check("*/", "a/b/c", "b/c", "c");
        check("?", "abc", "bc", "bc");
        check("*", "abc", "abc", "");
        check("x", "abc", "abc", "abc");
        check("\\*", "*bc", "bc", "bc");
        assert_eq!(Pattern::parse(".*").trim_end("a.b.c", false), "a.b");
        assert_eq!(Pattern::parse(".*").trim_end("a.b.c", true), "a");
        assert_eq!(Pattern::parse("b").replace("abab", "X", false, 100), "aXab");
        assert_eq!(Pattern::parse("b").replace("abab", "X", true, 100), "aXaX");
        assert_eq!(Pattern::parse("").replace("ab", "X", true, 100), "ab");
    }

    #[test]
    fn a_pattern_of_stars_takes_no_time() {
        let text = "a".repeat(20_000);
        assert_eq!(Pattern::parse(&"*a".repeat(40)).trim_start(&text, true), "");
        assert_eq!(Pattern::parse(&"*b".repeat(40)).trim_start(&text, true), text);
    }
}
