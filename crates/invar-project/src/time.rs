use std::fmt;
use std::str::FromStr;

use crate::ValueError;

/// A point in time, in whole seconds since 1970-01-01T00:00:00Z, up to the end of the year 9999.
///
/// It is read and written as RFC 3339, section 5.6, without fractions of a second; it is always written in UTC.
/// It is a value, never "now": whoever wants the present brings it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

/// 9999-12-31T23:59:59Z, the last that RFC 3339 can write.
const LAST: u64 = 253_402_300_799;
const SECONDS_PER_DAY: u64 = 86_400;

impl Timestamp {
    /// The time `seconds` after the beginning of 1970, or `None` after the year 9999.
    pub const fn from_unix(seconds: u64) -> Option<Self> {
        if seconds <= LAST { Some(Self(seconds)) } else { None }
    }

    /// Seconds since the beginning of 1970, without leap seconds.
    pub const fn unix(self) -> u64 {
        self.0
    }
}

/// The number of days from 1970-01-01 to a day of the proleptic Gregorian calendar; `None` before 1970 and for days
/// that do not exist.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    let lengths = month_lengths(year);
    let length = *lengths.get(usize::try_from(month.checked_sub(1)?).ok()?)?;
    if year < 1970 || day < 1 || day > length {
        return None;
    }
    // The leap days of all years before this one, less those before 1970.
    let leaps = |year: u64| year / 4 - year / 100 + year / 400;
    let before_year = (year - 1970) * 365 + leaps(year - 1) - leaps(1969);
    let before_month: u64 = lengths[..month as usize - 1].iter().sum();
    Some(before_year + before_month + day - 1)
}

fn month_lengths(year: u64) -> [u64; 12] {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut day, second) = (self.0 / SECONDS_PER_DAY, self.0 % SECONDS_PER_DAY);
        // A year has at most 366 days, so this year is not after the right one.
        let mut year = 1970 + day / 366;
        while days(year + 1, 1, 1).is_some_and(|next| next <= day) {
            year += 1;
        }
        day -= days(year, 1, 1).expect("every year since 1970 has a first of January");
        let mut month = 1;
        for length in month_lengths(year) {
            if day < length {
                break;
            }
            day -= length;
            month += 1;
        }
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{:02}T{hour:02}:{minute:02}:{second:02}Z", day + 1)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Timestamp {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        parse(text).ok_or_else(|| ValueError::Time { text: text.to_owned() })
    }
}

fn parse(text: &str) -> Option<Timestamp> {
    let (date, rest) = (text.get(..19)?, text.get(19..)?);
    let number = |range: std::ops::Range<usize>| -> Option<u64> {
        let digits = date.get(range)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
    };
    let separator = |at: usize, expected: &[u8]| expected.contains(&date.as_bytes()[at]);
    if !(separator(4, b"-")
        && separator(7, b"-")
        && separator(10, b"Tt ")
        && separator(13, b":")
        && separator(16, b":"))
    {
        return None;
    }
    let day = days(number(0..4)?, number(5..7)?, number(8..10)?)?;
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let local = day * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second;
    let seconds = match rest {
        "Z" | "z" => local,
        _ => {
            let (sign, offset) = rest.split_at_checked(1)?;
            let (hours, minutes) = offset.split_once(':')?;
            let digits = |text: &str, most: u64| -> Option<u64> {
                let good = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
                good.then(|| text.parse().ok())?.filter(|&number| number <= most)
            };
            let offset = digits(hours, 23)? * 3600 + digits(minutes, 59)? * 60;
            match sign {
                "+" => local.checked_sub(offset)?,
                "-" => local + offset,
                _ => return None,
            }
        }
    };
    Timestamp::from_unix(seconds)
}

impl schemars::JsonSchema for Timestamp {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Timestamp".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "format": "date-time",
            "description": "A point in time (RFC 3339), without fractions of a second.",
            "examples": ["2026-09-12T08:00:00Z"],
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<u64>) {
        assert_eq!(text.parse::<Timestamp>().ok().map(Timestamp::unix), expected, "{text}");
    }

    #[test]
    fn times_are_counted_in_utc() {
        check("1970-01-01T00:00:00Z", Some(0));
        check("2000-02-29T12:34:56Z", Some(951_827_696));
        check("2026-09-12T08:00:00Z", Some(1_789_200_000));
        check("2026-09-12T10:00:00+02:00", Some(1_789_200_000));
        check("2026-09-12 03:30:00-04:30", Some(1_789_200_000));
        check("9999-12-31T23:59:59Z", Some(LAST));
    }

    #[test]
    fn what_is_not_a_time_is_refused() {
        for text in [
            "",
            "2026-09-12",
            "2026-09-12T08:00:00",
            "2026-09-12T08:00:00.5Z",
            "2026-02-29T08:00:00Z",
            "2026-13-01T08:00:00Z",
            "2026-00-01T08:00:00Z",
            "2026-09-00T08:00:00Z",
            "1969-12-31T23:59:59Z",
            "1970-01-01T00:00:00+00:01",
            "9999-12-31T23:59:59-00:01",
            "2026-09-12T24:00:00Z",
            "2026-09-12T08:60:00Z",
            "+026-09-12T08:00:00Z",
            "2026-09-12T08:00:00+1:00",
            "2026-09-12T08:00:00Zé",
            "éééééééééééé",
        ] {
            check(text, None);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(seconds in 0..=LAST) {
            let time = Timestamp::from_unix(seconds).unwrap();
            prop_assert_eq!(time.to_string().parse(), Ok(time));
        }

        #[test]
        fn any_text_is_refused_or_survives(text in "\\PC{0,30}|[0-9T:Z+ -]{18,26}") {
            if let Ok(time) = text.parse::<Timestamp>() {
                prop_assert_eq!(time.to_string().parse(), Ok(time));
            }
        }
    }
}
