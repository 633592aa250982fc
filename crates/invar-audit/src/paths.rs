//! Paths as texts: what files name, seen from a folder.

/// The folder of the file at `path`.
pub(crate) fn folder_of(path: &str) -> String {
    match path.rsplit_once('/') {
        Some(("", _)) => "/".to_owned(),
        Some((folder, _)) => folder.to_owned(),
        None => ".".to_owned(),
    }
}

/// `path`, seen from `folder`, without `.` and with as few `..` as the letters allow.
pub(crate) fn joined(folder: &str, path: &str) -> String {
    let is_absolute = path.starts_with('/') || folder.starts_with('/');
    let from = if path.starts_with('/') { "" } else { folder };
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
    use super::{folder_of, joined};

    #[test]
    fn paths_are_joined_by_their_letters() {
        let check = |folder: &str, path: &str, expected: &str| {
            assert_eq!(joined(folder, path), expected, "{folder} {path}");
        };
        check(".", ".", ".");
        check(".", "./a/../b", "b");
        check("a/b", "../../../c", "../c");
        check("../a", "../b", "../b");
        check("..", "..", "../..");
        check("/a", "../../b", "/b");
        check("a", "/b/./c", "/b/c");
        assert_eq!(["a", "/a", "a/b", "/a/b"].map(folder_of), [".", "/", "a", "/a"].map(str::to_owned));
    }
}
