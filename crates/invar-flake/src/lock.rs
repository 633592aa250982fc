//! `flake.lock`: which revision each input has, and which repository it is.
//!
//! Read are `nodes.*.inputs`, `original` and `locked` of version 5 to 7, as Nix writes them.
use std::collections::BTreeMap;

use serde::Deserialize;

/// Names that an input may follow before it is taken to be a circle.
const LONGEST_CHAIN: usize = 16;

/// What is read of a `flake.lock`.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct FlakeLock {
    #[serde(default)]
    nodes: BTreeMap<String, Node>,
    #[serde(default)]
    root: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Node {
    #[serde(default)]
    inputs: BTreeMap<String, Target>,
    #[serde(default)]
    original: Reference,
    #[serde(default)]
    locked: Reference,
}

/// The name of a node, or the path of inputs from the root that leads to it.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Target {
    Node(String),
    Follows(Vec<String>),
}

/// What a node says of its source.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Reference {
    owner: Option<String>,
    repo: Option<String>,
    id: Option<String>,
    url: Option<String>,
    #[serde(rename = "ref")]
    branch: Option<String>,
    rev: Option<String>,
    last_modified: Option<u64>,
}

/// What a lock says of one input.
#[derive(Debug, Clone, Default)]
pub(crate) struct LockedInput {
    /// `github:owner/repo` wherever it is hosted, the name in Nix's registry, or the address, in lower case.
    pub(crate) source: String,
    /// The branch or tag that the flake asked for.
    pub(crate) branch: Option<String>,
    /// The revision.
    pub(crate) revision: Option<String>,
    /// Seconds since 1970 of the revision's commit.
    pub(crate) last_modified: Option<u64>,
}

impl FlakeLock {
    /// Reads `text`; what is not a lock gives one without inputs.
    pub(crate) fn read(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }

    /// What it says of the flake's input `name`.
    pub(crate) fn input(&self, name: &str) -> Option<LockedInput> {
        let node = self.nodes.get(self.follow(&[name.to_owned()], 0)?)?;
        let source = match (&node.original, &node.locked) {
            (_, Reference { owner: Some(owner), repo: Some(repo), .. })
            | (Reference { owner: Some(owner), repo: Some(repo), .. }, _) => format!("github:{owner}/{repo}"),
            (Reference { url: Some(url), .. }, _) | (_, Reference { url: Some(url), .. }) => url.clone(),
            (Reference { id: Some(id), .. }, _) => id.clone(),
            _ => String::new(),
        };
        Some(LockedInput {
            source: source.to_ascii_lowercase(),
            branch: node.original.branch.clone(),
            revision: node.locked.rev.clone(),
            last_modified: node.locked.last_modified,
        })
    }

    /// The node that a path of inputs leads to from the root.
    fn follow(&self, path: &[String], depth: usize) -> Option<&str> {
        if depth > LONGEST_CHAIN {
            return None;
        }
        let mut node = if self.root.is_empty() { "root" } else { self.root.as_str() };
        for name in path {
            node = match self.nodes.get(node)?.inputs.get(name)? {
                Target::Node(name) => name,
                Target::Follows(path) => self.follow(path, depth + 1)?,
            };
        }
        Some(node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_are_followed() {
        let lock = FlakeLock::read(
            r#"{"nodes": {
                "nixpkgs_2": {"locked": {"owner": "NixOS", "repo": "nixpkgs", "rev": "abc", "lastModified": 1700000000},
                              "original": {"owner": "NixOS", "repo": "nixpkgs", "ref": "nixos-24.05"}},
                "uv2nix": {"inputs": {"nixpkgs": ["nixpkgs"]}, "original": {"id": "uv2nix", "type": "indirect"}},
                "loop": {},
                "root": {"inputs": {"nixpkgs": "nixpkgs_2", "uv2nix": "uv2nix", "pkgs": ["uv2nix", "nixpkgs"], "loop": ["loop"]}}
            }, "root": "root", "version": 7}"#,
        );
        let read = |name: &str| lock.input(name).map(|input| (input.source, input.branch, input.revision));
        let nixpkgs =
            Some(("github:nixos/nixpkgs".to_owned(), Some("nixos-24.05".to_owned()), Some("abc".to_owned())));
        assert_eq!(read("nixpkgs"), nixpkgs);
        assert_eq!(read("pkgs"), nixpkgs);
        assert_eq!(read("uv2nix"), Some(("uv2nix".to_owned(), None, None)));
        assert_eq!(read("loop"), None);
        assert_eq!(read("other"), None);
        assert!(FlakeLock::read("no lock").input("nixpkgs").is_none());
    }
}
