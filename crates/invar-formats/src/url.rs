//! URLs: their parts, percent-encoding, what a reference means, and what may be shown of them ("Uniform Resource
//! Identifier", RFC 3986).
//!
//! A URL stays the text that it is: it is compared and hashed as locks and servers spell it. That, and thirty crates that
//! it would link, is why the `url` crate is not used: it brings URLs into a form of its own.

/// The last part of a URL's path, decoded; `None` where that is not text.
pub fn file_name(url: &str) -> Option<String> {
    let path = url.split(['?', '#']).next().unwrap_or(url);
    decoded_text(path.rsplit('/').next().unwrap_or(path))
}

/// A URL without query and fragment, the query and the fragment.
pub fn parts(url: &str) -> (&str, Option<&str>, Option<&str>) {
    let (url, fragment) = match url.split_once('#') {
        Some((url, fragment)) => (url, Some(fragment)),
        None => (url, None),
    };
    match url.split_once('?') {
        Some((url, query)) => (url, Some(query), fragment),
        None => (url, None, fragment),
    }
}

/// The bytes that percent-encoding stands for; `None` where two hexadecimal digits do not follow a `%`.
pub fn percent_decoded(text: &str) -> Option<Vec<u8>> {
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

/// The text that percent-encoding stands for.
fn decoded_text(text: &str) -> Option<String> {
    String::from_utf8(percent_decoded(text)?).ok()
}

/// The pairs of a query as forms write it, where `+` is a space; `None` where one is not text.
pub fn query_pairs(query: &str) -> Option<Vec<(String, String)>> {
    let decoded = |text: &str| decoded_text(&text.replace('+', " "));
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((decoded(key)?, decoded(value)?))
        })
        .collect()
}

/// A URL without the name and password in it.
#[must_use]
pub fn without_credentials(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (authority, path) = split_authority(rest);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

/// A URL as it may be shown: without name and password, and without a query, which may hold a signature.
#[must_use]
pub fn redacted(url: &str) -> String {
    without_credentials(url.split(['?', '#']).next().unwrap_or(url))
}

/// What `reference` in the document at `base` means, without its fragment (section 5.2). `None` for a base without an
/// authority, and for a reference to the base itself.
pub fn joined(base: &str, reference: &str) -> Option<String> {
    let reference = reference.split('#').next().unwrap_or(reference);
    let (scheme, rest) = base.split_once("://")?;
    let (authority, path_and_query) = split_authority(rest);
    let path = path_and_query.split(['?', '#']).next().unwrap_or_default();
    Some(match reference.as_bytes() {
        [] => return None,
        _ if has_scheme(reference) => reference.to_owned(),
        [b'/', b'/', ..] => format!("{scheme}:{reference}"),
        [b'/', ..] => format!("{scheme}://{authority}{}", without_dots(reference)),
        [b'?', ..] => format!("{scheme}://{authority}{path}{reference}"),
        _ => {
            let directory = path.rfind('/').map_or("/", |end| &path[..=end]);
            format!("{scheme}://{authority}{}", without_dots(&format!("{directory}{reference}")))
        }
    })
}

/// Whether `url` has this scheme, which is written in lower case.
#[must_use]
pub fn is(url: &str, scheme: &str) -> bool {
    url.split_once("://").is_some_and(|(found, _)| found.eq_ignore_ascii_case(scheme))
}

fn split_authority(rest: &str) -> (&str, &str) {
    rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()))
}

fn has_scheme(reference: &str) -> bool {
    reference.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    })
}

/// Section 5.2.4, for a path that starts with a slash and may be followed by a query.
fn without_dots(path_and_query: &str) -> String {
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
    use super::*;

    #[test]
    fn a_url_is_taken_apart() {
        assert_eq!(parts("a://b/c?d=e#f"), ("a://b/c", Some("d=e"), Some("f")));
        assert_eq!(parts("a://b/c#f?g"), ("a://b/c", None, Some("f?g")));
        assert_eq!(file_name("https://mirror.example/a%2B1.tar.gz?x/y#z").as_deref(), Some("a+1.tar.gz"));
        for text in ["a%", "a%2", "a%zz", "a%+1", "a%ff"] {
            assert_eq!(file_name(text), None, "{text}");
        }
        let pairs = query_pairs("tag=v%2F1&subdirectory=a+b&&x").unwrap();
        assert_eq!(pairs.len(), 3);
        assert_eq!(pairs[0], ("tag".into(), "v/1".into()));
        assert_eq!(pairs[1], ("subdirectory".into(), "a b".into()));
    }

    #[test]
    fn secrets_are_not_shown() {
        for (url, expected) in [
            ("https://me:secret@mirror.example/a?sig=secret", "https://mirror.example/a"),
            ("https://me@mirror.example:1/a@b", "https://mirror.example:1/a@b"),
            ("/srv/a", "/srv/a"),
            ("https://mirror.example?a@b#c", "https://mirror.example"),
        ] {
            assert_eq!(redacted(url), expected);
        }
        let url = "https://me:secret@mirror.example/a?b@c";
        assert_eq!(without_credentials(url), "https://mirror.example/a?b@c");
    }

    #[test]
    fn references_are_relative_to_a_base() {
        let check = |base: &str, reference: &str, expected: Option<&str>| {
            assert_eq!(joined(base, reference).as_deref(), expected, "{base} {reference}");
        };
        let base = "https://mirror.example/a/b/c?x=y/z#/w";
        check(base, "d", Some("https://mirror.example/a/b/d"));
        check(base, "./../d#e", Some("https://mirror.example/a/d"));
        check(base, "../../../../d/.", Some("https://mirror.example/d/"));
        check(base, "..", Some("https://mirror.example/a/"));
        check(base, "/d?e=../f", Some("https://mirror.example/d?e=../f"));
        check(base, "?z", Some("https://mirror.example/a/b/c?z"));
        check(base, "//other.example/d", Some("https://other.example/d"));
        check(base, "ftp://other.example/d", Some("ftp://other.example/d"));
        check(base, "a:b", Some("a:b"));
        check(base, "", None);
        check(base, "#e", None);
        check("https://mirror.example", "d", Some("https://mirror.example/d"));
        check("/srv/a", "b", None);
        assert!(is("HTTPS://a", "https") && !is("https:/a", "https") && !is("xhttps://a", "https"));
    }
}
