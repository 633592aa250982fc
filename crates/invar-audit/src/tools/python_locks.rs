//! uv, Poetry, PDM and Pipenv: whether they hold to their locks.
use invar_dockerfile::{InstructionKind, Source};

use crate::calls::{Call, CallGraph};
use crate::finding::Finding;
use crate::findings::Findings;
use crate::rule::{Level, Rule};
use crate::surroundings::Surroundings;

pub(super) fn check(
    call: &Call,
    trail: &CallGraph<'_>,
    surroundings: &Surroundings<'_>,
    found: &mut Findings,
) {
    match call.program.as_str() {
        "uv" => uv(call, found),
        "poetry" => poetry(call, trail, surroundings, found),
        "pdm" => pdm(call, found),
        "pipenv" => pipenv(call, found),
        "rye"
            if call.operands(&[]).first().is_some_and(|verb| verb.text == "sync")
                && !call.has(&["--no-lock"]) =>
        {
            let message = "`rye sync` may change the lock; `--no-lock` does not";
            found.push(Finding::new(Rule::PythonWithoutLock, call.span, message).at_level(Level::Warning));
        }
        _ => {}
    }
}

fn uv(call: &Call, found: &mut Findings) {
    let operands = call.operands(&["--directory", "--project", "--color", "--cache-dir"]);
    let Some(verb) = operands.first().map(|verb| verb.text.as_str()) else { return };
    // Options after the program that `uv run` starts are not uv's own.
    let end = if verb == "run" { operands.get(1).map(|program| program.span.start) } else { None };
    let has = |options: &[&str]| {
        let own =
            call.arguments.iter().take_while(|argument| end.is_none_or(|end| argument.span.start < end));
        own.into_iter().any(|argument| options.contains(&argument.text.as_str()))
    };
    let holds = has(&["--locked", "--frozen"]) || call.is_on("UV_LOCKED") || call.is_on("UV_FROZEN");
    let message = match verb {
        "sync" if !holds => "`uv sync` may resolve again",
        "run"
            if !holds
                && !has(&["--no-sync", "--no-project", "--script", "-s"])
                && !call.is_on("UV_NO_SYNC") =>
        {
            "`uv run` syncs first and may resolve again"
        }
        "export" | "tree" if !holds => "`uv export` may resolve again",
        "lock" if !holds && !has(&["--check"]) => "`uv lock` resolves again",
        "add" | "remove" | "upgrade" => "the build changes uv.lock",
        _ => return,
    };
    found.push(Finding::new(Rule::UvWithoutLock, call.span, message));
}

fn poetry(call: &Call, trail: &CallGraph<'_>, surroundings: &Surroundings<'_>, found: &mut Findings) {
    let operands = call.operands(&["-C", "--directory", "-P", "--project"]);
    let message = match operands.first().map(|verb| verb.text.as_str()) {
        Some("update" | "lock" | "add") => "the build changes poetry.lock",
        Some("install" | "sync") if !lock_is_there("poetry.lock", call, trail, surroundings) => {
            "no poetry.lock was copied before this, so the newest versions are installed"
        }
        _ => return,
    };
    found.push(Finding::new(Rule::PythonWithoutLock, call.span, message));
}

fn pdm(call: &Call, found: &mut Findings) {
    let operands = call.operands(&["-p", "--project", "-G", "--group", "-L", "--lockfile"]);
    let (message, level) = match operands.first().map(|verb| verb.text.as_str()) {
        Some("update" | "lock" | "add") if !call.has(&["--check"]) => {
            ("the build changes pdm.lock", Level::Error)
        }
        Some("install") if !call.has(&["--frozen-lockfile", "--no-lock", "--check"]) => {
            ("`pdm install` updates the lock if it does not match; `pdm sync` does not", Level::Warning)
        }
        _ => return,
    };
    found.push(Finding::new(Rule::PythonWithoutLock, call.span, message).at_level(level));
}

fn pipenv(call: &Call, found: &mut Findings) {
    let operands = call.operands(&["--python", "-r", "--categories"]);
    let message = match operands.first().map(|verb| verb.text.as_str()) {
        Some("update" | "lock" | "upgrade") => "the build changes Pipfile.lock",
        Some("install") if !call.has(&["--deploy", "--ignore-pipfile"]) => {
            "`pipenv install` updates the lock if it does not match"
        }
        _ => return,
    };
    let fix = "Use `pipenv sync`, or `pipenv install --deploy`.";
    found.push(Finding::new(Rule::PythonWithoutLock, call.span, message).with_fix(fix));
}

/// Whether the lock was brought in before the call: by name, by a pattern, or with its whole folder.
fn lock_is_there(lock: &str, call: &Call, trail: &CallGraph<'_>, surroundings: &Surroundings<'_>) -> bool {
    let mut everything = false;
    for instruction in trail.instructions_before(call) {
        let by_mount = instruction.flags.iter().any(|flag| {
            flag.name == "mount" && flag.value.as_ref().is_some_and(|value| value.text.contains(lock))
        });
        if by_mount {
            return true;
        }
        let (InstructionKind::Copy(transfer) | InstructionKind::Add(transfer)) = &instruction.kind else {
            continue;
        };
        for source in &transfer.sources {
            let Source::Path(word) = source else { continue };
            let name = word
                .text
                .trim_matches(['"', '\''])
                .trim_end_matches('/')
                .rsplit('/')
                .next()
                .unwrap_or_default();
            let stem = name.split('*').next().unwrap_or_default();
            if name == lock || (name.contains('*') && lock.starts_with(stem)) {
                return true;
            }
            everything |=
                instruction.flag("from").is_some() || !name.contains('.') || name == "." || name == "..";
        }
    }
    // A folder may hold it; without seeing the folder, the benefit of the doubt.
    let nothing_is_known = matches!(surroundings.ignore, crate::surroundings::Ignore::Unknown);
    everything && (nothing_is_known || (surroundings.read)(lock).is_some())
}
