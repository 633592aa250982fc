use std::collections::BTreeSet;

use crate::assembler::{Assembler, Label, Reference};
use crate::{Launcher, LauncherError};

/// The longest argument or variable that Linux takes (`MAX_ARG_STRLEN`), without the NUL at its end.
const LONGEST: usize = 131_071;
/// All data together, in bytes. AArch64 code reaches one mebibyte ahead.
const LIMIT: usize = 512 * 1024;
/// The longest path, without the NUL at its end.
const LONGEST_PATH: usize = 4095;

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
}

impl Data {
    pub(crate) fn of(launcher: &Launcher) -> Result<Self, LauncherError> {
        let Launcher { program, arguments, set, unset, prefix_path, .. } = launcher;
        let has_nul = |text: &str| text.contains('\0');
        if !program.starts_with('/') || has_nul(program) || program.len() > LONGEST_PATH {
            return Err(LauncherError::Program { program: program.clone() });
        }
        if let Some(argument) = arguments.iter().find(|argument| has_nul(argument)) {
            return Err(LauncherError::Argument { argument: argument.clone() });
        }
        let is_name = |name: &str| !name.is_empty() && !name.contains(['=', '\0']);
        if let Some(name) = set.keys().chain(unset).find(|name| !is_name(name)) {
            return Err(LauncherError::Name { name: name.clone() });
        }
        if let Some((name, value)) = set.iter().find(|(_, value)| has_nul(value)) {
            return Err(LauncherError::Value { name: name.clone(), value: value.clone() });
        }
        let is_folder = |folder: &str| folder.starts_with('/') && !folder.contains([':', '\0']);
        if let Some(folder) = prefix_path.iter().find(|folder| !is_folder(folder)) {
            return Err(LauncherError::Folder { folder: folder.clone() });
        }

        let mut set = set.clone();
        let folders = prefix_path.join(":");
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
        let data = Self { texts, arguments: 1 + arguments.len(), names, prefix, message };
        data.check_lengths()?;
        Ok(data)
    }

    fn check_lengths(&self) -> Result<(), LauncherError> {
        let texts = || self.texts.iter().chain(&self.prefix);
        if let Some(text) = texts().find(|text| text.len() > LONGEST) {
            return Err(LauncherError::Long { length: text.len(), limit: LONGEST });
        }
        // Each string with its NUL and its address; the prefix is there twice.
        let lengths = texts().chain(&self.prefix).chain(&self.names).map(|text| text.len() + 9);
        let length = lengths.sum::<usize>() + self.message.len();
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
    /// number; they have the program in the place of the first argument, if there is one; and they have the first
    /// arguments, the variables that are set, and `PATH`.
    pub(crate) fn excess(&self) -> u32 {
        (count(self.texts.len()) + 1) * 8
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
                assembler.refer(&[0; 8], Label::Text(text), Reference::Absolute64);
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
    }
}

/// Everything is within [`LIMIT`].
fn count(number: usize) -> u32 {
    u32::try_from(number).expect("the data has less than a mebibyte")
}
