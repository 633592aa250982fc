//! Which tests are run.

/// What the name of a test that is not quick contains: the module that it is in.
const REAL: &str = "real::";

/// Which tests are run. Each test is in one of them, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    /// Those that need nothing but this machine, after format, lints and docs.
    Quick,
    /// Those that need engines, archives, an emulator, or programs that judge what is created; that kill, or fuzz for long.
    Real,
}

impl Tier {
    pub fn name(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Real => "real",
        }
    }

    /// The arguments for `cargo test`.
    pub fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Quick => &["--", "--show-output", "--skip", REAL],
            // Examples in documentation have no names that can be chosen from; they are quick.
            Self::Real => &["--tests", "--", "--show-output", REAL],
        }
    }
}
