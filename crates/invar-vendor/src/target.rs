use invar_tree::Machine;

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
