//! Triggers of packages: what `triggers` says (deb-triggers(5)), and what dpkg keeps of it.
//!
//! ```text
//! line of triggers         ("interest" | "activate") ("-await" | "-noawait")? " " trigger; "#" starts a comment
//! trigger                  printable US-ASCII without blanks; with a leading "/" it is a path, and stands for all below
//! triggers/File            "<path> <package>[/noawait]\n", one for each interest in a path
//! triggers/<trigger>       "<package>[/noawait]\n", one for each interest in the trigger
//! ```
//!
//! Format of the records: lib/dpkg/triglib.c of dpkg, which documents it; the same since 2007.
use std::collections::BTreeMap;

use invar_debian::Control;
use invar_tree::ImagePath;

use super::qualified_name;

/// Why a package's `triggers` cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TriggerError {
    /// Not a directive of deb-triggers(5).
    #[error("line {line} is not a trigger directive: {text:?}")]
    Directive {
        /// The line's number, from 1.
        line: usize,
        /// The line.
        text: String,
    },
    /// Not a name that a trigger can have.
    #[error("line {line} names a trigger that dpkg does not accept: {text:?}")]
    Name {
        /// The line's number, from 1.
        line: usize,
        /// The line.
        text: String,
    },
}

/// What a package is interested in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Interest {
    /// The trigger: a name, or a path with a leading slash.
    pub(super) trigger: String,
    /// Whether packages that activate it need not wait for it.
    pub(super) noawait: bool,
}

/// The interests of a package.
pub(super) fn interests(control: &Control) -> Result<Vec<Interest>, TriggerError> {
    let mut interests = Vec::new();
    for (index, text) in control.triggers().lines().enumerate() {
        let line = text.split('#').next().unwrap_or_default().trim();
        let at = || (index + 1, text.to_owned());
        let Some((directive, trigger)) = line.split_once(char::is_whitespace) else {
            if line.is_empty() {
                continue;
            }
            let (line, text) = at();
            return Err(TriggerError::Directive { line, text });
        };
        let trigger = trigger.trim();
        if !is_trigger(trigger) {
            let (line, text) = at();
            return Err(TriggerError::Name { line, text });
        }
        match directive {
            "interest" | "interest-await" => {
                interests.push(Interest { trigger: trigger.to_owned(), noawait: false });
            }
            "interest-noawait" => interests.push(Interest { trigger: trigger.to_owned(), noawait: true }),
            "activate" | "activate-await" | "activate-noawait" => {}
            _ => {
                let (line, text) = at();
                return Err(TriggerError::Directive { line, text });
            }
        }
    }
    Ok(interests)
}

/// Whether dpkg can keep the trigger: the name of one that is no path becomes the name of a file.
fn is_trigger(name: &str) -> bool {
    let printable = !name.is_empty() && name.len() <= 200 && name.bytes().all(|byte| byte.is_ascii_graphic());
    let taken = ["File", "Lock", "Unincorp", ".", ".."].contains(&name);
    match name.strip_prefix('/') {
        Some(path) => printable && ImagePath::parse(path).is_ok(),
        None => printable && !taken && !name.contains('/'),
    }
}

/// Whether unpacking `path` activates the trigger.
pub(super) fn activates(path: &ImagePath, trigger: &str) -> bool {
    trigger.strip_prefix('/').is_some_and(|directory| path.is_within(directory.trim_end_matches('/')))
}

/// The records of all interests: the name of a file below `triggers`, and its text.
pub(super) fn records(interests: &[(&Control, Vec<Interest>)]) -> BTreeMap<String, String> {
    let mut records = BTreeMap::from([("File".to_owned(), String::new())]);
    for (control, interests) in interests {
        for Interest { trigger, noawait } in interests {
            let who = qualified_name(control);
            let option = if *noawait { "/noawait" } else { "" };
            if trigger.starts_with('/') {
                let text = records.entry("File".to_owned()).or_default();
                text.push_str(&format!("{trigger} {who}{option}\n"));
            } else {
                records.entry(trigger.clone()).or_default().push_str(&format!("{who}{option}\n"));
            }
        }
    }
    records
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trigger_is_a_path_or_the_name_of_a_file() {
        for (name, expected) in [
            ("ldconfig", true),
            ("/usr/share/fonts", true),
            ("/", false),
            ("/../etc", false),
            ("a/b", false),
            ("..", false),
            ("File", false),
            ("a b", false),
            ("é", false),
            ("", false),
        ] {
            assert_eq!(is_trigger(name), expected, "{name:?}");
        }
    }

    #[test]
    fn a_path_stands_for_all_below() {
        let path = |path: &str| ImagePath::parse(path).unwrap();
        assert!(activates(&path("usr/share/fonts/x.ttf"), "/usr/share/fonts"));
        assert!(activates(&path("usr/share/fonts"), "/usr/share/fonts/"));
        assert!(!activates(&path("usr/share/fontsx"), "/usr/share/fonts"));
        assert!(!activates(&path("usr/share/fonts"), "usr/share/fonts"));
    }
}
