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
    match reads(words[shell], &words[shell + 1..]) {
        Reads::Word(at) => command.words.get(shell + 1 + at).map(|word| word.text.clone()),
        Reads::Input => command.redirects.iter().rev().find_map(|redirect| match redirect.operator {
            "<<<" => Some(redirect.target.text.clone()),
            _ => redirect.content.clone(),
        }),
        Reads::File => None,
    }
}

/// Whether `command` is a shell that reads its script from its input.
pub(crate) fn reads_input(command: &ShellCommand) -> bool {
    let words: Vec<&str> = command.words.iter().map(|word| word.as_str()).collect();
    shell_at(&words).is_some_and(|shell| reads(words[shell], &words[shell + 1..]) == Reads::Input)
}

/// What `command` writes to its output, where that is in its text: `cat <<EOF`, `tee file <<EOF`, `echo '...'`.
pub(crate) fn output_text(command: &ShellCommand) -> Option<Text> {
    let program = command.program()?;
    match program {
        "cat" | "tee" => {
            let mut words = command.words[1..].iter();
            let is_input = program == "tee" || words.all(|word| word.as_str().starts_with('-'));
            let content = command.redirects.iter().rev().find_map(|redirect| redirect.content.clone());
            content.filter(|_| is_input)
        }
        "echo" | "printf" => {
            let words = command.words[1..].iter().filter(|word| !word.as_str().starts_with('-'));
            let mut words: Vec<&Text> = words.map(|word| &word.text).collect();
            // A format that only ends lines.
            if program == "printf" && words.len() > 1 {
                words.remove(0);
            }
            let mut text = Text::empty(command.span.start);
            for word in words {
                if !text.as_str().is_empty() {
                    text.push(" ", word.span().start.saturating_sub(1));
                }
                text.append(word);
            }
            (!text.as_str().is_empty()).then_some(text)
        }
        _ => None,
    }
}

/// Where a shell has its script from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reads {
    /// From the argument of this number.
    Word(usize),
    /// From its input.
    Input,
    /// From a file.
    File,
}

/// Where the shell `name` has its script from, called with `arguments` (POSIX.1-2017, `sh`; bash(1), "OPTIONS").
fn reads(name: &str, arguments: &[&str]) -> Reads {
    let mut at = 0;
    let mut input = false;
    while let Some(argument) = arguments.get(at) {
        at += 1;
        match *argument {
            "--command" => return Reads::Word(at),
            "--rcfile" | "--init-file" | "--shell" | "--user" | "-O" | "+O" => at += 1,
            "-" | "--" => break,
            options if options.len() > 1 && options.starts_with(['-', '+']) => {
                let group = options[1..].bytes().all(|option| option.is_ascii_alphabetic());
                // Each `o` among short options takes a word, and the script comes after these.
                let names = if group && !options.starts_with("--") {
                    options.bytes().filter(|option| *option == b'o').count()
                } else {
                    0
                };
                at += names;
                if group && options.starts_with('-') && !options.starts_with("--") {
                    if options.contains('c') {
                        return Reads::Word(at);
                    }
                    input |= options.contains('s');
                }
            }
            _ => {
                at -= 1;
                break;
            }
        }
    }
    let is_su = name.rsplit('/').next() == Some("su");
    if is_su {
        // After the user, its shell's own options.
        let own = arguments[at..].iter().position(|word| runs_next_word(word));
        return own.map_or(Reads::Input, |own| Reads::Word(at + own + 1));
    }
    match arguments.get(at) {
        None | Some(&"/dev/stdin" | &"/dev/fd/0" | &"/proc/self/fd/0") => Reads::Input,
        Some(_) if input => Reads::Input,
        Some(_) => Reads::File,
    }
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
