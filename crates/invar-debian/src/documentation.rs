//! Which paths of a package only serve readers of documentation, and where paths of a split `/usr` belong.
use invar_tree::{ImagePath, PathError};

/// Directories of which nothing is needed to run a program.
///
/// `/usr/share/groff` and `/usr/share/locale` are not among them: the one holds the data of the program `groff`, the
/// other changes what programs print. Of `/usr/share/lintian` only the overrides are: the rest is lintian itself.
const LEFT_OUT: [&str; 6] = [
    "usr/share/bug",
    "usr/share/doc-base",
    "usr/share/info",
    "usr/share/linda",
    "usr/share/lintian/overrides",
    "usr/share/man",
];

const DOC: &str = "usr/share/doc";

/// The directories of the root that a merged `/usr` has as links (file-hierarchy of Debian 12 and later).
const MERGED: [&str; 6] = ["bin", "sbin", "lib", "lib32", "lib64", "libx32"];

/// Whether `path` is in a directory of documentation, or is one.
pub(crate) fn is_documentation(path: &ImagePath) -> bool {
    path.is_within(DOC) || LEFT_OUT.iter().any(|directory| path.is_within(directory))
}

/// Whether `path`, which is [documentation](is_documentation) and not a directory, stays nevertheless: the copyright
/// of each package, which its license asks for (Debian Policy, section 12.5), and `/usr/share/doc/PACKAGE` where that
/// is a link to another package's directory and so to its copyright.
pub(crate) fn is_legal(path: &ImagePath, is_symlink: bool) -> bool {
    match path.as_str().strip_prefix(DOC).and_then(|rest| rest.strip_prefix('/')) {
        Some(rest) => path.name() == "copyright" || (is_symlink && !rest.contains('/')),
        None => false,
    }
}

/// Where `path` is after `/usr` and the root are merged; `None` for a directory of the root that became a link.
pub(crate) fn merge_usr(path: ImagePath, is_directory: bool) -> Result<Option<ImagePath>, PathError> {
    if MERGED.contains(&path.as_str()) {
        return Ok((!is_directory).then_some(path));
    }
    match path.as_str().split_once('/') {
        Some((first, _)) if MERGED.contains(&first) => {
            Ok(Some(ImagePath::parse(&format!("usr/{}", path.as_str()))?))
        }
        _ => Ok(Some(path)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(path: &str) -> ImagePath {
        ImagePath::parse(path).unwrap()
    }

    #[test]
    fn copyright_stays() {
        let check = |text: &str, is_symlink: bool, stays: bool| {
            let path = path(text);
            assert_eq!(!is_documentation(&path) || is_legal(&path, is_symlink), stays, "{text}");
        };
        check("usr/share/doc/libc6/copyright", false, true);
        check("usr/share/doc/libc6/copyright", true, true);
        check("usr/share/doc/llvm/polly/copyright", false, true);
        check("usr/share/doc/libc6", true, true);
        check("usr/share/doc/libc6", false, false);
        check("usr/share/doc/libc6/html", true, false);
        check("usr/share/doc/libc6/changelog.gz", false, false);
        check("usr/share/man/man1/copyright", false, false);
        check("usr/share/man", true, false);
        check("usr/share/doc", true, false);
        check("usr/share/documents/x", false, true);
        check("usr/share/manual/x", false, true);
        check("usr/share/locale/de/LC_MESSAGES/x.mo", false, true);
        check("usr/share/lintian/overrides/x", false, false);
        check("usr/share/lintian/data/x", false, true);
        check("usr/lib/python3/dist-packages/x/doc/y", false, true);
    }

    #[test]
    fn a_split_usr_is_merged() {
        let check = |text: &str, is_directory: bool, expected: Option<&str>| {
            let merged = merge_usr(path(text), is_directory).unwrap();
            assert_eq!(merged.as_ref().map(ImagePath::as_str), expected, "{text}");
        };
        check("bin", true, None);
        check("bin", false, Some("bin"));
        check("bin/sh", false, Some("usr/bin/sh"));
        check("lib64/ld.so", false, Some("usr/lib64/ld.so"));
        check("lib/systemd", true, Some("usr/lib/systemd"));
        check("usr/lib", true, Some("usr/lib"));
        check("lib128/x", false, Some("lib128/x"));
        check("etc/bin/x", false, Some("etc/bin/x"));
    }
}
