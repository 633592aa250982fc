//! The packages of one or several suites, found by name.
use std::collections::{BTreeMap, BTreeSet};
use std::io::BufRead;

use invar_debian::{Architecture, PackageName, ParagraphError, ParagraphReader};

use crate::nearest::nearest;
use crate::record::{PackageRecord, RecordError, store};

/// The most packages in an index; Debian's largest suite has 70,000.
const MAXIMUM_PACKAGES: usize = 1 << 21;

/// The most bytes of all packages' kept fields; Debian's largest suite has 30 MB.
const MAXIMUM_BYTES: usize = 1 << 30;

/// How many bytes are kept in one piece of memory: small enough that growing never copies much.
const PIECE: usize = 1 << 20;

/// The packages of one or several suites that fit one architecture, found by name.
///
/// Only what solving and locking need is kept, as text; a [`PackageRecord`] is created when it is asked for.
#[derive(Debug, Clone)]
pub struct PackageIndex {
    architecture: Architecture,
    pieces: Vec<String>,
    rows: Vec<Row>,
    names: BTreeMap<PackageName, Vec<u32>>,
    providers: BTreeMap<PackageName, Vec<u32>>,
    essential: BTreeSet<PackageName>,
}

/// Where a package's kept fields are.
#[derive(Debug, Clone, Copy)]
struct Row {
    piece: u32,
    start: u32,
    end: u32,
    suite: u32,
}

/// Why an index of packages cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// It cannot be read, or is not control data.
    #[error(transparent)]
    Syntax(#[from] ParagraphError),
    /// A package's description cannot be used.
    #[error("line {line}: cannot use the package {name:?}: {source}")]
    Record {
        /// The line on which the description begins, from 1.
        line: u64,
        /// The package's name, as written; empty if there is none.
        name: String,
        /// What is wrong with it.
        source: RecordError,
    },
    /// There are more packages, or longer descriptions, than in any real archive.
    #[error("line {line}: the index is larger than {MAXIMUM_PACKAGES} packages or {MAXIMUM_BYTES} bytes")]
    TooLarge {
        /// The line of the first package too many, from 1.
        line: u64,
    },
}

impl PackageIndex {
    /// An index without packages, for one architecture.
    pub fn new(architecture: Architecture) -> Self {
        let (pieces, rows) = (Vec::new(), Vec::new());
        Self {
            architecture,
            pieces,
            rows,
            names: BTreeMap::new(),
            providers: BTreeMap::new(),
            essential: BTreeSet::new(),
        }
    }

    /// The architecture whose packages, and those for all, are kept.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// How many packages there are; each version counts.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no package.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Adds the packages of a Packages file, without its compression. `suite` is the caller's number for where they
    /// come from; where two suites have the same package, the lower number is preferred. Packages for other
    /// architectures are skipped.
    ///
    /// # Errors
    /// [`IndexError`] for the first package that cannot be used. The index has those before it then, and should not
    /// be used either.
    pub fn add(&mut self, suite: usize, reader: impl BufRead) -> Result<(), IndexError> {
        let mut stored = String::new();
        for paragraph in ParagraphReader::new(reader) {
            let paragraph = paragraph?;
            let line = paragraph.line();
            stored.clear();
            store(&paragraph, &mut stored);
            let record = PackageRecord::read(&stored, suite).map_err(|source| {
                let name = paragraph.get("Package").unwrap_or_default().chars().take(120).collect();
                IndexError::Record { line, name, source }
            })?;
            if !record.architecture.is_all() && record.architecture != self.architecture {
                continue;
            }
            self.insert(&record, &stored).ok_or(IndexError::TooLarge { line })?;
        }
        Ok(())
    }

    /// All versions of a package, the highest first; of equal versions, the one of the lower suite first.
    pub fn get(&self, name: &PackageName) -> Vec<PackageRecord> {
        sorted(self.rows_of(name).iter().map(|&row| self.record(row)).collect())
    }

    /// The packages of which a version is essential: what Debian takes for granted on every system (Debian Policy,
    /// section 3.8).
    pub fn essential(&self) -> impl Iterator<Item = &PackageName> {
        self.essential.iter()
    }

    /// All packages that provide a name which may not be their own, sorted by name, then as [`Self::get`] does.
    pub fn providers(&self, name: &PackageName) -> Vec<PackageRecord> {
        sorted(self.provider_rows(name).iter().map(|&row| self.record(row)).collect())
    }

    /// Names of packages that someone who wrote `name` may have meant, the likeliest first, at most five: packages
    /// that provide it, names that are spelt almost so, and names that begin so.
    pub fn nearest(&self, name: &str) -> Vec<PackageName> {
        let mut names: Vec<PackageName> =
            self.providers.get(name).into_iter().flatten().map(|&row| self.record(row).name).collect();
        names.sort();
        names.extend(nearest(name, self.names.keys()));
        let mut seen = std::collections::BTreeSet::new();
        names.retain(|each| each.as_str() != name && seen.insert(each.clone()));
        names.truncate(5);
        names
    }

    /// The rows of a package, in the order in which they were added.
    pub(crate) fn rows_of(&self, name: &PackageName) -> &[u32] {
        self.names.get(name).map_or(&[], Vec::as_slice)
    }

    /// The rows of packages that provide a name, in the order in which they were added.
    pub(crate) fn provider_rows(&self, name: &PackageName) -> &[u32] {
        self.providers.get(name).map_or(&[], Vec::as_slice)
    }

    /// The package in a row.
    pub(crate) fn record(&self, row: u32) -> PackageRecord {
        let Row { suite, .. } = self.rows[row as usize];
        PackageRecord::read(self.stored(row), suite as usize).expect("it was read before it was kept")
    }

    fn stored(&self, row: u32) -> &str {
        let Row { piece, start, end, .. } = self.rows[row as usize];
        &self.pieces[piece as usize][start as usize..end as usize]
    }

    /// Keeps a package; nothing if the index would become too large.
    fn insert(&mut self, record: &PackageRecord, stored: &str) -> Option<()> {
        let same = |&row: &u32| self.stored(row) == stored;
        if self.rows_of(&record.name).iter().any(same) {
            // Suites overlap: what a security update brought is part of the next point release.
            return Some(());
        }
        if self.rows.len() >= MAXIMUM_PACKAGES || self.pieces.len() * PIECE + stored.len() > MAXIMUM_BYTES {
            return None;
        }
        if self.pieces.last().is_none_or(|piece| piece.len() + stored.len() > PIECE) {
            self.pieces.push(String::with_capacity(PIECE.max(stored.len())));
        }
        if record.essential {
            self.essential.insert(record.name.clone());
        }
        let piece = self.pieces.len() - 1;
        let text = self.pieces.last_mut().expect("a piece was added if there was none");
        let narrow = |number: usize| u32::try_from(number).ok();
        let start = narrow(text.len())?;
        text.push_str(stored);
        let end = narrow(text.len())?;
        let row = narrow(self.rows.len())?;
        self.rows.push(Row { piece: narrow(piece)?, start, end, suite: narrow(record.suite)? });

        self.names.entry(record.name.clone()).or_default().push(row);
        for provided in &record.provides {
            let rows = self.providers.entry(provided.name.clone()).or_default();
            // A package may provide several versions of one name.
            if rows.last() != Some(&row) {
                rows.push(row);
            }
        }
        Some(())
    }
}

/// Sorts records by name, then the highest version first, then by suite.
fn sorted(mut records: Vec<PackageRecord>) -> Vec<PackageRecord> {
    records.sort_by(|left, right| {
        let name = left.name.cmp(&right.name);
        name.then_with(|| right.version.cmp(&left.version)).then_with(|| left.suite.cmp(&right.suite))
    });
    records
}

#[cfg(test)]
mod tests;
