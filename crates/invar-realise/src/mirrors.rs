//! Where Debian's files are downloaded from.
//!
//! In this order: what the caller gives (from an environment variable), what the manifest says, what this machine's
//! apt uses, and the public snapshot service, which never forgets a file.
use std::fs;
use std::path::Path;

/// The public snapshot service: every state of Debian's archives since 2005.
const SNAPSHOT: &str = "https://snapshot.debian.org/archive";

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

    /// The mirrors that apt uses on this machine: `sources.list`, `sources.list.d/*.list` and
    /// `sources.list.d/*.sources` below `etc_apt` (sources.list(5)). What cannot be read is passed over: apt's
    /// settings are a convenience here, and every byte that comes from them is checked.
    pub fn from_apt(etc_apt: &Path) -> Self {
        let mut mirrors = Self::snapshot_only();
        if let Ok(text) = fs::read_to_string(etc_apt.join("sources.list")) {
            mirrors.add_one_line_style(&text);
        }
        for file in sorted_files(&etc_apt.join("sources.list.d")) {
            let Ok(text) = fs::read_to_string(&file) else { continue };
            match file.extension().and_then(|extension| extension.to_str()) {
                Some("list") => mirrors.add_one_line_style(&text),
                Some("sources") => mirrors.add_deb822_style(&text),
                _ => {}
            }
        }
        mirrors
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

    fn add(&mut self, uri: &str, suite: &str) {
        let Some(release) = suite.split('-').next() else { return };
        if !RELEASES.contains(&release) || !uri.starts_with("http") {
            return;
        }
        let uri = uri.trim_end_matches('/').to_owned();
        let urls = self.urls_mut(Archive::of_suite(suite));
        if !urls.contains(&uri) {
            urls.push(uri);
        }
    }

    fn add_one_line_style(&mut self, text: &str) {
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or_default().trim();
            let Some(rest) = line.strip_prefix("deb ") else { continue };
            let rest = match rest.trim_start().strip_prefix('[') {
                Some(options) => options.split_once(']').map_or("", |(_, rest)| rest),
                None => rest,
            };
            let mut words = rest.split_whitespace();
            if let (Some(uri), Some(suite)) = (words.next(), words.next()) {
                self.add(uri, suite);
            }
        }
    }

    fn add_deb822_style(&mut self, text: &str) {
        // apt allows comments anywhere, which other files of this format do not have.
        let text: String =
            text.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect();
        for paragraph in invar_debian::Paragraph::parse_all(&text).unwrap_or_default() {
            let field = |name| paragraph.get(name).unwrap_or_default().to_owned();
            if !field("Types").split_whitespace().any(|kind| kind == "deb") || field("Enabled") == "no" {
                continue;
            }
            for suite in field("Suites").split_whitespace() {
                for uri in field("URIs").split_whitespace() {
                    self.add(uri, suite);
                }
            }
        }
    }
}

/// The names that Debian's suites go by in apt's sources. Other distributions have other names, and other files.
const RELEASES: [&str; 9] =
    ["bullseye", "bookworm", "trixie", "forky", "sid", "oldstable", "stable", "testing", "unstable"];

fn sorted_files(directory: &Path) -> Vec<std::path::PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "sorted below; apt reads its sources in this order too")]
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    files.sort();
    files
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
    fn apts_own_sources_are_used_in_both_styles() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("sources.list.d")).unwrap();
        fs::write(
            folder.path().join("sources.list"),
            "# deb http://comment.example/debian trixie main\n\
             deb [arch=amd64 signed-by=/x] http://one.example/debian/ bookworm main\n\
             deb-src http://source.example/debian bookworm main\n\
             deb http://ubuntu.example/ubuntu noble main\n",
        )
        .unwrap();
        fs::write(
            folder.path().join("sources.list.d/debian.sources"),
            "Types: deb\n# a comment\nURIs: http://two.example/debian-security\nSuites: bookworm-security\nComponents: main\n\n\
             Types: deb\nEnabled: no\nURIs: http://off.example/debian\nSuites: bookworm\n",
        )
        .unwrap();
        let mut mirrors = Mirrors::from_apt(folder.path());
        assert_eq!(mirrors.debian, ["http://one.example/debian"]);
        assert_eq!(mirrors.security, ["http://two.example/debian-security"]);

        mirrors.snapshot = "http://snapshot.example/archive".into();
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
    fn a_machine_without_apt_uses_the_snapshot_service() {
        assert_eq!(Mirrors::from_apt(Path::new("/nonexistent")), Mirrors::snapshot_only());
    }
}
