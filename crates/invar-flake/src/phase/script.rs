//! Shell scripts that do no more than start a program with other variables and arguments.
use invar_dockerfile::{LineIndex, Redirect, ShellCommand, ShellPart, ShellWord, Text, split_commands};

use super::expand::{Expander, Variables};
use super::files::Files;
use super::wrapper::{EnvChange, FirstArgument, Wrapper};
use super::{LONGEST, STEPS};

/// A script that does more than to start a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotALauncher {
    /// The line of the script, from 1.
    pub line: usize,
    /// The command, on one line.
    pub command: String,
    /// What there is about it.
    pub why: &'static str,
}

/// What the script `text` starts, if all that it does is set variables, change its directory, and start one program.
///
/// # Errors
/// [`NotALauncher`] with the first command that does something else.
pub fn read_launcher(text: &str) -> Result<Wrapper, NotALauncher> {
    let lines = LineIndex::of(text);
    let refuse = |command: &ShellCommand, why| {
        let source = text.get(command.span.range()).unwrap_or_default();
        let source = source.split_whitespace().collect::<Vec<_>>().join(" ");
        NotALauncher { line: lines.line(command.span.start), command: source, why }
    };
    let general = |why| NotALauncher { line: 1, command: String::new(), why };
    if text.len() > LONGEST {
        return Err(general("it is too long"));
    }
    let script = split_commands(&Text::new(text, 0), &[]);
    if !script.complete || !script.redirects.is_empty() || script.commands.len() > STEPS {
        return Err(general("it is not a plain list of commands"));
    }
    let mut reader = Reader { text, variables: Variables::default(), wrapper: Wrapper::default() };
    let mut commands = script.commands.iter().peekable();
    while let Some(command) = commands.next() {
        if !command.blocks.is_empty() || command.negated {
            return Err(refuse(command, "it has loops or conditions"));
        }
        if !command.redirects.iter().all(is_harmless) {
            return Err(refuse(command, "its input or output goes elsewhere"));
        }
        let is_last = commands.peek().is_none();
        match commands.peek().map(|next| next.connector) {
            None | Some(invar_dockerfile::Connector::Sequence | invar_dockerfile::Connector::And) => {}
            Some(_) => return Err(refuse(command, "it runs several programs together")),
        }
        if reader.prepares(command).map_err(|why| refuse(command, why))? {
            continue;
        }
        if !is_last {
            return Err(refuse(command, "it runs a program before the last one"));
        }
        reader.starts(command).map_err(|why| refuse(command, why))?;
        return Ok(reader.wrapper);
    }
    Err(general("it starts no program"))
}

fn is_harmless(redirect: &Redirect) -> bool {
    redirect.target.as_str() == "/dev/null" && redirect.descriptor == Some(2)
}

struct Reader<'a> {
    text: &'a str,
    variables: Variables,
    wrapper: Wrapper,
}

impl Reader<'_> {
    /// Takes a command that only prepares for the program: variables, the directory. Gives whether it was one.
    fn prepares(&mut self, command: &ShellCommand) -> Result<bool, &'static str> {
        if command.words.is_empty() {
            for assignment in &command.assignments {
                if assignment.elements.is_some() {
                    return Err("it has an array");
                }
                self.assign(&assignment.name, &assignment.value)?;
            }
            return Ok(true);
        }
        match command.program() {
            Some("set" | "shopt" | ":" | "true") => Ok(true),
            Some("export" | "declare" | "typeset") => {
                for word in command.words[1..].iter().filter(|word| !word.as_str().starts_with('-')) {
                    self.export(word)?;
                }
                Ok(true)
            }
            Some("unset") => {
                for word in command.words[1..].iter().filter(|word| !word.as_str().starts_with('-')) {
                    let name = word.as_str().to_owned();
                    self.variables.unset(&name);
                    self.wrapper.environment.push(EnvChange::Unset { name });
                }
                Ok(true)
            }
            Some("cd") => {
                let [_, directory] = command.words.as_slice() else {
                    return Err("where it goes is unknown");
                };
                let directory = self.value(directory).ok_or("where it goes is unknown")?;
                self.wrapper.directory = Some(match &self.wrapper.directory {
                    Some(before) if !directory.starts_with('/') => format!("{before}/{directory}"),
                    _ => directory,
                });
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    fn export(&mut self, word: &ShellWord) -> Result<(), &'static str> {
        let Some((name, _)) = word.as_str().split_once('=') else {
            // A variable of the script that the program sees, too.
            let name = word.as_str().to_owned();
            if let Some(value) = self.variables.get(&name).map(str::to_owned) {
                self.set(EnvChange::Set { name, value });
            }
            return Ok(());
        };
        let mut value = word.clone();
        if let Some(ShellPart::Literal(first)) = value.parts.first_mut() {
            *first = first.get(name.len() + 1..).unwrap_or_default().to_owned();
        }
        value.parts.retain(|part| !matches!(part, ShellPart::Literal(text) if text.is_empty()));
        let name = name.to_owned();
        let change = self.change(&name, &value)?;
        if let EnvChange::Set { value, .. } = &change {
            self.variables.set(&name, Some(value.clone()));
        }
        self.set(change);
        Ok(())
    }

    fn set(&mut self, change: EnvChange) {
        self.wrapper.environment.push(change);
    }

    /// A variable of the script: one that was exported before changes what the program sees.
    fn assign(&mut self, name: &str, value: &ShellWord) -> Result<(), &'static str> {
        match self.change(name, value)? {
            EnvChange::Set { value, .. } => {
                self.variables.set(name, Some(value.clone()));
                let is_exported = self
                    .wrapper
                    .environment
                    .iter()
                    .any(|change| matches!(change, EnvChange::Set { name: other, .. } if other == name));
                // `PATH` is exported in any case.
                if is_exported || name == "PATH" {
                    self.set(EnvChange::Set { name: name.to_owned(), value });
                }
                Ok(())
            }
            change if name == "PATH" => {
                self.set(change);
                Ok(())
            }
            _ => Err("a variable depends on how the script is started"),
        }
    }

    /// What an exported value does to the variable `name`.
    fn change(&self, name: &str, value: &ShellWord) -> Result<EnvChange, &'static str> {
        let name = name.to_owned();
        if let Some(value) = self.value(value) {
            return Ok(EnvChange::Set { name, value });
        }
        let unknown = "a variable depends on how the script is started";
        let literal = |parts: &[ShellPart]| {
            let word = ShellWord { parts: parts.to_vec(), ..value.clone() };
            self.value(&word).ok_or(unknown)
        };
        match value.parts.as_slice() {
            [ShellPart::Name { name: other, text }] if *other == name => {
                let inside = text.trim_start_matches("${").trim_end_matches('}');
                let inside = inside.strip_prefix(other.as_str()).unwrap_or_default();
                let inside = inside.strip_prefix(":-").or_else(|| inside.strip_prefix('-'));
                let value = inside.filter(|inside| !inside.contains('$')).ok_or(unknown)?;
                Ok(EnvChange::Default { name, value: value.trim_matches('"').to_owned() })
            }
            [before @ .., ShellPart::Name { name: other, text }] if *other == name => {
                // `x:$NAME`, `x${NAME:+:$NAME}` and `x:${NAME:-}`.
                let before = literal(before)?;
                let optional = text.contains(":+") || text.contains("+:");
                let (value, separator) = match before.chars().last() {
                    Some(':') => (before.trim_end_matches(':').to_owned(), ":"),
                    Some(' ') => (before.trim_end_matches(' ').to_owned(), " "),
                    _ if optional => (before, ":"),
                    _ => return Err(unknown),
                };
                Ok(EnvChange::Prefix { name, separator: separator.to_owned(), value })
            }
            [ShellPart::Name { name: other, .. }, after @ ..] if *other == name => {
                let after = literal(after)?;
                let value = after.strip_prefix(':').ok_or(unknown)?.to_owned();
                Ok(EnvChange::Suffix { name, separator: ":".to_owned(), value })
            }
            _ => Err(unknown),
        }
    }

    /// Takes the command that starts the program.
    fn starts(&mut self, command: &ShellCommand) -> Result<(), &'static str> {
        for assignment in &command.assignments {
            let change = self.change(&assignment.name, &assignment.value)?;
            self.set(change);
        }
        let mut words = command.words.as_slice();
        if words.first().is_some_and(|word| word.as_str() == "exec") {
            words = &words[1..];
            if let [option, name, rest @ ..] = words
                && option.as_str() == "-a"
            {
                let is_own = matches!(name.as_str(), "$0");
                let text = if is_own { None } else { self.value(name) };
                self.wrapper.first_argument = text.map_or(FirstArgument::Inherited, FirstArgument::Text);
                words = rest;
            }
        }
        let Some((program, arguments)) = words.split_first() else { return Err("it starts no program") };
        let nothing = std::collections::BTreeMap::new();
        let files = Files::new(&nothing, Vec::new(), "/");
        let unknown = "an argument depends on how the script is started";
        let expander =
            Expander { variables: &self.variables, files: &files, directory: "/", text: self.text };
        if !self.is_known(program) {
            return Err(unknown);
        }
        let mut program = expander.words(std::slice::from_ref(program)).map_err(|_| unknown)?.into_iter();
        self.wrapper.program = program.next().ok_or(unknown)?;
        self.wrapper.before.extend(program);
        let mut passed = false;
        for word in arguments {
            if matches!(word.as_str(), "$@" | "${@}" | "$*" | "${@:1}") {
                passed = true;
                continue;
            }
            if !self.is_known(word) {
                return Err(unknown);
            }
            let words = expander.words(std::slice::from_ref(word)).map_err(|_| unknown)?;
            if passed {
                self.wrapper.after.extend(words);
            } else {
                self.wrapper.before.extend(words);
            }
        }
        self.wrapper.drops_arguments = !passed;
        Ok(())
    }

    /// Whether the script itself sets all variables in the word.
    fn is_known(&self, word: &ShellWord) -> bool {
        word.names().all(|name| self.variables.get(name).is_some())
    }

    /// What the word comes to, however the script is started.
    fn value(&self, word: &ShellWord) -> Option<String> {
        if !self.is_known(word) {
            return None;
        }
        let nothing = std::collections::BTreeMap::new();
        let files = Files::new(&nothing, Vec::new(), "/");
        let expander =
            Expander { variables: &self.variables, files: &files, directory: "/", text: self.text };
        expander.one(word).ok()
    }
}
