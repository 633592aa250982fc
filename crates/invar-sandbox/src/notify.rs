//! Changes of owner that are noted instead of made: see seccomp_unotify(2).
//!
//! The filter stops a process at a call that changes owners and hands the call to the init, which finds out the file
//! that is meant, does all that else the call does (copying the file up, clearing its set-user-id bits, failing
//! where nothing can be written), notes the owner, and answers that it is done. Calls that change the process's own
//! user are answered without doing anything.
//!
//! What a path means is read from the process's memory, so another thread could change it meanwhile. That is no way
//! out: the worst that comes of it is another owner noted for a file that the command may change anyway.
#![expect(unsafe_code, reason = "the ioctls of the listener pass structures to the kernel")]
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::caller::Reply;
use crate::cpus::Choices;
use crate::filter::{self, AnsweredCalls};
use crate::mounts::{magic, mount_of, open_path};
use crate::sandbox::SyscallFakes;
use crate::syscall_fakes;

/// The longest path that the kernel takes, with the zero at its end.
const LONGEST: usize = 4096;

/// A note about one file.
struct OwnerNote {
    user: u32,
    group: u32,
    /// Keeps the number of a file that was removed from being given to another, which would inherit the note. Not
    /// needed where the note says what holds without one: package managers note root for each of a million files.
    held: Option<OwnedFd>,
}

/// Answers the system calls that the filter hands over.
pub(crate) struct Recorder {
    /// Nothing once no process is left under the filter.
    listener: Option<OwnedFd>,
    /// The folder that holds what changes, by whose numbers files are noted.
    layer: OwnedFd,
    /// The mount that is the root.
    root: u64,
    /// Who owns a file without a note.
    default: (u32, u32),
    fakes: SyscallFakes,
    /// Where there are fewer CPUs than the command is to see.
    cpus: Option<Choices>,
    notes: BTreeMap<(u64, u64), OwnerNote>,
}

/// Gives the init what it listens on.
pub(crate) fn hand_over(listener: &OwnedFd, to: &OwnedFd) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut attached = SendAncillaryBuffer::new(&mut space);
    let fds = [listener.as_fd()];
    attached.push(SendAncillaryMessage::ScmRights(&fds));
    rustix::net::sendmsg(to, &[IoSlice::new(b"x")], &mut attached, SendFlags::NOSIGNAL)?;
    Ok(())
}

impl Recorder {
    /// Takes over what [`hand_over`] gives; nothing if the other side ended before that.
    pub(crate) fn receive(
        from: &OwnedFd,
        layer: OwnedFd,
        default: (u32, u32),
        answered: AnsweredCalls,
    ) -> io::Result<Option<Self>> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut attached = RecvAncillaryBuffer::new(&mut space);
        let mut byte = [0];
        let mut into = [IoSliceMut::new(&mut byte)];
        rustix::io::retry_on_intr(|| {
            rustix::net::recvmsg(from, &mut into, &mut attached, RecvFlags::CMSG_CLOEXEC)
        })?;
        let listener = attached.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
            _ => None,
        });
        let Some(listener) = listener else { return Ok(None) };
        let most = getrlimit(Resource::Nofile).maximum;
        let _ = setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most });
        let root = mount_of(&open_path("/".as_ref())?)?;
        Ok(Some(Self {
            listener: Some(listener),
            layer,
            root,
            default,
            fakes: answered.fakes,
            cpus: answered.cpus.map(Choices::among),
            notes: BTreeMap::new(),
        }))
    }

    /// What becomes readable when there is a call to answer.
    pub(crate) fn listener(&self) -> Option<BorrowedFd<'_>> {
        self.listener.as_ref().map(AsFd::as_fd)
    }

    /// Stops listening: no process is left under the filter.
    pub(crate) fn rest(&mut self) {
        self.listener = None;
    }

    /// Answers one call.
    pub(crate) fn answer(&mut self) {
        let Some(listener) = self.listener.as_ref().map(AsRawFd::as_raw_fd) else { return };
        // SAFETY: all zero is valid for both, and demanded by the kernel for the first.
        let (mut call, mut answer): (libc::seccomp_notif, libc::seccomp_notif_resp) =
            unsafe { (std::mem::zeroed(), std::mem::zeroed()) };
        // SAFETY: the kernel writes one such structure. A process that was killed meanwhile leaves nothing to answer.
        if unsafe { libc::ioctl(listener, libc::SECCOMP_IOCTL_NOTIF_RECV as _, &raw mut call) } < 0 {
            return;
        }
        let still_waits = || {
            // SAFETY: the kernel reads one number.
            unsafe { libc::ioctl(listener, libc::SECCOMP_IOCTL_NOTIF_ID_VALID as _, &raw const call.id) == 0 }
        };
        answer.id = call.id;
        let of_cpus = self.cpus.as_mut().and_then(|cpus| cpus.answer(&call, &still_waits));
        let done = match of_cpus.or_else(|| syscall_fakes::answer(self.fakes, &call, &still_waits)) {
            Some(done) => done,
            None => match Request::read(&call) {
                Ok(Some(request)) => {
                    // Only now is it sure that all that was opened belongs to this process, and not to a later one.
                    if !still_waits() {
                        return;
                    }
                    request.file().and_then(|file| self.note(&file, request.user, request.group))
                }
                Ok(None) => Ok(()),
                Err(error) => Err(error),
            }
            .map(|()| Reply::Value(0)),
        };
        match done {
            Ok(Reply::Value(value)) => answer.val = value,
            Ok(Reply::GoOn) => answer.flags = libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32,
            Err(error) => answer.error = -error.raw_os_error().unwrap_or(libc::EIO),
        }
        // SAFETY: the kernel reads one such structure.
        unsafe { libc::ioctl(listener, libc::SECCOMP_IOCTL_NOTIF_SEND as _, &raw mut answer) };
    }

    /// Notes an owner, after everything else that changing it does.
    fn note(&mut self, file: &OwnedFd, user: u32, group: u32) -> io::Result<()> {
        rustix::fs::chownat(file, "", None, None, AtFlags::EMPTY_PATH)?;
        let Some(file) = self.in_layer(file)? else { return Ok(()) };
        let found = rustix::fs::fstat(&file)?;
        let key = (found.st_dev, found.st_ino);
        let before = self.notes.get(&key).map_or(self.default, |note| (note.user, note.group));
        let user = if user == u32::MAX { before.0 } else { user };
        let group = if group == u32::MAX { before.1 } else { group };
        let held = ((user, group) != self.default).then_some(file);
        self.notes.insert(key, OwnerNote { user, group, held });
        Ok(())
    }

    /// The file as it is known outside: in the folder that holds what changes, or in the source of a bind. Nothing if
    /// it has no name any more.
    fn in_layer(&self, file: &OwnedFd) -> io::Result<Option<OwnedFd>> {
        if mount_of(file)? != self.root {
            return Ok(Some(file.try_clone()?));
        }
        if rustix::fs::fstat(file)?.st_nlink == 0 {
            return Ok(None);
        }
        let path = rustix::fs::readlink(magic(file), Vec::new())?;
        let inside = path.to_bytes().strip_prefix(b"/").ok_or(Errno::NOENT)?;
        if inside.is_empty() {
            return Ok(Some(self.layer.try_clone()?));
        }
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let beneath = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        match rustix::fs::openat2(&self.layer, inside, flags, Mode::empty(), beneath) {
            Ok(found) => Ok(Some(found)),
            // Removed or renamed while its owner changed, which is a race of the command with itself.
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// All notes about files that still exist.
    pub(crate) fn finish(self) -> Vec<((u64, u64), (u32, u32))> {
        let exists = |note: &OwnerNote| {
            note.held
                .as_ref()
                .is_none_or(|file| rustix::fs::fstat(file).is_ok_and(|found| found.st_nlink > 0))
        };
        let kept = self.notes.into_iter().filter(|(_, note)| exists(note));
        kept.map(|(file, note)| (file, (note.user, note.group))).collect()
    }
}

/// A call that changes the owner of a file, as far as it depends on the process that made it.
struct Request {
    /// What the path starts from; the file itself if there is no path.
    base: OwnedFd,
    /// The root of the process, if the path is to be resolved in it.
    root: Option<OwnedFd>,
    path: Vec<u8>,
    follow: bool,
    user: u32,
    group: u32,
}

impl Request {
    /// Reads a call; nothing if it is one that changes the process's own user.
    fn read(call: &libc::seccomp_notif) -> io::Result<Option<Self>> {
        let number = libc::c_long::from(call.data.nr);
        let [first, second, third, fourth, fifth, _] = call.data.args;
        // Registers are 64 bits wide, the arguments 32: the rest of the register means nothing.
        let id = |value: u64| value as u32;
        let here = libc::AT_FDCWD;
        let (at, path, user, group, flags) = match number {
            libc::SYS_fchown => (first as i32, None, id(second), id(third), libc::AT_EMPTY_PATH),
            libc::SYS_fchownat => (first as i32, Some(second), id(third), id(fourth), fifth as i32),
            #[cfg(target_arch = "x86_64")]
            libc::SYS_chown => (here, Some(first), id(second), id(third), 0),
            #[cfg(target_arch = "x86_64")]
            libc::SYS_lchown => (here, Some(first), id(second), id(third), libc::AT_SYMLINK_NOFOLLOW),
            _ if filter::RECORDED.contains(&number) => return Ok(None),
            _ => return Err(Errno::NOSYS.into()),
        };
        if flags & !(libc::AT_EMPTY_PATH | libc::AT_SYMLINK_NOFOLLOW) != 0 {
            return Err(Errno::INVAL.into());
        }
        let process = call.pid;
        let path = path.map(|address| read_path(process, address)).transpose()?.unwrap_or_default();
        let open = |name: &str| open_path(Path::new(&format!("/proc/{process}/{name}")));
        let base = if at == here {
            open("cwd")?
        } else {
            // No such descriptor is an error of its own.
            open(&format!("fd/{at}")).map_err(|_| io::Error::from(Errno::BADF))?
        };
        if path.is_empty() {
            if flags & libc::AT_EMPTY_PATH == 0 {
                return Err(Errno::NOENT.into());
            }
            return Ok(Some(Self { base, root: None, path, follow: false, user, group }));
        }
        let root = Some(open("root")?);
        let follow = flags & libc::AT_SYMLINK_NOFOLLOW == 0;
        Ok(Some(Self { base, root, path, follow, user, group }))
    }

    /// The file that is meant, as the process itself would find it.
    fn file(&self) -> io::Result<OwnedFd> {
        let Some(root) = &self.root else { return self.base.try_clone() };
        let mut flags = OFlags::PATH | OFlags::CLOEXEC;
        if !self.follow {
            flags |= OFlags::NOFOLLOW;
        }
        let open = |at: &OwnedFd, path: &[u8], resolve| {
            rustix::fs::openat2(at, path, flags, Mode::empty(), resolve).map_err(io::Error::from)
        };
        if self.path.starts_with(b"/") {
            return open(root, &self.path, ResolveFlags::IN_ROOT);
        }
        let same = |one: &OwnedFd, other: &OwnedFd| -> io::Result<bool> {
            let (a, b) = (rustix::fs::fstat(one)?, rustix::fs::fstat(other)?);
            Ok((a.st_dev, a.st_ino) == (b.st_dev, b.st_ino) && mount_of(one)? == mount_of(other)?)
        };
        if same(root, &rustix::fs::openat(CWD, "/", OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?)? {
            return open(&self.base, &self.path, ResolveFlags::NO_MAGICLINKS);
        }
        // The process changed its root: `..` must stop there, and links start there.
        let (base, root_path) = (name_of(&self.base)?, name_of(root)?);
        let below = base.strip_prefix(root_path.as_slice()).ok_or(Errno::NOENT)?;
        open(root, &[below, b"/", &self.path].concat(), ResolveFlags::IN_ROOT)
    }
}

fn name_of(fd: &OwnedFd) -> io::Result<Vec<u8>> {
    Ok(rustix::fs::readlink(magic(fd), Vec::new())?.into_bytes())
}

/// Reads a path from another process's memory.
fn read_path(process: u32, address: u64) -> io::Result<Vec<u8>> {
    let memory = File::open(format!("/proc/{process}/mem"))?;
    let mut path = vec![0; LONGEST];
    let mut filled = 0;
    while filled < LONGEST {
        // The path may end right before memory that cannot be read.
        let at = address.checked_add(filled as u64).ok_or(Errno::FAULT)?;
        let count = memory.read_at(&mut path[filled..], at).map_err(|_| io::Error::from(Errno::FAULT))?;
        let end = path[filled..filled + count].iter().position(|byte| *byte == 0);
        if let Some(end) = end {
            path.truncate(filled + end);
            return Ok(path);
        }
        if count == 0 {
            return Err(Errno::FAULT.into());
        }
        filled += count;
    }
    Err(Errno::NAMETOOLONG.into())
}
