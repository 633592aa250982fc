//! Scripts that a command is given: `sh -c '...'`, `bash <<EOF`, `su -c '...'`, `eval ...`.
use std::cell::Cell;
use std::collections::VecDeque;

use crate::limits::Limits;
use crate::shell::splitter::split_within;
use crate::shell::{Script, ShellCommand};
use crate::text::Text;

/// Programs that run a script given with `-c`, or on their input.
const SHELLS: [&str; 7] = ["sh", "bash", "ash", "dash", "zsh", "ksh", "su"];
/// Programs that start the one that is named after their options.
const WRAPPERS: [&str; 14] = [
    "sudo", "doas", "exec", "command", "env", "nohup", "nice", "time", "timeout", "gosu", "su-exec",
    "setpriv", "tini", "busybox",
];

/// The script that `command` runs, where it is given one.
pub(crate) fn find_inner(command: &ShellCommand, left: &Cell<usize>, depth: usize) -> Option<Script> {
    if depth >= Limits::DEPTH {
        return None;
    }
    let words: Vec<&str> = command.words.iter().map(|word| word.as_str()).collect();
    let split = |text: &Text| Some(split_within(text, VecDeque::new(), left, depth + 1));
    if *words.first()? == "eval" {
        let mut text = Text::empty(command.span.start);
        for (number, word) in command.words[1..].iter().enumerate() {
            if number > 0 {
                // What stands before a word is a blank, or the end of a continued line.
                text.push(" ", word.span.start - 1);
            }
            text.append(&word.text);
        }
        return split(&text);
    }
    let shell = shell_at(&words)?;
    let script = words[shell + 1..].iter().position(|word| runs_next_word(word)).map(|at| shell + at + 2);
    if let Some(script) = script.and_then(|at| command.words.get(at)) {
        return split(&script.text);
    }
    let reads_input = words[shell + 1..].iter().all(|word| word.starts_with('-'));
    let content = command.redirects.iter().rev().find_map(|redirect| redirect.content.as_ref());
    content.filter(|_| reads_input).and_then(split)
}

/// Where the name of a shell stands, after nothing but programs that start it.
fn shell_at(words: &[&str]) -> Option<usize> {
    let mut wrapped = false;
    for (at, word) in words.iter().enumerate() {
        let name = word.rsplit('/').next().unwrap_or(word);
        if SHELLS.contains(&name) {
            return Some(at);
        }
        if WRAPPERS.contains(&name) {
            wrapped = true;
        } else if !wrapped || at > 6 {
            return None;
        }
    }
    None
}

/// Whether the word is a group of short options with `c` among them.
fn runs_next_word(word: &str) -> bool {
    word == "--command"
        || word.strip_prefix('-').is_some_and(|options| {
            options.contains('c') && options.chars().all(|option| option.is_ascii_alphabetic())
        })
}
