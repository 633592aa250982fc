//! What a package's changelog says about the versions between two.
//!
//! Debian's (Debian Policy, section 4.4) has a line `package (version) distributions; metadata` for each version, and
//! below it lines `  * text`. Python's have no form; most have a heading with the version's number for each version.
use std::io::Read as _;

use flate2::read::MultiGzDecoder;
use invar_tree::ImagePath;

/// How much of a changelog is read, in bytes, unpacked.
const LONGEST: u64 = 4 << 20;

/// How many lines are shown of one package.
const LINES: usize = 12;

/// Whether the file at `path` is a changelog of a package.
pub fn is_changelog(path: &ImagePath) -> bool {
    let name = path.name().to_ascii_lowercase();
    if path.is_within("usr/share/doc") {
        return name.starts_with("changelog");
    }
    let python = path.as_str().contains(".dist-info/") || path.as_str().contains("-packages/");
    let stem = name.split('.').next().unwrap_or(&name);
    python && matches!(stem, "changelog" | "changes" | "history" | "news") && !name.ends_with(".py")
}

/// The summary of a changelog, which may be in several parts, the newest first, and compressed: from after `old` up to
/// `new`.
pub(crate) fn summary(parts: &[&[u8]], old: &str, new: &str) -> Vec<String> {
    let mut text = Vec::new();
    for part in parts {
        let read = match part {
            [0x1f, 0x8b, ..] => MultiGzDecoder::new(*part).take(LONGEST).read_to_end(&mut text),
            _ => part.take(LONGEST).read_to_end(&mut text),
        };
        if read.is_err() {
            return Vec::new();
        }
    }
    let text = String::from_utf8_lossy(&text);
    let debian =
        text.lines().find(|line| !line.trim().is_empty()).is_some_and(|line| debian_version(line).is_some());
    let mut lines = if debian { of_debian(&text, old) } else { of_python(&text, old, new) };
    if lines.len() > LINES {
        let more = lines.len() - LINES;
        lines.truncate(LINES);
        lines.push(format!("… and {more} more"));
    }
    lines
}

/// The version in the first line of an entry.
fn debian_version(line: &str) -> Option<&str> {
    if line.starts_with(char::is_whitespace) {
        return None;
    }
    let (_, rest) = line.split_once(" (")?;
    let (version, rest) = rest.split_once(')')?;
    rest.contains(';').then_some(version)
}

fn of_debian(text: &str, old: &str) -> Vec<String> {
    let mut lines = Vec::new();
    // What was built again, as `1.2-3+b4`, has no entry of its own in a later version's changelog.
    let source = match old.rsplit_once("+b") {
        Some((source, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => source,
        _ => old,
    };
    for line in text.lines() {
        if let Some(version) = debian_version(line) {
            if version == old || version == source {
                return lines;
            }
        } else if let Some(item) = line.trim_start().strip_prefix("* ") {
            lines.push(item.trim().to_owned());
        } else if let Some(last) = lines.last_mut()
            && line.starts_with("    ")
            && !line.trim_start().starts_with(['-', '+'])
            && last.len() < 200
        {
            // An item goes on in lines that are indented further.
            last.push(' ');
            last.push_str(line.trim());
        }
    }
    // The old version is not in it: how far to read is unknown, so nothing is claimed.
    Vec::new()
}

/// The lists below the headings of the versions after `old`.
fn of_python(text: &str, old: &str, new: &str) -> Vec<String> {
    let heading = |line: &str, version: &str| {
        let plain = line.trim_start_matches(['#', '=', '*', '[', ' ']);
        let plain = plain.strip_prefix("Version ").unwrap_or(plain);
        let plain = plain.strip_prefix("Release ").unwrap_or(plain).trim_start_matches(['v', '[']);
        plain.strip_prefix(version).is_some_and(|rest| {
            !rest.starts_with(|next: char| next.is_ascii_alphanumeric())
                && !rest
                    .strip_prefix('.')
                    .is_some_and(|rest| rest.starts_with(|next: char| next.is_ascii_digit()))
        })
    };
    let mut lines = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        if heading(line, new) {
            inside = true;
        } else if heading(line, old) {
            return if inside { lines } else { Vec::new() };
        } else if inside && let Some(item) = line.trim_start().strip_prefix(['*', '-', '+']) {
            let item = item.trim();
            if item.len() > 3 && item.contains(' ') {
                lines.push(item.to_owned());
            }
        }
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debian_s_entries_between_two_versions() {
        let text = "hello (2.12-1) unstable; urgency=medium\n\n  * New upstream release.\n  * Fix a bug that was\n    \
                    long to tell.\n\n -- A <a@example.com>  Mon, 1 Jan 2024 00:00:00 +0000\n\nhello (2.11-1) \
                    unstable; urgency=low\n\n  * Older.\n\n -- A\n\nhello (2.10-5) unstable; urgency=low\n\n  * Oldest.\n";
        let lines = ["New upstream release.", "Fix a bug that was long to tell.", "Older."];
        assert_eq!(summary(&[text.as_bytes()], "2.10-5", "2.12-1"), lines);
        assert_eq!(summary(&[text.as_bytes()], "2.9-1", "2.12-1"), Vec::<String>::new());
    }

    #[test]
    fn what_was_built_again_has_entries_of_its_own() {
        let entry =
            |version: &str, text: &str| format!("a ({version}) sid; urgency=low\n\n  * {text}\n\n -- A\n\n");
        let again = entry("1-2+b3", "Rebuild against b.");
        let own = format!("{}{}", entry("1-2", "Second."), entry("1-1", "First."));
        let parts = [again.as_bytes(), own.as_bytes()];
        assert_eq!(summary(&parts, "1-2", "1-2+b3"), ["Rebuild against b."]);
        assert_eq!(summary(&parts, "1-1+b9", "1-2+b3"), ["Rebuild against b.", "Second."]);
        assert_eq!(summary(&parts, "1-1+bx", "1-2+b3"), Vec::<String>::new());
    }

    #[test]
    fn python_s_headings() {
        let text = "# Changelog\n\n## [1.2.0] - 2024\n\n### Added\n- A thing that is new\n\n## 1.1.0\n* A thing before\n\n\
                    ## 1.1\n- not this\n";
        assert_eq!(summary(&[text.as_bytes()], "1.1", "1.2.0"), ["A thing that is new", "A thing before"]);
        assert_eq!(summary(&[text.as_bytes()], "1.0", "1.2.0"), Vec::<String>::new());
    }

    #[test]
    fn where_changelogs_are() {
        let check = |path: &str, expected| {
            assert_eq!(is_changelog(&ImagePath::parse(path).unwrap()), expected, "{path}");
        };
        check("usr/share/doc/hello/changelog.Debian.gz", true);
        check("usr/share/doc/hello/copyright", false);
        check("app/lib/python3.13/site-packages/x-1.dist-info/CHANGELOG.md", true);
        check("app/lib/python3.13/site-packages/x/history.py", false);
    }
}
