//! Answers to debconf's questions, in the form of debconf-set-selections(1).
//!
//! ```text
//! selection  owner, blanks, question, blanks, type, one blank, value; the value may be empty or missing
//! owner      the package that asks: a package's name, or "d-i"
//! question   such as "locales/default_environment_locale": no blanks
//! type       select | multiselect | string | boolean | note | text | password | seen | title | error
//! ```
use std::fmt;
use std::str::FromStr;

/// One answer, as `locales locales/default_environment_locale select de_DE.UTF-8`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Selection {
    owner: String,
    question: String,
    kind: String,
    value: String,
}

/// Why a text is not a [`Selection`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectionError {
    /// It has less than three fields.
    #[error("{text:?} is not an answer for debconf: expected \"PACKAGE QUESTION TYPE VALUE\"")]
    Fields {
        /// The text.
        text: String,
    },
    /// Its type is not one of debconf's.
    #[error("{text:?}: debconf has no question type {kind:?}; expected {}", KINDS.join(", "))]
    Kind {
        /// The text.
        text: String,
        /// The third field.
        kind: String,
    },
    /// It has more than one line, or another character that no answer has.
    #[error("{text:?} has a control character or more than one line; an answer is one line")]
    Control {
        /// The text.
        text: String,
    },
}

const KINDS: [&str; 10] =
    ["boolean", "error", "multiselect", "note", "password", "seen", "select", "string", "text", "title"];

impl Selection {
    /// The package that asks.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// The question's name.
    pub fn question(&self) -> &str {
        &self.question
    }
}

impl FromStr for Selection {
    type Err = SelectionError;

    fn from_str(text: &str) -> Result<Self, SelectionError> {
        if text.trim_end().ends_with('\\') || text.chars().any(|c| c.is_control() && c != '\t') {
            return Err(SelectionError::Control { text: text.to_owned() });
        }
        let mut rest = text;
        let mut field = || {
            let start = rest.trim_start();
            let end = start.find(char::is_whitespace).unwrap_or(start.len());
            let (field, behind) = start.split_at(end);
            rest = behind;
            field.to_owned()
        };
        let (owner, question, kind) = (field(), field(), field());
        // A line that starts with "#" would be a comment.
        if kind.is_empty() || owner.starts_with('#') {
            return Err(SelectionError::Fields { text: text.to_owned() });
        }
        if !KINDS.contains(&kind.as_str()) {
            return Err(SelectionError::Kind { text: text.to_owned(), kind });
        }
        Ok(Self { owner, question, kind, value: rest.trim().to_owned() })
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} {}", self.owner, self.question, self.kind, self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selection_has_three_fields_and_a_value() {
        let check = |text: &str, expected: &str| {
            assert_eq!(text.parse::<Selection>().unwrap().to_string(), expected, "{text:?}");
        };
        check(
            "locales\tlocales/locales_to_be_generated  multiselect de_DE.UTF-8 UTF-8, en_US.UTF-8 UTF-8",
            "locales locales/locales_to_be_generated multiselect de_DE.UTF-8 UTF-8, en_US.UTF-8 UTF-8",
        );
        check("ucf ucf/title string", "ucf ucf/title string ");
        let selection: Selection = "ucf ucf/title string x".parse().unwrap();
        assert_eq!((selection.owner(), selection.question()), ("ucf", "ucf/title"));
    }

    #[test]
    fn other_texts_are_refused() {
        let fields = |text: &str| Err(SelectionError::Fields { text: text.into() });
        let control = |text: &str| Err(SelectionError::Control { text: text.into() });
        for (text, expected) in [
            ("", fields("")),
            ("a b", fields("a b")),
            ("# a string b", fields("# a string b")),
            ("a b c d", Err(SelectionError::Kind { text: "a b c d".into(), kind: "c".into() })),
            ("a b string x\ny z string", control("a b string x\ny z string")),
            ("a b string x\\", control("a b string x\\")),
            ("a b string x\\ ", control("a b string x\\ ")),
        ] {
            assert_eq!(text.parse::<Selection>(), expected, "{text:?}");
        }
    }
}
