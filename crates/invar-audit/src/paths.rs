//! Paths as texts: what files name, seen from a folder.

/// The folder of the file at `path`.
pub(crate) fn directory_of(path: &str) -> String {
    match path.rsplit_once('/') {
        Some(("", _)) => "/".to_owned(),
        Some((directory, _)) => directory.to_owned(),
        None => ".".to_owned(),
    }
}

/// `path`, seen from `folder`, without `.` and with as few `..` as the letters allow.
pub(crate) fn joined(directory: &str, path: &str) -> String {
    let is_absolute = path.starts_with('/') || directory.starts_with('/');
    let from = if path.starts_with('/') { "" } else { directory };
    let mut parts: Vec<&str> = Vec::new();
    for part in from.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if is_absolute => {}
            part => parts.push(part),
        }
    }
    match (is_absolute, parts.is_empty()) {
        (true, _) => format!("/{}", parts.join("/")),
        (false, true) => ".".to_owned(),
        (false, false) => parts.join("/"),
    }
}

#[cfg(test)]
mod tests {
    use super::{directory_of, joined};

    #[test]
    fn paths_are_joined_by_their_letters() {
        let check = |directory: &str, path: &str, expected: &str| {
            assert_eq!(joined(directory, path), expected, "{directory} {path}");
        };
        check(".", ".", ".");
        check(".", "./a/../b", "b");
        check("a/b", "../../../c", "../c");
        check("../a", "../b", "../b");
        check("..", "..", "../..");
        check("/a", "../../b", "/b");
        check("a", "/b/./c", "/b/c");
        assert_eq!(["a", "/a", "a/b", "/a/b"].map(directory_of), [".", "/", "a", "/a"].map(str::to_owned));
    }
}
