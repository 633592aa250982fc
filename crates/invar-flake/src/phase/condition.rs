//! Conditions that names decide: `[ -f main.py ]`, `[ -n "$name" ]`, `[[ a == b ]]`.
use invar_dockerfile::ShellCommand;

use super::FileContent;
use super::files::PathContent;
use super::interpreter::{Interpreter, Outcome, Status};

impl Interpreter<'_> {
    /// Whether it is a test, which changes nothing.
    pub(super) fn is_test(&self, command: &ShellCommand) -> bool {
        matches!(command.program(), Some("[" | "[[" | "test"))
    }

    pub(super) fn test(&self, words: &[String]) -> Outcome {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let words = match words.as_slice() {
            ["[", inside @ .., "]"] | ["[[", inside @ .., "]]"] | ["test", inside @ ..] => inside,
            _ => &[],
        };
        Outcome { status: self.decide(words), problem: None }
    }

    fn decide(&self, words: &[&str]) -> Status {
        let of = |is: bool| if is { Status::Success } else { Status::Failure };
        match words {
            ["!", rest @ ..] if !rest.is_empty() => match self.decide(rest) {
                Status::Success => Status::Failure,
                Status::Failure => Status::Success,
                Status::Open => Status::Open,
            },
            ["-n", text] => of(!text.is_empty()),
            ["-z", text] => of(text.is_empty()),
            ["-e" | "-f" | "-d" | "-r" | "-s" | "-x" | "-L" | "-h", path] => self.is_there(words[0], path),
            [left, "=" | "==", right] if !right.contains(['*', '?', '[']) => of(left == right),
            [left, "!=", right] if !right.contains(['*', '?', '[']) => of(left != right),
            [text] if !text.starts_with('-') => of(!text.is_empty()),
            _ => Status::Open,
        }
    }

    fn is_there(&self, test: &str, word: &str) -> Status {
        match self.files.find(&self.path(word)) {
            PathContent::Missing => Status::Failure,
            PathContent::Put(FileContent::Foreign { .. } | FileContent::Unknown { .. }, _) => Status::Open,
            PathContent::Put(put, _) => {
                let is_directory = match &put {
                    FileContent::Directory => true,
                    FileContent::Project { from } => self.files.is_project_directory(from),
                    _ => false,
                };
                match test {
                    "-e" | "-r" => Status::Success,
                    "-d" if is_directory => Status::Success,
                    "-f" if !is_directory && !matches!(put, FileContent::Link { .. }) => Status::Success,
                    "-L" | "-h" if matches!(put, FileContent::Link { .. }) => Status::Success,
                    "-d" | "-f" | "-L" | "-h" if !matches!(put, FileContent::Link { .. }) => Status::Failure,
                    _ => Status::Open,
                }
            }
        }
    }
}
