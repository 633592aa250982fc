//! Progress on a terminal: below the lines that stay, one line for each thing that is under way.
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{HumanDuration, MultiProgress, ProgressBar, ProgressStyle};
use invar_realise::{Event, Phase, Reporter};

use super::CliReporter;
use super::counters::{Packages, Transfer, bar};
use super::lines::step_line;
use super::sentence::sentence;
use crate::color::{dim, paint};
use crate::output::Style;

/// How often a line that says what is under way moves: often enough to see that the program is alive.
const TICK: Duration = Duration::from_millis(120);

/// How many columns the label of a download gets.
const LABEL: usize = 34;

/// How many columns a bar gets.
const BAR: usize = 24;

/// A step that ran for less than this is not worth its time.
const SHORT: Duration = Duration::from_secs(2);

/// Draws lines on standard error.
pub struct Bars {
    style: Style,
    all: MultiProgress,
    state: Mutex<State>,
}

/// What is drawn.
#[derive(Default)]
struct State {
    /// The part of the work, always the last line.
    phase: Option<ProgressBar>,
    packages: Packages,
    downloads: BTreeMap<String, (ProgressBar, Transfer)>,
    steps: BTreeMap<String, ProgressBar>,
}

impl Bars {
    /// In `style`, on standard error.
    pub fn new(style: Style) -> Self {
        Self { style, all: MultiProgress::new(), state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A line that stays, above those that are drawn again.
    fn say(&self, line: &str) {
        let _ = self.all.println(line);
    }

    /// Says which part of the work is under way.
    fn phase(&self, state: &mut State, message: String) {
        match &state.phase {
            Some(phase) => phase.set_message(message),
            None => state.phase = Some(moving(self.all.add(ProgressBar::no_length()), message)),
        }
    }

    fn packages(&self, state: &mut State) {
        let packages = state.packages;
        let message = format!("Fetching and unpacking  {} {}", bar(packages.part(), BAR), packages.text());
        self.phase(state, message);
    }

    /// Puts a line above that of the phase.
    fn above(&self, state: &State, line: ProgressBar) -> ProgressBar {
        match &state.phase {
            Some(phase) => self.all.insert_before(phase, line),
            None => self.all.add(line),
        }
    }

    fn remove(&self, line: &ProgressBar) {
        line.finish_and_clear();
        self.all.remove(line);
    }

    fn step_finished(&self, label: &str) {
        let Some(line) = self.state().steps.remove(label) else { return };
        let elapsed = line.elapsed();
        self.remove(&line);
        let time = if elapsed < SHORT { String::new() } else { format!(" ({})", HumanDuration(elapsed)) };
        self.say(&format!("Built {label}{}", dim(&time, self.style.colored)));
    }
}

/// A line that is cut at the width of the terminal, so that it is one line at any width.
fn still() -> ProgressBar {
    let style = ProgressStyle::with_template("{wide_msg}").expect("the template is a constant");
    // The length is of no use: the message has it.
    ProgressBar::no_length().with_style(style)
}

/// `line` with `message`, something that moves, and the time since it began.
fn moving(line: ProgressBar, message: String) -> ProgressBar {
    let template = "{spinner} {wide_msg} {elapsed}";
    line.set_style(ProgressStyle::with_template(template).expect("the template is a constant"));
    line.set_message(message);
    line.enable_steady_tick(TICK);
    line
}

fn download(label: &str, transfer: Transfer) -> String {
    let mut shown: String = label.chars().take(LABEL).collect();
    if label.chars().nth(LABEL).is_some() {
        shown.pop();
        shown.push('…');
    }
    let bar = transfer.part().map(|part| format!("{} ", bar(part, BAR))).unwrap_or_default();
    format!("  {shown:LABEL$} {bar}{}", transfer.text())
}

impl CliReporter for Bars {
    #[cfg(feature = "inspect")]
    fn line(&self, line: &str) {
        self.say(&paint(line, self.style.colored));
    }

    #[cfg(feature = "inspect")]
    fn working(&self, what: &str) {
        self.phase(&mut self.state(), what.to_owned());
    }

    fn finish(&self) {
        *self.state() = State::default();
        // The terminal may be gone; there is nothing left to draw then.
        let _ = self.all.clear();
    }
}

impl Reporter for Bars {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Phase(Phase::Realise { trees }) => {
                let mut state = self.state();
                state.packages.announce(*trees);
                self.packages(&mut state);
            }
            Event::Unpacked { .. } => {
                let mut state = self.state();
                state.packages.finish_one();
                self.packages(&mut state);
            }
            Event::Phase(Phase::Assemble) => self.phase(&mut self.state(), "Assembling layers".into()),
            Event::Phase(Phase::Deliver) => self.phase(&mut self.state(), "Writing the image".into()),
            Event::Phase(Phase::Indexes | Phase::Solve) | Event::LayingOut { .. } => {
                if let Some(sentence) = sentence(event) {
                    self.phase(&mut self.state(), sentence);
                }
            }
            Event::DownloadStarted { label, size } => {
                let mut state = self.state();
                let transfer = Transfer::new(*size);
                let line = match state.downloads.remove(*label) {
                    // From the first byte again.
                    Some((line, _)) => line,
                    None => self.above(&state, still()),
                };
                line.set_message(download(label, transfer));
                state.downloads.insert((*label).to_owned(), (line, transfer));
            }
            Event::DownloadAdvanced { label, bytes } => {
                if let Some((line, transfer)) = self.state().downloads.get_mut(*label) {
                    transfer.advance(*bytes);
                    line.set_message(download(label, *transfer));
                }
            }
            Event::DownloadFinished { label } => {
                if let Some((line, _)) = self.state().downloads.remove(*label) {
                    self.remove(&line);
                }
            }
            Event::StepStarted { label } => {
                let mut state = self.state();
                let line = moving(self.above(&state, ProgressBar::no_length()), format!("Building {label}"));
                state.steps.insert((*label).to_owned(), line);
            }
            Event::StepOutput { label, line } => {
                if self.style.verbose {
                    self.say(&step_line(label, line, self.style.colored));
                } else if let Some(step) = self.state().steps.get(*label) {
                    step.set_message(format!("Building {label}  {}", dim(line, self.style.colored)));
                }
            }
            Event::StepFinished { label } => self.step_finished(label),
            _ => {
                if let Some(sentence) = sentence(event) {
                    self.say(&paint(&sentence, self.style.colored));
                }
            }
        }
    }
}
