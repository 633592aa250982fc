//! Which files are compiled, and where they are meanwhile.
use std::collections::BTreeMap;
use std::io;

use invar_plan::PROJECT;
use invar_tree::{Clash, ContentReader, Contents, Entry, ImagePath, Node, Tree};

/// A tree whose Python files are to be compiled.
pub struct Candidate<'a> {
    /// The tree as the image has it.
    pub tree: &'a Tree,
    /// Its files.
    pub contents: &'a (dyn Contents + Sync),
    /// Where they come from, in words.
    pub of: String,
    /// Whether it is one of the interpreter's own packages, which are there anyway.
    pub is_interpreter: bool,
    /// Whether its files change one by one.
    pub changes: bool,
}

/// The files that are not the interpreter's own, where they are in the image.
pub(super) struct Sources<'a> {
    pub(super) tree: Tree,
    /// The candidate that each is read from.
    pub(super) from: BTreeMap<ImagePath, &'a (dyn Contents + Sync)>,
}

impl<'a> Sources<'a> {
    pub(super) fn of(files: &[(usize, ImagePath)], candidates: &[Candidate<'a>]) -> Result<Self, Vec<Clash>> {
        let (mut tree, mut from) = (Tree::new(), BTreeMap::new());
        for (index, own) in to_write(files, candidates)? {
            for (path, entry) in own.iter().filter(|(_, entry)| !entry.is_directory()) {
                tree.insert(path.clone(), entry.clone()).map_err(|_| {
                    let second = entry.clone();
                    let first = path.ancestors().find_map(|above| tree.get(above.as_str()).cloned());
                    let first = first.unwrap_or_else(|| second.clone());
                    vec![Clash { path: path.clone(), first, second_path: path.clone(), second }]
                })?;
                from.insert(path.clone(), candidates[index].contents);
            }
        }
        Ok(Self { tree, from })
    }
}

impl Contents for Sources<'_> {
    fn open(&self, path: &ImagePath) -> io::Result<ContentReader<'_>> {
        self.from.get(path).ok_or(io::ErrorKind::NotFound)?.open(path)
    }
}

/// The files that are not the interpreter's own, each once, by the number of the first candidate that has it.
///
/// Packages may bring the same file as long as they agree on it; what they do not agree on is a clash.
pub(super) fn to_write(
    files: &[(usize, ImagePath)],
    candidates: &[Candidate<'_>],
) -> Result<BTreeMap<usize, Tree>, Vec<Clash>> {
    let mut by_candidate: BTreeMap<usize, Tree> = BTreeMap::new();
    let mut written: BTreeMap<&ImagePath, &Entry> = BTreeMap::new();
    let mut clashes = Vec::new();
    for (index, path) in files {
        let candidate = &candidates[*index];
        if candidate.is_interpreter {
            continue;
        }
        let entry = candidate.tree.get(path.as_str()).expect("it was found in this tree");
        match written.get(path) {
            Some(first) if first.node == entry.node => {}
            Some(first) => clashes.push(Clash {
                path: path.clone(),
                first: Entry::clone(first),
                second_path: path.clone(),
                second: entry.clone(),
            }),
            None => {
                written.insert(path, entry);
                let tree = by_candidate.entry(*index).or_default();
                tree.insert(path.clone(), entry.clone()).expect("the files of a tree form a tree");
            }
        }
    }
    if clashes.is_empty() { Ok(by_candidate) } else { Err(clashes) }
}

/// The Python files of `tree` that programs import: modules of the interpreter, of Debian's packages, of the virtual
/// environment and of the project.
pub(super) fn sources(tree: &Tree) -> impl Iterator<Item = ImagePath> + '_ {
    let is_source = |path: &ImagePath| {
        let text = path.as_str();
        let imported = path.is_within(PROJECT)
            || text.strip_prefix("usr/lib/python3").is_some_and(|rest| rest.contains('/'))
            || text.strip_prefix("usr/local/lib/python3").is_some_and(|rest| rest.contains('/'));
        imported && text.ends_with(".py") && !text.contains('\n') && !text.contains("/.venv/bin/")
    };
    let files = tree.iter().filter(|(_, entry)| matches!(entry.node, Node::File { .. }));
    files.map(|(path, _)| path.clone()).filter(move |path| is_source(path))
}
