//! `invar inspect`
use std::path::Path;
use std::process::ExitCode;

use invar_diff::is_project;
use invar_inspect::{Page, choose, image_title, read_image, read_project, summary, to_json};
use invar_oci_read::{Inventory, Limits};
use invar_project::Purpose;

use crate::cli::{Derive, Global, Inspect};
use crate::failure::Failure;
use crate::open::{Open, chosen_platform};
use crate::report::{CliReporter, print, write_page};

/// Runs the command.
///
/// # Errors
/// [`Failure`].
pub fn run(global: &Global, options: &Inspect, reporter: &dyn CliReporter) -> Result<ExitCode, Failure> {
    let (title, inventory) = count(global, options, reporter)?;
    reporter.finish();
    if let Some(path) = &options.html {
        write_page(path, &Page::of_inventory(&title, &inventory, &|_| false))?;
    }
    if global.json {
        return print(&format!("{}\n", to_json(&title, &inventory, options.top)));
    }
    if global.quiet {
        return Ok(ExitCode::SUCCESS);
    }
    print(&summary(&title, &inventory, options.top))
}

/// The image or project, by name, and its files.
fn count(
    global: &Global,
    options: &Inspect,
    reporter: &dyn CliReporter,
) -> Result<(String, Inventory), Failure> {
    let folder = options.image.to_string_lossy();
    let named = folder.rsplit_once('#').is_some_and(|(folder, _)| {
        is_project(Path::new(folder)) || Path::new(folder).join("flake.nix").is_file()
    });
    if (is_project(&options.image) && !options.image.join("oci-layout").exists())
        || (named && !options.image.exists())
    {
        let open = Open {
            project: &options.image,
            derive: &Derive::NOTHING,
            purpose: Purpose::Build,
            keyring: None,
            locking: options.locking,
            keep_failed: false,
        };
        let (session, files) = open.open(global, reporter)?;
        let platform = chosen_platform(options.platform.as_deref(), &files)?;
        let inventory = read_project(&session, &files, platform)?;
        return Ok((format!("{} for {platform}", files.manifest.image.name), inventory));
    }
    let limits = Limits::usual();
    let opened = invar_oci_read::open(&options.image, &limits)?;
    let image = choose(&opened, options.platform.as_deref())?;
    Ok((image_title(&opened, image), read_image(image, &limits)?))
}
