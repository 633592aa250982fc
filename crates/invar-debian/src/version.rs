use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest version that is accepted, in bytes; Debian's own stay under 60.
const MAXIMUM_LENGTH: usize = 256;

/// A version: `[epoch:]upstream[-revision]` (Debian Policy, section 5.6.12 "Version").
///
/// The order is Debian's, so `1.0~rc1 < 1.0 < 1.0+b1`. Equality belongs to the order: `1.0` and `1.00` are equal,
/// and so are `1` and `0:1-0`; compare [`Self::as_str`] where the text counts. There is no `Hash` for that reason.
#[derive(Clone)]
pub struct DebianVersion {
    text: Arc<str>,
    /// Where the upstream version begins: 0, or after the epoch's colon.
    start: u16,
    /// Where the upstream version ends: at the last hyphen, or at the end.
    end: u16,
    epoch: u32,
}

/// A text that is not a version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a Debian version: {fault}")]
pub struct VersionError {
    /// The text as given, or its beginning if it is long.
    pub text: String,
    /// What is wrong with it.
    pub fault: VersionFault,
}

/// What is wrong with a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VersionFault {
    /// Longer than any real version.
    #[error("it is longer than {MAXIMUM_LENGTH} bytes")]
    TooLong,
    /// The part before the first colon is not a number below 2³¹.
    #[error("the epoch, before the first \":\", must be a number")]
    Epoch,
    /// Nothing is left when epoch and revision are removed.
    #[error("the upstream version is empty")]
    NoUpstream,
    /// The upstream version has a character that it must not have.
    #[error("the upstream version may only contain letters, digits and \". + - ~\"")]
    Upstream,
    /// The revision, after the last hyphen, is empty.
    #[error("the revision, after the last \"-\", is empty")]
    NoRevision,
    /// The revision has a character that it must not have.
    #[error("the revision may only contain letters, digits and \". + ~\"")]
    Revision,
}

impl DebianVersion {
    /// The version as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The number before the first colon, 0 if there is none.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The part between the epoch and the revision.
    pub fn upstream(&self) -> &str {
        &self.text[usize::from(self.start)..usize::from(self.end)]
    }

    /// The part after the last hyphen, if there is one.
    pub fn revision(&self) -> Option<&str> {
        self.text[usize::from(self.end)..].strip_prefix('-')
    }
}

impl FromStr for DebianVersion {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        let error = |fault| VersionError { text: text.chars().take(MAXIMUM_LENGTH).collect(), fault };
        if text.len() > MAXIMUM_LENGTH {
            return Err(error(VersionFault::TooLong));
        }
        let (epoch, start) = match text.split_once(':') {
            None => (0, 0),
            Some((digits, _)) => {
                let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
                let number = digits.parse::<u32>().ok().filter(|&number| plain && number < 1 << 31);
                (number.ok_or_else(|| error(VersionFault::Epoch))?, digits.len() + 1)
            }
        };
        let rest = &text[start..];
        let (upstream, revision) = match rest.rsplit_once('-') {
            Some((upstream, revision)) => (upstream, Some(revision)),
            None => (rest, None),
        };
        if upstream.is_empty() {
            return Err(error(VersionFault::NoUpstream));
        }
        // A colon is allowed after an epoch, and without one it would have been taken for an epoch's.
        if !upstream.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".+-~:".contains(&byte)) {
            return Err(error(VersionFault::Upstream));
        }
        match revision {
            Some("") => return Err(error(VersionFault::NoRevision)),
            Some(revision)
                if !revision.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".+~".contains(&byte)) =>
            {
                return Err(error(VersionFault::Revision));
            }
            _ => {}
        }
        let place = |at: usize| u16::try_from(at).expect("a version is at most 256 bytes long");
        Ok(Self { text: text.into(), start: place(start), end: place(start + upstream.len()), epoch })
    }
}

impl Ord for DebianVersion {
    fn cmp(&self, other: &Self) -> Ordering {
        let revision =
            |version: &'_ Self| usize::from(version.end) + usize::from(version.revision().is_some());
        self.epoch
            .cmp(&other.epoch)
            .then_with(|| compare(self.upstream().as_bytes(), other.upstream().as_bytes()))
            // No revision and the revision "0" are the same: an empty part counts as 0.
            .then_with(|| {
                compare(&self.text.as_bytes()[revision(self)..], &other.text.as_bytes()[revision(other)..])
            })
    }
}

/// Compares two upstream versions or revisions: stretches of non-digits and of digits in turn, the first as text
/// with its own order of characters, the second as numbers.
fn compare(mut left: &[u8], mut right: &[u8]) -> Ordering {
    while !left.is_empty() || !right.is_empty() {
        loop {
            let (a, b) = (weight(left), weight(right));
            if a != b {
                return a.cmp(&b);
            }
            if a == END {
                break;
            }
            (left, right) = (&left[1..], &right[1..]);
        }
        let (a, after_left) = number(left);
        let (b, after_right) = number(right);
        let order = a.len().cmp(&b.len()).then_with(|| a.cmp(b));
        if order != Ordering::Equal {
            return order;
        }
        (left, right) = (after_left, after_right);
    }
    Ordering::Equal
}

/// The weight of the end of a stretch of non-digits.
const END: i16 = 0;

/// The first character's place in the order: a tilde before the end, the end before letters, letters before the rest.
fn weight(text: &[u8]) -> i16 {
    match text.first() {
        Some(b'~') => -1,
        None | Some(b'0'..=b'9') => END,
        Some(&byte) if byte.is_ascii_alphabetic() => i16::from(byte),
        Some(&byte) => i16::from(byte) + 256,
    }
}

/// The digits at the beginning without leading zeros, and what follows them. Numbers are compared as digits, because
/// dates and hashes in versions have more of them than an integer can hold.
fn number(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    let zeros = digits.iter().take_while(|&&digit| digit == b'0').count();
    (&digits[zeros..], rest)
}

impl PartialOrd for DebianVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for DebianVersion {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for DebianVersion {}

impl fmt::Display for DebianVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for DebianVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

impl Serialize for DebianVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for DebianVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    fn version(text: &str) -> DebianVersion {
        text.parse().unwrap()
    }

    #[test]
    fn versions_have_three_parts() {
        fn check(text: &str, epoch: u32, upstream: &str, revision: Option<&str>) {
            let version = version(text);
            assert_eq!(
                (version.epoch(), version.upstream(), version.revision()),
                (epoch, upstream, revision)
            );
            assert_eq!(version.to_string(), text);
        }
        check("1.0", 0, "1.0", None);
        check("1:1.99.1-9", 1, "1.99.1", Some("9"));
        check("1:1.3.dfsg+really1.3.1-1+b1", 1, "1.3.dfsg+really1.3.1", Some("1+b1"));
        check("0:1-2-3", 0, "1-2", Some("3"));
        check("2:1:2", 2, "1:2", None);
    }

    #[test]
    fn other_texts_are_refused() {
        fn check(text: &str, fault: VersionFault) {
            assert_eq!(text.parse::<DebianVersion>().unwrap_err().fault, fault, "{text}");
        }
        check("", VersionFault::NoUpstream);
        check("1:", VersionFault::NoUpstream);
        check("-1", VersionFault::NoUpstream);
        check(":1", VersionFault::Epoch);
        check("a:1", VersionFault::Epoch);
        check("-1:1", VersionFault::Epoch);
        check("+1:1", VersionFault::Epoch);
        check("2147483648:1", VersionFault::Epoch);
        check("1 2", VersionFault::Upstream);
        check("1/2", VersionFault::Upstream);
        check("1_2", VersionFault::Upstream);
        check("1\u{e9}", VersionFault::Upstream);
        check("1-", VersionFault::NoRevision);
        check("1:1-a:b", VersionFault::Revision);
        check(&"1".repeat(257), VersionFault::TooLong);
    }

    #[test]
    fn the_order_is_debians() {
        let rising = [
            "0~~",
            "0~~a",
            "0~",
            "0~1",
            "0",
            "0-1~",
            "0-1",
            "0-1+b1",
            "0a",
            "0b",
            "0+",
            "0.1",
            "1.0~rc1-1",
            "1.0",
            "1.0-0.1",
            "1.0-1",
            "1.0.1",
            "1.2",
            "1.10",
            "9",
            "20230101.99999999999999999999",
            "1:0",
        ];
        for (place, left) in rising.iter().enumerate() {
            for (other, right) in rising.iter().enumerate() {
                assert_eq!(version(left).cmp(&version(right)), place.cmp(&other), "{left} and {right}");
            }
        }
        for (left, right) in [("1.0", "1.00"), ("1", "0:1-0"), ("1.a", "1.a0"), ("1-00", "1")] {
            assert_eq!(version(left), version(right));
        }
    }

    #[test]
    fn a_version_is_stored_as_text() {
        let stored = serde_json::to_string(&version("1:2-3")).unwrap();
        assert_eq!(stored, "\"1:2-3\"");
        assert_eq!(serde_json::from_str::<DebianVersion>(&stored).unwrap().as_str(), "1:2-3");
        assert!(serde_json::from_str::<DebianVersion>("\"1 2\"").is_err());
    }

    /// What dpkg says of two versions, or nothing if there is no dpkg.
    fn dpkg(left: &str, right: &str) -> Option<Ordering> {
        let is = |operator| {
            let arguments = ["--compare-versions", left, operator, right];
            Command::new("dpkg").args(arguments).status().ok().map(|status| status.success())
        };
        match (is("lt")?, is("eq")?) {
            (true, _) => Some(Ordering::Less),
            (_, true) => Some(Ordering::Equal),
            _ => Some(Ordering::Greater),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn dpkg_agrees(
            left in "([01]:)?[0-2][0-2a.+~]{0,5}(-[0-2a.+~]{1,3})?",
            right in "([01]:)?[0-2][0-2a.+~]{0,5}(-[0-2a.+~]{1,3})?",
        ) {
            let ours = version(&left).cmp(&version(&right));
            match dpkg(&left, &right) {
                Some(theirs) => prop_assert_eq!(ours, theirs, "{} and {}", left, right),
                None => eprintln!("SKIPPED: no dpkg on the PATH to compare {left} and {right} with"),
            }
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[0-9a-zA-Z.+~:\u{e9} -]{0,12}") {
            if let Ok(version) = text.parse::<DebianVersion>() {
                prop_assert_eq!(version.as_str(), text);
            }
        }

        #[test]
        fn the_order_is_total(texts in prop::collection::vec("[0-1][0-1a.~-]{0,4}[0-1]", 3)) {
            let mut versions: Vec<_> = texts.iter().map(|text| version(text)).collect();
            versions.sort();
            prop_assert!(versions[0] <= versions[1] && versions[1] <= versions[2] && versions[0] <= versions[2]);
        }
    }
}
