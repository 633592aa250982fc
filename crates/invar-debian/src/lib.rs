//! Debian binary packages: names, versions, control data, and a package as a tree.
mod alternatives;
mod archive;
mod control;
mod diversions;
mod documentation;
mod name;
mod options;
mod package;
mod paragraph;
mod program;
mod records;
mod relation;
mod scripts;
mod shell;
mod unpack;
mod version;

pub use alternatives::{Alternative, AlternativeLink, alternatives};
pub use archive::{ArchiveError, EntryFault, EntryKind};
pub use control::{Control, ControlError, FieldFault, MultiArch};
pub use diversions::{Diversion, Diversions, diversions};
pub use name::{Architecture, NameError, PackageName};
pub use options::UnpackOptions;
pub use package::{DebError, UNPACK_VERSION, read_control, read_deb};
pub use paragraph::{Paragraph, ParagraphError, ParagraphReader};
pub use relation::{
    ArchitectureQualifier, ArchitectureRestriction, Dependency, Relation, RelationError, VersionOperator,
    parse_dependencies,
};
pub use scripts::{Snippet, debhelper_snippets, script_hash};
pub use version::{DebianVersion, VersionError, VersionFault};
