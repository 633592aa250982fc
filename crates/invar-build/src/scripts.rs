//! Debian's own maintainer scripts, run in a sandbox where the manifest asks for it.
use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use invar_configure::{
    Cleaned, Configured, Ran, ScriptPackage, ScriptRequest, Selection, clean, configure, script_command,
    script_environment, script_files,
};
use invar_debian::Control;
use invar_plan::{PackageRecipe, Recipe};
use invar_project::Configure;
use invar_sandbox::Ownership;
use invar_store::Key;
use invar_tree::{Contents, Entry, ImagePath, MemoryTree, Node, Opened, Origin, Sink as _, Tree};

use crate::configuration::configuration;
use crate::copy::{check_out, copy_tree, failed};
use crate::debian::{Debian, packages_key, path};
use crate::key::key_of;
use crate::root::{Overlay, Root};
use crate::workshop::{Job, Workshop};
use crate::{BuildError, Event};

/// How long all scripts together may take.
const LONGEST: Duration = Duration::from_secs(3600);

const LABEL: &str = "maintainer scripts";

/// The key of what handlers and scripts together make of `packages`, in a root of the packages `root`.
pub(crate) fn key(workshop: &Workshop<'_>, root: &[PackageRecipe], packages: &[PackageRecipe]) -> Key {
    let manifest = &workshop.files.manifest;
    let wanted = match &manifest.configure {
        Configure::Native => String::new(),
        Configure::Run => "all".to_owned(),
        Configure::Packages(names) => names.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
    };
    let mut fields = vec![
        ("root".to_owned(), packages_key("root", root).to_string()),
        ("packages".to_owned(), packages_key("packages", packages).to_string()),
        ("run".to_owned(), wanted),
        ("settings".to_owned(), format!("{:?}", workshop.files.configure_settings())),
        ("docs".to_owned(), manifest.docs.to_string()),
    ];
    // Numbered: of two answers to one question the later counts.
    for (number, selection) in manifest.debconf.iter().enumerate() {
        fields.push((format!("debconf-{number}"), selection.to_string()));
    }
    key_of("scripts", &fields)
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
        configuration(&workshop.session.store, &key, || configured(workshop, debian, root, &key))?;
    (debian.overlay, debian.configured) = (overlay, configured);
    Ok(())
}

fn configured(
    workshop: &Workshop<'_>,
    debian: &Debian,
    packages: &[PackageRecipe],
    key: &Key,
) -> Result<Configured, BuildError> {
    workshop.check(LABEL)?;
    let wanted = |control: &Control| match &workshop.files.manifest.configure {
        Configure::Native => false,
        Configure::Run => true,
        Configure::Packages(names) => names.contains(control.package()),
    };
    let own: BTreeSet<&str> = debian.controls.iter().map(|control| control.package().as_str()).collect();
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
    let architecture = workshop.platform.debian_architecture();
    let request = ScriptRequest {
        packages: &script_packages,
        architecture: architecture.as_str(),
        selections: &selections,
    };
    let script_files = script_files(&request)?;

    // The image as it is without these scripts, over the tools; and over both what scripts need besides.
    let plain: Vec<&Tree> = debian.trees.iter().map(|(tree, _)| tree).collect();
    let merged = Root::merge(&plain, &Overlay::default()).map_err(BuildError::Clash)?;
    let handled: Vec<&Control> = match &workshop.files.manifest.configure {
        // A script must find what it would find on a fresh system, and not what it is to make.
        Configure::Packages(_) => debian.controls.iter().filter(|control| !wanted(control)).collect(),
        _ => debian.controls.iter().collect(),
    };
    let settings = workshop.files.configure_settings();
    let handlers = debian.with_contents(&merged, |contents| configure(contents, &handled, &settings))?;
    let overlay = Overlay { tree: handlers.tree.tree().clone(), removed: handlers.removed.clone() };
    let native = Root::merge(&plain, &overlay).map_err(BuildError::Clash)?;
    let whole = all.root()?;
    let mut sandbox = whole.tree.clone();
    lay_over(&mut sandbox, &native.tree);
    lay_over(&mut sandbox, script_files.tree());
    let checkout_key = key_of("scripts-checkout", &[("scripts", key.to_string())]);
    let checkout = all.with_contents(&whole, |tools| {
        debian.with_contents_of(&native, &overlay.tree, &handlers.tree, |image| {
            let contents = Layered {
                sources: vec![
                    (script_files.tree(), &script_files),
                    (&native.tree, image),
                    (&whole.tree, tools),
                ],
            };
            check_out(&workshop.session.store, &checkout_key, |sink| copy_tree(&sandbox, &contents, sink))
        })
    })?;

    let job = Job {
        label: LABEL,
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
    let left = workshop.run(workshop.bench()?, job)?;
    let changed_key = key_of("scripts-changes", &[("scripts", key.to_string())]);
    let mut sink = workshop.session.store.tree_writer(&changed_key)?;
    let removed = left.changes(LABEL, &mut sink)?;
    let stored = sink.commit(&[])?;
    let mut changed = Changes { tree: stored.tree(&Arc::new(Origin::Scripts))?, contents: &stored };
    let mut removed = removed.paths(&sandbox);
    if left.is_whole() {
        // Only a copy: what is as it was has not been changed, and what is not there has been removed.
        let gone = sandbox.iter().map(|(path, _)| path);
        removed = gone.filter(|path| changed.tree.get(path.as_str()).is_none()).cloned().collect();
        let same = changed.tree.iter().filter(|(path, entry)| {
            !entry.is_directory() && sandbox.get(path.as_str()).is_some_and(|before| is_same(before, entry))
        });
        let same: Vec<ImagePath> = same.map(|(path, _)| path.clone()).collect();
        for path in &same {
            changed.tree.remove(path);
        }
    }
    debian.with_contents_of(&native, &overlay.tree, &handlers.tree, |image| {
        let ran = Ran {
            native: image,
            sandbox: &sandbox,
            changed: &changed,
            removed: &removed,
            docs: workshop.files.manifest.docs,
        };
        let cleaned = clean(&ran)?;
        for left_out in &cleaned.left_out {
            if left_out.reason.is_notable() {
                workshop.session.reporter.event(&Event::LeftOut { path: &left_out.path });
            }
        }
        together(&handlers, &cleaned, &changed)
    })
}

/// What the handlers and then the scripts made, as one.
fn together(
    handlers: &Configured,
    cleaned: &Cleaned,
    changed: &dyn Contents,
) -> Result<Configured, BuildError> {
    let gone: BTreeSet<&ImagePath> = cleaned.removed.iter().collect();
    let mut tree = MemoryTree::new(Origin::Scripts);
    let contents = cleaned.contents(changed);
    let kept = handlers.tree.tree().iter().filter(|(path, entry)| {
        let replaced =
            cleaned.tree.get(path.as_str()).is_some_and(|new| !(new.is_directory() && entry.is_directory()));
        !replaced && !gone.contains(path) && !path.ancestors().any(|above| gone.contains(&above))
    });
    for (path, entry) in kept {
        add(&mut tree, path, entry, &handlers.tree)?;
    }
    for (path, entry) in cleaned.tree.iter() {
        add(&mut tree, path, entry, &contents)?;
    }
    let mut removed: BTreeSet<ImagePath> = handlers.removed.iter().cloned().collect();
    removed.extend(cleaned.removed.iter().cloned());
    Ok(Configured { tree, removed: removed.into_iter().collect() })
}

/// Copies one entry, with its origin.
fn add(
    tree: &mut MemoryTree,
    path: &ImagePath,
    entry: &Entry,
    from: &dyn Contents,
) -> Result<(), BuildError> {
    tree.set_origin(Origin::clone(&entry.origin));
    let (path, owner) = (path.clone(), entry.owner);
    let added = match &entry.node {
        Node::Directory => tree.directory(path, entry.mode, owner),
        Node::Symlink { target } => tree.symlink(path, Arc::clone(target), owner),
        Node::File { .. } => {
            let mut content = from.open(&path).map_err(BuildError::Write)?;
            tree.file(path, entry.mode, owner, &mut content)
        }
    };
    added.map_err(failed)
}

/// Whether a file or link has not been changed. Owners, and the special bits of modes, are not on the disk.
fn is_same(before: &Entry, after: &Entry) -> bool {
    before.node == after.node && before.mode.bits() & 0o777 == after.mode.bits() & 0o777
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
    fn open(&self, path: &ImagePath) -> io::Result<Opened<'_>> {
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
    fn open(&self, path: &ImagePath) -> io::Result<Opened<'_>> {
        self.contents.open(path)
    }
}

impl invar_configure::Root for Changes<'_> {
    fn tree(&self) -> &Tree {
        &self.tree
    }
}
