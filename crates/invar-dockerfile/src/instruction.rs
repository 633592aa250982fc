//! The model: what a Dockerfile says, before any name is expanded.
use crate::directive::Directive;
use crate::heredoc::Heredoc;
use crate::text::{LineIndex, Position, Span, Text};

/// A Dockerfile that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dockerfile {
    /// The parser directives, in their order.
    pub directives: Vec<Directive>,
    /// The character that continues lines and escapes others: a backslash, or a backtick.
    pub escape: char,
    /// Every comment, also those inside continued instructions, in their order; no directives.
    pub comments: Vec<Comment>,
    /// The instructions, in their order; at least one of them is a `FROM`.
    pub instructions: Vec<Instruction>,
    pub(crate) lines: LineIndex,
}

impl Dockerfile {
    /// The directive of this name.
    pub fn directive(&self, name: &str) -> Option<&Directive> {
        self.directives.iter().find(|directive| directive.name == name)
    }

    /// The line, from 1, in which the byte `offset` of the file is.
    pub fn line(&self, offset: usize) -> usize {
        self.lines.line(offset)
    }

    /// The place of the byte `offset` in `text`, which must be the text that this was read from.
    pub fn position(&self, text: &str, offset: usize) -> Position {
        self.lines.position(text, offset)
    }
}

/// A comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// What is after the `#`, without white space at the ends.
    pub text: String,
    /// Where it is, from the `#` on.
    pub span: Span,
    /// Whether it is between the lines of one instruction.
    pub inside: bool,
}

/// An instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instruction {
    /// What it is, with its arguments.
    pub kind: InstructionKind,
    /// The `--name=value` words before the arguments.
    pub flags: Vec<Flag>,
    /// The here-documents that start on its line, in their order.
    pub heredocs: Vec<Heredoc>,
    /// Where its name is.
    pub name: Span,
    /// Where all of it is, from its name to the end of its last line or here-document.
    pub span: Span,
}

impl Instruction {
    /// The first flag of this name.
    pub fn flag(&self, name: &str) -> Option<&Flag> {
        self.flags.iter().find(|flag| flag.name == name)
    }

    /// The value of the first flag of this name, where it has one.
    pub fn flag_value(&self, name: &str) -> Option<&Word> {
        self.flag(name)?.value.as_ref()
    }
}

/// A word as it is in the file: quotes, escapes and `$` are still in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// The word, without the ends of continued lines.
    pub text: String,
    /// Where it is.
    pub span: Span,
}

/// A flag: `--name` or `--name=value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// Its name, without the dashes.
    pub name: String,
    /// What is after the `=`, without quotes.
    pub value: Option<Word>,
    /// Where all of it is.
    pub span: Span,
}

/// `NAME=VALUE`, `NAME`, or the old `NAME VALUE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The name; only in `LABEL` can there be quotes or `$` in it.
    pub name: Word,
    /// The value; without one, `ARG` declares a name that has to come from outside.
    pub value: Option<Word>,
    /// Where all of it is.
    pub span: Span,
}

/// A command in one of its two forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// A line for the shell.
    Shell(Text),
    /// A JSON array: a program with its arguments, without a shell.
    Exec(Vec<Word>),
}

/// What `COPY` and `ADD` copy from where to where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// The sources, at least one.
    pub sources: Vec<Source>,
    /// The destination.
    pub destination: Word,
}

/// A source of `COPY` or `ADD`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A path, or for `ADD` also a URL or git repository.
    Path(Word),
    /// The instruction's here-document of this number, from 0.
    Heredoc(usize),
}

/// What `HEALTHCHECK` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Healthcheck {
    /// That the base's health check is to be forgotten.
    None,
    /// The command that checks.
    Command(Command),
}

/// An instruction's name and arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InstructionKind {
    /// `FROM image [AS name]`.
    From {
        /// The image, stage or `scratch`.
        image: Word,
        /// The stage's name.
        name: Option<Word>,
    },
    /// `RUN`.
    Run(Command),
    /// `CMD`.
    Cmd(Command),
    /// `ENTRYPOINT`.
    Entrypoint(Command),
    /// `SHELL`: the program and its arguments, at least one word.
    Shell(Vec<Word>),
    /// `COPY`.
    Copy(Transfer),
    /// `ADD`.
    Add(Transfer),
    /// `ARG`.
    Arg(Vec<Assignment>),
    /// `ENV`; each has a value.
    Env(Vec<Assignment>),
    /// `LABEL`; each has a value.
    Label(Vec<Assignment>),
    /// `EXPOSE`.
    Expose(Vec<Word>),
    /// `VOLUME`.
    Volume(Vec<Word>),
    /// `USER`.
    User(Word),
    /// `WORKDIR`.
    Workdir(Word),
    /// `STOPSIGNAL`.
    StopSignal(Word),
    /// `MAINTAINER`, which is deprecated.
    Maintainer(Word),
    /// `HEALTHCHECK`.
    Healthcheck(Healthcheck),
    /// `ONBUILD`: an instruction for builds that start from the image.
    Onbuild(Box<Instruction>),
}

impl InstructionKind {
    /// The instruction's name, in capitals.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::From { .. } => "FROM",
            Self::Run(_) => "RUN",
            Self::Cmd(_) => "CMD",
            Self::Entrypoint(_) => "ENTRYPOINT",
            Self::Shell(_) => "SHELL",
            Self::Copy(_) => "COPY",
            Self::Add(_) => "ADD",
            Self::Arg(_) => "ARG",
            Self::Env(_) => "ENV",
            Self::Label(_) => "LABEL",
            Self::Expose(_) => "EXPOSE",
            Self::Volume(_) => "VOLUME",
            Self::User(_) => "USER",
            Self::Workdir(_) => "WORKDIR",
            Self::StopSignal(_) => "STOPSIGNAL",
            Self::Maintainer(_) => "MAINTAINER",
            Self::Healthcheck(_) => "HEALTHCHECK",
            Self::Onbuild(_) => "ONBUILD",
        }
    }
}
