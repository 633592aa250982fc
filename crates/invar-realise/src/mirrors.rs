//! Where Debian's files are downloaded from.
//!
//! In this order: what the caller gives (from an environment variable), what the manifest says, what the user's
//! configuration says, what this machine's apt uses if it is Debian's, or else the Debian project's own CDN; and at
//! last the public snapshot service, which never forgets a file, but is slow.
mod apt;

use std::path::Path;

/// The public snapshot service: every state of Debian's archives since 2005.
const SNAPSHOT: &str = "https://snapshot.debian.org/archive";

/// The Debian project's CDN, with both archives below it. Everything that comes from there is signed or has a locked
/// digest, so it needs no certificate, which a bare container may not be able to check.
const CDN: &str = "http://cloudfront.debian.net";

/// One of the two archives that a stable suite consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Archive {
    /// The main archive, with the suite and its updates.
    Debian,
    /// The security team's archive.
    Security,
}

impl Archive {
    /// The archive that holds the suite `suite`, such as `trixie-security`.
    pub fn of_suite(suite: &str) -> Self {
        if suite.ends_with("-security") { Self::Security } else { Self::Debian }
    }

    /// The name that the snapshot service and `invar.lock` use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Debian => "debian",
            Self::Security => "debian-security",
        }
    }
}

/// Base URLs without a slash at the end, the preferred first, for each archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirrors {
    /// For [`Archive::Debian`].
    pub debian: Vec<String>,
    /// For [`Archive::Security`].
    pub security: Vec<String>,
    /// The base URL of the snapshot service; tests put their own here.
    pub snapshot: String,
}

impl Mirrors {
    /// Only the public snapshot service.
    pub fn snapshot_only() -> Self {
        Self { debian: Vec::new(), security: Vec::new(), snapshot: SNAPSHOT.to_owned() }
    }

    /// The mirrors of Debian that apt uses on this machine: `sources.list`, `sources.list.d/*.list` and
    /// `sources.list.d/*.sources` below `etc_apt` (sources.list(5)). What apt last read of each archive, in `lists`,
    /// says whose it is. What cannot be read is passed over: apt's settings are a convenience here, and every byte that
    /// comes from them is checked.
    pub fn from_apt(etc_apt: &Path, lists: &Path) -> Self {
        let mut mirrors = Self::snapshot_only();
        for source in apt::sources(etc_apt) {
            if let Some(archive) = source.archive_of_debian(lists) {
                let urls = mirrors.urls_mut(archive);
                if !urls.contains(&source.url) {
                    urls.push(source.url);
                }
            }
        }
        mirrors
    }

    /// Uses the Debian project's CDN for each archive that has no mirror.
    pub fn or_built_in(mut self) -> Self {
        for archive in [Archive::Debian, Archive::Security] {
            let urls = self.urls_mut(archive);
            if urls.is_empty() {
                urls.push(format!("{CDN}/{}", archive.name()));
            }
        }
        self
    }

    /// Makes `url` the only mirror of `archive`: who names one does not want the others to be asked.
    pub fn set(&mut self, archive: Archive, url: &str) {
        *self.urls_mut(archive) = vec![url.trim_end_matches('/').to_owned()];
    }

    /// The URLs of `file` (such as `dists/trixie/InRelease`) of `archive`: the mirrors first, then the snapshot
    /// service at each of `times` (`YYYYMMDDTHHMMSSZ`).
    pub fn urls(&self, archive: Archive, file: &str, times: &[String]) -> Vec<String> {
        let mirrors = match archive {
            Archive::Debian => &self.debian,
            Archive::Security => &self.security,
        };
        let from_mirrors = mirrors.iter().map(|base| format!("{base}/{}", escape(file)));
        from_mirrors.chain(self.snapshot_urls(archive, file, times)).collect()
    }

    /// The URLs of `file` at the snapshot service alone.
    pub fn snapshot_urls(&self, archive: Archive, file: &str, times: &[String]) -> Vec<String> {
        let (base, archive, file) = (&self.snapshot, archive.name(), escape(file));
        times.iter().map(|time| format!("{base}/{archive}/{time}/{file}")).collect()
    }

    fn urls_mut(&mut self, archive: Archive) -> &mut Vec<String> {
        match archive {
            Archive::Debian => &mut self.debian,
            Archive::Security => &mut self.security,
        }
    }
}

/// Escapes what a pool file name may hold and a URL may not: an epoch is not part of it, but `+` and `~` are fine.
fn escape(file: &str) -> String {
    let mut escaped = String::with_capacity(file.len());
    for byte in file.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~+:".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirrors_come_before_the_snapshot_service() {
        let mut mirrors = Mirrors::snapshot_only();
        mirrors.snapshot = "http://snapshot.example/archive".into();
        mirrors.debian.push("http://one.example/debian".into());
        let urls = mirrors.urls(Archive::Debian, "pool/main/g/g++/g++_1.deb", &["20260912T000000Z".into()]);
        assert_eq!(
            urls,
            [
                "http://one.example/debian/pool/main/g/g++/g++_1.deb",
                "http://snapshot.example/archive/debian/20260912T000000Z/pool/main/g/g++/g++_1.deb",
            ]
        );
        mirrors.set(Archive::Debian, "http://mine.example/debian/");
        assert_eq!(mirrors.urls(Archive::Debian, "x", &[]), ["http://mine.example/debian/x"]);
    }

    #[test]
    fn an_archive_without_a_mirror_comes_from_the_cdn() {
        let nowhere = Path::new("/nonexistent");
        assert_eq!(Mirrors::from_apt(nowhere, nowhere), Mirrors::snapshot_only());
        let time = ["20260912T000000Z".to_owned()];
        let mirrors = Mirrors::snapshot_only().or_built_in();
        for (archive, name) in [(Archive::Debian, "debian"), (Archive::Security, "debian-security")] {
            let expected = [
                format!("http://cloudfront.debian.net/{name}/x"),
                format!("https://snapshot.debian.org/archive/{name}/20260912T000000Z/x"),
            ];
            assert_eq!(mirrors.urls(archive, "x", &time), expected);
        }
        // One that has a mirror does not.
        let mut mirrors = Mirrors::snapshot_only();
        mirrors.set(Archive::Debian, "http://mine.example/debian");
        let mirrors = mirrors.or_built_in();
        assert_eq!(mirrors.debian, ["http://mine.example/debian"]);
        assert_eq!(mirrors.security, ["http://cloudfront.debian.net/debian-security"]);
    }
}
