use std::ops::Deref;
use std::path::PathBuf;

use invar_realise::Sources;

use crate::Perturbation;

/// What the work is done with: all that comes from the machine and none of which may reach an image.
pub struct Session<'a> {
    /// Where files come from and where they are kept.
    pub sources: Sources<'a>,
    /// Programs of this machine.
    pub programs: Programs,
    /// Whether the files of a failed build are kept.
    pub keep_failed: bool,
    /// What one command may use up while something is built.
    pub build_limits: BuildLimits,
    /// The time, in seconds since 1970-01-01T00:00:00Z: only to judge whether an archive's signature has expired, and
    /// never when building from a lock.
    pub now: i64,
    /// What is made different from usual, to find out whether it matters.
    pub perturbation: Perturbation,
}

impl<'a> Deref for Session<'a> {
    type Target = Sources<'a>;

    fn deref(&self) -> &Sources<'a> {
        &self.sources
    }
}

impl Session<'_> {
    /// Makes `perturbation` what is different from usual.
    pub fn perturb(&mut self, perturbation: Perturbation) {
        self.sources.pool.backwards = perturbation.backwards;
        self.perturbation = perturbation;
    }
}

/// What one command may use up while something is built. No limit changes what is made: a command that comes to one has
/// failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuildLimits {
    /// How many bytes of memory, `/tmp` included. Held only where a control group can be made that counts memory.
    pub memory: Option<u64>,
    /// How many bytes of disk, its inputs included.
    pub disk: u64,
}

/// Programs of this machine that the work is done with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Programs {
    /// What calls [`invar_sandbox::enter_if_asked`] first of all: this program itself.
    pub sandbox: PathBuf,
    /// uv, which resolves what builds need.
    pub uv: PathBuf,
}
