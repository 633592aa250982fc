//! What the command sees as its root: the trees, made writable, with the few file systems that programs expect.
use std::io::{self, IsTerminal as _};
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{Mode, OFlags};
use rustix::mount::{MountFlags, UnmountFlags};

use crate::copy;
use crate::cpu_files;
use crate::host_settings::PROC;
use crate::kernel;
use crate::layer::{COPY, CPU_INFORMATION, CPU_STATISTICS, MADE, NAMES, ROOT, UPPER, WORK};
use crate::mounts::{
    MountKind, NO_DEVICES, NO_PROGRAMS, NO_SETUID, NewRoot, READ_ONLY, bind, magic, mount_new, open_path,
};
use crate::report::{failed, refused};
use crate::wire::{Order, Report};

/// Devices of the host that programs may expect anywhere.
const DEVICES: &[&str] = &["null", "zero", "full", "random", "urandom", "tty"];
/// What `/dev` has in addition to them.
const LINKS: &[(&str, &str)] = &[
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
];
/// Parts of `/proc` that steer the host, and that the host's root could write to even from here.
const STEERING: &[&str] =
    &["sys", "sysrq-trigger", "irq", "bus", "fs", "acpi", "scsi", "asound", "driver", "mtrr"];
/// Parts of `/proc` that reveal the host.
const TELLING: &[&str] =
    &["kcore", "keys", "key-users", "timer_list", "sched_debug", "kmsg", "latency_stats"];
/// How the host's name servers are found.
const RESOLVER: &str = "/etc/resolv.conf";
/// Names that need no name server.
const HOSTS: &str = "/etc/hosts";
/// What every host knows without a name server.
const LOOPBACK: &str = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n";
/// Where a host without a fixed address finds itself, as Debian's installer has it.
const OWN_ADDRESS: &str = "127.0.1.1";
/// How many files a `tmpfs` may hold. The kernel's own limit is a share of the host's memory.
const FILES: u32 = 1 << 20;

const NO_SETUID_NO_DEVICES: MountFlags = MountFlags::NOSUID.union(MountFlags::NODEV);

/// The root as the init needs to know it afterwards.
pub(crate) struct EnteredRoot {
    /// The folder that holds what changed.
    pub(crate) layer: OwnedFd,
}

/// Makes the root of this process, and of all that it starts, the one that was ordered.
pub(crate) fn enter(order: &Order) -> Result<EnteredRoot, Report> {
    let scratch = order.scratch.path();
    let scratch_fd = open_path(&scratch).map_err(failed(format!("opening {}", scratch.display())))?;
    let layer = mount_root(order, &scratch_fd)?;
    let mut root = NewRoot::open(&scratch.join(ROOT)).map_err(failed("opening the new root"))?;
    kernel::set_mount_flags(&root.fd, NO_SETUID | NO_DEVICES, false)
        .map_err(failed("setting flags on the root, which needs Linux 5.12"))?;
    mount_proc(&mut root)?;
    let temporary = tmpfs_options(order.temporary, "1777");
    mount_devices(&mut root, &temporary, !order.lines).map_err(failed("making /dev"))?;
    mount_cpus(&mut root, &scratch_fd, order).map_err(failed("showing the CPUs"))?;
    root.mount_at("/tmp", "tmpfs", NO_SETUID_NO_DEVICES, &temporary).map_err(failed("making /tmp"))?;
    mount_names(&mut root, &scratch_fd, order)?;
    for item in &order.binds {
        let step = || failed(format!("binding {} to {}", item.source.lossy(), item.target));
        let source = open_path(&item.source.path()).map_err(step())?;
        let flags = NO_SETUID | NO_DEVICES | if item.writable { 0 } else { READ_ONLY };
        root.bind_at(&source, &item.target, flags).map_err(step())?;
    }
    root.mount_point(&order.directory, MountKind::Directory, true)
        .map_err(failed(format!("making the working directory {}", order.directory)))?;
    write_new(&scratch_fd, MADE, &root.made()).map_err(failed("noting the mount points"))?;
    turn(&root).map_err(failed("entering the new root"))?;
    Ok(EnteredRoot { layer })
}

/// Mounts the trees, writable, on `root` in the scratch folder. Gives the folder that holds what changes.
fn mount_root(order: &Order, scratch: &OwnedFd) -> Result<OwnedFd, Report> {
    let mut lower = Vec::new();
    for tree in &order.root {
        let tree = tree.path();
        lower.push(open_path(&tree).map_err(failed(format!("opening {}", tree.display())))?);
    }
    let folder = |name: &str, mode| -> io::Result<OwnedFd> {
        match rustix::fs::mkdirat(scratch, name, Mode::from_raw_mode(mode)) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(rustix::fs::openat(scratch, name, flags, Mode::empty())?)
    };
    let step = || failed(format!("making folders in {}", order.scratch.lossy()));
    let target = folder(ROOT, 0o755).map_err(step())?;
    let forced = rustix::fs::statat(scratch, COPY, rustix::fs::AtFlags::SYMLINK_NOFOLLOW).is_ok();
    if !forced {
        let (upper, work) = (folder(UPPER, 0o755).map_err(step())?, folder(WORK, 0o700).map_err(step())?);
        if mount_overlay(&lower, &upper, &work, &target).is_ok() {
            return Ok(upper);
        }
        // What an attempt leaves is no part of the copy.
        for name in [UPPER, WORK] {
            let _ = rustix::fs::unlinkat(scratch, name, rustix::fs::AtFlags::REMOVEDIR);
        }
    }
    let whole = folder(COPY, 0o755).map_err(step())?;
    for (tree, path) in lower.iter().zip(&order.root) {
        copy::copy(tree, &whole).map_err(failed(format!("copying {}", path.lossy())))?;
    }
    bind(&whole, &target).map_err(failed("mounting the copy"))?;
    Ok(whole)
}

/// Mounts an overlay. Folders are named by descriptor, because `:` and `,` in a path would be read as separators.
fn mount_overlay(
    lower: &[OwnedFd],
    upper: &OwnedFd,
    work: &OwnedFd,
    target: &OwnedFd,
) -> Result<(), io::Error> {
    // The highest comes first.
    let lower: Vec<String> = lower.iter().rev().map(magic).collect();
    let options =
        format!("lowerdir={},upperdir={},workdir={},userxattr", lower.join(":"), magic(upper), magic(work));
    // Nothing here has to survive a crash of the host, and package managers sync after every file.
    mount_new("overlay", target, MountFlags::empty(), &format!("{options},volatile"))
        .or_else(|_| mount_new("overlay", target, MountFlags::empty(), &options))
}

fn tmpfs_options(size: u64, mode: &str) -> String {
    // Zero would mean that there is no limit.
    format!("size={},nr_inodes={FILES},mode={mode}", size.max(4096))
}

fn mount_proc(root: &mut NewRoot) -> Result<(), Report> {
    let proc = root
        .mount_at("/proc", "proc", NO_SETUID_NO_DEVICES.union(MountFlags::NOEXEC), "")
        .map_err(refused(PROC))?;
    let within = |name: &str| {
        rustix::fs::openat(&proc, name, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
    };
    let guard = || -> io::Result<()> {
        for name in STEERING {
            let Ok(part) = within(name) else { continue };
            bind(&part, &part)?;
            kernel::set_mount_flags(within(name)?, READ_ONLY | NO_SETUID | NO_DEVICES | NO_PROGRAMS, true)?;
        }
        let nothing = open_path("/dev/null".as_ref())?;
        for name in TELLING {
            let Ok(part) = within(name) else { continue };
            bind(&nothing, &part)?;
        }
        Ok(())
    };
    guard().map_err(failed("guarding /proc"))
}

fn mount_devices(root: &mut NewRoot, temporary: &str, inherits: bool) -> io::Result<()> {
    let quiet = MountFlags::NOSUID.union(MountFlags::NOEXEC);
    let devices = root.mount_at("/dev", "tmpfs", quiet, &tmpfs_options(64 << 10, "755"))?;
    for name in DEVICES {
        let source = open_path(format!("/dev/{name}").as_ref())?;
        let target = root.mount_point(&format!("/dev/{name}"), MountKind::File, false)?;
        bind(&source, &target)?;
    }
    for (name, target) in LINKS {
        rustix::fs::symlinkat(*target, &devices, *name)?;
    }
    root.mount_at("/dev/pts", "devpts", quiet, "newinstance,ptmxmode=0666,mode=620")?;
    if inherits && std::io::stdin().is_terminal() {
        // The caller's terminal has no name among the new ones; under this one ttyname(3) finds it, as in containers.
        // By its name: what was opened before belongs to the host's mounts, which cannot be shown here.
        let name = rustix::termios::ttyname(std::io::stdin(), Vec::new());
        let terminal = name.ok().and_then(|name| open_path(std::path::Path::new(name.to_str().ok()?)).ok());
        if let Some(terminal) = terminal {
            let target = root.mount_point("/dev/console", MountKind::File, false)?;
            bind(&terminal, &target)?;
        }
    }
    root.mount_at("/dev/shm", "tmpfs", NO_SETUID_NO_DEVICES, temporary)?;
    Ok(())
}

/// Makes a `/sys` that says no more than how many CPUs there are: the C library asks there first. Where that number was
/// asked for, `/proc` shows the same.
fn mount_cpus(root: &mut NewRoot, scratch: &OwnedFd, order: &Order) -> io::Result<()> {
    let sys = root.mount_at("/sys", "tmpfs", NO_SETUID_NO_DEVICES, &tmpfs_options(64 << 10, "755"))?;
    let folder = root.mount_point("/sys/devices/system/cpu", MountKind::Directory, false)?;
    let seen = crate::cpus::seen(order)?;
    for name in ["online", "possible", "present"] {
        write_new(&folder, name, cpu_files::online(seen).as_bytes())?;
    }
    kernel::set_mount_flags(sys, READ_ONLY | NO_SETUID | NO_DEVICES | NO_PROGRAMS, false)?;
    if order.cpus.is_some() {
        bind_text(root, scratch, CPU_INFORMATION, &cpu_files::information(seen), "/proc/cpuinfo")?;
        bind_text(root, scratch, CPU_STATISTICS, &cpu_files::statistics(seen), "/proc/stat")?;
    }
    Ok(())
}

/// Makes names resolvable: those of the host's network if it is there, and always the sandbox's own, which programs
/// look up to find their address.
fn mount_names(root: &mut NewRoot, scratch: &OwnedFd, order: &Order) -> Result<(), Report> {
    let flags = READ_ONLY | NO_SETUID | NO_DEVICES;
    let mut known = LOOPBACK.to_owned();
    if order.host_network {
        if let Ok(source) = open_path(RESOLVER.as_ref()) {
            root.bind_at(&source, RESOLVER, flags).map_err(failed(format!("binding {RESOLVER}")))?;
        }
        if let Ok(text) = std::fs::read(HOSTS) {
            known = String::from_utf8_lossy(&text).into_owned();
        }
    }
    let name = &order.host_name;
    let mut words =
        known.lines().flat_map(|line| line.split('#').next().unwrap_or("").split_whitespace().skip(1));
    let can_stand =
        !name.is_empty() && !name.contains(|character: char| character.is_whitespace() || character == '#');
    if can_stand && !words.any(|word| word == name) {
        if !known.is_empty() && !known.ends_with('\n') {
            known.push('\n');
        }
        known.push_str(&format!("{OWN_ADDRESS}\t{name}\n"));
    }
    bind_text(root, scratch, NAMES, &known, HOSTS).map_err(failed(format!("making {HOSTS}")))
}

/// Shows a text as a file that cannot be written; `name` is where it is kept, in the scratch folder.
fn bind_text(root: &mut NewRoot, scratch: &OwnedFd, name: &str, text: &str, path: &str) -> io::Result<()> {
    write_new(scratch, name, text.as_bytes())?;
    let open = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let source = rustix::fs::openat(scratch, name, open, Mode::empty())?;
    root.bind_at(&source, path, READ_ONLY | NO_SETUID | NO_DEVICES)
}

fn write_new(folder: &impl AsFd, name: &str, content: &[u8]) -> io::Result<()> {
    let flags = OFlags::CREATE | OFlags::TRUNC | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(folder, name, flags, Mode::from_raw_mode(0o644))?;
    io::Write::write_all(&mut std::fs::File::from(file), content)
}

/// Turns the new root into the root, and lets go of the old one: nothing of the host can be reached by path then.
fn turn(root: &NewRoot) -> io::Result<()> {
    rustix::process::fchdir(&root.fd)?;
    // The old root ends up on top of the new one, in the same place, from where it is removed.
    rustix::process::pivot_root(".", ".")?;
    rustix::mount::unmount(".", UnmountFlags::DETACH)?;
    Ok(rustix::process::chdir("/")?)
}
