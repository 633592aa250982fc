//! Which packages' own maintainer scripts should run, judging by the lock and the table of known scripts.
use std::collections::{BTreeMap, BTreeSet};

use invar_checkout::ProjectFiles;
use invar_debian::PackageName;
use invar_maintscript::{Proposal, proposal};
use invar_project::Configure;

/// The packages of an image whose scripts it would be better to run, and are not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proposals {
    /// Each with the reason.
    pub packages: BTreeMap<PackageName, Proposal>,
    /// The packages whose scripts run already.
    running: BTreeSet<PackageName>,
    /// The file and the table that `configure` belongs into, as the end of a sentence.
    place: String,
}

impl Proposals {
    /// The names of the packages that most images should have configured by their own scripts: all but those of which
    /// it is known that most do without.
    pub fn needed(&self) -> impl Iterator<Item = &PackageName> {
        let needed = |(_, why): &(&PackageName, &Proposal)| !matches!(why, Proposal::Useful { .. });
        self.packages.iter().filter(needed).map(|(name, _)| name)
    }

    /// A sentence for each of the packages, and whether the image is of little use without it.
    pub fn sentences(&self) -> impl Iterator<Item = (bool, String)> {
        self.packages.iter().map(|(name, why)| match why {
            Proposal::Needed { note } => (true, format!("the maintainer scripts of {name} do not run: {note}")),
            Proposal::Unread => (
                true,
                format!(
                    "the maintainer scripts of {name} are unknown to this version of Invar and do not run: check \
                     that the image has what you need (invar.lock marks them as unknown)"
                ),
            ),
            Proposal::Useful { note } => (false, format!("the maintainer scripts of {name} do not run: {note}")),
        })
    }

    /// What to write to have them run: a line for the manifest, and where it belongs; `None` where there is nothing to
    /// propose.
    pub fn advice(&self) -> Option<String> {
        let mut names: BTreeSet<&PackageName> = self.needed().collect();
        if names.is_empty() {
            names.extend(self.packages.keys());
        }
        if names.is_empty() {
            return None;
        }
        names.extend(&self.running);
        let names: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
        Some(format!("to run them in the sandbox, set in {}: configure = [{}]", self.place, names.join(", ")))
    }
}

/// What to propose for the project, whose lock belongs to it.
pub fn proposals(files: &ProjectFiles) -> Proposals {
    let mut found = Proposals { place: files.place_of_settings(), ..Proposals::default() };
    match &files.manifest.configure {
        Configure::Run => return found,
        Configure::Packages(names) => found.running = names.clone(),
        Configure::Native => {}
    }
    let locked = files.lock.iter().flat_map(|lock| lock.platforms.values());
    for (name, package) in locked.flat_map(|platform| &platform.packages) {
        if let Some(scripts) = package.scripts.filter(|_| !found.running.contains(name))
            && let Some(why) = proposal(name, &scripts.sha256)
        {
            found.packages.insert(name.clone(), why);
        }
    }
    found
}
