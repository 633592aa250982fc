//! Debian's own maintainer scripts, run in a sandbox where the manifest asks for it.
mod key;
mod overlay;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use invar_debian::Control;
use invar_formats::spelling::nearest;
use invar_maintscript::{
    ScriptPackage, ScriptRequest, ScriptRun, Selection, clean, configure_all_but, script_command,
    script_environment, script_failure, script_files, unknown_questions,
};
use invar_plan::{PackageRecipe, Recipe, check_configured};
use invar_project::Configure;
use invar_realise::{Event, check_out, copy_tree};
use invar_sandbox::Ownership;
use invar_store::{Key, Keyed};
use invar_tree::{ImagePath, Origin, Tree};

use self::key::{ScriptsChanges, ScriptsCheckout, ScriptsConfiguration};
use self::overlay::{Changes, Layered, lay_over, together};
use crate::RunError;
use crate::configuration::{Made, configuration};
use crate::context::BuildContext;
use crate::debian::{DebianRoot, settings};
use crate::executor::{Command, RootTree, Wanted};
use crate::root::{Overlay, Root};
use crate::run_command::{Advice, LAST_LINES, unusable};
use crate::unpacked::UnpackedPackage;

/// How long all scripts together may take.
const LONGEST: Duration = Duration::from_secs(3600);

const LABEL: &str = "maintainer scripts";

/// The key of what handlers and scripts together make of `packages`, in a root of the packages `root`.
pub fn scripts_key(context: &BuildContext<'_>, root: &[PackageRecipe], packages: &[PackageRecipe]) -> Key {
    let manifest = &context.files.manifest;
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

/// Runs the scripts that the manifest names over `debian`, and puts what they made instead of what the handlers
/// made.
///
/// # Errors
/// [`RunError::Sandbox`], [`RunError::Step`], and what the store says.
pub fn run_maintainer_scripts(
    context: &BuildContext<'_>,
    debian: &mut DebianRoot,
    root: &[PackageRecipe],
) -> Result<(), RunError> {
    let packages: Vec<PackageRecipe> = debian
        .recipes
        .iter()
        .filter_map(|recipe| match recipe {
            Recipe::Package(package) => Some(package.clone()),
            Recipe::Wheel(_) => None,
        })
        .collect();
    let key = scripts_key(context, root, &packages);
    let (overlay, configured) =
        configuration(&context.sources.store, &key, || run_scripts(context, debian, root, &key))?;
    (debian.overlay, debian.configured) = (overlay, configured);
    Ok(())
}

fn run_scripts(
    context: &BuildContext<'_>,
    debian: &DebianRoot,
    packages: &[PackageRecipe],
    key: &Key,
) -> Result<Made, RunError> {
    let wanted = |control: &Control| match &context.files.manifest.configure {
        Configure::Native => false,
        Configure::Run => true,
        Configure::Packages(names) => names.contains(control.package()),
    };
    check_configured(&context.files.manifest.configure, debian.controls.iter().map(Control::package))?;
    let own: BTreeSet<&str> = debian.controls.iter().map(|control| control.package().as_str()).collect();
    context.check(LABEL)?;
    let all = DebianRoot::realise(context, packages)?;
    let files: Vec<Vec<ImagePath>> = all
        .packages
        .iter()
        .map(|files| files.tree().iter().map(|(path, _)| path.clone()).collect())
        .collect();
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
    let selections: Vec<Selection> = context
        .files
        .manifest
        .debconf
        .iter()
        .map(|text| text.to_string().parse().map_err(|_| RunError::Debconf { text: text.to_string() }))
        .collect::<Result<_, _>>()?;
    warn_of_unknown_questions(context, &script_packages, &selections);
    let architecture = context.platform.debian_architecture();

    // The image as it is without these scripts, over the tools; and over both what else scripts need.
    let plain: Vec<&Tree> = debian.packages.iter().map(UnpackedPackage::tree).collect();
    let merged = Root::merge(&plain, &Overlay::default()).map_err(RunError::Clash)?;
    // A script must find what it would find on a fresh system, and not what it is to make.
    let only_some = matches!(context.files.manifest.configure, Configure::Packages(_));
    let is_left_out = |control: &Control| only_some && wanted(control);
    let controls: Vec<&Control> = debian.controls.iter().collect();
    let settings = settings();
    let handlers = debian
        .with_contents(&merged, |contents| configure_all_but(contents, &controls, &is_left_out, &settings))?;
    let overlay = Overlay { tree: handlers.tree.tree().clone(), removed: handlers.removed.clone() };
    let native = Root::merge(&plain, &overlay).map_err(RunError::Clash)?;
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
            check_out(&context.sources.store, &checkout_key, |sink| {
                copy_tree(&sandbox, &contents, sink).map_err(RunError::from)
            })
        })
    })?;

    let command = Command {
        label: LABEL,
        key: *key,
        platform: context.platform,
        root: vec![RootTree::Checkout(checkout)],
        inputs: Vec::new(),
        arguments: script_command(),
        environment: script_environment(),
        directory: String::new(),
        limits: context.limits(LONGEST),
        ownership: Ownership::Recorded,
        wanted: Wanted::Changes,
    };
    let outputs = context.run(&command, &Advice::default()).map_err(explained)?;
    let changed_key = ScriptsChanges(key).key();
    let mut sink = context.sources.store.tree_writer(&changed_key)?;
    let removal = outputs.tree.give_changes(&mut sink).map_err(|error| unusable(LABEL, "/", error))?;
    let stored = sink.commit(&[])?;
    let changed = Changes { tree: stored.tree(&Arc::new(Origin::Scripts))?, contents: &stored };
    let removed = removal.paths(&sandbox, &changed.tree);
    let cleaned = debian.with_contents_of(&native, &overlay.tree, &handlers.tree, |image| {
        clean(&ScriptRun {
            native: image,
            sandbox: &sandbox,
            changed: &changed,
            removed: &removed,
            docs: context.files.manifest.docs,
        })
    })?;
    for left_out in cleaned.left_out.iter().filter(|left_out| left_out.reason.is_notable()) {
        context.sources.reporter.event(&Event::LeftOut { path: &left_out.path });
    }
    Ok(together(handlers, cleaned, stored))
}

/// An answer to a question that nobody asks is most likely one with a slip in its name.
fn warn_of_unknown_questions(
    context: &BuildContext<'_>,
    packages: &[ScriptPackage<'_>],
    selections: &[Selection],
) {
    for unknown in unknown_questions(packages, selections) {
        let (owner, question) = (unknown.selection.owner(), unknown.selection.question());
        let meant = nearest(question, unknown.asked.iter().copied());
        let meant = meant.map(|meant| format!("; did you mean {meant}?")).unwrap_or_default();
        let warning =
            format!("debconf: no package asks the question {question}, answered for {owner}{meant}");
        context.sources.reporter.event(&Event::Warning(&warning));
    }
}

/// The longest log in which the failed script is looked for, in bytes.
const LONGEST_LOG: u64 = 64 << 20;

/// Names the script that failed, and shows what was printed before it did instead of what came after.
fn explained(error: RunError) -> RunError {
    let RunError::Step(mut failure) = error else { return error };
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
    RunError::Step(failure)
}
