//! Diversions that maintainer scripts declare (dpkg-divert(1), Debian Policy, section 6 and appendix G).
//!
//! A diversion says that a file of all other packages goes to another place. The scripts are not run: their `preinst
//! install` and `postinst configure` are followed as on a fresh installation, with the conditions, loops, variables and
//! functions that scripts use for it. What depends on the machine is unknown; where that decides about a diversion, the
//! path is [doubtful](Diversions::doubtful) instead of guessed.
mod conditions;
mod evaluate;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use invar_tree::ImagePath;

use crate::PackageName;
use evaluate::Evaluator;

/// A diversion.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Diversion {
    /// The path, as the script has it, before `/usr` and the root are merged.
    pub from: ImagePath,
    /// Where the files of other packages at `from` go.
    pub to: ImagePath,
    /// The package whose own file stays; `None` for a local diversion, which concerns all packages.
    pub package: Option<PackageName>,
}

/// What the scripts of a package declare on a fresh installation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diversions {
    /// The diversions that are there at the end, in the order of their paths.
    pub active: Vec<Diversion>,
    /// Paths of which it is unknown whether they are diverted.
    pub doubtful: BTreeSet<ImagePath>,
    /// Whether there may be diversions of paths that are unknown.
    pub unread: bool,
}

/// The diversions that a fresh installation of `package` leaves.
pub fn diversions(package: &PackageName, scripts: &BTreeMap<String, String>) -> Diversions {
    let mut evaluator = Evaluator::new(package);
    for (name, arguments) in [("preinst", &["install"][..]), ("postinst", &["configure", ""])] {
        let Some(script) = scripts.get(name) else { continue };
        // Most scripts: nothing in them could change a diversion.
        if script.contains("dpkg-divert") {
            evaluator.run(name, script, arguments);
        }
    }
    evaluator.finish()
}

#[cfg(test)]
mod tests;
