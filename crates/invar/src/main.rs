//! The command line: parse, call, print. The only place that reads the environment and the clock, and that prints.
mod cli;
mod commands;
mod each_once;
mod failure;
mod machine;
mod manifest;
mod missing;
mod open;
mod output;
mod program;
#[cfg(feature = "inspect")]
mod rebuild;
mod report;

use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::{Cli, Command};
use crate::output::Style;

fn main() -> ExitCode {
    // The sandbox's own processes are this program, started again.
    invar_sandbox::enter_if_asked();
    // So are the builds that `verify` makes again.
    #[cfg(feature = "inspect")]
    if let Some(code) = rebuild::build_if_asked() {
        return code;
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // If the output is closed, there is nobody to report to.
            let _ = error.print();
            return if error.use_stderr() { failure::INPUT.into() } else { ExitCode::SUCCESS };
        }
    };
    let style = Style { quiet: cli.global.quiet, json: cli.global.json };
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
