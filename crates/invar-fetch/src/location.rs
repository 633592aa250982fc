//! Addresses: what can be fetched from, and where redirects lead.
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use crate::Failure;

/// Where to fetch from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Location {
    /// An `http:` or `https:` address.
    Web(String),
    /// A local file.
    File(PathBuf),
}

impl Location {
    /// Reads an address: `https://…`, `http://…`, `file:///…`, or an absolute path.
    pub(crate) fn parse(url: &str) -> Result<Self, Failure> {
        if url.starts_with('/') {
            return Ok(Self::File(url.into()));
        }
        let (scheme, rest) = url.split_once("://").ok_or(Failure::Url)?;
        match scheme.to_ascii_lowercase().as_str() {
            "http" | "https" => Ok(Self::Web(url.to_owned())),
            "file" => {
                // RFC 8089: the host is empty, or the local one.
                let path = rest.strip_prefix("localhost").unwrap_or(rest);
                match percent_decode(path) {
                    Some(path) if path.starts_with(b"/") && !path.contains(&0) => {
                        Ok(Self::File(std::ffi::OsString::from_vec(path).into()))
                    }
                    _ => Err(Failure::Url),
                }
            }
            _ => Err(Failure::Url),
        }
    }
}

/// The bytes that `%41` stands for; `None` where two digits do not follow.
fn percent_decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                u8::try_from(digit()? << 4 | digit()?).ok()?
            }
            byte => byte,
        });
    }
    Some(bytes)
}

/// An address as it may be shown: without name and password, and without a query, which may hold a signature.
pub(crate) fn redact(url: &str) -> String {
    let end = url.find(['?', '#']).unwrap_or(url.len());
    let url = &url[..end];
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let (authority, path) = split_authority(rest);
            let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
            format!("{scheme}://{host}{path}")
        }
        None => url.to_owned(),
    }
}

fn split_authority(rest: &str) -> (&str, &str) {
    rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()))
}

/// Where a redirect from `base` to `location`, a header as it was received, leads.
///
/// RFC 3986, section 5.2, for the two schemes that may be the outcome.
pub(crate) fn follow(base: &str, location: &[u8]) -> Result<String, Failure> {
    let location = escape(location);
    let location = location.split('#').next().unwrap_or_default();
    let invalid = || Failure::Redirect { location: redact(location) };
    let (scheme, rest) = base.split_once("://").ok_or_else(invalid)?;
    let (authority, path_and_query) = split_authority(rest);
    let path = path_and_query.split(['?', '#']).next().unwrap_or_default();
    let target = if has_scheme(location) {
        location.to_owned()
    } else if location.starts_with("//") {
        format!("{scheme}:{location}")
    } else if location.starts_with('/') {
        format!("{scheme}://{authority}{}", remove_dots(location))
    } else if location.starts_with('?') {
        format!("{scheme}://{authority}{path}{location}")
    } else if location.is_empty() {
        return Err(invalid());
    } else {
        let directory = path.rfind('/').map_or("/", |end| &path[..=end]);
        format!("{scheme}://{authority}{}", remove_dots(&format!("{directory}{location}")))
    };
    let is = |url: &str, scheme: &str| {
        url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    // Never to a local file: the server must not choose what is read here.
    if !is(&target, "http://") && !is(&target, "https://") {
        return Err(invalid());
    }
    if is(base, "https://") && is(&target, "http://") {
        return Err(Failure::Downgrade { location: redact(&target) });
    }
    Ok(target)
}

fn has_scheme(location: &str) -> bool {
    location.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    })
}

/// Writes what an address cannot hold, but servers send, as `%41`.
fn escape(location: &[u8]) -> String {
    let mut text = String::with_capacity(location.len());
    for &byte in location {
        if byte.is_ascii_graphic() {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

/// RFC 3986, section 5.2.4, for a path that starts with a slash and may be followed by a query.
fn remove_dots(path_and_query: &str) -> String {
    let (path, query) = path_and_query.split_at(path_and_query.find('?').unwrap_or(path_and_query.len()));
    let mut names: Vec<&str> = Vec::new();
    for name in path.split('/').skip(1) {
        match name {
            "." => {}
            ".." => {
                names.pop();
            }
            name => names.push(name),
        }
    }
    if path.ends_with("/.") || path.ends_with("/..") {
        names.push("");
    }
    format!("/{}{query}", names.join("/"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses() {
        let web = |url: &str| Some(Location::Web(url.into()));
        let file = |path: &str| Some(Location::File(path.into()));
        for (url, expected) in [
            ("https://mirror.example/a", web("https://mirror.example/a")),
            ("HTTP://mirror.example/a", web("HTTP://mirror.example/a")),
            ("/srv/a b%20c", file("/srv/a b%20c")),
            ("file:///srv/a%20b", file("/srv/a b")),
            ("file://localhost/srv/a", file("/srv/a")),
            ("file://elsewhere/srv/a", None),
            ("file:///srv/%4", None),
            ("file:///srv/%zz", None),
            ("file:///srv/%00", None),
            ("ftp://mirror.example/a", None),
            ("srv/a", None),
            ("", None),
        ] {
            assert_eq!(Location::parse(url).ok(), expected, "{url}");
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        for (url, expected) in [
            ("https://me:secret@mirror.example/a?sig=secret", "https://mirror.example/a"),
            ("https://me@mirror.example:1/a@b", "https://mirror.example:1/a@b"),
            ("/srv/a", "/srv/a"),
        ] {
            assert_eq!(redact(url), expected);
        }
    }

    #[test]
    fn redirects() {
        let base = "https://mirror.example/pool/a/b.deb?x=y";
        for (location, expected) in [
            ("https://other.example/c", "https://other.example/c"),
            ("//other.example/c", "https://other.example/c"),
            ("/c?d=/e", "https://mirror.example/c?d=/e"),
            ("c", "https://mirror.example/pool/a/c"),
            ("./../c#d", "https://mirror.example/pool/c"),
            ("../../../../c/.", "https://mirror.example/c/"),
            ("?z", "https://mirror.example/pool/a/b.deb?z"),
            ("c d\u{e4}", "https://mirror.example/pool/a/c%20d%C3%A4"),
            ("a:b", "it redirects to \"a:b\", which is not a web address"),
            ("file:///etc/passwd", "it redirects to \"file:///etc/passwd\", which is not a web address"),
            ("", "it redirects to \"\", which is not a web address"),
            (
                "http://other.example/c?secret",
                "it redirects to http://other.example/c, which is not protected by TLS",
            ),
        ] {
            let found = follow(base, location.as_bytes()).unwrap_or_else(|failure| failure.to_string());
            assert_eq!(found, expected, "{location}");
        }
        assert_eq!(follow("http://mirror.example", b"a").unwrap(), "http://mirror.example/a");
        assert_eq!(follow("http://mirror.example", b"HTTPS://x/").unwrap(), "HTTPS://x/");
    }

    proptest! {
        #[test]
        fn no_redirect_leaves_the_web(location in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(url) = follow("https://mirror.example/a/b", &location) {
                prop_assert!(url.to_ascii_lowercase().starts_with("https://"), "{url}");
                prop_assert!(url.bytes().all(|byte| byte.is_ascii_graphic()));
            }
        }

        #[test]
        fn no_address_makes_it_panic(url in "(file|https|/)?(://)?[a-z%@:/?#\u{e4}]{0,12}") {
            let _ = Location::parse(&url);
            let _ = redact(&url);
            let _ = follow(&url, url.as_bytes());
        }
    }
}
