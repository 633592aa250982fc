//! What is known of the programs that Dockerfiles start: one file for each kind.
mod cargo;
mod clock;
mod conda;
mod debian;
mod download;
mod git;
mod go;
mod node;
mod others;
mod python;
mod python_bytecode;
mod python_locks;
mod random;
mod remote;
mod requirement;
mod ruby;
mod system;
mod toolchain;

use crate::calls::{Call, CallGraph};
use crate::findings::Findings;
use crate::surroundings::Surroundings;

/// Adds what the call can change.
pub(crate) fn check(
    call: &Call,
    trail: &CallGraph<'_>,
    surroundings: &Surroundings<'_>,
    found: &mut Findings,
) {
    debian::check(call, trail, found);
    system::check(call, found);
    python::check(call, trail, surroundings, found);
    python_bytecode::check(call, trail, found);
    python_locks::check(call, trail, surroundings, found);
    node::check(call, trail, found);
    ruby::check(call, trail, found);
    go::check(call, found);
    cargo::check(call, found);
    conda::check(call, surroundings, found);
    others::check(call, found);
    toolchain::check(call, found);
    download::check(call, trail, found);
    git::check(call, trail, found);
    clock::check(call, trail, found);
    random::check(call, found);
    remote::check(call, found);
}

/// The name of the instruction, as the cause of what is reported once for it.
fn of_instruction(call: &Call) -> String {
    call.instruction.to_string()
}

/// The first few of `names`, for a message.
fn listed(names: &[&str]) -> String {
    let (shown, more) = names.split_at(names.len().min(3));
    let mut list = shown.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    if !more.is_empty() {
        list.push_str(&format!(" and {} more", more.len()));
    }
    list
}
