use std::collections::BTreeSet;

use crate::assembler::{Assembler, Label, Reference, VariablePart};
use crate::variable::{Variable, is_changed, variables};
use crate::{Launcher, LauncherError, ProgramName};

/// The longest argument or variable that Linux takes (`MAX_ARG_STRLEN`), without the NUL at its end.
const LONGEST: usize = 131_071;
/// All data together, in bytes. AArch64 code reaches one mebibyte ahead.
const LIMIT: usize = 512 * 1024;
/// The longest path, without the NUL at its end.
const LONGEST_PATH: usize = 4095;
/// The variables that are changed and not just set: each has a bit in a register, and `PATH` of `prefix_path` has one.
const MOST_VARIABLES: usize = 63;

/// What the code refers to: strings, each ended by a NUL, and tables of their addresses.
#[derive(Debug)]
pub(crate) struct Data {
    /// All strings; the first is the program.
    texts: Vec<String>,
    /// How many of them are the program and its first arguments. The others are the variables that are set.
    arguments: usize,
    /// The variables that are not handed on, each with its `=`.
    names: BTreeSet<String>,
    /// `PATH=` and the folders, with a colon after each, if what the caller has in `PATH` comes after them.
    prefix: Option<String>,
    message: String,
    /// The variables that are changed, and not just set.
    variables: Vec<Variable>,
    name: ProgramName,
    /// The arguments that come after those of the caller.
    last: Vec<String>,
    /// The folder that is entered, and what is said if it cannot be.
    directory: Option<(String, String)>,
}

impl Data {
    pub(crate) fn of(launcher: &Launcher) -> Result<Self, LauncherError> {
        let Launcher { program, arguments, set, unset, prefix_path, last_arguments, name, .. } = launcher;
        let has_nul = |text: &str| text.contains('\0');
        if !program.starts_with('/') || has_nul(program) || program.len() > LONGEST_PATH {
            return Err(LauncherError::Program { program: program.clone() });
        }
        let given = match name {
            ProgramName::Name(name) => Some(name),
            ProgramName::Program | ProgramName::Caller => None,
        };
        let texts = || arguments.iter().chain(last_arguments).chain(given);
        if let Some(argument) = texts().find(|argument| has_nul(argument)) {
            return Err(LauncherError::Argument { argument: argument.clone() });
        }
        let is_name = |name: &str| !name.is_empty() && !name.contains(['=', '\0']);
        let changed = || launcher.prefixes.iter().chain(&launcher.suffixes);
        let names = || set.keys().chain(unset).chain(launcher.defaults.keys());
        if let Some(name) = names().chain(changed().map(|(name, _)| name)).find(|name| !is_name(name)) {
            return Err(LauncherError::Name { name: name.clone() });
        }
        let parts = changed().flat_map(|(name, values)| {
            values.values.iter().chain([&values.separator]).map(move |value| (name, value))
        });
        let values = set.iter().chain(&launcher.defaults).chain(parts);
        if let Some((name, value)) = { values }.find(|(_, value)| has_nul(value)) {
            return Err(LauncherError::Value { name: name.clone(), value: value.clone() });
        }
        let is_path = |path: &str| path.starts_with('/') && !has_nul(path) && path.len() <= LONGEST_PATH;
        if let Some(directory) = launcher.directory.iter().find(|directory| !is_path(directory)) {
            return Err(LauncherError::Directory { directory: directory.clone() });
        }
        let is_folder = |folder: &str| folder.starts_with('/') && !folder.contains([':', '\0']);
        if let Some(folder) = prefix_path.iter().find(|folder| !is_folder(folder)) {
            return Err(LauncherError::Folder { folder: folder.clone() });
        }

        let mut set = set.clone();
        let variables = variables(launcher, &mut set);
        if variables.len() > MOST_VARIABLES {
            return Err(LauncherError::TooMany { found: variables.len(), limit: MOST_VARIABLES });
        }
        let elsewhere = is_changed(launcher, "PATH");
        let folders = if elsewhere { String::new() } else { prefix_path.join(":") };
        let mut prefix = None;
        if !folders.is_empty() {
            if let Some(path) = set.get_mut("PATH") {
                *path = if path.is_empty() { folders } else { format!("{folders}:{path}") };
            } else if unset.contains("PATH") {
                set.insert("PATH".to_owned(), folders);
            } else {
                prefix = Some(format!("PATH={folders}:"));
            }
        }
        let mut texts = vec![program.clone()];
        texts.extend(arguments.iter().cloned());
        texts.extend(set.iter().map(|(name, value)| format!("{name}={value}")));
        let names = set.keys().chain(unset).map(|name| format!("{name}=")).collect();
        let message = format!(": cannot start {program}\n");
        let outside = |directory: &String| (directory.clone(), format!(": cannot enter {directory}\n"));
        let data = Self {
            texts,
            arguments: 1 + arguments.len(),
            names,
            prefix,
            message,
            variables,
            name: name.clone(),
            last: last_arguments.clone(),
            directory: launcher.directory.as_ref().map(outside),
        };
        data.check_lengths()?;
        Ok(data)
    }

    fn check_lengths(&self) -> Result<(), LauncherError> {
        let name = match &self.name {
            ProgramName::Name(name) => Some(name),
            ProgramName::Program | ProgramName::Caller => None,
        };
        let changed = || self.variables.iter().flat_map(Variable::texts);
        let texts = || self.texts.iter().chain(&self.prefix).chain(name).chain(&self.last).chain(changed());
        if let Some(text) = texts().find(|text| text.len() > LONGEST) {
            return Err(LauncherError::Long { length: text.len(), limit: LONGEST });
        }
        // Each string with its NUL and its address; the prefix is there twice.
        let lengths = texts().chain(&self.prefix).chain(&self.names).map(|text| text.len() + 9);
        let directory = self.directory.as_ref().map_or(0, |(path, message)| path.len() + message.len());
        let length = lengths.sum::<usize>() + self.message.len() + directory;
        if length > LIMIT {
            return Err(LauncherError::TooLong { length, limit: LIMIT });
        }
        Ok(())
    }

    /// How many pointers the program and its first arguments take.
    pub(crate) fn arguments(&self) -> u32 {
        count(self.arguments)
    }

    /// How many variables are set.
    pub(crate) fn variables(&self) -> u32 {
        count(self.texts.len() - self.arguments)
    }

    /// The bytes that the new arrays may take in excess of the old ones.
    ///
    /// The old ones are the number of arguments, the arguments, a NULL, the variables and a NULL. The new ones have no
    /// number; they have the program instead of the first argument, if there is one; and they have the first
    /// arguments, the last ones, the variables that are set or changed, and `PATH`.
    pub(crate) fn excess(&self) -> u32 {
        (count(self.texts.len() + self.last.len() + self.variables.len()) + 1) * 8
    }

    /// How many arguments come after those of the caller.
    pub(crate) fn last(&self) -> u32 {
        count(self.last.len())
    }

    /// Whether the program is called as the launcher is.
    pub(crate) fn is_called_as_the_caller_says(&self) -> bool {
        self.name == ProgramName::Caller
    }

    /// The variables that are changed, and not just set, each with its number.
    pub(crate) fn changed(&self) -> impl Iterator<Item = (usize, &Variable)> {
        self.variables.iter().enumerate()
    }

    /// The length of what is said after the name if the folder cannot be entered, where one is.
    pub(crate) fn message_outside(&self) -> Option<u32> {
        self.directory.as_ref().map(|(_, message)| count(message.len()))
    }

    /// The length of `PATH=` and the folders, if they come before what the caller has in `PATH`.
    pub(crate) fn prefix(&self) -> Option<u32> {
        self.prefix.as_ref().map(|prefix| count(prefix.len()))
    }

    /// The length of what is said after the name if the program cannot be started.
    pub(crate) fn message(&self) -> u32 {
        count(self.message.len())
    }

    /// Puts the data after the code.
    pub(crate) fn write(&self, assembler: &mut Assembler) {
        let mut table = |start: Label, end: Label, texts: std::ops::Range<usize>| {
            assembler.align();
            assembler.label(start);
            for text in texts {
                let named = text == 0 && matches!(self.name, ProgramName::Name(_));
                let label = if named { Label::CalledAs } else { Label::Text(text) };
                assembler.refer(&[0; 8], label, Reference::Absolute64);
            }
            assembler.label(end);
        };
        table(Label::First, Label::FirstEnd, 0..self.arguments);
        table(Label::Set, Label::SetEnd, self.arguments..self.texts.len());
        for (number, text) in self.texts.iter().enumerate() {
            assembler.label(Label::Text(number));
            assembler.put(text.as_bytes());
            assembler.put(&[0]);
        }
        // An empty name ends the list.
        assembler.label(Label::Names);
        for name in &self.names {
            assembler.put(name.as_bytes());
            assembler.put(&[0]);
        }
        assembler.put(&[0]);
        if let Some(prefix) = &self.prefix {
            assembler.label(Label::PathName);
            assembler.put(b"PATH=\0");
            assembler.label(Label::Prefix);
            assembler.put(prefix.as_bytes());
            assembler.label(Label::PrefixEnd);
            assembler.label(Label::PrefixAlone);
            assembler.put(prefix.strip_suffix(':').unwrap_or(prefix).as_bytes());
            assembler.put(&[0]);
        }
        assembler.label(Label::Message);
        assembler.put(self.message.as_bytes());
        assembler.label(Label::Fallback);
        assembler.put(b"launcher\0");
        self.write_more(assembler);
    }

    /// Puts what few launchers have. It comes last, so that the others have the bytes that they have had before.
    fn write_more(&self, assembler: &mut Assembler) {
        let mut text = |label: Label, text: &str| {
            assembler.label(label);
            assembler.put(text.as_bytes());
            assembler.put(&[0]);
        };
        if let ProgramName::Name(name) = &self.name {
            text(Label::CalledAs, name);
        }
        if let Some((directory, message)) = &self.directory {
            text(Label::Directory, directory);
            text(Label::MessageOutside, message);
        }
        for (number, variable) in self.changed() {
            let label = |part| Label::Variable(number, part);
            text(label(VariablePart::Name), &variable.name);
            text(label(VariablePart::Absent), &variable.absent);
            if let Some(change) = &variable.change {
                text(label(VariablePart::Empty), &change.empty);
                text(label(VariablePart::End), &change.end);
            }
        }
        for (number, variable) in self.changed() {
            if let Some(change) = &variable.change {
                assembler.label(Label::Variable(number, VariablePart::Start));
                assembler.put(change.start.as_bytes());
                assembler.label(Label::Variable(number, VariablePart::StartEnd));
            }
        }
        let first = self.texts.len();
        for (number, last) in self.last.iter().enumerate() {
            assembler.label(Label::Text(first + number));
            assembler.put(last.as_bytes());
            assembler.put(&[0]);
        }
        if !self.last.is_empty() {
            assembler.align();
            assembler.label(Label::Last);
            for number in 0..self.last.len() {
                assembler.refer(&[0; 8], Label::Text(first + number), Reference::Absolute64);
            }
            assembler.label(Label::LastEnd);
        }
    }
}

/// Everything is within [`LIMIT`].
fn count(number: usize) -> u32 {
    u32::try_from(number).expect("the data has less than a mebibyte")
}
