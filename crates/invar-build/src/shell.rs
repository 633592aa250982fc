//! Images, and the environment for working on a project, as places where programs can be run.
//!
//! This does not go through the executor's seam: such a program has the terminal, the network and the project's own
//! directory, all of which are this host's.
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use invar_checkout::{ProjectFiles, SourceTree};
use invar_oci::ImageConfig;
use invar_plan::{ENVIRONMENT, LayerName, PROJECT, Plan, Recipe, image_config, shell_manifest};
use invar_project::{Identity, LockPart, Platform, User};
use invar_realise::{Event, check_out, copy_files, copy_tree, key};
use invar_run::{Install, RunError, runs_here};
use invar_sandbox::{
    Bind, Limits, Network, Ownership, Sandbox, SandboxProcess, StandardStreams, Status, SyscallFakes, spawn,
};
use invar_store::{KeyWriter, Keyed, Scratch};

use crate::assembly::Assembly;
use crate::mount_point::MountPoint;
use crate::{BuildError, Session};

/// How large `/tmp` may become, in bytes.
const TEMPORARY: u64 = 16 << 30;

/// The root file system of an image as folders, and how a program is started in it.
#[derive(Debug)]
pub struct Environment {
    /// The layers as folders, the lowest first.
    layers: Vec<PathBuf>,
    /// The image's configuration.
    config: ImageConfig,
    /// What is mounted whatever is asked for.
    mounts: Vec<Mount>,
    /// A folder in the project on which something is mounted.
    _held: Option<MountPoint>,
}

/// A folder or file of the host that a program sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// The folder or file of the host.
    pub source: PathBuf,
    /// Where it is seen, an absolute path.
    pub target: String,
    /// Whether it can be written to.
    pub writable: bool,
}

/// What to run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunRequest {
    /// What takes the place of the image's entrypoint.
    pub entrypoint: Option<String>,
    /// Arguments; without any, those of the image.
    pub arguments: Vec<String>,
    /// Environment variables other than the image's, or in their place.
    pub environment: BTreeMap<String, String>,
    /// The folder to start in, in place of the image's.
    pub directory: Option<String>,
    /// The user to run as, in place of the image's.
    pub user: Option<User>,
    /// Folders and files of the host.
    pub mounts: Vec<Mount>,
    /// The host name that is seen.
    pub host_name: String,
    /// Whether what the program writes to standard error goes to the caller, who passes it on. It is not a terminal then.
    pub watch_errors: bool,
}

/// A program that was started; what it writes to its root is dropped with this.
#[derive(Debug)]
pub struct Started {
    /// The program.
    pub running: SandboxProcess,
    _scratch: Scratch,
}

/// The image of `files` for `platform`, as folders.
///
/// # Errors
/// [`BuildError`], as building the image.
pub fn image_environment(
    session: &Session<'_>,
    files: &ProjectFiles,
    platform: Platform,
) -> Result<Environment, BuildError> {
    let lock = files.checked_lock()?;
    let plan = Plan::new(&files.manifest, lock, files.uv_lock.as_ref(), platform)?;
    environment(session, files, &plan, Install::Copied)
}

/// The environment for working on the project of `files`, as folders: the image's packages, the shell's, and the
/// development groups; the project itself is mounted.
///
/// # Errors
/// [`BuildError`], as building the image.
pub fn shell_environment(
    session: &Session<'_>,
    files: &ProjectFiles,
    platform: Platform,
) -> Result<Environment, BuildError> {
    let lock = files.checked_lock_for(&LockPart::Shell)?;
    let shell = files.with_manifest(shell_manifest(&files.manifest));
    let plan = Plan::for_shell(&shell.manifest, lock, files.uv_lock.as_ref(), platform)?;
    let mut environment = environment(session, &shell, &plan, Install::Editable)?;
    let folder = fs::canonicalize(&files.folder)
        .map_err(|source| BuildError::Read { path: files.folder.clone(), source })?;
    let project = |target: String| Mount { source: folder.clone(), target, writable: true };
    environment.mounts.push(project(format!("/{PROJECT}")));
    // Once more under its own name, for whoever names files as they are named outside: editors, and what they start.
    if let Some(own) = folder.to_str().filter(|own| may_cover(own)) {
        environment.mounts.push(project(own.to_owned()));
    }
    if plan.interpreter.is_some() {
        // The project covers the folder in which the virtual environment is, so it is mounted once more on top.
        let inner = ENVIRONMENT.strip_prefix(PROJECT).unwrap_or(ENVIRONMENT).trim_start_matches('/');
        let place = folder.join(inner);
        let held = MountPoint::hold(&place);
        environment._held = held.map_err(|source| BuildError::Output { path: place, source })?;
        let source = environment_folder(session, &environment.layers)?;
        environment.mounts.push(Mount { source, target: format!("/{ENVIRONMENT}"), writable: false });
    }
    Ok(environment)
}

/// Whether a folder of the host can be seen in the root under its own name without hiding what is needed there.
fn may_cover(path: &str) -> bool {
    let top = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    matches!(
        top,
        "home" | "root" | "srv" | "work" | "workspace" | "workspaces" | "mnt" | "media" | "opt" | "data"
    ) && path.trim_matches('/').contains('/')
}

/// The programs of the Debian packages that the manifest names, for the image or for the shell, as absolute paths;
/// sorted. What these packages depend on is not among them: it would take the place of this machine's own programs.
///
/// # Errors
/// [`BuildError`], as for a lock that does not belong to the manifest.
pub fn named_programs(
    session: &Session<'_>,
    files: &ProjectFiles,
    platform: Platform,
) -> Result<Vec<String>, BuildError> {
    const FOLDERS: [&str; 7] =
        ["usr/bin", "usr/sbin", "usr/games", "usr/local/bin", "usr/local/sbin", "bin", "sbin"];
    let lock = files.checked_lock_for(&LockPart::Shell)?;
    let manifest = shell_manifest(&files.manifest);
    let plan = Plan::for_shell(&manifest, lock, files.uv_lock.as_ref(), platform)?;
    let requests = manifest.packages.iter().chain(&manifest.dev_shell.packages);
    let named: BTreeSet<_> = requests.map(|request| request.name.clone()).collect();
    let mut programs = BTreeSet::new();
    for recipe in plan.layers.iter().flat_map(|layer| &layer.recipes) {
        let Recipe::Package(package) = recipe else { continue };
        if !named.contains(&package.name) {
            continue;
        }
        let Some(stored) = session.sources.store.tree(&key(recipe))? else { continue };
        for (path, entry) in stored.tree(&Arc::new(recipe.origin()))?.iter() {
            let in_folder = path.parent().is_some_and(|parent| FOLDERS.contains(&parent.as_str()));
            if in_folder && !entry.is_directory() {
                programs.insert(format!("/{path}"));
            }
        }
    }
    Ok(programs.into_iter().collect())
}

/// The virtual environment of several layers, which are folders of the store, as one folder.
struct EnvironmentFolder<'a>(&'a [PathBuf]);

impl Keyed for EnvironmentFolder<'_> {
    const DOMAIN: &'static str = "environment-folder";
    const VERSION: u32 = 1;

    fn encode(&self, writer: &mut KeyWriter) {
        writer.list(self.0, |writer, layer| writer.bytes(layer.as_os_str().as_encoded_bytes()));
    }
}

/// A layer as a folder.
struct LayerCheckout<'a> {
    diff_id: &'a invar_tree::Digest,
}

impl Keyed for LayerCheckout<'_> {
    const DOMAIN: &'static str = "layer-checkout";
    const VERSION: u32 = 1;

    fn encode(&self, writer: &mut KeyWriter) {
        writer.digest(self.diff_id);
    }
}

/// The virtual environment of several layers as one folder.
fn environment_folder(session: &Session<'_>, layers: &[PathBuf]) -> Result<PathBuf, BuildError> {
    use invar_sandbox::{CaptureRules, Modes, capture};
    let key = EnvironmentFolder(layers).key();
    let place = invar_tree::ImagePath::parse(ENVIRONMENT).expect("it is a relative path");
    let rules = CaptureRules { modes: Modes::Kept, bytes: u64::MAX, entries: u64::MAX };
    let checkout = check_out(&session.sources.store, &key, |sink| -> Result<(), BuildError> {
        for layer in layers {
            let folder = layer.join(ENVIRONMENT);
            if folder.is_dir() {
                capture(&folder, Some(&place), &rules, &|_, _| None, sink).map_err(|source| {
                    RunError::Capture {
                        label: "the virtual environment".to_owned(),
                        source: Box::new(source),
                    }
                })?;
            }
        }
        Ok(())
    })?;
    Ok(checkout.path().join(ENVIRONMENT))
}

fn environment(
    session: &Session<'_>,
    files: &ProjectFiles,
    plan: &Plan,
    install: Install,
) -> Result<Environment, BuildError> {
    let lock = files.checked_lock()?;
    let source = SourceTree::read(&|text| session.sources.reporter.warn(text), files, None)?;
    let assembly = Assembly::new(session, files, lock, plan, &source, install);
    let platform = plan.platform;
    if !runs_here(platform) {
        let label = "running a program in the image".to_owned();
        return Err(RunError::ForeignPlatform { label, platform }.into());
    }
    let layers = assembly.check_out_layers()?;
    let names: Vec<LayerName> = plan.layers.iter().map(|layer| layer.name).collect();
    let created = lock.created.to_string();
    let config = image_config(&files.manifest, plan.platform, &created, plan.interpreter.is_some(), &names);
    Ok(Environment {
        layers: layers.iter().map(|layer| layer.path().to_owned()).collect(),
        config,
        mounts: Vec::new(),
        _held: None,
    })
}

impl Started {
    /// Waits for the program to end; `errors` gets what it writes to standard error, if that is watched.
    ///
    /// # Errors
    /// [`RunError::Sandbox`].
    pub fn wait(self, errors: &mut dyn FnMut(&[u8])) -> Result<Status, BuildError> {
        let Self { running, _scratch } = self;
        let finished = running.wait_with(errors).map_err(|source| RunError::Sandbox {
            label: "running a program in the image".to_owned(),
            source: Box::new(source),
        })?;
        Ok(finished.status)
    }
}

impl Environment {
    /// The same without the image's entrypoint and arguments.
    #[must_use]
    pub fn without_entrypoint(mut self) -> Self {
        (self.config.entrypoint, self.config.cmd) = (None, None);
        self
    }

    /// The image's configuration.
    pub fn config(&self) -> &ImageConfig {
        &self.config
    }

    /// The layers as folders, the lowest first.
    pub fn layers(&self) -> &[PathBuf] {
        &self.layers
    }

    /// The directory of this host that a program in the shell sees as the virtual environment, if there is one.
    pub fn virtual_environment(&self) -> Option<&Path> {
        let target = format!("/{ENVIRONMENT}");
        let mount = self.mounts.iter().find(|mount| mount.target == target)?;
        Some(&mount.source)
    }

    /// Whether the root has the program at the absolute path `program`.
    pub fn has(&self, program: &str) -> bool {
        let inner = program.trim_start_matches('/');
        self.layers.iter().any(|layer| fs::symlink_metadata(layer.join(inner)).is_ok())
    }

    /// Starts a program. It sees the network, and a root in which it may write what is then dropped.
    ///
    /// # Errors
    /// [`BuildError::NoCommand`], [`BuildError::NoAccount`], [`RunError::Sandbox`].
    pub fn start(&self, session: &Session<'_>, request: &RunRequest) -> Result<Started, BuildError> {
        let command = self.command(request)?;
        let (user, group, home) = self.account(request)?;
        let scratch = session.sources.store.scratch()?;
        let mut environment: BTreeMap<OsString, OsString> = BTreeMap::new();
        environment.insert("HOME".into(), home.into());
        let own = self.config.env.iter().map(|(name, value)| (name.into(), value.into()));
        environment.extend(own);
        environment.extend(request.environment.iter().map(|(name, value)| (name.into(), value.into())));
        let mounts = self.mounts.iter().chain(&request.mounts);
        let directory = request.directory.clone().or_else(|| self.config.working_dir.clone());
        let sandbox = Sandbox {
            program: session.sandbox.clone(),
            root: self.layers.clone(),
            scratch: scratch.path().to_owned(),
            command: command.into_iter().map(OsString::from).collect(),
            environment,
            directory: directory.unwrap_or_else(|| "/".to_owned()),
            binds: mounts
                .map(|mount| Bind {
                    source: mount.source.clone(),
                    target: mount.target.clone(),
                    writable: mount.writable,
                })
                .collect(),
            network: Network::Host,
            user,
            group,
            host_name: request.host_name.clone(),
            limits: Limits {
                time: None,
                memory: None,
                processes: None,
                file_size: None,
                disk: None,
                temporary: TEMPORARY,
            },
            // There is one user inside. Servers that hand folders to another user, and then become it, go on as if they had.
            ownership: Ownership::Recorded,
            cpus: None,
            standard: match request.watch_errors {
                true => StandardStreams::Errors,
                false => StandardStreams::Inherit,
            },
            fakes: SyscallFakes::NONE,
        };
        let running = spawn(&sandbox).map_err(|source| RunError::Sandbox {
            label: "running a program in the image".to_owned(),
            source: Box::new(source),
        })?;
        Ok(Started { running, _scratch: scratch })
    }

    /// What is started for `request`: the program and its arguments.
    ///
    /// # Errors
    /// [`BuildError::NoCommand`].
    pub fn command(&self, request: &RunRequest) -> Result<Vec<String>, BuildError> {
        let mut command: Vec<String> = match &request.entrypoint {
            Some(entrypoint) => vec![entrypoint.clone()],
            None => self.config.entrypoint.clone().unwrap_or_default(),
        };
        if !request.arguments.is_empty() {
            command.extend(request.arguments.iter().cloned());
        } else if request.entrypoint.is_none() {
            // As Docker has it: another entrypoint does not get the image's arguments.
            command.extend(self.config.cmd.iter().flatten().cloned());
        }
        if command.is_empty() { Err(BuildError::NoCommand) } else { Ok(command) }
    }

    /// The IDs to run as, and the home folder.
    fn account(&self, request: &RunRequest) -> Result<(u32, u32, String), BuildError> {
        let user: Option<User> =
            request.user.clone().or_else(|| self.config.user.as_ref().and_then(|user| user.parse().ok()));
        let Some(user) = user else { return Ok((0, 0, "/root".to_owned())) };
        let accounts = self.read("etc/passwd");
        let fields = |text: &str| text.split(':').map(str::to_owned).collect::<Vec<String>>();
        let find = |text: &str, identity: &Identity| {
            text.lines().map(fields).find(|line| match identity {
                Identity::Name(name) => line.first().is_some_and(|found| **found == **name),
                Identity::Id(number) => line.get(2).is_some_and(|found| *found == number.to_string()),
            })
        };
        let missing = |identity: &Identity, file: &str| BuildError::NoAccount {
            name: identity.to_string(),
            file: file.to_owned(),
        };
        let number = |line: &Option<Vec<String>>, field: usize| -> Option<u32> {
            line.as_ref().and_then(|line| line.get(field)?.parse().ok())
        };
        let line = find(&accounts, &user.user);
        let uid = match &user.user {
            Identity::Id(number) => *number,
            Identity::Name(_) => number(&line, 2).ok_or_else(|| missing(&user.user, "/etc/passwd"))?,
        };
        let gid = match &user.group {
            Some(Identity::Id(number)) => *number,
            Some(group) => number(&find(&self.read("etc/group"), group), 2)
                .ok_or_else(|| missing(group, "/etc/group"))?,
            None => number(&line, 3).unwrap_or(0),
        };
        let home = line.and_then(|line| line.get(5).cloned()).filter(|home| home.starts_with('/'));
        Ok((uid, gid, home.unwrap_or_else(|| "/".to_owned())))
    }

    /// The text of a file of the root, empty if there is none.
    fn read(&self, inner: &str) -> String {
        let in_layer = |layer: &PathBuf| fs::read_to_string(layer.join(inner)).ok();
        self.layers.iter().rev().find_map(in_layer).unwrap_or_default()
    }

    /// The programs in the folder `folder` of the root, sorted.
    pub fn programs(&self, folder: &Path) -> Vec<String> {
        let mut names = Vec::new();
        for layer in &self.layers {
            #[expect(clippy::disallowed_methods, reason = "sorted below, and not part of an image")]
            let Ok(entries) = fs::read_dir(layer.join(folder)) else { continue };
            names.extend(entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()));
        }
        names.sort_unstable();
        names.dedup();
        names
    }
}

impl Assembly<'_> {
    /// The layers as folders, the lowest first.
    fn check_out_layers(&self) -> Result<Vec<invar_store::Checkout>, BuildError> {
        let store = &self.session.sources.store;
        let layers = self.layers(&mut None)?;
        let key_of_layer = |layer: &invar_oci::Layer| LayerCheckout { diff_id: &layer.diff_id }.key();
        let mut found = Vec::new();
        for built in &layers {
            found.push(store.checkout(&key_of_layer(&built.layer))?);
        }
        if found.iter().any(Option::is_none) {
            let (trees, root) = self.merge()?;
            for (built, found) in layers.iter().zip(&mut found).filter(|(_, found)| found.is_none()) {
                let request = trees.layer(&root, built.name, self.source);
                let is_file = |(_, entry): &(_, &invar_tree::Entry)| !entry.is_directory();
                let files =
                    request.pieces.iter().map(|piece| piece.kept.iter().filter(is_file).count()).sum();
                self.session.sources.reporter.event(&Event::LayingOut { name: built.name.as_str(), files });
                *found =
                    Some(check_out(store, &key_of_layer(&built.layer), |sink| -> Result<(), BuildError> {
                        let nothing = invar_tree::MemoryTree::new(invar_tree::Origin::Source);
                        copy_tree(&request.directories, &nothing, sink)?;
                        let mut pieces = request.pieces.iter();
                        Ok(pieces.try_for_each(|piece| copy_files(&piece.kept, piece.contents(), sink))?)
                    })?);
            }
        }
        Ok(found.into_iter().flatten().collect())
    }
}

#[cfg(test)]
mod keys {
    use super::*;

    const CHANGED: &str = "if this is intended, raise the VERSION of the domain and pin the new key";

    #[test]
    fn the_keys_are_pinned() {
        assert_eq!(
            EnvironmentFolder(&["/a".into(), "/b".into()]).describe(),
            "environment-folder 1 5dd92c7173493debf067c65d8a4bf1024c085f6cb7851b8a8b69d2177657e1b6",
            "{CHANGED}"
        );
        assert_eq!(
            LayerCheckout { diff_id: &invar_tree::Digest::of(b"layer") }.describe(),
            "layer-checkout 1 200d36c57aba7f1529045f94f8282e33545e2a35a8015aba3b3966c68472cd65",
            "{CHANGED}"
        );
    }
}
