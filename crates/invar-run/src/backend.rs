//! Build backends that are asked what their builds need.
use std::io::Read as _;

use invar_project::Platform;
use invar_python::{DistributionName, SourceLocation};
use invar_realise::{BackendQuestion, Sources};
use invar_store::{KeyWriter, Keyed};

use crate::RunError;
use crate::context::{BuildContext, Runner, check_runner};
use crate::debian::debian_checkout;
use crate::executor::in_build;
use crate::python_build::{
    FrontEnd, LONGEST_ANSWER, Place, build_environment, directory_of, front_end, prepare_needs,
};

/// What a package's build backend says that it needs. It is asked each time: the store keeps no answer.
struct AskedBackend<'a>(&'a DistributionName);

impl Keyed for AskedBackend<'_> {
    const DOMAIN: &'static str = "asked";
    const VERSION: u32 = 1;

    fn encode(&self, writer: &mut KeyWriter) {
        writer.text(self.0.as_str());
    }
}

/// Whether a build backend can be run for `platform`, before anything is fetched for it.
///
/// # Errors
/// [`RunError::ForeignPlatform`], [`RunError::Sandbox`].
pub fn check_backend(runner: &Runner<'_>, platform: Platform, label: &str) -> Result<(), RunError> {
    check_runner(runner, platform, label)
}

/// What the backend of `question` asks for.
///
/// # Errors
/// What running it says, and [`RunError::NotAWheel`] where it does not answer.
pub fn backend_requires(
    sources: &Sources<'_>,
    runner: &Runner<'_>,
    question: &BackendQuestion<'_>,
) -> Result<Vec<String>, RunError> {
    let BackendQuestion { label, name, chosen, source, files, lock, platform, interpreter, .. } = *question;
    let context = BuildContext { sources, runner, files, lock, platform };
    let needs = prepare_needs(&context, &question.needs)?;
    let environment = build_environment(&context, &question.wheels, &needs, interpreter)?;
    let root = debian_checkout(&context, &question.root)?;
    // The shell installs packages of the project so that their files stay where they are, which may need more.
    let actions: &[&str] = match &chosen.source {
        SourceLocation::Directory { .. } => &["requires", "requires-editable"],
        _ => &["requires"],
    };
    let mut asked: Vec<String> = Vec::new();
    for action in actions {
        let task = FrontEnd {
            label,
            name: &chosen.name,
            key: AskedBackend(name).key(),
            action,
            source,
            place: Place::Build,
            patches: &[],
            directory: directory_of(&chosen.source),
            settings: "{}",
            environment: &question.environment,
        };
        let outputs = front_end(&context, &task, &[root.clone(), environment.clone()], None)?;
        let mut answer = Vec::new();
        let read = outputs
            .tree
            .open(&in_build("out/requires.json"))
            .and_then(|file| file.take(LONGEST_ANSWER).read_to_end(&mut answer));
        let problem = "its build backend did not report its requirements".to_owned();
        let wrong = || RunError::NotAWheel { label: label.to_owned(), problem: problem.clone() };
        read.map_err(|_| wrong())?;
        let more: Vec<String> = serde_json::from_slice(&answer).map_err(|_| wrong())?;
        asked.extend(more);
    }
    Ok(asked)
}

#[cfg(test)]
mod keys {
    use super::*;

    const CHANGED: &str = "if this is intended, raise the VERSION of the domain and pin the new key";

    #[test]
    fn the_keys_are_pinned() {
        assert_eq!(
            AskedBackend(&"numpy".parse().unwrap()).describe(),
            "asked 1 573e482902bc312c6b0c93b981f9d481d4fc595343dbaa845be9880cb0e29b62",
            "{CHANGED}"
        );
    }
}
