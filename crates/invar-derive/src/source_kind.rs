//! Which files a manifest can be derived from.
use std::path::Path;

/// What a manifest is derived from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceKind {
    /// A Dockerfile.
    Dockerfile,
    /// A flake.
    Flake,
    /// The project itself: its `pyproject.toml`, and what its files show.
    Project,
}

/// The file that a project without any other source is derived from.
pub const PYPROJECT: &str = "pyproject.toml";

impl SourceKind {
    /// What the file at `path` is by its name. `Dockerfile.nix` is no flake.
    pub fn of(path: &Path) -> Self {
        let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        if name == PYPROJECT {
            return Self::Project;
        }
        if name.ends_with(".nix") && !is_dockerfile(&name) { Self::Flake } else { Self::Dockerfile }
    }
}

/// Whether people call a Dockerfile so: `Dockerfile`, `Dockerfile-nix`, `Containerfile.dev`, `web.Dockerfile`.
pub fn is_dockerfile(name: &str) -> bool {
    let name = name.to_lowercase();
    let usual = ["dockerfile", "containerfile"].iter().any(|usual| {
        let rest = name.strip_prefix(usual).map(|rest| rest.chars().next());
        matches!(rest, Some(None | Some('.' | '-' | '_'))) || name.ends_with(&format!(".{usual}"))
    });
    usual && !name.ends_with("ignore")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_apart_by_their_names() {
        for name in ["Dockerfile", "Dockerfile-nix", "Dockerfile.nix", "Containerfile.dev", "web.Dockerfile"]
        {
            assert!(
                is_dockerfile(name) && SourceKind::of(Path::new(name)) == SourceKind::Dockerfile,
                "{name}"
            );
        }
        for name in [".dockerignore", "Dockerfile.dockerignore", "docker-compose.yml", "dockerfiles"] {
            assert!(!is_dockerfile(name), "{name}");
        }
        for (name, kind) in [
            ("a/flake.nix", SourceKind::Flake),
            ("image.nix", SourceKind::Flake),
            ("image", SourceKind::Dockerfile),
            ("a/pyproject.toml", SourceKind::Project),
        ] {
            assert_eq!(SourceKind::of(Path::new(name)), kind, "{name}");
        }
    }
}
