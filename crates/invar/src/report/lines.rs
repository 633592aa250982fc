//! Progress as lines, for logs.
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use invar_realise::{Event, Reporter};

use super::CliReporter;
use super::sentence::sentence;
use crate::color::dim;
use crate::output::{Style, say};

/// A line for each event that is worth one.
pub struct Lines {
    style: Style,
    /// What was said: parts of a lock and platforms of an image go through the same phases and steps.
    said: Mutex<BTreeSet<String>>,
}

impl Lines {
    /// In `style`.
    pub fn new(style: Style) -> Self {
        Self { style, said: Mutex::default() }
    }
}

impl CliReporter for Lines {
    #[cfg(feature = "inspect")]
    fn line(&self, line: &str) {
        self.style.say(line);
    }
}

impl Reporter for Lines {
    fn event(&self, event: &Event<'_>) {
        if let Event::StepOutput { label, line } = event {
            if self.style.verbose {
                say(&step_line(label, line, self.style.colored));
            }
            return;
        }
        let Some(sentence) = sentence(event) else { return };
        let is_new = self.said.lock().unwrap_or_else(PoisonError::into_inner).insert(sentence.clone());
        if is_new {
            self.style.say(&sentence);
        }
    }
}

/// A line that a step printed, with the step's name.
pub fn step_line(label: &str, line: &str, colored: bool) -> String {
    format!("{} {line}", dim(&format!("{label} |"), colored))
}
