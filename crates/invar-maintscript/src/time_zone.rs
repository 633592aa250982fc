//! The time zone: `/etc/localtime`, and `/etc/timezone` in suites whose tzdata writes it.
use std::fmt;
use std::str::FromStr;

use invar_tree::{Mode, Owner};

use crate::handler::Context;
use crate::output::known;
use crate::{ConfigureError, Output};

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

pub(crate) fn handle(context: &Context<'_>, out: &mut Output) -> Result<(), ConfigureError> {
    if !context.has("tzdata") {
        return Ok(());
    }
    let zone = &context.settings.time_zone;
    let file = format!("usr/share/zoneinfo/{zone}");
    if !context.view.exists(&file) {
        return Err(ConfigureError::TimeZone { zone: zone.clone() });
    }
    if !context.view.is_present("etc/localtime") {
        out.symlink(known("etc/localtime"), format!("/{file}"));
    }
    let script = context.postinst("tzdata");
    let writes = script.contains("> \"$DPKG_ROOT/etc/timezone\"");
    // Newer versions keep an existing file up to date, and make none.
    let only_updates = script.contains("test -f \"$DPKG_ROOT/etc/timezone\"");
    if writes && !only_updates && !context.view.is_present("etc/timezone") {
        out.file(known("etc/timezone"), Mode::FILE, Owner::ROOT, format!("{zone}\n"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Image, check, run};

    const WRITES: &str = "echo \"$TIMEZONE\" > \"$DPKG_ROOT/etc/timezone\"\n";

    fn image(script: &str) -> Image {
        Image::new().package("tzdata", script).file("usr/share/zoneinfo/Etc/UTC", "TZif2")
    }

    #[test]
    fn the_script_decides_whether_there_is_a_second_file() {
        let link = "l 0777 0:0 /etc/localtime -> /usr/share/zoneinfo/Etc/UTC\n";
        check(handle, &image(""), link);
        let updates = format!("if test -f \"$DPKG_ROOT/etc/timezone\"; then\n{WRITES}fi\n");
        check(handle, &image(&updates), link);
        check(handle, &image(WRITES), &format!("{link}f 0644 0:0 /etc/timezone \"Etc/UTC\\n\"\n"));
    }

    #[test]
    fn an_unknown_zone_is_an_error() {
        let image = Image::new().package("tzdata", "");
        assert!(matches!(run(handle, &image), Err(ConfigureError::TimeZone { .. })));
    }

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
