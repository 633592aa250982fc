//! Which script failed, from what was printed.
use std::fmt;

/// A maintainer script that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptFailure {
    /// The package, as dpkg names it: with its architecture where there may be several.
    pub package: String,
    /// The script, as `postinst`.
    pub script: String,
    /// How it ended, as `failed with exit code 3`.
    pub ended: String,
}

impl fmt::Display for ScriptFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { package, script, ended } = self;
        write!(f, "the {script} script of {package} {ended}")
    }
}

/// The first script that failed, as the driver and dpkg report it; `None` where neither does.
///
/// dpkg's sentence is that of `lib/dpkg/subproc.c` for the locale C, as old as version 1.17: the package's state and
/// name, "package", the script, "script subprocess", and how it ended.
pub fn script_failure<'a>(lines: impl IntoIterator<Item = &'a str>) -> Option<ScriptFailure> {
    lines.into_iter().find_map(of_line)
}

fn of_line(line: &str) -> Option<ScriptFailure> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [_, package, "package", script, "script", "subprocess", rest @ ..] = words.as_slice() else {
        return None;
    };
    let script = match *script {
        "pre-installation" => "preinst",
        "post-installation" => "postinst",
        "config" => "config",
        _ => return None,
    };
    let ended = match rest {
        ["returned", "error", "exit", "status", code] | ["failed", "with", "exit", "code", code] => {
            format!("failed with exit code {code}")
        }
        ["was", "killed", "by", "signal", signal @ ..] => {
            format!("was killed by signal {}", signal.join(" ").trim_matches(['(', ')']))
        }
        _ => "failed".to_owned(),
    };
    Some(ScriptFailure { package: (*package).to_owned(), script: script.to_owned(), ended })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dpkgs_sentence_is_read() {
        let check = |line: &str, expected: Option<&str>| {
            let found = script_failure(["Setting up odd (1) ...", line]);
            assert_eq!(found.map(|failure| failure.to_string()).as_deref(), expected, "{line}");
        };
        check(
            " installed odd package post-installation script subprocess returned error exit status 3",
            Some("the postinst script of odd failed with exit code 3"),
        );
        check(
            " new libc6:amd64 package pre-installation script subprocess failed with exit code 1",
            Some("the preinst script of libc6:amd64 failed with exit code 1"),
        );
        check(
            " installed odd package post-installation script subprocess was killed by signal (Killed)",
            Some("the postinst script of odd was killed by signal Killed"),
        );
        check("dpkg: error processing package odd (--configure):", None);
        check("dependency problems - leaving unconfigured", None);
    }
}
