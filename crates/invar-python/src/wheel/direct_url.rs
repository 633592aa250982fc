//! `direct_url.json`: where a distribution came from, if not from an index.
//!
//! `{"url":URL,"archive_info":{}}`, then `"subdirectory":PATH` if there is one; no spaces, no line end, as `uv` writes
//! it. Source: "Recording the Direct URL Origin of installed distributions" (PEP 610).
//!
//! The URL of a path is that of the file in the image, were the project's folder the one that holds the environment:
//! where it was on the host must not reach the image.
use serde::Serialize;

use crate::layout::EnvironmentLayout;
use crate::select::DirectUrl;

#[derive(Serialize)]
struct Archive<'a> {
    url: String,
    archive_info: Empty,
    #[serde(skip_serializing_if = "Option::is_none")]
    subdirectory: Option<&'a str>,
}

#[derive(Serialize)]
struct Empty {}

pub(super) fn json(direct: &DirectUrl, layout: &EnvironmentLayout) -> String {
    let (url, subdirectory) = match direct {
        DirectUrl::Url { url, subdirectory } => {
            (url.split('#').next().unwrap_or(url).to_owned(), subdirectory.as_deref())
        }
        DirectUrl::Path { path } => (file_url(path, layout), None),
    };
    let archive = Archive { url, archive_info: Empty {}, subdirectory };
    serde_json::to_string(&archive).expect("texts and empty objects are always JSON")
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
    }
}
