//! What a person sees while Invar works: on terminals of any width, without colors, and in a pipe that closes.
use std::process::{Command, Stdio};

use crate::support::Context;
use crate::support::terminal::Terminal;
use crate::support::tools::Tools;

const STEP: &str = "[image]\nname = \"seen\"\n[[step]]\nname = \"a-step-with-a-name-that-is-longer-than-the-terminal\"\n\
                    run = \"echo printed by the step > /dev/stderr; echo > x\"\noutputs = { x = \"/x\" }\n";

/// `command` for a terminal of the kind `TERM`.
fn on(mut command: Command, kind: &str) -> Command {
    command.env("TERM", kind);
    command
}

/// What was drawn, without what moves the cursor and sets colors, a text for each place where drawing began.
fn drawn(seen: &str) -> Vec<String> {
    let mut plain = String::new();
    let mut rest = seen.chars();
    while let Some(character) = rest.next() {
        if character != '\u{1b}' {
            plain.push(character);
            continue;
        }
        // A sequence ends with a letter (ECMA-48, 5.4).
        rest.by_ref().find(char::is_ascii_alphabetic);
        plain.push('\r');
    }
    plain.split(['\r', '\n']).map(|line| line.trim_end().to_owned()).filter(|line| !line.is_empty()).collect()
}

/// Whether it is a line of something under way: a spinner, or a download.
fn moves(line: &str) -> bool {
    line.starts_with(['⠁', '⠂', '⠄', '⡀', '⢀', '⠠', '⠐', '⠈'])
        || (line.starts_with("  ") && line.contains(['░', '█']))
}

fn build(project: &Tools) -> Command {
    let mut command = project.invar();
    command.args(["build", "--locked", "-o", "image.tar", "project"]);
    command
}

#[test]
fn what_moves_takes_one_line_at_any_width() {
    for columns in [20, 40, 200] {
        let project = Tools::locked(STEP);
        let mut terminal = Terminal::start(&on(build(&project), "xterm"), 24, columns);
        terminal.expect("Building");
        let (status, seen) = terminal.end();
        assert!(status.success(), "{seen}");
        let lines = drawn(&seen);
        let moving: Vec<&String> = lines.iter().filter(|line| moves(line)).collect();
        assert!(!moving.is_empty(), "{lines:#?}");
        for line in moving {
            // A line that fills the terminal needs nothing to end it, so the next follows at once.
            let letters: Vec<char> = line.chars().collect();
            let mut rows = letters.chunks(columns.into()).map(|row| row.iter().collect::<String>());
            assert!(rows.all(|row| moves(&row)), "{columns}: {line:?}");
        }
        assert!(seen.contains("Built step a-step-with-a-name"), "{seen}");
    }
}

#[test]
fn a_terminal_that_cannot_move_its_cursor_gets_lines() {
    let project = Tools::locked(STEP);
    let (status, seen) = Terminal::start(&on(build(&project), "dumb"), 24, 80).end();
    assert!(status.success(), "{seen}");
    assert!(seen.contains("Building step a-step-with-a-name"), "{seen}");
    assert!(!seen.contains("\u{1b}["), "{seen:?}");
}

#[test]
fn colors_follow_the_option_and_the_variables() {
    let context = Context::new();
    context.write("project/pyproject.toml", "[tool.invar]\nnothing = 1\n");
    let run = |options: &[&str], variable: Option<(&str, &str)>| {
        let mut command = on(context.invar(), "xterm");
        command.args(["build", "project"]).args(options);
        command.envs(variable);
        Terminal::start(&command, 24, 80).end().1.contains("\u{1b}[")
    };
    assert!(run(&[], None));
    assert!(!run(&["--color", "never"], None));
    assert!(!run(&[], Some(("NO_COLOR", "1"))));
    assert!(!run(&[], Some(("CLICOLOR", "0"))));
    assert!(run(&["--color=always"], Some(("NO_COLOR", "1"))));
    // Not a terminal.
    let plain = context.run(&["build", "project"]);
    assert!(!plain.stderr.contains('\u{1b}') && plain.stderr.contains("nothing"), "{}", plain.stderr);
    let forced = context.run(&["build", "--color", "always", "project"]);
    assert!(forced.stderr.contains("\u{1b}["), "{}", forced.stderr);
    // An error of the command line itself.
    let wrong = |options: &[&str]| context.run(options).failure(2).contains('\u{1b}');
    assert!(wrong(&["--color", "always", "nothing"]) && !wrong(&["nothing"]));
}

#[test]
fn verbose_prints_what_steps_print() {
    let project = Tools::locked(STEP);
    let quiet = project.run(&["build", "--locked", "-o", "image.tar", "project"]);
    assert!(!quiet.stderr.contains("printed by the step"), "{}", quiet.stderr);
    let other = Tools::locked(STEP);
    let verbose = other.run(&["build", "--locked", "--verbose", "-o", "image.tar", "project"]);
    assert!(verbose.stderr.contains(" | printed by the step\n"), "{}", verbose.stderr);
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let context = Context::new();
    context.write("Dockerfile", format!("FROM python\n{}", "RUN pip install flask\n".repeat(1000)));
    let mut command = context.invar();
    command.args(["audit", "--fail-on", "never", "Dockerfile"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it can be started");
    // Nobody reads: as `head -0`.
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(!said.contains("error:"), "{said}");
}
