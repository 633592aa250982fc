//! One page for a browser, which needs nothing but itself: the style, the script and the data are in it.
//!
//! The data is JSON in an element that is not run. In it, `<`, `>` and `&` and the two line separators are written as
//! escapes, so that no name of a file can end the element; the script puts texts into the page as texts only. The
//! page's own policy forbids all that is fetched.
use std::path::Path;

use indicatif::HumanBytes;
use invar_build::BuildError;
use invar_diff::{Change, PackageChange};
use invar_oci_read::{Inventory, Sum};
use serde::Serialize;

use crate::commands::diff::Outcome;
use crate::difference::{cause_text, details, of_inside, used};
use crate::failure::Failure;

const FRAME: &str = include_str!("page/frame.html");
const STYLE: &str = include_str!("page/style.css");
const SCRIPT: &str = include_str!("page/script.js");

/// What a page shows.
#[derive(Debug, Serialize)]
pub struct Page {
    title: String,
    /// Sentences below the title.
    summary: Vec<String>,
    /// The boxes of the map.
    map: Vec<Tile>,
    lists: Vec<List>,
}

/// A box, as large as its size.
#[derive(Debug, Serialize)]
struct Tile {
    group: String,
    name: String,
    size: u64,
    files: usize,
    state: &'static str,
}

#[derive(Debug, Serialize)]
struct List {
    title: String,
    items: Vec<Item>,
}

#[derive(Debug, Serialize)]
struct Item {
    /// `added`, `removed`, `changed` or nothing.
    state: &'static str,
    name: String,
    group: String,
    size: Option<u64>,
    text: String,
    detail: Vec<String>,
}

/// How many lines of one file a page has, and how many items a list.
const DETAIL: usize = 200;
const ITEMS: usize = 50_000;

/// The page of an image. With `outcome`, packages that changed are marked.
pub fn of_inventory(title: &str, inventory: &Inventory, outcome: Option<&Outcome>) -> Page {
    let origins = inventory.by_origin();
    let map =
        origins.iter().filter(|(_, sum)| sum.size > 0).map(|(name, sum)| tile(name, *sum, outcome)).collect();
    let sums = |title: &str, sums: Vec<(String, Sum)>| List {
        title: title.into(),
        items: sums
            .into_iter()
            .map(|(name, sum)| item(name, String::new(), Some(sum.size), format!("{} files", sum.files)))
            .collect(),
    };
    let layers = inventory.layers.iter().map(|layer| {
        let mut text = format!("{} of files", HumanBytes(layer.files));
        let parts = [
            (layer.stored, "stored"),
            (Some(layer.hidden), "hidden by later layers"),
            (Some(layer.overhead), "of headers and padding"),
        ];
        for (bytes, what) in parts {
            if let Some(bytes) = bytes.filter(|bytes| *bytes > 0) {
                text.push_str(&format!(", {} {what}", HumanBytes(bytes)));
            }
        }
        item(layer.name.clone(), String::new(), Some(layer.unpacked), text)
    });
    let duplicates = inventory.duplicates().into_iter().map(|(size, paths)| Item {
        detail: paths.iter().map(ToString::to_string).collect(),
        ..item(
            paths[0].to_string(),
            String::new(),
            Some(size * (paths.len() as u64 - 1)),
            format!("{} times", paths.len()),
        )
    });
    let files = inventory.largest(ITEMS).into_iter();
    let files =
        files.map(|file| item(file.path.to_string(), file.origin.clone(), Some(file.size), String::new()));
    Page {
        title: title.to_owned(),
        summary: vec![format!("{} files, {}", inventory.files.len(), HumanBytes(inventory.size()))],
        map,
        lists: vec![
            List { title: "Layers".into(), items: layers.collect() },
            sums("By origin", origins),
            sums("Folders", inventory.by_folder(4)),
            List { title: "Duplicates".into(), items: duplicates.collect() },
            List { title: "Files".into(), items: files.collect() },
        ],
    }
}

/// The page of a comparison, with the map of the second image where that has been read.
pub fn of_difference(outcome: &Outcome, inventory: Option<&Inventory>) -> Page {
    let title = format!("{} → {}", outcome.old, outcome.new);
    let mut page = match inventory {
        Some(inventory) => of_inventory(&title, inventory, Some(outcome)),
        None => Page { title, summary: Vec::new(), map: Vec::new(), lists: Vec::new() },
    };
    page.lists.clear();
    page.summary = vec![match outcome.same {
        true => "No difference".into(),
        false => "They differ".into(),
    }];
    let packages = outcome.images.iter().flat_map(|image| &image.packages);
    let packages = packages.chain(outcome.files.iter().flat_map(|file| &file.packages)).map(of_package);
    page.lists.push(List { title: "Packages".into(), items: packages.collect() });
    let files = outcome.images.iter().flat_map(|image| &image.files).take(ITEMS).map(|change| {
        let mut detail = change.inside.iter().flat_map(of_inside).collect::<Vec<String>>();
        detail.truncate(DETAIL);
        Item {
            state: state(change.change),
            detail,
            ..item(
                change.path.clone(),
                change.origin.clone(),
                change.new.as_ref().or(change.old.as_ref()).map(|state| state.size),
                details(change).trim_start_matches(':').trim().to_owned(),
            )
        }
    });
    page.lists.push(List { title: "Files".into(), items: files.collect() });
    let causes = outcome.images.iter().flat_map(|image| &image.causes).map(|cause| {
        let text = cause_text(cause);
        let mut lines = text.lines().map(|line| line.trim().to_owned());
        let name = lines.next().unwrap_or_default();
        Item { detail: lines.collect(), ..item(name, String::new(), None, String::new()) }
    });
    page.lists.push(List { title: "Other reasons why the digests differ".into(), items: causes.collect() });
    let values =
        outcome.files.iter().flat_map(|file| file.values.iter().map(|value| (file.name.clone(), value)));
    let values = values.chain(outcome.index.iter().map(|value| ("index".to_owned(), value)));
    let values = values.map(|(file, value)| {
        let show =
            |value: &Option<serde_json::Value>| value.as_ref().map_or("nothing".into(), ToString::to_string);
        item(value.key.clone(), file, None, format!("{} → {}", show(&value.old), show(&value.new)))
    });
    page.lists.push(List { title: "Values".into(), items: values.collect() });
    let source = outcome.source.iter().map(|change| Item {
        state: match change.change {
            Change::Added => "added",
            Change::Removed => "removed",
            Change::Changed => "changed",
        },
        detail: change.inside.iter().flat_map(of_inside).collect(),
        ..item(change.path.clone(), used(change.new.or(change.old)).to_owned(), None, String::new())
    });
    page.lists.push(List { title: "Source files".into(), items: source.collect() });
    page.lists.retain(|list| !list.items.is_empty());
    page
}

fn item(name: String, group: String, size: Option<u64>, text: String) -> Item {
    Item { state: "", name, group, size, text, detail: Vec::new() }
}

fn of_package(change: &PackageChange) -> Item {
    let (state, text) = match (&change.old, &change.new) {
        (Some(old), Some(new)) => ("changed", format!("{old} → {new}")),
        (None, Some(new)) => ("added", new.clone()),
        (Some(old), None) => ("removed", old.clone()),
        (None, None) => ("", String::new()),
    };
    Item {
        state,
        detail: change.changelog.clone(),
        ..item(change.name.clone(), change.kind.clone(), None, text)
    }
}

fn state(change: Change) -> &'static str {
    match change {
        Change::Added => "added",
        Change::Removed => "removed",
        Change::Changed => "changed",
    }
}

fn tile(origin: &str, sum: Sum, outcome: Option<&Outcome>) -> Tile {
    let lower = origin.to_ascii_lowercase();
    let group = match () {
        () if lower.starts_with("debian package") => "Debian packages",
        () if lower.starts_with("wheel") || lower.starts_with("python package") => "Python packages",
        () => "other",
    };
    let mut files = outcome.iter().flat_map(|outcome| &outcome.images).flat_map(|image| &image.files);
    let changed = files.any(|file| {
        file.origin == *origin
            || file.origin.strip_prefix("layer: ").is_some_and(|layer| origin.contains(layer))
    });
    Tile {
        group: group.into(),
        name: origin.to_owned(),
        size: sum.size,
        files: sum.files,
        state: if changed { "changed" } else { "" },
    }
}

/// The page's bytes.
pub fn render(page: &Page) -> String {
    let data = serde_json::to_string(page).expect("it is plain data");
    let mut safe = String::with_capacity(data.len() + data.len() / 16);
    for character in data.chars() {
        match character {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                safe.push_str(&format!("\\u{:04x}", u32::from(character)))
            }
            other => safe.push(other),
        }
    }
    // In this order: what is put in last is the only part that is not ours, and nothing is looked for in it.
    FRAME.replace("/*style*/", STYLE).replace("/*script*/", SCRIPT).replace("/*data*/", &safe)
}

/// Writes the page to `path`.
///
/// # Errors
/// Where it cannot be written.
pub fn write(path: &Path, page: &Page) -> Result<(), Failure> {
    let written = std::fs::write(path, render(page));
    Ok(written.map_err(|source| BuildError::Output { path: path.to_owned(), source })?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_ends_the_data() {
        let hostile = "</script><script>alert(1)</script><!--/*data*/&\u{2028}";
        let list = List {
            title: hostile.into(),
            items: vec![item(hostile.into(), hostile.into(), None, hostile.into())],
        };
        let page = Page { title: hostile.into(), summary: vec![], map: vec![], lists: vec![list] };
        let text = render(&page);
        assert_eq!(text.matches("</script>").count(), FRAME.matches("</script>").count());
        assert!(!text.contains("alert(1)</") && !text.contains("<!--/") && !text.contains('\u{2028}'));
        let start =
            text.find("application/json\">").expect("the data is there") + "application/json\">".len();
        let end = start + text[start..].find("</script>").expect("it ends");
        let value: serde_json::Value = serde_json::from_str(&text[start..end]).expect("it is JSON");
        assert_eq!(value["title"], hostile);
    }

    #[test]
    fn nothing_is_fetched() {
        let whole = format!("{FRAME}{STYLE}{SCRIPT}");
        for fetching in
            ["http:", "https:", "src=", "href=", "url(", "@import", "fetch(", "innerHTML", "eval("]
        {
            assert!(!whole.contains(fetching), "{fetching}");
        }
    }
}
