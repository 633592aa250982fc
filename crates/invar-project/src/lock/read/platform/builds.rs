//! What Python packages are built from and with: everything that is named is there, everything that is there is named,
//! and nothing has to be built before itself.
use std::collections::{BTreeMap, BTreeSet};

use toml::Spanned;

use super::{Hex, LockError, RawBuild, RawBuildSource, RawBuildWheel, Text, Unused};
use crate::lock::{LockedBuild, LockedBuildSource, LockedBuildWheel, LockedPlatform};

/// The most packages that are built for one build, each counted as often as it is needed.
const MOST: usize = 1_000;

/// How deep a package that is built may need another one.
const DEEPEST: usize = 32;

pub(super) fn check(
    text: Text<'_>,
    platform: &mut LockedPlatform,
    builds: Vec<RawBuild>,
    wheels: Vec<RawBuildWheel>,
    sources: Vec<RawBuildSource>,
) -> Result<(), LockError> {
    let mut names =
        Names { text, wheels: Unused::default(), sources: Unused::default(), known: BTreeSet::new() };
    for RawBuildWheel { file, url, size, sha256: Hex(sha256) } in wheels {
        names.wheels.add(file.get_ref().clone(), file.span().start);
        names.known.insert(file.get_ref().clone());
        let wheel = LockedBuildWheel { url: url.to_string(), size, sha256 };
        text.insert(&mut platform.build_wheels, file, wheel)?;
    }
    let mut places = BTreeMap::new();
    for source in &sources {
        let (file, place) = (source.file.get_ref().clone(), source.file.span().start);
        names.sources.add(file.clone(), place);
        names.known.insert(file.clone());
        places.insert(file, place);
    }
    for source in sources {
        let RawBuildSource { file, name, version, url, size, sha256: Hex(sha256), requires, wheels, sources } =
            source;
        let (wheels, sources) = (names.take(wheels, "build wheel")?, names.take(sources, "build source")?);
        let build = LockedBuild { version, source: Some(sha256), commit: None, requires, wheels, sources };
        let source = LockedBuildSource { name, url: url.to_string(), size, sha256, build };
        text.insert(&mut platform.build_sources, file, source)?;
    }
    for RawBuild { name, version, source_sha256, commit, requires, wheels, sources } in builds {
        let source = source_sha256.map(|Hex(digest)| digest);
        let (wheels, sources) = (names.take(wheels, "build wheel")?, names.take(sources, "build source")?);
        let build = LockedBuild { version, source, commit, requires, wheels, sources };
        text.insert(&mut platform.builds, name, build)?;
    }
    names.wheels.check(text, "build")?;
    names.sources.check(text, "build")?;
    let mut counted = BTreeMap::new();
    for file in platform.build_sources.keys() {
        if let Err(problem) = count(&platform.build_sources, file, 0, &mut counted) {
            let line = text.line(places.get(file).copied().unwrap_or_default());
            return Err(LockError::Nested { line, name: file.clone(), problem });
        }
    }
    Ok(())
}

/// The files that builds may name.
struct Names<'a> {
    text: Text<'a>,
    wheels: Unused<String>,
    sources: Unused<String>,
    known: BTreeSet<String>,
}

impl Names<'_> {
    /// The files of one build, each of which has to be there.
    fn take(
        &mut self,
        files: Vec<Spanned<String>>,
        what: &'static str,
    ) -> Result<BTreeSet<String>, LockError> {
        let mut taken = BTreeSet::new();
        for file in files {
            let place = file.span().start;
            let file = file.into_inner();
            // A wheel's name has the ending that no archive's has, so each is known as what it is.
            if !self.known.contains(&file) || file.ends_with(".whl") != (what == "build wheel") {
                return Err(LockError::Unknown { line: self.text.line(place), what, name: file });
            }
            self.wheels.remove(&file);
            self.sources.remove(&file);
            taken.insert(file);
        }
        Ok(taken)
    }
}

/// How many packages are built for `file`, itself among them. `None` in `counted` is one that is being counted.
fn count(
    sources: &BTreeMap<String, LockedBuildSource>,
    file: &str,
    depth: usize,
    counted: &mut BTreeMap<String, Option<usize>>,
) -> Result<usize, &'static str> {
    match counted.get(file) {
        Some(Some(known)) => return Ok(*known),
        Some(None) => return Err("needs itself to be built"),
        None => {}
    }
    let too_many = "needs too many packages to be built first";
    if depth >= DEEPEST {
        return Err(too_many);
    }
    counted.insert(file.to_owned(), None);
    let mut all = 1;
    for needed in &sources[file].build.sources {
        all += count(sources, needed, depth + 1, counted)?;
        if all > MOST {
            return Err(too_many);
        }
    }
    counted.insert(file.to_owned(), Some(all));
    Ok(all)
}
