//! Whether output is colored, and how.
use std::io::{IsTerminal as _, stderr};

use clap::ValueEnum;
use clap::builder::styling::{AnsiColor, Effects, Style, Styles};
use serde::{Deserialize, Serialize};

/// The colors of help and of errors in the command line, as uv and cargo have them.
pub const HELP: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().effects(Effects::BOLD))
    .usage(AnsiColor::Green.on_default().effects(Effects::BOLD))
    .literal(AnsiColor::Cyan.on_default().effects(Effects::BOLD))
    .placeholder(AnsiColor::Cyan.on_default());

/// What `--color` says. Its values explain themselves: with descriptions, every page of help would be in its long form.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
pub enum ColorChoice {
    /// For a terminal that can show colors
    #[value(help = None)]
    #[default]
    Auto,
    /// Also in files and pipes
    #[value(help = None)]
    Always,
    /// Not at all
    #[value(help = None)]
    Never,
}

/// Where something is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    #[cfg(feature = "inspect")]
    Output,
    /// Standard error.
    Error,
}

impl ColorChoice {
    /// Whether to color what is printed to `stream`.
    pub fn colors(self, stream: Stream) -> bool {
        let is_terminal = match stream {
            #[cfg(feature = "inspect")]
            Stream::Output => std::io::stdout().is_terminal(),
            Stream::Error => stderr().is_terminal(),
        };
        self.decide(is_terminal, &|name| variable(name))
    }

    /// The command line first; then `NO_COLOR` (no-color.org), then `FORCE_COLOR` and `CLICOLOR_FORCE`, which ask for colors
    /// where there is no terminal; then `CLICOLOR` (bixense.com/clicolors) and a terminal that has no colors.
    fn decide(self, is_terminal: bool, variable: &dyn Fn(&str) -> Option<String>) -> bool {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let on = |name: &str| set(name).is_some_and(|value| value != "0");
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto if set("NO_COLOR").is_some() => false,
            Self::Auto if on("FORCE_COLOR") || on("CLICOLOR_FORCE") => true,
            Self::Auto => is_terminal && set("CLICOLOR").as_deref() != Some("0") && !is_dumb(variable),
        }
    }

    /// What a command line says that could not be parsed.
    pub fn of_arguments(arguments: impl Iterator<Item = std::ffi::OsString>) -> Self {
        let words: Vec<String> = arguments
            .map(|word| word.to_string_lossy().into_owned())
            .take_while(|word| word != "--")
            .collect();
        let separate = words.windows(2).filter(|pair| pair[0] == "--color").map(|pair| pair[1].as_str());
        let joined = words.iter().filter_map(|word| word.strip_prefix("--color="));
        let given = separate.chain(joined).last();
        given.and_then(|value| Self::from_str(value, true).ok()).unwrap_or_default()
    }
}

/// Whether standard error is a terminal on which lines can be drawn again.
pub fn can_redraw() -> bool {
    stderr().is_terminal() && !is_dumb(&|name| variable(name))
}

fn is_dumb(variable: &dyn Fn(&str) -> Option<String>) -> bool {
    variable("TERM").as_deref() == Some("dumb")
}

fn variable(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "colors on a terminal do not reach an image")]
    let value = std::env::var_os(name);
    value.map(|value| value.to_string_lossy().into_owned())
}

/// The words that messages start with, and their colors.
const PREFIXES: [(&str, Style); 4] = [
    ("error:", AnsiColor::Red.on_default().effects(Effects::BOLD)),
    ("warning:", AnsiColor::Yellow.on_default().effects(Effects::BOLD)),
    ("note:", Style::new().effects(Effects::BOLD)),
    ("help:", AnsiColor::Cyan.on_default().effects(Effects::BOLD)),
];

/// `line` with its first word colored, if it says what kind of message it is.
pub fn paint(line: &str, colored: bool) -> String {
    let prefix = PREFIXES.iter().find_map(|(word, style)| Some((word, style, line.strip_prefix(word)?)));
    match prefix {
        Some((word, style, rest)) if colored => format!("{style}{word}{style:#}{rest}"),
        _ => line.to_owned(),
    }
}

/// `text` less prominently.
pub fn dim(text: &str, colored: bool) -> String {
    let style = Style::new().effects(Effects::DIMMED);
    if colored && !text.is_empty() { format!("{style}{text}{style:#}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(choice: ColorChoice, is_terminal: bool, variables: &[(&str, &str)]) -> bool {
        let find = |name: &str| variables.iter().find(|(known, _)| *known == name);
        choice.decide(is_terminal, &|name| find(name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn the_command_line_wins_over_variables_and_these_over_the_terminal() {
        use ColorChoice::{Always, Auto, Never};
        for (choice, is_terminal, variables, expected) in [
            (Auto, true, &[][..], true),
            (Auto, false, &[], false),
            (Auto, true, &[("NO_COLOR", "1")], false),
            (Auto, true, &[("NO_COLOR", "")], true),
            (Auto, true, &[("CLICOLOR", "0")], false),
            (Auto, true, &[("CLICOLOR", "1")], true),
            (Auto, false, &[("CLICOLOR", "1")], false),
            (Auto, false, &[("CLICOLOR_FORCE", "1")], true),
            (Auto, false, &[("CLICOLOR_FORCE", "0")], false),
            (Auto, false, &[("FORCE_COLOR", "1")], true),
            (Auto, false, &[("FORCE_COLOR", "1"), ("NO_COLOR", "1")], false),
            (Auto, true, &[("TERM", "dumb")], false),
            (Auto, true, &[("TERM", "xterm")], true),
            (Always, false, &[("NO_COLOR", "1"), ("TERM", "dumb")], true),
            (Never, true, &[("FORCE_COLOR", "1")], false),
        ] {
            assert_eq!(
                decide(choice, is_terminal, variables),
                expected,
                "{choice:?} {is_terminal} {variables:?}"
            );
        }
    }

    #[test]
    fn colors_are_known_where_the_command_line_is_wrong() {
        let of = |words: &[&str]| ColorChoice::of_arguments(words.iter().map(|word| (*word).into()));
        assert_eq!(of(&["invar", "nothing", "--color", "never"]), ColorChoice::Never);
        assert_eq!(of(&["invar", "--color=always", "--no"]), ColorChoice::Always);
        assert_eq!(of(&["invar", "run", "--", "--color=always"]), ColorChoice::Auto);
        assert_eq!(of(&["invar", "--color=purple"]), ColorChoice::Auto);
    }

    #[test]
    fn only_the_kind_of_a_message_is_colored() {
        assert_eq!(paint("error: no", true), "\u{1b}[1m\u{1b}[31merror:\u{1b}[0m no");
        assert_eq!(paint("error: no", false), "error: no");
        assert_eq!(paint("no error: here", true), "no error: here");
    }
}
