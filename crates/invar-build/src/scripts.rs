//! Debian's own maintainer scripts, run in a sandbox where the manifest asks for it.
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Cursor, Read as _};
use std::sync::Arc;
use std::time::Duration;

use invar_debian::Control;
use invar_maintscript::{
    Configuration, SCRIPTS_VERSION, ScriptPackage, ScriptRequest, ScriptResult, ScriptRun, Selection,
    Settings, clean, configure, script_command, script_environment, script_failure, script_files,
    unknown_questions,
};
use invar_plan::{PackageRecipe, Recipe, check_configured};
use invar_project::{Configure, nearest};
use invar_realise::{Event, check_out, copy_tree};
use invar_sandbox::Ownership;
use invar_store::{Key, KeyWriter, Keyed};
use invar_tree::{ContentReader, Contents, Entry, ImagePath, MemoryTree, Origin, Tree};

use crate::BuildError;
use crate::configuration::{Made, configuration};
use crate::debian::{ConfiguredPackages, Debian, encode_settings, path, settings};
use crate::root::{Overlay, Root};
use crate::workshop::{Job, LAST_LINES, Workshop};

/// How long all scripts together may take.
const LONGEST: Duration = Duration::from_secs(3600);

const LABEL: &str = "maintainer scripts";

/// The key of what handlers and scripts together make of `packages`, in a root of the packages `root`.
pub(crate) fn key(workshop: &Workshop<'_>, root: &[PackageRecipe], packages: &[PackageRecipe]) -> Key {
    let manifest = &workshop.files.manifest;
    ScriptsConfiguration {
        root,
        packages,
        configure: &manifest.configure,
        settings: &settings(),
        docs: manifest.docs,
        debconf: &manifest.debconf,
    }
    .key()
}

/// What handlers and scripts together make of packages.
struct ScriptsConfiguration<'a> {
    root: &'a [PackageRecipe],
    packages: &'a [PackageRecipe],
    configure: &'a Configure,
    settings: &'a Settings,
    docs: bool,
    debconf: &'a [String],
}

impl Keyed for ScriptsConfiguration<'_> {
    const DOMAIN: &'static str = "scripts";
    const VERSION: u32 = SCRIPTS_VERSION;

    fn encode(&self, writer: &mut KeyWriter) {
        let Self { root, packages, configure, settings, docs, debconf } = self;
        writer.keyed(&ConfiguredPackages(root));
        writer.keyed(&ConfiguredPackages(packages));
        match configure {
            Configure::Native => writer.variant(0),
            Configure::Run => writer.variant(1),
            Configure::Packages(names) => {
                writer.variant(2);
                writer.set(names, |writer, name| writer.text(name.as_str()));
            }
        }
        encode_settings(writer, settings);
        writer.flag(*docs);
        // In order: of two answers to one question the later counts.
        writer.list(*debconf, |writer, selection| writer.text(selection));
    }
}

/// The tree in which scripts are run.
struct ScriptsCheckout<'a>(&'a Key);

impl Keyed for ScriptsCheckout<'_> {
    const DOMAIN: &'static str = "scripts-checkout";
    const VERSION: u32 = 1;

    fn encode(&self, writer: &mut KeyWriter) {
        writer.key(self.0);
    }
}

/// What the scripts changed in it.
struct ScriptsChanges<'a>(&'a Key);

impl Keyed for ScriptsChanges<'_> {
    const DOMAIN: &'static str = "scripts-changes";
    const VERSION: u32 = 1;

    fn encode(&self, writer: &mut KeyWriter) {
        writer.key(self.0);
    }
}

/// Runs the scripts that the manifest names over `debian`, and puts what they made in the place of what the handlers
/// made.
///
/// # Errors
/// [`BuildError::Sandbox`], [`BuildError::Step`], and what the store says.
pub(crate) fn run(
    workshop: &Workshop<'_>,
    debian: &mut Debian,
    root: &[PackageRecipe],
) -> Result<(), BuildError> {
    let packages: Vec<PackageRecipe> = debian
        .recipes
        .iter()
        .filter_map(|recipe| match recipe {
            Recipe::Package(package) => Some(package.clone()),
            Recipe::Wheel(_) => None,
        })
        .collect();
    let key = key(workshop, root, &packages);
    let (overlay, configured) =
        configuration(&workshop.session.store, &key, || made(workshop, debian, root, &key))?;
    (debian.overlay, debian.configured) = (overlay, configured);
    Ok(())
}

fn made(
    workshop: &Workshop<'_>,
    debian: &Debian,
    packages: &[PackageRecipe],
    key: &Key,
) -> Result<Made, BuildError> {
    let wanted = |control: &Control| match &workshop.files.manifest.configure {
        Configure::Native => false,
        Configure::Run => true,
        Configure::Packages(names) => names.contains(control.package()),
    };
    check_configured(&workshop.files.manifest.configure, debian.controls.iter().map(Control::package))?;
    let own: BTreeSet<&str> = debian.controls.iter().map(|control| control.package().as_str()).collect();
    workshop.check(LABEL)?;
    let all = Debian::realise(workshop, packages)?;
    let files: Vec<Vec<ImagePath>> =
        all.trees.iter().map(|(tree, _)| tree.iter().map(|(path, _)| path.clone()).collect()).collect();
    let script_packages: Vec<ScriptPackage<'_>> = all
        .controls
        .iter()
        .zip(&files)
        .map(|(control, files)| ScriptPackage {
            control,
            files,
            templates: control.templates(),
            tool: !own.contains(control.package().as_str()),
            run: wanted(control),
        })
        .collect();
    let selections: Vec<Selection> = workshop
        .files
        .manifest
        .debconf
        .iter()
        .map(|text| text.to_string().parse().map_err(|_| BuildError::Debconf { text: text.to_string() }))
        .collect::<Result<_, _>>()?;
    warn_of_unknown_questions(workshop, &script_packages, &selections);
    let architecture = workshop.platform.debian_architecture();

    // The image as it is without these scripts, over the tools; and over both what scripts need besides.
    let plain: Vec<&Tree> = debian.trees.iter().map(|(tree, _)| tree).collect();
    let merged = Root::merge(&plain, &Overlay::default()).map_err(BuildError::Clash)?;
    let handled: Vec<&Control> = match &workshop.files.manifest.configure {
        // A script must find what it would find on a fresh system, and not what it is to make.
        Configure::Packages(_) => debian.controls.iter().filter(|control| !wanted(control)).collect(),
        _ => debian.controls.iter().collect(),
    };
    let settings = settings();
    let handlers = debian.with_contents(&merged, |contents| configure(contents, &handled, &settings))?;
    let overlay = Overlay { tree: handlers.tree.tree().clone(), removed: handlers.removed.clone() };
    let native = Root::merge(&plain, &overlay).map_err(BuildError::Clash)?;
    let whole = all.root()?;
    let mut sandbox = whole.tree.clone();
    lay_over(&mut sandbox, &native.tree);
    let script_files = script_files(&ScriptRequest {
        packages: &script_packages,
        root: &sandbox,
        architecture: architecture.as_str(),
        selections: &selections,
    })?;
    lay_over(&mut sandbox, script_files.tree());
    let checkout_key = ScriptsCheckout(key).key();
    let checkout = all.with_contents(&whole, |tools| {
        debian.with_contents_of(&native, &overlay.tree, &handlers.tree, |image| {
            let contents = Layered {
                sources: vec![
                    (script_files.tree(), &script_files),
                    (&native.tree, image),
                    (&whole.tree, tools),
                ],
            };
            check_out(&workshop.session.store, &checkout_key, |sink| {
                copy_tree(&sandbox, &contents, sink).map_err(BuildError::from)
            })
        })
    })?;

    let job = Job {
        label: LABEL,
        packages_of: None,
        key: *key,
        roots: vec![path(&checkout)],
        command: script_command(),
        environment: script_environment(),
        directory: "",
        binds: Vec::new(),
        time: LONGEST,
        longer: None,
        ownership: Ownership::Recorded,
    };
    let left = workshop.run(workshop.bench()?, job).map_err(explained)?;
    let changed_key = ScriptsChanges(key).key();
    let mut sink = workshop.session.store.tree_writer(&changed_key)?;
    let removed = left.changes(LABEL, &mut sink)?;
    let stored = sink.commit(&[])?;
    let changed = Changes { tree: stored.tree(&Arc::new(Origin::Scripts))?, contents: &stored };
    let mut removed = removed.paths(&sandbox);
    if left.is_whole() {
        // Only a copy: what is not there has been removed.
        let gone = sandbox.iter().map(|(path, _)| path);
        removed = gone.filter(|path| changed.tree.get(path.as_str()).is_none()).cloned().collect();
    }
    let cleaned = debian.with_contents_of(&native, &overlay.tree, &handlers.tree, |image| {
        clean(&ScriptRun {
            native: image,
            sandbox: &sandbox,
            changed: &changed,
            removed: &removed,
            docs: workshop.files.manifest.docs,
        })
    })?;
    for left_out in cleaned.left_out.iter().filter(|left_out| left_out.reason.is_notable()) {
        workshop.session.reporter.event(&Event::LeftOut { path: &left_out.path });
    }
    Ok(together(handlers, cleaned, stored))
}

/// An answer to a question that nobody asks is most likely one with a slip in its name.
fn warn_of_unknown_questions(
    workshop: &Workshop<'_>,
    packages: &[ScriptPackage<'_>],
    selections: &[Selection],
) {
    for unknown in unknown_questions(packages, selections) {
        let (owner, question) = (unknown.selection.owner(), unknown.selection.question());
        let meant = nearest(question, unknown.asked.iter().copied());
        let meant = meant.map(|meant| format!("; did you mean {meant}?")).unwrap_or_default();
        let warning = format!("debconf: no package has the question {question}, answered for {owner}{meant}");
        workshop.session.reporter.event(&Event::Warning(&warning));
    }
}

/// The longest log in which the failed script is looked for, in bytes.
const LONGEST_LOG: u64 = 64 << 20;

/// Names the script that failed, and shows what was printed before it did instead of what came after.
fn explained(error: BuildError) -> BuildError {
    let BuildError::Step(mut failure) = error else { return error };
    let mut text = Vec::new();
    let read = File::open(&failure.log).and_then(|log| log.take(LONGEST_LOG).read_to_end(&mut text));
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let found = lines.iter().enumerate().find_map(|(index, line)| Some((index, script_failure([*line])?)));
    if let (Ok(_), Some((index, script))) = (read, found) {
        failure.problem = format!("failed: {script}");
        let plain = |line: &&str| line.chars().filter(|character| !character.is_control()).collect();
        failure.last_lines =
            lines[(index + 1).saturating_sub(LAST_LINES)..=index].iter().map(plain).collect();
    }
    BuildError::Step(failure)
}

/// What the handlers and then the scripts made, as one.
fn together(handlers: Configuration, cleaned: ScriptResult, changed: impl Contents + 'static) -> Made {
    let mut removed: BTreeSet<ImagePath> = handlers.removed.iter().cloned().collect();
    removed.extend(cleaned.removed.iter().cloned());
    // Only an entry's own path counts: of a directory that is gone, all below is listed too; below one that only got
    // another mode, everything stays.
    let gone: BTreeSet<&ImagePath> = cleaned.removed.iter().collect();
    let kept = handlers.tree.tree().iter().filter(|(path, _)| !gone.contains(path));
    let mut entries: BTreeMap<&ImagePath, &Entry> = kept.collect();
    entries.extend(cleaned.tree.iter());
    let mut tree = Tree::new();
    for (path, entry) in entries {
        tree.insert(path.clone(), entry.clone())
            .expect("in the order of paths, what is below a file is gone");
    }
    let contents = Box::new(Both { handlers: handlers.tree, cleaned, changed });
    Made { tree, removed: removed.into_iter().collect(), contents }
}

/// The contents of what handlers and scripts made.
struct Both<C> {
    handlers: MemoryTree,
    cleaned: ScriptResult,
    changed: C,
}

impl<C: Contents> Contents for Both<C> {
    fn open(&self, path: &ImagePath) -> io::Result<ContentReader<'_>> {
        if let Some(bytes) = self.cleaned.rewritten.get(path) {
            return Ok(Box::new(Cursor::new(bytes.as_slice())));
        }
        match self.cleaned.tree.get(path.as_str()) {
            Some(_) => self.changed.open(path),
            None => self.handlers.open(path),
        }
    }
}

/// Puts every entry of `over` into `tree`, whatever is there.
fn lay_over(tree: &mut Tree, over: &Tree) {
    for (path, entry) in over.iter() {
        let existing = tree.get(path.as_str());
        if existing.is_some_and(|existing| existing.is_directory() != entry.is_directory()) {
            tree.remove(path);
            let below: Vec<ImagePath> = tree.within(path.as_str()).map(|(path, _)| path.clone()).collect();
            for path in below.iter().rev() {
                tree.remove(path);
            }
        } else if existing.is_some() && !entry.is_directory() {
            tree.remove(path);
        }
        // Where something above is a link in the tools' root, the image has a folder, and that was laid over first.
        let _ = tree.insert(path.clone(), entry.clone());
    }
}

/// Several trees over each other, the uppermost first.
struct Layered<'a> {
    sources: Vec<(&'a Tree, &'a dyn Contents)>,
}

impl Contents for Layered<'_> {
    fn open(&self, path: &ImagePath) -> io::Result<ContentReader<'_>> {
        let has = |tree: &Tree| tree.get(path.as_str()).is_some_and(|entry| !entry.is_directory());
        let found = self.sources.iter().find(|(tree, _)| has(tree));
        found.ok_or(io::ErrorKind::NotFound)?.1.open(path)
    }
}

struct Changes<'a> {
    tree: Tree,
    contents: &'a dyn Contents,
}

impl Contents for Changes<'_> {
    fn open(&self, path: &ImagePath) -> io::Result<ContentReader<'_>> {
        self.contents.open(path)
    }
}

impl invar_maintscript::MergedRoot for Changes<'_> {
    fn tree(&self) -> &Tree {
        &self.tree
    }
}

#[cfg(test)]
mod tests {
    use invar_maintscript::clean;
    use invar_tree::{Mode, Owner, Sink as _};

    use super::*;

    /// A tree of lines `MODE PATH TEXT`; a directory's path ends with a slash.
    fn tree_of(origin: Origin, lines: &[&str]) -> MemoryTree {
        let mut tree = MemoryTree::new(origin);
        for line in lines {
            let fields: Vec<&str> = line.split(' ').collect();
            let mode = Mode::new(u32::from_str_radix(fields[0], 8).expect("a mode is a number"));
            let path = ImagePath::parse(fields[1].trim_end_matches('/')).expect("it is a path");
            let made = match fields.get(2) {
                Some(text) => tree.file(path, mode, Owner::ROOT, &mut text.as_bytes()),
                None => tree.directory(path, mode, Owner::ROOT),
            };
            made.expect("the entries form a tree");
        }
        tree
    }

    #[test]
    fn what_handlers_made_stays_where_scripts_do_not_replace_it() {
        let handler = Origin::Handler { name: "test".into() };
        let made =
            tree_of(handler, &["755 etc/x/", "644 etc/x/kept 1", "644 etc/x/replaced 1", "644 etc/y/gone 1"]);
        let handlers = Configuration { tree: made.clone(), removed: Vec::new() };
        // The directory gets another mode only, so what is in it stays.
        let changed = tree_of(Origin::Scripts, &["700 etc/x/", "644 etc/x/replaced 2", "644 etc/x/new 2"]);
        let removed = [ImagePath::parse("etc/y").expect("it is a path")];
        let ran = ScriptRun {
            native: &made,
            sandbox: made.tree(),
            changed: &changed,
            removed: &removed,
            docs: false,
        };
        let cleaned = clean(&ran).expect("it can be cleaned");
        let both = together(handlers, cleaned, changed);
        let entries: Vec<String> = both
            .tree
            .iter()
            .map(|(path, entry)| {
                let text = both.contents.read(path).unwrap_or_default();
                format!("{} {path} {}{}", entry.mode, entry.origin, String::from_utf8_lossy(&text))
            })
            .collect();
        let expected = [
            "0755 /etc handler test",
            "0700 /etc/x Debian's maintainer scripts",
            "0644 /etc/x/kept handler test1",
            "0644 /etc/x/new Debian's maintainer scripts2",
            "0644 /etc/x/replaced Debian's maintainer scripts2",
        ];
        assert_eq!(entries, expected);
    }
}

#[cfg(test)]
mod keys {
    use invar_maintscript::TimeZone;

    use super::*;

    const CHANGED: &str = "if this is intended, raise the VERSION of the domain and pin the new key";

    #[test]
    fn the_keys_are_pinned() {
        let settings = &Settings { time_zone: TimeZone::utc() };
        let configure = &Configure::Packages(BTreeSet::from(["tini".parse().unwrap()]));
        let debconf = &["tini tini/a string b".to_owned()];
        let scripts =
            ScriptsConfiguration { root: &[], packages: &[], configure, settings, docs: true, debconf };
        let key = &ConfiguredPackages(&[]).key();
        assert_eq!(
            scripts.describe(),
            "scripts 1 e745af02b8b59e403ad5bb5cd41139c62e8d686c93c8598958116dcc84be2c22",
            "{CHANGED}"
        );
        assert_eq!(
            ScriptsCheckout(key).describe(),
            "scripts-checkout 1 c3ffd5193b15767cc285fc61a60a2271652446976c6b50a879b223de89b237c5",
            "{CHANGED}"
        );
        assert_eq!(
            ScriptsChanges(key).describe(),
            "scripts-changes 1 f14d7629c563901ac09a29d1ca3a73da80ce42d242ae2ec1095365286cbd5a3f",
            "{CHANGED}"
        );
    }
}
