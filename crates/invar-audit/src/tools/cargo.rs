//! cargo.
use crate::calls::{Argument, Call};
use crate::finding::Finding;
use crate::findings::Findings;
use crate::pins::is_commit;
use crate::rule::{Level, Rule};
use crate::tools::listed;

const WITH_VALUE: [&str; 20] = [
    "--version",
    "--vers",
    "--path",
    "--git",
    "--rev",
    "--tag",
    "--branch",
    "--root",
    "--target",
    "--features",
    "-F",
    "-p",
    "--package",
    "--bin",
    "--profile",
    "-j",
    "--jobs",
    "--manifest-path",
    "--target-dir",
    "--registry",
];

pub(super) fn check(call: &Call, found: &mut Findings) {
    if !matches!(call.program.as_str(), "cargo" | "xx-cargo" | "cross") {
        return;
    }
    let mut operands = call.operands(&WITH_VALUE);
    operands.retain(|operand| !operand.text.starts_with('+'));
    let Some((verb, crates)) = operands.split_first() else { return };
    let locked = call.has(&["--locked", "--frozen", "--offline"]);
    match verb.text.as_str() {
        "build" | "b" | "run" | "r" | "test" | "t" | "check" | "c" | "rustc" | "bench" if !locked => {
            let message = format!("`cargo {}` updates Cargo.lock if it does not match", verb.text);
            found.push(Finding::new(Rule::CargoWithoutLock, call.span, message).at_level(Level::Warning));
        }
        "update" | "add" | "upgrade" => {
            found.push(Finding::new(Rule::CargoWithoutLock, call.span, "the build changes Cargo.lock"));
        }
        "install" | "binstall" => install(call, crates, locked, found),
        _ => {}
    }
}

fn install(call: &Call, crates: &[&Argument], locked: bool, found: &mut Findings) {
    let is_local = call.has_option(&["--path"]);
    let from_git = call.has_option(&["--git"]);
    let at_commit =
        call.value_of(&["--rev"]).is_some_and(|rev| is_commit(rev) || rev.len() >= 7 || rev.is_empty());
    let versioned = call.has_option(&["--version", "--vers"]);
    let is_open = |name: &&&Argument| !name.text.contains('@');
    let open: Vec<&str> = crates.iter().filter(is_open).map(|name| name.text.as_str()).collect();
    let (message, level) = if from_git && !at_commit {
        ("a git repository without `--rev`".to_owned(), Level::Error)
    } else if !is_local && !from_git && !versioned && !open.is_empty() {
        (format!("{} without a version", listed(&open)), Level::Error)
    } else if !locked && call.has(&["install"]) {
        (
            "without `--locked`, the newest versions of the crate's dependencies are used".to_owned(),
            Level::Warning,
        )
    } else {
        return;
    };
    found.push(Finding::new(Rule::CargoWithoutLock, call.span, message).at_level(level));
}
