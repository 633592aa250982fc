//! What is offered, in the hands of the tools themselves: npm, cargo and pip install from it without a network.
//!
//! The packages are created here. No test needs a network, and none could use one: npm's registry has a name that cannot
//! exist, cargo and pip are told to stay offline. The tests of npm and pip, which not every machine has, are in `real`.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]
#![expect(clippy::print_stderr, reason = "skipped tests report so")]

mod cargo;
mod hostile;
mod offered;
mod pins;
mod real;
