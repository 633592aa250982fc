//! From words and operators to commands.
mod lexer;

use std::cell::Cell;
use std::collections::VecDeque;

use lexer::ShellToken;

use crate::heredoc::Heredoc;
use crate::limits::Limits;
use crate::shell::block::{BlockKind, BlockPart, OpenBlocks};
use crate::shell::nested::{inner_text, output_text, reads_input};
use crate::shell::{Connector, Redirect, Script, ShellAssignment, ShellCommand, ShellWord};
use crate::text::Text;

/// Reads a script.
///
/// `heredocs` are those whose contents were already taken out of `text`, in the order of their markers; others are
/// looked for in the lines of `text` itself.
pub fn split_commands(text: &Text, heredocs: &[Heredoc]) -> Script {
    let left = Cell::new(Limits::COMMANDS);
    let given = heredocs.iter().map(|heredoc| (heredoc.name.clone(), heredoc.content.clone())).collect();
    split_within(text, given, &left, 0)
}

/// The same, with the number of commands that may still be read, inside `depth` others.
pub(crate) fn split_within(
    text: &Text,
    given: VecDeque<(String, Text)>,
    left: &Cell<usize>,
    depth: usize,
) -> Script {
    let mut splitter = Splitter { text, at: 0, complete: true, given, left };
    let mut script = splitter.commands(depth, false);
    script.complete = splitter.complete;
    script
}

/// The script that `command` runs, where it is given one.
pub(crate) fn inner_script(command: &ShellCommand, left: &Cell<usize>, depth: usize) -> Option<Script> {
    if depth >= Limits::DEPTH {
        return None;
    }
    Some(split_within(&inner_text(command)?, VecDeque::new(), left, depth + 1))
}

/// A script while it is read.
pub(crate) struct Splitter<'a> {
    pub(crate) text: &'a Text,
    pub(crate) at: usize,
    pub(crate) complete: bool,
    given: VecDeque<(String, Text)>,
    left: &'a Cell<usize>,
}

/// Where a `case` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Case {
    /// Before its `in`.
    Word,
    /// Before the `)` of a pattern.
    Pattern,
    /// After it.
    Commands,
}

/// A here-document whose lines are still to come.
struct PendingHeredoc {
    command: usize,
    redirect: usize,
    name: String,
    strip_tabs: bool,
}

/// What is known of a level of commands while it is read.
struct CommandLevel {
    commands: Vec<ShellCommand>,
    current: Option<ShellCommand>,
    connector: Connector,
    pipeline: usize,
    groups: usize,
    cases: Vec<Case>,
    pending: Vec<PendingHeredoc>,
    /// Those without a command.
    redirects: Vec<Redirect>,
    blocks: OpenBlocks,
    /// Whether the next `(` or `{` starts what a function does.
    function: bool,
    /// Whether `!` is before the next command.
    negated: bool,
}

impl Splitter<'_> {
    /// Reads the commands up to the `)` that closes them.
    pub(crate) fn nested(&mut self, depth: usize) -> Script {
        if depth > Limits::DEPTH {
            // What is deeper is not read; nor is what is after it, since its end is unknown.
            self.complete = false;
            self.at = self.text.as_str().len();
            return Script::default();
        }
        self.commands(depth, true)
    }

    /// Reads a piece of the text that was cut out of it.
    pub(crate) fn split_part(&mut self, part: &Text, depth: usize) -> Script {
        let script = split_within(part, VecDeque::new(), self.left, depth);
        self.complete &= script.complete;
        script
    }

    fn commands(&mut self, depth: usize, closed: bool) -> Script {
        let mut level = CommandLevel {
            commands: Vec::new(),
            current: None,
            connector: Connector::Start,
            pipeline: 0,
            groups: 0,
            cases: Vec::new(),
            pending: Vec::new(),
            redirects: Vec::new(),
            blocks: OpenBlocks::default(),
            function: false,
            negated: false,
        };
        loop {
            if self.left.get() == 0 {
                self.complete = false;
                self.at = self.text.as_str().len();
            }
            match self.item(depth) {
                ShellToken::End => {
                    self.complete &= !closed;
                    break;
                }
                ShellToken::Newline => {
                    self.end_command(&mut level, Connector::Sequence);
                    self.read_heredocs(&mut level);
                }
                ShellToken::Redirect(operator, descriptor) => {
                    self.redirect(&mut level, operator, descriptor, depth)
                }
                ShellToken::Operator(")")
                    if closed && level.groups == 0 && level.cases.last() != Some(&Case::Pattern) =>
                {
                    break;
                }
                ShellToken::Operator("(") if level.expects_array(self.text, self.at - 1) => {
                    self.array(&mut level, depth);
                }
                ShellToken::Operator(operator) => self.connect(&mut level, operator),
                ShellToken::Word(word) => level.word(word),
            }
        }
        self.end_command(&mut level, Connector::Sequence);
        let mut commands = level.commands;
        for index in 0..commands.len() {
            let inner = inner_script(&commands[index], self.left, depth);
            let inner = inner.or_else(|| self.piped_script(&commands, index, depth));
            commands[index].inner = inner.map(Box::new);
        }
        Script { commands, redirects: level.redirects, complete: self.complete }
    }

    /// The script that the command of this number has from the one before it: `cat <<EOF | bash`.
    fn piped_script(&self, commands: &[ShellCommand], index: usize, depth: usize) -> Option<Script> {
        let command = &commands[index];
        if command.connector != Connector::Pipe || depth >= Limits::DEPTH || !reads_input(command) {
            return None;
        }
        let text = output_text(commands.get(index.checked_sub(1)?)?)?;
        Some(split_within(&text, VecDeque::new(), self.left, depth + 1))
    }

    fn end_command(&mut self, level: &mut CommandLevel, next: Connector) {
        let ended = level.current.is_some();
        if let Some(command) = level.current.take() {
            if !command.words.is_empty() || !command.assignments.is_empty() {
                level.pipeline = command.pipeline;
                level.commands.push(command);
                self.left.set(self.left.get().saturating_sub(1));
            } else {
                level.redirects.extend(command.redirects);
            }
        }
        // The end of a line after `&&` and similar means nothing.
        let waits = matches!(level.connector, Connector::And | Connector::Or | Connector::Pipe);
        if ended || next != Connector::Sequence || !waits {
            level.connector = next;
        }
    }

    fn connect(&mut self, level: &mut CommandLevel, operator: &'static str) {
        if level.in_test() {
            return;
        }
        match operator {
            "&&" => self.end_command(level, Connector::And),
            "||" => self.end_command(level, Connector::Or),
            "|" | "|&" if level.cases.last() == Some(&Case::Pattern) => {}
            "|" | "|&" => self.end_command(level, Connector::Pipe),
            "&" => self.end_command(level, Connector::Background),
            ";;" | ";&" | ";;&" => {
                self.end_command(level, Connector::Sequence);
                if let Some(case) = level.cases.last_mut() {
                    *case = Case::Pattern;
                    level.blocks.next(&[BlockKind::Case], |part| match part {
                        BlockPart::Body(number) => BlockPart::Body(number + 1),
                        other => other,
                    });
                }
            }
            "(" if level.cases.last() == Some(&Case::Pattern) => {}
            // `name()` starts a function: the name is no command.
            "(" if level.current.as_ref().is_some_and(|command| command.words.len() == 1) => {
                level.current = None;
                level.groups += 1;
                level.function = true;
            }
            "(" => {
                self.end_command(level, level.connector);
                level.groups += 1;
                level.blocks.start(BlockKind::Subshell, BlockPart::Body(0));
            }
            ")" if level.cases.last() == Some(&Case::Pattern) => {
                if let Some(case) = level.cases.last_mut() {
                    *case = Case::Commands;
                }
            }
            ")" => {
                // The `)` of `name()` ends nothing.
                if level.current.is_some() || !level.function {
                    level.function = false;
                    self.end_command(level, Connector::Sequence);
                    level.blocks.end(&[BlockKind::Subshell]);
                }
                level.groups = level.groups.saturating_sub(1);
            }
            _ => self.end_command(level, Connector::Sequence),
        }
    }

    /// The elements of an array, up to and with the `)`.
    fn array(&mut self, level: &mut CommandLevel, depth: usize) {
        let mut elements = Vec::new();
        loop {
            match self.item(depth) {
                ShellToken::Word(word) => elements.push(word),
                ShellToken::Newline => {}
                ShellToken::Operator(")") => break,
                ShellToken::End => {
                    self.complete = false;
                    break;
                }
                // Nothing else may be there.
                ShellToken::Operator(_) | ShellToken::Redirect(..) => self.complete = false,
            }
        }
        let command = level.current.as_mut();
        if let Some(assignment) = command.and_then(|command| command.assignments.last_mut()) {
            assignment.elements = Some(elements);
        }
    }

    fn redirect(
        &mut self,
        level: &mut CommandLevel,
        operator: &'static str,
        descriptor: Option<u32>,
        depth: usize,
    ) {
        if level.in_test() {
            return;
        }
        let ShellToken::Word(target) = self.item(depth) else { return };
        let at = level.commands.len();
        let command = level.command(&target);
        command.span.end = command.span.end.max(target.span.end);
        let mut redirect = Redirect { operator, descriptor, target, content: None };
        if operator == "<<" || operator == "<<-" {
            let given = self.given.front().is_some_and(|(name, _)| name == redirect.target.as_str());
            match self.given.pop_front_if(|_| given) {
                Some((_, content)) => redirect.content = Some(content),
                None => {
                    let name = redirect.target.as_str().to_owned();
                    let (redirect, strip_tabs) = (command.redirects.len(), operator == "<<-");
                    level.pending.push(PendingHeredoc { command: at, redirect, name, strip_tabs });
                }
            }
        }
        if let Some(command) = &mut level.current {
            command.redirects.push(redirect);
        }
    }

    /// Reads the here-documents that were announced on the line that has just ended.
    fn read_heredocs(&mut self, level: &mut CommandLevel) {
        let value = self.text.as_str();
        for pending in std::mem::take(&mut level.pending) {
            let mut content = Text::empty(self.text.source(self.at));
            let mut ended = false;
            while self.at < value.len() && !ended {
                let rest = &value[self.at..];
                let length = rest.find('\n').map_or(rest.len(), |newline| newline + 1);
                let line = rest[..length].trim_end_matches(['\r', '\n']);
                let tabs =
                    if pending.strip_tabs { line.len() - line.trim_start_matches('\t').len() } else { 0 };
                ended = line[tabs..] == pending.name;
                if !ended {
                    content.append(&self.text.slice(self.at + tabs..self.at + length));
                }
                self.at += length;
            }
            self.complete &= ended;
            let command = level.commands.get_mut(pending.command);
            if let Some(redirect) = command.and_then(|command| command.redirects.get_mut(pending.redirect)) {
                redirect.content = Some(content);
            }
        }
    }
}

impl CommandLevel {
    /// Whether the command is `[[` without its `]]`: operators mean something else in it.
    fn in_test(&self) -> bool {
        let Some(command) = &self.current else { return false };
        let is = |word: Option<&ShellWord>, text: &str| word.is_some_and(|word| word.as_str() == text);
        is(command.words.first(), "[[") && !is(command.words.last(), "]]")
    }

    /// Whether a `(` at the byte `at` starts the elements of an array: directly after `NAME=`.
    fn expects_array(&self, text: &Text, at: usize) -> bool {
        let Some(command) = &self.current else { return false };
        let last = command.assignments.last().filter(|_| command.words.is_empty());
        last.is_some_and(|last| last.value.as_str().is_empty() && !last.value.quoted)
            && text.as_str()[..at].ends_with('=')
    }

    fn command(&mut self, first: &ShellWord) -> &mut ShellCommand {
        let pipeline = if self.connector == Connector::Pipe { self.pipeline } else { self.pipeline + 1 };
        self.current.get_or_insert_with(|| ShellCommand {
            connector: self.connector,
            pipeline,
            depth: self.groups,
            blocks: self.blocks.all(),
            negated: std::mem::take(&mut self.negated),
            assignments: Vec::new(),
            words: Vec::new(),
            redirects: Vec::new(),
            inner: None,
            span: first.span,
        })
    }

    fn word(&mut self, word: ShellWord) {
        let bare = if word.quoted { None } else { word.literal() };
        match (self.cases.last_mut(), bare) {
            (Some(case @ Case::Word), Some("in")) => {
                *case = Case::Pattern;
                return;
            }
            (Some(Case::Pattern), Some("esac")) => {
                self.cases.pop();
                self.blocks.end(&[BlockKind::Case]);
                return;
            }
            (Some(Case::Word | Case::Pattern), _) => return,
            _ => {}
        }
        let starts = self.current.as_ref().is_none_or(|command| command.words.is_empty());
        if starts {
            match bare {
                Some("case") => {
                    self.cases.push(Case::Word);
                    self.blocks.start(BlockKind::Case, BlockPart::Body(0));
                    return;
                }
                Some("esac") => {
                    self.cases.pop();
                    self.blocks.end(&[BlockKind::Case]);
                    return;
                }
                Some("!") => {
                    self.negated = !self.negated;
                    return;
                }
                Some("time" | "function") => return,
                Some(
                    keyword @ ("if" | "then" | "else" | "elif" | "fi" | "while" | "until" | "do" | "done"
                    | "{" | "}"),
                ) => {
                    let is_function = keyword == "{" && std::mem::take(&mut self.function);
                    self.blocks.keyword(keyword, is_function);
                    return;
                }
                Some(loops @ ("for" | "select")) => self.blocks.keyword(loops, false),
                _ => {}
            }
            if let Some(assignment) = assignment(&word) {
                let command = self.command(&word);
                command.span.end = command.span.end.max(word.span.end);
                command.assignments.push(assignment);
                return;
            }
        }
        let command = self.command(&word);
        command.span = command.span.to(word.span);
        command.words.push(word);
    }
}

/// The name and value, where the word is `NAME=VALUE` or `NAME+=VALUE`.
fn assignment(word: &ShellWord) -> Option<ShellAssignment> {
    let crate::shell::ShellPart::Literal(first) = word.parts.first()? else { return None };
    let (before, _) = first.split_once('=')?;
    let (name, appends) = before.strip_suffix('+').map_or((before, false), |name| (name, true));
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !is_name {
        return None;
    }
    let length = before.len() + 1;
    let mut parts = word.parts.clone();
    match &mut parts[0] {
        crate::shell::ShellPart::Literal(text) if text.len() > length => *text = text[length..].to_owned(),
        _ => {
            parts.remove(0);
        }
    }
    let text = word.text.slice(length..word.text.as_str().len());
    let span = crate::text::Span::new(text.source(0), word.span.end);
    let value = ShellWord { text, parts, quoted: word.quoted, span };
    Some(ShellAssignment { name: name.to_owned(), value, elements: None, appends })
}
