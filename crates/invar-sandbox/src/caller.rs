//! The process whose system call is to be answered.
use std::fs::File;
use std::io;

use rustix::io::Errno;

/// A thread that waits for the answer to a call.
pub(crate) struct Caller<'a> {
    /// Its number.
    pub(crate) process: u32,
    /// Tells whether it still waits, which has to be asked after its memory is opened and before that is used: the
    /// number may have become another's.
    pub(crate) still_waits: &'a dyn Fn() -> bool,
}

impl Caller<'_> {
    /// Its memory, once it is sure whose it is.
    pub(crate) fn memory(&self) -> io::Result<File> {
        let memory = File::options().read(true).write(true).open(format!("/proc/{}/mem", self.process))?;
        if (self.still_waits)() { Ok(memory) } else { Err(Errno::SRCH.into()) }
    }
}

/// What becomes of a call.
#[derive(Debug)]
pub(crate) enum Reply {
    /// It gives this number.
    Value(i64),
    /// The kernel goes on with it.
    GoOn,
}
