//! `invar run`
use std::io::IsTerminal as _;
use std::process::ExitCode;

use invar_build::{RunRequest, image_environment};
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
    let place = image_environment(&session, &files, platform_to_run(&files))?;
    reporter.finish();
    let mut tail = ErrorTail::default();
    let ended = start(&session, &place, &request, &mut |bytes| tail.pass_on(bytes));
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

fn absolute(folder: &str) -> String {
    if folder.starts_with('/') { folder.to_owned() } else { format!("/{folder}") }
}
