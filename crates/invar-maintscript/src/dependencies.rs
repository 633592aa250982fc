//! Dependencies of packages that an image does not need, and packages that every image has.
use invar_debian::PackageName;

use crate::package_files::matches;

/// The base set: what every image has, because handlers and programs take it for granted.
///
/// Files and accounts, the C locale and name lookup, certificates, names of protocols and ports, time zones, media
/// types. A shell is not in it.
pub const BASE: &[&str] =
    &["base-files", "base-passwd", "libc-bin", "ca-certificates", "netbase", "tzdata", "media-types"];

/// What asks questions on an installation.
const ASKS: &[&str] = &[
    "ca-certificates",
    "fontconfig-config",
    "iproute2",
    "libpam-modules",
    "libpam-runtime",
    "libpam0g",
    "libpaper1",
    "libpaper2",
    "locales",
    "nginx-common",
    "openssh-server",
    "tzdata",
];

/// What adds accounts on an installation, as declared in `sysusers.d`.
const DECLARES: &[&str] =
    &["cron-daemon-common", "dbus-system-bus-common", "openssh-client", "openssh-server"];

const AWK: &[&str] = &["base-files"];
const INFO: &[&str] = &["grep", "gzip", "readline-common"];

/// For each dependency the packages of which only maintainer scripts use it, or a program that only they run. Each
/// pair is a claim about Debian 12, 13 and the development suite, made by reading dependencies and scripts.
///
/// In the order of dependencies; a `*` stands for any version.
const ONLY_FOR_SCRIPTS: &[(&str, &[&str])] = &[
    (
        "adduser",
        &[
            "apt",
            "cron-daemon-common",
            "dbus-system-bus-common",
            "openssh-client",
            "openssh-server",
            "redis-tools",
        ],
    ),
    ("cdebconf", ASKS),
    ("debconf", ASKS),
    ("debianutils", &["bash", "dash"]),
    (
        "dpkg",
        &[
            "dash",
            "grep",
            "gzip",
            "libmagickcore-*",
            "libmagickwand-*",
            "libpaper1",
            "perl",
            "perl-base",
            "perl-modules-*",
            "poppler-data",
            "python3-minimal",
            "readline-common",
        ],
    ),
    ("gawk", AWK),
    (
        "init-system-helpers",
        &[
            "cron",
            "dbus",
            "dbus-user-session",
            "dconf-service",
            "dirmngr",
            "gpg",
            "gpg-agent",
            "openssh-client",
            "openssh-server",
            "procps",
            "rsync",
            "sudo",
            "supervisor",
        ],
    ),
    ("install-info", INFO),
    // Not openssl of ca-certificates: it also brings the links below /usr/lib/ssl by which OpenSSL finds them.
    // update-passwd, whose work the accounts handler does.
    ("libdebconfclient0", &["base-passwd"]),
    ("libselinux1", &["base-passwd"]),
    ("mawk", AWK),
    ("original-awk", AWK),
    ("passwd", &["openssh-client"]),
    ("runit-helper", &["openssh-server"]),
    ("systemd", DECLARES),
    ("systemd-standalone-sysusers", DECLARES),
    ("ucf", &["libpaper1", "openssh-server"]),
    ("usrmerge", &["init-system-helpers"]),
    ("util-linux", &["openjdk-*-jre-headless"]),
    ("xfonts-utils", &["fonts-urw-base35"]),
];

/// Whether only maintainer scripts of `depender` use `dependency`, so that an image can do without it.
///
/// Not every such pair is known: `false` is the safe answer. Another package may still need the dependency.
pub fn only_for_scripts(depender: &PackageName, dependency: &PackageName) -> bool {
    ONLY_FOR_SCRIPTS
        .iter()
        .find(|(name, _)| *name == dependency.as_str())
        .is_some_and(|(_, dependers)| dependers.iter().any(|pattern| matches(pattern, depender.as_str())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_known_by_both_names() {
        let only = |depender: &str, dependency: &str| {
            only_for_scripts(&depender.parse().unwrap(), &dependency.parse().unwrap())
        };
        assert!(only("tzdata", "debconf") && only("python3-minimal", "dpkg"));
        assert!(only("openjdk-25-jre-headless", "util-linux"));
        assert!(!only("git", "perl") && !only("libdpkg-perl", "dpkg") && !only("debconf", "tzdata"));
    }

    #[test]
    fn the_tables_are_sorted() {
        assert!(ONLY_FOR_SCRIPTS.is_sorted_by(|one, other| one.0 < other.0));
        for (dependency, dependers) in ONLY_FOR_SCRIPTS {
            assert!(dependers.is_sorted_by(|one, other| one < other), "{dependency}");
        }
        for name in BASE {
            assert!(name.parse::<PackageName>().is_ok(), "{name}");
        }
    }
}
