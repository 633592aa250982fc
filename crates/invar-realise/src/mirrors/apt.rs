//! The sources that apt uses on this machine, and which of them are Debian's own archives.
//!
//! On most machines other people's archives are among them, under the names of Debian's suites: a browser's `stable`, a
//! database's `bookworm`. They have none of Debian's packages and other keys, so they must not be asked.
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::Archive;

/// One archive and suite that apt uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AptSource {
    /// The base URL, without a slash at the end.
    pub url: String,
    suite: String,
    components: Vec<String>,
    /// The file of keys that it must be signed with, or the keys themselves.
    signed_by: Option<String>,
}

/// All sources of packages that are fetched from the web, in the order of the files.
pub(super) fn sources(etc_apt: &Path) -> Vec<AptSource> {
    let mut found = Vec::new();
    if let Ok(text) = fs::read_to_string(etc_apt.join("sources.list")) {
        found.extend(one_line_style(&text));
    }
    for file in sorted_files(&etc_apt.join("sources.list.d")) {
        let Ok(text) = fs::read_to_string(&file) else { continue };
        match file.extension().and_then(|extension| extension.to_str()) {
            Some("list") => found.extend(one_line_style(&text)),
            Some("sources") => found.extend(deb822_style(&text)),
            _ => {}
        }
    }
    found.retain(|source| source.url.starts_with("http://") || source.url.starts_with("https://"));
    found
}

impl AptSource {
    /// Which of Debian's archives this is; `None` for another distribution's, or anyone else's.
    ///
    /// What decides: the name of the suite, the components, the keys it is signed with, what apt has read of it, and
    /// where nothing of that says more, whether its URL has the word `debian`.
    pub fn archive_of_debian(&self, lists: &Path) -> Option<Archive> {
        let (release, rest) = self.suite.split_once('-').unwrap_or((&self.suite, ""));
        let is_suite = RELEASES.contains(&release) && PARTS.contains(&rest);
        if !is_suite || !self.components.iter().any(|component| component == "main") {
            return None;
        }
        let is_debians = match (self.origin(lists), &self.signed_by) {
            (Some(origin), _) => origin == "Debian",
            (None, Some(file)) if file.starts_with('/') => {
                file.rsplit('/').next().is_some_and(|name| name.starts_with("debian-archive"))
            }
            (None, _) => self.url.contains("debian"),
        };
        is_debians.then(|| Archive::of_suite(&self.suite))
    }

    /// Whose the archive is, by the `Origin` of the Release file that apt has of it. Its name is the URL without the
    /// scheme, with `_` for `/` (`URItoFileName` in apt).
    fn origin(&self, lists: &Path) -> Option<String> {
        let place = self.url.split_once("://")?.1.replace('_', "%5f").replace('/', "_");
        let suite = &self.suite;
        let file = ["InRelease", "Release"]
            .iter()
            .find_map(|name| fs::File::open(lists.join(format!("{place}_dists_{suite}_{name}"))).ok())?;
        let mut start = Vec::new();
        file.take(4096).read_to_end(&mut start).ok()?;
        let text = String::from_utf8_lossy(&start).into_owned();
        let value = text.lines().find_map(|line| line.strip_prefix("Origin:"))?;
        Some(value.trim().to_owned())
    }
}

/// The names that Debian's releases go by in apt's sources. Other distributions have other names.
const RELEASES: [&str; 10] =
    ["bullseye", "bookworm", "trixie", "forky", "duke", "sid", "oldstable", "stable", "testing", "unstable"];

/// What follows the name of a release in the name of a suite.
const PARTS: [&str; 6] = ["", "updates", "security", "backports", "proposed-updates", "backports-sloppy"];

fn one_line_style(text: &str) -> Vec<AptSource> {
    let source = |line: &str| {
        let line = line.split('#').next().unwrap_or_default().trim();
        let rest = line.strip_prefix("deb").filter(|rest| rest.starts_with([' ', '\t', '[']))?.trim_start();
        let (options, rest) = match rest.strip_prefix('[') {
            Some(options) => options.split_once(']')?,
            None => ("", rest),
        };
        let mut words = rest.split_whitespace().map(str::to_owned);
        let url = words.next()?.trim_end_matches('/').to_owned();
        let suite = words.next()?;
        let signed_by = options.split_whitespace().find_map(|option| option.strip_prefix("signed-by="));
        Some(AptSource { url, suite, components: words.collect(), signed_by: signed_by.map(str::to_owned) })
    };
    text.lines().filter_map(source).collect()
}

fn deb822_style(text: &str) -> Vec<AptSource> {
    // apt allows comments anywhere, which other files of this format do not have.
    let text: String =
        text.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect();
    let mut found = Vec::new();
    for paragraph in invar_debian::Paragraph::parse_all(&text).unwrap_or_default() {
        let field = |name| paragraph.get(name).unwrap_or_default().to_owned();
        if !field("Types").split_whitespace().any(|kind| kind == "deb") || field("Enabled") == "no" {
            continue;
        }
        for suite in field("Suites").split_whitespace() {
            for url in field("URIs").split_whitespace() {
                found.push(AptSource {
                    url: url.trim_end_matches('/').to_owned(),
                    suite: suite.to_owned(),
                    components: field("Components").split_whitespace().map(str::to_owned).collect(),
                    signed_by: paragraph.get("Signed-By").map(|keys| keys.trim().to_owned()),
                });
            }
        }
    }
    found
}

fn sorted_files(directory: &Path) -> Vec<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "sorted below; apt reads its sources in this order too")]
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Mirrors;

    /// The mirrors that `files` below `/etc/apt` and `lists` make.
    fn mirrors(files: &[(&str, &str)], lists: &[(&str, &str)]) -> Mirrors {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join("apt").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        fs::create_dir_all(folder.path().join("lists")).unwrap();
        for (name, text) in lists {
            fs::write(folder.path().join("lists").join(name), text).unwrap();
        }
        Mirrors::from_apt(&folder.path().join("apt"), &folder.path().join("lists"))
    }

    #[test]
    fn both_styles_are_read() {
        let found = mirrors(
            &[
                (
                    "sources.list",
                    "# deb http://comment.example/debian trixie main\n\
                     deb [arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://one.example/x/ bookworm main\n\
                     deb-src http://source.example/debian bookworm main\n\
                     deb cdrom:[Debian]/ bookworm main\n\
                     deb http://ubuntu.example/ubuntu noble main\n",
                ),
                (
                    "sources.list.d/debian.sources",
                    "Types: deb\n# a comment\nURIs: http://two.example/debian-security\nSuites: bookworm-security\nComponents: main\n\n\
                     Types: deb\nEnabled: no\nURIs: http://off.example/debian\nSuites: bookworm\nComponents: main\n",
                ),
            ],
            &[],
        );
        assert_eq!(found.debian, ["http://one.example/x"]);
        assert_eq!(found.security, ["http://two.example/debian-security"]);
    }

    /// Lines as the vendors of well-known programs let people write them, on Ubuntu and on Debian.
    #[test]
    fn other_peoples_archives_are_not_debians() {
        let none = mirrors(
            &[
                (
                    "sources.list.d/ubuntu.sources",
                    "Types: deb\nURIs: http://archive.example/ubuntu/\nSuites: noble noble-updates noble-security\n\
                     Components: main universe\nSigned-By: /usr/share/keyrings/ubuntu-archive-keyring.gpg\n",
                ),
                (
                    "sources.list.d/browser.list",
                    "deb [arch=amd64] https://dl.example/linux/chrome/deb/ stable main\n",
                ),
                (
                    "sources.list.d/editor.list",
                    "deb [signed-by=/etc/apt/keyrings/m.gpg] https://e.example/repos/code stable main\n",
                ),
                (
                    "sources.list.d/engine.list",
                    "deb [signed-by=/etc/apt/keyrings/d.asc] https://d.example/linux/debian bookworm stable\n",
                ),
                (
                    "sources.list.d/database.list",
                    "deb https://apt.example/pub/repos/debian bookworm-pgdg main\n",
                ),
                (
                    "sources.list.d/tools.list",
                    "deb [signed-by=/usr/share/keyrings/h.gpg] https://h.example/debian bookworm main\n",
                ),
                (
                    "sources.list.d/keys.sources",
                    "Types: deb\nURIs: https://k.example/repo\nSuites: trixie\nComponents: main\nSigned-By:\n -----BEGIN PGP\n .\n xx\n",
                ),
            ],
            &[],
        );
        assert_eq!(none, Mirrors::snapshot_only());
    }

    #[test]
    fn what_apt_has_read_says_whose_an_archive_is() {
        let list =
            "deb http://a.example/mirror_1/archive trixie main\ndeb http://b.example/debian trixie main\n";
        let found = mirrors(
            &[("sources.list", list)],
            &[
                (
                    "a.example_mirror%5f1_archive_dists_trixie_InRelease",
                    "-----BEGIN\n\nOrigin: Debian\nLabel: x\n",
                ),
                ("b.example_debian_dists_trixie_Release", "Origin: Raspberry Pi Foundation\n"),
            ],
        );
        assert_eq!(found.debian, ["http://a.example/mirror_1/archive"]);
    }
}
