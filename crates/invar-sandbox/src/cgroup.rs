//! Control groups: limits on all processes of a sandbox together, where the host lets the caller have them.
//!
//! A group is created below the caller's own group or, because the kernel wants a group with processes to have no
//! limited children, below the nearest ancestor that hands the controllers on and that the caller may write to. Both
//! versions of the interface are known: `Documentation/admin-guide/cgroup-v2.rst` and `cgroup-v1/` of the kernel.
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{Access, FlockOperation, flock};

use crate::sandbox::Limits;

/// How the names of groups begin: `invar-PROCESS-NUMBER`.
const PREFIX: &str = "invar-";

/// How many names are tried for a group: each sandbox of one process takes the first that is free.
const NAMES: u32 = 10_000;

/// The groups of one sandbox; removed when dropped.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    made: Vec<Group>,
    /// The file that counts how many processes the kernel killed because memory ran out.
    events: Option<PathBuf>,
}

/// One group.
#[derive(Debug)]
struct Group {
    path: PathBuf,
    /// Tells others that it is in use.
    _held: File,
}

/// One hierarchy of groups, as `/proc/self/mountinfo` shows it.
struct Hierarchy {
    unified: bool,
    /// The controllers of an old hierarchy.
    controllers: Vec<String>,
    /// Which group the mount point shows.
    root: String,
    mount: PathBuf,
}

impl Groups {
    /// Makes what the limits need and the host allows; without that, nothing.
    pub(crate) fn make(limits: &Limits) -> Self {
        let mut wanted: Vec<&str> = Vec::new();
        wanted.extend(limits.memory.map(|_| "memory"));
        wanted.extend(limits.processes.map(|_| "pids"));
        let mut groups = Self::default();
        if wanted.is_empty() {
            return groups;
        }
        let (Ok(mounts), Ok(own)) =
            (fs::read_to_string("/proc/self/mountinfo"), fs::read_to_string("/proc/self/cgroup"))
        else {
            return groups;
        };
        for hierarchy in hierarchies(&mounts) {
            let here: Vec<&str> = if hierarchy.unified {
                wanted.clone()
            } else {
                wanted
                    .iter()
                    .copied()
                    .filter(|name| hierarchy.controllers.iter().any(|c| c == name))
                    .collect()
            };
            if here.is_empty() {
                continue;
            }
            let Some(start) = start(&hierarchy, &own) else { continue };
            for parent in start.ancestors().take_while(|path| path.starts_with(&hierarchy.mount)) {
                // In the unified hierarchy a group that has only some of the controllers is still worth having.
                let given: Vec<&str> =
                    if hierarchy.unified { handed_on(parent, &here) } else { here.clone() };
                if given.is_empty()
                    || rustix::fs::access(parent.join("cgroup.procs"), Access::WRITE_OK).is_err()
                {
                    continue;
                }
                if let Ok(group) = make_group(parent) {
                    let path = group.path.clone();
                    groups.made.push(group);
                    if limit(&path, hierarchy.unified, &given, limits).is_ok() {
                        if given.contains(&"memory") {
                            let file = if hierarchy.unified { "memory.events" } else { "memory.oom_control" };
                            groups.events = Some(path.join(file));
                        }
                        wanted.retain(|name| !given.contains(name));
                        break;
                    }
                    drop(fs::remove_dir(&path));
                    groups.made.pop();
                }
            }
        }
        groups
    }

    /// The groups' folders.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.made.iter().map(|group| group.path.as_path())
    }

    /// Whether the kernel killed a process because memory ran out.
    pub(crate) fn killed_for_memory(&self) -> bool {
        let text = self.events.as_ref().and_then(|file| fs::read_to_string(file).ok()).unwrap_or_default();
        text.lines().filter_map(|line| line.strip_prefix("oom_kill ")).any(|count| count.trim() != "0")
    }
}

impl Drop for Groups {
    fn drop(&mut self) {
        for group in self.made.drain(..) {
            // The kernel takes a moment to forget processes that have ended.
            for _ in 0..50 {
                match fs::remove_dir(&group.path) {
                    Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
                        std::thread::sleep(Duration::from_millis(5));
                    }
                    _ => break,
                }
            }
        }
    }
}

/// The hierarchies in a `mountinfo` (proc_pid_mountinfo(5)): field 4 is the root, 5 the mount point; after a lone `-`
/// come the type, the source and the options.
fn hierarchies(mountinfo: &str) -> Vec<Hierarchy> {
    let mut found = Vec::new();
    for line in mountinfo.lines() {
        let Some((front, back)) = line.split_once(" - ") else { continue };
        let front: Vec<&str> = front.split(' ').collect();
        let back: Vec<&str> = back.split(' ').collect();
        let ([_, _, _, root, mount, ..], [kind, _, options, ..]) = (&front[..], &back[..]) else { continue };
        if *kind != "cgroup" && *kind != "cgroup2" {
            continue;
        }
        found.push(Hierarchy {
            unified: *kind == "cgroup2",
            controllers: options.split(',').map(str::to_owned).collect(),
            root: (*root).to_owned(),
            mount: PathBuf::from(mount),
        });
    }
    found
}

/// The folder of the caller's own group in a hierarchy. Lines of `/proc/self/cgroup` are `number:controllers:path`.
fn start(hierarchy: &Hierarchy, own: &str) -> Option<PathBuf> {
    let path = own.lines().find_map(|line| {
        let mut parts = line.splitn(3, ':');
        let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
        let this = if hierarchy.unified {
            controllers.is_empty()
        } else {
            !controllers.is_empty()
                && controllers.split(',').all(|name| hierarchy.controllers.iter().any(|c| c == name))
        };
        this.then_some(path)
    })?;
    let below = Path::new(path).strip_prefix(&hierarchy.root).ok()?;
    if below.components().any(|part| part.as_os_str() == "..") {
        return None;
    }
    Some(hierarchy.mount.join(below))
}

/// Which of the wanted controllers a group hands on to its children.
fn handed_on<'a>(parent: &Path, wanted: &[&'a str]) -> Vec<&'a str> {
    let control = fs::read_to_string(parent.join("cgroup.subtree_control")).unwrap_or_default();
    wanted.iter().copied().filter(|name| control.split_whitespace().any(|given| given == *name)).collect()
}

fn make_group(parent: &Path) -> io::Result<Group> {
    remove_left_behind(parent);
    for number in 0..NAMES {
        let path = parent.join(format!("{PREFIX}{}-{number}", std::process::id()));
        match fs::create_dir(&path) {
            Ok(()) => match hold(&path) {
                Ok(held) => return Ok(Group { path, _held: held }),
                // Someone took it for left behind before it was held, and removes it.
                Err(error)
                    if [io::ErrorKind::WouldBlock, io::ErrorKind::NotFound].contains(&error.kind()) => {}
                Err(error) => {
                    drop(fs::remove_dir(&path));
                    return Err(error);
                }
            },
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Keeps a group from being taken for left behind, until the file is closed or the process ends in any way.
fn hold(path: &Path) -> io::Result<File> {
    let directory = File::open(path)?;
    flock(&directory, FlockOperation::NonBlockingLockExclusive)?;
    // It may have been removed before it was held.
    let (held, there) = (directory.metadata()?, fs::metadata(path)?);
    if held.ino() == there.ino() { Ok(directory) } else { Err(io::ErrorKind::NotFound.into()) }
}

/// Removes the groups of processes that were killed, and so could not.
///
/// A process that cannot be seen from here, in another container, holds its groups; and none is removed in which there
/// are processes: the kernel refuses that.
fn remove_left_behind(parent: &Path) {
    #[expect(clippy::disallowed_methods, reason = "the order in which they are removed is of no interest")]
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(process) = name.to_str().and_then(maker) else { continue };
        if Path::new("/proc").join(process.to_string()).exists() {
            continue;
        }
        if let Ok(_held) = hold(&entry.path()) {
            drop(fs::remove_dir(entry.path()));
        }
    }
}

/// The process that made the group of this name.
fn maker(name: &str) -> Option<u32> {
    let (process, number) = name.strip_prefix(PREFIX)?.split_once('-')?;
    number.parse::<u32>().ok()?;
    process.parse().ok()
}

fn limit(group: &Path, unified: bool, controllers: &[&str], limits: &Limits) -> io::Result<()> {
    let write = |file: &str, value: String| fs::write(group.join(file), value);
    if let Some(bytes) = limits.memory.filter(|_| controllers.contains(&"memory")) {
        if unified {
            write("memory.max", bytes.to_string())?;
            // Absent on hosts without swap accounting; then there is nothing to forbid.
            drop(write("memory.swap.max", "0".to_owned()));
            drop(write("memory.oom.group", "1".to_owned()));
        } else {
            write("memory.limit_in_bytes", bytes.to_string())?;
            drop(write("memory.memsw.limit_in_bytes", bytes.to_string()));
        }
    }
    if let Some(count) = limits.processes.filter(|_| controllers.contains(&"pids")) {
        write("pids.max", count.to_string())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_killed_processes_left_is_removed() {
        let parent = tempfile::tempdir().unwrap();
        // No process has a number above 2^22: `PID_MAX_LIMIT` of the kernel.
        let nobody = 5_000_000;
        let own = std::process::id();
        let stale = [format!("invar-{nobody}-0"), format!("invar-{nobody}-17")];
        let other = ["invar-1-0", "invar-x-0", "invar-", "invar-5000000", "someone-5000000-0"];
        let (running, held, full) =
            (format!("invar-{own}-0"), format!("invar-{nobody}-1"), format!("invar-{nobody}-2"));
        let mut kept = [&running, &held, &full].map(String::as_str).to_vec();
        kept.extend(other);
        for name in stale.iter().map(String::as_str).chain(kept.iter().copied()) {
            fs::create_dir(parent.path().join(name)).unwrap();
        }
        fs::create_dir(parent.path().join(&full).join("process")).unwrap();
        let holder = hold(&parent.path().join(&held)).unwrap();
        let group = make_group(parent.path()).unwrap();
        assert_eq!(group.path, parent.path().join(format!("invar-{own}-1")));
        for name in &stale {
            assert!(!parent.path().join(name).exists(), "{name}");
        }
        for name in kept {
            assert!(parent.path().join(name).exists(), "{name}");
        }
        drop(holder);
        remove_left_behind(parent.path());
        assert!(!parent.path().join(&held).exists(), "its holder is gone");
    }

    #[test]
    fn the_callers_own_group_is_found_in_both_versions() {
        let mountinfo = "30 24 0:26 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n\
                         31 24 0:27 /outer /sys/fs/cgroup/pids rw,relatime shared:9 - cgroup cgroup rw,pids\n\
                         32 24 0:28 / /proc rw - proc proc rw\n";
        let own = "9:name=systemd:/\n8:pids:/outer/inner\n0::/user.slice/a.scope\n";
        let found: Vec<_> = hierarchies(mountinfo).iter().map(|h| start(h, own)).collect();
        let expected = ["/sys/fs/cgroup/unified/user.slice/a.scope", "/sys/fs/cgroup/pids/inner"];
        assert_eq!(found, expected.map(|path| Some(PathBuf::from(path))));
        assert_eq!(start(&hierarchies(mountinfo)[1], "8:pids:/elsewhere\n"), None);
        assert_eq!(start(&hierarchies(mountinfo)[0], "0::/../above\n"), None);
    }
}
