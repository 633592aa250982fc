//! `[tool.uv.sources]`: where single packages come from, as far as a lock can be compared with it.
use super::Value;

/// Where a package comes from instead of an index (uv, "Dependency sources").
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UvSource {
    /// A git repository.
    Git {
        /// Its URL.
        url: String,
        /// The branch, tag or commit, if one is named.
        reference: Option<String>,
    },
    /// A file at this URL.
    Url(String),
    /// Something else: a path, a member of the workspace, an index, or several sources of which markers choose one.
    Other,
}

impl UvSource {
    /// Reads a source; what uv would refuse is for uv to say.
    pub(super) fn read(value: &Value<'_, '_>) -> Self {
        let Some(table) = value.value.as_table() else { return Self::Other };
        let text = |key: &str| Some(table.get(key)?.get_ref().as_str()?.to_owned());
        if ["marker", "extra", "group"].iter().any(|key| table.contains_key(*key)) {
            return Self::Other;
        }
        match (text("git"), text("url")) {
            (Some(url), _) => {
                let reference = ["rev", "tag", "branch"].iter().find_map(|key| text(key));
                Self::Git { url, reference }
            }
            (None, Some(url)) => Self::Url(url),
            (None, None) => Self::Other,
        }
    }

    /// Whether a requirement of this source, or without one, would be locked as one that has `git` and `url`.
    pub(crate) fn agrees(source: Option<&Self>, git: Option<&str>, url: Option<&str>) -> bool {
        match source {
            None => git.is_none() && url.is_none(),
            Some(Self::Other) => true,
            Some(Self::Url(wanted)) => url.is_some_and(|url| bare(url) == bare(wanted)),
            Some(Self::Git { url: wanted, reference }) => git.is_some_and(|git| {
                let (found, query) = git.split_once('?').unwrap_or((git, ""));
                let query = query.split('#').next().unwrap_or_default();
                let mut named = query.split('&').filter_map(|pair| {
                    let (key, value) = pair.split_once('=')?;
                    ["rev", "tag", "branch"]
                        .contains(&key)
                        .then(|| value.replace("%2F", "/").replace("%2f", "/"))
                });
                bare(found) == bare(wanted) && named.next() == *reference
            }),
        }
    }
}

/// A URL without what people and uv write differently: `git+`, a user, `.git`, a fragment, a slash at its end.
fn bare(url: &str) -> String {
    let url = url.strip_prefix("git+").unwrap_or(url);
    let url = url.split('#').next().unwrap_or_default();
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let host = rest.find('/').unwrap_or(rest.len());
    let start = rest[..host].rfind('@').map_or(0, |place| place + 1);
    let rest = rest[start..].trim_end_matches('/');
    format!("{scheme}://{}", rest.strip_suffix(".git").unwrap_or(rest)).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_agrees_with_what_uv_locks_for_it() {
        let git = |reference: Option<&str>| UvSource::Git {
            url: "https://git.example/Team/words.git".to_owned(),
            reference: reference.map(str::to_owned),
        };
        let check = |source: Option<UvSource>, locked: Option<&str>, expected: bool| {
            assert_eq!(UvSource::agrees(source.as_ref(), locked, None), expected, "{source:?} {locked:?}");
        };
        check(Some(git(None)), Some("https://git.example/Team/words.git"), true);
        check(Some(git(None)), Some("https://user@git.example/Team/words"), true);
        check(Some(git(Some("v1"))), Some("https://git.example/Team/words?subdirectory=a&rev=v1"), true);
        check(Some(git(Some("feature/x"))), Some("https://git.example/Team/words?branch=feature%2Fx"), true);
        check(Some(git(Some("v2"))), Some("https://git.example/Team/words?tag=v1"), false);
        check(Some(git(None)), Some("https://git.example/Team/words?tag=v1"), false);
        check(Some(git(None)), Some("https://git.example/other/words"), false);
        check(Some(git(None)), None, false);
        check(None, Some("https://git.example/Team/words"), false);
        check(None, None, true);
        check(Some(UvSource::Other), None, true);
        let url = UvSource::Url("https://files.example/a.whl".to_owned());
        assert!(UvSource::agrees(Some(&url), None, Some("https://files.example/a.whl#sha256=0")));
        assert!(!UvSource::agrees(Some(&url), None, None));
    }
}
