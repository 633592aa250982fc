//! Every command of the book is run, and prints what the book shows.
//!
//! A block of the language `console` has commands, each after `$ `, and below each what it prints: the lines that are
//! shown must come in this order, others may stand between them, and `…` stands for anything. The blocks of a page are
//! run one after the other in one folder, a copy of what a comment `in: FOLDER` names (and `with FILE`, for files from
//! elsewhere).
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::{Context, Ran, copy_project, repository};

/// A command and the lines that it prints.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    page: String,
    line: usize,
    command: String,
    expected: Vec<String>,
}

/// The pages that the summary lists, in its order.
fn pages() -> Vec<PathBuf> {
    let docs = repository().join("docs");
    let summary = fs::read_to_string(docs.join("SUMMARY.md")).expect("the book has a summary");
    let links = summary.lines().filter_map(|line| line.split_once("](")?.1.strip_suffix(')'));
    links.map(|link| docs.join(link)).collect()
}

/// What `text` has to be run in, and its commands.
fn commands(page: &str, text: &str) -> (Option<String>, Vec<Step>) {
    let (mut folder, mut steps, mut inside) = (None, Vec::<Step>::new(), false);
    for (number, line) in text.lines().enumerate() {
        if let Some(place) = line.strip_prefix("<!-- in: ").and_then(|rest| rest.strip_suffix(" -->")) {
            folder = Some(place.to_owned());
        } else if line.starts_with("```") {
            inside = line == "```console";
        } else if !inside {
            assert!(
                !line.trim_start().starts_with("$ "),
                "{page}:{}: a command that nothing runs",
                number + 1
            );
        } else if let Some(command) = line.strip_prefix("$ ") {
            let (page, command) = (page.to_owned(), command.to_owned());
            steps.push(Step { page, line: number + 1, command, expected: Vec::new() });
        } else if let Some(step) = steps.last_mut() {
            step.expected.push(line.to_owned());
        }
    }
    (folder, steps)
}

/// Whether `line` is what `pattern` shows.
fn fits(pattern: &str, line: &str) -> bool {
    let mut parts = pattern.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

/// The first line of `expected` that does not come in its order.
fn missing<'a>(expected: &'a [String], printed: &str) -> Option<&'a String> {
    let mut lines = printed.lines();
    // A line that is nothing but `…` stands for any number of lines, also for none.
    let mut expected = expected.iter().filter(|pattern| *pattern != "…");
    expected.find(|pattern| !lines.any(|line| fits(pattern, line)))
}

/// A copy of the folder that `place` names, with the files that it names besides.
fn copy(place: &str, to: &Path) {
    let (folder, files) = place.split_once(" with ").unwrap_or((place, ""));
    copy_project(&repository().join(folder), to);
    for file in files.split_whitespace() {
        let name = Path::new(file).file_name().expect("a file has a name");
        fs::copy(repository().join(file), to.join(name)).expect("the file can be copied");
    }
}

#[test]
fn every_command_prints_what_the_book_shows() {
    let context = Context::with_shared_store();
    let programs = context.path().join("programs");
    fs::create_dir(&programs).expect("the folder is new");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_invar"), programs.join("invar")).expect("it is new");
    for path in pages() {
        let page = path.file_name().expect("a page has a name").to_string_lossy().into_owned();
        let (folder, steps) = commands(&page, &fs::read_to_string(&path).expect("the page is there"));
        let place = context.path().join(&page);
        match &folder {
            Some(folder) => copy(folder, &place),
            None => assert!(steps.is_empty(), "{page}: commands that are to be run nowhere"),
        }
        for step in steps {
            let mut shell = Command::new("/bin/sh");
            // As on a terminal: what is told and what is printed in the order in which it comes.
            let script = format!("exec 2>&1\n{}", step.command);
            let invar = context.invar();
            let environment: Vec<_> =
                invar.get_envs().filter_map(|(name, value)| Some((name, value?))).collect();
            shell.env_clear().envs(environment).current_dir(&place).args(["-ec", &script]);
            shell.env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", programs.display()));
            let ran = Ran::of(&mut shell);
            let printed = ran.stdout;
            let Step { page, line, command, expected } = &step;
            assert_eq!(ran.code, 0, "{page}:{line}: {command}\n{printed}");
            assert_eq!(missing(expected, &printed), None, "{page}:{line}: {command}\n{printed}");
        }
    }
}

#[test]
fn every_page_is_in_the_summary_and_every_link_leads_somewhere() {
    let docs = repository().join("docs");
    let pages = pages();
    #[expect(clippy::disallowed_methods, reason = "the order does not matter, only that each is there")]
    let entries = fs::read_dir(&docs).expect("the book is there");
    for path in entries.flatten().map(|entry| entry.path()) {
        let is_page =
            path.extension().is_some_and(|extension| extension == "md") && !path.ends_with("SUMMARY.md");
        assert!(!is_page || pages.contains(&path), "{} is in no chapter", path.display());
    }
    for page in pages.iter().chain([&repository().join("README.md")]) {
        let text = fs::read_to_string(page).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap_or_default();
            if file.is_empty() || file.contains("://") {
                continue;
            }
            let target = page.parent().expect("a page is in a folder").join(file);
            assert!(target.exists(), "{}: {link} leads nowhere", page.display());
        }
    }
}

#[test]
fn what_is_shown_is_compared() {
    assert!(fits("a … c", "a b c") && fits("…", "") && fits("same", "same"));
    assert!(!fits("same", "same?") && !fits("a…c", "ab") && !fits("x…", "ax"));
    let expected = ["one".to_owned(), "t…".to_owned()];
    assert_eq!(missing(&expected, "zero\none\nand\ntwo\n"), None);
    assert_eq!(missing(&expected, "two\none\n"), Some(&expected[1]));
    let text = "<!-- in: x -->\n```console\n$ a\nb\n```\n";
    let (folder, steps) = commands("p", text);
    assert_eq!((folder.as_deref(), steps[0].command.as_str(), steps[0].line), (Some("x"), "a", 3));
    assert_eq!(steps[0].expected, ["b"]);
}
