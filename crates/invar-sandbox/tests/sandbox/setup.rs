//! A root with a shell and a few programs, and sandboxes over it.
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use invar_sandbox::{
    CommandResult, Limits, Network, Ownership, Sandbox, SandboxError, StandardStreams, Status, SyscallFakes,
};
use tempfile::TempDir;

/// The program that becomes the sandbox.
pub(crate) const PROBE: &str = env!("CARGO_BIN_EXE_sandbox-probe");

const TOOLS: &[&str] = &[
    "sh", "ls", "cat", "id", "nproc", "stat", "chown", "chmod", "mkdir", "rmdir", "sleep", "ln", "rm", "mv",
    "touch", "date", "dd", "hostname", "env", "setsid", "chroot",
];

/// A root and a scratch folder; removed when dropped.
pub(crate) struct Setup {
    pub(crate) folder: TempDir,
    pub(crate) sandbox: Sandbox,
}

impl Setup {
    /// A root with the tools in `/bin`, the probe among them, an `/etc` and an `/app`.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let root = folder.path().join("root");
        for name in ["bin", "etc", "app"] {
            fs::create_dir_all(root.join(name)).unwrap();
        }
        fs::write(root.join("etc/fixed"), "from the tree\n").unwrap();
        let mut libraries = BTreeSet::new();
        for tool in TOOLS {
            let found = ["/bin", "/usr/bin", "/sbin", "/usr/sbin"].map(|folder| Path::new(folder).join(tool));
            let found =
                found.iter().find(|path| path.exists()).unwrap_or_else(|| panic!("this host has no {tool}"));
            install(found, &root.join("bin").join(tool), &mut libraries);
        }
        install(Path::new(PROBE), &root.join("bin/probe"), &mut libraries);
        for library in &libraries {
            let target = root.join(library.strip_prefix("/").unwrap());
            fs::create_dir_all(target.parent().unwrap()).unwrap();
            fs::copy(library, target).unwrap();
        }
        let scratch = folder.path().join("scratch");
        fs::create_dir(&scratch).unwrap();
        fs::set_permissions(&scratch, fs::Permissions::from_mode(0o700)).unwrap();
        let sandbox = Sandbox {
            program: PROBE.into(),
            root: vec![root],
            scratch,
            command: Vec::new(),
            environment: BTreeMap::from([("PATH".into(), "/bin".into())]),
            directory: "/app".to_owned(),
            binds: Vec::new(),
            network: Network::None,
            user: 0,
            group: 0,
            host_name: "fixed-name".to_owned(),
            limits: Limits {
                time: None,
                memory: None,
                processes: None,
                file_size: None,
                disk: None,
                temporary: 1 << 20,
            },
            ownership: Ownership::Mapped,
            cpus: Some(1),
            standard: StandardStreams::Lines,
            fakes: SyscallFakes::NONE,
        };
        Self { folder, sandbox }
    }

    /// The same, but the root is a copy of the trees.
    pub(crate) fn with_copy() -> Self {
        let setup = Self::new();
        invar_sandbox::force_copy(&setup.sandbox.scratch).unwrap();
        setup
    }

    /// Runs a command; gives its output as well.
    pub(crate) fn run(&mut self, command: &[&str]) -> Result<(String, CommandResult), SandboxError> {
        self.sandbox.command = command.iter().map(Into::into).collect();
        let mut output = Vec::new();
        let finished = invar_sandbox::run(&self.sandbox, &mut |chunk| output.extend_from_slice(chunk))?;
        Ok((String::from_utf8(output).unwrap(), finished))
    }

    /// Runs a shell script that must succeed; gives its output.
    pub(crate) fn sh(&mut self, script: &str) -> String {
        let (output, finished) = self.run(&["sh", "-c", script]).unwrap();
        assert_eq!(finished.status, Status::Exited(0), "{output}");
        output
    }

    /// A file or folder that the command changed, on the host.
    pub(crate) fn changed(&self, path: &str) -> PathBuf {
        invar_sandbox::writable_layer(&self.sandbox).join(path)
    }

    /// The tree.
    pub(crate) fn tree(&self, path: &str) -> PathBuf {
        self.sandbox.root[0].join(path)
    }
}

fn install(program: &Path, target: &Path, libraries: &mut BTreeSet<PathBuf>) {
    fs::copy(program, target).unwrap();
    let listed = Command::new("ldd").arg(program).output().unwrap();
    for word in String::from_utf8(listed.stdout).unwrap().split_whitespace() {
        if word.starts_with('/') {
            libraries.insert(PathBuf::from(word));
        }
    }
}

/// Whether the tests run as root, and so can become someone else.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
