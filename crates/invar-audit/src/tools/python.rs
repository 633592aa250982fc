//! pip, `uv pip`, and what installs Python packages by name.
use crate::calls::{Argument, Call, CallGraph};
use crate::finding::Finding;
use crate::findings::Findings;
use crate::rule::{Level, Rule};
use crate::surroundings::Surroundings;
use crate::tools::listed;
use crate::tools::requirement::{Pin, is_path, of_argument, of_file, of_text};

/// Options of pip and `uv pip` whose value is the next argument, without those that name requirements.
const WITH_VALUE: [&str; 42] = [
    "-c",
    "--constraint",
    "--constraints",
    "-i",
    "--index-url",
    "--extra-index-url",
    "-f",
    "--find-links",
    "-t",
    "--target",
    "--prefix",
    "--root",
    "-p",
    "--python",
    "--platform",
    "--trusted-host",
    "--progress-bar",
    "--timeout",
    "--retries",
    "--proxy",
    "--cache-dir",
    "--only-binary",
    "--no-binary",
    "-C",
    "--config-settings",
    "--config-setting",
    "--global-option",
    "--upgrade-strategy",
    "--python-version",
    "--python-platform",
    "--implementation",
    "--abi",
    "--src",
    "-w",
    "--wheel-dir",
    "-d",
    "--dest",
    "--index",
    "--index-strategy",
    "--torch-backend",
    "--log",
    "--exclude-newer",
];
const FILES: [&str; 3] = ["-r", "--requirement", "--requirements"];
const EDITABLE: [&str; 2] = ["-e", "--editable"];
const GROUPS: [&str; 2] = ["--group", "--extra"];

/// What a pip command line asks for.
#[derive(Debug)]
pub(super) struct PipRequest<'a> {
    /// The verb, and where the arguments after it begin.
    pub verb: &'a str,
    pub requirements: Vec<&'a Argument>,
    pub paths: Vec<&'a Argument>,
    pub files: Vec<&'a Argument>,
    pub groups: bool,
}

/// Reads the command line of pip or `uv pip`; `None` for other programs.
pub(super) fn asked(call: &Call) -> Option<PipRequest<'_>> {
    let mut rest = call.arguments.iter().peekable();
    if call.program == "uv" {
        rest.find(|argument| !argument.text.starts_with('-')).filter(|argument| argument.text == "pip")?;
    } else if !is_pip(&call.program) {
        return None;
    }
    let verb = rest.find(|argument| !argument.text.starts_with('-'))?.text.as_str();
    let mut asked =
        PipRequest { verb, requirements: Vec::new(), paths: Vec::new(), files: Vec::new(), groups: false };
    while let Some(argument) = rest.next() {
        let text = argument.text.as_str();
        // `-Ur file`: short options in one word.
        let last_short =
            text.len() > 2 && text.starts_with('-') && !text.starts_with("--") && text.ends_with('r');
        if FILES.contains(&text) || last_short {
            asked.files.extend(rest.next());
        } else if EDITABLE.contains(&text) {
            asked.paths.extend(rest.next());
        } else if GROUPS.contains(&text) {
            asked.groups = true;
            rest.next();
        } else if WITH_VALUE.contains(&text) {
            rest.next();
        } else if text.starts_with("--requirement=") || (text.starts_with("-r") && text.len() > 2) {
            asked.files.push(argument);
        } else if text.len() > 1 && text.starts_with('-') {
            continue;
        } else if verb == "sync" {
            asked.files.push(argument);
        } else if is_path(text) {
            asked.paths.push(argument);
        } else {
            asked.requirements.push(argument);
        }
    }
    Some(asked)
}

fn is_pip(program: &str) -> bool {
    program.strip_prefix("pip").is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit() || c == '.'))
}

pub(super) fn check(
    call: &Call,
    trail: &CallGraph<'_>,
    surroundings: &Surroundings<'_>,
    found: &mut Findings,
) {
    if let Some(asked) = asked(call) {
        if matches!(asked.verb, "install" | "download" | "wheel" | "sync") {
            pip(call, &asked, trail, surroundings, found);
        }
        return;
    }
    match call.program.as_str() {
        "easy_install" => by_name(call, &call.operands(&["-i", "-f", "-d"]), found),
        "pipx" => {
            let operands =
                call.operands(&["--python", "--index-url", "-i", "--pip-args", "--suffix", "--spec"]);
            if let Some((verb, names)) = operands.split_first()
                && matches!(verb.text.as_str(), "install" | "run" | "inject" | "upgrade" | "upgrade-all")
            {
                by_name(call, names, found);
            }
        }
        "uvx" => {
            let operands = call.operands(&["--python", "-p", "--index", "--with"]);
            by_name(call, &operands[..operands.len().min(1)], found);
        }
        "uv" => {
            let operands = call.operands(&["--python", "-p", "--index", "--directory", "--with"]);
            let texts: Vec<&str> = operands.iter().map(|operand| operand.text.as_str()).collect();
            match texts.as_slice() {
                ["tool", "install" | "run", ..] => by_name(call, &operands[2..operands.len().min(3)], found),
                ["tool", "upgrade", ..] => by_name(call, &operands[2..], found),
                _ => {}
            }
        }
        "setup.py" if call.has(&["install", "develop"]) => by_setup(call, found),
        program if crate::calls::is_python(program) => {
            let runs_setup =
                call.operands(&[]).first().is_some_and(|script| script.text.ends_with("setup.py"));
            if runs_setup && call.has(&["install", "develop"]) {
                by_setup(call, found);
            }
        }
        _ => {}
    }
}

fn by_setup(call: &Call, found: &mut Findings) {
    let message = "the newest versions of the project's dependencies are installed";
    found.push(Finding::new(Rule::PythonNotLocked, call.span, message));
}

fn by_name(call: &Call, names: &[&Argument], found: &mut Findings) {
    let pin = |name: &&&Argument| {
        // `uvx name@1.2.3`
        let text = name.text.replacen('@', "==", 1);
        of_text(&text, name.known) == Pin::Open
    };
    let open: Vec<&str> = names.iter().filter(pin).map(|name| name.text.as_str()).collect();
    let (message, level) = if open.is_empty() {
        ("the version is fixed, but its dependencies are not".to_owned(), Level::Warning)
    } else {
        (format!("{} without a version", listed(&open)), Level::Error)
    };
    found.push(Finding::new(Rule::PythonNotLocked, call.span, message).at_level(level));
}

fn pip(
    call: &Call,
    asked: &PipRequest<'_>,
    trail: &CallGraph<'_>,
    surroundings: &Surroundings<'_>,
    found: &mut Findings,
) {
    let holds_to_hashes = call.has(&["--require-hashes"])
        || call.is_on("PIP_REQUIRE_HASHES")
        || call.is_on("UV_REQUIRE_HASHES");
    let is_local = call.has(&["--no-index", "--offline"]) || call.is_on("PIP_NO_INDEX");
    let at_a_date = call.has_option(&["--exclude-newer"]) || call.variable("UV_EXCLUDE_NEWER").is_some();
    if holds_to_hashes || is_local || at_a_date {
        return;
    }
    let open: Vec<&str> = asked
        .requirements
        .iter()
        .filter(|argument| of_argument(argument) == Pin::Open)
        .map(|argument| argument.text.as_str())
        .collect();
    let mut least =
        asked.requirements.iter().map(|argument| of_argument(argument)).min().unwrap_or(Pin::Files);
    let mut message = if open.is_empty() {
        "versions are fixed, but hashes and dependencies are not".to_owned()
    } else {
        let upgrade =
            if call.has(&["-U", "--upgrade"]) { " (and `--upgrade` installs the newest)" } else { "" };
        let named: Vec<&str> = open.iter().map(|name| if name.is_empty() { "..." } else { name }).collect();
        // What comes from a repository may well have a tag: it is the commit that it does not name.
        let what = if named.iter().all(|name| name.contains("git+")) { "commit" } else { "version" };
        format!("{} without a {what}{upgrade}", listed(&named))
    };
    for file in &asked.files {
        let name = file
            .text
            .strip_prefix("--requirement=")
            .or_else(|| file.text.strip_prefix("-r"))
            .unwrap_or(&file.text);
        let pin = match file.known {
            true if is_exported(name, call, trail) => Pin::Files,
            true => of_file(name, surroundings),
            false => Pin::Unseen,
        };
        if pin < least {
            least = pin;
            message = match pin {
                Pin::Open => format!("`{name}` has requirements without versions"),
                Pin::Unseen => format!("cannot read `{name}`, and `--require-hashes` is not set"),
                _ => format!("`{name}` has versions but no hashes, and may not include dependencies"),
            };
        }
    }
    let without_dependencies = call.has(&["--no-deps", "--no-dependencies"]);
    let after_wheelhouse = || trail.calls.iter().any(|other| other.order < call.order && makes_wheels(other));
    let builds_project = !asked.paths.is_empty() && !without_dependencies && least > Pin::Open;
    let all_wheels = asked.paths.iter().all(|path| path.text.ends_with('*') || path.text.ends_with(".whl"));
    if (builds_project && !(all_wheels && after_wheelhouse())) || asked.groups {
        least = Pin::Open;
        message = match asked.paths.first() {
            Some(path) => format!("the newest versions of the dependencies of `{}` are installed", path.text),
            None => "the newest versions of the packages in the project's groups are installed".to_owned(),
        };
    }
    let constrained = call.has_option(&["-c", "--constraint", "--constraints", "--build-constraints"])
        || call.variable("PIP_CONSTRAINT").is_some()
        || call.variable("UV_CONSTRAINT").is_some();
    let level = match least {
        Pin::Files => return,
        Pin::Open if !constrained => Level::Error,
        _ => Level::Warning,
    };
    found.push(Finding::new(Rule::PythonNotLocked, call.span, message).at_level(level));
}

/// Whether the call gathers wheels, with all that they depend on, in a folder.
fn makes_wheels(call: &Call) -> bool {
    asked(call).is_some_and(|asked| matches!(asked.verb, "wheel" | "download"))
}

/// Whether the file was built from a lock, with its hashes, before the call.
fn is_exported(name: &str, call: &Call, trail: &CallGraph<'_>) -> bool {
    let last = |path: &str| path.rsplit('/').next().unwrap_or(path).to_owned();
    trail.before(call).any(|other| {
        let exports = matches!(other.program.as_str(), "uv" | "poetry" | "pdm")
            && other.has(&["export"])
            && !other.has(&["--no-hashes", "--without-hashes"]);
        let option = other.value_of(&["-o", "--output", "--output-file"]);
        exports
            && other.outputs.iter().map(String::as_str).chain(option).any(|output| last(output) == last(name))
    })
}
