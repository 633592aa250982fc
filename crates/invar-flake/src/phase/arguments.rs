//! The options and operands of a program's arguments.

/// Arguments, taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Arguments {
    options: Vec<(String, Option<String>)>,
    /// What is no option.
    pub(super) operands: Vec<String>,
}

impl Arguments {
    /// `words`, of which the options in `with_value` take the next word, unless the value is in the same one.
    pub(super) fn of(words: &[String], with_value: &[&str]) -> Self {
        let mut found = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            if word == "--" {
                found.operands.extend(words.by_ref().cloned());
            } else if let Some(long) = word.strip_prefix("--") {
                let (name, value) = match long.split_once('=') {
                    Some((name, value)) => (name, Some(value.to_owned())),
                    None if with_value.contains(&long) => (long, words.next().cloned()),
                    None => (long, None),
                };
                found.options.push((name.to_owned(), value));
            } else if let Some(short) = word.strip_prefix('-').filter(|short| !short.is_empty()) {
                for (at, letter) in short.char_indices() {
                    let name = letter.to_string();
                    if with_value.contains(&name.as_str()) {
                        let rest = &short[at + letter.len_utf8()..];
                        let value =
                            if rest.is_empty() { words.next().cloned() } else { Some(rest.to_owned()) };
                        found.options.push((name, value));
                        break;
                    }
                    found.options.push((name, None));
                }
            } else {
                found.operands.push(word.clone());
            }
        }
        found
    }

    /// Whether one of the options is there.
    pub(super) fn has(&self, names: &[&str]) -> bool {
        self.options.iter().any(|(name, _)| names.contains(&name.as_str()))
    }

    /// The last value of one of the options.
    pub(super) fn value(&self, names: &[&str]) -> Option<&str> {
        let mut found = self.options.iter().rev().filter(|(name, _)| names.contains(&name.as_str()));
        found.find_map(|(_, value)| value.as_deref())
    }
}
