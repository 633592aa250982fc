//! What a `RUN` runs.
use crate::heredoc::Heredoc;
use crate::instruction::{Command, Instruction, Word};
use crate::shell::{Connector, Script, ShellCommand, ShellPart, ShellWord, split_commands};
use crate::text::Text;

/// What a `RUN` runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunScript {
    /// Commands for a shell of the POSIX kind.
    Shell(Script),
    /// A here-document that another program reads.
    Program {
        /// What is after the `#!`.
        interpreter: String,
        /// The text, with that line.
        content: Text,
    },
}

/// The commands of `instruction`, whose kind is `Run` or another with `command`.
///
/// A line that is nothing but a here-document is the script in it. Whether the shell is one of the POSIX kind is told
/// by [`crate::Scope::shell_is_posix`].
pub fn run_commands(command: &Command, instruction: &Instruction) -> RunScript {
    match command {
        Command::Exec(words) => RunScript::Shell(of_words(words)),
        Command::Shell(line) => of_line(line, &instruction.heredocs),
    }
}

fn of_line(line: &Text, heredocs: &[Heredoc]) -> RunScript {
    let Some(heredoc) = heredocs.first().filter(|heredoc| heredoc.marker == line.span()) else {
        return RunScript::Shell(split_commands(line, heredocs));
    };
    let content = &heredoc.content;
    let first = content.as_str().lines().next().unwrap_or_default();
    match first.strip_prefix("#!") {
        Some(interpreter) if !is_shell(interpreter) => {
            RunScript::Program { interpreter: interpreter.trim().to_owned(), content: content.clone() }
        }
        _ => RunScript::Shell(split_commands(content, &[])),
    }
}

/// Whether what is after a `#!` is a shell of the POSIX kind.
pub fn is_shell(interpreter: &str) -> bool {
    let mut words =
        interpreter.split_whitespace().filter(|word| !word.starts_with('-') && !word.contains('='));
    let name = |word: Option<&str>| word.and_then(|word| word.rsplit('/').next().map(str::to_owned));
    let mut program = name(words.next());
    if program.as_deref() == Some("env") {
        program = name(words.next());
    }
    program.is_some_and(|program| matches!(program.as_str(), "sh" | "bash" | "ash" | "dash" | "zsh" | "ksh"))
}

/// A command without a shell; a shell that is called in it is seen through.
fn of_words(words: &[Word]) -> Script {
    let Some((first, last)) = words.first().zip(words.last()) else {
        return Script { complete: true, ..Script::default() };
    };
    let shell_words = words.iter().map(|word| ShellWord {
        text: Text::new(&word.text, word.span.start),
        parts: vec![ShellPart::Literal(word.text.clone())],
        quoted: true,
        span: word.span,
    });
    let mut command = ShellCommand {
        connector: Connector::Start,
        pipeline: 1,
        depth: 0,
        blocks: Vec::new(),
        negated: false,
        assignments: Vec::new(),
        words: shell_words.collect(),
        redirects: Vec::new(),
        inner: None,
        span: first.span.to(last.span),
    };
    let left = std::cell::Cell::new(crate::Limits::COMMANDS);
    command.inner = crate::shell::inner_script(&command, &left, 0).map(Box::new);
    let complete = command.inner.as_ref().is_none_or(|inner| inner.complete);
    Script { commands: vec![command], redirects: Vec::new(), complete }
}
