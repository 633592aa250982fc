//! apt.
use crate::calls::{Argument, Call, CallGraph};
use crate::finding::Finding;
use crate::findings::Findings;
use crate::rule::{Level, Rule};
use crate::tools::{listed, of_instruction};

const WITH_VALUE: [&str; 8] =
    ["-o", "--option", "-c", "--config-file", "-t", "--target-release", "-a", "--host-architecture"];

pub(super) fn check(call: &Call, trail: &CallGraph<'_>, found: &mut Findings) {
    if !matches!(call.program.as_str(), "apt-get" | "apt" | "aptitude" | "apt-fast" | "xx-apt-get" | "xx-apt")
    {
        return;
    }
    let operands = call.operands(&WITH_VALUE);
    let Some((verb, packages)) = operands.split_first() else { return };
    match verb.text.as_str() {
        "upgrade" | "dist-upgrade" | "full-upgrade" | "safe-upgrade" if !has_snapshot(call, trail) => {
            let message = format!("`{} {}` uses the current state of the archive", call.program, verb.text);
            found.push_once(&of_instruction(call), Finding::new(Rule::SystemUpgrade, call.span, message));
        }
        "install" | "reinstall" | "satisfy" | "build-dep" => installs(call, packages, trail, found),
        _ => {}
    }
}

fn installs(call: &Call, packages: &[&Argument], trail: &CallGraph<'_>, found: &mut Findings) {
    if has_snapshot(call, trail) {
        return;
    }
    // A minus at the end takes a package away.
    let wanted = packages.iter().filter(|package| !package.text.ends_with('-'));
    let open: Vec<&str> =
        wanted.filter(|package| !is_exact(package)).map(|package| package.text.as_str()).collect();
    let named: Vec<&str> = open.iter().copied().filter(|name| !name.is_empty()).collect();
    let (message, level) = if open.is_empty() && !packages.is_empty() {
        ("the packages have versions, but their dependencies do not".to_owned(), Level::Warning)
    } else if named.is_empty() {
        ("packages are installed from an archive that changes".to_owned(), Level::Error)
    } else {
        (format!("{} without a version, from an archive that changes", listed(&named)), Level::Error)
    };
    let finding = Finding::new(Rule::AptNotPinned, call.span, message).at_level(level);
    found.push_once(&of_instruction(call), finding);
}

fn is_exact(package: &Argument) -> bool {
    let version = package.text.split_once('=').map(|(_, version)| version);
    // A version from a variable that is set elsewhere is a version still.
    version.is_some_and(|version| !version.contains('*') && (!version.is_empty() || !package.known))
}

/// Whether apt is told to use the archive as it was at a time: by its sources, or by an option.
fn has_snapshot(call: &Call, trail: &CallGraph<'_>) -> bool {
    let by_option = call.arguments.iter().any(|argument| {
        let text = &argument.text;
        text == "--snapshot"
            || text.starts_with("--snapshot=")
            || text == "-S"
            || text.contains("APT::Snapshot=")
    });
    by_option || trail.has_named_a_time(call)
}
