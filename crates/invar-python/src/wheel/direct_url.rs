//! `direct_url.json`: where a distribution came from, if not from an index.
//!
//! ```text
//! {"url":URL,"archive_info":{}}                                                     an archive
//! {"url":URL,"dir_info":{"editable":false}}                                         a folder
//! {"url":URL,"vcs_info":{"vcs":"git","commit_id":HEX,"requested_revision":NAME}}    a commit; the name if there is one
//! ```
//!
//! Before the last brace `,"subdirectory":PATH` if there is one; no spaces, no line end, as `uv` writes it. Nothing is
//! editable in an image. Source: "Recording the Direct URL Origin of installed distributions" (PEP 610).
//!
//! The URL of a path is that of the file or folder in the image, were the project's folder the one that holds the
//! environment: where it was on the host must not reach the image.
use serde::Serialize;

use crate::layout::EnvironmentLayout;
use crate::select::DirectUrl;

#[derive(Serialize)]
struct Json<'a> {
    url: String,
    #[serde(flatten)]
    info: Info<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subdirectory: Option<&'a str>,
}

#[derive(Serialize)]
enum Info<'a> {
    #[serde(rename = "archive_info")]
    Archive {},
    #[serde(rename = "dir_info")]
    Directory { editable: bool },
    #[serde(rename = "vcs_info")]
    Vcs {
        vcs: &'static str,
        commit_id: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        requested_revision: Option<&'a str>,
    },
}

pub(super) fn json(direct: &DirectUrl, layout: &EnvironmentLayout) -> String {
    let (url, info, subdirectory) = match direct {
        DirectUrl::Url { url, subdirectory } => {
            let url = url.split('#').next().unwrap_or(url).to_owned();
            (url, Info::Archive {}, subdirectory.as_deref())
        }
        DirectUrl::Path { path } => (file_url(path, layout), Info::Archive {}, None),
        DirectUrl::Directory { path } => (file_url(path, layout), Info::Directory { editable: false }, None),
        DirectUrl::Git { url, commit, requested, subdirectory } => {
            let requested_revision = requested.as_deref();
            let info = Info::Vcs { vcs: "git", commit_id: commit, requested_revision };
            (url.clone(), info, subdirectory.as_deref())
        }
    };
    let json = Json { url, info, subdirectory };
    serde_json::to_string(&json).expect("texts and objects with texts as keys are always JSON")
}

fn file_url(path: &str, layout: &EnvironmentLayout) -> String {
    let project = layout.prefix.parent();
    let mut parts: Vec<&str> = Vec::new();
    if !path.starts_with('/')
        && let Some(project) = &project
    {
        parts.extend(project.as_str().split('/'));
    }
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let mut url = "file://".to_owned();
    for part in parts {
        url.push('/');
        for byte in part.bytes() {
            match byte {
                // What the URL standard leaves as it is in a path.
                b'#' | b'?' | b'{' | b'}' | b'"' | b'<' | b'>' | b'`' | b'%' | b'^' | 0..=b' ' | 0x7f.. => {
                    url.push_str(&format!("%{byte:02X}"));
                }
                _ => url.push(char::from(byte)),
            }
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use invar_tree::ImagePath;

    use super::*;

    #[track_caller]
    fn check(direct: DirectUrl, expected: &str) {
        let layout = EnvironmentLayout { prefix: ImagePath::parse("app/.venv").unwrap(), python: (3, 13) };
        assert_eq!(json(&direct, &layout), expected);
    }

    #[test]
    fn the_bytes_are_those_of_uv() {
        let url = "https://mirror.example/a-1-py3-none-any.whl";
        check(
            DirectUrl::Url { url: url.into(), subdirectory: None },
            &format!("{{\"url\":\"{url}\",\"archive_info\":{{}}}}"),
        );
        check(
            DirectUrl::Url { url: format!("{url}#sha256=0"), subdirectory: Some("a".into()) },
            &format!("{{\"url\":\"{url}\",\"archive_info\":{{}},\"subdirectory\":\"a\"}}"),
        );
        for (path, expected) in [
            ("wheels/a b.whl", "file:///app/wheels/a%20b.whl"),
            ("../a.whl", "file:///a.whl"),
            ("../../../a.whl", "file:///a.whl"),
            ("/opt/a.whl", "file:///opt/a.whl"),
        ] {
            let json = format!("{{\"url\":\"{expected}\",\"archive_info\":{{}}}}");
            check(DirectUrl::Path { path: path.into() }, &json);
        }
        for (path, expected) in [("", "file:///app"), ("a/b", "file:///app/a/b"), ("../lib", "file:///lib")] {
            let json = format!("{{\"url\":\"{expected}\",\"dir_info\":{{\"editable\":false}}}}");
            check(DirectUrl::Directory { path: path.into() }, &json);
        }
        let commit = "161ec92c2f41c9321c9f5098597778a8386ea570";
        let git = |requested: Option<&str>, subdirectory: Option<&str>| DirectUrl::Git {
            url: "https://mirror.example/a".into(),
            commit: commit.into(),
            requested: requested.map(str::to_owned),
            subdirectory: subdirectory.map(str::to_owned),
        };
        let start = format!(
            "{{\"url\":\"https://mirror.example/a\",\"vcs_info\":{{\"vcs\":\"git\",\"commit_id\":\"{commit}\""
        );
        check(git(None, None), &format!("{start}}}}}"));
        check(
            git(Some("v0.4"), Some("sub")),
            &format!("{start},\"requested_revision\":\"v0.4\"}},\"subdirectory\":\"sub\"}}"),
        );
    }
}
