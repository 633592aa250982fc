//! How this program is told that it is started to become the sandbox, or another part of it.

/// The name that this program is started under to become the sandbox. No user can type it by accident.
pub(crate) const MARKER: &str = "invar-sandbox:enter";
/// The first argument: run what the order says.
pub(crate) const RUN: &str = "run";
/// The first argument: find out whether it is possible.
pub(crate) const CHECK: &str = "check";
/// The first argument: find out whether fakes are possible as well.
pub(crate) const CHECK_FAKES: &str = "check-fakes";
/// The first argument: become this program again, with another host to see.
pub(crate) const OVERRIDE_HOST: &str = "override-host";
