//! The names that an instruction sees, with their values.
use std::collections::BTreeMap;

use crate::limits::Limits;

/// Where a name's value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// `ENV`.
    Env,
    /// The default of an `ARG`, which whoever builds may replace.
    Default,
    /// A build argument that was given.
    Given,
    /// The builder: the platforms that are built on and for.
    Platform,
}

/// The value of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// The text; `None` for an `ARG` that has no default and was not given, and for what cannot be known.
    pub text: Option<String>,
    /// Where it comes from.
    pub origin: Origin,
}

/// The names that an instruction sees.
///
/// What the base image sets is not among them. A name of `ENV` hides the `ARG` of the same name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scope {
    env: BTreeMap<String, Value>,
    arguments: BTreeMap<String, Value>,
    bytes: usize,
    shell: Option<Vec<String>>,
}

impl Scope {
    /// The value of `name`, where it is declared at all.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.env.get(name).or_else(|| self.arguments.get(name))
    }

    /// The text of `name`, where it has one.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.text.as_deref()
    }

    /// The names of `ENV`, sorted, with their values.
    pub fn env(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.env.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// What `SHELL` says in this stage or in one that it starts from.
    pub fn shell(&self) -> Option<&[String]> {
        self.shell.as_deref()
    }

    /// Whether lines of `RUN` are given to a shell of the POSIX kind: not to PowerShell or `cmd`.
    pub fn shell_is_posix(&self) -> bool {
        let Some(program) = self.shell.as_ref().and_then(|words| words.first()) else { return true };
        let name = program.rsplit(['/', '\\']).next().unwrap_or(program).to_ascii_lowercase();
        matches!(
            name.trim_end_matches(".exe"),
            "sh" | "bash" | "ash" | "dash" | "zsh" | "ksh" | "busybox" | "env"
        )
    }

    pub(crate) fn set_shell(&mut self, words: Vec<String>) {
        self.shell = Some(words);
    }

    /// Gives `name` a value, as `ENV` or a shell's assignment does; `None` where it is unknown.
    pub fn set_env(&mut self, name: &str, text: Option<String>) {
        let value = self.within_limit(name, text, Origin::Env);
        self.env.insert(name.to_owned(), value);
    }

    pub(crate) fn set_argument(&mut self, name: &str, text: Option<String>, origin: Origin) {
        let value = self.within_limit(name, text, origin);
        self.arguments.insert(name.to_owned(), value);
    }

    /// Forgets a value rather than holding more than [`Limits::SCOPE`]; names are bounded by the file's length.
    fn within_limit(&mut self, name: &str, text: Option<String>, origin: Origin) -> Value {
        let bytes = name.len() + text.as_ref().map_or(0, String::len);
        if self.bytes + bytes > Limits::SCOPE {
            return Value { text: None, origin };
        }
        self.bytes += bytes;
        Value { text, origin }
    }
}
