use std::fmt;

/// A modification time: seconds since 1970 and nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Time {
    /// Whole seconds, negative before 1970.
    pub seconds: i64,
    /// What is beyond them.
    pub nanoseconds: u32,
}

impl Time {
    /// The time in a pax record: decimal seconds with a fraction, which only reaches backward for a time before 1970.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let seconds: i64 = whole.parse().ok()?;
        if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let nanoseconds: u32 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
        Some(match whole.starts_with('-') && nanoseconds > 0 {
            true => Self { seconds: seconds.checked_sub(1)?, nanoseconds: 1_000_000_000 - nanoseconds },
            false => Self { seconds, nanoseconds },
        })
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Days to a date after Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
        let days = self.seconds.div_euclid(86_400) + 719_468;
        let rest = self.seconds.rem_euclid(86_400);
        let era = days.div_euclid(146_097);
        let of_era = days.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        if self.nanoseconds != 0 {
            write!(f, ".{:09}", self.nanoseconds)?;
        }
        f.write_str("Z")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_dates() {
        let check = |seconds, nanoseconds, expected: &str| {
            assert_eq!(Time { seconds, nanoseconds }.to_string(), expected);
        };
        check(0, 0, "1970-01-01T00:00:00Z");
        check(315_619_200, 0, "1980-01-02T00:00:00Z");
        check(951_782_400, 0, "2000-02-29T00:00:00Z");
        check(-1, 5, "1969-12-31T23:59:59.000000005Z");
        check(1_700_000_000, 0, "2023-11-14T22:13:20Z");
    }

    #[test]
    fn pax_times_have_fractions() {
        let check = |text: &str, expected: Option<(i64, u32)>| {
            let time = Time::parse(text).map(|time| (time.seconds, time.nanoseconds));
            assert_eq!(time, expected, "{text}");
        };
        check("1700000000.5", Some((1_700_000_000, 500_000_000)));
        check("7", Some((7, 0)));
        check("7.1234567891", Some((7, 123_456_789)));
        check("-1.25", Some((-2, 750_000_000)));
        check("1.x", None);
        check("", None);
    }
}
