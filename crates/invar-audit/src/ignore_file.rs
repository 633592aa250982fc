//! `.dockerignore`: which files of the folder a build never sees.
//!
//! As moby's `patternmatcher` reads it: one pattern a line, `#` starts a comment, a pattern is about what it names and
//! all below it, `!` lets in again, the last pattern that matches decides. `*` and `?` stay within a name, `**` does
//! not; brackets name characters.

/// An ignore file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnoreFile {
    patterns: Vec<(bool, Vec<String>)>,
}

/// Bytes that are read at most; what stands behind them is left out.
const LIMIT: usize = 256 << 10;

impl IgnoreFile {
    /// Reads an ignore file.
    pub fn parse(text: &str) -> Self {
        let end = (0..=LIMIT.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let lines = text[..end].trim_start_matches('\u{feff}').lines();
        let lines =
            lines.filter(|line| !line.starts_with('#')).map(str::trim).filter(|line| !line.is_empty());
        let patterns = lines.map(|line| {
            let (again, pattern) = match line.strip_prefix('!') {
                Some(pattern) => (true, pattern.trim()),
                None => (false, line),
            };
            let parts = pattern.split('/').filter(|part| !part.is_empty() && *part != ".");
            (again, parts.map(str::to_owned).collect::<Vec<_>>())
        });
        Self { patterns: patterns.filter(|(_, parts)| !parts.is_empty()).collect() }
    }

    /// Whether the build never sees the file at `path`, which is relative, without `.` and `..`.
    pub fn ignores(&self, path: &str) -> bool {
        let parts: Vec<&str> = path.split('/').collect();
        let last = self.patterns.iter().rev().find(|(_, pattern)| matches(pattern, &parts));
        last.is_some_and(|(again, _)| !again)
    }
}

/// Whether the pattern names the path, or a folder that it lies in.
fn matches(pattern: &[String], path: &[&str]) -> bool {
    // Which lengths of the path the pattern's parts so far can stand for.
    let mut reached = vec![false; path.len() + 1];
    reached[0] = true;
    for part in pattern {
        let mut next = vec![false; path.len() + 1];
        let first = reached.iter().position(|reached| *reached);
        if part == "**" {
            next[first.unwrap_or(path.len())..].fill(first.is_some());
        } else {
            for length in (0..path.len()).filter(|length| reached[*length]) {
                next[length + 1] = name_matches(part, path[length]);
            }
        }
        reached = next;
    }
    reached[1..].contains(&true)
}

/// Whether one part of a pattern matches a name, as Go's `path.Match` has it.
fn name_matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n, mut retry) = (0, 0, None);
    loop {
        match pattern.get(p) {
            Some('*') => {
                retry = Some((p, n + 1));
                p += 1;
                continue;
            }
            None if n == name.len() => return true,
            Some(_) if n < name.len() => {
                if let Some(length) = one_matches(&pattern[p..], name[n]) {
                    (p, n) = (p + length, n + 1);
                    continue;
                }
            }
            _ => {}
        }
        match retry {
            Some((star, next)) if next <= name.len() => {
                (p, n, retry) = (star + 1, next, Some((star, next + 1)));
            }
            _ => return false,
        }
    }
}

/// How much of the pattern stands for the character, where it does.
fn one_matches(pattern: &[char], character: char) -> Option<usize> {
    match pattern[0] {
        '?' => Some(1),
        '\\' => (*pattern.get(1)? == character).then_some(2),
        '[' => {
            let end = pattern.iter().skip(2).position(|one| *one == ']')? + 2;
            let negated = pattern[1] == '^';
            let set = &pattern[if negated { 2 } else { 1 }..end];
            let mut found = false;
            let mut at = 0;
            while at < set.len() {
                match (set.get(at + 1), set.get(at + 2)) {
                    (Some('-'), Some(high)) => {
                        found |= (set[at]..=*high).contains(&character);
                        at += 3;
                    }
                    _ => {
                        found |= set[at] == character;
                        at += 1;
                    }
                }
            }
            (found != negated).then_some(end + 1)
        }
        one => (one == character).then_some(1),
    }
}

#[cfg(test)]
mod tests {
    use super::IgnoreFile;

    #[test]
    fn patterns_are_read_as_docker_reads_them() {
        let check = |text: &str, path: &str, expected: bool| {
            assert_eq!(IgnoreFile::parse(text).ignores(path), expected, "{text:?} {path}");
        };
        check(".git", ".git/config", true);
        check("/.git/", ".git/config", true);
        check(".git*", ".git/config", true);
        check(".gitignore", ".git/config", false);
        check("*", ".git/config", true);
        check("*\n!src", ".git/config", true);
        check("*\n!src", "src/a.py", false);
        check("*\n!.git", ".git/config", false);
        check("**/.git", "a/b/.git/config", true);
        check("**/.git", ".git/config", true);
        check("# .git", ".git/config", false);
        check(".*", ".git/config", true);
        check("a/*/c", "a/b/c", true);
        check("a/*/c", "a/c", false);
        check("[.a]git", ".git/config", true);
        check("[^a]git", ".git/config", true);
        check("x?z", "xyz", true);
        check("", ".git", false);
    }

    #[test]
    fn a_pattern_of_stars_takes_no_time() {
        let name = "a".repeat(10_000);
        assert!(!IgnoreFile::parse(&format!("{}b", "*a".repeat(100))).ignores(&name));
        assert!(!IgnoreFile::parse(&format!("{}b", "**/".repeat(2_000))).ignores(&"a/".repeat(2_000)));
    }
}
