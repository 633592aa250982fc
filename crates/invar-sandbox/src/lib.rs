//! Runs a command over a tree without root and without network, and gives back what it left.
//!
//! ```text
//! caller  -- spawn -->  outer  -- fork -->  init (process 1 inside)  -- fork -->  the command
//! ```
//!
//! The outer process and the init are the calling program itself, started again: a program that uses this crate
//! calls [`enter_if_asked`] first of all in `main`. So everything between is ordinary code of a process with one
//! thread, and the caller may have as many threads as it likes.
//!
//! # Goals
//! * The same result for root and for anyone else: there is always one user inside, mapped to the caller's, never a
//!   range, and no program with special rights is needed.
//! * What the command can see is what was named: trees, binds, environment, host name, number of CPUs. Nothing
//!   hides the kernel's version, and the clock is the host's unless an [`Illusion`] was asked for.
//! * Nothing outlives the sandbox: when any process of the chain dies, the kernel ends all that are inside it.
//!
//! # Non-goals
//! * A wall against kernel exploits. The filter of system calls forbids what a build has no use for; whoever runs
//!   hostile code should do so in a virtual machine.
//! * Images for other processors than the host's.
//!
//! # Limits of what is promised
//! * Memory is limited only where the caller may make a control group.
//! * What is written to disk is looked at five times a second: what comes between two looks is on top of the limit, and
//!   so is what was deleted while it was still open.
//! * Binding with everything below it read-only needs Linux 5.12.
mod arguments;
mod available;
mod caller;
mod capability;
mod capture;
mod cgroup;
mod command;
mod copy;
mod cpu_files;
mod cpus;
mod disk;
mod elsewhere;
mod enter;
mod error;
mod filter;
mod host_settings;
mod illusion;
mod init;
mod kernel;
mod layer;
mod mounts;
mod namespaces;
mod notify;
mod owners;
mod report;
mod root;
mod running;
mod sandbox;
mod terminal;
mod tracer;
mod wire;

pub use available::{available, illusions_available};
pub use capture::{CaptureError, CaptureRules, Modes, OwnerOf, Removed, Special, capture, capture_changes};
pub use elsewhere::{Elsewhere, refusal};
pub use enter::enter_if_asked;
pub use error::SandboxError;
#[doc(hidden)]
pub use layer::force_copy;
pub use layer::{Layering, layering, writable_layer};
pub use owners::Owners;
pub use running::{Finished, Running, Signals, Status, run, spawn};
pub use sandbox::{Bind, Illusion, Limits, Network, Ownership, Sandbox, Standard};
