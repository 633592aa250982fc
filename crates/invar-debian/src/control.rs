//! The control archive of a package (deb(5); Debian Policy, sections 5.3 and 6).
use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;

use invar_tree::{ImagePath, PathError};
use serde::{Deserialize, Serialize};

use crate::archive::{ArchiveEntry, ArchiveNode, read_archive};
use crate::{
    Architecture, ArchiveError, DebianVersion, Dependency, NameError, PackageName, Paragraph, ParagraphError,
    RelationError, VersionError, parse_dependencies,
};

/// The maintainer scripts, in the order in which a fresh installation would run the first three.
const SCRIPTS: [&str; 5] = ["preinst", "config", "postinst", "prerm", "postrm"];

/// The most members that a control archive may have; the format knows about a dozen.
const MAXIMUM_MEMBERS: usize = 1000;

/// What a package's control archive says.
///
/// It is serialized as its texts, so that reading it back repeats every check.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "StoredControl", into = "StoredControl")]
pub struct Control {
    /// The maintainer scripts: `preinst`, `config`, `postinst`, `prerm`, `postrm`, as far as the package has them.
    ///
    /// A script that is not UTF-8 is read as ISO 8859-1, so that no two scripts of the same kind become one text.
    pub scripts: BTreeMap<String, String>,
    paragraph: Paragraph,
    package: PackageName,
    version: DebianVersion,
    architecture: Architecture,
    multi_arch: MultiArch,
    provides: Vec<Dependency>,
    source: (PackageName, DebianVersion),
    conffiles: Vec<ImagePath>,
    texts: Members,
}

/// The members of the archive that are kept as they came.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Members {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    conffiles: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    triggers: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    md5sums: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    templates: Option<String>,
}

/// The form in which [`Control`] is stored.
#[derive(Serialize, Deserialize)]
struct StoredControl {
    control: String,
    scripts: BTreeMap<String, String>,
    #[serde(flatten)]
    members: Members,
}

/// Whether versions of a package for several architectures may be installed together, and satisfy each other's
/// dependencies (the field `Multi-Arch`, deb-control(5)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum MultiArch {
    /// Neither; also where the field is missing.
    #[default]
    No,
    /// They may be installed together.
    Same,
    /// It satisfies dependencies of packages of any architecture.
    Foreign,
    /// A dependency may ask for it with `:any`.
    Allowed,
}

/// Why a control archive does not describe a package.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// The archive cannot be read.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The archive has no `control`.
    #[error("it has no file \"control\"")]
    Missing,
    /// A member appears twice.
    #[error("the file {file:?} appears twice")]
    Duplicate {
        /// Its name.
        file: String,
    },
    /// A member is a link, or a directory.
    #[error("{path} is not a regular file")]
    NotAFile {
        /// Its path in the archive.
        path: ImagePath,
    },
    /// A member that must be UTF-8 is not.
    #[error("the file {file:?} is not UTF-8")]
    NotUtf8 {
        /// Its name.
        file: String,
    },
    /// `control` is not control data.
    #[error("cannot parse the file \"control\"")]
    Paragraph(#[from] ParagraphError),
    /// `control` does not have exactly one paragraph.
    #[error("the file \"control\" has {found} paragraphs, expected one")]
    Paragraphs {
        /// How many it has.
        found: usize,
    },
    /// A field that every package has is missing.
    #[error("the file \"control\" has no field \"{name}\"")]
    MissingField {
        /// The field.
        name: &'static str,
    },
    /// A field is not as it should be.
    #[error("cannot parse the field \"{name}\" of the file \"control\"")]
    Field {
        /// The field.
        name: &'static str,
        /// What is wrong with its value.
        #[source]
        fault: FieldFault,
    },
    /// A line of `conffiles` is not the absolute path of a file.
    #[error("line {line} of the file \"conffiles\" is not the path of a file: {text:?}")]
    Conffile {
        /// The line, from 1.
        line: usize,
        /// Its text.
        text: String,
        /// What is wrong with the path.
        #[source]
        source: Option<PathError>,
    },
}

/// What is wrong with a field's value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FieldFault {
    /// Not a name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Not a version.
    #[error(transparent)]
    Version(#[from] VersionError),
    /// Not a list of relations.
    #[error(transparent)]
    Relation(#[from] RelationError),
    /// Not `NAME` or `NAME (VERSION)`.
    #[error("{text:?} is not a source package: expected \"NAME\" or \"NAME (VERSION)\"")]
    Source {
        /// The value.
        text: String,
    },
    /// Not one of the values of [`MultiArch`].
    #[error("{text:?} is not \"no\", \"same\", \"foreign\" or \"allowed\"")]
    MultiArch {
        /// The value.
        text: String,
    },
}

impl Control {
    /// Reads the uncompressed control archive.
    pub(crate) fn read(reader: impl Read) -> Result<Self, ControlError> {
        let mut control = None;
        let mut scripts = BTreeMap::new();
        let mut members = Members::default();
        read_archive::<ControlError>(reader, MAXIMUM_MEMBERS, |item| {
            if item.kind == ArchiveNode::Directory {
                return Ok(());
            }
            let file = item.path.as_str().to_owned();
            let script = SCRIPTS.contains(&file.as_str());
            let slot = match file.as_str() {
                "control" => &mut control,
                "conffiles" => &mut members.conffiles,
                "triggers" => &mut members.triggers,
                "md5sums" => &mut members.md5sums,
                "templates" => &mut members.templates,
                _ if script => &mut None,
                // Others (shlibs, symbols, …) serve dpkg's development tools, and reportbug.
                _ => return Ok(()),
            };
            let bytes = content(item)?;
            let text = match String::from_utf8(bytes) {
                Ok(text) => text,
                Err(error) if script => error.into_bytes().into_iter().map(char::from).collect(),
                Err(_) => return Err(ControlError::NotUtf8 { file }),
            };
            let before = if script { scripts.insert(file.clone(), text) } else { slot.replace(text) };
            if before.is_some() { Err(ControlError::Duplicate { file }) } else { Ok(()) }
        })?;
        let control = control.ok_or(ControlError::Missing)?;
        Self::from_texts(StoredControl { control, scripts, members })
    }

    fn from_texts(texts: StoredControl) -> Result<Self, ControlError> {
        let StoredControl { control, scripts, members } = texts;
        let mut paragraphs = Paragraph::parse_all(&control)?;
        let paragraph = match paragraphs.pop() {
            Some(paragraph) if paragraphs.is_empty() => paragraph,
            last => {
                let found = paragraphs.len() + usize::from(last.is_some());
                return Err(ControlError::Paragraphs { found });
            }
        };
        let required = |name| paragraph.get(name).ok_or(ControlError::MissingField { name });
        let package: PackageName = field("Package", required("Package")?.parse())?;
        let version: DebianVersion = field("Version", required("Version")?.parse())?;
        let architecture = field("Architecture", required("Architecture")?.parse())?;
        let multi_arch = match paragraph.get("Multi-Arch") {
            Some(text) => field("Multi-Arch", MultiArch::parse(text))?,
            None => MultiArch::No,
        };
        let provides = field("Provides", parse_dependencies(paragraph.get("Provides").unwrap_or_default()))?;
        let source = match paragraph.get("Source") {
            Some(text) => field("Source", parse_source(text, &version))?,
            None => (package.clone(), version.clone()),
        };
        let conffiles = match &members.conffiles {
            Some(text) => parse_conffiles(text)?,
            None => Vec::new(),
        };
        Ok(Self {
            scripts,
            paragraph,
            package,
            version,
            architecture,
            multi_arch,
            provides,
            source,
            conffiles,
            texts: members,
        })
    }

    /// The member `templates`: the questions that debconf asks (debconf-devel(7)).
    pub fn templates(&self) -> Option<&str> {
        self.texts.templates.as_deref()
    }

    /// All fields, in the order of the package.
    pub fn paragraph(&self) -> &Paragraph {
        &self.paragraph
    }

    /// The package's name.
    pub fn package(&self) -> &PackageName {
        &self.package
    }

    /// The package's version.
    pub fn version(&self) -> &DebianVersion {
        &self.version
    }

    /// The architecture that the package is for.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// The name of the source package: `Source`, or else the package's own name (deb-control(5)).
    pub fn source(&self) -> &PackageName {
        &self.source.0
    }

    /// The version of the source package, which differs from the package's own where that was only rebuilt.
    pub fn source_version(&self) -> &DebianVersion {
        &self.source.1
    }

    /// How the package behaves among several architectures.
    pub fn multi_arch(&self) -> MultiArch {
        self.multi_arch
    }

    /// The virtual packages that the package provides.
    pub fn provides(&self) -> &[Dependency] {
        &self.provides
    }

    /// The configuration files, in the order of the package. Those to be removed on an upgrade are not among them.
    pub fn conffiles(&self) -> &[ImagePath] {
        &self.conffiles
    }

    /// The text of `triggers` (deb-triggers(5)); empty where the package has none.
    pub fn triggers(&self) -> &str {
        self.texts.triggers.as_deref().unwrap_or_default()
    }

    /// The text of `md5sums` (deb-md5sums(5)) as shipped: for files before any filter or relocation.
    pub fn md5sums(&self) -> Option<&str> {
        self.texts.md5sums.as_deref()
    }
}

/// The content of a control archive's member, which the bound on the whole archive bounds too.
fn content(item: ArchiveEntry<'_>) -> Result<Vec<u8>, ControlError> {
    if item.kind != ArchiveNode::File {
        return Err(ControlError::NotAFile { path: item.path });
    }
    let mut bytes = Vec::new();
    item.content.read_to_end(&mut bytes).map_err(ArchiveError::from)?;
    Ok(bytes)
}

fn field<T>(name: &'static str, value: Result<T, impl Into<FieldFault>>) -> Result<T, ControlError> {
    value.map_err(|fault| ControlError::Field { name, fault: fault.into() })
}

fn parse_source(text: &str, own: &DebianVersion) -> Result<(PackageName, DebianVersion), FieldFault> {
    match text.split_once(char::is_whitespace) {
        None => Ok((text.parse()?, own.clone())),
        Some((name, version)) => {
            let version = version.trim().strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
            let version = version.ok_or_else(|| FieldFault::Source { text: text.to_owned() })?;
            Ok((name.parse()?, version.trim().parse()?))
        }
    }
}

/// Reads `conffiles`: a line is the absolute path of a file, or a flag and such a path; the only flag is
/// `remove-on-upgrade`, for files that the package no longer has (deb-conffiles(5)).
fn parse_conffiles(text: &str) -> Result<Vec<ImagePath>, ControlError> {
    let mut paths = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim_end();
        let error = |source| ControlError::Conffile { line: index + 1, text: line.to_owned(), source };
        if line.is_empty() || line.strip_prefix("remove-on-upgrade").is_some_and(|rest| rest.starts_with(' '))
        {
            continue;
        }
        let path = line.strip_prefix('/').ok_or_else(|| error(None))?;
        paths.push(ImagePath::parse(path).map_err(|source| error(Some(source)))?);
    }
    Ok(paths)
}

impl MultiArch {
    fn parse(text: &str) -> Result<Self, FieldFault> {
        match text {
            "no" => Ok(Self::No),
            "same" => Ok(Self::Same),
            "foreign" => Ok(Self::Foreign),
            "allowed" => Ok(Self::Allowed),
            _ => Err(FieldFault::MultiArch { text: text.to_owned() }),
        }
    }
}

impl TryFrom<StoredControl> for Control {
    type Error = ControlError;

    fn try_from(texts: StoredControl) -> Result<Self, ControlError> {
        Self::from_texts(texts)
    }
}

impl From<Control> for StoredControl {
    fn from(control: Control) -> Self {
        let Control { scripts, paragraph, texts, .. } = control;
        Self { control: paragraph.to_string(), scripts, members: texts }
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scripts: Vec<&str> = self.scripts.keys().map(String::as_str).collect();
        f.debug_struct("Control")
            .field("paragraph", &self.paragraph)
            .field("scripts", &scripts)
            .finish_non_exhaustive()
    }
}
