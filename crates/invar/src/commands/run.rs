//! `invar run`
use std::io::IsTerminal as _;
use std::process::ExitCode;

use invar_build::{RunRequest, image_environment, why_not_started};
use invar_project::Purpose;
use invar_realise::Event;

use crate::cli::{Global, Run};
use crate::failure::Failure;
use crate::missing::{ErrorTail, Missing};
use crate::open::{Open, platform_to_run};
use crate::program::{environment, host_name, mounts, start};
use crate::report::CliReporter;

/// Runs the command.
///
/// # Errors
/// [`Failure`].
pub fn run(global: &Global, options: &Run, reporter: &dyn CliReporter) -> Result<ExitCode, Failure> {
    #[cfg(feature = "inspect")]
    if options.derive.show_manifest {
        return crate::manifest::show(
            global,
            &options.project,
            &options.derive.derive,
            Purpose::Run,
            options.locking.locked,
        );
    }
    if let Some(failure) = named_program(options) {
        return Err(failure);
    }
    let open = Open {
        project: &options.project,
        derive: &options.derive.derive,
        purpose: Purpose::Run,
        keyring: None,
        locking: options.locking,
        keep_failed: options.keep_failed,
    };
    let (session, files) = open.open(global, reporter)?;
    let user = options.user.as_deref().map(str::parse).transpose();
    let name = files.manifest.image.name.to_string();
    let request = RunRequest {
        entrypoint: options.entrypoint.clone(),
        arguments: options.arguments.clone(),
        environment: environment(&options.env)?,
        directory: options.workdir.clone().map(|folder| absolute(&folder)),
        user: user.map_err(|error: invar_project::ValueError| Failure::input(error.to_string(), None))?,
        mounts: mounts(&options.volume)?,
        host_name: host_name(&name),
        // On a terminal, the program shall see that it is one.
        watch_errors: !std::io::stderr().is_terminal(),
    };
    let platform = platform_to_run(&files);
    let place = image_environment(&session, &files, platform)?;
    reporter.finish();
    // Why the image cannot be looked at again is of no interest to whoever waits for a program.
    let explain = |program: &str| {
        why_not_started(&session, &files, platform, program, request.directory.as_deref()).ok().flatten()
    };
    let mut tail = ErrorTail::default();
    let ended = start(&session, &place, &request, &explain, &mut |bytes| tail.pass_on(bytes));
    if ended.as_ref().map_or(true, |code| *code != ExitCode::SUCCESS) {
        let command = place.command(&request).unwrap_or_default();
        let missing = Missing { files: &files, command: &command };
        let errors = request.watch_errors.then(|| tail.text());
        if let Some(sentence) = missing.explain(errors.as_deref()) {
            reporter.event(&Event::Note(&sentence));
        }
    }
    ended
}

/// What to say where the project is in truth the name of a program.
fn named_program(options: &Run) -> Option<Failure> {
    let project = options.project.to_str()?;
    let is_name =
        project.chars().all(|character| character.is_ascii_alphanumeric() || "._+-".contains(character));
    if !is_name || !options.arguments.is_empty() || options.project.exists() {
        return None;
    }
    let hint = format!("to run the program {project} in the image, write: invar run -- {project}");
    Some(Failure::input(format!("there is no project directory {project}"), Some(&hint)))
}

fn absolute(folder: &str) -> String {
    if folder.starts_with('/') { folder.to_owned() } else { format!("/{folder}") }
}
