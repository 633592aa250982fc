//! Scripts that a Dockerfile copies into a stage and runs there.
//!
//! A script is found by what `COPY`, `ADD` and bind mounts copy from the build's folder, and to where, also through
//! other stages and here-documents. What a base image holds, what is downloaded or moved, is unknown.
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use invar_dockerfile::{Instruction, Kind, Scope, Source, Stages, Text, Transfer, is_shell};
use invar_tree::SEARCH_PATH;

use crate::dockerfile::call::Call;
use crate::dockerfile::trail::names_a_time;
use crate::paths::joined;
use crate::surroundings::{Ignore, Surroundings};

/// Bytes of a script that is read. Longer ones are mostly made by programs.
const LONGEST: usize = 64 << 10;

/// Scripts that are read for one Dockerfile.
const MOST: usize = 50;

/// Stages that a file is followed through.
const STAGES: usize = 8;

/// Things that a stage is known to hold.
const BROUGHT: usize = 1_000;

/// Comparisons of a path with what was brought, and files that are asked for: stages that copy all of each other could
/// make endlessly many.
const COMPARISONS: usize = 2_000_000;
const ASKED: usize = 2_000;

/// Scripts that tools bring, and that rules know by their names.
const KNOWN: [&str; 3] = ["gradlew", "mvnw", "configure"];

/// A script that was read.
#[derive(Debug, Clone)]
pub(crate) struct Read {
    /// Its path from the build's folder.
    pub path: String,
    /// What it says.
    pub text: String,
    /// Whether it names a time as snapshots do.
    pub names_a_time: bool,
}

/// What a script says.
pub(super) enum Content {
    /// It stands in the Dockerfile, which has its places.
    Here(Text),
    /// The file at this path of the build's folder.
    InFolder(String, Text),
}

/// Where files came from.
#[derive(Debug, Clone)]
enum From {
    Folder,
    Stage(usize),
    Here(Text),
}

/// What was copied from where to where.
#[derive(Debug, Clone)]
struct Brought {
    from: From,
    source: String,
    destination: String,
}

/// What a stage holds, as far as it is known.
#[derive(Debug, Clone, Default)]
pub(super) struct Ground {
    /// The folder that commands start in, from `/`.
    pub folder: String,
    brought: Vec<Brought>,
    /// What the instruction mounts.
    mounted: Vec<Brought>,
}

impl Ground {
    /// Takes in what the instruction does.
    pub(super) fn follow(
        &mut self,
        instruction: &Instruction,
        scope: &Scope,
        stages: &Stages<'_>,
        stage: usize,
    ) {
        match &instruction.kind {
            Kind::Workdir(word) => {
                if let Some(path) = expanded(&word.text, scope) {
                    self.folder = joined(&self.folder, &path);
                }
            }
            Kind::Copy(transfer) | Kind::Add(transfer) => {
                let from = match instruction.flag_value("from") {
                    None => From::Folder,
                    Some(name) => {
                        let by_number = || name.text.parse().ok().filter(|number| *number < stage);
                        match stages.find(&name.text, stage).or_else(by_number) {
                            Some(other) => From::Stage(other),
                            None => return,
                        }
                    }
                };
                self.bring(&from, transfer, instruction, scope);
            }
            Kind::Run(_) => self.mount(instruction, scope),
            _ => {}
        }
    }

    fn bring(&mut self, from: &From, transfer: &Transfer, instruction: &Instruction, scope: &Scope) {
        let Some(destination) = expanded(&transfer.destination.text, scope) else { return };
        let place = joined(&self.folder, &destination);
        for source in &transfer.sources {
            let (from, source) = match source {
                Source::Path(word) => match expanded(&word.text, scope) {
                    Some(path) => (from.clone(), joined("/", &path)),
                    None => continue,
                },
                Source::Heredoc(number) => match instruction.heredocs.get(*number) {
                    Some(heredoc) => (From::Here(heredoc.content.clone()), format!("/{}", heredoc.name)),
                    None => continue,
                },
            };
            if self.brought.len() < BROUGHT {
                self.brought.push(Brought { from, source, destination: place.clone() });
            }
        }
    }

    /// Takes in what the instruction alone mounts from the build's folder.
    fn mount(&mut self, instruction: &Instruction, scope: &Scope) {
        self.mounted.clear();
        for flag in instruction.flags.iter().filter(|flag| flag.name == "mount") {
            let Some(value) = flag.value.as_ref().and_then(|value| expanded(&value.text, scope)) else {
                continue;
            };
            let field = |names: &[&str]| {
                let pairs = value.split(',').filter_map(|part| part.trim().split_once('='));
                pairs.filter(|(name, _)| names.contains(name)).map(|(_, value)| value).next()
            };
            let is_bind = field(&["type"]).is_none_or(|kind| kind == "bind");
            if let Some(target) = field(&["target", "dst", "destination"])
                && is_bind
                && field(&["from"]).is_none()
            {
                let source = joined("/", field(&["source", "src"]).unwrap_or_default());
                let destination = joined(&self.folder, target);
                self.mounted.push(Brought { from: From::Folder, source, destination });
            }
        }
    }
}

impl Brought {
    /// Where the file at `path` came from, if this copied it: the source may be a file or a folder.
    fn sources_of(&self, path: &str) -> Vec<String> {
        let mut sources = Vec::new();
        let (folder, name) = self.source.rsplit_once('/').unwrap_or(("", &self.source));
        let below = if self.destination == "/" {
            path.strip_prefix('/')
        } else {
            path.strip_prefix(self.destination.as_str()).and_then(|rest| rest.strip_prefix('/'))
        };
        if path == self.destination && !name.contains('*') {
            sources.push(self.source.clone());
        }
        if let Some(below) = below {
            if name.contains('*') {
                let (first, rest) =
                    below.split_once('/').map_or((below, None), |(first, rest)| (first, Some(rest)));
                if rest.is_none() && matches_star(name, first) {
                    sources.push(format!("{folder}/{first}"));
                }
            } else if below == name {
                sources.push(self.source.clone());
            }
            if !name.contains('*') {
                sources.push(joined(&self.source, below));
            }
        }
        sources
    }
}

/// Whether `name` is one of those that `pattern` means, in which `*` stands for any letters.
fn matches_star(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

fn expanded(text: &str, scope: &Scope) -> Option<String> {
    let expansion = scope.expand(text, '\\').ok()?;
    expansion.missing.is_empty().then_some(expansion.text)
}

/// The scripts that were read so far.
pub(super) struct Scripts<'a> {
    surroundings: &'a Surroundings<'a>,
    pub read: Vec<Read>,
    seen: BTreeSet<String>,
    /// Files that were asked for and are not there.
    missing: RefCell<BTreeSet<String>>,
    comparisons: Cell<usize>,
    asked: Cell<usize>,
    /// What each stage that has ended holds.
    pub grounds: Vec<Ground>,
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
    pub(super) fn ground_of(&self, parent: Option<usize>) -> Ground {
        let known = parent.and_then(|number| self.grounds.get(number)).cloned();
        known.unwrap_or_else(|| Ground { folder: "/".to_owned(), ..Ground::default() })
    }

    /// The shell script that the call runs in `folder`, where it can be seen.
    pub(super) fn find(&self, call: &Call, folder: &str, ground: &Ground) -> Option<Content> {
        let (path, is_given_to_shell) = script_of(call)?;
        if KNOWN.contains(&path.rsplit('/').next().unwrap_or(path)) {
            return None;
        }
        let content = if path.contains('/') || is_given_to_shell {
            self.file(&joined(folder, path), ground, STAGES)
        } else {
            SEARCH_PATH.split(':').find_map(|place| self.file(&joined(place, path), ground, STAGES))
        }?;
        let text = match &content {
            Content::Here(text) | Content::InFolder(_, text) => text.as_str(),
        };
        let first = text.lines().next().unwrap_or_default();
        let is_script = match first.strip_prefix("#!") {
            Some(interpreter) => is_shell(interpreter),
            None => is_given_to_shell || path.ends_with(".sh") || path.ends_with(".bash"),
        };
        is_script.then_some(content)
    }

    /// The file at `path` of a stage; the last copy counts.
    fn file(&self, path: &str, ground: &Ground, depth: usize) -> Option<Content> {
        for brought in ground.mounted.iter().rev().chain(ground.brought.iter().rev()) {
            if !spend(&self.comparisons) {
                return None;
            }
            for source in brought.sources_of(path) {
                let content = match &brought.from {
                    From::Folder => self.in_folder(source.trim_start_matches('/')),
                    From::Here(text) => (source == brought.source).then(|| Content::Here(text.clone())),
                    From::Stage(number) if depth > 0 => {
                        self.grounds.get(*number).and_then(|ground| self.file(&source, ground, depth - 1))
                    }
                    From::Stage(_) => None,
                };
                if content.is_some() {
                    return content;
                }
            }
        }
        None
    }

    fn in_folder(&self, path: &str) -> Option<Content> {
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
        Some(Content::InFolder(path.to_owned(), Text::new(&text, 0)))
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
        self.read.push(Read { path: path.to_owned(), text: text.to_owned(), names_a_time });
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
