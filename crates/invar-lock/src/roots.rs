//! The Debian packages of everything that is not the image itself: what steps and builds are run in, what a shell adds,
//! what maintainer scripts need.
use std::collections::{BTreeMap, BTreeSet};

use invar_apt::{Guess, PackageIndex, PackageRecord, Reason, Requester, SolveRequest, solve};
use invar_debian::{DebianVersion, PackageName};
use invar_maintscript::{TOOLS, only_for_scripts};
use invar_project::{
    Because, ClosureKind, ClosureName, LockedInterpreter, LockedPackage, LockedPlatform, LockedRoot,
    Manifest, PackageRequest, Platform, Request,
};

use crate::LockError;
use crate::requests::{asked, image_requests};

/// What is asked for, for each root. `builds` are the roots of Python builds.
pub(crate) fn requests(
    manifest: &Manifest,
    builds: &BTreeSet<ClosureName>,
) -> BTreeMap<ClosureName, BTreeSet<PackageRequest>> {
    let mut all = Request::roots(manifest);
    for name in builds {
        all.entry(name.clone()).or_default();
    }
    all
}

/// Chooses the packages of a root.
pub(crate) struct RootSolver<'a> {
    pub manifest: &'a Manifest,
    pub request: &'a Request,
    pub interpreter: Option<&'a LockedInterpreter>,
    pub index: &'a PackageIndex,
    /// Versions of an earlier lock to keep if possible.
    pub prefer: &'a BTreeMap<PackageName, DebianVersion>,
    pub platform: Platform,
    pub codename: &'a str,
    /// Makes what a lock holds of a package.
    pub locked: &'a dyn Fn(&PackageRecord, Because) -> Result<LockedPackage, LockError>,
    /// Is given what was chosen for an image where Debian has no preference.
    pub guessed: &'a dyn Fn(&[Guess]),
}

impl RootSolver<'_> {
    /// Adds the root `name` to `platform`.
    ///
    /// # Errors
    /// [`LockError::Solve`], [`LockError::TwoVersions`].
    pub fn add(
        &self,
        platform: &mut LockedPlatform,
        name: &ClosureName,
        request: &BTreeSet<PackageRequest>,
    ) -> Result<(), LockError> {
        let mut wanted = Vec::new();
        let mut add = |text: &str, requester: &Requester| wanted.extend(asked(text, requester));
        let own = Requester::Closure(name.to_string());
        for package in request {
            match &package.version {
                Some(version) => add(&format!("{} (= {version})", package.name), &own),
                None => add(package.name.as_str(), &own),
            }
        }
        // Without packages there is no compiler, and headers would be of no use.
        if name.kind() == ClosureKind::Python
            && let Some(interpreter) = self.interpreter
        {
            add(interpreter.package.as_str(), &own);
            if !request.is_empty() {
                add(&format!("{}-dev", interpreter.package), &own);
            }
        }
        if name.kind() != ClosureKind::Image {
            for package in self.index.essential() {
                add(package.as_str(), &Requester::Essential);
            }
        }
        if name.kind() == ClosureKind::Scripts {
            TOOLS.iter().filter(|name| self.has(name)).for_each(|name| add(name, &own));
        }
        match name.kind() {
            // As the image has it: the same base, the same interpreter.
            ClosureKind::Image => {
                let manifest = name.name().and_then(|key| self.manifest.image(key));
                let own = manifest.as_ref().map(Request::of);
                wanted.extend(image_requests(own.as_ref().unwrap_or(self.request), self.interpreter));
            }
            ClosureKind::Shell | ClosureKind::Scripts => {
                wanted.extend(image_requests(self.request, self.interpreter))
            }
            ClosureKind::Step | ClosureKind::Python | ClosureKind::Unknown => {}
        }
        // What the image has stays as it is: one package has one version in a lock.
        let mut prefer = self.prefer.clone();
        for (name, package) in platform.tools.iter().chain(&platform.packages) {
            prefer.insert(name.clone(), package.version.clone());
        }
        let nothing = |_: &PackageName, _: &PackageName| false;
        let omit: &dyn Fn(&PackageName, &PackageName) -> bool =
            if name.kind() == ClosureKind::Image { &only_for_scripts } else { &nothing };
        let solution = solve(self.index, &SolveRequest { requests: wanted, omit, prefer: &prefer }).map_err(
            |source| LockError::Solve {
                suite: self.codename.to_owned(),
                platform: format!("{} ({name})", self.platform),
                source: Box::new(source),
            },
        )?;
        if name.kind() == ClosureKind::Image {
            (self.guessed)(&solution.guesses);
        }
        let mut packages = BTreeSet::new();
        for selected in &solution.packages {
            let record = &selected.record;
            packages.insert(record.name.clone());
            let known = platform.packages.get(&record.name).or_else(|| platform.tools.get(&record.name));
            if let Some(known) = known {
                if known.version.as_str() != record.version.as_str() {
                    return Err(LockError::TwoVersions {
                        name: record.name.to_string(),
                        root: name.to_string(),
                        found: record.version.to_string(),
                        expected: known.version.to_string(),
                    });
                }
                continue;
            }
            let because = match &selected.reason {
                Reason::DependencyOf(of) => Because::Dependency { of: of.clone() },
                Reason::Requested(Requester::Essential) => Because::Essential,
                Reason::Requested(_) => Because::Root(name.clone()),
            };
            platform.tools.insert(record.name.clone(), (self.locked)(record, because)?);
        }
        platform.roots.insert(name.clone(), LockedRoot { request: request.clone(), packages });
        Ok(())
    }

    fn has(&self, name: &str) -> bool {
        name.parse().is_ok_and(|name| !self.index.get(&name).is_empty())
    }
}
