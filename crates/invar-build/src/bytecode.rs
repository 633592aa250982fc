//! Python's compiled files, made ahead by the image's own interpreter.
//!
//! Sources that belong to a package or wheel are compiled once for each tree; the project's own one by one, so that a
//! changed line costs one file. What comes out is brought into a canonical form, since what an interpreter writes also
//! depends on what it did before.
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::time::Duration;

use invar_debian::{Control, PackageName, parse_dependencies};
use invar_plan::{PROJECT, PackageRecipe};
use invar_project::LockedInterpreter;
use invar_python::{BYTECODE_VERSION, COMPILER, cached_path, canonical_pyc};
use invar_realise::{Event, sink_failure};
use invar_sandbox::Ownership;
use invar_store::{Key, KeyWriter, Keyed, StoredTree};
use invar_tree::{
    Clash, Contents, Digest, Entry, ImagePath, MemoryTree, Mode, Node, Origin, Owner, Sink as _, Tree,
};
use serde::{Deserialize, Serialize};

use crate::BuildError;
use crate::debian::{ConfiguredPackages, debian_checkout, path};
use crate::workshop::{BUILD, Bench, Job, Left, Workshop};

/// How long all of it may take.
const LONGEST: Duration = Duration::from_secs(3600);

/// How many interpreters compile at once. It changes nothing in what they write.
const WORKERS: usize = 2;

/// So many files are compiled before a second interpreter has started.
const FEW: usize = 32;

/// The largest compiled file that is read, in bytes.
const LARGEST: u64 = 256 << 20;

/// A tree whose Python files are to be compiled.
pub(crate) struct Candidate<'a> {
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

/// The compiled files of a candidate.
pub(crate) enum Compiled {
    Stored(StoredTree),
    Memory(MemoryTree),
}

/// What the store remembers of one file: its compiled form, or that there is none.
#[derive(Serialize, Deserialize)]
struct File {
    compiled: Option<Digest>,
}

/// The interpreter, and what it needs to start.
pub(crate) struct Interpreter<'a> {
    locked: &'a LockedInterpreter,
    packages: Vec<PackageRecipe>,
    key: Key,
}

impl<'a> Interpreter<'a> {
    /// The interpreter among `packages`, with the packages that it depends on.
    pub fn among(locked: &'a LockedInterpreter, packages: &[PackageRecipe], controls: &[Control]) -> Self {
        let mut wanted: BTreeSet<&str> = BTreeSet::new();
        // Every root starts with these: the links of the merged /usr, and a place for accounts.
        let mut queue = vec![locked.package.to_string(), "base-files".to_owned()];
        while let Some(name) = queue.pop() {
            let provides = |control: &&Control| {
                control.package().as_str() == name
                    || control
                        .provides()
                        .iter()
                        .flat_map(|one| &one.alternatives)
                        .any(|one| one.name.as_str() == name)
            };
            let Some(control) = controls.iter().find(provides) else { continue };
            if !wanted.insert(control.package().as_str()) {
                continue;
            }
            for field in ["Pre-Depends", "Depends"] {
                let Some(text) = control.paragraph().get(field) else { continue };
                for name in parse_dependencies(text).into_iter().flatten().flat_map(|one| one.alternatives) {
                    queue.push(name.name.to_string());
                }
            }
        }
        let packages: Vec<PackageRecipe> =
            packages.iter().filter(|package| wanted.contains(package.name.as_str())).cloned().collect();
        // The compiler is in the interpreter's own packages; what else it needs to start does not reach the result.
        let own: Vec<PackageRecipe> = packages
            .iter()
            .filter(|package| {
                package.name.as_str().trim_start_matches("lib").starts_with(locked.package.as_str())
            })
            .cloned()
            .collect();
        Self { locked, key: ConfiguredPackages(&own).key(), packages }
    }

    /// Whether `package` is there when files are compiled.
    pub fn has(&self, package: &PackageName) -> bool {
        self.packages.iter().any(|own| own.name == *package)
    }

    /// `cpython-313`: what the names of compiled files end in.
    fn tag(&self) -> String {
        let series: String = self.locked.version.release().iter().take(2).map(u64::to_string).collect();
        format!("cpython-{series}")
    }
}

/// Compiles the Python files of all `candidates` that the store has no compiled form of. The results are in the order
/// of the candidates; `None` where there is nothing to compile.
///
/// # Errors
/// [`BuildError::Sandbox`], [`BuildError::Step`], [`BuildError::Bytecode`], and what the store says.
pub(crate) fn compile(
    workshop: &Workshop<'_>,
    interpreter: &Interpreter<'_>,
    candidates: &[Candidate<'_>],
) -> Result<Vec<Option<Compiled>>, BuildError> {
    let store = &workshop.session.store;
    let mut results: Vec<Option<Compiled>> = Vec::new();
    let mut work = Work { interpreter, files: Vec::new() };
    let mut pending: Vec<(usize, Vec<ImagePath>)> = Vec::new();
    for (index, candidate) in candidates.iter().enumerate() {
        let sources: Vec<ImagePath> = sources(candidate.tree).collect();
        results.push(None);
        if sources.is_empty() {
            continue;
        }
        if candidate.changes {
            for path in &sources {
                if store
                    .result::<File>(&work.file_key(candidate, path))?
                    .is_none_or(|file| file.compiled.is_some_and(|digest| !store.has_blob(&digest)))
                {
                    work.files.push((index, path.clone()));
                }
            }
        } else if let Some(stored) = store.tree(&work.tree_key(candidate))? {
            results[index] = Some(Compiled::Stored(stored));
            continue;
        } else {
            work.files.extend(sources.iter().map(|path| (index, path.clone())));
        }
        pending.push((index, sources));
    }
    let mut compiled = match work.files.is_empty() {
        true => BTreeMap::new(),
        false => work.run(workshop, candidates)?,
    };
    for (index, sources) in pending {
        let candidate = &candidates[index];
        let tag = interpreter.tag();
        let place = |path: &ImagePath| {
            let place = cached_path(path, &tag)?;
            // A tree may bring compiled files of its own.
            candidate.tree.get(place.as_str()).is_none().then_some(place)
        };
        if candidate.changes {
            let mut tree = MemoryTree::new(Origin::Bytecode { of: candidate.of.clone() });
            for path in &sources {
                let key = work.file_key(candidate, path);
                if let Some(bytes) = compiled.remove(&(index, path.clone())) {
                    let compiled = match &bytes {
                        Some(bytes) => Some(keep(store, bytes)?),
                        None => None,
                    };
                    store.put_result(&key, &File { compiled })?;
                }
                let Some(File { compiled: Some(digest) }) = store.result::<File>(&key)? else { continue };
                let Some(place) = place(path) else { continue };
                let (mut file, _) = store.open_blob(&digest)?;
                tree.file(place, Mode::FILE, Owner::ROOT, &mut file).map_err(sink_failure)?;
            }
            results[index] = Some(Compiled::Memory(tree));
        } else {
            let mut sink = store.tree_writer(&work.tree_key(candidate))?;
            for path in &sources {
                let Some(Some(bytes)) = compiled.remove(&(index, path.clone())) else { continue };
                let Some(place) = place(path) else { continue };
                sink.file(place, Mode::FILE, Owner::ROOT, &mut bytes.as_slice()).map_err(sink_failure)?;
            }
            results[index] = Some(Compiled::Stored(sink.commit(&[])?));
        }
    }
    Ok(results)
}

fn keep(store: &invar_store::Store, bytes: &[u8]) -> Result<Digest, BuildError> {
    use std::io::Write as _;
    let mut writer = store.blob_writer()?;
    writer.write_all(bytes).map_err(BuildError::Write)?;
    Ok(writer.commit()?.0)
}

/// The Python files of `tree` that programs import: modules of the interpreter, of Debian's packages, of the virtual
/// environment and of the project.
fn sources(tree: &Tree) -> impl Iterator<Item = ImagePath> + '_ {
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

/// Compiled files by candidate and source; `None` for what is not valid source.
type Files = BTreeMap<(usize, ImagePath), Option<Vec<u8>>>;

/// The compiled files of a tree.
struct CompiledTree<'a> {
    interpreter: &'a Key,
    tree: &'a Digest,
}

impl Keyed for CompiledTree<'_> {
    const DOMAIN: &'static str = "bytecode";
    const VERSION: u32 = BYTECODE_VERSION;

    fn encode(&self, writer: &mut KeyWriter) {
        writer.digest(&Digest::of(COMPILER.as_bytes()));
        writer.key(self.interpreter);
        writer.digest(self.tree);
    }
}

/// The compiled form of one file.
struct CompiledFile<'a> {
    interpreter: &'a Key,
    path: &'a ImagePath,
    source: Option<&'a Digest>,
}

impl Keyed for CompiledFile<'_> {
    const DOMAIN: &'static str = "bytecode-file";
    const VERSION: u32 = BYTECODE_VERSION;

    fn encode(&self, writer: &mut KeyWriter) {
        writer.digest(&Digest::of(COMPILER.as_bytes()));
        writer.key(self.interpreter);
        writer.text(self.path.as_str());
        writer.optional(self.source, KeyWriter::digest);
    }
}

struct Work<'a> {
    interpreter: &'a Interpreter<'a>,
    /// What is to be compiled: the candidate's number, and the path.
    files: Vec<(usize, ImagePath)>,
}

impl Work<'_> {
    fn tree_key(&self, candidate: &Candidate<'_>) -> Key {
        CompiledTree { interpreter: &self.interpreter.key, tree: &candidate.tree.digest() }.key()
    }

    fn file_key(&self, candidate: &Candidate<'_>, path: &ImagePath) -> Key {
        let source = match candidate.tree.get(path.as_str()).map(|entry| &entry.node) {
            Some(Node::File { digest, .. }) => Some(digest),
            _ => None,
        };
        CompiledFile { interpreter: &self.interpreter.key, path, source }.key()
    }

    /// Compiles all files in one sandbox; `None` for what is not valid source.
    fn run(&self, workshop: &Workshop<'_>, candidates: &[Candidate<'_>]) -> Result<Files, BuildError> {
        let label = "bytecode";
        workshop.check_platform("compiling Python files ahead")?;
        workshop.session.reporter.event(&Event::Compiling { files: self.files.len() });
        let root = debian_checkout(workshop, &self.interpreter.packages)?;
        let bench = workshop.bench()?;
        let sources = self.write_sources(&bench, candidates)?;
        let mut list = String::new();
        for (_, path) in &self.files {
            list.push_str(&format!("{path}\n"));
        }
        bench.add_file("list", list.as_bytes())?;
        bench.add_file("compile.py", COMPILER.as_bytes())?;
        bench.fill("out", &Tree::new(), &MemoryTree::new(Origin::Source))?;
        let mut command = vec![self.interpreter.locked.path.to_string()];
        command.extend(["-s", "-S", "-B", "-X", "utf8"].map(str::to_owned));
        command.extend(["compile.py", "list", "out"].map(|name| format!("/{BUILD}/{name}")));
        command.push(if self.files.len() < FEW { 1 } else { WORKERS }.to_string());
        let left = workshop.run(
            bench,
            Job {
                label,
                packages_of: None,
                key: self.interpreter.key,
                roots: vec![path(&root), sources],
                command,
                environment: BTreeMap::new(),
                directory: "",
                binds: Vec::new(),
                time: LONGEST,
                longer: None,
                ownership: Ownership::Mapped,
            },
        )?;
        let mut skipped = String::new();
        let read = left.open("out/skipped").and_then(|mut file| file.read_to_string(&mut skipped));
        read.map_err(|source| BuildError::Read { path: "skipped".into(), source })?;
        let skipped: BTreeSet<usize> =
            skipped.lines().filter_map(|line| line.split('\t').next()?.parse().ok()).collect();
        let mut all = BTreeMap::new();
        for (number, file) in self.files.iter().enumerate() {
            let bytes = match skipped.contains(&number) {
                true => None,
                false => Some(read_compiled(&left, number, &file.1)?),
            };
            all.insert(file.clone(), bytes);
        }
        Ok(all)
    }

    /// Writes the files that are not the interpreter's own to where they are in the image.
    fn write_sources(
        &self,
        bench: &Bench,
        candidates: &[Candidate<'_>],
    ) -> Result<std::path::PathBuf, BuildError> {
        let by_candidate = to_write(&self.files, candidates).map_err(BuildError::Clash)?;
        let place = bench.folder("sources")?;
        for (index, tree) in by_candidate {
            bench.fill_folder(&place, &tree, candidates[index].contents)?;
        }
        Ok(place)
    }
}

/// The files that are not the interpreter's own, each once, by the number of the first candidate that has it.
///
/// Packages may bring the same file as long as they agree on it; what they do not agree on is a clash.
fn to_write(
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

fn read_compiled(left: &Left, number: usize, path: &ImagePath) -> Result<Vec<u8>, BuildError> {
    let mut bytes = Vec::new();
    let read =
        left.open(&format!("out/{number}.pyc")).and_then(|file| file.take(LARGEST).read_to_end(&mut bytes));
    read.map_err(|source| BuildError::Read { path: path.to_string().into(), source })?;
    canonical_pyc(&bytes)
        .map_err(|source| BuildError::Bytecode { path: path.to_string(), source: Box::new(source) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wheel(name: &str, text: &str) -> MemoryTree {
        let mut tree = MemoryTree::new(Origin::Wheel { name: name.to_owned(), version: "1".to_owned() });
        let path =
            ImagePath::parse("app/.venv/lib/python3.13/site-packages/shared.py").expect("it is a path");
        tree.file(path, Mode::FILE, Owner::ROOT, &mut text.as_bytes()).expect("memory takes it");
        tree
    }

    #[test]
    fn a_file_that_two_packages_agree_on_is_written_once() {
        let check = |second: &str| {
            let trees = [wheel("whole", "a = 1\n"), wheel("slim", second)];
            let candidates: Vec<Candidate<'_>> = trees
                .iter()
                .map(|tree| Candidate {
                    tree: tree.tree(),
                    contents: tree,
                    of: String::new(),
                    is_interpreter: false,
                    changes: false,
                })
                .collect();
            let files: Vec<(usize, ImagePath)> = candidates
                .iter()
                .enumerate()
                .flat_map(|(index, candidate)| sources(candidate.tree).map(move |path| (index, path)))
                .collect();
            assert_eq!(files.len(), 2);
            to_write(&files, &candidates)
        };
        let written = check("a = 1\n").expect("they agree");
        assert_eq!(written.keys().collect::<Vec<_>>(), [&0]);
        let clashes = check("a = 2\n").expect_err("they do not agree");
        assert!(clashes[0].to_string().contains("shared.py: wheel whole 1 brings"), "{}", clashes[0]);
    }
}

#[cfg(test)]
mod keys {
    use super::*;

    const CHANGED: &str = "if this is intended, raise the VERSION of the domain and pin the new key";

    #[test]
    fn the_keys_are_pinned() {
        let (interpreter, digest) = (&ConfiguredPackages(&[]).key(), &Digest::of(b"tree"));
        let path = &ImagePath::parse("app/main.py").unwrap();
        assert_eq!(
            CompiledTree { interpreter, tree: digest }.describe(),
            "bytecode 1 747d1c5c098e5ddcc5f94f0c396405b05d6fff53068bcaef23bec7148d25e60c",
            "{CHANGED}"
        );
        assert_eq!(
            CompiledFile { interpreter, path, source: Some(digest) }.describe(),
            "bytecode-file 1 095145e8c6654ca3e5d4f05bc9a573bbc0629b29df6f5887ba477096aa336998",
            "{CHANGED}"
        );
    }
}
