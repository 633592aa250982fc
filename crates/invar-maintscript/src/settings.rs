use std::fmt;
use std::str::FromStr;

/// What a user may choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The time zone of `/etc/localtime`, which takes effect where the package tzdata is in.
    pub time_zone: TimeZone,
}

/// The name of a time zone, such as `Etc/UTC`: a path below `/usr/share/zoneinfo` ([time zone names]).
///
/// [time zone names]: https://data.iana.org/time-zones/theory.html#naming
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeZone(String);

/// A text that is not the name of a time zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a time zone: expected a name such as \"Etc/UTC\" or \"Europe/Berlin\"")]
pub struct TimeZoneError {
    /// The text as given.
    pub text: String,
}

impl TimeZone {
    /// `Etc/UTC`, what tzdata chooses when it cannot ask.
    pub fn utc() -> Self {
        Self("Etc/UTC".to_owned())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TimeZone {
    type Err = TimeZoneError;

    fn from_str(text: &str) -> Result<Self, TimeZoneError> {
        let good = text.len() <= 128
            && text.split('/').all(|name| {
                name.starts_with(|first: char| first.is_ascii_alphabetic())
                    && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+-".contains(&byte))
            });
        if good { Ok(Self(text.to_owned())) } else { Err(TimeZoneError { text: text.to_owned() }) }
    }
}

impl fmt::Display for TimeZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_climb_out() {
        for good in ["Etc/UTC", "America/Argentina/Buenos_Aires", "Etc/GMT+8", "UTC"] {
            assert!(good.parse::<TimeZone>().is_ok(), "{good}");
        }
        for bad in ["", "/etc/passwd", "../x", "Etc/", "Etc//UTC", "Etc/UTC\n", "Etc/U TC"] {
            assert!(bad.parse::<TimeZone>().is_err(), "{bad}");
        }
    }
}
