//! Why something is in an image.
use invar_diagnostic::printable;
use invar_tree::ImagePath;
use serde::Serialize;

use crate::error::InspectError;

/// What is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A file of the image.
    Path(ImagePath),
    /// A package, by its name.
    Package(String),
}

impl Subject {
    /// What `text` names: what begins with a slash is a path.
    ///
    /// # Errors
    /// [`InspectError::NotAPath`] for what begins with a slash and is none.
    pub fn parse(text: &str) -> Result<Self, InspectError> {
        let Some(relative) = text.strip_prefix('/') else { return Ok(Self::Package(text.to_owned())) };
        match ImagePath::parse(relative) {
            Ok(path) => Ok(Self::Path(path)),
            Err(error) => Err(InspectError::NotAPath { text: text.to_owned(), problem: error.to_string() }),
        }
    }

    /// `answers`, if there are any.
    pub(crate) fn found(&self, answers: Vec<Answer>) -> Result<Vec<Answer>, InspectError> {
        match self {
            _ if !answers.is_empty() => Ok(answers),
            Self::Path(path) => Err(InspectError::NoFile { path: path.clone() }),
            Self::Package(name) => Err(InspectError::NoPackage { name: name.clone() }),
        }
    }
}

/// What is known about a file or package.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Answer {
    /// What was asked.
    pub subject: String,
    /// Where it comes from, in words.
    pub origin: String,
    /// What else is known, as names and values.
    pub facts: Vec<(String, String)>,
    /// Why that is in the image: from what was asked for down to it.
    pub chain: Vec<String>,
    /// What cannot be known from here.
    pub unknown: Vec<String>,
}

impl Answer {
    /// An answer without facts.
    pub fn of(subject: impl Into<String>, origin: impl Into<String>) -> Self {
        Self { subject: subject.into(), origin: origin.into(), ..Self::default() }
    }

    /// Adds a fact.
    pub fn fact(&mut self, name: &str, value: impl ToString) {
        self.facts.push((name.to_owned(), value.to_string()));
    }

    /// The answer as text.
    pub fn text(&self) -> String {
        let mut text = format!("{}\n  comes from {}\n", printable(&self.subject), printable(&self.origin));
        for (name, value) in &self.facts {
            text.push_str(&format!("  {name}: {}\n", printable(value)));
        }
        if !self.chain.is_empty() {
            text.push_str("  because\n");
            for (depth, link) in self.chain.iter().enumerate() {
                text.push_str(&format!("    {}{}\n", "  ".repeat(depth), printable(link)));
            }
        }
        for unknown in &self.unknown {
            text.push_str(&format!("  not known: {}\n", printable(unknown)));
        }
        text
    }
}
