//! A command on a terminal: it has the foreground, and the caller has it again afterwards.
use std::io::{Read, Write};
use std::process::{Command, Stdio};

use crate::setup::{PROBE, Setup};

/// Runs a script in the sandbox on a terminal of its own, and types each answer when its prompt appears. The shell
/// around it reads a last line, which it can only from the foreground. Gives all that appeared.
fn on_a_terminal(script: &str, typed: &[(&str, &str)]) -> Option<String> {
    let setup = Setup::new();
    let (root, scratch) = (setup.sandbox.root[0].display(), setup.sandbox.scratch.display());
    let around = format!(
        "{PROBE} run inherit=1 root={root} scratch={scratch} -- sh -c '{script}'; echo back; read a; echo got $a"
    );
    let started = Command::new("script")
        .args(["-qec", &around, "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut child) = started else {
        eprintln!("SKIPPED: this host has no `script` to make a terminal with");
        return None;
    };
    let (mut keys, mut screen) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut seen = Vec::new();
    let mut typed = typed.iter().chain(&[("back", "hello\n")]).peekable();
    let mut from = 0;
    let mut chunk = [0; 1024];
    loop {
        let count = screen.read(&mut chunk).unwrap_or(0);
        if count == 0 {
            break;
        }
        seen.extend_from_slice(&chunk[..count]);
        while let Some((prompt, answer)) = typed.peek() {
            let Some(at) = String::from_utf8_lossy(&seen[from..]).find(prompt) else { break };
            from += at + prompt.len();
            keys.write_all(answer.as_bytes()).unwrap();
            typed.next();
        }
    }
    child.wait().unwrap();
    Some(String::from_utf8(seen).unwrap().replace('\r', ""))
}

#[test]
fn what_is_typed_reaches_the_command() {
    let Some(seen) = on_a_terminal("echo ready; read word; echo read $word", &[("ready", "typed\n")]) else {
        return;
    };
    assert!(seen.contains("read typed\nExited(0)\nback\n") && seen.contains("got hello"), "{seen}");
}

#[test]
fn an_interrupt_reaches_the_command_and_not_the_caller() {
    let Some(seen) = on_a_terminal("exec probe try pause", &[("ready", "\u{3}")]) else { return };
    assert!(seen.contains("Signaled(2)\nback\n") && seen.contains("got hello"), "{seen}");
}

#[test]
fn a_stop_does_not_leave_the_terminal_without_anyone() {
    let Some(seen) = on_a_terminal("echo ready; sleep 0.3; echo over", &[("ready", "\u{1a}")]) else {
        return;
    };
    assert!(seen.contains("over\nExited(0)\nback\n") && seen.contains("got hello"), "{seen}");
}
