use std::str::FromStr;
use std::sync::Arc;

use crate::ValueError;
use crate::manifest::reference::is_host;
use crate::text::text_value;
use crate::value::UrlFault;

/// The address of a mirror or index: http or https, a host, an optional port and path, nothing else
/// (RFC 3986, section 3, without user information, query and fragment). It never ends with a slash.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AbsoluteUrl(Arc<str>);

text_value!(
    AbsoluteUrl,
    pattern: "^https?://[^/?#@ ]+(/[^?# ]*)?$",
    description: "An http or https address without credentials, query or fragment.",
    example: "https://mirror.example/debian"
);

impl FromStr for AbsoluteUrl {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let error = |fault| ValueError::Url { text: text.to_owned(), fault };
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let rest = rest.ok_or_else(|| error(UrlFault::Scheme))?;
        let (host, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        if host.contains('@') {
            // The credentials themselves must not come back in a message.
            let text = "https://…@…".to_owned();
            return Err(ValueError::Url { text, fault: UrlFault::Credentials });
        }
        if path.contains(['?', '#']) {
            return Err(error(UrlFault::Query));
        }
        if !path.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte)) {
            return Err(error(UrlFault::Character));
        }
        if !is_host(host) {
            return Err(error(UrlFault::Host));
        }
        Ok(Self(text.trim_end_matches('/').into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_plain() {
        let check = |text: &str, expected: Result<&str, UrlFault>| match text.parse::<AbsoluteUrl>() {
            Ok(url) => assert_eq!(Ok(url.as_str()), expected, "{text}"),
            Err(ValueError::Url { fault, .. }) => assert_eq!(Err(fault), expected, "{text}"),
            Err(other) => panic!("{other}"),
        };
        check("https://mirror.example/debian/", Ok("https://mirror.example/debian"));
        check("http://127.0.0.1:8080", Ok("http://127.0.0.1:8080"));
        check("ftp://mirror.example", Err(UrlFault::Scheme));
        check("mirror.example/debian", Err(UrlFault::Scheme));
        check("https://", Err(UrlFault::Host));
        check("https:///debian", Err(UrlFault::Host));
        check("https://mirror.example:0/", Err(UrlFault::Host));
        check("https://user:secret@mirror.example/", Err(UrlFault::Credentials));
        check("https://mirror.example/?a=b", Err(UrlFault::Query));
        check("https://mirror.example/#x", Err(UrlFault::Query));
        check("https://mirror.example/a b", Err(UrlFault::Character));
        check("https://mirror.example/é", Err(UrlFault::Character));
    }

    #[test]
    fn a_secret_is_not_repeated() {
        let error = "https://user:secret@mirror.example/".parse::<AbsoluteUrl>().unwrap_err();
        assert!(!error.to_string().contains("secret"));
    }
}
