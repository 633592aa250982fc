//! Progress as JSON lines, for programs.
use invar_realise::{Event, Phase, Reporter};
use serde_json::{Value, json};

use super::CliReporter;
use crate::output::say;

/// One object a line, on standard error.
pub struct Json;

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
