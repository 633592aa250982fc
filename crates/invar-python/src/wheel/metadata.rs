//! `WHEEL` and `METADATA`: headers as in a mail, up to the first empty line ("Core metadata specifications").
use pep440_rs::Version;

use super::WheelFault;
use crate::name::DistributionName;
use crate::select::Chosen;

/// The first value of a header, without the space around it.
fn header(content: &[u8], name: &str) -> Option<String> {
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

pub(super) fn check_wheel_version(wheel: &[u8]) -> Result<(), WheelFault> {
    let found = header(wheel, "Wheel-Version").unwrap_or_default();
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match found.split_once('.') {
        Some(("1", minor)) if number(minor) => Ok(()),
        _ => Err(WheelFault::WheelVersion { found }),
    }
}

pub(super) fn check_identity(metadata: &[u8], chosen: &Chosen) -> Result<(), WheelFault> {
    let name = header(metadata, "Name").unwrap_or_default();
    let version = header(metadata, "Version").unwrap_or_default();
    let filename = &chosen.wheel.filename;
    let same_name = name.parse::<DistributionName>().is_ok_and(|name| name == chosen.name);
    let same_version = version.parse::<Version>().is_ok_and(|version| filename.is_of(&chosen.name, &version));
    if same_name && same_version {
        return Ok(());
    }
    Err(WheelFault::Identity {
        expected: format!("{} {}", chosen.name, filename.version),
        found: format!("{name:?} {version:?}"),
    })
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

    #[test]
    fn versions_1_of_the_format_are_read() {
        assert!(check_wheel_version(b"Wheel-Version: 1.0\nWheel-Version: 2.0\n").is_ok());
        assert!(check_wheel_version(b"Wheel-Version: 1.9\n").is_ok());
        for text in ["", "Wheel-Version: 2.0", "Wheel-Version: 1", "Wheel-Version: 1.x", "Wheel-Version: 0.1"]
        {
            assert!(check_wheel_version(text.as_bytes()).is_err(), "{text}");
        }
    }
}
