//! The time of the build.
use crate::calls::{Call, CallGraph, OutputUse};
use crate::finding::Finding;
use crate::findings::Findings;
use crate::rule::Rule;

pub(super) fn check(call: &Call, trail: &CallGraph<'_>, found: &mut Findings) {
    if call.program != "date" {
        return;
    }
    let fixed = call.arguments.iter().any(|argument| {
        let text = argument.text.trim_start_matches("--date=").trim_start_matches("-d");
        // `-d @TIME` and `-r FILE` print a different time than the clock's.
        text.starts_with('@') || matches!(argument.text.as_str(), "-r" | "--version" | "--help")
    });
    if fixed || call.variable("SOURCE_DATE_EPOCH").is_some_and(|_| call.line().contains("SOURCE_DATE_EPOCH"))
    {
        return;
    }
    let is_kept = match &call.inside {
        OutputUse::Assignment(name) => is_used(name, call, trail),
        OutputUse::Argument(program) => !matches!(program.as_str(), "[" | "test" | "[["),
        OutputUse::Nothing => {
            let written = |outputs: &[String]| {
                outputs.iter().any(|output| !output.starts_with("/dev/") && !output.is_empty())
            };
            let by_pipe = trail.pipeline(call).any(|other| other.program == "tee" || written(&other.outputs));
            written(&call.outputs) || by_pipe
        }
    };
    if is_kept {
        found.push(Finding::new(Rule::ClockInBuild, call.span, "the current time ends up in the result"));
    }
}

/// Whether the variable is used in the instruction or script for more than comparing.
fn is_used(name: &str, call: &Call, trail: &CallGraph<'_>) -> bool {
    let text = trail.text_around(call);
    let uses =
        text.match_indices(&format!("${name}")).chain(text.match_indices(&format!("${{{name}"))).count();
    let compared = trail
        .after(call)
        .filter(|other| {
            other.instruction == call.instruction
                && other.script == call.script
                && matches!(other.program.as_str(), "[" | "test" | "[[")
        })
        .count();
    // Exported, or a name that tools look for.
    let is_seen =
        text.contains(&format!("export {name}")) || name.chars().all(|c| c.is_ascii_uppercase() || c == '_');
    uses > compared || is_seen
}
