//! What of the scripts' work an image does not keep, by path.
use invar_tree::ImagePath;

/// Something that the scripts made or changed and that the image does not get.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Exclusion {
    /// Its path.
    pub path: ImagePath,
    /// Why.
    pub reason: Reason,
}

/// Why something is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// It is of the time while a system runs: sockets, temporary files.
    Runtime,
    /// A log of the installation.
    Log,
    /// Made again by the programs that use it, and different each time: caches, byte code.
    Cache,
    /// Records of dpkg, debconf, ucf and systemd about packages: an image has the native ones.
    Records,
    /// A copy that an editor of system files made before a change, or a lock.
    Backup,
    /// It distinguishes one machine from another: a machine's ID, host keys. Each container should make its own.
    Identity,
    /// A private key: whoever has the image would have it, and no two builds would agree.
    Secret,
    /// Made natively instead, as the linker's cache and Java's key store.
    Native,
    /// Documentation, in an image without.
    Documentation,
    /// A file of a package that is there for the scripts only.
    Tool,
}

impl Reason {
    /// Whether programs of the image may miss what is left out: then users should be notified.
    pub fn is_notable(self) -> bool {
        matches!(self, Self::Identity | Self::Secret)
    }
}

/// Everything at and below these paths.
///
/// The script of base-files links `/usr/local/man` once more, and lands in the directory that the link leads to.
const BELOW: &[(&str, Reason)] = &[
    ("dev", Reason::Runtime),
    ("etc/.pwd.lock", Reason::Backup),
    ("etc/hostname", Reason::Identity),
    ("etc/ld.so.cache", Reason::Native),
    ("etc/machine-id", Reason::Identity),
    ("etc/mtab", Reason::Runtime),
    ("etc/resolv.conf", Reason::Identity),
    ("etc/ssl/certs/java/cacerts", Reason::Native),
    ("etc/ssl/certs/ssl-cert-snakeoil.pem", Reason::Identity),
    ("etc/ssl/private/ssl-cert-snakeoil.key", Reason::Secret),
    ("proc", Reason::Runtime),
    ("root/.cache", Reason::Cache),
    ("root/.gnupg", Reason::Runtime),
    ("root/.rnd", Reason::Runtime),
    ("root/.viminfo", Reason::Runtime),
    ("root/.wget-hsts", Reason::Runtime),
    ("run", Reason::Runtime),
    ("sys", Reason::Runtime),
    ("tmp", Reason::Runtime),
    ("usr/local/share/man/man", Reason::Native),
    ("var/cache/apt", Reason::Cache),
    ("var/cache/debconf", Reason::Records),
    ("var/cache/ldconfig", Reason::Cache),
    ("var/lib/apt", Reason::Records),
    ("var/lib/dbus/machine-id", Reason::Identity),
    ("var/lib/dpkg", Reason::Records),
    ("var/lib/systemd/credential.secret", Reason::Secret),
    ("var/lib/systemd/deb-systemd-helper-enabled", Reason::Records),
    ("var/lib/systemd/deb-systemd-helper-masked", Reason::Records),
    ("var/lib/systemd/deb-systemd-user-helper-enabled", Reason::Records),
    ("var/lib/systemd/deb-systemd-user-helper-masked", Reason::Records),
    ("var/lib/systemd/random-seed", Reason::Identity),
    ("var/lib/ucf", Reason::Records),
    ("var/log/alternatives.log", Reason::Log),
    ("var/log/apt", Reason::Log),
    ("var/log/bootstrap.log", Reason::Log),
    ("var/log/dpkg.log", Reason::Log),
    ("var/log/fontconfig.log", Reason::Log),
    ("var/log/journal", Reason::Log),
    ("var/tmp", Reason::Runtime),
];

/// What package tools and editors append to the name of a file that they keep aside.
const ASIDE: [&str; 12] = [
    ".dpkg-backup",
    ".dpkg-bak",
    ".dpkg-dist",
    ".dpkg-new",
    ".dpkg-old",
    ".dpkg-remove",
    ".dpkg-tmp",
    ".ucf-dist",
    ".ucf-new",
    ".ucf-old",
    ".ucf-tmp",
    ".update-old",
];

/// Copies that shadow's programs make before a change.
const ACCOUNTS: [&str; 6] =
    ["etc/group-", "etc/gshadow-", "etc/passwd-", "etc/shadow-", "etc/subgid-", "etc/subuid-"];

/// Directories of documentation, where only what the image has already may change.
const DOCUMENTATION: [&str; 6] = [
    "usr/share/bug",
    "usr/share/doc",
    "usr/share/doc-base",
    "usr/share/info",
    "usr/share/linda",
    "usr/share/man",
];

/// Why what the scripts made at `path` is left out, judging by the path.
pub(super) fn reason(path: &ImagePath, is_directory: bool, docs: bool) -> Option<Reason> {
    let text = path.as_str();
    if let Some((_, reason)) = BELOW.iter().find(|(below, _)| path.is_within(below)) {
        return Some(*reason);
    }
    if text.split('/').any(|name| name == "__pycache__") {
        return Some(Reason::Cache);
    }
    if !docs && DOCUMENTATION.iter().any(|directory| path.is_within(directory)) {
        return Some(Reason::Documentation);
    }
    if is_directory {
        return None;
    }
    let name = path.name();
    if !docs && path.is_within("etc/alternatives") && is_manual(name) {
        return Some(Reason::Documentation);
    }
    if ACCOUNTS.contains(&text) || ASIDE.iter().any(|suffix| name.ends_with(suffix)) {
        return Some(Reason::Backup);
    }
    if path.is_within("etc/ssh") && name.starts_with("ssh_host_") {
        return Some(Reason::Identity);
    }
    if path.is_within("root") && name.starts_with('.') && name.ends_with("_history") {
        return Some(Reason::Runtime);
    }
    // Class data of Java depend on the machine's memory and CPU; the fonts' identities are random.
    let cache = path.is_within("var/cache")
        || (path.is_within("usr/lib/jvm") && name.ends_with(".jsa"))
        || (path.is_within("usr/share/fonts") && name == ".uuid");
    cache.then_some(Reason::Cache)
}

/// Whether a file's name is that of a compressed manual page, as `java.1.gz` or `ABORT.7.gz`.
fn is_manual(name: &str) -> bool {
    let section = name.strip_suffix(".gz").and_then(|name| name.rsplit_once('.'));
    section.is_some_and(|(_, section)| section.starts_with(|first: char| first.is_ascii_digit()))
}

/// Whether the content of a file is a log's: the image gets it empty, because programs may expect it and its owner.
pub(super) fn is_log(path: &ImagePath) -> bool {
    path.is_within("var/log")
}

/// Whether the bytes hold a private key in the form of RFC 7468, or of OpenSSH.
pub(super) fn is_private_key(bytes: &[u8]) -> bool {
    const BEGIN: &[u8] = b"-----BEGIN ";
    const END: &[u8] = b"PRIVATE KEY-----";
    bytes.split(|byte| *byte == b'\n').any(|line| {
        let line = line.trim_ascii_end();
        line.starts_with(BEGIN) && line.ends_with(END)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(BELOW.is_sorted());
        for (path, _) in BELOW {
            assert_eq!(ImagePath::parse(path).unwrap().as_str(), *path);
        }
    }

    #[test]
    fn what_varies_is_left_out() {
        #[track_caller]
        fn check(path: &str, is_directory: bool, expected: Option<Reason>) {
            assert_eq!(reason(&ImagePath::parse(path).unwrap(), is_directory, false), expected, "{path}");
        }
        check("etc/machine-id", false, Some(Reason::Identity));
        check("etc/machine-idx", false, None);
        check("run/x/y", false, Some(Reason::Runtime));
        check("usr/lib/python3/__pycache__", true, Some(Reason::Cache));
        check("usr/lib/python3/__pycache__/a.pyc", false, Some(Reason::Cache));
        check("etc/passwd-", false, Some(Reason::Backup));
        check("etc/passwd", false, None);
        check("etc/x.dpkg-old", false, Some(Reason::Backup));
        check("etc/x.dpkg-old", true, None);
        check("etc/ssh/ssh_host_rsa_key", false, Some(Reason::Identity));
        check("etc/ssh/sshd_config", false, None);
        check("root/.bash_history", false, Some(Reason::Runtime));
        check("var/cache/fontconfig", true, None);
        check("var/cache/fontconfig/x.cache-9", false, Some(Reason::Cache));
        check("usr/lib/jvm/java/lib/server/classes.jsa", false, Some(Reason::Cache));
        check("usr/share/man/man1/java.1.gz", false, Some(Reason::Documentation));
        check("etc/alternatives/java.1.gz", false, Some(Reason::Documentation));
        check("etc/alternatives/java", false, None);
        check("etc/alternatives/x.gz", false, None);
        let page = ImagePath::parse("usr/share/man/man1/java.1.gz").unwrap();
        assert_eq!(reason(&page, false, true), None);
    }

    #[test]
    fn keys_are_known_by_their_first_line() {
        for (text, expected) in [
            ("-----BEGIN PRIVATE KEY-----\n", true),
            ("text\n-----BEGIN OPENSSH PRIVATE KEY-----\r\n", true),
            ("-----BEGIN CERTIFICATE-----\n", false),
            ("see -----BEGIN PRIVATE KEY-----\n", false),
            ("", false),
        ] {
            assert_eq!(is_private_key(text.as_bytes()), expected, "{text:?}");
        }
    }
}
