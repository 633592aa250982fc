//! `invar inspect`
use std::path::Path;
use std::process::ExitCode;

use indicatif::HumanBytes;
use invar_oci_read::{Image, Inventory, Limits, Opened, Sum};
use invar_plan::LayerName;
use invar_project::Purpose;
use serde_json::json;

use crate::cli::{Global, Inspect};
use crate::commands::diff::is_project;
use crate::commands::lock::print;
use crate::commands::open::{NOTHING_NAMED, Open, platform_to_run};
use crate::difference::shown;
use crate::failure::Failure;
use crate::inventory::{of_project, read_image};
use crate::page;
use crate::provenance::plan;
use crate::report::Told;

/// How deep folders are shown.
const DEPTH: usize = 3;

/// Runs the command.
///
/// # Errors
/// [`Failure`].
pub fn run(global: &Global, options: &Inspect, reporter: &dyn Told) -> Result<ExitCode, Failure> {
    let (title, inventory) = count(global, options, reporter)?;
    reporter.finish();
    if let Some(path) = &options.html {
        page::write(path, &page::of_inventory(&title, &inventory, None))?;
    }
    if global.json {
        return print(&format!("{}\n", as_json(&title, &inventory, options.top)));
    }
    if global.quiet {
        return Ok(ExitCode::SUCCESS);
    }
    print(&text(&title, &inventory, options.top))
}

/// The image or project, by name, and its files.
fn count(global: &Global, options: &Inspect, reporter: &dyn Told) -> Result<(String, Inventory), Failure> {
    let folder = options.image.to_string_lossy();
    let named = folder.rsplit_once('#').is_some_and(|(folder, _)| {
        is_project(Path::new(folder)) || Path::new(folder).join("flake.nix").is_file()
    });
    if (is_project(&options.image) && !options.image.join("oci-layout").exists())
        || (named && !options.image.exists())
    {
        let open = Open {
            project: &options.image,
            derive: &NOTHING_NAMED,
            purpose: Purpose::Build,
            keyring: None,
            locked: false,
            keep_failed: false,
        };
        let (session, files) = open.open(global, reporter)?;
        let platform = match &options.platform {
            Some(text) => text
                .parse()
                .map_err(|error: invar_project::ValueError| Failure::input(error.to_string(), None))?,
            None => platform_to_run(&files),
        };
        let items = invar_build::Inventory::read(&session, &files, platform)?;
        let plan = plan(&files, platform)?;
        let layers: Vec<LayerName> = plan.layers.iter().map(|layer| layer.name).collect();
        return Ok((format!("{} for {platform}", files.manifest.image.name), of_project(&items, &layers)));
    }
    let limits = Limits::usual();
    let opened = invar_oci_read::open(&options.image, &limits)?;
    let image = choose(&opened, options.platform.as_deref())?;
    Ok((image_title(&opened, image), read_image(image, &limits)?))
}

/// How an image is called.
pub fn image_title(opened: &Opened, image: &Image) -> String {
    let name = image.names.first().cloned().unwrap_or_else(|| opened.path.display().to_string());
    match &image.platform {
        Some(platform) => format!("{name} for {platform}"),
        None => name,
    }
}

/// The image for the platform, or the only one, or of several the first.
///
/// # Errors
/// There is none.
pub fn choose<'a>(opened: &'a Opened, platform: Option<&str>) -> Result<&'a Image, Failure> {
    let wanted = |image: &&Image| match (platform, &image.platform) {
        (Some(wanted), Some(platform)) => platform.to_string() == wanted,
        _ => true,
    };
    opened.images.iter().find(wanted).ok_or_else(|| {
        let have: Vec<String> =
            opened.images.iter().filter_map(|image| Some(image.platform.as_ref()?.to_string())).collect();
        let platform = platform.unwrap_or("any platform");
        let message = format!("{} has no image for {platform}", opened.path.display());
        Failure::input(message, Some(&format!("it has: {}", have.join(", "))))
    })
}

fn as_json(title: &str, inventory: &Inventory, top: usize) -> serde_json::Value {
    let sums = |sums: Vec<(String, Sum)>| -> Vec<serde_json::Value> {
        sums.into_iter()
            .map(|(name, sum)| json!({"name": name, "files": sum.files, "size": sum.size}))
            .collect()
    };
    let layers: Vec<_> = inventory
        .layers
        .iter()
        .map(|layer| {
            json!({
                "name": layer.name, "stored": layer.stored, "unpacked": layer.unpacked, "files": layer.files,
                "hidden": layer.hidden, "overhead": layer.overhead,
            })
        })
        .collect();
    let duplicates: Vec<_> = inventory
        .duplicates()
        .into_iter()
        .map(|(size, paths)| {
            let paths: Vec<String> = paths.iter().map(ToString::to_string).collect();
            json!({"size": size, "paths": paths})
        })
        .collect();
    let file = |file: &invar_oci_read::Counted| {
        let layer = inventory.layers.get(file.layer).map(|layer| layer.name.clone());
        json!({
            "path": file.path.to_string(), "size": file.size, "digest": file.digest, "layer": layer,
            "origin": file.origin,
        })
    };
    let largest: Vec<_> = inventory.largest(top).into_iter().map(file).collect();
    let files: Vec<_> = inventory.files.iter().map(file).collect();
    json!({
        "image": title, "size": inventory.size(), "layers": layers, "origins": sums(inventory.by_origin()),
        "folders": sums(inventory.by_folder(DEPTH)), "duplicates": duplicates, "largest": largest, "files": files,
    })
}

fn text(title: &str, inventory: &Inventory, top: usize) -> String {
    let mut lines = vec![format!(
        "{}: {} in {} files",
        shown(title),
        HumanBytes(inventory.size()),
        inventory.files.len()
    )];
    lines.push("\nLayers".into());
    for layer in &inventory.layers {
        let stored = layer.stored.map(|size| format!("{} stored, ", HumanBytes(size))).unwrap_or_default();
        let hidden = match layer.hidden {
            0 => String::new(),
            hidden => format!(", {} hidden by later layers", HumanBytes(hidden)),
        };
        let overhead = match layer.overhead {
            0 => String::new(),
            overhead => format!(", {} headers and padding", HumanBytes(overhead)),
        };
        let files = HumanBytes(layer.files);
        lines.push(format!("  {}: {stored}{files} of files{hidden}{overhead}", shown(&layer.name)));
    }
    let mut sums = |title: &str, sums: Vec<(String, Sum)>| {
        lines.push(format!("\n{title}"));
        for (name, sum) in sums.iter().take(top) {
            lines.push(format!(
                "  {:>12}  {} ({} files)",
                HumanBytes(sum.size).to_string(),
                shown(name),
                sum.files
            ));
        }
        if sums.len() > top {
            let rest: u64 = sums[top..].iter().map(|(_, sum)| sum.size).sum();
            lines.push(format!("  {:>12}  {} more", HumanBytes(rest).to_string(), sums.len() - top));
        }
    };
    sums("By origin", inventory.by_origin());
    let mut folders = inventory.by_folder(DEPTH);
    folders.truncate(top);
    sums("Folders", folders);
    lines.push("\nLargest files".into());
    for file in inventory.largest(top) {
        let size = HumanBytes(file.size).to_string();
        lines.push(format!("  {size:>12}  {} ({})", shown(&file.path.to_string()), shown(&file.origin)));
    }
    let duplicates = inventory.duplicates();
    let wasted: u64 = duplicates.iter().map(|(size, paths)| size * (paths.len() as u64 - 1)).sum();
    lines.push(format!("\n{} duplicate files, {} wasted", duplicates.len(), HumanBytes(wasted)));
    for (size, paths) in duplicates.iter().take(top) {
        let size = HumanBytes(size * (paths.len() as u64 - 1)).to_string();
        let more = if paths.len() > 3 { format!(" and {} more", paths.len() - 3) } else { String::new() };
        let paths: Vec<String> = paths.iter().take(3).map(|path| shown(&path.to_string())).collect();
        lines.push(format!("  {size:>12}  {}{more}", paths.join(" ")));
    }
    lines.join("\n") + "\n"
}
