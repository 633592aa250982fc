//! What a command in the sandbox can and cannot do, over a small root made of the host's own programs.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]
#![expect(clippy::print_stderr, reason = "skipped tests report so")]
mod capture;
mod cpus;
mod elsewhere;
mod ending;
mod inside;
mod limits;
mod outside;
mod owners;
mod refusals;
mod root;
mod setup;
mod syscall_fakes;
mod terminal;
