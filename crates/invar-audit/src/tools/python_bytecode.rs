//! Compiled Python files.
use crate::calls::{Call, CallGraph};
use crate::finding::Finding;
use crate::findings::Findings;
use crate::rule::Rule;
use crate::tools::python::asked;

pub(super) fn check(call: &Call, trail: &CallGraph<'_>, found: &mut Findings) {
    if !compiles(call) || call.variable("SOURCE_DATE_EPOCH").is_some() {
        return;
    }
    // What is deleted in the same instruction was never there.
    let deletes = |other: &Call| {
        let line = other.line();
        let names_it = line.contains("__pycache__") || line.contains(".pyc");
        names_it && (other.program == "rm" || line.contains("-delete") || line.contains("rm "))
    };
    if trail.after(call).any(|other| other.instruction == call.instruction && deletes(other)) {
        return;
    }
    let message =
        format!("`{}` compiles Python files, which then contain the times of their sources", call.program);
    found.push_once("", Finding::new(Rule::BytecodeTimes, call.span, message));
}

fn compiles(call: &Call) -> bool {
    match call.program.as_str() {
        "uv" => {
            let verb = call.arguments.iter().find(|argument| !argument.text.starts_with('-'));
            let installs = verb
                .is_some_and(|verb| matches!(verb.text.as_str(), "sync" | "pip" | "run" | "add" | "tool"));
            installs && (call.has(&["--compile-bytecode", "--compile"]) || call.is_on("UV_COMPILE_BYTECODE"))
        }
        "compileall" => !call.has_option(&["--invalidation-mode"]),
        "poetry" => call.has(&["install"]) && call.has(&["--compile"]),
        // pip compiles unless it is told not to.
        _ => asked(call).is_some_and(|asked| {
            let asks_for_something = !asked.requirements.is_empty()
                || !asked.paths.is_empty()
                || !asked.files.is_empty()
                || asked.groups;
            asked.verb == "install"
                && asks_for_something
                && !call.has(&["--no-compile"])
                && !call.is_on("PIP_NO_COMPILE")
        }),
    }
}
