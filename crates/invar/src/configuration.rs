//! The user's configuration: `invar/config.toml` in the user's configuration directory.
//!
//! Its keys are the options that can be set by environment variables, under the same names without dashes in front:
//! `INVAR_DEBIAN_MIRROR`, `--debian-mirror` and `debian-mirror = "…"` are one definition.
use std::ops::Range;
use std::path::{Path, PathBuf};

use clap::builder::Resettable;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args as _, Command, FromArgMatches as _};
use invar_diagnostic::printable;
use invar_formats::spelling::nearest;
use toml::de::{DeTable, DeValue};

use crate::cli::{Global, Weaker};
use crate::failure::Failure;
use crate::machine;

/// The names of the options that the command line or the environment has, where their values alone do not say it.
#[derive(Debug, Default)]
pub struct Given(Vec<String>);

impl Given {
    /// What `matches` has, itself and for its command.
    pub fn of(matches: &ArgMatches) -> Self {
        let ids = |matches: &ArgMatches| {
            let given = |id: &&str| {
                let source = matches.value_source(id);
                matches!(source, Some(ValueSource::CommandLine | ValueSource::EnvVariable))
            };
            matches.ids().map(clap::Id::as_str).filter(given).map(str::to_owned).collect::<Vec<_>>()
        };
        let of_command = matches.subcommand().map(|(_, matches)| ids(matches)).unwrap_or_default();
        Self(ids(matches).into_iter().chain(of_command).collect())
    }

    /// Whether the option `id` is given.
    pub fn has(&self, id: &str) -> bool {
        self.0.iter().any(|given| given == id)
    }
}

/// Adds what the user's configuration says to what the command line and the environment say, which outweigh it.
///
/// # Errors
/// Where there is such a file and it cannot be read, or says what it cannot.
pub fn complete(global: &mut Global, given: &Given) -> Result<(), Failure> {
    let Some(path) = machine::user_configuration().map(|folder| folder.join("invar/config.toml")) else {
        return Ok(());
    };
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error)
            if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) =>
        {
            return Ok(());
        }
        Err(error) => return Err(Failure::input(format!("cannot read {}: {error}", path.display()), None)),
    };
    let configured = parse(&path, &text, machine::home().as_deref())?;
    merge(global, given, configured);
    Ok(())
}

fn merge(global: &mut Global, given: &Given, configured: Global) {
    // Each field is named, so that one that is added is not forgotten. Some are options of the command line alone.
    let Global {
        project: _,
        directory: _,
        store,
        offline,
        quiet: _,
        verbose: _,
        json: _,
        color: _,
        help: _,
        version: _,
        debian_mirror,
        debian_security_mirror,
        python_index,
        snapshot,
        jobs,
        build_memory,
        build_disk,
        weaker: _,
    } = configured;
    global.store = global.store.take().or(store);
    if !given.has("offline") {
        global.offline = offline;
    }
    global.snapshot = global.snapshot.take().or(snapshot);
    global.jobs = global.jobs.or(jobs);
    global.build_memory = global.build_memory.or(build_memory);
    global.build_disk = global.build_disk.or(build_disk);
    global.weaker = Weaker { debian_mirror, debian_security_mirror, python_index };
}

/// The settings: each option that has an environment variable.
pub fn settings() -> Vec<Arg> {
    let definition = Global::augment_args(Command::new("invar"));
    definition.get_arguments().filter(|argument| argument.get_env().is_some()).cloned().collect()
}

/// What `text`, the file at `path`, says.
fn parse(path: &Path, text: &str, home: Option<&Path>) -> Result<Global, Failure> {
    let wrong = |span: Range<usize>, message: &str, hint: Option<&str>| {
        let line = text[..span.start.min(text.len())].matches('\n').count() + 1;
        Failure::input(format!("{}:{line}: {}", path.display(), printable(message)), hint)
    };
    let table = DeTable::parse(text).map_err(|error| {
        wrong(error.span().unwrap_or_default(), &format!("invalid TOML: {}", error.message()), None)
    })?;
    let settings = settings();
    // Only what is in the file counts here.
    let definition = Command::new("invar").no_binary_name(true);
    let definition = settings.iter().fold(definition, |command, setting| {
        command.arg(setting.clone().env(Resettable::Reset).global(false))
    });
    let mut arguments = Vec::new();
    for (key, value) in table.get_ref() {
        let name: &str = key.get_ref();
        let known = || settings.iter().filter_map(Arg::get_long);
        let Some(setting) = settings.iter().find(|setting| setting.get_long() == Some(name)) else {
            let hint = match nearest(name, known()) {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None => format!("known keys: {}", known().collect::<Vec<_>>().join(", ")),
            };
            return Err(wrong(key.span(), &format!("unknown key `{name}`"), Some(&hint)));
        };
        let is_flag = matches!(setting.get_action(), ArgAction::SetTrue);
        let argument = match value.get_ref() {
            DeValue::Boolean(false) if is_flag => continue,
            DeValue::Boolean(true) if is_flag => format!("--{name}"),
            _ if is_flag => {
                return Err(wrong(value.span(), &format!("`{name}` must be true or false"), None));
            }
            DeValue::String(text) if name == "store" => {
                let path = directory(text, home).ok_or_else(|| {
                    wrong(value.span(), "`store` must be an absolute path, or start with ~/", None)
                })?;
                format!("--{name}={}", path.display())
            }
            DeValue::String(text) => format!("--{name}={text}"),
            DeValue::Integer(number) => format!("--{name}={number}"),
            _ => return Err(wrong(value.span(), &format!("`{name}` must be a string or a number"), None)),
        };
        // One after the other, so that it is known which line is wrong.
        if let Err(error) = definition.clone().try_get_matches_from([&argument]) {
            let reason =
                std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
            return Err(wrong(value.span(), &format!("`{name}`: {reason}"), None));
        }
        arguments.push(argument);
    }
    let all = Command::new("invar").no_binary_name(true).version("0");
    let all = Global::augment_args(all.disable_help_flag(true).disable_version_flag(true));
    let all = all.mut_args(|argument| argument.env(Resettable::Reset));
    let matches = all.try_get_matches_from(arguments).and_then(|matches| Global::from_arg_matches(&matches));
    matches.map_err(|error| wrong(0..0, &error.to_string(), None))
}

/// An absolute path, perhaps in the user's home.
fn directory(text: &str, home: Option<&Path>) -> Option<PathBuf> {
    let path = match text.strip_prefix("~/") {
        Some(inner) => home?.join(inner),
        None => PathBuf::from(text),
    };
    path.is_absolute().then_some(path)
}

#[cfg(test)]
mod tests;
