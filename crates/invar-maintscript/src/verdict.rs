//! What is known of a package's maintainer scripts.
//!
//! A script that nobody read is never passed over in silence: the table `verdicts.tsv` holds, for a package and the
//! [hash of its scripts](script_key), what a person found when reading them. It was filled from Debian 12, 13 and the
//! development suite. One line for each, sorted by package and hash, fields separated by one tab:
//!
//! ```text
//! package  hash, 64 hex digits  verdict  handlers, separated by commas, or "-"  suites and versions seen  note
//! ```
//!
//! The verdict is `handled` (the handlers do what a container needs of it), `nothing` (a container needs nothing of
//! it), `may-run` (most containers need nothing of it, and some what one of its programs would make) or `run` (the
//! package is of little use before one of its programs has run in the image).
use invar_debian::{Control, PackageName, debhelper_snippets, script_hash};
use invar_tree::Digest;

const TABLE: &str = include_str!("verdicts.tsv");

/// What is known of a package's scripts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// A fresh installation runs no script, or only what debhelper generates and no image needs.
    NoScripts,
    /// Handlers do natively what a container needs of the scripts.
    Handled {
        /// The handlers' names, sorted.
        handlers: Vec<&'static str>,
        /// What they do, and what is left out: one sentence; empty where debhelper generated all there is.
        note: &'static str,
    },
    /// The scripts do nothing that a container needs.
    Nothing {
        /// What they do: one sentence.
        note: &'static str,
    },
    /// The scripts let a program make something that most containers do without.
    MayRun {
        /// Which program, and what is missing: one sentence.
        note: &'static str,
    },
    /// The package is of little use before a program has run in the image.
    NeedsRun {
        /// Which program, and what does not work: one sentence.
        note: &'static str,
    },
    /// Nobody has read these scripts.
    Unknown {
        /// Their hash, or that of a generated part which is unknown.
        script: Digest,
    },
}

/// What debhelper's programs write into scripts: the program, a command that its part holds, and the handler that does
/// the same, unless an image needs nothing of it.
const SNIPPETS: &[(&str, &str, Option<&str>)] = &[
    ("dh_icons", "update-icon-caches", None),
    ("dh_installalternatives", "update-alternatives", Some("alternatives")),
    ("dh_installdeb", "dpkg-maintscript-helper", None),
    ("dh_installinit", "/etc/init.d/", None),
    ("dh_installmenu", "update-menus", None),
    ("dh_installsystemd", "systemctl", None),
    ("dh_installsystemd", "deb-systemd-", None),
    ("dh_installsystemduser", "deb-systemd-", None),
    ("dh_installsysusers", "systemd-sysusers", Some("accounts")),
    ("dh_installtmpfiles", "systemd-tmpfiles", None),
    ("dh_installxfonts", "update-fonts-", None),
    // Catalogs of XML are looked up by what validates documents; everything else finds its files without.
    ("dh_installxmlcatalogs", "update-xmlcatalog", None),
    ("dh_makeshlibs", "ldconfig", None),
    ("dh_python3", "py3compile", None),
    ("dh_runit", "runit", None),
    ("dh_usrlocal", "/usr/local", Some("local")),
];

/// Data in scripts that changes from version to version and decides nothing: the package, how the first line of it
/// starts, and the line that ends it, where that is another one.
const VARYING: &[(&str, &str, Option<&str>)] = &[
    ("ca-certificates", "CERTS_LIST=\"", None),
    ("libc6", "        if [ -n \"$ver\" ] && [ \"$ver\" != \"", None),
    ("locales", "PROVIDED_LOCALES=\"", Some("\"")),
    ("tzdata", "convert_timezone()", Some("}")),
];

/// A line of the table.
struct Line {
    package: &'static str,
    hash: &'static str,
    verdict: &'static str,
    handlers: &'static str,
    note: &'static str,
}

fn lines() -> impl Iterator<Item = Line> {
    TABLE.lines().map(|line| {
        let mut fields = line.split('\t');
        let mut field = || fields.next().expect("a test reads every line of the table");
        let (package, hash, verdict, handlers, _seen, note) =
            (field(), field(), field(), field(), field(), field());
        Line { package, hash, verdict, handlers, note }
    })
}

/// The key of a package's scripts in the table; `None` where a fresh installation runs nothing but generated parts.
///
/// It is the [`script_hash`] of the scripts without data that varies: the names of certificates, locales and former
/// time zones, and a package's own version.
pub fn script_key(control: &Control) -> Option<Digest> {
    let package = control.package().as_str();
    let mut varying = VARYING.iter().filter(|(name, ..)| *name == package).peekable();
    if varying.peek().is_none() {
        return script_hash(&control.scripts);
    }
    let mut scripts = control.scripts.clone();
    for (_, start, end) in varying {
        scripts = scripts.into_iter().map(|(name, text)| (name, without(&text, start, *end))).collect();
    }
    script_hash(&scripts)
}

fn without(script: &str, start: &str, end: Option<&str>) -> String {
    let mut text = String::new();
    let mut skipping = false;
    for line in script.split_inclusive('\n') {
        if skipping {
            skipping = end.is_some_and(|end| line.trim_end() != end);
        } else if line.starts_with(start) {
            skipping = end.is_some();
        } else {
            text.push_str(line);
        }
    }
    text
}

/// What is known of the scripts that a fresh installation of this package would run.
pub fn verdict(control: &Control) -> Verdict {
    let mut handlers = Vec::new();
    for snippet in debhelper_snippets(&control.scripts) {
        let known = SNIPPETS
            .iter()
            .find(|(tool, command, _)| *tool == snippet.tool && snippet.body.contains(command));
        match known {
            Some((_, _, handler)) => handlers.extend(*handler),
            None => return Verdict::Unknown { script: Digest::of(snippet.body.as_bytes()) },
        }
    }
    let mut note = None;
    if let Some(script) = script_key(control) {
        let (package, hash) = (control.package().as_str(), script.hex());
        match lines().find(|line| line.package == package && line.hash == hash) {
            None => return Verdict::Unknown { script },
            Some(Line { verdict: "run", note, .. }) => return Verdict::NeedsRun { note },
            Some(Line { verdict: "may-run", note, .. }) => return Verdict::MayRun { note },
            Some(line) => {
                handlers.extend(line.handlers.split(',').filter(|handler| *handler != "-"));
                note = Some(line.note);
            }
        }
    }
    handlers.sort_unstable();
    handlers.dedup();
    match (handlers.is_empty(), note) {
        (true, None) => Verdict::NoScripts,
        (true, Some(note)) => Verdict::Nothing { note },
        (false, note) => Verdict::Handled { handlers, note: note.unwrap_or_default() },
    }
}

/// Why it is proposed to run a package's scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Proposal {
    /// The package is of little use without. The sentence says what does not work.
    Needed {
        /// One sentence, with its full stop.
        note: &'static str,
    },
    /// Most containers do without. The sentence says what is missing.
    Useful {
        /// One sentence, with its full stop.
        note: &'static str,
    },
    /// Nobody has read the scripts.
    Unread,
}

/// Whether it should be proposed to run the scripts of `package`, by their digest as a lock has it.
pub fn proposal(package: &PackageName, script: &Digest) -> Option<Proposal> {
    let hash = script.hex();
    let line = lines().find(|line| line.package == package.as_str() && line.hash == hash);
    match line {
        None => Some(Proposal::Unread),
        Some(Line { verdict: "run", note, .. }) => Some(Proposal::Needed { note }),
        Some(Line { verdict: "may-run", note, .. }) => Some(Proposal::Useful { note }),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handler::HANDLERS;
    use crate::testing::control;

    #[test]
    fn the_table_is_sorted_and_every_line_is_whole() {
        let mut last = ("", "");
        for (index, line) in TABLE.lines().enumerate() {
            let number = index + 1;
            assert_eq!(line.split('\t').count(), 6, "line {number}");
            assert!(line.split('\t').all(|field| !field.is_empty()), "line {number}");
        }
        for line in lines() {
            let key = (line.package, line.hash);
            assert!(last < key, "{} after {}", line.package, last.0);
            last = key;
            assert!(line.package.parse::<invar_debian::PackageName>().is_ok(), "{}", line.package);
            assert!(Digest::from_hex(line.hash).is_ok(), "{}", line.package);
            let handlers: Vec<&str> = line.handlers.split(',').filter(|handler| *handler != "-").collect();
            for handler in &handlers {
                assert!(HANDLERS.iter().any(|known| known.name == *handler), "{}: {handler}", line.package);
            }
            match line.verdict {
                "handled" => assert!(!handlers.is_empty(), "{}", line.package),
                "nothing" | "may-run" | "run" => assert!(handlers.is_empty(), "{}", line.package),
                other => panic!("{}: {other}", line.package),
            }
            assert!(line.note.ends_with('.'), "{}", line.package);
        }
        for (_, _, handler) in SNIPPETS {
            assert!(handler.is_none_or(|handler| HANDLERS.iter().any(|known| known.name == handler)));
        }
    }

    #[test]
    fn a_package_without_scripts_needs_nothing() {
        assert_eq!(verdict(&control("tini", &[])), Verdict::NoScripts);
        assert_eq!(verdict(&control("tini", &[("postrm", "#!/bin/sh\nrm -rf /x\n")])), Verdict::NoScripts);
    }

    #[test]
    fn an_unknown_script_of_a_known_package_is_unknown() {
        let known = lines().find(|line| line.package == "base-files");
        assert!(known.is_some());
        let control = control("base-files", &[("postinst", "#!/bin/sh\nrm -rf /x\n")]);
        let script = script_hash(&control.scripts).unwrap();
        assert_eq!(verdict(&control), Verdict::Unknown { script });
    }

    #[test]
    fn running_is_proposed_for_what_handlers_cannot_do() {
        let of = |name: &str| {
            let line = lines().find(|line| line.package == name).unwrap();
            proposal(&name.parse().unwrap(), &Digest::from_hex(line.hash).unwrap())
        };
        assert!(
            matches!(of("libgvc6"), Some(Proposal::Needed { note }) if note.starts_with("Lists the plugins"))
        );
        assert!(matches!(of("shared-mime-info"), Some(Proposal::Useful { .. })));
        assert_eq!(of("base-files"), None);
        let unread = proposal(&"base-files".parse().unwrap(), &Digest::of(b"another script"));
        assert_eq!(unread, Some(Proposal::Unread));
    }

    #[test]
    fn lists_that_vary_do_not_count() {
        let key = |list: &str, rest: &str| {
            let config = format!("#!/bin/sh\nCERTS_LIST=\"{list}\"\n{rest}\n");
            script_key(&control("ca-certificates", &[("config", &config)]))
        };
        assert_eq!(key("a, b", "do it"), key("a", "do it"));
        assert_ne!(key("a", "do it"), key("a", "do it not"));
        assert_eq!(without("a\nx()\n{\nb\n}\nc\n", "x()", Some("}")), "a\nc\n");
    }

    #[test]
    fn generated_parts_are_known_by_program_and_command() {
        let part = |tool: &str, body: &str| {
            let script = format!(
                "#!/bin/sh\nset -e\n# Automatically added by {tool}/13.24.2\n{body}\n# End automatically added section\n"
            );
            verdict(&control("mawk", &[("postinst", &script)]))
        };
        assert_eq!(
            part("dh_installalternatives", "update-alternatives --install /a a /b 1"),
            Verdict::Handled { handlers: vec!["alternatives"], note: "" }
        );
        assert_eq!(part("dh_installsystemd", "deb-systemd-helper enable x"), Verdict::NoScripts);
        assert!(matches!(part("dh_installsystemd", "rm -rf /x"), Verdict::Unknown { .. }));
        assert!(matches!(part("dh_unheard_of", "deb-systemd-helper enable x"), Verdict::Unknown { .. }));
    }
}
