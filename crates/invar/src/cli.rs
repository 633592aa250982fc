//! The command line's definitions: help, reference and completions all come from here.
use std::path::PathBuf;
use std::sync::LazyLock;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
#[cfg(feature = "inspect")]
use invar_verify::Perturbation;
use serde::{Deserialize, Serialize};

use crate::color::{self, ColorChoice};

/// Build byte-for-byte reproducible container images from uv projects and Debian packages
#[derive(Debug, Parser)]
#[command(
    name = "invar",
    version = VERSION.as_str(),
    propagate_version = true,
    disable_help_flag = true,
    disable_version_flag = true,
    max_term_width = 100,
    styles = color::HELP,
    after_help = AFTER_HELP
)]
pub struct Cli {
    /// The command to run
    #[command(subcommand)]
    pub command: Command,

    /// Options of every command
    #[command(flatten)]
    pub global: Global,
}

/// The release, and which bytes its images have.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    format!("{} (format version {})", env!("CARGO_PKG_VERSION"), invar_tree::FORMAT_VERSION)
});

const AFTER_HELP: &str = "\
Exit codes:
    0  success
    1  the build failed
    2  the command line or a project file is invalid
    3  the locks are missing or out of date
    4  a download failed
    5  a digest or signature does not match
    6  the store or the disk failed
    7  `verify` or `diff` found a difference
    8  `verify --strict` could not run every variation
    9  `audit` reported findings
  130  interrupted
`run` and `shell` exit with the code of the program they ran, or with 128 plus the number of the signal that killed it.";

/// Options of every command.
#[derive(Debug, Clone, Default, Args, Serialize, Deserialize)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Find the project in this directory or above it, instead of the current directory
    #[arg(id = "project-directory", long = "project", global = true, value_name = "DIRECTORY")]
    pub project: Option<PathBuf>,

    /// Change to this directory first; all relative paths start there
    #[arg(long, global = true, value_name = "DIRECTORY")]
    pub directory: Option<PathBuf>,

    /// Keep downloads, unpacked packages and layers in this directory [default: invar in the user cache directory]
    #[arg(long, global = true, env = "INVAR_STORE", hide_env_values = true, value_name = "DIRECTORY")]
    pub store: Option<PathBuf>,

    /// Do not access the network; use only what is in the store
    #[arg(long, global = true, env = "INVAR_OFFLINE", hide_env_values = true, value_parser = clap::builder::BoolishValueParser::new())]
    pub offline: bool,

    /// Only print the result and errors
    #[arg(long, short, global = true)]
    pub quiet: bool,

    /// Print all output of builds and steps
    #[arg(long, global = true, conflicts_with = "quiet")]
    pub verbose: bool,

    /// Print the result as JSON, and progress as JSON lines on standard error
    #[arg(long, global = true)]
    pub json: bool,

    /// Color the output [default: auto, which is for terminals and follows NO_COLOR, CLICOLOR and FORCE_COLOR]
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "WHEN",
        default_value_t,
        hide_default_value = true,
        hide_possible_values = false
    )]
    pub color: ColorChoice,

    /// Use this Debian mirror instead of the default one
    #[arg(long, global = true, env = "INVAR_DEBIAN_MIRROR", hide_env_values = true, value_name = "URL")]
    pub debian_mirror: Option<String>,

    /// Use this Debian security mirror instead of the default one
    #[arg(
        long,
        global = true,
        env = "INVAR_DEBIAN_SECURITY_MIRROR",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub debian_security_mirror: Option<String>,

    /// Try this Python package index before the URLs in uv.lock
    #[arg(long, global = true, env = "INVAR_PYTHON_INDEX", hide_env_values = true, value_name = "URL")]
    pub python_index: Option<String>,

    /// Fall back to this snapshot service for files that a mirror no longer has
    #[arg(long, global = true, env = "INVAR_SNAPSHOT", hide_env_values = true, value_name = "URL")]
    pub snapshot: Option<String>,

    /// Unpack at most this many packages at once; does not affect the result [default: number of CPUs]
    #[arg(long, global = true, env = "INVAR_JOBS", hide_env_values = true, value_name = "NUMBER")]
    pub jobs: Option<std::num::NonZeroUsize>,

    /// Limit the memory of each build, for example 4GiB [default: three quarters of this machine's memory]
    #[arg(long, global = true, env = "INVAR_BUILD_MEMORY", hide_env_values = true, value_name = "SIZE", value_parser = size)]
    pub build_memory: Option<u64>,

    /// Limit the disk space of each build [default: 16GiB]
    #[arg(long, global = true, env = "INVAR_BUILD_DISK", hide_env_values = true, value_name = "SIZE", value_parser = size)]
    pub build_disk: Option<u64>,

    /// Print help
    #[serde(skip)]
    #[arg(long, short, global = true, action = ArgAction::Help)]
    pub help: Option<bool>,

    /// Print the version
    #[serde(skip)]
    #[arg(long, short = 'V', global = true, action = ArgAction::Version)]
    pub version: Option<bool>,

    /// What the user's configuration says that a manifest outweighs.
    #[arg(skip)]
    pub weaker: Weaker,
}

/// Settings of the user's configuration that count only where the command line, the environment and the manifest have
/// none: where this machine's downloads come from is the user's business, unless a project knows better.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Weaker {
    /// As in [`Global`].
    pub debian_mirror: Option<String>,
    /// As in [`Global`].
    pub debian_security_mirror: Option<String>,
    /// As in [`Global`].
    pub python_index: Option<String>,
}

/// A number of bytes: `4GiB`, `512MiB`.
fn size(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, u32); 4] = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];
    let read = || {
        let (number, shift) =
            UNITS.iter().find_map(|(unit, shift)| Some((text.strip_suffix(unit)?, *shift)))?;
        let number: u64 = number.trim_end().parse().ok().filter(|number| *number > 0)?;
        number.checked_mul(1 << shift)
    };
    read().ok_or_else(|| "expected a number with KiB, MiB, GiB or TiB, for example 4GiB".to_owned())
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create the manifest of a project
    #[cfg(feature = "inspect")]
    Init(Init),
    /// Find what makes a build non-reproducible, in Dockerfiles, compose files, flakes and images
    #[cfg(feature = "inspect")]
    Audit(Audit),
    /// Lock the Debian packages (updates invar.lock)
    Lock(Lock),
    /// Build the image
    Build(Build),
    /// Run the image's command on this machine, without a daemon
    Run(Run),
    /// Open a shell with the image's packages, the development groups and the project's files
    Shell(Shell),
    /// Print shell code that puts the project's tools on PATH, for `eval`, direnv and editors
    Env(Env),
    /// Rebuild under varied conditions and compare the digests
    #[cfg(feature = "inspect")]
    Verify(Verify),
    /// Compare two images, root file systems, locks, projects or git revisions
    #[cfg(feature = "inspect")]
    Diff(Diff),
    /// Explain why a file or package is in an image
    #[cfg(feature = "inspect")]
    Why(Why),
    /// Show what takes up space in an image
    #[cfg(feature = "inspect")]
    Inspect(Inspect),
}

/// What replaces the manifest of a project without one.
#[derive(Debug, Clone, Default, Args)]
pub struct Derive {
    /// Derive the manifest from this Dockerfile or flake output instead of reading one
    #[cfg(feature = "inspect")]
    #[arg(long, value_name = "FILE[#NAME]")]
    pub from: Option<PathBuf>,

    /// Use this stage of the Dockerfile [default: the last]
    #[cfg(feature = "inspect")]
    #[arg(long, value_name = "STAGE", requires = "from")]
    pub target: Option<String>,
}

impl Derive {
    /// What a command line selects that has no options for it: the project's own manifest, or an output of its flake.
    #[cfg(feature = "inspect")]
    pub const NOTHING: Self = Self { from: None, target: None };
}

/// What replaces the manifest, and whether to print it.
#[derive(Debug, Clone, Default, Args)]
pub struct DeriveOrShow {
    /// What replaces the manifest.
    #[command(flatten)]
    pub derive: Derive,

    /// Print the derived manifest, with comments, and exit
    #[cfg(feature = "inspect")]
    #[arg(long)]
    pub show_manifest: bool,
}

/// What becomes of locks that are missing or out of date; without an option, they are updated.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct Locking {
    /// Fail if uv.lock or invar.lock is missing or out of date, instead of updating it
    #[arg(long)]
    pub locked: bool,

    /// Use invar.lock as it is, without checking that it is up to date
    #[arg(long, conflicts_with = "locked")]
    pub frozen: bool,
}

impl Locking {
    /// Locks have to be up to date.
    #[cfg(feature = "inspect")]
    pub const LOCKED: Self = Self { locked: true, frozen: false };
}

/// Options of `invar init`.
#[cfg(feature = "inspect")]
#[derive(Debug, Args)]
pub struct Init {
    /// The project directory
    #[arg(default_value = ".")]
    pub project: PathBuf,

    /// Convert this Dockerfile, flake, or output of a flake
    #[arg(long, value_name = "FILE[#NAME]")]
    pub from: Option<PathBuf>,

    /// Convert this stage of the Dockerfile [default: the last]
    #[arg(long, value_name = "STAGE", requires = "from")]
    pub target: Option<String>,

    /// Update an existing manifest: set what is derived, and keep everything else
    #[arg(long)]
    pub force: bool,

    /// Print the manifest instead of writing it
    #[arg(long)]
    pub print: bool,
}

/// Options of `invar lock`.
#[derive(Debug, Args)]
pub struct Lock {
    /// The project directory; `DIRECTORY#NAME` selects the additional image NAME, or, without a manifest, the flake
    /// output NAME
    #[arg(default_value = ".")]
    pub project: PathBuf,

    /// What replaces the manifest.
    #[command(flatten)]
    pub derive: Derive,

    /// Fail if packages that only `invar shell` needs cannot be locked, instead of skipping them
    #[arg(long)]
    pub shell: bool,

    /// Upgrade these packages, or all packages if none are given, and print the changes
    #[arg(long, value_name = "PACKAGE", num_args = 0.., value_delimiter = ',')]
    pub update: Option<Vec<String>>,

    /// Check that invar.lock is up to date, without changing it
    #[arg(long, conflicts_with = "update")]
    pub check: bool,

    /// Trust the OpenPGP keys in this file instead of the Debian archive keys
    #[arg(long, value_name = "FILE")]
    pub keyring: Option<PathBuf>,
}

/// Options of `invar build`.
#[derive(Debug, Args)]
pub struct Build {
    /// The project directory; `DIRECTORY#NAME` selects the additional image NAME, or, without a manifest, the flake
    /// output NAME
    #[arg(default_value = ".")]
    pub project: PathBuf,

    /// What replaces the manifest.
    #[command(flatten)]
    pub derive: DeriveOrShow,

    /// Write the result to this path; `-` is standard output [default: dist/NAME-VERSION.tar in the project]
    #[arg(long, short, value_name = "PATH")]
    pub output: Option<PathBuf>,

    /// The format to write
    #[arg(long, value_enum, default_value_t = Format::Archive)]
    pub format: Format,

    /// Build for these platforms instead of the manifest's
    #[arg(long, value_name = "OS/ARCHITECTURE")]
    pub platform: Vec<String>,

    /// What becomes of locks that are out of date.
    #[command(flatten)]
    pub locking: Locking,

    /// Keep the files of a failed build and print their location
    #[arg(long)]
    pub keep_failed: bool,

    /// Trust the OpenPGP keys in this file instead of the Debian archive keys, if invar.lock has to be updated
    #[arg(long, value_name = "FILE")]
    pub keyring: Option<PathBuf>,
}

/// Options of `invar run`.
#[derive(Debug, Args)]
pub struct Run {
    /// The project directory; `DIRECTORY#NAME` selects the additional image NAME, or, without a manifest, the flake
    /// output NAME
    #[arg(default_value = ".")]
    pub project: PathBuf,

    /// What replaces the manifest.
    #[command(flatten)]
    pub derive: DeriveOrShow,

    /// Arguments that replace the image's command, or follow its entrypoint
    #[arg(last = true, value_name = "ARGUMENT")]
    pub arguments: Vec<String>,

    /// Run this program instead of the image's entrypoint
    #[arg(long, value_name = "PROGRAM")]
    pub entrypoint: Option<String>,

    /// Set an environment variable; without a value, pass on this machine's
    #[arg(long, short, value_name = "NAME[=VALUE]")]
    pub env: Vec<String>,

    /// Mount a directory or file of this machine
    #[arg(long, short, value_name = "SOURCE:TARGET[:ro]")]
    pub volume: Vec<String>,

    /// Start in this directory
    #[arg(long, short, value_name = "DIRECTORY")]
    pub workdir: Option<String>,

    /// Run as this user, by name or number
    #[arg(long, short, value_name = "USER[:GROUP]")]
    pub user: Option<String>,

    /// What becomes of locks that are out of date.
    #[command(flatten)]
    pub locking: Locking,

    /// Keep the files of a failed build and print their location
    #[arg(long)]
    pub keep_failed: bool,
}

/// Options of `invar shell`.
#[derive(Debug, Args)]
pub struct Shell {
    /// The project directory; without a manifest, `DIRECTORY#NAME` selects the flake output NAME
    #[arg(default_value = ".")]
    pub project: PathBuf,

    /// What replaces the manifest.
    #[command(flatten)]
    pub derive: DeriveOrShow,

    /// Run this command instead of an interactive shell
    #[arg(long, short, value_name = "COMMAND", conflicts_with = "arguments")]
    pub command: Option<String>,

    /// Pass on this machine's environment, except variables that describe the machine, such as PATH and HOME
    #[arg(long)]
    pub keep_env: bool,

    /// Run this program with these arguments instead of a shell
    #[arg(last = true, value_name = "ARGUMENT")]
    pub arguments: Vec<String>,

    /// Set an environment variable; without a value, pass on this machine's
    #[arg(long, short, value_name = "NAME[=VALUE]")]
    pub env: Vec<String>,

    /// Mount a directory or file of this machine
    #[arg(long, short, value_name = "SOURCE:TARGET[:ro]")]
    pub volume: Vec<String>,

    /// What becomes of locks that are out of date.
    #[command(flatten)]
    pub locking: Locking,

    /// Keep the files of a failed build and print their location
    #[arg(long)]
    pub keep_failed: bool,
}

/// Options of `invar env`.
#[derive(Debug, Args)]
pub struct Env {
    /// The project directory; without a manifest, `DIRECTORY#NAME` selects the flake output NAME
    #[arg(default_value = ".")]
    pub project: PathBuf,

    /// What replaces the manifest.
    #[command(flatten)]
    pub derive: Derive,

    /// What becomes of locks that are out of date.
    #[command(flatten)]
    pub locking: Locking,
}

/// Options of `invar verify`.
#[cfg(feature = "inspect")]
#[derive(Debug, Args)]
pub struct Verify {
    /// The project directory; `DIRECTORY#NAME` selects the additional image NAME, or, without a manifest, the flake
    /// output NAME
    #[arg(default_value = ".")]
    pub project: PathBuf,

    /// What replaces the manifest.
    #[command(flatten)]
    pub derive: Derive,

    /// Run only these variations; `--list` prints their names
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub only: Vec<Perturbation>,

    /// Run all variations except these
    #[arg(long, value_name = "NAME", value_delimiter = ',', conflicts_with = "only")]
    pub skip: Vec<Perturbation>,

    /// Rebuild once for each variation, instead of once for all and more only if that differs
    #[arg(long)]
    pub each: bool,

    /// Fail if a variation could not be run on this machine
    #[arg(long)]
    pub strict: bool,

    /// List the variations and exit
    #[arg(long)]
    pub list: bool,

    /// Rerun the given steps and source builds, or all of them, and compare with the results in the store
    #[arg(long, value_name = "STEP-OR-PACKAGE", num_args = 0.., require_equals = true, value_delimiter = ',', conflicts_with = "each")]
    pub cache_check: Option<Vec<String>>,

    /// Compare these platforms instead of the manifest's
    #[arg(long, value_name = "OS/ARCHITECTURE")]
    pub platform: Vec<String>,

    /// What becomes of locks that are out of date.
    #[command(flatten)]
    pub locking: Locking,
}

/// Options of `invar diff`.
#[cfg(feature = "inspect")]
#[derive(Debug, Args)]
pub struct Diff {
    /// An archive, an OCI layout, a root file system, a lock, a project directory, or a git revision of the current
    /// project, also as `REVISION:PATH`
    #[arg(value_name = "A")]
    pub old: String,

    /// The other side of the comparison
    #[arg(value_name = "B")]
    pub new: String,

    /// Compare only the images for this platform
    #[arg(long, value_name = "OS/ARCHITECTURE")]
    pub platform: Option<String>,

    /// Read all layers, even those with the same digest in both images, and check every digest
    #[arg(long)]
    pub all_layers: bool,

    /// Also write the result as an HTML page; reads all layers
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// Options of `invar why`.
#[cfg(feature = "inspect")]
#[derive(Debug, Args)]
pub struct Why {
    /// The absolute path of a file in the image, or the name of a package
    #[arg(value_name = "PATH|PACKAGE")]
    pub what: String,

    /// The project directory; `DIRECTORY#NAME` selects the additional image NAME, or, without a manifest, the flake
    /// output NAME
    #[arg(default_value = ".", conflicts_with = "image")]
    pub project: PathBuf,

    /// What replaces the manifest.
    #[command(flatten)]
    pub derive: Derive,

    /// What becomes of locks that are out of date.
    #[command(flatten)]
    pub locking: Locking,

    /// Read this image instead of a project
    #[arg(long, value_name = "FILE")]
    pub image: Option<PathBuf>,

    /// The platform, if there are several
    #[arg(long, value_name = "OS/ARCHITECTURE")]
    pub platform: Option<String>,
}

/// Options of `invar inspect`.
#[cfg(feature = "inspect")]
#[derive(Debug, Args)]
pub struct Inspect {
    /// An archive, an OCI layout, a root file system, or a project directory
    #[arg(default_value = ".", value_name = "IMAGE|PROJECT")]
    pub image: PathBuf,

    /// The platform, if there are several
    #[arg(long, value_name = "OS/ARCHITECTURE")]
    pub platform: Option<String>,

    /// What becomes of a project's locks that are out of date.
    #[command(flatten)]
    pub locking: Locking,

    /// Show at most this many entries of each kind
    #[arg(long, value_name = "NUMBER", default_value_t = 15)]
    pub top: usize,

    /// Also write the result as an HTML page
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// Options of `invar audit`.
#[cfg(feature = "inspect")]
#[derive(Debug, Args)]
pub struct Audit {
    /// Dockerfiles, compose files, flakes, image archives or layouts, or directories that contain them; `-` reads a
    /// Dockerfile from standard input
    #[arg(value_name = "PATH", default_value = ".")]
    pub paths: Vec<PathBuf>,

    /// The build context [default: the nearest parent directory of the Dockerfile that contains what it copies]
    #[arg(long, value_name = "DIRECTORY")]
    pub context: Option<PathBuf>,

    /// Set the value of an ARG
    #[arg(long, value_name = "NAME=VALUE")]
    pub build_arg: Vec<String>,

    /// Print the findings as SARIF 2.1.0
    #[arg(long, conflicts_with = "json")]
    pub sarif: bool,

    /// Exit with code 9 for findings of this level or above
    #[arg(long, value_enum, default_value_t = FailOn::Warning, value_name = "LEVEL")]
    pub fail_on: FailOn,
}

/// When `invar audit` fails.
#[cfg(feature = "inspect")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Takes the newest version of something
    Error,
    /// Also what is still held back by something
    Warning,
    /// Anything
    Note,
    /// Nothing
    Never,
}

/// What `invar build` writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// An archive that is both an OCI image layout and a Docker archive
    Archive,
    /// An OCI image layout in a directory
    OciDir,
    /// The root file system as a tar archive
    Rootfs,
    /// The root file system in a directory
    RootfsDir,
}

#[cfg(test)]
mod tests;
