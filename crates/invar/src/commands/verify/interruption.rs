//! Ctrl-C: the build that runs is ended, and what was written for it is removed.
use std::path::{Path, PathBuf};
use std::process::ChildStdin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::failure::Failure;

/// Told by signals, and asked by whoever works.
#[derive(Clone, Default)]
pub struct Interruption(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// The way to the build that runs: it ends when this is closed.
    running: Option<ChildStdin>,
    /// What has to be removed.
    scratch: Option<PathBuf>,
    interrupted: bool,
}

impl Interruption {
    /// Begins to listen for signals.
    ///
    /// # Errors
    /// What the system says.
    pub fn listen() -> std::io::Result<Self> {
        use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
        let this = Self::default();
        let mut signals = signal_hook::iterator::Signals::new([SIGHUP, SIGINT, SIGTERM])?;
        let told = this.clone();
        std::thread::spawn(move || {
            for _ in signals.forever() {
                let mut state = told.state();
                state.interrupted = true;
                if state.running.take().is_some() {
                    // Whoever waits for that build cleans up.
                    continue;
                }
                if let Some(scratch) = &state.scratch {
                    // What is left is removed when the store is next opened.
                    let _ = std::fs::remove_dir_all(scratch);
                }
                std::process::exit(Failure::INTERRUPTED.into());
            }
        });
        Ok(this)
    }

    /// From now on, `scratch` is removed when a signal comes.
    pub fn remove(&self, scratch: Option<&Path>) {
        self.state().scratch = scratch.map(Path::to_owned);
    }

    /// From now on, the build behind `way` is ended when a signal comes.
    pub fn end(&self, way: Option<ChildStdin>) {
        let mut state = self.state();
        state.running = if state.interrupted { None } else { way };
    }

    /// Whether a signal came.
    pub fn came(&self) -> bool {
        self.state().interrupted
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
