//! The commands of the book and of the README: which there are, and what is compared with what they print.
//!
//! A block of the language `console` has commands, each after `$ `, and below each what it prints: the lines that are
//! shown must come in this order, others may be between them, and `…` stands for anything. A command succeeds unless
//! the next one is `echo $?`; one that is followed by `^C` is interrupted when it has printed what is before. The
//! commands in YAML, which are for pipelines, are run as well.
//!
//! The blocks of a page are run one after the other in one folder, a copy of what the last comment `in: FOLDER` before
//! them names (and `with FILE…`, for files from elsewhere), or an empty one. What is shown of a manifest is one.
//!
//! `real/book.rs` runs them.
use std::fs;
use std::path::PathBuf;

use invar_testkit::markdown::blocks;

use crate::support::{Context, repository};

/// Commands that are in blocks and are not run here, and why not.
const NOT_RUN: &[(&str, &str)] = &[
    ("cargo install --locked --path crates/invar", "it compiles once more what is tested here"),
    (
        "skopeo copy oci-archive:image.tar docker://registry.example/team/app:1.0",
        "it needs a registry; that skopeo copies the archive without changing a byte is tested in docker.rs",
    ),
];

/// Pages that are records of what was typed on other machines, and which: nothing of them can be run here.
const RECORDS: &[(&str, &str)] =
    &[("first-walk.md", "machines of Ubuntu's shape and without anything, with new projects")];

/// What a block that is not run must not have.
const PROGRAMS: &[&str] = &[
    "invar", "cargo", "curl", "docker", "eval", "git", "make", "nix", "npm", "pip", "podman", "python",
    "python3", "sh", "skopeo", "sudo", "sysctl", "uv",
];

/// A command and the lines that it prints.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Step {
    pub page: String,
    pub line: usize,
    pub folder: Option<String>,
    pub command: String,
    pub expected: Vec<String>,
    /// Whether it goes on until it is interrupted.
    pub interrupted: bool,
}

/// The pages that the summary lists, in its order, without records.
pub fn pages() -> Vec<PathBuf> {
    let is_record = |path: &PathBuf| RECORDS.iter().any(|(page, _)| path.ends_with(page));
    chapters().into_iter().filter(|path| !is_record(path)).collect()
}

/// All pages that the summary lists, in its order.
fn chapters() -> Vec<PathBuf> {
    let docs = repository().join("docs");
    let summary = fs::read_to_string(docs.join("SUMMARY.md")).expect("the book has a summary");
    let links = summary.lines().filter_map(|line| line.split_once("](")?.1.strip_suffix(')'));
    links.map(|link| docs.join(link)).collect()
}

/// The commands of a page.
pub fn steps(page: &str, text: &str) -> Vec<Step> {
    let mut steps = Vec::<Step>::new();
    for block in blocks(text) {
        let before = text.lines().take(block.number - 1);
        let folders = before.filter_map(|line| line.strip_prefix("<!-- in: ")?.strip_suffix(" -->"));
        let folder = folders.last().map(str::to_owned);
        for (line, text) in (block.number..).zip(&block.lines) {
            let command = match block.language {
                Some("console") => text.strip_prefix("$ "),
                Some("yaml") => in_a_pipeline(text),
                _ => {
                    assert!(!is_left_out(block.language, text), "{page}:{line}: a command that nothing runs");
                    continue;
                }
            };
            if let Some(command) = command {
                let (page, folder, command) = (page.to_owned(), folder.clone(), command.to_owned());
                steps.push(Step { page, line, folder, command, ..Step::default() });
            } else if let Some(step) = steps.last_mut().filter(|_| block.language == Some("console")) {
                step.interrupted |= *text == "^C";
                step.expected.extend((!step.interrupted).then(|| (*text).to_owned()));
            }
        }
    }
    steps
}

/// The command of a line of YAML, as the pipelines of code hosts have it.
fn in_a_pipeline(line: &str) -> Option<&str> {
    let item = line.trim_start().strip_prefix("- ")?;
    let command = item.strip_prefix("run: ").unwrap_or(item);
    PROGRAMS.contains(&command.split_whitespace().next()?).then_some(command)
}

/// Whether a line of a block that is not run has a command nevertheless. A synopsis of `invar`, with names in capitals
/// for what a reader puts in, is none; that it is right is tested where the command line is defined.
fn is_left_out(language: Option<&str>, line: &str) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    let names = |word: &&str| {
        word.contains(char::is_uppercase) && !word.contains(|letter: char| letter.is_ascii_lowercase())
    };
    let synopsis = words.first() == Some(&"invar") && words.iter().any(names);
    let command = match language {
        None => words.first().is_some_and(|word| PROGRAMS.contains(word)),
        Some("sh") => true,
        Some(_) => line.trim_start().starts_with("$ "),
    };
    command && !synopsis && !NOT_RUN.iter().any(|(command, _)| *command == line.trim())
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
pub fn missing<'a>(expected: &'a [String], printed: &str) -> Option<&'a String> {
    let mut lines = printed.lines();
    // A line that is nothing but `…` stands for any number of lines, also for none.
    let mut expected = expected.iter().filter(|pattern| *pattern != "…");
    expected.find(|pattern| !lines.any(|line| fits(pattern, line)))
}

#[test]
fn every_manifest_that_is_shown_is_one() {
    let context = Context::new();
    let mut seen = 0;
    for path in pages().iter().chain([&repository().join("README.md")]) {
        let text = fs::read_to_string(path).expect("the page is there");
        let tables = blocks(&text).into_iter().filter(|block| block.language == Some("toml"));
        for block in tables.filter(|block| block.lines.iter().any(|line| line.contains("[tool.invar"))) {
            let project = "[project]\nname = \"shown\"\nversion = \"1\"\n";
            context.write("shown/pyproject.toml", format!("{project}{}\n", block.lines.join("\n")));
            // The manifest is read before the locks, which are not there, are missed.
            let said = context.run(&["lock", "--check", "shown"]);
            assert_eq!(said.code, 3, "{}:{}: {}", path.display(), block.number, said.stderr);
            seen += 1;
        }
    }
    assert!(seen > 3, "the pages show more than {seen}");
}

#[test]
fn what_is_not_run_stands_somewhere() {
    let readme = repository().join("README.md");
    let texts: Vec<String> = pages().iter().chain([&readme]).flat_map(fs::read_to_string).collect();
    for (command, why) in NOT_RUN {
        assert!(!why.is_empty() && texts.iter().any(|text| text.contains(command)), "{command}");
    }
}

#[test]
fn every_page_is_in_the_summary_and_every_link_leads_somewhere() {
    let docs = repository().join("docs");
    let pages = chapters();
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
    let text = "<!-- in: x -->\n```console\n$ a\nb\n$ c\nd\n^C\n```\n<!-- in: y -->\n```yaml\n  - run: make x\n  - make y\n\
                key: [z]\n```\n";
    let step = |line, folder: &str, command: &str, expected: &[&str], interrupted| Step {
        page: "p".to_owned(),
        line,
        folder: Some(folder.to_owned()),
        command: command.to_owned(),
        expected: expected.iter().map(|line| (*line).to_owned()).collect(),
        interrupted,
    };
    let expected = [
        step(3, "x", "a", &["b"], false),
        step(5, "x", "c", &["d"], true),
        step(11, "y", "make x", &[], false),
        step(12, "y", "make y", &[], false),
    ];
    assert_eq!(steps("p", text), expected);
}

#[test]
fn a_command_that_nothing_runs_is_found() {
    for (language, line) in [
        (None, "invar build"),
        (None, "invar lock --update libc6"),
        (None, "invar build ."),
        (None, "uv lock"),
        (Some("text"), "$ invar build"),
        (Some("sh"), "cd folder"),
    ] {
        assert!(is_left_out(language, line), "{line}");
    }
    for (language, line) in [
        (None, "invar diff A B"),
        (None, "invar inspect [IMAGE|PROJECT]"),
        (None, "digest = f(manifest)"),
        (Some("text"), "invar build"),
    ] {
        assert!(!is_left_out(language, line), "{line}");
    }
}
