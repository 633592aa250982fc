//! What a comparison found, as text.
use invar_diagnostic::printable;
use invar_inspect::ByteSize;
use serde_json::Value;

use crate::Change;
use crate::causes::Cause;
use crate::comparison::Comparison;
use crate::files::{Aspect, FileChange, FileState};
use crate::images::{Difference, Side};
use crate::inside::{Code, Inside, ValueChange};
use crate::packages::PackageChange;
use crate::source::{SourceChange, Use};

/// How many files of one origin are shown, and how many lines of what is inside a file.
const FILES: usize = 60;
const LINES: usize = 40;

/// All of `comparison` as text.
pub fn text(comparison: &Comparison) -> String {
    let mut out = String::new();
    for difference in &comparison.images {
        of_images(&mut out, comparison, difference);
    }
    for (platform, side) in &comparison.unmatched_platforms {
        let name = if *side == "old" { &comparison.old } else { &comparison.new };
        line(&mut out, &format!("Only {name} has an image for {platform}"));
    }
    if !comparison.index.is_empty() {
        line(&mut out, "The indexes differ in more than the images' digests");
        values(&mut out, "  ", &comparison.index);
    }
    for file in &comparison.files {
        line(&mut out, &file.name);
        packages(&mut out, &file.packages);
        values(&mut out, "  ", &file.values);
    }
    source(&mut out, &comparison.source);
    if comparison.same {
        line(&mut out, "No difference");
    }
    out
}

/// Source files, by what becomes of them.
fn source(out: &mut String, changes: &[SourceChange]) {
    let what = |change: &SourceChange| change.new.or(change.old);
    for group in changes.chunk_by(|one, two| what(one) == what(two)) {
        let files = if group.len() == 1 { "file" } else { "files" };
        let title = format!("{} source {files} {}", group.len(), used(what(&group[0])));
        line(out, &title);
        for change in group.iter().take(FILES) {
            let mut details = Vec::new();
            if let (Some(old), Some(new)) = (change.old, change.new)
                && old != new
            {
                details.push(format!("before {}", used(Some(old))));
            }
            if change.mode {
                details.push("mode".to_owned());
            }
            let details =
                if details.is_empty() { String::new() } else { format!(": {}", details.join(", ")) };
            line(out, &format!("  {} {}{details}", letter(change.change), printable(&change.path)));
            of_file(out, "      ", change.content.as_ref());
        }
        if group.len() > FILES {
            line(out, &format!("  … and {} more; use --json to list all", group.len() - FILES));
        }
    }
}

/// What becomes of a source file, after its name.
pub fn used(what: Option<Use>) -> &'static str {
    match what {
        Some(Use::Image) => "in the image",
        Some(Use::Package) => "of the project's package",
        Some(Use::Step) => "of steps",
        Some(Use::Nothing) | None => "not part of the image",
    }
}

/// What is inside a file, up to some lines.
fn of_file(out: &mut String, indent: &str, inside: Option<&Inside>) {
    let lines = inside.map(of_inside).unwrap_or_default();
    lines.iter().take(LINES).for_each(|text| line(out, &format!("{indent}{text}")));
    if lines.len() > LINES {
        line(out, &format!("{indent}… and {} more lines; use --json for all", lines.len() - LINES));
    }
}

fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}

fn of_images(out: &mut String, comparison: &Comparison, difference: &Difference) {
    // Docker's older archives have no manifest; then only the IDs can be compared by eye.
    let manifests = difference.old.digest.is_some() && difference.new.digest.is_some();
    let id = |side: &Side| match if manifests { side.digest } else { side.id } {
        Some(digest) => format!(" ({digest})"),
        None => String::new(),
    };
    let platform =
        difference.new.platform.as_ref().map(|platform| format!(" for {platform}")).unwrap_or_default();
    line(out, &format!("{}{}", printable(&comparison.old), id(&difference.old)));
    line(out, &format!("{}{}{platform}", printable(&comparison.new), id(&difference.new)));
    if !difference.packages.is_empty() {
        line(out, &format!("\nPackages: {}", counts(difference.packages.iter().map(state_of))));
        packages(out, &difference.packages);
    }
    if !difference.files.is_empty() {
        let sizes = |side: fn(&FileChange) -> &Option<FileState>| -> i128 {
            difference
                .files
                .iter()
                .filter_map(|file| side(file).as_ref())
                .map(|state| i128::from(state.size))
                .sum()
        };
        let grown = sizes(|file| &file.new) - sizes(|file| &file.old);
        let sign = if grown < 0 { "-" } else { "+" };
        let bytes = ByteSize(u64::try_from(grown.unsigned_abs()).unwrap_or(u64::MAX));
        line(
            out,
            &format!("\nFiles: {}, {sign}{bytes}", counts(difference.files.iter().map(|file| file.change))),
        );
        files(out, &difference.files);
    }
    if !difference.causes.is_empty() {
        line(out, "\nOther reasons why the digests differ");
        for cause in &difference.causes {
            self::cause(out, cause);
        }
    }
    let shared = &difference.shared;
    if shared.layers > 0 && !difference.is_empty() {
        let (layers, size) = (shared.layers, ByteSize(shared.size));
        line(
            out,
            &format!(
                "\n{layers} layers with the same digests ({size}) were not read; use --all-layers to read them"
            ),
        );
    }
    if difference.skipped_files > 0 {
        line(out, &format!("{} files are too large to compare", difference.skipped_files));
    }
}

fn state_of(change: &PackageChange) -> Change {
    match (&change.old, &change.new) {
        (None, _) => Change::Added,
        (_, None) => Change::Removed,
        _ => Change::Changed,
    }
}

fn counts(changes: impl Iterator<Item = Change>) -> String {
    let mut counts = [0; 3];
    changes.for_each(|change| counts[change as usize] += 1);
    format!("{} added, {} removed, {} changed", counts[0], counts[1], counts[2])
}

fn packages(out: &mut String, changes: &[PackageChange]) {
    for change in changes {
        let versions = match (&change.old, &change.new) {
            (Some(old), Some(new)) => format!("{old} → {new}"),
            (None, Some(new)) => format!("added {new}"),
            (Some(old), None) => format!("removed {old}"),
            (None, None) => String::new(),
        };
        line(out, &format!("  {} {}: {}", change.kind, printable(&change.name), printable(&versions)));
        change.changelog.iter().for_each(|text| line(out, &format!("      {}", printable(text))));
    }
}

fn files(out: &mut String, changes: &[FileChange]) {
    for group in changes.chunk_by(|one, two| one.origin == two.origin) {
        line(out, &format!("  {}", printable(&group[0].origin)));
        for change in group.iter().take(FILES) {
            line(
                out,
                &format!("    {} {}{}", letter(change.change), printable(&change.path), details(change)),
            );
            of_file(out, "        ", change.content.as_ref());
        }
        if group.len() > FILES {
            line(out, &format!("    … and {} more; use --json to list all", group.len() - FILES));
        }
    }
}

/// `A`, `D` and `M`, as git has it.
pub fn letter(change: Change) -> char {
    match change {
        Change::Added => 'A',
        Change::Removed => 'D',
        Change::Changed => 'M',
    }
}

/// In what a file differs.
pub fn details(change: &FileChange) -> String {
    let (Some(old), Some(new)) = (&change.old, &change.new) else {
        let state = change.old.as_ref().or(change.new.as_ref());
        return state.map(|state| format!(" ({}, {})", state.kind, ByteSize(state.size))).unwrap_or_default();
    };
    let aspect = |aspect: &Aspect| match aspect {
        Aspect::Type => format!("{} → {}", old.kind, new.kind),
        Aspect::Content => match old.size == new.size {
            true => format!("content, {}", ByteSize(new.size)),
            false => format!("content, {} → {}", ByteSize(old.size), ByteSize(new.size)),
        },
        Aspect::Target => {
            let target = |state: &FileState| printable(state.target.as_deref().unwrap_or_default());
            format!("{} → {}", target(old), target(new))
        }
        Aspect::Mode => format!("mode {} → {}", old.mode, new.mode),
        Aspect::Owner => format!("owner {} → {}", old.owner, new.owner),
        Aspect::Attributes => "extended attributes".into(),
    };
    let aspects: Vec<String> = change.aspects.iter().map(aspect).collect();
    format!(": {}", aspects.join("; "))
}

/// What is inside a file, a line for each difference.
pub fn of_inside(inside: &Inside) -> Vec<String> {
    let mut lines = Vec::new();
    match inside {
        Inside::Text { lines: text, omitted } => {
            lines.extend(text.iter().map(|text| printable(text)));
            if *omitted > 0 {
                lines.push(format!("… and {omitted} more lines"));
            }
        }
        Inside::Values { format, changes } if changes.is_empty() => {
            lines.push(format!("the same {format}, written differently"));
        }
        Inside::Values { changes, .. } => lines.extend(changes.iter().map(value)),
        Inside::Elf { headers, sections, symbols_added, symbols_removed } => {
            lines.extend(headers.iter().map(value));
            for section in sections {
                let size = |size: Option<u64>| size.map_or("nothing".into(), |size| format!("{size} bytes"));
                lines.push(format!(
                    "section {}: {} → {}",
                    printable(&section.name),
                    size(section.old),
                    size(section.new)
                ));
            }
            lines.extend(symbols_added.iter().map(|name| format!("symbol {} added", printable(name))));
            lines.extend(symbols_removed.iter().map(|name| format!("symbol {} removed", printable(name))));
        }
        Inside::Bytecode { headers, code } => {
            lines.extend(headers.iter().map(value));
            lines.push(match code {
                Code::Same => "the code is the same".into(),
                Code::SameWhenCanonical => "the code is the same except for references".into(),
                Code::Differs => "the code differs".into(),
            });
        }
        Inside::Archive { members, notes } => {
            lines.extend(notes.iter().map(|note| printable(note)));
            for member in members {
                lines.push(format!("{} {}", letter(member.change), printable(&member.path)));
                let inner = member.content.iter().flat_map(|content| of_inside(content));
                lines.extend(inner.map(|line| format!("    {line}")));
            }
        }
        Inside::Compressed { content: None } => lines.push("unpacks to the same bytes".into()),
        Inside::Compressed { content: Some(content) } => lines.extend(of_inside(content)),
        Inside::Bytes { first, differing } => {
            lines.push(format!("{differing} bytes differ, the first at {first}"))
        }
        Inside::TooLarge => lines.push("too large to compare".into()),
    }
    lines
}

fn values(out: &mut String, indent: &str, changes: &[ValueChange]) {
    changes.iter().for_each(|change| line(out, &format!("{indent}{}", value(change))));
}

fn value(change: &ValueChange) -> String {
    let text = |value: &Option<Value>| match value {
        None => "nothing".to_owned(),
        Some(value) => {
            let text = value.to_string();
            let cut: String = text.chars().take(160).collect();
            if cut.len() < text.len() { format!("{cut}…") } else { cut }
        }
    };
    format!(
        "{}: {} → {}",
        printable(&change.key),
        printable(&text(&change.old)),
        printable(&text(&change.new))
    )
}

fn cause(out: &mut String, cause: &Cause) {
    let more = |members: &usize| match members {
        1 => String::new(),
        members => format!(", and {} more", members - 1),
    };
    match cause {
        Cause::Config { changes } => {
            line(out, "  the configuration");
            values(out, "    ", changes);
        }
        Cause::History { changes } => {
            line(out, "  the history");
            values(out, "    ", changes);
        }
        Cause::Manifest { changes } => {
            line(out, "  the manifest");
            values(out, "    ", changes);
        }
        Cause::ConfigEncoding => line(out, "  the configuration has the same content in different bytes"),
        Cause::ManifestEncoding => line(out, "  the manifest has the same content in different bytes"),
        Cause::Compression { layer, old, new } => {
            line(
                out,
                &format!(
                    "  layer {layer} unpacks to the same bytes but is compressed differently: {old} → {new}"
                ),
            );
        }
        Cause::Order { layer, first } => {
            line(
                out,
                &format!(
                    "  layer {layer}: its members are in a different order; the first one is {}",
                    printable(first)
                ),
            );
        }
        Cause::Times { layer, members, first, old, new } => {
            line(
                out,
                &format!(
                    "  layer {layer}: the time of {} changed from {old} to {new}{}",
                    printable(first),
                    more(members)
                ),
            );
        }
        Cause::OwnerNames { layer, members, first, old, new } => {
            let text = format!(
                "the owner name of {} changed from {old} to {new}{}",
                printable(first),
                more(members)
            );
            line(out, &format!("  layer {layer}: {}", printable(&text)));
        }
        Cause::Headers { layer, members, first, old, new } => {
            line(
                out,
                &format!(
                    "  layer {layer}: the header of {} is written differently ({old}, {new}){}",
                    printable(first),
                    more(members)
                ),
            );
        }
        Cause::Duplicates { layer, old, new } => {
            line(out, &format!("  layer {layer}: duplicate members changed from {old} to {new}"));
        }
        Cause::Padding { layer, old, new } => {
            line(
                out,
                &format!(
                    "  layer {layer}: different bytes follow the same members: {old} bytes in total, now {new}"
                ),
            );
        }
        Cause::Layers { old, new } => {
            line(out, &format!("  the same files are in {new} layers instead of {old}"))
        }
    }
}

/// A cause as one text, for a page.
pub fn cause_text(found: &Cause) -> String {
    let mut out = String::new();
    cause(&mut out, found);
    out.trim().to_owned()
}
