//! What each ecosystem's own module does, by the ecosystem.
use invar_tree::{ImagePath, Sink};

use crate::offer::OfferDirectory;
use crate::{Ecosystem, FetchedFile, LockedFile, Offer, Registries, Target, VendorError, cargo, npm, pip};

/// Whose lock the file called `file_name` with the content `text` is, if it is one.
///
/// `file_name` may be a path; its last name counts. The text decides only for requirements files, which are locks when
/// they have hashes.
pub fn ecosystem_of(file_name: &str, text: &str) -> Option<Ecosystem> {
    match file_name.rsplit('/').next().unwrap_or(file_name) {
        "package-lock.json" | "npm-shrinkwrap.json" => Some(Ecosystem::Npm),
        "Cargo.lock" => Some(Ecosystem::Cargo),
        name if pip::is_requirements_name(name) && text.contains("--hash=sha256:") => Some(Ecosystem::Pip),
        _ => None,
    }
}

/// What the lock `text` of `ecosystem` needs for a step that runs on `target`, sorted and without duplicates.
///
/// What is local (workspaces, paths) or can never be installed on `target` is left out.
///
/// # Errors
/// [`VendorError::Json`], [`Toml`](VendorError::Toml), [`Version`](VendorError::Version),
/// [`TooMany`](VendorError::TooMany), and [`Entry`](VendorError::Entry), which names the lock's entry.
pub fn read_lock(ecosystem: Ecosystem, text: &str, target: &Target) -> Result<Vec<LockedFile>, VendorError> {
    let mut all = match ecosystem {
        Ecosystem::Npm => npm::read_lock(text, target)?,
        Ecosystem::Cargo => cargo::read_lock(text)?,
        Ecosystem::Pip => pip::read_lock(text)?,
    };
    all.sort();
    all.dedup();
    Ok(all)
}

/// The addresses from which the file of `needed` may be had, the best first; empty where the caller has to look it up
/// (pip, git) or `registries` lacks the registry.
pub fn urls(needed: &LockedFile, registries: &Registries) -> Vec<String> {
    match needed.ecosystem() {
        Ecosystem::Npm => npm::urls(needed, registries),
        Ecosystem::Cargo => cargo::urls(needed, registries),
        Ecosystem::Pip => Vec::new(),
    }
}

/// The version of how files are laid out for tools: what [`offer`] gives. Raise it when the same input gives anything else.
///
/// Keys of the store have it, so what earlier code made is not found any more.
pub const OFFER_VERSION: u32 = 1;

/// Gives `files` to `sink`, below `at`, in the form in which the tool of `ecosystem` finds them.
///
/// Files of several locks of one ecosystem may be offered together; what two of them name is written once. Every file
/// is checked against its lock again. After an error, what the sink has taken is to be thrown away.
///
/// # Errors
/// [`VendorError`], which names the file.
pub fn offer(
    ecosystem: Ecosystem,
    files: &[FetchedFile<'_>],
    at: &ImagePath,
    sink: &mut dyn Sink,
) -> Result<Offer, VendorError> {
    for file in files {
        let found = file.needed.ecosystem();
        if found != ecosystem {
            return Err(VendorError::Ecosystem { file: file.label(), expected: ecosystem, found });
        }
    }
    let mut place = OfferDirectory::new(at, sink);
    let environment = match ecosystem {
        Ecosystem::Npm => npm::offer(files, &mut place)?,
        Ecosystem::Cargo => cargo::offer(files, &mut place)?,
        Ecosystem::Pip => pip::offer(files, &mut place)?,
    };
    let environment = environment.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Ok(Offer { environment })
}
