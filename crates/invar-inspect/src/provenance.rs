//! What a project knows about each file and package of its image: the locks, the plan, and the origins of the trees.
use invar_build::{BuildError, Inventory, Item, Session};
use invar_checkout::ProjectFiles;
use invar_plan::{Plan, Recipe, SourceBuild, WheelRecipe};
use invar_project::{Because, InvarLock, LockedPackage, LockedPlatform, Platform};
use invar_python::{Location, NeededBy, SourceLocation};
use invar_realise::Archive;
use invar_tree::{ImagePath, Node, Origin};

use crate::answer::{Answer, Subject};
use crate::error::InspectError;

/// Why a file or package is in the image of `files` for `platform`.
///
/// # Errors
/// [`InspectError`]; also where there is no such file or package.
pub fn explain(
    session: &Session<'_>,
    files: &ProjectFiles,
    platform: Platform,
    subject: &Subject,
) -> Result<Vec<Answer>, InspectError> {
    subject.found(match subject {
        Subject::Path(path) => of_path(session, files, platform, path)?,
        Subject::Package(name) => of_package(session, files, platform, name)?,
    })
}

/// The origin of the file at `path` in the image.
fn of_path(
    session: &Session<'_>,
    files: &ProjectFiles,
    platform: Platform,
    path: &ImagePath,
) -> Result<Vec<Answer>, InspectError> {
    let inventory = Inventory::read(session, files, platform)?;
    let Some(item) = inventory.items().find(|item| item.path == path) else { return Ok(Vec::new()) };
    let plan = plan(files, platform)?;
    let known = Known { session, files, lock: files.checked_lock()?, plan: &plan, platform };
    let mut answer = Answer::of(path.to_string(), item.entry.origin.to_string());
    facts_of(&item, &mut answer);
    known.explain(&item.entry.origin, path, &mut answer);
    Ok(vec![answer])
}

/// Why the packages of this name are in the image. Nothing is built for that.
fn of_package(
    session: &Session<'_>,
    files: &ProjectFiles,
    platform: Platform,
    name: &str,
) -> Result<Vec<Answer>, InspectError> {
    let plan = plan(files, platform)?;
    let known = Known { session, files, lock: files.checked_lock()?, plan: &plan, platform };
    let mut answers = Vec::new();
    if let Some((_, package)) = known.debian(name) {
        let origin = Origin::Package {
            name: name.to_owned(),
            version: package.version.to_string(),
            architecture: package.architecture.to_string(),
        };
        let mut answer = Answer::of(name, origin.to_string());
        known.explain_debian(name, &mut answer);
        answers.push(answer);
    }
    let normalised: Result<invar_python::DistributionName, _> = name.parse();
    if let Ok(normalised) = normalised
        && let Some((version, needed_by)) = known.python(normalised.as_str())
    {
        let kind = if known.wheel(normalised.as_str()).is_some() { "wheel" } else { "Python package" };
        let version = version.map(|version| format!(" {version}")).unwrap_or_default();
        let mut answer = Answer::of(name, format!("{kind} {normalised}{version}"));
        known.explain_python(normalised.as_str(), needed_by, &mut answer);
        answers.push(answer);
    }
    Ok(answers)
}

/// What the image of `files` for `platform` consists of.
///
/// # Errors
/// [`InspectError`].
pub(crate) fn plan(files: &ProjectFiles, platform: Platform) -> Result<Plan, InspectError> {
    let plan = Plan::new(&files.manifest, files.checked_lock()?, files.uv_lock.as_ref(), platform);
    Ok(plan.map_err(BuildError::from)?)
}

fn facts_of(Item { layer, entry, .. }: &Item<'_>, answer: &mut Answer) {
    match &entry.node {
        Node::Directory => answer.fact("kind", "directory"),
        Node::File { size, digest } => {
            answer.fact("kind", "file");
            answer.fact("size", format!("{size} bytes"));
            answer.fact("content", digest);
        }
        Node::Symlink { target } => {
            answer.fact("kind", "symbolic link");
            answer.fact("target", target);
        }
    }
    answer.fact("mode", entry.mode);
    answer.fact("owner", format!("{}:{}", entry.owner.uid, entry.owner.gid));
    if !entry.is_directory() {
        answer.fact("layer", layer.as_str());
    }
}

/// All that is at hand.
struct Known<'a> {
    session: &'a Session<'a>,
    files: &'a ProjectFiles,
    lock: &'a InvarLock,
    plan: &'a Plan,
    platform: Platform,
}

impl<'a> Known<'a> {
    fn locked(&self) -> Option<&'a LockedPlatform> {
        self.lock.platforms.get(&self.platform)
    }

    /// The Debian package of this name that is in the image, or that something is built with.
    fn debian(&self, name: &str) -> Option<(bool, &'a LockedPackage)> {
        let locked = self.locked()?;
        let find = |packages: &'a std::collections::BTreeMap<_, LockedPackage>| {
            packages.iter().find(|(known, _): &(&invar_debian::PackageName, _)| known.as_str() == name)
        };
        let package = find(&locked.packages).map(|(_, package)| (true, package));
        package.or_else(|| find(&locked.tools).map(|(_, package)| (false, package)))
    }

    fn wheel(&self, name: &str) -> Option<&'a WheelRecipe> {
        self.plan.recipes().find_map(|recipe| match recipe {
            Recipe::Wheel(wheel) if wheel.chosen.name.as_str() == name => Some(&**wheel),
            _ => None,
        })
    }

    fn source(&self, name: &str) -> Option<&'a SourceBuild> {
        self.plan.sources.iter().find(|build| build.chosen.name.as_str() == name)
    }

    /// The version of a Python package, and what needs it first.
    fn python(&self, name: &str) -> Option<(Option<&'a str>, &'a NeededBy)> {
        let wheel =
            self.wheel(name).map(|wheel| (Some(wheel.chosen.version.as_str()), &wheel.chosen.needed_by));
        wheel.or_else(|| {
            let chosen = &self.source(name)?.chosen;
            Some((chosen.version.as_deref(), &chosen.needed_by))
        })
    }

    fn explain(&self, origin: &Origin, path: &ImagePath, answer: &mut Answer) {
        match origin {
            Origin::Package { name, .. } => self.explain_debian(name, answer),
            Origin::Wheel { name, .. } => match self.python(name) {
                Some((_, needed_by)) => self.explain_python(name, needed_by, answer),
                None => answer.unknown.push(format!("what asked for {name}")),
            },
            Origin::Step { name } => self.explain_step(name, path, answer),
            Origin::Source => {
                let workdir = self.files.manifest.image.workdir.to_string();
                let inside = path.to_string();
                let inside =
                    inside.strip_prefix(&format!("{}/", workdir.trim_end_matches('/'))).unwrap_or(&inside);
                answer.fact("source file", self.files.folder.join(inside.trim_start_matches('/')).display());
            }
            Origin::Bytecode { of } => {
                answer.fact("compiled from", of);
                self.explain_source_of(of, answer);
            }
            Origin::Handler { name } => {
                answer.fact("created by", format!("Invar, replacing maintainer scripts ({name})"));
                answer.chain = vec!["the Debian packages of the image".into()];
            }
            Origin::Environment => {
                answer.fact("created by", "Invar, which creates the virtual environment as uv would")
            }
            Origin::Scripts => {
                answer.fact("created by", "maintainer scripts, run in the sandbox because of `configure`")
            }
            _ => {}
        }
    }

    /// Bytecode says in words what its source is from; the same is known of that.
    fn explain_source_of(&self, of: &str, answer: &mut Answer) {
        let mut words = of.split(' ');
        match (words.next(), words.next(), words.next()) {
            (Some("wheel"), Some(name), _) => {
                if let Some((_, needed_by)) = self.python(name) {
                    self.explain_python(name, needed_by, answer);
                }
            }
            (Some("Debian"), Some("package"), Some(name)) => self.explain_debian(name, answer),
            _ => {}
        }
    }

    fn explain_debian(&self, name: &str, answer: &mut Answer) {
        let Some((in_image, package)) = self.debian(name) else { return };
        answer.fact("file", package.file.as_str());
        answer.fact("file size", format!("{} bytes", package.size));
        answer.fact("file sha256", package.sha256.hex());
        answer.fact("suite", package.suite.to_string());
        if let Some((_, suite)) = self.lock.suites.iter().find(|(known, _)| **known == package.suite) {
            let archive = Archive::of_suite(&package.suite.to_string());
            if let Some(url) =
                self.session.upstreams.mirrors.urls(archive, package.file.as_str(), &[]).first()
            {
                answer.fact("URL", url);
            }
            answer.fact("archive", suite.archive);
            answer.fact("InRelease", format!("of {}, {}", suite.date, suite.sha256));
            let keys: Vec<&str> = suite.signed_by.iter().map(|key| key.as_str()).collect();
            answer.fact("signed by", keys.join(", "));
        }
        if let Some(scripts) = &package.scripts {
            answer.fact("maintainer scripts", scripts.verdict);
        }
        if !in_image {
            answer.fact("in the image", "no: only in build environments");
        }
        answer.chain = self.debian_chain(name);
    }

    /// From what was asked for to the package.
    fn debian_chain(&self, name: &str) -> Vec<String> {
        let mut chain = Vec::new();
        let mut current = name.to_owned();
        while let Some((_, package)) = self.debian(&current) {
            let link = format!("{current} {}", package.version);
            if chain.contains(&link) {
                break;
            }
            chain.push(link);
            match &package.because {
                Because::Dependency { of } => current = of.to_string(),
                because => {
                    chain.push(reason(because));
                    break;
                }
            }
        }
        chain.reverse();
        chain
    }

    fn explain_python(&self, name: &str, needed_by: &NeededBy, answer: &mut Answer) {
        let place = |location: &Location, answer: &mut Answer| match location {
            Location::Url(url) => answer.fact("URL", url),
            Location::Path(path) => answer.fact("file", path),
        };
        if let Some(wheel) = self.wheel(name) {
            let file = &wheel.chosen.wheel;
            place(&file.location, answer);
            answer.fact("file sha256", file.digest.hex());
            if let Some(size) = file.size {
                answer.fact("file size", format!("{size} bytes"));
            }
            answer.fact("signed by", "no key: uv.lock names its sha256");
        } else if let Some(build) = self.source(name) {
            match &build.chosen.source {
                SourceLocation::Archive { location, digest, .. } => {
                    place(location, answer);
                    answer.fact("source sha256", digest.hex());
                }
                SourceLocation::Git { url, commit, .. } => {
                    answer.fact("git", url);
                    answer.fact("commit", commit);
                }
                SourceLocation::Directory { path, .. } => {
                    answer.fact("folder", if path.is_empty() { "." } else { path });
                }
            }
            if let Some(digest) = &build.digest {
                answer.fact("source", digest);
            }
            let with: Vec<String> = build
                .wheels
                .iter()
                .map(|wheel| format!("{} {}", wheel.chosen.name, wheel.chosen.version))
                .collect();
            if !with.is_empty() {
                answer.fact("built with", with.join(", "));
            }
        }
        answer.chain = self.python_chain(name, needed_by);
    }

    fn python_chain(&self, name: &str, needed_by: &NeededBy) -> Vec<String> {
        let mut chain = vec![self.python_link(name)];
        let mut needed_by = needed_by;
        loop {
            let next = match needed_by {
                NeededBy::Package(package) | NeededBy::Extra(package, _) => package,
                other => {
                    chain.push(match other {
                        NeededBy::Project => "pyproject.toml: the project itself".into(),
                        other => format!("pyproject.toml: {other}"),
                    });
                    break;
                }
            };
            let link = self.python_link(next.as_str());
            if chain.contains(&link) {
                break;
            }
            chain.push(link);
            match self.python(next.as_str()) {
                Some((_, reason)) => needed_by = reason,
                // The project itself is not installed where it has no build system; its dependencies are.
                None => {
                    chain.push("pyproject.toml".into());
                    break;
                }
            }
        }
        chain.reverse();
        chain
    }

    fn python_link(&self, name: &str) -> String {
        match self.python(name).and_then(|(version, _)| version) {
            Some(version) => format!("{name} {version}"),
            None => name.to_owned(),
        }
    }

    fn explain_step(&self, name: &str, path: &ImagePath, answer: &mut Answer) {
        let Some(planned) = self.plan.steps.iter().find(|planned| planned.step.name.to_string() == name)
        else {
            return;
        };
        let step = &planned.step;
        if let Some(run) = &step.run {
            answer.fact("command", run);
        }
        // An output at `/bin/x` is at `/usr/bin/x`, where the image's link leads.
        let merged = path.as_str().strip_prefix("usr/").and_then(|path| ImagePath::parse(path).ok());
        let is_in = |place: &ImagePath| {
            path.is_within(place.as_str())
                || merged.as_ref().is_some_and(|path| path.is_within(place.as_str()))
        };
        for (from, output) in step.outputs.iter().filter(|(_, output)| is_in(&output.path)) {
            answer.fact("output", format!("{from} → {}", output.path));
        }
        let inputs: Vec<String> = step.inputs.iter().map(ToString::to_string).collect();
        if !inputs.is_empty() {
            answer.fact("inputs", inputs.join(", "));
        }
        let packages: Vec<String> = step.packages.iter().map(ToString::to_string).collect();
        if !packages.is_empty() {
            answer.fact("packages", packages.join(", "));
        }
        answer.chain = vec!["pyproject.toml: [[tool.invar.step]]".into(), format!("step {name}")];
    }
}

/// Why a package was taken, as the beginning of a chain.
fn reason(because: &Because) -> String {
    match because {
        Because::Requested => "[tool.invar] packages".into(),
        Because::Shell => "[tool.invar] shell".into(),
        Because::Base => "[tool.invar] base, or the usual base set".into(),
        Because::Interpreter => "requires-python".into(),
        Because::Root(root) => format!("requested by {root}"),
        Because::Essential => "essential in Debian".into(),
        Because::Dependency { of } => of.to_string(),
    }
}
