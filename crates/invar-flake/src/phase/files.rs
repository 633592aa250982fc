//! The file system that commands are followed over: names, and where their contents come from.
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use super::{ENTRIES, Entry, FileContent, PhaseLine, TEXTS};

/// How many names are looked through until no more commands run.
const LOOKED: usize = 5_000_000;
/// How many links are followed to find out what a path is.
const LINKS: usize = 16;

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PathContent {
    /// What a command put there, or a part of it.
    Put(FileContent, Option<u32>),
    /// Nothing.
    Missing,
}

/// The names that are known, over the project's files and other packages.
#[derive(Debug)]
pub(super) struct Files<'a> {
    project: &'a BTreeMap<String, Option<String>>,
    sources: Vec<(String, String)>,
    output: String,
    entries: BTreeMap<String, Entry>,
    removed: BTreeSet<String>,
    /// Bytes of the texts among them, with those that were replaced.
    texts: usize,
    /// Names that were looked through.
    looked: Cell<usize>,
    /// Whether there were too many.
    pub(super) full: bool,
}

impl<'a> Files<'a> {
    pub(super) fn new(
        project: &'a BTreeMap<String, Option<String>>,
        sources: Vec<(String, String)>,
        output: &str,
    ) -> Self {
        let output = output.to_owned();
        let (entries, removed) = (BTreeMap::new(), BTreeSet::new());
        Self { project, sources, output, entries, removed, texts: 0, looked: Cell::new(0), full: false }
    }

    /// The text of a file of the project.
    pub(super) fn project_text(&self, path: &str) -> Option<&'a str> {
        self.project.get(path)?.as_deref()
    }

    pub(super) fn entry_mut(&mut self, path: &str) -> Option<&mut Entry> {
        self.entries.get_mut(path)
    }

    /// The entries at `path` and below it.
    pub(super) fn below(&self, path: &str) -> Vec<(String, Entry)> {
        let start = if path == "/" { "/".to_owned() } else { format!("{path}/") };
        let itself = self.entries.get_key_value(path);
        let inside = self.entries.range(start.clone()..).take_while(|(other, _)| other.starts_with(&start));
        let inside = inside.filter(|(other, _)| *other != path).inspect(|_| self.look(1));
        itself.into_iter().chain(inside).map(|(path, entry)| (path.clone(), entry.clone())).collect()
    }

    /// Puts something at `path`, in place of what is there and below.
    pub(super) fn put(&mut self, path: &str, put: FileContent, mode: Option<u32>, at: &PhaseLine) {
        if self.entries.len() >= ENTRIES {
            self.full = true;
            return;
        }
        let put = match put {
            FileContent::Text { content } if self.texts + content.len() > TEXTS => {
                let (command, why) = (base(path).to_owned(), "the texts are too long".to_owned());
                FileContent::Unknown { command, why }
            }
            put => put,
        };
        if let FileContent::Text { content } = &put {
            self.texts += content.len();
        }
        let replaced: Vec<String> = self
            .below(path)
            .into_iter()
            .map(|(path, _)| path)
            .filter(|_| put != FileContent::Directory)
            .collect();
        for path in replaced {
            self.entries.remove(&path);
        }
        self.open(parent(path));
        self.removed.remove(path);
        self.entries.insert(path.to_owned(), Entry { put, mode, at: at.clone() });
    }

    /// Makes what is at `path` and the directories above it known name by name, as far as they are the project's.
    fn open(&mut self, path: &str) {
        let above: Vec<String> = ancestors(path).map(str::to_owned).collect();
        for path in above.iter().rev() {
            let Some(Entry { put: FileContent::Project { from }, at, .. }) = self.entries.get(path).cloned()
            else {
                continue;
            };
            let children = self.project_children(&from);
            if children.is_empty() {
                continue;
            }
            self.entries
                .insert(path.clone(), Entry { put: FileContent::Directory, mode: None, at: at.clone() });
            for name in children {
                let child = join(path, &name);
                if self.entries.len() < ENTRIES && !self.entries.contains_key(&child) {
                    let put = FileContent::Project { from: join_relative(&from, &name) };
                    self.entries.insert(child, Entry { put, mode: None, at: at.clone() });
                }
            }
        }
    }

    /// Removes `path` and what is below it.
    pub(super) fn remove(&mut self, path: &str) {
        self.open(parent(path));
        let below: Vec<String> = self.below(path).into_iter().map(|(path, _)| path).collect();
        for path in below {
            self.entries.remove(&path);
        }
        if self.removed.len() < ENTRIES {
            self.removed.insert(path.to_owned());
        }
    }

    /// Whether there is nothing that was removed below `path`.
    pub(super) fn is_whole(&self, path: &str) -> bool {
        let start = format!("{}/", path.trim_end_matches('/'));
        let first = self.removed.range(start.clone()..).next();
        !self.removed.contains(path) && first.is_none_or(|first| !first.starts_with(&start))
    }

    pub(super) fn find(&self, path: &str) -> PathContent {
        self.find_within(path, LINKS)
    }

    fn find_within(&self, path: &str, links: usize) -> PathContent {
        if let Some(entry) = self.entries.get(path) {
            return PathContent::Put(entry.put.clone(), entry.mode);
        }
        let start = if path == "/" { "/".to_owned() } else { format!("{path}/") };
        if self.entries.range(start.clone()..).next().is_some_and(|(other, _)| other.starts_with(&start)) {
            return PathContent::Put(FileContent::Directory, None);
        }
        for above in ancestors(path).skip(1) {
            if self.removed.contains(path) || self.removed.contains(above) {
                return PathContent::Missing;
            }
            let Some(entry) = self.entries.get(above) else { continue };
            let rest = path[above.len()..].trim_start_matches('/');
            return match &entry.put {
                FileContent::Project { from } => self.of_project(&join_relative(from, rest)),
                FileContent::Foreign { from } => {
                    PathContent::Put(FileContent::Foreign { from: join(from, rest) }, None)
                }
                FileContent::Link { to } if links > 0 => {
                    self.find_within(&normal(&join(&absolute(parent(above), to), rest)), links - 1)
                }
                FileContent::Unknown { command, why } => PathContent::Put(
                    FileContent::Unknown { command: command.clone(), why: why.clone() },
                    None,
                ),
                FileContent::Directory => {
                    self.joined(above, rest).unwrap_or_else(|| match self.source(path) {
                        Some(from) => self.of_project(&from),
                        None => PathContent::Missing,
                    })
                }
                _ => PathContent::Missing,
            };
        }
        if self.removed.contains(path) {
            return PathContent::Missing;
        }
        let below_output = path.strip_prefix(&format!("{}/", self.output));
        if let Some(found) = below_output.and_then(|rest| self.joined(&self.output, rest)) {
            return found;
        }
        match self.source(path) {
            Some(from) => self.of_project(&from),
            None if path.starts_with("/nix/store/") && !is_within(path, &self.output) => {
                PathContent::Put(FileContent::Foreign { from: path.to_owned() }, None)
            }
            None => PathContent::Missing,
        }
    }

    /// What the packages that are joined in `directory` have at `rest`: the one that is called as the file is, or the
    /// first.
    fn joined(&self, directory: &str, rest: &str) -> Option<PathContent> {
        let inside = (1..=self.entries.len()).map_while(|count| {
            match &self.entries.get(&join(directory, &"*".repeat(count)))?.put {
                FileContent::Foreign { from } => from.strip_suffix("/*"),
                _ => None,
            }
        });
        let all: Vec<&str> = inside.collect();
        let name = format!("-{}", base(rest));
        let from = all.iter().find(|from| from.ends_with(&name)).or(all.first())?;
        Some(PathContent::Put(FileContent::Foreign { from: join(from, rest) }, None))
    }

    /// The project's path that `path` shows.
    pub(super) fn source(&self, path: &str) -> Option<String> {
        let mut sources = self.sources.iter().filter(|(place, _)| is_within(path, place));
        let (place, from) = sources.next()?;
        Some(join_relative(from, path[place.len()..].trim_start_matches('/')))
    }

    fn of_project(&self, path: &str) -> PathContent {
        let is_there =
            path.is_empty() || self.project.contains_key(path) || !self.project_children(path).is_empty();
        if is_there {
            PathContent::Put(FileContent::Project { from: path.to_owned() }, None)
        } else {
            PathContent::Missing
        }
    }

    /// Whether it is a directory of the project.
    pub(super) fn is_project_directory(&self, path: &str) -> bool {
        path.is_empty() || !self.project_children(path).is_empty()
    }

    fn project_children(&self, path: &str) -> BTreeSet<String> {
        let start = if path.is_empty() { String::new() } else { format!("{path}/") };
        let inside = self.project.range(start.clone()..).map(|(path, _)| path);
        let inside = inside.take_while(|path| path.starts_with(&start));
        let inside = inside.inspect(|_| self.look(1));
        let names = inside.filter_map(|path| path[start.len()..].split('/').next().map(str::to_owned));
        names.filter(|name| !name.is_empty()).collect()
    }

    /// Whether so many names were looked through that no command should run any more.
    pub(super) fn is_exhausted(&self) -> bool {
        self.looked.get() > LOOKED
    }

    fn look(&self, count: usize) {
        self.looked.set(self.looked.get().saturating_add(count));
    }

    /// The names in the directory `path`; `None` where they are unknown.
    pub(super) fn names(&self, path: &str) -> Option<BTreeSet<String>> {
        let mut names = match self.find(path) {
            PathContent::Put(FileContent::Project { from }, _) => self.project_children(&from),
            PathContent::Put(FileContent::Directory, _) => {
                self.source(path).map(|from| self.project_children(&from)).unwrap_or_default()
            }
            PathContent::Missing => BTreeSet::new(),
            PathContent::Put(..) => return None,
        };
        names.retain(|name| !self.removed.contains(&join(path, name)));
        let start = if path == "/" { "/".to_owned() } else { format!("{path}/") };
        let inside = self.entries.range(start.clone()..).map(|(path, _)| path);
        self.look(names.len() + 1);
        for path in inside.take_while(|path| path.starts_with(&start)) {
            self.look(1);
            names.extend(path[start.len()..].split('/').next().map(str::to_owned));
        }
        Some(names)
    }

    /// The entries below the directory `output`, by relative path.
    pub(super) fn result(&self, output: &str) -> BTreeMap<String, Entry> {
        let inside = self.entries.iter().filter(|(path, _)| is_within(path, output));
        inside.map(|(path, entry)| (relative(path, output), entry.clone())).collect()
    }
}

/// `path` without the directory `from` and the slash after it.
pub(super) fn relative(path: &str, from: &str) -> String {
    path.strip_prefix(from).unwrap_or(path).trim_start_matches('/').to_owned()
}

/// Whether `path` is `directory` or below it.
pub(super) fn is_within(path: &str, directory: &str) -> bool {
    path.strip_prefix(directory.trim_end_matches('/'))
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// `path` and the directories above it, from the innermost on.
fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |path| (*path != "/" && !path.is_empty()).then(|| parent(path)))
}

/// The directory above `path`.
pub(super) fn parent(path: &str) -> &str {
    match path.rfind('/') {
        None | Some(0) => "/",
        Some(at) => &path[..at],
    }
}

/// The last part of `path`.
pub(super) fn base(path: &str) -> &str {
    path.trim_end_matches('/').rsplit('/').next().unwrap_or_default()
}

/// `name` in the directory `path`.
pub(super) fn join(path: &str, name: &str) -> String {
    match (path, name) {
        (path, "") => path.to_owned(),
        ("/", name) => format!("/{name}"),
        (path, name) => format!("{path}/{name}"),
    }
}

fn join_relative(path: &str, name: &str) -> String {
    if path.is_empty() || name.is_empty() { format!("{path}{name}") } else { format!("{path}/{name}") }
}

/// `word` as an absolute path, where relative ones start in `directory`.
pub(super) fn absolute(directory: &str, word: &str) -> String {
    if word.starts_with('/') { normal(word) } else { normal(&format!("{directory}/{word}")) }
}

/// An absolute path without `.`, `..` and double slashes.
pub(super) fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}
