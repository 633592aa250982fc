//! Runs a command over a tree without root and network, and returns its outputs.
//!
//! ```text
//! caller  -- spawn -->  outer  -- fork -->  init (process 1 inside)  -- fork -->  the command
//! ```
//!
//! The outer process and the init are the calling program itself, started again: a program that uses this crate calls
//! [`enter_if_asked`] first in `main`. So everything in between is ordinary single-threaded code, and the caller may
//! have any number of threads.
//!
//! # Goals
//! * The same result for root and everyone else: there is always one user inside, mapped to the caller's, never a
//!   range, and no privileged helper program.
//! * The command only sees what was given: trees, binds, environment, host name, number of CPUs. The kernel
//!   version is not hidden, and the clock is the host's unless [`SyscallFakes`] are given.
//! * Nothing outlives the sandbox: if any process of the chain dies, the kernel kills all processes inside.
//!
//! # Non-goals
//! * Protection against kernel exploits. The system call filter forbids what builds do not need; to run hostile
//!   code, use a virtual machine.
//! * Images for other architectures than the host's.
//!
//! # Limitations
//! * Memory is only limited if the caller may create a control group.
//! * Disk use is checked five times a second: writes between two checks can exceed the limit, and so can files that are
//!   deleted while they are open.
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
mod enter;
mod error;
mod filter;
mod host_overrides;
mod host_settings;
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
mod syscall_fakes;
mod terminal;
mod tracer;
mod wire;

pub use available::{available, syscall_fakes_available};
pub use capture::{
    CaptureError, CaptureRules, Modes, OwnerOf, RemovedPaths, SpecialFile, capture, capture_changes,
};
pub use enter::enter_if_asked;
pub use error::SandboxError;
pub use host_overrides::{HostOverrides, refusal};
#[doc(hidden)]
pub use layer::force_copy;
pub use layer::{Layering, layering, writable_layer};
pub use owners::Owners;
pub use running::{CommandResult, SandboxProcess, Signals, Status, run, spawn};
pub use sandbox::{Bind, Limits, Network, Ownership, Sandbox, StandardStreams, SyscallFakes};
