//! A project that is a folder of what its Dockerfile's `COPY` sees: the paths as the project has them.
use std::collections::BTreeSet;

use invar_dockerfile::{Dockerfile, Instruction, InstructionKind, Source, Transfer};

use crate::dockerfile::DockerfileContext;
use crate::dockerfile::files::{Files, relative};
use crate::dockerfile::place::is_all;

/// The deepest folder that a project is looked for in.
const DEEPEST: usize = 4;

/// Makes the sources of `file`'s copies relative to the project, where they are named from a folder above it. Returns
/// the offsets of copies of which something is outside the project, with that: it is copied no more.
pub(super) fn see_from_project(
    file: &mut Dockerfile,
    context: &DockerfileContext<'_>,
) -> Vec<(usize, String)> {
    let Some(directory) = directory_of_project(file, context) else { return Vec::new() };
    let mut outside = Vec::new();
    for instruction in &mut file.instructions {
        let offset = instruction.span.start;
        let Some(transfer) = copy(instruction) else { continue };
        let mut left = BTreeSet::new();
        let mut is_whole = false;
        transfer.sources.retain_mut(|source| {
            let Source::Path(path) = source else { return true };
            if path.text.contains("://") {
                return true;
            }
            is_whole |= is_all(&path.text);
            match below(&path.text, &directory) {
                Some(inside) => path.text = if inside.is_empty() { ".".to_owned() } else { inside },
                None if is_all(&path.text) => {}
                None => _ = left.insert(path.text.clone()),
            }
            !left.contains(&path.text)
        });
        if is_whole {
            let above = transfer.destination.text.trim_end_matches('/').to_owned();
            transfer.destination.text = format!("{above}/{directory}");
        }
        outside.extend(left.into_iter().map(|path| (offset, path)));
    }
    outside
}

/// The project's folder as copies name it: its last names, of which one is a folder's and the rest are those above. `None`
/// where the copies name the project's files themselves.
fn directory_of_project(file: &Dockerfile, context: &DockerfileContext<'_>) -> Option<String> {
    let files = Files(context.files);
    let names: Vec<&str> = context.directory.split('/').filter(|name| !name.is_empty()).collect();
    let sources: Vec<String> = file
        .instructions
        .iter()
        .filter_map(|instruction| match &instruction.kind {
            InstructionKind::Copy(transfer) | InstructionKind::Add(transfer)
                if instruction.flag("from").is_none() =>
            {
                Some(transfer)
            }
            _ => None,
        })
        .flat_map(|transfer| &transfer.sources)
        .filter_map(|source| match source {
            Source::Path(path) => Some(relative(&path.text)),
            Source::Heredoc(_) => None,
        })
        .collect();
    let named = |directory: &str| {
        let is_there = |source: &&String| {
            let inside = below(source, directory);
            !files.has(source) && inside.is_some_and(|inside| inside.is_empty() || files.has(&inside))
        };
        sources.iter().filter(is_there).count()
    };
    let directories = (1..=DEEPEST.min(names.len())).map(|count| names[names.len() - count..].join("/"));
    let (count, directory) =
        directories.map(|directory| (named(&directory), directory)).max_by_key(|(count, _)| *count)?;
    (count > 0).then_some(directory)
}

/// `path` from `folder`, if it is in it.
fn below(path: &str, directory: &str) -> Option<String> {
    let path = relative(path);
    let rest = path.strip_prefix(directory)?;
    (rest.is_empty() || rest.starts_with('/')).then(|| rest.trim_start_matches('/').to_owned())
}

/// What an instruction copies of the project.
fn copy(instruction: &mut Instruction) -> Option<&mut Transfer> {
    if instruction.flag("from").is_some() {
        return None;
    }
    match &mut instruction.kind {
        InstructionKind::Copy(transfer) | InstructionKind::Add(transfer) => Some(transfer),
        _ => None,
    }
}
