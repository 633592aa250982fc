use std::fmt;
use std::str::FromStr;

use invar_tree::Machine;
use pep440_rs::Version;

use crate::marker::MarkerEnvironment;

/// What the image runs on: the only environment that markers and tags are evaluated for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The version of CPython in the image, to the last digit.
    pub python: PythonVersion,
    /// The image's machine.
    pub machine: Machine,
    /// The image's glibc, such as `(2, 41)`.
    pub glibc: (u32, u32),
}

/// The full version of a Python, such as `3.13.5`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PythonVersion {
    version: Version,
    major: u32,
    minor: u32,
}

/// A text that is not the full version of a Python.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a full Python version: expected three numbers, for example 3.13.5")]
pub struct PythonVersionError {
    /// The text as given.
    pub text: String,
}

impl PythonVersion {
    /// The major and minor version.
    pub fn series(&self) -> (u32, u32) {
        (self.major, self.minor)
    }

    /// The version as PEP 440 compares it.
    pub fn version(&self) -> &Version {
        &self.version
    }
}

impl FromStr for PythonVersion {
    type Err = PythonVersionError;

    fn from_str(text: &str) -> Result<Self, PythonVersionError> {
        let error = || PythonVersionError { text: text.to_owned() };
        let version: Version = text.parse().map_err(|_| error())?;
        let &[major, minor, _] = version.release() else { return Err(error()) };
        let (Ok(major), Ok(minor)) = (u32::try_from(major), u32::try_from(minor)) else {
            return Err(error());
        };
        // Tags are created for each minor version down to 0: a larger number could only be a mistake.
        if version.epoch() != 0 || version.is_local() || minor > 99 {
            return Err(error());
        }
        Ok(Self { version, major, minor })
    }
}

impl fmt::Display for PythonVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.version, f)
    }
}

impl Target {
    /// The environment that markers see. The release and version of the kernel are the host's, so they are empty.
    pub fn marker_environment(&self) -> MarkerEnvironment {
        MarkerEnvironment {
            os_name: "posix".to_owned(),
            sys_platform: "linux".to_owned(),
            platform_system: "Linux".to_owned(),
            platform_machine: self.machine.as_str().to_owned(),
            platform_release: String::new(),
            platform_version: String::new(),
            platform_python_implementation: "CPython".to_owned(),
            implementation_name: "cpython".to_owned(),
            python: self.python.version.clone(),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (major, minor) = self.glibc;
        write!(f, "CPython {} on {} with glibc {major}.{minor}", self.python, self.machine)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_python_version_is_full() {
        assert_eq!("3.13.5".parse::<PythonVersion>().unwrap().series(), (3, 13));
        assert_eq!("3.14.0rc1".parse::<PythonVersion>().unwrap().to_string(), "3.14.0rc1");
        for text in ["3.13", "3", "3.13.5.1", "", "3.x.1", "1!3.13.5", "3.13.5+deb", "3.999.0"] {
            assert!(text.parse::<PythonVersion>().is_err(), "{text}");
        }
    }
}
