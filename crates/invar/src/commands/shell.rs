//! `invar shell`
use std::collections::BTreeMap;
use std::process::ExitCode;

use invar_build::{BuildError, Environment, Mount, RunRequest, Session, shell_environment};

use crate::cli::{Global, Shell};
use crate::commands::open::{Open, platform_to_run};
use crate::commands::run::{environment, host_name, mounts, start, variable};
use crate::failure::Failure;
use crate::report::Told;

/// Variables of this machine that programs in a shell expect: how the terminal is, and how the network is reached.
const PASSED_ON: [&str; 10] = [
    "TERM",
    "COLORTERM",
    "NO_COLOR",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
];

/// Where the shell's start file is.
const START: &str = "/run/invar/shellrc";

/// Runs the command.
///
/// # Errors
/// [`Failure`].
pub fn run(global: &Global, options: &Shell, reporter: &dyn Told) -> Result<ExitCode, Failure> {
    let open = Open {
        project: &options.project,
        keyring: None,
        locked: options.locked,
        keep_failed: options.keep_failed,
    };
    let (session, files) = open.open(global, reporter)?;
    let place = shell_environment(&session, &files, platform_to_run(&files))?;
    reporter.finish();

    let hook = files.manifest.dev_shell.hook.as_deref().unwrap_or_default();
    let (start_file, _kept) = start_file(&session, hook)?;
    let mut mounts = mounts(&options.volume)?;
    mounts.push(start_file);
    let passed = PASSED_ON.iter().filter_map(|name| Some(((*name).to_owned(), variable(name)?)));
    let mut variables: BTreeMap<String, String> = passed.collect();
    variables.extend(environment(&options.env)?);
    let request = RunRequest {
        entrypoint: None,
        arguments: command(&place, options),
        environment: variables,
        directory: None,
        user: None,
        mounts,
        host_name: host_name(&files.manifest.image.name.to_string()),
    };
    start(&session, &place.without_entrypoint(), &request)
}

/// The file that the shell reads when it starts, on this machine and where it is mounted. It is there as long as the
/// second value is.
fn start_file(session: &Session<'_>, hook: &str) -> Result<(Mount, invar_store::Scratch), Failure> {
    let scratch = session.store.scratch()?;
    let path = scratch.path().join("shellrc");
    let text = format!("PS1='(invar) \\w \\$ '\n{hook}\n");
    std::fs::write(&path, text).map_err(|source| BuildError::Output { path: path.clone(), source })?;
    Ok((Mount { source: path, target: START.to_owned(), writable: false }, scratch))
}

/// What is started: a program, a command for a shell, or a shell, preferably the person's own.
fn command(place: &Environment, options: &Shell) -> Vec<String> {
    let bash = place.has("/usr/bin/bash");
    let shell = if bash { "/usr/bin/bash" } else { "/bin/sh" };
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<String>>();
    if !options.arguments.is_empty() {
        let script = format!(". {START}\nexec \"$@\"");
        let mut command = words(&[shell, "-c", &script, "invar-shell"]);
        command.extend(options.arguments.iter().cloned());
        return command;
    }
    if let Some(given) = &options.command {
        return words(&[shell, "-c", &format!(". {START}\n{given}")]);
    }
    let own = variable("SHELL").unwrap_or_default();
    let own = own.rsplit('/').next().unwrap_or_default();
    match own {
        "zsh" | "fish" if place.has(&format!("/usr/bin/{own}")) => {
            words(&[shell, "-c", &format!(". {START}\nexec {own} -i")])
        }
        _ if bash => words(&[shell, "--noprofile", "--rcfile", START, "-i"]),
        _ => words(&[shell, "-c", &format!(". {START}\nexport PS1\nexec {shell} -i")]),
    }
}
