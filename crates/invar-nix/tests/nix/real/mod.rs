//! Nix itself as the judge: expressions of our own, and ones that are generated, have the same value there. And long fuzzing, which needs no judge.
mod fuzz;
mod generate;

use std::io::Write;
use std::process::{Command, Stdio};

use invar_nix::{Evaluator, Limits, NoFiles, on_deep_stack};

use crate::expressions;

const NIX: &str = "nix-instantiate";

/// Expressions of one process.
const BATCH: usize = 400;

/// What Nix prints for `expression`, if it has a value.
fn nix(expression: &str) -> Option<String> {
    let mut child = Command::new(NIX)
        .args(["--eval", "--strict", "-I", "none=/none", "-"])
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("NIX_REMOTE", "dummy://")
        .env("HOME", env!("CARGO_TARGET_TMPDIR"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("its presence was checked");
    let mut input = child.stdin.take().expect("it is piped");
    let text = expression.to_owned();
    let writer = std::thread::spawn(move || input.write_all(text.as_bytes()));
    let output = child.wait_with_output().expect("it can be waited for");
    writer.join().expect("it does not panic").expect("Nix reads all of it");
    output
        .status
        .success()
        .then(|| String::from_utf8(output.stdout).expect("it prints text").trim_end().to_owned())
}

/// What we print.
fn ours(expression: &str) -> Result<String, String> {
    on_deep_stack(|| {
        let mut evaluator = Evaluator::new(Box::new(NoFiles), Limits::default());
        let id = evaluator.expression(expression, "/expression.nix").map_err(|error| error.to_string())?;
        evaluator.force_all(id).map_err(|error| error.to_string())?;
        Ok(evaluator.show(id, true))
    })
}

/// Whether Nix is there; otherwise the test says that it is skipped.
fn is_there() -> bool {
    let there = Command::new(NIX).arg("--version").output().is_ok_and(|output| output.status.success());
    if !there {
        eprintln!("SKIPPED: missing {NIX}");
    }
    there
}

/// Those of `expressions` for which Nix and we differ; if Nix refuses one of them, each half is asked on its own.
fn differences(expressions: &[String]) -> Vec<String> {
    let whole = format!("[\n({})\n]", expressions.join(")\n("));
    let (theirs, mine) = (nix(&whole), ours(&whole));
    match (&theirs, &mine) {
        (Some(theirs), Ok(mine)) if theirs == mine => return Vec::new(),
        (None, Err(_)) if expressions.len() == 1 => return Vec::new(),
        _ => {}
    }
    if expressions.len() == 1 {
        return vec![format!("{}\n  Nix  {theirs:?}\n  ours {mine:?}", expressions[0])];
    }
    let (left, right) = expressions.split_at(expressions.len() / 2);
    let mut all = differences(left);
    all.extend(differences(right));
    all
}

fn check(expressions: &[String]) {
    let wrong: Vec<String> = expressions.chunks(BATCH).flat_map(differences).collect();
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), expressions.len(), wrong.join("\n"));
}

#[test]
fn our_expressions_have_the_value_that_nix_gives_them() {
    if is_there() {
        let all: Vec<String> = expressions::VALUES.iter().map(|&text| text.to_owned()).collect();
        check(&all);
        for text in &all {
            assert!(ours(text).is_ok(), "{text}: {:?}", ours(text));
        }
    }
}

#[test]
fn what_nix_refuses_is_refused() {
    if is_there() {
        for text in expressions::ERRORS {
            assert_eq!(nix(text), None, "{text}");
            assert!(ours(text).is_err(), "{text}: {:?}", ours(text));
        }
    }
}

#[test]
fn generated_expressions_have_the_value_that_nix_gives_them() {
    if is_there() {
        check(&generate::expressions(1200));
    }
}

#[test]
fn generated_strings_are_stripped_as_nix_does() {
    if is_there() {
        check(&generate::strings(1200));
    }
}
