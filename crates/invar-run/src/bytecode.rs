//! Python's compiled files, made ahead by the image's own interpreter.
//!
//! Sources that belong to a package or wheel are compiled once for each tree; the project's own one by one, so that a
//! changed line costs one file. What comes out is brought into a canonical form, since what an interpreter writes also
//! depends on what it did before.
mod interpreter;
mod key;
mod sources;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::time::Duration;

use invar_python::{COMPILER, cached_path, canonical_pyc};
use invar_realise::{Event, RealiseError, sink_failure};
use invar_sandbox::Ownership;
use invar_store::{Key, Keyed, StoredTree};
use invar_tree::{Digest, ImagePath, MemoryTree, Mode, Node, Origin, Owner, Sink as _, SinkError};
use serde::{Deserialize, Serialize};

pub use self::interpreter::Interpreter;
use self::key::{CompiledFile, CompiledTree};
pub use self::sources::Candidate;
use self::sources::{Sources, sources};
use crate::RunError;
use crate::context::BuildContext;
use crate::debian::debian_checkout;
use crate::executor::{BUILD, Command, Input, OutputTree, RootTree, Wanted, in_build};
use crate::run_command::Advice;

/// How long all of it may take.
const LONGEST: Duration = Duration::from_secs(3600);

/// How many interpreters compile at once. It changes nothing in what they write.
const WORKERS: usize = 2;

/// So many files are compiled before a second interpreter has started.
const FEW: usize = 32;

/// The largest compiled file that is read, in bytes.
const LARGEST: u64 = 256 << 20;

/// The compiled files of a candidate.
pub enum Compiled {
    /// In the store.
    Stored(StoredTree),
    /// In memory, as they change one by one.
    Memory(MemoryTree),
}

/// What the store remembers of one file: its compiled form, or that there is none.
#[derive(Serialize, Deserialize)]
struct File {
    compiled: Option<Digest>,
}

/// Compiles the Python files of all `candidates` that the store has no compiled form of. The results are in the order
/// of the candidates; `None` where there is nothing to compile.
///
/// # Errors
/// [`RunError::Sandbox`], [`RunError::Step`], [`RunError::Bytecode`], and what the store says.
pub fn compile(
    context: &BuildContext<'_>,
    interpreter: &Interpreter<'_>,
    candidates: &[Candidate<'_>],
) -> Result<Vec<Option<Compiled>>, RunError> {
    let store = &context.sources.store;
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
        false => work.run(context, candidates)?,
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

fn keep(store: &invar_store::Store, bytes: &[u8]) -> Result<Digest, RunError> {
    use std::io::Write as _;
    let mut writer = store.blob_writer()?;
    writer.write_all(bytes).map_err(RealiseError::Write)?;
    Ok(writer.commit()?.0)
}

/// Compiled files by candidate and source; `None` for what is not valid source.
type Files = BTreeMap<(usize, ImagePath), Option<Vec<u8>>>;

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
    fn run(&self, context: &BuildContext<'_>, candidates: &[Candidate<'_>]) -> Result<Files, RunError> {
        let label = "bytecode";
        context.check_platform("compiling Python files")?;
        context.sources.reporter.event(&Event::Compiling { files: self.files.len() });
        let root = debian_checkout(context, &self.interpreter.packages)?;
        let sources = Sources::of(&self.files, candidates).map_err(RunError::Clash)?;
        let files = self.compiler_files().map_err(sink_failure)?;
        let mut arguments = vec![self.interpreter.locked.path.to_string()];
        arguments.extend(["-s", "-S", "-B", "-X", "utf8"].map(str::to_owned));
        arguments.extend(["compile.py", "list", "out"].map(|name| format!("/{BUILD}/{name}")));
        arguments.push(if self.files.len() < FEW { 1 } else { WORKERS }.to_string());
        let command = Command {
            label,
            key: self.interpreter.key,
            platform: context.platform,
            root: vec![RootTree::Checkout(root), RootTree::Loose { tree: &sources.tree, contents: &sources }],
            inputs: vec![Input { at: "", tree: files.tree(), contents: &files, also_at: None }],
            arguments,
            environment: BTreeMap::new(),
            directory: String::new(),
            limits: context.limits(LONGEST),
            ownership: Ownership::Mapped,
            wanted: Wanted::Places(vec![in_build("out")]),
        };
        let outputs = context.run(&command, &Advice::default())?;
        let mut skipped = String::new();
        let read = outputs
            .tree
            .open(&in_build("out/skipped"))
            .and_then(|mut file| file.read_to_string(&mut skipped));
        read.map_err(|source| RealiseError::Read { path: "skipped".into(), source })?;
        let skipped: BTreeSet<usize> =
            skipped.lines().filter_map(|line| line.split('\t').next()?.parse().ok()).collect();
        let mut all = BTreeMap::new();
        for (number, file) in self.files.iter().enumerate() {
            let bytes = match skipped.contains(&number) {
                true => None,
                false => Some(read_compiled(&*outputs.tree, number, &file.1)?),
            };
            all.insert(file.clone(), bytes);
        }
        Ok(all)
    }

    /// What the interpreter is given: the compiler, the list of files, and a directory for what it makes.
    fn compiler_files(&self) -> Result<MemoryTree, SinkError> {
        let path = |name: &str| ImagePath::parse(name).expect("it is a relative path");
        let list: String = self.files.iter().map(|(_, path)| format!("{path}\n")).collect();
        let mut files = MemoryTree::new(Origin::Source);
        files.directory(path("out"), Mode::DIRECTORY, Owner::ROOT)?;
        files.file(path("list"), Mode::FILE, Owner::ROOT, &mut list.as_bytes())?;
        files.file(path("compile.py"), Mode::FILE, Owner::ROOT, &mut COMPILER.as_bytes())?;
        Ok(files)
    }
}

fn read_compiled(outputs: &dyn OutputTree, number: usize, path: &ImagePath) -> Result<Vec<u8>, RunError> {
    let mut bytes = Vec::new();
    let place = in_build(&format!("out/{number}.pyc"));
    let read = outputs.open(&place).and_then(|file| file.take(LARGEST).read_to_end(&mut bytes));
    read.map_err(|source| RealiseError::Read { path: path.to_string().into(), source })?;
    canonical_pyc(&bytes)
        .map_err(|source| RunError::Bytecode { path: path.to_string(), source: Box::new(source) })
}
