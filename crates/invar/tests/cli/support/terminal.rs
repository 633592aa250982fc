//! A terminal for a program, with the test at its keyboard.
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use super::find;

/// A program that runs on a terminal of its own.
pub struct Terminal {
    keyboard: File,
    program: Child,
    /// All that appeared.
    seen: String,
    /// What of it has been waited for.
    known: usize,
}

impl Terminal {
    /// Starts `command`, with its arguments, environment and folder, on a terminal of so many rows and columns.
    pub fn start(command: &Command, rows: u16, columns: u16) -> Self {
        // Were the program to have this end as well, nobody's leaving would ever be the end of the terminal.
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = openpt(flags).expect("this machine has terminals");
        grantpt(&master).and_then(|()| unlockpt(&master)).expect("the terminal is ours");
        let name = ptsname(&master, Vec::new()).expect("the terminal has a name");
        let open = || {
            let name = name.to_str().expect("its name is plain");
            File::options().read(true).write(true).open(name).expect("the terminal can be opened")
        };
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&master, size).expect("a terminal has a size");
        // It makes the terminal that of a new session, which nothing safe does in this process.
        let mut setsid = Command::new(find("setsid").expect("util-linux is everywhere"));
        setsid.arg("--ctty").arg(command.get_program()).args(command.get_args()).env_clear();
        setsid.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        if let Some(folder) = command.get_current_dir() {
            setsid.current_dir(folder);
        }
        let program = setsid.stdin(open()).stdout(Stdio::from(open())).stderr(open()).spawn();
        Self {
            keyboard: master.into(),
            program: program.expect("setsid can be started"),
            seen: String::new(),
            known: 0,
        }
    }

    /// Waits until `words` have appeared after what was waited for before.
    #[track_caller]
    pub fn expect(&mut self, words: &str) {
        loop {
            if let Some(at) = self.seen[self.known..].find(words) {
                self.known += at + words.len();
                return;
            }
            assert!(self.read(), "{words:?} did not appear:\n{}", self.seen);
        }
    }

    /// Types.
    pub fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).expect("the terminal is there");
    }

    /// Changes the size.
    pub fn resize(&mut self, rows: u16, columns: u16) {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&self.keyboard, size).expect("a terminal has a size");
    }

    /// Waits for the end, and gives all that appeared.
    pub fn end(mut self) -> (ExitStatus, String) {
        while self.read() {}
        (self.program.wait().expect("the program was started"), self.seen)
    }

    /// Reads what has appeared; false at the end, when no process has the terminal any more.
    fn read(&mut self) -> bool {
        let mut chunk = [0; 4096];
        match self.keyboard.read(&mut chunk) {
            Ok(count) if count > 0 => {
                self.seen.push_str(&String::from_utf8_lossy(&chunk[..count]));
                true
            }
            _ => false,
        }
    }
}
