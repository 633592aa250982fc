//! Scripts that a Dockerfile copies into a stage and runs there.
//!
//! A script is found by what `COPY`, `ADD` and bind mounts copy from the build's folder, and to where, also through
//! other stages and here-documents. What a base image holds, what is downloaded or moved, is unknown.
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use invar_dockerfile::{Text, is_shell};
use invar_tree::SEARCH_PATH;

use super::call::Call;
use super::stage_files::{CopySource, StageFiles};
use crate::paths::joined;
use crate::surroundings::{Ignore, Surroundings};

/// Bytes of a script that is read. Longer ones are mostly made by programs.
const LONGEST: usize = 64 << 10;

/// Scripts that are read for one Dockerfile.
const MOST: usize = 50;

/// Stages that a file is followed through.
const STAGES: usize = 8;

/// Comparisons of a path with what was brought, and files that are asked for: stages that copy all of each other could
/// make endlessly many.
const COMPARISONS: usize = 2_000_000;
const ASKED: usize = 2_000;

/// Scripts that tools bring, and that rules know by their names.
const KNOWN: [&str; 3] = ["gradlew", "mvnw", "configure"];

/// A script that was read.
#[derive(Debug, Clone)]
pub(crate) struct ScriptFile {
    /// Its path from the build's folder.
    pub path: String,
    /// What it says.
    pub text: String,
    /// Whether it names a time as snapshots do.
    pub names_a_time: bool,
}

/// What a script says.
pub(super) enum Content {
    /// It is in the Dockerfile, which has its places.
    Here(Text),
    /// The file at this path of the build's folder.
    InDirectory(String, Text),
}

/// The scripts that were read so far.
pub(super) struct Scripts<'a> {
    surroundings: &'a Surroundings<'a>,
    pub read: Vec<ScriptFile>,
    seen: BTreeSet<String>,
    /// Files that were asked for and are not there.
    missing: RefCell<BTreeSet<String>>,
    comparisons: Cell<usize>,
    asked: Cell<usize>,
    /// What each stage that has ended holds.
    pub grounds: Vec<StageFiles>,
    /// How many calls can still be read from scripts.
    pub left: usize,
}

impl<'a> Scripts<'a> {
    /// Calls that are read from all scripts together.
    pub(super) const CALLS: usize = 1_000;
    /// How many scripts may run each other, one in the other.
    pub(super) const DEEPEST: usize = 4;

    pub(super) fn new(surroundings: &'a Surroundings<'a>) -> Self {
        Self {
            surroundings,
            read: Vec::new(),
            seen: BTreeSet::new(),
            missing: RefCell::default(),
            comparisons: Cell::new(COMPARISONS),
            asked: Cell::new(ASKED),
            grounds: Vec::new(),
            left: Self::CALLS,
        }
    }

    /// What a stage holds that starts from stage `parent`.
    pub(super) fn ground_of(&self, parent: Option<usize>) -> StageFiles {
        let known = parent.and_then(|number| self.grounds.get(number)).cloned();
        known.unwrap_or_else(|| StageFiles { directory: "/".to_owned(), ..StageFiles::default() })
    }

    /// The shell script that the call runs in `folder`, where it can be seen.
    pub(super) fn find(&self, call: &Call, directory: &str, ground: &StageFiles) -> Option<Content> {
        let (path, is_given_to_shell) = script_of(call)?;
        if KNOWN.contains(&path.rsplit('/').next().unwrap_or(path)) {
            return None;
        }
        let content = if path.contains('/') || is_given_to_shell {
            self.file(&joined(directory, path), ground, STAGES)
        } else {
            SEARCH_PATH.split(':').find_map(|place| self.file(&joined(place, path), ground, STAGES))
        }?;
        let text = match &content {
            Content::Here(text) | Content::InDirectory(_, text) => text.as_str(),
        };
        let first = text.lines().next().unwrap_or_default();
        let is_script = match first.strip_prefix("#!") {
            Some(interpreter) => is_shell(interpreter),
            None => is_given_to_shell || path.ends_with(".sh") || path.ends_with(".bash"),
        };
        is_script.then_some(content)
    }

    /// The file at `path` of a stage; the last copy counts.
    fn file(&self, path: &str, ground: &StageFiles, depth: usize) -> Option<Content> {
        for brought in ground.mounted.iter().rev().chain(ground.brought.iter().rev()) {
            if !spend(&self.comparisons) {
                return None;
            }
            for source in brought.sources_of(path) {
                let content = match &brought.from {
                    CopySource::Directory => self.in_directory(source.trim_start_matches('/')),
                    CopySource::Here(text) => (source == brought.source).then(|| Content::Here(text.clone())),
                    CopySource::Stage(number) if depth > 0 => {
                        self.grounds.get(*number).and_then(|ground| self.file(&source, ground, depth - 1))
                    }
                    CopySource::Stage(_) => None,
                };
                if content.is_some() {
                    return content;
                }
            }
        }
        None
    }

    fn in_directory(&self, path: &str) -> Option<Content> {
        if matches!(&self.surroundings.ignore, Ignore::Text(ignore) if ignore.ignores(path)) {
            return None;
        }
        if self.missing.borrow().contains(path) || !spend(&self.asked) {
            return None;
        }
        let Some(text) = (self.surroundings.read)(path).filter(|text| text.len() <= LONGEST) else {
            self.missing.borrow_mut().insert(path.to_owned());
            return None;
        };
        Some(Content::InDirectory(path.to_owned(), Text::new(&text, 0)))
    }

    /// Whether the script was read, and not forgotten.
    pub(super) fn has(&self, path: &str) -> bool {
        self.read.iter().any(|script| script.path == path)
    }

    /// Keeps the script, and gives its number; `None` where it was read before, or there are too many.
    pub(super) fn begin(&mut self, path: &str, text: &str) -> Option<usize> {
        if self.read.len() >= MOST || !self.seen.insert(path.to_owned()) {
            return None;
        }
        let names_a_time = names_a_time(text);
        self.read.push(ScriptFile { path: path.to_owned(), text: text.to_owned(), names_a_time });
        Some(self.read.len() - 1)
    }

    /// Forgets the script of this number, and those that it runs.
    pub(super) fn forget(&mut self, number: Option<usize>) {
        if let Some(number) = number {
            self.read.truncate(number);
        }
    }
}

/// Whether one more is allowed.
fn spend(left: &Cell<usize>) -> bool {
    left.set(left.get().saturating_sub(1));
    left.get() > 0
}

/// The path of the script that a call runs, and whether it is given to a shell, which then needs no `#!`.
fn script_of(call: &Call) -> Option<(&str, bool)> {
    match call.program.as_str() {
        "sh" | "bash" | "ash" | "dash" | "zsh" | "ksh"
            if !call.has(&["-c", "-s", "-ec", "-lc", "-xc", "-exc"]) =>
        {
            let operands = call.operands(&["-o", "-O", "+o", "+O"]);
            let first = operands.first().filter(|first| first.known).map(|first| first.text.as_str());
            let input = call.inputs.first().map(String::as_str).filter(|_| operands.is_empty());
            let input = input.filter(|path| !path.contains('\n'));
            first.or(input).map(|path| (path, true))
        }
        "." | "source" => {
            let first = call.arguments.first().filter(|first| first.known)?;
            Some((&first.text, true))
        }
        _ => call.is_known.then_some((call.path.as_str(), false)),
    }
}

/// Whether the text has a time in the form that snapshots have in their addresses, `20260131T235959Z`.
pub(super) fn names_a_time(text: &str) -> bool {
    text.as_bytes().windows(16).any(|window| {
        window.iter().enumerate().all(|(at, byte)| match at {
            8 => *byte == b'T',
            15 => *byte == b'Z',
            _ => byte.is_ascii_digit(),
        })
    })
}
