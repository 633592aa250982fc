use invar_debian::{Architecture, DebianVersion, PackageName};
use invar_project::LockedPackage;
use invar_python::{Chosen, EnvironmentLayout};
use invar_tree::{Digest, Origin};

/// How a tree is created. Equal recipes make equal trees, so the key under which a store keeps what it made is of its
/// fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipe {
    /// A Debian package, unpacked.
    Package(PackageRecipe),
    /// A wheel, installed into the virtual environment.
    Wheel(Box<WheelRecipe>),
}

/// A Debian package and how it is unpacked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageRecipe {
    /// Its name.
    pub name: PackageName,
    /// Its version.
    pub version: DebianVersion,
    /// Its architecture.
    pub architecture: Architecture,
    /// The suite that lists it, such as `trixie-security`: it decides from which archive the file comes.
    pub suite: String,
    /// The file's path below the archive's root, such as `pool/main/t/tzdata/tzdata_2026c-0+deb13u1_all.deb`.
    pub file: String,
    /// The file's length in bytes.
    pub size: u64,
    /// The file's sha256.
    pub digest: Digest,
    /// Whether documentation is unpacked too.
    pub docs: bool,
}

impl PackageRecipe {
    /// How the locked `package` is unpacked; with its documentation where `docs` says so.
    pub(crate) fn locked(name: &PackageName, package: &LockedPackage, docs: bool) -> Self {
        Self {
            name: name.clone(),
            version: package.version.clone(),
            architecture: package.architecture.clone(),
            suite: package.suite.to_string(),
            file: package.file.as_str().to_owned(),
            size: package.size,
            digest: package.sha256,
            docs,
        }
    }
}

/// A wheel and where it is installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WheelRecipe {
    /// The wheel.
    pub chosen: Chosen,
    /// The virtual environment.
    pub layout: EnvironmentLayout,
}

impl Recipe {
    /// The origin of every entry of the tree.
    pub fn origin(&self) -> Origin {
        match self {
            Self::Package(package) => Origin::Package {
                name: package.name.to_string(),
                version: package.version.to_string(),
                architecture: package.architecture.to_string(),
            },
            Self::Wheel(wheel) => Origin::Wheel {
                name: wheel.chosen.name.to_string(),
                version: wheel.chosen.version.to_string(),
            },
        }
    }

    /// How progress and errors call it: `libc6 2.41-12 (amd64)`, `anyio 4.16.0 (wheel)`.
    pub fn label(&self) -> String {
        match self {
            Self::Package(PackageRecipe { name, version, architecture, .. }) => {
                format!("{name} {version} ({architecture})")
            }
            Self::Wheel(wheel) => format!("{} {} (wheel)", wheel.chosen.name, wheel.chosen.version),
        }
    }

    /// The file's sha256 and, where a lock states it, its length in bytes.
    pub fn artifact(&self) -> (Digest, Option<u64>) {
        match self {
            Self::Package(package) => (package.digest, Some(package.size)),
            Self::Wheel(wheel) => (wheel.chosen.wheel.digest, wheel.chosen.wheel.size),
        }
    }
}
