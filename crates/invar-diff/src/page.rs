//! What a comparison found, as a page for a browser.
use invar_inspect::{MOST_ROWS, Page, Row, Section};
use invar_oci_read::Inventory;

use crate::Change;
use crate::comparison::Comparison;
use crate::packages::PackageChange;
use crate::text::{cause_text, details, of_inside, used};

/// How many lines of one file a page has.
const DETAIL: usize = 200;

/// The page of a comparison, with the map of the second image where that has been read.
pub fn page(comparison: &Comparison, inventory: Option<&Inventory>) -> Page {
    let title = format!("{} → {}", comparison.old, comparison.new);
    let is_changed = |origin: &str| {
        let mut files = comparison.images.iter().flat_map(|image| &image.files);
        files.any(|file| {
            file.origin == origin
                || file.origin.strip_prefix("layer: ").is_some_and(|layer| origin.contains(layer))
        })
    };
    let mut page = match inventory {
        Some(inventory) => Page::of_inventory(&title, inventory, &is_changed),
        None => Page::without_map(&title),
    };
    page.sections.clear();
    page.summary = vec![match comparison.same {
        true => "No difference".into(),
        false => "They differ".into(),
    }];
    let packages = comparison.images.iter().flat_map(|image| &image.packages);
    let packages = packages.chain(comparison.files.iter().flat_map(|file| &file.packages)).map(of_package);
    page.sections.push(Section { title: "Packages".into(), rows: packages.collect() });
    let files = comparison.images.iter().flat_map(|image| &image.files).take(MOST_ROWS).map(|change| {
        let mut detail = change.content.iter().flat_map(of_inside).collect::<Vec<String>>();
        detail.truncate(DETAIL);
        Row {
            state: state(change.change),
            detail,
            ..row(
                change.path.clone(),
                change.origin.clone(),
                change.new.as_ref().or(change.old.as_ref()).map(|state| state.size),
                details(change).trim_start_matches(':').trim().to_owned(),
            )
        }
    });
    page.sections.push(Section { title: "Files".into(), rows: files.collect() });
    let causes = comparison.images.iter().flat_map(|image| &image.causes).map(|cause| {
        let text = cause_text(cause);
        let mut lines = text.lines().map(|line| line.trim().to_owned());
        let name = lines.next().unwrap_or_default();
        Row { detail: lines.collect(), ..row(name, String::new(), None, String::new()) }
    });
    page.sections
        .push(Section { title: "Other reasons why the digests differ".into(), rows: causes.collect() });
    let values =
        comparison.files.iter().flat_map(|file| file.values.iter().map(|value| (file.name.clone(), value)));
    let values = values.chain(comparison.index.iter().map(|value| ("index".to_owned(), value)));
    let values = values.map(|(file, value)| {
        let show =
            |value: &Option<serde_json::Value>| value.as_ref().map_or("nothing".into(), ToString::to_string);
        row(value.key.clone(), file, None, format!("{} → {}", show(&value.old), show(&value.new)))
    });
    page.sections.push(Section { title: "Values".into(), rows: values.collect() });
    let source = comparison.source.iter().map(|change| Row {
        state: state(change.change),
        detail: change.content.iter().flat_map(of_inside).collect(),
        ..row(change.path.clone(), used(change.new.or(change.old)).to_owned(), None, String::new())
    });
    page.sections.push(Section { title: "Source files".into(), rows: source.collect() });
    page.sections.retain(|section| !section.rows.is_empty());
    page
}

fn of_package(change: &PackageChange) -> Row {
    let (state, text) = match (&change.old, &change.new) {
        (Some(old), Some(new)) => ("changed", format!("{old} → {new}")),
        (None, Some(new)) => ("added", new.clone()),
        (Some(old), None) => ("removed", old.clone()),
        (None, None) => ("", String::new()),
    };
    Row {
        state,
        detail: change.changelog.clone(),
        ..row(change.name.clone(), change.kind.clone(), None, text)
    }
}

fn state(change: Change) -> &'static str {
    match change {
        Change::Added => "added",
        Change::Removed => "removed",
        Change::Changed => "changed",
    }
}

fn row(name: String, group: String, size: Option<u64>, text: String) -> Row {
    Row { name, group, size, text, ..Row::default() }
}
