//! The terminal's foreground: which process group Ctrl-C reaches, and which may read what is typed.
use std::io::IsTerminal;

use rustix::process::Pid;

use crate::kernel;

/// The caller's place in the foreground of the terminal on its standard input; dropped, it is given back.
///
/// The command takes the foreground for a process group of its own, so that a shell inside can hand it on to its jobs.
#[derive(Debug)]
pub(crate) struct Foreground {
    group: Pid,
}

impl Foreground {
    /// The caller's place, if standard input is a terminal and the caller is in its foreground.
    pub(crate) fn remember() -> Option<Self> {
        if !std::io::stdin().is_terminal() {
            return None;
        }
        let group = rustix::process::getpgrp();
        let front = rustix::termios::tcgetpgrp(rustix::stdio::stdin()).ok()?;
        (front == group).then_some(Self { group })
    }
}

impl Drop for Foreground {
    fn drop(&mut self) {
        kernel::without_terminal_stops(|| {
            // The terminal may be gone, and then nobody misses its foreground.
            let _ = rustix::termios::tcsetpgrp(rustix::stdio::stdin(), self.group);
        });
    }
}
