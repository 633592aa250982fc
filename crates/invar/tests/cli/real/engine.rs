//! A Docker engine of the tests' own.
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use crate::support::{Ran, find};

/// A Docker engine, ended when nobody uses it any more.
pub struct Engine {
    daemon: Child,
    socket: String,
    folder: tempfile::TempDir,
}

impl Engine {
    /// One whose containers have this machine's network, and which answers. Tests of a program that run at the same
    /// time share it, and the last of them ends it.
    pub fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Engine>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let engine = Arc::new(Self::of(Command::new(dockerd()).arg("--bridge=none")));
            *shared = Arc::downgrade(&engine);
            engine
        })
    }

    /// Starts one in a network of its own, in which every port is free, and waits until it answers.
    pub fn apart() -> Self {
        Self::of(Command::new("unshare").arg("--net").arg(dockerd()))
    }

    fn of(command: &mut Command) -> Self {
        let folder =
            tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("the target folder is writable");
        // A socket's path is limited to 107 bytes, which a checkout's path may exceed.
        let sockets =
            tempfile::Builder::new().prefix("invar").tempdir().expect("temporary folders can be made");
        let socket = format!("unix://{}/docker.sock", sockets.keep().display());
        let log = std::fs::File::create(folder.path().join("dockerd.log")).expect("the log can be written");
        let daemon = command
            .arg("--data-root")
            .arg(folder.path().join("data"))
            .arg("--exec-root")
            .arg(Path::new(socket.trim_start_matches("unix://")).with_file_name("exec"))
            .arg("--pidfile")
            .arg(folder.path().join("pid"))
            .args(["-H", &socket, "--iptables=false", "--ip6tables=false"])
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("dockerd can be started");
        let engine = Self { daemon, socket, folder };
        for _ in 0..300 {
            if Ran::of(engine.docker().arg("version")).code == 0 {
                return engine;
            }
            thread::sleep(Duration::from_millis(200));
        }
        let log = std::fs::read_to_string(engine.folder.path().join("dockerd.log")).unwrap_or_default();
        panic!("dockerd does not answer:\n{log}");
    }

    /// Where it listens, as `DOCKER_HOST` has it.
    pub fn socket(&self) -> &str {
        &self.socket
    }

    /// `docker` for this engine.
    pub fn docker(&self) -> Command {
        let mut command = Command::new(find("docker").expect("checked before"));
        command.args(["-H", &self.socket]);
        command
    }
}

fn dockerd() -> PathBuf {
    find("dockerd").expect("checked before")
}

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = Ran::of(Command::new("kill").arg(self.daemon.id().to_string()));
        let _ = self.daemon.wait();
        let socket = Path::new(self.socket.trim_start_matches("unix://"));
        let _ = std::fs::remove_dir_all(socket.parent().expect("the socket is in a folder"));
    }
}
