//! An interruption, such as Ctrl-C: the build that runs is ended, and what was written for it is removed.
use std::path::{Path, PathBuf};
use std::process::ChildStdin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Set by whoever receives signals, and asked by whoever works.
#[derive(Debug, Clone, Default)]
pub struct Interruption(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// The way to the build that runs: it ends when this is closed.
    running: Option<ChildStdin>,
    /// What has to be removed.
    scratch: Option<PathBuf>,
    interrupted: bool,
}

impl Interruption {
    /// Interrupts the work. Gives whether a build was ended, whose waiter then cleans up; if not, what was written has been
    /// removed, and the process can end.
    pub fn interrupt(&self) -> bool {
        let mut state = self.state();
        state.interrupted = true;
        if state.running.take().is_some() {
            return true;
        }
        if let Some(scratch) = &state.scratch {
            // What is left is removed when the store is next opened.
            let _ = std::fs::remove_dir_all(scratch);
        }
        false
    }

    /// From now on, `scratch` is removed when a signal comes.
    pub(crate) fn remove(&self, scratch: Option<&Path>) {
        self.state().scratch = scratch.map(Path::to_owned);
    }

    /// From now on, the build behind `way` is ended when a signal comes.
    pub(crate) fn end(&self, way: Option<ChildStdin>) {
        let mut state = self.state();
        state.running = if state.interrupted { None } else { way };
    }

    /// Whether a signal came.
    pub(crate) fn came(&self) -> bool {
        self.state().interrupted
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn what_was_written_is_removed_if_no_build_runs() {
        let folder = tempfile::tempdir().expect("a directory can be made");
        let scratch = folder.path().join("scratch");
        std::fs::create_dir(&scratch).expect("it can be made");
        let interruption = Interruption::default();
        interruption.remove(Some(&scratch));
        assert!(!interruption.came());
        assert!(!interruption.interrupt());
        assert!(interruption.came() && !scratch.exists());
    }

    #[test]
    fn a_build_that_runs_is_ended_and_its_files_are_left_to_whoever_waits() {
        let folder = tempfile::tempdir().expect("a directory can be made");
        // It ends when its input does.
        let mut child =
            Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("it starts");
        let interruption = Interruption::default();
        interruption.remove(Some(folder.path()));
        interruption.end(child.stdin.take());
        assert!(interruption.interrupt());
        assert!(child.wait().expect("it ends").success() && folder.path().exists());
    }
}
