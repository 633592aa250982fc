//! A binary package as an index describes it (the repository format, "Packages indices"; Debian Policy, section 5.3).
//!
//! A record is kept in the index as one line for each field that solving and locking need, in the order of
//! [`FIELDS`]; a field that is absent is an empty line. That is half of what the index says of a package, and is read
//! again only for the few packages that a solver looks at.
use std::str::FromStr;

use invar_debian::{
    Architecture, DebianVersion, Dependency, MultiArch, NameError, PackageName, Paragraph, Relation,
    RelationError, VersionError, VersionOperator, parse_dependencies,
};
use invar_tree::{Digest, DigestError};

use crate::path::{ArchivePath, ArchivePathError};

/// The fields that are kept, in the order in which they are kept.
const FIELDS: [&str; 16] = [
    "Package",
    "Version",
    "Architecture",
    "Multi-Arch",
    "Source",
    "Essential",
    "Priority",
    "Depends",
    "Pre-Depends",
    "Conflicts",
    "Breaks",
    "Provides",
    "Filename",
    "Size",
    "SHA256",
    "Description",
];

/// A binary package of a suite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageRecord {
    /// The package's name.
    pub name: PackageName,
    /// Its version.
    pub version: DebianVersion,
    /// The architecture that it is for, perhaps `all`.
    pub architecture: Architecture,
    /// Whether other architectures' packages may use it.
    pub multi_arch: MultiArch,
    /// The source package that it was built from: name and version.
    pub source: (PackageName, DebianVersion),
    /// Whether Debian expects it on every system, so that nothing depends on it in so many words.
    pub essential: bool,
    /// How important it is.
    pub priority: Priority,
    /// What it needs to work.
    pub depends: Vec<Dependency>,
    /// What it needs even to be unpacked.
    pub pre_depends: Vec<Dependency>,
    /// What must not be installed with it.
    pub conflicts: Vec<Relation>,
    /// What would not work with it.
    pub breaks: Vec<Relation>,
    /// The names that it answers to in addition to its own.
    pub provides: Vec<ProvidedName>,
    /// Where the archive keeps it, seen from the archive's root.
    pub filename: ArchivePath,
    /// The size of the file in bytes.
    pub size: u64,
    /// The digest of the file.
    pub sha256: Digest,
    /// The suite that has it, by the number that the caller gave it.
    pub suite: usize,
    /// What it is, in one line for people.
    pub description: Option<String>,
}

/// A name that a package answers to, perhaps as if it were a certain version of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvidedName {
    /// The name.
    pub name: PackageName,
    /// The version; without one, no relation that asks for versions is satisfied.
    pub version: Option<DebianVersion>,
}

/// How important a package is (Debian Policy, section 2.5 "Priorities"); the most important comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Priority {
    /// Without it the package manager itself may fail.
    Required,
    /// Expected on any system.
    Important,
    /// Part of a small system of characters and keys.
    Standard,
    /// Everything else.
    #[default]
    Optional,
    /// An old word for what is seldom wanted, or a word that is unknown.
    Extra,
}

/// Why a package's description in an index cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// A field that must be there is not.
    #[error("the required field {field:?} is missing")]
    Missing {
        /// The field's name.
        field: &'static str,
    },
    /// A name is not one.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A version is not one.
    #[error(transparent)]
    Version(#[from] VersionError),
    /// A relationship field is not well formed.
    #[error("its field {field:?}: {source}")]
    Relation {
        /// The field's name.
        field: &'static str,
        /// What is wrong with it.
        source: RelationError,
    },
    /// A field that lists packages one by one has alternatives, or something other than names and versions.
    #[error("its field {field:?}: {text:?} must be one package{}", if *.field == "Provides" { ", optionally with \"(= VERSION)\"" } else { "" })]
    NotOne {
        /// The field's name.
        field: &'static str,
        /// The part as written.
        text: String,
    },
    /// The file is not at a clean path within the archive.
    #[error("its field \"Filename\": {0}")]
    Filename(#[source] ArchivePathError),
    /// The size is not a number.
    #[error("its field \"Size\": {text:?} is not a number of bytes")]
    Size {
        /// The field's value.
        text: String,
    },
    /// The digest is not one.
    #[error("its field \"SHA256\": {0}")]
    Digest(#[source] DigestError),
    /// The source is not a name and perhaps a version in parentheses.
    #[error("its field \"Source\": {text:?} is not a name, or a name and a version in parentheses")]
    Source {
        /// The field's value.
        text: String,
    },
    /// A field has a word that is not among those that it may have.
    #[error("its field {field:?}: {text:?} is not an allowed value")]
    Word {
        /// The field's name.
        field: &'static str,
        /// The field's value.
        text: String,
    },
}

/// Appends the fields of `paragraph` that are kept, as lines.
pub(crate) fn store(paragraph: &Paragraph, store: &mut String) {
    let mut values = [""; FIELDS.len()];
    for (name, value) in paragraph.iter() {
        if let Some(place) = FIELDS.iter().position(|field| field.eq_ignore_ascii_case(name)) {
            values[place] = value;
        }
    }
    // Only a description's first line is for lists; every other field may be folded anywhere.
    let last = values.len() - 1;
    values[last] = values[last].split('\n').next().unwrap_or_default();
    for value in values {
        let mut lines = value.split('\n');
        store.push_str(lines.next().unwrap_or_default());
        for line in lines {
            store.push(' ');
            store.push_str(line);
        }
        store.push('\n');
    }
}

impl PackageRecord {
    /// Reads what [`store`] wrote.
    ///
    /// # Errors
    /// [`RecordError`] for the first field that is missing or malformed.
    pub(crate) fn read(stored: &str, suite: usize) -> Result<Self, RecordError> {
        let mut values = [""; FIELDS.len()];
        for (value, line) in values.iter_mut().zip(stored.split('\n')) {
            *value = line.trim();
        }
        let [
            name,
            version,
            architecture,
            multi_arch,
            source,
            essential,
            priority,
            depends,
            pre_depends,
            conflicts,
            breaks,
            provides,
            filename,
            size,
            sha256,
            description,
        ] = values;
        let required =
            |field, text: &'_ str| if text.is_empty() { Err(RecordError::Missing { field }) } else { Ok(()) };
        for (field, text) in FIELDS.into_iter().zip(values) {
            if matches!(field, "Package" | "Version" | "Architecture" | "Filename" | "Size" | "SHA256") {
                required(field, text)?;
            }
        }
        let name: PackageName = name.parse()?;
        let version: DebianVersion = version.parse()?;
        let depends = dependencies("Depends", depends)?;
        let pre_depends = dependencies("Pre-Depends", pre_depends)?;
        Ok(Self {
            source: self::source(source, &name, &version)?,
            architecture: architecture.parse()?,
            multi_arch: match multi_arch {
                "" | "no" => MultiArch::No,
                "same" => MultiArch::Same,
                "foreign" => MultiArch::Foreign,
                "allowed" => MultiArch::Allowed,
                text => return Err(RecordError::Word { field: "Multi-Arch", text: text.to_owned() }),
            },
            essential: match essential {
                "" | "no" => false,
                "yes" => true,
                text => return Err(RecordError::Word { field: "Essential", text: text.to_owned() }),
            },
            priority: match priority {
                "required" => Priority::Required,
                "important" => Priority::Important,
                "standard" => Priority::Standard,
                "" | "optional" => Priority::Optional,
                // Other archives invent words; the priority only breaks ties, so that is no reason to refuse.
                _ => Priority::Extra,
            },
            depends,
            pre_depends,
            conflicts: relations("Conflicts", conflicts)?,
            breaks: relations("Breaks", breaks)?,
            provides: self::provides(provides)?,
            filename: filename.parse().map_err(RecordError::Filename)?,
            size: decimal(size).ok_or_else(|| RecordError::Size { text: size.to_owned() })?,
            sha256: Digest::from_hex(sha256).map_err(RecordError::Digest)?,
            suite,
            description: (!description.is_empty()).then(|| description.to_owned()),
            name,
            version,
        })
    }

    /// What it needs: to be unpacked first, then to work.
    pub fn dependencies(&self) -> impl Iterator<Item = &Dependency> {
        self.pre_depends.iter().chain(&self.depends)
    }
}

fn dependencies(field: &'static str, text: &str) -> Result<Vec<Dependency>, RecordError> {
    parse_dependencies(text).map_err(|source| RecordError::Relation { field, source })
}

/// Reads a field that has no alternatives.
fn relations(field: &'static str, text: &str) -> Result<Vec<Relation>, RecordError> {
    let single =
        |mut dependency: Dependency| match (dependency.alternatives.pop(), &dependency.alternatives[..]) {
            (Some(relation), []) => Ok(relation),
            (relation, _) => {
                dependency.alternatives.extend(relation);
                Err(RecordError::NotOne { field, text: dependency.to_string() })
            }
        };
    dependencies(field, text)?.into_iter().map(single).collect()
}

fn provides(text: &str) -> Result<Vec<ProvidedName>, RecordError> {
    let provided = |relation: Relation| {
        let version = match relation.version.clone() {
            None => None,
            Some((VersionOperator::Exactly, version)) => Some(version),
            Some(_) => return Err(RecordError::NotOne { field: "Provides", text: relation.to_string() }),
        };
        Ok(ProvidedName { name: relation.name, version })
    };
    relations("Provides", text)?.into_iter().map(provided).collect()
}

/// Reads the source's name and version; what is not said is as the binary package's.
fn source(
    text: &str,
    name: &PackageName,
    version: &DebianVersion,
) -> Result<(PackageName, DebianVersion), RecordError> {
    let error = || RecordError::Source { text: text.to_owned() };
    if text.is_empty() {
        return Ok((name.clone(), version.clone()));
    }
    let Some((source, rest)) = text.split_once('(') else {
        return Ok((PackageName::from_str(text).map_err(|_| error())?, version.clone()));
    };
    let source = source.trim().parse().map_err(|_| error())?;
    let version = rest.strip_suffix(')').ok_or_else(error)?.trim().parse().map_err(|_| error())?;
    Ok((source, version))
}

fn decimal(text: &str) -> Option<u64> {
    text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}
