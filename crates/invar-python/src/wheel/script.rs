//! The first lines of scripts, and the launchers of entry points.
//!
//! The bytes are those of `uv`, which has them from pip's distlib. A first line of a script may name its interpreter
//! in at most 127 bytes, line end included, and without a space; for others `/bin/sh` starts it, in a line that
//! Python reads as a text.
use std::io::{self, Read};

use super::entry_points::EntryPoint;

/// The kernel's limit for a first line (`BINPRM_BUF_SIZE` of older kernels), line end included.
const LONGEST_FIRST_LINE: usize = 127;

/// What a wheel's script has in place of its interpreter.
const PLACEHOLDER: &[u8] = b"#!python";

/// The line, or the lines, that name the interpreter; without a line end.
fn first_line(interpreter: &str) -> String {
    let length = "#!".len() + interpreter.len() + "\n".len();
    if length <= LONGEST_FIRST_LINE && !interpreter.contains(' ') {
        return format!("#!{interpreter}");
    }
    let quoted = interpreter.replace('\'', r#"'"'"'"#);
    format!("#!/bin/sh\n'''exec' '{quoted}' \"$0\" \"$@\"\n' '''")
}

impl EntryPoint {
    /// The launcher's text.
    pub(super) fn launcher(&self, interpreter: &str) -> String {
        let Self { module, function } = self;
        let imported = function.split('.').next().unwrap_or(function);
        let lines = [
            &first_line(interpreter),
            "# -*- coding: utf-8 -*-",
            "import sys",
            &format!("from {module} import {imported}"),
            "if __name__ == \"__main__\":",
            "    if sys.argv[0].endswith(\"-script.pyw\"):",
            "        sys.argv[0] = sys.argv[0][:-11]",
            "    elif sys.argv[0].endswith(\".exe\"):",
            "        sys.argv[0] = sys.argv[0][:-4]",
            &format!("    sys.exit({function}())"),
            "",
        ];
        lines.join("\n")
    }
}

/// Reads the start of a script and gives what takes its place: the interpreter's line for the placeholder's (which is
/// then read up to its end), else the same bytes.
pub(super) fn rewritten_start(script: &mut impl Read, interpreter: &str) -> io::Result<Vec<u8>> {
    let mut start = Vec::new();
    script.take(PLACEHOLDER.len() as u64).read_to_end(&mut start)?;
    if start != PLACEHOLDER {
        return Ok(start);
    }
    // A line ends as `uv` has it: in a line feed, a carriage return, or both in this order.
    let end = loop {
        match next(script)? {
            None | Some(b'\n') => break None,
            Some(b'\r') => break next(script)?.filter(|&byte| byte != b'\n'),
            Some(_) => {}
        }
    };
    let mut line = format!("{}\n", first_line(interpreter)).into_bytes();
    // What came after a lone carriage return is the start of the next line.
    line.extend(end);
    Ok(line)
}

fn next(reader: &mut impl Read) -> io::Result<Option<u8>> {
    let mut byte = [0];
    Ok((reader.read(&mut byte)? == 1).then_some(byte[0]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_lines_are_those_of_uv() {
        assert_eq!(first_line("/app/.venv/bin/python"), "#!/app/.venv/bin/python");
        assert_eq!(
            first_line("/my app/it's/python"),
            "#!/bin/sh\n'''exec' '/my app/it'\"'\"'s/python' \"$0\" \"$@\"\n' '''"
        );
        let fits = format!("/{}", "a".repeat(123));
        assert_eq!(first_line(&fits), format!("#!{fits}"));
        assert!(first_line(&format!("{fits}a")).starts_with("#!/bin/sh\n"));
    }

    #[test]
    fn a_launcher_is_that_of_uv() {
        let entry_point = EntryPoint { module: "foo.cli".into(), function: "App.run".into() };
        assert_eq!(
            entry_point.launcher("/app/.venv/bin/python"),
            r#"#!/app/.venv/bin/python
# -*- coding: utf-8 -*-
import sys
from foo.cli import App
if __name__ == "__main__":
    if sys.argv[0].endswith("-script.pyw"):
        sys.argv[0] = sys.argv[0][:-11]
    elif sys.argv[0].endswith(".exe"):
        sys.argv[0] = sys.argv[0][:-4]
    sys.exit(App.run())
"#
        );
    }

    #[track_caller]
    fn rewritten(script: &str, expected: &str) {
        let mut reader = script.as_bytes();
        let mut found = rewritten_start(&mut reader, "/v/bin/python").unwrap();
        reader.read_to_end(&mut found).unwrap();
        assert_eq!(String::from_utf8(found).unwrap(), expected);
    }

    #[test]
    fn the_placeholder_is_replaced() {
        rewritten("#!python\nx\n", "#!/v/bin/python\nx\n");
        rewritten("#!pythonw -E\nx\n", "#!/v/bin/python\nx\n");
        rewritten("#!python\r\nx", "#!/v/bin/python\nx");
        rewritten("#!pythonw\r\nx\r\n", "#!/v/bin/python\nx\r\n");
        rewritten("#!python -E\r\n\r\nx", "#!/v/bin/python\n\r\nx");
        rewritten("#!python\r\r\nx", "#!/v/bin/python\n\r\nx");
        rewritten("#!python\n\rx", "#!/v/bin/python\n\rx");
        rewritten("#!python\rx", "#!/v/bin/python\nx");
        rewritten("#!pythonw\r", "#!/v/bin/python\n");
        rewritten("#!python", "#!/v/bin/python\n");
        rewritten("#!/bin/sh\nx", "#!/bin/sh\nx");
        rewritten("#!pyth", "#!pyth");
        rewritten("", "");
    }
}
