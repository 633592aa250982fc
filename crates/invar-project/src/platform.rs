use std::fmt;
use std::str::FromStr;

use invar_debian::Architecture;
use invar_tree::Machine;

use crate::ValueError;

/// What an image runs on: an operating system and a processor, in OCI's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Platform {
    /// `linux/amd64`.
    LinuxAmd64,
    /// `linux/arm64`.
    LinuxArm64,
}

impl Platform {
    /// All platforms that Invar builds for, in the order of their names.
    pub const ALL: [Self; 2] = [Self::LinuxAmd64, Self::LinuxArm64];

    /// The name, as OCI and Docker write it: `linux/amd64`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LinuxAmd64 => "linux/amd64",
            Self::LinuxArm64 => "linux/arm64",
        }
    }

    /// The operating system's name in an OCI image configuration.
    pub const fn os(self) -> &'static str {
        "linux"
    }

    /// The processor's name in an OCI image configuration; Go's and Debian's names are the same for these.
    pub const fn architecture(self) -> &'static str {
        self.machine().architecture()
    }

    /// The processor.
    pub const fn machine(self) -> Machine {
        match self {
            Self::LinuxAmd64 => Machine::X86_64,
            Self::LinuxArm64 => Machine::Aarch64,
        }
    }

    /// The Debian architecture whose packages run on this platform.
    pub fn debian_architecture(self) -> Architecture {
        self.architecture().parse().expect("every platform's architecture is a Debian name")
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Platform {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        Self::ALL
            .into_iter()
            .find(|platform| platform.as_str() == text)
            .ok_or_else(|| ValueError::Platform { text: text.to_owned() })
    }
}

impl schemars::JsonSchema for Platform {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Platform".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "What an image runs on.",
            "enum": Self::ALL.map(Self::as_str),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for platform in Platform::ALL {
            assert_eq!(platform.to_string().parse(), Ok(platform));
            assert_eq!(platform.to_string(), format!("{}/{}", platform.os(), platform.debian_architecture()));
        }
        assert!(Platform::ALL.is_sorted_by_key(|platform| platform.as_str()));
        let error = "linux/arm64/v8".parse::<Platform>().unwrap_err();
        assert_eq!(error.help().unwrap(), "write \"linux/arm64\"");
    }
}
