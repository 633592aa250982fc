//! What the processes of the sandbox report to the caller, and how.
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use crate::wire::Report;

/// A report of a failed step that hosts may forbid.
pub(crate) fn refused<E: Into<io::Error>>(step: &'static str) -> impl FnOnce(E) -> Report {
    move |error| Report::Refused { step: step.to_owned(), errno: number(error) }
}

/// A report of a failed step.
pub(crate) fn failed<E: Into<io::Error>>(step: impl Into<String>) -> impl FnOnce(E) -> Report {
    move |error| Report::Setup { step: step.into(), errno: number(error) }
}

fn number(error: impl Into<io::Error>) -> i32 {
    let error = error.into();
    error.raw_os_error().unwrap_or(match error.kind() {
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => libc::EINVAL,
        _ => libc::EIO,
    })
}

/// Sends a report to the caller, who reads it when all processes are gone. A caller that is gone needs none.
pub(crate) fn send(control: &OwnedFd, report: &Report) {
    let json = serde_json::to_vec(report).expect("numbers and strings can always be written");
    let mut rest = &json[..];
    while !rest.is_empty() {
        match rustix::net::send(control, rest, rustix::net::SendFlags::NOSIGNAL) {
            Ok(sent) => rest = &rest[sent..],
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return,
        }
    }
}

/// Reads the whole report from a socket; for callers that have no output to read.
pub(crate) fn read_report(control: &mut UnixStream) -> io::Result<Vec<u8>> {
    let mut report = Vec::new();
    control.read_to_end(&mut report)?;
    Ok(report)
}
