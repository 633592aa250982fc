//! The part of a lock that is about one platform.
mod builds;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use invar_debian::{Architecture, DebianVersion, PackageName};
use invar_python::DistributionName;
use pep440_rs::Version;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use toml::Spanned;

use super::{Hex, LockError, Text};
use crate::lock::{
    Because, ClosureName, LockedOmission, LockedPackage, LockedPlatform, LockedRoot, LockedScripts,
    LockedSuite, OmissionReason, PoolPath, ScriptVerdict,
};
use crate::{FetchUrl, PackageRequest, Platform, SuiteName};

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawPlatform {
    name: Spanned<Platform>,
    #[serde(default, rename = "package")]
    packages: Vec<RawPackage>,
    #[serde(default)]
    omitted: Vec<RawOmission>,
    #[serde(default, rename = "tool")]
    tools: Vec<RawTool>,
    #[serde(default, rename = "root")]
    roots: Vec<RawRoot>,
    #[serde(default, rename = "build")]
    builds: Vec<RawBuild>,
    #[serde(default, rename = "build-wheel")]
    build_wheels: Vec<RawBuildWheel>,
    #[serde(default, rename = "build-source")]
    build_sources: Vec<RawBuildSource>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RawPackage {
    name: Spanned<PackageName>,
    version: DebianVersion,
    architecture: Spanned<Architecture>,
    suite: Spanned<SuiteName>,
    file: PoolPath,
    size: u64,
    sha256: Hex,
    because: Because,
    scripts: Option<ScriptVerdict>,
    scripts_sha256: Option<Hex>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RawOmission {
    name: Spanned<PackageName>,
    needed_by: BTreeSet<PackageName>,
    reason: OmissionReason,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RawTool {
    name: Spanned<PackageName>,
    version: DebianVersion,
    architecture: Spanned<Architecture>,
    suite: Spanned<SuiteName>,
    file: PoolPath,
    size: u64,
    sha256: Hex,
    because: Because,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RawRoot {
    name: Spanned<ClosureName>,
    request: BTreeSet<PackageRequest>,
    packages: Vec<Spanned<PackageName>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RawBuild {
    name: Spanned<DistributionName>,
    #[serde(default, deserialize_with = "python_version")]
    version: Option<String>,
    source_sha256: Option<Hex>,
    #[serde(default, deserialize_with = "commit")]
    commit: Option<String>,
    requires: BTreeSet<String>,
    wheels: Vec<Spanned<String>>,
    #[serde(default)]
    sources: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RawBuildWheel {
    #[serde(deserialize_with = "wheel_file")]
    file: Spanned<String>,
    url: FetchUrl,
    size: Option<u64>,
    sha256: Hex,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RawBuildSource {
    #[serde(deserialize_with = "source_file")]
    file: Spanned<String>,
    name: DistributionName,
    #[serde(deserialize_with = "python_version")]
    version: Option<String>,
    url: FetchUrl,
    size: Option<u64>,
    sha256: Hex,
    requires: BTreeSet<String>,
    wheels: Vec<Spanned<String>>,
    #[serde(default)]
    sources: Vec<Spanned<String>>,
}

/// A version as it is written, so that what is written again is the same.
fn python_version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    match text.parse::<Version>() {
        Ok(_) => Ok(Some(text)),
        Err(_) => Err(D::Error::custom(format!("{text:?} is not a Python version"))),
    }
}

/// The name of a commit: SHA-1 or SHA-256 (gitformat-signature(5) writes both in lower case).
fn commit<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let good = |character: char| character.is_ascii_digit() || ('a'..='f').contains(&character);
    match [40, 64].contains(&text.len()) && text.chars().all(good) {
        true => Ok(Some(text)),
        false => Err(D::Error::custom(format!("{text:?} is not a commit"))),
    }
}

/// The name of a wheel's file (binary distribution format, "File name convention"), as far as its safety as a file
/// name goes.
fn wheel_file<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Spanned<String>, D::Error> {
    let file = Spanned::<String>::deserialize(deserializer)?;
    let text = file.get_ref();
    let good = is_plain(text) && text.strip_suffix(".whl").is_some_and(|stem| stem.split('-').count() >= 5);
    if good { Ok(file) } else { Err(D::Error::custom(format!("{text:?} is not the name of a wheel"))) }
}

/// The name of a source archive's file, as far as its safety as a file name goes.
fn source_file<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Spanned<String>, D::Error> {
    let file = Spanned::<String>::deserialize(deserializer)?;
    let text = file.get_ref();
    let good = is_plain(text) && !text.ends_with(".whl") && text.contains('.');
    if good {
        Ok(file)
    } else {
        Err(D::Error::custom(format!("{text:?} is not the name of a source archive")))
    }
}

fn is_plain(file: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.+!".contains(&byte);
    file.len() <= 255 && !file.starts_with('.') && file.bytes().all(plain)
}

impl RawPlatform {
    /// The platform, if what it names is there, and what is there is named.
    pub(super) fn checked(
        self,
        text: Text<'_>,
        suites: &BTreeMap<SuiteName, LockedSuite>,
    ) -> Result<(Spanned<Platform>, LockedPlatform), LockError> {
        let mut platform = LockedPlatform::default();
        for package in self.packages {
            let (name, package) = package.checked(text, *self.name.get_ref(), suites)?;
            text.insert(&mut platform.packages, name, package)?;
        }
        for RawOmission { name, needed_by, reason } in self.omitted {
            text.insert(&mut platform.omitted, name, LockedOmission { needed_by, reason })?;
        }
        let mut unused = Unused::default();
        for tool in self.tools {
            let (name, tool) = RawPackage::from(tool).checked(text, *self.name.get_ref(), suites)?;
            if platform.packages.contains_key(name.get_ref()) {
                let line = text.line(name.span().start);
                return Err(LockError::Duplicate { line, name: name.into_inner().to_string() });
            }
            unused.add(name.get_ref().clone(), name.span().start);
            text.insert(&mut platform.tools, name, tool)?;
        }
        for RawRoot { name, request, packages } in self.roots {
            let mut root = LockedRoot { request, packages: BTreeSet::new() };
            for name in packages {
                let place = name.span().start;
                let name = name.into_inner();
                if !platform.packages.contains_key(&name) && !platform.tools.contains_key(&name) {
                    let what = "package or tool";
                    return Err(LockError::Unknown { line: text.line(place), what, name: name.to_string() });
                }
                unused.remove(&name);
                root.packages.insert(name);
            }
            text.insert(&mut platform.roots, name, root)?;
        }
        unused.check(text, "root")?;
        builds::check(text, &mut platform, self.builds, self.build_wheels, self.build_sources)?;
        Ok((self.name, platform))
    }
}

/// What has been defined and not been named yet, with its place.
struct Unused<K>(BTreeMap<K, usize>);

impl<K> Default for Unused<K> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord + fmt::Display> Unused<K> {
    fn add(&mut self, name: K, place: usize) {
        self.0.insert(name, place);
    }

    fn remove(&mut self, name: &K) {
        self.0.remove(name);
    }

    fn check(self, text: Text<'_>, by: &'static str) -> Result<(), LockError> {
        match self.0.into_iter().min_by_key(|(_, place)| *place) {
            Some((name, place)) => {
                Err(LockError::Unused { line: text.line(place), by, name: name.to_string() })
            }
            None => Ok(()),
        }
    }
}

impl From<RawTool> for RawPackage {
    fn from(tool: RawTool) -> Self {
        let RawTool { name, version, architecture, suite, file, size, sha256, because } = tool;
        let (scripts, scripts_sha256) = (None, None);
        Self { name, version, architecture, suite, file, size, sha256, because, scripts, scripts_sha256 }
    }
}

impl RawPackage {
    fn checked(
        self,
        text: Text<'_>,
        platform: Platform,
        suites: &BTreeMap<SuiteName, LockedSuite>,
    ) -> Result<(Spanned<PackageName>, LockedPackage), LockError> {
        let place = self.suite.span().start;
        let suite = self.suite.into_inner();
        if !suites.contains_key(&suite) {
            let line = text.line(place);
            return Err(LockError::UnknownSuite { line, suite });
        }
        let place = self.architecture.span().start;
        let architecture = self.architecture.into_inner();
        if !architecture.is_all() && architecture.as_str() != platform.architecture() {
            let line = text.line(place);
            return Err(LockError::ForeignPackage { line, architecture, platform });
        }
        let scripts = match (self.scripts, self.scripts_sha256) {
            (Some(verdict), Some(Hex(sha256))) => Some(LockedScripts { verdict, sha256 }),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => {
                let line = text.line(self.name.span().start);
                let message = "`scripts` and `scripts-sha256` must be set together".to_owned();
                return Err(LockError::Malformed { line, message });
            }
        };
        let Self { name, version, file, size, sha256: Hex(sha256), because, .. } = self;
        Ok((name, LockedPackage { version, architecture, suite, file, size, sha256, because, scripts }))
    }
}
