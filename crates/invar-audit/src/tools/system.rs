//! apk, dnf and their kin.
use crate::calls::{Argument, Call};
use crate::finding::Finding;
use crate::findings::Findings;
use crate::rule::{Level, Rule};
use crate::tools::{listed, of_instruction};

pub(super) fn check(call: &Call, found: &mut Findings) {
    match call.program.as_str() {
        "apk" | "xx-apk" => apk(call, found),
        "dnf" | "dnf5" | "yum" | "microdnf" | "tdnf" | "zypper" => rpm(call, found),
        _ => {}
    }
}

fn apk(call: &Call, found: &mut Findings) {
    let with_value =
        ["-t", "--virtual", "-X", "--repository", "-p", "--root", "--arch", "--cache-dir", "--keys-dir"];
    let operands = call.operands(&with_value);
    let Some((verb, packages)) = operands.split_first() else { return };
    match verb.text.as_str() {
        "upgrade" if packages.is_empty() => upgrade(call, "apk upgrade", found),
        "add" | "upgrade" if !packages.is_empty() => {
            let exact = |package: &Argument| {
                let version = package.text.split_once('=');
                version.is_some_and(|(name, version)| {
                    !version.starts_with('~')
                        && !name.ends_with(['<', '>', '~'])
                        && (!version.is_empty() || !package.known)
                })
            };
            not_pinned(call, packages, exact, Rule::ApkNotPinned, "a repository", found);
        }
        _ => {}
    }
}

fn rpm(call: &Call, found: &mut Findings) {
    let with_value = [
        "--setopt",
        "--installroot",
        "--releasever",
        "--repo",
        "--repoid",
        "-c",
        "-x",
        "--exclude",
        "-r",
        "-p",
    ];
    let operands = call.operands(&with_value);
    let Some((verb, packages)) = operands.split_first() else { return };
    let takes_packages = matches!(
        verb.text.as_str(),
        "install"
            | "in"
            | "reinstall"
            | "localinstall"
            | "groupinstall"
            | "update"
            | "upgrade"
            | "up"
            | "builddep"
    );
    match verb.text.as_str() {
        "update" | "upgrade" | "up" | "dist-upgrade" | "dup" | "distro-sync" | "patch"
            if packages.is_empty() =>
        {
            upgrade(call, &format!("{} {}", call.program, verb.text), found);
        }
        "module" | "group" => {
            not_pinned(call, packages, |_| false, Rule::RpmNotPinned, "a repository", found)
        }
        _ if takes_packages => {
            not_pinned(call, packages, is_full_name, Rule::RpmNotPinned, "a repository", found)
        }
        _ => {}
    }
}

/// `name-1.2.3-4.el9`: a name, a version that starts with a digit, and a release that starts with one.
fn is_full_name(package: &Argument) -> bool {
    let starts_with_digit =
        |part: Option<&str>| part.is_some_and(|part| part.starts_with(|c: char| c.is_ascii_digit()));
    let mut parts = package.text.rsplitn(3, '-');
    starts_with_digit(parts.next()) && starts_with_digit(parts.next()) && parts.next().is_some()
}

fn upgrade(call: &Call, what: &str, found: &mut Findings) {
    let message = format!("`{what}` uses the current state of the repository");
    found.push_once(&of_instruction(call), Finding::new(Rule::SystemUpgrade, call.span, message));
}

fn not_pinned(
    call: &Call,
    packages: &[&Argument],
    exact: impl Fn(&Argument) -> bool,
    rule: Rule,
    from: &str,
    found: &mut Findings,
) {
    let open: Vec<&str> =
        packages.iter().filter(|package| !exact(package)).map(|package| package.text.as_str()).collect();
    let named: Vec<&str> = open.iter().copied().filter(|name| !name.is_empty()).collect();
    let (message, level) = if open.is_empty() {
        ("the packages have versions, but their dependencies do not".to_owned(), Level::Warning)
    } else if named.is_empty() {
        (format!("packages are installed from {from} that changes"), Level::Error)
    } else {
        (format!("{} without a version, from {from} that changes", listed(&named)), Level::Error)
    };
    found.push_once(&of_instruction(call), Finding::new(rule, call.span, message).at_level(level));
}
