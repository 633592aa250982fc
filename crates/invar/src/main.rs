//! The command line: parse, call, print. The only place that reads the environment and the clock, and that prints.
mod cli;
mod color;
mod commands;
mod configuration;
mod each_once;
mod failure;
mod location;
mod machine;
mod manifest;
mod missing;
mod open;
mod output;
mod program;
#[cfg(feature = "inspect")]
mod rebuild;
mod relock;
mod report;

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _};

use crate::cli::{Cli, Command};
use crate::color::ColorChoice;
use crate::configuration::Given;
use crate::output::Style;

fn main() -> ExitCode {
    // The sandbox's own processes are this program, started again.
    invar_sandbox::enter_if_asked();
    // So are the builds that `verify` makes again.
    #[cfg(feature = "inspect")]
    if let Some(code) = rebuild::build_if_asked() {
        return code;
    }
    let (mut cli, given) = match parse() {
        Ok(parsed) => parsed,
        Err(error) => {
            // If the output is closed, there is nobody to report to.
            let _ = error.print();
            return if error.use_stderr() { failure::INPUT.into() } else { ExitCode::SUCCESS };
        }
    };
    let style = Style::of(&cli.global);
    let settled = location::settle(&mut cli, &given);
    if let Err(failure) = settled.and_then(|()| configuration::complete(&mut cli.global, &given)) {
        failure.print(style);
        return failure.exit_code();
    }
    let reporter = report::reporter(style);
    let done = match &cli.command {
        #[cfg(feature = "inspect")]
        Command::Audit(options) => commands::audit::run(&cli.global, options),
        #[cfg(feature = "inspect")]
        Command::Init(options) => commands::init::run(&cli.global, options),
        Command::Lock(options) => commands::lock::run(&cli.global, options, &*reporter),
        Command::Build(options) => commands::build::run(&cli.global, options, &*reporter),
        Command::Run(options) => commands::run::run(&cli.global, options, &*reporter),
        Command::Shell(options) => commands::shell::run(&cli.global, options, &*reporter),
        Command::Env(options) => commands::env::run(&cli.global, options, &*reporter),
        #[cfg(feature = "inspect")]
        Command::Verify(options) => commands::verify::run(&cli.global, options, &*reporter),
        #[cfg(feature = "inspect")]
        Command::Diff(options) => commands::diff::run(&cli.global, options, &*reporter),
        #[cfg(feature = "inspect")]
        Command::Why(options) => commands::why::run(&cli.global, options, &*reporter),
        #[cfg(feature = "inspect")]
        Command::Inspect(options) => commands::inspect::run(&cli.global, options, &*reporter),
    };
    match done {
        Ok(code) => code,
        Err(failure) => {
            reporter.finish();
            failure.print(style);
            failure.exit_code()
        }
    }
}

/// The command line, and what of it is given; its own errors and help are colored as it says.
fn parse() -> Result<(Cli, Given), clap::Error> {
    let color = match ColorChoice::of_arguments(std::env::args_os()) {
        ColorChoice::Always => clap::ColorChoice::Always,
        ColorChoice::Never => clap::ColorChoice::Never,
        // clap knows the same variables.
        ColorChoice::Auto => clap::ColorChoice::Auto,
    };
    let matches = Cli::command().color(color).try_get_matches()?;
    Ok((Cli::from_arg_matches(&matches)?, Given::of(&matches)))
}
