//! Maintainer scripts as data (Debian Policy, section 6).
//!
//! No script of a package is ever run. What it would do on a fresh installation is done natively, by handlers that
//! know the package; [`script_hash`] shows whether a handler was written for this very script.
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;

use invar_tree::Digest;

use crate::shell::{Token, tokens};

/// The scripts that a fresh installation runs, in its order. `config` runs when debconf preconfigures the package.
const FRESH: [&str; 3] = ["preinst", "config", "postinst"];

const BEGIN: &str = "# Automatically added by ";
const END: &str = "# End automatically added section";

/// The shells whose scripts this module can read.
const SHELLS: [&str; 3] = ["sh", "bash", "dash"];

/// A part of a script that debhelper generated.
///
/// The markers around it are comments that anyone can write: whoever acts on a snippet must know its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snippet {
    /// The script that it is in: `preinst`, `config` or `postinst`.
    pub script: String,
    /// The program that wrote it, such as `dh_installsystemd`, without its version.
    pub tool: String,
    /// The lines between the markers, each ended by a line feed.
    pub body: String,
}

/// The sha256 of what the maintainers wrote into the scripts that a fresh installation runs, or `None` where that is
/// nothing.
///
/// What is hashed, for `preinst`, `config` and `postinst` in this order, as far as they have code of their own:
///
/// ```text
/// scripts  for each script: its name, " ", the number of bytes of its code in decimal, "\n", its code
/// code     its lines, each ended by "\n"
/// ```
///
/// Lines are taken as they are, except for these:
/// * what debhelper generated, from a line `# Automatically added by dh_…` to the next line
///   `# End automatically added section`, is left out; so are all other comment lines after the first line, and
///   lines of only white space;
/// * white space at the end of a line is dropped, except after a backslash.
///
/// Neither is done inside quotes and here-documents, nor on a line after an escaped line feed. The first line stays
/// where it names the interpreter (`#!`). A script whose interpreter is not `sh`, `bash` or `dash` is hashed as it is.
///
/// A script has no code of its own if nothing is left but the first line and lines that are `set -e`, `exit 0` or `:`.
///
/// Format break: a change here changes the key under which handlers are found.
pub fn script_hash(scripts: &BTreeMap<String, String>) -> Option<Digest> {
    let mut text = String::new();
    for name in FRESH {
        if let Some(code) = scripts.get(name).and_then(|script| own_code(script)) {
            write!(text, "{name} {}\n{code}", code.len()).expect("writing to a string does not fail");
        }
    }
    (!text.is_empty()).then(|| Digest::of(text.as_bytes()))
}

/// What debhelper generated in the scripts that a fresh installation runs, in the order of scripts and lines.
pub fn debhelper_snippets(scripts: &BTreeMap<String, String>) -> Vec<Snippet> {
    let mut snippets = Vec::new();
    for name in FRESH {
        let Some(script) = scripts.get(name).filter(|script| is_shell(script)) else { continue };
        for piece in pieces(script) {
            if let ScriptPart::Generated { tool, body } = piece {
                snippets.push(Snippet { script: name.to_owned(), tool: tool.to_owned(), body });
            }
        }
    }
    snippets
}

/// The script's own code, normalized; `None` where it has none.
fn own_code(script: &str) -> Option<String> {
    if !is_shell(script) {
        return Some(script.to_owned());
    }
    let mut code = String::new();
    let mut idle = true;
    for piece in pieces(script) {
        if let ScriptPart::Line(line) = piece {
            let first = code.is_empty() && line.starts_with("#!");
            idle &= first || ["set -e", "exit 0", ":"].contains(&line.trim());
            code.push_str(line);
            code.push('\n');
        }
    }
    (!idle).then_some(code)
}

/// Whether the first line names a shell. Without such a line dpkg could not run the script at all.
fn is_shell(script: &str) -> bool {
    let line = script.lines().next().unwrap_or_default();
    let program = line.strip_prefix("#!").and_then(|rest| rest.split_whitespace().next()).unwrap_or_default();
    SHELLS.contains(&program.rsplit('/').next().unwrap_or_default())
}

/// A part of a script that counts.
enum ScriptPart<'a> {
    /// A line, without its line feed.
    Line(&'a str),
    /// What is between debhelper's markers.
    Generated { tool: &'a str, body: String },
}

fn pieces(script: &str) -> Vec<ScriptPart<'_>> {
    let lines = lines(script);
    let mut pieces = Vec::new();
    let mut index = 0;
    while let Some(line) = lines.get(index) {
        index += 1;
        if let Some((tool, length)) = generated(line, &lines[index..]) {
            let body = lines[index..index + length].iter().map(|line| format!("{}\n", line.raw)).collect();
            pieces.push(ScriptPart::Generated { tool, body });
            index += length + 1;
        } else if line.counts() || (index == 1 && line.text.starts_with("#!")) {
            pieces.push(ScriptPart::Line(line.text));
        }
    }
    pieces
}

/// The tool and the number of lines of the generated part that begins after `line`, if one does. A part that is not
/// closed before the next one begins is none: it could hide what a maintainer wrote.
fn generated<'a>(line: &Line<'a>, rest: &[Line<'_>]) -> Option<(&'a str, usize)> {
    let tool = line.marker(BEGIN)?.split(['/', ' ', '\t']).next().filter(|tool| tool.starts_with("dh_"))?;
    let length = rest.iter().position(|line| line.marker(BEGIN).is_some() || line.marker(END).is_some())?;
    rest[length].marker(END).is_some().then_some((tool, length))
}

/// A line of a script.
struct Line<'a> {
    /// The line without its line feed.
    raw: &'a str,
    /// The line without the white space at its end that means nothing.
    text: &'a str,
    is_comment: bool,
    is_blank: bool,
}

impl<'a> Line<'a> {
    fn counts(&self) -> bool {
        !self.is_comment && !self.is_blank
    }

    /// What follows `marker` on a comment line that starts with it.
    fn marker(&self, marker: &str) -> Option<&'a str> {
        if self.is_comment { self.raw.trim().strip_prefix(marker) } else { None }
    }
}

/// The lines of a shell script, and what the shell makes of them.
fn lines(script: &str) -> Vec<Line<'_>> {
    let tokens = tokens(script);
    let mut lines = Vec::new();
    let (mut start, mut next) = (0, 0);
    let mut continued = false;
    for raw in script.split_inclusive('\n') {
        let range: Range<usize> = start..start + raw.len();
        start = range.end;
        let raw = raw.strip_suffix('\n').unwrap_or(raw);
        while tokens.get(next).is_some_and(|(_, token)| token.end <= range.start) {
            next += 1;
        }
        let here = &tokens[next..];
        // A token that began on an earlier line makes this line a part of quoted text, or of a here-document.
        let inside = here.first().is_some_and(|(_, token)| {
            token.start < range.start
                || matches!(here[0].0, Token::HereDocument) && token.start == range.start
        });
        let plain = !inside && !continued;
        let trimmed = raw.trim_end();
        let feed = range.start + raw.len();
        let within = |place: &Range<usize>| place.start < feed && place.end > feed;
        let covered = here.iter().take_while(|(_, place)| place.start < feed).any(|(_, place)| within(place));
        let is_comment = plain
            && here.first().is_some_and(|(token, place)| {
                is_comment(token) && script[range.start..place.start].trim().is_empty()
            });
        lines.push(Line {
            raw,
            text: if covered || trimmed.ends_with('\\') { raw } else { trimmed },
            is_comment,
            is_blank: plain && raw.trim().is_empty(),
        });
        // A comment ends with its line, whatever its last character is.
        continued = raw.ends_with('\\') && !is_comment;
    }
    lines
}

fn is_comment(token: &Token) -> bool {
    matches!(token, Token::Comment)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scripts(scripts: &[(&str, &str)]) -> BTreeMap<String, String> {
        scripts.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    const GENERATED: &str = "#!/bin/sh\nset -e\n# Automatically added by dh_installmenu/13.24.2\n\
        if [ \"$1\" = \"configure\" ] && [ -x /usr/bin/update-menus ]; then\n\tupdate-menus\nfi\n\
        # End automatically added section\n\nexit 0\n";

    #[test]
    fn generated_code_is_data() {
        let scripts = scripts(&[("postinst", GENERATED), ("prerm", GENERATED)]);
        assert_eq!(script_hash(&scripts), None);
        let body =
            "if [ \"$1\" = \"configure\" ] && [ -x /usr/bin/update-menus ]; then\n\tupdate-menus\nfi\n";
        let expected =
            Snippet { script: "postinst".into(), tool: "dh_installmenu".into(), body: body.into() };
        assert_eq!(debhelper_snippets(&scripts), [expected]);
    }

    #[track_caller]
    fn check(script: &str, expected: Option<&str>) {
        assert_eq!(own_code(script).as_deref(), expected, "{script:?}");
    }

    #[test]
    fn idle_scripts_have_no_code() {
        for script in
            ["#!/bin/sh\n", "#!/bin/sh -e\n# nothing\n\n:\nexit 0\n", "#! /bin/bash\n  set -e\t\n :"]
        {
            check(script, None);
        }
        check("#!/bin/sh\ntrue\n", Some("#!/bin/sh\ntrue\n"));
        check("#!/bin/sh\nset -ex\n", Some("#!/bin/sh\nset -ex\n"));
        check("#!/bin/sh\nexit 1\n", Some("#!/bin/sh\nexit 1\n"));
    }

    #[test]
    fn layout_does_not_count_but_text_does() {
        check("#!/bin/sh \n\n# c\n  a b \t\n \t# c\nd # e\n", Some("#!/bin/sh\n  a b\nd # e\n"));
        check("#!/bin/sh\na \\ \n# b\n", Some("#!/bin/sh\na \\ \n"));
        check("#!/bin/sh\na \\\n# b\n\n", Some("#!/bin/sh\na \\\n# b\n"));
        let quoted = "#!/bin/sh\necho 'a  \n# b\n\n' \"c \n#d\"\n";
        check(quoted, Some(quoted));
        let here = "#!/bin/sh\ncat >x <<EOF\n# a \n\nEOF\n";
        check(here, Some(here));
        check("#!/bin/sh\ncat <<EOF  \na\nEOF\n# b\nc", Some("#!/bin/sh\ncat <<EOF\na\nEOF\nc\n"));
    }

    #[test]
    fn markers_hide_nothing_that_is_not_between_them() {
        let begin = "# Automatically added by dh_x";
        let end = "# End automatically added section";
        check(&format!("#!/bin/sh\n{begin}\na\n"), Some("#!/bin/sh\na\n"));
        check(&format!("#!/bin/sh\n{begin}\na\n{begin}\nb\n{end}\nc\n"), Some("#!/bin/sh\na\nc\n"));
        check(&format!("#!/bin/sh\n# Automatically added by me\na\n{end}\n"), Some("#!/bin/sh\na\n"));
        let text = format!("#!/bin/sh\ncat <<EOF\n{begin}\na\n{end}\nEOF\n");
        check(&text, Some(&text));
    }

    #[test]
    fn other_interpreters_are_not_read() {
        let perl = "#!/usr/bin/perl\n# a comment, or not\n";
        check(perl, Some(perl));
        check("\u{7f}ELF", Some("\u{7f}ELF"));
    }

    #[test]
    fn the_hash_is_pinned() {
        let scripts = scripts(&[
            ("postinst", "#!/bin/sh\nset -e\n# c\necho hello\n"),
            ("preinst", "#!/bin/sh\necho x\n"),
            ("config", "#!/bin/sh\n"),
        ]);
        let hashed = "preinst 17\n#!/bin/sh\necho x\npostinst 28\n#!/bin/sh\nset -e\necho hello\n";
        assert_eq!(script_hash(&scripts), Some(Digest::of(hashed.as_bytes())));
        let pinned = "sha256:065cb1e99b0bf3b1aa5df79503aaa5dfad6b36742f57504e43077b668f5851f8";
        assert_eq!(
            script_hash(&scripts).unwrap().to_string(),
            pinned,
            "if intended, raise the format version and renew the handlers' keys"
        );
    }

    proptest! {
        #[test]
        fn normalising_twice_changes_nothing(body in "[a-c#'\"\\\\ \t\n<EOF]{0,60}") {
            let script = format!("#!/bin/sh\nx\n{body}");
            let code = own_code(&script).unwrap();
            prop_assert_eq!(own_code(&code), Some(code));
        }

        #[test]
        fn comments_and_blank_lines_do_not_count(lines in proptest::collection::vec("[a-z ]{0,5}", 0..8)) {
            let plain = format!("#!/bin/sh\nx\n{}", lines.join("\n"));
            let padded = format!("#!/bin/sh\nx\n{}", lines.join("  \n # it's\n\n"));
            prop_assert_eq!(own_code(&plain), own_code(&padded));
        }
    }
}
