//! What a Dockerfile has for building Python packages from source, and what that says about those without wheels.
use std::collections::BTreeSet;

use invar_dockerfile::ImageReference;

use crate::distribution::Manager;
use crate::dockerfile::Reader;
use invar_python::COMPILER_PACKAGES;

/// Debian packages that a Dockerfile installs to build others.
#[derive(Debug, Default)]
pub(super) struct BuildPackages {
    /// Whether a base image of any stage brings compilers, or may do so.
    pub in_base: bool,
    /// Compilers and libraries' headers, by name.
    pub names: BTreeSet<String>,
}

/// What compiles: C, C++ and Rust.
const COMPILERS: [&str; 6] = ["build-essential", "cargo", "clang", "g++", "gcc", "rustc"];

impl BuildPackages {
    /// Remembers `name`, if it serves a build; headers only by their names in Debian.
    pub fn add(&mut self, manager: Manager, name: &str) {
        let compilers = ["build-base", "gcc-c++", "rust"];
        if COMPILERS.contains(&name) || manager == Manager::Apt && name.ends_with("-dev") {
            self.names.insert(name.to_owned());
        } else if compilers.contains(&name) {
            self.names.insert("gcc".to_owned());
        }
    }

    /// Looks at a base image: those of Python, Debian and others with `slim` in their tags bring no compilers.
    pub fn look_at(&mut self, image: &ImageReference) {
        self.in_base |= !is_bare(image);
    }

    fn has(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.names.contains(*name))
    }

    fn has_compiler(&self) -> bool {
        self.in_base || self.has(&COMPILERS)
    }

    fn headers(&self) -> impl Iterator<Item = &str> {
        let headers = self.names.iter().map(String::as_str).filter(|name| name.ends_with("-dev"));
        headers.filter(|name| !name.starts_with("python") && !COMPILER_PACKAGES.contains(name))
    }

    /// What one that is built from source may need.
    fn for_one(&self) -> BTreeSet<&str> {
        let mut packages = BTreeSet::from(COMPILER_PACKAGES);
        if self.has(&["build-essential", "g++"]) {
            packages.insert("g++");
        }
        if self.has(&["cargo", "rustc"]) {
            packages.insert("cargo");
        }
        packages.extend(self.headers());
        packages
    }
}

/// Whether an image has nothing but Python or a small system, so that its Dockerfile installs all that is needed.
pub(super) fn is_bare(image: &ImageReference) -> bool {
    let tag = image.tag.as_deref().unwrap_or_default();
    let is_small = tag.contains("slim") || tag.contains("alpine");
    match image.short_name() {
        "python" => is_small,
        // Those with a number alone have nothing but uv.
        "uv" => is_small || tag == "latest" || !tag.contains(|c: char| c.is_ascii_lowercase()),
        "alpine" | "debian" | "ubuntu" => true,
        _ => image.repository.contains("distroless"),
    }
}

impl Reader<'_> {
    /// What the Dockerfile has for builds, for whatever has no wheel.
    pub(super) fn add_build_packages(&mut self) {
        let build = std::mem::take(&mut self.build_packages);
        let packages = if build.has_compiler() { build.for_one() } else { BTreeSet::new() };
        self.draft.build_packages = Some(packages.into_iter().map(str::to_owned).collect());
    }
}
