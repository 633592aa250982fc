//! Steps with an executor that runs nothing.
use invar_project::Platform;
use invar_sandbox::Status;

use super::*;
use crate::executor::fake::{FakeExecutor, FakeRun, input_text};
use crate::fixture::{Fixture, Warnings, listed};

const PROJECT: &str = r#"
[image]
name = "x"
platforms = ["linux/amd64"]
command = ["x"]

[[step]]
name = "assets"
run = "make assets"
inputs = ["src/**"]
env = { LEVEL = "2" }

[step.outputs]
"dist" = "/app/static"
"/usr/local/lib/x.so" = { path = "/app/x.so", executable = false }

[[step]]
name = "plain"
inputs = ["assets", "notes.txt"]

[step.outputs]
"notes.txt" = "/app/notes.txt"
"/app/static/a.js" = "/app/copy.js"
"#;

const FILES: [(&str, &str); 3] = [("src/a.js", "a"), ("notes.txt", "notes"), ("other.txt", "other")];

fn plan(fixture: &Fixture<'_>) -> Plan {
    let steps = fixture.files.manifest.steps.iter().cloned();
    Plan {
        platform: Platform::LinuxAmd64,
        interpreter: None,
        layers: Vec::new(),
        sources: Vec::new(),
        steps: steps.map(|step| StepPlan { step, root: Vec::new() }).collect(),
        scripts: None,
        bytecode: false,
    }
}

fn run(fixture: &Fixture<'_>) -> Result<StepTrees, RunError> {
    let plan = plan(fixture);
    let context = fixture.context();
    let prepared = prepare_steps(&context, &plan, None).expect("the project can be read");
    run_steps(&context, &prepared, &|| Ok(Vec::new()))
}

#[test]
fn a_step_gets_its_inputs_and_its_outputs_become_a_tree_once() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let executor = FakeExecutor::new(|command| {
        assert_eq!(command.arguments, ["/bin/sh", "-e", "-c", "make assets"]);
        assert_eq!(command.environment["LEVEL"], "2");
        assert_eq!(command.working_directory(), "/build");
        assert_eq!(input_text(command, "src/a.js").as_deref(), Some("a"));
        assert_eq!(input_text(command, "other.txt"), None);
        let Wanted::Places(wanted) = &command.wanted else { panic!("a step names its outputs") };
        let wanted: Vec<&str> = wanted.iter().map(ImagePath::as_str).collect();
        assert_eq!(wanted, ["usr/local/lib/x.so", "build/dist"]);
        FakeRun::leaving(&[
            ("build/dist/a.js", b"A"),
            ("usr/local/lib/x.so", b"library"),
            ("usr/local/lib/y.so", b"not named"),
        ])
    });
    let reporter = Warnings::default();
    let fixture = Fixture::new(folder.path(), PROJECT, &FILES, &executor, &reporter);
    let outputs = run(&fixture).expect("all steps can be run");
    let outputs: Vec<(&str, Vec<String>)> =
        outputs.iter().map(|(name, stored)| (name.as_str(), listed(stored))).collect();
    let assets = ["0755 app/static/a.js A", "0644 app/x.so library"].map(str::to_owned);
    let plain = ["0755 app/copy.js A", "0644 app/notes.txt notes"].map(str::to_owned);
    assert_eq!(outputs, [("assets", assets.to_vec()), ("plain", plain.to_vec())]);
    run(&fixture).expect("all steps are in the store");
    assert_eq!(executor.ran(), ["step assets"]);
}

#[test]
fn a_failure_shows_the_last_lines_and_what_may_help() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let log = "x\n\x1b[31mred\x1b[0m\na.c:1:1: fatal error: libpq-fe.h: No such file or directory\nstopped";
    let executor = FakeExecutor::new(|_| FakeRun::failing(log));
    let reporter = Warnings::default();
    let fixture = Fixture::new(folder.path(), PROJECT, &FILES, &executor, &reporter);
    let Err(RunError::Step(failure)) = run(&fixture) else { panic!("the step failed") };
    assert_eq!(
        (failure.label.as_str(), failure.problem.as_str()),
        ("step assets", "failed with exit code 3")
    );
    let expected =
        ["x", "[31mred[0m", "a.c:1:1: fatal error: libpq-fe.h: No such file or directory", "stopped"];
    assert_eq!(failure.last_lines, expected);
    assert_eq!(std::fs::read_to_string(&failure.log).expect("the log is kept"), log);
    let hint = "libpq-fe.h is in the Debian package libpq-dev: add it to `packages` of step assets";
    assert_eq!(failure.hint.as_deref(), Some(hint));
}

#[test]
fn a_limit_that_was_reached_says_how_to_raise_it() {
    let check = |status: Status, problem: &str, hint: &str| {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let executor = FakeExecutor::new(|_| FakeRun { status, ..FakeRun::leaving(&[]) });
        let reporter = Warnings::default();
        let fixture = Fixture::new(folder.path(), PROJECT, &FILES, &executor, &reporter);
        let Err(RunError::Step(failure)) = run(&fixture) else { panic!("the step failed") };
        assert_eq!((failure.problem.as_str(), failure.hint.as_deref()), (problem, Some(hint)));
    };
    check(Status::OutOfMemory, "ran out of memory: the limit is 3 GiB", crate::hints::MORE_MEMORY);
    check(Status::OutOfDisk, "wrote too much: the limit is 1 GiB of disk", crate::hints::MORE_DISK);
    check(Status::TimedOut, "took longer than 3600s", "to allow more time, increase `timeout` of the step");
}

#[test]
fn an_output_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let executor = FakeExecutor::new(|_| FakeRun::leaving(&[("usr/local/lib/x.so", b"")]));
    let reporter = Warnings::default();
    let fixture = Fixture::new(folder.path(), PROJECT, &FILES, &executor, &reporter);
    let error = run(&fixture).expect_err("an output is missing");
    assert_eq!(error.to_string(), "step assets did not create its output dist");
}
