//! Python requirements: how much each of them pins.
use crate::calls::Argument;
use crate::surroundings::Surroundings;

/// How much a requirement, or a file of them, pins; the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Pin {
    /// Nothing: the newest, or the newest of a range.
    Open,
    /// It cannot be seen here.
    Unseen,
    /// A version, but not the files of it, nor what it depends on.
    Version,
    /// The very files.
    Files,
}

/// Files that name other files, at most so many levels.
const DEPTH: usize = 5;
/// Bytes of a file that are looked at.
const LIMIT: usize = 1 << 20;

/// What a requirement on the command line pins.
pub(super) fn of_argument(argument: &Argument) -> Pin {
    if argument.computed {
        return Pin::Open;
    }
    of_text(&argument.text, argument.known)
}

/// What a requirement pins. A version that comes from a variable is a version still.
pub(super) fn of_text(text: &str, known: bool) -> Pin {
    let text = text.split(';').next().unwrap_or(text).trim();
    let address = text.split_once('@').map_or(text, |(_, address)| address.trim());
    if text.contains("git+") {
        let reference = address.rsplit_once('@').map(|(_, reference)| reference).unwrap_or_default();
        let reference = text.rsplit_once('@').map_or(reference, |(_, reference)| reference);
        let commit = reference.split(['#', '&']).next().unwrap_or_default();
        return if crate::pins::is_commit(commit) || (!known && commit.is_empty()) {
            Pin::Version
        } else {
            Pin::Open
        };
    }
    if text.contains("://") {
        return if text.contains("#sha256=") { Pin::Files } else { Pin::Version };
    }
    match text.split_once("==") {
        Some((_, version)) if version.contains('*') => Pin::Open,
        Some((_, version)) if version.trim_start_matches('=').trim().is_empty() && known => Pin::Open,
        Some(_) => Pin::Version,
        None => Pin::Open,
    }
}

/// Whether the argument is a folder or file, not a name.
pub(super) fn is_path(text: &str) -> bool {
    let path = text.split('[').next().unwrap_or(text);
    !text.contains("://")
        && !text.contains("git+")
        && (path == "."
            || path == ".."
            || path.contains('/')
            || path.ends_with(".whl")
            || path.ends_with(".tar.gz"))
}

/// What the requirements file at `path` pins, as a whole.
pub(super) fn of_file(path: &str, surroundings: &Surroundings<'_>) -> Pin {
    file_within(path, surroundings, DEPTH)
}

fn file_within(path: &str, surroundings: &Surroundings<'_>, depth: usize) -> Pin {
    let Some(text) = read(path, surroundings).filter(|text| text.len() <= LIMIT && depth > 0) else {
        return Pin::Unseen;
    };
    let joined = text.replace("\\\r\n", " ").replace("\\\n", " ");
    let mut least = Pin::Files;
    for line in joined.lines() {
        let line = line.split(" #").next().unwrap_or(line).trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let included = ["-r", "--requirement"].iter().find_map(|option| line.strip_prefix(option));
        if let Some(name) = included {
            let name = name.trim_start_matches(['=', ' ', '\t']);
            let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
            let inner = if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") };
            least = least.min(file_within(&inner, surroundings, depth - 1));
        } else if (line.starts_with('-') && !line.starts_with("-e")) || line.contains("--hash=") {
            continue;
        } else {
            let requirement =
                line.strip_prefix("-e").or_else(|| line.strip_prefix("--editable")).unwrap_or(line).trim();
            least = least.min(if is_path(requirement) { Pin::Open } else { of_text(requirement, true) });
        }
    }
    least
}

/// The text of a file that was copied: where it came from is not followed, so the name is tried below the folder with
/// one part less at a time.
pub(super) fn read(path: &str, surroundings: &Surroundings<'_>) -> Option<String> {
    let path = path.trim_start_matches("./").trim_start_matches('/');
    let mut rest = Some(path).filter(|path| !path.is_empty() && !path.contains(".."));
    while let Some(candidate) = rest {
        if let Some(text) = (surroundings.read)(candidate) {
            return Some(text);
        }
        rest = candidate.split_once('/').map(|(_, rest)| rest);
    }
    None
}
