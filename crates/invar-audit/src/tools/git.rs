//! git and other version control.
use crate::calls::{Argument, Call, CallGraph};
use crate::finding::Finding;
use crate::findings::Findings;
use crate::pins::is_commit;
use crate::rule::{Level, Rule};

const WITH_VALUE: [&str; 12] = [
    "-C",
    "-c",
    "-b",
    "--branch",
    "--depth",
    "-o",
    "--origin",
    "--reference",
    "-j",
    "--jobs",
    "--revision",
    "--filter",
];

pub(super) fn check(call: &Call, trail: &CallGraph<'_>, found: &mut Findings) {
    let operands = call.operands(&WITH_VALUE);
    let Some((verb, rest)) = operands.split_first() else { return };
    match (call.program.as_str(), verb.text.as_str()) {
        ("git", "clone") => clone(call, trail, found),
        ("git", "pull") => {
            found.push(Finding::new(Rule::GitNotPinned, call.span, "`git pull` uses the tip of the branch"));
        }
        ("git", "submodule") if call.has(&["--remote"]) => {
            let message = "`--remote` uses the tips of the submodules' branches";
            found.push(Finding::new(Rule::GitNotPinned, call.span, message));
        }
        ("svn", "checkout" | "co" | "export")
            if !call.has_option(&["-r", "--revision"]) && !rest.is_empty() =>
        {
            found.push(Finding::new(Rule::GitNotPinned, call.span, "no revision is given"));
        }
        ("hg", "clone") if !call.has_option(&["-r", "--rev", "-u", "--updaterev"]) => {
            found.push(Finding::new(Rule::GitNotPinned, call.span, "no revision is given"));
        }
        _ => {}
    }
}

fn clone(call: &Call, trail: &CallGraph<'_>, found: &mut Findings) {
    if call.value_of(&["--revision"]).is_some_and(is_commit) {
        return;
    }
    let is_clone = |other: &Call| other.program == "git" && other.has(&["clone"]);
    // A checkout is about the last clone before it.
    let until_next = trail.after(call).take_while(|other| !is_clone(other));
    let mut tag = call.value_of(&["-b", "--branch"]).map(str::to_owned);
    for other in until_next.filter(|other| other.program == "git") {
        let operands = other.operands(&["-C", "-c", "--depth", "-B", "-b"]);
        let Some((verb, rest)) = operands.split_first() else { continue };
        if !matches!(verb.text.as_str(), "checkout" | "switch" | "reset" | "fetch") {
            continue;
        }
        let names_commit = |argument: &&Argument| {
            let text = argument.text.trim_end_matches(':');
            // A value from outside is reported elsewhere.
            is_commit(text)
                || is_short_commit(text)
                || (text.is_empty() && !argument.known)
                || argument.computed
        };
        if rest.iter().any(names_commit) {
            return;
        }
        if verb.text == "checkout" {
            tag = rest.first().map(|argument| argument.text.clone()).or(tag);
        }
    }
    let is_version = |name: &String| name.contains(|c: char| c.is_ascii_digit()) && name.contains('.');
    let (message, level) = match tag {
        Some(tag) if is_version(&tag) => (format!("`{tag}` is a tag, which can move"), Level::Warning),
        Some(tag) if !tag.is_empty() => (format!("this uses the tip of `{tag}`"), Level::Error),
        _ => ("this uses the tip of the default branch".to_owned(), Level::Error),
    };
    found.push(Finding::new(Rule::GitNotPinned, call.span, message).at_level(level));
}

/// The beginning of a commit's name, long enough to be meant as one.
fn is_short_commit(text: &str) -> bool {
    (7..40).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_hexdigit())
        && text.contains(|c: char| c.is_ascii_digit())
}
