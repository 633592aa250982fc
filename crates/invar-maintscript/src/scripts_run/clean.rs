//! From what changed in the sandbox to what the image gets.
//!
//! What is dropped is in the module `keep`. What stays is created the same every time and fit for the image:
//! * In the sandbox every file looks like root's, so programs that replace a file and copy its owner make it root's. A
//!   file that native has with another owner and that the scripts left as root's gets native's owner back.
//! * `/etc/shadow` loses the days of the last change of a password, and logs lose their content.
//! * Lists of shells lose those that only tools bring.
//! * The linker's cache and Java's key store are created natively, over the result.
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Cursor, Read as _};
use std::sync::Arc;

use invar_tree::{
    Clash, ContentReader, Contents, Digest, Entry, ImagePath, Mode, Node, Origin, Owner, Tree, merge,
};

use super::keep::{Exclusion, Reason, is_log, is_private_key, reason};
use crate::output::known;
use crate::{ConfigureError, LONGEST_READ, MergedRoot, Output, View};

/// What there was, and what the scripts made of it.
pub struct ScriptRun<'a> {
    /// The image as it would be without the scripts.
    pub native: &'a dyn MergedRoot,
    /// The root that the scripts ran over: native, tools, and [`script_files`](super::script_files).
    pub sandbox: &'a Tree,
    /// What is new or changed, with the directories above it.
    pub changed: &'a dyn MergedRoot,
    /// What is gone; whatever is below a path goes with it.
    pub removed: &'a [ImagePath],
    /// Whether the image has documentation.
    pub docs: bool,
}

/// What the image gets.
#[derive(Debug, Clone)]
pub struct ScriptResult {
    /// The new entries, and the directories above them, as [`Configuration::tree`](crate::Configuration::tree).
    pub tree: Tree,
    /// The contents of files of [`tree`](Self::tree) that are not as the scripts left them.
    pub rewritten: BTreeMap<ImagePath, Vec<u8>>,
    /// The entries of native that are gone or replaced, as [`Configuration::removed`](crate::Configuration::removed).
    pub removed: Vec<ImagePath>,
    /// What the scripts made and the image does not get, in order.
    pub left_out: Vec<Exclusion>,
}

/// The contents of a [`ScriptResult`] tree.
pub struct ScriptResultContents<'a> {
    cleaned: &'a ScriptResult,
    changed: &'a dyn Contents,
}

impl ScriptResult {
    /// Native with what the scripts made.
    ///
    /// # Errors
    /// [`Clash`]es where `native` is not the tree that was cleaned against.
    pub fn over(&self, native: &Tree) -> Result<Tree, Vec<Clash>> {
        let mut root = native.clone();
        // From the end: what is below a directory goes before it.
        for path in self.removed.iter().rev() {
            root.remove(path);
        }
        Ok(merge([&root, &self.tree])?.tree)
    }

    /// The contents of [`tree`](Self::tree); `changed` is what the scripts left, as given to [`clean`].
    pub fn contents<'a>(&'a self, changed: &'a dyn Contents) -> ScriptResultContents<'a> {
        ScriptResultContents { cleaned: self, changed }
    }
}

impl Contents for ScriptResultContents<'_> {
    fn open(&self, path: &ImagePath) -> io::Result<ContentReader<'_>> {
        if let Some(bytes) = self.cleaned.rewritten.get(path) {
            return Ok(Box::new(Cursor::new(bytes.as_slice())));
        }
        match self.cleaned.tree.get(path.as_str()) {
            Some(Entry { node: Node::File { .. }, .. }) => self.changed.open(path),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

/// Makes of what the scripts did the difference to native that the image gets.
///
/// # Errors
/// [`ConfigureError`] where a file cannot be read, or the linker's cache or Java's key store cannot be made.
pub fn clean(ran: &ScriptRun<'_>) -> Result<ScriptResult, ConfigureError> {
    let mut kept = KeptEntries::default();
    for (path, entry) in ran.changed.tree().iter() {
        match judge(ran, path, entry)? {
            Judgement::Same => {}
            Judgement::Leave(reason) => kept.left_out.push(Exclusion { path: path.clone(), reason }),
            Judgement::Keep(entry, bytes) => {
                if let Some(bytes) = bytes {
                    kept.rewritten.insert(path.clone(), bytes);
                }
                kept.entries.insert(path.clone(), entry);
            }
        }
    }
    kept.drop_links_to_what_is_left_out(ran.native.tree());
    let gone = gone(ran, &kept);
    let mut cleaned = kept.into_cleaned(ran, gone);
    make_natively(ran, &mut cleaned)?;
    Ok(cleaned)
}

/// What becomes of one changed entry.
enum Judgement {
    /// It is as it was.
    Same,
    /// It is left out.
    Leave(Reason),
    /// It is kept, with these bytes where they are not the scripts'.
    Keep(Entry, Option<Vec<u8>>),
}

fn judge(ran: &ScriptRun<'_>, path: &ImagePath, entry: &Entry) -> Result<Judgement, ConfigureError> {
    let native = ran.native.tree().get(path.as_str());
    let sandbox = ran.sandbox.get(path.as_str());
    let mut entry = Entry { origin: Arc::new(Origin::Scripts), ..entry.clone() };
    if let Some(before) = native.or(sandbox) {
        restore(&mut entry, before);
    }
    // What was only touched, or, where the sandbox's root is a copy, not even that.
    if [native, sandbox].into_iter().flatten().any(|before| before.same_as(&entry)) {
        return Ok(Judgement::Same);
    }
    if let Some(reason) = reason(path, entry.is_directory(), ran.docs) {
        // A directory that both have is only above something else.
        let above = native.is_some_and(Entry::is_directory) && entry.is_directory();
        return Ok(if above { Judgement::Same } else { Judgement::Leave(reason) });
    }
    if native.is_none() && sandbox.is_some() {
        return Ok(Judgement::Leave(Reason::Tool));
    }
    let Node::File { size, .. } = entry.node else { return Ok(Judgement::Keep(entry, None)) };
    let bytes = if is_log(path) {
        Some(Vec::new())
    } else if path.as_str() == "etc/shadow" {
        Some(without_days(&read(ran, path, size)?))
    } else {
        if size <= MOST_OF_A_KEY && is_private_key(&read(ran, path, size)?) {
            return Ok(Judgement::Leave(Reason::Secret));
        }
        None
    };
    if let Some(bytes) = &bytes {
        entry.node = Node::File { size: bytes.len() as u64, digest: Digest::of(bytes) };
        if native.is_some_and(|native| native.same_as(&entry)) {
            return Ok(Judgement::Same);
        }
    }
    Ok(Judgement::Keep(entry, bytes))
}

/// The longest file in which a private key is looked for, in bytes.
const MOST_OF_A_KEY: u64 = 64 << 10;

fn read(ran: &ScriptRun<'_>, path: &ImagePath, size: u64) -> Result<Vec<u8>, ConfigureError> {
    if size > LONGEST_READ {
        return Err(ConfigureError::TooLong { path: path.clone(), size, most: LONGEST_READ });
    }
    let mut bytes = Vec::new();
    let read = ran.changed.open(path).and_then(|file| file.take(size).read_to_end(&mut bytes));
    read.map_err(|source| ConfigureError::Read { path: path.clone(), source })?;
    Ok(bytes)
}

/// Gives back the owner, which the sandbox cannot show: see the module.
fn restore(entry: &mut Entry, before: &Entry) {
    let is_same_kind = std::mem::discriminant(&entry.node) == std::mem::discriminant(&before.node);
    if is_same_kind && entry.owner == Owner::ROOT {
        entry.owner = before.owner;
    }
}

/// `/etc/shadow` without its third fields, the days since 1970 on which passwords were changed (shadow(5)).
fn without_days(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes.len());
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        for (index, field) in line.split_inclusive(|byte| *byte == b':').enumerate() {
            match (index, field.last()) {
                (2, Some(b':')) => text.push(b':'),
                _ => text.extend_from_slice(field),
            }
        }
    }
    text
}

/// What has been judged.
#[derive(Default)]
struct KeptEntries {
    entries: BTreeMap<ImagePath, Entry>,
    rewritten: BTreeMap<ImagePath, Vec<u8>>,
    left_out: Vec<Exclusion>,
}

impl KeptEntries {
    /// Drops new links to files that are dropped, such as the hash of a certificate that is.
    fn drop_links_to_what_is_left_out(&mut self, native: &Tree) {
        let gone: BTreeSet<&str> = self
            .left_out
            .iter()
            .filter(|left_out| left_out.reason.is_notable() && native.get(left_out.path.as_str()).is_none())
            .map(|left_out| left_out.path.as_str())
            .collect();
        let mut dangling = Vec::new();
        for (path, entry) in &self.entries {
            let Node::Symlink { target } = &entry.node else { continue };
            let target = match (target.strip_prefix('/'), path.parent()) {
                (Some(absolute), _) => ImagePath::parse(absolute),
                (None, Some(parent)) => parent.join(target),
                (None, None) => ImagePath::parse(target),
            };
            if target.is_ok_and(|target| gone.contains(target.as_str())) {
                dangling.push(Exclusion { path: path.clone(), reason: Reason::Identity });
            }
        }
        for left_out in dangling {
            self.entries.remove(&left_out.path);
            self.left_out.push(left_out);
        }
        self.left_out.sort();
    }

    fn into_cleaned(self, ran: &ScriptRun<'_>, gone: BTreeSet<ImagePath>) -> ScriptResult {
        let Self { entries, mut rewritten, left_out } = self;
        let (native, mut removed) = (ran.native.tree(), gone);
        let mut tree = Tree::new();
        for (path, entry) in entries {
            let mut above: Vec<ImagePath> =
                path.ancestors().take_while(|path| tree.get(path.as_str()).is_none()).collect();
            while let Some(path) = above.pop() {
                let directory = directory_above(ran, &path, removed.contains(&path));
                // Nothing is below a link or a file: the scripts' own tree saw to it.
                if tree.insert(path, directory).is_err() {
                    break;
                }
            }
            if native.get(path.as_str()).is_some() {
                removed.insert(path.clone());
            }
            if tree.insert(path.clone(), entry).is_err() {
                rewritten.remove(&path);
            }
        }
        ScriptResult { tree, rewritten, removed: removed.into_iter().collect(), left_out }
    }
}

/// The directory at `path`, which stays as it is except for what is new below it.
fn directory_above(ran: &ScriptRun<'_>, path: &ImagePath, is_gone: bool) -> Entry {
    let native = ran.native.tree().get(path.as_str()).filter(|entry| entry.is_directory() && !is_gone);
    let (sandbox, changed) = (ran.sandbox.get(path.as_str()), ran.changed.tree().get(path.as_str()));
    let found = native.or(sandbox.filter(|entry| entry.is_directory())).or(changed);
    let (mode, owner) = found.map_or((Mode::DIRECTORY, Owner::ROOT), |entry| (entry.mode, entry.owner));
    let origin = native.map_or_else(|| Arc::new(Origin::Scripts), |entry| Arc::clone(&entry.origin));
    Entry { node: Node::Directory, mode, owner, origin }
}

/// The entries of native that are gone, or below what is no directory any more.
fn gone(ran: &ScriptRun<'_>, kept: &KeptEntries) -> BTreeSet<ImagePath> {
    let native = ran.native.tree();
    let mut gone = BTreeSet::new();
    for removed in ran.removed {
        for (path, entry) in native.within(removed.as_str()) {
            let comes_back = kept.entries.contains_key(path)
                || ran.changed.tree().get(path.as_str()).is_some_and(|again| again.same_as(entry));
            if reason(path, entry.is_directory(), ran.docs).is_none() && !comes_back {
                gone.insert(path.clone());
            }
        }
    }
    for (path, entry) in &kept.entries {
        if !entry.is_directory() && native.get(path.as_str()).is_some_and(Entry::is_directory) {
            gone.extend(native.within(path.as_str()).map(|(path, _)| path.clone()));
        }
    }
    // What is left out stays, and so do the directories above it.
    let stays: BTreeSet<ImagePath> = gone
        .iter()
        .filter(|path| native.get(path.as_str()).is_some_and(Entry::is_directory))
        .filter(|path| !kept.entries.contains_key(*path))
        .filter(|path| native.within(path.as_str()).any(|(below, _)| !gone.contains(below)))
        .cloned()
        .collect();
    gone.retain(|path| !stays.contains(path));
    gone
}

/// Native with what is kept, as handlers see it.
struct CombinedRoot<'a> {
    tree: Tree,
    native: &'a dyn MergedRoot,
    cleaned: ScriptResultContents<'a>,
}

impl Contents for CombinedRoot<'_> {
    fn open(&self, path: &ImagePath) -> io::Result<ContentReader<'_>> {
        match self.cleaned.cleaned.tree.get(path.as_str()) {
            Some(_) => self.cleaned.open(path),
            None => self.native.open(path),
        }
    }
}

impl MergedRoot for CombinedRoot<'_> {
    fn tree(&self) -> &Tree {
        &self.tree
    }
}

/// Lets the handlers run whose work the scripts' own does not replace.
fn make_natively(ran: &ScriptRun<'_>, cleaned: &mut ScriptResult) -> Result<(), ConfigureError> {
    let tree = cleaned.over(ran.native.tree()).expect("what is replaced was removed");
    let combined = CombinedRoot { tree, native: ran.native, cleaned: cleaned.contents(ran.changed) };
    let mut view = View::new(&combined);
    for (name, handler) in NATIVE {
        let mut output = Output::new(name);
        handler(&view, &mut output)?;
        view.apply(output)?;
    }
    let mut output = Output::new("shells");
    for path in SHELLS {
        let Some(entry) = combined.cleaned.cleaned.tree.get(path) else { continue };
        let Some(text) = view.read_text(path)? else { continue };
        output.file(known(path), entry.mode, entry.owner, without_missing(&view, &text));
    }
    view.apply(output)?;
    let configured = crate::configured::configured(view);
    for path in configured.removed {
        cleaned.tree.remove(&path);
        if ran.native.tree().get(path.as_str()).is_some() {
            cleaned.removed.push(path);
        }
    }
    cleaned.removed.sort();
    cleaned.removed.dedup();
    for (path, entry) in configured.tree.tree().iter() {
        let is_there = cleaned.tree.get(path.as_str()).is_some();
        if entry.is_directory() && is_there {
            continue;
        }
        if !entry.is_directory() {
            let bytes = configured.tree.read(path).expect("the bytes of what was made are in memory");
            cleaned.rewritten.insert(path.clone(), bytes);
        }
        cleaned
            .tree
            .insert(path.clone(), entry.clone())
            .expect("the view saw to it that the entries form a tree");
    }
    Ok(())
}

/// Lists of shells, one a line with its whole path, which debianutils keeps (shells(5), update-shells(8)).
const SHELLS: [&str; 2] = ["etc/shells", "var/lib/shells.state"];

/// The lines of `text` except for paths at which the image has nothing.
fn without_missing(view: &View<'_>, text: &str) -> String {
    let there = |line: &&str| {
        let line = line.trim();
        !line.starts_with('/') || view.exists(line)
    };
    text.split_inclusive('\n').filter(there).collect()
}

type Handler = fn(&View<'_>, &mut Output) -> Result<(), ConfigureError>;

/// In the order in which they run, as among all handlers.
const NATIVE: [(&str, Handler); 2] =
    [("java-keystore", crate::java_keystore::handler), ("ld.so.cache", crate::ld_cache::handler)];
