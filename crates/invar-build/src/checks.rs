//! What would keep an image from starting: programs and files that its commands name and that it does not have, libraries
//! that its files need, directories that its user cannot write to.
//!
//! A container may get more files when it is started, so all of this is a warning and no error. Nothing here shapes an
//! image. What is found is kept in the store under [`VERSION`], so that it costs nothing where nothing has changed.
mod advice;
mod command;
mod elf;
mod libraries;
mod program;
mod python;
mod script;
mod view;
mod writable;

use std::collections::BTreeSet;

pub use program::StartFault;

use invar_oci::ImageConfig;
use invar_plan::Plan;
use invar_store::Store;

use self::command::{check_command, check_step};
use self::libraries::missing_libraries;
use self::view::View;
use self::writable::unwritable;
use crate::BuildError;
use crate::image_trees::RootFiles;

/// What the checks find for the same image: it moves with their sentences.
pub(crate) const VERSION: u32 = 2;

/// Sentences about what would keep the image of `config` and `plan` from starting, each once, the gravest first.
/// `requested` are the Debian packages that the manifest names.
pub(crate) fn lacking(
    files: &RootFiles<'_>,
    config: &ImageConfig,
    plan: &Plan,
    requested: &BTreeSet<&str>,
    store: &Store,
) -> Result<Vec<String>, BuildError> {
    let view = View { tree: &files.root.tree, contents: files, config, plan };
    let mut found = Vec::new();
    let command: Vec<&str> =
        config.entrypoint.iter().chain(&config.cmd).flatten().map(String::as_str).collect();
    check_command(&view, &command, "its command", &mut found);
    if let Some(check) = &config.healthcheck
        && let Some((kind, words)) = check.test.split_first()
        && kind == "CMD"
    {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        check_command(&view, &words, "its health check", &mut found);
    }
    for step in plan.steps.iter().filter(|planned| planned.step.in_image) {
        check_step(&view, step, &mut found);
    }
    found.extend(unwritable(&view));
    found.extend(missing_libraries(files, &view, requested, store)?);
    let mut once = Vec::new();
    for sentence in found {
        if !once.contains(&sentence) {
            once.push(sentence);
        }
    }
    Ok(once)
}

/// What keeps `program` from starting in the image of `config` and `plan`.
pub(crate) fn start_fault(
    files: &RootFiles<'_>,
    config: &ImageConfig,
    plan: &Plan,
    program: &str,
) -> Option<StartFault> {
    program::fault(&View { tree: &files.root.tree, contents: files, config, plan }, program)
}

#[cfg(test)]
mod tests;
