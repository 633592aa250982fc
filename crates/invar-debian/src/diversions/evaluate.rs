//! Following a script's commands without running any.
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use invar_tree::ImagePath;

use super::conditions::{Status, compare_versions, grep, matches, test};
use super::{Diversion, Diversions};
use crate::PackageName;
use crate::program::{Command, program};

/// The most commands that are followed: loops end, but a few of them in each other take long.
const MOST_COMMANDS: u32 = 50_000;
/// How deep commands may be within each other, functions and substitutions included.
pub(super) const DEEPEST: u32 = 150;
/// The most branches of one `case` or `if`.
const MOST_BRANCHES: usize = 500;

/// What is known at a point of a script.
#[derive(Clone, Default)]
pub(super) struct State {
    /// Variables; `None` if the value is unknown.
    pub(super) variables: BTreeMap<String, Option<String>>,
    /// The arguments, from the first.
    pub(super) arguments: Vec<Option<String>>,
    functions: BTreeMap<String, Rc<[Command]>>,
    /// By the path that is diverted.
    table: BTreeMap<ImagePath, Diversion>,
    doubtful: BTreeSet<ImagePath>,
    pub(super) unread: bool,
    /// Whether the script has ended, and succeeded.
    ended: Option<bool>,
    /// Whether the function has returned.
    returned: bool,
}

impl State {
    /// Takes over of `after`, which followed this in a process of its own, what it may have done to diversions.
    pub(super) fn took_part_in(&mut self, after: &Self) {
        self.unread |= after.unread || after.table != self.table;
        self.doubtful.extend(after.doubtful.iter().cloned());
    }
}

/// Follows scripts.
pub(super) struct Evaluator {
    package: PackageName,
    pub(super) state: State,
    left: u32,
    pub(super) depth: u32,
}

impl Evaluator {
    pub(super) fn new(package: &PackageName) -> Self {
        Self { package: package.clone(), state: State::default(), left: MOST_COMMANDS, depth: 0 }
    }

    /// Follows the script `name`, called with `arguments`.
    pub(super) fn run(&mut self, name: &str, script: &str, arguments: &[&str]) {
        let Ok(commands) = program(script) else {
            self.state.unread = true;
            return;
        };
        let before = std::mem::take(&mut self.state);
        let known = |text: &str| Some(text.to_owned());
        self.state = State {
            variables: BTreeMap::from([
                ("DPKG_MAINTSCRIPT_NAME".to_owned(), known(name)),
                ("DPKG_MAINTSCRIPT_PACKAGE".to_owned(), known(self.package.as_str())),
                ("DPKG_ROOT".to_owned(), known("")),
                ("0".to_owned(), known(name)),
            ]),
            arguments: arguments.iter().map(|text| known(text)).collect(),
            table: before.table,
            doubtful: before.doubtful,
            unread: before.unread,
            ..State::default()
        };
        self.list(&commands);
    }

    pub(super) fn finish(self) -> Diversions {
        let State { table, doubtful, unread, .. } = self.state;
        Diversions { active: table.into_values().collect(), doubtful, unread: unread || self.left == 0 }
    }

    pub(super) fn list(&mut self, commands: &[Command]) -> Status {
        let mut status = Status::Success;
        for command in commands {
            if self.state.ended.is_some() || self.state.returned {
                break;
            }
            status = self.command(command);
        }
        status
    }

    fn command(&mut self, command: &Command) -> Status {
        self.left = self.left.saturating_sub(1);
        if self.left == 0 {
            self.state.ended = Some(true);
            return Status::Unknown;
        }
        if self.depth == DEEPEST {
            self.state.unread = true;
            return Status::Unknown;
        }
        self.depth += 1;
        let status = self.command_here(command);
        self.depth -= 1;
        status
    }

    fn command_here(&mut self, command: &Command) -> Status {
        match command {
            Command::Simple(words) => self.simple(words),
            Command::Pipeline(commands) => self.pipeline(commands),
            Command::Then(left, succeeded, right) => {
                let status = self.command(left);
                let status = if *succeeded { status } else { !status };
                let result = self.branch(status, |this| this.command(right), |_| Status::Failure);
                match (status, *succeeded) {
                    (Status::Success, _) => result,
                    (Status::Failure, succeeded) => Status::from(!succeeded),
                    (Status::Unknown, _) => Status::Unknown,
                }
            }
            Command::Not(command) => !self.command(command),
            Command::If(branches, _) if branches.len() > MOST_BRANCHES => {
                self.state.unread = true;
                Status::Unknown
            }
            Command::Case(_, branches) if branches.len() > MOST_BRANCHES => {
                self.state.unread = true;
                Status::Unknown
            }
            Command::If(branches, otherwise) => self.conditional(branches, otherwise),
            Command::For(name, words, body) => self.for_loop(name, words.as_deref(), body),
            Command::Case(word, branches) => {
                let word = self.text(word);
                self.case(word.as_deref(), branches)
            }
            Command::Loop(condition, body) => {
                self.without_effect(|this| {
                    this.list(condition);
                    this.list(body);
                });
                Status::Unknown
            }
            Command::Group(body) => self.list(body),
            Command::Subshell(body) => {
                let before = self.state.clone();
                let status = self.list(body);
                let inner = std::mem::replace(&mut self.state, before);
                let State { table, doubtful, unread, .. } = inner;
                (self.state.table, self.state.doubtful, self.state.unread) = (table, doubtful, unread);
                status
            }
            Command::Function(name, body) => {
                self.state.functions.insert(name.clone(), Rc::clone(body));
                Status::Success
            }
        }
    }

    /// Follows one of two ways, or if `status` is unknown both, and then goes on with what both have in common.
    fn branch(
        &mut self,
        status: Status,
        succeeded: impl FnOnce(&mut Self) -> Status,
        failed: impl FnOnce(&mut Self) -> Status,
    ) -> Status {
        match status {
            Status::Success => succeeded(self),
            Status::Failure => failed(self),
            Status::Unknown => {
                let before = self.state.clone();
                let one = succeeded(self);
                let other_way = std::mem::replace(&mut self.state, before);
                let other = failed(self);
                self.merge(other_way);
                if one == other { one } else { Status::Unknown }
            }
        }
    }

    /// What is known after the script has gone the one way or the other.
    fn merge(&mut self, other: State) {
        let here = &mut self.state;
        match (here.ended, other.ended) {
            // A script that fails is not installed.
            (_, Some(false)) => return,
            (Some(false), _) => {
                self.state = other;
                return;
            }
            _ => {}
        }
        let paths: BTreeSet<ImagePath> = here.table.keys().chain(other.table.keys()).cloned().collect();
        for path in paths {
            if here.table.get(&path) != other.table.get(&path) {
                here.table.remove(&path);
                here.doubtful.insert(path);
            }
        }
        here.doubtful.extend(other.doubtful);
        here.unread |= other.unread;
        let names: BTreeSet<String> = here.variables.keys().chain(other.variables.keys()).cloned().collect();
        for name in names {
            if here.variables.get(&name) != other.variables.get(&name) {
                here.variables.insert(name, None);
            }
        }
        if here.arguments != other.arguments {
            here.arguments.fill(None);
        }
        here.functions.extend(other.functions);
        here.ended = here.ended.and(other.ended);
        here.returned &= other.returned;
    }

    /// Follows what is done an unknown number of times, or with unknown values: it must not touch diversions.
    fn without_effect(&mut self, run: impl FnOnce(&mut Self)) {
        let before = self.state.clone();
        run(self);
        let after = std::mem::replace(&mut self.state, before);
        self.state.took_part_in(&after);
        for (name, value) in after.variables {
            if self.state.variables.get(&name) != Some(&value) {
                self.state.variables.insert(name, None);
            }
        }
    }

    fn conditional(&mut self, branches: &[(Vec<Command>, Vec<Command>)], otherwise: &[Command]) -> Status {
        let Some(((condition, body), rest)) = branches.split_first() else { return self.list(otherwise) };
        let status = self.list(condition);
        if self.state.ended.is_some() || self.state.returned {
            return status;
        }
        self.branch(status, |this| this.list(body), |this| this.conditional(rest, otherwise))
    }

    fn case(&mut self, word: Option<&str>, branches: &[(Vec<String>, Vec<Command>)]) -> Status {
        let Some(((patterns, body), rest)) = branches.split_first() else { return Status::Success };
        let mut status = Status::Failure;
        for pattern in patterns {
            let found = match (word, self.pattern(pattern)) {
                (Some(word), Some(pattern)) => matches(&pattern, word),
                (None, Some(pattern)) if pattern == "*" => Status::Success,
                _ => Status::Unknown,
            };
            match found {
                Status::Success => status = found,
                Status::Unknown if status == Status::Failure => status = found,
                _ => {}
            }
        }
        self.branch(status, |this| this.list(body), |this| this.case(word, rest))
    }

    fn for_loop(&mut self, name: &str, words: Option<&[String]>, body: &[Command]) -> Status {
        let values = match words {
            None => self.state.arguments.clone(),
            Some(words) => words.iter().flat_map(|word| self.words(word)).collect(),
        };
        if values.iter().any(Option::is_none) {
            self.without_effect(|this| {
                this.state.variables.insert(name.to_owned(), None);
                this.list(body);
            });
            return Status::Unknown;
        }
        let mut status = Status::Success;
        for value in values {
            if self.state.ended.is_some() || self.state.returned {
                break;
            }
            self.state.variables.insert(name.to_owned(), value);
            status = self.list(body);
        }
        status
    }

    /// Of pipelines, only a search in the list of diversions is understood.
    fn pipeline(&mut self, commands: &[Command]) -> Status {
        if let [Command::Simple(list), Command::Simple(search)] = commands {
            let list: Vec<Option<String>> = list.iter().flat_map(|word| self.words(word)).collect();
            let search: Vec<Option<String>> = search.iter().flat_map(|word| self.words(word)).collect();
            let first = |words: &[Option<String>]| words.first().cloned().flatten().unwrap_or_default();
            if is_command(&first(&list), "dpkg-divert") && is_command(&first(&search), "grep") {
                return match self.listed(&list[1..]) {
                    Some(lines) => grep(&search[1..], &lines),
                    None => Status::Unknown,
                };
            }
        }
        for command in commands {
            self.without_effect(|this| _ = this.command(command));
        }
        Status::Unknown
    }

    fn simple(&mut self, words: &[String]) -> Status {
        let mut rest = words;
        let mut assigned = Vec::new();
        while let Some((first, others)) = rest.split_first()
            && let Some((name, value)) = assignment(first)
        {
            // What follows on the line sees the value.
            let value = self.text(value);
            assigned.push((name.to_owned(), self.state.variables.insert(name.to_owned(), value)));
            rest = others;
        }
        if rest.is_empty() {
            return Status::Success;
        }
        // A command's own variables go with it.
        for (name, before) in assigned.into_iter().rev() {
            match before {
                Some(before) => self.state.variables.insert(name, before),
                None => self.state.variables.remove(&name),
            };
        }
        // `local x=$1` keeps its value in one piece.
        if let "local" | "export" | "readonly" | "typeset" | "declare" = rest[0].as_str() {
            for word in &rest[1..] {
                match assignment(word) {
                    Some((name, value)) => {
                        let value = self.text(value);
                        self.state.variables.insert(name.to_owned(), value);
                    }
                    None if rest[0] == "local" => {
                        self.state.variables.insert(word.clone(), Some(String::new()));
                    }
                    None => {}
                }
            }
            return Status::Success;
        }
        let words: Vec<Option<String>> = rest.iter().flat_map(|word| self.words(word)).collect();
        self.call(&words)
    }

    /// Follows a command whose words are expanded.
    pub(super) fn call(&mut self, words: &[Option<String>]) -> Status {
        let Some((first, arguments)) = words.split_first() else { return Status::Success };
        let Some(name) = first.as_deref() else {
            self.state.unread |= mentions(arguments);
            return Status::Unknown;
        };
        if let Some(body) = self.state.functions.get(name).cloned() {
            return self.function(&body, arguments);
        }
        match name.rsplit('/').next().unwrap_or_default() {
            ":" | "true" | "set" | "echo" | "printf" | "dpkg-maintscript-helper" => {
                if name == "set" && arguments.first().is_some_and(|word| word.as_deref() == Some("--")) {
                    self.state.arguments = arguments[1..].to_vec();
                }
                Status::Success
            }
            "false" => Status::Failure,
            "[" => test(arguments.split_last().map_or(arguments, |(_, arguments)| arguments)),
            "test" => test(arguments),
            "exit" => {
                let code = arguments.first().map(|code| code.as_deref());
                self.state.ended = Some(code.is_none_or(|code| code.is_none_or(|code| code == "0")));
                Status::Success
            }
            "return" => {
                self.state.returned = true;
                match arguments.first() {
                    None => Status::Unknown,
                    Some(code) => code.as_deref().map_or(Status::Unknown, |code| Status::from(code == "0")),
                }
            }
            "read" => {
                for name in arguments.iter().flatten() {
                    self.state.variables.insert(name.clone(), None);
                }
                Status::Unknown
            }
            "shift" => {
                if self.state.arguments.is_empty() {
                    return Status::Failure;
                }
                self.state.arguments.remove(0);
                Status::Success
            }
            "command" | "exec" | "env" if !arguments.is_empty() => self.call(arguments),
            "dpkg-divert" => self.divert(arguments),
            "dpkg" if arguments.first().is_some_and(|word| word.as_deref() == Some("--compare-versions")) => {
                compare_versions(&arguments[1..])
            }
            _ => {
                self.state.unread |= mentions(arguments);
                Status::Unknown
            }
        }
    }

    fn function(&mut self, body: &[Command], arguments: &[Option<String>]) -> Status {
        let before = std::mem::replace(&mut self.state.arguments, arguments.to_vec());
        let status = self.list(body);
        self.state.arguments = before;
        self.state.returned = false;
        status
    }

    /// `dpkg-divert` with these arguments.
    fn divert(&mut self, arguments: &[Option<String>]) -> Status {
        let Some(Divert { action, to, package, file }) = self.divert_arguments(arguments) else {
            self.state.unread = true;
            return Status::Unknown;
        };
        let Some(file) = file else { return Status::Success };
        let found = self.state.table.get(&file);
        match action {
            Action::Show => Status::Success,
            Action::Add => {
                let to = match to {
                    Some(to) => to,
                    None => match ImagePath::parse(&format!("{}.distrib", file.as_str())) {
                        Ok(to) => to,
                        Err(_) => return Status::Failure,
                    },
                };
                let diversion = Diversion { from: file.clone(), to, package };
                let clashes = found.is_some_and(|found| *found != diversion);
                if !clashes {
                    self.state.doubtful.remove(&file);
                    self.state.table.insert(file, diversion);
                }
                Status::from(!clashes)
            }
            Action::Remove => {
                let clashes = found.is_some_and(|found| {
                    found.package != package || to.as_ref().is_some_and(|to| *to != found.to)
                });
                if !clashes {
                    self.state.doubtful.remove(&file);
                    self.state.table.remove(&file);
                }
                Status::from(!clashes)
            }
        }
    }

    /// The lines of `dpkg-divert --list` with these arguments.
    fn listed(&self, arguments: &[Option<String>]) -> Option<Vec<String>> {
        let mut patterns = Vec::new();
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            match argument.as_deref()? {
                "--list" | "--quiet" | "--local" => {}
                "--package" | "--divert" => {
                    arguments.next();
                }
                option if option.starts_with('-') => return None,
                pattern => patterns.push(pattern),
            }
        }
        let line = |diversion: &Diversion| {
            let Diversion { from, to, package } = diversion;
            match package {
                Some(package) => format!("diversion of /{} to /{} by {package}", from.as_str(), to.as_str()),
                None => format!("local diversion of /{} to /{}", from.as_str(), to.as_str()),
            }
        };
        let is_meant = |diversion: &&Diversion| {
            let from = format!("/{}", diversion.from.as_str());
            patterns.is_empty() || patterns.iter().any(|pattern| matches(pattern, &from) == Status::Success)
        };
        self.state.doubtful.is_empty().then(|| self.state.table.values().filter(is_meant).map(line).collect())
    }

    /// What `dpkg-divert` prints; `None` where that is unknown.
    pub(super) fn divert_output(&self, arguments: &[Option<String>]) -> Option<String> {
        let asks = |option: &str| arguments.iter().any(|word| word.as_deref() == Some(option));
        let file = arguments.iter().flatten().find(|word| word.starts_with('/'))?;
        let path = ImagePath::parse(file.trim_start_matches('/')).ok()?;
        if self.state.doubtful.contains(&path) {
            return None;
        }
        let found = self.state.table.get(&path);
        if asks("--truename") {
            return Some(found.map_or_else(|| file.clone(), |found| format!("/{}", found.to.as_str())));
        }
        asks("--listpackage").then(|| match found {
            None => String::new(),
            Some(found) => found.package.as_ref().map_or_else(|| "LOCAL".to_owned(), ToString::to_string),
        })
    }

    /// `None` for arguments that are unknown, or that no `dpkg-divert` takes.
    fn divert_arguments(&self, arguments: &[Option<String>]) -> Option<Divert> {
        let path = |text: &str| ImagePath::parse(text.strip_prefix('/')?).ok();
        let mut found =
            Divert { action: Action::Add, to: None, package: Some(self.package.clone()), file: None };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let argument = argument.as_deref()?;
            let (option, value) = match argument.split_once('=') {
                Some((option, value)) if option.starts_with("--") => (option, Some(value)),
                _ => (argument, None),
            };
            let mut value = || match value {
                Some(value) => Some(value),
                None => arguments.next()?.as_deref(),
            };
            match option {
                "--add" => found.action = Action::Add,
                "--remove" => found.action = Action::Remove,
                "--list" | "--listpackage" | "--truename" => found.action = Action::Show,
                "--divert" => found.to = Some(path(value()?)?),
                "--package" => found.package = Some(value()?.parse().ok()?),
                "--local" => found.package = None,
                "--rename" | "--no-rename" | "--quiet" => {}
                "--admindir" | "--instdir" | "--root" => _ = value()?,
                option if option.starts_with('-') => return None,
                file => {
                    found.file = Some(path(file).or_else(|| {
                        matches!(found.action, Action::Show).then(|| {
                            // A pattern of a list, which changes nothing.
                            ImagePath::parse("x").expect("it is a path")
                        })
                    })?)
                }
            }
        }
        Some(found)
    }
}

#[derive(Clone, Copy)]
enum Action {
    Add,
    Remove,
    /// Prints something.
    Show,
}

/// The arguments of `dpkg-divert`.
struct Divert {
    action: Action,
    to: Option<ImagePath>,
    package: Option<PackageName>,
    file: Option<ImagePath>,
}

/// `name=value`, as it is in the script.
fn assignment(word: &str) -> Option<(&str, &str)> {
    let (name, value) = word.split_once('=')?;
    let first = name.bytes().next()?;
    let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (is_name && !first.is_ascii_digit()).then_some((name, value))
}

pub(super) fn is_command(word: &str, name: &str) -> bool {
    word.rsplit('/').next() == Some(name)
}

/// Whether another command is given the name of `dpkg-divert`: it may well run it.
fn mentions(arguments: &[Option<String>]) -> bool {
    arguments.iter().flatten().any(|word| word.contains("dpkg-divert"))
}
