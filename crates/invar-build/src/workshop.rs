//! Where commands are run: a sandbox over checked-out trees, with everything fixed that a build could see.
use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use invar_oci::FILE_TIME;
use invar_project::{InvarLock, Platform};
use invar_sandbox::{
    Bind, CaptureRules, Finished, Layering, Limits, Modes, Network, Owners, Ownership, Sandbox, Standard,
    Status,
};
use invar_store::{Key, Scratch};
use invar_tree::{Contents, ImagePath, Mode, Node, Owner, Sink, SinkError, Tree};
use rustix::process::Signal;

use crate::hints::{self, PackagesOf};
use crate::indexes::snapshot_times;
use crate::project::ProjectFiles;
use crate::{BuildError, Event, Session};

/// The folder in which builds are run, without a leading slash. It is the same everywhere, since compilers write it
/// into what they make.
pub(crate) const BUILD: &str = "build";

/// How many CPUs a build sees, even where there are fewer: the host's own number must not reach what it makes.
const CPUS: u32 = 2;

/// How many of its last lines a failure shows.
pub(crate) const LAST_LINES: usize = 20;

/// How many processes and threads one build may have at once.
const PROCESSES: u64 = 4096;

/// How many bytes of what a build prints are kept.
const LOG: u64 = 16 << 20;

/// The most that one build may leave, in bytes and in files.
const RULES: CaptureRules = CaptureRules { modes: Modes::Normalised, bytes: 16 << 30, entries: 2_000_000 };

/// The project that things are built for, and what they are built with.
#[derive(Clone, Copy)]
pub(crate) struct Workshop<'a> {
    pub session: &'a Session<'a>,
    pub files: &'a ProjectFiles,
    pub lock: &'a InvarLock,
    pub platform: Platform,
}

/// A command to run, and what it finds.
pub(crate) struct Job<'a> {
    /// How progress and errors call it.
    pub label: &'a str,
    /// Whose `packages` of the manifest it finds.
    pub packages_of: Option<PackagesOf>,
    /// What it depends on: the log of a failure is named after it.
    pub key: Key,
    /// The checked-out trees of its root, the lowest first.
    pub roots: Vec<PathBuf>,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Variables besides the fixed ones.
    pub environment: BTreeMap<String, String>,
    /// The working directory, relative to the build folder.
    pub directory: &'a str,
    /// What else is there.
    pub binds: Vec<Bind>,
    /// How long it may take.
    pub time: Duration,
    /// What gives it more time, as a sentence.
    pub longer: Option<&'static str>,
    /// What becomes of owners that it gives to files.
    pub ownership: Ownership,
}

/// A private folder in the store in which one job is run: the build folder is filled before, and read after.
pub(crate) struct Bench {
    scratch: Scratch,
}

/// What a job left.
pub(crate) struct Left {
    bench: Bench,
    sandbox: Sandbox,
    owners: Owners,
}

/// Why a command that was run in the sandbox failed.
#[derive(Debug, thiserror::Error)]
#[error("{label} {problem}{}", Details(self))]
pub struct StepFailure {
    /// What was built.
    pub label: String,
    /// How it ended, as the end of a sentence.
    pub problem: String,
    /// The last lines that it printed.
    pub last_lines: Vec<String>,
    /// The file with all that it printed.
    pub log: PathBuf,
    /// The folder in which its files are kept, where that was asked for.
    pub kept: Option<PathBuf>,
    /// What may help.
    pub hint: Option<String>,
}

struct Details<'a>(&'a StepFailure);

/// A number of bytes, for people.
struct Size(u64);

impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const UNITS: [(&str, u32); 3] = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
        let unit = UNITS.iter().find(|(_, shift)| self.0 >> shift >= 1);
        let Some((unit, shift)) = unit else { return write!(f, "{} bytes", self.0) };
        // In tenths, without the error of a binary fraction.
        let tenths = (u128::from(self.0) * 10) >> shift;
        match tenths % 10 {
            0 => write!(f, "{} {unit}", tenths / 10),
            tenth => write!(f, "{}.{tenth} {unit}", tenths / 10),
        }
    }
}

impl std::fmt::Display for Details<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !self.0.last_lines.is_empty() {
            f.write_str("; its last lines:")?;
        }
        for line in &self.0.last_lines {
            write!(f, "\n  | {line}")?;
        }
        write!(f, "\nthe full log is {}", self.0.log.display())?;
        match &self.0.kept {
            Some(kept) => write!(f, "\nits files are in {}", kept.display()),
            None => Ok(()),
        }
    }
}

impl<'a> Workshop<'a> {
    /// The moments at which the snapshot service has the packages of `suite`.
    pub fn times(&self, suite: &str) -> Vec<String> {
        let found = self.lock.suites.iter().find(|(name, _)| name.as_str() == suite);
        found.map(|(_, suite)| snapshot_times(suite.date)).unwrap_or_default()
    }

    /// Whether programs of the platform can be run here.
    ///
    /// # Errors
    /// [`BuildError::ForeignPlatform`].
    pub fn check_platform(&self, label: &str) -> Result<(), BuildError> {
        let (machine, host) = match self.platform {
            Platform::LinuxAmd64 => ("x86_64", cfg!(target_arch = "x86_64")),
            Platform::LinuxArm64 => ("aarch64", cfg!(target_arch = "aarch64")),
        };
        // An emulator that the kernel has opened beforehand (flag F of binfmt_misc) works in any root.
        let emulated = || {
            let path = format!("/proc/sys/fs/binfmt_misc/qemu-{machine}");
            fs::read_to_string(path).is_ok_and(|text| {
                let flags = text.lines().find_map(|line| line.strip_prefix("flags:"));
                text.starts_with("enabled") && flags.is_some_and(|flags| flags.contains('F'))
            })
        };
        if !host && !emulated() {
            let (label, platform) = (label.to_owned(), self.platform);
            return Err(BuildError::ForeignPlatform { label, platform });
        }
        Ok(())
    }

    /// Whether commands can be run here, before anything is fetched for one.
    ///
    /// # Errors
    /// [`BuildError::ForeignPlatform`], [`BuildError::Sandbox`].
    pub fn check(&self, label: &str) -> Result<(), BuildError> {
        self.check_platform(label)?;
        invar_sandbox::available(&self.session.programs.sandbox)
            .map_err(|source| BuildError::Sandbox { label: label.to_owned(), source: Box::new(source) })
    }

    /// An empty build folder.
    ///
    /// # Errors
    /// What the store says.
    pub fn bench(&self) -> Result<Bench, BuildError> {
        let bench = Bench { scratch: self.session.store.scratch()? };
        for folder in ["build", "layer"] {
            let path = bench.scratch.path().join(folder);
            fs::create_dir(&path).map_err(|source| BuildError::Output { path, source })?;
        }
        Ok(bench)
    }

    /// Runs `job` on `bench`.
    ///
    /// # Errors
    /// [`BuildError::Sandbox`], [`BuildError::Step`], and what the disk says.
    pub fn run(&self, bench: Bench, job: Job<'_>) -> Result<Left, BuildError> {
        let Job {
            label,
            packages_of,
            key,
            roots,
            command,
            environment,
            directory,
            mut binds,
            time,
            longer,
            ownership,
        } = job;
        let build = bench.build();
        binds.push(Bind { source: build, target: format!("/{BUILD}"), writable: true });
        let directory = match directory {
            "" => format!("/{BUILD}"),
            inner => format!("/{BUILD}/{inner}"),
        };
        let perturbation = &self.session.perturbation;
        let disturbing = perturbation.variables.get(self.platform.as_str()).cloned().unwrap_or_default();
        let environment = fixed_environment().into_iter().chain(disturbing).chain(environment);
        let sandbox = Sandbox {
            program: self.session.programs.sandbox.clone(),
            root: roots,
            scratch: bench.scratch.path().join("layer"),
            command: command.into_iter().map(OsString::from).collect(),
            environment: environment.map(|(name, value)| (name.into(), value.into())).collect(),
            directory,
            binds,
            network: Network::None,
            user: 0,
            group: 0,
            host_name: "invar".to_owned(),
            limits: Limits {
                time: Some(time),
                memory: self.session.build_limits.memory,
                processes: Some(PROCESSES),
                file_size: Some(self.session.build_limits.disk),
                disk: Some(self.session.build_limits.disk),
                temporary: 8 << 30,
            },
            ownership,
            cpus: Some(CPUS),
            standard: Standard::Lines,
            illusion: perturbation.illusion,
        };
        let log_path = bench.scratch.path().join("log");
        let mut log = Log::new(&log_path, self.session, label)?;
        self.session.reporter.event(&Event::StepStarted { label });
        let finished = invar_sandbox::run(&sandbox, &mut |bytes| log.take(bytes));
        let (mut lines, written) = log.finish();
        let Finished { status, owners } = finished
            .map_err(|source| BuildError::Sandbox { label: label.to_owned(), source: Box::new(source) })?;
        written.map_err(|source| BuildError::Output { path: log_path.clone(), source })?;
        let problem = match status {
            Status::Exited(0) => {
                self.session.reporter.event(&Event::StepFinished { label });
                return Ok(Left { bench, sandbox, owners });
            }
            Status::Exited(code) => format!("failed with exit code {code}"),
            Status::Signaled(signal) => format!("was ended by signal {signal}"),
            Status::TimedOut => format!("took longer than {time:?}"),
            Status::OutOfMemory => {
                let most = self.session.build_limits.memory.unwrap_or_default();
                format!("ran out of memory: it may use {}", Size(most))
            }
            Status::OutOfDisk => {
                format!("wrote too much: it may use {} of disk", Size(self.session.build_limits.disk))
            }
        };
        let log = self.keep_log(&log_path, label, &key)?;
        let kept = match self.session.keep_failed {
            true => Some(keep(bench, label, &key)?),
            false => None,
        };
        let hint = match status {
            Status::TimedOut => longer.map(str::to_owned),
            Status::OutOfMemory => Some(hints::MORE_MEMORY.to_owned()),
            Status::OutOfDisk => Some(hints::MORE_DISK.to_owned()),
            // A file that became larger than it may.
            Status::Signaled(signal) if signal == Signal::XFSZ.as_raw() => Some(hints::MORE_DISK.to_owned()),
            _ => hints::hint(self, &lines, packages_of.as_ref(), &sandbox.root),
        };
        let last_lines = lines.split_off(lines.len().saturating_sub(LAST_LINES));
        let label = label.to_owned();
        Err(BuildError::Step(Box::new(StepFailure { label, problem, last_lines, log, kept, hint })))
    }

    /// Moves the log to where it outlives the build folder.
    fn keep_log(&self, log: &Path, label: &str, key: &Key) -> Result<PathBuf, BuildError> {
        let folder = self.session.store.path().join("logs");
        let path = folder.join(format!("{}.log", file_name(label, key)));
        let moved = fs::create_dir_all(&folder).and_then(|()| fs::rename(log, &path));
        moved.map_err(|source| BuildError::Output { path: path.clone(), source })?;
        Ok(path)
    }
}

/// Keeps a failed build's files beside the store's, where whoever asked for them may look and delete.
fn keep(bench: Bench, label: &str, key: &Key) -> Result<PathBuf, BuildError> {
    let store = bench.scratch.path().ancestors().nth(2).unwrap_or(Path::new("/")).to_owned();
    let folder = store.join("failed");
    let path = folder.join(file_name(label, key));
    let failed = |source| BuildError::Output { path: path.clone(), source };
    fs::create_dir_all(&folder).map_err(failed)?;
    if path.exists() {
        fs::remove_dir_all(&path).map_err(failed)?;
    }
    bench.scratch.keep(&path).map_err(failed)?;
    Ok(path)
}

fn file_name(label: &str, key: &Key) -> String {
    let plain = |character: char| match character {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '-' => character,
        _ => '-',
    };
    let label: String = label.chars().map(plain).take(80).collect();
    format!("{}-{}", label.trim_matches(['-', '.']), &key.to_string()[..12])
}

/// What every command finds in its environment, whatever the host's is.
fn fixed_environment() -> BTreeMap<String, String> {
    let time = FILE_TIME.to_string();
    [
        ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
        ("HOME", "/root"),
        ("USER", "root"),
        ("LOGNAME", "root"),
        ("SHELL", "/bin/sh"),
        ("TERM", "dumb"),
        ("TMPDIR", "/tmp"),
        ("TZ", "UTC"),
        ("LANG", "C.UTF-8"),
        ("LC_ALL", "C.UTF-8"),
        ("SOURCE_DATE_EPOCH", time.as_str()),
        ("PYTHONHASHSEED", "0"),
        ("PYTHONDONTWRITEBYTECODE", "1"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

impl Bench {
    /// The build folder on the host.
    pub fn build(&self) -> PathBuf {
        self.scratch.path().join("build")
    }

    /// Writes `tree` into the folder `at` below the build folder; `at` is empty for the build folder itself.
    ///
    /// # Errors
    /// What the contents' source or the disk says.
    pub fn fill(&self, at: &str, tree: &Tree, contents: &dyn Contents) -> Result<(), BuildError> {
        let build = self.build().join(at);
        fs::create_dir_all(&build).map_err(|source| BuildError::Output { path: build.clone(), source })?;
        self.fill_folder(&build, tree, contents)
    }

    /// An empty folder beside the build folder.
    ///
    /// # Errors
    /// What the disk says.
    pub fn folder(&self, name: &str) -> Result<PathBuf, BuildError> {
        let path = self.scratch.path().join(name);
        fs::create_dir(&path).map_err(|source| BuildError::Output { path: path.clone(), source })?;
        Ok(path)
    }

    /// Writes the plain file `name` into the build folder.
    ///
    /// # Errors
    /// What the disk or `content` says.
    pub fn add_file(&self, name: &str, mut content: impl io::Read) -> Result<(), BuildError> {
        let path = self.build().join(name);
        let failed = |source| BuildError::Output { path: path.clone(), source };
        if let Some(above) = path.parent() {
            fs::create_dir_all(above).map_err(failed)?;
        }
        let mut file = File::create_new(&path).map_err(failed)?;
        io::copy(&mut content, &mut file).map_err(failed)?;
        file.set_modified(file_time()).map_err(failed)
    }

    /// Writes `tree` into `folder`, in which there may be something already.
    ///
    /// # Errors
    /// What the contents' source or the disk says.
    pub fn fill_folder(&self, folder: &Path, tree: &Tree, contents: &dyn Contents) -> Result<(), BuildError> {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let build = folder;
        for (path, entry) in tree.iter() {
            let target = build.join(path.as_str());
            let failed = |source| BuildError::Output { path: target.clone(), source };
            match &entry.node {
                Node::Directory => fs::create_dir_all(&target).map_err(failed)?,
                Node::Symlink { target: link } => symlink(&**link, &target).map_err(failed)?,
                Node::File { .. } => {
                    let mut content = contents.open(path).map_err(BuildError::Write)?;
                    let mut file =
                        File::options().write(true).create_new(true).open(&target).map_err(failed)?;
                    io::copy(&mut content, &mut file).map_err(failed)?;
                    let mode = fs::Permissions::from_mode(entry.mode.bits() | 0o600);
                    file.set_permissions(mode).map_err(failed)?;
                    file.set_modified(file_time()).map_err(failed)?;
                }
            }
        }
        // What is put into a folder changes its time, so folders come last, and from the deepest upwards.
        for (path, _) in tree.iter().rev().filter(|(_, entry)| entry.is_directory()) {
            let target = build.join(path.as_str());
            let set = || -> io::Result<()> {
                fs::set_permissions(&target, fs::Permissions::from_mode(0o755))?;
                File::open(&target)?.set_modified(file_time())
            };
            set().map_err(|source| BuildError::Output { path: target.clone(), source })?;
        }
        Ok(())
    }
}

fn file_time() -> std::time::SystemTime {
    std::time::UNIX_EPOCH + Duration::from_secs(FILE_TIME)
}

impl Left {
    /// The build folder on the host.
    pub fn build(&self) -> PathBuf {
        self.bench.build()
    }

    /// Whether [`changes`](Self::changes) gives the whole root, since it could not be overlaid and was copied.
    pub fn is_whole(&self) -> bool {
        invar_sandbox::layering(&self.sandbox) == Layering::Copy
    }

    /// Opens the plain file at `path` below the build folder. No link is followed: what was run may have put any in.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(&self, path: &str) -> io::Result<File> {
        use rustix::fs::{Mode, OFlags, openat};
        let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file: File = openat(folder_inside(&self.build(), above)?, name, flags, Mode::empty())?.into();
        if file.metadata()?.is_file() { Ok(file) } else { Err(io::ErrorKind::InvalidInput.into()) }
    }

    /// Gives what is at `from` (relative to the build folder, or absolute in the sandbox) to `sink` as `to`.
    ///
    /// # Errors
    /// [`BuildError::NoOutput`], [`BuildError::Capture`].
    pub fn capture(
        &self,
        label: &str,
        from: &str,
        to: &ImagePath,
        sink: &mut dyn Sink,
    ) -> Result<(), BuildError> {
        let layer = invar_sandbox::writable_layer(&self.sandbox);
        let mut only_changed = None;
        let (base, inner) = match from.strip_prefix('/') {
            Some(absolute) => match absolute.strip_prefix(BUILD).and_then(|rest| rest.strip_prefix('/')) {
                Some(inner) => (self.build(), inner),
                None => {
                    // Where the whole root was copied, what was there before is not what the command made.
                    if invar_sandbox::layering(&self.sandbox) == Layering::Copy {
                        only_changed = Some(absolute.to_owned());
                    }
                    (layer, absolute)
                }
            },
            None => (self.build(), from),
        };
        let missing = || BuildError::NoOutput { label: label.to_owned(), output: from.to_owned() };
        let (above, name) = inner.rsplit_once('/').unwrap_or(("", inner));
        let above = folder_inside(&base, above).map_err(|_| missing())?;
        // By way of the open folder: its name may mean something else by now.
        let place = PathBuf::from(format!("/proc/self/fd/{}/{name}", above.as_raw_fd()));
        if fs::symlink_metadata(&place).is_err() {
            return Err(missing());
        }
        let captured = match only_changed {
            None => invar_sandbox::capture(&place, Some(to), &RULES, &|_, _| None, sink),
            Some(from) => {
                let to_text = to.as_str().to_owned();
                let mut changed = Changed { sink, roots: &self.sandbox.root, from, to: to_text };
                invar_sandbox::capture(&place, Some(to), &RULES, &|_, _| None, &mut changed)
            }
        };
        captured.map_err(|source| BuildError::Capture { label: label.to_owned(), source: Box::new(source) })
    }

    /// Gives everything that was changed in the root to `sink`, with modes and owners; returns what was removed.
    /// Where the whole root was copied, all of it is given, and nothing is said to be removed: see
    /// [`is_whole`](Self::is_whole).
    ///
    /// # Errors
    /// [`BuildError::Capture`].
    pub fn changes(&self, label: &str, sink: &mut dyn Sink) -> Result<invar_sandbox::Removed, BuildError> {
        let rules = CaptureRules { modes: Modes::Kept, ..RULES };
        let owners = |device, inode| self.owners.get(device, inode);
        let layer = invar_sandbox::writable_layer(&self.sandbox);
        invar_sandbox::capture_changes(&layer, &rules, &owners, sink)
            .map_err(|source| BuildError::Capture { label: label.to_owned(), source: Box::new(source) })
    }
}

/// Passes on only what is not the same in the trees that a command was run over.
struct Changed<'a> {
    sink: &'a mut dyn Sink,
    /// The trees, the lowest first.
    roots: &'a [PathBuf],
    /// The place in them that stands for `to`.
    from: String,
    to: String,
}

impl Changed<'_> {
    /// Where `path` was before, in the uppermost tree that has it.
    fn before(&self, path: &ImagePath) -> Option<PathBuf> {
        let inner = path.as_str().strip_prefix(&self.to)?.trim_start_matches('/');
        let relative = Path::new(&self.from).join(inner);
        let places = self.roots.iter().rev().map(|root| root.join(&relative));
        places.into_iter().find(|place| fs::symlink_metadata(place).is_ok())
    }
}

impl Sink for Changed<'_> {
    fn directory(&mut self, path: ImagePath, mode: Mode, owner: Owner) -> Result<(), SinkError> {
        let was_there = self.before(&path).is_some_and(|before| before.is_dir());
        if was_there { Ok(()) } else { self.sink.directory(path, mode, owner) }
    }

    fn file(
        &mut self,
        path: ImagePath,
        mode: Mode,
        owner: Owner,
        content: &mut dyn io::Read,
    ) -> Result<(), SinkError> {
        let Some(before) = self.before(&path).filter(|before| before.is_file()) else {
            return self.sink.file(path, mode, owner, content);
        };
        let failed = |source| SinkError::Read { path: path.clone(), source };
        let (mut old, mut new) = (Vec::new(), Vec::new());
        File::open(before).and_then(|mut file| file.read_to_end(&mut old)).map_err(failed)?;
        content.read_to_end(&mut new).map_err(failed)?;
        if old == new { Ok(()) } else { self.sink.file(path, mode, owner, &mut new.as_slice()) }
    }

    fn symlink(&mut self, path: ImagePath, target: Arc<str>, owner: Owner) -> Result<(), SinkError> {
        let before = self.before(&path).and_then(|before| fs::read_link(before).ok());
        let same = before.is_some_and(|before| before.to_str() == Some(&*target));
        if same { Ok(()) } else { self.sink.symlink(path, target, owner) }
    }

    fn copy(&mut self, path: ImagePath, original: &ImagePath) -> Result<(), SinkError> {
        self.sink.copy(path, original)
    }
}

/// Opens the folder `inner` below `base`, following no link below `base`.
fn folder_inside(base: &Path, inner: &str) -> io::Result<OwnedFd> {
    use rustix::fs::{Mode, OFlags, open, openat};
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut folder = open(base, flags, Mode::empty())?;
    for name in inner.split('/').filter(|name| !name.is_empty() && *name != ".") {
        if name == ".." {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        folder = openat(&folder, name, flags, Mode::empty())?;
    }
    Ok(folder)
}

/// Keeps all that a command prints in a file, and its last lines at hand.
struct Log<'a> {
    file: File,
    /// How many bytes the file may still take.
    room: u64,
    written: io::Result<()>,
    line: Vec<u8>,
    last: VecDeque<String>,
    session: &'a Session<'a>,
    label: &'a str,
}

impl<'a> Log<'a> {
    fn new(path: &Path, session: &'a Session<'a>, label: &'a str) -> Result<Self, BuildError> {
        let file =
            File::create(path).map_err(|source| BuildError::Output { path: path.to_owned(), source })?;
        Ok(Self { file, room: LOG, written: Ok(()), line: Vec::new(), last: VecDeque::new(), session, label })
    }

    fn take(&mut self, bytes: &[u8]) {
        if self.written.is_ok() && self.room > 0 {
            let kept = &bytes[..bytes.len().min(usize::try_from(self.room).unwrap_or(usize::MAX))];
            self.room -= kept.len() as u64;
            self.written = self.file.write_all(kept);
            if self.room == 0 && self.written.is_ok() {
                self.written = self.file.write_all(b"\n[what follows was too long to be kept]\n");
            }
        }
        for &byte in bytes {
            match byte {
                b'\n' | b'\r' => self.end_line(),
                // A line without an end would grow for ever.
                _ if self.line.len() < 4096 => self.line.push(byte),
                _ => {}
            }
        }
    }

    fn end_line(&mut self) {
        let line = String::from_utf8_lossy(&self.line).trim_end().to_owned();
        self.line.clear();
        if line.is_empty() {
            return;
        }
        let line: String = line.chars().filter(|character| !character.is_control()).collect();
        self.session.reporter.event(&Event::StepOutput { label: self.label, line: &line });
        if self.last.len() == hints::LINES {
            self.last.pop_front();
        }
        self.last.push_back(line);
    }

    fn finish(mut self) -> (Vec<String>, io::Result<()>) {
        self.end_line();
        (self.last.into(), self.written)
    }
}
