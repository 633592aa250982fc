//! Names of packages of Linux distributions and the Debian packages that stand for them, from a table.

/// Managers, names and packages. See its own first lines.
const TABLE: &str = include_str!("distribution.tsv");

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

    /// The Debian packages for the package `name`.
    pub fn counterpart(self, name: &str) -> Counterpart {
        let rows = TABLE.lines().filter(|line| !line.starts_with('#'));
        let mut rows = rows.filter_map(|line| {
            let mut fields = line.split('\t');
            Some((fields.next()?, fields.next()?, fields.next()?))
        });
        let found = rows.find(|(manager, known, _)| *manager == self.as_str() && *known == name);
        match found {
            Some((_, _, "-")) => Counterpart::Packages(Vec::new()),
            Some((_, _, packages)) => Counterpart::Packages(packages.split(' ').map(str::to_owned).collect()),
            None if self == Self::Apt => Counterpart::Packages(vec![name.to_owned()]),
            None => Counterpart::Unknown,
        }
    }
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
        assert_eq!(Manager::Apt.counterpart("curl"), packages(&["curl"]));
        assert_eq!(Manager::Apt.counterpart("libgl1-mesa-glx"), packages(&["libgl1"]));
        assert_eq!(Manager::Apk.counterpart("build-base"), packages(&[]));
        assert_eq!(Manager::Apk.counterpart("postgresql-libs"), packages(&["libpq5"]));
        assert_eq!(Manager::Dnf.counterpart("odd"), Counterpart::Unknown);
        assert_eq!(Manager::of("microdnf"), Some(Manager::Dnf));
    }
}
