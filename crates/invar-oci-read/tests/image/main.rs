//! Images in all forms, and those that want to do harm.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]
mod forms;
mod hostile;
mod support;
