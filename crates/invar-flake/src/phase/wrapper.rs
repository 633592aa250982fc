//! Programs that start another: what `makeWrapper`, `makeBinaryWrapper` and `wrapProgram` take.
use invar_dockerfile::{Text, split_commands};

/// A program that starts another one, with other variables and arguments.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wrapper {
    /// The program, as it is written; an absolute path, or a name to look for in `PATH`.
    pub program: String,
    /// What the program sees as its own name.
    pub first_argument: FirstArgument,
    /// The directory to start in.
    pub directory: Option<String>,
    /// Arguments before those that it is started with.
    pub before: Vec<String>,
    /// Arguments after those that it is started with.
    pub after: Vec<String>,
    /// Whether the arguments that it is started with are left out.
    pub drops_arguments: bool,
    /// What happens to the variables, in this order.
    pub environment: Vec<EnvChange>,
    /// Shell commands that run before, and arguments that only a shell can work out.
    pub shell: Vec<String>,
}

/// What a program sees as its own name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum FirstArgument {
    /// The program's path.
    #[default]
    Program,
    /// This text.
    Text(String),
    /// What the wrapper was called.
    Inherited,
}

/// A change of an environment variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnvChange {
    /// Set it.
    Set {
        /// The variable.
        name: String,
        /// Its value.
        value: String,
    },
    /// Set it, unless it is set.
    Default {
        /// The variable.
        name: String,
        /// Its value.
        value: String,
    },
    /// Remove it.
    Unset {
        /// The variable.
        name: String,
    },
    /// Put something before what it has, unless that has it already.
    Prefix {
        /// The variable.
        name: String,
        /// What is between the values.
        separator: String,
        /// The new value.
        value: String,
    },
    /// Put something after what it has, unless that has it already.
    Suffix {
        /// The variable.
        name: String,
        /// What is between the values.
        separator: String,
        /// The new value.
        value: String,
    },
}

/// A flag of a wrapper that is unknown, or that lacks its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadFlag(
    /// The flag.
    pub String,
);

impl Wrapper {
    /// A wrapper of `program` as the flags of `makeWrapper` say.
    ///
    /// # Errors
    /// [`UnreadFlag`] for a flag that `makeWrapper` does not have.
    pub fn parse(program: &str, flags: &[String]) -> Result<Self, UnreadFlag> {
        let mut wrapper = Self { program: program.to_owned(), ..Self::default() };
        let mut words = flags.iter();
        while let Some(flag) = words.next() {
            let mut next = || words.next().cloned().ok_or_else(|| UnreadFlag(flag.clone()));
            match flag.as_str() {
                "--set" => {
                    let change = EnvChange::Set { name: next()?, value: next()? };
                    wrapper.environment.push(change);
                }
                "--set-default" => {
                    let change = EnvChange::Default { name: next()?, value: next()? };
                    wrapper.environment.push(change);
                }
                "--unset" => wrapper.environment.push(EnvChange::Unset { name: next()? }),
                "--prefix" | "--suffix" | "--prefix-each" | "--suffix-each" => {
                    let (name, separator, value) = (next()?, next()?, next()?);
                    let values: Vec<String> = match flag.ends_with("-each") {
                        true => value.split_whitespace().map(str::to_owned).collect(),
                        false => vec![value],
                    };
                    for value in values {
                        let (name, separator) = (name.clone(), separator.clone());
                        wrapper.environment.push(match flag.starts_with("--prefix") {
                            true => EnvChange::Prefix { name, separator, value },
                            false => EnvChange::Suffix { name, separator, value },
                        });
                    }
                }
                "--prefix-contents" | "--suffix-contents" => {
                    let (name, separator, files) = (next()?, next()?, next()?);
                    wrapper.shell.push(format!("{flag} {name} {separator} {files}"));
                }
                "--chdir" => wrapper.directory = Some(next()?),
                "--run" => wrapper.shell.push(next()?),
                "--add-flag" => wrapper.before.push(next()?),
                "--append-flag" => wrapper.after.push(next()?),
                "--add-flags" | "--append-flags" => {
                    let text = next()?;
                    let (words, is_literal) = shell_words(&text);
                    if !is_literal {
                        wrapper.shell.push(format!("{flag} {text}"));
                    }
                    match flag.as_str() {
                        "--add-flags" => wrapper.before.extend(words),
                        _ => wrapper.after.extend(words),
                    }
                }
                "--argv0" => wrapper.first_argument = FirstArgument::Text(next()?),
                // With it the name is what the shell found; a launcher has its own path in any case.
                "--inherit-argv0" | "--resolve-argv0" => wrapper.first_argument = FirstArgument::Inherited,
                _ => return Err(UnreadFlag(flag.clone())),
            }
        }
        Ok(wrapper)
    }
}

/// The words of a text that a shell reads, and whether all of them are there literally.
fn shell_words(text: &str) -> (Vec<String>, bool) {
    let script = split_commands(&Text::new(text, 0), &[]);
    let is_literal = script.complete
        && script.commands.len() <= 1
        && script.redirects.is_empty()
        && script.commands.iter().all(|command| {
            command.assignments.is_empty()
                && command.redirects.is_empty()
                && command.words.iter().all(|word| word.literal().is_some())
        });
    // A first word `A=B` is an argument here, no assignment.
    let literal = |text: &str| !text.contains(['$', '`', '\'', '"', '\\', ';', '&', '|', '<', '>', '(', ')']);
    if !is_literal && literal(text) {
        return (text.split_whitespace().map(str::to_owned).collect(), true);
    }
    let words = script.commands.iter().flat_map(|command| &command.words);
    (words.map(|word| word.as_str().to_owned()).collect(), is_literal)
}
