//! The date of a Release file (RFC 5322, section 3.3, in the one form that Debian's archive writes).
//!
//! ```text
//! date  weekday ", " day " " month " " year " " hour ":" minute ":" second " " zone
//! ```
//!
//! `weekday` and `month` are the English names of three letters, the zone is `UTC`, `GMT`, `Z` or `+0000`. The weekday
//! must be the date's own.

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The names of the days; 1 January 1970 was a Thursday.
const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];

/// Reads a date as seconds since the beginning of 1970, UTC.
pub(crate) fn parse_date(text: &str) -> Option<i64> {
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let [weekday, day, month, year, time, zone] = words[..] else { return None };
    if !matches!(zone, "UTC" | "GMT" | "Z" | "+0000") || year.len() != 4 {
        return None;
    }
    let (year, day) = (number(year, 9999)?, number(day, 31)?);
    let month = MONTHS.iter().position(|&name| name == month)?;
    let clock: Vec<&str> = time.split(':').collect();
    let [hour, minute, second] = clock[..] else { return None };
    let (hour, minute, second) = (number(hour, 23)?, number(minute, 59)?, number(second, 60)?);
    if year < 1970 || day < 1 || day > length_of_month(year, month) {
        return None;
    }
    let days = (1970..year).map(|year| if is_leap(year) { 366 } else { 365 }).sum::<i64>()
        + (0..month).map(|month| length_of_month(year, month)).sum::<i64>()
        + day
        - 1;
    let name = WEEKDAYS[usize::try_from(days % 7).expect("a remainder of a number that is not negative")];
    (weekday.strip_suffix(',') == Some(name)).then_some(((days * 24 + hour) * 60 + minute) * 60 + second)
}

/// Writes seconds since the beginning of 1970 the way Release files do.
pub(crate) fn format_date(seconds: i64) -> String {
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (mut year, mut day) = (1970, days);
    // Times outside four-digit years come only from a caller's clock that is far off; they are shown as seconds.
    if !(0..=2_932_896).contains(&days) {
        return format!("{seconds} seconds after the beginning of 1970");
    }
    loop {
        let length = if is_leap(year) { 366 } else { 365 };
        if day < length {
            break;
        }
        day -= length;
        year += 1;
    }
    let mut month = 0;
    while day >= length_of_month(year, month) {
        day -= length_of_month(year, month);
        month += 1;
    }
    let weekday = WEEKDAYS[usize::try_from(days % 7).expect("checked above not to be negative")];
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{weekday}, {:02} {} {year} {hour:02}:{minute:02}:{second:02} UTC", day + 1, MONTHS[month])
}

fn number(digits: &str, maximum: i64) -> Option<i64> {
    let plain = (1..=4).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|&number| plain && number <= maximum)
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// The days of a month, which is counted from 0.
fn length_of_month(year: i64, month: usize) -> i64 {
    match month {
        1 if is_leap(year) => 29,
        1 => 28,
        3 | 5 | 8 | 10 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_and_written() {
        fn check(text: &str, seconds: i64) {
            assert_eq!(parse_date(text), Some(seconds), "{text}");
            assert_eq!(format_date(seconds), text);
        }
        check("Thu, 01 Jan 1970 00:00:00 UTC", 0);
        check("Sat, 21 Nov 2026 02:10:46 UTC", 1_795_227_046);
        check("Thu, 29 Feb 2024 23:59:59 UTC", 1_709_251_199);
        check("Sat, 01 Mar 2025 00:00:00 UTC", 1_740_787_200);
        check("Fri, 31 Dec 9999 23:59:59 UTC", 253_402_300_799);
        assert_eq!(format_date(-1), "-1 seconds after the beginning of 1970");
        assert_eq!(parse_date("Sat, 21 Nov 2026  2:10:46 +0000"), Some(1_795_227_046));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "21 Nov 2026 02:10:46 UTC",
            "Sun, 21 Nov 2026 02:10:46 UTC",
            "Sat, 21 Nov 2026 02:10:46 CET",
            "Sat, 21 Nov 2026 02:10:46 +0100",
            "Sat, 21 nov 2026 02:10:46 UTC",
            "Sat, 21 Nov 26 02:10:46 UTC",
            "Sat, 21 Nov 2026 24:10:46 UTC",
            "Sat, 21 Nov 2026 02:10 UTC",
            "Sun, 30 Feb 2025 02:10:46 UTC",
            "Sat, +1 Nov 2026 02:10:46 UTC",
        ] {
            assert_eq!(parse_date(text), None, "{text}");
        }
    }
}
