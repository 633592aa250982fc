//! What is read of a URL: the parts, and percent-encoding ("Uniform Resource Identifier", RFC 3986).

/// The last part of a URL's path, decoded; `None` where that is not text.
pub(crate) fn file_name(url: &str) -> Option<String> {
    let path = url.split(['?', '#']).next().unwrap_or(url);
    percent_decoded(path.rsplit('/').next().unwrap_or(path))
}

/// A URL without query and fragment, the query and the fragment.
pub(crate) fn parts(url: &str) -> (&str, Option<&str>, Option<&str>) {
    let (url, fragment) = match url.split_once('#') {
        Some((url, fragment)) => (url, Some(fragment)),
        None => (url, None),
    };
    match url.split_once('?') {
        Some((url, query)) => (url, Some(query), fragment),
        None => (url, None, fragment),
    }
}

/// The text that percent-encoding stands for.
pub(crate) fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first == b'%' {
            let (digits, after) = rest.split_at_checked(2)?;
            let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = after;
        } else {
            bytes.push(first);
        }
    }
    String::from_utf8(bytes).ok()
}

/// The pairs of a query as forms write it, where `+` is a space; `None` where one is not text.
pub(crate) fn query_pairs(query: &str) -> Option<Vec<(String, String)>> {
    let decoded = |text: &str| percent_decoded(&text.replace('+', " "));
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((decoded(key)?, decoded(value)?))
        })
        .collect()
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
}
