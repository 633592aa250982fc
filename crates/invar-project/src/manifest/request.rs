use std::fmt;
use std::str::FromStr;

use invar_debian::{DebianVersion, PackageName};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::ValueError;

/// A Debian package that the author asks for: `name`, or `name=version` with the exact version.
#[derive(Debug, Clone)]
pub struct PackageRequest {
    /// The binary package.
    pub name: PackageName,
    /// The version it must have.
    pub version: Option<DebianVersion>,
}

impl PackageRequest {
    /// The version's text counts, not its place in Debian's order, in which `1.0` and `1.00` are the same.
    fn key(&self) -> (&PackageName, Option<&str>) {
        (&self.name, self.version.as_ref().map(DebianVersion::as_str))
    }
}

impl PartialEq for PackageRequest {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for PackageRequest {}

impl PartialOrd for PackageRequest {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for PackageRequest {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

impl fmt::Display for PackageRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.version {
            Some(version) => write!(f, "{}={version}", self.name),
            None => write!(f, "{}", self.name),
        }
    }
}

impl FromStr for PackageRequest {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let operators = text.contains(['<', '>', '*', '?', '(', ')', ' ', '\t']);
        if operators || text.contains("==") || text.contains("~=") {
            return Err(ValueError::Request { text: text.to_owned() });
        }
        let (name, version) = match text.split_once('=') {
            Some((name, version)) => (name, Some(version)),
            None => (text, None),
        };
        if let Some((before, after)) = name.split_once(':')
            && before.parse::<PackageName>().is_ok()
            && after.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        {
            return Err(ValueError::RequestArchitecture { text: text.to_owned() });
        }
        let version = version.map(str::parse).transpose()?;
        Ok(Self { name: name.parse()?, version })
    }
}

impl JsonSchema for PackageRequest {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "PackageRequest".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A Debian package: `name`, or `name=version` with an exact version.",
            "pattern": "^[a-z0-9][a-z0-9+.-]+(=[A-Za-z0-9.+~:-]+)?$",
            "examples": ["libpq5", "tini=0.19.0-3+b4"],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_names_with_perhaps_a_version() {
        for good in ["libpq5", "g++", "tini=0.19.0-3+b4", "fortune-mod=1:1.99.1-9", "x2=1.0~rc1"] {
            assert_eq!(good.parse::<PackageRequest>().unwrap().to_string(), good);
        }
        let check = |text: &str, expected: fn(&ValueError) -> bool| {
            let error = text.parse::<PackageRequest>().unwrap_err();
            assert!(expected(&error), "{text:?}: {error:?}");
        };
        check("libpq5:arm64", |error| matches!(error, ValueError::RequestArchitecture { .. }));
        check("libpq5:any=1", |error| matches!(error, ValueError::RequestArchitecture { .. }));
        for range in ["libpq*", "libpq5>=17", "libpq5 (>= 17)", "libpq5==17", "libpq5~=17", "libpq5=17*"] {
            check(range, |error| matches!(error, ValueError::Request { .. }));
        }
        check("libpq5=", |error| matches!(error, ValueError::Version(_)));
        check("LibPQ5", |error| matches!(error, ValueError::Package(_)));
        check("", |error| matches!(error, ValueError::Package(_)));
    }
}
