//! One page for a browser, which needs nothing but itself: the style, the script and the data are in it.
//!
//! The data is JSON in an element that is not run. In it, `<`, `>` and `&` and the two line separators are written as
//! escapes, so that no name of a file can end the element; the script puts texts into the page as texts only. The
//! page's own policy forbids all that is fetched.
use invar_oci_read::{Inventory, Usage};
use serde::Serialize;

use crate::terminal::ByteSize;

const FRAME: &str = include_str!("page/frame.html");
const STYLE: &str = include_str!("page/style.css");
const SCRIPT: &str = include_str!("page/script.js");

/// What a page shows.
#[derive(Debug, Serialize)]
pub struct Page {
    /// The title.
    pub title: String,
    /// Sentences below the title.
    pub summary: Vec<String>,
    map: Vec<Tile>,
    /// The sections below the map.
    #[serde(rename = "lists")]
    pub sections: Vec<Section>,
}

/// A box of the map, as large as its size.
#[derive(Debug, Serialize)]
struct Tile {
    group: String,
    name: String,
    size: u64,
    files: usize,
    state: &'static str,
}

/// A list of a page.
#[derive(Debug, Serialize)]
pub struct Section {
    /// The heading.
    pub title: String,
    /// The rows.
    #[serde(rename = "items")]
    pub rows: Vec<Row>,
}

/// A row of a list.
#[derive(Debug, Default, Serialize)]
pub struct Row {
    /// `added`, `removed`, `changed` or nothing.
    pub state: &'static str,
    /// What it is about.
    pub name: String,
    /// What it belongs to.
    pub group: String,
    /// Bytes.
    pub size: Option<u64>,
    /// What is said about it.
    pub text: String,
    /// Lines that are shown on demand.
    pub detail: Vec<String>,
}

/// How many rows a list of files has at most.
pub const MOST_ROWS: usize = 50_000;

impl Page {
    /// The page of an image. Origins that `changed` holds of are marked.
    pub fn of_inventory(title: &str, inventory: &Inventory, changed: &dyn Fn(&str) -> bool) -> Self {
        let origins = inventory.by_origin();
        let map = origins.iter().filter(|(_, sum)| sum.size > 0);
        let map = map.map(|(name, sum)| tile(name, *sum, changed(name))).collect();
        let sums = |title: &str, sums: Vec<(String, Usage)>| Section {
            title: title.into(),
            rows: sums
                .into_iter()
                .map(|(name, sum)| row(name, String::new(), sum.size, format!("{} files", sum.files)))
                .collect(),
        };
        let layers = inventory.layers.iter().map(|layer| {
            let mut text = format!("{} of files", ByteSize(layer.files));
            let parts = [
                (layer.stored, "stored"),
                (Some(layer.hidden), "hidden by later layers"),
                (Some(layer.overhead), "of headers and padding"),
            ];
            for (bytes, what) in parts {
                if let Some(bytes) = bytes.filter(|bytes| *bytes > 0) {
                    text.push_str(&format!(", {} {what}", ByteSize(bytes)));
                }
            }
            row(layer.name.clone(), String::new(), layer.unpacked, text)
        });
        let duplicates = inventory.duplicates().into_iter().map(|(size, paths)| Row {
            detail: paths.iter().map(ToString::to_string).collect(),
            ..row(
                paths[0].to_string(),
                String::new(),
                size * (paths.len() as u64 - 1),
                format!("{} times", paths.len()),
            )
        });
        let files = inventory.largest(MOST_ROWS).into_iter();
        let files =
            files.map(|file| row(file.path.to_string(), file.origin.clone(), file.size, String::new()));
        Self {
            title: title.to_owned(),
            summary: vec![format!("{} files, {}", inventory.files.len(), ByteSize(inventory.size()))],
            map,
            sections: vec![
                Section { title: "Layers".into(), rows: layers.collect() },
                sums("By origin", origins),
                sums("Folders", inventory.by_directory(4)),
                Section { title: "Duplicates".into(), rows: duplicates.collect() },
                Section { title: "Files".into(), rows: files.collect() },
            ],
        }
    }

    /// A page without a map.
    pub fn without_map(title: &str) -> Self {
        Self { title: title.to_owned(), summary: Vec::new(), map: Vec::new(), sections: Vec::new() }
    }

    /// The page's bytes.
    pub fn render(&self) -> String {
        let data = serde_json::to_string(self).expect("it is plain data");
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
}

fn row(name: String, group: String, size: u64, text: String) -> Row {
    Row { name, group, size: Some(size), text, ..Row::default() }
}

fn tile(origin: &str, sum: Usage, is_changed: bool) -> Tile {
    let lower = origin.to_ascii_lowercase();
    let group = match () {
        () if lower.starts_with("debian package") => "Debian packages",
        () if lower.starts_with("wheel") || lower.starts_with("python package") => "Python packages",
        () => "other",
    };
    Tile {
        group: group.into(),
        name: origin.to_owned(),
        size: sum.size,
        files: sum.files,
        state: if is_changed { "changed" } else { "" },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_ends_the_data() {
        let hostile = "</script><script>alert(1)</script><!--/*data*/&\u{2028}";
        let section = Section {
            title: hostile.into(),
            rows: vec![row(hostile.into(), hostile.into(), 1, hostile.into())],
        };
        let page = Page { sections: vec![section], ..Page::without_map(hostile) };
        let text = page.render();
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
