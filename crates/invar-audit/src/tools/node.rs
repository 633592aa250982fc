//! npm, Yarn, pnpm and Bun.
use crate::calls::{Argument, Call, CallGraph};
use crate::finding::Finding;
use crate::findings::Findings;
use crate::rule::Rule;
use crate::tools::listed;

const WITH_VALUE: [&str; 12] = [
    "--prefix",
    "--registry",
    "-C",
    "--cwd",
    "--dir",
    "--filter",
    "-F",
    "--network-timeout",
    "--cache",
    "--loglevel",
    "--store-dir",
    "--modules-folder",
];

pub(super) fn check(call: &Call, trail: &CallGraph<'_>, found: &mut Findings) {
    let operands = call.operands(&WITH_VALUE);
    let verb = operands.first().map(|verb| verb.text.as_str());
    let rest = operands.get(1..).unwrap_or_default();
    match (call.program.as_str(), verb) {
        (
            "npm",
            Some("install" | "i" | "in" | "add" | "update" | "up" | "upgrade" | "install-test" | "it"),
        ) => {
            if is_global(call) {
                by_name(call, rest, found);
            } else if !call.has(&["--dry-run", "--version"]) {
                let fix = "Use `npm ci`, which installs exactly what is in package-lock.json.";
                without_lock(
                    call,
                    &format!("`npm {}` updates the lock if it does not match", verb.unwrap_or_default()),
                    fix,
                    found,
                );
            }
        }
        ("npm", Some("exec" | "x")) | ("npx" | "bunx", _) => {
            let names = if call.program == "npm" { rest } else { &operands[..] };
            run_by_name(call, &names[..names.len().min(1)], trail, found);
        }
        ("pnpm" | "yarn" | "bun", Some("dlx" | "x")) => {
            run_by_name(call, &rest[..rest.len().min(1)], trail, found)
        }
        ("yarn", None | Some("install" | "add" | "upgrade" | "up" | "import")) => {
            let holds = call.has(&["--frozen-lockfile", "--immutable", "--version", "-v", "--help", "-h"])
                || call.has_option(&["--immutable-cache"])
                || call.is_on("YARN_ENABLE_IMMUTABLE_INSTALLS");
            if !holds || matches!(verb, Some("add" | "upgrade" | "up")) {
                let fix = "Use `yarn install --immutable`, or `--frozen-lockfile` with Yarn 1.";
                without_lock(call, "`yarn install` updates the lock if it does not match", fix, found);
            }
        }
        ("yarn", Some("global")) if rest.first().is_some_and(|verb| verb.text == "add") => {
            by_name(call, &rest[1..], found);
        }
        ("pnpm", Some("add" | "install" | "i" | "update" | "up")) if is_global(call) => {
            by_name(call, rest, found)
        }
        ("pnpm", Some("install" | "i" | "add" | "update" | "up")) => {
            let installs = matches!(verb, Some("install" | "i"));
            let holds = installs
                && (call.has(&["--frozen-lockfile", "--offline"])
                    || call.is_on("CI")
                    || call.is_on("npm_config_frozen_lockfile"));
            if !holds {
                let fix = "Use `pnpm install --frozen-lockfile`.";
                without_lock(call, "`pnpm install` updates the lock if it does not match", fix, found);
            }
        }
        ("bun", Some("add" | "install" | "i" | "update")) if is_global(call) => by_name(call, rest, found),
        ("bun", Some("install" | "i")) if call.has(&["--frozen-lockfile"]) => {}
        ("bun", Some("install" | "i" | "add" | "update")) => {
            let fix = "Use `bun install --frozen-lockfile`, or `bun ci`.";
            without_lock(call, "`bun install` updates the lock if it does not match", fix, found);
        }
        ("corepack", Some("prepare" | "use" | "install" | "up")) => by_name(call, rest, found),
        _ => {}
    }
}

fn is_global(call: &Call) -> bool {
    call.has(&["-g", "--global", "--location=global"])
}

fn without_lock(call: &Call, message: &str, fix: &str, found: &mut Findings) {
    found.push(Finding::new(Rule::NodeWithoutLock, call.span, message).with_fix(fix));
}

fn by_name(call: &Call, names: &[&Argument], found: &mut Findings) {
    let open: Vec<&str> =
        names.iter().filter(|name| !is_exact(name)).map(|name| name.text.as_str()).collect();
    if !open.is_empty() {
        let message = format!("{} without an exact version", listed(&open));
        found.push(Finding::new(Rule::NodeNotPinned, call.span, message));
    }
}

/// A tool that is fetched to be run once. Where packages were installed before, it is among those.
fn run_by_name(call: &Call, names: &[&Argument], trail: &CallGraph<'_>, found: &mut Findings) {
    let installs = |other: &Call| {
        matches!(other.program.as_str(), "npm" | "yarn" | "pnpm" | "bun")
            && !other.has(&["-g", "--global"])
            && (other.arguments.is_empty() || other.has(&["ci", "install", "i", "clean-install", "add"]))
    };
    let copied = || {
        trail.instructions_before(call).iter().any(|before| trail.text_of(before).contains("node_modules"))
    };
    if !trail.before(call).any(installs) && !copied() {
        by_name(call, names, found);
    }
}

/// `name@1.2.3`, a file, or a version from a variable.
fn is_exact(name: &Argument) -> bool {
    let text = name.text.as_str();
    if text.starts_with(['.', '/']) || text.ends_with(".tgz") {
        return true;
    }
    match text.get(1..).and_then(|rest| rest.rsplit_once('@')) {
        Some((_, "")) => !name.known,
        Some((_, version)) => {
            let version = version.split('+').next().unwrap_or(version);
            let parts: Vec<&str> = version.trim_start_matches('v').splitn(3, '.').collect();
            parts.len() == 3 && parts.iter().all(|part| part.starts_with(|c: char| c.is_ascii_digit()))
        }
        None => false,
    }
}
