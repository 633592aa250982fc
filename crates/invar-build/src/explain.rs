//! Why a program did not start in an image, after it has not.
use invar_checkout::{ProjectFiles, SourceTree};
use invar_plan::{LayerName, Plan, image_config};
use invar_project::Platform;
use invar_run::{Install, packages_with_program};

use crate::assembly::Assembly;
use crate::checks::{StartFault, start_fault};
use crate::image_trees::RootFiles;
use crate::{BuildError, Session};

/// What kept `program` from starting in the image of `files`, in `directory` if it is not the image's; `None` where nothing
/// is wrong with it. For a program that no table knows, the archive's index of files is asked, unless offline.
///
/// # Errors
/// What building the image says.
pub fn why_not_started(
    session: &Session<'_>,
    files: &ProjectFiles,
    platform: Platform,
    program: &str,
    directory: Option<&str>,
) -> Result<Option<StartFault>, BuildError> {
    let lock = files.checked_lock()?;
    let plan = Plan::new(&files.manifest, lock, files.uv_lock.as_ref(), platform)?;
    // What there is to say of the source has been said.
    let source = SourceTree::read(&|_| {}, files, None)?;
    let assembly = Assembly::new(session, files, lock, &plan, &source, Install::Copied);
    let (trees, root) = assembly.merge()?;
    let names: Vec<LayerName> = plan.layers.iter().map(|layer| layer.name).collect();
    let created = lock.created.to_string();
    let mut config = image_config(&files.manifest, platform, &created, plan.interpreter.is_some(), &names);
    if let Some(directory) = directory {
        config.working_dir = Some(directory.to_owned());
    }
    let files = RootFiles { trees: &trees, root: &root, source: &source };
    let mut fault = start_fault(&files, &config, &plan, program);
    if let Some(StartFault { advice: advice @ None, missing: Some(name), .. }) = &mut fault {
        *advice = Some(match packages_with_program(&assembly.context(), name).as_slice() {
            [] => format!(
                "add the Debian package that has it to `packages` of [tool.invar] (`apt-file search bin/{name}` finds it)"
            ),
            [package] => format!("add \"{package}\" to `packages` of [tool.invar]"),
            [first, others @ ..] => {
                let others: Vec<&str> = others.iter().map(|package| package.as_str()).collect();
                format!("add \"{first}\" to `packages` of [tool.invar] (also in {})", others.join(" and "))
            }
        });
    }
    Ok(fault)
}
