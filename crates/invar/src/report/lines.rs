//! Progress as lines, for logs.
use std::sync::atomic::{AtomicBool, Ordering};

use invar_realise::{Event, Phase, Reporter};

use super::CliReporter;
use super::sentence::sentence;
use crate::color::dim;
use crate::output::{Style, say};

/// A line for each event that is worth one.
pub struct Lines {
    style: Style,
    /// Which of the phases that each part of a lock goes through were said.
    said: [AtomicBool; 2],
}

impl Lines {
    /// In `style`.
    pub fn new(style: Style) -> Self {
        Self { style, said: Default::default() }
    }
}

impl CliReporter for Lines {
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
        let said = match event {
            Event::Phase(Phase::Indexes) => Some(&self.said[0]),
            Event::Phase(Phase::Solve) => Some(&self.said[1]),
            _ => None,
        };
        if said.is_some_and(|said| said.swap(true, Ordering::Relaxed)) {
            return;
        }
        if let Some(sentence) = sentence(event) {
            self.style.say(&sentence);
        }
    }
}

/// A line that a step printed, with the step's name.
pub fn step_line(label: &str, line: &str, colored: bool) -> String {
    format!("{} {line}", dim(&format!("{label} |"), colored))
}
