//! Commands run with the Linux namespaces of this machine.
mod outputs;
mod unchanged;
mod workdir;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

use invar_project::Platform;
use invar_sandbox::{Bind, CommandResult, Network, Sandbox, StandardStreams, Status};
use invar_store::Store;

use self::outputs::SandboxOutputs;
use self::workdir::Workdir;
use super::{BUILD, CPUS, Command, Executor, ExecutorError, Outputs, RootTree};
use crate::perturbation::Perturbation;

/// How large `/tmp` may become, in bytes.
const TEMPORARY: u64 = 8 << 30;

/// Runs commands in a sandbox of this machine, over the store's checkouts.
#[derive(Debug, Clone)]
pub struct NamespaceExecutor {
    /// Where the checkouts are, and where commands write.
    pub store: Store,
    /// What calls [`invar_sandbox::enter_if_asked`] first of all: usually this program itself.
    pub program: PathBuf,
    /// Whether the files of a command that failed are kept.
    pub keep_failed: bool,
    /// What differs from usual, to find out whether it matters.
    pub perturbation: Perturbation,
}

/// Whether programs for `platform` can be run on this machine.
pub fn runs_here(platform: Platform) -> bool {
    let machine = platform.machine();
    if std::env::consts::ARCH == machine.as_str() {
        return true;
    }
    // An emulator that the kernel has opened beforehand (flag F of binfmt_misc) works in any root.
    let path = format!("/proc/sys/fs/binfmt_misc/qemu-{machine}");
    fs::read_to_string(path).is_ok_and(|text| {
        let flags = text.lines().find_map(|line| line.strip_prefix("flags:"));
        text.starts_with("enabled") && flags.is_some_and(|flags| flags.contains('F'))
    })
}

impl Executor for NamespaceExecutor {
    fn runs(&self, platform: Platform) -> bool {
        runs_here(platform)
    }

    fn check(&self) -> Result<(), ExecutorError> {
        invar_sandbox::available(&self.program).map_err(|error| ExecutorError::Sandbox(Box::new(error)))
    }

    fn run(&self, command: &Command<'_>, log: &mut dyn FnMut(&[u8])) -> Result<Outputs, ExecutorError> {
        let workdir = Workdir::new(&self.store)?;
        let sandbox = self.sandbox(command, &workdir)?;
        let finished = invar_sandbox::run(&sandbox, log);
        let CommandResult { status, owners } =
            finished.map_err(|error| ExecutorError::Sandbox(Box::new(error)))?;
        if status != Status::Exited(0) && self.keep_failed {
            let kept = workdir.keep(&self.store, &command.file_name())?;
            // Whoever asked for them looks at the files where they are now.
            return Ok(Outputs {
                status,
                kept: Some(kept.display().to_string()),
                tree: Box::new(outputs::Moved),
            });
        }
        let tree = Box::new(SandboxOutputs { workdir, sandbox, owners });
        Ok(Outputs { status, kept: None, tree })
    }
}

impl NamespaceExecutor {
    /// Lays out what `command` finds in `workdir`.
    fn sandbox(&self, command: &Command<'_>, workdir: &Workdir) -> Result<Sandbox, ExecutorError> {
        let mut binds = Vec::new();
        for input in &command.inputs {
            let source = workdir.fill(input)?;
            binds.extend(input.also_at.as_ref().map(|at| Bind {
                source,
                target: format!("/{at}"),
                writable: true,
            }));
        }
        binds.push(Bind { source: workdir.build(), target: format!("/{BUILD}"), writable: true });
        let mut root = Vec::new();
        for (number, tree) in command.root.iter().enumerate() {
            root.push(match tree {
                RootTree::Checkout(checkout) => checkout.path().to_owned(),
                RootTree::Loose { tree, contents } => workdir.root_tree(number, tree, *contents)?,
            });
        }
        let disturbing = self.perturbation.variables.get(command.platform.as_str());
        let environment = match disturbing {
            Some(disturbing) => command.variables(disturbing),
            None => command.variables(&BTreeMap::new()),
        };
        let limits = &command.limits;
        Ok(Sandbox {
            program: self.program.clone(),
            root,
            scratch: workdir.layer(),
            command: command.arguments.iter().map(OsString::from).collect(),
            environment: environment.into_iter().map(|(name, value)| (name.into(), value.into())).collect(),
            directory: command.working_directory(),
            binds,
            network: Network::None,
            user: 0,
            group: 0,
            host_name: "invar".to_owned(),
            limits: invar_sandbox::Limits {
                time: Some(limits.time),
                memory: limits.memory,
                processes: Some(limits.processes),
                file_size: Some(limits.disk),
                disk: Some(limits.disk),
                temporary: TEMPORARY,
            },
            ownership: command.ownership,
            cpus: Some(CPUS),
            standard: StandardStreams::Lines,
            fakes: self.perturbation.fakes,
        })
    }
}
