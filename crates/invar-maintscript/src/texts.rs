//! Files whose text is in a maintainer script, as a here-document.
use invar_tree::{Mode, Owner};

use crate::context::Context;
use crate::output::known;
use crate::{ConfigureError, Output};

/// Package, and the file that its `postinst` writes unless something is there.
const FILES: [(&str, &str); 5] = [
    ("libwrap0", "etc/hosts.allow"),
    ("libwrap0", "etc/hosts.deny"),
    ("netbase", "etc/hosts"),
    ("netbase", "etc/networks"),
    ("python3", "etc/python3/debian_config"),
];

pub(crate) fn handle(context: &Context<'_>, out: &mut Output) -> Result<(), ConfigureError> {
    for (package, path) in FILES {
        if !context.view.is_present(path)
            && let Some(text) = here_document(context.postinst(package), path)
        {
            out.file(known(path), Mode::FILE, Owner::ROOT, text);
        }
    }
    Ok(())
}

/// The text of the here-document by which `script` writes the file at `path` (POSIX, Shell Command Language, section
/// 2.7.4): `cat > PATH <<WORD`, with or without `-`; the path may have `$DPKG_ROOT` before it and quotes around it.
///
/// A text that the shell would change (with `$`, a backquote or a backslash, unless the word is quoted) is `None`.
pub(crate) fn here_document(script: &str, path: &str) -> Option<String> {
    let mut lines = script.lines();
    let (word, indented) = lines.by_ref().find_map(|line| opening(line, path))?;
    let quoted = word.starts_with(['\'', '"']);
    let end = word.trim_matches(['\'', '"']);
    let mut text = String::new();
    for line in lines {
        let line = if indented { line.trim_start_matches('\t') } else { line };
        if line == end {
            return (quoted || !text.contains(['$', '`', '\\'])).then_some(text);
        }
        text.push_str(line);
        text.push('\n');
    }
    None
}

/// The word that ends the here-document which starts in `line`, and whether its lines lose leading tabs.
fn opening<'a>(line: &'a str, path: &str) -> Option<(&'a str, bool)> {
    let (command, word) = line.split_once("<<")?;
    let target = command.trim().strip_prefix("cat >")?.trim().trim_matches('"');
    let target = target.strip_prefix("$DPKG_ROOT").unwrap_or(target);
    if target.strip_prefix('/')? != path {
        return None;
    }
    let word = word.trim();
    let (word, indented) = word.strip_prefix('-').map_or((word, false), |word| (word.trim(), true));
    (!word.is_empty()).then_some((word, indented))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Image, check};

    #[track_caller]
    fn check_text(script: &str, expected: Option<&str>) {
        assert_eq!(here_document(script, "etc/hosts").as_deref(), expected, "{script}");
    }

    #[test]
    fn a_here_document_is_read_as_the_shell_reads_it() {
        check_text("  cat > /etc/hosts <<-EOF\n\ta\n\t\tb\n\nEOF\n", Some("a\nb\n\n"));
        check_text("cat > \"$DPKG_ROOT/etc/hosts\" <<EOF\n\ta\nEOF\n", Some("\ta\n"));
        check_text("cat > /etc/hosts <<'E'\n$a\nE\n", Some("$a\n"));
        check_text("cat > /etc/hosts <<E\n$a\nE\n", None);
        check_text("cat > /etc/hosts <<EOF\nwithout an end\n", None);
        check_text("cat > /etc/other <<EOF\na\nEOF\n", None);
        check_text("cat > /etc/hosts", None);
    }

    #[test]
    fn files_are_written_unless_something_is_there() {
        let script = "cat > /etc/hosts <<E\n::1 localhost\nE\ncat > /etc/networks <<E\nloopback\nE\n";
        let image = Image::new().package("netbase", script).file("etc/networks", "mine\n");
        check(handle, &image, "f 0644 0:0 /etc/hosts \"::1 localhost\\n\"\n");
    }
}
