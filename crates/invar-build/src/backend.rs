//! Build backends that are asked what their builds need.
use std::io::Read as _;

use invar_diagnostic::AnyDiagnostic;
use invar_project::Platform;
use invar_python::{DistributionName, SourceLocation};
use invar_realise::{BackendQuestion, Backends};
use invar_store::{KeyWriter, Keyed};

use crate::debian::{debian_checkout, path};
use crate::python_source::{FrontEnd, LONGEST_ANSWER, Place, build_environment, front_end, prepare_needs};
use crate::workshop::{Workshop, check};
use crate::{BuildError, Session};

/// What a package's build backend says that it needs. It is asked each time: the store keeps no answer.
struct AskedBackend<'a>(&'a DistributionName);

impl Keyed for AskedBackend<'_> {
    const DOMAIN: &'static str = "asked";
    const VERSION: u32 = 1;

    fn encode(&self, writer: &mut KeyWriter) {
        writer.text(self.0.as_str());
    }
}

impl Backends for Session<'_> {
    fn check(&self, platform: Platform, label: &str) -> Result<(), AnyDiagnostic> {
        check(self, platform, label).map_err(AnyDiagnostic::new)
    }

    fn requires(&self, question: &BackendQuestion<'_>) -> Result<Vec<String>, AnyDiagnostic> {
        ask(self, question).map_err(AnyDiagnostic::new)
    }
}

fn ask(session: &Session<'_>, question: &BackendQuestion<'_>) -> Result<Vec<String>, BuildError> {
    let BackendQuestion { label, name, chosen, source, files, lock, platform, interpreter, .. } = *question;
    let workshop = Workshop { session, files, lock, platform };
    let needs = prepare_needs(&workshop, &question.needs)?;
    let environment = build_environment(&workshop, &question.wheels, &needs, interpreter)?;
    let root = debian_checkout(&workshop, &question.root)?;
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
            settings: "{}",
            environment: &question.environment,
        };
        let left = front_end(&workshop, &task, &[path(&root), path(&environment)], None)?;
        let mut answer = Vec::new();
        let read = left
            .open("out/requires.json")
            .and_then(|file| file.take(LONGEST_ANSWER).read_to_end(&mut answer));
        let problem = "its backend did not say what it needs".to_owned();
        let wrong = || BuildError::NotAWheel { label: label.to_owned(), problem: problem.clone() };
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
