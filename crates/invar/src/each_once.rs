//! Each warning and note once.
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use invar_realise::{Event, Reporter};

use crate::report::CliReporter;

/// Passes each warning and note on once. Locking and building have some in common, and so have the platforms of an image,
/// the steps that read the same files, and a second attempt after something damaged was removed.
pub struct EachOnce<R> {
    inner: R,
    said: Mutex<BTreeSet<String>>,
}

impl<R> EachOnce<R> {
    /// Reports through `inner`.
    pub fn new(inner: R) -> Self {
        Self { inner, said: Mutex::new(BTreeSet::new()) }
    }
}

impl<R: CliReporter> CliReporter for EachOnce<R> {
    fn finish(&self) {
        self.inner.finish();
    }
}

impl<R: Reporter> Reporter for EachOnce<R> {
    fn event(&self, event: &Event<'_>) {
        if let Event::Warning(sentence) | Event::Note(sentence) = event {
            let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
            if !said.insert((*sentence).to_owned()) {
                return;
            }
        }
        self.inner.event(event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Lines(Mutex<Vec<String>>);

    impl Reporter for Lines {
        fn event(&self, event: &Event<'_>) {
            self.0.lock().expect("no test panics with it").push(format!("{event:?}"));
        }
    }

    #[test]
    fn only_what_was_said_is_not_said_again() {
        let reporter = EachOnce::new(Lines::default());
        let events = [
            Event::Warning("one"),
            Event::StepStarted { label: "a" },
            Event::Warning("two"),
            Event::Warning("one"),
            Event::Note("one"),
            Event::Note("three"),
            Event::StepStarted { label: "a" },
        ];
        events.iter().for_each(|event| reporter.event(event));
        let said = reporter.inner.0.into_inner().expect("no test panics with it");
        let expected = [
            "Warning(\"one\")",
            "StepStarted { label: \"a\" }",
            "Warning(\"two\")",
            "Note(\"three\")",
            "StepStarted { label: \"a\" }",
        ];
        assert_eq!(said, expected);
    }
}
