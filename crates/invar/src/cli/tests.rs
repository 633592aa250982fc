//! What the pages say of the command line is what its definitions say.
//!
//! That commands print what the book shows is for `tests/cli/real/book.rs`, which runs them. Here each line that names `invar` is
//! parsed, also where nothing can be run: a synopsis, a command that is spoken of, an option, a variable.
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory as _, Parser as _};
use invar_testkit::markdown::{blocks, spans};

use super::Cli;

/// Options that pages name and that are other programs'.
const OTHERS: &[&str] = &[
    "--app-dir",             // of uvicorn
    "--checksum",            // of `ADD`
    "--frozen",              // of uv
    "--frozen-lockfile",     // of pnpm, Yarn and Bun
    "--impure",              // of nix
    "--no-compile",          // of pip
    "--no-link",             // of nix
    "--no-update-lock-file", // of nix
    "--print-out-paths",     // of nix
    "--real",                // of cargo xtask test
    "--retries",             // of pip
    "--security-opt",        // of docker
];

/// Variables that pages name and that no option reads.
const VARIABLES: &[&str] = &["INVAR_BLESS"];

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The names and texts of all pages: the book, and what is next to the code for people to read.
fn pages() -> Vec<(String, String)> {
    let root = repository();
    let mut paths: Vec<PathBuf> =
        vec!["README.md".into(), "ARCHITECTURE.md".into(), "CONTRIBUTING.md".into()];
    for folder in ["docs", "examples"] {
        #[expect(clippy::disallowed_methods, reason = "the order does not matter, only that each is there")]
        let entries = fs::read_dir(root.join(folder)).expect("the folder is there");
        for path in entries.flatten().map(|entry| Path::new(folder).join(entry.file_name())) {
            paths.extend([path.join("README.md"), path]);
        }
    }
    paths.retain(|path| root.join(path).is_file() && path.extension().is_some_and(|kind| kind == "md"));
    let pages = paths.into_iter();
    pages
        .map(|path| {
            let text = fs::read_to_string(root.join(&path)).expect("the page can be read");
            (path.display().to_string(), text)
        })
        .collect()
}

/// The lines of a page that have commands, and the code in its text, each with a number of a line.
fn lines(page: &str) -> Vec<(usize, String)> {
    let mut lines = spans(page);
    for block in blocks(page) {
        for (number, line) in (block.number..).zip(&block.lines) {
            let command = match block.language {
                Some("console") => line.strip_prefix("$ "),
                Some("yaml") => line
                    .trim_start()
                    .strip_prefix("- ")
                    .map(|item| item.strip_prefix("run: ").unwrap_or(item)),
                // What is printed, or a file.
                Some(_) => None,
                None => Some(*line),
            };
            lines.extend(command.map(|command| (number, command.to_owned())));
        }
    }
    lines
}

/// The words of each command of a line of shell, as far as pages use it.
fn commands(line: &str) -> Vec<Vec<String>> {
    let (mut commands, mut word, mut quote, mut quoted) = (vec![Vec::new()], String::new(), None, false);
    let mut rest = line;
    while let Some(letter) = rest.chars().next() {
        rest = &rest[letter.len_utf8()..];
        if quote != Some('\'') && letter == '$' && rest.starts_with('(') {
            let (inner, after) = rest[1..].split_once(')').unwrap_or((&rest[1..], ""));
            commands.splice(0..0, self::commands(inner));
            rest = after;
        } else if quote == Some(letter) {
            quote = None;
        } else if quote.is_some() || !matches!(letter, '\'' | '"' | ' ' | ';') {
            word.push(letter);
        } else if matches!(letter, '\'' | '"') {
            (quote, quoted) = (Some(letter), true);
        } else {
            if word.starts_with('#') && !quoted {
                return commands;
            }
            finish(&mut commands, &mut word, letter == ';');
            quoted = false;
        }
    }
    if !word.starts_with('#') || quoted {
        finish(&mut commands, &mut word, false);
    }
    commands
}

/// Adds a word to the last command, or lets another one begin.
fn finish(commands: &mut Vec<Vec<String>>, word: &mut String, ends: bool) {
    let word = std::mem::take(word);
    if let Some(last) = commands.last_mut().filter(|_| !word.is_empty()) {
        match word.as_str() {
            "|" | "||" | "&&" => commands.push(Vec::new()),
            _ => last.push(word),
        }
    }
    if ends {
        commands.push(Vec::new());
    }
}

/// The arguments of a command that starts `invar`, without what the shell takes for itself.
fn arguments(command: &[String]) -> Option<Vec<&str>> {
    let words = command.iter().map(String::as_str);
    let mut words = words.skip_while(|word| word.split_once('=').is_some_and(|(name, _)| in_capitals(name)));
    match words.next()? {
        "invar" => {}
        "cargo" if words.by_ref().take(3).eq(["run", "--release", "--"]) => {}
        _ => return None,
    }
    let mut arguments = Vec::new();
    while let Some(word) = words.next() {
        match word.trim_start_matches(['1', '2']) {
            ">" | "<" => _ = words.next(),
            redirection if redirection.starts_with(['>', '<']) => {}
            _ => arguments.push(word),
        }
    }
    Some(arguments)
}

fn in_capitals(word: &str) -> bool {
    word.contains(|letter: char| letter.is_ascii_uppercase())
        && word.chars().all(|letter| !letter.is_ascii_lowercase())
}

/// What a synopsis stands for: all of it, and the same without what may be left out.
fn variants(arguments: &[&str]) -> [Vec<String>; 2] {
    let (mut all, mut least, mut optional) = (Vec::new(), Vec::new(), false);
    for word in arguments {
        optional |= word.starts_with('[');
        let (opened, closes) = (word.trim_start_matches('['), optional && word.ends_with(']'));
        let word = if closes { opened.trim_end_matches(']') } else { opened };
        let word = word.trim_end_matches("...").trim_end_matches(['…', ',']);
        all.push(word.to_owned());
        if !optional {
            least.push(word.to_owned());
        }
        optional &= !closes;
    }
    [all, least]
}

/// What is wrong with the arguments; a word in capitals stands for any value.
fn refusal(arguments: &[String]) -> Option<String> {
    let error =
        Cli::try_parse_from(std::iter::once("invar").chain(arguments.iter().map(String::as_str))).err()?;
    let stands_for_a_value = || match error.get(ContextKind::InvalidValue) {
        Some(ContextValue::String(value)) => in_capitals(value),
        _ => false,
    };
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => None,
        ErrorKind::InvalidValue | ErrorKind::ValueValidation if stands_for_a_value() => None,
        _ => error.to_string().lines().next().map(str::to_owned),
    }
}

/// What a line says of `invar` that is not so.
fn mistake(line: &str) -> Option<String> {
    let commands = commands(line);
    let invocations: Vec<Vec<&str>> = commands.iter().filter_map(|command| arguments(command)).collect();
    invocations.iter().find_map(|arguments| {
        // A name alone is the program or the command that is spoken of, whatever it needs.
        if arguments.is_empty() {
            return None;
        }
        if let [name] = arguments.as_slice() {
            let known = name.starts_with('-') || Cli::command().find_subcommand(name).is_some();
            return (!known).then(|| format!("no command `{name}`"));
        }
        variants(arguments).iter().find_map(|arguments| refusal(arguments))
    })
}

#[test]
fn every_command_of_every_page_is_one() {
    let (mut found, mut seen) = (Vec::new(), 0);
    for (page, text) in pages() {
        for (number, line) in lines(&text) {
            seen += commands(&line).iter().filter(|command| arguments(command).is_some()).count();
            found.extend(mistake(&line).map(|why| format!("{page}:{number}: {line}\n{why}")));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    assert!(seen > 100, "the pages have more commands than {seen}");
}

#[test]
fn every_option_and_variable_of_every_page_is_one() {
    let mut definition = Cli::command();
    definition.build();
    let commands = || std::iter::once(&definition).chain(definition.get_subcommands());
    let arguments = || commands().flat_map(clap::Command::get_arguments);
    let long = arguments().filter_map(|argument| argument.get_long());
    let options: BTreeSet<String> = long.map(|name| format!("--{name}")).collect();
    let variables: BTreeSet<&str> = arguments().filter_map(|argument| argument.get_env()?.to_str()).collect();
    let mut found = Vec::new();
    for (page, text) in pages() {
        for (number, code) in spans(&text) {
            let option: String =
                code.chars().take_while(|c| matches!(c, '-' | 'a'..='z' | '0'..='9')).collect();
            let is_one = option.len() > 2 && option.starts_with("--");
            if is_one && !options.contains(&option) && !OTHERS.contains(&option.as_str()) {
                found.push(format!("{page}:{number}: no option {option}"));
            }
        }
        for (before, rest) in text.match_indices("INVAR_").map(|(at, _)| text.split_at(at)) {
            let end = rest.find(|c: char| c != '_' && !c.is_ascii_uppercase()).unwrap_or(rest.len());
            let name = &rest[..end];
            if !variables.contains(name) && !VARIABLES.contains(&name) {
                found.push(format!("{page}:{}: no variable {name}", before.lines().count()));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn what_is_wrong_is_found() {
    for right in [
        "invar diff A B",
        "invar build .#NAME && invar run [PROJECT] [-- ARGUMENTS...]",
        "INVAR_STORE=x invar audit --fail-on LEVEL | head; make",
        "invar why PATH|PACKAGE --image FILE",
        "eval \"$(invar env --locked)\" # as --wrong",
        "cargo run --release -- build examples/fortune-cat > log 2>&1",
        "invar verify --only NAME,…",
        "invar why",
        "make --wrong 'invar --wrong'",
    ] {
        assert_eq!(mistake(right), None, "{right}");
    }
    for wrong in [
        "invar diff A",
        "invar diff [A] B",
        "invar lcok",
        "make; invar build --cached",
        "x && invar lock --check --update",
        "eval \"$(invar env --cached)\"",
        "cargo run --release -- biuld .",
        "invar audit --fail-on everything",
        "invar init --from",
    ] {
        assert!(mistake(wrong).is_some(), "{wrong}");
    }
}
