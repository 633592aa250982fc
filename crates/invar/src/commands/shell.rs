//! `invar shell`
use std::collections::BTreeMap;
use std::process::ExitCode;

use invar_build::{BuildError, Environment, Mount, RunRequest, Session, shell_environment};
use invar_checkout::ProjectFiles;
use invar_project::Purpose;

use crate::cli::{Global, Shell};
use crate::failure::Failure;
use crate::machine::variable;
use crate::open::{Open, platform_to_run};
use crate::program::{environment, host_name, mounts, start};
use crate::report::CliReporter;

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
pub fn run(global: &Global, options: &Shell, reporter: &dyn CliReporter) -> Result<ExitCode, Failure> {
    #[cfg(feature = "inspect")]
    if options.derive.show_manifest {
        return crate::manifest::show(
            global,
            &options.project,
            &options.derive.derive,
            Purpose::Shell,
            options.locking.locked,
        );
    }
    let open = Open {
        project: &options.project,
        derive: &options.derive.derive,
        purpose: Purpose::Shell,
        keyring: None,
        locking: options.locking,
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
    if options.keep_env {
        variables.extend(kept_variables());
    }
    variables.extend(environment(&options.env)?);
    let request = RunRequest {
        entrypoint: None,
        arguments: command(&place, options),
        environment: variables,
        directory: folder_inside(&files)?,
        user: None,
        mounts,
        host_name: host_name(&files.manifest.image.name.to_string()),
        watch_errors: false,
    };
    // A shell says itself what it cannot start.
    start(&session, &place.without_entrypoint(), &request, &|_| None, &mut |_| {})
}

/// The folder of the project that somebody is in, as it is seen inside; nothing where they are elsewhere.
fn folder_inside(files: &ProjectFiles) -> Result<Option<String>, Failure> {
    let project = std::fs::canonicalize(&files.folder)
        .map_err(|source| BuildError::Read { path: files.folder.clone(), source })?;
    #[expect(clippy::disallowed_methods, reason = "where somebody is does not reach an image")]
    let here = std::env::current_dir().and_then(std::fs::canonicalize).ok();
    let inner = here.as_deref().and_then(|here| here.strip_prefix(&project).ok()?.to_str());
    Ok(inner.filter(|inner| !inner.is_empty()).map(|inner| format!("/{}/{inner}", invar_build::PROJECT)))
}

/// All variables of this machine but those that say how this machine is: paths, names, languages.
fn kept_variables() -> BTreeMap<String, String> {
    const OWN: [&str; 14] = [
        "PATH",
        "HOME",
        "PWD",
        "OLDPWD",
        "SHELL",
        "SHLVL",
        "USER",
        "LOGNAME",
        "HOSTNAME",
        "TMPDIR",
        "LANG",
        "LANGUAGE",
        "VIRTUAL_ENV",
        "_",
    ];
    const OWN_FAMILIES: [&str; 6] = ["LC_", "LD_", "XDG_", "INVAR_", "PYTHON", "DIRENV_"];
    let all = std::env::vars_os();
    all.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| !OWN.contains(&name.as_str()))
        .filter(|(name, _)| !OWN_FAMILIES.iter().any(|family| name.starts_with(family)))
        .collect()
}

/// The file that the shell reads when it starts, on this machine and where it is mounted. It is there as long as the
/// second value is.
fn start_file(session: &Session<'_>, hook: &str) -> Result<(Mount, invar_store::Scratch), Failure> {
    let scratch = session.sources.store.scratch()?;
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
