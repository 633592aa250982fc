//! The lock as serde reads it; every name, marker and version is checked here, so that errors know their line.
use std::collections::BTreeMap;
use std::ops::Range;

use invar_formats::url::file_name;
use invar_tree::Digest;
use pep440_rs::{Version, VersionSpecifiers};
use serde::{Deserialize, Deserializer, de};
use toml::Spanned;

use super::{
    ConflictItem, ConflictKind, Dependency, LockedHash, LockedMetadata, LockedRequirement, LockedSdist,
    LockedWheel, Manifest, Package, Source, UvLock, UvLockError, VERSION,
};
use crate::filename::WheelFilename;
use crate::marker::Marker;
use crate::name::{DistributionName, ExtraName, GroupName};

#[derive(Deserialize)]
struct VersionOnly {
    version: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct LockWire {
    version: i64,
    #[serde(default)]
    revision: u64,
    requires_python: Specifiers,
    #[serde(default)]
    resolution_markers: Vec<Marker>,
    #[serde(default)]
    supported_markers: Vec<Marker>,
    #[serde(default)]
    conflicts: Vec<Vec<ConflictWire>>,
    #[serde(default)]
    manifest: ManifestWire,
    #[serde(default, rename = "package", alias = "distribution")]
    packages: Vec<PackageWire>,
}

#[derive(Deserialize)]
struct ConflictWire {
    package: DistributionName,
    extra: Option<ExtraName>,
    group: Option<GroupName>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
struct ManifestWire {
    #[serde(default)]
    members: Vec<DistributionName>,
    #[serde(default)]
    requirements: Vec<RequirementWire>,
    #[serde(default)]
    dependency_groups: BTreeMap<GroupName, Vec<RequirementWire>>,
    #[serde(default)]
    constraints: Vec<SettingWire>,
    #[serde(default)]
    overrides: Vec<SettingWire>,
    #[serde(default)]
    build_constraints: Vec<SettingWire>,
}

/// A requirement of a setting, which is only compared: a form that this does not know is no error.
#[derive(Deserialize)]
#[serde(untagged)]
enum SettingWire {
    Requirement(Box<RequirementWire>),
    Other(de::IgnoredAny),
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct PackageWire {
    name: DistributionName,
    version: Option<VersionText>,
    source: SourceWire,
    #[serde(default)]
    resolution_markers: Vec<Marker>,
    #[serde(default)]
    dependencies: Vec<DependencyWire>,
    #[serde(default)]
    optional_dependencies: BTreeMap<ExtraName, Vec<DependencyWire>>,
    #[serde(default, rename = "dev-dependencies", alias = "dependency-groups")]
    dependency_groups: BTreeMap<GroupName, Vec<DependencyWire>>,
    sdist: Option<SdistWire>,
    #[serde(default)]
    wheels: Vec<WheelWire>,
    #[serde(default)]
    metadata: MetadataWire,
}

#[derive(Deserialize)]
struct DependencyWire {
    name: Spanned<DistributionName>,
    version: Option<VersionText>,
    source: Option<SourceWire>,
    #[serde(default)]
    extra: Vec<ExtraName>,
    #[serde(default)]
    marker: Marker,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
struct MetadataWire {
    #[serde(default)]
    requires_dist: Vec<RequirementWire>,
    #[serde(default)]
    provides_extras: Vec<ExtraName>,
    #[serde(default, rename = "requires-dev", alias = "dependency-groups")]
    groups: BTreeMap<GroupName, Vec<RequirementWire>>,
}

#[derive(Deserialize)]
struct RequirementWire {
    name: DistributionName,
    #[serde(default, alias = "extra")]
    extras: Vec<ExtraName>,
    specifier: Option<Specifiers>,
    #[serde(default)]
    marker: Marker,
    index: Option<de::IgnoredAny>,
    conflict: Option<de::IgnoredAny>,
    git: Option<String>,
    url: Option<String>,
    path: Option<de::IgnoredAny>,
    directory: Option<de::IgnoredAny>,
    editable: Option<de::IgnoredAny>,
    r#virtual: Option<de::IgnoredAny>,
}

impl From<RequirementWire> for LockedRequirement {
    fn from(wire: RequirementWire) -> Self {
        let sources = [wire.index, wire.conflict, wire.path, wire.directory, wire.editable, wire.r#virtual];
        Self {
            name: wire.name,
            extras: wire.extras,
            specifiers: wire.specifier.map_or_else(VersionSpecifiers::empty, |specifiers| specifiers.0),
            marker: wire.marker,
            plain: sources.iter().all(Option::is_none) && wire.git.is_none() && wire.url.is_none(),
            git: wire.git,
            url: wire.url,
        }
    }
}

fn requirements(wires: Vec<RequirementWire>) -> Vec<LockedRequirement> {
    wires.into_iter().map(LockedRequirement::from).collect()
}

fn settings(wires: Vec<SettingWire>) -> Option<Vec<LockedRequirement>> {
    let requirement = |wire| match wire {
        SettingWire::Requirement(wire) => Some((*wire).into()),
        SettingWire::Other(_) => None,
    };
    wires.into_iter().map(requirement).collect()
}

fn groups(wires: BTreeMap<GroupName, Vec<RequirementWire>>) -> BTreeMap<GroupName, Vec<LockedRequirement>> {
    wires.into_iter().map(|(group, wires)| (group, requirements(wires))).collect()
}

struct Specifiers(VersionSpecifiers);

impl<'de> Deserialize<'de> for Specifiers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        // An asterisk alone is how uv writes "any version" in some revisions.
        let versions = if text.trim() == "*" { "" } else { &text };
        let error =
            |_| de::Error::custom(format!("{text:?} is not a version specifier such as \">=3.11, <4\""));
        versions.parse().map(Self).map_err(error)
    }
}

struct VersionText {
    text: String,
    version: Version,
}

impl<'de> Deserialize<'de> for VersionText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.parse() {
            Ok(version) => Ok(Self { text, version }),
            Err(_) => Err(de::Error::custom(format!("{text:?} is not a version"))),
        }
    }
}

struct SourceWire(Source);

impl<'de> Deserialize<'de> for SourceWire {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Fields {
            registry: Option<String>,
            git: Option<String>,
            url: Option<String>,
            subdirectory: Option<String>,
            path: Option<String>,
            directory: Option<String>,
            editable: Option<String>,
            r#virtual: Option<String>,
        }
        let fields = Fields::deserialize(deserializer)?;
        let subdirectory = fields.subdirectory;
        let sources = [
            fields.registry.map(Source::Registry),
            fields.git.map(Source::Git),
            fields.url.map(|url| Source::Url { url, subdirectory }),
            fields.path.map(Source::Path),
            fields.directory.map(Source::Directory),
            fields.editable.map(Source::Editable),
            fields.r#virtual.map(Source::Virtual),
        ];
        let mut found = sources.into_iter().flatten();
        match (found.next(), found.next()) {
            (Some(source), None) => Ok(Self(source)),
            _ => Err(de::Error::custom(
                "a source has exactly one of registry, git, url, path, directory, editable and virtual",
            )),
        }
    }
}

struct SdistWire(LockedSdist);

impl<'de> Deserialize<'de> for SdistWire {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Fields {
            url: Option<String>,
            path: Option<String>,
            hash: Option<String>,
            size: Option<u64>,
        }
        let Fields { url, path, hash, size } = Fields::deserialize(deserializer)?;
        let hash = hash.as_deref().map(locked_hash).transpose().map_err(de::Error::custom)?;
        Ok(Self(LockedSdist { url, path, hash, size }))
    }
}

struct WheelWire(LockedWheel);

impl<'de> Deserialize<'de> for WheelWire {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Fields {
            url: Option<String>,
            path: Option<String>,
            filename: Option<String>,
            hash: Option<String>,
            size: Option<u64>,
        }
        let Fields { url, path, filename, hash, size } = Fields::deserialize(deserializer)?;
        let last = |text: &str| text.rsplit('/').next().unwrap_or(text).to_owned();
        let name = match (&url, &path, filename) {
            (Some(url), ..) => file_name(url)
                .ok_or_else(|| de::Error::custom(format!("{url:?} does not end with a file name")))?,
            (None, Some(path), _) => last(path),
            (None, None, Some(filename)) => filename,
            (None, None, None) => return Err(de::Error::custom("a wheel has one of url, path and filename")),
        };
        let filename: WheelFilename = name.parse().map_err(de::Error::custom)?;
        let hash = hash.as_deref().map(locked_hash).transpose().map_err(de::Error::custom)?;
        Ok(Self(LockedWheel { url, path, filename, hash, size }))
    }
}

fn locked_hash(text: &str) -> Result<LockedHash, String> {
    match text.split_once(':') {
        Some(("sha256", hex)) => Digest::from_hex(hex)
            .map(LockedHash::Sha256)
            .map_err(|error| format!("a hash is malformed: {error}")),
        Some((algorithm, _)) => Ok(LockedHash::Other(algorithm.to_owned())),
        None => Err(format!("{text:?} is not a hash such as \"sha256:0123…\"")),
    }
}

/// The line and column of a byte, both from 1.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.bytes().filter(|&byte| byte == b'\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
    (line, column)
}

pub(super) fn parse(text: &str) -> Result<UvLock, UvLockError> {
    let wire = toml::from_str::<LockWire>(text);
    // Another version may have any form: its errors would not be worth a word.
    let found = match &wire {
        Ok(wire) => Some(wire.version),
        Err(_) => toml::from_str(text).ok().map(|VersionOnly { version }| version),
    };
    if let Some(found) = found.filter(|&found| found != VERSION) {
        return Err(UvLockError::Version { found });
    }
    let wire = wire.map_err(|error| {
        let (line, column) = position(text, error.span().map_or(0, |span| span.start));
        UvLockError::Malformed { line, column, message: error.message().to_owned() }
    })?;
    let conflicts = wire.conflicts.into_iter().map(|set| set.into_iter().map(conflict).collect()).collect();
    Ok(UvLock {
        revision: wire.revision,
        requires_python: wire.requires_python.0,
        resolution_markers: wire.resolution_markers,
        supported_markers: wire.supported_markers,
        conflicts,
        manifest: Manifest {
            members: wire.manifest.members,
            requirements: requirements(wire.manifest.requirements),
            groups: groups(wire.manifest.dependency_groups),
            constraints: settings(wire.manifest.constraints),
            overrides: settings(wire.manifest.overrides),
            build_constraints: settings(wire.manifest.build_constraints),
        },
        packages: packages(text, wire.packages)?,
    })
}

fn conflict(wire: ConflictWire) -> ConflictItem {
    let kind = match (wire.extra, wire.group) {
        (Some(extra), _) => ConflictKind::Extra(extra),
        (None, Some(group)) => ConflictKind::Group(group),
        (None, None) => ConflictKind::Project,
    };
    ConflictItem { package: wire.package, kind }
}

/// What identifies a package: what a dependency may name.
struct Identity {
    version: Option<Version>,
    source: Source,
    index: usize,
}

fn packages(text: &str, wires: Vec<PackageWire>) -> Result<Vec<Package>, UvLockError> {
    let mut identities: BTreeMap<DistributionName, Vec<Identity>> = BTreeMap::new();
    for (index, wire) in wires.iter().enumerate() {
        let version = wire.version.as_ref().map(|version| version.version.clone());
        let identity = Identity { version, source: wire.source.0.clone(), index };
        identities.entry(wire.name.clone()).or_default().push(identity);
    }
    let resolve = |package: &DistributionName, wires: Vec<DependencyWire>| {
        wires
            .into_iter()
            .map(|wire| dependency(text, &identities, package, wire))
            .collect::<Result<Vec<_>, _>>()
    };
    let mut packages = Vec::with_capacity(wires.len());
    for wire in wires {
        let name = wire.name;
        let mut optional_dependencies = BTreeMap::new();
        for (extra, wires) in wire.optional_dependencies {
            optional_dependencies.insert(extra, resolve(&name, wires)?);
        }
        let mut dependency_groups = BTreeMap::new();
        for (group, wires) in wire.dependency_groups {
            dependency_groups.insert(group, resolve(&name, wires)?);
        }
        let (version, version_text) = wire.version.map(|version| (version.version, version.text)).unzip();
        packages.push(Package {
            version,
            version_text,
            source: wire.source.0,
            resolution_markers: wire.resolution_markers,
            dependencies: resolve(&name, wire.dependencies)?,
            optional_dependencies,
            dependency_groups,
            sdist: wire.sdist.map(|sdist| sdist.0),
            wheels: wire.wheels.into_iter().map(|wheel| wheel.0).collect(),
            metadata: LockedMetadata {
                requires_dist: requirements(wire.metadata.requires_dist),
                provides_extras: wire.metadata.provides_extras,
                groups: groups(wire.metadata.groups),
            },
            name,
        });
    }
    Ok(packages)
}

fn dependency(
    text: &str,
    identities: &BTreeMap<DistributionName, Vec<Identity>>,
    package: &DistributionName,
    wire: DependencyWire,
) -> Result<Dependency, UvLockError> {
    let Range { start, .. } = wire.name.span();
    let name = wire.name.into_inner();
    let fits = |identity: &&Identity| {
        wire.version.as_ref().is_none_or(|version| identity.version.as_ref() == Some(&version.version))
            && wire.source.as_ref().is_none_or(|source| identity.source == source.0)
    };
    let found: Vec<usize> =
        identities.get(&name).into_iter().flatten().filter(fits).map(|identity| identity.index).collect();
    match found[..] {
        [index] => Ok(Dependency { package: index, extras: wire.extra, marker: wire.marker }),
        _ => Err(UvLockError::Dangling {
            line: position(text, start).0,
            package: package.clone(),
            dependency: name,
            candidates: found.len(),
        }),
    }
}
