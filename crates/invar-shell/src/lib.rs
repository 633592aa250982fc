//! The characters of a shell script: blanks, operators, quotes, and where expansions end (POSIX.1-2017, Shell Command
//! Language, sections 2.2 "Quoting" and 2.3 "Token Recognition").
//!
//! # Goals
//! * The rules of quoting are here once. Who reads scripts for a purpose gives a [`WordReader`], and decides what a
//!   word means, what is a command, and how deep to look into expansions.
//! * Everything is a range of bytes of the script, at boundaries of characters. Nothing panics, and each function takes
//!   time linear in what it goes over.
//!
//! # Non-goals
//! * Nothing is run and nothing expanded, and there is no grammar of commands.
mod expansion;
mod word;

pub use expansion::{backticks, balanced};
pub use word::{Dialect, Quoting, WordReader, word};

/// The operators, the longer ones before those that they start with.
const OPERATORS: [&str; 23] = [
    ";;&", "<<<", "<<-", "&>>", "&&", "||", "|&", ";;", ";&", "<<", ">>", "<&", ">&", "<>", ">|", "&>", "|",
    ";", "&", "<", ">", "(", ")",
];

/// The operator at the start of `text`: the longest one that fits.
pub fn operator(text: &str) -> Option<&'static str> {
    OPERATORS.into_iter().find(|operator| text.starts_with(operator))
}

/// Whether an operator is a redirection: a file or a descriptor follows.
pub fn is_redirection(operator: &str) -> bool {
    operator.starts_with(['<', '>']) || operator.starts_with("&>")
}

/// How many bytes of blanks and continued lines `text` starts with.
pub fn blanks(text: &str, dialect: Dialect) -> usize {
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\r']);
        match dialect.continued_line(rest) {
            Some(length) => rest = &rest[length..],
            None => return text.len() - rest.len(),
        }
    }
}

/// How many bytes of `text` come before its first line feed.
pub fn line_length(text: &str) -> usize {
    text.find('\n').unwrap_or(text.len())
}

#[cfg(test)]
mod tests;
