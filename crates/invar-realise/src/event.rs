use invar_tree::Digest;

/// What a build reports while it works. The command line turns events into bars, lines or JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A part of the work begins.
    Phase(Phase),
    /// There is no `invar.lock`, so one is created.
    LockMissing,
    /// Something the person should know, although the work goes on.
    Warning(&'a str),
    /// Something the person may like to know.
    Note(&'a str),
    /// A download begins, or goes on where an earlier one stopped.
    DownloadStarted {
        /// What is downloaded, such as `libc6 2.41-12 (amd64)`.
        label: &'a str,
        /// Its length in bytes, where a lock states it.
        size: Option<u64>,
    },
    /// Bytes arrived.
    DownloadAdvanced {
        /// What is downloaded.
        label: &'a str,
        /// How many bytes, since the last event for this label.
        bytes: u64,
    },
    /// A download is tried again.
    DownloadRetried {
        /// What is downloaded.
        label: &'a str,
        /// What went wrong.
        why: &'a str,
        /// The attempt that begins now, from 2.
        attempt: u32,
    },
    /// A download ended well: its digest is right.
    DownloadFinished {
        /// What was downloaded.
        label: &'a str,
    },
    /// A package or wheel was unpacked into the store.
    Unpacked {
        /// What was unpacked.
        label: &'a str,
    },
    /// A command is run in the sandbox.
    StepStarted {
        /// What it makes.
        label: &'a str,
    },
    /// A command in the sandbox printed a line.
    StepOutput {
        /// What it makes.
        label: &'a str,
        /// The line, without control characters.
        line: &'a str,
    },
    /// A command in the sandbox ended well.
    StepFinished {
        /// What it made.
        label: &'a str,
    },
    /// Python files are compiled ahead.
    Compiling {
        /// How many.
        files: usize,
    },
    /// A layer is written to disk as real files, which is done once for each layer before its programs can be run.
    LayingOut {
        /// The layer's name.
        name: &'a str,
        /// How many files and links it has.
        files: usize,
    },
    /// uv finds out what builds need.
    LockingBuilds {
        /// The packages that are built.
        names: &'a [&'a str],
    },
    /// A build has failed, and the archive is asked which package has what it missed.
    LookingUp {
        /// The files.
        files: &'a [String],
    },
    /// Maintainer scripts made something that every container should make for itself, so it is not in the image.
    LeftOut {
        /// Its path.
        path: &'a invar_tree::ImagePath,
    },
    /// A layer was written.
    LayerWritten {
        /// The layer's name.
        name: &'a str,
        /// The digest of the compressed layer.
        digest: Digest,
        /// Its compressed length in bytes.
        size: u64,
    },
}

/// The parts of the work, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Reading the archives' signed indexes.
    Indexes,
    /// Choosing packages.
    Solve,
    /// Downloading and unpacking: so many trees are not in the store yet.
    Realise {
        /// The number of trees to make.
        trees: usize,
    },
    /// Merging trees, cutting and compressing layers.
    Assemble,
    /// Writing the result.
    Deliver,
}

/// Receives [`Event`]s, from several threads at once.
pub trait Reporter: Sync {
    /// Takes one event.
    fn event(&self, event: &Event<'_>);
}

impl dyn Reporter + '_ {
    /// Takes a sentence that the person should know, although the work goes on.
    pub fn warn(&self, sentence: &str) {
        self.event(&Event::Warning(sentence));
    }
}

/// A reporter that says nothing.
#[derive(Debug, Clone, Copy)]
pub struct Silent;

impl Reporter for Silent {
    fn event(&self, _: &Event<'_>) {}
}

/// Passes the fetcher's observations on as events.
pub struct Downloads<'a>(pub &'a dyn Reporter);

impl invar_fetch::Observer for Downloads<'_> {
    fn started(&self, label: &str, size: Option<u64>) {
        self.0.event(&Event::DownloadStarted { label, size });
    }

    fn advanced(&self, label: &str, bytes: u64) {
        self.0.event(&Event::DownloadAdvanced { label, bytes });
    }

    fn retrying(&self, label: &str, why: &str, attempt: u32) {
        self.0.event(&Event::DownloadRetried { label, why, attempt });
    }

    fn finished(&self, label: &str) {
        self.0.event(&Event::DownloadFinished { label });
    }

    fn cancelled(&self) -> bool {
        false
    }
}
