//! What a container is started with: environment, user, ports, signals, times.
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use invar_tree::{ImagePath, PathError};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::ValueError;
use crate::text::text_value;
use crate::value::PathFault;

/// The name of an environment variable: letters, digits, `_`, `.` and `-`, the first not a digit.
///
/// POSIX (Base Definitions, section 8.1) names only upper-case letters, digits and `_`; the others occur in practice.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EnvironmentName(Arc<str>);

text_value!(
    EnvironmentName,
    pattern: "^[A-Za-z_.-][A-Za-z0-9_.-]*$",
    description: "The name of an environment variable.",
    example: "PORT"
);

impl FromStr for EnvironmentName {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
        let good =
            !text.is_empty() && !text.starts_with(|c: char| c.is_ascii_digit()) && text.bytes().all(inner);
        if good { Ok(Self(text.into())) } else { Err(ValueError::EnvironmentName { text: text.to_owned() }) }
    }
}

/// The name of a label or annotation: 1 to 255 visible ASCII characters, by convention a reversed host name that the
/// author owns and a name (OCI image specification, annotations, "Rules").
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LabelName(Arc<str>);

text_value!(
    LabelName,
    pattern: "^[!-~]{1,255}$",
    description: "The name of a label or annotation.",
    example: "org.opencontainers.image.source"
);

impl FromStr for LabelName {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let good = (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if good { Ok(Self(text.into())) } else { Err(ValueError::LabelName { text: text.to_owned() }) }
    }
}

/// Whom a container runs as: a user, and perhaps a group; without one the user's own group counts
/// (OCI image specification, image configuration, `User`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct User {
    /// The user.
    pub user: Identity,
    /// The group.
    pub group: Option<Identity>,
}

/// A user or group, by number or by the name that `/etc/passwd` or `/etc/group` of the image has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Identity {
    /// The numeric ID.
    Id(u32),
    /// The name.
    Name(String),
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, "{id}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.user)?;
        match &self.group {
            Some(group) => write!(f, ":{group}"),
            None => Ok(()),
        }
    }
}

impl FromStr for User {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let error = || ValueError::User { text: text.to_owned() };
        let (user, group) = match text.split_once(':') {
            Some((user, group)) => (user, Some(group)),
            None => (text, None),
        };
        let user = identity(user).ok_or_else(error)?;
        let group = group.map(|group| identity(group).ok_or_else(error)).transpose()?;
        Ok(Self { user, group })
    }
}

fn identity(text: &str) -> Option<Identity> {
    if text.starts_with(|first: char| first.is_ascii_digit()) {
        let canonical = text == "0" || !text.starts_with('0');
        // The last ID means "unchanged" to chown(2) and similar, so nobody can have it.
        return text.parse().ok().filter(|&id| canonical && id != u32::MAX).map(Identity::Id);
    }
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    let good = (1..=32).contains(&text.len()) && !text.starts_with(['-', '.']) && text.bytes().all(inner);
    good.then(|| Identity::Name(text.to_owned()))
}

impl JsonSchema for User {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "User".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A user by name or number, optionally followed by `:` and a group by name or number.",
            "anyOf": [
                { "type": "integer", "minimum": 0, "maximum": u32::MAX - 1 },
                { "type": "string", "pattern": "^[A-Za-z0-9_][A-Za-z0-9_.-]*(:[A-Za-z0-9_][A-Za-z0-9_.-]*)?$" },
            ],
            "examples": ["app", 1000, "1000:1000"],
        })
    }
}

/// A port that the program listens on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Port {
    /// The number, not 0.
    pub number: u16,
    /// The protocol.
    pub protocol: Protocol,
}

/// The protocol of a [`Port`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = match self.protocol {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
            Protocol::Sctp => "sctp",
        };
        write!(f, "{}/{protocol}", self.number)
    }
}

impl FromStr for Port {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let error = || ValueError::Port { text: text.to_owned() };
        if text.contains(':') {
            return Err(ValueError::PublishedPort { text: text.to_owned() });
        }
        let (number, protocol) = match text.split_once('/') {
            None | Some((_, "tcp")) => (text.trim_end_matches("/tcp"), Protocol::Tcp),
            Some((number, "udp")) => (number, Protocol::Udp),
            Some((number, "sctp")) => (number, Protocol::Sctp),
            Some(_) => return Err(error()),
        };
        let plain = !number.starts_with('0') && number.bytes().all(|byte| byte.is_ascii_digit());
        let number = number.parse().ok().filter(|_| plain).ok_or_else(error)?;
        Ok(Self { number, protocol })
    }
}

impl JsonSchema for Port {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Port".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A port that the program listens on; TCP unless followed by `/udp` or `/sctp`.",
            "anyOf": [
                { "type": "integer", "minimum": 1, "maximum": u16::MAX },
                { "type": "string", "pattern": "^[1-9][0-9]{0,4}(/(tcp|udp|sctp))?$" },
            ],
            "examples": [8000, "8000/udp"],
        })
    }
}

/// A signal by its name, such as `SIGTERM` or `SIGRTMIN+3` (OCI image specification, `StopSignal`).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signal(Arc<str>);

impl Signal {
    /// The name, with `SIG`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl JsonSchema for Signal {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Signal".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A signal by name, with or without `SIG`, or by number.",
            "anyOf": [
                { "type": "integer", "minimum": 1, "maximum": SIGNALS.len() },
                { "type": "string", "pattern": "^((SIG)?[A-Z][A-Z0-9]*([+-][0-9]+)?|[1-9][0-9]?)$" },
            ],
            "examples": ["SIGTERM", "SIGRTMIN+3"],
        })
    }
}

/// The signals 1 to 31 of Linux on amd64 and arm64 (signal(7)).
const SIGNALS: [&str; 31] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE",
    "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ",
    "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
];

impl Signal {
    /// The signal with a number from 1 to 31.
    pub fn from_number(number: usize) -> Option<Self> {
        let name = SIGNALS.get(number.checked_sub(1)?)?;
        Some(Self(format!("SIG{name}").into()))
    }
}

impl FromStr for Signal {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let error = || ValueError::Signal { text: text.to_owned() };
        if text.starts_with(|first: char| first.is_ascii_digit()) {
            return text.parse().ok().and_then(Self::from_number).ok_or_else(error);
        }
        let name = text.strip_prefix("SIG").unwrap_or(text);
        // There are 31 real-time signals above the first, 34, which is SIGRTMIN to glibc: 30 steps either way.
        let steps = |steps: &str| {
            steps.len() <= 2
                && !steps.starts_with('0')
                && steps.bytes().all(|byte| byte.is_ascii_digit())
                && steps.parse().is_ok_and(|steps: u8| steps <= 30)
        };
        let real_time = matches!(name, "RTMIN" | "RTMAX")
            || name.strip_prefix("RTMIN+").is_some_and(steps)
            || name.strip_prefix("RTMAX-").is_some_and(steps);
        if SIGNALS.contains(&name) || real_time {
            Ok(Self(format!("SIG{name}").into()))
        } else {
            Err(error())
        }
    }
}

/// A span of time, at least a millisecond: `30s`, `1m30s`, `500ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interval(Duration);

/// The units, from the longest, with their milliseconds.
const UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

impl Interval {
    /// The span.
    pub const fn duration(self) -> Duration {
        self.0
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest =
            u64::try_from(self.0.as_millis()).expect("an interval is read from 64-bit milliseconds");
        for (unit, length) in UNITS {
            if rest >= length {
                write!(f, "{}{unit}", rest / length)?;
                rest %= length;
            }
        }
        Ok(())
    }
}

impl FromStr for Interval {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        // Docker counts nanoseconds in 63 bits.
        const MOST: u64 = i64::MAX.unsigned_abs() / 1_000_000;
        let milliseconds = milliseconds(text).filter(|sum| (1..=MOST).contains(sum));
        let milliseconds = milliseconds.ok_or_else(|| ValueError::Duration { text: text.to_owned() })?;
        Ok(Self(Duration::from_millis(milliseconds)))
    }
}

fn milliseconds(text: &str) -> Option<u64> {
    let mut units = UNITS.iter();
    let (mut rest, mut sum) = (text, 0u64);
    while !rest.is_empty() {
        let (digits, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?);
        let (unit, after) = after.split_at(after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len()));
        // Each unit is looked for after the one before, so they come in order and once.
        let (_, length) = units.find(|(name, _)| *name == unit)?;
        sum = sum.checked_add(digits.parse::<u64>().ok()?.checked_mul(*length)?)?;
        rest = after;
    }
    Some(sum)
}

impl JsonSchema for Interval {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Interval".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A duration in hours, minutes, seconds and milliseconds.",
            "pattern": "^([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$",
            "minLength": 2,
            "examples": ["30s", "1m30s", "500ms"],
        })
    }
}

/// Reads an absolute path below the image's root.
pub(super) fn image_path(text: &str) -> Result<ImagePath, ValueError> {
    let error = |fault| ValueError::Path { text: text.to_owned(), fault };
    let relative = text.strip_prefix('/').ok_or_else(|| error(PathFault::Relative))?;
    ImagePath::parse(relative.trim_start_matches('/')).map_err(|fault| {
        error(match fault {
            PathError::Empty => PathFault::Root,
            PathError::Climbs { .. } => PathFault::Climbs,
            PathError::Absolute { .. } | PathError::Unrepresentable { .. } | PathError::NotUtf8 { .. } => {
                PathFault::Unrepresentable
            }
        })
    })
}

/// The JSON Schema of an absolute path.
pub(super) fn absolute_path_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^/", "examples": ["/app"] })
}

/// The JSON Schema of a list of absolute paths.
pub(super) fn absolute_paths_schema(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": absolute_path_schema(generator), "uniqueItems": true })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn environment_names() {
        for good in ["PATH", "_", "a.b-c", "PORT1"] {
            assert_eq!(good.parse::<EnvironmentName>().unwrap().as_str(), good);
        }
        for bad in ["", "1A", "A=B", "A B", "É", "A\0"] {
            assert!(bad.parse::<EnvironmentName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn users_are_names_or_numbers() {
        for good in ["app", "0", "1000:1000", "app:42", "www-data", "_apt:nogroup"] {
            assert_eq!(good.parse::<User>().unwrap().to_string(), good);
        }
        for bad in ["", ":", "app:", ":app", "-x", "4294967295", "4294967296", "1x", "007", "a b", "a:b:c"] {
            assert!(bad.parse::<User>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn ports_have_a_protocol() {
        let check =
            |text: &str, expected: &str| assert_eq!(text.parse::<Port>().unwrap().to_string(), expected);
        check("8000", "8000/tcp");
        check("8000/tcp", "8000/tcp");
        check("53/udp", "53/udp");
        check("9/sctp", "9/sctp");
        for bad in ["", "0", "65536", "080", "80/", "80/tls", "/tcp", "80/tcp/tcp", "-1", "+1", "8000-8010"] {
            assert_eq!(bad.parse::<Port>(), Err(ValueError::Port { text: bad.to_owned() }));
        }
        let error = "8080:80".parse::<Port>().unwrap_err();
        assert!(error.help().unwrap().starts_with("write \"80\""));
    }

    #[test]
    fn signals_have_one_name() {
        let check =
            |text: &str, expected: &str| assert_eq!(text.parse::<Signal>().unwrap().as_str(), expected);
        check("SIGTERM", "SIGTERM");
        check("TERM", "SIGTERM");
        check("15", "SIGTERM");
        check("9", "SIGKILL");
        check("31", "SIGSYS");
        check("SIGRTMIN+3", "SIGRTMIN+3");
        for bad in [
            "",
            "SIG",
            "0",
            "32",
            "sigterm",
            "SIGFOO",
            "SIGRTMIN+31",
            "SIGRTMIN+03",
            "SIGRTMAX+1",
            "SIGRTMIN+",
        ] {
            assert!(bad.parse::<Signal>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn intervals_have_units() {
        let check = |text: &str, expected: Option<u64>| {
            let read = text.parse::<Interval>().ok().map(|interval| interval.duration().as_millis());
            assert_eq!(read, expected.map(u128::from), "{text:?}");
        };
        check("30s", Some(30_000));
        check("1m30s", Some(90_000));
        check("90s", Some(90_000));
        check("500ms", Some(500));
        check("1h1ms", Some(3_600_001));
        for bad in
            ["", "30", "s", "0s", "30s1m", "1s1s", "1.5s", "-1s", "30 s", "1d", "99999999999999999999h"]
        {
            check(bad, None);
        }
        assert_eq!("90s".parse::<Interval>().unwrap().to_string(), "1m30s");
        check("9223372036854ms", Some(9_223_372_036_854));
        check("9223372036855ms", None);
    }

    #[test]
    fn paths_are_absolute() {
        assert_eq!(image_path("/srv//app/").unwrap().as_str(), "srv/app");
        let check = |text: &str, expected: PathFault| {
            assert_eq!(image_path(text), Err(ValueError::Path { text: text.to_owned(), fault: expected }));
        };
        check("app", PathFault::Relative);
        check("", PathFault::Relative);
        check("/", PathFault::Root);
        check("//", PathFault::Root);
        check("/a/../..", PathFault::Climbs);
        check("/a\0", PathFault::Unrepresentable);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(milliseconds in 1u64..=9_223_372_036_854) {
            let interval = Interval(Duration::from_millis(milliseconds));
            prop_assert_eq!(interval.to_string().parse(), Ok(interval));
        }

        #[test]
        fn no_text_makes_a_parser_panic(text in "\\PC{0,12}|[0-9hms:/+-]{0,12}|SIG[A-Z0-9+-]{0,10}") {
            let _ = text.parse::<Interval>();
            let _ = text.parse::<User>();
            let _ = text.parse::<Port>();
            let _ = text.parse::<Signal>();
            let _ = image_path(&text);
        }
    }
}
