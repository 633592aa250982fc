//! What the commands of an image name, and whether the image has it.
use invar_plan::StepPlan;

use super::advice::after;
use super::program::{StartFault, fault as program_fault};
use super::python;
use super::script::commands;
use super::view::View;

/// Programs whose first argument that is no option is a file to run.
const RUNNERS: [&str; 6] = ["bash", "dash", "node", "perl", "ruby", "sh"];

/// Programs that read a script after `-c`.
const SHELLS: [&str; 5] = ["ash", "bash", "dash", "sh", "zsh"];

/// Programs that start another, which comes after their options, and the options that have a value.
const STARTERS: [(&str, &[&str]); 7] = [
    ("catatonit", &["-p"]),
    ("dumb-init", &["-r", "--rewrite"]),
    ("env", &["-u", "-C", "--unset", "--chdir"]),
    ("gosu", &[]),
    ("nice", &["-n"]),
    ("su-exec", &[]),
    ("tini", &["-e", "-p"]),
];

/// How many programs that start others are followed.
const DEEPEST: usize = 4;

/// Adds what is missing of the command `words`, which `what` names: `its command`.
pub(super) fn check_command(view: &View<'_>, words: &[&str], what: &str, found: &mut Vec<String>) {
    check(view, words, what, 0, found);
}

fn check(view: &View<'_>, words: &[&str], what: &str, depth: usize, found: &mut Vec<String>) {
    let Some((program, arguments)) = words.split_first() else { return };
    if let Some(StartFault { cause, advice, .. }) = program_fault(view, program) {
        found.push(format!("{cause}: {what} cannot start{}", after(advice)));
        return;
    }
    let name = program.rsplit('/').next().unwrap_or(program);
    if let Some((_, with_value)) = STARTERS.iter().find(|(starter, _)| *starter == name) {
        if depth < DEEPEST {
            check(view, started(name, with_value, arguments), what, depth + 1, found);
        }
        return;
    }
    if let Some(script) = SHELLS.contains(&name).then(|| script_of(arguments)).flatten() {
        if depth < DEEPEST {
            for words in commands(script) {
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                check(view, &words, what, depth + 1, found);
            }
        }
        return;
    }
    let fault = if python::is_python(name) {
        python::fault(view, arguments, what)
    } else if RUNNERS.contains(&name) {
        missing_file(view, arguments, what)
    } else {
        let launcher = view.find(program);
        let launcher = launcher.and_then(|(path, _)| python::launcher_fault(view, &path, name, what));
        launcher.or_else(|| python::server_fault(view, name, arguments, what))
    };
    found.extend(fault);
}

/// The words of the command that `starter` starts.
fn started<'w, 's>(starter: &str, with_value: &[&str], arguments: &'w [&'s str]) -> &'w [&'s str] {
    let mut at = 0;
    while let Some(argument) = arguments.get(at) {
        if *argument == "--" {
            return &arguments[at + 1..];
        }
        let is_variable = starter == "env" && argument.contains('=');
        if !argument.starts_with('-') && !is_variable {
            break;
        }
        at += if with_value.contains(argument) { 2 } else { 1 };
    }
    // These are given a user first.
    let at = if matches!(starter, "gosu" | "su-exec") { at + 1 } else { at };
    arguments.get(at..).unwrap_or_default()
}

/// The script after `-c` among the arguments of a shell.
fn script_of<'s>(arguments: &[&'s str]) -> Option<&'s str> {
    let mut is_script = false;
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.strip_prefix(['-', '+']) {
            Some(options) if !options.is_empty() => {
                is_script |=
                    argument.starts_with('-') && !argument.starts_with("--") && options.contains('c');
                // `-o pipefail`, also at the end of others.
                if options.ends_with('o') || options.ends_with('O') {
                    rest.next();
                }
            }
            _ => return is_script.then_some(argument),
        }
    }
    None
}

/// The file that a program is to run with `arguments` and that is not there.
fn missing_file(view: &View<'_>, arguments: &[&str], what: &str) -> Option<String> {
    let first = arguments.first().filter(|first| !first.starts_with(['-', '+']))?;
    python::file_fault(view, first, what)
}

/// Adds what the launchers and links of a step lead to, and is not there.
pub(super) fn check_step(view: &View<'_>, planned: &StepPlan, found: &mut Vec<String>) {
    let step = &planned.step;
    for wrap in step.wraps.iter().filter(|wrap| *wrap.place() != wrap.program) {
        let (name, program, place) = (&step.name, &wrap.program, wrap.place());
        if view.get(&program.to_string()).is_none() {
            found.push(format!("step {name}: `{program}` not found in the image, and {place} starts it"));
            continue;
        }
        let first = wrap.args.iter().find(|argument| !argument.starts_with('-'));
        let is_runner = python::is_python(program.name()) || RUNNERS.contains(&program.name());
        if let Some(file) = first.filter(|file| file.starts_with('/') && is_runner)
            && view.get(file).is_none()
        {
            found.push(format!("step {name}: `{file}` not found in the image, and {place} runs it"));
        }
    }
    for (place, target) in &step.links {
        if view.get(&target.to_string()).is_none() {
            let name = &step.name;
            found.push(format!("step {name}: `{target}` not found in the image, and {place} leads to it"));
        }
    }
}
