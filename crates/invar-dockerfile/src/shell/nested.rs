//! Scripts that a command is given: `sh -c '...'`, `bash <<EOF`, `su -c '...'`, `eval ...`.
use crate::shell::ShellCommand;
use crate::text::Text;

/// Programs that run a script given with `-c`, or on their input.
const SHELLS: [&str; 7] = ["sh", "bash", "ash", "dash", "zsh", "ksh", "su"];
/// Programs that start the one that is named after their options.
const WRAPPERS: [&str; 14] = [
    "sudo", "doas", "exec", "command", "env", "nohup", "nice", "time", "timeout", "gosu", "su-exec",
    "setpriv", "tini", "busybox",
];

/// The text of the script that `command` runs, where it is given one.
pub(crate) fn inner_text(command: &ShellCommand) -> Option<Text> {
    let words: Vec<&str> = command.words.iter().map(|word| word.as_str()).collect();
    if *words.first()? == "eval" {
        let mut text = Text::empty(command.span.start);
        for (number, word) in command.words[1..].iter().enumerate() {
            if number > 0 {
                // What is before a word is a blank, or the end of a continued line.
                text.push(" ", word.span.start - 1);
            }
            text.append(&word.text);
        }
        return Some(text);
    }
    let shell = shell_at(&words)?;
    let script = words[shell + 1..].iter().position(|word| runs_next_word(word)).map(|at| shell + at + 2);
    if let Some(script) = script.and_then(|at| command.words.get(at)) {
        return Some(script.text.clone());
    }
    let reads_input = words[shell + 1..].iter().all(|word| word.starts_with('-'));
    let content = command.redirects.iter().rev().find_map(|redirect| redirect.content.as_ref());
    content.filter(|_| reads_input).cloned()
}

/// Where the name of a shell is, after nothing but programs that start it.
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
