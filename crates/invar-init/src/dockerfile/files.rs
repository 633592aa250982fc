//! The project's source files, as far as a `COPY` asks about them.
use std::collections::BTreeMap;

use crate::dockerfile::place::joined;

/// The project's source files, each relative to its folder; those that matter with their text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Files<'a>(pub &'a BTreeMap<String, Option<String>>);

impl<'a> Files<'a> {
    /// The files that `path` is or has in it.
    pub fn within(self, path: &str) -> impl Iterator<Item = &'a str> {
        let path = relative(path);
        self.0.keys().map(String::as_str).filter(move |file| {
            let rest = file.strip_prefix(path.as_str());
            path.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }

    /// Whether there is a file `path`, or one in a folder of that name.
    pub fn has(self, path: &str) -> bool {
        self.within(path).next().is_some()
    }

    /// Whether `path` is a folder; if no file shows it, as its name looks.
    pub fn is_directory(self, path: &str) -> bool {
        let path = relative(path);
        match self.within(&path).next() {
            Some(file) => file.len() > path.len(),
            None => !path.rsplit('/').next().unwrap_or_default().contains(['.', '*']),
        }
    }

    /// The files and folders that the pattern `path` of a `COPY` means: `*` and `?` stand for what is within one name.
    pub fn matching(self, path: &str) -> Vec<String> {
        let pattern = relative(path);
        let depth = pattern.split('/').count();
        let mut found: Vec<String> = Vec::new();
        for file in self.0.keys() {
            let parts: Vec<&str> = file.split('/').collect();
            let is_match = parts.len() >= depth
                && pattern.split('/').zip(&parts).all(|(pattern, part)| matches(pattern, part));
            let name = parts.get(..depth).unwrap_or_default().join("/");
            if is_match && found.last() != Some(&name) {
                found.push(name);
            }
        }
        found
    }
}

/// `path` from the project's folder. Builders look at nothing outside it: `..` of that folder is the folder.
pub(super) fn relative(path: &str) -> String {
    joined("/", path).trim_start_matches('/').to_owned()
}

/// Whether `name` is what `pattern` means.
fn matches(pattern: &str, name: &str) -> bool {
    // The last star, and where in the name it has been tried: it is enough to go back to that one.
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some('?') => (p, n) = (p + 1, n + 1),
            Some(letter) if *letter == name[n] => (p, n) = (p + 1, n + 1),
            _ => {
                let Some((at, tried)) = star else { return false };
                star = Some((at, tried + 1));
                (p, n) = (at + 1, tried + 1);
            }
        }
    }
    pattern[p..].iter().all(|letter| *letter == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_matched_as_builders_do() {
        let list = ["a.py", "b.py", "b.txt", "src/a.py", "src/b/c.py"];
        let map = list.iter().map(|path| ((*path).to_owned(), None)).collect();
        let files = Files(&map);
        assert_eq!(files.matching("*.py"), ["a.py", "b.py"]);
        assert_eq!(files.matching("./?.*"), ["a.py", "b.py", "b.txt"]);
        assert_eq!(files.matching("src/*"), ["src/a.py", "src/b"]);
        assert_eq!(files.matching("s*c/a*y"), ["src/a.py"]);
        assert!(files.matching("*.md").is_empty());
        assert!(
            files.is_directory("src/") && files.is_directory("./src/b") && !files.is_directory("src/a.py")
        );
        assert!(files.has("../src") && !files.has("sr") && files.within("src").count() == 2);
    }
}
