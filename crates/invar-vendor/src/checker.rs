//! The comparison of what a lock says about a file with the bytes that came.
use std::io;

use invar_tree::Hasher;
use sha1::{Digest as _, Sha1};
use sha2::Sha512;

use crate::{Check, LockedFile, Mismatch};

/// Hashes a file while it streams by, and compares at the end.
#[derive(Debug, Clone)]
pub struct Checker {
    file: String,
    expected: Vec<Check>,
    state: State,
    length: u64,
}

#[derive(Debug, Clone)]
enum State {
    Sha1(Sha1),
    Sha256(Hasher),
    Sha512(Sha512),
}

impl Checker {
    /// A checker for the file of `needed`.
    ///
    /// One of the checks of the strongest algorithm has to hold, as Subresource Integrity defines it; weaker ones are
    /// not looked at. Where the lock has alternatives ([`LockedFile::any_of`]), one of them has to hold.
    pub fn new(needed: &LockedFile) -> Self {
        let all = || needed.checks.iter().copied().chain(needed.any_of.iter().copied().map(Check::Sha256));
        let strongest = all().map(|check| check.strength()).max();
        let expected: Vec<Check> = all().filter(|check| Some(check.strength()) == strongest).collect();
        let state = match expected.first() {
            Some(Check::Sha1(_)) => State::Sha1(Sha1::new()),
            Some(Check::Sha512(_)) => State::Sha512(Sha512::new()),
            Some(Check::Sha256(_)) | None => State::Sha256(Hasher::new()),
        };
        Self { file: needed.label(), expected, state, length: 0 }
    }

    /// Compares what was written with what was expected.
    ///
    /// # Errors
    /// [`Mismatch`], also where the lock names no digest at all.
    pub fn finish(self) -> Result<(), Mismatch> {
        self.verified().map(|_| ())
    }

    /// [`finish`](Self::finish), with the digest that held and the number of bytes.
    pub(crate) fn verified(self) -> Result<(Check, u64), Mismatch> {
        let Self { file, expected, state, length } = self;
        let found = match state {
            State::Sha1(state) => Check::Sha1(state.finalize().into()),
            State::Sha256(state) => Check::Sha256(state.finish()),
            State::Sha512(state) => Check::Sha512(state.finalize().into()),
        };
        if expected.contains(&found) {
            Ok((found, length))
        } else {
            Err(Mismatch { file, expected: expected.into(), found, length })
        }
    }
}

impl io::Write for Checker {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.state {
            State::Sha1(state) => state.update(bytes),
            State::Sha256(state) => state.update(bytes),
            State::Sha512(state) => state.update(bytes),
        }
        self.length += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use invar_tree::Digest;

    use super::*;
    use crate::{LockedFileSource, locked_file::Detail};

    const EMPTY_SHA1: &str = "sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=";

    fn needed(checks: Vec<Check>, any_of: Vec<Digest>) -> LockedFile {
        let mut needed = LockedFile::new(
            "left-pad",
            "1.0.0",
            "left-pad-1.0.0.tgz".into(),
            LockedFileSource::PythonIndex,
            Detail::Pip,
        );
        needed.checks = checks;
        needed.any_of = any_of;
        needed
    }

    #[track_caller]
    fn check(needed: &LockedFile, content: &[u8], holds: bool) {
        let mut checker = Checker::new(needed);
        checker.write_all(content).unwrap();
        assert_eq!(checker.finish().is_ok(), holds);
    }

    #[test]
    fn integrity_is_written_as_browsers_read_it() {
        assert_eq!(Check::Sha1(Sha1::digest(b"").into()).to_string(), EMPTY_SHA1);
        assert_eq!(
            Check::Sha256(Digest::of(b"")).integrity(),
            "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
        );
        assert!(
            Check::Sha512(Sha512::digest(b"").into())
                .integrity()
                .starts_with("sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5A")
        );
    }

    #[test]
    fn the_strongest_algorithm_decides() {
        let right = Check::Sha512(Sha512::digest(b"right").into());
        let wrong = Check::Sha512(Sha512::digest(b"wrong").into());
        let weak_right = Check::Sha1(Sha1::digest(b"right").into());
        check(&needed(vec![right], vec![]), b"right", true);
        check(&needed(vec![weak_right], vec![]), b"right", true);
        check(&needed(vec![weak_right, wrong], vec![]), b"right", false);
        check(&needed(vec![wrong, right], vec![]), b"right", true);
        check(&needed(vec![], vec![Digest::of(b"a"), Digest::of(b"right")]), b"right", true);
        check(&needed(vec![], vec![Digest::of(b"a")]), b"right", false);
        check(&needed(vec![], vec![]), b"right", false);
    }

    #[test]
    fn a_mismatch_says_what_was_expected_and_found() {
        let mut checker = Checker::new(&needed(vec![Check::Sha1(Sha1::digest(b"").into())], vec![]));
        checker.write_all(b"x").unwrap();
        assert_eq!(
            checker.finish().unwrap_err().to_string(),
            format!(
                "left-pad-1.0.0.tgz is not the file that the lock names: expected {EMPTY_SHA1}, \
                 found sha1-EfatjsUqKYSrqv18O1FlA3hcIHI= (1 bytes)"
            )
        );
    }
}
