//! What a command prints.
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use invar_realise::{Event, Reporter};

use crate::RunError;
use crate::hints;

/// How many bytes of what a build prints are kept.
const LOG: u64 = 16 << 20;

/// Keeps all that a command prints in a file, and its last lines at hand.
pub(super) struct Log<'a> {
    file: File,
    /// How many bytes the file may still take.
    room: u64,
    written: io::Result<()>,
    line: Vec<u8>,
    last: VecDeque<String>,
    reporter: &'a dyn Reporter,
    label: &'a str,
}

impl<'a> Log<'a> {
    pub fn new(path: &Path, reporter: &'a dyn Reporter, label: &'a str) -> Result<Self, RunError> {
        let file = File::create(path).map_err(|source| RunError::Disk { path: path.to_owned(), source })?;
        Ok(Self {
            file,
            room: LOG,
            written: Ok(()),
            line: Vec::new(),
            last: VecDeque::new(),
            reporter,
            label,
        })
    }

    pub fn take(&mut self, bytes: &[u8]) {
        if self.written.is_ok() && self.room > 0 {
            let kept = &bytes[..bytes.len().min(usize::try_from(self.room).unwrap_or(usize::MAX))];
            self.room -= kept.len() as u64;
            self.written = self.file.write_all(kept);
            if self.room == 0 && self.written.is_ok() {
                self.written = self.file.write_all(b"\n[what follows was too long to be kept]\n");
            }
        }
        for &byte in bytes {
            match byte {
                b'\n' | b'\r' => self.end_line(),
                // A line without an end would grow for ever.
                _ if self.line.len() < 4096 => self.line.push(byte),
                _ => {}
            }
        }
    }

    fn end_line(&mut self) {
        let line = String::from_utf8_lossy(&self.line).trim_end().to_owned();
        self.line.clear();
        if line.is_empty() {
            return;
        }
        let line: String = line.chars().filter(|character| !character.is_control()).collect();
        self.reporter.event(&Event::StepOutput { label: self.label, line: &line });
        if self.last.len() == hints::LINES {
            self.last.pop_front();
        }
        self.last.push_back(line);
    }

    pub fn finish(mut self) -> (Vec<String>, io::Result<()>) {
        self.end_line();
        (self.last.into(), self.written)
    }
}
