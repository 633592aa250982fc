//! Addresses: what can be fetched from, and where redirects lead.
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use invar_formats::url::{self, redacted};

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
                match url::percent_decoded(path) {
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

/// Where a redirect from `base` to `location`, a header as it was received, leads.
///
/// The schemes that may be the outcome are `http` and `https`, and from `https` only `https`.
///
/// # Errors
/// [`Failure::Redirect`], [`Failure::Downgrade`].
pub fn follow(base: &str, location: &[u8]) -> Result<String, Failure> {
    let location = escape(location);
    let invalid = || Failure::Redirect { location: redacted(&location) };
    let target = url::joined(base, &location).ok_or_else(invalid)?;
    // Never to a local file: the server must not choose what is read here.
    if !url::is(&target, "http") && !url::is(&target, "https") {
        return Err(invalid());
    }
    if url::is(base, "https") && url::is(&target, "http") {
        return Err(Failure::Downgrade { location: redacted(&target) });
    }
    Ok(target)
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
            ("a:b", "it redirects to \"a:b\", which is not a web URL"),
            ("file:///etc/passwd", "it redirects to \"file:///etc/passwd\", which is not a web URL"),
            ("", "it redirects to \"\", which is not a web URL"),
            (
                "http://other.example/c?secret",
                "it redirects to http://other.example/c, which does not use TLS",
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
            let _ = redacted(&url);
            let _ = follow(&url, url.as_bytes());
        }
    }
}
