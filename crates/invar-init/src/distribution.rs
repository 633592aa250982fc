//! Names of packages of Linux distributions and the Debian packages that stand for them, from a table.

/// Managers, names and packages. See its own first lines.
const TABLE: &str = include_str!("distribution.tsv");

/// Suites from before the change of time's width, also with what is after a hyphen: `bookworm-backports`.
const BEFORE_T64: [&str; 3] = ["bookworm", "bullseye", "buster"];

/// A program that installs packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manager {
    /// Debian's and Ubuntu's.
    Apt,
    /// Alpine's.
    Apk,
    /// Fedora's and Red Hat's, under each of its names.
    Dnf,
}

/// What stands for a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Counterpart {
    /// These Debian packages; none where nothing is needed.
    Packages(Vec<String>),
    /// Nobody knows.
    Unknown,
}

impl Manager {
    /// The manager that `program` is.
    pub fn of(program: &str) -> Option<Self> {
        match program {
            "apt-get" | "apt" | "aptitude" => Some(Self::Apt),
            "apk" => Some(Self::Apk),
            "dnf" | "yum" | "microdnf" | "tdnf" => Some(Self::Dnf),
            _ => None,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Apt => "apt",
            Self::Apk => "apk",
            Self::Dnf => "dnf",
        }
    }

    /// The Debian packages of the suite `suite` for the package `name`; without one, of Debian 13.
    pub fn counterpart(self, name: &str, suite: Option<&str>) -> Counterpart {
        let found = self.of_newest(name);
        let Counterpart::Packages(packages) = found else { return found };
        // Libraries whose time became 64 bits wide got other names in Debian 13, on all architectures.
        let is_before = suite.is_some_and(|suite| BEFORE_T64.iter().any(|before| suite.starts_with(before)));
        let named = |name: String| match is_before {
            true => name.strip_suffix("t64").map(str::to_owned).unwrap_or(name),
            false => name,
        };
        Counterpart::Packages(packages.into_iter().map(named).collect())
    }

    fn of_newest(self, name: &str) -> Counterpart {
        let rows = TABLE.lines().filter(|line| !line.starts_with('#'));
        let mut rows = rows.filter_map(|line| {
            let mut fields = line.split('\t');
            Some((fields.next()?, fields.next()?, fields.next()?))
        });
        let found = rows.find(|(manager, known, _)| *manager == self.as_str() && *known == name);
        match found {
            Some((_, _, "-")) => Counterpart::Packages(Vec::new()),
            Some((_, _, packages)) => Counterpart::Packages(packages.split(' ').map(str::to_owned).collect()),
            None if self == Self::Apt && is_python(name) => Counterpart::Packages(Vec::new()),
            None if self == Self::Apt => Counterpart::Packages(vec![name.to_owned()]),
            None => Counterpart::Unknown,
        }
    }
}

/// Whether `name` is Python itself, of any version, or a part of it that builds need: `python3.11-dev`.
fn is_python(name: &str) -> bool {
    let Some(rest) = name.strip_prefix("python3") else { return false };
    let rest =
        rest.strip_prefix('.').map_or(rest, |rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()));
    let parts = ["", "-dev", "-distutils", "-full", "-lib2to3", "-minimal", "-pip", "-venv"];
    parts.contains(&rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole_and_sorted() {
        let lines: Vec<&str> = TABLE.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(lines.iter().all(|line| line.split('\t').count() == 3));
        let keys: Vec<Vec<&str>> = lines.iter().map(|line| line.split('\t').take(2).collect()).collect();
        assert!(keys.is_sorted_by(|a, b| a < b));
        assert!(
            lines.iter().all(|line| ["apk", "apt", "dnf"].contains(&line.split('\t').next().unwrap_or("")))
        );
    }

    #[test]
    fn names_are_debians() {
        let packages =
            |names: &[&str]| Counterpart::Packages(names.iter().map(|name| (*name).to_owned()).collect());
        assert_eq!(Manager::Apt.counterpart("curl", None), packages(&["curl"]));
        assert_eq!(Manager::Apt.counterpart("libgl1-mesa-glx", None), packages(&["libgl1"]));
        assert_eq!(Manager::Apk.counterpart("build-base", None), packages(&[]));
        assert_eq!(Manager::Apk.counterpart("postgresql-libs", None), packages(&["libpq5"]));
        assert_eq!(Manager::Dnf.counterpart("odd", None), Counterpart::Unknown);
        // Names of before and after time became 64 bits wide.
        let glib = |suite: Option<&str>| Manager::Apt.counterpart("libglib2.0-0", suite);
        assert_eq!(glib(None), packages(&["libglib2.0-0t64"]));
        assert_eq!(glib(Some("trixie")), packages(&["libglib2.0-0t64"]));
        assert_eq!(glib(Some("bookworm")), packages(&["libglib2.0-0"]));
        let newer = Manager::Apt.counterpart("libcurl4t64", Some("bookworm"));
        assert_eq!(newer, packages(&["libcurl4"]));
        assert_eq!(Manager::Apk.counterpart("libmagic", Some("bookworm")), packages(&["libmagic1"]));
        assert_eq!(Manager::Apt.counterpart("python3.12-venv", None), packages(&[]));
        assert_eq!(Manager::Apt.counterpart("python3-tk", None), packages(&["python3-tk"]));
        assert_eq!(Manager::of("microdnf"), Some(Manager::Dnf));
    }
}
