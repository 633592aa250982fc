//! A command that could mean several files, and names none.
use std::fmt;
use std::path::{Path, PathBuf};

use invar_project::Purpose;

use crate::source_kind::SourceKind;

/// There is no manifest, and nothing is named that stands in for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NothingNamed {
    /// The project's folder.
    pub folder: PathBuf,
    /// The output that is named, of a flake that is not there.
    pub name: Option<String>,
    /// The files in the folder that a manifest can be derived from.
    pub found: Vec<(SourceKind, String)>,
    /// What the manifest is wanted for.
    pub purpose: Purpose,
}

impl fmt::Display for NothingNamed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let has = match self.folder == Path::new(".") {
            true => "this directory has".to_owned(),
            false => format!("{} has", self.folder.display()),
        };
        let names: Vec<&str> = self.found.iter().map(|(_, name)| name.as_str()).collect();
        match &self.name {
            Some(name) => write!(f, "{has} no flake.nix and no manifest, so {name:?} does not exist"),
            None => write!(
                f,
                "{has} {}, but no manifest: [tool.invar] in pyproject.toml, or invar.toml",
                names.join(", ")
            ),
        }
    }
}

impl std::error::Error for NothingNamed {}

impl NothingNamed {
    /// The commands that name something.
    pub(crate) fn hint(&self) -> String {
        let Self { folder, found, purpose, .. } = self;
        let shown = folder.display();
        let at = if folder == Path::new(".") { String::new() } else { format!(" {shown}") };
        let file = |name: &str| match folder == Path::new(".") {
            true => name.to_owned(),
            false => folder.join(name).display().to_string(),
        };
        let mut ways = Vec::new();
        for (kind, name) in found {
            ways.push(match kind {
                SourceKind::Flake => format!(
                    "`invar {purpose} '{shown}#NAME'` uses an output of flake.nix, such as '{shown}#default'"
                ),
                SourceKind::Dockerfile | SourceKind::Project => {
                    format!("`invar {purpose} --from {}{at}` uses {name}", file(name))
                }
            });
        }
        let first = file(found.first().map_or("", |(_, name)| name));
        ways.push(format!(
            "`invar init --from {first}{at}` writes a manifest, `invar init{at}` one without it"
        ));
        ways.join("\n      ")
    }
}
