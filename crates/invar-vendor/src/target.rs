use std::fmt;
use std::str::FromStr;

/// A machine's architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Machine {
    /// 64-bit x86.
    X86_64,
    /// 64-bit Arm.
    Aarch64,
}

/// A name that is not a [`Machine`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is not a known machine: expected \"x86_64\" or \"aarch64\"")]
pub struct UnknownMachine {
    /// The name as given.
    pub name: String,
}

impl Machine {
    /// The name that the kernel gives (`uname -m`).
    pub const fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
        }
    }

    /// The name that npm's `cpu` fields use: Node's `process.arch`.
    pub const fn npm_cpu(self) -> &'static str {
        match self {
            Self::X86_64 => "x64",
            Self::Aarch64 => "arm64",
        }
    }
}

impl FromStr for Machine {
    type Err = UnknownMachine;

    fn from_str(name: &str) -> Result<Self, UnknownMachine> {
        match name {
            "x86_64" => Ok(Self::X86_64),
            "aarch64" => Ok(Self::Aarch64),
            _ => Err(UnknownMachine { name: name.to_owned() }),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where the step runs. The operating system is always Linux with glibc: images are Debian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// The architecture.
    pub machine: Machine,
}

impl Target {
    /// npm's name of the operating system: Node's `process.platform`.
    pub(crate) const NPM_OS: &'static str = "linux";
    /// npm's name of the C library.
    pub(crate) const NPM_LIBC: &'static str = "glibc";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_written_as_the_kernel_writes_it() {
        for machine in [Machine::X86_64, Machine::Aarch64] {
            assert_eq!(machine.to_string().parse(), Ok(machine));
        }
        assert!("amd64".parse::<Machine>().is_err());
    }
}
