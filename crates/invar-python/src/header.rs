//! Headers as in a mail, up to the first empty line: `WHEEL`, `METADATA`, `PKG-INFO` ("Core metadata specifications").

/// The first value of a header, without the space around it.
pub(crate) fn header(content: &[u8], name: &str) -> Option<String> {
    // Only ASCII matters here: an old METADATA may have other bytes in an author's name.
    let text = String::from_utf8_lossy(content);
    text.strip_prefix('\u{feff}')
        .unwrap_or(&text)
        .lines()
        .take_while(|line| !line.trim_end().is_empty())
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_end_at_the_first_empty_line() {
        let text = b"Metadata-Version: 2.1\nname:  Foo \nSummary: x\n  Version: 0\nVersion: 1.0\r\n\r\nVersion: 2.0\n";
        assert_eq!(header(text, "Name").as_deref(), Some("Foo"));
        assert_eq!(header(text, "Version").as_deref(), Some("1.0"));
        assert_eq!(header(b"\nName: x", "Name"), None);
    }
}
