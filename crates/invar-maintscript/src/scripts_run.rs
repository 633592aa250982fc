//! Running the real maintainer scripts: what a sandbox needs for it, and what of its result an image keeps.
//!
//! Handlers do natively what most packages need. For the others a user may say `configure = "run"`, or name packages:
//! then their own scripts run, with Debian's own dpkg and debconf, in a sandbox without network and with one user, who
//! is root and whose `chown` is only written down. This module makes what goes in, and cleans what comes out; running
//! is the caller's part.
//!
//! # What the caller does
//! 1. *Native* is the image as it would be without this: its packages, merged, with the handlers' output. Where only
//!    some packages run, it is best configured for the others alone, so that a script finds what it would find on a
//!    fresh system; where all run, for all, because the first scripts take users and `awk` for granted.
//! 2. *Tools* are what scripts need and the image does not have: Debian's Essential packages, [`TOOLS`], and all
//!    dependencies of the packages to run. They are merged and configured together with the image's packages; then
//!    native's entries are put over the result, so that a file of the image is as the image has it (`/etc/passwd`).
//! 3. [`script_files`] are laid over that root, [`script_command`] runs with [`script_environment`], and what changed
//!    is captured, with owners.
//! 4. [`clean`] makes of it the difference to native.
//!
//! # How it runs
//! Packages that run are `unpacked` for dpkg, all others `installed`. Their files are in place already: dpkg does not
//! unpack them again, so it needs no `.deb` and copies nothing. The driver runs each `preinst install`, then `dpkg
//! --configure`, which asks debconf, runs each `postinst` in the order of dependencies, and then the triggers. Triggers
//! that unpacking would have activated are in dpkg's records as pending from the start. A `preinst` finds its package's
//! files in place, which on a fresh system it would not; scripts have to cope with that, because dpkg runs them so
//! after an unpacking that failed halfway (Debian Policy, section 6.6).
//!
//! # Why the result is the same every time
//! The root, the command and its environment are; the sandbox gives one host name, one CPU and no network. What remains
//! (clock, random numbers) reaches logs, caches, keys and identities, and [`clean`] drops these by name. It cannot know
//! every script: a package whose scripts write a date into its configuration is found by running them twice.
//!
//! Format break: the files, the command and what is dropped decide what an image holds.
mod choices;
mod clean;
mod database;
mod failure;
mod keep;
mod questions;
mod selection;
mod triggers;

use std::collections::{BTreeMap, BTreeSet};

use invar_debian::{Control, MultiArch, PackageName};
use invar_tree::{Entry, ImagePath, MemoryTree, Mode, Node, Origin, Owner, SEARCH_PATH, Sink as _, Tree};

use crate::ConfigureError;
use crate::output::known;

pub use clean::{ScriptResult, ScriptResultContents, ScriptRun, clean};
pub use failure::{ScriptFailure, script_failure};
pub use keep::{Exclusion, Reason};
pub use questions::{UnknownQuestion, unknown_questions};
pub use selection::{Selection, SelectionError};
pub use triggers::TriggerError;

/// What is to run, and over what.
#[derive(Debug, Clone, Copy)]
pub struct ScriptRequest<'a> {
    /// All packages of the sandbox's root; the order does not matter.
    pub packages: &'a [ScriptPackage<'a>],
    /// The sandbox's root except for these files: for the modes that its files should have.
    pub root: &'a Tree,
    /// The machine's architecture as Debian names it, such as `amd64`.
    pub architecture: &'a str,
    /// Answers to debconf's questions; of two for one question the later counts.
    pub selections: &'a [Selection],
}

/// A package of the sandbox's root.
#[derive(Debug, Clone, Copy)]
pub struct ScriptPackage<'a> {
    /// What its control archive says.
    pub control: &'a Control,
    /// Its contents: all its directories, files and links.
    pub files: &'a [ImagePath],
    /// The text of the member `templates` of its control archive: debconf's questions.
    pub templates: Option<&'a str>,
    /// Whether it is there for scripts only, and not in the image. Its triggers are passed over.
    pub tool: bool,
    /// Whether its scripts are to run. Not for a tool: then nothing runs.
    pub run: bool,
}

/// Packages that scripts use without depending on them, beside Debian's Essential packages.
///
/// debconf asks questions; nearly all dependencies on it have an alternative, so that a solver might leave it out.
pub const TOOLS: &[&str] = &["debconf"];

/// Where the driver and its data are.
const FOLDER: &str = "run/invar";
const DRIVER: &str = include_str!("scripts_run/configure.sh");

/// An answer to every question whether a service may start: no (invoke-rc.d(8)).
const POLICY: &str = "#!/bin/sh\nexit 101\n";
/// In the place of `start-stop-daemon`: scripts that pass over the policy start nothing either, and succeed.
const STARTS_NOTHING: &str = "#!/bin/sh\nexit 0\n";

/// A machine's identity that is no machine's, so that none is made up at random and gets into other files.
const MACHINE_ID: &str = "696e76617273616e64626f7800000000\n";

/// The version of how scripts are run: the files that [`script_files`] gives, and what [`clean`] leaves of what the
/// scripts made. Raise it when the same input gives anything else.
///
/// Keys of the store have it, so what earlier code made is not found any more.
pub const SCRIPTS_VERSION: u32 = 1;

/// The files to lay over the sandbox's root: dpkg's records of its packages, debconf's selections, and the driver.
///
/// # Errors
/// [`ConfigureError::Duplicate`], and [`ConfigureError::Source`] with a [`TriggerError`] for triggers that dpkg would
/// refuse.
pub fn script_files(request: &ScriptRequest<'_>) -> Result<MemoryTree, ConfigureError> {
    let mut packages: Vec<&ScriptPackage<'_>> = request.packages.iter().collect();
    packages.sort_by_key(|package| package.control.package());
    let mut seen: BTreeSet<&PackageName> = BTreeSet::new();
    for package in &packages {
        if !seen.insert(package.control.package()) {
            return Err(ConfigureError::Duplicate { package: package.control.package().clone() });
        }
    }
    let mut files = Files::new();
    database::write(&packages, request.architecture, request.root, &mut files)?;
    for section in 1..=9 {
        files.directory(&format!("usr/share/man/man{section}"));
    }
    files.text("etc/machine-id", MACHINE_ID);
    files.program("usr/sbin/policy-rc.d", POLICY);
    files.program("usr/sbin/start-stop-daemon", STARTS_NOTHING);
    files.program(&format!("{FOLDER}/configure.sh"), DRIVER);
    let run: String = packages
        .iter()
        .filter(|package| package.runs())
        .map(|package| {
            let control = package.control;
            let name = qualified_name(control);
            format!("{name} {} {}\n", control.package(), control.architecture())
        })
        .collect();
    files.text(&format!("{FOLDER}/packages"), &run);
    files.text(&format!("{FOLDER}/special"), &special(request.root));
    let selections: String = request.selections.iter().map(|selection| format!("{selection}\n")).collect();
    files.text(&format!("{FOLDER}/selections"), &selections);
    Ok(files.tree)
}

/// The files with set-user-ID or set-group-ID bits, for `xargs -0`: mode and path, each with a zero byte after it.
///
/// A checked-out tree has no such programs, so the driver sets the bits first of all. Then scripts see the modes of a
/// fresh system, and a bit that is missing afterwards is one that a script removed.
fn special(root: &Tree) -> String {
    let is_special =
        |entry: &Entry| matches!(entry.node, Node::File { .. }) && entry.mode.bits() & 0o7000 != 0;
    let special = root.iter().filter(|(_, entry)| is_special(entry));
    special.map(|(path, entry)| format!("{:o}\0{path}\0", entry.mode.bits())).collect()
}

/// The command that runs the scripts.
pub fn script_command() -> Vec<String> {
    vec!["/bin/sh".to_owned(), format!("/{FOLDER}/configure.sh")]
}

/// The whole environment of [`script_command`].
pub fn script_environment() -> BTreeMap<String, String> {
    ENVIRONMENT.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// In the order of names.
const ENVIRONMENT: &[(&str, &str)] = &[
    ("DEBCONF_NONINTERACTIVE_SEEN", "true"),
    ("DEBCONF_NOWARNINGS", "yes"),
    ("DEBIAN_FRONTEND", "noninteractive"),
    ("DPKG_COLORS", "never"),
    // Dependencies that only scripts need may be missing. Nobody is there to say which of two files is right.
    ("DPKG_FORCE", "bad-path,confdef,confnew,depends,unsafe-io"),
    ("HOME", "/root"),
    ("LANG", "C.UTF-8"),
    ("LC_ALL", "C.UTF-8"),
    ("LOGNAME", "root"),
    ("PATH", SEARCH_PATH),
    // Programs that write a table in the order of a hash would write another one each time.
    ("PERL_HASH_SEED", "0"),
    ("PERL_PERTURB_KEYS", "0"),
    ("PYTHONDONTWRITEBYTECODE", "1"),
    ("PYTHONHASHSEED", "0"),
    ("SHELL", "/bin/sh"),
    // The time that all files of an image have: 1980-01-02.
    ("SOURCE_DATE_EPOCH", "315619200"),
    ("SYSTEMD_OFFLINE", "1"),
    ("TERM", "dumb"),
    ("TZ", "UTC0"),
    ("USER", "root"),
];

impl ScriptPackage<'_> {
    fn runs(&self) -> bool {
        self.run && !self.tool
    }
}

/// The files as they come.
pub(crate) struct Files {
    tree: MemoryTree,
}

impl Files {
    fn new() -> Self {
        Self { tree: MemoryTree::new(Origin::Scripts) }
    }

    /// Scripts link manual pages into directories that an image without documentation does not have.
    fn directory(&mut self, path: &str) {
        self.tree
            .directory(known(path), Mode::DIRECTORY, Owner::ROOT)
            .expect("directories come first, and no file is above another");
    }

    fn text(&mut self, path: &str, text: &str) {
        self.file(path, Mode::FILE, text);
    }

    fn program(&mut self, path: &str, text: &str) {
        self.file(path, Mode::PROGRAM, text);
    }

    fn file(&mut self, path: &str, mode: Mode, text: &str) {
        self.tree
            .file(known(path), mode, Owner::ROOT, &mut text.as_bytes())
            .expect("packages and triggers are distinct, and so are the files named after them");
    }
}

/// The name under which dpkg keeps a package: with the architecture where it may be there for several.
fn qualified_name(control: &Control) -> String {
    match control.multi_arch() {
        MultiArch::Same => format!("{}:{}", control.package(), control.architecture()),
        MultiArch::No | MultiArch::Foreign | MultiArch::Allowed => control.package().to_string(),
    }
}
