//! Reports progress: bars on a terminal, lines in a log, JSON lines for programs, or nothing.
use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::sync::{Mutex, OnceLock};

use indicatif::{HumanBytes, HumanCount, MultiProgress, ProgressBar, ProgressStyle};
use invar_build::BuildError;
use invar_lock::Proposals;
use invar_realise::{Event, Phase, Reporter};
use serde_json::{Value, json};

use crate::each_once::EachOnce;
use crate::failure::Failure;
use crate::output::{Style, say};

/// A reporter whose drawing can be ended, so that what follows is not drawn over.
pub trait CliReporter: Reporter {
    /// Removes what is drawn.
    fn finish(&self) {}
}

/// The reporter for `style`, on this process's standard error.
pub fn reporter(style: Style) -> Box<dyn CliReporter> {
    if style.quiet {
        Box::new(Quiet)
    } else if style.json {
        Box::new(EachOnce::new(Json))
    } else if std::io::stderr().is_terminal() {
        Box::new(EachOnce::new(Bars::new()))
    } else {
        Box::new(EachOnce::new(Lines))
    }
}

/// Writes the result to standard output.
///
/// # Errors
/// Where standard output does not take it.
pub fn print(text: &str) -> Result<ExitCode, Failure> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(BuildError::Deliver)?;
    Ok(ExitCode::SUCCESS)
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
    fn finish(&self) {
        self.inner().finish();
    }
}

struct Quiet;

impl CliReporter for Quiet {}

impl Reporter for Quiet {
    fn event(&self, _: &Event<'_>) {}
}

struct Lines;

impl CliReporter for Lines {}

impl Reporter for Lines {
    fn event(&self, event: &Event<'_>) {
        if let Some(line) = line(event) {
            say(&line);
        }
    }
}

/// The sentence for an event, or `None` for those that would only fill a log.
fn line(event: &Event<'_>) -> Option<String> {
    Some(match event {
        Event::Phase(Phase::Indexes) => "Fetching package indexes".into(),
        Event::Phase(Phase::Solve) => "Resolving Debian packages".into(),
        Event::Phase(Phase::Realise { trees: 0 } | Phase::Assemble | Phase::Deliver) => return None,
        Event::Phase(Phase::Realise { trees: 1 }) => "Fetching and unpacking 1 package".into(),
        Event::Phase(Phase::Realise { trees }) => format!("Fetching and unpacking {trees} packages"),
        Event::LockMissing => "Creating invar.lock".into(),
        Event::Warning(warning) => format!("warning: {warning}"),
        Event::Note(note) => format!("note: {note}"),
        Event::DownloadRetried { label, why, attempt } => {
            format!("Retrying {label} (attempt {attempt}): {why}")
        }
        Event::StepStarted { label } => format!("Building {label}"),
        Event::Compiling { files: 1 } => "Compiling 1 Python file".into(),
        Event::Compiling { files } => format!("Compiling {} Python files", HumanCount(*files as u64)),
        Event::LayingOut { name, files: 1 } => format!("Unpacking layer `{name}` (1 file)"),
        Event::LayingOut { name, files } => {
            format!("Unpacking layer `{name}` ({} files)", HumanCount(*files as u64))
        }
        Event::LockingBuilds { names } => format!("Resolving build requirements of {}", names.join(", ")),
        Event::LookingUp { files } => format!("Looking for the package that has {}", files.join(", ")),
        Event::LeftOut { path } => {
            format!(
                "note: {path} was created by maintainer scripts, but must be unique to each container: not included"
            )
        }
        Event::LayerWritten { name, digest, size } => {
            format!("Layer {name}: {} {}", digest, HumanBytes(*size))
        }
        _ => return None,
    })
}

struct Bars {
    all: MultiProgress,
    /// Drawn from the moment when it is known how many packages there are.
    total: OnceLock<ProgressBar>,
    downloads: Mutex<BTreeMap<String, ProgressBar>>,
}

impl Bars {
    fn new() -> Self {
        let (all, total) = (MultiProgress::new(), OnceLock::new());
        Self { all, total, downloads: Mutex::new(BTreeMap::new()) }
    }

    fn download(&self, label: &str, act: impl FnOnce(&ProgressBar)) {
        let downloads = self.downloads.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(bar) = downloads.get(label) {
            act(bar);
        }
    }
}

impl CliReporter for Bars {
    fn finish(&self) {
        // The terminal may be gone; there is nothing left to draw then.
        let _ = self.all.clear();
    }
}

impl Reporter for Bars {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Phase(Phase::Realise { trees }) if *trees > 0 => {
                let style = ProgressStyle::with_template("{msg} {bar:30.cyan/dim} {pos}/{len}")
                    .expect("the template is a constant");
                let bar = ProgressBar::new(*trees as u64).with_style(style).with_message("Packages");
                self.total.get_or_init(|| self.all.add(bar)).tick();
            }
            Event::Phase(Phase::Assemble) => {
                if let Some(total) = self.total.get() {
                    total.finish_and_clear();
                }
            }
            Event::DownloadStarted { label, size } => {
                let bar = self.all.add(ProgressBar::new(size.unwrap_or(0)));
                let style = ProgressStyle::with_template(
                    "  {msg:40!} {bar:30.green/dim} {bytes}/{total_bytes} {bytes_per_sec}",
                );
                bar.set_style(style.expect("the template is a constant"));
                bar.set_message((*label).to_owned());
                let mut downloads = self.downloads.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                downloads.insert((*label).to_owned(), bar);
            }
            Event::DownloadAdvanced { label, bytes } => self.download(label, |bar| bar.inc(*bytes)),
            Event::DownloadFinished { label } => {
                self.download(label, |bar| {
                    bar.finish_and_clear();
                    self.all.remove(bar);
                });
            }
            Event::Unpacked { .. } => {
                if let Some(total) = self.total.get() {
                    total.inc(1);
                }
            }
            _ => {
                if let Some(line) = line(event) {
                    // Above the bars, which would otherwise be drawn over it.
                    let _ = self.all.println(line);
                }
            }
        }
    }
}

struct Json;

impl CliReporter for Json {}

impl Reporter for Json {
    fn event(&self, event: &Event<'_>) {
        if let Some(value) = as_json(event) {
            say(&value.to_string());
        }
    }
}

/// The line of JSON for `event`, if it has one.
fn as_json(event: &Event<'_>) -> Option<Value> {
    Some(match event {
        Event::Phase(phase) => {
            let (name, trees) = match phase {
                Phase::Indexes => ("indexes", None),
                Phase::Solve => ("solve", None),
                Phase::Realise { trees } => ("realise", Some(trees)),
                Phase::Assemble => ("assemble", None),
                Phase::Deliver => ("deliver", None),
            };
            json!({"event": "phase", "phase": name, "trees": trees})
        }
        Event::LockMissing => json!({"event": "lock-missing"}),
        Event::Warning(message) => json!({"event": "warning", "message": message}),
        Event::Note(message) => json!({"event": "note", "message": message}),
        Event::DownloadStarted { label, size } => {
            json!({"event": "download-started", "label": label, "size": size})
        }
        // A line for each piece of each download would be most of the output and of no use.
        Event::DownloadAdvanced { .. } => return None,
        Event::DownloadRetried { label, why, attempt } => {
            json!({"event": "download-retried", "label": label, "reason": why, "attempt": attempt})
        }
        Event::DownloadFinished { label } => json!({"event": "download-finished", "label": label}),
        Event::Unpacked { label } => json!({"event": "unpacked", "label": label}),
        Event::StepStarted { label } => json!({"event": "step-started", "label": label}),
        Event::StepOutput { label, line } => {
            json!({"event": "step-output", "label": label, "line": line})
        }
        Event::StepFinished { label } => json!({"event": "step-finished", "label": label}),
        Event::Compiling { files } => json!({"event": "compiling", "files": files}),
        Event::LayingOut { name, files } => {
            json!({"event": "unpacking-layer", "layer": name, "files": files})
        }
        Event::LockingBuilds { names } => json!({"event": "locking-builds", "names": names}),
        Event::LookingUp { files } => json!({"event": "looking-up", "files": files}),
        Event::LeftOut { path } => json!({"event": "file-omitted", "path": path.to_string()}),
        Event::LayerWritten { name, digest, size } => {
            json!({"event": "layer-written", "layer": name, "digest": digest.to_string(), "size": size})
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_have_the_keys_that_programs_read() {
        let path = invar_tree::ImagePath::parse("etc/machine-id").expect("it is a path");
        let label = "libc6";
        let lines = [
            (
                Event::DownloadStarted { label, size: Some(3) },
                json!({"event": "download-started", "label": label, "size": 3}),
            ),
            (
                Event::DownloadRetried { label, why: "timeout", attempt: 2 },
                json!({"event": "download-retried", "label": label, "reason": "timeout", "attempt": 2}),
            ),
            (Event::DownloadFinished { label }, json!({"event": "download-finished", "label": label})),
            (Event::Unpacked { label }, json!({"event": "unpacked", "label": label})),
            (Event::StepStarted { label }, json!({"event": "step-started", "label": label})),
            (
                Event::StepOutput { label, line: "x" },
                json!({"event": "step-output", "label": label, "line": "x"}),
            ),
            (Event::StepFinished { label }, json!({"event": "step-finished", "label": label})),
            (
                Event::LayingOut { name: "system", files: 4 },
                json!({"event": "unpacking-layer", "layer": "system", "files": 4}),
            ),
            (Event::LeftOut { path: &path }, json!({"event": "file-omitted", "path": path.to_string()})),
        ];
        for (event, line) in lines {
            assert_eq!(as_json(&event), Some(line));
        }
        assert_eq!(as_json(&Event::DownloadAdvanced { label, bytes: 1 }), None);
    }
}
