use similar::TextDiff;

use super::Inside;

/// How many lines of a diff are kept.
const LINES: usize = 400;

/// How many lines are compared; finding the shortest diff of more takes too long.
const COMPARED: usize = 20_000;

/// How many characters of a line are kept.
const WIDTH: usize = 400;

/// A unified diff. What both begin and end with is set aside first, so that a long file with a small change is quick.
pub(super) fn compare(old: &str, new: &str) -> Inside {
    let (old, new): (Vec<&str>, Vec<&str>) = (split(old), split(new));
    let start = old.iter().zip(&new).take_while(|(one, two)| one == two).count();
    let left = old.len().min(new.len()) - start;
    let end = old.iter().rev().zip(new.iter().rev()).take(left).take_while(|(one, two)| one == two).count();
    // Three lines on each side are shown.
    let (start, end) = (start.saturating_sub(3), end.saturating_sub(3));
    let (old_part, new_part) = (&old[start..old.len() - end], &new[start..new.len() - end]);
    if old_part.len() + new_part.len() > COMPARED {
        let summary = format!("@@ {} lines became {} @@", old_part.len(), new_part.len());
        return Inside::Text { lines: vec![summary], omitted: old_part.len() + new_part.len() };
    }
    let diff = TextDiff::from_slices(old_part, new_part);
    let mut lines = Vec::new();
    for group in diff.grouped_ops(3) {
        let (Some(first), Some(last)) = (group.first(), group.last()) else { continue };
        let (from, to) =
            (first.old_range().start..last.old_range().end, first.new_range().start..last.new_range().end);
        lines.push(format!(
            "@@ -{},{} +{},{} @@",
            start + from.start + 1,
            from.len(),
            start + to.start + 1,
            to.len()
        ));
        for change in group.iter().flat_map(|operation| diff.iter_changes(operation)) {
            lines.push(format!("{}{}", change.tag(), shown(change.value())));
        }
    }
    let omitted = lines.len().saturating_sub(LINES);
    lines.truncate(LINES);
    Inside::Text { lines, omitted }
}

fn split(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// A line without its end; one that has no end, or another, says so.
fn shown(line: &str) -> String {
    let (line, end) = match (line.strip_suffix("\r\n"), line.strip_suffix('\n')) {
        (Some(line), _) => (line, "\\r"),
        (None, Some(line)) => (line, ""),
        (None, None) => (line, " (no line feed at the end)"),
    };
    let cut: String = line.chars().take(WIDTH).collect();
    let more = if cut.len() < line.len() { "…" } else { "" };
    format!("{cut}{more}{end}")
}
