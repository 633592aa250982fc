//! The front end that calls build backends (PEP 517), in a root of its own.
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use invar_checkout::hidden_from_build;
use invar_plan::PROJECT;
use invar_python::{DistributionName, FRONTEND};
use invar_realise::{PackageSource, RealiseError, Vendored, sink_failure};
use invar_sandbox::Ownership;
use invar_store::{Checkout, Key};
use invar_tree::{Digest, ImagePath, MemoryTree, Mode, Origin, Owner, SEARCH_PATH, Sink as _};

use crate::RunError;
use crate::context::BuildContext;
use crate::executor::{BUILD, Command, Input, Outputs, RootTree, Wanted, in_build};
use crate::hints::PackagesOf;
use crate::run_command::Advice;

/// How long one build may take.
const LONGEST: Duration = Duration::from_secs(3 * 3600);

/// Where the source is while it is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Below the build folder.
    Build,
    /// In this folder of the project in the image: an editable package names the folder that it was built from.
    Project(String),
}

/// What the front end is to do.
pub struct FrontEnd<'a> {
    /// How progress and errors call it.
    pub label: &'a str,
    /// The distribution.
    pub name: &'a DistributionName,
    /// What it depends on.
    pub key: Key,
    /// `requires`, `wheel` or `editable`.
    pub action: &'a str,
    /// The package's files.
    pub source: &'a PackageSource,
    /// Where they are meanwhile.
    pub place: Place,
    /// Patches for them, in their order.
    pub patches: &'a [(PathBuf, Digest)],
    /// Where the package is in the project, if it is in a folder: what its build does not see there is said if it fails.
    pub directory: Option<&'a str>,
    /// `config_settings` (PEP 517), as JSON.
    pub settings: &'a str,
    /// Variables in addition to those of every build.
    pub environment: &'a BTreeMap<String, String>,
}

/// Runs the front end in a sandbox; what it made is in `out` in the build folder.
///
/// # Errors
/// [`RunError::Step`], and what the disk says.
pub fn front_end(
    context: &BuildContext<'_>,
    task: &FrontEnd<'_>,
    roots: &[Checkout],
    vendored: Option<&Vendored>,
) -> Result<Outputs, RunError> {
    let files = front_end_files(task)?;
    let (folder, also_at) = match &task.place {
        Place::Build => (format!("/{BUILD}/source"), None),
        Place::Project(inner) => {
            let target = match inner.as_str() {
                "" => PROJECT.to_owned(),
                inner => format!("{PROJECT}/{inner}"),
            };
            (format!("/{target}"), Some(target))
        }
    };
    let inner = match task.source.subdirectory.as_str() {
        "" => folder,
        inner => format!("{folder}/{inner}"),
    };
    let environment_folder = format!("/{}", invar_plan::BUILD_ENVIRONMENT);
    let top = &task.source.top;
    let script = format!(
        "set -e\n\
         for patch in /{BUILD}/patches/*.patch; do\n\
         \tif [ -e \"$patch\" ]; then patch -d /{BUILD}/source/{top} -p1 --force --no-backup-if-mismatch < \"$patch\"; fi\n\
         done\n\
         exec {environment_folder}/bin/python -B /{BUILD}/front-end.py \"$1\" \"$2\" /{BUILD}/out /{BUILD}/settings.json\n"
    );
    let mut environment: BTreeMap<String, String> = BTreeMap::new();
    environment.insert("PATH".to_owned(), format!("{environment_folder}/bin:{SEARCH_PATH}"));
    environment.insert("VIRTUAL_ENV".to_owned(), environment_folder);
    if let Some(vendored) = vendored {
        environment.extend(vendored.environment.clone());
    }
    environment.extend(task.environment.clone());
    let roots = roots.iter().chain(vendored.map(|vendored| &vendored.checkout)).cloned();
    let command = Command {
        label: task.label,
        key: task.key,
        platform: context.platform,
        root: roots.map(RootTree::Checkout).collect(),
        inputs: vec![
            Input { at: "source", tree: &task.source.tree, contents: &*task.source.contents, also_at },
            Input { at: "", tree: files.tree(), contents: &files, also_at: None },
        ],
        arguments: ["/bin/sh", "-c", &script, "sh", task.action, &inner].map(str::to_owned).into(),
        environment,
        directory: "source".to_owned(),
        limits: context.limits(LONGEST),
        ownership: Ownership::Mapped,
        wanted: Wanted::Places(vec![in_build("out")]),
    };
    let advice = Advice { packages_of: Some(PackagesOf::Python(task.name.clone())), longer: None };
    context.run(&command, &advice).map_err(|error| with_hidden(context, task.directory, error))
}

/// A failure with what the build may have missed since it does not see it.
fn with_hidden(context: &BuildContext<'_>, directory: Option<&str>, mut error: RunError) -> RunError {
    if let (Some(directory), RunError::Step(failure)) = (directory, &mut error)
        && let Ok(mut sentences) = hidden_from_build(context.files, directory, &failure.last_lines)
        && !sentences.is_empty()
    {
        sentences.extend(failure.hint.take());
        failure.hint = Some(sentences.join("\n"));
    }
    error
}

/// What the front end finds next to the source: itself, its settings, the patches, and a directory for what it makes.
fn front_end_files(task: &FrontEnd<'_>) -> Result<MemoryTree, RunError> {
    let mut files = MemoryTree::new(Origin::Source);
    for name in ["out", "patches"] {
        files.directory(place_in_build(name), Mode::DIRECTORY, Owner::ROOT).map_err(sink_failure)?;
    }
    let mut add = |name: &str, mut bytes: &[u8]| {
        files.file(place_in_build(name), Mode::FILE, Owner::ROOT, &mut bytes).map_err(sink_failure)
    };
    add("front-end.py", FRONTEND.as_bytes())?;
    add("settings.json", task.settings.as_bytes())?;
    for (number, (path, _)) in task.patches.iter().enumerate() {
        let bytes = fs::read(path).map_err(|source| RealiseError::Read { path: path.clone(), source })?;
        add(&format!("patches/{number:04}.patch"), &bytes)?;
    }
    Ok(files)
}

/// A place of the build directory, relative to it.
fn place_in_build(name: &str) -> ImagePath {
    ImagePath::parse(name).expect("it is a relative path")
}
