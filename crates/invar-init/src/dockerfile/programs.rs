//! Programs that scripts and lines for a shell call, and the Debian packages that have them.
use invar_dockerfile::{Text, split_commands};

use crate::dockerfile::Reader;

/// Packages, each with those of its programs that scripts call.
const PROGRAMS: [(&str, &[&str]); 20] = [
    (
        "coreutils",
        &[
            "basename",
            "cat",
            "chmod",
            "chown",
            "cp",
            "cut",
            "date",
            "dirname",
            "env",
            "expr",
            "head",
            "id",
            "install",
            "ln",
            "ls",
            "mkdir",
            "mktemp",
            "mv",
            "nproc",
            "readlink",
            "realpath",
            "rm",
            "seq",
            "sha256sum",
            "sleep",
            "sort",
            "stat",
            "tail",
            "tee",
            "timeout",
            "touch",
            "tr",
            "uniq",
            "wc",
            "whoami",
        ],
    ),
    ("curl", &["curl"]),
    ("diffutils", &["cmp", "diff"]),
    ("findutils", &["find", "xargs"]),
    ("gettext-base", &["envsubst"]),
    ("git", &["git"]),
    ("grep", &["egrep", "fgrep", "grep"]),
    ("gzip", &["gunzip", "gzip", "zcat"]),
    ("hostname", &["hostname"]),
    ("jq", &["jq"]),
    ("mawk", &["awk", "mawk"]),
    ("netcat-openbsd", &["nc", "netcat"]),
    ("openssl", &["openssl"]),
    ("passwd", &["useradd", "usermod"]),
    ("procps", &["pgrep", "pkill", "ps"]),
    ("redis-tools", &["redis-cli"]),
    ("sed", &["sed"]),
    ("sqlite3", &["sqlite3"]),
    ("tar", &["tar"]),
    ("wget", &["wget"]),
];

impl Reader<'_> {
    /// Adds the packages of the programs that `text`, which a shell reads, calls.
    pub(super) fn add_programs(&mut self, text: &str) {
        let script = split_commands(&Text::new(text, 0), &[]);
        for program in script.all().into_iter().filter_map(|command| command.program()) {
            let found = PROGRAMS.iter().find(|(_, programs)| programs.contains(&program));
            self.draft.packages.extend(found.map(|(package, _)| (*package).to_owned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::PROGRAMS;

    #[test]
    fn the_table_is_sorted() {
        assert!(PROGRAMS.is_sorted_by_key(|(package, _)| *package));
        assert!(PROGRAMS.iter().all(|(_, programs)| programs.is_sorted()));
    }
}
