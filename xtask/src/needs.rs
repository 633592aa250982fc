//! What the tests need from the machine, and how it gets there.
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::tier::Tier;

/// Debian packages, each with a program that shows that it is there.
type Needs = &'static [(&'static str, &'static str)];

/// What the quick tests need.
const QUICK: Needs = &[
    ("/usr/bin/git", "git"),
    ("/usr/bin/faketime", "faketime"),
    ("/usr/bin/pgrep", "procps"),
    ("/usr/bin/python3", "python3"),
    ("/usr/bin/readelf", "binutils"),
    ("/usr/bin/setpriv", "util-linux"),
    ("/usr/bin/dpkg-deb", "dpkg"),
    ("/bin/tar", "tar"),
];

/// What the real ones need besides.
const REAL: Needs = &[
    ("/usr/sbin/dockerd", "docker.io"),
    ("/usr/bin/docker", "docker.io"),
    ("/usr/bin/skopeo", "skopeo"),
    ("/usr/bin/chromium", "chromium"),
    ("/usr/bin/openssl", "openssl"),
    ("/usr/bin/qemu-x86_64-static", "qemu-user-static"),
    ("/usr/bin/nix-instantiate", "nix-bin"),
    ("/usr/bin/npm", "npm"),
    ("/usr/lib/python3/dist-packages/pip", "python3-pip"),
];

/// Installs what is missing with apt, for the tests of `tier`, when this is Debian and we are root; otherwise says what is missing.
///
/// # Errors
/// What apt said. A machine where apt cannot be used is not an error: the tests that miss something say so.
pub fn install(tier: Tier) -> Result<(), String> {
    let more = if tier == Tier::Real { REAL } else { &[] };
    let mut missing: Vec<&str> = QUICK
        .iter()
        .chain(more)
        .filter(|(program, _)| !Path::new(program).exists())
        .map(|(_, package)| *package)
        .collect();
    missing.dedup();
    if missing.is_empty() {
        return Ok(());
    }
    let root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
    if !root || !Path::new("/usr/bin/apt-get").exists() {
        eprintln!("xtask: missing, so some tests will be skipped: {}", missing.join(", "));
        return Ok(());
    }
    println!("xtask: installing {}", missing.join(", "));
    apt(&["update", "-qq"])?;
    let mut arguments = vec!["install", "-qq", "-y", "--no-install-recommends"];
    arguments.extend(missing);
    apt(&arguments)
}

/// The folder that has uv, where `PATH` does not lead to it: Debian has no package of it, so it is installed with pip into
/// an environment of its own below `target`. `None` where it is there already, or cannot be had: the tests that miss it
/// say so.
pub fn uv() -> Option<PathBuf> {
    let works = |program: &Path| {
        Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
    };
    if works(Path::new("uv")) {
        return None;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/uv");
    let (programs, python) = (folder.join("bin"), folder.join("bin/python"));
    if works(&programs.join("uv")) {
        return Some(programs);
    }
    println!("xtask: installing uv");
    let run = |program: &Path, arguments: &[&str]| {
        Command::new(program).args(arguments).status().is_ok_and(|status| status.success())
    };
    let make = ["-m", "venv", folder.to_str()?];
    let system = Path::new("/usr/bin/python3");
    // Debian's Python has no venv on its own.
    let made = run(system, &make)
        || apt(&["install", "-qq", "-y", "--no-install-recommends", "python3-venv"]).is_ok()
            && run(system, &make);
    if made && run(&python, &["-m", "pip", "install", "--quiet", "uv"]) {
        return Some(programs);
    }
    eprintln!("xtask: uv cannot be installed, so some tests will be skipped");
    None
}

fn apt(arguments: &[&str]) -> Result<(), String> {
    let status = Command::new("apt-get").args(arguments).env("DEBIAN_FRONTEND", "noninteractive").status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("apt-get {} ended with {status}", arguments.join(" "))),
        Err(error) => Err(format!("apt-get cannot be started: {error}")),
    }
}
