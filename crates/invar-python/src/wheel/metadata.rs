//! What must be so in `WHEEL` and `METADATA` ("Core metadata specifications").
use pep440_rs::Version;

use super::WheelFault;
use crate::header::header;
use crate::name::DistributionName;
use crate::select::Chosen;

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
    fn versions_1_of_the_format_are_read() {
        assert!(check_wheel_version(b"Wheel-Version: 1.0\nWheel-Version: 2.0\n").is_ok());
        assert!(check_wheel_version(b"Wheel-Version: 1.9\n").is_ok());
        for text in ["", "Wheel-Version: 2.0", "Wheel-Version: 1", "Wheel-Version: 1.x", "Wheel-Version: 0.1"]
        {
            assert!(check_wheel_version(text.as_bytes()).is_err(), "{text}");
        }
    }
}
