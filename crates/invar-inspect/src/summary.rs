//! The files of an image, summed up as text and as JSON.
use invar_diagnostic::printable;
use invar_oci_read::{Inventory, Usage};
use serde_json::json;

use crate::terminal::ByteSize;

/// How deep folders are shown.
const DEPTH: usize = 3;

/// All files and sums, with the `top` largest.
pub fn to_json(title: &str, inventory: &Inventory, top: usize) -> serde_json::Value {
    let sums = |sums: Vec<(String, Usage)>| -> Vec<serde_json::Value> {
        sums.into_iter()
            .map(|(name, sum)| json!({"name": name, "files": sum.files, "size": sum.size}))
            .collect()
    };
    let layers: Vec<_> = inventory
        .layers
        .iter()
        .map(|layer| {
            json!({
                "name": layer.name, "size": layer.stored, "uncompressed-size": layer.unpacked,
                "files-size": layer.files, "hidden-size": layer.hidden, "overhead-size": layer.overhead,
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
    let file = |file: &invar_oci_read::InventoryFile| {
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
        "directories": sums(inventory.by_directory(DEPTH)), "duplicates": duplicates, "largest": largest, "files": files,
    })
}

/// The sums, and the `top` largest of each kind.
pub fn summary(title: &str, inventory: &Inventory, top: usize) -> String {
    let mut lines = vec![format!(
        "{}: {} in {} files",
        printable(title),
        ByteSize(inventory.size()),
        inventory.files.len()
    )];
    lines.push("\nLayers".into());
    for layer in &inventory.layers {
        let stored = layer.stored.map(|size| format!("{} stored, ", ByteSize(size))).unwrap_or_default();
        let hidden = match layer.hidden {
            0 => String::new(),
            hidden => format!(", {} hidden by later layers", ByteSize(hidden)),
        };
        let overhead = match layer.overhead {
            0 => String::new(),
            overhead => format!(", {} headers and padding", ByteSize(overhead)),
        };
        let files = ByteSize(layer.files);
        lines.push(format!("  {}: {stored}{files} of files{hidden}{overhead}", printable(&layer.name)));
    }
    let mut sums = |title: &str, sums: Vec<(String, Usage)>| {
        lines.push(format!("\n{title}"));
        for (name, sum) in sums.iter().take(top) {
            lines.push(format!(
                "  {:>12}  {} ({} files)",
                ByteSize(sum.size).to_string(),
                printable(name),
                sum.files
            ));
        }
        if sums.len() > top {
            let rest: u64 = sums[top..].iter().map(|(_, sum)| sum.size).sum();
            lines.push(format!("  {:>12}  {} more", ByteSize(rest).to_string(), sums.len() - top));
        }
    };
    sums("By origin", inventory.by_origin());
    let mut folders = inventory.by_directory(DEPTH);
    folders.truncate(top);
    sums("Folders", folders);
    lines.push("\nLargest files".into());
    for file in inventory.largest(top) {
        let size = ByteSize(file.size).to_string();
        lines.push(format!(
            "  {size:>12}  {} ({})",
            printable(&file.path.to_string()),
            printable(&file.origin)
        ));
    }
    let duplicates = inventory.duplicates();
    let wasted: u64 = duplicates.iter().map(|(size, paths)| size * (paths.len() as u64 - 1)).sum();
    lines.push(format!("\n{} duplicate files, {} wasted", duplicates.len(), ByteSize(wasted)));
    for (size, paths) in duplicates.iter().take(top) {
        let size = ByteSize(size * (paths.len() as u64 - 1)).to_string();
        let more = if paths.len() > 3 { format!(" and {} more", paths.len() - 3) } else { String::new() };
        let paths: Vec<String> = paths.iter().take(3).map(|path| printable(&path.to_string())).collect();
        lines.push(format!("  {size:>12}  {}{more}", paths.join(" ")));
    }
    lines.join("\n") + "\n"
}
