//! What the caller and the processes of the sandbox tell each other, as JSON.
//!
//! The order goes through a sealed memory file; the report comes back as one JSON value through a socket, which the
//! caller uses in the other direction for signals, one byte each. Both ends are the same program, so there is no
//! version; what comes from the socket is checked all the same.
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::sandbox::SyscallFakes;

/// Bytes, as a string of the characters U+0000 to U+00FF: JSON has no bytes, and paths need not be UTF-8.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl Bytes {
    pub(crate) fn of(text: impl AsRef<OsStr>) -> Self {
        Self(text.as_ref().as_bytes().to_vec())
    }

    pub(crate) fn path(&self) -> PathBuf {
        PathBuf::from(OsString::from_vec(self.0.clone()))
    }

    pub(crate) fn lossy(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.iter().map(|byte| char::from(*byte)).collect::<String>().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes: Result<Vec<u8>, _> = text.chars().map(|c| u8::try_from(u32::from(c))).collect();
        bytes.map(Self).map_err(|_| serde::de::Error::custom("a character above U+00FF"))
    }
}

/// What the processes of the sandbox are to do.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) root: Vec<Bytes>,
    pub(crate) scratch: Bytes,
    pub(crate) command: Vec<Bytes>,
    pub(crate) environment: Vec<(Bytes, Bytes)>,
    pub(crate) directory: String,
    pub(crate) binds: Vec<BoundPath>,
    pub(crate) host_network: bool,
    pub(crate) user: u32,
    pub(crate) group: u32,
    pub(crate) host_name: String,
    pub(crate) time_ms: Option<u64>,
    pub(crate) processes: Option<u64>,
    pub(crate) file_size: Option<u64>,
    pub(crate) temporary: u64,
    pub(crate) recorded: bool,
    pub(crate) cpus: Option<u32>,
    pub(crate) lines: bool,
    pub(crate) fakes: SyscallFakes,
    /// The control groups that were created for the command, one for each hierarchy.
    pub(crate) cgroups: Vec<Bytes>,
}

/// One bind.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct BoundPath {
    pub(crate) source: Bytes,
    pub(crate) target: String,
    pub(crate) writable: bool,
}

/// What became of it. No report at all means that the sandbox was killed.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Report {
    /// Namespaces can be made here.
    Available,
    /// A step that needs what hosts may forbid failed.
    Refused { step: String, errno: i32 },
    /// Another step of the set-up failed.
    Setup { step: String, errno: i32 },
    /// There is no such program.
    NotFound,
    /// The program cannot be run.
    NotExecutable { errno: i32 },
    /// The command ran and ended.
    Ended { ending: Ending, owners: Vec<((u64, u64), (u32, u32))> },
}

/// How the command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Ending {
    Exited(u8),
    Signaled(i32),
    TimedOut,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_survive_json_whatever_they_are() {
        let all = Bytes((0..=255).collect());
        let json = serde_json::to_string(&all).unwrap();
        assert_eq!(serde_json::from_str::<Bytes>(&json).unwrap(), all);
        assert!(serde_json::from_str::<Bytes>("\"\u{100}\"").is_err());
    }
}
