//! What is offered, in the hands of the tools themselves: npm, cargo and pip install from it without a network.
//!
//! The packages are created here. No test needs a network, and none could use one: npm's registry has a name that
//! cannot exist, cargo and pip are told to stay offline. Where a tool is not installed, its test is skipped and says
//! so.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]
#![expect(clippy::print_stderr, reason = "skipped tests report so")]

mod cargo;
mod hostile;
mod npm;
mod offered;
mod pins;
mod pip;
