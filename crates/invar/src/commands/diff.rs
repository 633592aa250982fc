//! `invar diff`
use std::process::ExitCode;

use invar_build::{BuildRequest, Target, build};
use invar_diff::{CompareOptions, DiffError, Operand, Project, compare, page, resolve, text};
use invar_oci_read::{ImageSet, Limits};
use invar_project::Purpose;

use crate::cli::{Derive, Diff, Global, Locking};
use crate::failure::{DIFFERENT, Failure};
use crate::open::Open;
use crate::report::{CliReporter, print, write_page};

/// Runs the command.
///
/// # Errors
/// [`Failure`].
pub fn run(global: &Global, options: &Diff, reporter: &dyn CliReporter) -> Result<ExitCode, Failure> {
    let limits = Limits::usual();
    let (mut old, mut new) = (resolve(&options.old, &limits)?, resolve(&options.new, &limits)?);
    // A project is compared with an image as the image that it is built into.
    let _kept = match (&old, &new) {
        (Operand::Project(project), Operand::Images(_)) => {
            let (kept, opened) = built(global, project, &options.old, reporter)?;
            old = Operand::Images(opened);
            Some(kept)
        }
        (Operand::Images(_), Operand::Project(project)) => {
            let (kept, opened) = built(global, project, &options.new, reporter)?;
            new = Operand::Images(opened);
            Some(kept)
        }
        _ => None,
    };
    let how = CompareOptions {
        platform: options.platform.clone(),
        all_layers: options.all_layers,
        inventory: options.html.is_some(),
        limits,
    };
    let (comparison, inventory) = compare((&old, &new), (&options.old, &options.new), &how)?;
    reporter.finish();
    if let Some(path) = &options.html {
        write_page(path, &page(&comparison, inventory.as_ref()))?;
    }
    if global.json {
        print(&format!("{}\n", serde_json::to_string(&comparison).expect("it is plain data")))?;
    } else if !global.quiet {
        print(&text(&comparison))?;
    }
    Ok(if comparison.same { ExitCode::SUCCESS } else { DIFFERENT.into() })
}

/// The image of a project's folder, built into a folder of the store that is there as long as the first value is.
fn built(
    global: &Global,
    project: &Project,
    name: &str,
    reporter: &dyn CliReporter,
) -> Result<(invar_store::Scratch, ImageSet), Failure> {
    let Some(folder) = &project.folder else {
        return Err(DiffError::RevisionToBuild { name: name.to_owned() }.into());
    };
    let open = Open {
        project: folder,
        derive: &Derive::NOTHING,
        purpose: Purpose::Build,
        keyring: None,
        locking: Locking::LOCKED,
        keep_failed: false,
    };
    let (session, files) = open.open(global, reporter)?;
    let scratch = session.sources.store.scratch()?;
    let place = scratch.path().join("image");
    let target = Target::OciDirectory(place.clone());
    build(&session, &files, &BuildRequest { target, platforms: Vec::new() })?;
    let opened = invar_oci_read::open(&place, &Limits::usual())?;
    Ok((scratch, opened))
}
