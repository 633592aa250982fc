//! The state that commands change, and the order in which they run.
use invar_dockerfile::{BlockKind, BlockPart, Connector, LineIndex, ShellCommand, Text, split_commands};

use super::blocks::{Statement, statements};
use super::expand::{Expander, Unknown, Variables};
use super::files::{Files, absolute};
use super::{FileContent, LONGEST, Owner, PhaseLine, PhaseStart, PhaseTree, STEPS, UNREAD, UnknownCommand};

/// How a command ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Success,
    Failure,
    /// It depends on something that is unknown.
    Open,
}

/// How a command ends, and why it is not, or not wholly, read.
pub(super) struct Outcome {
    pub(super) status: Status,
    pub(super) problem: Option<String>,
}

impl Outcome {
    pub(super) const DONE: Self = Self { status: Status::Success, problem: None };

    /// It fails, as far as is known.
    pub(super) fn fails(why: impl Into<String>) -> Self {
        Self { status: Status::Failure, problem: Some(why.into()) }
    }

    /// It does something that is unknown.
    pub(super) fn unread(why: impl Into<String>) -> Self {
        Self { status: Status::Success, problem: Some(why.into()) }
    }
}

/// Follows commands over a file system of names.
#[derive(Debug)]
pub struct Interpreter<'a> {
    pub(super) files: Files<'a>,
    pub(super) variables: Variables,
    pub(super) output: String,
    pub(super) directory: String,
    pub(super) unread: Vec<UnknownCommand>,
    pub(super) owners: Vec<Owner>,
    /// The command that is read.
    pub(super) at: PhaseLine,
    text: String,
    lines: LineIndex,
    steps: usize,
    /// Why it is unknown whether the commands run at all.
    unsure: Option<String>,
}

impl<'a> Interpreter<'a> {
    /// Starts without any commands.
    pub fn new(start: PhaseStart<'a>) -> Self {
        let mut variables = Variables::new(&start.variables, &start.arrays);
        if variables.get("out").is_none() && start.output != "/" {
            variables.set("out", Some(start.output.clone()));
        }
        Self {
            files: Files::new(start.files, start.sources, &start.output),
            variables,
            output: start.output,
            directory: start.directory,
            unread: Vec::new(),
            owners: Vec::new(),
            at: PhaseLine { phase: String::new(), line: 1 },
            text: String::new(),
            lines: LineIndex::of(""),
            steps: 0,
            unsure: None,
        }
    }

    /// Puts something into the output before any commands run, such as what `symlinkJoin` joins.
    pub fn put(&mut self, path: &str, put: FileContent, at: &PhaseLine) {
        self.put_with(path, put, None, at);
    }

    /// The same, with permission bits.
    pub fn put_with(&mut self, path: &str, put: FileContent, mode: Option<u32>, at: &PhaseLine) {
        let path = absolute(&self.output, path.trim_start_matches('/'));
        self.files.put(&path, put, mode, at);
    }

    /// Hides a file or directory, given by its absolute path, that is not there for the commands.
    pub fn hide(&mut self, path: &str) {
        self.files.remove(path);
    }

    /// Follows the commands of `text`, which the attribute `phase` holds.
    pub fn run(&mut self, phase: &str, text: &str) {
        self.at = PhaseLine { phase: phase.to_owned(), line: 1 };
        if text.len() > LONGEST {
            self.report("", "the text is too long to be read");
            return;
        }
        text.clone_into(&mut self.text);
        self.lines = LineIndex::of(text);
        let script = split_commands(&Text::new(text, 0), &[]);
        let statements = statements(&script.commands, 0);
        self.list(&statements);
        for redirect in &script.redirects {
            self.at.line = self.lines.line(redirect.target.span.start);
            let is_file =
                redirect.operator.contains('>') && redirect.descriptor.is_none_or(|number| number == 1);
            if is_file {
                self.report(redirect.target.as_str(), "what is written to it is unknown");
            }
        }
        if !script.complete {
            let line = text.lines().count().max(1);
            self.at.line = line;
            self.report(
                "",
                "a quote, a parenthesis or a here-document is not closed, or there are too many commands",
            );
        }
        if self.files.full {
            self.report("", "there are too many files");
        }
    }

    /// What was put where.
    pub fn finish(self) -> PhaseTree {
        PhaseTree { entries: self.files.result(&self.output), unread: self.unread, owners: self.owners }
    }

    /// Records a command that is not read.
    pub(super) fn report(&mut self, command: &str, why: impl Into<String>) {
        let command = command.split_whitespace().collect::<Vec<_>>().join(" ");
        let unread = UnknownCommand { at: self.at.clone(), command, why: why.into() };
        if self.unread.len() == UNREAD {
            let why = "there are more commands that are not read".to_owned();
            self.unread.push(UnknownCommand { at: unread.at.clone(), command: String::new(), why });
        }
        if self.unread.len() < UNREAD && !self.unread.contains(&unread) {
            self.unread.push(unread);
        }
    }

    pub(super) fn source_of(&self, command: &ShellCommand) -> String {
        self.text.get(command.span.range()).unwrap_or_default().to_owned()
    }

    /// Runs the statements one after the other, as far as their connectors say.
    fn list(&mut self, statements: &[Statement<'_>]) -> Status {
        let mut status = Status::Success;
        let mut at = 0;
        while let Some(statement) = statements.get(at) {
            let connector = if at == 0 { Connector::Start } else { statement.connector() };
            let piped = statements[at + 1..].iter().take_while(|next| next.connector() == Connector::Pipe);
            let length = 1 + piped.count();
            let next = statements.get(at + length).map(Statement::connector);
            let runs = match (connector, status) {
                (Connector::And, Status::Failure) | (Connector::Or, Status::Success) => Some(false),
                (Connector::And | Connector::Or, Status::Open) => None,
                _ => Some(true),
            };
            let all = &statements[at..at + length];
            at += length;
            match runs {
                Some(false) => continue,
                Some(true) => status = self.pipeline(all, next),
                None => {
                    let before = self.unsure.clone();
                    let why = "whether it runs depends on the command before it";
                    self.unsure.get_or_insert_with(|| why.to_owned());
                    self.pipeline(all, next);
                    self.unsure = before;
                    status = Status::Open;
                }
            }
        }
        status
    }

    fn pipeline(&mut self, all: &[Statement<'_>], next: Option<Connector>) -> Status {
        match all {
            [Statement::Simple(command)] => {
                let Outcome { mut status, problem } = self.command(command);
                // A failure that is provided for is none.
                let is_expected = next == Some(Connector::Or) && status == Status::Failure;
                if let Some(why) = problem.filter(|_| !is_expected) {
                    self.at.line = self.lines.line(command.span.start);
                    let source = self.source_of(command);
                    self.report(&source, why);
                    // Without the file the build would have stopped there; what follows is read as if it had not.
                    status = Status::Success;
                }
                match (command.negated, status) {
                    (true, Status::Success) => Status::Failure,
                    (true, Status::Failure) => Status::Success,
                    _ => status,
                }
            }
            [Statement::Compound { kind, parts }] => self.compound(*kind, parts),
            several => self.piped(several),
        }
    }

    /// Commands that are connected by pipes: only what ends in `tee` or prints is known.
    fn piped(&mut self, all: &[Statement<'_>]) -> Status {
        let commands: Option<Vec<&ShellCommand>> = all
            .iter()
            .map(|statement| match statement {
                Statement::Simple(command) => Some(*command),
                Statement::Compound { .. } => None,
            })
            .collect();
        let first = all.first().and_then(Statement::first);
        let Some(first) = first else { return Status::Success };
        self.at.line = self.lines.line(first.span.start);
        let Some(commands) = commands else {
            let source = self.source_of(first);
            self.report(&source, "what goes through a pipe is unknown");
            return Status::Open;
        };
        if let [printing, tee] = commands.as_slice()
            && tee.program() == Some("tee")
            && let Some(text) = self.printed(printing)
        {
            return self.tee(tee, &text);
        }
        if commands.iter().all(|command| self.only_prints(command)) {
            return Status::Open;
        }
        let last = commands.last().map_or(first.span, |last| last.span);
        let source = self.text.get(first.span.to(last).range()).unwrap_or_default().to_owned();
        for command in &commands {
            self.unknown_targets(command, "what goes through a pipe is unknown");
        }
        self.report(&source, "what goes through a pipe is unknown");
        Status::Open
    }

    fn compound(&mut self, kind: BlockKind, parts: &[(BlockPart, Vec<Statement<'_>>)]) -> Status {
        match kind {
            // What a function does is unknown where it is called: that is a command without a meaning.
            BlockKind::Function => Status::Success,
            BlockKind::Group => parts.iter().fold(Status::Success, |_, (_, inside)| self.list(inside)),
            BlockKind::Subshell => {
                let (directory, variables) = (self.directory.clone(), self.variables.clone());
                let status = parts.iter().fold(Status::Success, |_, (_, inside)| self.list(inside));
                (self.directory, self.variables) = (directory, variables);
                status
            }
            BlockKind::If => self.condition(parts),
            BlockKind::For => self.for_each(parts),
            BlockKind::While | BlockKind::Case => {
                let why =
                    if kind == BlockKind::While { "how often it runs" } else { "which pattern matches" };
                parts.iter().for_each(|(_, inside)| self.perhaps(inside, &format!("{why} is unknown")));
                Status::Open
            }
        }
    }

    fn condition(&mut self, parts: &[(BlockPart, Vec<Statement<'_>>)]) -> Status {
        let mut decided = Status::Failure;
        for (part, inside) in parts {
            match (part, decided) {
                (BlockPart::Condition(_), Status::Failure) => decided = self.list(inside),
                (BlockPart::Condition(_), _) => {}
                (BlockPart::Body(_), Status::Success) => return self.list(inside),
                (BlockPart::Otherwise, Status::Failure) => return self.list(inside),
                (BlockPart::Body(_) | BlockPart::Otherwise, Status::Open) => {
                    self.perhaps(inside, "the condition around it is unknown");
                }
                _ => {}
            }
        }
        if decided == Status::Open { Status::Open } else { Status::Success }
    }

    /// Commands of which it is unknown whether they run.
    fn perhaps(&mut self, inside: &[Statement<'_>], why: &str) {
        let before = self.unsure.clone();
        self.unsure.get_or_insert_with(|| why.to_owned());
        self.list(inside);
        self.unsure = before;
    }

    fn for_each(&mut self, parts: &[(BlockPart, Vec<Statement<'_>>)]) -> Status {
        let mut heads = parts.iter().filter(|(part, _)| matches!(part, BlockPart::Condition(_)));
        let head = heads.find_map(|(_, inside)| inside.first().and_then(Statement::first));
        let bodies: Vec<&Vec<Statement<'_>>> = parts
            .iter()
            .filter(|(part, _)| matches!(part, BlockPart::Body(_)))
            .map(|(_, body)| body)
            .collect();
        let words = head.map(|head| head.words.as_slice()).unwrap_or_default();
        let values = match words {
            [_, _, of, values @ ..] if of.as_str() == "in" => self.expander().words(values),
            _ => Err("the arguments of the script".to_owned()),
        };
        let name = words.get(1).map(|name| name.as_str().to_owned()).unwrap_or_default();
        match values {
            Ok(values) if !values.iter().any(|value| value.contains(['*', '?'])) => {
                for value in values {
                    self.variables.set(&name, Some(value));
                    bodies.iter().for_each(|body| {
                        self.list(body);
                    });
                    if self.steps > STEPS {
                        break;
                    }
                }
            }
            _ => {
                self.variables.set(&name, None);
                bodies.iter().for_each(|body| self.perhaps(body, "what the loop goes over is unknown"));
            }
        }
        Status::Success
    }

    /// Runs one command, and puts aside whether it runs at all.
    fn command(&mut self, command: &ShellCommand) -> Outcome {
        self.at.line = self.lines.line(command.span.start);
        self.steps += 1;
        if self.steps > STEPS || self.files.is_exhausted() {
            return Outcome::unread("there are too many commands to follow");
        }
        match self.unsure.clone() {
            Some(_) if self.only_prints(command) || self.is_test(command) => {
                Outcome { status: Status::Open, problem: None }
            }
            Some(why) => {
                for assignment in &command.assignments {
                    self.variables.set(&assignment.name, None);
                }
                if command.words.is_empty() {
                    return Outcome::DONE;
                }
                self.unknown_targets(command, &why);
                Outcome { status: Status::Open, problem: Some(why) }
            }
            None => self.execute(command),
        }
    }

    pub(super) fn expander(&self) -> Expander<'_, 'a> {
        Expander {
            variables: &self.variables,
            files: &self.files,
            directory: &self.directory,
            text: &self.text,
        }
    }

    /// What `words` come to.
    pub(super) fn expand(&self, words: &[invar_dockerfile::ShellWord]) -> Result<Vec<String>, Unknown> {
        self.expander().words(words)
    }

    /// `word` as an absolute path.
    pub(super) fn path(&self, word: &str) -> String {
        absolute(&self.directory, word)
    }
}
