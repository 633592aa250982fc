//! The closed list of what two machines may differ in.
use std::fmt;
use std::str::FromStr;

/// Something that differs between two machines, or between two builds on one, and must not reach an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Perturbation {
    /// The numbers of the user and group, and what that user may do.
    User,
    /// The umask.
    Umask,
    /// The time zone.
    TimeZone,
    /// The language and the rules for sorting and writing.
    Locale,
    /// The home folder, and the folders for settings and caches.
    Home,
    /// The path of the checkout.
    Path,
    /// The host name.
    HostName,
    /// The date and the time of day.
    Clock,
    /// The number of CPUs.
    CpuCount,
    /// What the CPU can do.
    CpuModel,
    /// The order in which folders list their entries.
    DirectoryOrder,
    /// The order in which files arrive, and in which work that may be done at once is started.
    DownloadOrder,
    /// Environment variables that tools look at.
    Environment,
}

/// A name that is no perturbation's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown variation {name:?}; expected one of {}", Perturbation::ALL.map(Perturbation::name).join(", "))]
pub struct UnknownPerturbation {
    /// The name.
    pub name: String,
}

impl Perturbation {
    /// All, in the order in which they are reported.
    pub const ALL: [Self; 13] = [
        Self::User,
        Self::Umask,
        Self::TimeZone,
        Self::Locale,
        Self::Home,
        Self::Path,
        Self::HostName,
        Self::Clock,
        Self::CpuCount,
        Self::CpuModel,
        Self::DirectoryOrder,
        Self::DownloadOrder,
        Self::Environment,
    ];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Umask => "umask",
            Self::TimeZone => "time-zone",
            Self::Locale => "locale",
            Self::Home => "home",
            Self::Path => "path",
            Self::HostName => "host-name",
            Self::Clock => "clock",
            Self::CpuCount => "cpu-count",
            Self::CpuModel => "cpu-model",
            Self::DirectoryOrder => "directory-order",
            Self::DownloadOrder => "download-order",
            Self::Environment => "environment",
        }
    }

    /// What is done, as a noun phrase.
    pub fn describe(self) -> &'static str {
        match self {
            Self::User => "a different user and group, without privileges",
            Self::Umask => "a different umask",
            Self::TimeZone => "a different TZ",
            Self::Locale => "different LANG, LC_ALL and LANGUAGE",
            Self::Home => "a different HOME and different XDG directories, which do not exist",
            Self::Path => "a copy of the checkout under a longer path with spaces and non-ASCII letters",
            Self::HostName => "a different host name",
            Self::Clock => "a clock more than a year ahead, in the sandbox",
            Self::CpuCount => "one CPU, and one job at a time",
            Self::CpuModel => {
                "vector instructions hidden from the C library, OpenSSL, OpenBLAS, NumPy and Go"
            }
            Self::DirectoryOrder => {
                "a checkout written in a different order, and reversed directory listings in the sandbox"
            }
            Self::DownloadOrder => "downloads, builds and steps in reverse order",
            Self::Environment => "dozens of variables that compilers, make, Python, git and the loader read",
        }
    }
}

impl fmt::Display for Perturbation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Perturbation {
    type Err = UnknownPerturbation;

    fn from_str(name: &str) -> Result<Self, UnknownPerturbation> {
        let found = Self::ALL.into_iter().find(|one| one.name() == name);
        found.ok_or_else(|| UnknownPerturbation { name: name.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for one in Perturbation::ALL {
            assert_eq!(one.to_string().parse(), Ok(one));
        }
        let message = "tz".parse::<Perturbation>().unwrap_err().to_string();
        assert!(message.contains("time-zone") && message.contains("\"tz\""), "{message}");
    }
}
