//! The command line's definitions: help, reference and completions all come from here.
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
#[cfg(feature = "inspect")]
use invar_verify::Perturbation;
use serde::{Deserialize, Serialize};

/// Turn a Python project and the Debian packages it names into a container image that is the same to the last bit
/// on any machine, on any day
#[derive(Debug, Parser)]
#[command(name = "invar", version, max_term_width = 100, after_help = AFTER_HELP)]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    pub command: Command,

    /// Options that every command takes
    #[command(flatten)]
    pub global: Global,
}

const AFTER_HELP: &str = "\
Exit codes:
    0  done
    1  the work failed
    2  the command line or a file of the project is wrong
    3  the locks are missing or do not belong to the project
    4  a download failed
    5  what was downloaded is not what was expected
    6  the store or the disk failed
    7  `verify` or `diff` found a difference
    8  `verify --strict` could not try everything
    9  `audit` found something
  130  interrupted
`run` and `shell` end with the exit code of what they ran, or with 128 and the number of the signal that ended it.";

/// Options that every command takes.
#[derive(Debug, Clone, Default, Args, Serialize, Deserialize)]
pub struct Global {
    /// Where downloads, unpacked packages and layers are kept [default: invar in the user's cache folder]
    #[arg(long, global = true, env = "INVAR_STORE", hide_env_values = true, value_name = "DIRECTORY")]
    pub store: Option<PathBuf>,

    /// Never use the network: everything must be in the store
    #[arg(long, global = true, env = "INVAR_OFFLINE", hide_env_values = true, value_parser = clap::builder::BoolishValueParser::new())]
    pub offline: bool,

    /// Say nothing but the result and errors
    #[arg(long, short, global = true)]
    pub quiet: bool,

    /// Print the result as JSON, and events as JSON lines on standard error
    #[arg(long, global = true)]
    pub json: bool,

    /// Use the Debian mirror at this URL instead of apt's
    #[arg(long, global = true, env = "INVAR_DEBIAN_MIRROR", hide_env_values = true, value_name = "URL")]
    pub debian_mirror: Option<String>,

    /// Use the mirror of Debian's security archive at this URL instead of apt's
    #[arg(
        long,
        global = true,
        env = "INVAR_DEBIAN_SECURITY_MIRROR",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub debian_security_mirror: Option<String>,

    /// Look for wheels in the Python package index at this URL before asking where uv.lock says
    #[arg(long, global = true, env = "INVAR_PYTHON_INDEX", hide_env_values = true, value_name = "URL")]
    pub python_index: Option<String>,

    /// Use the snapshot service at this URL where a mirror no longer has a file
    #[arg(long, global = true, env = "INVAR_SNAPSHOT", hide_env_values = true, value_name = "URL")]
    pub snapshot: Option<String>,

    /// How many packages to unpack at once [default: one for each CPU]; never changes the result
    #[arg(long, global = true, env = "INVAR_JOBS", hide_env_values = true, value_name = "NUMBER")]
    pub jobs: Option<std::num::NonZeroUsize>,

    /// How much memory one build may use, such as 4GiB [default: three quarters of what this machine has]
    #[arg(long, global = true, env = "INVAR_BUILD_MEMORY", hide_env_values = true, value_name = "SIZE", value_parser = size)]
    pub build_memory: Option<u64>,

    /// How much disk one build may use [default: 16GiB]
    #[arg(long, global = true, env = "INVAR_BUILD_DISK", hide_env_values = true, value_name = "SIZE", value_parser = size)]
    pub build_disk: Option<u64>,
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
    read().ok_or_else(|| "expected a number and KiB, MiB, GiB or TiB, such as 4GiB".to_owned())
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write the first manifest of a project
    #[cfg(feature = "inspect")]
    Init(Init),
    /// List what can change the result of a build: of a Dockerfile, a compose file, a flake, or in an image
    #[cfg(feature = "inspect")]
    Audit(Audit),
    /// Choose Debian packages and write invar.lock
    Lock(Lock),
    /// Build the image that the locks name
    Build(Build),
    /// Run the image's command here, without any daemon
    Run(Run),
    /// Open a shell with the image's packages, the development groups, and the project's files
    Shell(Shell),
    /// Print what makes the shell's programs available here, for `eval`, direnv and editors
    Env(Env),
    /// Build again as if on other machines, and compare
    #[cfg(feature = "inspect")]
    Verify(Verify),
    /// Tell what changed between two images, root file systems, locks, projects or git revisions
    #[cfg(feature = "inspect")]
    Diff(Diff),
    /// Tell what brought a file or package into an image
    #[cfg(feature = "inspect")]
    Why(Why),
    /// Tell what an image's bytes are spent on
    #[cfg(feature = "inspect")]
    Inspect(Inspect),
}

/// What stands in for a manifest where the project has none.
#[derive(Debug, Clone, Default, Args)]
pub struct Derive {
    /// Take the manifest from this Dockerfile, or from this output of a flake, instead of writing one
    #[cfg(feature = "inspect")]
    #[arg(long, value_name = "FILE[#NAME]")]
    pub from: Option<PathBuf>,

    /// Take this stage of the Dockerfile [default: the last]
    #[cfg(feature = "inspect")]
    #[arg(long, value_name = "STAGE", requires = "from")]
    pub target: Option<String>,
}

impl Derive {
    /// What a command line names that has no options for it: the project's own manifest, or an output of its flake.
    #[cfg(feature = "inspect")]
    pub const NOTHING: Self = Self { from: None, target: None };
}

/// What stands in for a manifest, and whether to show it.
#[derive(Debug, Clone, Default, Args)]
pub struct DeriveOrShow {
    /// What it is.
    #[command(flatten)]
    pub derive: Derive,

    /// Print the manifest that is taken from there, with its comments, and stop
    #[cfg(feature = "inspect")]
    #[arg(long)]
    pub show_manifest: bool,
}

/// Options of `invar init`.
#[cfg(feature = "inspect")]
#[derive(Debug, Args)]
pub struct Init {
    /// The project's folder
    #[arg(default_value = ".")]
    pub project: PathBuf,

    /// Carry over what this Dockerfile says, or this flake or output of it
    #[arg(long, value_name = "FILE[#NAME]")]
    pub from: Option<PathBuf>,

    /// Carry over this stage of the Dockerfile [default: the last]
    #[arg(long, value_name = "STAGE", requires = "from")]
    pub target: Option<String>,

    /// Print the manifest instead of writing it
    #[arg(long)]
    pub print: bool,
}

/// Options of `invar lock`.
#[derive(Debug, Args)]
pub struct Lock {
    /// The project's folder; `FOLDER#NAME` is its further image NAME, or without a manifest the output NAME of its flake
    #[arg(default_value = ".")]
    pub project: PathBuf,

    /// What stands in for a manifest.
    #[command(flatten)]
    pub derive: Derive,

    /// Fail if what only `invar shell` needs cannot be locked, rather than leave it out
    #[arg(long)]
    pub shell: bool,

    /// Choose these packages anew, or all where none is named, and print what changed
    #[arg(long, value_name = "PACKAGE", num_args = 0.., value_delimiter = ',')]
    pub update: Option<Vec<String>>,

    /// Change nothing; fail if pyproject.toml, uv.lock and invar.lock do not belong together
    #[arg(long, conflicts_with = "update")]
    pub check: bool,

    /// Trust the OpenPGP keys in this file instead of Debian's own archive keys
    #[arg(long, value_name = "FILE")]
    pub keyring: Option<PathBuf>,
}

/// Options of `invar build`.
#[derive(Debug, Args)]
pub struct Build {
    /// The project's folder; `FOLDER#NAME` is its further image NAME, or without a manifest the output NAME of its flake
    #[arg(default_value = ".")]
    pub project: PathBuf,

    /// What stands in for a manifest.
    #[command(flatten)]
    pub derive: DeriveOrShow,

    /// Where to write the result; `-` is standard output [default: NAME.tar in the current folder]
    #[arg(long, short, value_name = "PATH")]
    pub output: Option<PathBuf>,

    /// What to write
    #[arg(long, value_enum, default_value_t = Format::Archive)]
    pub format: Format,

    /// Build for these platforms instead of the manifest's
    #[arg(long, value_name = "OS/ARCHITECTURE")]
    pub platform: Vec<String>,

    /// Fail if invar.lock is missing, instead of making one
    #[arg(long)]
    pub locked: bool,

    /// Keep the files of a build that failed, and say where they are
    #[arg(long)]
    pub keep_failed: bool,

    /// Trust the OpenPGP keys in this file instead of Debian's own archive keys, where a lock has to be made
    #[arg(long, value_name = "FILE")]
    pub keyring: Option<PathBuf>,
}

/// Options of `invar run`.
#[derive(Debug, Args)]
pub struct Run {
    /// The project's folder; `FOLDER#NAME` is its further image NAME, or without a manifest the output NAME of its flake
    #[arg(default_value = ".")]
    pub project: PathBuf,

    /// What stands in for a manifest.
    #[command(flatten)]
    pub derive: DeriveOrShow,

    /// Arguments in place of the image's command, or after its entrypoint
    #[arg(last = true, value_name = "ARGUMENT")]
    pub arguments: Vec<String>,

    /// Run this program instead of the image's entrypoint
    #[arg(long, value_name = "PROGRAM")]
    pub entrypoint: Option<String>,

    /// Set an environment variable; without a value, to what it is here
    #[arg(long, short, value_name = "NAME[=VALUE]")]
    pub env: Vec<String>,

    /// Mount a folder or file of this machine
    #[arg(long, short, value_name = "HERE:THERE[:ro]")]
    pub volume: Vec<String>,

    /// The folder to start in
    #[arg(long, short, value_name = "DIRECTORY")]
    pub workdir: Option<String>,

    /// The user to run as, by name or number
    #[arg(long, short, value_name = "USER[:GROUP]")]
    pub user: Option<String>,

    /// Fail if invar.lock is missing, instead of making one
    #[arg(long)]
    pub locked: bool,

    /// Keep the files of a build that failed, and say where they are
    #[arg(long)]
    pub keep_failed: bool,
}

/// Options of `invar shell`.
#[derive(Debug, Args)]
pub struct Shell {
    /// The project's folder; without a manifest, `FOLDER#NAME` is the output NAME of its flake
    #[arg(default_value = ".")]
    pub project: PathBuf,

    /// What stands in for a manifest.
    #[command(flatten)]
    pub derive: DeriveOrShow,

    /// Run this command instead of an interactive shell
    #[arg(long, short, value_name = "COMMAND", conflicts_with = "arguments")]
    pub command: Option<String>,

    /// Pass this machine's environment variables on, but those that say how this machine is, such as PATH and HOME
    #[arg(long)]
    pub keep_env: bool,

    /// Run this program with these arguments instead of a shell
    #[arg(last = true, value_name = "ARGUMENT")]
    pub arguments: Vec<String>,

    /// Set an environment variable; without a value, to what it is here
    #[arg(long, short, value_name = "NAME[=VALUE]")]
    pub env: Vec<String>,

    /// Mount a folder or file of this machine
    #[arg(long, short, value_name = "HERE:THERE[:ro]")]
    pub volume: Vec<String>,

    /// Fail if invar.lock is missing, instead of making one
    #[arg(long)]
    pub locked: bool,

    /// Keep the files of a build that failed, and say where they are
    #[arg(long)]
    pub keep_failed: bool,
}

/// Options of `invar env`.
#[derive(Debug, Args)]
pub struct Env {
    /// The project's folder; without a manifest, `FOLDER#NAME` is the output NAME of its flake
    #[arg(default_value = ".")]
    pub project: PathBuf,

    /// What stands in for a manifest.
    #[command(flatten)]
    pub derive: Derive,

    /// Fail if invar.lock is missing, instead of making one
    #[arg(long)]
    pub locked: bool,
}

/// Options of `invar verify`.
#[cfg(feature = "inspect")]
#[derive(Debug, Args)]
pub struct Verify {
    /// The project's folder; `FOLDER#NAME` is its further image NAME, or without a manifest the output NAME of its flake
    #[arg(default_value = ".")]
    pub project: PathBuf,

    /// What stands in for a manifest.
    #[command(flatten)]
    pub derive: Derive,

    /// Try only these perturbations; `--list` has their names
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub only: Vec<Perturbation>,

    /// Try all perturbations but these
    #[arg(long, value_name = "NAME", value_delimiter = ',', conflicts_with = "only")]
    pub skip: Vec<Perturbation>,

    /// Make one build for each perturbation, instead of one for all and more where that differs
    #[arg(long)]
    pub each: bool,

    /// Fail if something could not be tried here
    #[arg(long)]
    pub strict: bool,

    /// Only say which perturbations there are
    #[arg(long)]
    pub list: bool,

    /// Do steps and builds from source again, all or those named, and compare with what the store has of them
    #[arg(long, value_name = "STEP-OR-PACKAGE", num_args = 0.., require_equals = true, value_delimiter = ',', conflicts_with = "each")]
    pub cache_check: Option<Vec<String>>,

    /// Compare for these platforms instead of the manifest's
    #[arg(long, value_name = "OS/ARCHITECTURE")]
    pub platform: Vec<String>,

    /// Fail if invar.lock is missing, instead of making one
    #[arg(long)]
    pub locked: bool,
}

/// Options of `invar diff`.
#[cfg(feature = "inspect")]
#[derive(Debug, Args)]
pub struct Diff {
    /// An archive, an OCI layout, a root file system, a lock, a project's folder, or a git revision of the project here,
    /// also as `REVISION:PATH`
    #[arg(value_name = "A")]
    pub old: String,

    /// What to compare it with
    #[arg(value_name = "B")]
    pub new: String,

    /// Compare only the images for this platform
    #[arg(long, value_name = "OS/ARCHITECTURE")]
    pub platform: Option<String>,

    /// Read all layers, also those that both images name by one digest, and check every digest
    #[arg(long)]
    pub all_layers: bool,

    /// Also write the result as one page for a browser; reads all layers
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

    /// The project's folder; `FOLDER#NAME` is its further image NAME, or without a manifest the output NAME of its flake
    #[arg(default_value = ".", conflicts_with = "image")]
    pub project: PathBuf,

    /// What stands in for a manifest.
    #[command(flatten)]
    pub derive: Derive,

    /// Ask what this image says of itself, instead of a project
    #[arg(long, value_name = "FILE")]
    pub image: Option<PathBuf>,

    /// The platform, where there are several
    #[arg(long, value_name = "OS/ARCHITECTURE")]
    pub platform: Option<String>,
}

/// Options of `invar inspect`.
#[cfg(feature = "inspect")]
#[derive(Debug, Args)]
pub struct Inspect {
    /// An archive, an OCI layout, a root file system, or a project's folder
    #[arg(default_value = ".", value_name = "IMAGE|PROJECT")]
    pub image: PathBuf,

    /// The platform, where there are several
    #[arg(long, value_name = "OS/ARCHITECTURE")]
    pub platform: Option<String>,

    /// How many of each kind to show
    #[arg(long, value_name = "NUMBER", default_value_t = 15)]
    pub top: usize,

    /// Also write the result as one page for a browser
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// Options of `invar audit`.
#[cfg(feature = "inspect")]
#[derive(Debug, Args)]
pub struct Audit {
    /// Dockerfiles, compose files, flakes, archives or layouts of images, or folders that hold some; `-` is a Dockerfile
    /// on standard input
    #[arg(value_name = "PATH", default_value = ".")]
    pub paths: Vec<PathBuf>,

    /// The folder that the build is given [default: the nearest from the Dockerfile's upward that holds what it copies]
    #[arg(long, value_name = "DIRECTORY")]
    pub context: Option<PathBuf>,

    /// Audit the build with this value for an ARG
    #[arg(long, value_name = "NAME=VALUE")]
    pub build_arg: Vec<String>,

    /// Print the findings in SARIF 2.1.0
    #[arg(long, conflicts_with = "json")]
    pub sarif: bool,

    /// End with exit code 9 if something of this level or above is found
    #[arg(long, value_enum, default_value_t = FailOn::Warning, value_name = "LEVEL")]
    pub fail_on: FailOn,
}

/// When `invar audit` fails.
#[cfg(feature = "inspect")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// What takes the newest of something
    Error,
    /// Also what something still holds back
    Warning,
    /// Anything
    Note,
    /// Nothing
    Never,
}

/// What `invar build` writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One archive that is both an OCI image layout and a Docker archive
    Archive,
    /// An OCI image layout in a folder
    OciDir,
    /// The root file system as one tar archive
    Rootfs,
    /// The root file system in a folder
    RootfsDir,
}

#[cfg(test)]
mod tests;
