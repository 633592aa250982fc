//! What is true on a fresh installation: `test`, `dpkg --compare-versions`, and patterns.
use std::ops::Not;

use crate::DebianVersion;

/// Whether a command succeeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Success,
    Failure,
    Unknown,
}

impl From<bool> for Status {
    fn from(success: bool) -> Self {
        if success { Self::Success } else { Self::Failure }
    }
}

impl Not for Status {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Self::Success => Self::Failure,
            Self::Failure => Self::Success,
            Self::Unknown => Self::Unknown,
        }
    }
}

impl Status {
    fn and(self, other: impl FnOnce() -> Self) -> Self {
        match self {
            Self::Failure => self,
            Self::Success => other(),
            Self::Unknown => {
                if other() == Self::Failure {
                    Self::Failure
                } else {
                    Self::Unknown
                }
            }
        }
    }
}

/// `test` with these arguments, of which some may be unknown.
pub(super) fn test(arguments: &[Option<String>]) -> Status {
    let known = |index: usize| arguments.get(index).and_then(Option::as_deref);
    // As POSIX has it: what is an operator depends on the number of arguments.
    match arguments.len() {
        0 => return Status::Failure,
        1 => return known(0).map_or(Status::Unknown, |text| Status::from(!text.is_empty())),
        2 if known(0) == Some("!") => return !test(&arguments[1..]),
        2 => return unary(known(0), known(1)),
        _ => {}
    }
    if let (3, Some(status)) = (arguments.len(), binary(known(0), known(1), known(2))) {
        return status;
    }
    let at = |operator: &str| arguments.iter().position(|word| word.as_deref() == Some(operator));
    if let Some(index) = at("-o") {
        return !(!test(&arguments[..index])).and(|| !test(&arguments[index + 1..]));
    }
    if let Some(index) = at("-a") {
        return test(&arguments[..index]).and(|| test(&arguments[index + 1..]));
    }
    if known(0) == Some("!") {
        return !test(&arguments[1..]);
    }
    match arguments {
        [Some(open), inner @ .., Some(close)] if open == "(" && close == ")" => test(inner),
        _ => Status::Unknown,
    }
}

fn unary(operator: Option<&str>, text: Option<&str>) -> Status {
    match (operator, text) {
        (Some("-n"), Some(text)) => Status::from(!text.is_empty()),
        (Some("-z"), Some(text)) => Status::from(text.is_empty()),
        // What is in the file system is not looked at.
        _ => Status::Unknown,
    }
}

/// `None` where the word in the middle is no operator.
fn binary(left: Option<&str>, operator: Option<&str>, right: Option<&str>) -> Option<Status> {
    let number = |text: &str| text.trim().parse::<i64>().ok();
    let numbers = || Some((number(left?)?, number(right?)?));
    let texts = || Some((left?, right?));
    let known = match operator? {
        "=" | "==" => texts().map(|(left, right)| left == right),
        "!=" => texts().map(|(left, right)| left != right),
        "-eq" => numbers().map(|(left, right)| left == right),
        "-ne" => numbers().map(|(left, right)| left != right),
        "-lt" => numbers().map(|(left, right)| left < right),
        "-le" => numbers().map(|(left, right)| left <= right),
        "-gt" => numbers().map(|(left, right)| left > right),
        "-ge" => numbers().map(|(left, right)| left >= right),
        _ => return None,
    };
    Some(known.map_or(Status::Unknown, Status::from))
}

/// `dpkg --compare-versions LEFT OPERATOR RIGHT` (dpkg(1)). An empty version is earlier than all, or with `-nl` later.
pub(super) fn compare_versions(words: &[Option<String>]) -> Status {
    let [Some(left), Some(operator), Some(right)] = words else { return Status::Unknown };
    let (operator, later) = match operator.strip_suffix("-nl") {
        Some(operator) => (operator, true),
        None => (operator.as_str(), false),
    };
    let order = match (left.is_empty(), right.is_empty()) {
        (true, true) => std::cmp::Ordering::Equal,
        (true, false) => 0.cmp(&1),
        (false, true) => 1.cmp(&0),
        (false, false) => match (left.parse::<DebianVersion>(), right.parse::<DebianVersion>()) {
            (Ok(left), Ok(right)) => left.cmp(&right),
            _ => return Status::Unknown,
        },
    };
    let order = if later && left.is_empty() != right.is_empty() { order.reverse() } else { order };
    Status::from(match operator {
        "lt" | "<<" => order.is_lt(),
        "le" | "<=" | "<" => order.is_le(),
        "eq" | "=" => order.is_eq(),
        "ne" => order.is_ne(),
        "ge" | ">=" | ">" => order.is_ge(),
        "gt" | ">>" => order.is_gt(),
        _ => return Status::Unknown,
    })
}

/// Whether `text` is what `pattern` describes (POSIX.1-2017, Shell Command Language, section 2.13). Brackets are
/// unknown.
pub(super) fn matches(pattern: &str, text: &str) -> Status {
    if pattern.contains('[') {
        return Status::Unknown;
    }
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut here) = (0, 0);
    // Where the last `*` is, and up to where it has been taken to reach.
    let mut star = None;
    while here < text.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, here));
                at += 1;
            }
            Some(character) if *character == '?' || *character == text[here] => {
                at += 1;
                here += 1;
            }
            _ => match star {
                None => return Status::Failure,
                Some((index, reached)) => {
                    star = Some((index, reached + 1));
                    (at, here) = (index + 1, reached + 1);
                }
            },
        }
    }
    Status::from(pattern[at..].iter().all(|character| *character == '*'))
}

/// `grep` with these arguments over `lines`.
pub(super) fn grep(arguments: &[Option<String>], lines: &[String]) -> Status {
    if lines.is_empty() {
        return Status::Failure;
    }
    let mut fixed = false;
    let mut patterns = Vec::new();
    for argument in arguments {
        match argument.as_deref() {
            None => return Status::Unknown,
            Some("-F" | "-qF" | "-Fq" | "-qxF" | "--fixed-strings") => fixed = true,
            Some("-q" | "-s" | "-E" | "-qs" | "-e" | "--quiet" | "-qe") => {}
            Some(option) if option.starts_with('-') => return Status::Unknown,
            Some(pattern) => patterns.push(pattern),
        }
    }
    let [pattern] = patterns[..] else { return Status::Unknown };
    if fixed {
        return Status::from(lines.iter().any(|line| line.contains(pattern)));
    }
    if pattern.contains(['[', ']', '*', '\\', '+', '?', '(', ')', '|', '{', '}', '^', '$']) {
        return Status::Unknown;
    }
    // Only dots are special: each is any character.
    let pattern = format!("*{}*", pattern.replace('.', "?"));
    lines.iter().map(|line| matches(&pattern, line)).fold(Status::Failure, |all, one| !(!all).and(|| !one))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<Option<String>> {
        let word = |word: &str| match word {
            "?" => None,
            "''" => Some(String::new()),
            word => Some(word.to_owned()),
        };
        text.split_whitespace().map(word).collect()
    }

    #[test]
    fn conditions_are_true_false_or_unknown() {
        for (condition, expected) in [
            ("install = install", Status::Success),
            ("install != install", Status::Failure),
            ("install = upgrade -o install = install", Status::Success),
            ("a = a -a b = c", Status::Failure),
            ("a = a -a ? = c", Status::Unknown),
            ("b = a -a ? = c", Status::Failure),
            ("a = a -o ? = c", Status::Success),
            ("! a = a", Status::Failure),
            ("-n ''", Status::Failure),
            ("-z ''", Status::Success),
            ("-e /x", Status::Unknown),
            ("! -e /x", Status::Unknown),
            ("a", Status::Success),
            ("''", Status::Failure),
            ("1 -gt 0", Status::Success),
            ("-o = -o", Status::Success),
        ] {
            assert_eq!(test(&words(condition)), expected, "{condition}");
        }
    }

    #[test]
    fn no_version_is_the_earliest_unless_it_is_the_latest() {
        for (comparison, expected) in [
            ("'' lt 1", Status::Success),
            ("'' lt-nl 1", Status::Failure),
            ("'' ge-nl 1", Status::Success),
            ("'' gt 1", Status::Failure),
            ("1.2 le 1.10", Status::Success),
            ("? lt 1", Status::Unknown),
        ] {
            assert_eq!(compare_versions(&words(comparison)), expected, "{comparison}");
        }
    }

    #[test]
    fn patterns_are_followed() {
        for (pattern, text, expected) in [
            ("install", "install", true),
            ("i*l", "install", true),
            ("*a*l*", "install", true),
            ("i?stall", "install", true),
            ("*x", "install", false),
            ("", "", true),
            ("*", "", true),
        ] {
            assert_eq!(matches(pattern, text), Status::from(expected), "{pattern}");
        }
    }

    #[test]
    fn lines_are_searched() {
        let lines = ["diversion of /usr/bin/a to /usr/bin/a.b by x".to_owned()];
        assert_eq!(grep(&words("-q diversion"), &lines), Status::Success);
        assert_eq!(grep(&words("-q -F a.b"), &lines), Status::Success);
        assert_eq!(grep(&words("-q a.c"), &lines), Status::Failure);
        assert_eq!(grep(&words("^x"), &lines), Status::Unknown);
        assert_eq!(grep(&words("^x"), &[]), Status::Failure);
    }
}
