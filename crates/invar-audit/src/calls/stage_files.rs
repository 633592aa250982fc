//! What a stage of a Dockerfile holds, as far as it came from the build's folder or is in the Dockerfile itself.
use invar_dockerfile::{Instruction, InstructionKind, Scope, Source, Stages, Text, Transfer};

use crate::paths::joined;

/// Things that a stage is known to hold.
const BROUGHT: usize = 1_000;

/// Where files came from.
#[derive(Debug, Clone)]
pub(super) enum CopySource {
    Directory,
    Stage(usize),
    Here(Text),
}

/// What was copied from where to where.
#[derive(Debug, Clone)]
pub(super) struct CopiedPath {
    pub from: CopySource,
    pub source: String,
    destination: String,
}

/// What a stage holds, as far as it is known.
#[derive(Debug, Clone, Default)]
pub(super) struct StageFiles {
    /// The folder that commands start in, from `/`.
    pub directory: String,
    pub brought: Vec<CopiedPath>,
    /// What the instruction mounts.
    pub mounted: Vec<CopiedPath>,
}

impl StageFiles {
    /// Takes in what the instruction does.
    pub(super) fn follow(
        &mut self,
        instruction: &Instruction,
        scope: &Scope,
        stages: &Stages<'_>,
        stage: usize,
    ) {
        match &instruction.kind {
            InstructionKind::Workdir(word) => {
                if let Some(path) = expanded(&word.text, scope) {
                    self.directory = joined(&self.directory, &path);
                }
            }
            InstructionKind::Copy(transfer) | InstructionKind::Add(transfer) => {
                let from = match instruction.flag_value("from") {
                    None => CopySource::Directory,
                    Some(name) => {
                        let by_number = || name.text.parse().ok().filter(|number| *number < stage);
                        match stages.find(&name.text, stage).or_else(by_number) {
                            Some(other) => CopySource::Stage(other),
                            None => return,
                        }
                    }
                };
                self.bring(&from, transfer, instruction, scope);
            }
            InstructionKind::Run(_) => self.mount(instruction, scope),
            _ => {}
        }
    }

    fn bring(&mut self, from: &CopySource, transfer: &Transfer, instruction: &Instruction, scope: &Scope) {
        let Some(destination) = expanded(&transfer.destination.text, scope) else { return };
        let place = joined(&self.directory, &destination);
        for source in &transfer.sources {
            let (from, source) = match source {
                Source::Path(word) => match expanded(&word.text, scope) {
                    Some(path) => (from.clone(), joined("/", &path)),
                    None => continue,
                },
                Source::Heredoc(number) => match instruction.heredocs.get(*number) {
                    Some(heredoc) => {
                        (CopySource::Here(heredoc.content.clone()), format!("/{}", heredoc.name))
                    }
                    None => continue,
                },
            };
            if self.brought.len() < BROUGHT {
                self.brought.push(CopiedPath { from, source, destination: place.clone() });
            }
        }
    }

    /// Takes in a file that a command has written.
    pub(super) fn write(&mut self, path: &str, content: Text) {
        if self.brought.len() < BROUGHT {
            let place = joined(&self.directory, path);
            let (source, destination) = (place.clone(), place);
            self.brought.push(CopiedPath { from: CopySource::Here(content), source, destination });
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
                let destination = joined(&self.directory, target);
                self.mounted.push(CopiedPath { from: CopySource::Directory, source, destination });
            }
        }
    }
}

impl CopiedPath {
    /// Where the file at `path` came from, if this copied it: the source may be a file or a folder.
    pub(super) fn sources_of(&self, path: &str) -> Vec<String> {
        let mut sources = Vec::new();
        let (directory, name) = self.source.rsplit_once('/').unwrap_or(("", &self.source));
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
                    sources.push(format!("{directory}/{first}"));
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
