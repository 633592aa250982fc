use std::str::FromStr;
use std::sync::Arc;

use crate::ValueError;
use crate::manifest::RelativePath;
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
    description: "An http or https URL without credentials, query or fragment.",
    example: "https://mirror.example/debian"
);

impl FromStr for AbsoluteUrl {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let path = path_of(text)?;
        if path.contains(['?', '#']) {
            return Err(ValueError::Url { text: text.to_owned(), fault: UrlFault::Query });
        }
        Ok(Self(text.trim_end_matches('/').into()))
    }
}

/// The URL of a file: http or https, a host, an optional port, a path and an optional query
/// (RFC 3986, section 3, without user information and fragment). It is kept as it is written.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FetchUrl(Arc<str>);

text_value!(
    FetchUrl,
    pattern: "^https?://[^/?#@ ]+/[^# ]*$",
    description: "The http or https URL of a file, without credentials or fragment.",
    example: "https://mirror.example/models/small.bin"
);

/// The longest address that is fetched, in bytes.
const LONGEST: usize = 4096;

impl FromStr for FetchUrl {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let path = path_of(text)?;
        let error = |fault| ValueError::Url { text: text.to_owned(), fault };
        if path.contains('#') {
            return Err(error(UrlFault::Fragment));
        }
        if text.len() > LONGEST {
            return Err(error(UrlFault::Long));
        }
        Ok(Self(text.into()))
    }
}

impl FetchUrl {
    /// The last part of the path, percent-decoded, if that is the name of a file.
    pub(super) fn file_name(&self) -> Result<RelativePath, ValueError> {
        let error = || ValueError::FetchName { text: self.to_string() };
        let address = self.0.split('?').next().unwrap_or(&self.0);
        // What follows the two slashes of the scheme; without a path it has no slash.
        let (_, path) =
            address.split_once("://").and_then(|(_, rest)| rest.split_once('/')).ok_or_else(error)?;
        let name = decoded(path.rsplit('/').next().unwrap_or(path)).ok_or_else(error)?;
        let good = !name.contains('/') && !name.chars().any(char::is_control);
        good.then(|| name.parse().ok()).flatten().ok_or_else(error)
    }
}

/// What percent signs stand for (RFC 3986, section 2.1); `None` if they are malformed or make no UTF-8.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        if *first == b'%' {
            let digits = std::str::from_utf8(after.get(..2)?).ok()?;
            let plain = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            bytes.push(u8::from_str_radix(digits, 16).ok().filter(|_| plain)?);
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

/// Checks an address up to its query, and gives what follows the host.
fn path_of(text: &str) -> Result<&str, ValueError> {
    let error = |fault| ValueError::Url { text: text.to_owned(), fault };
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let rest = rest.ok_or_else(|| error(UrlFault::Scheme))?;
    let (host, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    if host.contains('@') {
        // The credentials themselves must not come back in a message.
        let text = "https://…@…".to_owned();
        return Err(ValueError::Url { text, fault: UrlFault::Credentials });
    }
    if !path.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte)) {
        return Err(error(UrlFault::Character));
    }
    if !is_host(host) {
        return Err(error(UrlFault::Host));
    }
    Ok(path)
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
