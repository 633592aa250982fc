//! A flake's inputs, and which of them are known.
use invar_nix::{Evaluator, Position, Value};

use crate::lock::{FlakeLock, LockedInput};
use crate::read::written;

/// An input of a flake.
#[derive(Debug, Clone)]
pub struct Input {
    /// The name that the flake gives it.
    pub name: String,
    /// Its address, as `inputs.NAME.url` has it.
    pub url: Option<String>,
    /// The input that it follows.
    pub follows: Option<String>,
    /// The revision in `flake.lock`.
    pub revision: Option<String>,
    /// Which flake it is.
    pub kind: InputKind,
    /// Where it is written.
    pub place: Option<Position>,
}

/// The flakes that are known by name and meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum InputKind {
    /// nixpkgs, or its library alone.
    Nixpkgs,
    /// numtide's `flake-utils`.
    FlakeUtils,
    /// hercules-ci's `flake-parts`.
    FlakeParts,
    /// A list of systems.
    Systems,
    /// A list of Linux systems.
    SystemsLinux,
    /// `uv2nix`.
    Uv2nix,
    /// `pyproject.nix`.
    PyprojectNix,
    /// `build-system-pkgs`.
    BuildSystems,
    /// `nix2container`.
    Nix2container,
    /// `import-tree`.
    ImportTree,
    /// `blueprint`.
    Blueprint,
    /// Any other.
    Unknown,
}

/// The owner of lists of systems, whose names say which.
const SYSTEMS: &str = "nix-systems";

/// The names of repositories, in lower case, and which flake each is. Forks keep the name.
const KNOWN: [(&str, InputKind); 16] = [
    ("nixpkgs", InputKind::Nixpkgs),
    ("nixpkgs.lib", InputKind::Nixpkgs),
    ("devenv-nixpkgs", InputKind::Nixpkgs),
    ("flake-utils", InputKind::FlakeUtils),
    ("flake-parts", InputKind::FlakeParts),
    ("nix-systems", InputKind::Systems),
    ("uv2nix", InputKind::Uv2nix),
    ("pyproject.nix", InputKind::PyprojectNix),
    ("pyproject-nix", InputKind::PyprojectNix),
    ("build-system-pkgs", InputKind::BuildSystems),
    ("build-systems", InputKind::BuildSystems),
    ("pyproject-build-systems", InputKind::BuildSystems),
    ("nix2container", InputKind::Nix2container),
    ("import-tree", InputKind::ImportTree),
    ("blueprint", InputKind::Blueprint),
    ("systems", InputKind::Systems),
];

impl InputKind {
    /// The word that the preludes use.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Nixpkgs => "nixpkgs",
            Self::FlakeUtils => "flake-utils",
            Self::FlakeParts => "flake-parts",
            Self::Systems => "systems",
            Self::SystemsLinux => "systems-linux",
            Self::Uv2nix => "uv2nix",
            Self::PyprojectNix => "pyproject-nix",
            Self::BuildSystems => "build-systems",
            Self::Nix2container => "nix2container",
            Self::Blueprint => "blueprint",
            Self::ImportTree => "import-tree",
            Self::Unknown => "unknown",
        }
    }

    /// Which flake the input `name` with the address `url` is.
    pub(crate) fn find(name: &str, url: Option<&str>, locked: Option<&LockedInput>) -> Self {
        let url = url.map(str::to_ascii_lowercase);
        let locked = locked.map(|input| input.source.as_str()).filter(|source| !source.is_empty());
        // nixpkgs may be called anything, and a fork be an input of that name: its repository counts, then its name.
        match locked.or(url.as_deref()) {
            Some(source) => Self::of(source),
            None => Self::named(&name.to_ascii_lowercase()),
        }
    }

    fn named(repository: &str) -> Self {
        KNOWN.iter().find(|(name, _)| *name == repository).map_or(Self::Unknown, |(_, kind)| *kind)
    }

    /// Which flake an address names: `github:OWNER/REPOSITORY/…`, an address on the web that ends in both, or a name in
    /// Nix's registry.
    fn of(source: &str) -> Self {
        let address = source.split(['?', '#']).next().unwrap_or_default();
        let (scheme, rest) = address.split_once(':').unwrap_or(("flake", address));
        let rest = rest.strip_prefix("//").unwrap_or(rest);
        let parts: Vec<&str> = rest.split('/').filter(|part| !part.is_empty()).collect();
        let (owner, repository) = match (scheme, parts.as_slice()) {
            ("github" | "gitlab" | "sourcehut", [owner, repository, ..]) => (*owner, *repository),
            // A name of Nix's registry may have a branch.
            ("flake", [name, ..]) => ("", *name),
            (_, [_host, "f", owner, repository, ..]) => (*owner, *repository),
            (_, [_host, owner, repository, ..]) => (*owner, *repository),
            _ => return Self::Unknown,
        };
        match (owner, repository.strip_suffix(".git").unwrap_or(repository)) {
            (SYSTEMS, systems) if systems.ends_with("linux") => Self::SystemsLinux,
            (SYSTEMS, _) => Self::Systems,
            (_, repository) => Self::named(repository),
        }
    }
}

/// What the flake says of its inputs.
pub(crate) fn read_inputs(evaluator: &mut Evaluator, flake: &Value, lock: &FlakeLock) -> Vec<Input> {
    let Ok(Some(inputs)) = evaluator.select(flake, "inputs") else { return Vec::new() };
    let mut found = Vec::new();
    for (name, id) in evaluator.attributes(&inputs).unwrap_or_default() {
        let place =
            written(evaluator.attribute_place(&inputs, &name)).or_else(|| written(evaluator.span(id)));
        let value = evaluator.force(id).unwrap_or(Value::Null);
        let mut text = |field: &str| match &value {
            Value::Set(_) => match evaluator.select(&value, field) {
                Ok(Some(Value::String(text))) => Some(text.text.to_string()),
                _ => None,
            },
            _ => None,
        };
        let (url, follows) = (text("url"), text("follows"));
        let locked = lock.input(&name);
        // An input that follows another one is that one, and without a lock its last name determines which.
        let wanted = follows.as_deref().and_then(|path| path.rsplit('/').next()).unwrap_or(&name);
        let kind = InputKind::find(wanted, url.as_deref(), locked.as_ref());
        let revision = locked.and_then(|locked| locked.revision);
        found.push(Input { name: name.to_string(), url, follows, revision, kind, place });
    }
    found
}

/// The minor version of Python 3 that `python3` is in a nixpkgs of a branch, or of a time in seconds since 1970.
///
/// Releases: nixpkgs' release notes. Between them, the month in which the default changed on the unstable branch.
pub(crate) fn default_python(branch: Option<&str>, last_modified: Option<u64>) -> &'static str {
    const RELEASES: [(&str, &str); 8] = [
        ("22.05", "3.9"),
        ("22.11", "3.10"),
        ("23.05", "3.10"),
        ("23.11", "3.11"),
        ("24.05", "3.11"),
        ("24.11", "3.12"),
        ("25.05", "3.12"),
        ("25.11", "3.13"),
    ];
    const CHANGES: [(u64, &str); 3] =
        [(1_757_500_000, "3.13"), (1_727_700_000, "3.12"), (1_688_100_000, "3.11")];
    let released = branch.and_then(|branch| {
        RELEASES
            .iter()
            .find(|(release, _)| branch.contains(release) || branch.contains(&release.replace('.', "")))
    });
    match (released, last_modified) {
        (Some((_, python)), _) => python,
        (None, Some(time)) => {
            CHANGES.iter().find(|(since, _)| time >= *since).map_or("3.10", |(_, python)| python)
        }
        (None, None) => "3.13",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_are_known_by_repository_then_by_name() {
        for (name, url, expected) in [
            ("nixpkgs", Some("github:NixOS/nixpkgs/nixos-unstable"), InputKind::Nixpkgs),
            ("unstable", Some("github:nixos/nixpkgs"), InputKind::Nixpkgs),
            ("pkgs", Some("https://flakehub.com/f/NixOS/nixpkgs/0.1"), InputKind::Nixpkgs),
            ("nixpkgs", None, InputKind::Nixpkgs),
            ("utils", Some("github:numtide/flake-utils"), InputKind::FlakeUtils),
            ("parts", Some("github:hercules-ci/flake-parts"), InputKind::FlakeParts),
            ("systems", Some("github:nix-systems/default"), InputKind::Systems),
            ("systems", Some("github:nix-systems/default-linux"), InputKind::SystemsLinux),
            ("uv2nix", Some("github:pyproject-nix/uv2nix"), InputKind::Uv2nix),
            ("pyproject-nix", Some("github:pyproject-nix/pyproject.nix"), InputKind::PyprojectNix),
            ("builders", Some("github:pyproject-nix/build-system-pkgs"), InputKind::BuildSystems),
            ("n2c", Some("github:nlewo/nix2container"), InputKind::Nix2container),
            ("python", Some("github:cachix/nixpkgs-python"), InputKind::Unknown),
            ("hammer", Some("github:TyberiusPrime/uv2nix_hammer_overrides"), InputKind::Unknown),
            ("pkgs", Some("nixpkgs/nixos-23.11"), InputKind::Nixpkgs),
            ("pkgs", Some("flake:nixpkgs"), InputKind::Nixpkgs),
            ("pkgs", Some("git+https://example.org/nixos/nixpkgs.git?ref=x"), InputKind::Nixpkgs),
            ("lib", Some("github:nix-community/nixpkgs.lib"), InputKind::Nixpkgs),
            ("tree", Some("github:vic/import-tree"), InputKind::ImportTree),
            ("files", Some("path:./files"), InputKind::Unknown),
            ("other", Some("github:owner/other"), InputKind::Unknown),
            ("other", None, InputKind::Unknown),
        ] {
            assert_eq!(InputKind::find(name, url, None), expected, "{name} {url:?}");
        }
        let locked =
            LockedInput { source: "github:pyproject-nix/uv2nix".to_owned(), ..LockedInput::default() };
        assert_eq!(InputKind::find("anything", None, Some(&locked)), InputKind::Uv2nix);
    }

    #[test]
    fn python_is_the_channels() {
        for (branch, time, expected) in [
            (Some("nixos-24.05"), None, "3.11"),
            (Some("nixos-24.11-small"), Some(1), "3.12"),
            (Some("nixos-unstable"), Some(1_700_000_000), "3.11"),
            (None, Some(1_740_000_000), "3.12"),
            (None, Some(1_770_000_000), "3.13"),
            (None, None, "3.13"),
        ] {
            assert_eq!(default_python(branch, time), expected, "{branch:?} {time:?}");
        }
    }
}
