//! Which packages a release of Debian has, without asking an archive.
//!
//! A stable release keeps the names of its packages, so a list of them does not age. It has those of the two releases that
//! a suite is chosen from, without names that no image is built with: sources of other languages, and documentation.

/// The names. See its own first lines.
const NAMES: &str = include_str!("packages.txt");

/// Starts and ends of names that are not in the list.
const STARTS: [&str; 12] = [
    "elpa-",
    "firefox-esr-l10n",
    "golang-",
    "kernel-",
    "libghc-",
    "libreoffice-help",
    "libreoffice-l10n",
    "librust-",
    "linux-headers",
    "linux-image",
    "node-",
    "r-bioc-",
];
const ENDS: [&str; 4] = ["-cross", "-dbg", "-dbgsym", "-doc"];

/// The names of a release's packages, sorted.
#[derive(Debug)]
pub(crate) struct PackageNames {
    names: Vec<String>,
}

/// What a release has for a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Named {
    /// A package of that name, or one that the list would not have.
    Same,
    /// The same under another name: another version of a library's interface, or of a program.
    Renamed(String),
    /// Nothing.
    Missing,
}

impl PackageNames {
    /// The names of `suite`; `None` where they are not known.
    pub fn of(suite: &str) -> Option<Self> {
        let own = match suite {
            "trixie" => 't',
            "bookworm" => 'b',
            _ => return None,
        };
        let mut names = Vec::new();
        let mut name = String::new();
        for line in NAMES.lines().filter(|line| !line.starts_with('#')) {
            let mut characters = line.chars();
            let shared = usize::from(characters.next().map_or(0, |c| c as u8).saturating_sub(b'0'));
            let releases = characters.next();
            name.truncate(shared);
            name.push_str(characters.as_str());
            if releases == Some('+') || releases == Some(own) {
                names.push(name.clone());
            }
        }
        Some(Self { names })
    }

    fn has(&self, name: &str) -> bool {
        self.names.binary_search_by(|known| known.as_str().cmp(name)).is_ok()
    }

    /// What the release has for `name`.
    pub fn find(&self, name: &str) -> Named {
        let is_listed = !STARTS.iter().any(|start| name.starts_with(start))
            && !ENDS.iter().any(|end| name.ends_with(end));
        let wide = format!("{name}t64");
        // Where both are there, the one without the ending is only provided.
        if self.has(&wide) {
            return Named::Renamed(wide);
        }
        if !is_listed || self.has(name) {
            return Named::Same;
        }
        let narrow = name.strip_suffix("t64").filter(|narrow| self.has(narrow)).map(str::to_owned);
        match narrow.or_else(|| self.other_version(name)) {
            Some(other) => Named::Renamed(other),
            None => Named::Missing,
        }
    }

    /// The only package whose name is `name` with another number: `libicu76` for `libicu72`. Of several versions of a
    /// program, the next one: `openjdk-21-jre` for `openjdk-17-jre`.
    fn other_version(&self, name: &str) -> Option<String> {
        let (start, end) = around_number(name)?;
        let number = |name: &str| -> Vec<u32> {
            let number = name[start.len()..].strip_suffix(end).unwrap_or_default();
            number.split('.').filter_map(|part| part.parse().ok()).collect()
        };
        let first = self.names.partition_point(|known| known.as_str() < start);
        let mut all: Vec<&String> = Vec::new();
        for known in self.names[first..].iter().take_while(|known| known.starts_with(start)) {
            if around_number(known) != Some((start, end)) || self.has(&format!("{known}t64")) {
                continue;
            }
            all.push(known);
        }
        // Of several libraries nobody knows which one is meant.
        if name.starts_with("lib") {
            return all.first().filter(|_| all.len() == 1).map(|name| (*name).clone());
        }
        all.sort_by_key(|known| number(known));
        let next = all.iter().find(|known| number(known) > number(name));
        next.or(all.last()).map(|name| (*name).clone())
    }
}

/// What is before and after the number of a name: of a library's interface, at its end, or of a program, between hyphens.
fn around_number(name: &str) -> Option<(&str, &str)> {
    if let Some(library) = name.strip_prefix("lib") {
        let bare = library.strip_suffix("t64").unwrap_or(library);
        let bare = bare.rsplit_once('v').filter(|(_, rest)| *rest == "5").map_or(bare, |(bare, _)| bare);
        let stem = bare.trim_end_matches(|c: char| c.is_ascii_lowercase() && c <= 'g');
        let stem = if stem.ends_with(|c: char| c.is_ascii_digit()) { stem } else { bare };
        let start = stem.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
        let is_one = start.len() < stem.len() && start.len() > 1;
        return is_one.then(|| (&name[.."lib".len() + start.len()], ""));
    }
    let (before, rest) = name.split_once('-')?;
    let versioned = ["openjdk", "postgresql", "gcc", "g++", "clang", "llvm", "php", "ruby", "nodejs"];
    // `postgresql-client-15` has it at the end, `openjdk-17-jre` in the middle.
    let start = match rest.find(|c: char| c.is_ascii_digit()) {
        Some(at) if rest[..at].is_empty() || rest[..at].ends_with('-') => before.len() + 1 + at,
        _ => return None,
    };
    let number = name[start..].find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(name.len() - start);
    versioned.contains(&before).then(|| (&name[..start], &name[start + number..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted() {
        for suite in ["trixie", "bookworm"] {
            let names = PackageNames::of(suite).expect("it is known").names;
            assert!(names.is_sorted() && names.len() > 40_000, "{suite}: {}", names.len());
        }
        assert!(PackageNames::of("sid").is_none());
        assert!(STARTS.is_sorted() && ENDS.is_sorted());
    }

    #[test]
    fn names_are_those_of_the_suite() {
        let check = |suite: &str, name: &str, expected: &str| {
            let found = PackageNames::of(suite).expect("it is known").find(name);
            let shown = match found {
                Named::Same => name.to_owned(),
                Named::Renamed(name) => name,
                Named::Missing => "-".to_owned(),
            };
            assert_eq!(shown, expected, "{suite} {name}");
        };
        for (name, trixie, bookworm) in [
            ("curl", "curl", "curl"),
            ("g++", "g++", "g++"),
            ("libglib2.0-0", "libglib2.0-0t64", "libglib2.0-0"),
            ("libasound2", "libasound2t64", "libasound2"),
            ("libmagic1t64", "libmagic1t64", "libmagic1"),
            ("libicu72", "libicu76", "libicu72"),
            ("libicu67", "libicu76", "libicu72"),
            ("libtiff5", "libtiff6", "libtiff6"),
            ("libwebp6", "libwebp7", "libwebp7"),
            ("libffi7", "libffi8", "libffi8"),
            ("libssl1.1", "libssl3t64", "libssl3"),
            ("libgeos-c1v5", "libgeos-c1v5", "libgeos-c1v5"),
            ("openjdk-17-jre-headless", "openjdk-21-jre-headless", "openjdk-17-jre-headless"),
            ("postgresql-client-15", "postgresql-client-17", "postgresql-client-15"),
            ("librust-odd-dev", "librust-odd-dev", "librust-odd-dev"),
            ("wkhtmltopdf", "-", "wkhtmltopdf"),
            ("datadog-agent", "-", "-"),
            ("libodd9", "-", "-"),
        ] {
            check("trixie", name, trixie);
            check("bookworm", name, bookworm);
        }
    }
}
