//! How much a command has written to disk, looked at from time to time.
//!
//! No quota can be had without root, so this is a watch and not a wall: what is written between two looks comes on top.
//! Walking through all files costs much and asking the file system for its free space costs nothing; so the files are
//! only counted when so much space has gone since the last count that the limit may have been passed.
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::sandbox::Sandbox;

/// The time between two looks.
const INTERVAL: Duration = Duration::from_millis(200);

/// The watch over one sandbox.
#[derive(Debug)]
pub(crate) struct DiskWatch {
    limit: u64,
    /// Where the command can write: the scratch folder and the sources of writable binds.
    places: Vec<PathBuf>,
    next: Instant,
    /// What was there at the last count, in bytes.
    counted: u64,
    /// How much space has gone since then, in bytes. What others give free does not make up for it.
    gone: u64,
    free: Vec<u64>,
}

impl DiskWatch {
    /// A watch, if the sandbox has such a limit.
    pub(crate) fn of(sandbox: &Sandbox) -> Option<Self> {
        let binds = sandbox.binds.iter().filter(|bind| bind.writable).map(|bind| bind.source.clone());
        let places: Vec<PathBuf> = std::iter::once(sandbox.scratch.clone()).chain(binds).collect();
        Some(Self {
            limit: sandbox.limits.disk?,
            free: places.iter().map(|place| free(place)).collect(),
            places,
            next: Instant::now() + INTERVAL,
            counted: 0,
            gone: 0,
        })
    }

    /// How long to wait before the next look.
    pub(crate) fn wait(&self) -> Duration {
        self.next.saturating_duration_since(Instant::now())
    }

    /// Whether more has been written than is allowed.
    pub(crate) fn is_passed(&mut self) -> bool {
        if Instant::now() < self.next {
            return false;
        }
        self.next = Instant::now() + INTERVAL;
        let now: Vec<u64> = self.places.iter().map(|place| free(place)).collect();
        let gone = self.free.iter().zip(&now).map(|(before, now)| before.saturating_sub(*now)).max();
        self.gone += gone.unwrap_or(0);
        self.free = now;
        if self.counted.saturating_add(self.gone) <= self.limit {
            return false;
        }
        self.counted = self.places.iter().map(|place| size(place)).sum();
        self.gone = 0;
        self.counted > self.limit
    }
}

/// How much space the file system of `place` has, in bytes.
fn free(place: &Path) -> u64 {
    // A place that is gone cannot be written to.
    rustix::fs::statvfs(place).map_or(0, |found| found.f_bfree.saturating_mul(found.f_frsize))
}

/// How much space is taken by all that is at `place`, in bytes. What cannot be read does not count: the command made
/// it so, and the space that has gone is seen all the same.
fn size(place: &Path) -> u64 {
    let mut total = 0_u64;
    let mut directories = vec![place.to_owned()];
    while let Some(directory) = directories.pop() {
        #[expect(clippy::disallowed_methods, reason = "a sum does not depend on the order")]
        let Ok(entries) = std::fs::read_dir(directory) else { continue };
        for entry in entries.flatten() {
            // Of the entry itself: no link is followed.
            let Ok(found) = entry.metadata() else { continue };
            // A block of stat is 512 bytes, whatever the file system's own are.
            total = total.saturating_add(found.blocks().saturating_mul(512));
            if found.is_dir() {
                directories.push(entry.path());
            }
        }
    }
    total
}
