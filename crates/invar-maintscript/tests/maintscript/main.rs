//! The crate from outside: one program, so that it is linked once.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]
mod dockerfile_packages;
mod scripts_run;
