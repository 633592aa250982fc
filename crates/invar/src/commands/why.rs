//! `invar why`
use std::process::ExitCode;

use invar_inspect::{Answer, Subject, explain, explain_in_image};
use invar_project::Purpose;

use crate::cli::{Global, Why};
use crate::failure::Failure;
use crate::open::{Open, chosen_platform};
use crate::report::{CliReporter, print};

/// Runs the command.
///
/// # Errors
/// [`Failure`]; also where there is no such file or package.
pub fn run(global: &Global, options: &Why, reporter: &dyn CliReporter) -> Result<ExitCode, Failure> {
    let subject = Subject::parse(&options.what)?;
    let answers = match &options.image {
        Some(image) => explain_in_image(image, options.platform.as_deref(), &subject)?,
        None => in_project(global, options, &subject, reporter)?,
    };
    reporter.finish();
    if global.json {
        return print(&format!("{}\n", serde_json::to_string(&answers).expect("it is plain data")));
    }
    if global.quiet {
        return Ok(ExitCode::SUCCESS);
    }
    print(&answers.iter().map(Answer::text).collect::<Vec<String>>().join("\n"))
}

fn in_project(
    global: &Global,
    options: &Why,
    subject: &Subject,
    reporter: &dyn CliReporter,
) -> Result<Vec<Answer>, Failure> {
    let open = Open {
        project: &options.project,
        derive: &options.derive,
        purpose: Purpose::Build,
        keyring: None,
        locking: options.locking,
        keep_failed: false,
    };
    let (session, files) = open.open(global, reporter)?;
    let platform = chosen_platform(options.platform.as_deref(), &files)?;
    Ok(explain(&session, &files, platform, subject)?)
}
