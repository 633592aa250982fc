//! A program that is started with arguments, as far as the Dockerfile shows.
use std::collections::{BTreeMap, BTreeSet};

use invar_dockerfile::{Scope, Span};

/// A program with its arguments.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// The last part of its path.
    pub program: String,
    /// The path, as it is written.
    pub path: String,
    /// Its arguments: names replaced where their values are known, and split as the shell splits them.
    pub arguments: Vec<Argument>,
    /// Where its name and arguments are.
    pub span: Span,
    /// Files that its output is written to.
    pub outputs: Vec<String>,
    /// Files, strings and here-documents that it reads as its input.
    pub inputs: Vec<String>,
    /// Commands of one pipeline have the same number; the numbers rise with the text.
    pub pipeline: usize,
    /// What becomes of its output.
    pub inside: OutputUse,
    /// The stage that it is in.
    pub stage: usize,
    /// The instruction that it is in, by its place among all of the file.
    pub instruction: usize,
    /// The end of that instruction.
    pub instruction_end: usize,
    /// The script that it is in, by its place among those that were read; none where it is in the Dockerfile.
    pub script: Option<usize>,
    /// Where it comes in the order of the text: its beginning, after those of the calls that run its script.
    pub order: Vec<usize>,
    /// Whether all of the program's path is known.
    pub is_known: bool,
    /// Whether it runs a script that was read.
    pub runs_read_script: bool,
    /// Variables that some tools ask for.
    environment: BTreeMap<&'static str, String>,
}

/// An argument.
#[derive(Debug, Clone)]
pub(crate) struct Argument {
    /// What it comes to; names without a known value come to nothing.
    pub text: String,
    /// Whether all of it is known.
    pub known: bool,
    /// Whether it holds the output of a command.
    pub computed: bool,
    /// Where it is.
    pub span: Span,
}

/// What becomes of a command's output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OutputUse {
    /// It is shown.
    Nothing,
    /// It becomes a variable's value.
    Assignment(String),
    /// It becomes an argument of this program.
    Argument(String),
}

/// The variables that the rules ask for.
const ASKED: [&str; 19] = [
    "BUNDLE_DEPLOYMENT",
    "BUNDLE_FROZEN",
    "CI",
    "HF_HUB_OFFLINE",
    "PIP_CONSTRAINT",
    "PIP_NO_COMPILE",
    "PIP_NO_INDEX",
    "PIP_REQUIRE_HASHES",
    "SOURCE_DATE_EPOCH",
    "TRANSFORMERS_OFFLINE",
    "UV_COMPILE_BYTECODE",
    "UV_EXCLUDE_NEWER",
    "UV_FROZEN",
    "UV_LOCKED",
    "UV_NO_SYNC",
    "UV_REQUIRE_HASHES",
    "UV_CONSTRAINT",
    "YARN_ENABLE_IMMUTABLE_INSTALLS",
    "npm_config_frozen_lockfile",
];

impl Call {
    /// The variables that the rules ask for. Those in `hidden` are only known to the shell itself.
    pub(crate) fn environment_of(
        scope: &Scope,
        assigned: &[(String, String)],
        hidden: &BTreeSet<String>,
    ) -> BTreeMap<&'static str, String> {
        let value = |name: &&'static str| {
            let own = assigned.iter().rev().find(|(own, _)| own == name).map(|(_, value)| value.clone());
            let of_scope = || scope.get(name).filter(|_| !hidden.contains(*name));
            let value = own.or_else(|| of_scope().map(|value| value.text.clone().unwrap_or_default()))?;
            Some((*name, value))
        };
        ASKED.iter().filter_map(value).collect()
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "a call is made at one place, from all that is known there"
    )]
    pub(crate) fn new(
        path: &str,
        arguments: Vec<Argument>,
        span: Span,
        pipeline: usize,
        inside: OutputUse,
        stage: usize,
        (instruction, instruction_end): (usize, usize),
        environment: BTreeMap<&'static str, String>,
    ) -> Self {
        let program = path.rsplit('/').next().unwrap_or(path).to_owned();
        let (outputs, inputs) = (Vec::new(), Vec::new());
        Self {
            program,
            path: path.to_owned(),
            arguments,
            span,
            outputs,
            inputs,
            pipeline,
            inside,
            stage,
            instruction,
            instruction_end,
            script: None,
            order: vec![span.start],
            is_known: false,
            runs_read_script: false,
            environment,
        }
    }

    /// Whether the other call is at the same place.
    pub(crate) fn is_at(&self, other: &Self) -> bool {
        self.order == other.order && self.span == other.span
    }

    /// The value of a variable that the rules ask for; empty where it is declared and its value is unknown.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        debug_assert!(ASKED.contains(&name), "{name} is not one of the tracked variables");
        self.environment.get(name).map(String::as_str)
    }

    /// Whether a variable is set to what tools take for yes.
    pub(crate) fn is_on(&self, name: &str) -> bool {
        self.variable(name)
            .is_some_and(|value| !["", "0", "false", "no", "off"].contains(&value.to_lowercase().as_str()))
    }

    /// Whether one of the arguments is one of these.
    pub(crate) fn has(&self, options: &[&str]) -> bool {
        self.arguments.iter().any(|argument| options.contains(&argument.text.as_str()))
    }

    /// Whether one of the arguments is one of these, or starts with one of them and `=`.
    pub(crate) fn has_option(&self, options: &[&str]) -> bool {
        self.value_of(options).is_some() || self.has(options)
    }

    /// The value of an option: what follows it, or what is after its `=`.
    pub(crate) fn value_of(&self, options: &[&str]) -> Option<&str> {
        self.arguments.iter().enumerate().find_map(|(at, argument)| {
            if options.contains(&argument.text.as_str()) {
                return self.arguments.get(at + 1).map(|next| next.text.as_str());
            }
            let (name, value) = argument.text.split_once('=')?;
            options.contains(&name).then_some(value)
        })
    }

    /// The arguments that are no options, where `with_value` are the options whose value is the next argument.
    pub(crate) fn operands(&self, with_value: &[&str]) -> Vec<&Argument> {
        let mut operands = Vec::new();
        let (mut skip, mut only_operands) = (false, false);
        for argument in &self.arguments {
            if std::mem::take(&mut skip) {
                continue;
            }
            if !only_operands && argument.text == "--" {
                only_operands = true;
            } else if !only_operands && argument.text.len() > 1 && argument.text.starts_with('-') {
                skip = with_value.contains(&argument.text.as_str());
            } else {
                operands.push(argument);
            }
        }
        operands
    }

    /// All of the arguments in one line.
    pub(crate) fn line(&self) -> String {
        self.arguments.iter().map(|argument| argument.text.as_str()).collect::<Vec<_>>().join(" ")
    }
}
