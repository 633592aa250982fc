//! The version that a repository gives a project by its tags.
use std::path::Path;
use std::process::{Command, Stdio};

/// The version that the tags of the repository around `folder` give, as the program `git` reads them, in the way of setuptools-scm: the last tag's, or
/// after it the next one's `.devN`. Nothing where there is no repository or no such tag.
pub fn version(git: &Path, folder: &Path) -> Option<String> {
    let output = Command::new(git)
        .args(["describe", "--tags", "--long", "--match", "*[0-9]*"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    described(std::str::from_utf8(&output.stdout).ok()?.trim())
}

/// `TAG-COMMITS-gHASH` as a version.
fn described(text: &str) -> Option<String> {
    let (rest, _) = text.rsplit_once("-g")?;
    let (tag, commits) = rest.rsplit_once('-')?;
    let start = tag.find(|character: char| character.is_ascii_digit())?;
    let version: pep440_rs::Version = tag[start..].parse().ok()?;
    if commits == "0" {
        return Some(version.to_string());
    }
    let mut release = version.release().to_vec();
    // After a pre-release the same release is still to come.
    if !version.any_prerelease() {
        *release.last_mut()? += 1;
    }
    let release: Vec<String> = release.iter().map(u64::to_string).collect();
    Some(format!("{}.dev{commits}", release.join(".")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_follow_tags() {
        for (text, expected) in [
            ("v1.2.3-0-g0123abc", Some("1.2.3")),
            ("v1.2.3-4-g0123abc", Some("1.2.4.dev4")),
            ("release-2.0-17-gabc", Some("2.1.dev17")),
            ("1.0rc1-2-gabc", Some("1.0.dev2")),
            ("nothing", None),
            ("latest-3-gabc", None),
        ] {
            assert_eq!(described(text).as_deref(), expected, "{text}");
        }
    }
}
