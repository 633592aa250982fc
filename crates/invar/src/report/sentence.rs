//! What is said of an event.
use indicatif::{HumanBytes, HumanCount};
use invar_realise::{Event, Phase};

/// The sentence for an event, or `None` for those that would only fill a log.
pub fn sentence(event: &Event<'_>) -> Option<String> {
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
