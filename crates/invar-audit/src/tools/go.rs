//! Go modules.
use crate::calls::{Argument, Call};
use crate::finding::Finding;
use crate::findings::Findings;
use crate::rule::{Level, Rule};
use crate::tools::listed;

pub(super) fn check(call: &Call, found: &mut Findings) {
    let operands = call.operands(&[
        "-C",
        "-o",
        "-ldflags",
        "-tags",
        "-gcflags",
        "-mod",
        "-p",
        "--with",
        "--output",
        "--replace",
    ]);
    let (verb, rest) = match operands.split_first() {
        Some((verb, rest)) => (verb.text.as_str(), rest),
        None => ("", &[][..]),
    };
    match (call.program.as_str(), verb) {
        ("go" | "xx-go", "install" | "run") => {
            let open: Vec<&str> =
                rest.iter().filter(|module| moves(module)).map(|module| module.text.as_str()).collect();
            report(call, &open, found);
        }
        ("go" | "xx-go", "get") if call.has(&["-u", "-u=patch"]) => {
            found.push(Finding::new(
                Rule::GoNotPinned,
                call.span,
                "`go get -u` installs the newest versions",
            ));
        }
        ("go" | "xx-go", "get") => {
            let is_open = |module: &&&Argument| {
                let text = module.text.as_str();
                !text.starts_with('.') && text != "all" && (!text.contains('@') || moves(module))
            };
            let open: Vec<&str> = rest.iter().filter(is_open).map(|module| module.text.as_str()).collect();
            report(call, &open, found);
        }
        ("go" | "xx-go", "mod")
            if rest.first().is_some_and(|verb| matches!(verb.text.as_str(), "tidy" | "init")) =>
        {
            let message = "the build changes go.mod and go.sum";
            found.push(Finding::new(Rule::GoNotPinned, call.span, message).at_level(Level::Warning));
        }
        ("xcaddy", "build") => {
            let modules =
                call.arguments.windows(2).filter(|pair| pair[0].text == "--with").map(|pair| &pair[1]);
            let is_open = |module: &&Argument| !module.text.contains(['@', '=']) || moves(module);
            let open: Vec<&str> = modules.filter(is_open).map(|module| module.text.as_str()).collect();
            report(call, &open, found);
        }
        _ => {}
    }
}

fn report(call: &Call, open: &[&str], found: &mut Findings) {
    if !open.is_empty() {
        let message = format!("{} without a fixed version", listed(open));
        found.push(Finding::new(Rule::GoNotPinned, call.span, message));
    }
}

/// Whether the part after `@` is neither a version nor a commit.
fn moves(module: &Argument) -> bool {
    let Some((_, version)) = module.text.rsplit_once('@') else { return false };
    let is_version = version.strip_prefix('v').is_some_and(|rest| rest.matches('.').count() >= 2);
    let is_commit = version.len() >= 7 && version.bytes().all(|byte| byte.is_ascii_hexdigit());
    // What comes from a variable is reported elsewhere.
    let is_from_variable = !module.known && matches!(version, "" | "v");
    !is_version && !is_commit && !is_from_variable
}
