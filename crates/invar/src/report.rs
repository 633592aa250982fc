//! Reports progress: bars on a terminal, lines in a log, JSON lines for programs, or nothing.
mod bars;
mod counters;
mod json;
mod lines;
mod sentence;

use std::io::{ErrorKind, Write as _};
use std::process::ExitCode;

use invar_build::BuildError;
use invar_lock::Proposals;
use invar_realise::{Event, Reporter};

use self::bars::Bars;
use self::json::Json;
use self::lines::Lines;
use crate::color::can_redraw;
use crate::each_once::EachOnce;
use crate::failure::Failure;
use crate::output::Style;

/// A reporter whose drawing can be ended, so that what follows is not drawn over.
pub trait CliReporter: Reporter {
    /// Says a line that stays, where it is not drawn over.
    #[cfg(feature = "inspect")]
    fn line(&self, line: &str) {
        crate::output::say(line);
    }

    /// Says what is under way, until something else is or [`finish`](Self::finish) ends it.
    #[cfg(feature = "inspect")]
    fn working(&self, what: &str) {
        let _ = what;
    }

    /// Removes what is drawn.
    fn finish(&self) {}
}

/// The reporter for `style`, on this process's standard error.
pub fn reporter(style: Style) -> Box<dyn CliReporter> {
    if style.quiet {
        Box::new(Quiet)
    } else if style.json {
        Box::new(EachOnce::new(Json))
    } else if can_redraw() {
        Box::new(EachOnce::new(Bars::new(style)))
    } else {
        Box::new(Lines::new(style))
    }
}

/// Writes the result to standard output. Whoever reads it may have seen enough, as `head` does: that is no failure.
///
/// # Errors
/// Where standard output does not take it.
pub fn print(text: &str) -> Result<ExitCode, Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(BuildError::Deliver(error).into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// Writes a page to `path`.
///
/// # Errors
/// Where it cannot be written.
#[cfg(feature = "inspect")]
pub fn write_page(path: &std::path::Path, page: &invar_inspect::Page) -> Result<(), Failure> {
    let written = std::fs::write(path, page.render());
    Ok(written.map_err(|source| BuildError::Output { path: path.to_owned(), source })?)
}

/// Says which packages' own scripts should run, and what to write for it; with `all`, also those of which most images
/// need nothing.
pub fn propose(proposals: &Proposals, all: bool, reporter: &dyn CliReporter) {
    let mut said = false;
    for (is_needed, sentence) in proposals.sentences().filter(|(is_needed, _)| all || *is_needed) {
        said = true;
        reporter.event(&if is_needed { Event::Warning(&sentence) } else { Event::Note(&sentence) });
    }
    if let Some(advice) = proposals.advice().filter(|_| said) {
        reporter.event(&Event::Note(&advice));
    }
}

impl<R: CliReporter> CliReporter for EachOnce<R> {
    #[cfg(feature = "inspect")]
    fn line(&self, line: &str) {
        self.inner().line(line);
    }

    #[cfg(feature = "inspect")]
    fn working(&self, what: &str) {
        self.inner().working(what);
    }

    fn finish(&self) {
        self.inner().finish();
    }
}

struct Quiet;

impl CliReporter for Quiet {}

impl Reporter for Quiet {
    fn event(&self, _: &Event<'_>) {}
}
