//! What is known about a file that two builds made differently.
use crate::analysis::difference::{Difference, Place};
use crate::perturbation::Perturbation;

/// Words shorter than this, in bytes, are in many files by chance.
const SHORTEST: usize = 4;

/// How far, in seconds, a time in a file may be from the time of its build.
const NEAR: i64 = 2 * 86_400;

/// A file that two builds made differently.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// What changes it; empty where it differs though nothing was perturbed.
    pub under: &'a [Perturbation],
    /// The file as the first build made it.
    pub first: &'a [u8],
    /// The file as the second build made it.
    pub second: &'a [u8],
    /// What was different around the two builds, and may be found in the files.
    pub facts: &'a [Fact],
    /// When they were created.
    pub moments: Moments,
}

/// Words that stand for one of two machines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// What they are.
    pub kind: FactKind,
    /// The word in the first build.
    pub first: String,
    /// The word in the second build.
    pub second: String,
}

/// What a [`Fact`] is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FactKind {
    /// The name of the machine or of the user.
    Identity,
    /// A folder in which a build is done.
    Folder,
    /// The time zone.
    TimeZone,
    /// The locale.
    Locale,
    /// Another variable.
    Variable,
    /// A variable that was set inside the sandbox only to hide what the CPU can do.
    Mask,
}

/// The times of two builds, in seconds since 1970, as what ran in them saw them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moments {
    /// The first build's.
    pub first: i64,
    /// The second build's.
    pub second: i64,
}

impl Evidence<'_> {
    /// The kind of the first fact of which the two files hold each their own side.
    pub(crate) fn told(&self) -> Option<FactKind> {
        let holds = |file: &[u8], word: &str| {
            word.len() >= SHORTEST && file.windows(word.len()).any(|window| window == word.as_bytes())
        };
        let facts = self.facts.iter().filter(|fact| fact.first != fact.second);
        let own = |fact: &&Fact| holds(self.second, &fact.second) && !holds(self.first, &fact.second);
        facts.clone().find(own).map(|fact| fact.kind)
    }

    /// Whether the first difference is a time: a field for it in a known format, or a text that is one.
    pub(crate) fn is_time(&self) -> bool {
        let Some(difference) = Difference::between(self.first, self.second) else { return false };
        match difference.place {
            Place::Byte(at) => self.is_time_field(at),
            Place::Line(_) => {
                let (first, second) = (difference.first.to_string(), difference.second.to_string());
                is_time_of_day(&first) && is_time_of_day(&second)
                    || self.is_moment(&first) && self.is_moment(&second)
            }
        }
    }

    /// Whether `text` holds seconds or milliseconds since 1970 near one of the builds: files have the real time even
    /// where the clock was another.
    fn is_moment(&self, text: &str) -> bool {
        let numbers = text.split(|character: char| !character.is_ascii_digit());
        let Moments { first, second } = self.moments;
        numbers.filter_map(|digits| digits.parse::<i64>().ok()).any(|number| {
            let near = |seconds: i64| {
                [first, second].iter().any(|moment| seconds.saturating_sub(*moment).saturating_abs() < NEAR)
            };
            near(number) || near(number / 1000)
        })
    }

    /// Whether the byte at `at` is in a field for a time.
    fn is_time_field(&self, at: usize) -> bool {
        let bytes = self.first;
        let has =
            |offset: usize, magic: &[u8]| bytes.get(offset..).is_some_and(|rest| rest.starts_with(magic));
        // gzip (RFC 1952): MTIME. A member that is not the first begins anywhere, so only the first is known.
        let gzip = has(0, b"\x1f\x8b") && (4..8).contains(&at);
        // zip (APPNOTE 4.3.7 and 4.3.12): time and date of a local and a central header.
        let zip = (10..=13).any(|before| at >= before && has(at - before, b"PK\x03\x04"))
            || (12..=15).any(|before| at >= before && has(at - before, b"PK\x01\x02"));
        // tar (POSIX ustar): mtime, and the checksum that follows from it.
        let header = at - at % 512;
        let tar = has(header + 257, b"ustar") && (136..156).contains(&(at % 512));
        // ar: the date of a member, after its name.
        let ar = has(0, b"!<arch>\n") && (16..28).any(|before| at >= before && has(at - before + 58, b"`\n"));
        // pyc (PEP 552): the time of the source.
        let pyc = has(2, b"\r\n") && has(4, b"\0\0\0\0") && (8..12).contains(&at);
        gzip || zip || tar || ar || pyc
    }

    /// Whether both files have the same lines, or the same words, in another order.
    pub(crate) fn is_order(&self) -> bool {
        if self.first == self.second || self.first.len() != self.second.len() {
            return false;
        }
        let sorted = |file: &[u8], ends: fn(&u8) -> bool| {
            let mut pieces: Vec<Vec<u8>> = file.split(ends).map(<[u8]>::to_vec).collect();
            pieces.sort_unstable();
            pieces
        };
        let same = |ends: fn(&u8) -> bool| sorted(self.first, ends) == sorted(self.second, ends);
        same(|byte| *byte == b'\n') || same(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_')
    }
}

/// Whether `text` holds a time of day, `12:34:56`.
fn is_time_of_day(text: &str) -> bool {
    text.as_bytes().windows(8).any(|window| {
        window.iter().enumerate().all(|(index, byte)| match index {
            2 | 5 => *byte == b':',
            _ => byte.is_ascii_digit(),
        })
    })
}
